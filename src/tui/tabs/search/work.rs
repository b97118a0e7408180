//! What the search tab has done beside the screen: asking the index, and reading what was found.

use std::time::Duration;

use super::{Answer, Asked, Found, Part, Preview, Request, Thing};
use crate::commands::bind;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::store::{Captured, Message};
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;
use crate::tui::tabs::Answer as AnyAnswer;

/// Whoever types on within this time asks anew.
const PAUSE: Duration = Duration::from_millis(35);
/// Messages before the one that was found.
const BEFORE: usize = 2;

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let send = |answer| desk.send(AnyAnswer::Search(answer));
    match request {
        Request::Refresh => {
            let fresh = || -> Result<()> {
                let catalog = desk.app.whole_catalog()?;
                desk.app.index().catch_up(catalog.store).map(drop)
            };
            // What cannot be brought up to date is told by the search itself.
            if let Err(error) = fresh() {
                tracing::warn!(error = error.full_message(), "the search is not up to date");
            }
            send(Answer::Refreshed);
        }
        Request::Find(asked) => {
            if desk.stop.wait(PAUSE) {
                return;
            }
            let found = find(&asked, desk).map_err(Fault::from);
            send(Answer::Found(asked, found));
        }
        Request::Preview(thing) => {
            if desk.stop.wait(PAUSE) {
                return;
            }
            let preview = preview(&thing, desk).map_err(Fault::from);
            send(Answer::Preview(thing, preview));
        }
    }
}

/// The query with what narrows it.
fn query(asked: &Asked) -> String {
    let mut words = asked.words.clone();
    for (field, value) in &asked.narrow {
        let value = value.replace('"', " ");
        words.push_str(&format!(" {field}:\"{value}\""));
    }
    words
}

fn find(asked: &Asked, desk: &Desk<'_>) -> Result<Found> {
    let catalog = desk.app.launcher()?.catalog();
    let query = desk.app.query(&catalog, &query(asked), None)?;
    let found = desk.app.index().find(catalog.store, &query, asked.limit, true)?;
    Ok(Found { hits: found.hits, facets: found.facets.unwrap_or_default() })
}

fn gone() -> Error {
    Error::new(Kind::NotFound, "this is not there any more")
}

fn preview(thing: &Thing, desk: &Desk<'_>) -> Result<Preview> {
    match thing.kind.as_str() {
        "run" => run(thing, desk),
        "message" => message(thing, desk),
        "memory" => memory(thing, desk),
        "recording" => recording(thing, desk),
        _ => definition(thing, desk),
    }
}

fn text_of(captured: &Captured) -> String {
    let between = if captured.truncated() { "\n…\n" } else { "" };
    let [head, tail] = [&captured.head, &captured.tail].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{head}{between}{tail}")
}

fn run(thing: &Thing, desk: &Desk<'_>) -> Result<Preview> {
    let run = desk.app.store()?.run(&thing.key)?;
    let row = &run.row;
    let head = format!("{} · {} · {}", row.status.name().replace('_', " "), row.started.local_short(), row.trigger);
    let mut parts = vec![Part { head, body: row.arguments(), ..Part::default() }];
    for step in &run.steps {
        for (captured, name) in [(&step.stdout, ""), (&step.stderr, " · stderr")] {
            let body = text_of(captured);
            if !body.trim().is_empty() {
                parts.push(Part { head: format!("{}{name}", step.id), body, found: true, ..Part::default() });
            }
        }
    }
    Ok(Preview { title: format!("{}:{}", row.source, row.command), parts })
}

fn said(message: &Message, found: bool) -> Part {
    let by = message.model.as_deref().filter(|_| message.role == "assistant").unwrap_or(&message.role);
    let head = format!("{by} · {}", message.created.local_short());
    Part { head, body: message.words.clone(), markdown: true, found }
}

fn message(thing: &Thing, desk: &Desk<'_>) -> Result<Preview> {
    let store = desk.app.store()?;
    let (id, session): (Id, Id) = (thing.key.parse().map_err(|_| gone())?, thing.session.parse().map_err(|_| gone())?);
    let before = store.thread_end(id, BEFORE + 1)?;
    let mut parts: Vec<Part> = before.iter().map(|message| said(message, message.id == id)).collect();
    if parts.is_empty() {
        return Err(gone());
    }
    let after = store.tree(session)?.into_iter().find(|message| message.parent == Some(id));
    parts.extend(after.iter().map(|message| said(message, false)));
    let session = store.session(&session.to_string())?;
    let title = session.title.or(session.name).unwrap_or_else(|| session.id.tail());
    Ok(Preview { title, parts })
}

fn memory(thing: &Thing, desk: &Desk<'_>) -> Result<Preview> {
    let found = desk.app.store()?.memories()?.into_iter().find(|memory| memory.id.to_string() == thing.key);
    let memory = found.ok_or_else(gone)?;
    let head = format!("{} · {}", memory.source, memory.created.local_short());
    Ok(Preview { title: "memory".into(), parts: vec![Part { head, body: memory.text, markdown: false, found: true }] })
}

fn recording(thing: &Thing, desk: &Desk<'_>) -> Result<Preview> {
    let recording = desk.app.store()?.recording(&thing.key)?;
    let engine = recording.engine.as_deref().unwrap_or_default();
    let head = format!("{} · {engine} · {}", recording.source, recording.created.local_short());
    let body = recording.text.ok_or_else(gone)?;
    Ok(Preview { title: "recording".into(), parts: vec![Part { head, body, markdown: false, found: true }] })
}

fn definition(thing: &Thing, desk: &Desk<'_>) -> Result<Preview> {
    let catalog = desk.app.launcher()?.catalog();
    let id: Id = thing.key.parse().map_err(|_| gone())?;
    let hit = catalog.store.definition(id)?.filter(|hit| catalog.is_visible(&hit.source)).ok_or_else(gone)?;
    let resolved = catalog.resolved(hit)?;
    let command = &resolved.command;
    let head = format!("{} · {}", command.dialect.name(), resolved.trust.name());
    let usage = format!("fac {}\n{}", bind::usage(command), command.summary);
    let parts = vec![
        Part { head, body: usage, ..Part::default() },
        Part { head: String::new(), body: command.text.clone(), markdown: true, found: true },
    ];
    Ok(Preview { title: resolved.key(), parts })
}
