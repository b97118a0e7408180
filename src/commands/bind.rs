//! Typed words become values: the signature of a command applied to what a person (or a program) gave.
//!
//! It asks nobody and reads no file but to see that a `file` parameter is there. What is missing comes back
//! as a list, so that a caller with a terminal can ask for it.

use std::collections::BTreeMap;

use super::model::{Command, Param, ParamKind, ParamType};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::near::nearest;

/// What a command was given, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bound {
    /// Values by variable name, in signature order; flags are `true`.
    pub values: Vec<Value>,
    /// The words of the rest parameter, which reach scripts as argv.
    pub rest: Vec<String>,
    /// Whether those must never be shown or recorded.
    pub rest_is_secret: bool,
}

/// One parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The environment variable.
    pub var: String,
    /// Its text.
    pub text: String,
    /// Whether it must never be shown or recorded.
    pub secret: bool,
    /// Whether it stands for several words (a list in a snippet).
    pub words: Option<Vec<String>>,
}

impl Bound {
    /// The text of a variable.
    pub fn get(&self, var: &str) -> Option<&str> {
        self.values.iter().find(|v| v.var == var).map(|v| v.text.as_str())
    }
}

/// Words taken apart, before types are checked and defaults filled in.
#[derive(Clone, Debug, Default)]
pub struct Given {
    values: BTreeMap<String, Vec<String>>,
    rest: Vec<String>,
}

impl Given {
    /// Sets a value by parameter or variable name, as `--set name=value` does.
    pub fn set(&mut self, command: &Command, name: &str, value: &str) -> Result<()> {
        let Some(param) = command.param(name) else { return Err(unknown(command, name, false)) };
        if param.kind == ParamKind::Rest {
            self.rest.push(value.to_string());
        }
        self.values.entry(param.var.clone()).or_default().push(value.to_string());
        Ok(())
    }

    /// Adds a word to the rest.
    pub fn push_rest(&mut self, word: &str) {
        self.rest.push(word.to_string());
    }

    /// Puts something in the place of what must be given and is not, for a dry run: the first choice, or `<name>`.
    ///
    /// # Errors
    /// None that a well-formed command can cause.
    pub fn stand_in(&mut self, command: &Command, env: &dyn Fn(&str) -> Option<String>) -> Result<()> {
        let missing: Vec<Param> = self.missing(command, env).into_iter().cloned().collect();
        for param in missing.iter().filter(|p| p.kind != ParamKind::Rest) {
            let value = param.choices.first().cloned().unwrap_or_else(|| format!("<{}>", param.name));
            self.set(command, &param.var, &value)?;
        }
        Ok(())
    }

    /// Parameters that must be given and are not, in signature order.
    pub fn missing<'c>(&self, command: &'c Command, env: &dyn Fn(&str) -> Option<String>) -> Vec<&'c Param> {
        let absent = |p: &&Param| match p.kind {
            ParamKind::Rest => self.rest.is_empty(),
            _ => !self.values.contains_key(&p.var) && env(&p.var).is_none(),
        };
        command.params.iter().filter(|p| p.required && p.default.is_none()).filter(absent).collect()
    }
}

/// Takes typed words apart by the signature: options, flags, positions, rest. Checks no type yet.
pub fn take_apart(command: &Command, words: &[String]) -> Result<Given> {
    take_apart_with(command, words, &|_| false)
}

/// The same where `is_data` tells, by number, which words are values that must not be read as options.
pub fn take_apart_with(command: &Command, words: &[String], is_data: &dyn Fn(usize) -> bool) -> Result<Given> {
    let count = words.len();
    let mut given = Given::default();
    let positional: Vec<&Param> = command.params.iter().filter(|p| p.kind == ParamKind::Positional).collect();
    let rest = command.params.iter().find(|p| p.kind == ParamKind::Rest);
    let (mut position, mut options_over) = (0, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let data = options_over || is_data(count - words.len() - 1);
        if !data && word == "--" {
            options_over = true;
        } else if !data && looks_like_option(word) && !belongs_to_rest(command, word, position >= positional.len()) {
            take_option(command, word, &mut words, &mut given)?;
        } else if let Some(param) = positional.get(position) {
            given.values.entry(param.var.clone()).or_default().push(word.clone());
            position += 1;
        } else if rest.is_some() {
            given.rest.push(word.clone());
        } else if let Some(param) = next_option_for(command, &given) {
            // Snippets name their values; a bare word fills the next one that is still open.
            given.values.entry(param.var.clone()).or_default().push(word.clone());
        } else {
            let said = format!("`{}` takes no further argument, but got `{word}`", command.name);
            return Err(Error::new(Kind::Usage, said).hint(format!("usage: {}", usage(command))));
        }
    }
    Ok(given)
}

