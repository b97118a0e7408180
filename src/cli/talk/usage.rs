//! `fac usage`: tokens and money, summed and drawn.

use serde_json::json;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use super::{called, dollars};
use crate::app::views::usage::UsageView;
use crate::kernel::error::Result;
use crate::kernel::figures::{self, bar, short};
use crate::kernel::ids::Id;
use crate::kernel::terminal::safe_line;
use crate::store::{UsageBy, UsageFilter, UsageRow};

const EXAMPLES: &str = "\
Examples:
  fac usage                   by day
  fac usage --by model
  fac usage --days 7 --json";

/// So many days have a sign.
const SPARKS: i64 = 30;
/// How wide the longest bar is.
const BAR: usize = 24;

/// Tokens and cost: by day, model, chat or command
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Sum by day, model, session or command
    #[arg(long, default_value = "day", value_parser = ["day", "model", "session", "command"], hide_possible_values = true)]
    by: String,
    /// Only the last so many days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
}

pub(in crate::cli) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let (by, heading) = match args.by.as_str() {
        "model" => (UsageBy::Model, "model"),
        "session" => (UsageBy::Session, "chat"),
        "command" => (UsageBy::Command, "command"),
        _ => (UsageBy::Day, "day"),
    };
    let now = context.app.clock.now();
    let zone = jiff::tz::TimeZone::system();
    let here = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or_default().to_zoned(zone);
    let since = args.days.map(|days| now.plus_micros(-i64::from(days) * 86_400_000_000));
    let filter = UsageFilter { since, ..UsageFilter::default() };
    let offset = i64::from(here.offset().seconds());
    let store = context.app.store()?;
    let rows = store.usage(&filter, by, offset)?;
    let total = store.usage(&filter, UsageBy::All, offset)?.pop().unwrap_or_default();
    if context.ui.json {
        let list: Vec<_> = rows.iter().map(|row| UsageView::by(&args.by, row)).collect();
        context.ui.value(&json!({"usage": list, "total": UsageView::by("key", &total), "next": null}))?;
        return Ok(0);
    }
    if rows.is_empty() {
        context.ui.note("no model was asked yet; `fac ask 'hello'` does it");
        return Ok(0);
    }
    let weight = |row: &UsageRow| weight(row, total.cost_micros > 0);
    let most = rows.iter().map(weight).max().unwrap_or(1).max(1);
    let mut table = Table::new(&[heading, "calls", "in", "cached", "out", "thought", "cost", "first", ""]);
    for row in rows.iter().chain(std::iter::once(&total)) {
        let is_total = std::ptr::eq(row, &total);
        let key = match (is_total, by) {
            (true, _) => "all".to_string(),
            (_, UsageBy::Session) => name_of(context, &row.key),
            _ if row.key.is_empty() => "(none)".to_string(),
            _ => safe_line(&row.key).into_owned(),
        };
        let bar = if is_total || !context.ui.stdout_terminal { String::new() } else { bar(weight(row), most, BAR) };
        let failed =
            if row.failed + row.open > 0 { format!(" ({} failed)", row.failed + row.open) } else { String::new() };
        table.row(vec![
            (key, Some(if is_total { Role::Strong } else { Role::Name })),
            (format!("{}{failed}", row.calls), None),
            (short(row.input), None),
            (some(row.cached), Some(Role::Dim)),
            (short(row.output), None),
            (some(row.reasoning), Some(Role::Dim)),
            (cost(row), None),
            (row.first_token_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(), Some(Role::Dim)),
            (bar, Some(Role::Good)),
        ]);
    }
    let mut out = table.render(&context.ui);
    if by == UsageBy::Day && context.ui.stdout_terminal {
        let days: Vec<(String, u64)> = rows.iter().map(|row| (row.key.clone(), weight(row))).collect();
        out.push_str(&format!(
            "\nlast {SPARKS} days {}\n",
            context.ui.paint(Role::Good, &spark(&days, here.date(), most))
        ));
    }
    context.page(&out)?;
    if total.open > 0 {
        context.ui.note(&format!("{} requests never ended; what they took is not known", total.open));
    }
    Ok(0)
}

/// A count that is mostly nothing.
fn some(count: u64) -> String {
    if count == 0 { String::new() } else { short(count) }
}

fn name_of(context: &Context, id: &str) -> String {
    let Ok(id) = id.parse::<Id>() else { return "(none)".to_string() };
    let session = context.app.store().and_then(|store| store.session_by_id(id));
    session.map_or_else(|_| id.tail(), |s| called(&s))
}

/// What the bars compare: money where there is any, else tokens.
fn weight(row: &UsageRow, money: bool) -> u64 {
    if money { u64::try_from(row.cost_micros).unwrap_or(0) } else { row.input + row.output }
}

/// A sign a day up to `today`: how high it is beside the most, a dot where nothing was used.
fn spark(days: &[(String, u64)], today: jiff::civil::Date, most: u64) -> String {
    let sign = |ago: i64| {
        let day = today.saturating_sub(jiff::Span::new().days(ago)).to_string();
        let value = days.iter().find(|(key, _)| *key == day).map(|(_, value)| *value);
        value.map_or('·', |value| figures::spark(value, most))
    };
    (0..SPARKS).rev().map(sign).collect()
}

fn cost(row: &UsageRow) -> String {
    let unknown = if row.unpriced > 0 { " +?" } else { "" };
    format!("{}{unknown}", dollars(row.cost_micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_last_days_has_a_sign_as_high_as_its_use() {
        let day = |day: &str, value: u64| (day.to_string(), value);
        let days = [day("2026-02-27", 5), day("2026-03-01", 70), day("2026-03-02", 35), day("2025-03-02", 70)];
        let drawn = spark(&days, jiff::civil::date(2026, 3, 2), 70);
        assert_eq!(drawn, format!("{}▁·█▄", "·".repeat(26)));
        assert_eq!(spark(&[], jiff::civil::date(2026, 3, 2), 0), "·".repeat(30));
    }
}
