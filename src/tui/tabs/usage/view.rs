//! How the usage tab is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::{Measure, STRETCHES, Sums, Usage, work};
use crate::kernel::figures::{bar, dollars, short};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width as width_of};
use crate::tui::happening::World;
use crate::tui::theme::Role;
use crate::tui::widgets::chart::{Bar, bars, gauge};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;

pub(super) fn draw(tab: &Usage, buffer: &mut Buffer, world: &World<'_>) {
    let [top, middle, bottom] = Usage::parts(world.area);
    let said = match (&tab.failed, &tab.sums) {
        (Some(fault), _) => fault.to_string(),
        (None, None) => "adding up …".to_string(),
        (None, Some(sums)) if sums.total.calls == 0 => {
            "No model was asked in this time. Chats, prompts in commands and `fac ask` are counted here: tokens, money \
             where prices are known, and how long it took."
                .to_string()
        }
        (None, Some(sums)) => {
            figures(sums, tab, buffer, top, world);
            days(sums, tab, buffer, middle, world);
            table(sums, tab, buffer, bottom, world);
            return;
        }
    };
    let inner = Frame { title: "Usage", aside: &stretch(tab), focused: true }.draw(buffer, world.area, world.theme);
    let role = if tab.failed.is_some() { Role::Bad } else { Role::Dim };
    Paragraph::new(said).style(world.theme.style(role)).wrap(Wrap { trim: true }).render(inner, buffer);
}

fn stretch(tab: &Usage) -> String {
    match STRETCHES[tab.stretch] {
        0 => "since ever".to_string(),
        days => format!("the last {days} days"),
    }
}

/// Today, the stretch, and what is left of the budget.
fn figures(sums: &Sums, tab: &Usage, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let inner = Frame { title: "Usage", aside: &stretch(tab), focused: false }.draw(buffer, area, theme);
    let half = inner.width / 2;
    let left = Rect { width: half.saturating_sub(1), ..inner };
    let right = Rect { x: inner.x + half, width: inner.width - half, ..inner };
    let of = |word: &str, row: &crate::store::UsageRow| {
        let unknown = if row.unpriced > 0 { " +?" } else { "" };
        // A narrow screen has the tokens in the table alone.
        let tokens = match left.width < 52 {
            true => String::new(),
            false => format!(" · {} in, {} out", short(row.input), short(row.output)),
        };
        Line::from(vec![
            Span::styled(pad(word, 10), theme.style(Role::Dim)),
            Span::styled(pad(&format!("{}{unknown}", dollars(row.cost_micros)), 14), theme.style(Role::Title)),
            Span::styled(format!("{} requests{tokens}", row.calls), theme.style(Role::Text)),
        ])
    };
    of("today", &sums.today).render(Rect { height: 1, ..left }, buffer);
    of("in all", &sums.total).render(Rect { y: left.y + 1, height: 1, ..left }.intersection(inner), buffer);
    match sums.budget {
        Some(budget) => {
            let spent = sums.today.cost_micros.max(0);
            let said = format!("{} of today's {} spent", dollars(spent), dollars(budget));
            gauge(buffer, right, theme, spent.unsigned_abs(), budget.unsigned_abs(), &said);
        }
        None => {
            let mut said = Vec::new();
            if sums.total.failed + sums.total.open > 0 {
                said.push(format!("{} failed or never ended", sums.total.failed + sums.total.open));
            }
            if sums.total.from_cache > 0 {
                said.push(format!("{} from our own cache", sums.total.from_cache));
            }
            if sums.total.cached > 0 {
                said.push(format!("{} tokens from providers' caches", short(sums.total.cached)));
            }
            Line::styled(said.join(" · "), theme.style(Role::Dim)).render(Rect { height: 1, ..right }, buffer);
        }
    }
}

