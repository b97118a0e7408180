//! `fac source trust`, `untrust` and `diff`: what may run, and what changed since it might.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::table::Table;
use super::super::ui::Role;
use super::super::{Context, ask, card, draw};
use crate::commands::catalog::{Catalog, Resolved, Trust, quoted};
use crate::commands::model::StepKind;
use crate::commands::scan::fold_name;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};
use crate::store::{DefinitionFilter, DefinitionHit, DefinitionRow, NewGrant, Source, SourceKind, Store};

/// Allow commands of a source to run, exactly as they are now
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The source
    name: String,
    /// Only this command, and what it requires
    #[arg(long, value_name = "NAME")]
    command: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let catalog = context.app.whole_catalog()?;
    let source = match super::named(context, &args.name) {
        Err(error) if args.name == SourceKind::Project.name() && args.command.is_none() => {
            return settings_alone(context, error);
        }
        other => other?,
    };
    let all = resolved(&catalog, &source, args.command.as_deref())?;
    let wanting: Vec<&Resolved> = all.iter().filter(|r| r.trust != Trust::Trusted).collect();
    let settings =
        context.app.project_settings().filter(|_| source.kind == SourceKind::Project && args.command.is_none());
    if wanting.is_empty() && settings.is_none() {
        if context.ui.json {
            context.ui.value(&json!({"trusted": []}))?;
            return Ok(0);
        }
        context.ui.note(&format!("everything in `{}` is trusted already", source.name));
        return Ok(0);
    }
    if context.ui.ask && !context.ui.yes {
        for one in wanting.iter().take(if args.command.is_some() { 20 } else { 3 }) {
            let reach = ask::reach_of(context, one)?;
            context.ui.note(&card::whole(&context.ui, one, &reach, None));
            context.ui.note("");
        }
    }
    if !context.ui.json {
        // What is about to be allowed is not cut.
        let mut table = Table::new(&["name", "trust", "summary"]).uncut();
        for one in &wanting {
            let word = if one.trust == Trust::Changed { "changed" } else { "" };
            table.row(vec![
                (one.key(), Some(Role::Name)),
                (word.to_string(), Some(Role::Warn)),
                (one.command.summary.clone(), None),
            ]);
        }
        context.ui.write(table.render(&context.ui).as_bytes())?;
    }
    if let Some((_, name, _, text)) = settings.as_ref().filter(|_| !context.ui.json) {
        // Settings can name programs and aliases, so what is granted is shown whole.
        context.ui.line(&format!("the settings in {name}:"))?;
        for line in safe(text).lines() {
            context.ui.line(&format!("  {line}"))?;
        }
    }
    let question = match wanting.len() {
        1 => "Trust this command exactly as it is now?".to_string(),
        n => format!("Trust these {n} commands exactly as they are now?"),
    };
    if !ask::yes(context, &question, false)? {
        let which = args.command.as_ref().map(|c| format!(" --command {}", quoted(c))).unwrap_or_default();
        let error = Error::new(Kind::Refused, "nothing was trusted");
        return Err(error.hint(format!("`fac source trust {}{which} --yes` grants it without a question", source.name)));
    }
    let mut grants: Vec<NewGrant> = wanting.iter().map(|r| ask::grant_of(r, "source trust")).collect();
    if let Some((spec, name, digest, text)) = settings {
        grants.push(NewGrant { source: spec, command: name, digest, how: "source trust".into(), text });
    }
    catalog.store.grant(&grants)?;
    if context.ui.json {
        let names: Vec<&str> = grants.iter().map(|g| g.command.as_str()).collect();
        context.ui.value(&json!({"trusted": names}))?;
    } else {
        context.ui.note(&format!("trusted {}", super::counted(wanting.len(), "command")));
    }
    Ok(0)
}

/// Trusts the settings of a project that has no commands of its own; `error` is the answer where it has none either.
fn settings_alone(context: &mut Context, error: Error) -> Result<u8> {
    let Some((spec, name, digest, text)) = context.app.project_settings() else { return Err(error) };
    if !context.ui.json {
        context.ui.line("the settings in .factotum.toml:")?;
        context.ui.line(safe(&text).trim_end())?;
    }
    if !ask::yes(context, "Trust these settings exactly as they are now?", false)? {
        let error = Error::new(Kind::Refused, "nothing was trusted");
        return Err(error.hint("`fac source trust project --yes` grants it without a question"));
    }
    let grant = NewGrant { source: spec, command: name.clone(), digest, how: "source trust".into(), text };
    context.app.store()?.grant(&[grant])?;
    if context.ui.json {
        context.ui.value(&json!({"trusted": [name]}))?;
    } else {
        context.ui.note("trusted the settings");
    }
    Ok(0)
}

