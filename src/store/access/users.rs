//! Users: adding, finding, changing and erasing them.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::super::fault::Outcome;
use super::super::named::{only, part_of_id};
use super::super::{Change, Store};
use super::no_user;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// The longest name of a user, characters.
const LONGEST_NAME: usize = 64;
/// The longest address for mail, bytes (RFC 5321).
const LONGEST_EMAIL: usize = 255;

/// A user who is about to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// A name, unique whatever its case.
    pub name: String,
    /// An address for mail, unique whatever its case.
    pub email: Option<String>,
    /// The word of a role.
    pub role: String,
    /// The class of limits, where it is not the common one.
    pub tier: Option<String>,
    /// The password's hash, a PHC string; nobody logs in by password without one.
    pub password: Option<String>,
}

/// Somebody who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: Id,
    /// The name.
    pub name: String,
    /// The address for mail.
    pub email: Option<String>,
    /// The word of a role.
    pub role: String,
    /// The class of limits.
    pub tier: Option<String>,
    /// Whether there is a password.
    pub has_password: bool,
    /// Whether nothing of theirs is good for now.
    pub disabled: bool,
    /// Since when.
    pub created: Timestamp,
    /// When name, role, password or state changed last.
    pub changed: Timestamp,
}

/// A change of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserEdit {
    /// Another address for mail, or none.
    Email(Option<String>),
    /// Another role.
    Role(String),
    /// Another class of limits, or the common one.
    Tier(Option<String>),
    /// Another password's hash, or none.
    Password(Option<String>),
    /// Shut out, or let in again.
    Disabled(bool),
}

impl UserEdit {
    /// How the event log tells it; no hash and no address.
    fn said(&self) -> (&'static str, Value) {
        match self {
            UserEdit::Email(email) => ("email", json!(email.is_some())),
            UserEdit::Role(role) => ("role", json!(role)),
            UserEdit::Tier(tier) => ("tier", json!(tier)),
            UserEdit::Password(hash) => ("password", json!(hash.is_some())),
            UserEdit::Disabled(yes) => ("disabled", json!(yes)),
        }
    }
}

/// What [`user_at`] reads, of `users u`.
pub(super) const USER: &str =
    "u.id, u.name, u.email, u.role, u.tier, u.password IS NOT NULL, u.disabled, u.created, u.changed";

