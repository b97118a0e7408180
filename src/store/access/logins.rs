//! Logins: each is a family of refresh tokens, of which one at a time is good.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::json;

use super::super::fault::Outcome;
use super::super::named::{only, part_of_id};
use super::super::{Change, Store};
use super::users::{USER, User, user_at};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// So much of what a client calls itself is kept, characters.
const AGENT: usize = 200;

/// A login that is about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLogin {
    /// Who.
    pub user: Id,
    /// From where.
    pub address: String,
    /// What the client calls itself.
    pub agent: String,
    /// When it ends if nobody goes on with it.
    pub expires: Timestamp,
}

/// A login as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Its id.
    pub id: Id,
    /// Who.
    pub user: Id,
    /// The user's name.
    pub user_name: String,
    /// From where it began.
    pub address: String,
    /// What the client called itself.
    pub agent: String,
    /// When it began.
    pub created: Timestamp,
    /// When somebody went on with it last.
    pub refreshed: Timestamp,
    /// When it ends if nobody goes on with it.
    pub expires: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it ended.
    pub why: Option<String>,
}

impl Login {
    /// Whether it goes on.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires
    }
}

/// What the refresh tokens of a login are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Mixed into each.
    pub salt: [u8; 16],
    /// Which of them is good.
    pub generation: u32,
}

/// What became of a refresh token that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The login goes on; this generation is good now.
    On(Login, u32),
    /// It was used before, too long ago to be two requests at once: the login is over.
    Reused(Login),
    /// The login is over, or there is none.
    Over,
}

/// What [`whole`] reads.
fn select(rest: &str) -> String {
    format!(
        "SELECT {USER}, l.id, l.address, l.agent, l.created, l.refreshed, l.expires, l.ended, l.why, l.salt, l.generation
         FROM logins l JOIN users u ON u.n = l.user {rest}"
    )
}

impl Store {
    /// Begins a login.
    pub fn begin_login(&self, new: &NewLogin) -> Result<(Login, Family)> {
        let agent: String = new.agent.chars().filter(|c| !c.is_control()).take(AGENT).collect();
        let (id, family) = self.write(|change| {
            let user = change.user_number(new.user)?;
            let id: Id = change.ids().next(change.at);
            let family = Family { salt: change.ids().bytes16(), generation: 1 };
            change.alter(
                "INSERT INTO logins (id, user, salt, generation, address, agent, created, refreshed, expires)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?6, ?7)",
                params![id, user, family.salt, new.address, agent, change.at, new.expires],
            )?;
            let what = json!({"user": new.user, "address": new.address, "agent": agent});
            change.record(&Event::new(events::LOGIN_BEGUN, id.to_string(), what))?;
            Ok((id, family))
        })?;
        let (login, ..) = self.login_by_id(id)?.ok_or_else(|| no_login(&id.to_string()))?;
        Ok((login, family))
    }

