//! Plugins: what a person allowed of them, how they fared, what they keep, and what they wrote into their logs.
//!
//! What a plugin is, and when to ask, is decided above.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::fault::Outcome;
use super::{Change, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};

/// Lines of a log that are kept of each plugin.
const LINES: i64 = 2000;

/// A plugin that is about to be allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPlugin {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub place: String,
    /// The content hash that is allowed.
    pub digest: String,
    /// What it hears of, brings and may do.
    pub manifest: Value,
}

/// A plugin that was allowed once.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginRow {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub place: String,
    /// The content hash that is allowed.
    pub digest: String,
    /// What it hears of, brings and may do.
    pub manifest: Value,
    /// Whether it is used.
    pub enabled: bool,
    /// How often it failed in a row, at what it fails at most.
    pub failures: u32,
    /// How often each of its hooks, commands and tools failed since it last did well; what does well is not among them.
    pub failing: BTreeMap<String, u32>,
    /// How it failed last.
    pub error: Option<String>,
    /// When it was allowed.
    pub at: Timestamp,
}

/// A line of a plugin's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginLine {
    /// The plugin.
    pub plugin: String,
    /// When.
    pub at: Timestamp,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What it wrote.
    pub text: String,
}

const COLUMNS: &str = "name, place, digest, manifest, enabled, failures, error, at, failing FROM plugins";

/// That a plugin may keep no more than `quota` bytes.
pub fn too_much(plugin: &str, quota: u64) -> Error {
    Error::new(Kind::Refused, format!("`{plugin}` may keep {} kB, and this would be more", quota >> 10))
}

impl PluginRow {
    /// Whether a part of it failed and is not known to have done well since.
    pub fn fails_at(&self, part: &str) -> bool {
        // What failed before parts were told apart is made good by any.
        self.failing.contains_key(part) || (self.failing.is_empty() && self.failures > 0)
    }
}

impl Store {
    /// Allows a plugin as it is now, and uses it.
    pub fn enable_plugin(&self, new: &NewPlugin) -> Result<()> {
        self.write(|change| {
            let sql = "INSERT INTO plugins (owner, name, place, digest, manifest, enabled, failures, error, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, 0, NULL, ?6)
                 ON CONFLICT DO UPDATE SET place = excluded.place, digest = excluded.digest, manifest = excluded.manifest,
                 enabled = 1, failures = 0, failing = NULL, error = NULL, at = excluded.at";
            // Whoever was not used hears of what happens from now on, and not of what happened meanwhile.
            let forget = "DELETE FROM plugin_marks WHERE owner = ?1 AND plugin = ?2
                 AND NOT EXISTS (SELECT 1 FROM plugins WHERE owner = ?1 AND name = ?2 AND enabled = 1)";
            change.tx.prepare_cached(forget)?.execute(params![change.owner(), new.name])?;
            let manifest = new.manifest.to_string();
            change.alter(sql, params![change.owner(), new.name, new.place, new.digest, manifest, change.at])?;
            let what = json!({"digest": new.digest, "place": new.place});
            change.record(&Event::new(events::PLUGIN_ENABLED, &*new.name, what))?;
            Ok(())
        })
    }

    /// Uses a plugin no more. Says whether it was used.
    pub fn disable_plugin(&self, name: &str, why: &str) -> Result<bool> {
        self.write(|change| {
            let sql = "UPDATE plugins SET enabled = 0 WHERE owner = ?1 AND name = ?2 AND enabled = 1";
            let was = change.alter(sql, params![change.owner(), name])? > 0;
            if was {
                change.record(&Event::new(events::PLUGIN_DISABLED, name, json!({"why": why})))?;
            }
            Ok(was)
        })
    }

