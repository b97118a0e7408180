//! A skill's folder as a tool: what its text refers to can be read by the model, and nothing outside of it.
//!
//! Trust in a skill covers all files of its folder, so reading them asks nobody.

use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use crate::chat::tool::{Effects, Tool, Working};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::providers::model::ToolSpec;

/// The largest file that is given, bytes.
const LARGEST: u64 = 1 << 20;
/// The most files that are listed.
const MOST: usize = 1000;

/// The files of one skill.
pub(super) struct SkillFiles {
    spec: ToolSpec,
    key: String,
    digest: String,
    folder: PathBuf,
}

impl SkillFiles {
    pub(super) fn new(key: &str, digest: &str, folder: PathBuf) -> SkillFiles {
        let spec = ToolSpec {
            name: "read_skill_file".to_string(),
            description: "Reads a file of this skill's folder, as its instructions refer to it \
                          (references/guide.md, scripts/check.py). Without a path it lists the files."
                .to_string(),
            schema: json!({
                "type": "object",
                "properties": {"path": {"type": "string", "description": "relative to the skill's folder"}},
                "additionalProperties": false,
            }),
        };
        SkillFiles { spec, key: key.to_string(), digest: digest.to_string(), folder }
    }

    fn read(&self, path: &str) -> Result<String> {
        let inside = |p: &Path| p.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        let relative = Path::new(path);
        let missing = || {
            Error::new(Kind::NotFound, format!("the skill has no file {path:?}"))
                .hint("call it without a path for a list")
        };
        if !inside(relative) {
            return Err(Error::new(Kind::Refused, format!("{path:?} is outside of the skill's folder")));
        }
        let root = self.folder.canonicalize().context(Kind::NotFound, || "the skill's folder is gone".to_string())?;
        // Links are followed first, so one that leads out is refused as well.
        let full = root.join(relative).canonicalize().map_err(|_| missing())?;
        if !full.starts_with(&root) {
            return Err(Error::new(Kind::Refused, format!("{path:?} is outside of the skill's folder")));
        }
        let about = std::fs::metadata(&full).map_err(|_| missing())?;
        if about.is_dir() {
            return self.list(&full, &root);
        }
        if !about.is_file() || about.len() > LARGEST {
            return Err(Error::new(Kind::BadData, format!("{path:?} is no text of at most {} KB", LARGEST >> 10)));
        }
        let bytes = std::fs::read(&full).context(Kind::Failed, || format!("cannot read {path:?}"))?;
        String::from_utf8(bytes).map_err(|_| Error::new(Kind::BadData, format!("{path:?} is no text")))
    }

    fn list(&self, folder: &Path, root: &Path) -> Result<String> {
        let (mut names, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
        while let Some(folder) = open.pop() {
            let entries = std::fs::read_dir(&folder).context(Kind::Failed, || "cannot list the folder".to_string())?;
            for entry in entries.flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    open.push(entry.path());
                } else if let Ok(name) = entry.path().strip_prefix(root) {
                    names.push(name.display().to_string());
                }
                if names.len() + open.len() >= MOST {
                    open.clear();
                    break;
                }
            }
        }
        names.sort();
        Ok(names.join("\n"))
    }
}

fn path_of(arguments: &Value) -> Result<&str> {
    match arguments.get("path") {
        None | Some(Value::Null) => Ok("."),
        Some(Value::String(path)) => Ok(if path.is_empty() { "." } else { path }),
        Some(_) => Err(Error::new(Kind::Usage, "`path` is a text")),
    }
}

impl Tool for SkillFiles {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effects(&self) -> Effects {
        Effects::ReadOnly
    }

    fn origin(&self) -> String {
        format!("files of skill {}", self.key)
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }

    fn preview(&self, arguments: &Value) -> Result<String> {
        Ok(format!("read {}", path_of(arguments)?))
    }

    fn call<'a>(&'a self, arguments: &'a Value) -> Working<'a> {
        Box::pin(async move { self.read(path_of(arguments)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("skill");
        std::fs::create_dir_all(root.join("references")).unwrap();
        std::fs::write(root.join("references/a.md"), "inside").unwrap();
        std::fs::write(root.join("b.bin"), [0xff, 0xfe, 0x00]).unwrap();
        std::fs::write(place.path().join("secret"), "outside").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
        let files = SkillFiles::new("s:k", "d", root);
        assert_eq!(files.read("references/a.md").unwrap(), "inside");
        assert_eq!(files.read("./references").unwrap(), "references/a.md");
        assert_eq!(files.read(".").unwrap(), "b.bin\nlink\nreferences/a.md");
        for (path, kind) in [
            ("../secret", Kind::Refused),
            ("references/../../secret", Kind::Refused),
            ("/etc/passwd", Kind::Refused),
            ("link", Kind::Refused),
            ("nothing", Kind::NotFound),
            ("b.bin", Kind::BadData),
            ("a\0b", Kind::NotFound),
        ] {
            assert_eq!(files.read(path).unwrap_err().kind(), kind, "{path:?}");
        }
    }
}
