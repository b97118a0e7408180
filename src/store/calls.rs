//! Requests to models and what they took: one row a request, begun before it is sent.
//!
//! A process that is killed leaves its rows open; they are counted apart, since what they took is not known. All sums
//! are of whole numbers: tokens, and millionths of a dollar.

use rusqlite::{Row, params};
use serde_json::json;

use super::Store;
use super::fault::Outcome;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// A request that is about to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewCall {
    /// The chat it belongs to.
    pub session: Option<Id>,
    /// The message that it fills in.
    pub message: Option<Id>,
    /// The run it belongs to.
    pub run: Option<Id>,
    /// The command that asked.
    pub command: Option<String>,
    /// What it is for: `chat`, `ask`, `step`, `title`, `summary`, `compare`.
    pub purpose: String,
    /// `provider/model`.
    pub model: String,
    /// Whether the answer comes from our own cache: it costs nothing.
    pub from_cache: bool,
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallEnd {
    /// `ok`, `failed` or `cancelled`.
    pub status: String,
    /// Tokens in, cached ones too.
    pub input: Option<u64>,
    /// Tokens out, reasoning too.
    pub output: Option<u64>,
    /// Of the tokens in: read from the provider's cache.
    pub cached: Option<u64>,
    /// Of the tokens in: written to it.
    pub cache_written: Option<u64>,
    /// Of the tokens out: reasoning.
    pub reasoning: Option<u64>,
    /// What it cost, millionths of a dollar; `None` where no price is known.
    pub cost_micros: Option<i64>,
    /// Milliseconds to the first piece.
    pub first_token_ms: Option<u64>,
    /// Milliseconds in all.
    pub duration_ms: u64,
    /// What went wrong.
    pub error: Option<String>,
}

/// By what usage is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// A day of the person's time zone.
    Day,
    /// A model.
    Model,
    /// A chat.
    Session,
    /// A command.
    Command,
    /// Everything together.
    All,
}

/// Which calls are summed; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Begun then or later.
    pub since: Option<Timestamp>,
    /// Begun before then.
    pub until: Option<Timestamp>,
    /// Of this chat.
    pub session: Option<Id>,
    /// Of this model.
    pub model: Option<String>,
}

/// A sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageRow {
    /// The day (`2026-01-31`), the model, the chat's id, the command.
    pub key: String,
    /// Requests.
    pub calls: u64,
    /// Of these: failed or cancelled.
    pub failed: u64,
    /// Of these: begun by a process that is gone, or not ended yet; what they took is not known.
    pub open: u64,
    /// Of these: nobody said what they took, and not because our own cache answered. Open ones, and those given up.
    pub unknown: u64,
    /// Of these: answered from our own cache.
    pub from_cache: u64,
    /// Tokens in.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Tokens read from a provider's cache.
    pub cached: u64,
    /// Tokens written to one.
    pub cache_written: u64,
    /// Tokens of reasoning.
    pub reasoning: u64,
    /// Cost where a price is known, millionths of a dollar.
    pub cost_micros: i64,
    /// Requests that took tokens and whose price is not known.
    pub unpriced: u64,
    /// Mean milliseconds to the first piece.
    pub first_token_ms: Option<u64>,
}

/// The most that one request is believed to have taken, so that no sum of many overflows.
const MOST: u64 = 1 << 40;

/// What one answer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerCost {
    /// The answer's message.
    pub message: Id,
    /// Tokens in.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Millionths of a dollar; `None` where no price is known.
    pub cost_micros: Option<i64>,
}

/// How long one request took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The day, `2026-01-31`.
    pub day: String,
    /// Who was asked.
    pub model: String,
    /// The chat, its id.
    pub session: Option<String>,
    /// The command that asked.
    pub command: Option<String>,
    /// Milliseconds to the first piece.
    pub first_token_ms: Option<u64>,
    /// Milliseconds in all.
    pub duration_ms: Option<u64>,
}

pub(super) fn timings_sql(theirs: &str) -> String {
    format!(
        "SELECT date(started / 1000000 + ?4, 'unixepoch'), model, first_token_ms, duration_ms,
     session, command FROM calls WHERE owner = ?1 AND started >= ?2 AND started < ?3 AND status = 'ok' AND NOT from_cache
     AND purpose <> 'import'{theirs} ORDER BY started DESC LIMIT ?5"
    )
}

