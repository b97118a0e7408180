//! The list of runs: read in parts, kept up to date by what happens, gone through for one run.

use super::item::Item;
use super::{Filter, List, Listed, PAGE, Request, Runs, Shown, ask};
use crate::kernel::events::{RUN_FINISHED, RUN_REMOVED, RUN_STARTED, Recorded};
use crate::kernel::ids::Id;
use crate::tui::happening::Effect;
use crate::tui::widgets::list::Cursor;

impl Runs {
    /// The newest runs, and with them those down to the one that is sought.
    pub(super) fn read_list(&self) -> Effect {
        let until = self.sought;
        ask("list", Request::List(List { filter: self.filter.clone(), after: None, until, limit: PAGE }))
    }

    pub(super) fn read_more(&mut self, limit: usize) -> Vec<Effect> {
        if self.loading || self.next.is_none() {
            return Vec::new();
        }
        self.loading = true;
        let list = List { filter: self.filter.clone(), after: self.next.clone(), until: None, limit };
        vec![ask("more", Request::List(list))]
    }

    pub(super) fn set_filter(&mut self, filter: Filter) -> Vec<Effect> {
        (self.filter, self.items, self.next) = (filter, None, None);
        (self.cursor, self.loading, self.failed) = (Cursor::default(), false, None);
        vec![Effect::Stop("more".into()), self.read_list()]
    }

    /// Takes a part of the list; the cursor stays on its run.
    pub(super) fn take_list(&mut self, list: List, listed: Listed) {
        let chosen = self.chosen().map(|item| item.id);
        let old = self.items.take().unwrap_or_default();
        let mut items;
        if list.after.is_some() {
            self.loading = false;
            self.next = listed.next;
            items = old;
            let last = items.last().map(|item| item.id);
            items.extend(listed.items.into_iter().filter(|item| last.is_none_or(|last| item.id < last)));
        } else {
            items = listed.items;
            let last = items.last().map(|item| item.id);
            // What was read before further down is still so.
            let rest: Vec<Item> = match (&listed.next, last) {
                (Some(_), Some(last)) => old.into_iter().filter(|item| item.id < last).collect(),
                _ => Vec::new(),
            };
            if rest.is_empty() {
                self.next = listed.next;
            }
            items.extend(rest);
        }
        self.items = Some(items);
        let goal = self.sought.filter(|id| self.place(*id).is_ok()).or(chosen);
        if self.sought.is_some() && list.after.is_none() {
            self.sought = None;
        }
        self.cursor.at = goal.map_or(0, |id| self.place(id).unwrap_or_else(|at| at));
        self.cursor.fit(self.all().len());
    }

    /// Takes what happened elsewhere.
    pub(super) fn news(&mut self, facts: &[Recorded]) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut started = false;
        for fact in facts {
            let Ok(id) = fact.subject.parse::<Id>() else { continue };
            match fact.kind.as_str() {
                RUN_STARTED => started = true,
                RUN_FINISHED => {
                    started |= self.filter.status.is_some();
                    if let (Ok(at), Some(items)) = (self.place(id), &mut self.items) {
                        items[at].learn(fact);
                    }
                    if matches!(&self.shown, Shown::Record(record) if record.row.id == id) {
                        effects.push(ask("read", Request::Read(id)));
                    }
                }
                RUN_REMOVED => {
                    self.marked.remove(&id);
                    if let (Ok(at), Some(items)) = (self.place(id), &mut self.items) {
                        items.remove(at);
                        self.cursor.at -= usize::from(at < self.cursor.at);
                        self.cursor.fit(items.len());
                    }
                }
                _ => {}
            }
        }
        if started && self.items.is_some() {
            effects.push(self.read_list());
        }
        effects
    }

    /// Goes to a run, wherever in the list it is.
    pub(super) fn seek(&mut self, id: Id) -> Vec<Effect> {
        if let Ok(at) = self.place(id) {
            self.cursor.at = at;
            return Vec::new();
        }
        self.sought = Some(id);
        // It is shown before the list has come to it.
        let mut effects = vec![ask("read", Request::Read(id))];
        effects.extend(self.set_filter(Filter::default()));
        effects
    }
}