/// The spelling by which names and addresses are told apart: without the spaces around, in lower case.
pub fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Store {
    /// Adds a user. `Usage` for a name or address that is taken or none.
    pub fn add_user(&self, new: &NewUser) -> Result<User> {
        let (name, email) = (checked_name(&new.name)?, new.email.as_deref().map(checked_email).transpose()?);
        self.write(|change| {
            change.refuse_taken("folded", &fold(&name), None)?;
            if let Some(email) = &email {
                change.refuse_taken("mail", &fold(email), None)?;
            }
            let id = change.ids().next(change.at);
            change.alter(
                "INSERT INTO users (id, name, folded, email, mail, role, tier, password, disabled, created, changed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?9)",
                params![
                    id,
                    name,
                    fold(&name),
                    email,
                    email.as_deref().map(fold),
                    new.role,
                    new.tier,
                    new.password.as_deref().map(str::as_bytes),
                    change.at
                ],
            )?;
            change.record(&Event::new(events::USER_ADDED, id.to_string(), json!({"role": new.role})))?;
            change.user_by("id = ?1", &id.to_string())?.ok_or_else(|| no_user(&id.to_string()).into())
        })
    }

    /// Whether anybody was ever added who is still there.
    pub fn has_users(&self) -> Result<bool> {
        self.read(|connection| Ok(connection.prepare_cached("SELECT 1 FROM users LIMIT 1")?.exists([])?))
    }

    /// All users, in the order in which they came.
    pub fn users(&self) -> Result<Vec<User>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {USER} FROM users u ORDER BY n"))?;
            let rows = statement.query_map([], user)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The user with this name, address, or id, its beginning or end. `NotFound` when there is none, `Usage` when several.
    pub fn user(&self, wanted: &str) -> Result<User> {
        let folded = fold(wanted);
        let found: Vec<User> = self.read(|connection| {
            let sql = format!(
                "SELECT {USER} FROM users u WHERE folded = ?1 OR mail = ?1 OR id = ?1 ORDER BY folded = ?1 DESC LIMIT 1"
            );
            let mut named = connection.prepare_cached(&sql)?;
            if let Some(found) = named.query_row([&folded], user).optional()? {
                return Ok(vec![found]);
            }
            let Some(part) = part_of_id(&folded) else { return Ok(Vec::new()) };
            let sql = format!("SELECT {USER} FROM users u WHERE id LIKE ?1 || '%' OR id LIKE '%' || ?1 LIMIT 2");
            let mut like = connection.prepare_cached(&sql)?;
            let rows = like.query_map([part], user)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        only(found, wanted, "users", no_user)
    }

    /// The user with this id, if they are there.
    pub fn user_by_id(&self, id: Id) -> Result<Option<User>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {USER} FROM users u WHERE id = ?1"))?;
            Ok(statement.query_row([id], user).optional()?)
        })
    }

    /// Who logs in by this name or address, and the password's hash. No part of an id counts here.
    pub fn user_for_login(&self, name: &str) -> Result<Option<(User, Option<String>)>> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {USER}, u.password FROM users u WHERE folded = ?1 OR mail = ?1 ORDER BY folded = ?1 DESC LIMIT 1"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement
                .query_row([fold(name)], |row| Ok((user(row)?, row.get::<_, Option<Vec<u8>>>(9)?)))
                .optional()?;
            Ok(found.map(|(user, hash)| (user, hash.and_then(|bytes| String::from_utf8(bytes).ok()))))
        })
    }

    /// Changes a user. `NotFound` when they are gone, `Usage` for an address that is taken, and where it would leave
    /// nobody of the role `last` who is let in.
    pub fn edit_user(&self, id: Id, edits: &[UserEdit], last: &str) -> Result<User> {
        self.write(|change| {
            let wanted = id.to_string();
            let n = change.user_number(id)?;
            for edit in edits {
                change.edit_user(n, edit)?;
            }
            change.alter("UPDATE users SET changed = ?2 WHERE n = ?1", params![n, change.at])?;
            change.keep_one(last)?;
            // With another password, and for those shut out, what was given out on the old one ends.
            if edits.iter().any(|edit| matches!(edit, UserEdit::Password(_) | UserEdit::Disabled(true))) {
                change.end_logins_of(n, "the password or the user's state changed")?;
            }
            let said: serde_json::Map<String, Value> =
                edits.iter().map(UserEdit::said).map(|(key, value)| (key.to_string(), value)).collect();
            change.record(&Event::new(events::USER_CHANGED, &*wanted, Value::Object(said)))?;
            change.user_by("id = ?1", &wanted)?.ok_or_else(|| no_user(&wanted).into())
        })
    }

    /// Puts a better hash of the same password in the place of the old one.
    pub fn rehash_password(&self, id: Id, hash: &str) -> Result<()> {
        self.write(|change| {
            let sql = "UPDATE users SET password = ?2 WHERE id = ?1";
            change.alter(sql, params![id, hash.as_bytes()])?;
            change.record(&Event::new(events::USER_CHANGED, id.to_string(), json!({"rehashed": true})))?;
            Ok(())
        })
    }

    /// Erases a user with keys and logins; what they made stays and becomes the machine's own. `Usage` where it would leave
    /// nobody of the role `last`.
    pub fn remove_user(&self, id: Id, last: &str) -> Result<()> {
        self.erase(|change| {
            let n = change.user_number(id)?;
            let wanted = id.to_string();
            for (table, kind) in [("access_keys", events::KEY_REMOVED), ("logins", events::LOGIN_REMOVED)] {
                let ids: Vec<String> = change
                    .tx
                    .prepare_cached(&format!("SELECT id FROM {table} WHERE user = ?1 ORDER BY n"))?
                    .query_map([n], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                for one in ids {
                    change.alter(&format!("DELETE FROM {table} WHERE id = ?1"), [&one])?;
                    change.erase_payloads(&one)?;
                    change.record(&Event::new(kind, one, json!({})))?;
                }
            }
            // What they called chats goes where the machine calls one of its own so.
            let sql = "UPDATE sessions SET name = NULL WHERE person = ?1
                       AND name IN (SELECT name FROM sessions WHERE person IS NULL AND name IS NOT NULL)";
            change.alter(sql, [&wanted])?;
            for table in ["runs", "jobs", "sessions", "calls", "memories"] {
                change.alter(&format!("UPDATE {table} SET person = NULL WHERE person = ?1"), [&wanted])?;
            }
            change.alter("DELETE FROM users WHERE n = ?1", [n])?;
            change.keep_one(last)?;
            change.erase_payloads(&wanted)?;
            change.record(&Event::new(events::USER_REMOVED, wanted, json!({})))?;
            Ok(())
        })
    }
}

