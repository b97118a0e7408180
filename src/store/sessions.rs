//! Chats: beginning, finding, changing and erasing them. What is said in one is the business of [`super::messages`].

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::fault::Outcome;
use super::messages::no_message;
use super::named::{only, part_of_id};
use super::search::DocKind;
use super::threads::{cursor, limit_and_one, no_cursor, page};
use super::{Change, Process, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// A chat that is about to begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewSession {
    /// A name of its own, unique.
    pub name: Option<String>,
    /// What it is about.
    pub title: Option<String>,
    /// The model it was begun with.
    pub model: Option<String>,
    /// Its system text.
    pub system: Option<String>,
    /// The process that forgets it when it ends, where it is not to be kept.
    pub temporary: Option<Process>,
    /// The program it was imported from.
    pub imported_from: Option<String>,
    /// When it began, where that was not now.
    pub at: Option<Timestamp>,
}

/// A chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: Id,
    /// Its name, unique.
    pub name: Option<String>,
    /// What it is about.
    pub title: Option<String>,
    /// The model it uses when none is named.
    pub model: Option<String>,
    /// Its system text.
    pub system: Option<String>,
    /// More settings, as the chat room keeps them.
    pub settings: Value,
    /// Labels.
    pub tags: Vec<String>,
    /// Whether it stands before the others.
    pub pinned: bool,
    /// Whether lists leave it out.
    pub archived: bool,
    /// Whether it goes when it ends.
    pub temporary: bool,
    /// The program it was imported from.
    pub imported_from: Option<String>,
    /// The message at which it goes on.
    pub head: Option<Id>,
    /// How many messages it has, on all branches.
    pub messages: u64,
    /// When it began.
    pub created: Timestamp,
    /// When something was last said in it, or another branch chosen. A new name or label does not count.
    pub updated: Timestamp,
    /// Which user it belongs to; nobody for the machine's own.
    pub owner: Option<Id>,
}

/// A change of a chat.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionEdit {
    /// Its name; `None` takes it away.
    Name(Option<String>),
    /// What it is about.
    Title(Option<String>),
    /// The model it uses.
    Model(Option<String>),
    /// Its system text.
    System(Option<String>),
    /// More settings.
    Settings(Value),
    /// Where it goes on.
    Head(Option<Id>),
    /// Puts a label on it.
    Tag(String),
    /// Takes a label off.
    Untag(String),
    /// Before the others, or not.
    Pinned(bool),
    /// Out of lists, or not.
    Archived(bool),
    /// Forgotten when this process ends, or kept.
    Temporary(Option<Process>),
}

impl SessionEdit {
    /// How the event log tells it.
    fn said(&self) -> (&'static str, Value) {
        match self {
            SessionEdit::Name(name) => ("name", json!(name)),
            SessionEdit::Title(title) => ("title", json!(title)),
            SessionEdit::Model(model) => ("model", json!(model)),
            SessionEdit::System(system) => ("system", json!(system)),
            SessionEdit::Settings(settings) => ("settings", settings.clone()),
            SessionEdit::Head(head) => ("head", json!(head)),
            SessionEdit::Tag(tag) => ("tag", json!(tag)),
            SessionEdit::Untag(tag) => ("untag", json!(tag)),
            SessionEdit::Pinned(yes) => ("pinned", json!(yes)),
            SessionEdit::Archived(yes) => ("archived", json!(yes)),
            SessionEdit::Temporary(by) => ("temporary", json!(by.is_some())),
        }
    }
}

/// Which chats a list should hold; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// With this label.
    pub tag: Option<String>,
    /// That used this model.
    pub model: Option<String>,
    /// Whose name or title holds this text.
    pub text: Option<String>,
    /// Archived ones instead of the others.
    pub archived: bool,
    /// Used then or later.
    pub since: Option<Timestamp>,
    /// Used before then.
    pub until: Option<Timestamp>,
}

/// The longest name of a chat, characters.
const LONGEST_NAME: usize = 200;

const COLUMNS: &str =
    "s.id, s.name, s.title, s.model, s.system, s.settings, s.pinned, s.archived, s.temporary, s.imported_from,
     s.head, s.messages, s.created, s.updated,
     (SELECT json_group_array(tag) FROM (SELECT tag FROM session_tags WHERE session = s.n ORDER BY tag)), s.person";

