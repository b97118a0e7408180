//! What is known of an automation, of one of its firings and of the job behind that, as rows.
//!
//! Below the firings stand as many of them as there is room for; a page has all.

use ratatui::style::Style;

use super::{Automations, Firing, Row, Standing};
use crate::kernel::clock::Timestamp;
use crate::kernel::duration::human_ms;
use crate::store::{Job, JobStatus};
use crate::tui::happening::World;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::text::{Row as TextRow, by_words, labelled};

/// What stands below the firings: of the chosen one where they have the keys, of the automation otherwise.
pub(super) fn rows(tab: &Automations, room: u16, world: &World<'_>) -> Vec<TextRow> {
    match (tab.chosen_firing(), tab.chosen()) {
        (Some(one), _) => firing(one, room, world.theme),
        (None, Some(row)) => automation(row, room, world.theme),
        (None, None) => Vec::new(),
    }
}

/// The same with everything about the firing's job.
pub(super) fn whole(tab: &Automations, room: u16, world: &World<'_>) -> Vec<TextRow> {
    let mut rows = rows(tab, room, world);
    if let Some(owed) = tab.chosen_firing().and_then(|one| one.job.as_ref()) {
        rows.push(TextRow::default());
        rows.extend(job(owed, room, world));
    }
    rows
}

/// Why it does not fire, what it waits for, under which condition and how.
fn automation(row: &Row, room: u16, theme: &Theme) -> Vec<TextRow> {
    let mut rows = match &row.standing {
        Standing::Not(why) => by_words(why, room, theme.style(Role::Warn)),
        Standing::On | Standing::Off => Vec::new(),
    };
    let waits = row.waits.iter().map(|waits| ("on", waits.as_str()));
    let condition = row.condition.iter().map(|condition| ("if", condition.as_str()));
    let mode = Some(("mode", row.mode)).filter(|(_, mode)| !mode.is_empty());
    for (label, value) in waits.chain(condition).chain(mode) {
        rows.extend(fact(label, value, room, theme));
    }
    rows
}

/// Why nothing came of it or what went wrong, its work, what fired it, and what was seen then.
fn firing(one: &Firing, room: u16, theme: &Theme) -> Vec<TextRow> {
    let mut rows: Vec<TextRow> = one.why.iter().flat_map(|why| by_words(why, room, theme.style(Role::Warn))).collect();
    if let Some(job) = &one.job {
        rows.extend(fact("job", &format!("{}  {}", job.id.tail(), tried(job)), room, theme));
    }
    if let Some(run) = &one.run {
        let tail = run.get(run.len().saturating_sub(8)..).unwrap_or(run);
        rows.extend(fact("run", &format!("{tail}  Enter goes there"), room, theme));
    }
    rows.extend(fact("by", &one.what, room, theme));
    for (name, value) in &one.seen {
        rows.extend(fact("saw", &format!("{name} = {value}"), room, theme));
    }
    rows.extend(fact("data", &one.data, room, theme));
    rows
}

/// Everything about a job.
pub(super) fn job(job: &Job, room: u16, world: &World<'_>) -> Vec<TextRow> {
    let theme = world.theme;
    let exact = |at: Timestamp| at.exact_in(world.zone.clone());
    let mut rows: Vec<TextRow> =
        job.error.iter().flat_map(|error| by_words(error, room, theme.style(Role::Warn))).collect();
    let begun = job.begun.map(|begun| {
        let took = job.finished.map(|at| u64::try_from(at.since(begun) / 1000).unwrap_or(0));
        let ended = took.map(|took| format!(", ended after {}", human_ms(took))).unwrap_or_default();
        format!("{}{ended}", exact(begun))
    });
    let lost = (job.lost > 0).then(|| format!("{} times, as its process was gone", job.lost));
    let facts = [
        ("job", Some(job.id.to_string())),
        ("status", Some(tried(job))),
        ("added", Some(exact(job.created))),
        ("due", (job.status == JobStatus::Waiting).then(|| exact(job.due))),
        ("begun", begun),
        ("again", lost),
        ("code", job.exit_code.map(|code| code.to_string())),
        ("run", job.run.map(|run| run.to_string())),
        ("more", Some(format!("fac jobs show {}", job.id.tail()))),
    ];
    for (label, value) in facts {
        rows.extend(value.iter().flat_map(|value| wide_fact(label, value, room, theme)));
    }
    rows
}

/// Where a job stands, and which try that is.
fn tried(job: &Job) -> String {
    format!("{}, try {} of {}", job.status.name(), job.tries, job.most)
}

fn styles(theme: &Theme) -> (Style, Style) {
    (theme.style(Role::Dim), theme.style(Role::Text))
}

fn fact(label: &str, value: &str, room: u16, theme: &Theme) -> Vec<TextRow> {
    labelled(label, 4, value, room, styles(theme))
}

fn wide_fact(label: &str, value: &str, room: u16, theme: &Theme) -> Vec<TextRow> {
    labelled(label, 6, value, room, styles(theme))
}
