//! The rules themselves, as functions from source text to sentences.

use std::collections::BTreeSet;

use super::lexer::{Token, tokens};
use super::paths::{Named, Reader};
use super::{HOMES, ROOMS};

/// A file: its path below `src` (or `tests/it`) and its text.
pub struct Source {
    pub name: String,
    pub text: String,
}

/// Everything a file does that it must not, as `file:line: sentence`, in its order.
pub fn check(source: &Source) -> Vec<String> {
    let module = inner_module_of(&source.name);
    let tokens = tokens(&source.text);
    let mut reader = Reader::new(&tokens, module.clone());
    let paths = reader.read();
    let mut found: BTreeSet<(usize, String)> = BTreeSet::new();
    let room = module.first().map(String::as_str);
    if let Some(room) = room.filter(|room| rank(room).is_none()) {
        found.insert((1, format!("{room} is no room of the list")));
    }
    if source.name == "lib.rs" {
        let strange = declared(&tokens).into_iter().filter(|(_, (_, name))| rank(name).is_none());
        found.extend(strange.map(|(_, (line, name))| (line, format!("{name} is no room of the list"))));
    }
    for path in &paths {
        found.extend(wrong_room(room, path).map(|why| (path.line, why)));
        found.extend(wrong_home(&module, path).map(|why| (path.line, why)));
        if !may_print(room) && !path.in_test && ends_process(path) {
            found.insert((path.line, "only cli ends the process".to_string()));
        }
    }
    let tests = "the module tests is not for tests only: add #[cfg(test)]";
    found.extend(reader.open_tests.iter().map(|line| (*line, tests.to_string())));
    for (at, (line, token)) in tokens.iter().enumerate() {
        match token {
            Token::Text(text) if room != Some("store") && is_sql(text) => {
                found.insert((*line, "SQL belongs to store".to_string()));
            }
            Token::Word(word) if !may_print(room) && !reader.test_tokens[at] && prints(word, tokens.get(at + 1)) => {
                found.insert((*line, "only cli prints".to_string()));
            }
            _ => {}
        }
    }
    found.into_iter().map(|(line, why)| format!("{}:{line}: {why}", source.name)).collect()
}

/// The files that no other file declares as a module; `roots` need no declaration.
pub fn forgotten(sources: &[Source], roots: &[&str]) -> Vec<String> {
    let mut known: BTreeSet<Vec<String>> = BTreeSet::new();
    for source in sources {
        let module = module_of(&source.name);
        let folder = source.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let tokens = tokens(&source.text);
        for (at, (_, name)) in declared(&tokens) {
            known.insert(match path_attribute(&tokens, at) {
                Some(file) => module_of(format!("{folder}/{file}").trim_start_matches('/')),
                None => module.iter().cloned().chain([name]).collect(),
            });
        }
    }
    let lost = |source: &&Source| !roots.contains(&source.name.as_str()) && !known.contains(&module_of(&source.name));
    sources.iter().filter(lost).map(|source| source.name.clone()).collect()
}

/// `kernel/config/mod.rs` is `kernel::config`; `lib.rs` and `main.rs` are the root.
fn module_of(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_string).collect();
    let last = parts.last().map(String::as_str);
    if last == Some("mod") || (parts.len() == 1 && matches!(last, Some("lib" | "main"))) {
        parts.pop();
    }
    parts
}

/// Like [`module_of`], where `x_tests.rs` is the module `tests` of `x`.
fn inner_module_of(name: &str) -> Vec<String> {
    let mut parts = module_of(name);
    if let Some(tested) = parts.last().and_then(|last| last.strip_suffix("_tests")).map(str::to_string) {
        parts.pop();
        parts.extend([tested, "tests".to_string()]);
    }
    parts
}

/// The names of `mod name;` items, each with its index among the tokens and its line.
fn declared(tokens: &[(usize, Token)]) -> Vec<(usize, (usize, String))> {
    let item = |(at, window): (usize, &[(usize, Token)])| match window {
        [(_, Token::Word(word)), (line, Token::Word(name)), (_, Token::Mark(';'))] if word == "mod" => {
            Some((at, (*line, name.clone())))
        }
        _ => None,
    };
    tokens.windows(3).enumerate().filter_map(item).collect()
}

/// The file of `#[path = "file"]` right before the item at `at`, or before its `pub`.
fn path_attribute(tokens: &[(usize, Token)], at: usize) -> Option<&str> {
    let before: Vec<&Token> = tokens[..at].iter().rev().map(|(_, token)| token).take(6).collect();
    let skip = usize::from(matches!(before.first(), Some(Token::Word(word)) if word == "pub"));
    match before.get(skip..skip + 4)? {
        [Token::Mark(']'), Token::Text(file), Token::Mark('='), Token::Word(word)] if word == "path" => Some(file),
        _ => None,
    }
}

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|line| line.contains(&room))
}

/// `main.rs` and `lib.rs` stand above every room.
fn wrong_room(room: Option<&str>, path: &Named) -> Option<String> {
    let room = room.filter(|_| path.inside)?;
    let used = match path.parts.first().map(String::as_str) {
        None | Some("*") => return Some("the crate's root is used whole, which hides the rooms".to_string()),
        Some(used) => used,
    };
    let allowed = used == room || rank(used).is_none() || rank(used) < rank(room);
    (!allowed).then(|| format!("{room} may not use {used}"))
}

fn wrong_home(module: &[String], path: &Named) -> Option<String> {
    let first = path.parts.first().filter(|_| !path.inside)?;
    let (name, homes) = HOMES.iter().find(|(name, _)| name == first)?;
    let at_home =
        |home: &&str| home.split("::").enumerate().all(|(at, part)| module.get(at).is_some_and(|m| m == part));
    let away = !homes.iter().any(at_home);
    away.then(|| format!("{name} belongs to {}", homes.join(" or ")))
}

/// `cli` prints and ends the process; so may the root, which is `main`.
fn may_print(room: Option<&str>) -> bool {
    matches!(room, None | Some("cli"))
}

fn prints(word: &str, next: Option<&(usize, Token)>) -> bool {
    matches!(word, "print" | "println" | "eprint" | "eprintln" | "dbg") && matches!(next, Some((_, Token::Mark('!'))))
}

fn ends_process(path: &Named) -> bool {
    let parts: Vec<&str> = path.parts.iter().map(String::as_str).collect();
    !path.inside && matches!(parts.as_slice(), [.., "process", "exit" | "abort"])
}

/// Whether a text is a statement: upper-case words say so at once, lower-case ones only with their second half.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start().trim_start_matches("\\n").trim_start();
    let first = text.split([' ', '\n', '\t', ';']).next().unwrap_or_default();
    let upper = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "PRAGMA", "BEGIN"];
    let lower = text.to_lowercase();
    let pairs =
        ["insert into ", "insert or ", "delete from ", "create table ", "create index ", "pragma ", "begin immediate"];
    upper.contains(&first)
        || pairs.iter().any(|pair| lower.starts_with(pair))
        || (lower.starts_with("select ") && lower.contains(" from "))
        || (lower.starts_with("update ") && lower.contains(" set ") && lower.contains('='))
}