fn looks_like_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-') && !word[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.')
}

/// Whether an option nobody declared is one of the rest words (`fac retry ls --all`), and no typing mistake.
fn belongs_to_rest(command: &Command, word: &str, positions_full: bool) -> bool {
    let takes_rest = command.params.iter().any(|p| p.kind == ParamKind::Rest);
    if !takes_rest || !positions_full || is_known(command, word) {
        return false;
    }
    let name = word.trim_start_matches('-').split('=').next().unwrap_or("");
    let named = command.params.iter().filter(|p| matches!(p.kind, ParamKind::Option | ParamKind::Flag));
    name.chars().count() < 3 || nearest(name, named.map(|p| p.name.as_str())).is_none()
}

fn is_known(command: &Command, word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => find_long(command, long.split('=').next().unwrap_or("")).is_some(),
        None => word.chars().nth(1).is_some_and(|c| find_short(command, c).is_some()),
    }
}

fn find_long<'c>(command: &'c Command, name: &str) -> Option<&'c Param> {
    let named = |p: &&Param| matches!(p.kind, ParamKind::Option | ParamKind::Flag);
    command.params.iter().filter(named).find(|p| p.name == name || p.name.replace('_', "-") == name)
}

fn find_short(command: &Command, letter: char) -> Option<&Param> {
    command.params.iter().find(|p| p.short == Some(letter))
}

/// Required options of a snippet that have no value yet, in order.
fn next_option_for<'c>(command: &'c Command, given: &Given) -> Option<&'c Param> {
    let snippet = command.steps.iter().any(|s| s.kind == super::model::StepKind::Snippet);
    let open = |p: &&Param| p.kind == ParamKind::Option && !given.values.contains_key(&p.var);
    command.params.iter().filter(|_| snippet).find(open)
}

fn take_option(
    command: &Command,
    word: &str,
    words: &mut std::slice::Iter<'_, String>,
    given: &mut Given,
) -> Result<()> {
    let Some(long) = word.strip_prefix("--") else { return take_shorts(command, word, words, given) };
    let (name, mut inline) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value.to_string())),
        None => (long, None),
    };
    let mut negated = false;
    let param = match find_long(command, name) {
        Some(param) => param,
        None => match name.strip_prefix("no-").and_then(|n| find_long(command, n)) {
            Some(param) if param.kind == ParamKind::Flag => {
                negated = true;
                param
            }
            _ => return Err(unknown(command, name, true)),
        },
    };
    let values = given.values.entry(param.var.clone()).or_default();
    if param.kind == ParamKind::Flag {
        values.push(inline.take().unwrap_or_else(|| (!negated).to_string()));
        return Ok(());
    }
    let value = inline.or_else(|| words.next().cloned()).ok_or_else(|| no_value(command, param))?;
    values.push(value);
    Ok(())
}

/// `-n 3`, `-n3`, `-abc`.
fn take_shorts(
    command: &Command,
    word: &str,
    words: &mut std::slice::Iter<'_, String>,
    given: &mut Given,
) -> Result<()> {
    let letters = word.char_indices().skip(1);
    for (at, letter) in letters {
        let param = find_short(command, letter).ok_or_else(|| unknown(command, &letter.to_string(), true))?;
        let values = given.values.entry(param.var.clone()).or_default();
        if param.kind == ParamKind::Flag {
            values.push("true".to_string());
            continue;
        }
        let attached = word[at + letter.len_utf8()..].trim_start_matches('=');
        let value = if attached.is_empty() { words.next().cloned() } else { Some(attached.to_string()) };
        values.push(value.ok_or_else(|| no_value(command, param))?);
        return Ok(());
    }
    Ok(())
}

fn no_value(command: &Command, param: &Param) -> Error {
    Error::new(Kind::Usage, format!("`--{}` needs a value", param.name)).hint(format!("usage: {}", usage(command)))
}

fn unknown(command: &Command, name: &str, option: bool) -> Error {
    let written = if option && name.chars().count() == 1 { format!("-{name}") } else { format!("--{name}") };
    let written = if option { written } else { name.to_string() };
    let error = Error::new(Kind::Usage, format!("`{}` has no parameter `{written}`", command.name));
    let names = command.params.iter().map(|p| p.name.as_str());
    match nearest(name, names) {
        Some(near) => {
            let dashes = if option { "--" } else { "" };
            error.hint(format!("did you mean `{dashes}{near}`? usage: {}", usage(command)))
        }
        None if option => {
            error.hint(format!("put `--` before words that begin with a dash; usage: {}", usage(command)))
        }
        None => error.hint(format!("usage: {}", usage(command))),
    }
}

