//! The files beside a definition in a folder that its scripts can read, as one digest.
//!
//! A folder under development changes with every keystroke, so unlike a fetched source not every file counts: those
//! that the scripts name (`./build.sh`, `lib/x.py`, `$FAC_SOURCE_DIR/x`), those that these name in turn, what a build
//! tool reads without being told (`make` its Makefile), and everything below a skill. A name that a script puts
//! together while it runs is not seen; whoever trusts a folder trusts its owner that far.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::commands::digest;
use crate::commands::model::{Command, Dialect};

/// Files beyond this size or count are told apart by size and time of change instead of by content.
const READ_WHOLE: u64 = 8 << 20;
const MOST_READ: usize = 500;
/// Names are followed until this many files are known.
const MOST_FOLLOWED: usize = 20_000;

/// What tools read although nobody names it.
const IMPLIED: [(&str, &[&str]); 9] = [
    ("make", &["Makefile", "makefile", "GNUmakefile"]),
    ("just", &["justfile", "Justfile", ".justfile"]),
    ("task", &["Taskfile.yml", "Taskfile.yaml"]),
    ("npm", &["package.json"]),
    ("yarn", &["package.json"]),
    ("pnpm", &["package.json"]),
    ("rake", &["Rakefile"]),
    ("mask", &["maskfile.md"]),
    ("docker", &["Dockerfile", "docker-compose.yml", "compose.yaml"]),
];

/// The digest of what `command`, whose source lies in `base`, can read beside its own file; empty for nothing.
pub fn digest(base: &Path, command: &Command) -> String {
    if !digest::reads_siblings(command) {
        return String::new();
    }
    let roots = roots(base);
    let own = base.join(&command.origin.path);
    let folder = own.parent().unwrap_or(base).to_path_buf();
    let mut found: BTreeSet<PathBuf> = BTreeSet::new();
    for step in &command.steps {
        named(&roots, &folder, &step.text, &mut found);
    }
    if command.dialect == Dialect::Skill {
        let all = ignore::WalkBuilder::new(&folder).standard_filters(false).follow_links(false).build();
        found.extend(all.flatten().map(ignore::DirEntry::into_path).filter(|p| p.is_file()).take(MOST_FOLLOWED));
    }
    let mut unread: Vec<PathBuf> = found.iter().cloned().collect();
    while let Some(file) = unread.pop().filter(|_| found.len() < MOST_FOLLOWED) {
        let small = std::fs::metadata(&file).is_ok_and(|m| m.len() <= READ_WHOLE);
        let Some(text) = small.then(|| std::fs::read_to_string(&file).ok()).flatten() else { continue };
        let mut more = BTreeSet::new();
        named(&roots, file.parent().unwrap_or(base), &text, &mut more);
        unread.extend(more.difference(&found).cloned());
        found.append(&mut more);
    }
    found.remove(&own);
    let hashed: Vec<(String, String)> = found
        .iter()
        .enumerate()
        .map(|(number, path)| (path.strip_prefix(base).unwrap_or(path).display().to_string(), id(path, number)))
        .collect();
    digest::of_files(hashed.iter().map(|(path, id)| (path.as_str(), id.as_str())))
}

/// Where a relative name may start: the source, and for a project's own commands the project.
fn roots(base: &Path) -> Vec<PathBuf> {
    let mut roots = vec![base.to_path_buf()];
    if base.ends_with(".factotum/commands")
        && let Some(project) = base.parent().and_then(Path::parent)
    {
        roots.push(project.to_path_buf());
    }
    roots
}

/// What tells a file's content from another: its git id, or size and time where it is large or one of very many.
fn id(path: &Path, number: usize) -> String {
    let Ok(meta) = std::fs::metadata(path) else { return "gone".to_string() };
    let whole = meta.len() <= READ_WHOLE && number < MOST_READ;
    match whole.then(|| std::fs::read(path).ok()).flatten() {
        Some(bytes) => digest::git_blob(&bytes),
        None => format!("{}-{}", meta.len(), super::local::stamp(&meta)),
    }
}

/// Words of `text` that are files below one of the roots, seen from it or from `folder`.
fn named(roots: &[PathBuf], folder: &Path, text: &str, found: &mut BTreeSet<PathBuf>) {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+' | '@');
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for token in text.split(|c| !word(c)).filter(|t| t.len() > 2 && t.len() < 512) {
        if !seen.insert(token) {
            continue;
        }
        for (_, files) in IMPLIED.iter().filter(|(tool, _)| *tool == token) {
            files.iter().for_each(|file| add(roots, folder, file, found));
        }
        let token = token.trim_start_matches("./").trim_start_matches('/');
        if token.is_empty() || token.split('/').any(|part| part == "..") {
            continue;
        }
        add(roots, folder, token, found);
        // The first part may be a variable: `$FAC_SOURCE_DIR/x`.
        if let Some((_, behind)) = token.split_once('/').filter(|(_, rest)| !rest.is_empty()) {
            add(roots, folder, behind, found);
        }
    }
}

fn add(roots: &[PathBuf], folder: &Path, name: &str, found: &mut BTreeSet<PathBuf>) {
    let places = roots.iter().map(PathBuf::as_path).chain(std::iter::once(folder));
    found.extend(places.map(|place| place.join(name)).filter(|path| path.is_file()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dialect::{SourceFile, native};

    fn command(script: &str) -> Command {
        let text = format!("---\nfactotum: 1\n---\n## `/a`\n```sh\n{script}\n```\n");
        native::read(&SourceFile { path: "a.md", text: &text }).commands.remove(0)
    }

    #[test]
    fn what_a_script_names_is_part_of_it_and_what_that_names_too() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| std::fs::write(dir.path().join(path), text).unwrap();
        write("build.sh", ". ./lib.sh");
        write("lib.sh", "echo 1");
        write("other.sh", "echo 1");
        let command = command("sh ./build.sh");
        let before = digest(dir.path(), &command);
        write("other.sh", "echo 2");
        assert_eq!(digest(dir.path(), &command), before);
        write("lib.sh", "echo 2");
        assert_ne!(digest(dir.path(), &command), before);
    }

    #[test]
    fn a_makefile_counts_and_so_does_a_projects_own_script() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join(".factotum/commands");
        std::fs::create_dir_all(&base).unwrap();
        let change = |path: &Path, command: &Command| {
            std::fs::write(path, "1").unwrap();
            let before = digest(&base, command);
            std::fs::write(path, "2").unwrap();
            before != digest(&base, command)
        };
        assert!(change(&dir.path().join("Makefile"), &command("make test")));
        std::fs::create_dir(dir.path().join("scripts")).unwrap();
        assert!(change(&dir.path().join("scripts/d.sh"), &command("sh scripts/d.sh")));
    }
}
