//! `fac source ls`, `info` and `rm`.

use serde_json::json;

use super::super::table::Table;
use super::super::ui::Role;
use super::super::{Context, ask};
use crate::app::shelf::removable;
use crate::app::views::source::{spec, state, version};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::store::{Source, SourceKind};

/// List sources
#[derive(Debug, clap::Args)]
#[command(visible_alias = "list")]
pub struct Args {}

pub(super) fn run(context: &mut Context, _args: &Args) -> Result<u8> {
    context.app.whole_catalog()?;
    let counts = context.app.command_counts()?;
    let sources = context.app.visible_sources()?;
    let count = |s: &Source| counts.get(&s.name).copied().unwrap_or(0);
    if context.ui.json {
        let list: Vec<_> = sources.iter().map(|s| context.app.source_view(s, count(s))).collect::<Result<_>>()?;
        context.ui.value(&json!({"sources": list, "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["name", "commands", "trust", "state", "version", "where"]);
    for source in &sources {
        let word = context.app.trust_in(source)?;
        let role = if word == "trusted" { Role::Good } else { Role::Dim };
        let state_role = if state(source) == "ok" { None } else { Some(Role::Warn) };
        let commit = source.commit.as_deref().filter(|_| source.kind == SourceKind::Github);
        // Of the program's own version the digest of the files is left out.
        let version = version(source).map(|v| v.split('-').next().unwrap_or(v));
        table.row(vec![
            (source.name.clone(), Some(Role::Name)),
            (count(source).to_string(), None),
            (word.to_string(), Some(role)),
            (state(source).to_string(), state_role),
            (commit.and_then(|c| c.get(..8)).or(version).unwrap_or("").to_string(), Some(Role::Dim)),
            (spec(source), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

/// Show one source
#[derive(Debug, clap::Args)]
pub struct InfoArgs {
    /// The source
    name: String,
}

pub(super) fn info(context: &mut Context, args: &InfoArgs) -> Result<u8> {
    context.app.whole_catalog()?;
    let source = super::named(context, &args.name)?;
    let whole = context.app.whole_source(&source)?;
    if context.ui.json {
        context.ui.value(&json!({"source": whole}))?;
        return Ok(0);
    }
    let mut rows = vec![
        ("name", source.name.clone()),
        ("kind", source.kind.name().to_string()),
        ("where", spec(&source)),
        ("commands", whole.source.commands.to_string()),
        ("files", whole.files.to_string()),
        ("trust", whole.source.trust.to_string()),
        ("state", state(&source).to_string()),
    ];
    let more = [
        ("version", version(&source).map(|v| format!("{v}, came with this program"))),
        ("commit", source.commit.clone().filter(|_| source.kind == SourceKind::Github)),
        ("content", source.commit.clone().filter(|_| source.kind == SourceKind::Url)),
        ("fetched", source.fetched_at.map(|t| t.local_short())),
        ("folder", whole.folder),
        ("renamed to", source.renamed_to.clone()),
        ("problem", source.error.clone()),
        ("read as", source.options.get("as").and_then(|a| a.as_str()).map(String::from)),
        (
            "requests left",
            source.rate.as_ref().and_then(|r| Some(format!("{} of {}", r.get("remaining")?, r.get("limit")?))),
        ),
    ];
    rows.extend(more.into_iter().filter_map(|(k, v)| Some((k, v?))));
    for (label, value) in rows {
        context.ui.line(&format!("{} {}", context.ui.paint(Role::Dim, &format!("{label:>13}")), safe_line(&value)))?;
    }
    Ok(0)
}

/// Remove sources and everything fetched from them
#[derive(Debug, clap::Args)]
pub struct RmArgs {
    /// The sources
    #[arg(required = true)]
    names: Vec<String>,
}

pub(super) fn rm(context: &mut Context, args: &RmArgs) -> Result<u8> {
    let mut chosen: Vec<Source> = Vec::new();
    for name in &args.names {
        let source = super::named(context, name)?;
        removable(&source)?;
        if !chosen.iter().any(|c| c.id == source.id) {
            chosen.push(source);
        }
    }
    let mut gone = Vec::new();
    for source in chosen {
        let name = &source.name;
        if context.ui.ask && !ask::yes(context, &format!("Remove `{name}` and what was trusted of it?"), false)? {
            return Err(Error::new(Kind::Refused, format!("`{name}` was not removed")));
        }
        let removed = context.app.remove_source(&source)?;
        if !context.ui.json {
            context.ui.note(&format!("removed {name} with {}", super::counted(removed.commands, "command")));
        }
        gone.push(removed);
    }
    if context.ui.json {
        context.ui.value(&json!({"removed": gone}))?;
    }
    Ok(0)
}
