//! `file PATH change= debounce=`: a file is created, changed or removed.
//!
//! A path is a file, a folder (everything below it), or a pattern: `*` for letters of one name, `**` for any folders.

use std::path::{Component, Path, PathBuf};

use serde_json::Value as Json;

use super::options::Options;
use super::{Here, value};
use crate::chat::policy;
use crate::commands::model::Diagnostic;

/// How long a file must be quiet before it counts as written, milliseconds.
const QUIET_MS: u64 = 300;

/// The longest of such waits, milliseconds.
const LONGEST_MS: u64 = 3_600_000;

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is there, and was not.
    Created,
    /// It holds something else.
    Changed,
    /// It is gone.
    Removed,
}

impl Change {
    /// The word of it in definitions and in what a trigger tells.
    pub fn name(self) -> &'static str {
        match self {
            Change::Created => "created",
            Change::Changed => "changed",
            Change::Removed => "removed",
        }
    }
}

/// Changes of files that are waited for.
#[derive(Clone, Debug)]
pub struct File {
    /// As it is written, or whole once settled.
    pub path: String,
    /// What counts.
    pub changes: Vec<Change>,
    /// How long a file must be quiet, milliseconds.
    pub quiet_ms: u64,
    /// Whether names that begin with a dot count.
    pub hidden: bool,
}

const OPTIONS: [&str; 5] = ["change", "debounce", "hidden", "limit", "max"];

impl File {
    pub(super) fn parse(options: &Options<'_>) -> Result<File, Diagnostic> {
        options.only(&OPTIONS)?;
        let path = options.one("a path such as `~/Downloads/*.pdf`")?;
        if !path.starts_with('/') && !path.starts_with("~/") {
            return Err(
                options.wrong(format!("`{path}` must begin with `/` or `~/`: an automation starts in no folder"))
            );
        }
        if path.contains('\0') || Path::new(path).components().any(|c| c == Component::ParentDir) {
            return Err(options.wrong(format!("`{path}` must be a path without `..`")));
        }
        if path.trim_matches(['/', '~', '*', '.']).is_empty() {
            return Err(options.wrong(format!("`{path}` is too much to watch: name a folder")));
        }
        let changes = match options.text("change") {
            None => vec![Change::Created, Change::Changed],
            Some(text) => {
                let words = value::alternatives(text);
                let words = words.iter().flat_map(|word| word.split(','));
                let read = |word: &str| match word.trim() {
                    "created" => Ok(Change::Created),
                    "changed" => Ok(Change::Changed),
                    "removed" => Ok(Change::Removed),
                    other => Err(options.wrong(format!("`change={other}` is none of created, changed, removed"))),
                };
                words.map(read).collect::<Result<_, _>>()?
            }
        };
        let quiet_ms = options.ms("debounce")?.unwrap_or(QUIET_MS);
        if quiet_ms > LONGEST_MS {
            return Err(options.wrong("`debounce=` may be an hour at most"));
        }
        let hidden = options.yes("hidden")?.unwrap_or(false);
        Ok(File { path: path.to_string(), changes, quiet_ms, hidden })
    }

    pub(super) fn settle(&mut self, here: &Here) {
        if let (Some(rest), Some(home)) = (self.path.strip_prefix("~/"), &here.home) {
            self.path = home.join(rest).display().to_string();
        }
    }

    pub(super) fn matches(&self, data: &Json) -> bool {
        let change = data["change"].as_str().unwrap_or_default();
        let path = data["path"].as_str().unwrap_or_default();
        // It is told once for each silence that somebody waits for.
        let is_other = data["quiet_ms"].as_u64().is_some_and(|quiet| quiet != self.quiet_ms);
        !is_other && self.changes.iter().any(|c| c.name() == change) && self.covers(Path::new(path))
    }

    /// Whether a path is among those it names.
    pub fn covers(&self, path: &Path) -> bool {
        let wanted: Vec<&str> = self.path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
        let mut levels = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => levels.push(name.to_string_lossy()),
                Component::RootDir | Component::CurDir => {}
                _ => return false,
            }
        }
        let names: Vec<&str> = levels.iter().map(|l| &**l).collect();
        fits(&wanted, &names, self.hidden)
    }

    /// The folder that has to be watched: the deepest one that is named without a pattern. With it whether what is in
    /// folders below counts.
    pub fn root(&self) -> (PathBuf, bool) {
        let mut root = PathBuf::from("/");
        let parts: Vec<&str> = self.path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
        let plain = parts.iter().take_while(|p| !p.contains('*')).count();
        root.extend(&parts[..plain]);
        let levels = &parts[plain..];
        (root, levels.len() != 1 || levels.contains(&"**"))
    }
}

/// Whether the names are those of the pattern; what is below the last one counts too, unless that one is a pattern.
fn fits(wanted: &[&str], names: &[&str], hidden: bool) -> bool {
    // One row of a table instead of a recursion, so that no pattern takes more than (its length × the path's).
    let mut before: Vec<bool> = vec![false; names.len() + 1];
    before[0] = true;
    for want in wanted {
        let mut row = vec![false; names.len() + 1];
        if *want == "**" {
            let mut seen = false;
            for at in 0..=names.len() {
                seen = before[at] || (seen && at > 0 && is_open(names[at - 1], "*", hidden));
                row[at] = seen;
            }
        } else {
            for at in 1..=names.len() {
                let name = names[at - 1];
                row[at] = before[at - 1] && policy::fits(want, name) && is_open(name, want, hidden);
            }
        }
        before = row;
    }
    let ends_in_name = wanted.last().is_none_or(|last| !last.contains('*'));
    before[names.len()] || ends_in_name && below(&before, names, hidden)
}

fn below(reached: &[bool], names: &[&str], hidden: bool) -> bool {
    (0..names.len()).any(|at| reached[at] && names[at..].iter().all(|name| is_open(name, "*", hidden)))
}

fn is_open(name: &str, want: &str, hidden: bool) -> bool {
    hidden || !name.starts_with('.') || want.starts_with('.')
}
