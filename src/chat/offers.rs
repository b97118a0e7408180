//! What Tab offers in a chat: commands behind `/`, and what their arguments name.
//!
//! It completes from lists that whoever runs the chat keeps up to date, and from the disk for files; it asks nobody.

use std::path::{Path, PathBuf};

use super::slash::{self, Argument, TABLE};
use crate::kernel::terminal::safe_line;

/// The most that is offered at once.
pub const MOST: usize = 200;

/// What can be named now.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Models, as `provider/model`.
    pub models: Vec<String>,
    /// Chats: what names them, and what they are about.
    pub sessions: Vec<(String, String)>,
    /// Messages of this chat: the ends of their ids, and how they begin.
    pub messages: Vec<(String, String)>,
    /// Tags that chats have.
    pub tags: Vec<String>,
    /// Files that will go along.
    pub attached: Vec<String>,
    /// Where relative paths begin.
    pub cwd: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

/// What can stand in place of the word that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Where that word begins, in bytes.
    pub from: usize,
    /// Values with a word about each.
    pub all: Vec<(String, String)>,
}

/// What is offered for a line that is written so far; `tools` finds what can be offered to a model.
pub fn offers(before: &str, candidates: &Candidates, tools: &dyn Fn() -> Vec<(String, String)>) -> Offers {
    let none = Offers { from: before.len(), all: Vec::new() };
    let Some(rest) = before.strip_prefix('/') else { return none };
    let Some(blank) = rest.find(char::is_whitespace) else {
        let all = TABLE.iter().filter(|s| s.name.starts_with(&rest.to_lowercase()));
        return Offers { from: 0, all: all.map(|s| (format!("/{}", s.name), s.help.to_string())).collect() };
    };
    let Some(slash) = slash::find(&rest[..blank]) else { return none };
    let from = match slash.argument {
        Argument::Tool => last_word(before),
        _ => before.rfind(char::is_whitespace).map_or(0, |at| at + 1),
    };
    let word = &before[from..];
    let of = |list: &[(String, String)]| list.iter().filter(|(name, _)| fits(name, word)).cloned().collect();
    let plain = |list: &[String]| -> Vec<(String, String)> {
        list.iter().filter(|name| fits(name, word)).map(|name| (name.clone(), String::new())).collect()
    };
    let all = match slash.argument {
        Argument::Free => Vec::new(),
        Argument::Model => plain(&candidates.models),
        Argument::Session => of(&candidates.sessions),
        Argument::Message => of(&candidates.messages),
        Argument::Attached => plain(&candidates.attached),
        Argument::Tag => plain(&candidates.tags),
        Argument::Tool => of(&tools()),
        Argument::File => files(word, candidates),
        Argument::Command => TABLE.iter().filter(|s| s.name.starts_with(word)).map(named).collect(),
        Argument::Setting => {
            let keys = ["temperature=", "top_p=", "max_tokens=", "seed=", "stop="];
            keys.iter().filter(|k| k.starts_with(word)).map(|k| ((*k).to_string(), String::new())).collect()
        }
        Argument::Switch => ["on", "off", "low", "medium", "high"]
            .iter()
            .filter(|w| w.starts_with(word) && (slash.hint.contains(**w)))
            .map(|w| ((*w).to_string(), String::new()))
            .collect(),
    };
    Offers { from, all }
}

/// Where the last word begins; blanks between quotes are part of it.
fn last_word(before: &str) -> usize {
    let (mut from, mut quote) = (0, None);
    for (at, c) in before.char_indices() {
        match quote {
            Some(open) if open == c => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if c.is_whitespace() => from = at + c.len_utf8(),
            None => {}
        }
    }
    from
}

fn named(slash: &slash::Slash) -> (String, String) {
    (slash.name.to_string(), slash.help.to_string())
}

/// A name is offered for its beginning and for any part of it.
fn fits(name: &str, word: &str) -> bool {
    name.to_lowercase().contains(&word.to_lowercase())
}

/// Files and folders that begin with what is written; names that no terminal should see are left out.
fn files(word: &str, candidates: &Candidates) -> Vec<(String, String)> {
    let (folder, begin) = word.rsplit_once('/').map_or(("", word), |(folder, begin)| (folder, begin));
    let shown = if word.contains('/') { format!("{folder}/") } else { String::new() };
    let place = match (folder.strip_prefix('~'), &candidates.home) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ if word.starts_with('/') => Path::new("/").join(folder),
        _ => candidates.cwd.join(folder),
    };
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let mut names: Vec<(String, String)> = Vec::new();
    for entry in entries.flatten().take(10_000) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let hidden = name.starts_with('.') && !begin.starts_with('.');
        if hidden || !name.starts_with(begin) || safe_line(&name) != name || name.contains(char::is_whitespace) {
            continue;
        }
        let slash = if entry.path().is_dir() { "/" } else { "" };
        names.push((format!("{shown}{name}{slash}"), String::new()));
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tools() -> Vec<(String, String)> {
        vec![("off".into(), String::new()), ("'git recent'".into(), "what was done".into())]
    }

    fn values(before: &str, candidates: &Candidates) -> Vec<String> {
        offers(before, candidates, &tools).all.into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn commands_and_what_they_take_are_offered() {
        let candidates = Candidates {
            models: vec!["a/gpt-x".into(), "b/llama".into()],
            sessions: vec![("work".into(), "about work".into())],
            ..Candidates::default()
        };
        assert_eq!(values("/mod", &candidates), ["/model", "/models"]);
        assert_eq!(values("/model gpt", &candidates), ["a/gpt-x"]);
        assert_eq!(values("/resume w", &candidates), ["work"]);
        assert_eq!(values("/set t", &candidates), ["temperature=", "top_p="]);
        assert_eq!(values("/raw o", &candidates), ["on", "off"]);
        assert_eq!(values("/tools rec", &candidates), ["'git recent'"]);
        assert_eq!(values("/tools off 'git ", &candidates), ["'git recent'"]);
        assert_eq!(offers("/tools off 'git ", &candidates, &tools).from, 11);
        assert_eq!(values("/help mo", &candidates), ["model", "models"]);
        assert!(values("hello /mod", &candidates).is_empty() && values("/nope x", &candidates).is_empty());
        assert_eq!(offers("/model gpt", &candidates, &tools).from, 7);
    }

    #[test]
    fn files_are_offered_from_the_folder_that_is_written() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("notes")).unwrap();
        for name in ["notes/a.md", "notes/.hidden", "nothing", "evil\u{1b}[31m"] {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        let candidates =
            Candidates { cwd: place.path().into(), home: Some(place.path().into()), ..Candidates::default() };
        assert_eq!(values("/attach no", &candidates), ["notes/", "nothing"]);
        assert_eq!(values("/attach x notes/", &candidates), ["notes/a.md"]);
        assert_eq!(values("/attach ~/notes/a", &candidates), ["~/notes/a.md"]);
        assert!(values("/attach evil", &candidates).is_empty());
    }

    proptest! {
        #[test]
        fn any_line_can_be_completed(line in "(/|[a-z]{1,4}| |~|é|\\PC){0,12}") {
            let candidates = Candidates::default();
            let offers = offers(&line, &candidates, &tools);
            prop_assert!(line.is_char_boundary(offers.from));
        }
    }
}
