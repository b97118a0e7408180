//! The database: every table, every statement, every migration.
//!
//! The face is use cases (record a run, find a command, grant trust) and plain structs; no SQL and no
//! connection leaves this room. It knows nothing of Markdown, processes or terminals: a definition is JSON
//! text with the few columns that are searched by.
//!
//! SQLite in WAL mode with `synchronous=FULL` (its default, held by a test). Every change is one
//! `BEGIN IMMEDIATE` transaction that also appends what happened to the hash-chained event log. The few changes that
//! another one always follows at once do not wait for the disk: the next one does, for both. Nor do a firing and the end of its
//! work, whose caller waits by [`Store::wait_for_disk`] before it tells anybody.

pub mod access;
mod attachments;
mod automations;
mod batches;
mod begun;
mod cache;
mod calls;
mod definitions;
mod disk;
mod erasing;
mod events;
mod fault;
mod files;
mod firings;
pub mod foreign;
mod health;
mod history;
mod holders;
mod imports;
mod jobs;
mod listing;
mod lookup;
mod memories;
mod messages;
mod named;
mod owed;
mod permissions;
mod plugins;
mod pool;
mod quiet;
mod reactions;
mod recordings;
mod redacting;
mod replay;
mod rows;
mod runs;
mod schema;
mod search;
mod sessions;
mod sources;
mod state;
mod tally;
mod threads;
pub mod traffic;
mod trust;
mod values;
mod verify;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::error::Result;
use crate::kernel::ids::{Id, Ids, TraceId};

pub use automations::{Along, Enabled, Hold, Mark, RuleKey};
pub use batches::{BatchRow, BatchState, key_in_batch};
pub use begun::Foreseen;
pub use cache::CacheStats;
pub use calls::{AnswerCost, CallEnd, NewCall, Timing, UsageBy, UsageFilter, UsageRow};
pub use definitions::{FileRow, NewDefinition, Replaced};
pub use firings::{Admission, Admitted, Fired, Firing, FiringOutcome, NewFiring, OWED};
pub use health::Counts;
pub use history::{Removed, RunFilter};
pub use imports::{Imported, ImportedMessage};
pub use listing::{DefinitionFilter, DefinitionRow, NameEntry};
pub use lookup::{DefinitionHit, SourceRef};
pub use memories::Memory;
pub use messages::{Message, MessageEnd, MessageStatus, NewMessage};
pub use owed::{Claim, Job, JobEnd, JobFilter, JobKind, JobStatus, Lost, NewJob, OpenJob, Recovery};
pub use plugins::{NewPlugin, PluginLine, PluginRow, too_much};
pub use quiet::Quiet;
pub use reactions::Reaction;
pub use recordings::{Recording, RecordingStatus};
pub use replay::Replayed;
pub use runs::{Captured, NewRun, Process, Run, RunEnd, RunRow, Status, StepRecord};
pub use search::{DocKind, SearchDoc};
pub use sessions::{NewSession, Session, SessionEdit, SessionFilter};
pub use sources::{NewSource, Source, SourceKind};
pub use tally::Tally;
pub use trust::{Grant, NewGrant};
pub use verify::{ChainFault, Verified};

use fault::Outcome;
use pool::Pool;

/// The owner of everything, as long as there is one person.
pub const LOCAL_OWNER: &str = "local";

/// An open store. Clones are cheap and share one writer and one set of readers.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    owner: Arc<str>,
    trace: TraceId,
    acting: Acting,
}

/// Whose what is written becomes, and what is seen.
#[derive(Clone, Copy, Debug, Default)]
struct Acting {
    /// The user; nobody for what is done on the machine itself.
    person: Option<Id>,
    /// Only what the user made is there.
    only_theirs: bool,
}

#[derive(Debug)]
struct Shared {
    pool: Pool,
    clock: Clock,
    ids: Ids,
}

impl Store {
    /// Opens the database at `path`, making it (0600, in a 0700 folder) and bringing its tables up to date where needed.
    ///
    /// Errors: `BadData` when it is damaged, is no database, or was written by a newer program; `Failed` when it
    /// cannot be opened. Nothing is ever deleted to get out of an error.
    pub fn open(path: &Path, clock: Clock, ids: Ids) -> Result<Store> {
        let pool = Pool::open(path)?;
        let trace = ids.trace();
        Ok(Store {
            shared: Arc::new(Shared { pool, clock, ids }),
            owner: LOCAL_OWNER.into(),
            trace,
            acting: Acting::default(),
        })
    }

    /// The same store for the work of one request: what it records carries this trace id.
    pub fn traced(&self, trace: TraceId) -> Store {
        Store { trace, ..self.clone() }
    }

    /// The same store seen by another owner.
    pub fn owned_by(&self, owner: &str) -> Store {
        Store { owner: owner.into(), ..self.clone() }
    }

