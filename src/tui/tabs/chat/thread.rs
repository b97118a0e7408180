//! The conversation: a window of its messages, where one looks, what is marked.
//!
//! Rows are made for what is looked at and kept until the width changes. The place on the screen is a message and a row
//! in it, so that nobody has to know how many rows ten thousand messages have.

use std::collections::{HashMap, HashSet};

use super::live::Live;
use super::messages::{self, Drawn, Entry, Look, Pieces};
use super::pictures::Pictures;
use crate::kernel::ids::Id;
use crate::providers::model::Part;
use crate::store::{MessageStatus, Session};
use crate::tui::actions;
use crate::tui::keymap::Action;
use crate::tui::widgets::text::taken;

/// A place: a message, and a row of it.
pub type Place = (usize, usize);

/// What was loaded of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The chat.
    pub session: Session,
    /// The message at the end of what is shown.
    pub leaf: Option<Id>,
    /// The messages, the oldest first.
    pub entries: Vec<Entry>,
    /// What the first of them follows.
    pub older: Option<Id>,
    /// What all answers of the chat cost, millionths of a dollar.
    pub cost_micros: i64,
}

/// The conversation.
#[derive(Debug, Default)]
pub struct Thread {
    /// The chat, once it is known.
    pub session: Option<Session>,
    /// The message at the end of what is shown.
    pub leaf: Option<Id>,
    /// Its messages, the oldest first.
    pub entries: Vec<Entry>,
    /// What the first of them follows; `None` when that is the beginning.
    pub older: Option<Id>,
    /// Whether older ones are being read.
    pub reading: bool,
    /// What all answers cost.
    pub cost_micros: i64,
    /// Rows behind the last message: what is on its way.
    tail: Vec<Drawn>,
    rows: HashMap<Id, Vec<Drawn>>,
    width: u16,
    height: u16,
    toggled: HashSet<(Id, usize)>,
    all_open: bool,
    top: Place,
    /// Where the keys are.
    pub cursor: Place,
    /// Whether the end is kept in sight.
    pub follows: bool,
    /// Whether nothing is below what is seen.
    pub at_end: bool,
    /// Rows that are marked: from the first place to the second, which has a column.
    pub marked: Option<((Place, usize), (Place, usize))>,
    /// Whether marking goes along with the cursor.
    pub marking: bool,
    /// What is looked for.
    pub wanted: String,
    /// The messages in which it is said.
    pub hits: Vec<Id>,
    /// Which of them is shown.
    pub hit: usize,
    /// The message that is to be shown once it is there.
    pub to: Option<Id>,
    /// What was said beside answers.
    pub notes: HashMap<Id, Vec<String>>,
    /// Pictures that can be shown.
    pub pictures: Pictures,
}

impl Thread {
    /// A conversation in which nothing was read yet.
    pub fn empty() -> Thread {
        Thread { follows: true, at_end: true, ..Thread::default() }
    }

    /// Takes in what was read; what is looked at stays in sight.
    pub fn take(&mut self, loaded: Loaded, look: &Look<'_>) {
        let anchor = self.entries.get(self.top.0).map(|e| (e.message.id, self.top.1));
        let at = self.entries.get(self.cursor.0).map(|e| (e.message.id, self.cursor.1));
        let stays: HashSet<Id> = {
            let old: HashMap<Id, &Entry> = self.entries.iter().map(|e| (e.message.id, e)).collect();
            loaded.entries.iter().filter(|e| old.get(&e.message.id) == Some(e)).map(|e| e.message.id).collect()
        };
        self.rows.retain(|id, _| stays.contains(id));
        (self.session, self.leaf, self.older) = (Some(loaded.session), loaded.leaf, loaded.older);
        (self.entries, self.cost_micros, self.reading) = (loaded.entries, loaded.cost_micros, false);
        self.top = anchor.map_or((0, 0), |(id, row)| (self.index(id).unwrap_or(0), row));
        self.cursor = at.and_then(|(id, row)| Some((self.index(id)?, row))).unwrap_or((self.entries.len(), 0));
        self.marked = None;
        if self.follows {
            self.follow_end();
        }
        if let Some(wanted) = self.to.take() {
            self.show(wanted, look);
        }
    }