/// Checks what was given and fills in defaults. `env` answers for parameters whose dialect reads the caller's
/// environment; it should answer `None` for the others.
pub fn check(command: &Command, given: &Given, env: &dyn Fn(&str) -> Option<String>) -> Result<Bound> {
    if let Some(param) = given.missing(command, env).first() {
        let said = match param.kind {
            ParamKind::Option => format!("`{}` needs `--{}`", command.name, param.name),
            _ => format!("`{}` needs <{}>", command.name, param.name),
        };
        return Err(Error::new(Kind::Usage, said).hint(format!("usage: {}", usage(command))));
    }
    let rest_is_secret = command.params.iter().any(|p| p.kind == ParamKind::Rest && p.ty == ParamType::Secret);
    let mut bound = Bound { values: Vec::new(), rest: given.rest.clone(), rest_is_secret };
    for word in &bound.rest {
        refuse_nul(word, "an argument")?;
    }
    for param in command.params.iter().filter(|p| p.kind != ParamKind::Rest) {
        let from_env = || env(&param.var).map(|v| vec![v]);
        let from_default = || param.default.clone().map(|v| vec![v]);
        let Some(values) = given.values.get(&param.var).cloned().or_else(from_env).or_else(from_default) else {
            continue;
        };
        if let Some(value) = value(command, param, values)? {
            bound.values.push(value);
        }
    }
    Ok(bound)
}

/// The same for a dry run: what is missing is left out, and a stand-in need not be of its type.
pub fn check_loosely(command: &Command, given: &Given, env: &dyn Fn(&str) -> Option<String>) -> Result<Bound> {
    let mut loose = command.clone();
    for param in &mut loose.params {
        param.required = false;
        let stand_in = format!("<{}>", param.name);
        if given.values.get(&param.var).is_some_and(|v| v.contains(&stand_in)) {
            param.ty = ParamType::Text;
        }
    }
    check(&loose, given, env)
}

fn value(command: &Command, param: &Param, given: Vec<String>) -> Result<Option<Value>> {
    let secret = param.ty == ParamType::Secret;
    if param.multiple && given.len() > 1 {
        for word in &given {
            check_one(command, param, word)?;
        }
        let text = given.join(" ");
        return Ok(Some(Value { var: param.var.clone(), text, secret, words: Some(given) }));
    }
    let text = given.into_iter().next_back().unwrap_or_default();
    check_one(command, param, &text)?;
    if param.kind == ParamKind::Flag {
        let on = matches!(text.as_str(), "true" | "yes" | "on" | "1");
        return Ok(on.then(|| Value { var: param.var.clone(), text: "true".to_string(), secret, words: None }));
    }
    let words = param.multiple.then(|| vec![text.clone()]);
    Ok(Some(Value { var: param.var.clone(), text, secret, words }))
}

fn check_one(command: &Command, param: &Param, text: &str) -> Result<()> {
    refuse_nul(text, &format!("`{}`", param.name))?;
    if !param.choices.is_empty() && !param.choices.iter().any(|c| c == text) {
        let list = param.choices.join(", ");
        let hint = match nearest(text, param.choices.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? the choices are {list}"),
            None => format!("the choices are {list}"),
        };
        let shown = if param.ty == ParamType::Secret { "***" } else { text };
        return Err(Error::new(Kind::Usage, format!("`{}` cannot be `{shown}`", param.name)).hint(hint));
    }
    let wanted = match param.ty {
        ParamType::Integer if text.parse::<i64>().is_err() => "a whole number",
        ParamType::Number if text.parse::<f64>().is_err() => "a number",
        ParamType::Bool if !matches!(text, "true" | "false" | "yes" | "no" | "on" | "off" | "1" | "0") => {
            "true or false"
        }
        ParamType::File if std::fs::metadata(text).map(|m| m.is_file()).ok() != Some(true) => "a file that exists",
        _ => return Ok(()),
    };
    let shown = if param.ty == ParamType::Secret { "***" } else { text };
    let said = format!("`{}` must be {wanted}, not `{shown}`", param.name);
    Err(Error::new(Kind::Usage, said).hint(format!("usage: {}", usage(command))))
}

fn refuse_nul(text: &str, what: &str) -> Result<()> {
    if text.contains('\0') {
        let error = Error::new(Kind::Usage, format!("{what} holds a NUL, which no program can be given"));
        return Err(error.hint("write the data to a file and give its path, or pass it on stdin"));
    }
    Ok(())
}