    /// The same store for the work of a user: what is written becomes theirs, `None` is the machine's own. Unless they
    /// see all, the runs, chats and jobs of others are not there.
    pub fn acting(&self, person: Option<Id>, sees_all: bool) -> Store {
        Store { acting: Acting { person, only_theirs: !sees_all }, ..self.clone() }
    }

    /// Whether it is [such](Store::acting) a store.
    pub fn is_acting(&self, person: Option<Id>, sees_all: bool) -> bool {
        self.acting.person == person && self.acting.only_theirs != sees_all
    }

    /// The condition, written after others, under which a row with a `person` is there for this handle; `of` is the name of
    /// its table with a dot, or nothing.
    fn theirs(&self, of: &str) -> String {
        match self.acting {
            Acting { only_theirs: false, .. } => String::new(),
            Acting { person: Some(person), .. } => format!(" AND +{of}person = '{person}'"),
            Acting { person: None, .. } => format!(" AND +{of}person IS NULL"),
        }
    }

    /// The same for a message, which is its chat's.
    fn theirs_by_chat(&self, of: &str) -> String {
        match self.theirs("").as_str() {
            "" => String::new(),
            condition => format!(" AND {of}session IN (SELECT n FROM sessions WHERE 1{condition})"),
        }
    }

    /// The trace id that this handle puts on what it records.
    pub fn trace(&self) -> TraceId {
        self.trace
    }

    /// What time it is for what is written now.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Where the database file is.
    pub fn path(&self) -> &Path {
        self.shared.pool.path()
    }

    /// Asks something. `ask` must not call the store again.
    fn read<T>(&self, ask: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        self.shared.pool.read(ask)
    }

    /// The same for what a row or two answer, whoever asks again and again.
    fn glance<T>(&self, ask: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        self.shared.pool.glance(ask)
    }

    /// Changes something in one transaction that is on the disk when this returns. `change` must not call the store again.
    fn write<T>(&self, change: impl FnOnce(&Change<'_>) -> Outcome<T>) -> Result<T> {
        self.shared.pool.write(|tx| self.carry_out(tx, change))
    }

    /// The same for what another change always follows before anybody is told or asked anything: whoever kills the process
    /// loses nothing, and what comes next is not on the disk without it.
    fn write_with_next<T>(&self, change: impl FnOnce(&Change<'_>) -> Outcome<T>) -> Result<T> {
        self.shared.pool.write_with_next(|tx| self.carry_out(tx, change))
    }

    /// Waits until all that was written through this and its clones lies on the disk, also what did not wait for it.
    pub fn wait_for_disk(&self) -> Result<()> {
        self.shared.pool.wait_for_disk()
    }

    /// From now on the write-ahead log is not folded in the middle of a change, unless it becomes very long: whoever asks for
    /// that calls [`Store::fold_log`] when there is time.
    pub fn let_log_grow(&self) -> Result<()> {
        self.shared.pool.let_log_grow()
    }

    /// Folds the write-ahead log into the database.
    pub fn fold_log(&self) -> Result<()> {
        self.shared.pool.fold_log()
    }

    /// The same, and gives back the room that the log took, unless others are in the way.
    pub fn empty_log(&self) -> Result<()> {
        self.shared.pool.empty_log()
    }

    /// How much room there is where it lies, bytes; `None` where nobody knows.
    pub fn room(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(self.path()).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn carry_out<T>(&self, tx: &Connection, change: impl FnOnce(&Change<'_>) -> Outcome<T>) -> Outcome<T> {
        // Read under the write lock, so that times in the log do not run backwards.
        let at = self.shared.clock.now();
        let open = Change { tx, store: self, at, touched: RefCell::default(), head: Cell::default() };
        open.write_out()?;
        let value = change(&open)?;
        open.tell_the_rest()?;
        open.keep_head()?;
        Ok(value)
    }
}

impl Store {
    /// Erases something; nothing of it is left in the file or the write-ahead log, unless another process reads just now:
    /// then the log is folded a little later. Answers kept for another time may quote it, so they go too.
    fn erase<T>(&self, change: impl FnOnce(&Change<'_>) -> Outcome<T>) -> Result<T> {
        let value = self.write(|all| {
            let value = change(all)?;
            all.forget_values()?;
            Ok(value)
        })?;
        self.shared.pool.empty_log()?;
        Ok(value)
    }
}

/// One transaction that changes something, and the moment it happens.
struct Change<'a> {
    tx: &'a Connection,
    store: &'a Store,
    at: Timestamp,
    /// Rows that were written and that no event told yet.
    touched: RefCell<Vec<rows::Touched>>,
    /// Where the log ends and the hash of its last row, once this change added to it.
    head: Cell<Option<(i64, events::Hash)>>,
}

impl Change<'_> {
    fn owner(&self) -> &str {
        &self.store.owner
    }

    fn person(&self) -> Option<Id> {
        self.store.acting.person
    }

    fn ids(&self) -> &Ids {
        &self.store.shared.ids
    }
}