    /// Puts older messages before the others.
    pub fn take_older(&mut self, mut entries: Vec<Entry>, older: Option<Id>) {
        let more = entries.len();
        self.reading = false;
        self.older = older;
        if let (Some(last), Some(first)) = (entries.last(), self.entries.first_mut()) {
            first.goes_on = goes_on(last, first);
        }
        entries.append(&mut self.entries);
        self.entries = entries;
        (self.top.0, self.cursor.0) = (self.top.0 + more, self.cursor.0 + more);
        if let Some(((from, _), (to, _))) = &mut self.marked {
            (from.0, to.0) = (from.0 + more, to.0 + more);
        }
    }

    /// The place of a message.
    pub fn index(&self, id: Id) -> Option<usize> {
        self.entries.iter().position(|e| e.message.id == id)
    }

    /// The message under the cursor, or the last one.
    pub fn chosen(&self) -> Option<&Entry> {
        self.entries.get(self.cursor.0).or_else(|| self.entries.last())
    }

    /// The question that belongs to what is under the cursor: itself, or the one before.
    pub fn question(&self) -> Option<&Entry> {
        let at = self.cursor.0.min(self.entries.len().checked_sub(1)?);
        self.entries[..=at].iter().rev().find(|e| e.is_question())
    }

    /// The last question.
    pub fn last_question(&self) -> Option<&Entry> {
        self.entries.iter().rev().find(|e| e.is_question())
    }

    /// The answer to go on from, where the last one did not end well.
    pub fn is_unfinished(&self) -> bool {
        use MessageStatus as S;
        let last = self.entries.last();
        last.is_some_and(|e| !e.is_question() && matches!(e.message.status, S::Cancelled | S::CutOff | S::Failed))
    }

    /// Of how many messages there are rows.
    #[cfg(test)]
    pub fn made(&self) -> usize {
        self.rows.len()
    }

    /// Forgets the rows of a message.
    pub fn forget(&mut self, id: Id) {
        self.rows.remove(&id);
    }

    /// A message has more rows or fewer: what is looked at stays where it is on the screen.
    pub fn grown(&mut self, id: Id, live: Option<&Live>, look: &Look<'_>) {
        let words = |rows: &[Drawn], upto: usize| rows.iter().take(upto).filter(|d| d.row.picture.is_none()).count();
        let Some(at) = self.index(id) else { return };
        // Pictures come between rows of words, which stay as many as they are.
        let before = |place: Place, thread: &Thread| words(thread.block(at, live), place.1);
        let (top, cursor) = (before(self.top, self), before(self.cursor, self));
        self.rows.remove(&id);
        self.make(at, live, look);
        let after = |wanted: usize| {
            let mut rows = self.block(at, live).iter().enumerate().filter(|(_, d)| d.row.picture.is_none());
            rows.nth(wanted).map(|(row, _)| row)
        };
        let (new_top, new_cursor) = (after(top), after(cursor));
        if let Some(row) = new_top.filter(|row| self.top.0 == at && *row > 0) {
            self.top.1 = row;
        }
        if let Some(row) = new_cursor.filter(|_| self.cursor.0 == at) {
            self.cursor.1 = row;
        }
    }

    /// Forgets all rows: the colours or the width are others.
    pub fn forget_all(&mut self) {
        self.rows.clear();
    }

    /// What stands behind the last message.
    pub fn set_tail(&mut self, rows: Vec<Drawn>) {
        self.tail = rows;
    }

    /// Opens or closes what the cursor is on; whether there is anything to.
    pub fn toggle(&mut self, place: Place) -> bool {
        let Some(id) = self.entries.get(place.0).map(|e| e.message.id) else { return false };
        let Some(fold) = self.rows.get(&id).and_then(|rows| rows.get(place.1)).and_then(|d| d.fold) else {
            return false;
        };
        if !self.toggled.remove(&(id, fold)) {
            self.toggled.insert((id, fold));
        }
        self.rows.remove(&id);
        true
    }

