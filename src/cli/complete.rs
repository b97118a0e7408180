//! `fac __complete -- WORDS`: what the completion scripts ask at every press of the key.
//!
//! It walks the tree of subcommands and reads the name index; it looks into the settings only for the names of MCP
//! servers, and into the database only for chats and models ([`chats`]), automations and jobs ([`work`]). It says nothing when something is wrong,
//! because there is nobody to say it to. A line is `value<TAB>about`; the
//! line `:files` asks the shell for file names. No line holds a control character: what cannot be typed is not offered.
//!
//! Bash alone hands over its line instead, `fac __complete --bash BREAKS LINE`, because it takes words apart at colons
//! and equal signs; it gets back the text to insert, quoted as the place asks ([`bash`]).

mod bash;
mod chats;
mod work;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Arg, Command};
use serde_json::Value;

use super::args;
use crate::commands::names::{self, Name, Names};
use crate::exec::{Interpreters, code};
use crate::kernel::config::{self, Config};
use crate::kernel::env::Env;
use crate::kernel::paths::Paths;
use crate::kernel::terminal::safe_line;
use crate::plugins::places;
use crate::store::SourceKind;

/// Answers when the words ask for completion; `None` when they ask for something else.
pub(super) fn answer(words: &[OsString]) -> Option<u8> {
    if words.get(1)? != "__complete" {
        return None;
    }
    let text = |w: &OsString| w.to_string_lossy().into_owned();
    let mut out = String::new();
    if words.get(2).is_some_and(|w| w == "--bash") {
        let typed = bash::Typed::read(&words.get(4).map(text).unwrap_or_default(), &words.get(3).map(text)?);
        let lines = lines(typed.words.get(1..).unwrap_or_default());
        lines.iter().for_each(|line| out.push_str(&format!("{}\n", typed.insertion(&line.value))));
    } else {
        let skip = if words.get(2).is_some_and(|w| w == "--") { 3 } else { 2 };
        let given: Vec<String> = words[skip.min(words.len())..].iter().map(text).collect();
        for line in lines(&given) {
            let tab = if line.about.is_empty() { "" } else { "\t" };
            out.push_str(&format!("{}{tab}{}\n", line.value, line.about));
        }
    }
    // A shell that went away wants no answer.
    let _ = std::io::stdout().write_all(out.as_bytes());
    Some(0)
}

/// Asks the shell for file names.
const FILES: &str = ":files";

/// One thing that could be typed.
#[derive(Debug, PartialEq)]
struct Line {
    value: String,
    about: String,
}

fn line(value: impl Into<String>, about: impl Into<String>) -> Line {
    Line { value: value.into(), about: about.into() }
}

/// The candidates, each once, without those that would put a control character on a terminal. File names are asked
/// for only where nothing else fits.
fn lines(words: &[String]) -> Vec<Line> {
    let mut lines = candidates(words);
    let mut seen = std::collections::HashSet::new();
    lines.retain(|l| !l.value.is_empty() && safe_line(&l.value) == l.value && seen.insert(l.value.clone()));
    if lines.iter().any(|l| l.value != FILES) {
        lines.retain(|l| l.value != FILES);
    }
    for line in &mut lines {
        line.about = safe_line(&line.about).replace('\t', " ");
    }
    lines
}

