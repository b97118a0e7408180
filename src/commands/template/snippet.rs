//! Turns a tldr or navi snippet into a script that reads its values from environment variables.
//!
//! The text of a value never enters the script. Each placeholder becomes a reference to a variable in the quotes
//! its place asks for, so a value stays one word of data whatever it holds:
//!
//! | place | written |
//! |---|---|
//! | `cmd {{x}}`, `--a={{x}}`, `> {{x}}`, `A={{x}} cmd`, `$(cmd {{x}})` | `"${fac_x}"` |
//! | `"… {{x}} …"`, here-document with a plain end mark | `${fac_x}` |
//! | `'… {{x}} …'` | `'… '"${fac_x}"' …'` |
//! | `$'… {{x}} …'` (bash) | `$'… '"${fac_x}"$' …'` |
//! | a list `{{x1 x2 ...}}` that is a whole argument | `"${fac_x__1}" "${fac_x__2}"` |
//! | a list inside other text or quotes | `${fac_x__1} ${fac_x__2}`, one word |
//! | a comment | its own text, no value |
//!
//! Everything else is refused with the placeholder, its line and why: names of variables and functions, left
//! sides of assignments, arithmetic, `[[ ]]`, `${…}`, patterns in `[…]`, ranges in `{…}`, quoted here-documents, end
//! marks, and words that a program would parse again (`sh -c`, `eval`, `ssh HOST …`, `awk '…'`, `sed`, `watch`, …).
//! A `~` or a glob in a value is not expanded: who asks for the value does that.

use std::collections::BTreeMap;

use crate::commands::model::Syntax;
use crate::kernel::error::{Error, Kind};

use super::shell;
use super::slot::Snippet;

/// How a snippet is to be filled.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The shell that will run it: `sh`, `bash` or `dash` (empty means `sh`).
    pub lang: &'a str,
    /// Whether `{{[-s|--long]}}` gives the short form.
    pub short_options: bool,
    /// The number of words for each list parameter, by its name; 1 where it is silent.
    pub counts: &'a BTreeMap<String, usize>,
    /// Whether variables are called as the parameters are (`file`, for scripts that people read) rather than
    /// `fac_file`, which cannot collide with a variable that means something to a program. A list is one word then.
    pub bare_names: bool,
}

/// A script and the environment it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The text for the shell.
    pub script: String,
    /// One entry for each variable the script reads.
    pub vars: Vec<Var>,
}

/// A variable a filled script reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Var {
    /// The parameter whose value it carries.
    pub param: String,
    /// Which word of a list it carries, from 0.
    pub index: Option<usize>,
    /// The environment variable's name.
    pub env: String,
    /// Whether the value begins a word, so that one with a leading dash would be read as an option.
    pub leads: bool,
}

/// Why a placeholder cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The placeholder's text, without its brackets.
    pub placeholder: String,
    /// 1-based line in the snippet.
    pub line: usize,
    /// What its place is, as the end of a sentence that begins with the placeholder.
    pub reason: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the placeholder `{}` in line {} {}", self.placeholder, self.line, self.reason)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::new(Kind::Refused, format!("this snippet cannot be filled safely: {refusal}"))
            .hint("copy the snippet with `fac commands show`, put the value in by hand and run it in a shell")
    }
}

/// Fills `text`, a snippet in `syntax` (tldr or navi).
///
/// Refuses where a value could become part of the program, and for shells whose quoting it does not know.
pub fn fill(syntax: Syntax, text: &str, options: &Options<'_>) -> Result<Filled, Refusal> {
    let snippet = Snippet::parse(syntax, text);
    let bash = match options.lang {
        "" | "sh" | "dash" | "ash" | "shell" => false,
        "bash" => true,
        other => match snippet.slots.first() {
            None => false,
            Some(slot) => {
                return Err(Refusal {
                    placeholder: slot.raw.clone(),
                    line: 1,
                    reason: format!("stands in {other} text, and only sh and bash snippets can be filled"),
                });
            }
        },
    };
    let (script, vars) = shell::fill(&snippet, bash, options)?;
    Ok(Filled { script, vars })
}