    /// Opens or closes everything that can be.
    pub fn toggle_all(&mut self) {
        self.all_open = !self.all_open;
        self.toggled.clear();
        self.rows.clear();
    }

    fn make(&mut self, at: usize, live: Option<&Live>, look: &Look<'_>) {
        let Some(entry) = self.entries.get(at) else { return };
        let id = entry.message.id;
        if live.is_some_and(|live| live.answer == Some(id)) || self.rows.contains_key(&id) {
            return;
        }
        let (toggled, all) = (&self.toggled, self.all_open);
        // An answer of thoughts alone would look like none.
        let alone = |at: usize| {
            let others = entry.parts.iter().any(|p| !matches!(p, Part::Reasoning { .. }));
            !others && matches!(entry.parts.get(at), Some(Part::Reasoning { .. }))
        };
        let opened = |at: usize| (all || alone(at)) != toggled.contains(&(id, at));
        let notes = self.notes.get(&id).cloned().unwrap_or_default();
        let pieces = Pieces { opened: &opened, pictures: &self.pictures };
        let rows = messages::rows(entry, &pieces, &notes, look);
        self.rows.insert(id, rows);
    }

    /// The rows of a message, or of the tail behind the last one.
    fn block<'a>(&'a self, at: usize, live: Option<&'a Live>) -> &'a [Drawn] {
        match self.entries.get(at) {
            None if at == self.entries.len() => &self.tail,
            None => &[],
            Some(entry) => match live.filter(|live| live.answer == Some(entry.message.id)) {
                Some(live) => live.rows(),
                None => self.rows.get(&entry.message.id).map_or(&[], Vec::as_slice),
            },
        }
    }

    fn height_of(&mut self, at: usize, live: Option<&Live>, look: &Look<'_>) -> usize {
        self.make(at, live, look);
        self.block(at, live).len()
    }

    /// The place that is `by` rows above, as far as there are any.
    fn above(&mut self, mut place: Place, mut by: usize, live: Option<&Live>, look: &Look<'_>) -> Place {
        while by > place.1 {
            if place.0 == 0 {
                return (0, 0);
            }
            by -= place.1 + 1;
            place.0 -= 1;
            let height = self.height_of(place.0, live, look);
            match height.checked_sub(1) {
                Some(last) => place.1 = last,
                // A message without rows.
                None => (place.1, by) = (0, by + 1),
            }
        }
        (place.0, place.1 - by)
    }

    /// The place that is `by` rows below, as far as there are any.
    fn below(&mut self, mut place: Place, mut by: usize, live: Option<&Live>, look: &Look<'_>) -> Place {
        loop {
            let height = self.height_of(place.0, live, look);
            let left = height.saturating_sub(place.1 + 1);
            if by <= left || place.0 >= self.entries.len() {
                return (place.0, place.1 + by.min(left));
            }
            by -= left + 1;
            place = (place.0 + 1, 0);
            if self.height_of(place.0, live, look) == 0 && place.0 >= self.entries.len() {
                return self.last(live, look);
            }
        }
    }

    /// The last row of all.
    fn last(&mut self, live: Option<&Live>, look: &Look<'_>) -> Place {
        let mut at = self.entries.len();
        loop {
            let height = self.height_of(at, live, look);
            if height > 0 || at == 0 {
                return (at, height.saturating_sub(1));
            }
            at -= 1;
        }
    }

    fn follow_end(&mut self) {
        (self.follows, self.cursor) = (true, (usize::MAX / 2, 0));
    }

