//! `fac source ls`, `info` and `rm`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::table::Table;
use super::super::ui::Role;
use super::super::{Context, ask};
use crate::commands::catalog::trusted_from_the_start;
use crate::commands::names;
use crate::commands::source::layout;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::store::{DefinitionFilter, Source, SourceKind};

/// List sources
#[derive(Debug, clap::Args)]
#[command(visible_alias = "list")]
pub struct Args {}

/// One source as the JSON contract wants it.
pub(super) fn as_json(context: &Context, source: &Source, commands: usize) -> Result<Value> {
    Ok(json!({
        "name": source.name,
        "kind": source.kind.name(),
        "spec": shown_spec(source),
        "commit": source.commit.as_ref().filter(|_| source.kind != SourceKind::Bundled),
        "fetched": source.fetched_at.map(|t| t.to_string()),
        "commands": commands,
        "trust": trust(context, source)?,
        "state": state(source),
        "error": source.error,
        "version": own_version(source),
    }))
}

/// The spec with its version.
fn shown_spec(source: &Source) -> String {
    match &source.reference {
        Some(reference) => format!("{}@{reference}", source.spec),
        None => source.spec.clone(),
    }
}

/// The version of what came with the program: no commit of anything.
fn own_version(source: &Source) -> Option<&str> {
    source.commit.as_deref().filter(|_| source.kind == SourceKind::Bundled)
}

fn state(source: &Source) -> &str {
    // What is on this machine needs no fetching before it is well.
    let local = !matches!(source.kind, SourceKind::Github | SourceKind::Url);
    match source.state.as_str() {
        "" => "ok",
        "new" if local => "ok",
        state => state,
    }
}

/// `trusted` and `untrusted` speak of every command, `changed` of one at least that was trusted with other content;
/// `partly` is the rest.
fn trust(context: &Context, source: &Source) -> Result<&'static str> {
    if trusted_from_the_start(source.kind) {
        return Ok("trusted");
    }
    let store = context.app.store()?;
    let granted = store.grants(Some(&source.spec))?;
    let names: HashSet<&str> = granted.iter().map(|g| g.command.as_str()).collect();
    let exact: HashSet<(&str, &str)> = granted.iter().map(|g| (g.command.as_str(), g.digest.as_str())).collect();
    let filter = DefinitionFilter { source: Some(source.name.clone()), ..DefinitionFilter::default() };
    let (rows, _) =
        if names.is_empty() { Default::default() } else { store.list_definitions(&filter, None, 1_000_000)? };
    let trusted = rows.iter().filter(|r| exact.contains(&(r.name.as_str(), r.digest.as_str()))).count();
    let changed =
        rows.iter().any(|r| names.contains(r.name.as_str()) && !exact.contains(&(r.name.as_str(), r.digest.as_str())));
    Ok(match trusted {
        _ if changed => "changed",
        0 => "untrusted",
        n if n == rows.len() => "trusted",
        _ => "partly",
    })
}

pub(super) fn run(context: &mut Context, _args: &Args) -> Result<u8> {
    let catalog = context.app.whole_catalog()?;
    let counts: std::collections::BTreeMap<String, u64> = catalog.store.definition_counts()?.into_iter().collect();
    let sources = super::visible(context, catalog.store.sources()?);
    let count = |s: &Source| usize::try_from(counts.get(&s.name).copied().unwrap_or(0)).unwrap_or(0);
    if context.ui.json {
        let list: Vec<Value> = sources.iter().map(|s| as_json(context, s, count(s))).collect::<Result<_>>()?;
        context.ui.value(&json!({"sources": list, "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["name", "commands", "trust", "state", "version", "where"]);
    for source in &sources {
        let word = trust(context, source)?;
        let role = if word == "trusted" { Role::Good } else { Role::Dim };
        let state_role = if state(source) == "ok" { None } else { Some(Role::Warn) };
        let commit = source.commit.as_deref().filter(|_| source.kind == SourceKind::Github);
        // Of the program's own version the digest of the files is left out.
        let version = own_version(source).map(|v| v.split('-').next().unwrap_or(v));
        table.row(vec![
            (source.name.clone(), Some(Role::Name)),
            (count(source).to_string(), None),
            (word.to_string(), Some(role)),
            (state(source).to_string(), state_role),
            (commit.and_then(|c| c.get(..8)).or(version).unwrap_or("").to_string(), Some(Role::Dim)),
            (shown_spec(source), None),
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
    let catalog = context.app.whole_catalog()?;
    let source = super::named(context, &args.name)?;
    let counts = catalog.store.definition_counts()?;
    let count = counts.iter().find(|c| c.0 == source.name).map_or(0, |c| usize::try_from(c.1).unwrap_or(0));
    let files = catalog.store.source_files(source.id)?;
    let folder = source
        .commit
        .as_deref()
        .filter(|_| matches!(source.kind, SourceKind::Github | SourceKind::Url))
        .map(|c| layout::folder(&context.app.layouts(), source.id, c));
    if context.ui.json {
        let mut value = as_json(context, &source, count)?;
        value["files"] = json!(files.len());
        value["folder"] = json!(folder.map(|f| f.display().to_string()));
        value["rate"] = json!(source.rate);
        value["renamed_to"] = json!(source.renamed_to);
        context.ui.value(&json!({"source": value}))?;
        return Ok(0);
    }
    let mut rows = vec![
        ("name", source.name.clone()),
        ("kind", source.kind.name().to_string()),
        ("where", shown_spec(&source)),
        ("commands", count.to_string()),
        ("files", files.len().to_string()),
        ("trust", trust(context, &source)?.to_string()),
        ("state", state(&source).to_string()),
    ];
    let more = [
        ("version", own_version(&source).map(|v| format!("{v}, came with this program"))),
        ("commit", source.commit.clone().filter(|_| source.kind == SourceKind::Github)),
        ("content", source.commit.clone().filter(|_| source.kind == SourceKind::Url)),
        ("fetched", source.fetched_at.map(|t| t.local_short())),
        ("folder", folder.map(|f| f.display().to_string())),
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
        if trusted_from_the_start(source.kind) {
            let error = Error::new(Kind::Usage, format!("`{name}` is always there"));
            return Err(error.hint("a command of your own with the same name comes before a bundled one"));
        }
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
        let store = context.app.store()?;
        let removed = store.remove_source(source.id)?;
        store.revoke(Some(&source.spec), None)?;
        layout::sweep(&context.app.layouts(), source.id, None);
        if !context.ui.json {
            context.ui.note(&format!("removed {name} with {}", super::counted(removed, "command")));
        }
        gone.push(json!({"name": name, "commands": removed}));
    }
    names::refresh(context.app.store()?, &context.app.paths.cache)?;
    if context.ui.json {
        context.ui.value(&json!({"removed": gone}))?;
    }
    Ok(0)
}
