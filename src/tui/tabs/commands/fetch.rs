//! Sources are added and updated for the tab, with word of how far that is.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use super::work::Answer;
use crate::app::App;
use crate::app::sources::{Updated, Watch, said, summary};
use crate::commands::source::github::Progress;
use crate::commands::source::remote::Report;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::safe_line;
use crate::store::{Source, SourceKind};
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;
use crate::tui::tabs::Answer as AnyAnswer;

/// Hands on how far downloads are while `fetch` works on a thread of its own.
fn watched<T: Send>(desk: &Desk<'_>, fetch: impl FnOnce(&App, Watch<'_>) -> Result<T> + Send) -> Result<T> {
    let (sender, progress) = channel::<(String, Progress)>();
    let sender = Mutex::new(sender);
    let report: Report = Arc::new(move |name: &str, progress: Progress| {
        if let Ok(sender) = sender.lock() {
            // Nobody listens when the fetching is over.
            let _ = sender.send((name.to_string(), progress));
        }
    });
    let (app, stop) = (desk.app.another()?, desk.stop.clone());
    std::thread::scope(|scope| {
        let fetching = scope.spawn(move || fetch(&app, Watch { report: &report, stop: &stop }));
        while let Ok(first) = progress.recv() {
            let (name, last) = progress.try_iter().last().unwrap_or(first);
            desk.send(AnyAnswer::Commands(Answer::Progress(safe_line(&name).into_owned(), said(last))));
        }
        fetching.join().unwrap_or_else(|_| Err(Error::new(Kind::Failed, "fetching went wrong inside of fac itself")))
    })
}

/// Fetches what is new: of one source, or of all.
pub(super) fn update(desk: &Desk<'_>, name: Option<String>) {
    let lane = name.clone().unwrap_or_default();
    let done = update_one(desk, name.as_deref()).map_err(Fault::from);
    desk.send(AnyAnswer::Commands(Answer::Fetched(lane, done)));
}

fn update_one(desk: &Desk<'_>, name: Option<&str>) -> Result<String> {
    let fetched = |s: &Source| matches!(s.kind, SourceKind::Github | SourceKind::Url | SourceKind::Dir);
    let chosen: Vec<Source> = desk
        .app
        .store()?
        .sources()?
        .into_iter()
        .filter(|s| name.map_or_else(|| fetched(s), |name| s.name == name && s.kind != SourceKind::Bundled))
        .collect();
    if chosen.is_empty() {
        let error = Error::new(Kind::Usage, "there is nothing to update");
        return Err(error.hint("what comes with fac is updated with it; `a` adds a source"));
    }
    let all = watched(desk, |app, watch| app.update_sources(chosen, watch))?;
    told(all)
}

/// What became of all sources: an error when one failed.
fn told(all: Vec<Updated>) -> Result<String> {
    let mut said = Vec::new();
    let mut failed = None;
    for one in all {
        match one.result {
            Ok(_) if one.changes.is_empty() => said.push(format!("{}: no change", one.source.name)),
            Ok(_) => said.push(format!("{}: {}", one.source.name, summary(&one.changes))),
            Err(error) => {
                said.push(format!("{}: {}", one.source.name, error.full_message()));
                failed.get_or_insert((error.kind(), error.way_forward().map(String::from)));
            }
        }
    }
    let said = said.join("; ");
    match failed {
        None => Ok(said),
        Some((kind, hint)) => {
            Err(Error::new(kind, said).hint(hint.unwrap_or_else(|| "what was fetched before still works".into())))
        }
    }
}

/// Adds a source as it was typed.
pub(super) fn add(desk: &Desk<'_>, spec: &str) {
    let added = || -> Result<String> {
        let spec = desk.app.source_spec(spec)?;
        let (name, synced) = watched(desk, |app, watch| app.add_source(&spec, None, None, watch))?;
        let count = synced.replaced.added + synced.replaced.unchanged + synced.replaced.changed;
        Ok(match count {
            0 => format!("{name}: nothing in it was understood as a command"),
            _ => format!("{name}: {}; they are not trusted yet", counted(count, "command")),
        })
    };
    let done = added().map_err(Fault::from);
    desk.send(AnyAnswer::Commands(Answer::Fetched(spec.to_string(), done)));
}
