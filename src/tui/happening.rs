//! What goes in and out of an update: happenings, effects, and what a tab may look at.
//!
//! An update takes a happening and gives effects; it calls nobody. Everything here is a plain value, so that a test can
//! say what was asked for.

use std::fmt;
use std::sync::mpsc;

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::tz::TimeZone;
use ratatui::layout::Rect;

use super::keymap::{Action, Keymap};
use super::pictures::Way;
use super::popups::{Popup, Reply as Given};
use super::tabs::{Answer, Request, TabId};
use super::theme::Theme;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Error;
use crate::kernel::events::Recorded;
use crate::kernel::terminal::safe;

/// Something that happened to a tab.
#[derive(Debug)]
pub enum Happening {
    /// It came to the front, or the program began with it.
    Shown,
    /// Another tab came to the front.
    Hidden,
    /// A key that the keymap knows, or a choice in the palette.
    Act(Action),
    /// A key that it does not know, or one that is typed.
    Key(KeyEvent),
    /// Text that was pasted.
    Pasted(String),
    /// The mouse, inside the tab's area.
    Mouse(MouseEvent),
    /// A job answers.
    Answered(Answer),
    /// A pop-up that the tab opened under this name was closed.
    Closed(&'static str, Given),
    /// Text that was edited in another program; `None` when that failed or changed nothing.
    Edited(&'static str, Option<String>),
    /// A program that had the terminal ended.
    Returned(&'static str),
    /// Facts that were appended to the log, by this process or another, the oldest first.
    News(Vec<Recorded>),
    /// The tab's area has another size.
    Resized,
    /// A moment of an animation passed; only while [`super::tabs::Tab::is_moving`].
    Moment,
    /// Another tab wants something shown.
    Told(Tell),
    /// The key to talk, wherever it was pressed.
    Talk(Talk),
    /// The program is being left: what must not be lost is to be kept now.
    Leaving,
}

/// The key to talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// It went down, while this tab was in front.
    Press(TabId),
    /// It was let go, on a terminal that tells.
    Release,
}

/// What one tab says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Show this session, and in it this message when one is named (ids).
    Session(String, Option<String>),
    /// Show this run (its id).
    Run(String),
    /// Run this command, and show it while it runs.
    Launch(Launch),
    /// Show this command (`source:name`).
    Command(String),
    /// Search for this.
    Search(String),
    /// Begin a new chat with this in the composer.
    Draft(String),
    /// Put what was said where one writes.
    Heard(String),
    /// Listen for the next message of the chat, until nobody speaks any more.
    Talk,
    /// Listen while an answer is read aloud: whoever speaks silences it.
    BargeIn,
}

/// A command with its arguments, trusted and ready to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// `source:name`.
    pub command: String,
    /// Values by parameter.
    pub values: Vec<(String, String)>,
    /// Words of the rest parameter.
    pub rest: Vec<String>,
}

/// Jobs of one lane replace each other: only what was asked last counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub String);

impl From<&str> for Lane {
    fn from(name: &str) -> Lane {
        Lane(name.to_string())
    }
}

/// Another program that gets the terminal.
#[derive(Clone, Debug, PartialEq)]
pub enum Lend {
    /// The person's editor on a text; answered by [`Happening::Edited`].
    Edit {
        /// The name under which the tab hears of it.
        name: &'static str,
        /// The text.
        text: String,
        /// The end of the file's name, such as `.md`.
        extension: &'static str,
        /// Where the text belongs, as a part of the file's name, so that it can be brought back after a kill; empty
        /// where it need not be.
        of: String,
    },
    /// A line in the person's shell, on the whole terminal; answered by [`Happening::Returned`].
    Shell {
        /// The name under which the tab hears of it.
        name: &'static str,
        /// The line.
        line: String,
    },
    /// This program with other words (`fac run …`), on the whole terminal; answered by [`Happening::Returned`].
    Ourselves {
        /// The name under which the tab hears of it.
        name: &'static str,
        /// The words behind `fac`.
        words: Vec<String>,
    },
}

/// Something to be done.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Work on a thread of its own, or as soon as one is free.
    Work(Lane, Request),
    /// Give the work of a lane up.
    Stop(Lane),
    /// Open a pop-up; the tab hears of its end under this name.
    Open(&'static str, Box<Popup>),
    /// Put a text on the clipboard.
    Copy(String),
    /// Bring a tab to the front.
    Go(TabId),
    /// Bring a tab to the front and tell it something.
    Tell(TabId, Tell),
    /// Tell a tab something where it is.
    Hand(TabId, Tell),
    /// Say something for a moment.
    Note(String),
    /// Say what failed.
    Fail(Fault),
    /// Give the terminal away for a while.
    Lend(Lend),
    /// Leave.
    Quit,
    /// Step into the background (Ctrl-Z).
    Suspend,
    /// Draw everything anew.
    Repaint,
}

/// An error as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The sentence.
    pub said: String,
    /// The way forward.
    pub hint: Option<String>,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault {
            said: safe(&error.full_message()).into_owned(),
            hint: error.way_forward().map(|h| safe(h).into_owned()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)?;
        self.hint.iter().try_for_each(|hint| write!(f, " ({hint})"))
    }
}

/// Where the answer to a question goes. The one who asked waits for it.
#[derive(Clone, Debug)]
pub struct ReplyTo<T>(pub mpsc::SyncSender<T>);

impl<T> ReplyTo<T> {
    /// Gives the answer; nobody may be waiting any more.
    pub fn give(&self, answer: T) {
        let _ = self.0.try_send(answer);
    }
}

impl<T> PartialEq for ReplyTo<T> {
    fn eq(&self, _: &ReplyTo<T>) -> bool {
        true
    }
}

impl<T> Eq for ReplyTo<T> {}

/// What a tab may look at.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Which key does what.
    pub keys: &'a Keymap,
    /// Colours.
    pub theme: &'a Theme,
    /// What time it is.
    pub now: Timestamp,
    /// The person's time zone.
    pub zone: &'a TimeZone,
    /// Where the tab is drawn.
    pub area: Rect,
    /// Whether things may move.
    pub motion: bool,
    /// Moments since the start, for what moves; 100 ms each.
    pub moment: u64,
    /// How pictures are shown.
    pub pictures: Way,
    /// Whether something lies on top of the tab.
    pub covered: bool,
}
