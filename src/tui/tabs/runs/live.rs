//! Runs that were begun here: their output as it comes.

use super::item::Item;
use super::pipe::Chunk;
use super::record::head;
use super::{Halt, Last, Request, Runs, Shown, Start, ask};
use crate::kernel::ids::Id;
use crate::store::RunRow;
use crate::tui::happening::{Effect, Fault, Lane, Launch, World};
use crate::tui::popups::Reply;
use crate::tui::theme::Role;
use crate::tui::widgets::output::Output;

/// Bytes of its output that a run has in memory while it goes on.
const LIMIT: usize = 8 << 20;
/// Runs whose output stays in memory when they are over, so that the order of their lines does.
const KEPT: usize = 4;

/// A run that was begun here.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) number: u64,
    /// `source:name`.
    pub(super) command: String,
    /// Its record, once it has begun.
    pub(super) row: Option<RunRow>,
    pub(super) output: Output,
    pub(super) over: bool,
    pub(super) halt: Option<Halt>,
}

impl Live {
    pub(super) fn is_of(&self, id: Id) -> bool {
        self.row.as_ref().is_some_and(|row| row.id == id)
    }

    /// Whether it shows at least as much as the store has.
    pub(super) fn is_whole(&self) -> bool {
        !self.over || self.output.dropped() == 0
    }
}

/// The lane of a run, which is its alone.
pub(super) fn lane(number: u64) -> Lane {
    Lane(format!("run-{number}"))
}

impl Runs {
    /// Begins a run.
    pub(super) fn launch(&mut self, launch: Launch, trigger: String) -> Vec<Effect> {
        self.number += 1;
        let number = self.number;
        let mut output = Output::bounded(LIMIT);
        output.follows = true;
        let command = launch.command.clone();
        self.lives.push(Live { number, command, row: None, output, over: false, halt: None });
        let start = Box::new(Start { number, launch, trigger });
        vec![Effect::Work(lane(number), super::AnyRequest::Runs(Request::Start(start)))]
    }

    /// The run under the cursor where it is one of ours.
    pub(super) fn chosen_live(&self) -> Option<&Live> {
        let id = self.chosen()?.id;
        self.lives.iter().find(|live| live.is_of(id))
    }

    /// Lists a run that has begun, and goes to it.
    pub(super) fn began(&mut self, number: u64, row: RunRow, halt: Halt, world: &World<'_>) {
        let Some(live) = self.lives.iter_mut().find(|live| live.number == number) else { return };
        head(&mut live.output, &row, world.zone);
        let item = Item::from(&row);
        (live.row, live.halt) = (Some(row), Some(halt));
        let at = self.place(item.id);
        if let (Err(at), Some(items)) = (at, &mut self.items) {
            items.insert(at, item);
        }
        self.cursor.at = at.unwrap_or_else(|at| at);
        self.shown = Shown::Live(number);
    }

    /// The run of ours with this id, where it shows as much as the store has.
    pub(super) fn whole(&self, id: Id) -> Option<Shown> {
        let live = self.lives.iter().find(|live| live.is_of(id) && live.is_whole())?;
        Some(Shown::Live(live.number))
    }

    /// Whether a run of ours goes on. One whose record says how it ended is over, whoever tells so first.
    pub(super) fn goes_on(&self, live: &Live) -> bool {
        let item = live.row.as_ref().and_then(|row| self.all().get(self.place(row.id).ok()?));
        !live.over && item.is_none_or(|item| !item.status.is_final())
    }

    pub(super) fn wrote(&mut self, number: u64, chunks: Vec<Chunk>, world: &World<'_>) -> Vec<Effect> {
        let Some(live) = self.lives.iter_mut().find(|live| live.number == number) else { return Vec::new() };
        for chunk in chunks {
            match chunk {
                Chunk::Say(role, text) => live.output.say(role, &text),
                Chunk::Bytes(stream, bytes) => live.output.bytes(stream, &bytes),
                Chunk::Asks(question, reply) => {
                    live.output.say(Role::Warn, &format!("? {} waits for your permission", question.origin));
                    self.cards.add(&number.to_string(), question, reply);
                }
            }
        }
        self.next_card(world)
    }

    /// Opens the card of the tool that waits longest, when none is open.
    pub(super) fn next_card(&mut self, world: &World<'_>) -> Vec<Effect> {
        let lives = &self.lives;
        let about = |number: &str| {
            let live = lives.iter().find(|live| live.number.to_string() == number)?;
            Some(format!("In the run of `{}`:", live.command))
        };
        self.cards.open(about, world)
    }

    /// Takes what became of a card; `None` when it was another pop-up.
    pub(super) fn permitted(&mut self, name: &str, reply: &Reply, world: &World<'_>) -> Option<Vec<Effect>> {
        let (mut out, decided) = self.cards.closed(name, reply)?;
        for decided in decided.iter().filter(|decided| !decided.allowed) {
            let live = self.lives.iter_mut().find(|live| live.number.to_string() == decided.of);
            live.into_iter().for_each(|l| l.output.say(Role::Warn, &format!("✗ {} was not allowed", decided.origin)));
        }
        out.extend(self.next_card(world));
        Some(out)
    }

    pub(super) fn ended(&mut self, number: u64, result: std::result::Result<Last, Fault>) -> Vec<Effect> {
        let Some(at) = self.lives.iter().position(|live| live.number == number) else { return Vec::new() };
        self.cards.give_up(&number.to_string());
        let live = &mut self.lives[at];
        result.iter().flatten().for_each(|(role, text)| live.output.say(*role, text));
        live.over = true;
        let (id, whole) = (live.row.as_ref().map(|row| row.id), live.is_whole());
        let mut effects = Vec::new();
        if id.is_none() {
            self.lives.remove(at);
        }
        if let (Some(id), false) = (id, whole) {
            effects.push(ask("read", Request::Read(id)));
        }
        let over: Vec<u64> = self.lives.iter().filter(|live| live.over).map(|live| live.number).collect();
        let old = over.len().saturating_sub(KEPT);
        let shown = if let Shown::Live(shown) = self.shown { Some(shown) } else { None };
        self.lives.retain(|live| !over[..old].contains(&live.number) || Some(live.number) == shown);
        effects.extend(result.err().map(Effect::Fail));
        effects
    }
}