    /// Makes what can be seen, and keeps the cursor and the top where they may be. To be called after every change.
    pub fn prepare(&mut self, live: Option<&Live>, height: u16, look: &Look<'_>) {
        if self.width != look.width {
            self.width = look.width;
            self.rows.clear();
        }
        self.height = height;
        let rows = usize::from(height).max(1);
        let last = self.last(live, look);
        let lowest = self.above(last, rows - 1, live, look);
        if self.follows {
            // What is said where nobody has said anything yet is read from its beginning.
            self.top = if self.entries.is_empty() && live.is_none() { (0, 0) } else { lowest };
            if self.cursor.0 > self.entries.len() {
                self.cursor = last;
            }
        }
        self.top = self.fitted(self.top, live, look).min(lowest);
        self.at_end = self.top >= lowest;
        self.cursor = self.fitted(self.cursor, live, look).min(last);
        // What is drawn is made.
        let mut place = self.top;
        let mut left = rows;
        while left > 0 && place.0 <= self.entries.len() {
            left = left.saturating_sub(self.height_of(place.0, live, look).saturating_sub(place.1));
            place = (place.0 + 1, 0);
        }
    }

    fn fitted(&mut self, place: Place, live: Option<&Live>, look: &Look<'_>) -> Place {
        if place.0 > self.entries.len() {
            return self.last(live, look);
        }
        (place.0, place.1.min(self.height_of(place.0, live, look).saturating_sub(1)))
    }

    /// Scrolls without the cursor, which stays in sight.
    pub fn scroll(&mut self, by: isize, live: Option<&Live>, look: &Look<'_>) {
        let rows = usize::from(self.height).max(1);
        let last = self.last(live, look);
        let lowest = self.above(last, rows - 1, live, look);
        self.top = match by < 0 {
            true => self.above(self.top, by.unsigned_abs(), live, look),
            false => self.below(self.top, by.unsigned_abs(), live, look).min(lowest),
        };
        self.follows = self.top >= lowest && by > 0;
        let bottom = self.below(self.top, rows - 1, live, look);
        self.cursor = self.cursor.clamp(self.top, bottom.max(self.top));
    }

    /// Moves the cursor to a place and shows it.
    fn go(&mut self, place: Place, live: Option<&Live>, look: &Look<'_>) {
        let rows = usize::from(self.height).max(1);
        self.cursor = place;
        let highest = self.above(place, rows - 1, live, look);
        if place < self.top {
            self.top = place;
        } else if self.top < highest {
            self.top = highest;
        }
        let last = self.last(live, look);
        self.follows = place >= last;
        if let Some((_, end)) = self.marked.as_mut().filter(|_| self.marking) {
            *end = (place, usize::MAX);
        }
    }

    /// Moves as an action says; whether the action was one of movement.
    pub fn act(&mut self, action: Action, live: Option<&Live>, look: &Look<'_>) -> bool {
        let page = usize::from(self.height).saturating_sub(2).max(1);
        let place = match action {
            actions::UP => self.above(self.cursor, 1, live, look),
            actions::DOWN => self.below(self.cursor, 1, live, look),
            actions::PAGE_UP => self.above(self.cursor, page, live, look),
            actions::PAGE_DOWN => self.below(self.cursor, page, live, look),
            actions::HALF_UP => self.above(self.cursor, page / 2, live, look),
            actions::HALF_DOWN => self.below(self.cursor, page / 2, live, look),
            actions::FIRST => (0, 0),
            actions::LAST => self.last(live, look),
            _ => return false,
        };
        self.go(place, live, look);
        true
    }

    /// Goes to the question before or behind; whether there is one among what was read.
    pub fn go_to_question(&mut self, forward: bool, live: Option<&Live>, look: &Look<'_>) -> bool {
        let at = self.cursor.0.min(self.entries.len());
        let found = match forward {
            true => self.entries.iter().enumerate().skip(at + 1).find(|(_, e)| e.is_question()).map(|(at, _)| at),
            false => {
                let inside = usize::from(self.cursor.1 > 0);
                self.entries[..(at + inside).min(self.entries.len())].iter().rposition(Entry::is_question)
            }
        };
        let Some(found) = found else { return false };
        self.go((found, 0), live, look);
        // A question stands at the top, with its answer below.
        let last = self.last(live, look);
        let lowest = self.above(last, usize::from(self.height).saturating_sub(1), live, look);
        self.top = (found, 0).min(lowest);
        true
    }

