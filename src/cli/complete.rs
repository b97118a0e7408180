//! `fac __complete -- WORDS`: what the completion scripts ask at every press of the key.
//!
//! It walks the tree of subcommands and reads the name index; it opens neither the settings nor the database, and it
//! says nothing when something is wrong, because there is nobody to say it to. A line is `value<TAB>about`; the
//! line `:files` asks the shell for file names.

use std::ffi::OsString;
use std::io::Write;

use clap::{Arg, Command};
use serde_json::Value;

use super::args;
use crate::commands::names::{self, Name};
use crate::kernel::env::Env;
use crate::kernel::paths::Paths;
use crate::store::SourceKind;

/// Answers when the words ask for completion; `None` when they ask for something else.
pub(super) fn answer(words: &[OsString]) -> Option<u8> {
    if words.get(1)? != "__complete" {
        return None;
    }
    let skip = if words.get(2).is_some_and(|w| w == "--") { 3 } else { 2 };
    let given: Vec<String> = words[skip.min(words.len())..].iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let mut lines = candidates(&given);
    let mut seen = std::collections::HashSet::new();
    lines.retain(|l| seen.insert(l.value.clone()));
    let mut out = String::new();
    for line in lines {
        out.push_str(&line.value);
        if !line.about.is_empty() {
            out.push('\t');
            out.push_str(line.about.lines().next().unwrap_or(""));
        }
        out.push('\n');
    }
    // A shell that went away wants no answer.
    let _ = std::io::stdout().write_all(out.as_bytes());
    Some(0)
}

/// One thing that could be typed.
#[derive(Debug, PartialEq)]
struct Line {
    value: String,
    about: String,
}

fn line(value: impl Into<String>, about: impl Into<String>) -> Line {
    Line { value: value.into(), about: about.into() }
}

/// What could stand in place of the last word.
fn candidates(words: &[String]) -> Vec<Line> {
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.as_str(), before),
        None => ("", [].as_slice()),
    };
    let root = args::tree();
    let (command, rest, path) = descend(&root, before);
    if path.first().map(String::as_str) == Some("run") || (path.is_empty() && !rest.is_empty()) {
        return of_command(before, current, command, &rest);
    }
    if let Some(value_of) = awaited(command, &root, before) {
        return values(value_of, current);
    }
    if current.starts_with('-') {
        return flags(command, &root, current);
    }
    let mut lines: Vec<Line> = command
        .get_subcommands()
        .filter(|s| !s.is_hide_set() && s.get_name().starts_with(current))
        .map(|s| line(s.get_name(), s.get_about().map(ToString::to_string).unwrap_or_default()))
        .collect();
    if path.is_empty() {
        lines.extend(command_names("", current));
    } else {
        lines.extend(positional(&path, &rest, command, current));
    }
    lines
}

/// Follows the words into the tree: the subcommand reached, the words after it, and its path.
fn descend<'c>(root: &'c Command, words: &[String]) -> (&'c Command, Vec<String>, Vec<String>) {
    let (mut command, mut path, mut rest) = (root, Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            if takes_value(command, root, word) && !word.contains('=') {
                words.next();
            }
            continue;
        }
        match command.find_subcommand(word).filter(|_| rest.is_empty()) {
            Some(sub) => {
                command = sub;
                path.push(sub.get_name().to_string());
            }
            None => rest.push(word.clone()),
        }
    }
    (command, rest, path)
}

fn find_arg<'c>(command: &'c Command, root: &'c Command, word: &str) -> Option<&'c Arg> {
    let named = |a: &&Arg| match word.strip_prefix("--") {
        Some(long) => a.get_long() == Some(long.split('=').next().unwrap_or(long)),
        None => word.len() == 2 && a.get_short() == word.chars().nth(1),
    };
    command.get_arguments().chain(root.get_arguments()).find(named)
}

fn takes_value(command: &Command, root: &Command, word: &str) -> bool {
    find_arg(command, root, word).is_some_and(|a| a.get_action().takes_values())
}

/// The option whose value is being typed.
fn awaited<'c>(command: &'c Command, root: &'c Command, before: &[String]) -> Option<&'c Arg> {
    let last = before.last().filter(|w| w.starts_with('-') && !w.contains('='))?;
    find_arg(command, root, last).filter(|a| a.get_action().takes_values())
}

fn values(arg: &Arg, current: &str) -> Vec<Line> {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let fits = |v: &&clap::builder::PossibleValue| v.get_name().starts_with(current);
        return possible.iter().filter(fits).map(|v| line(v.get_name(), "")).collect();
    }
    match arg.get_id().as_str() {
        "source" | "from" => source_names(current),
        "command" => command_names("", current),
        "home" | "config" | "dir" => vec![line(":files", "")],
        _ => Vec::new(),
    }
}

fn flags(command: &Command, root: &Command, current: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for arg in command.get_arguments().chain(root.get_arguments().filter(|a| a.is_global_set())) {
        let Some(long) = arg.get_long().map(|l| format!("--{l}")).filter(|l| l.starts_with(current)) else { continue };
        lines.push(line(long, arg.get_help().map(ToString::to_string).unwrap_or_default()));
    }
    if "--help".starts_with(current) {
        lines.push(line("--help", "Print help"));
    }
    lines
}

/// Values of a subcommand's own words.
fn positional(path: &[String], rest: &[String], command: &Command, current: &str) -> Vec<Line> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["commands", "show" | "edit" | "export" | "bind"] => command_names(&rest.join(" "), current),
        ["source", "update" | "diff" | "trust" | "untrust" | "rm" | "info" | "pin"] => source_names(current),
        ["source", "add"] | ["commands", "check"] => vec![line(":files", "")],
        ["config", "get" | "set" | "unset"] if rest.is_empty() => crate::kernel::config::schema::KEYS
            .iter()
            .filter(|k| !k.is_family() && k.name.starts_with(current))
            .map(|k| line(k.name, k.help))
            .collect(),
        _ => {
            let arg = command.get_positionals().nth(rest.len());
            arg.map(|a| values(a, current)).unwrap_or_default()
        }
    }
}

