//! How the automations tab is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::{Automations, DETAILS, Firing, Row, Standing, about};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width as width_of};
use crate::tui::happening::World;
use crate::tui::tabs::runs::item::when;
use crate::tui::theme::Role;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;
use crate::tui::widgets::text::Row as TextRow;

const EMPTY: &str = "No command has a trigger yet. One line of a definition makes it an automation:\n\n\
     **On:**\n- `schedule \"0 9 * * 1-5\"`\n- `mqtt home/+/button payload=press`\n- `file ~/inbox`\n\n\
     It fires when it was trusted and let fire: e, or `fac auto enable NAME`.";

/// How it fires is not begun where fewer columns than this are left.
const MORE: usize = 10;

pub(super) fn draw(tab: &Automations, buffer: &mut Buffer, world: &World<'_>) {
    let [top, list, trace] = Automations::parts(world.area);
    whoever(tab, buffer, top, world);
    if tab.listed.rows.is_empty() {
        let rest = Rect { height: list.height + trace.height, ..list };
        let inner = Frame { title: "Automations", aside: "", focused: true }.draw(buffer, rest, world.theme);
        let (said, role) = match (&tab.failed, tab.read) {
            (Some(fault), _) => (fault.to_string(), Role::Bad),
            (None, true) => (EMPTY.to_string(), Role::Dim),
            (None, false) => ("reading …".to_string(), Role::Dim),
        };
        Paragraph::new(said).style(world.theme.style(role)).wrap(Wrap { trim: true }).render(inner, buffer);
        return;
    }
    rows(tab, buffer, list, world);
    firings(tab, buffer, trace, world);
}

/// Who runs them, and what is owed.
fn whoever(tab: &Automations, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let owed = if tab.listed.owed == 0 { String::new() } else { format!("{} owed", tab.listed.owed) };
    let inner = Frame { title: "Who runs them", aside: &owed, focused: false }.draw(buffer, area, theme);
    let (sign, role, said) = match (&tab.listed.holder, tab.listed.here) {
        (_, true) => ("●", Role::Good, "this program, while it is open".to_string()),
        (Some(holder), false) => ("●", Role::Good, holder.clone()),
        (None, false) => {
            ("○", Role::Warn, "nobody: u runs them here, `fac auto up` in a terminal of its own".to_string())
        }
    };
    let line = truncate_to_width(&format!("{sign} {}", safe_line(&said)), inner.width.into());
    Line::styled(line, theme.style(role)).render(inner, buffer);
}

/// The sign of how it stands, a word for it, and its role.
fn standing(row: &Row) -> (&'static str, String, Role) {
    match &row.standing {
        Standing::On => ("●", "on".to_string(), Role::Good),
        Standing::Off => ("○", "off".to_string(), Role::Dim),
        Standing::Not(why) => ("!", why.clone(), Role::Warn),
    }
}

/// How it fires and under which condition, as one line.
fn how(row: &Row) -> String {
    let condition = row.condition.as_ref().map_or(String::new(), |condition| format!(", if {condition}"));
    format!("  {}{}", row.mode, safe_line(&condition))
}

fn rows(tab: &Automations, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let count = tab.listed.rows.len().to_string();
    let inner = Frame { title: "Automations", aside: &count, focused: !tab.below }.draw(buffer, area, theme);
    let names = tab.listed.rows.iter().map(|row| width_of(&safe_line(&row.name))).max().unwrap_or(0).clamp(8, 28);
    let rows = Rows { cursor: &tab.cursor, length: tab.listed.rows.len(), focused: !tab.below, empty: "" };
    rows.draw(buffer, inner, theme, |at, width| {
        let Some(row) = tab.listed.rows.get(at) else { return Line::default() };
        let (sign, word, role) = standing(row);
        let next = row.next.map(|at| format!("next {}", when(at, world.now, world.zone)));
        let last = row.last.map(|at| format!("last {}", when(at, world.now, world.zone)));
        let word = if matches!(row.standing, Standing::Not(_)) { Some(word) } else { None };
        let aside: Vec<String> = [word, next, last].into_iter().flatten().collect();
        let aside = truncate_to_width(&safe_line(&aside.join(" · ")), usize::from(width) / 2);
        let name = truncate_to_width(&safe_line(&row.name), names);
        let room = usize::from(width).saturating_sub(names + 3 + width_of(&aside) + 1);
        let waits = truncate_to_width(&safe_line(&row.waits.join(", ")), room);
        let left = room.saturating_sub(width_of(&waits));
        let more = if left < MORE { String::new() } else { truncate_to_width(&how(row), left) };
        Line::from(vec![
            Span::styled(format!("{sign} "), theme.style(role)),
            Span::styled(pad(&name, names + 1), theme.style(Role::Text)),
            Span::styled(waits, theme.style(Role::Accent)),
            Span::styled(pad(&more, left + 1), theme.style(Role::Text)),
            Span::styled(aside, theme.style(Role::Dim)),
        ])
    });
}

/// How a firing ended, as a sign.
fn sign(firing: &Firing) -> (&'static str, Role) {
    match firing.well {
        Some(true) => ("✓", Role::Good),
        Some(false) => ("✗", Role::Bad),
        None if firing.run.is_some() => ("◌", Role::Text),
        None => ("–", Role::Dim),
    }
}

fn firings(tab: &Automations, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let found = tab.firings();
    let title = tab.chosen().map_or(String::new(), |row| format!("Firings of {}", row.name));
    let inner = Frame { title: &title, aside: &found.len().to_string(), focused: tab.below }.draw(buffer, area, theme);
    let about = about::rows(tab, inner.width, world);
    let [list, foot] = tab.divided(inner, about.len());
    let rows = Rows { cursor: &tab.firing, length: found.len(), focused: tab.below, empty: "it never fired" };
    rows.draw(buffer, list, theme, |at, width| {
        let Some(firing) = found.get(at) else { return Line::default() };
        let (sign, role) = sign(firing);
        let time = pad(&when(firing.at, world.now, world.zone), 7);
        let times = if firing.count > 1 { format!(" ×{}", firing.count) } else { String::new() };
        let why = firing.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let said = format!("{}{times}{why}", firing.outcome);
        let from = format!("  {}", firing.what);
        let room = usize::from(width).saturating_sub(10);
        let said = truncate_to_width(&safe_line(&said), room);
        let left = room.saturating_sub(width_of(&said));
        Line::from(vec![
            Span::styled(format!("{sign} "), theme.style(role)),
            Span::styled(time, theme.style(Role::Dim)),
            Span::styled(said, theme.style(Role::Text)),
            Span::styled(truncate_to_width(&safe_line(&from), left), theme.style(Role::Dim)),
        ])
    });
    beneath(&about, buffer, foot, world);
}

/// What is known of what is chosen, below a line. What finds no room is on a page.
fn beneath(about: &[TextRow], buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    if area.is_empty() {
        return;
    }
    let dim = world.theme.style(Role::Dim);
    buffer.set_string(area.x, area.y, "─".repeat(area.width.into()), dim);
    let room = usize::from(area.height) - 1;
    let shown = if about.len() > room { room.saturating_sub(1) } else { room };
    for (row, y) in about.iter().take(shown).zip(area.y + 1..) {
        (&row.line).render(Rect { y, height: 1, ..area }, buffer);
    }
    if about.len() > room {
        let key = world.keys.key(DETAILS).map_or(String::new(), |key| format!(": {key}"));
        buffer.set_stringn(area.x, area.bottom() - 1, format!("… there is more{key}"), area.width.into(), dim);
    }
}
