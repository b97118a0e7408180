//! `fac source update` and `fac source pin`: fetch what is new, say what changed, trust nothing.

use serde_json::json;

use super::super::Context;
use super::super::ui::Role;
use super::progress::watched;
use crate::app::sources::{Updated, summary};
use crate::app::views::source::{UpdatedView, UpdatesView};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::store::{Source, SourceKind};

/// Fetch what is new from all sources, or from some
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these
    names: Vec<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let store = context.app.store()?.clone();
    let chosen: Vec<Source> = if args.names.is_empty() {
        store
            .sources()?
            .into_iter()
            .filter(|s| matches!(s.kind, SourceKind::Github | SourceKind::Url | SourceKind::Dir))
            .collect()
    } else {
        args.names.iter().map(|n| super::named(context, n)).collect::<Result<_>>()?
    };
    let answers = watched(&context.ui, |watch| context.app.update_sources(chosen, watch))?;
    say(context, &answers)
}

fn say(context: &Context, answers: &[Updated]) -> Result<u8> {
    let failed = answers.iter().filter(|a| a.result.is_err()).count();
    if context.ui.json {
        let updated = answers.iter().map(UpdatedView::from).collect();
        context.ui.value(&json!(UpdatesView { updated, failed }))?;
        return Ok(code(answers, failed));
    }
    for answer in answers {
        say_one(context, answer)?;
    }
    if answers.is_empty() {
        context.ui.note("there is nothing to update; `fac source add SPEC` adds a source");
    }
    if failed > 0 {
        let names: Vec<&str> = answers.iter().filter(|a| a.result.is_err()).map(|a| a.source.name.as_str()).collect();
        context.ui.warn(&format!(
            "{failed} of {} failed: {}; what was fetched before still works",
            answers.len(),
            names.join(", ")
        ));
    }
    Ok(code(answers, failed))
}

/// 1 when some failed; when every one failed for the same reason, the code of that reason.
fn code(answers: &[Updated], failed: usize) -> u8 {
    if failed == 0 {
        return 0;
    }
    let kinds: Vec<Kind> = answers.iter().filter_map(|a| a.result.as_ref().err()).map(Error::kind).collect();
    let same = failed == answers.len() && kinds.iter().all(|k| *k == kinds[0]);
    if same { kinds[0].exit_code() } else { 1 }
}

fn say_one(context: &Context, answer: &Updated) -> Result<()> {
    let ui = &context.ui;
    let name = ui.paint(Role::Name, &answer.source.name);
    match &answer.result {
        Err(error) => {
            ui.line(&format!("{name}: {}", ui.paint(Role::Bad, &safe_line(&error.full_message()))))?;
            if let Some(hint) = error.way_forward() {
                ui.note(&format!("  {}", safe_line(hint)));
            }
        }
        Ok(synced) => {
            let said = if answer.changes.is_empty() { "no change".to_string() } else { summary(&answer.changes) };
            ui.line(&format!("{name}: {said}"))?;
            for (change, command) in answer.changes.iter().take(20) {
                let role = match change {
                    '+' => Role::Good,
                    '-' => Role::Bad,
                    _ => Role::Warn,
                };
                ui.line(&format!("  {} {}", ui.paint(role, &change.to_string()), safe_line(command)))?;
            }
            if answer.changes.len() > 20 {
                ui.line(&format!("  … and {} more", answer.changes.len() - 20))?;
            }
            if answer.changes.iter().any(|c| c.0 == '~') {
                ui.note(&format!(
                    "  `fac source diff {}` shows what changed; changed commands ask again before they run",
                    answer.source.name
                ));
            }
            for note in synced.notes.iter().take(5) {
                ui.note(&format!("  {}", safe_line(note)));
            }
        }
    }
    Ok(())
}

/// Keep a source at a commit, tag or branch (without one: at the commit it has now; HEAD: at none)
#[derive(Debug, clap::Args)]
pub struct PinArgs {
    /// The source
    name: String,
    /// Commit, tag or branch
    reference: Option<String>,
}

pub(super) fn pin(context: &mut Context, args: &PinArgs) -> Result<u8> {
    let mut source = super::named(context, &args.name)?;
    if source.kind != SourceKind::Github {
        return Err(Error::new(Kind::Usage, format!("`{}` has no commits to pin", source.name)));
    }
    let reference = args.reference.clone().or_else(|| source.commit.clone());
    let Some(shown) = reference.clone() else {
        let error = Error::new(Kind::Usage, format!("`{}` has no commit yet", source.name));
        return Err(error.hint(format!("`fac source update {}` fetches one", source.name)));
    };
    source.reference = reference.filter(|r| r != "HEAD");
    context.app.store()?.update_source(&source)?;
    if context.ui.json {
        context.ui.value(&json!({"pinned": {"name": source.name, "reference": source.reference}}))?;
        return Ok(0);
    }
    context.ui.line(&format!("{} is pinned to {}", source.name, safe_line(&shown)))?;
    if args.reference.is_some() {
        context.ui.note(&format!("`fac source update {}` fetches it", source.name));
    }
    Ok(0)
}
