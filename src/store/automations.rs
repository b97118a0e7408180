//! What may fire by itself, and what is kept between firings: timers that run, times that were looked at, and which process
//! holds something of which there is one on a machine.
//!
//! When something fires is the caller's to know; what was fired stands in [`super::firings`].

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value as Json, json};

use super::fault::Outcome;
use super::{Change, Process, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};

/// Which automation: the spec of its source, and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct RuleKey {
    /// Where it comes from: the spec of its source.
    pub source: String,
    /// Its name.
    pub command: String,
}

/// A definition that a person let fire by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled {
    /// Which.
    pub key: RuleKey,
    /// What it was when it was enabled; another digest does not fire.
    pub digest: String,
    /// The folder it was enabled in, where its scripts start.
    pub cwd: String,
    /// When.
    pub at: Timestamp,
    /// Since when the program keeps it from firing, and why.
    pub stopped: Option<(Timestamp, String)>,
}

/// A firing that waits: for a state to last, or for silence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// The automation.
    pub key: RuleKey,
    /// Which of its triggers, from 0.
    pub nr: u32,
    /// What it is about: a topic, an entity, a path.
    pub subject: String,
    /// The digest of the definition.
    pub digest: String,
    /// `for` or `debounce`.
    pub why: String,
    /// The kind of trigger.
    pub kind: String,
    /// What happened.
    pub data: Json,
    /// What tells it apart, where its source can say so.
    pub told: Option<String>,
    /// Its causal depth.
    pub depth: u32,
    /// Since when.
    pub since: Timestamp,
    /// When it fires.
    pub due: Timestamp,
}

/// Up to when the times of a trigger were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The automation.
    pub key: RuleKey,
    /// Which of its triggers, from 0.
    pub nr: u32,
    /// Up to when.
    pub at: Timestamp,
}

/// What changes along with firings, in the same transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Along {
    /// Timers that begin, or begin anew.
    pub holds: Vec<Hold>,
    /// Timers that are over or were taken back: automation, number of its trigger, subject.
    pub released: Vec<(RuleKey, u32, String)>,
    /// Timers whose time has come; those that somebody prolonged stay.
    pub over: Vec<(RuleKey, u32, String)>,
    /// Times that were looked at.
    pub marks: Vec<Mark>,
    /// Small state by key, as [`Store::set_state`] keeps it.
    pub state: Vec<(String, Json)>,
}

impl Along {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Along::default()
    }
}

impl Store {
    /// Lets a definition fire by itself, as it is now; one that was stopped goes on.
    pub fn enable_automation(&self, key: &RuleKey, digest: &str, cwd: &str) -> Result<()> {
        self.write(|change| {
            let sql = "INSERT INTO automations (owner, source, command, digest, cwd, enabled)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (owner, source, command) DO UPDATE SET digest = ?4, cwd = ?5, enabled = ?6,
                 stopped = NULL, why = NULL";
            change.alter(sql, params![change.owner(), key.source, key.command, digest, cwd, change.at])?;
            // Nothing that waits was begun by this definition, and no time before now was missed by it.
            change.forget_waiting(key)?;
            let told = json!({"source": key.source, "command": key.command, "digest": digest});
            change.record(&Event::new(events::AUTOMATION_ENABLED, subject(key), told))?;
            Ok(())
        })
    }

    /// Keeps a definition from firing; false when it was not enabled. Work that it owes already stays.
    pub fn disable_automation(&self, key: &RuleKey) -> Result<bool> {
        self.write(|change| {
            let sql = "DELETE FROM automations WHERE owner = ?1 AND source = ?2 AND command = ?3";
            if change.alter(sql, params![change.owner(), key.source, key.command])? == 0 {
                return Ok(false);
            }
            change.forget_waiting(key)?;
            let told = json!({"source": key.source, "command": key.command});
            change.record(&Event::new(events::AUTOMATION_DISABLED, subject(key), told))?;
            Ok(true)
        })
    }

