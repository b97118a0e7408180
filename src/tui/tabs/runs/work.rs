//! What the runs tab has done beside the screen: reading, searching, removing, and running.

use jiff::tz::TimeZone;

use super::item::Item;
use super::{Answer, Filter, List, Listed, Request, launch, record};
use crate::kernel::error::Result;
use crate::kernel::ids::Id;
use crate::store::RunFilter;
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;
use crate::tui::tabs::Answer as AnyAnswer;

/// The most text that goes to a clipboard, bytes.
const CLIPBOARD: usize = 4 << 20;
/// Runs that are read at once on the way to one of them.
const STRIDE: usize = 2_000;
/// Runs that are looked through for one of them.
const FAR: usize = 200_000;

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let go_on = || !desk.stop.is_requested();
    let answer = match request {
        Request::List(list) => {
            let found = listed(&list, desk).map_err(Fault::from);
            Some(Answer::Listed(list, found))
        }
        Request::Read(id) => {
            let read = || -> Result<_> {
                let run = desk.app.store()?.run(&id.to_string())?;
                let (folder, zone) = (desk.app.outputs().join(id.to_string()), TimeZone::system());
                if record::is_large(&run) {
                    // Something is to be seen while the rest is read.
                    let first = record::of(run.clone(), None, &zone, &go_on);
                    let first = first.map(|record| Answer::Read(id, Ok(Box::new(record))));
                    first.into_iter().for_each(|answer| desk.send(AnyAnswer::Runs(answer)));
                }
                Ok(record::of(run, Some(&folder), &zone, &go_on))
            };
            match read() {
                Ok(record) => record.map(|record| Answer::Read(id, Ok(Box::new(record)))),
                Err(error) => Some(Answer::Read(id, Err(Fault::from(error)))),
            }
        }
        Request::Page(id, want) => Some(Answer::Page(id, want.read())),
        Request::Find(id, words, whole) => whole.find(&words, &go_on).map(|found| Answer::Found(id, found)),
        Request::Copy(whole) => Some(Answer::Copied(whole.text(CLIPBOARD))),
        Request::Remove(ids) => Some(Answer::Removed(removed(&ids, desk).map_err(Fault::from))),
        Request::Halt(halt) => {
            halt.0.request();
            None
        }
        Request::Start(start) => {
            launch::run(&start, desk);
            None
        }
    };
    answer.into_iter().for_each(|answer| desk.send(AnyAnswer::Runs(answer)));
}

fn filter(filter: &Filter) -> RunFilter {
    let part = Some(filter.part.trim().to_string()).filter(|p| !p.is_empty());
    RunFilter { part, status: filter.status, ..RunFilter::default() }
}

fn listed(list: &List, desk: &Desk<'_>) -> Result<Listed> {
    let store = desk.app.store()?;
    if list.after.is_none() {
        desk.app.mark_lost()?;
    }
    let filter = filter(&list.filter);
    let limit = if list.until.is_some() { FAR } else { list.limit };
    let mut listed = Listed { items: Vec::new(), next: list.after.clone() };
    // In strides, since whole rows are much larger than what is kept of them.
    loop {
        let stride = STRIDE.min(limit - listed.items.len());
        let (rows, next) = store.runs(&filter, listed.next.as_deref(), stride)?;
        listed.items.extend(rows.iter().map(Item::from));
        listed.next = next;
        let there = list.until.is_some_and(|until| listed.items.last().is_none_or(|last| last.id <= until));
        if there || listed.next.is_none() || listed.items.len() >= limit || desk.stop.is_requested() {
            return Ok(listed);
        }
    }
}

fn removed(ids: &[Id], desk: &Desk<'_>) -> Result<usize> {
    let removed = desk.app.store()?.remove_runs(ids)?;
    desk.app.erased(&removed)?;
    Ok(removed.runs.len())
}
