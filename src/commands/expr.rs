//! Conditions: `if=` of a step and `If:` of a command, as minijinja expressions.
//!
//! Strict (an unknown name is an error, never silently false) and with fuel, so that no condition runs for ever.
//! A condition sees the parameters by name, `args`, `env`, `steps` and `os`; it cannot reach anything else.

mod order;
mod product;
mod words;

use std::borrow::Cow;

use minijinja::{Environment, ErrorKind, Expression, UndefinedBehavior, Value};

use crate::kernel::error::{Error, Kind, Result};

/// Instructions one condition may take.
const FUEL: u64 = 50_000;

/// So much of a condition is told, bytes.
const SHOWN: usize = 300;

/// The longest text that a condition may make, bytes.
const LONGEST: usize = 1 << 20;

/// The most parts that a condition may join: each may stand in the one before, and whoever reads it goes as deep.
const MOST_JOINTS: usize = 500;

/// Evaluates `expression` over `context` (a JSON object); an error is a condition that cannot be judged.
pub fn holds(expression: &str, context: &serde_json::Value) -> Result<bool> {
    evaluate(expression, context).map(|value| value.is_true())
}

/// What every condition is judged in: strict, with fuel, and with what only looks at values.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    minijinja_builtins(&mut environment);
    order::add_functions(&mut environment);
    environment
}

/// A condition as it is to be given to [`compile`]: what is compared in it is looked at first. What could make texts of any
/// size in one step is refused: fuel counts steps alone.
///
/// # Errors
/// Why it cannot be read.
pub fn prepared(expression: &str) -> std::result::Result<Cow<'_, str>, minijinja::Error> {
    if words::joints(expression) > MOST_JOINTS {
        let said = format!("it joins more than {MOST_JOINTS} parts");
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, said));
    }
    if let Err(said) = product::of_numbers(expression) {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, said));
    }
    order::with_calls(expression)
}

/// Reads a condition that is [`prepared`].
///
/// # Errors
/// Why it cannot be read.
pub fn compile<'e>(
    environment: &'e Environment<'_>,
    prepared: &'e str,
) -> std::result::Result<Expression<'e, 'e>, minijinja::Error> {
    environment.compile_expression(prepared)
}

/// A condition as errors tell it: not all of one that has no end.
pub fn shown(expression: &str) -> Cow<'_, str> {
    match expression.len() > SHOWN {
        true => Cow::Owned(format!("{}…", &expression[..expression.floor_char_boundary(SHOWN)])),
        false => Cow::Borrowed(expression),
    }
}

/// As minijinja's own, for texts that stay within bounds.
fn replace(text: Cow<'_, str>, from: Cow<'_, str>, to: Cow<'_, str>) -> std::result::Result<String, minijinja::Error> {
    let times = text.matches(&*from).count();
    if times.saturating_mul(to.len()).saturating_add(text.len()) > LONGEST {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "`replace` would make too long a text"));
    }
    Ok(text.replace(&*from, &to))
}

fn evaluate(expression: &str, context: &serde_json::Value) -> Result<Value> {
    let environment = environment();
    let failed = |e: minijinja::Error| {
        let why = e.detail().map_or_else(|| e.kind().to_string(), String::from);
        Error::new(Kind::BadData, format!("the condition `{}` cannot be judged: {why}", shown(expression)))
            .hint("it sees the parameters by name, `env`, `steps` and `os`; use `x is defined` for what may be missing")
    };
    let prepared = prepared(expression).map_err(failed)?;
    let compiled = compile(&environment, &prepared).map_err(failed)?;
    compiled.eval(value_of(context)).map_err(failed)
}

fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(b) => Value::from(*b),
        serde_json::Value::Number(n) => match n.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(n.as_f64().unwrap_or(0.0)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(list) => Value::from(list.iter().map(value_of).collect::<Vec<_>>()),
        serde_json::Value::Object(map) => Value::from_pairs(map.iter().map(|(k, v)| (k.clone(), value_of(v)))),
    }
}

/// The filters and tests that only look at values.
fn minijinja_builtins(environment: &mut Environment<'_>) {
    use minijinja::{filters, tests};
    environment.add_filter("lower", filters::lower);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("default", filters::default);
    environment.add_filter("replace", replace);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("none", tests::is_none);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_see_values_and_nothing_else() {
        let context = json!({"channel": "beta", "n": "3", "steps": {"a": {"exit_code": 0, "stdout": "yes\n"}}});
        for (expression, want) in [
            ("channel == 'beta'", true),
            ("n|int > 4", false),
            ("steps.a.exit_code == 0 and steps.a.stdout|trim == 'yes'", true),
            ("quick is defined", false),
            ("channel in ['stable', 'beta']", true),
        ] {
            assert_eq!(holds(expression, &context).unwrap(), want, "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_an_error_and_never_false() {
        for bad in ["nothing == 1", "channel ==", "range(1000000)", "", "{{ x }}"] {
            assert_eq!(holds(bad, &json!({})).unwrap_err().kind(), Kind::BadData, "{bad}");
        }
    }

    #[test]
    fn no_condition_makes_texts_of_any_size() {
        let context = json!({"x": "xxxxxxxxxx".repeat(1000), "n": 1_000_000});
        for bad in [
            "'x' * 90000000 == 'y'",
            "x * n == 'y'",
            "(1,) * 90000000 == 1",
            "x|replace('x', x)|replace('x', x) == 'y'",
        ] {
            let error = holds(bad, &context).unwrap_err();
            let said = error.full_message();
            assert!(said.contains("`*` is for numbers") || said.contains("too long a text"), "{bad}: {said}");
        }
        assert!(holds("x|replace('x', 'y')|length == n|int / 100", &context).unwrap());
        assert!(holds("n|float * 1.8 + 32 > 100", &context).unwrap());
    }

    proptest::proptest! {
        #[test]
        fn any_condition_is_judged_or_refused(text in ".{0,40}") {
            let _ = holds(&text, &json!({"a": 1}));
        }
    }
}