/// Chats from a place on, pinned ones first, then the last used first.
pub(super) fn page_sql(theirs: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.owner = ?1 AND s.archived = ?2
         AND (s.pinned, s.updated, s.id) < (?3, ?4, ?5) AND s.updated >= ?6 AND s.updated < ?7
         AND (?8 IS NULL OR EXISTS (SELECT 1 FROM session_tags WHERE session = s.n AND tag = ?8))
         AND (?9 IS NULL OR s.model = ?9){theirs} ORDER BY s.pinned DESC, s.updated DESC, s.id DESC"
    )
}

/// The chats that `fac -c` may go on in, the last used first.
pub(super) fn last_sql(theirs: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM sessions s INDEXED BY sessions_by_last WHERE s.owner = ?1 AND NOT s.archived AND NOT s.temporary{theirs}
         ORDER BY s.updated DESC, s.id DESC LIMIT 1"
    )
}

impl Store {
    /// Begins a chat. `Usage` when its name is taken. It is on the disk with the first that is said in it.
    pub fn begin_session(&self, new: &NewSession) -> Result<Session> {
        let id = self.write_with_next(|change| change.begin_session(new))?;
        self.session_by_id(id)
    }

    /// The chat with this id. `NotFound` when there is none.
    pub fn session_by_id(&self, id: Id) -> Result<Session> {
        let found = self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE s.id = ?1 AND s.owner = ?2{}", self.theirs("s."));
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![id, &*self.owner])?;
            rows.next()?.map(session).transpose()
        })?;
        found.ok_or_else(|| no_session(&id.to_string()))
    }

    /// The chat with this name, or whose id is, begins or ends so. `NotFound` when there is none, `Usage` when several.
    pub fn session(&self, wanted: &str) -> Result<Session> {
        let ids: Vec<Id> = self.read(|connection| {
            let theirs = self.theirs("");
            let mut named = connection.prepare_cached(&format!(
                "SELECT id, person IS ?3 FROM sessions WHERE owner = ?1 AND name = ?2{theirs} ORDER BY 2 DESC LIMIT 2"
            ))?;
            let person = self.acting.person;
            let rows = named.query_map(params![&*self.owner, wanted, person], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let found: Vec<(Id, bool)> = rows.collect::<rusqlite::Result<_>>()?;
            if !found.is_empty() {
                // Where others call theirs so too, one's own is meant.
                let meant = if found[0].1 { 1 } else { found.len() };
                return Ok(found.into_iter().take(meant).map(|(id, _)| id).collect());
            }
            let Some(part) = part_of_id(wanted) else { return Ok(Vec::new()) };
            let mut like = connection.prepare_cached(&format!(
                "SELECT id FROM sessions WHERE owner = ?1 AND (id LIKE ?2 || '%' OR id LIKE '%' || ?2){theirs}
                 ORDER BY id DESC LIMIT 4"
            ))?;
            let rows = like.query_map(params![&*self.owner, part], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        self.session_by_id(only(ids, wanted, "chats", no_session)?)
    }

    /// The chat used last that is neither archived nor temporary.
    pub fn last_session(&self) -> Result<Option<Session>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&last_sql(&self.theirs("s.")))?;
            let mut rows = statement.query([&*self.owner])?;
            rows.next()?.map(session).transpose()
        })
    }

    /// A page of chats, pinned ones first, then the last used first, and the cursor of the next page.
    pub fn sessions(
        &self,
        filter: &SessionFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Session>, Option<String>)> {
        let (pinned, updated, id) = after.map_or(Ok((2, 0, String::new())), read_cursor)?;
        let text = filter.text.as_ref().map(|t| t.to_lowercase());
        let says = |session: &Session| {
            let named = [&session.title, &session.name].into_iter().flatten();
            text.as_ref().is_none_or(|text| named.map(|n| n.to_lowercase()).any(|n| n.contains(text.as_str())))
        };
        let rows = self.read(|connection| {
            let mut statement = connection.prepare_cached(&page_sql(&self.theirs("s.")))?;
            let mut found = statement.query(params![
                &*self.owner,
                filter.archived,
                pinned,
                updated,
                id,
                filter.since.map_or(i64::MIN, Timestamp::as_micros),
                filter.until.map_or(i64::MAX, Timestamp::as_micros),
                filter.tag,
                filter.model,
            ])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                let session = session(row)?;
                if says(&session) {
                    rows.push(session);
                }
                if rows.len() as i64 == limit_and_one(limit) {
                    break;
                }
            }
            Ok(rows)
        })?;
        Ok(page(rows, limit, |s| format!("{}.{}", u8::from(s.pinned), cursor(s.updated, s.id))))
    }

    /// Changes a chat. `NotFound` when it is gone or has no such message to go on at, `Usage` when a name is taken.
    pub fn edit_session(&self, id: Id, edits: &[SessionEdit]) -> Result<()> {
        self.write(|change| {
            let n = change.session_number(id)?;
            for edit in edits {
                change.edit_session(n, edit)?;
            }
            let said: serde_json::Map<String, Value> =
                edits.iter().map(SessionEdit::said).map(|(key, value)| (key.to_string(), value)).collect();
            change.record(&Event::new(events::SESSION_CHANGED, id.to_string(), Value::Object(said)))?;
            let found_by = |e: &SessionEdit| {
                matches!(
                    e,
                    SessionEdit::Name(_)
                        | SessionEdit::Title(_)
                        | SessionEdit::Tag(_)
                        | SessionEdit::Untag(_)
                        | SessionEdit::Temporary(_)
                )
            };
            if edits.iter().any(found_by) { change.touch_messages_of(n) } else { Ok(()) }
        })
    }
}

