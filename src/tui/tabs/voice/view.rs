//! How the voice tab is drawn: meters, waveforms before and after, the words, and what was said before.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::{Phase, Voice};
use crate::kernel::figures::bar;
use crate::kernel::terminal::{pad, safe, safe_line, truncate_to_width};
use crate::tui::happening::World;
use crate::tui::tabs::runs::item::when;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;
use crate::voice::clip::SILENCE;

/// What the left end of a meter stands for, dBFS.
const FLOOR: f32 = -60.0;
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Where what was said is listed.
pub(super) fn list_area(area: Rect) -> Rect {
    Frame::inner(Voice::parts(area)[3])
}

pub(super) fn draw(tab: &Voice, buffer: &mut Buffer, world: &World<'_>) {
    let [meter, wave, words, list] = Voice::parts(world.area);
    meters(tab, buffer, meter, world);
    waves(tab, buffer, wave, world);
    spoken(tab, buffer, words, world);
    said(tab, buffer, list, world);
}

fn meters(tab: &Voice, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let state = match tab.phase {
        Phase::Idle => "",
        Phase::Opening => "opening",
        Phase::Listening => "listening",
        Phase::Writing => "writing it down",
    };
    let time = if tab.ms > 0 { format!("{state} {}.{} s", tab.ms / 1000, tab.ms % 1000 / 100) } else { state.into() };
    let inner = Frame { title: "Microphone", aside: &time, focused: tab.phase == Phase::Listening };
    let inner = inner.draw(buffer, area, theme);
    let (sign, role, text) = match (&tab.phase, &tab.trouble) {
        (Phase::Idle, _) => {
            let key = world.keys.key(crate::tui::actions::TALK).map_or(String::new(), |key| key.to_string());
            ("○", Role::Dim, format!("{key} begins and ends, in every tab; a ends by itself when nobody speaks"))
        }
        (_, Some(trouble)) => ("!", Role::Warn, trouble.clone()),
        (Phase::Opening, _) => ("◌", Role::Dim, "wait for the first sound before you speak".to_string()),
        (Phase::Writing, _) => ("✎", Role::Text, tab.device.clone()),
        (Phase::Listening, _) => ("●", Role::Good, tab.device.clone()),
    };
    let head = format!("{sign} {}", safe_line(&text));
    put(buffer, inner, 0, &truncate_to_width(&head, inner.width.into()), theme, role);
    let last = tab.looks.back();
    let of = |name: &str, level: Option<f32>, more: &str| {
        let room = usize::from(inner.width).saturating_sub(30).max(8);
        let level = level.unwrap_or(SILENCE);
        let share = ((level - FLOOR) / -FLOOR).clamp(0.0, 1.0);
        let drawn = bar((share * 1000.0) as u64, 1000, room);
        let figure = if level <= SILENCE { "silence".to_string() } else { format!("{level:.0} dBFS") };
        format!("{} {} {figure:>8}{more}", pad(name, 7), pad(&drawn, room))
    };
    let clipped = last.is_some_and(|look| look.clipped > 0);
    let role = if clipped { Role::Bad } else { Role::Text };
    let loud = if clipped { "  too loud" } else { "" };
    put(buffer, inner, 1, &of("before", last.map(|look| look.before), loud), theme, role);
    put(buffer, inner, 2, &of("after", last.map(|look| look.after), ""), theme, Role::Text);
    let voice = last.is_some_and(|look| look.voice);
    let heard = if voice { "somebody speaks" } else { "nobody speaks" };
    let noise = last.map_or(String::new(), |look| format!(" · noise at {:.0} dBFS", look.noise));
    let peak = if tab.held > SILENCE { format!(" · loudest {:.0} dBFS", tab.held) } else { String::new() };
    if last.is_some() {
        let role = if voice { Role::Good } else { Role::Dim };
        put(buffer, inner, 3, &format!("{heard}{noise}{peak}"), theme, role);
    }
}

