//! `fac source add`.

use serde_json::json;

use super::super::Context;
use super::update;
use crate::commands::bind::nearest;
use crate::commands::model::Dialect;
use crate::commands::names;
use crate::commands::source::spec::{Spec, clean_name};
use crate::commands::source::{own, sync};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::store::NewSource;

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
    if let Some(known) = store.source_by_spec(&identity)? {
        let error = Error::new(Kind::Usage, format!("{identity} was added already, as `{}`", known.name));
        return Err(error.hint(format!("`fac source update {}` fetches what is new", known.name)));
    }
    let name = match &args.name {
        Some(name) if clean_name(name) != *name || name.is_empty() => {
            let error = Error::new(Kind::Usage, format!("`{name}` cannot be the name of a source"));
            return Err(error.hint("use lower case letters, digits, `-`, `_` and `.`"));
        }
        Some(name) if store.source_by_name(name)?.is_some() => {
            return Err(
                Error::new(Kind::Usage, format!("there is a source `{name}` already")).hint("choose another --name")
            );
        }
        Some(name) => name.clone(),
        None => own::unique(&store, &spec.suggested_name())?,
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
    let source = store.add_source(&new)?;
    let added = match &spec {
        Spec::Dir(root) => {
            let synced = sync::folder(&store, &source, root)?;
            let mut well = source.clone();
            well.state = "ok".to_string();
            well.fetched_at = Some(context.app.clock.now());
            store.update_source(&well)?;
            Ok(synced)
        }
        _ => update::fetch_one(context, &source),
    };
    let synced = match added {
        Ok(synced) => synced,
        Err(error) => {
            // A source that never arrived is not kept.
            store.remove_source(source.id)?;
            return Err(error);
        }
    };
    names::refresh(&store, &context.app.paths.cache)?;
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
    context.ui.line(&format!("{name}: {count} commands"))?;
    if count == 0 {
        context.ui.note("nothing in it was understood as a command; `--as DIALECT` reads plain files as one");
    } else {
        context.ui.note(&format!(
            "they are not trusted yet: each is shown and asked about before it first runs, or read them\nwith `fac commands ls --source {name}` and allow them with `fac source trust {name}`"
        ));
    }
    Ok(0)
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
