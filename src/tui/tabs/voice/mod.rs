//! Talking: what the microphone hears, before and after it is cleaned, the words as they come, and what was said before.
//!
//! It listens for itself and for whichever tab the person talks to: the words go there. It opens no device; that is the
//! work of its job.

mod view;
mod work;

use std::collections::VecDeque;

use crossterm::event::MouseEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use work::{Answer, Ending, Line, Request, Wish, work};

use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::kernel::events::{RECORDING_FAILED, RECORDING_REMOVED, RECORDING_WRITTEN};
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, Talk, Tell, World};
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::widgets::list::{Clicked, Cursor};
use crate::voice::listen::{Look, Until};

/// Listen until nobody speaks any more.
pub const ALONE: Action = Action("voice-alone");
/// Give the listening up.
pub const GIVE_UP: Action = Action("voice-give-up");
/// Send the text to a model.
pub const TO_CHAT: Action = Action("voice-chat");
/// Write it down again.
pub const RETRY: Action = Action("voice-retry");
/// Erase it.
pub const DELETE: Action = Action("voice-delete");

/// The tab's keys.
pub const TABLE: &[Entry] = &[
    entry(ALONE, Section::Voice, &["a"], "alone", "Listen until nobody speaks any more"),
    entry(GIVE_UP, Section::Voice, &["x", "ctrl-x"], "give up", "Give up what is being heard"),
    entry(TO_CHAT, Section::Voice, &["c"], "to chat", "Put this text into a new chat"),
    entry(RETRY, Section::Voice, &["r"], "retry", "Write this recording down again"),
    entry(DELETE, Section::Voice, &["d", "delete"], "erase", "Erase this recording and its text"),
];

/// How much of the past the waveforms show, looks of 50 ms.
const PAST: usize = 400;

/// What it is at.
#[derive(Clone, Debug, Default, PartialEq)]
enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// The microphone is being opened.
    Opening,
    /// Sound comes.
    Listening,
    /// What was heard is being written down.
    Writing,
}

/// The tab.
#[derive(Default)]
pub struct Voice {
    phase: Phase,
    /// Whether it only waits for somebody to speak against what is read aloud.
    against: bool,
    /// Whoever gets the words, and how the listening is ended.
    talk: Option<(TabId, Ending)>,
    device: String,
    looks: VecDeque<Look>,
    held: f32,
    begun: u64,
    ms: u64,
    /// What is certain of the words, and what is not yet.
    words: (String, String),
    trouble: Option<String>,
    said: Vec<Line>,
    failed: Option<Fault>,
    cursor: Cursor,
}

fn ask(lane: &str, request: Request) -> Effect {
    Effect::Work(lane.into(), AnyRequest::Voice(request))
}

impl Voice {
    fn list(&self) -> Vec<Effect> {
        vec![ask("list", Request::List)]
    }

    fn is_at_it(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Begins to listen for a tab.
    fn begin(&mut self, whom: TabId, until: Until, against: bool) -> Vec<Effect> {
        let ending = Ending::default();
        *self = Voice {
            phase: Phase::Opening,
            against,
            talk: Some((whom, ending.clone())),
            held: f32::MIN,
            said: std::mem::take(&mut self.said),
            cursor: self.cursor,
            ..Voice::default()
        };
        vec![ask("listen", Request::Listen(Wish { until, ending, against }))]
    }

    /// What is said so far belongs to it; the rest is written down.
    fn end(&mut self) {
        if let Some((_, ending)) = &self.talk {
            ending.close();
            self.phase = Phase::Writing;
        }
    }

    fn give_up(&mut self) -> Vec<Effect> {
        if !self.is_at_it() {
            return vec![Effect::Note("nothing is being heard".to_string())];
        }
        if let Some((_, ending)) = &self.talk {
            ending.cancel();
        }
        Vec::new()
    }

    /// The key to talk was pressed or let go.
    fn talk(&mut self, talk: Talk) -> Vec<Effect> {
        match (talk, &self.phase) {
            (Talk::Press(whom), Phase::Idle) => return self.begin(whom, Until::Told, false),
            (Talk::Press(_) | Talk::Release, Phase::Opening | Phase::Listening) => self.end(),
            _ => {}
        }
        Vec::new()
    }

    fn chosen(&self) -> Option<&Line> {
        self.said.get(self.cursor.at)
    }

    fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        match action {
            ALONE if !self.is_at_it() => self.begin(TabId::Voice, Until::Silence, false),
            ALONE => vec![Effect::Note("it listens already".to_string())],
            GIVE_UP => self.give_up(),
            actions::OPEN | actions::COPY => match self.chosen().and_then(|line| line.text.clone()) {
                Some(text) => vec![Effect::Copy(text)],
                None => self.no_text(),
            },
            TO_CHAT => match self.chosen().and_then(|line| line.text.clone()) {
                Some(text) => vec![Effect::Tell(TabId::Chat, Tell::Draft(text))],
                None => self.no_text(),
            },
            RETRY => self.chosen().map(|line| ask("retry", Request::Retry(line.id))).into_iter().collect(),
            DELETE => self.chosen().map(|line| ask("erase", Request::Erase(line.id))).into_iter().collect(),
            other => {
                self.cursor.act(other, self.said.len(), view::list_area(world.area).height);
                Vec::new()
            }
        }
    }