const SUMS: &str = "count(*), sum(status IN ('failed', 'cancelled')), sum(status = 'open'),
     sum(input IS NULL AND output IS NULL AND NOT from_cache), sum(from_cache),
     sum(ifnull(input, 0)), sum(ifnull(output, 0)), sum(ifnull(cached, 0)), sum(ifnull(cache_written, 0)),
     sum(ifnull(reasoning, 0)), sum(ifnull(cost_micros, 0)) AS cost,
     sum(cost_micros IS NULL AND ifnull(input, 0) + ifnull(output, 0) > 0 AND NOT from_cache),
     CAST(avg(first_token_ms) AS INTEGER), sum(ifnull(input, 0) + ifnull(output, 0)) AS tokens";

/// What was spent by an owner since a moment; what imported answers once cost ([`super::imports::PURPOSE`]) was not spent here.
pub(super) const SPENT: &str =
    "SELECT ifnull(sum(cost_micros), 0) FROM calls WHERE owner = ?1 AND started >= ?2 AND purpose <> 'import'";

/// Sums of calls by the expression `key`, through the index that the filter allows.
pub(super) fn usage_sql(key: &str, order: &str, of_session: bool, theirs: &str) -> String {
    let session = if of_session {
        "session = ?4 AND +owner = ?1 AND +started >= ?2 AND +started < ?3"
    } else {
        "?4 IS NULL AND owner = ?1 AND started >= ?2 AND started < ?3"
    };
    format!(
        "SELECT {key}, {SUMS} FROM calls WHERE {session} AND (?5 IS NULL OR model = ?5) AND ?6 IS NOT NULL
         AND purpose <> 'import'{theirs}
         GROUP BY 1 ORDER BY {order}"
    )
}