/// The definitions of a source, or one of them with what it requires.
fn resolved(catalog: &Catalog<'_>, source: &Source, command: Option<&str>) -> Result<Vec<Resolved>> {
    if let Some(name) = command {
        let hits = hits(catalog.store, source, name)?;
        let mut all: Vec<Resolved> = hits.into_iter().map(|h| catalog.resolved(h)).collect::<Result<_>>()?;
        let mut at = 0;
        while at < all.len() {
            let asker = all[at].clone();
            for words in words_of_others(&asker) {
                if let Ok((needed, _)) = catalog.resolve(&words, Some(asker.near()))
                    && !all.iter().any(|r| r.key() == needed.key())
                {
                    all.push(needed);
                }
            }
            at += 1;
        }
        return Ok(all);
    }
    let filter = DefinitionFilter { source: Some(source.name.clone()), with_json: true, ..DefinitionFilter::default() };
    let (rows, _) = catalog.store.list_definitions(&filter, None, 1_000_000)?;
    rows.into_iter().filter_map(DefinitionRow::into_hit).map(|hit| catalog.resolved(hit)).collect()
}

/// The definitions that `name`, with or without its source, means in `source`.
fn hits(store: &Store, source: &Source, name: &str) -> Result<Vec<DefinitionHit>> {
    let name = fold_name(name.strip_prefix(&format!("{}:", source.name)).unwrap_or(name));
    let hits = store.find_in_source(&source.name, &name)?;
    if hits.is_empty() {
        let error = Error::new(Kind::NotFound, format!("`{}` has no command `{name}`", source.name));
        return Err(error.hint(format!("`fac commands ls --source {}` lists what it has", source.name)));
    }
    Ok(hits)
}

/// The words of the commands that one requires or runs.
fn words_of_others(one: &Resolved) -> Vec<Vec<String>> {
    let calls = one.command.steps.iter().filter(|s| s.kind == StepKind::Run).flat_map(|s| s.text.lines());
    let called = calls.filter(|l| !l.trim_start().starts_with('#')).filter_map(shlex::split);
    one.command.requires.iter().cloned().chain(called).filter(|words| !words.is_empty()).collect()
}

/// Take trust back
#[derive(Debug, clap::Args)]
pub struct UntrustArgs {
    /// The source
    name: String,
    /// Only this command
    #[arg(long, value_name = "NAME")]
    command: Option<String>,
}

pub(super) fn untrust(context: &mut Context, args: &UntrustArgs) -> Result<u8> {
    let source = match super::named(context, &args.name) {
        Err(error) if args.name == SourceKind::Project.name() => {
            let Some((spec, ..)) = context.app.project_settings() else { return Err(error) };
            let count = context.app.store()?.revoke(Some(&spec), None)?;
            context.ui.note(&format!("took back {count} permissions"));
            return Ok(0);
        }
        other => other?,
    };
    if crate::commands::catalog::trusted_from_the_start(source.kind) {
        return Err(Error::new(Kind::Usage, format!("`{}` is trusted from the start", source.name)));
    }
    let store = context.app.store()?;
    let mut count = 0;
    match &args.command {
        None => count += store.revoke(Some(&source.spec), None)?,
        Some(name) => {
            let names: BTreeSet<String> = hits(store, &source, name)?.into_iter().map(|h| h.name).collect();
            for name in names {
                count += store.revoke(Some(&source.spec), Some(&name))?;
            }
        }
    }
    if source.kind == SourceKind::Project
        && args.command.is_none()
        && let Some((spec, ..)) = context.app.project_settings()
    {
        count += store.revoke(Some(&spec), None)?;
    }
    if context.ui.json {
        context.ui.value(&json!({"untrusted": source.name, "permissions": count}))?;
    } else {
        context.ui.note(&format!("took back {}", super::counted(count, "permission")));
    }
    Ok(0)
}

/// Show what changed since it was trusted
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// The source; without one, all
    name: Option<String>,
}

pub(super) fn diff(context: &mut Context, args: &DiffArgs) -> Result<u8> {
    let catalog = context.app.whole_catalog()?;
    let sources = match &args.name {
        Some(name) => vec![super::named(context, name)?],
        None => super::visible(context, catalog.store.sources()?),
    };
    let mut changed = Vec::new();
    for source in &sources {
        for one in resolved(&catalog, source, None)?.into_iter().filter(|r| r.trust == Trust::Changed) {
            let before = catalog.store.last_grant(&one.source.spec, &one.command.name)?;
            changed.push((one, before.map(|g| g.text).unwrap_or_default()));
        }
    }
    if context.ui.json {
        let list: Vec<_> = changed
            .iter()
            .map(|(r, before)| json!({"source": r.source.name, "name": r.command.name, "before": before, "after": r.accepted_text()}))
            .collect();
        context.ui.value(&json!({"changed": list}))?;
        return Ok(0);
    }
    for (one, before) in &changed {
        context.ui.line(&context.ui.paint(Role::Strong, &safe_line(&one.key())))?;
        context.ui.line(&draw::trust_diff(&context.ui, before, one))?;
    }
    if changed.is_empty() {
        context.ui.note("nothing that was trusted has changed");
    }
    Ok(0)
}
