//! How the commands tab is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::tree::{Item, Listed};
use super::{Commands, Typing, acts, page};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width};
use crate::tui::happening::World;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;

impl Commands {
    /// Whether a line stands above the list.
    fn has_filter(&self) -> bool {
        self.typing == Typing::Filter || !self.filter.is_empty()
    }

    fn has_find(&self) -> bool {
        self.typing == Typing::Find || !self.find.is_empty()
    }

    /// Where the rows of the list and those of the definition are drawn.
    pub(super) fn panes(&self, area: Rect) -> [Rect; 2] {
        let [list, page] = self.split.panes(area).map(Frame::inner);
        let above = u16::from(self.has_filter()).min(list.height);
        let below = u16::from(self.has_find()).min(page.height);
        [Rect { y: list.y + above, height: list.height - above, ..list }, Rect { height: page.height - below, ..page }]
    }

    pub(super) fn draw_all(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let typed = self.draw_list(buffer, world);
        self.draw_page(buffer, world).or(typed)
    }

    fn draw_list(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let theme = world.theme;
        let [left, _] = self.split.panes(world.area);
        let focused = !self.inside;
        let all = self.tree.listing().commands.len();
        let aside = match self.tree.words().is_empty() {
            false => format!("{} of {all}", self.tree.items().len()),
            true if self.listed => all.to_string(),
            true => String::new(),
        };
        let title = match self.fetching.iter().next() {
            Some((_, said)) if said == acts::ASKED => "↻ fetching …".to_string(),
            Some((name, said)) => format!("↻ {name}: {said}"),
            None if self.tree.flat => "Commands by name".to_string(),
            None => "Commands".to_string(),
        };
        let inner = Frame { title: &title, aside: &aside, focused }.draw(buffer, left, theme);
        let [list, _] = self.panes(world.area);
        let position = match self.has_filter() {
            true => field(buffer, Rect { height: inner.height.min(1), ..inner }, "/ ", &self.filter, theme),
            false => None,
        };
        let items = self.tree.items();
        let empty = self.empty();
        let length = items.len();
        let rows = Rows { cursor: &self.cursor, length, focused: focused && length > 0, empty: "" };
        let names = self.name_column(list);
        rows.draw(buffer, list, theme, |index, room| match items.get(index) {
            Some(Item::Command(at)) => self.command_row(*at, names, room, theme),
            Some(heading) => self.heading_row(*heading, room, theme),
            None => Line::default(),
        });
        if length == 0 {
            Paragraph::new(empty).style(theme.style(Role::Dim)).wrap(Wrap { trim: true }).render(list, buffer);
        }
        position.filter(|_| self.typing == Typing::Filter)
    }

    /// What is said when there is no row.
    fn empty(&self) -> String {
        match &self.failed {
            Some(fault) => fault.to_string(),
            None if !self.listed => "reading …".to_string(),
            None if !self.tree.words().is_empty() => "nothing matches; Esc shows everything".to_string(),
            None => "There is no command yet: `a` adds a source, such as github:owner/repo".to_string(),
        }
    }

    /// The width of names: as wide as the widest that can be seen, and leaving room for a word about them.
    fn name_column(&self, list: Rect) -> usize {
        let items = self.tree.items();
        let seen = self.cursor.rows(items.len(), list.height);
        let name = |item: &Item| match item {
            Item::Command(at) => width(&self.tree.listing().commands[*at].name),
            _ => 0,
        };
        let widest = items[seen].iter().map(name).max().unwrap_or(0);
        widest.min(usize::from(list.width) * 3 / 5).max(8)
    }