impl Store {
    /// Keeps that a request is about to be sent.
    pub fn begin_call(&self, new: &NewCall) -> Result<Id> {
        self.write(|change| {
            let id = change.ids().next(change.at);
            change.alter(
                "INSERT INTO calls (id, owner, session, message, run, command, purpose, model, trace, status, from_cache, started,
                 person) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open', ?10, ?11, ?12)",
                params![
                    id,
                    change.owner(),
                    new.session,
                    new.message,
                    new.run,
                    new.command,
                    new.purpose,
                    new.model,
                    change.store.trace,
                    new.from_cache,
                    change.at,
                    change.person()
                ],
            )?;
            let payload = json!({"model": new.model, "purpose": new.purpose, "session": new.session});
            change.record(&Event::new(events::CALL_BEGUN, id.to_string(), payload))?;
            Ok(id)
        })
    }

    /// Keeps how a request ended and what it took; nothing when it has ended before. It is on the disk with the answer's
    /// end.
    pub fn end_call(&self, id: Id, end: &CallEnd) -> Result<()> {
        let tokens = |n: Option<u64>| n.map(|n| n.min(MOST) as i64);
        self.write_with_next(|change| {
            let ended = change.alter(
                "UPDATE calls SET status = ?2, input = ?3, output = ?4, cached = ?5, cache_written = ?6, reasoning = ?7,
                 cost_micros = ?8, first_token_ms = ?9, duration_ms = ?10, error = ?11, finished = ?12
                 WHERE id = ?1 AND status = 'open' AND owner = ?13",
                params![
                    id,
                    end.status,
                    tokens(end.input),
                    tokens(end.output),
                    tokens(end.cached),
                    tokens(end.cache_written),
                    tokens(end.reasoning),
                    end.cost_micros.map(|cost| cost.clamp(0, MOST as i64)),
                    tokens(end.first_token_ms),
                    tokens(Some(end.duration_ms)),
                    end.error,
                    change.at,
                    change.owner()
                ],
            )?;
            if ended == 0 {
                return Ok(());
            }
            let sql = "SELECT model, from_cache FROM calls WHERE id = ?1";
            let (model, from_cache): (String, bool) =
                change.tx.prepare_cached(sql)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let payload = json!({
                "status": end.status, "input": end.input, "output": end.output, "cost_micros": end.cost_micros,
                "model": model, "first_token_ms": end.first_token_ms, "duration_ms": end.duration_ms,
                "from_cache": from_cache,
            });
            change.record(&Event::new(events::CALL_ENDED, id.to_string(), payload))?;
            Ok(())
        })
    }

    /// Sums of what was used. Days are those of the zone `offset_s` seconds east of Greenwich.
    pub fn usage(&self, filter: &UsageFilter, by: UsageBy, offset_s: i64) -> Result<Vec<UsageRow>> {
        let key = match by {
            UsageBy::Day => "date(started / 1000000 + ?6, 'unixepoch')",
            UsageBy::Model => "model",
            UsageBy::Session => "ifnull(session, '')",
            UsageBy::Command => "ifnull(command, '')",
            UsageBy::All => "''",
        };
        let order = if by == UsageBy::Day { "1" } else { "cost DESC, tokens DESC, 1" };
        let sql = usage_sql(key, order, filter.session.is_some(), &self.theirs(""));
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = statement.query(params![
                &*self.owner,
                filter.since.map_or(i64::MIN, Timestamp::as_micros),
                filter.until.map_or(i64::MAX, Timestamp::as_micros),
                filter.session,
                filter.model,
                offset_s
            ])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                rows.push(usage_row(row)?);
            }
            Ok(rows)
        })
    }

    /// How long the newest requests took, at most so many, the newest first. Those that failed or came from our own
    /// cache are not among them. Days are those of the zone `offset_s` seconds east of Greenwich.
    pub fn timings(&self, filter: &UsageFilter, offset_s: i64, most: usize) -> Result<Vec<Timing>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&timings_sql(&self.theirs("")))?;
            let rows = statement.query_map(
                params![
                    &*self.owner,
                    filter.since.map_or(i64::MIN, Timestamp::as_micros),
                    filter.until.map_or(i64::MAX, Timestamp::as_micros),
                    offset_s,
                    i64::try_from(most).unwrap_or(i64::MAX)
                ],
                |row| {
                    let ms = |n: Option<i64>| n.map(|n| n.max(0) as u64);
                    Ok(Timing {
                        day: row.get(0)?,
                        model: row.get(1)?,
                        first_token_ms: ms(row.get(2)?),
                        duration_ms: ms(row.get(3)?),
                        session: row.get(4)?,
                        command: row.get(5)?,
                    })
                },
            )?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// What was spent since then, millionths of a dollar; requests without a known price are not in it.
    pub fn spent(&self, since: Timestamp) -> Result<i64> {
        self.read(|connection| {
            Ok(connection.prepare_cached(SPENT)?.query_row(params![&*self.owner, since], |row| row.get(0))?)
        })
    }

    /// What each answer of a chat took, by message.
    pub fn costs_of(&self, session: Id) -> Result<Vec<AnswerCost>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT message, sum(ifnull(input, 0)), sum(ifnull(output, 0)), sum(cost_micros) FROM calls
                 WHERE session = ?1 AND +owner = ?2 AND message IS NOT NULL GROUP BY message",
            )?;
            let rows = statement.query_map(params![session, &*self.owner], |row| {
                Ok(AnswerCost {
                    message: row.get(0)?,
                    input: row.get::<_, i64>(1)? as u64,
                    output: row.get::<_, i64>(2)? as u64,
                    cost_micros: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn usage_row(row: &Row<'_>) -> Outcome<UsageRow> {
    let number = |n: usize| Ok::<u64, rusqlite::Error>(row.get::<_, i64>(n)?.max(0) as u64);
    Ok(UsageRow {
        key: row.get(0)?,
        calls: number(1)?,
        failed: number(2)?,
        open: number(3)?,
        unknown: number(4)?,
        from_cache: number(5)?,
        input: number(6)?,
        output: number(7)?,
        cached: number(8)?,
        cache_written: number(9)?,
        reasoning: number(10)?,
        cost_micros: row.get(11)?,
        unpriced: number(12)?,
        first_token_ms: row.get::<_, Option<i64>>(13)?.map(|n| n.max(0) as u64),
    })
}
