//! Reads the sums that the usage tab shows.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::super::Answer as AnyAnswer;
use crate::chat::saying::called;
use crate::kernel::error::Result;
use crate::kernel::figures::percentile;
use crate::kernel::ids::Id;
use crate::store::{Store, UsageBy, UsageFilter, UsageRow};
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;

/// Requests whose time is looked at, the newest.
const TIMED: usize = 50_000;

/// What the table sums by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Who answered.
    #[default]
    Model,
    /// The chat.
    Session,
    /// The command that asked.
    Command,
}

impl Group {
    /// The next one.
    pub fn next(self) -> Group {
        match self {
            Group::Model => Group::Session,
            Group::Session => Group::Command,
            Group::Command => Group::Model,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Group::Model => "model",
            Group::Session => "chat",
            Group::Command => "command",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// So many days up to now; 0 is since ever.
    pub days: u32,
    /// What the table sums by.
    pub group: Group,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub struct Answer(pub std::result::Result<Box<Sums>, Fault>);

/// A line of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// The model, the chat's id, the command.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// Its sums.
    pub sums: UsageRow,
    /// Milliseconds to the first token: half were quicker, and 95 of a hundred.
    pub first: Option<(u64, u64)>,
    /// Milliseconds in all, the same.
    pub whole: Option<(u64, u64)>,
}

/// A day of the chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Day {
    /// `2026-01-31`.
    pub day: String,
    /// Its sums.
    pub sums: UsageRow,
    /// Milliseconds to the first token, the median.
    pub first: Option<u64>,
}

/// Everything that is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// Each day of the stretch, also those without a request.
    pub days: Vec<Day>,
    /// The table.
    pub rows: Vec<Line>,
    /// All of the stretch.
    pub total: UsageRow,
    /// Today.
    pub today: UsageRow,
    /// What may be spent a day, millionths of a dollar.
    pub budget: Option<i64>,
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let read = || -> Result<Sums> {
        let budget = desk.app.config()?.micro_dollars("usage.daily_budget");
        let now = desk.app.clock.now();
        let sums = sums(desk.app.store()?, &request, now.as_micros(), &TimeZone::system())?;
        Ok(Sums { budget, ..sums })
    };
    desk.send(AnyAnswer::Usage(Answer(read().map(Box::new).map_err(Fault::from))));
}

fn sums(store: &Store, request: &Request, now: i64, zone: &TimeZone) -> Result<Sums> {
    let here = jiff::Timestamp::from_microsecond(now).unwrap_or_default().to_zoned(zone.clone());
    let offset = i64::from(here.offset().seconds());
    let today = here.date();
    let first = today.saturating_sub(jiff::Span::new().days(i64::from(request.days.max(1)) - 1));
    let begin = first.to_zoned(zone.clone()).map(|d| d.timestamp().as_microsecond()).unwrap_or(i64::MIN);
    let since = (request.days > 0).then(|| crate::kernel::clock::Timestamp::from_micros(begin));
    let filter = UsageFilter { since, ..UsageFilter::default() };
    let by = match request.group {
        Group::Model => UsageBy::Model,
        Group::Session => UsageBy::Session,
        Group::Command => UsageBy::Command,
    };
    let by_day = store.usage(&filter, UsageBy::Day, offset)?;
    let total = store.usage(&filter, UsageBy::All, offset)?.pop().unwrap_or_default();
    let mut times = Times::default();
    for timing in store.timings(&filter, offset, TIMED)? {
        let key = match request.group {
            Group::Model => timing.model,
            Group::Session => timing.session.unwrap_or_default(),
            Group::Command => timing.command.unwrap_or_default(),
        };
        times.add(&timing.day, &key, timing.first_token_ms, timing.duration_ms);
    }
    times.sort();
    let days = every_day(by_day, (request.days > 0).then_some(first), today);
    let today = days.last().map(|d| d.sums.clone()).unwrap_or_default();
    let days =
        days.into_iter().map(|d| Day { first: times.days.get(&d.day).and_then(|v| percentile(v, 50)), ..d }).collect();
    let rows = store.usage(&filter, by, offset)?.into_iter().map(|sums| line(store, request.group, sums, &times));
    Ok(Sums { days, rows: rows.collect(), total, today, budget: None })
}

fn line(store: &Store, group: Group, sums: UsageRow, times: &Times) -> Line {
    let key = sums.key.clone();
    let name = match group {
        _ if key.is_empty() => "(none)".to_string(),
        Group::Session => key
            .parse::<Id>()
            .ok()
            .and_then(|id| store.session_by_id(id).ok())
            .map_or_else(|| key.clone(), |session| called(&session)),
        Group::Model | Group::Command => key.clone(),
    };
    let pair = |values: Option<&Vec<u64>>| Some((percentile(values?, 50)?, percentile(values?, 95)?));
    Line { first: pair(times.first.get(&key)), whole: pair(times.whole.get(&key)), key, name, sums }
}

/// Each day from the first to the last, those without a request with sums of nothing.
fn every_day(found: Vec<UsageRow>, first: Option<jiff::civil::Date>, last: jiff::civil::Date) -> Vec<Day> {
    let oldest = found.first().and_then(|row| row.key.parse().ok());
    let mut day = first.or(oldest).unwrap_or(last);
    let mut by_day: BTreeMap<String, UsageRow> = found.into_iter().map(|row| (row.key.clone(), row)).collect();
    let mut days = Vec::new();
    while day <= last {
        let name = day.to_string();
        let sums = by_day.remove(&name).unwrap_or_default();
        days.push(Day { day: name, sums, first: None });
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    days
}

/// Milliseconds by day and by what the table sums by.
#[derive(Default)]
struct Times {
    days: BTreeMap<String, Vec<u64>>,
    first: BTreeMap<String, Vec<u64>>,
    whole: BTreeMap<String, Vec<u64>>,
}

impl Times {
    fn add(&mut self, day: &str, key: &str, first: Option<u64>, whole: Option<u64>) {
        if let Some(ms) = first {
            self.days.entry(day.to_string()).or_default().push(ms);
            self.first.entry(key.to_string()).or_default().push(ms);
        }
        if let Some(ms) = whole {
            self.whole.entry(key.to_string()).or_default().push(ms);
        }
    }

    fn sort(&mut self) {
        let all = self.days.values_mut().chain(self.first.values_mut()).chain(self.whole.values_mut());
        all.for_each(|values| values.sort_unstable());
    }
}
