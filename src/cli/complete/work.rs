//! Automations and jobs, which stand in the database.

use std::path::Path;

use super::chats::app;
use super::{Line, line};
use crate::store::JobFilter;

/// So many are offered.
const MOST: usize = 50;

/// Commands that may fire, and how they stand.
pub(super) fn automations(home: Option<&Path>, current: &str) -> Vec<Line> {
    let found = app(home).and_then(|app| app.automations().ok()).unwrap_or_default();
    let lines = found.iter().map(|one| line(one.name(), one.standing.name()));
    lines.filter(|l| l.value.starts_with(current)).collect()
}

/// The latest jobs, by the ends of their ids.
pub(super) fn jobs(home: Option<&Path>, current: &str) -> Vec<Line> {
    let listed = || app(home)?.store().ok()?.jobs(&JobFilter::default(), None, MOST).ok();
    let found = listed().unwrap_or_default();
    let lines = found.iter().map(|job| line(job.id.tail(), format!("{} {}", job.command, job.status.name())));
    lines.filter(|l| l.value.starts_with(current)).collect()
}

/// The latest batches.
pub(super) fn batches(home: Option<&Path>, current: &str) -> Vec<Line> {
    let listed = || app(home)?.store().ok()?.batches(MOST).ok();
    let found = listed().unwrap_or_default().into_iter();
    let lines = found.map(|one| line(one.id, format!("{} {}", one.state.command, one.state.from)));
    lines.filter(|l| l.value.starts_with(current)).collect()
}
