//! Sources as they are shown.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::problem::ErrorView;
use crate::app::sources::Updated;
use crate::commands::catalog::Resolved;
use crate::store::{Source, SourceKind};

/// A source.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// bundled, user, project, dir, github, url or plugin.
    pub kind: &'static str,
    /// Where it is, with its version.
    pub spec: String,
    /// The commit that its definitions are from.
    pub commit: Option<String>,
    /// When its place was last asked with success.
    pub fetched: Option<String>,
    /// How many commands it has.
    pub commands: usize,
    /// trusted, untrusted, partly, or changed.
    pub trust: &'static str,
    /// ok, stale, failed, gone.
    pub state: String,
    /// Why it failed.
    pub error: Option<String>,
    /// The version of what came with the program.
    pub version: Option<String>,
}

impl SourceView {
    /// A source with so many commands, `trust` of which is the word for all of them.
    pub fn of(source: &Source, commands: usize, trust: &'static str) -> SourceView {
        SourceView {
            name: source.name.clone(),
            kind: source.kind.name(),
            spec: spec(source),
            commit: source.commit.clone().filter(|_| source.kind != SourceKind::Bundled),
            fetched: source.fetched_at.map(|t| t.to_string()),
            commands,
            trust,
            state: state(source).to_string(),
            error: source.error.clone(),
            version: version(source).map(String::from),
        }
    }
}

/// The spec with its version.
pub fn spec(source: &Source) -> String {
    match &source.reference {
        Some(reference) => format!("{}@{reference}", source.spec),
        None => source.spec.clone(),
    }
}

/// The version of what came with the program: no commit of anything.
pub fn version(source: &Source) -> Option<&str> {
    source.commit.as_deref().filter(|_| source.kind == SourceKind::Bundled)
}

/// How it stands.
pub fn state(source: &Source) -> &str {
    // What is on this machine needs no fetching before it is well.
    let local = !matches!(source.kind, SourceKind::Github | SourceKind::Url);
    match source.state.as_str() {
        "" => "ok",
        "new" if local => "ok",
        state => state,
    }
}

/// A source with all that is known of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WholeSource {
    /// The source.
    #[serde(flatten)]
    pub source: SourceView,
    /// How many files it has.
    pub files: usize,
    /// Where they are laid out.
    pub folder: Option<String>,
    /// What its host last said about rate limits.
    pub rate: Option<Json>,
    /// Where the host said that it moved.
    pub renamed_to: Option<String>,
}

/// A source that was added, and what there is to say about it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AddedSource {
    /// The source.
    pub source: SourceView,
    /// What was odd about its files.
    pub notes: Vec<String>,
}

/// What became of a source that was updated.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UpdatedView {
    /// Its name.
    pub name: String,
    /// Whether it worked.
    pub ok: bool,
    /// What changed.
    pub changes: Vec<ChangeView>,
    /// What was odd about its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<String>>,
    /// Why it did not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
}

impl From<&Updated> for UpdatedView {
    fn from(one: &Updated) -> UpdatedView {
        UpdatedView {
            name: one.source.name.clone(),
            ok: one.result.is_ok(),
            changes: one.changes.iter().map(|(c, n)| ChangeView { change: word(*c), name: n.clone() }).collect(),
            notes: one.result.as_ref().ok().map(|synced| synced.notes.clone()),
            error: one.result.as_ref().err().map(ErrorView::from),
        }
    }
}

fn word(change: char) -> &'static str {
    match change {
        '+' => "new",
        '-' => "gone",
        _ => "changed",
    }
}

/// A command that came, changed or went.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChangeView {
    /// new, changed or gone.
    pub change: &'static str,
    /// Its name.
    pub name: String,
}

/// What became of sources that were updated.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UpdatesView {
    /// Each of them.
    pub updated: Vec<UpdatedView>,
    /// How many failed.
    pub failed: usize,
}

/// A command that has changed since it was trusted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChangedCommand {
    /// The name of its source.
    pub source: String,
    /// Its name.
    pub name: String,
    /// What was trusted.
    pub before: String,
    /// What is there now.
    pub after: String,
}

impl ChangedCommand {
    /// `resolved` as it is now beside the text that was trusted.
    pub fn of(resolved: &Resolved, before: &str) -> ChangedCommand {
        ChangedCommand {
            source: resolved.source.name.clone(),
            name: resolved.command.name.clone(),
            before: before.to_string(),
            after: resolved.accepted_text(),
        }
    }
}

/// A source that was removed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RemovedSource {
    /// Its name.
    pub name: String,
    /// How many commands it had.
    pub commands: usize,
}
