//! `fac commands ls` and `fac commands search`.

use serde_json::json;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::app::shelf::unknown_source;
use crate::app::views::command::CommandView;
use crate::commands::catalog::{Catalog, Resolved, Trust};
use crate::kernel::error::{Error, Kind, Result};
use crate::store::{DefinitionFilter, DefinitionRow, SourceKind};

/// List commands
#[derive(Debug, clap::Args)]
#[command(visible_alias = "list")]
pub struct Args {
    /// Only names that begin so
    prefix: Option<String>,
    /// Only of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only of this dialect (native, mask, xc, runme, tldr, navi, fabric, claude, skill, copilot, aichat, jaegis)
    #[arg(long)]
    dialect: Option<String>,
    /// Only of this category
    #[arg(long)]
    category: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 100_000)]
    limit: usize,
    /// Go on where the last page ended (`next` of --json)
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let catalog = context.app.whole_catalog()?;
    let filter = DefinitionFilter {
        source: args.source.clone(),
        dialect: args.dialect.clone(),
        category: args.category.clone(),
        prefix: args.prefix.as_deref().map(crate::commands::scan::fold_name),
        with_json: context.ui.json,
    };
    if let Some(source) = &args.source
        && context.app.store()?.source_by_name(source)?.is_none()
    {
        return Err(unknown_source(context.app.store()?, source));
    }
    let (rows, next) = catalog.page(&filter, args.after.as_deref(), args.limit)?;
    if context.ui.json {
        let listed: Vec<_> =
            rows.into_iter().filter_map(|r| as_json(&catalog, r).transpose()).collect::<Result<_>>()?;
        context.ui.value(&json!({"commands": listed, "next": next}))?;
        return Ok(0);
    }
    if rows.is_empty() {
        context.ui.note("no commands match");
    }
    let text = table(context, &catalog, &rows)?;
    context.page(&text)?;
    if let Some(next) = next {
        context.ui.note(&format!("there are more: `--limit N` shows more at once, `--after {next}` goes on from here"));
    }
    Ok(0)
}

fn as_json(catalog: &Catalog<'_>, row: DefinitionRow) -> Result<Option<CommandView>> {
    let Some(hit) = row.into_hit() else { return Ok(None) };
    Ok(Some(CommandView::from(&catalog.resolved(hit)?)))
}

fn table(context: &Context, catalog: &Catalog<'_>, rows: &[DefinitionRow]) -> Result<String> {
    let mut table = Table::new(&["name", "source", "trust", "what it does"]);
    for row in rows {
        let trust = catalog.trust_of_row(row)?;
        let (word, role) = match (row.source.kind, trust) {
            (SourceKind::Bundled | SourceKind::User, _) => ("", None),
            (_, Trust::Trusted) => ("trusted", Some(Role::Good)),
            (_, Trust::Untrusted) => ("untrusted", Some(Role::Dim)),
            (_, Trust::Changed) => ("changed", Some(Role::Warn)),
        };
        table.row(vec![
            (row.name.clone(), Some(Role::Name)),
            (row.source.name.clone(), Some(Role::Dim)),
            (word.to_string(), role),
            (row.summary.clone(), None),
        ]);
    }
    Ok(table.render(&context.ui))
}

/// Find commands by words of their name, description or text
#[derive(Debug, clap::Args)]
pub struct SearchArgs {
    /// What to look for
    #[arg(required = true)]
    words: Vec<String>,
    /// At most this many
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

pub(super) fn search(context: &mut Context, args: &SearchArgs) -> Result<u8> {
    super::super::search::search(context, &args.words.join(" "), Some("command"), args.limit)
}

/// A command by the words typed for it, wherever it stands.
pub(super) fn named(context: &Context, words: &[String]) -> Result<Resolved> {
    let (resolved, used) = context.app.resolve(words)?;
    if used < words.len() {
        let said = format!("there is no command `{}`", words.join(" "));
        return Err(Error::new(Kind::NotFound, said).hint(format!("the nearest is `{}`", resolved.key())));
    }
    Ok(resolved)
}