impl Change<'_> {
    pub(super) fn begin_session(&self, new: &NewSession) -> Outcome<Id> {
        let at = new.at.unwrap_or(self.at);
        let id = self.ids().next(self.at);
        if let Some(name) = &new.name {
            self.refuse_taken_name(name, None)?;
        }
        self.alter(
            "INSERT INTO sessions (id, owner, name, title, model, system, settings, pinned, archived, temporary,
             imported_from, head, messages, created, updated, person)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, '{}', 0, 0, ?7, ?8, NULL, 0, ?9, ?9, ?10)",
            params![
                id,
                self.owner(),
                new.name,
                new.title,
                new.model,
                new.system,
                new.temporary.is_some(),
                new.imported_from,
                at,
                self.person()
            ],
        )?;
        if new.temporary.is_some() {
            self.hold(self.tx.last_insert_rowid(), new.temporary.as_ref())?;
        }
        let payload = json!({"name": new.name, "title": new.title, "model": new.model});
        self.record(&Event::new(events::SESSION_BEGUN, id.to_string(), payload))?;
        Ok(id)
    }

    /// The internal number of a chat of this owner.
    pub(super) fn session_number(&self, id: Id) -> Outcome<i64> {
        let theirs = self.store.theirs("");
        let mut find =
            self.tx.prepare_cached(&format!("SELECT n FROM sessions WHERE id = ?1 AND owner = ?2{theirs}"))?;
        let n = find.query_row(params![id, self.owner()], |row| row.get(0)).optional()?;
        n.ok_or_else(|| no_session(&id.to_string()).into())
    }

    fn refuse_taken_name(&self, name: &str, by_other_than: Option<i64>) -> Outcome<()> {
        refuse_odd_name(name)?;
        // Of the same person: whoever has the chat that is named, or begins it.
        let sql = "SELECT 1 FROM sessions WHERE owner = ?1 AND name = ?2 AND n IS NOT ?3
                   AND person IS CASE WHEN ?3 IS NULL THEN ?4 ELSE (SELECT person FROM sessions WHERE n = ?3) END";
        if self.tx.prepare_cached(sql)?.exists(params![self.owner(), name, by_other_than, self.person()])? {
            let error = Error::new(Kind::Usage, format!("a chat is called `{name}` already"));
            return Err(error.hint(format!("go on in it with `--session {name}`, or choose another name")).into());
        }
        Ok(())
    }

    pub(super) fn edit_session(&self, n: i64, edit: &SessionEdit) -> Outcome<()> {
        let set = |column: &str, value: &dyn rusqlite::ToSql| {
            let sql = format!("UPDATE sessions SET {column} = ?2 WHERE n = ?1");
            self.alter(&sql, params![n, value])
        };
        match edit {
            SessionEdit::Name(name) => {
                if let Some(name) = name {
                    self.refuse_taken_name(name, Some(n))?;
                }
                set("name", name)?
            }
            SessionEdit::Title(title) => set("title", title)?,
            SessionEdit::Model(model) => set("model", model)?,
            SessionEdit::System(system) => set("system", system)?,
            SessionEdit::Settings(settings) => set("settings", &settings.to_string())?,
            SessionEdit::Head(head) => {
                if let Some(id) = head {
                    let sql = "SELECT 1 FROM messages WHERE id = ?1 AND session = ?2";
                    if !self.tx.prepare_cached(sql)?.exists(params![id, n])? {
                        return Err(no_message(&id.to_string()).into());
                    }
                }
                let sql = "UPDATE sessions SET updated = max(updated, ?2) WHERE n = ?1";
                self.alter(sql, params![n, self.at])?;
                set("head", head)?
            }
            SessionEdit::Pinned(yes) => set("pinned", yes)?,
            SessionEdit::Archived(yes) => set("archived", yes)?,
            SessionEdit::Temporary(by) => {
                self.hold(n, by.as_ref())?;
                set("temporary", &by.is_some())?
            }
            SessionEdit::Tag(tag) => {
                let sql = "INSERT OR IGNORE INTO session_tags (session, tag) VALUES (?1, ?2)";
                self.touch_row("sessions", n);
                self.tx.prepare_cached(sql)?.execute(params![n, tag])?
            }
            SessionEdit::Untag(tag) => {
                let sql = "DELETE FROM session_tags WHERE session = ?1 AND tag = ?2";
                self.touch_row("sessions", n);
                self.tx.prepare_cached(sql)?.execute(params![n, tag])?
            }
        };
        Ok(())
    }

    /// What a chat's messages are found by changed with the chat; those of one that goes when it ends are not found.
    pub(super) fn touch_messages_of(&self, n: i64) -> Outcome<()> {
        let sql = "SELECT m.id, s.temporary FROM messages m JOIN sessions s ON s.n = m.session
             WHERE m.session = ?1 AND m.status <> 'pending' ORDER BY m.n";
        let messages: Vec<(Id, bool)> = self
            .tx
            .prepare_cached(sql)?
            .query_map([n], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        messages.into_iter().try_for_each(|(id, temporary)| match temporary {
            true => self.bury_doc(DocKind::Message, &id.to_string()),
            false => self.touch_doc(DocKind::Message, &id.to_string()),
        })
    }
}

