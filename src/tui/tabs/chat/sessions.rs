//! The list of chats at the side: pages of it, where it stands, what it is narrowed down to.

use std::collections::HashSet;

use ratatui::text::{Line, Span};

use crate::chat::saying::called;
use crate::kernel::ids::Id;
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width};
use crate::store::Session;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::list::Cursor;

/// Chats that are read at once.
pub const PAGE: usize = 100;

/// The list.
#[derive(Debug, Default)]
pub struct Side {
    /// The chats that were read; `None` before that.
    pub sessions: Option<Vec<Session>>,
    /// Whether they could not be read.
    pub failed: bool,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Whether that is being read.
    pub reading: bool,
    /// Where it stands.
    pub cursor: Cursor,
    /// What the names must hold.
    pub filter: Field,
    /// Whether that is being typed.
    pub typing: bool,
    /// Whether the chats are shown that were put away.
    pub archived: bool,
    /// Chats in which something came that was not seen.
    pub unread: HashSet<Id>,
}

impl Side {
    /// All that were read.
    pub fn all(&self) -> &[Session] {
        self.sessions.as_deref().unwrap_or_default()
    }

    /// The chat under the cursor.
    pub fn chosen(&self) -> Option<&Session> {
        self.all().get(self.cursor.at)
    }

    /// Puts the cursor on a chat, where it is among those that were read.
    pub fn point_at(&mut self, id: Id) {
        if let Some(at) = self.all().iter().position(|s| s.id == id) {
            self.cursor.at = at;
        }
    }

    /// A chat.
    pub fn find(&self, id: Id) -> Option<&Session> {
        self.all().iter().find(|s| s.id == id)
    }

    /// How many to read so that nothing vanishes that was read.
    pub fn wanted(&self) -> usize {
        self.all().len().max(PAGE)
    }

    /// Takes a page in; `shown` is the chat that the cursor belongs on.
    pub fn take(&mut self, page: Vec<Session>, next: Option<String>, more: bool, shown: Option<Id>) {
        (self.reading, self.failed) = (false, false);
        self.next = next;
        match (&mut self.sessions, more) {
            (Some(all), true) => all.extend(page),
            (all, _) => *all = Some(page),
        }
        if let Some(id) = shown {
            self.point_at(id);
        }
        let length = self.all().len();
        self.cursor.fit(length);
    }

    /// Whether the cursor is near the end and there is more.
    pub fn wants_more(&self) -> bool {
        self.next.is_some() && !self.reading && self.cursor.at + 30 > self.all().len()
    }
}

/// A chat as a row. `busy`: an answer comes; `asks`: it waits for permission.
pub fn row(session: &Session, busy: bool, asks: bool, unread: bool, wide: u16, theme: &Theme) -> Line<'static> {
    let (sign, role) = match (asks, busy, unread) {
        (true, _, _) => ("?", Role::Bad),
        (_, true, _) => ("…", Role::Warn),
        (_, _, true) => ("•", Role::Good),
        _ if session.pinned => ("★", Role::Warn),
        _ => (" ", Role::Dim),
    };
    let room = usize::from(wide).saturating_sub(2);
    let tagged = room >= 24;
    let tags: String = session.tags.iter().filter(|_| tagged).map(|tag| format!(" #{}", safe_line(tag))).collect();
    let tags = truncate_to_width(&tags, room / 3);
    let name = truncate_to_width(&called(session), room.saturating_sub(width(&tags)));
    let name = pad(&name, room.saturating_sub(width(&tags)));
    let style = if unread { Role::Title } else { Role::Text };
    Line::from(vec![
        Span::styled(format!("{sign} "), theme.style(role)),
        Span::styled(name, theme.style(style)),
        Span::styled(tags, theme.style(Role::Dim)),
    ])
}
