//! Databases of other programs, read without changing them, as plain rows.
//!
//! Here is only what needs SQL; what a row means to a chat is decided above. Such a file is outside input: it may lack
//! columns, hold other types than it says, and try to run code of its own when it is opened.

mod llm;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use crate::kernel::error::{Error, Kind, Result};

pub use llm::{LlmAttachment, LlmConversation, LlmLog, LlmMessage, LlmPart, LlmResponse, LlmThread};

/// The longest text or file that is read, bytes.
const LONGEST: i32 = 256 << 20;

/// Opens the database at `path` for reading only; nothing in it is believed.
fn open(path: &Path) -> Result<Connection> {
    if !path.is_file() {
        return Err(Error::new(Kind::NotFound, format!("there is no file {}", path.display())));
    }
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
        connection.busy_timeout(super::pool::PATIENCE)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(connection)
    };
    open().map_err(|error| unreadable(path, error))
}

/// The error for a file that cannot be read as what it seems to be.
fn unreadable(path: &Path, cause: rusqlite::Error) -> Error {
    let busy = matches!(cause.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    let hint = if busy { "end the program that writes it and try again" } else { "see whether its own program can" };
    Error::new(Kind::BadData, format!("the database {} cannot be read", path.display())).because(cause).hint(hint)
}

/// The names of the columns of a table; none when there is no such table.
fn columns(connection: &Connection, table: &str) -> rusqlite::Result<HashSet<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// What stands in a column, as text, whatever its type; `None` for NULL.
fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    })
}

/// A count; `None` for what is none.
fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get_ref(at)?.as_i64().ok().and_then(|number| u64::try_from(number).ok()))
}
