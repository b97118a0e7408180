//! How the search tab looks.

use ratatui::buffer::Buffer;
use ratatui::layout::{Direction, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Pane, Search, extra};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width};
use crate::knowledge::Hit;
use crate::tui::happening::World;
use crate::tui::tabs::runs::item::when;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Rows, scrollbar};
use crate::tui::widgets::prose;

/// Columns of the counts.
const SIDE: u16 = 24;
/// Columns from which on the preview stands beside the hits, and not below.
const WIDE: u16 = 110;
/// Columns below which there are no counts.
const NARROW: u16 = 70;
/// Rows below which hits and preview take turns.
const SHORT: u16 = 12;
/// Rows from which on each hit has two.
const TALL: u16 = 14;

/// The insides of the parts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    pub(super) field: Rect,
    pub(super) state: Rect,
    pub(super) side: Rect,
    pub(super) hits: Rect,
    pub(super) preview: Rect,
    /// What the line between hits and preview divides.
    pub(super) divided: Rect,
    frames: [Rect; 4],
}

impl Places {
    /// Rows of a hit.
    pub(super) fn tall(&self) -> u16 {
        if self.hits.height >= TALL { 2 } else { 1 }
    }

    /// Hits that can be seen.
    pub(super) fn rows(&self) -> u16 {
        self.hits.height / self.tall()
    }
}

impl Search {
    pub(super) fn places(&self, area: Rect) -> Places {
        let top = Rect { height: area.height.min(3), ..area };
        let state = Rect { y: top.bottom(), height: area.height.saturating_sub(3).min(1), ..area };
        let body = Rect { y: state.bottom(), height: area.height.saturating_sub(4), ..area };
        let wide = if area.width < NARROW { 0 } else { SIDE };
        let side = Rect { width: wide, ..body };
        let divided = Rect { x: body.x + wide, width: body.width - wide, ..body };
        let mut split = self.split;
        split.direction = if area.width >= WIDE { Direction::Horizontal } else { Direction::Vertical };
        let nowhere = Rect { width: 0, height: 0, ..divided };
        let [hits, preview] = match (divided.height < SHORT && area.width < WIDE, self.pane) {
            (true, Pane::Preview) => [nowhere, divided],
            (true, _) => [divided, nowhere],
            (false, _) => split.panes(divided),
        };
        let frames = [top, side, hits, preview];
        let [field, side, hits, preview] = frames.map(Frame::inner);
        let state = Rect { x: state.x + 2, width: state.width.saturating_sub(4), ..state };
        Places { field, state, side, hits, preview, divided, frames }
    }

    pub(super) fn view(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let (theme, places) = (world.theme, self.places(world.area));
        let [top, side, hits, preview] = places.frames;
        Frame { title: "Search everything", aside: "", focused: self.pane == Pane::Field }.draw(buffer, top, theme);
        buffer.set_string(places.field.x, places.field.y, "› ", theme.style(Role::Accent));
        let typed = Rect { x: places.field.x + 2, width: places.field.width.saturating_sub(2), ..places.field };
        let cursor = self.field.draw(buffer, typed, theme.style(Role::Text));
        self.state(buffer, places.state, theme);
        if self.is_blank() {
            self.help(buffer, Rect { x: side.x, width: world.area.width, ..side }, world);
        } else {
            if side.width > 0 {
                self.counted(buffer, side, theme);
            }
            let aside = match self.facets.total {
                0 => String::new(),
                total => format!("{} of {total}", self.hits.len()),
            };
            let focused = matches!(self.pane, Pane::Hits | Pane::Field);
            if !hits.is_empty() {
                Frame { title: "Hits", aside: &aside, focused: self.pane == Pane::Hits }.draw(buffer, hits, theme);
                self.listed(buffer, &places, focused, world);
            }
            if !preview.is_empty() {
                self.previewed(buffer, preview, theme);
            }
        }
        (self.pane == Pane::Field).then_some(cursor)
    }