/// What could stand in place of the last word.
fn candidates(words: &[String]) -> Vec<Line> {
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.as_str(), before),
        None => ("", [].as_slice()),
    };
    if let Some(at) = before.iter().position(|w| !w.starts_with('-')).filter(|at| before[*at] == "help") {
        return candidates(&words[at + 1..]);
    }
    let root = args::tree_of(before);
    let (command, rest, path) = descend(&root, before);
    let names = Index { home: home(before) };
    if path.first().map(String::as_str) == Some("run") || (path.is_empty() && !rest.is_empty()) {
        return of_command(&names, before, current, command, &rest);
    }
    if path == ["jobs", "import"] && !rest.is_empty() {
        return of_command(&names, before, current, command, &rest[1..]);
    }
    if let Some(value_of) = awaited(command, &root, before) {
        return values(&names, value_of, current);
    }
    if let Some((flag, value)) = current.split_once('=').filter(|_| current.starts_with("--")) {
        let arg = find_arg(command, &root, flag).filter(|a| a.get_action().takes_values());
        let found = arg.map(|a| values(&names, a, value)).unwrap_or_default();
        return found.into_iter().map(|l| behind(flag, l)).collect();
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
        if "help".starts_with(current) {
            lines.push(line("help", "What a subcommand or a command accepts"));
        }
        lines.extend(command_names(&names, "", current));
    } else {
        lines.extend(positional(&names, &path, &rest, command, current));
    }
    lines
}

/// A value as the rest of `--flag=`.
fn behind(flag: &str, mut line: Line) -> Line {
    if line.value != FILES {
        line.value = format!("{flag}={}", line.value);
    }
    line
}

/// The folder that `--home` names among the words.
fn home(words: &[String]) -> Option<PathBuf> {
    let mut words = words.iter().take_while(|w| *w != "--");
    while let Some(word) = words.next() {
        match word.strip_prefix("--home") {
            Some("") => return words.next().map(PathBuf::from),
            Some(rest) if rest.starts_with('=') => return Some(PathBuf::from(&rest[1..])),
            _ => {}
        }
    }
    None
}

/// Follows the words into the tree: the subcommand reached, the words after it, and its path.
pub(super) fn descend<'c>(root: &'c Command, words: &[String]) -> (&'c Command, Vec<String>, Vec<String>) {
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

fn values(names: &Index, arg: &Arg, current: &str) -> Vec<Line> {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let fits = |v: &&clap::builder::PossibleValue| v.get_name().starts_with(current);
        return possible.iter().filter(fits).map(|v| line(v.get_name(), "")).collect();
    }
    match arg.get_id().as_str() {
        "source" | "from" => names.sources(current),
        "command" => command_names(names, "", current),
        "automation" | "automations" => work::automations(names.home.as_deref(), current),
        "batch" => work::batches(names.home.as_deref(), current),
        "job" | "jobs" => work::jobs(names.home.as_deref(), current),
        "session" | "sessions" => chats::sessions(names.home.as_deref(), current),
        "entity" | "entities" => names.entities(current),
        "model" | "models" => chats::models(names.home.as_deref(), current),
        "language" => languages(current),
        "read" | "write" => vec![line(FILES, "")],
        "home" | "config" | "dir" | "file" | "files" | "attachments" | "output" => vec![line(FILES, "")],
        _ => Vec::new(),
    }
}

/// The languages that run here, and by what.
fn languages(current: &str) -> Vec<Line> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let known = code::languages(&Interpreters::default(), &path).into_iter();
    let here = known.filter(|one| one.name.starts_with(current) && !one.programs.is_empty());
    here.map(|one| line(one.name, one.programs[0].display().to_string())).collect()
}

fn flags(command: &Command, root: &Command, current: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    // How to ask for help comes last.
    let own = command.get_arguments().filter(|a| a.get_id() != "help");
    for arg in own.chain(root.get_arguments().filter(|a| a.is_global_set())) {
        let Some(long) = arg.get_long().map(|l| format!("--{l}")).filter(|l| l.starts_with(current)) else { continue };
        lines.push(line(long, arg.get_help().map(ToString::to_string).unwrap_or_default()));
    }
    if "--help".starts_with(current) {
        lines.push(line("--help", "Print help"));
    }
    lines
}