    /// Shows a message: the row where what is looked for is said, or its first one.
    pub fn show(&mut self, id: Id, look: &Look<'_>) -> bool {
        let Some(at) = self.index(id) else { return false };
        self.make(at, None, look);
        let rows = self.rows.get(&id).map_or(&[][..], Vec::as_slice);
        let holds = |d: &Drawn| !self.wanted.is_empty() && d.row.text().to_lowercase().contains(&self.wanted);
        let row = rows.iter().position(holds).unwrap_or(0);
        self.cursor = (at, row);
        self.top = self.above((at, row), usize::from(self.height) / 3, None, look);
        self.follows = false;
        true
    }

    /// Shows the next row of this message, or the one before, that holds what is looked for; false where there is none.
    pub fn show_within(&mut self, id: Id, forward: bool, look: &Look<'_>) -> bool {
        let Some(at) = self.index(id).filter(|at| *at == self.cursor.0) else { return false };
        self.make(at, None, look);
        let rows = self.rows.get(&id).map_or(&[][..], Vec::as_slice);
        let holds = |row: &usize| rows[*row].row.text().to_lowercase().contains(&self.wanted);
        let here = self.cursor.1.min(rows.len());
        let found = match forward {
            true => (here + 1..rows.len()).find(holds),
            false => (0..here).rev().find(holds),
        };
        let Some(row) = found.filter(|_| !self.wanted.is_empty()) else { return false };
        self.cursor = (at, row);
        self.top = self.above((at, row), usize::from(self.height) / 3, None, look);
        self.follows = false;
        true
    }

    /// Whether the beginning of what was read is near, and there is more.
    pub fn wants_older(&self) -> bool {
        self.older.is_some() && !self.reading && self.top.0 < 10
    }

    /// The rows that can be seen, with their places.
    pub fn visible<'a>(&'a self, live: Option<&'a Live>, height: u16) -> Vec<(Place, &'a Drawn)> {
        let mut out = Vec::with_capacity(usize::from(height));
        let (mut at, mut skip) = self.top;
        while out.len() < usize::from(height) && at <= self.entries.len() {
            let left = usize::from(height) - out.len();
            let rows = self.block(at, live).iter().enumerate().skip(skip).take(left);
            out.extend(rows.map(|(row, drawn)| ((at, row), drawn)));
            (at, skip) = (at + 1, 0);
        }
        out
    }

    /// Whether nothing is below what is seen, and how far down that is, in thousandths.
    pub fn depth(&self) -> usize {
        self.top.0 * 1000 / self.entries.len().max(1)
    }

    /// The marked columns of a row.
    pub fn marked_columns(&self, place: Place) -> Option<(usize, usize)> {
        let (a, b) = self.marked?;
        let (from, to) = if a <= b { (a, b) } else { (b, a) };
        if (from == to && !self.marking) || place < from.0 || place > to.0 {
            return None;
        }
        if self.marking {
            return Some((0, usize::MAX));
        }
        let start = if place == from.0 { from.1 } else { 0 };
        let end = if place == to.0 { to.1.saturating_add(1) } else { usize::MAX };
        Some((start, end))
    }

    /// What is marked, with the lines that were written and not those of the screen.
    pub fn marked_text(&mut self, live: Option<&Live>, look: &Look<'_>) -> Option<String> {
        let (a, b) = self.marked?;
        let (from, to) = if a <= b { (a, b) } else { (b, a) };
        let messages = from.0.0..=to.0.0.min(self.entries.len());
        messages.clone().for_each(|at| self.make(at, live, look));
        let rows = messages.flat_map(|at| self.block(at, live).iter().enumerate().map(move |(row, d)| ((at, row), d)));
        let marked = rows.filter_map(|(place, drawn)| Some((&drawn.row, self.marked_columns(place)?)));
        let text = taken(marked);
        (!text.is_empty()).then_some(text)
    }
}

/// Whether an answer goes on after the tools that the one before asked for.
pub fn goes_on(before: &Entry, after: &Entry) -> bool {
    before.message.role == "assistant"
        && after.message.role == "assistant"
        && before.parts.iter().any(|p| matches!(p, Part::ToolCall(_)))
        && before.message.model == after.message.model
}