    /// The line below the field: what is wrong with the query, or what came of it.
    fn state(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let narrowed: Vec<String> = self.narrow.iter().map(|(field, value)| format!("{field}:{value}")).collect();
        let (said, role) = match (&self.failed, &self.answered) {
            (Some(fault), _) => (fault.to_string(), Role::Bad),
            (None, None) if self.busy => ("looking …".to_string(), Role::Dim),
            (None, None) => ("words, \"a phrase\", -without, field:value".to_string(), Role::Dim),
            (None, Some(_)) if self.hits.is_empty() => {
                ("nothing is so; fewer or shorter words find more".to_string(), Role::Warn)
            }
            (None, Some(_)) => (format!("{} found", self.facets.total), Role::Dim),
        };
        let said = if narrowed.is_empty() { said } else { format!("{said} · only {}", narrowed.join(" ")) };
        let said = truncate_to_width(&safe_line(&said), usize::from(area.width));
        Line::styled(said, theme.style(role)).render(area, buffer);
    }

    fn counted(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let focused = self.pane == Pane::Side;
        let inner = Frame { title: "Narrow", aside: "", focused }.draw(buffer, area, theme);
        let counts = self.counts();
        let rows = Rows { cursor: &self.side, length: counts.len(), focused, empty: "" };
        rows.draw(buffer, inner, theme, |index, columns| {
            let Some((field, value, count, on)) = counts.get(index).copied() else { return Line::default() };
            let first = index == 0 || counts.get(index - 1).is_none_or(|before| before.0 != field);
            let (label, count) = (if first { field } else { "" }, count.to_string());
            let room = usize::from(columns).saturating_sub(9 + count.len());
            let value = pad(&truncate_to_width(&safe_line(value), room), room);
            Line::from(vec![
                Span::styled(format!("{label:<6}"), theme.style(Role::Dim)),
                Span::styled(if on { "✓ " } else { "  " }, theme.style(Role::Good)),
                Span::styled(value, theme.style(if on { Role::Accent } else { Role::Text })),
                Span::styled(format!(" {count}"), theme.style(Role::Dim)),
            ])
        });
    }

    fn listed(&self, buffer: &mut Buffer, places: &Places, focused: bool, world: &World<'_>) {
        let (area, theme, tall) = (places.hits, world.theme, places.tall());
        let rows = self.cursor.rows(self.hits.len(), places.rows());
        for (index, row) in rows.clone().zip(0u16..) {
            let Some(hit) = self.hits.get(index) else { break };
            let place = Rect { y: area.y + row * tall, height: tall, ..area };
            let text = Rect { x: place.x + 2, width: place.width.saturating_sub(3), height: 1, ..place };
            let chosen = index == self.cursor.at;
            if tall == 2 {
                title(hit, usize::from(text.width), world).render(text, buffer);
                let below = Rect { x: text.x + 2, y: text.y + 1, width: text.width.saturating_sub(2), height: 1 };
                Line::from(snippet(hit, usize::from(below.width), theme)).render(below, buffer);
            } else {
                one_row(hit, usize::from(text.width), world).render(text, buffer);
            }
            if chosen {
                let role = if focused { Role::Selected } else { Role::Marked };
                let style = theme.style(role);
                buffer.set_style(place, ratatui::style::Style { fg: None, ..style });
                for y in place.y..place.bottom() {
                    buffer.set_string(place.x, y, "▌", theme.style(Role::Accent));
                }
            }
        }
        let edge = Rect { width: area.width + 1, height: places.rows(), ..area };
        scrollbar(buffer, Rect { height: area.height, ..edge }, theme, self.hits.len() * usize::from(tall), rows.start);
    }

    fn previewed(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let title = match &self.preview {
            Some((_, Ok(preview))) => preview.title.as_str(),
            _ => "Preview",
        };
        let focused = self.pane == Pane::Preview;
        let inner = Frame { title, aside: &self.text.found(), focused }.draw(buffer, area, theme);
        if let Some((_, Err(fault))) = &self.preview {
            Line::styled(fault.to_string(), theme.style(Role::Bad)).render(Rect { height: 1, ..inner }, buffer);
        }
        self.text.draw(buffer, inner, theme);
    }

