//! `fac source update` and `fac source pin`: fetch what is new, say what changed, trust nothing.

use std::path::Path;

use serde_json::json;

use super::super::Context;
use super::super::talk::wait_or_stop;
use super::super::ui::Role;
use super::progress::Lines;
use crate::commands::catalog::local_path;
use crate::commands::names;
use crate::commands::source::remote::{Download, Remote};
use crate::commands::source::sync::{self, Synced};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::secret::Secret;
use crate::kernel::terminal::safe_line;
use crate::store::{DefinitionFilter, Source, SourceKind, Store};

/// Fetch what is new from all sources, or from some
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these
    names: Vec<String>,
}

/// What became of one source.
struct Answer {
    source: Source,
    result: Result<Synced>,
    changes: Vec<(char, String)>,
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
    let mut answers = Vec::new();
    let (remote, local): (Vec<Source>, Vec<Source>) =
        chosen.into_iter().partition(|s| matches!(s.kind, SourceKind::Github | SourceKind::Url));
    for source in local.into_iter().filter(|s| s.kind != SourceKind::Bundled) {
        let before = digests(&store, &source)?;
        let result = folder(&store, &source, context.app.clock.now());
        let changes = changed(&before, &digests(&store, &source)?);
        answers.push(Answer { source, result, changes });
    }
    if !remote.is_empty() {
        answers.extend(fetch(context, &store, remote)?);
    }
    names::refresh(&store, &context.app.paths.cache)?;
    context.app.blobs().sweep(context.app.clock.now());
    say(context, &answers)
}

/// Reads a folder again. One that is gone keeps its commands and is marked.
fn folder(store: &Store, source: &Source, now: Timestamp) -> Result<Synced> {
    let root = Path::new(local_path(&source.spec));
    let mut after = source.clone();
    if !root.exists() {
        let error = Error::new(Kind::NotFound, format!("{} is not there any more", root.display()));
        after.state = "gone".to_string();
        after.error = Some(error.full_message());
        store.update_source(&after)?;
        return Err(error.hint(format!("bring it back, or `fac source rm {}`", source.name)));
    }
    let synced = sync::folder(store, source, root)?;
    (after.state, after.error, after.fetched_at) = ("ok".to_string(), None, Some(now));
    store.update_source(&after)?;
    Ok(synced)
}

/// Downloads, then takes each complete download over.
fn fetch(context: &Context, store: &Store, sources: Vec<Source>) -> Result<Vec<Answer>> {
    let (remote, downloads) = download(context, &sources)?;
    let mut answers = Vec::new();
    for (source, download) in sources.into_iter().zip(downloads) {
        let before = digests(store, &source)?;
        let now = context.app.clock.now();
        let result = download.and_then(|d: Download| remote.take_over(store, &d, now));
        if let Err(error) = &result {
            let mut stale = source.clone();
            stale.state = if source.commit.is_some() { "stale" } else { "failed" }.to_string();
            stale.error = Some(error.full_message());
            store.update_source(&stale)?;
        }
        let changes = changed(&before, &digests(store, &source)?);
        answers.push(Answer { source, result, changes });
    }
    Ok(answers)
}

/// Downloads all of `sources`, with lines of progress. Ctrl-C ends it and changes nothing.
pub(super) fn download(context: &Context, sources: &[Source]) -> Result<(Remote, Vec<Result<Download>>)> {
    let mut remote = context.app.remote()?;
    remote.find_tokens(sources, &|token| context.app.redactor.learn(&Secret::new(token.expose())));
    let lines = Lines::new(&context.ui);
    let report = lines.report();
    let downloads = wait_or_stop(remote.download(sources, &report));
    lines.finish();
    let stopped = |error: Error| match error.kind() {
        Kind::Interrupted => Error::new(Kind::Interrupted, "interrupted; nothing was changed"),
        _ => error,
    };
    let downloads = downloads.map_err(stopped)?;
    Ok((remote, downloads))
}

/// Names and digests of a source's definitions.
fn digests(store: &Store, source: &Source) -> Result<Vec<(String, String)>> {
    let filter = DefinitionFilter { source: Some(source.name.clone()), ..DefinitionFilter::default() };
    let (rows, _) = store.list_definitions(&filter, None, 1_000_000)?;
    let mut list: Vec<(String, String)> = rows.into_iter().map(|r| (r.name, r.digest)).collect();
    list.sort();
    Ok(list)
}

/// `+` new, `~` changed, `-` gone.
fn changed(before: &[(String, String)], after: &[(String, String)]) -> Vec<(char, String)> {
    let old: std::collections::BTreeMap<&str, &str> = before.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect();
    let new: std::collections::BTreeMap<&str, &str> = after.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect();
    let mut list = Vec::new();
    for (name, digest) in &new {
        match old.get(name) {
            None => list.push(('+', name.to_string())),
            Some(before) if before != digest => list.push(('~', name.to_string())),
            Some(_) => {}
        }
    }
    list.extend(old.keys().filter(|n| !new.contains_key(*n)).map(|n| ('-', n.to_string())));
    list
}

fn say(context: &Context, answers: &[Answer]) -> Result<u8> {
    let failed = answers.iter().filter(|a| a.result.is_err()).count();
    if context.ui.json {
        let list: Vec<_> = answers
            .iter()
            .map(|a| {
                let changes: Vec<_> = a.changes.iter().map(|(c, n)| json!({"change": word(*c), "name": n})).collect();
                match &a.result {
                    Ok(synced) => json!({"name": a.source.name, "ok": true, "changes": changes, "notes": synced.notes}),
                    Err(e) => json!({"name": a.source.name, "ok": false, "changes": changes,
                        "error": {"kind": e.kind().name(), "message": e.full_message(), "hint": e.way_forward()}}),
                }
            })
            .collect();
        context.ui.value(&json!({"updated": list, "failed": failed}))?;
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
fn code(answers: &[Answer], failed: usize) -> u8 {
    if failed == 0 {
        return 0;
    }
    let kinds: Vec<Kind> = answers.iter().filter_map(|a| a.result.as_ref().err()).map(Error::kind).collect();
    let same = failed == answers.len() && kinds.iter().all(|k| *k == kinds[0]);
    if same { kinds[0].exit_code() } else { 1 }
}

fn word(change: char) -> &'static str {
    match change {
        '+' => "new",
        '-' => "gone",
        _ => "changed",
    }
}

fn say_one(context: &Context, answer: &Answer) -> Result<()> {
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

fn summary(changes: &[(char, String)]) -> String {
    let count = |c: char| changes.iter().filter(|x| x.0 == c).count();
    let parts = [(count('+'), "new"), (count('~'), "changed"), (count('-'), "gone")];
    let said: Vec<String> = parts.iter().filter(|p| p.0 > 0).map(|(n, w)| format!("{n} {w}")).collect();
    said.join(", ")
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
