//! Keys of programs: made once, found by the hash of what is shown, revoked.

use rusqlite::{Row, params};
use serde_json::json;

use super::super::Store;
use super::super::fault::Outcome;
use super::super::named::{only, part_of_id};
use super::users::{USER, User, user_at};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// The longest name of a key, characters.
const LONGEST_NAME: usize = 100;

/// A key that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Whose it is.
    pub user: Id,
    /// What it is for.
    pub name: String,
    /// Its public beginning, by which a leaked one is found.
    pub prefix: String,
    /// The SHA-256 of all of it.
    pub digest: [u8; 32],
    /// The words of the only permissions it has; all of its user's where there are none.
    pub scopes: Option<Vec<String>>,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// A key as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: Id,
    /// Whose it is.
    pub user: Id,
    /// The user's name.
    pub user_name: String,
    /// What it is for.
    pub name: String,
    /// Its public beginning.
    pub prefix: String,
    /// The words of the only permissions it has.
    pub scopes: Option<Vec<String>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Since when it is good no more.
    pub revoked: Option<Timestamp>,
}

impl KeyRow {
    /// Whether it is neither revoked nor over.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

/// Which keys a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Only of this user.
    pub user: Option<Id>,
    /// Revoked ones too.
    pub revoked: bool,
}

/// What [`with_user`] reads.
fn select(rest: &str) -> String {
    format!(
        "SELECT {USER}, k.id, k.name, k.prefix, k.scopes, k.created, k.expires, k.revoked
         FROM access_keys k JOIN users u ON u.n = k.user {rest}"
    )
}

impl Store {
    /// Makes a key. `NotFound` when its user is not there.
    pub fn add_key(&self, new: &NewKey) -> Result<KeyRow> {
        let name = new.name.trim();
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(Error::new(Kind::Usage, "the name of a key is one line")
                .hint(format!("of at most {LONGEST_NAME} characters")));
        }
        let id = self.write(|change| {
            let user = change.user_number(new.user)?;
            let id = change.ids().next(change.at);
            let scopes = new.scopes.as_ref().map(serde_json::to_string).transpose()?;
            change.alter(
                "INSERT INTO access_keys (id, user, name, prefix, digest, scopes, created, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![id, user, name, new.prefix, new.digest, scopes, change.at, new.expires],
            )?;
            let what = json!({"user": new.user, "prefix": new.prefix, "scopes": new.scopes, "expires": new.expires});
            change.record(&Event::new(events::KEY_MADE, id.to_string(), what))?;
            Ok(id)
        })?;
        self.key(&id.to_string())
    }

    /// The key of this hash and its user, whatever has become of them.
    pub fn key_by_digest(&self, digest: &[u8; 32]) -> Result<Option<(KeyRow, User)>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(&select("WHERE k.digest = ?1"))?;
            let mut rows = find.query([digest])?;
            rows.next()?.map(with_user).transpose()
        })
    }

    /// The key with this id and its user, whatever has become of them.
    pub fn key_by_id(&self, id: Id) -> Result<Option<(KeyRow, User)>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(&select("WHERE k.id = ?1"))?;
            let mut rows = find.query([id])?;
            rows.next()?.map(with_user).transpose()
        })
    }

    /// The key whose id is, begins or ends so, or whose public beginning this is. `NotFound` when there is none, `Usage` when several.
    pub fn key(&self, wanted: &str) -> Result<KeyRow> {
        let found: Vec<KeyRow> = self.read(|connection| {
            let part = part_of_id(wanted);
            let found =
                "WHERE k.prefix = ?1 OR (?2 IS NOT NULL AND (k.id LIKE ?2 || '%' OR k.id LIKE '%' || ?2)) LIMIT 2";
            let mut find = connection.prepare_cached(&select(found))?;
            let mut rows = find.query(params![wanted, part])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(with_user(row)?.0);
            }
            Ok(found)
        })?;
        only(found, wanted, "keys", no_key)
    }

    /// Keys, in the order in which they were made.
    pub fn keys(&self, filter: &KeyFilter) -> Result<Vec<KeyRow>> {
        self.read(|connection| {
            let listed = "WHERE (?1 IS NULL OR u.id = ?1) AND (?2 OR k.revoked IS NULL) ORDER BY k.n";
            let mut find = connection.prepare_cached(&select(listed))?;
            let mut rows = find.query(params![filter.user, filter.revoked])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(with_user(row)?.0);
            }
            Ok(found)
        })
    }

    /// The key is good no more from now on. Says whether it was until now.
    pub fn revoke_key(&self, id: Id) -> Result<bool> {
        self.write(|change| {
            let sql = "UPDATE access_keys SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL";
            let was = change.alter(sql, params![id, change.at])? > 0;
            if was {
                change.record(&Event::new(events::KEY_REVOKED, id.to_string(), json!({})))?;
            }
            Ok(was)
        })
    }
}

/// A key and its user.
fn with_user(row: &Row<'_>) -> Outcome<(KeyRow, User)> {
    let user = user_at(row, 0)?;
    let scopes: Option<String> = row.get(12)?;
    let key = KeyRow {
        id: row.get(9)?,
        user: user.id,
        user_name: user.name.clone(),
        name: row.get(10)?,
        prefix: row.get(11)?,
        scopes: scopes.map(|text| serde_json::from_str(&text)).transpose()?,
        created: row.get(13)?,
        expires: row.get(14)?,
        revoked: row.get(15)?,
    };
    Ok((key, user))
}

fn no_key(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no key {wanted}")).hint("`fac key ls` lists them")
}