/// A name is typed and listed: one line that says something, of at most [`LONGEST_NAME`] characters.
fn refuse_odd_name(name: &str) -> Result<()> {
    let why = if name.trim().is_empty() {
        "is empty"
    } else if name.chars().any(char::is_control) {
        "holds a line break or another control character"
    } else if name.chars().count() > LONGEST_NAME {
        "is too long"
    } else {
        return Ok(());
    };
    let said = format!("the name of a chat {why}");
    Err(Error::new(Kind::Usage, said).hint(format!("a name is one line of 1 to {LONGEST_NAME} characters")))
}

fn session(row: &Row<'_>) -> Outcome<Session> {
    Ok(Session {
        id: row.get(0)?,
        name: row.get(1)?,
        title: row.get(2)?,
        model: row.get(3)?,
        system: row.get(4)?,
        settings: serde_json::from_str(&row.get::<_, String>(5)?)?,
        pinned: row.get(6)?,
        archived: row.get(7)?,
        temporary: row.get(8)?,
        imported_from: row.get(9)?,
        head: row.get(10)?,
        messages: row.get::<_, i64>(11)? as u64,
        created: row.get(12)?,
        updated: row.get(13)?,
        tags: serde_json::from_str(&row.get::<_, String>(14)?)?,
        owner: row.get(15)?,
    })
}

fn read_cursor(text: &str) -> Result<(i64, i64, String)> {
    let read = || {
        let (pinned, place) = text.split_once('.')?;
        let (updated, id) = super::threads::read_cursor(place).ok()?;
        Some((pinned.parse().ok()?, updated, id))
    };
    read().ok_or_else(|| no_cursor(text))
}

/// The error for a chat nobody knows.
pub(super) fn no_session(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no chat {wanted}")).hint("`fac sessions ls` lists them")
}