    /// Forgets a plugin with all it keeps. Says whether anything was known of it.
    pub fn remove_plugin(&self, name: &str) -> Result<bool> {
        self.erase(|change| {
            let sql = "DELETE FROM plugins WHERE owner = ?1 AND name = ?2";
            let was = change.alter(sql, params![change.owner(), name])? > 0;
            for table in ["plugin_values", "plugin_lines", "plugin_marks"] {
                let sql = format!("DELETE FROM {table} WHERE owner = ?1 AND plugin = ?2");
                change.tx.prepare_cached(&sql)?.execute(params![change.owner(), name])?;
            }
            if was {
                change.record(&Event::new(events::PLUGIN_REMOVED, name, json!({})))?;
            }
            Ok(was)
        })
    }

    /// All plugins that were allowed once, by name; or only those that are used.
    pub fn plugins(&self, only_enabled: bool) -> Result<Vec<PluginRow>> {
        self.glance(|connection| {
            let sql = format!("SELECT {COLUMNS} WHERE owner = ?1 AND (enabled = 1 OR NOT ?2) ORDER BY name");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![&*self.owner, only_enabled], plugin)?;
            let rows: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
            rows.into_iter().map(whole).collect()
        })
    }

    /// A plugin that was allowed once.
    pub fn plugin(&self, name: &str) -> Result<Option<PluginRow>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} WHERE owner = ?1 AND name = ?2");
            let found = connection.prepare_cached(&sql)?.query_row(params![&*self.owner, name], plugin).optional()?;
            found.map(whole).transpose()
        })
    }

    /// A part of a plugin failed, which its log says too; the plugin of which one failed `most` times in a row is used no
    /// more. Gives how often, and whether that was the last time.
    pub fn plugin_failed(&self, name: &str, part: &str, error: &str, most: u32) -> Result<(u32, bool)> {
        self.write(|change| {
            let owner = change.owner();
            let failures = change.count_failures(name, |row| {
                row.error = Some(error.to_string());
                let times = row.failing.entry(part.to_string()).or_insert(0);
                *times = times.saturating_add(1);
                Some(*times)
            })?;
            let (at, level) = (change.at, "error".to_string());
            add_lines(change, &[PluginLine { plugin: name.into(), at, level, text: error.into() }])?;
            let failures = failures.unwrap_or(0);
            change.record(&Event::new(events::PLUGIN_FAILED, name, json!({"failures": failures, "part": part})))?;
            let sql = "UPDATE plugins SET enabled = 0 WHERE owner = ?1 AND name = ?2 AND enabled = 1";
            let last = failures >= most && change.alter(sql, params![owner, name])? > 0;
            if last {
                let why = json!({"why": "failed too often", "failures": failures});
                change.record(&Event::new(events::PLUGIN_DISABLED, name, why))?;
            }
            Ok((failures, last))
        })
    }

    /// A part of a plugin that had failed did well.
    pub fn plugin_recovered(&self, name: &str, part: &str) -> Result<()> {
        self.write(|change| {
            let recovers = |row: &mut PluginRow| row.fails_at(part).then(|| row.failing.remove(part));
            if change.count_failures(name, recovers)?.is_some() {
                change.record(&Event::new(events::PLUGIN_FAILED, name, json!({"failures": 0, "part": part})))?;
            }
            Ok(())
        })
    }

    /// What a plugin keeps under a key.
    pub fn plugin_value(&self, plugin: &str, key: &str) -> Result<Option<String>> {
        self.read(|connection| {
            let sql = "SELECT value FROM plugin_values WHERE owner = ?1 AND plugin = ?2 AND key = ?3";
            let mut find = connection.prepare_cached(sql)?;
            Ok(find.query_row(params![&*self.owner, plugin, key], |row| row.get(0)).optional()?)
        })
    }

    /// Keeps a value, or forgets it. `Refused` when all of the plugin's keys and values would have more than `quota` bytes.
    pub fn set_plugin_value(&self, plugin: &str, key: &str, value: Option<&str>, quota: u64) -> Result<()> {
        self.write(|change| change.set_plugin_value(plugin, key, value, quota))
    }

    /// The same where what is kept is `old` still; whether it was.
    pub fn replace_plugin_value(
        &self,
        plugin: &str,
        key: &str,
        old: Option<&str>,
        new: Option<&str>,
        quota: u64,
    ) -> Result<bool> {
        self.write(|change| {
            let sql = "SELECT value FROM plugin_values WHERE owner = ?1 AND plugin = ?2 AND key = ?3";
            let place = params![change.owner(), plugin, key];
            let kept: Option<String> = change.tx.prepare_cached(sql)?.query_row(place, |row| row.get(0)).optional()?;
            let is_so = kept.as_deref() == old;
            if is_so && old != new {
                change.set_plugin_value(plugin, key, new, quota)?;
            }
            Ok(is_so)
        })
    }

    /// The keys of a plugin that begin so, in order.
    pub fn plugin_keys(&self, plugin: &str, prefix: &str) -> Result<Vec<String>> {
        self.read(|connection| {
            let sql =
                "SELECT key FROM plugin_values WHERE owner = ?1 AND plugin = ?2 AND substr(key, 1, length(?3)) = ?3
                 ORDER BY key";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![&*self.owner, plugin, prefix], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Adds lines to the logs of plugins; only the last of each are kept.
    pub fn add_plugin_lines(&self, lines: &[PluginLine]) -> Result<()> {
        self.write(|change| add_lines(change, lines))
    }

    /// The last lines of the log of one plugin, or of all, oldest first.
    pub fn plugin_lines(&self, plugin: Option<&str>, limit: usize) -> Result<Vec<PluginLine>> {
        self.read(|connection| {
            let sql =
                "SELECT plugin, at, level, text FROM plugin_lines WHERE owner = ?1 AND ifnull(?2, plugin) = plugin
                 ORDER BY n DESC LIMIT ?3";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(sql)?;
            let line = |row: &Row<'_>| {
                Ok(PluginLine { plugin: row.get(0)?, at: row.get(1)?, level: row.get(2)?, text: row.get(3)? })
            };
            let rows = statement.query_map(params![&*self.owner, plugin, limit], line)?;
            let mut lines: Vec<PluginLine> = rows.collect::<rusqlite::Result<_>>()?;
            lines.reverse();
            Ok(lines)
        })
    }

    /// Where a mark of a plugin stands.
    pub fn plugin_mark(&self, plugin: &str, mark: &str) -> Result<Option<i64>> {
        self.read(|connection| {
            let sql = "SELECT value FROM plugin_marks WHERE owner = ?1 AND plugin = ?2 AND mark = ?3";
            let mut find = connection.prepare_cached(sql)?;
            Ok(find.query_row(params![&*self.owner, plugin, mark], |row| row.get(0)).optional()?)
        })
    }

    /// Moves a mark from where it was seen; false when somebody else moved it.
    pub fn move_plugin_mark(&self, plugin: &str, mark: &str, from: Option<i64>, to: i64) -> Result<bool> {
        self.write(|change| {
            let moved = match from {
                Some(from) => {
                    let sql = "UPDATE plugin_marks SET value = ?4 WHERE owner = ?1 AND plugin = ?2 AND mark = ?3 AND value = ?5";
                    change.tx.prepare_cached(sql)?.execute(params![change.owner(), plugin, mark, to, from])?
                }
                None => {
                    let sql =
                        "INSERT OR IGNORE INTO plugin_marks (owner, plugin, mark, value) VALUES (?1, ?2, ?3, ?4)";
                    change.tx.prepare_cached(sql)?.execute(params![change.owner(), plugin, mark, to])?
                }
            };
            Ok(moved > 0)
        })
    }
}

impl Change<'_> {
    fn set_plugin_value(&self, plugin: &str, key: &str, value: Option<&str>, quota: u64) -> Outcome<()> {
        let place = params![self.owner(), plugin, key];
        let sql = "DELETE FROM plugin_values WHERE owner = ?1 AND plugin = ?2 AND key = ?3";
        self.tx.prepare_cached(sql)?.execute(place)?;
        let Some(value) = value else { return Ok(()) };
        let sql = "SELECT ifnull(sum(octet_length(key) + octet_length(value)), 0) FROM plugin_values
             WHERE owner = ?1 AND plugin = ?2";
        let mut sum = self.tx.prepare_cached(sql)?;
        let used: i64 = sum.query_row(params![self.owner(), plugin], |row| row.get(0))?;
        let new = (key.len() + value.len()) as u64;
        if u64::try_from(used).unwrap_or(0).saturating_add(new) > quota {
            return Err(too_much(plugin, quota).into());
        }
        let sql = "INSERT INTO plugin_values (owner, plugin, key, value) VALUES (?1, ?2, ?3, ?4)";
        self.tx.prepare_cached(sql)?.execute(params![self.owner(), plugin, key, value])?;
        Ok(())
    }
}

