//! What the chat tab asks of other threads, and what they answer.

use std::path::PathBuf;

use super::composer::Attached;
use super::messages::Entry;
use super::pictures::{Place, Wanted};
use super::reads;
use super::thread::Loaded;
use super::turn::{Ask, Step};
use crate::chat::offers::Offers;
use crate::kernel::ids::Id;
use crate::store::{Session, SessionEdit, SessionFilter};
use crate::tui::happening::{Effect, Fault, Lane};
use crate::tui::jobs::Desk;
use crate::tui::pictures::Picture;
use crate::tui::popups::Choice;
use crate::tui::tabs::{Answer as AnyAnswer, Request as AnyRequest};

/// What it asks for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Wait until what is read aloud is over; to give this up is to silence it.
    HearOut,
    /// A page of chats.
    List {
        /// Which ones.
        filter: SessionFilter,
        /// Where the page before ended.
        after: Option<String>,
        /// How many.
        limit: usize,
    },
    /// The end of a conversation.
    Thread {
        /// The chat.
        session: Id,
        /// The message at the end; `None` for where the chat goes on.
        leaf: Option<Id>,
        /// How many messages.
        most: usize,
        /// A message that must be among them.
        to: Option<Id>,
    },
    /// Go on behind a message, by its id or the end of it.
    Goto {
        /// The chat.
        session: Id,
        /// The message.
        which: String,
        /// How many messages to read.
        most: usize,
    },
    /// The first message of an exchange, by the number or the id of its question.
    Exchange(Id, String),
    /// The chat of a name, an id or a title.
    Chat(String),
    /// What would be sent behind a message.
    Pieces {
        /// The chat.
        session: Id,
        /// The message.
        leaf: Id,
        /// How it would be asked.
        ask: Box<Ask>,
    },
    /// Write a chat into a file.
    Save {
        /// The chat.
        session: Id,
        /// As it was typed.
        path: String,
        /// Whether a file that is there is written over.
        over: bool,
    },
    /// Black out a message, or words.
    BlackOut {
        /// The chat.
        session: Id,
        /// The message, by its id or the end of it.
        message: String,
        /// The words; `None` for all.
        words: Option<String>,
    },
    /// What can stand in the place of the word that is being written.
    Offers {
        /// The line as far as it is written.
        before: String,
        /// The chat.
        session: Option<Id>,
        /// Files that go along.
        attached: Vec<String>,
    },
    /// Messages up to one.
    Older {
        /// The chat.
        session: Id,
        /// The last of them.
        leaf: Id,
        /// How many.
        most: usize,
    },
    /// Go on below another version of a message.
    Switch {
        /// The chat.
        session: Id,
        /// The version.
        version: Id,
        /// How many messages to read.
        most: usize,
    },
    /// Where words are said on the way to a message.
    Find {
        /// The message.
        leaf: Id,
        /// The words.
        words: String,
    },
    /// All branches of a chat.
    Tree(Id),
    /// Change a chat.
    Edit(Id, Vec<SessionEdit>),
    /// Have the model find a title for what was said up to a message.
    Title(Id, Id),
    /// Erase a chat.
    Remove(Id),
    /// Who can be asked.
    Knows,
    /// All models with what they cost; `open`: to choose one now.
    Models {
        /// Whether the list is to be opened.
        open: bool,
    },
    /// What can be offered as a tool.
    Tools,
    /// A file that goes along.
    File {
        /// As it was typed.
        path: String,
        /// The text that it stands in where it is no file.
        pasted: Option<String>,
    },
    /// What a chat took.
    Usage(Id),
    /// Keep what is being written.
    SaveDraft {
        /// The chat; `None` for one that has not begun.
        of: Option<Id>,
        /// The text.
        text: String,
        /// Files that go along.
        files: Vec<Attached>,
        /// Whether the program is being left, so that there may be no other chance.
        last: bool,
    },
    /// What was being written.
    Draft(Option<Id>),
    /// A picture that can be shown.
    Picture(Wanted),
    /// Ask.
    Turn(Box<Ask>),
}

impl Request {
    /// What would be lost if the program did not wait for its end.
    pub fn keeps(&self) -> Option<&'static str> {
        match self {
            Request::Turn(_) => Some("an answer that is being stopped"),
            Request::SaveDraft { .. } => Some("what you were writing"),
            Request::Edit(..) | Request::Remove(_) | Request::BlackOut { .. } => Some("a change to a chat"),
            Request::Save { .. } => Some("a chat that is written into a file"),
            _ => None,
        }
    }
}

/// A page of chats.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// The chats.
    pub sessions: Vec<Session>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// What the tab knows of the world.
#[derive(Debug, Default, PartialEq)]
pub struct Knows {
    /// Models that are remembered.
    pub models: Vec<Choice>,
    /// The model that is asked when none is named.
    pub default: Option<String>,
    /// What to do when nobody can be asked.
    pub nobody: Option<Fault>,
    /// The person's home.
    pub home: Option<PathBuf>,
    /// Whether answers are read aloud.
    pub aloud: bool,
    /// What went wrong.
    pub fault: Option<Fault>,
}

type Outcome<T> = std::result::Result<T, Fault>;

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// What was read aloud is over, and what kept it from being read.
    Spoken(Option<Fault>),
    /// Chats; whether they are a further page.
    List(Outcome<Found>, bool),
    /// A conversation.
    Thread(Id, Outcome<Box<Loaded>>),
    /// Older messages of it, and what the first of them follows.
    Older(Id, Outcome<(Vec<Entry>, Option<Id>)>),
    /// The messages in which the words are said.
    Hits(String, Outcome<Vec<Id>>),
    /// All branches, and the place of the current one.
    Tree(Outcome<(Vec<Choice>, usize)>),
    /// A chat was changed.
    Edited(Id, Outcome<()>),
    /// A chat is gone.
    Removed(Id, Outcome<()>),
    /// What is known.
    Knows(Box<Knows>),
    /// The models; whether one is chosen now.
    Models(Outcome<Vec<Choice>>, bool),
    /// The tools.
    Tools(Outcome<Vec<Choice>>),
    /// A file, or the text that was none.
    File(Outcome<Attached>, Option<String>),
    /// What a chat took.
    Usage(Outcome<String>),
    /// A message that is to be shown.
    Message(Id, Outcome<Id>),
    /// A chat that is to be shown.
    Chat(Outcome<Id>),
    /// What would be sent now.
    Pieces(Outcome<Vec<String>>),
    /// Something was done to the chat.
    Done(Id, Outcome<String>),
    /// The file is there already.
    Exists(Id, String),
    /// What can stand in the place of the last word of this line.
    Offers(String, Offers),
    /// What was being written.
    Draft {
        /// The chat.
        of: Option<Id>,
        /// The text.
        text: String,
        /// Files.
        files: Vec<Attached>,
        /// A sentence about what was brought back after the program was killed.
        rescued: Option<String>,
    },
    /// A picture of a message, ready to be shown.
    Picture(Place, Outcome<Picture>),
    /// Something happened in a turn.
    Turn(String, Box<Step>),
    /// Something failed that nobody waits for.
    Failed(Fault),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    reads::work(request, desk);
}

pub(super) fn post(desk: &Desk<'_>, answer: Answer) {
    desk.send(AnyAnswer::Chat(answer));
}

/// Something to be done in a lane.
pub(super) fn ask(lane: impl Into<String>, request: Request) -> Effect {
    Effect::Work(Lane(lane.into()), AnyRequest::Chat(request))
}
