//! What keys do in the runs tab, and what comes of its pop-ups.

use super::live::lane;
use super::{
    ALL, COMMAND, COPY_ALL, FILTER, Filter, LEFT, MARK, REMOVE, RERUN, RIGHT, Request, Runs, STATUS, STOP, Shown,
    Start, WRAP, ZOOM, ask,
};
use crate::commands::rerun::Again;
use crate::kernel::ids::Id;
use crate::store::{RunRow, Status};
use crate::tui::actions;
use crate::tui::happening::{Effect, Launch, Tell, World};
use crate::tui::keymap::Action;
use crate::tui::popups::{Ask, Card, Choice, Choose, Form, Input, Popup, Reply};
use crate::tui::tabs::TabId;
use crate::tui::theme::Role;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::text::wrapped;

/// The name of the words of the rest in a form.
const REST: &str = "*";

fn open(name: &'static str, popup: Popup) -> Vec<Effect> {
    vec![Effect::Open(name, Box::new(popup))]
}

fn note(said: &str) -> Vec<Effect> {
    vec![Effect::Note(said.to_string())]
}

impl Runs {
    pub(super) fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let [list, detail] = self.inner(world.area);
        match action {
            RERUN => return self.rerun(),
            STOP => return self.stop(),
            REMOVE => return self.ask_to_remove(world),
            COMMAND => {
                let key = self.chosen().map(|item| format!("{}:{}", item.source, item.command));
                return key.map(|key| Effect::Tell(TabId::Commands, Tell::Command(key))).into_iter().collect();
            }
            FILTER => {
                let mut ask = Ask::new("Runs of which commands", &self.filter.part);
                ask.note = "a part of source:command; empty for all".to_string();
                return open("filter", Popup::Ask(ask));
            }
            STATUS => return open("status", Popup::Choose(statuses(self.filter.status))),
            MARK => self.mark(list.height),
            ZOOM => (self.zoomed, self.inside) = (!self.zoomed, true),
            actions::OPEN => self.inside = true,
            actions::NEXT_PANE | actions::PREVIOUS_PANE if !self.zoomed => self.inside = !self.inside,
            actions::WIDER => self.split.grow(5),
            actions::NARROWER => self.split.grow(-5),
            actions::FIND => {
                let wanted = self.output().map(|(_, output)| output.wanted().to_string()).unwrap_or_default();
                return open("find", Popup::Ask(Ask::new("Find in the output", &wanted)));
            }
            actions::FIND_NEXT | actions::FIND_PREVIOUS => return self.find_on(action, world),
            actions::COPY => return self.copy(true),
            COPY_ALL => return self.copy(false),
            WRAP | LEFT | RIGHT => {
                if let Some((_, output)) = self.output_mut() {
                    match action {
                        WRAP => output.toggle_wrap(detail),
                        _ => output.sideways(action == RIGHT),
                    }
                }
            }
            other if self.inside => {
                if let Some((_, output)) = self.output_mut() {
                    output.act(other, detail);
                }
            }
            other => {
                self.cursor.act(other, self.all().len(), list.height);
                if other == actions::LAST {
                    return self.read_more(ALL);
                }
            }
        }
        Vec::new()
    }

    fn mark(&mut self, height: u16) {
        let Some(id) = self.chosen().map(|item| item.id) else { return };
        if !self.marked.remove(&id) {
            self.marked.insert(id);
        }
        self.cursor.act(actions::DOWN, self.all().len(), height);
    }

    /// The whole record of the run under the cursor, where it was read.
    fn row(&self) -> Option<&RunRow> {
        let id = self.chosen()?.id;
        let live = self.chosen_live().and_then(|live| live.row.as_ref());
        match &self.shown {
            Shown::Record(record) if record.row.id == id => Some(&record.row),
            _ => live,
        }
    }

    fn rerun(&mut self) -> Vec<Effect> {
        let Some(row) = self.row() else {
            return note(if self.chosen().is_some() { "it is being read; once more" } else { "nothing to run again" });
        };
        let (again, trigger) = (Again::of(row), format!("rerun {}", row.id));
        let launch = Launch { command: again.command, values: again.values, rest: again.rest };
        if again.hidden.is_empty() {
            return self.launch(launch, trigger);
        }
        let title = format!("{}: what was secret is not kept", launch.command);
        let inputs = again.hidden.into_iter().map(|name| Input {
            label: name.clone().unwrap_or_else(|| "arguments".to_string()),
            name: name.unwrap_or_else(|| REST.to_string()),
            help: "secret".to_string(),
            required: true,
            choices: Vec::new(),
            field: Field::hidden(),
        });
        let form = Form::new(title, inputs.collect());
        self.unfinished = Some(Start { number: 0, launch, trigger });
        open("secrets", Popup::Form(form))
    }

    fn stop(&mut self) -> Vec<Effect> {
        let Some(live) = self.chosen_live().filter(|live| self.goes_on(live)) else {
            let running = self.chosen().is_some_and(|item| !item.status.is_final());
            return note(if running { "another process runs it; stop it there" } else { "this is over already" });
        };
        let stopping = match &live.halt {
            Some(halt) => ask("halt", Request::Halt(halt.clone())),
            None => Effect::Stop(lane(live.number)),
        };
        vec![stopping, Effect::Note("stopping it; x again ends it at once".to_string())]
    }

    /// What would be removed: the marked runs, or the one under the cursor; what runs stays.
    fn removable(&self) -> Vec<Id> {
        let over = |id: &Id| self.place(*id).map_or(true, |at| self.all()[at].status.is_final());
        match self.marked.is_empty() {
            true => self.chosen().map(|item| item.id).into_iter().filter(over).collect(),
            false => self.marked.iter().copied().filter(over).collect(),
        }
    }

    fn ask_to_remove(&mut self, world: &World<'_>) -> Vec<Effect> {
        let ids = self.removable();
        let text = match ids[..] {
            [] => return note("nothing to remove; what runs must be stopped first"),
            [id] => {
                let item = self.place(id).ok().and_then(|at| self.all().get(at));
                item.map_or(String::new(), |item| {
                    format!("{}:{}  {}", item.source, item.command, item.started.short_in(world.zone.clone()))
                })
            }
            _ => format!("{} marked runs", ids.len()),
        };
        let text =
            format!("{text}\n\nTheir arguments and output are erased for good, also from the log and the index.");
        let rows = wrapped(&text, 70, world.theme.style(Role::Text));
        open("remove", Popup::Card(Card::new("Remove?", rows, &[('y', "remove"), ('n', "keep")])))
    }

    fn find(&mut self, words: &str) -> Vec<Effect> {
        let Some((id, output)) = self.output() else { return Vec::new() };
        vec![ask("find", Request::Find(id, words.to_string(), output.whole()))]
    }

    /// The next place; lines that came since the search are looked through first.
    fn find_on(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let [_, detail] = self.inner(world.area);
        let Some((_, output)) = self.output_mut() else { return Vec::new() };
        output.act(action, detail);
        let words = output.wanted().to_string();
        if words.is_empty() || output.is_searched() { Vec::new() } else { self.find(&words) }
    }

    /// What is marked, or else all of it.
    fn copy(&self, marked: bool) -> Vec<Effect> {
        let Some((_, output)) = self.output() else { return Vec::new() };
        match output.marked().filter(|_| marked) {
            Some(text) => vec![Effect::Copy(text)],
            None => vec![ask("copy", Request::Copy(output.whole()))],
        }
    }

    pub(super) fn closed(&mut self, name: &str, reply: Reply) -> Vec<Effect> {
        match (name, reply) {
            ("filter", Reply::Typed(part)) => {
                let part = part.trim().to_string();
                self.set_filter(Filter { part, ..self.filter.clone() })
            }
            ("status", Reply::Chosen(word)) => {
                self.set_filter(Filter { status: word.parse().ok(), ..self.filter.clone() })
            }
            ("find", Reply::Typed(words)) => self.find(words.trim()),
            ("remove", Reply::Chosen(key)) if key == "y" => {
                let ids = self.removable();
                vec![ask("remove", Request::Remove(ids))]
            }
            ("secrets", Reply::Filled(values)) => match self.unfinished.take() {
                Some(start) => self.with_secrets(start, values),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn with_secrets(&mut self, start: Start, values: Vec<(String, String)>) -> Vec<Effect> {
        let mut launch = start.launch;
        for (name, value) in values {
            match name.as_str() {
                REST => launch.rest.extend(shlex::split(&value).unwrap_or_else(|| vec![value])),
                _ => launch.values.push((name, value)),
            }
        }
        self.launch(launch, start.trigger)
    }
}

fn statuses(now: Option<Status>) -> Choose {
    let any = Choice::new("", "any", "however they ended");
    let about = |status: Status| match status {
        Status::Pending => "recorded, not yet begun",
        Status::Running => "going on",
        Status::Ok => "ended well",
        Status::Failed => "ended badly",
        Status::TimedOut => "ended by the time limit",
        Status::Interrupted => "ended by Ctrl-C, a signal or x",
        Status::Cancelled => "was not needed",
        Status::Refused => "never begun: trust or a permission said no",
        Status::Lost => "its process ended without a word",
    };
    let all = Status::ALL.into_iter().map(|status| {
        let label = format!("{} {}", super::item::sign(status), super::item::word(status, None));
        Choice::new(status.name(), label, about(status))
    });
    let at = now.and_then(|now| Status::ALL.iter().position(|status| *status == now)).map_or(0, |at| at + 1);
    Choose::new("Runs that are", std::iter::once(any).chain(all).collect(), at)
}
