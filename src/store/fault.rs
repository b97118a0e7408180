//! What can go wrong in here, and the sentence it becomes.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::kernel::error::{Error, Kind};

/// Either SQLite's complaint or a sentence of ours; it becomes an [`Error`] where the path is known.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    Ours(Error),
}

pub(super) type Outcome<T> = Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Ours(error)
    }
}

/// A JSON column that cannot be read.
impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Fault::Ours(Error::new(Kind::BadData, "the store holds JSON that cannot be read").because(error))
    }
}

impl Fault {
    /// The error for people, about the database at `path`.
    pub(super) fn explain(self, path: &Path) -> Error {
        let error = match self {
            Fault::Ours(error) => return error,
            Fault::Sql(error) => error,
        };
        let place = path.display();
        let (kind, sentence, hint) = match &error {
            rusqlite::Error::SqliteFailure(code, _) => match code.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => return damaged(path, error),
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
                    Kind::Failed,
                    format!("another process kept the store {place} locked for a minute"),
                    "see which with `fuser` on that file, end it or try again",
                ),
                ErrorCode::DiskFull => (
                    Kind::Failed,
                    format!("there is no room left for the store {place}"),
                    "free some space and try again",
                ),
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => (
                    Kind::Failed,
                    format!("the store {place} cannot be opened for writing"),
                    "check who owns the file and its folder, or choose another place with --home",
                ),
                ErrorCode::SystemIoFailure => (
                    Kind::Failed,
                    format!("the disk failed under the store {place}"),
                    "check the disk; fac doctor looks at the store",
                ),
                _ => (Kind::Failed, format!("the store {place} refused a statement"), "fac doctor looks at the store"),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => return damaged(path, error),
            _ => (Kind::Failed, format!("the store {place} refused a statement"), "fac doctor looks at the store"),
        };
        Error::new(kind, sentence).hint(hint).because(error)
    }
}

/// The error for a file whose contents make no sense.
fn damaged(path: &Path, cause: rusqlite::Error) -> Error {
    let place = path.display();
    Error::new(Kind::BadData, format!("the store {place} is damaged or is no database"))
        .hint(format!(
            "restore it from a backup, or move it away together with {place}-wal and {place}-shm; \
             fac then starts a new one and fetches definitions again, the history stays in the moved file"
        ))
        .because(cause)
}