/// Values of a subcommand's own words.
fn positional(names: &Index, path: &[String], rest: &[String], command: &Command, current: &str) -> Vec<Line> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["commands", "show" | "edit" | "export" | "bind"] => command_names(names, &rest.join(" "), current),
        ["source", "update" | "diff" | "trust" | "untrust" | "rm" | "info" | "pin"] => names.sources(current),
        ["mcp", "tools" | "call" | "enable" | "disable" | "rm"] if rest.is_empty() => names.servers(current),
        ["plugin", "show" | "test" | "enable" | "disable" | "rm" | "log"] if rest.is_empty() => names.plugins(current),
        ["source", "add"] | ["commands", "check"] | ["plugin", "install"] => vec![line(FILES, "")],
        ["sessions", "branch"] if rest.len() == 1 => chats::messages(names.home.as_deref(), &rest[0], current),
        ["config", "get" | "set" | "unset"] if rest.is_empty() => crate::kernel::config::schema::KEYS
            .iter()
            .filter(|k| !k.is_family() && k.name.starts_with(current))
            .map(|k| line(k.name, k.help))
            .collect(),
        _ => {
            let more = |arg: &&Arg| matches!(arg.get_action(), clap::ArgAction::Append);
            let arg = command.get_positionals().nth(rest.len());
            let arg = arg.or_else(|| command.get_positionals().last().filter(more));
            arg.map(|a| values(names, a, current)).unwrap_or_default()
        }
    }
}

/// The name index of this user, seen from this folder.
struct Index {
    home: Option<PathBuf>,
}

impl Index {
    /// What `ask` finds in this user's cache folder, seen from this project.
    fn ask(&self, ask: impl Fn(&Path, Option<&str>) -> Names) -> Names {
        let env = Env::from_process();
        let Ok(paths) = Paths::find(&env, self.home.as_deref()) else { return Names::default() };
        let cwd = std::env::current_dir().unwrap_or_default();
        let folder = paths.project(&cwd).and_then(|p| p.commands_dir);
        let project = folder.map(|f| format!("{}:{}", SourceKind::Project.name(), f.display()));
        ask(&paths.cache, project.as_deref())
    }

    /// The names that begin with `prefix`, sorted.
    fn read(&self, prefix: &str) -> Names {
        self.ask(|cache, project| names::read(cache, prefix, project))
    }

    /// The MCP servers in the user's settings; a project's settings cannot name any.
    fn servers(&self, current: &str) -> Vec<Line> {
        let env = Env::from_process();
        let Ok(paths) = Paths::find(&env, self.home.as_deref()) else { return Vec::new() };
        let input = config::Input {
            paths: &paths,
            file_named: false,
            env: &env,
            flags: &[],
            profile: None,
            project: None,
            project_trusted: false,
        };
        let servers = Config::load(&input).map(|config| config.mcp_servers()).unwrap_or_default();
        servers.into_keys().filter(|name| name.starts_with(current)).map(|name| line(name, "")).collect()
    }

    /// The entities of Home Assistant that were there when somebody last looked.
    fn entities(&self, current: &str) -> Vec<Line> {
        let Ok(paths) = Paths::find(&Env::from_process(), self.home.as_deref()) else { return Vec::new() };
        let all = crate::app::ha::entities(&paths.cache).into_iter();
        all.filter(|(entity, _)| entity.starts_with(current)).map(|(entity, name)| line(entity, name)).collect()
    }

    /// The user's own plugins and the bundled ones; no script is read.
    fn plugins(&self, current: &str) -> Vec<Line> {
        let Ok(paths) = Paths::find(&Env::from_process(), self.home.as_deref()) else { return Vec::new() };
        let own = places::own(&paths.plugins_dir).into_iter().map(|(name, _)| name);
        let names: BTreeSet<String> = own.chain(places::bundled_names().into_iter().map(String::from)).collect();
        names.into_iter().filter(|name| name.starts_with(current)).map(|name| line(name, "")).collect()
    }

    fn sources(&self, current: &str) -> Vec<Line> {
        let all = self.read("");
        let found: BTreeSet<&str> = all.iter().map(|n| n.source).filter(|s| s.starts_with(current)).collect();
        found.into_iter().map(|n| line(n, "")).collect()
    }
}

/// A name as it was typed: `source:` before it, where that is the name of one, and the rest folded.
fn parted(typed: &str) -> (Option<&str>, String) {
    match typed.split_once(':') {
        Some((source, rest)) => (Some(source), rest.to_lowercase()),
        None => (None, typed.to_lowercase()),
    }
}