/// The name index of this user, seen from this folder.
fn index(prefix: &str) -> Vec<Name> {
    let env = Env::from_process();
    let Ok(paths) = Paths::find(&env, None) else { return Vec::new() };
    let cwd = std::env::current_dir().unwrap_or_default();
    let folder = paths.project(&cwd).and_then(|p| p.commands_dir);
    let project = folder.map(|f| format!("{}:{}", SourceKind::Project.name(), f.display()));
    names::read(&paths.cache, prefix, project.as_deref())
}

/// Commands whose name goes on from `typed` with a word that begins with `current`: the next word, and what it leads to.
fn command_names(typed: &str, current: &str) -> Vec<Line> {
    if let Some((source, rest)) = current.split_once(':').filter(|_| typed.is_empty()) {
        let names = index("");
        let fits = |n: &&Name| n.source == source && n.name.starts_with(rest);
        return names.iter().filter(fits).map(|n| line(format!("{source}:{}", n.name), &n.summary)).collect();
    }
    let prefix = if typed.is_empty() { current.to_lowercase() } else { format!("{typed} {current}").to_lowercase() };
    let skip = if typed.is_empty() { 0 } else { typed.len() + 1 };
    let mut lines: Vec<Line> = Vec::new();
    for name in index(&prefix) {
        let word = name.name[skip..].split(' ').next().unwrap_or("");
        let whole = name.name.len() == skip + word.len();
        match lines.last_mut().filter(|l| l.value == word) {
            Some(last) if whole => last.about.clone_from(&name.summary),
            Some(last) if last.about.ends_with(" …") => {}
            Some(_) => {}
            None => lines.push(line(word, if whole { name.summary.clone() } else { format!("{} …", name.name) })),
        }
    }
    lines
}

fn source_names(current: &str) -> Vec<Line> {
    let mut names: Vec<String> = index("").into_iter().map(|n| n.source).filter(|s| s.starts_with(current)).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|n| line(n, "")).collect()
}

/// Completes `fac [run] NAME …`: the rest of the name, then the command's own parameters.
fn of_command(before: &[String], current: &str, command: &Command, rest: &[String]) -> Vec<Line> {
    if rest.is_empty() {
        if current.starts_with('-') {
            return flags(command, &args::tree(), current);
        }
        return command_names("", current);
    }
    let first = rest[0].split_once(':').map_or(rest[0].as_str(), |(_, name)| name).to_lowercase();
    let names = index(&first);
    let typed: Vec<String> = std::iter::once(first).chain(rest[1..].iter().map(|w| w.to_lowercase())).collect();
    let longest = (1..=typed.len()).rev().find_map(|n| {
        let name = typed[..n].join(" ");
        names.iter().find(|x| x.name == name).map(|x| (n, x))
    });
    let mut lines = command_names(&typed.join(" "), current);
    if let Some((used, name)) = longest {
        let at = before.iter().position(|w| *w == rest[0]).map_or(before.len(), |p| p + used);
        lines.extend(parameters(name, &before[at.min(before.len())..], current));
    }
    lines
}

fn parameters(name: &Name, given: &[String], current: &str) -> Vec<Line> {
    let all = name.params();
    let params: Vec<&Value> = all.as_array().map(|a| a.iter().collect()).unwrap_or_default();
    let text = |p: &Value, key: &str| p.get(key).and_then(Value::as_str).unwrap_or("").to_string();
    let is = |p: &Value, kinds: &[&str]| kinds.contains(&text(p, "k").as_str());
    let flag = |p: &Value| format!("--{}", text(p, "n"));
    let short = |p: &Value| p.get("s").and_then(Value::as_str).map(|s| format!("-{s}"));
    let names_it =
        |p: &&&Value, word: &str| is(p, &["option", "flag"]) && (flag(p) == word || short(p).as_deref() == Some(word));
    if let Some(option) =
        given.last().and_then(|w| params.iter().find(|p| names_it(p, w))).filter(|p| is(p, &["option"]))
    {
        return choices(option, current);
    }
    if current.starts_with('-') {
        let own = params.iter().filter(|p| is(p, &["option", "flag"]) && flag(p).starts_with(current));
        let mut lines: Vec<Line> = own.map(|p| line(flag(p), text(p, "h"))).collect();
        let ours = [("--help", "What it accepts"), ("--dry-run", "Print what would run"), ("--json", "Print JSON")];
        lines.extend(ours.iter().filter(|(f, _)| f.starts_with(current)).map(|(f, h)| line(*f, *h)));
        return lines;
    }
    let mut position = 0;
    let mut words = given.iter();
    while let Some(word) = words.next() {
        match params.iter().find(|p| names_it(p, word)) {
            Some(p) if is(p, &["option"]) => drop(words.next()),
            Some(_) => {}
            None if word.starts_with('-') => {}
            None => position += 1,
        }
    }
    let mut positional = params.iter().filter(|p| is(p, &["positional"]));
    let param = positional.nth(position).or_else(|| params.iter().find(|p| is(p, &["rest"])));
    param.map(|p| choices(p, current)).unwrap_or_default()
}

fn choices(param: &Value, current: &str) -> Vec<Line> {
    let listed: Vec<&str> =
        param.get("c").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if listed.is_empty() {
        return vec![line(":files", "")];
    }
    listed.into_iter().filter(|c| c.starts_with(current)).map(|c| line(c, "")).collect()
}
