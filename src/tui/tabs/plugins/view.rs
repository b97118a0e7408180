//! How the plugins tab is drawn.

use ratatui::buffer::Buffer;
use ratatui::text::{Line, Span};

use super::work::LAST;
use super::{Plugins, Row, Wish};
use crate::kernel::clock::Timestamp;
use crate::kernel::figures::counted;
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width as width_of};
use crate::plugins::MOST_FAILURES;
use crate::store::PluginLine;
use crate::tui::happening::World;
use crate::tui::tabs::commands::changes;
use crate::tui::tabs::runs::item::when;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;
use crate::tui::widgets::text::{Row as TextRow, by_words, labelled};

/// Columns of the longest state, and a blank.
const STATE: usize = 8;

pub(super) fn draw(tab: &Plugins, buffer: &mut Buffer, world: &World<'_>) {
    let theme = world.theme;
    let [left, right] = tab.split.panes(world.area);
    let on = tab.all().iter().filter(|row| row.state == "on").count();
    let aside = tab.rows.as_ref().map_or(String::new(), |rows| format!("{on} of {} on", rows.len()));
    let list = Frame { title: "Plugins", aside: &aside, focused: !tab.inside }.draw(buffer, left, theme);
    let empty = match (&tab.failed, &tab.rows) {
        (Some(fault), _) => fault.to_string(),
        (None, None) => "reading …".to_string(),
        (None, Some(_)) => "there is no plugin; `fac plugin new NAME` begins one".to_string(),
    };
    let names = tab.all().iter().map(|row| width_of(&safe_line(&row.name))).max().unwrap_or(0);
    let rows = Rows { cursor: &tab.cursor, length: tab.all().len(), focused: !tab.inside, empty: &empty };
    rows.draw(buffer, list, theme, |at, width| {
        let Some(row) = tab.all().get(at) else { return Line::default() };
        line(row, names, width.into(), theme)
    });
    let title = tab.chosen().map_or("", |row| row.name.as_str());
    let detail = Frame { title, aside: "", focused: tab.inside }.draw(buffer, right, theme);
    tab.details.draw(buffer, detail, theme);
}

/// The sign of a state and its colour.
fn standing(state: &str) -> (&'static str, Role) {
    match state {
        "on" => ("●", Role::Good),
        "changed" => ("±", Role::Warn),
        "failed" | "broken" => ("✗", Role::Bad),
        _ => ("○", Role::Dim),
    }
}

fn line(row: &Row, names: usize, width: usize, theme: &Theme) -> Line<'static> {
    let (sign, role) = standing(row.state);
    let names = names.clamp(6, 20).min(width.saturating_sub(STATE + 3));
    let name = truncate_to_width(&safe_line(&row.name), names);
    let room = width.saturating_sub(names + STATE + 3);
    // Where it is from is left out where little of it would be seen.
    let from = if room < width_of(&row.version) + 8 { String::new() } else { format!("  {}", row.from) };
    let more = truncate_to_width(&safe_line(&format!("{}{from}", row.version)), room);
    Line::from(vec![
        Span::styled(format!("{sign} "), theme.style(role)),
        Span::styled(pad(&name, names + 1), theme.style(Role::Text)),
        Span::styled(pad(row.state, STATE), theme.style(role)),
        Span::styled(more, theme.style(Role::Dim)),
    ])
}

/// Where it stands, and what that means.
fn said(row: &Row) -> String {
    match row.state {
        "on" if row.failures > 0 => {
            let failed = counted(usize::try_from(row.failures).unwrap_or(0), "time");
            format!("on, but it failed {failed} in a row; after {MOST_FAILURES} it is switched off")
        }
        "on" => "on".to_string(),
        "changed" => "changed since you allowed it: it is left out until you allow it again, which shows what is \
             different; a chat that is open may go on with what you allowed"
            .to_string(),
        "failed" => "failed, and is switched off; it can be enabled again".to_string(),
        "broken" => "broken: it cannot be read, and is left out".to_string(),
        other => format!("{other}: nothing of it is used"),
    }
}

/// Everything about a plugin.
pub(super) fn details(row: &Row, room: u16, world: &World<'_>) -> Vec<TextRow> {
    let theme = world.theme;
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let (sign, role) = standing(row.state);
    let mut rows = labelled(sign, 0, &said(row), room, (theme.style(role), theme.style(role)));
    rows.extend(row.error.iter().flat_map(|error| by_words(error, room, theme.style(Role::Bad))));
    if !row.summary.is_empty() {
        rows.extend(by_words(&row.summary, room, text));
    }
    rows.push(TextRow::default());
    let at = |at: Timestamp| at.short_in(world.zone.clone());
    let failed = row.lines.iter().rev().find(|line| line.level == "error").map(|line| at(line.at));
    let facts = [
        ("version", Some(row.version.clone()).filter(|version| !version.is_empty())),
        ("from", Some(row.from.clone())),
        ("allowed", row.allowed.map(at)),
        ("failed", failed),
    ];
    for (label, value) in facts {
        rows.extend(value.iter().flat_map(|value| labelled(label, 7, value, room, (dim, text))));
    }
    rows.extend(heading("What it hears, brings and may do", room, theme));
    rows.extend(wants(&row.wants, room, theme));
    rows.extend(heading("The end of its log", room, theme));
    rows.extend(log(&row.lines, room, world));
    if row.lines.len() >= LAST {
        rows.extend(by_words("… its log has more", room, dim));
    }
    rows
}

fn heading(text: &str, room: u16, theme: &Theme) -> Vec<TextRow> {
    std::iter::once(TextRow::default()).chain(by_words(text, room, theme.style(Role::Title))).collect()
}

fn wants(wants: &[String], room: u16, theme: &Theme) -> Vec<TextRow> {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    if wants.is_empty() {
        return by_words("it hears nothing and may do nothing", room, dim);
    }
    wants.iter().flat_map(|want| labelled("-", 0, want, room, (dim, text))).collect()
}

/// Lines of a log, each with its time and how grave it is.
pub(super) fn log(lines: &[PluginLine], room: u16, world: &World<'_>) -> Vec<TextRow> {
    let theme = world.theme;
    if lines.is_empty() {
        return by_words("it wrote nothing", room, theme.style(Role::Dim));
    }
    let mut rows = Vec::new();
    for line in lines {
        let role = match line.level.as_str() {
            "error" => Role::Bad,
            "warn" => Role::Warn,
            _ => Role::Dim,
        };
        let head = format!("{} {}", when(line.at, world.now, world.zone), line.level);
        let styles = (theme.style(role), theme.style(Role::Text));
        rows.extend(labelled(&safe_line(&head), 11, &line.text, room, styles));
    }
    rows
}

/// What a person reads before a plugin is used.
pub(super) fn wish(wish: &Wish, room: u16, theme: &Theme) -> Vec<TextRow> {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let mut rows = by_words(&format!("{} {}", wish.name, wish.version), room, theme.style(Role::Title));
    rows.extend(by_words(&wish.place, room, dim));
    if let Some(origin) = &wish.origin {
        rows.extend(by_words(&format!("fetched from {origin}"), room, dim));
    }
    if !wish.summary.is_empty() {
        rows.extend(by_words(&wish.summary, room, text));
    }
    rows.push(TextRow::default());
    rows.extend(wants(&wish.wants, room, theme));
    if let Some((before, now)) = &wish.changed {
        rows.extend(heading("What changed since you allowed it", room, theme));
        rows.extend(changes(before, now, room, theme));
    }
    rows
}