    fn heading_row(&self, item: Item, room: u16, theme: &Theme) -> Line<'_> {
        let listing = self.tree.listing();
        let sign = self.fold_sign(item);
        let (text, about, count, role) = match item {
            Item::Source(at, count) => {
                let from = &listing.sources[at];
                let failed = if from.error.is_some() { "✗ " } else { "" };
                let kind = if from.name == from.kind.name() { "" } else { from.kind.name() };
                (format!("{sign} {}", safe_line(&from.name)), format!("{failed}{kind}"), count, Role::Title)
            }
            Item::Category(first, count) => {
                let name = listing.commands[first].category.as_deref().unwrap_or("");
                (format!("  {sign} {name}"), String::new(), count, Role::Second)
            }
            Item::Command(_) => return Line::default(),
        };
        let room = usize::from(room);
        let count = format!(" {count}");
        let about = if about.is_empty() { String::new() } else { format!("  {about}") };
        let text = truncate_to_width(&text, room.saturating_sub(count.len()));
        let left = room.saturating_sub(width(&text) + count.len());
        Line::from(vec![
            Span::styled(text, theme.style(role)),
            Span::styled(pad(&truncate_to_width(&about, left), left), theme.style(Role::Dim)),
            Span::styled(count, theme.style(Role::Dim)),
        ])
    }

    fn fold_sign(&self, item: Item) -> char {
        if self.tree.is_folded(&self.tree.key(item)) { '▸' } else { '▾' }
    }

    fn command_row(&self, at: usize, names: usize, room: u16, theme: &Theme) -> Line<'_> {
        let listing = self.tree.listing();
        let Some(command) = listing.commands.get(at) else { return Line::default() };
        let grouped = self.tree.is_grouped();
        let indent = match (grouped, &command.category) {
            (false, _) => "",
            (true, None) => "  ",
            (true, Some(_)) => "    ",
        };
        let (sign, _, role) = page::trust(command.trust);
        let mut spans = vec![Span::raw(indent), Span::styled(format!("{sign} "), theme.style(role))];
        spans.extend(self.name_spans(command, names, theme));
        let used = indent.len() + 2 + names + 1;
        let left = usize::from(room).saturating_sub(used);
        let source = &listing.sources[command.source].name;
        // Where headings do not say it, the source stands at the right end.
        let source = if grouped || left < 30 { String::new() } else { format!(" {}", truncate_to_width(source, 16)) };
        let about = left.saturating_sub(width(&source));
        let summary = truncate_to_width(&command.summary, about);
        spans.push(Span::styled(format!(" {}", pad(&summary, about)), theme.style(Role::Dim)));
        spans.push(Span::styled(source, theme.style(Role::Second)));
        Line::from(spans)
    }

    /// A name in its column, with what matches marked.
    fn name_spans(&self, command: &Listed, names: usize, theme: &Theme) -> Vec<Span<'static>> {
        let name = pad(&truncate_to_width(&command.name, names), names);
        let matched = self.tree.matched(&command.name);
        if matched.is_empty() {
            return vec![Span::styled(name, theme.style(Role::Text))];
        }
        let mut spans: Vec<(String, bool)> = Vec::new();
        for (at, c) in (0u32..).zip(name.chars()) {
            let hit = matched.binary_search(&at).is_ok();
            match spans.last_mut().filter(|(_, marked)| *marked == hit) {
                Some((text, _)) => text.push(c),
                None => spans.push((c.to_string(), hit)),
            }
        }
        let style = |hit: bool| theme.style(if hit { Role::Match } else { Role::Text });
        spans.into_iter().map(|(text, hit)| Span::styled(text, style(hit))).collect()
    }

    fn draw_page(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let theme = world.theme;
        let [_, right] = self.split.panes(world.area);
        let title = match (self.item(), &self.shown) {
            (Some(Item::Command(_)), Some(shown)) => shown.resolved.key(),
            (Some(Item::Source(at, _)), _) => self.tree.listing().sources[at].name.clone(),
            (Some(Item::Category(at, _)), _) => self.tree.listing().commands[at].category.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let found = self.page.found();
        let inner = Frame { title: &title, aside: &found, focused: self.inside }.draw(buffer, right, theme);
        let [_, page] = self.panes(world.area);
        match (&self.unshown, self.chosen()) {
            (Some(fault), Some(_)) if self.definition().is_none() => {
                let style = theme.style(Role::Bad);
                Paragraph::new(fault.to_string()).style(style).wrap(Wrap { trim: true }).render(page, buffer);
            }
            _ => {
                self.page.draw(buffer, page, theme);
                self.page.draw_pictures(buffer, page, world.covered);
            }
        }
        if !self.has_find() {
            return None;
        }
        let line = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
        field(buffer, line, "/ ", &self.find, theme).filter(|_| self.typing == Typing::Find)
    }
}

/// A line with a sign before what is typed.
fn field(buffer: &mut Buffer, area: Rect, sign: &str, field: &Field, theme: &Theme) -> Option<Position> {
    if area.is_empty() {
        return None;
    }
    buffer.set_stringn(area.x, area.y, sign, usize::from(area.width), theme.style(Role::Key));
    let used = u16::try_from(width(sign)).unwrap_or(0).min(area.width);
    let typed = Rect { x: area.x + used, width: area.width - used, ..area };
    Some(field.draw(buffer, typed, theme.style(Role::Text)))
}
