//! What the chat tab asks of other threads, and what they answer.

use std::path::PathBuf;

use super::composer::Attached;
use super::messages::Entry;
use super::pictures::{Place, Wanted};
use super::reads;
use super::thread::Loaded;
use super::turn::{Ask, Step};
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
    },
    /// What was being written.
    Draft(Option<Id>),
    /// A picture that can be shown.
    Picture(Wanted),
    /// Ask.
    Turn(Box<Ask>),
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
    /// What went wrong.
    pub fault: Option<Fault>,
}

type Outcome<T> = std::result::Result<T, Fault>;

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {
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
    /// What was being written.
    Draft {
        /// The chat.
        of: Option<Id>,
        /// The text.
        text: String,
        /// Files.
        files: Vec<Attached>,
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
