//! How the health tab is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::Health;
use crate::app::health::{Kept, Level};
use crate::kernel::figures::{bytes, counted};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width};
use crate::tui::happening::World;
use crate::tui::theme::Role;
use crate::tui::widgets::chart::{gauge, spark};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;

pub(super) fn draw(tab: &Health, buffer: &mut Buffer, world: &World<'_>) {
    let [top, middle, foot] = Health::parts(world.area);
    figures(tab, buffer, top, world);
    findings(tab, buffer, middle, world);
    mend(tab, buffer, foot, world);
}

fn figures(tab: &Health, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let inner = Frame { title: "This program and what it keeps", aside: "", focused: false }.draw(buffer, area, theme);
    // A narrow screen shows figures whole and leaves the gauges out; what is wrong with the disk is a finding anyway.
    let third = inner.width / if inner.width < 66 { 2 } else { 3 };
    let column = |n: u16, row: u16, height: u16| {
        // The last one has what is left.
        let (x, width) = (inner.x + n * third, if n == 2 { inner.width } else { third.saturating_sub(2) });
        Rect { x, y: inner.y + row, width, height }.intersection(inner)
    };
    let g = &tab.gauges;
    let line = |place: Rect, word: &str, value: String, curve: String, buffer: &mut Buffer| {
        Line::from(vec![
            Span::styled(pad(word, 10), theme.style(Role::Dim)),
            Span::styled(pad(&value, 10), theme.style(Role::Text)),
            Span::styled(curve, theme.style(Role::Accent)),
        ])
        .render(place, buffer);
    };
    let room = usize::from(third).saturating_sub(24);
    let percent = |hundredths: Option<&u64>| hundredths.map_or("…".to_string(), |v| format!("{v} %"));
    line(column(0, 0, 1), "processor", percent(tab.cpu.last()), spark(&tab.cpu, room), buffer);
    let memory = g.memory.map_or("–".to_string(), bytes);
    line(column(0, 1, 1), "memory", memory, spark(&tab.memory, room), buffer);
    line(column(0, 2, 1), "threads", g.threads.map_or("–".to_string(), |n| n.to_string()), String::new(), buffer);
    let kept = |of: fn(&Kept) -> u64| tab.kept.as_ref().map_or("…".to_string(), |kept| bytes(of(kept)));
    line(column(1, 0, 1), "store", kept(|kept| kept.store), String::new(), buffer);
    line(column(1, 1, 1), "outputs", kept(|kept| kept.outputs), String::new(), buffer);
    line(column(1, 2, 1), "cache", kept(|kept| kept.cache), String::new(), buffer);
    if let Some((used, whole)) = g.disk {
        let said = format!("disk {} of {}", bytes(used), bytes(whole));
        gauge(buffer, column(2, 0, 2), theme, used, whole, &said);
    }
    if let Some((used, whole)) = g.machine {
        let said = format!("memory {} of {}", bytes(used), bytes(whole));
        gauge(buffer, column(2, 2, 2), theme, used, whole, &said);
    }
}

fn role(level: Level) -> Role {
    match level {
        Level::Good => Role::Good,
        Level::Note => Role::Warn,
        Level::Bad => Role::Bad,
    }
}

fn findings(tab: &Health, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let count = |level: Level| tab.found.iter().filter(|f| f.level == level).count();
    let (bad, notes) = (count(Level::Bad), count(Level::Note));
    let aside = match tab.whole {
        false => "looking …".to_string(),
        true => format!("{}, {}", counted(bad, "problem"), counted(notes, "note")),
    };
    let title = if tab.only_bad { "Problems and notes" } else { "Findings" };
    let inner = Frame { title, aside: &aside, focused: true }.draw(buffer, area, theme);
    let shown = tab.shown();
    let empty = if tab.whole { "everything is as it should be" } else { "looking …" };
    let rows = Rows { cursor: &tab.cursor, length: shown.len(), focused: true, empty };
    rows.draw(buffer, inner, theme, |at, width| {
        let finding = shown[at];
        let repeated = at > 0 && shown[at - 1].area == finding.area;
        let area = if repeated { "" } else { finding.area };
        let room = usize::from(width).saturating_sub(15);
        Line::from(vec![
            Span::styled(format!("{} ", finding.level.sign()), theme.style(role(finding.level))),
            Span::styled(pad(area, 12), theme.style(Role::Accent)),
            Span::styled(truncate_to_width(&safe_line(&finding.said), room), theme.style(Role::Text)),
        ])
    });
}

fn mend(tab: &Health, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let inner = Frame { title: "What to do", aside: "", focused: false }.draw(buffer, area, world.theme);
    let Some(finding) = tab.chosen() else { return };
    let said = match &finding.fix {
        Some(fix) => format!("{}\n→ {}", safe_line(&finding.said), safe_line(fix)),
        None => format!("{}\nNothing needs to be done.", safe_line(&finding.said)),
    };
    Paragraph::new(said).style(world.theme.style(Role::Text)).wrap(Wrap { trim: true }).render(inner, buffer);
}