fn days(sums: &Sums, tab: &Usage, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let title = match tab.measure {
        Measure::Cost => "Cost by day",
        Measure::Tokens => "Tokens by day",
        Measure::Calls => "Requests by day",
        Measure::Waiting => "Waiting for the first token by day, median",
    };
    let inner = Frame { title, aside: "", focused: false }.draw(buffer, area, world.theme);
    let value = |day: &work::Day| match tab.measure {
        Measure::Cost => day.sums.cost_micros.max(0).unsigned_abs(),
        Measure::Tokens => day.sums.input + day.sums.output,
        Measure::Calls => day.sums.calls,
        Measure::Waiting => day.first.unwrap_or(0),
    };
    let all: Vec<Bar> = sums
        .days
        .iter()
        .map(|day| Bar { label: day.day.get(5..).unwrap_or(&day.day).to_string(), value: value(day) })
        .collect();
    if all.iter().all(|bar| bar.value == 0) {
        let word = match tab.measure {
            Measure::Cost => "nothing here cost money; m measures tokens, requests and waiting",
            _ => "nothing of this was measured; m measures something else",
        };
        let said = Paragraph::new(word).style(world.theme.style(Role::Dim)).wrap(Wrap { trim: true });
        return said.render(inner, buffer);
    }
    let said = |value: u64| match tab.measure {
        Measure::Cost => dollars(i64::try_from(value).unwrap_or(i64::MAX)),
        Measure::Tokens | Measure::Calls => short(value),
        Measure::Waiting => format!("{value} ms"),
    };
    bars(buffer, inner, world.theme, &all, said);
}

fn table(sums: &Sums, tab: &Usage, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
    let theme = world.theme;
    let title = format!("By {}", tab.group.word());
    let inner = Frame { title: &title, aside: &sums.rows.len().to_string(), focused: true }.draw(buffer, area, theme);
    let times = inner.width >= 96;
    let fixed = 12 + 8 + 10 + 10 + 10 + if times { 32 } else { 0 };
    let wide = usize::from(inner.width).saturating_sub(fixed + 1).clamp(12, 48);
    let cells = |name: &str, cost: &str, calls: &str, input: &str, output: &str, first: &str, whole: &str| {
        let mut text = format!(
            "{} {:>11} {:>7} {:>9} {:>9}",
            pad(&truncate_to_width(name, wide), wide),
            cost,
            calls,
            input,
            output
        );
        if times {
            text.push_str(&format!(" {first:>15} {whole:>15}"));
        }
        text
    };
    let head = cells(tab.group.word(), "cost", "calls", "in", "out", "first p50/p95", "all p50/p95");
    let line = Rect { height: inner.height.min(1), x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    Line::styled(head, theme.style(Role::Dim)).render(line, buffer);
    let most = sums.rows.iter().map(weight).max().unwrap_or(1);
    let rows = Rows { cursor: &tab.cursor, length: sums.rows.len(), focused: true, empty: "nothing" };
    rows.draw(buffer, Usage::rows_area(world.area), theme, |at, width| {
        let row = &sums.rows[at];
        let pair = |p: Option<(u64, u64)>| p.map(|(a, b)| format!("{a}/{b} ms")).unwrap_or_default();
        let unknown = if row.sums.unpriced > 0 { "?" } else { "" };
        let text = cells(
            &safe_line(&row.name),
            &format!("{}{unknown}", dollars(row.sums.cost_micros)),
            &row.sums.calls.to_string(),
            &short(row.sums.input),
            &short(row.sums.output),
            &pair(row.first),
            &pair(row.whole),
        );
        let left = usize::from(width).saturating_sub(width_of(&text) + 2).min(24);
        let bar = bar(weight(row), most, left);
        Line::from(vec![
            Span::styled(text, theme.style(Role::Text)),
            Span::styled(format!("  {bar}"), theme.style(Role::Good)),
        ])
    });
}

/// What the bars compare: money, and tokens where there is none.
fn weight(row: &work::Line) -> u64 {
    match row.sums.cost_micros {
        0 => (row.sums.input + row.sums.output) / 1_000,
        cost => cost.max(0).unsigned_abs(),
    }
}
