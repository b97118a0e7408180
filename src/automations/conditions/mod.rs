//! `If:` of an automation: whether it holds, and the values it looked at.
//!
//! It fails closed: what cannot be judged does not hold, and says why. It sees `trigger`, `states`, `now`, `last_run` and
//! whatever else stands in the facts; it reaches nothing.

mod facts;
#[cfg(test)]
mod tests;
mod watched;

use minijinja::Value;
use serde_json::Value as Json;

pub use self::facts::{facts, moment};
use self::watched::Looked;
use crate::commands::expr;
use crate::kernel::error::{Error, Kind, Result};

/// The longest condition, bytes.
const LONGEST: usize = 10_000;

/// What came of a condition.
#[derive(Debug)]
pub struct Judged {
    /// Whether it holds; an error where that cannot be told, and then nothing may be done.
    pub holds: Result<bool>,
    /// What it looked at, in the order it did, each once: `trigger.payload` and its value. What is missing is null.
    pub seen: Vec<(String, Json)>,
}

impl Judged {
    /// Whether it holds for certain.
    pub fn is_met(&self) -> bool {
        matches!(self.holds, Ok(true))
    }
}

/// Judges a condition over `facts`, an object.
pub fn judge(expression: &str, facts: &Json) -> Judged {
    let looked = Looked::default();
    let holds = evaluate(expression, facts, &looked);
    Judged { holds, seen: looked.seen() }
}

fn evaluate(expression: &str, facts: &Json, looked: &Looked) -> Result<bool> {
    if expression.len() > LONGEST {
        return Err(Error::new(Kind::BadData, format!("a condition may have {LONGEST} bytes at most")));
    }
    let failed = |why: String| {
        Error::new(Kind::BadData, format!("the condition `{}` cannot be judged: {why}", expr::shown(expression)))
            .hint("it sees `trigger`, `states`, `now` and `last_run`; use `x is defined` for what may be missing")
    };
    let mut environment = expr::environment();
    for (name, value) in watched::functions(facts, looked) {
        environment.add_global(name, value);
    }
    let prepared = expr::prepared(expression).map_err(|e| failed(words(&e)))?;
    let compiled = expr::compile(&environment, &prepared).map_err(|e| failed(words(&e)))?;
    let found: Value = compiled.eval(watched::root(facts, looked)).map_err(|e| failed(words(&e)))?;
    match found.is_undefined() {
        true => Err(failed("what it asks for is not there".to_string())),
        false => Ok(found.is_true()),
    }
}

/// Why an expression cannot be read at all; `None` for one that can.
pub fn malformed(expression: &str) -> Option<String> {
    if expression.trim().is_empty() {
        return Some("it is empty".to_string());
    }
    let read = expr::prepared(expression).and_then(|text| expr::compile(&expr::environment(), &text).map(drop));
    read.err().map(|error| words(&error))
}

fn words(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), String::from)
}