fn put(buffer: &mut Buffer, area: Rect, row: u16, text: &str, theme: &Theme, role: Role) {
    if row < area.height {
        let line = Rect { y: area.y + row, height: 1, ..area };
        Line::styled(text.to_string(), theme.style(role)).render(line, buffer);
    }
}

/// Two waveforms: as it came in, and cleaned. The newest sound stands at the right.
fn waves(tab: &Voice, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let inner = Frame { title: "Sound", aside: "before and after cleaning", focused: false }.draw(buffer, area, theme);
    let half = inner.height / 2;
    let top = Rect { height: half, ..inner };
    let below = Rect { y: inner.y + half, height: inner.height - half, ..inner };
    for (place, role, after) in [(top, Role::Dim, false), (below, Role::Accent, true)] {
        let columns = usize::from(place.width);
        let skip = tab.looks.len().saturating_sub(columns);
        let begin = columns.saturating_sub(tab.looks.len());
        for (at, look) in tab.looks.iter().skip(skip).enumerate() {
            let peak = look.peaks.iter().map(|(raw, clean)| if after { *clean } else { *raw });
            let peak = peak.fold(0.0_f32, f32::max);
            column(buffer, place, u16::try_from(begin + at).unwrap_or(u16::MAX), peak, theme, role);
        }
    }
}

/// One column, from the bottom of its place upwards; quiet sound is drawn higher than it is, so that it can be seen.
fn column(buffer: &mut Buffer, place: Rect, at: u16, peak: f32, theme: &Theme, role: Role) {
    let eighths = (peak.clamp(0.0, 1.0).sqrt() * f32::from(place.height) * 8.0).round() as u16;
    for row in 0..place.height {
        let filled = eighths.saturating_sub(row * 8).min(8);
        let position = (place.x + at, place.bottom() - 1 - row);
        if let Some(cell) = buffer.cell_mut(position).filter(|_| filled > 0 || row == 0) {
            cell.set_symbol(EIGHTHS[usize::from(filled.max(u16::from(row == 0)))]).set_style(theme.style(role));
        }
    }
}

fn spoken(tab: &Voice, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let inner = Frame { title: "Words", aside: "", focused: false }.draw(buffer, area, theme);
    let (sure, rest) = (safe(&tab.words.0).into_owned(), safe(&tab.words.1).into_owned());
    let line = if sure.is_empty() && rest.is_empty() {
        Line::styled("what you say comes here", theme.style(Role::Dim))
    } else {
        Line::from(vec![
            Span::styled(sure, theme.style(Role::Text)),
            Span::styled(format!(" {rest}"), theme.style(Role::Dim)),
        ])
    };
    Paragraph::new(line).wrap(Wrap { trim: true }).render(inner, buffer);
}

fn said(tab: &Voice, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let count = tab.said.len().to_string();
    let inner = Frame { title: "Said before", aside: &count, focused: true }.draw(buffer, area, theme);
    let empty = tab.failed.as_ref().map_or_else(|| "nothing yet".to_string(), ToString::to_string);
    let rows = Rows { cursor: &tab.cursor, length: tab.said.len(), focused: true, empty: &empty };
    rows.draw(buffer, inner, theme, |at, width| {
        let Some(one) = tab.said.get(at) else { return Line::default() };
        let time = when(one.at, world.now, world.zone);
        let seconds = format!("{}.{} s", one.ms / 1000, one.ms % 1000 / 100);
        let (sign, text, role) = match (&one.text, &one.error) {
            (Some(text), _) => (" ", text.clone(), Role::Text),
            (None, Some(error)) => ("✗", error.clone(), Role::Bad),
            (None, None) => ("…", "its text is owed; r writes it down".to_string(), Role::Warn),
        };
        let head = format!("{} {:>7} {sign} ", pad(&time, 12), seconds);
        let room = usize::from(width).saturating_sub(head.chars().count());
        Line::from(vec![
            Span::styled(head, theme.style(Role::Dim)),
            Span::styled(truncate_to_width(&safe_line(&text), room), theme.style(role)),
        ])
    });
}