/// The usage line of a command: `release <version> [--channel stable|beta] [--dry-run] [files...]`.
pub fn usage(command: &Command) -> String {
    let mut out = command.name.clone();
    for param in &command.params {
        let choices = param.choices.join("|");
        let value = if choices.is_empty() { format!("<{}>", param.name) } else { choices };
        let word = match (param.kind, param.required) {
            (ParamKind::Positional, true) => value,
            (ParamKind::Positional, false) => format!("[{}]", value.trim_matches(['<', '>'])),
            (ParamKind::Option, true) => format!("--{} {value}", param.name),
            (ParamKind::Option, false) => format!("[--{} {value}]", param.name),
            (ParamKind::Flag, _) => format!("[--{}]", param.name),
            (ParamKind::Rest, true) => format!("<{}...>", param.name),
            (ParamKind::Rest, false) => format!("[{}...]", param.name),
        };
        out.push(' ');
        out.push_str(&word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dialect::native::parse_signature;
    use crate::commands::model::Dialect;

    fn command(signature: &str) -> Command {
        let read = parse_signature(signature);
        let mut command = Command::new(Dialect::Native, read.name);
        command.params = read.params;
        command
    }

    fn bind(signature: &str, words: &[&str]) -> Result<String> {
        let command = command(signature);
        let words: Vec<String> = words.iter().map(|w| w.to_string()).collect();
        let bound = check(&command, &take_apart(&command, &words)?, &|_| None)?;
        let values: Vec<String> = bound.values.iter().map(|v| format!("{}={}", v.var, v.text)).collect();
        Ok(format!("{} | {}", values.join(" "), bound.rest.join(" ")))
    }

    const RELEASE: &str = "/release <version> [channel=stable|beta] [--dry-run] [-n|--count=1] [files...]";

    #[test]
    fn words_become_values_in_every_way_of_writing() {
        for (words, want) in [
            (vec!["1.0"], "version=1.0 channel=stable count=1 | "),
            (vec!["1.0", "--channel", "beta", "a", "b"], "version=1.0 channel=beta count=1 | a b"),
            (vec!["--channel=beta", "--dry-run", "1.0"], "version=1.0 channel=beta dry_run=true count=1 | "),
            (vec!["-n3", "1.0"], "version=1.0 channel=stable count=3 | "),
            (vec!["-n", "3", "1.0", "--", "--dry-run"], "version=1.0 channel=stable count=3 | --dry-run"),
            (vec!["1.0", "x", "--weird"], "version=1.0 channel=stable count=1 | x --weird"),
            (vec!["-1.0"], "version=-1.0 channel=stable count=1 | "),
            (vec!["--no-dry-run", "v"], "version=v channel=stable count=1 | "),
        ] {
            assert_eq!(bind(RELEASE, &words).unwrap(), want, "{words:?}");
        }
    }

    #[test]
    fn mistakes_say_what_to_do() {
        let error = |words: &[&str]| {
            let e = bind(RELEASE, words).unwrap_err();
            assert_eq!(e.kind(), Kind::Usage);
            format!("{} / {}", e.message(), e.way_forward().unwrap_or(""))
        };
        let usage = "release <version> [--channel stable|beta] [--dry-run] [--count <count>] [files...]";
        assert_eq!(error(&[]), format!("`release` needs <version> / usage: {usage}"));
        assert!(error(&["1", "--channel", "betta"]).starts_with("`channel` cannot be `betta` / did you mean `beta`?"));
        assert!(error(&["--chanel", "beta"]).contains("did you mean `--channel`?"));
        assert!(error(&["1", "--channel"]).starts_with("`--channel` needs a value"));
        assert!(error(&["a\0b"]).contains("NUL"));
        assert!(error(&["1", "--chanel", "beta"]).contains("did you mean `--channel`?"), "also where a rest is");
        let none = bind("/x <a>", &["1", "2"]).unwrap_err();
        assert_eq!(none.message(), "`x` takes no further argument, but got `2`");
    }

    #[test]
    fn types_are_checked() {
        let mut command = command("/x <n>");
        command.params[0].ty = ParamType::Integer;
        let given = take_apart(&command, &["three".to_string()]).unwrap();
        let error = check(&command, &given, &|_| None).unwrap_err();
        assert_eq!(error.message(), "`n` must be a whole number, not `three`");
    }

    proptest::proptest! {
        #[test]
        fn positional_values_arrive_as_they_are(value in "\\PC{0,40}") {
            proptest::prop_assume!(!value.starts_with('-'));
            let bound = bind("/x <a>", &[&value]).unwrap();
            assert_eq!(bound, format!("a={value} | "));
        }
    }
}