    /// What can be typed, and what was typed before.
    fn help(&self, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
        let inner = Frame { title: "How to ask", aside: "", focused: false }.draw(buffer, area, world.theme);
        let mut text = String::new();
        if !self.recent.is_empty() {
            text.push_str("## Before this (↑ brings it back)\n\n");
            let recent = self.recent.iter().rev().take(5);
            text.extend(recent.map(|words| format!("- `{}`\n", words.replace('`', "'"))));
            text.push('\n');
        }
        text.push_str(HELP);
        for (row, y) in prose::rows(&text, inner.width, world.theme).iter().zip(inner.y..inner.bottom()) {
            (&row.line).render(Rect { y, height: 1, ..inner }, buffer);
        }
    }
}

/// How queries are written.
const HELP: &str = "\
Commands, runs with their output, messages of chats, and what is remembered. Words may be beginnings or have a letter \
wrong; each must match.

- `tar extract` both words
- `\"no space left\"` exactly this
- `backup -weekly` without a word
- `kind:run status:failed` by field
- `role:user since:7d` what you said this week
- `kind:command source:tldr` commands of a source
- `session:notes model:gpt` in a chat, by a model
- `tag:work until:2026-01-31` days, months, today, 24h

Fields: `kind` (command, run, message, memory, recording), `role`, `model`, `session`, `tag`, `status`, `source`, `since`, `until`.
";

/// The sign of a kind.
fn sign(kind: &str) -> (&'static str, Role) {
    match kind {
        "run" => ("▶", Role::Good),
        "message" => ("✉", Role::Second),
        "memory" => ("◆", Role::Warn),
        "recording" => ("♪", Role::Warn),
        _ => ("»", Role::Accent),
    }
}

/// What a hit is called.
fn name(hit: &Hit) -> String {
    let named = match hit.kind.as_str() {
        "message" => [hit.title.as_str(), extra(hit, "session_name"), "chat"],
        kind @ ("memory" | "recording") => [kind, "", ""],
        _ => [hit.title.as_str(), "", ""],
    };
    safe_line(named.into_iter().find(|name| !name.is_empty()).unwrap_or_default()).into_owned()
}

/// A word or two about a hit.
fn about(hit: &Hit) -> String {
    let said = match hit.kind.as_str() {
        "run" => extra(hit, "status").replace('_', " "),
        "message" => extra(hit, "role").to_string(),
        _ => extra(hit, "source").to_string(),
    };
    safe_line(&said).into_owned()
}

fn title(hit: &Hit, columns: usize, world: &World<'_>) -> Line<'static> {
    let theme = world.theme;
    let (sign, role) = sign(&hit.kind);
    let (name, about, when) = (name(hit), about(hit), when(hit.when, world.now, world.zone));
    let room = columns.saturating_sub(3 + width(&when));
    let name = truncate_to_width(&name, room.saturating_sub(2));
    let about = truncate_to_width(&about, room.saturating_sub(width(&name) + 2));
    let left = room.saturating_sub(width(&name) + width(&about) + 2);
    Line::from(vec![
        Span::styled(format!("{sign} "), theme.style(role)),
        Span::styled(name, theme.style(Role::Title)),
        Span::styled(format!("  {about}"), theme.style(Role::Dim)),
        Span::styled(format!("{} {when}", " ".repeat(left)), theme.style(Role::Dim)),
    ])
}

fn snippet(hit: &Hit, columns: usize, theme: &Theme) -> Vec<Span<'static>> {
    let role = |marked| if marked { Role::Match } else { Role::Dim };
    hit.pieces(columns).into_iter().map(|(marked, text)| Span::styled(text, theme.style(role(marked)))).collect()
}

fn one_row(hit: &Hit, columns: usize, world: &World<'_>) -> Line<'static> {
    let theme = world.theme;
    let (sign, role) = sign(&hit.kind);
    let when = when(hit.when, world.now, world.zone);
    let name = truncate_to_width(&name(hit), columns / 3);
    let room = columns.saturating_sub(2 + width(&name) + 2 + width(&when) + 1);
    let mut spans = vec![
        Span::styled(format!("{sign} "), theme.style(role)),
        Span::styled(format!("{name}  "), theme.style(Role::Title)),
    ];
    let pieces = snippet(hit, room, theme);
    let used: usize = pieces.iter().map(|span| width(&span.content)).sum();
    spans.extend(pieces);
    let left = room.saturating_sub(used) + 1;
    spans.push(Span::styled(format!("{}{when}", " ".repeat(left)), theme.style(Role::Dim)));
    Line::from(spans)
}
