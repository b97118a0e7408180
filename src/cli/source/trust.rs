//! `fac source trust`, `untrust` and `diff`: what may run, and what changed since it might.

use serde_json::json;

use super::super::table::Table;
use super::super::ui::Role;
use super::super::{Context, ask, card, draw};
use crate::app::shelf::changed_views;
use crate::commands::catalog::{Trust, quoted};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};
use crate::store::{NewGrant, SourceKind};

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
    let wanting = context.app.wanting_trust(&catalog, &source, args.command.as_deref())?;
    let settings = context.app.settings_grant(&source, args.command.as_deref());
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
            let reach = context.app.reach(one)?;
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
    if let Some(NewGrant { command: name, text, .. }) = settings.as_ref().filter(|_| !context.ui.json) {
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
    let mut grants: Vec<NewGrant> = wanting.iter().map(|r| r.grant("source trust")).collect();
    grants.extend(settings);
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
    let count = context.app.untrust(&source, args.command.as_deref())?;
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
        None => context.app.visible_sources()?,
    };
    let changed = context.app.changed_since_trusted(&catalog, &sources)?;
    if context.ui.json {
        context.ui.value(&json!({"changed": changed_views(&changed)}))?;
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
