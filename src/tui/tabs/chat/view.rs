//! How the tab looks. It borrows and changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Scrollbar, ScrollbarOrientation, ScrollbarState, StatefulWidget, Widget};
use unicode_width::UnicodeWidthStr;

use super::{Chat, Here, Pane, live_of, sessions};
use crate::chat::saying::called;
use crate::kernel::figures::dollars;
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::providers::model::Effort;
use crate::tui::happening::World;
use crate::tui::theme::Role;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;
use crate::tui::widgets::text::{draw_pictures, marked_words};

impl Chat {
    pub(super) fn view(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let panes = self.panes(world.area);
        let mut cursor = None;
        if !panes.side.is_empty() {
            cursor = self.view_side(buffer, panes.side, world);
        }
        cursor = self.view_thread(buffer, panes.thread, world).or(cursor);
        let cursor = self.view_composer(buffer, panes.compose, world).or(cursor);
        if self.pane == Pane::Compose {
            self.view_menu(buffer, panes.compose, panes.thread, world);
        }
        cursor
    }

    fn view_side(&self, buffer: &mut Buffer, area: Rect, world: &World<'_>) -> Option<Position> {
        let theme = world.theme;
        let focused = self.pane == Pane::Side;
        let title = if self.side.archived { "Put away" } else { "Chats" };
        let more = if self.side.next.is_some() { "+" } else { "" };
        let count = format!("{}{more}", self.side.all().len());
        let inner = Frame { title, aside: &count, focused }.draw(buffer, area, theme);
        let filtered = self.side.typing || !self.side.filter.is_empty();
        let list = Rect { height: inner.height.saturating_sub(u16::from(filtered)), ..inner };
        let empty = match (&self.side.sessions, filtered) {
            (None, _) => "reading …",
            _ if self.side.failed => "could not be read",
            (_, true) => "no chat is called so",
            (_, false) if self.side.archived => "none was put away",
            _ => "no chats yet",
        };
        let all = self.side.all();
        let rows = Rows { cursor: &self.side.cursor, length: all.len(), focused, empty };
        rows.draw(buffer, list, theme, |index, wide| {
            let Some(session) = all.get(index) else { return Line::default() };
            let of = |lane: &str| self.turns.iter().any(|t| t.lane == lane && t.here == Here::Session(session.id));
            let asks = self.cards.all().any(of);
            let busy = self.turns.iter().any(|t| t.here == Here::Session(session.id));
            sessions::row(session, busy, asks, self.side.unread.contains(&session.id), wide, theme)
        });
        if !filtered {
            return None;
        }
        let line = Rect { y: list.bottom(), height: 1, ..inner };
        buffer.set_string(line.x, line.y, "/", theme.style(Role::Key));
        let field = Rect { x: line.x + 1, width: line.width.saturating_sub(1), ..line };
        let at = self.side.filter.draw(buffer, field, theme.style(Role::Text));
        self.side.typing.then_some(at)
    }

    /// What the conversation is called, and what stands at the end of that line.
    fn titles(&self) -> (String, String) {
        let title = match (&self.thread.session, self.here) {
            (Some(session), _) if session.temporary => "Not kept".to_string(),
            (Some(session), _) => called(session),
            (None, Here::Session(id)) => self.side.find(id).map_or_else(|| id.tail(), called),
            (None, Here::New(_)) if self.wish().temporary => "New chat, not kept".to_string(),
            (None, Here::New(_)) => {
                self.wish().name.map_or_else(|| "New chat".to_string(), |n| safe_line(&n).into_owned())
            }
        };
        let hits = self.thread.hits.len();
        let aside = match (self.thread.wanted.is_empty(), hits, &self.thread.session) {
            (false, 0, _) => "not found".to_string(),
            (false, hits, _) => format!("{} of {hits}", self.thread.hit + 1),
            (true, _, Some(session)) => {
                let cost = match self.thread.cost_micros {
                    0 => String::new(),
                    micros => format!(" · {}", dollars(micros)),
                };
                let below = if self.thread.at_end { "" } else { " · ↓ more" };
                format!("{} messages{cost}{below}", session.messages)
            }
            _ => String::new(),
        };
        (title, aside)
    }