/// Commands whose name goes on from `typed` with a word that begins with `current`: the next word, and what it leads to.
fn command_names(index: &Index, typed: &str, current: &str) -> Vec<Line> {
    let whole = if typed.is_empty() { current.to_string() } else { format!("{typed} {current}") };
    let (source, prefix) = parted(&whole);
    let skip = if typed.is_empty() { 0 } else { parted(typed).1.len() + 1 };
    let mut lines: Vec<Line> = Vec::new();
    let names = index.read(&prefix);
    for name in names.iter().filter(|n| source.is_none_or(|s| n.source == s)) {
        let word = name.name.get(skip..).unwrap_or("").split(' ').next().unwrap_or("");
        let is_whole = name.name.len() == skip + word.len();
        let value = match source.filter(|_| typed.is_empty()) {
            Some(source) => format!("{source}:{word}"),
            None => word.to_string(),
        };
        match lines.last_mut().filter(|l| l.value == value) {
            Some(last) if is_whole => last.about = name.summary.to_string(),
            Some(_) => {}
            None if is_whole => lines.push(line(value, name.summary)),
            None => lines.push(line(value, format!("{} …", name.name))),
        }
    }
    if typed.is_empty() && source.is_none() && lines.is_empty() && !current.is_empty() {
        let sources = index.sources(current).into_iter();
        lines.extend(sources.map(|s| line(format!("{}:", s.value), "only of this source")));
    }
    lines
}

/// Completes `fac [run] NAME …`: the rest of the name, then the command's own parameters.
fn of_command(index: &Index, before: &[String], current: &str, command: &Command, rest: &[String]) -> Vec<Line> {
    if rest.is_empty() {
        let root = args::tree();
        return match awaited(command, &root, before) {
            Some(value_of) => values(index, value_of, current),
            None if current.starts_with('-') => flags(command, &root, current),
            None => command_names(index, "", current),
        };
    }
    let (source, first) = parted(&rest[0]);
    let typed: Vec<String> = std::iter::once(first).chain(rest[1..].iter().map(|w| w.to_lowercase())).collect();
    let mut lines = command_names(index, &rest.join(" "), current);
    for used in (1..=typed.len()).rev() {
        let named = index.ask(|cache, project| names::exactly(cache, &typed[..used].join(" "), project));
        let Some(name) = named.iter().find(|n| source.is_none_or(|s| n.source == s)) else { continue };
        let at = before.iter().position(|w| *w == rest[0]).map_or(before.len(), |p| p + used);
        lines.extend(parameters(name, &before[at.min(before.len())..], current));
        break;
    }
    lines
}

fn parameters(name: Name<'_>, given: &[String], current: &str) -> Vec<Line> {
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
    let after_dashes = given.iter().any(|w| w == "--");
    if let Some((written, value)) = current.split_once('=').filter(|_| current.starts_with("--") && !after_dashes) {
        let option = params.iter().find(|p| is(p, &["option"]) && flag(p) == written);
        return option.map(|p| choices(p, value)).unwrap_or_default().into_iter().map(|l| behind(written, l)).collect();
    }
    if current.starts_with('-') && !after_dashes {
        let own = params.iter().filter(|p| is(p, &["option", "flag"]) && flag(p).starts_with(current));
        let mut lines: Vec<Line> = own.map(|p| line(flag(p), text(p, "h"))).collect();
        let ours = [("--help", "What it accepts"), ("--dry-run", "Print what would run"), ("--json", "Print JSON")];
        lines.extend(ours.iter().filter(|(f, _)| f.starts_with(current)).map(|(f, h)| line(*f, *h)));
        return lines;
    }
    let mut position = 0;
    let mut words = given.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            position += words.len();
            break;
        }
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
        return vec![line(FILES, "")];
    }
    listed.into_iter().filter(|c| c.starts_with(current)).map(|c| line(c, "")).collect()
}