    fn no_text(&self) -> Vec<Effect> {
        let said = if self.said.is_empty() { "nothing was said yet" } else { "this has no text yet; r writes it down" };
        vec![Effect::Note(said.to_string())]
    }

    fn answered(&mut self, answer: Answer) -> Vec<Effect> {
        match answer {
            Answer::Ready(device) => {
                self.device = device;
                // Whoever ended it before it began has not to speak any more.
                if self.phase == Phase::Opening {
                    self.phase = Phase::Listening;
                }
            }
            Answer::Looked(look) => {
                self.against &= !look.voice;
                self.held = self.held.max(look.before);
                self.ms = look.at_ms + 50;
                self.looks.push_back(look);
                if self.looks.len() > PAST {
                    self.looks.pop_front();
                }
            }
            Answer::Words(sure, rest) => self.words = (sure, rest),
            Answer::Trouble(said) => self.trouble = said,
            Answer::Closed => self.phase = Phase::Writing,
            Answer::Over(over) => return self.over(over),
            Answer::Listed(Ok(said)) => {
                (self.said, self.failed) = (said, None);
                self.cursor.fit(self.said.len());
            }
            Answer::Listed(Err(fault)) => self.failed = Some(fault),
            Answer::Done(Ok(said)) => {
                return std::iter::once(Effect::Note(said)).chain(self.list()).collect();
            }
            Answer::Done(Err(fault)) => return vec![Effect::Fail(fault)],
        }
        Vec::new()
    }

    fn over(&mut self, over: Result<Option<String>, Fault>) -> Vec<Effect> {
        self.phase = Phase::Idle;
        let whom = self.talk.take().map_or(TabId::Voice, |(whom, _)| whom);
        let mut effects = self.list();
        match over {
            Ok(None) => {}
            Ok(Some(text)) if text.is_empty() => {
                effects.push(Effect::Note("nobody spoke".to_string()));
            }
            Ok(Some(text)) => {
                self.words = (text.clone(), String::new());
                if whom == TabId::Chat {
                    effects.push(Effect::Hand(TabId::Chat, Tell::Heard(text)));
                }
            }
            Err(fault) => effects.push(Effect::Fail(fault)),
        }
        effects
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        match self.cursor.mouse(event, view::list_area(world.area), self.said.len()) {
            Clicked::Again => self.act(actions::OPEN, world),
            Clicked::Moved | Clicked::No => Vec::new(),
        }
    }
}

impl Tab for Voice {
    fn id(&self) -> TabId {
        TabId::Voice
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        match happening {
            Happening::Shown => self.list(),
            Happening::News(events)
                if events
                    .iter()
                    .any(|e| [RECORDING_WRITTEN, RECORDING_FAILED, RECORDING_REMOVED].contains(&&*e.kind)) =>
            {
                self.list()
            }
            Happening::Talk(talk) => self.talk(talk),
            Happening::Told(Tell::Talk) if !self.is_at_it() => self.begin(TabId::Chat, Until::Silence, false),
            Happening::Told(Tell::BargeIn) if !self.is_at_it() => self.begin(TabId::Chat, Until::Silence, true),
            Happening::Act(action) => self.act(action, world),
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Voice(answer)) => self.answered(*answer),
            Happening::Moment => {
                self.begun = world.moment;
                Vec::new()
            }
            Happening::Leaving => {
                // What was said is kept as a recording.
                self.end();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        view::draw(self, buffer, world);
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Voice, Section::Lists]
    }

    fn lacks(&self) -> &'static [Action] {
        actions::OF_PANES
    }

    fn is_bare(&self) -> bool {
        self.said.is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        match self.phase {
            Phase::Idle => vec![actions::TALK, ALONE, actions::COPY, TO_CHAT, RETRY, DELETE],
            _ => vec![actions::TALK, GIVE_UP],
        }
    }

    fn badge(&self) -> Option<char> {
        self.is_at_it().then_some('●')
    }

    fn holds(&self) -> Option<String> {
        (self.is_at_it() && !self.against).then(|| "what is being heard".to_string())
    }
}

/// The place of the list of what was said.
impl Voice {
    fn parts(area: Rect) -> [Rect; 4] {
        let meter = 6.min(area.height);
        let rest = area.height - meter;
        let wave = (rest / 3).clamp(4, 14).min(rest);
        let words = 5.min(rest - wave);
        let mut y = area.y;
        [meter, wave, words, rest - wave - words].map(|height| {
            let part = Rect { y, height, ..area };
            y += height;
            part
        })
    }
}

#[cfg(test)]
mod tests;