    fn view_thread(&self, buffer: &mut Buffer, area: Rect, world: &World<'_>) -> Option<Position> {
        let theme = world.theme;
        let focused = self.pane == Pane::Thread;
        let (title, aside) = self.titles();
        let inner = Frame { title: &title, aside: &aside, focused }.draw(buffer, area, theme);
        let text = self.text_area(world.area);
        let live = live_of(&self.turns, self.here);
        let rows = self.thread.visible(live, text.height);
        for ((place, drawn), y) in rows.iter().zip(text.y..) {
            let line_area = Rect { y, height: 1, ..text };
            let here = place.0 == self.thread.cursor.0 && focused;
            if here {
                let sign = if place.1 == self.thread.cursor.1 { "▌" } else { "│" };
                buffer.set_string(inner.x, y, sign, theme.style(Role::Accent));
            }
            let line = &drawn.row.line;
            let holds = !self.thread.wanted.is_empty() && drawn.row.text().to_lowercase().contains(&self.thread.wanted);
            match holds {
                true => marked_words(line, &self.thread.wanted, theme.style(Role::Match)).render(line_area, buffer),
                false => line.render(line_area, buffer),
            }
            if let Some((start, end)) = self.thread.marked_columns(*place) {
                let wide = drawn.row.text().width();
                let cut = |n: usize| u16::try_from(n.min(wide)).unwrap_or(u16::MAX).min(text.width);
                let grabbed = Rect { x: text.x + cut(start), width: cut(end) - cut(start), ..line_area };
                buffer.set_style(grabbed, theme.style(Role::Grabbed));
            }
        }
        draw_pictures(buffer, text, rows.iter().map(|(_, drawn)| &drawn.row), world.covered);
        self.view_scrollbar(buffer, inner, rows.len(), world);
        let field = self.finding.as_ref()?;
        let y = inner.bottom().saturating_sub(1);
        buffer.set_string(inner.x, y, "/", theme.style(Role::Key));
        let line = Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(1), height: 1 };
        Some(field.draw(buffer, line, theme.style(Role::Text)))
    }

    fn view_scrollbar(&self, buffer: &mut Buffer, inner: Rect, shown: usize, world: &World<'_>) {
        let all = self.thread.entries.len();
        if all < 2 || shown < usize::from(inner.height.saturating_sub(1)) {
            return;
        }
        let at = if self.thread.follows { 1000 } else { self.thread.depth() };
        let mut state = ScrollbarState::new(1000).position(at).viewport_content_length(1000 / all.max(1));
        Scrollbar::new(ScrollbarOrientation::VerticalRight)
            .begin_symbol(None)
            .end_symbol(None)
            .track_symbol(Some("│"))
            .thumb_symbol("┃")
            .track_style(world.theme.style(Role::Border))
            .thumb_style(world.theme.style(Role::Dim))
            .render(Rect { width: inner.width + 1, ..inner }, buffer, &mut state);
    }

    fn view_composer(&self, buffer: &mut Buffer, area: Rect, world: &World<'_>) -> Option<Position> {
        let theme = world.theme;
        let focused = self.pane == Pane::Compose;
        let title = match &self.composer.editing {
            Some(editing) if editing.replaces => "Instead of your question (Esc leaves it)".to_string(),
            Some(_) => "Beside your question, as another branch (Esc leaves it)".to_string(),
            None => match self.model() {
                model if model.is_empty() => "Message".to_string(),
                model => format!("To {model}"),
            },
        };
        let wish = self.wish();
        let mut facts: Vec<String> = self.raw.then(|| "as written".to_string()).into_iter().collect();
        facts.extend(
            self.reads_aloud().then(|| if self.speaking { "♪ reads aloud" } else { "reads aloud" }.to_string()),
        );
        facts.extend(match wish.tools.len() {
            0 => None,
            1 => Some("1 tool".to_string()),
            n => Some(format!("{n} tools")),
        });
        facts.extend(wish.tuning.effort.map(|effort| match effort {
            Effort::None => "no thinking".to_string(),
            Effort::Low => "thinks a little".to_string(),
            Effort::Medium => "thinks".to_string(),
            Effort::High => "thinks hard".to_string(),
        }));
        let inner = Frame { title: &title, aside: &facts.join(" · "), focused }.draw(buffer, area, theme);
        let mut place = inner;
        if let Some(chips) = self.composer.chips() {
            let shown = truncate_to_width(&chips, usize::from(inner.width));
            let line = Line::from(Span::styled(shown, theme.style(Role::Accent)));
            line.render(Rect { height: 1, ..inner }, buffer);
            place = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        }
        let hint = if focused { "" } else { "i writes a message" };
        let at = self.composer.draw(buffer, place, theme, hint);
        (focused && self.finding.is_none() && !self.side.typing).then_some(at)
    }
}
