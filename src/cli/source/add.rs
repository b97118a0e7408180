//! `fac source add`.

use std::path::Path;

use serde_json::json;

use super::super::Context;
use super::update;
use crate::commands::bind::nearest;
use crate::commands::model::Dialect;
use crate::commands::source::spec::{Spec, clean_name};
use crate::commands::source::sync::Synced;
use crate::commands::source::{own, sync};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Ids;
use crate::kernel::terminal::safe_line;
use crate::store::{NewSource, Source, Store};

/// Take definitions from a repository, an address or a folder
#[derive(Debug, clap::Args)]
pub struct Args {
    /// github:owner/repo[/path][@ref], a github.com page, an https:// Markdown file, or ./folder
    spec: String,
    /// What to call it
    #[arg(long)]
    name: Option<String>,
    /// Read files as this dialect where they cannot be told apart (aichat, xc, runme, claude …)
    #[arg(long = "as", value_name = "DIALECT")]
    dialect: Option<String>,
}

impl Args {
    /// The arguments of a plain `add SPEC`.
    pub(super) fn of(spec: &str) -> Self {
        Args { spec: spec.to_string(), name: None, dialect: None }
    }
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let store = context.app.store()?.clone();
    let dialect = args.dialect.as_deref().map(dialect).transpose()?;
    let spec = context.app.source_spec(&args.spec)?;
    let identity = spec.identity();
    let left = unfinished(&store, &identity)?;
    let name = match &args.name {
        Some(name) if clean_name(name) != *name || name.is_empty() => {
            let error = Error::new(Kind::Usage, format!("`{name}` cannot be the name of a source"));
            return Err(error.hint("use lower case letters, digits, `-`, `_` and `.`"));
        }
        Some(name) if own::RESERVED.contains(&name.as_str()) => {
            let error = Error::new(Kind::Usage, format!("the name `{name}` is kept"));
            return Err(error.hint("choose another --name"));
        }
        Some(name) if store.source_by_name(name)?.is_some_and(|s| left.as_ref().is_none_or(|l| l.id != s.id)) => {
            return Err(
                Error::new(Kind::Usage, format!("there is a source `{name}` already")).hint("choose another --name")
            );
        }
        Some(name) => name.clone(),
        None if left.is_some() => left.as_ref().map(|l| l.name.clone()).unwrap_or_default(),
        None => own::unused(&store, &spec.suggested_name())?,
    };
    let new = NewSource {
        name: name.clone(),
        kind: spec.kind(),
        spec: identity,
        reference: match &spec {
            Spec::Github(github) => github.git_ref.clone(),
            _ => None,
        },
        options: options(&spec, dialect),
    };
    let synced = match &spec {
        Spec::Dir(root) => folder(context, &store, &new, root)?,
        _ => fetched(context, &store, &new)?,
    };
    // The names of all sources, the bundled ones too, are completed from now on.
    context.app.catalog()?;
    let count = synced.replaced.added + synced.replaced.unchanged + synced.replaced.changed;
    if context.ui.json {
        let source = super::named(context, &name)?;
        let value = super::list::as_json(context, &source, count)?;
        context.ui.value(&json!({"source": value, "notes": synced.notes}))?;
        return Ok(0);
    }
    for note in synced.notes.iter().take(8) {
        context.ui.note(&safe_line(note));
    }
    if synced.notes.len() > 8 {
        context.ui.note(&format!("… and {} more notes; `fac source info {name}` shows all", synced.notes.len() - 8));
    }
    context.ui.line(&format!("{name}: {}", super::counted(count, "command")))?;
    if count == 0 {
        context.ui.note("nothing in it was understood as a command; `--as DIALECT` reads plain files as one");
    } else {
        context.ui.note(&format!(
            "they are not trusted yet: each is shown and asked about before it first runs, or read them\nwith `fac commands ls --source {name}` and allow them with `fac source trust {name}`"
        ));
    }
    Ok(0)
}

/// Says no to a place that is a source already. One whose adding was cut off is taken up again.
fn unfinished(store: &Store, identity: &str) -> Result<Option<Source>> {
    match store.source_by_spec(identity)? {
        Some(known) if known.state != "new" => {
            let error = Error::new(Kind::Usage, format!("{identity} was added already, as `{}`", known.name));
            Err(error.hint(format!("`fac source update {}` fetches what is new", known.name)))
        }
        other => Ok(other),
    }
}

/// The row of a source that is being added.
fn begun(store: &Store, new: &NewSource) -> Result<Source> {
    match unfinished(store, &new.spec)? {
        Some(left) => Ok(Source { name: new.name.clone(), options: new.options.clone(), ..left }),
        None => store.add_source(new),
    }
}

fn folder(context: &Context, store: &Store, new: &NewSource, root: &Path) -> Result<Synced> {
    let mut source = begun(store, new)?;
    let synced = kept(store, &source, sync::folder(store, &source, root))?;
    source.state = "ok".to_string();
    source.fetched_at = Some(context.app.clock.now());
    store.update_source(&source)?;
    Ok(synced)
}

/// Downloads first; only what arrived whole becomes a source.
fn fetched(context: &Context, store: &Store, new: &NewSource) -> Result<Synced> {
    let now = context.app.clock.now();
    let (remote, mut downloads) = update::download(context, &[not_yet(new, now)])?;
    let none = || Err(Error::new(Kind::Failed, "the download gave no answer"));
    let mut download = downloads.pop().unwrap_or_else(none)?;
    // A pasted address is settled, and a renamed repository known, only now.
    let source = begun(store, &NewSource { spec: download.source.spec.clone(), ..new.clone() })?;
    (download.source.id, download.source.rank) = (source.id, source.rank);
    kept(store, &source, remote.take_over(store, &download, now))
}

/// A source that could not be read is not kept.
fn kept(store: &Store, source: &Source, read: Result<Synced>) -> Result<Synced> {
    if read.is_err() {
        store.remove_source(source.id)?;
    }
    read
}

/// The source as it will be, for the download.
fn not_yet(new: &NewSource, now: Timestamp) -> Source {
    Source {
        id: Ids::random().next(now),
        name: new.name.clone(),
        kind: new.kind,
        spec: new.spec.clone(),
        rank: 0,
        reference: new.reference.clone(),
        commit: None,
        etag: None,
        last_modified: None,
        fetched_at: None,
        state: "new".to_string(),
        error: None,
        rate: None,
        options: new.options.clone(),
        renamed_to: None,
        added_at: now,
    }
}

fn options(spec: &Spec, dialect: Option<Dialect>) -> serde_json::Value {
    let mut options = serde_json::Map::new();
    if let Some(dialect) = dialect {
        options.insert("as".into(), json!(dialect.name()));
    }
    if let Spec::Github(github) = spec {
        if github.host != crate::commands::source::github::spec::GITHUB {
            options.insert("host".into(), json!(github.host));
        }
        if !github.open.is_empty() {
            options.insert("open".into(), json!(github.open));
        }
    }
    serde_json::Value::Object(options)
}

fn dialect(name: &str) -> Result<Dialect> {
    let found = Dialect::ALL.into_iter().find(|d| d.name() == name);
    found.ok_or_else(|| {
        let error = Error::new(Kind::Usage, format!("there is no dialect `{name}`"));
        let names: Vec<&str> = Dialect::ALL.iter().map(|d| d.name()).collect();
        match nearest(name, names.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the dialects are {}", names.join(", "))),
        }
    })
}