    /// The login with this id, its user, and what its refresh tokens are made of; whatever has become of them.
    pub fn login_by_id(&self, id: Id) -> Result<Option<(Login, User, Family)>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(&select("WHERE l.id = ?1"))?;
            Ok(find.query_row([id], whole).optional()?)
        })
    }

    /// The login whose id is, begins or ends so. `NotFound` when there is none, `Usage` when several.
    pub fn login(&self, wanted: &str) -> Result<Login> {
        let part = part_of_id(wanted).ok_or_else(|| no_login(wanted))?;
        let found: Vec<Login> = self.read(|connection| {
            let mut find =
                connection.prepare_cached(&select("WHERE l.id LIKE ?1 || '%' OR l.id LIKE '%' || ?1 LIMIT 2"))?;
            let rows = find.query_map([part], |row| Ok(whole(row)?.0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        only(found, wanted, "logins", no_login)
    }

    /// Logins that go on, of one user or of all, in the order in which they began.
    pub fn logins(&self, user: Option<Id>) -> Result<Vec<Login>> {
        let now = self.now();
        self.read(|connection| {
            let good = "WHERE (?1 IS NULL OR u.id = ?1) AND l.ended IS NULL AND l.expires > ?2 ORDER BY l.n";
            let mut find = connection.prepare_cached(&select(good))?;
            let rows = find.query_map(params![user, now], |row| Ok(whole(row)?.0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Somebody showed the refresh token of `generation`, which was proven to be a real one. The good one takes the login a
    /// generation further, until `expires`. The one before it does nothing more within `grace_us` of that, since two
    /// requests may have met; later, and for older ones, somebody else holds a token of this login: it ends.
    pub fn refresh_login(&self, id: Id, generation: u32, grace_us: i64, expires: Timestamp) -> Result<Refreshed> {
        self.write(|change| {
            let mut find = change.tx.prepare_cached(&select("WHERE l.id = ?1"))?;
            let Some((login, user, family)) = find.query_row([id], whole).optional()? else {
                return Ok(Refreshed::Over);
            };
            if !login.is_good(change.at) || user.disabled || generation > family.generation {
                return Ok(Refreshed::Over);
            }
            if generation == family.generation {
                let next = generation.saturating_add(1);
                let sql = "UPDATE logins SET generation = ?2, refreshed = ?3, expires = ?4 WHERE id = ?1";
                change.alter(sql, params![id, next, change.at, expires])?;
                change.record(&Event::new(events::LOGIN_REFRESHED, id.to_string(), json!({"generation": next})))?;
                return Ok(Refreshed::On(Login { refreshed: change.at, expires, ..login }, next));
            }
            let together = change.at.since(login.refreshed) <= grace_us;
            if generation + 1 == family.generation && together {
                return Ok(Refreshed::On(login, family.generation));
            }
            change.end_login(id, "a refresh token was used twice")?;
            let what = json!({"user": login.user, "generation": generation, "good": family.generation});
            change.record(&Event::new(events::TOKEN_REUSE, id.to_string(), what))?;
            Ok(Refreshed::Reused(login))
        })
    }

    /// Erases logins that were over before `until`, and says how many.
    pub fn prune_logins(&self, until: Timestamp) -> Result<usize> {
        let old: Vec<String> = self.read(|connection| {
            let sql = "SELECT id FROM logins WHERE expires < ?1 OR ended < ?1 ORDER BY n LIMIT 1000";
            let mut find = connection.prepare_cached(sql)?;
            let rows = find.query_map([until], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        if old.is_empty() {
            return Ok(0);
        }
        self.erase(|change| {
            for id in &old {
                change.alter("DELETE FROM logins WHERE id = ?1", [id])?;
                change.erase_payloads(id)?;
                change.record(&Event::new(events::LOGIN_REMOVED, id, json!({})))?;
            }
            Ok(old.len())
        })
    }

    /// Ends a login. Says whether it went on until now.
    pub fn end_login(&self, id: Id, why: &str) -> Result<bool> {
        self.write(|change| {
            let ended = change.end_login(id, why)?;
            if ended {
                change.record(&Event::new(events::LOGIN_ENDED, id.to_string(), json!({"why": why})))?;
            }
            Ok(ended)
        })
    }

    /// Ends all logins of a user, and says how many went on until now.
    pub fn end_logins(&self, user: Id, why: &str) -> Result<usize> {
        self.write(|change| {
            let n = change.user_number(user)?;
            change.end_logins_of(n, why)
        })
    }
}

impl Change<'_> {
    fn end_login(&self, id: Id, why: &str) -> Outcome<bool> {
        let sql = "UPDATE logins SET ended = ?2, why = ?3 WHERE id = ?1 AND ended IS NULL";
        Ok(self.alter(sql, params![id, self.at, why])? > 0)
    }

    pub(super) fn end_logins_of(&self, user: i64, why: &str) -> Outcome<usize> {
        let ids: Vec<Id> = self
            .tx
            .prepare_cached("SELECT id FROM logins WHERE user = ?1 AND ended IS NULL AND expires > ?2 ORDER BY n")?
            .query_map(params![user, self.at], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for id in &ids {
            self.end_login(*id, why)?;
            self.record(&Event::new(events::LOGIN_ENDED, id.to_string(), json!({"why": why})))?;
        }
        Ok(ids.len())
    }
}

fn whole(row: &Row<'_>) -> rusqlite::Result<(Login, User, Family)> {
    let user = user_at(row, 0)?;
    let login = Login {
        id: row.get(9)?,
        user: user.id,
        user_name: user.name.clone(),
        address: row.get(10)?,
        agent: row.get(11)?,
        created: row.get(12)?,
        refreshed: row.get(13)?,
        expires: row.get(14)?,
        ended: row.get(15)?,
        why: row.get(16)?,
    };
    let family = Family { salt: row.get(17)?, generation: row.get(18)? };
    Ok((login, user, family))
}

fn no_login(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no login {wanted}")).hint("`fac user logins` lists them")
}
