//! `fac source add`.

use std::sync::Arc;

use serde_json::json;

use super::super::Context;
use super::progress::watched;
use crate::app::shelf::dialect;
use crate::app::sources::Watch;
use crate::app::views::source::AddedSource;
use crate::commands::source::remote::Report;
use crate::commands::source::spec::Spec;
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;

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
    let dialect = args.dialect.as_deref().map(dialect).transpose()?;
    let spec = context.app.source_spec(&args.spec)?;
    let app = &context.app;
    let (name, synced) = match spec {
        Spec::Dir(_) => {
            let nobody: Report = Arc::new(|_: &str, _| {});
            app.add_source(&spec, args.name.as_deref(), dialect, Watch { report: &nobody, stop: &Stop::new()? })?
        }
        _ => watched(&context.ui, |watch| app.add_source(&spec, args.name.as_deref(), dialect, watch))?,
    };
    let count = synced.replaced.added + synced.replaced.unchanged + synced.replaced.changed;
    if context.ui.json {
        let source = super::named(context, &name)?;
        let source = app.source_view(&source, count)?;
        context.ui.value(&json!(AddedSource { source, notes: synced.notes }))?;
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
