//! What a person types to name a source: a repository, an address, a folder.

use std::path::{Path, PathBuf};

use super::github;
use super::url;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::SourceKind;

/// A source as it was named.
#[derive(Clone, Debug)]
pub enum Spec {
    /// A repository.
    Github(github::Spec),
    /// One file at an address.
    Url(::url::Url),
    /// A folder or a file on this machine, absolute.
    Dir(PathBuf),
}

impl Spec {
    /// Reads what was typed. Relative paths are seen from `cwd`, `~/` from `home`; `enterprise` is a GitHub Enterprise host.
    ///
    /// # Errors
    /// `Usage` with the forms that exist, `NotFound` for a path that is not there.
    pub fn parse(text: &str, cwd: &Path, home: Option<&Path>, enterprise: Option<&str>) -> Result<Spec> {
        let text = text.trim();
        if let Some(found) = github::Spec::parse(text, enterprise) {
            return found.map(Spec::Github);
        }
        if let Some(found) = url::parse(text) {
            return found.map(Spec::Url);
        }
        let path = text.strip_prefix("dir:").unwrap_or(text);
        let full = match (path.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => cwd.join(path),
        };
        match full.canonicalize() {
            Ok(found) if found.to_str().is_some() => Ok(Spec::Dir(found)),
            Ok(found) => Err(Error::new(Kind::Usage, format!("the path {} is not UTF-8", found.display()))),
            Err(_) => Err(not_a_source(text, &full)),
        }
    }

    /// What kind of source it is.
    pub fn kind(&self) -> SourceKind {
        match self {
            Spec::Github(_) => SourceKind::Github,
            Spec::Url(_) => SourceKind::Url,
            Spec::Dir(_) => SourceKind::Dir,
        }
    }

    /// Its identity for trust: where it is, without a version.
    pub fn identity(&self) -> String {
        match self {
            Spec::Github(spec) => github::Spec { git_ref: None, ..spec.clone() }.to_string(),
            Spec::Url(url) => url.to_string(),
            Spec::Dir(path) => format!("dir:{}", path.display()),
        }
    }

    /// A name for it, when the person gives none.
    pub fn suggested_name(&self) -> String {
        let raw = match self {
            Spec::Github(spec) => spec.repo.clone(),
            Spec::Url(url) => {
                let last = url.path_segments().and_then(|mut s| s.next_back()).unwrap_or("");
                last.trim_end_matches(".md").to_string()
            }
            Spec::Dir(path) => {
                path.file_name().map(|n| n.to_string_lossy().trim_end_matches(".md").to_string()).unwrap_or_default()
            }
        };
        let name = clean_name(&raw);
        if name.is_empty() { "source".to_string() } else { name }
    }
}

/// A source name: lower case letters, digits, `-`, `_` and `.`.
pub fn clean_name(raw: &str) -> String {
    let name: String = raw
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    name.trim_matches(['-', '.']).to_string()
}

/// The same path without `.` in it.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

fn not_a_source(text: &str, full: &Path) -> Error {
    let looks_like_path = text.starts_with(['.', '/', '~']) || text.starts_with("dir:");
    let forms = "github:owner/repo[/path][@ref], a page address of github.com, an https:// address of a Markdown file, or ./folder";
    if looks_like_path {
        return Error::new(Kind::NotFound, format!("there is nothing at {}", plain(full).display()))
            .hint(format!("a source is {forms}"));
    }
    let error = Error::new(Kind::Usage, format!("`{text}` names no source"));
    match text.split_once('/') {
        Some((owner, repo)) if !owner.is_empty() && !repo.is_empty() && !owner.contains([':', ' ']) => {
            error.hint(format!("did you mean `github:{text}`? a source is {forms}"))
        }
        _ => error.hint(format!("a source is {forms}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_and_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("My Kit")).unwrap();
        let parse = |text: &str| Spec::parse(text, dir.path(), None, None);
        let github = parse("github:casey/just@1.0").unwrap();
        assert_eq!((github.kind(), github.suggested_name()), (SourceKind::Github, "just".into()));
        assert_eq!(github.identity(), "github:casey/just");
        assert_eq!(parse("https://github.com/casey/just/tree/master/examples").unwrap().kind(), SourceKind::Github);
        assert_eq!(parse("https://example.org/a/kit.md").unwrap().suggested_name(), "kit");
        assert_eq!(parse("./My Kit").unwrap().suggested_name(), "my-kit");
        assert_eq!(parse("./none").unwrap_err().kind(), Kind::NotFound);
        let error = parse("casey/just").unwrap_err();
        assert!(error.way_forward().unwrap().starts_with("did you mean `github:casey/just`?"));
    }
}
