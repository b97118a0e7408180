//! Everything that runs need, owned: so that a run can live on a thread of its own while a chat goes on.
//!
//! It is made once from the settings and makes catalogs and engines; it decides nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::{Around, Engine, StepRunner};
use crate::commands::catalog::Catalog;
use crate::commands::source::cache::BlobCache;
use crate::exec::{self, Stop};
use crate::kernel::clock::Clock;
use crate::kernel::config::Binding;
use crate::kernel::env::Env;
use crate::kernel::secret::Redactor;
use crate::store::Store;

/// What runs need of the world. Cheap enough to clone once a run.
#[derive(Clone)]
pub struct Launcher {
    /// Where runs are recorded.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// The caller's environment.
    pub env: Env,
    /// The caller's folder.
    pub cwd: PathBuf,
    /// The spec of the current project's own commands, where there is a project.
    pub project: Option<String>,
    /// Where fetched sources are laid out.
    pub layouts: PathBuf,
    /// Fetched content.
    pub blobs: BlobCache,
    /// What the user bound entries without a body to.
    pub bindings: BTreeMap<String, Binding>,
    /// The user's own short names for commands.
    pub aliases: BTreeMap<String, String>,
    /// Interpreters, with what the user wrote about them.
    pub interpreters: exec::Interpreters,
    /// The time limit of a command that has none, milliseconds.
    pub timeout_ms: Option<u64>,
    /// How much output a record keeps.
    pub capture: exec::CaptureLimits,
    /// The most that a step may write for another one to read, bytes.
    pub feed_bytes: usize,
    /// Knows what no record may hold.
    pub redactor: Redactor,
    /// Variables of ours that scripts see.
    pub own_env: Vec<(OsString, OsString)>,
    /// Where the whole text of large output goes.
    pub outputs: PathBuf,
    /// Who does steps of higher rooms in runs on threads of their own.
    pub runners: Vec<Arc<dyn StepRunner + Send + Sync>>,
    /// Who hears of runs before and after them.
    pub around: Option<Arc<dyn Around>>,
    /// Whether programs have no terminal at all, since something else is drawn on it.
    pub apart: bool,
    /// Runs on threads of their own.
    pub threads: Threads,
}

impl Launcher {
    /// A view on the definitions as they are stored now.
    pub fn catalog(&self) -> Catalog<'_> {
        Catalog {
            store: &self.store,
            project: self.project.clone(),
            layouts: self.layouts.clone(),
            blobs: self.blobs.clone(),
            bindings: self.bindings.clone(),
            aliases: self.aliases.clone(),
        }
    }

    /// An engine for one run. `terminal`: whether programs get a pseudo-terminal; `trigger`: what fires it.
    pub fn engine<'a>(&'a self, catalog: &'a Catalog<'a>, stop: Stop, terminal: bool, trigger: &str) -> Engine<'a> {
        Engine {
            world: self,
            catalog,
            runners: self.runners.iter().map(|r| &**r as &dyn StepRunner).collect(),
            input: None,
            stop,
            terminal,
            trigger: trigger.to_string(),
            fired: None,
            job: None,
            begun: None,
            depth: None,
            leaves_end: false,
            began: None,
        }
    }
}

/// Threads that may still end what they began when nobody waits for their result any more.
#[derive(Clone, Default)]
pub struct Threads(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Threads {
    /// Begins `work` on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn begin(&self, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("run".into()).spawn(work)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|t| !t.is_finished());
        all.push(thread);
        Ok(())
    }

    /// Waits until all are over. Whoever asked their runs to stop waits for the grace of their programs at most.
    pub fn settle(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in all {
            // One that panicked has ended its programs too.
            let _ = thread.join();
        }
    }
}