impl Change<'_> {
    pub(super) fn user_number(&self, id: Id) -> Outcome<i64> {
        let mut find = self.tx.prepare_cached("SELECT n FROM users WHERE id = ?1")?;
        let n = find.query_row([id], |row| row.get(0)).optional()?;
        n.ok_or_else(|| no_user(&id.to_string()).into())
    }

    fn user_by(&self, condition: &str, value: &str) -> Outcome<Option<User>> {
        let mut find = self.tx.prepare_cached(&format!("SELECT {USER} FROM users u WHERE {condition}"))?;
        Ok(find.query_row([value], user).optional()?)
    }

    fn edit_user(&self, n: i64, edit: &UserEdit) -> Outcome<()> {
        let set = |column: &str, value: &dyn rusqlite::ToSql| {
            let sql = format!("UPDATE users SET {column} = ?2 WHERE n = ?1");
            self.alter(&sql, params![n, value])
        };
        match edit {
            UserEdit::Email(email) => {
                let email = email.as_deref().map(checked_email).transpose()?;
                if let Some(email) = &email {
                    self.refuse_taken("mail", &fold(email), Some(n))?;
                }
                set("mail", &email.as_deref().map(fold))?;
                set("email", &email)?
            }
            UserEdit::Role(role) => set("role", role)?,
            UserEdit::Tier(tier) => set("tier", tier)?,
            UserEdit::Password(hash) => set("password", &hash.as_deref().map(str::as_bytes))?,
            UserEdit::Disabled(yes) => set("disabled", yes)?,
        };
        Ok(())
    }

    fn refuse_taken(&self, column: &str, folded: &str, by_other_than: Option<i64>) -> Outcome<()> {
        // A name that is another's address could log in as them, and the other way round.
        let sql = "SELECT 1 FROM users WHERE (folded = ?1 OR mail = ?1) AND n IS NOT ?2";
        if !self.tx.prepare_cached(sql)?.exists(params![folded, by_other_than])? {
            return Ok(());
        }
        let what = if column == "mail" { "address" } else { "name" };
        Err(Error::new(Kind::Usage, format!("this {what} is taken")).hint("`fac user ls` lists the users").into())
    }

    /// Somebody of the role `last` must be left who is let in.
    fn keep_one(&self, last: &str) -> Outcome<()> {
        let sql = "SELECT 1 FROM users WHERE role = ?1 AND NOT disabled";
        if self.tx.prepare_cached(sql)?.exists([last])? {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, format!("nobody would be {last} any more"))
            .hint(format!("make somebody else {last} first: fac user role NAME {last}"))
            .into())
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    user_at(row, 0)
}

/// The user whose columns, those of [`USER`], stand in a row from `from` on.
pub(super) fn user_at(row: &Row<'_>, from: usize) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(from)?,
        name: row.get(from + 1)?,
        email: row.get(from + 2)?,
        role: row.get(from + 3)?,
        tier: row.get(from + 4)?,
        has_password: row.get(from + 5)?,
        disabled: row.get(from + 6)?,
        created: row.get(from + 7)?,
        changed: row.get(from + 8)?,
    })
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let good = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if name.is_empty()
        || name.chars().count() > LONGEST_NAME
        || !name.chars().all(good)
        || part_of_id(name).is_some_and(|p| p.len() == 36)
    {
        return Err(Error::new(Kind::Usage, format!("{name:?} cannot be the name of a user"))
            .hint(format!("use letters, digits and . _ - @ + (at most {LONGEST_NAME})")));
    }
    Ok(name.to_string())
}

fn checked_email(email: &str) -> Result<String> {
    let email = email.trim();
    let (local, domain) = email.rsplit_once('@').unwrap_or_default();
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if local.is_empty()
        || domain.is_empty()
        || email.len() > LONGEST_EMAIL
        || email.contains(bad)
        || domain.contains('@')
    {
        return Err(Error::new(Kind::Usage, format!("{email:?} is no address for mail"))
            .hint(format!("write it like ann@example.org, at most {LONGEST_EMAIL} bytes")));
    }
    Ok(email.to_string())
}
