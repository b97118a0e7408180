//! Plugins that come from a repository: which of its files one is, and where an installed one came from.
//!
//! It fetches nothing and looks at no content but a plugin's own; what was fetched is handed to it.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::manifest::MANIFEST;
use super::places::{self, Found};
use crate::commands::source::sync::Fetched;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files::write_atomic;

/// The file of a plugin's folder that says where it came from. Its name begins with a dot, so it is no part of what is
/// allowed.
const FILE: &str = ".origin.json";

/// Where an installed plugin came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The repository and the folder in it, as `github:owner/repo/path`, without a version.
    pub from: String,
    /// The branch, tag or commit that was asked for.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The commit that it was.
    pub commit: String,
}

impl Origin {
    /// Where the plugin of a folder came from; `None` where it was not fetched.
    pub fn of(folder: &Path) -> Option<Origin> {
        serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()
    }

    /// Says it in a folder, or says there that it was not fetched.
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn keep(origin: Option<&Origin>, folder: &Path) -> Result<()> {
        match origin {
            Some(origin) => {
                write_atomic(&folder.join(FILE), serde_json::json!(origin).to_string().as_bytes(), false)?;
            }
            None => drop(std::fs::remove_file(folder.join(FILE))),
        }
        Ok(())
    }

    /// Where it came from, and as what, for people.
    pub fn said(&self) -> String {
        format!("{} at {}", self.from, self.commit.get(..12).unwrap_or(&self.commit))
    }
}

/// The plugin among the files that were fetched of `place`: in the folder `below`, or in the only folder that has
/// one. Gives it with its folder, empty for the root. `read` gives a file's bytes by its content's SHA.
///
/// # Errors
/// `NotFound` when there is none, `Usage` when there are several, `BadData` when it is broken.
pub fn pick(
    place: &str,
    files: &[Fetched],
    below: Option<&str>,
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<(Found, String)> {
    let folder = folder(place, files.iter().map(|file| file.path.as_str()), below)?;
    let mut own = Vec::new();
    for file in files {
        let (inside, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        if inside != folder || !is_part(name) {
            continue;
        }
        places::bounded(place, name, file.size, own.len())?;
        let bytes = read(&file.sha)
            .ok_or_else(|| Error::new(Kind::BadData, format!("what was fetched of {name} is damaged")))?;
        own.push((name.to_string(), bytes));
    }
    own.sort();
    Ok((Found::of(own, place)?, folder))
}

/// Whether a file of the folder belongs to the plugin, and may be written under that name here.
fn is_part(name: &str) -> bool {
    places::is_part(name) && !name.contains(['\\', ':']) && !name.chars().any(char::is_control)
}

/// The folder with the plugin.
fn folder<'a>(place: &str, paths: impl Iterator<Item = &'a str>, below: Option<&str>) -> Result<String> {
    let holds = |path: &'a str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        (name == MANIFEST).then_some(folder)
    };
    let folders: BTreeSet<&str> = paths.filter_map(holds).collect();
    if let Some(folder) = folders.get(below.unwrap_or("")) {
        return Ok((*folder).to_string());
    }
    let mut all = folders.iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok((*only).to_string()),
        (None, _) => Err(Error::new(Kind::NotFound, format!("there is no plugin in {place}"))
            .hint(format!("a plugin is a folder with {MANIFEST}; name the folder: github:owner/repo/folder"))),
        _ => {
            let known: Vec<&str> = folders.iter().take(12).copied().collect();
            let error = Error::new(Kind::Usage, format!("there are {} plugins in {place}", folders.len()));
            Err(error.hint(format!("name the folder of one behind the repository: {}", known.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(paths: &[&str]) -> Vec<Fetched> {
        let file = |path: &&str| Fetched { path: path.to_string(), sha: path.to_string(), size: 9, executable: false };
        paths.iter().map(file).collect()
    }

    fn picked(paths: &[&str], below: Option<&str>) -> Result<(Found, String)> {
        pick("github:o/r", &fetched(paths), below, |sha| {
            Some(match sha.rsplit('/').next() {
                Some("plugin.toml") => b"name = \"tidy\"\nversion = \"1\"\n".to_vec(),
                _ => b"return {}".to_vec(),
            })
        })
    }

    #[test]
    fn a_plugin_is_the_named_folder_or_the_only_one() {
        let two = ["a/plugin.toml", "a/main.luau", "b/plugin.toml", "b/main.luau", "plugin.md"];
        assert_eq!(picked(&two[..2], None).unwrap().1, "a");
        assert_eq!(picked(&two, Some("b")).unwrap().1, "b");
        let error = picked(&two, None).unwrap_err();
        assert_eq!((error.kind(), error.way_forward().unwrap()), {
            (Kind::Usage, "name the folder of one behind the repository: a, b")
        });
        assert_eq!(picked(&two[4..], None).unwrap_err().kind(), Kind::NotFound);
        assert_eq!(picked(&two[..1], None).unwrap_err().kind(), Kind::BadData);
    }

    #[test]
    fn only_plain_files_of_the_folder_itself_are_taken() {
        let all = ["main.luau", "plugin.toml", ".origin.json", "a/main.luau", "b\\c.luau", "x~", "c\u{1b}d", "help.md"];
        let (found, folder) = picked(&all, None).unwrap();
        let names: Vec<&str> = found.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, folder.as_str()), (vec!["help.md", "main.luau", "plugin.toml"], ""));
    }

    #[test]
    fn where_it_came_from_is_kept_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let origin = Origin { from: "github:o/r".into(), reference: None, commit: "0123456789abcdef".into() };
        Origin::keep(Some(&origin), dir.path()).unwrap();
        assert_eq!(Origin::of(dir.path()), Some(origin.clone()));
        assert_eq!(origin.said(), "github:o/r at 0123456789ab");
        Origin::keep(None, dir.path()).unwrap();
        assert_eq!(Origin::of(dir.path()), None);
    }
}
