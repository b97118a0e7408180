//! For tests: a shell of this size that keys are pressed in, and what can be seen of it.

use std::collections::BTreeMap;

use crossterm::event::{Event, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Rect;

use super::actions;
use super::happening::{Effect, Fault, Happening, Tell};
use super::keymap::{Action, Chord, Keymap};
use super::pictures::Way;
use super::shell::{Incoming, Settings, Shell};
use super::tabs::{Answer, TABLES, Tab, TabId};
use super::theme::{Depth, Theme};
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::events::Recorded;

/// The moment at which everything on the stage happens: 2026-11-21 12:00 UTC.
pub const NOW: i64 = 1_795_262_400_000_000;

/// The large screen of the snapshots.
pub const LARGE: (u16, u16) = (120, 40);

/// The small screen of the snapshots.
pub const SMALL: (u16, u16) = (80, 24);

/// What a tab may have to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was answered yet.
    Busy,
    /// There is nothing.
    Empty,
    /// It could not be read.
    Fails,
    /// These words stand wherever words of others can.
    Says(&'static str),
}

/// Every state, by its name.
const STATES: [(&str, State); 7] = [
    ("busy", State::Busy),
    ("empty", State::Empty),
    ("error", State::Fails),
    (
        "long",
        State::Says(
            "a name that goes on and on until nobody remembers how it began, with_a_part_that_cannot_be_broken_anywhere_\
             because_there_is_no_blank_in_it_at_all_and_it_is_longer_than_any_pane_is_wide_by_far, and an end",
        ),
    ),
    (
        "wide",
        State::Says(
            "日本語の長い題名と、幅の広い文字でいっぱいの文章は、どこで折り返されるのでしょうか。한국어도 中文也",
        ),
    ),
    ("right_to_left", State::Says("שלום עולם, זה טקסט מימין לשמאל עם 123 ומילים English ועוד · مرحبا بالعالم")),
    ("emoji", State::Says("🎉 👩‍👩‍👧 🦀 🇵🇹 ❤️ é ñ 👍🏽 party 🚀 and ⚠️ signs 🧑‍💻 at the end 🏁")),
];

/// A tab in every state, at both sizes, by the state's name.
pub fn every_state(make: impl Fn(State, (u16, u16)) -> Stage) -> Vec<(String, String)> {
    let both = |state| format!("{}\n\n{}", make(state, LARGE).text(), make(state, SMALL).text());
    STATES.into_iter().map(|(name, state)| (format!("state_{name}"), both(state))).collect()
}

/// Presses every key that holds where a tab stands, and does what the palette offers besides, each on a screen of its own
/// with nothing to show yet and with nothing at all, at both sizes. Each must ask for something, change what is seen, or
/// say why not; gives those that do nothing.
pub fn silent_keys(make: impl Fn(State, (u16, u16)) -> Stage) -> Vec<String> {
    let mut silent = Vec::new();
    for (name, state) in STATES.into_iter().filter(|(_, state)| matches!(state, State::Busy | State::Empty)) {
        for size in [LARGE, SMALL] {
            for press in make(state, size).shell.offered() {
                let mut stage = make(state, size);
                stage.take();
                let before = stage.text();
                let (said, action) = match &press {
                    Press::Key(chord, action) => {
                        stage.incoming(Incoming::Terminal(Event::Key(chord.pressed())));
                        (chord.to_string(), action)
                    }
                    Press::Chosen(action) => {
                        stage.chosen(*action);
                        ("from the palette".to_string(), action)
                    }
                };
                let after = stage.text();
                assert_eq!(after.lines().count(), usize::from(size.1), "{} ({said}), {name}", action.0);
                if stage.take().is_empty() && after == before {
                    silent.push(format!("{name} {}x{}: {} ({said})", size.0, size.1, action.0));
                }
            }
        }
    }
    silent
}

/// A way to do an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// By its key.
    Key(Chord, Action),
    /// In the palette.
    Chosen(Action),
}

/// What failed, for tests.
pub fn fault() -> Fault {
    Fault { said: "the database disk image is malformed".into(), hint: Some("`fac doctor` looks closer".into()) }
}

/// A screen without a terminal.
pub struct Stage {
    shell: Shell,
    size: (u16, u16),
    /// What was asked of the world outside since it was last taken.
    pub effects: Vec<Effect>,
}

impl Stage {
    /// Only this tab, in front, on a screen of this size.
    pub fn with(tab: Box<dyn Tab>, size: (u16, u16)) -> Stage {
        Stage::careful(tab, size, 0)
    }

