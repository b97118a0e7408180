//! What trust is given to: one hash over everything of a definition that decides what would run.
//!
//! It covers the definition's own bytes, the steps and parameters an adapter made of them (a suggestion command
//! may stand elsewhere in the file), and the files beside it that its scripts can read. It does not cover what a
//! definition requires: each of those commands has a digest of its own, and all of them must be trusted.

use sha2::{Digest, Sha256};

use super::model::{Command, Cwd, StepKind};

/// Hex SHA-256 of a definition; `siblings` is the digest of the files it can read, empty where there are none.
pub fn of(command: &Command, siblings: &str) -> String {
    let mut hash = Framed::new("fac-definition-1");
    hash.text(command.dialect.name()).text(&command.name).text(&command.text).text(siblings);
    for words in &command.requires {
        hash.list("requires", words.iter().map(String::as_str));
    }
    for (key, value) in &command.env {
        hash.list("env", [key.as_str(), value.as_str()]);
    }
    match &command.cwd {
        Cwd::Caller => {}
        Cwd::File => {
            hash.text("cwd-file");
        }
        Cwd::Relative(path) | Cwd::Path(path) => {
            hash.list("cwd", [path.as_str()]);
        }
    }
    if let Some(condition) = &command.condition {
        hash.list("if", [condition.as_str()]);
    }
    for param in &command.params {
        let parts =
            [param.var.as_str(), param.default.as_deref().unwrap_or(""), param.suggest.as_deref().unwrap_or("")];
        hash.list("param", parts);
    }
    for step in &command.steps {
        hash.list("step", [step.id.as_str(), step.kind.name(), step.lang.as_str(), step.text.as_str()]);
        let extra = [&step.stdin, &step.condition, &step.cwd, &step.sandbox, &step.undo, &step.model];
        for (number, value) in extra.iter().enumerate() {
            if let Some(value) = value {
                hash.list("step-attribute", [number.to_string().as_str(), value.as_str()]);
            }
        }
        for (key, value) in &step.options {
            hash.list("step-option", [key.as_str(), value.as_str()]);
        }
    }
    hash.hex()
}

/// Whether the files beside a definition decide what it does: scripts can read them, skills tell a model to.
pub fn reads_siblings(command: &Command) -> bool {
    command.dialect == super::model::Dialect::Skill
        || command.steps.iter().any(|s| matches!(s.kind, StepKind::Script | StepKind::Lua))
}

/// Hex SHA-256 over `(path, content id)` pairs, which must come sorted; empty for no files.
pub fn of_files<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut hash = Framed::new("fac-siblings-1");
    let mut any = false;
    for (path, id) in files {
        hash.list("file", [path, id]);
        any = true;
    }
    if any { hash.hex() } else { String::new() }
}

/// Hex SHA-1 of a git blob: `sha1("blob <len>\0" + bytes)`.
pub fn git_blob(bytes: &[u8]) -> String {
    let mut hash = sha1::Sha1::new();
    sha1::Digest::update(&mut hash, format!("blob {}\0", bytes.len()).as_bytes());
    sha1::Digest::update(&mut hash, bytes);
    hex(&sha1::Digest::finalize(hash))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

/// A hash over texts with their lengths, so that no two lists of texts look alike.
struct Framed(Sha256);

impl Framed {
    fn new(tag: &str) -> Self {
        let mut hash = Framed(Sha256::new());
        hash.text(tag);
        hash
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    fn list<'a>(&mut self, tag: &str, texts: impl IntoIterator<Item = &'a str>) -> &mut Self {
        self.text(tag);
        for text in texts {
            self.text(text);
        }
        self
    }

    fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dialect::{SourceFile, native};

    fn digest(text: &str) -> String {
        of(&native::read(&SourceFile { path: "a.md", text }).commands[0], "")
    }

    #[test]
    fn what_would_run_decides_the_digest_and_nothing_else() {
        let base = digest("---\nfactotum: 1\n---\n## `/a`\n```sh\necho 1\n```\n");
        assert_eq!(base, digest("---\nfactotum: 1\nx: y\n---\n# Title\n\n## `/a`\n```sh\necho 1\n```\n## Notes\n"));
        assert_ne!(base, digest("---\nfactotum: 1\n---\n## `/a`\n```sh\necho 2\n```\n"));
        assert_ne!(base, digest("---\nfactotum: 1\n---\n## `/a`\n```bash\necho 1\n```\n"));
        let shell = |s: &str| {
            digest(&format!("---\nfactotum: 1\ndefaults: {{ shell: {s} }}\n---\n## `/a`\n```shell\n:\n```\n"))
        };
        assert_ne!(shell("bash"), shell("fish"), "the front matter decides the interpreter");
    }

    #[test]
    fn a_git_blob_has_gits_own_id() {
        assert_eq!(git_blob(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn lists_of_files_do_not_run_together() {
        let one = of_files([("a", "bc")].into_iter());
        let two = of_files([("ab", "c")].into_iter());
        assert_ne!(one, two);
        assert_eq!(of_files(std::iter::empty()), "");
    }
}