    /// Everything that is enabled, in the order in which it was enabled.
    pub fn automations(&self) -> Result<Vec<Enabled>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT source, command, digest, cwd, enabled, stopped, why FROM automations WHERE owner = ?1 ORDER BY n",
            )?;
            let rows = find.query_map([&*self.owner], |row| {
                let stopped = row.get::<_, Option<Timestamp>>(5)?.zip(row.get::<_, Option<String>>(6)?);
                let key = RuleKey { source: row.get(0)?, command: row.get(1)? };
                Ok(Enabled { key, digest: row.get(2)?, cwd: row.get(3)?, at: row.get(4)?, stopped })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The firings that wait, the next one first.
    pub fn holds(&self) -> Result<Vec<Hold>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT source, command, nr, subject, digest, why, kind, data, key, depth, since, due FROM holds
                 WHERE owner = ?1 ORDER BY due, source, command, nr, subject",
            )?;
            let mut rows = find.query([&*self.owner])?;
            let mut holds = Vec::new();
            while let Some(row) = rows.next()? {
                holds.push(hold(row)?);
            }
            Ok(holds)
        })
    }

    /// Up to when the times of all triggers were looked at.
    pub fn marks(&self) -> Result<Vec<Mark>> {
        self.read(|connection| {
            let mut find = connection
                .prepare_cached("SELECT source, command, nr, at FROM marks WHERE owner = ?1 ORDER BY 1, 2, 3")?;
            let rows = find.query_map([&*self.owner], |row| {
                let key = RuleKey { source: row.get(0)?, command: row.get(1)? };
                Ok(Mark { key, nr: row.get(2)?, at: row.get(3)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Writes what changes without a firing. It writes no event.
    pub fn keep_along(&self, along: &Along) -> Result<()> {
        if along.is_empty() { Ok(()) } else { self.write(|change| change.keep_along(along)) }
    }

    /// Takes what there is one of on a machine, where nobody holds it or its holder `is_alive` no more; the epoch, which
    /// grows with each holder. Otherwise the process that holds it.
    pub fn take_lease(
        &self,
        name: &str,
        process: &Process,
        is_alive: &dyn Fn(&Process) -> bool,
    ) -> Result<std::result::Result<u64, Process>> {
        self.write(|change| {
            let found = holder(change.tx, change.owner(), name)?;
            let epoch = match found {
                Some((other, _, true)) if other != *process && is_alive(&other) => return Ok(Err(other)),
                Some((_, epoch, _)) => epoch + 1,
                None => 1,
            };
            let sql = "INSERT OR REPLACE INTO leases (owner, name, pid, process_start, boot, epoch, held, since)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)";
            let (start, boot) = (process.start as i64, &process.boot);
            let row = params![change.owner(), name, process.pid, start, boot, epoch as i64, change.at];
            change.tx.prepare_cached(sql)?.execute(row)?;
            Ok(Ok(epoch))
        })
    }

    /// Gives back what this process took.
    pub fn leave_lease(&self, name: &str, process: &Process) -> Result<()> {
        self.write(|change| {
            let sql = "UPDATE leases SET held = 0 WHERE owner = ?1 AND name = ?2 AND pid = ?3 AND process_start = ?4";
            change.tx.prepare_cached(sql)?.execute(params![change.owner(), name, process.pid, process.start as i64])?;
            Ok(())
        })
    }

    /// The process that holds it, or held it when it was killed.
    pub fn lease_holder(&self, name: &str) -> Result<Option<Process>> {
        self.read(|connection| {
            let found = holder(connection, &self.owner, name)?;
            Ok(found.filter(|(.., held)| *held).map(|(process, ..)| process))
        })
    }
}

impl Change<'_> {
    fn forget_waiting(&self, key: &RuleKey) -> Outcome<()> {
        for sql in [
            "DELETE FROM holds WHERE owner = ?1 AND source = ?2 AND command = ?3",
            "DELETE FROM marks WHERE owner = ?1 AND source = ?2 AND command = ?3",
        ] {
            self.tx.prepare_cached(sql)?.execute(params![self.owner(), key.source, key.command])?;
        }
        Ok(())
    }

    /// What changes along with firings.
    pub(super) fn keep_along(&self, along: &Along) -> Outcome<()> {
        for (key, nr, subject) in &along.released {
            let sql =
                "DELETE FROM holds WHERE owner = ?1 AND source = ?2 AND command = ?3 AND nr = ?4 AND subject = ?5";
            self.tx.prepare_cached(sql)?.execute(params![self.owner(), key.source, key.command, nr, subject])?;
        }
        for (key, nr, subject) in &along.over {
            let sql = "DELETE FROM holds
                 WHERE owner = ?1 AND source = ?2 AND command = ?3 AND nr = ?4 AND subject = ?5 AND due <= ?6";
            let row = params![self.owner(), key.source, key.command, nr, subject, self.at];
            self.tx.prepare_cached(sql)?.execute(row)?;
        }
        for hold in &along.holds {
            let sql = "INSERT OR REPLACE INTO holds
                 (owner, source, command, nr, subject, digest, why, kind, data, key, depth, since, due)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
            self.tx.prepare_cached(sql)?.execute(params![
                self.owner(),
                hold.key.source,
                hold.key.command,
                hold.nr,
                hold.subject,
                hold.digest,
                hold.why,
                hold.kind,
                hold.data.to_string(),
                hold.told,
                hold.depth,
                hold.since,
                hold.due,
            ])?;
        }
        for mark in &along.marks {
            let sql = "INSERT OR REPLACE INTO marks (owner, source, command, nr, at) VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = params![self.owner(), mark.key.source, mark.key.command, mark.nr, mark.at];
            self.tx.prepare_cached(sql)?.execute(row)?;
        }
        for (key, value) in &along.state {
            let sql = "INSERT OR REPLACE INTO state (owner, key, value, at) VALUES (?1, ?2, ?3, ?4)";
            self.tx.prepare_cached(sql)?.execute(params![self.owner(), key, value.to_string(), self.at])?;
        }
        Ok(())
    }

    /// Keeps an automation from firing until a person enables it again.
    pub(super) fn stop_automation(&self, key: &RuleKey, why: &str) -> Outcome<()> {
        let sql = "UPDATE automations SET stopped = ?4, why = ?5 WHERE owner = ?1 AND source = ?2 AND command = ?3
             AND stopped IS NULL";
        self.alter(sql, params![self.owner(), key.source, key.command, self.at, why])?;
        self.forget_waiting(key)
    }
}

fn holder(connection: &rusqlite::Connection, owner: &str, name: &str) -> Outcome<Option<(Process, u64, bool)>> {
    let mut find = connection
        .prepare_cached("SELECT pid, process_start, boot, epoch, held FROM leases WHERE owner = ?1 AND name = ?2")?;
    let found = find.query_row(params![owner, name], |row| {
        let process = Process { pid: row.get(0)?, start: row.get::<_, i64>(1)? as u64, boot: row.get(2)? };
        Ok((process, row.get::<_, i64>(3)? as u64, row.get(4)?))
    });
    Ok(found.optional()?)
}

/// What events about an automation are about.
fn subject(key: &RuleKey) -> String {
    format!("{}:{}", key.source, key.command)
}

fn hold(row: &Row<'_>) -> Outcome<Hold> {
    Ok(Hold {
        key: RuleKey { source: row.get(0)?, command: row.get(1)? },
        nr: row.get(2)?,
        subject: row.get(3)?,
        digest: row.get(4)?,
        why: row.get(5)?,
        kind: row.get(6)?,
        data: serde_json::from_str(&row.get::<_, String>(7)?)?,
        told: row.get(8)?,
        depth: row.get(9)?,
        since: row.get(10)?,
        due: row.get(11)?,
    })
}