impl Change<'_> {
    /// Changes how a plugin fares, where `count` gives something; nothing stays of an error where no part fails.
    fn count_failures<T>(&self, name: &str, count: impl FnOnce(&mut PluginRow) -> Option<T>) -> Outcome<Option<T>> {
        let owner = self.owner();
        let sql = format!("SELECT {COLUMNS} WHERE owner = ?1 AND name = ?2");
        let found = self.tx.prepare_cached(&sql)?.query_row(params![owner, name], plugin).optional()?;
        let Some(mut row) = found.map(whole).transpose()? else { return Ok(None) };
        let Some(counted) = count(&mut row) else { return Ok(None) };
        let most = row.failing.values().max().copied().unwrap_or(0);
        let error = row.error.filter(|_| most > 0);
        let sql = "UPDATE plugins SET failing = ?3, failures = ?4, error = ?5 WHERE owner = ?1 AND name = ?2";
        let failing =
            Some(&row.failing).filter(|failing| !failing.is_empty()).map(serde_json::to_string).transpose()?;
        self.alter(sql, params![owner, name, failing, most, error])?;
        Ok(Some(counted))
    }
}

fn plugin(row: &Row<'_>) -> rusqlite::Result<(PluginRow, String, Option<String>)> {
    let plugin = PluginRow {
        name: row.get(0)?,
        place: row.get(1)?,
        digest: row.get(2)?,
        manifest: Value::Null,
        enabled: row.get(4)?,
        failures: row.get(5)?,
        failing: BTreeMap::new(),
        error: row.get(6)?,
        at: row.get(7)?,
    };
    Ok((plugin, row.get(3)?, row.get(8)?))
}

fn whole((plugin, manifest, failing): (PluginRow, String, Option<String>)) -> Outcome<PluginRow> {
    let failing = failing.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default();
    Ok(PluginRow { manifest: serde_json::from_str(&manifest)?, failing, ..plugin })
}

fn add_lines(change: &Change<'_>, lines: &[PluginLine]) -> Outcome<()> {
    let sql = "INSERT INTO plugin_lines (owner, plugin, at, level, text) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = change.tx.prepare_cached(sql)?;
    for line in lines {
        insert.execute(params![change.owner(), line.plugin, line.at, line.level, line.text])?;
    }
    let mut names: Vec<&str> = lines.iter().map(|line| line.plugin.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let sql = "DELETE FROM plugin_lines WHERE owner = ?1 AND plugin = ?2 AND n <= (SELECT n FROM plugin_lines
         WHERE owner = ?1 AND plugin = ?2 ORDER BY n DESC LIMIT 1 OFFSET ?3)";
    let mut trim = change.tx.prepare_cached(sql)?;
    for name in names {
        trim.execute(params![change.owner(), name, LINES])?;
    }
    Ok(())
}