    /// The same where a question that came by itself has to be seen for `patience` microseconds before it is answered.
    pub fn careful(tab: Box<dyn Tab>, size: (u16, u16), patience: i64) -> Stage {
        let mut tables = vec![actions::TABLE];
        tables.extend(TABLES);
        let (keys, warnings) = Keymap::new(&tables, &BTreeMap::new());
        assert!(warnings.is_empty(), "{warnings:?}");
        let themes = |name: &str| Theme::choose(name, &BTreeMap::new(), Depth::True, false);
        let settings = Settings {
            extras: crate::tui::extras::Extras::default(),
            keys,
            theme: themes("dusk"),
            motion: false,
            clock: Clock::fixed(Timestamp::from_micros(NOW)),
            patience,
            zone: TimeZone::UTC,
            pictures: Way::Blocks,
            themes: Box::new(themes),
        };
        let mut shell = Shell::new(settings, vec![tab], Rect::new(0, 0, size.0, size.1));
        let effects = shell.begin(None, None).into_iter().map(|(_, effect)| effect).collect();
        Stage { shell, size, effects }
    }

    /// A frame is on the screen.
    pub fn seen(&mut self) -> &mut Stage {
        self.shell.seen();
        self
    }

    /// Something comes in.
    pub fn incoming(&mut self, incoming: Incoming) -> &mut Stage {
        self.effects.extend(self.shell.update(incoming).into_iter().map(|(_, effect)| effect));
        self
    }

    /// Presses keys, written as in the settings and parted by blanks: `j j ctrl-p`.
    pub fn keys(&mut self, keys: &str) -> &mut Stage {
        for word in keys.split(' ').filter(|w| !w.is_empty()) {
            let chord = Chord::parse(word).unwrap_or_else(|| panic!("{word} is no key"));
            self.incoming(Incoming::Terminal(Event::Key(chord.pressed())));
        }
        self
    }

    /// Does an action as if it had been chosen in the palette.
    pub fn chosen(&mut self, action: Action) -> &mut Stage {
        let effects = self.shell.act(action);
        self.effects.extend(effects.into_iter().map(|(_, effect)| effect));
        self
    }

    /// Types a text, character by character.
    pub fn types(&mut self, text: &str) -> &mut Stage {
        for c in text.chars() {
            let key = KeyEvent::new(crossterm::event::KeyCode::Char(c), KeyModifiers::NONE);
            self.incoming(Incoming::Terminal(Event::Key(key)));
        }
        self
    }

    /// Clicks.
    pub fn click(&mut self, column: u16, row: u16) -> &mut Stage {
        for kind in [MouseEventKind::Down(MouseButton::Left), MouseEventKind::Up(MouseButton::Left)] {
            let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
            self.incoming(Incoming::Terminal(Event::Mouse(event)));
        }
        self
    }

    /// A job answers the tab.
    pub fn answer(&mut self, answer: Answer) -> &mut Stage {
        let front = self.shell.front();
        self.incoming(Incoming::Answered(front, Ok(answer)))
    }

    /// Facts are appended to the log.
    pub fn news(&mut self, events: Vec<Recorded>) -> &mut Stage {
        self.incoming(Incoming::News(events))
    }

    /// Another tab says something to the one in front.
    pub fn told(&mut self, tell: Tell) -> &mut Stage {
        let front = self.shell.front();
        let effects = self.shell.hand(front, Happening::Told(tell));
        self.effects.extend(effects.into_iter().map(|(_, effect)| effect));
        self
    }

    /// The program is being left.
    pub fn leave(&mut self) -> &mut Stage {
        let effects = self.shell.leaving();
        self.effects.extend(effects.into_iter().map(|(_, effect)| effect));
        self
    }

    /// A text came back from another program.
    pub fn edited(&mut self, name: &'static str, text: Option<String>) -> &mut Stage {
        let front = self.shell.front();
        self.incoming(Incoming::Edited(front, name, text))
    }

    /// The window has another size.
    pub fn resized(&mut self, size: (u16, u16)) -> &mut Stage {
        self.size = size;
        self.incoming(Incoming::Terminal(Event::Resize(size.0, size.1)))
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// What was asked for, and forgets it.
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Which tab is in front.
    pub fn front(&self) -> TabId {
        self.shell.front()
    }

    /// The characters that can be seen, line by line, without blanks at the ends.
    pub fn text(&self) -> String {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let frame = terminal.draw(|frame| {
            if let Some(position) = self.shell.draw(frame.buffer_mut()) {
                frame.set_cursor_position(position);
            }
        });
        let buffer = frame.unwrap().buffer.clone();
        let mut lines = Vec::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                if skip == 0 {
                    line.push_str(symbol);
                }
                skip = unicode_width::UnicodeWidthStr::width(symbol).max(skip).saturating_sub(1);
            }
            lines.push(line.trim_end().to_string());
        }
        lines.join("\n")
    }
}

/// A fact for a test.
pub fn fact(position: i64, kind: &str, subject: &str) -> Recorded {
    Recorded {
        position: crate::kernel::events::Position::from_stored(position),
        at: Timestamp::from_micros(NOW - 60_000_000 * (100 - position)),
        owner: "local".to_string(),
        trace: crate::kernel::ids::Ids::seeded(1).trace(),
        kind: kind.to_string(),
        subject: subject.to_string(),
        payload: Some(serde_json::json!({"command": "git recent"})),
        hash: "0".repeat(64),
    }
}
