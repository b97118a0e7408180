//! Files of a source become definitions: decoded, given to the adapter that fits, and placed.
//!
//! It reads nothing itself: callers hand it bytes. Nothing is executed and nothing is fetched here.

use super::dialect::{self, Parsed, SourceFile, detect};
use super::digest;
use super::model::{Command, Diagnostic, Dialect};

/// What is known of the source whose files are scanned.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// `owner/repo`, a folder or an address, for `origin.repo`.
    pub repo: Option<String>,
    /// The commit the files were read at.
    pub commit: Option<String>,
    /// The dialect the user insists on, for files that cannot be told apart by themselves.
    pub forced: Option<Dialect>,
}

/// The definitions of one file.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// Which adapter read it; `None` when no adapter wants it.
    pub dialect: Option<Dialect>,
    /// Its definitions, with origin and blob filled in.
    pub commands: Vec<Command>,
    /// What concerns the file as a whole.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads one file of a source.
pub fn file(path: &str, bytes: &[u8], place: &Place, siblings: &dyn detect::Siblings) -> Scanned {
    let (text, broken) = decode(bytes);
    let Some(dialect) = choose(path, &text, place, siblings) else { return Scanned::default() };
    let mut parsed = parse(dialect, path, &text, place);
    if let Some(diagnostic) = broken {
        mark_broken(&mut parsed, diagnostic);
    }
    let blob = digest::git_blob(bytes);
    for command in &mut parsed.commands {
        command.origin.repo.clone_from(&place.repo);
        command.origin.commit.clone_from(&place.commit);
        command.origin.blob = Some(blob.clone());
    }
    Scanned { dialect: Some(dialect), commands: parsed.commands, diagnostics: parsed.diagnostics }
}

fn choose(path: &str, text: &str, place: &Place, siblings: &dyn detect::Siblings) -> Option<Dialect> {
    if let Some(forced) = place.forced
        && detect::forced(forced, path)
    {
        return Some(forced);
    }
    detect::detect(path, text, siblings)
}

fn parse(dialect: Dialect, path: &str, text: &str, place: &Place) -> Parsed {
    let file = SourceFile { path, text };
    if dialect == Dialect::Runme && place.forced == Some(Dialect::Runme) {
        return dialect::runme::read_all(&file);
    }
    dialect::read(dialect, &file)
}

/// UTF-8 without its byte order mark. Where bytes are broken they are replaced, and the first place is said.
fn decode(bytes: &[u8]) -> (String, Option<Diagnostic>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_string(), None),
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            let said = "the file is not UTF-8 from here on; what could not be read is shown as \u{fffd}";
            (String::from_utf8_lossy(bytes).into_owned(), Some(Diagnostic::warning(line, column, said)))
        }
    }
}

/// A definition that holds a replaced byte must not run: it would not be what its author wrote.
fn mark_broken(parsed: &mut Parsed, diagnostic: Diagnostic) {
    for command in &mut parsed.commands {
        let (first, last) = command.origin.lines;
        if command.text.contains('\u{fffd}') {
            let line = diagnostic.line.clamp(first, last.max(first));
            let said = "this definition holds bytes that are not UTF-8, so it cannot run";
            command.diagnostics.push(Diagnostic::error(line, 1, said));
        }
    }
    parsed.diagnostics.push(diagnostic);
}

/// How names are compared: without a leading slash, case folded, runs of blanks as one.
pub fn fold_name(name: &str) -> String {
    let words: Vec<String> = name.trim().trim_start_matches('/').split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;
    impl detect::Siblings for Nothing {
        fn exists(&self, _path: &str) -> bool {
            false
        }
    }

    #[test]
    fn broken_utf8_is_placed_and_only_its_definition_stops_running() {
        let mut bytes = b"---\nfactotum: 1\n---\n## `/a`\n```sh\necho a\n```\n## `/b`\n```sh\necho '".to_vec();
        bytes.extend([0xff, 0xfe]);
        bytes.extend(b"'\n```\n");
        let scanned = file("x.md", &bytes, &Place::default(), &Nothing);
        assert_eq!(scanned.dialect, Some(Dialect::Native));
        assert_eq!((scanned.diagnostics[0].line, scanned.diagnostics[0].column), (10, 7));
        let runnable: Vec<bool> = scanned.commands.iter().map(Command::runnable).collect();
        assert_eq!(runnable, [true, false]);
    }

    #[test]
    fn names_are_compared_without_slash_and_case() {
        assert_eq!(fold_name("/Git   Undo "), "git undo");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_under_any_name_are_scanned_without_a_panic(
            path in "(a/)?(SKILL.md|maskfile.md|README.md|x.cheat|x.prompt.md|pages/common/x.md|patterns/p/system.md|commands/x.md)",
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        ) {
            let _ = file(&path, &bytes, &Place::default(), &Nothing);
        }
    }
}
