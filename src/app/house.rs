//! What is done beside the work itself: old runs go, and what was erased leaves every place it stood in.

use serde_json::{Value, json};

use super::App;
use crate::exec::is_alive;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::ids::Id;
use crate::kernel::log::Level;
use crate::store::{Process, Removed};

/// A day, µs.
const DAY: i64 = 86_400_000_000;

/// Under which key the store keeps what is being written to a chat, or to one that has not begun.
pub fn draft_key(of: Option<Id>) -> String {
    format!("draft:{}", of.map_or_else(|| "new".to_string(), |id| id.to_string()))
}

impl App {
    /// What is written into the log from now on is as much as these settings ask for.
    pub fn renew_log_level(&self) -> Result<()> {
        let level = Level::choose(self.config()?, self.options.verbose);
        self.log()?.set_level(level);
        Ok(())
    }

    /// Ends answers whose process is gone, and forgets the temporary chats that such a process left behind.
    pub fn adopt(&self) -> Result<()> {
        let alive = |process: &Process| is_alive(process.pid, process.start, &process.boot);
        if let Err(error) = self.forget_orphans(&alive) {
            tracing::warn!(error = error.full_message(), "temporary chats of processes that are gone stay");
        }
        match self.store()?.adopt_pending(&alive) {
            Ok(0) => {}
            Ok(lost) => tracing::warn!(lost, "answers were cut short by the end of their process"),
            // On a full disk or in a store that cannot be written, what is there can still be read.
            Err(error) => tracing::warn!(%error, "answers that were cut short could not be ended"),
        }
        Ok(())
    }

    fn forget_orphans(&self, alive: &dyn Fn(&Process) -> bool) -> Result<()> {
        let forgotten = self.store()?.forget_orphans(alive)?;
        for id in &forgotten {
            self.forget_draft(*id)?;
        }
        if forgotten.is_empty() { Ok(()) } else { self.drop_erased() }
    }

    /// What was being written to a chat that is erased goes with it, also where an editor that was killed had it.
    pub fn forget_draft(&self, chat: Id) -> Result<()> {
        self.store()?.set_state(&draft_key(Some(chat)), &Value::Null)?;
        let end = format!("-{chat}.md");
        for entry in std::fs::read_dir(&self.paths.state).into_iter().flatten().flatten() {
            let is_its = |name: &str| name.starts_with("edit-") && name.ends_with(&end);
            if entry.file_name().to_str().is_some_and(is_its) {
                // Whoever brings it back finds no chat.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Ends runs whose process is gone. Where that cannot be written, what is there can still be read.
    pub fn mark_lost(&self) -> Result<()> {
        if let Err(error) = self.store()?.mark_lost(&|p| is_alive(p.pid, p.start, &p.boot)) {
            tracing::warn!(%error, "runs that were cut off could not be marked lost");
        }
        Ok(())
    }

    /// After runs were erased: their output beside the store and their words in the index go too.
    pub fn erased(&self, removed: &Removed) -> Result<()> {
        self.remove_outputs(removed);
        self.drop_erased()
    }

    fn remove_outputs(&self, removed: &Removed) {
        for id in &removed.runs {
            // The rows are gone; a file that cannot be removed is found by `fac doctor`.
            let _ = std::fs::remove_dir_all(self.outputs().join(id.to_string()));
        }
    }

    /// Once a day, after a run, erases runs and recordings beyond what the settings keep. A failure waits for the next day.
    pub fn keep_house(&self) {
        if let Err(error) = self.try_keep_house() {
            tracing::warn!(error = error.full_message(), "old runs and recordings could not be removed");
        }
    }

    fn try_keep_house(&self) -> Result<()> {
        if !self.is_due("runs.pruned")? {
            return Ok(());
        }
        let (store, config) = (self.store()?, self.config()?);
        let newest = usize::try_from(config.int("run.keep_runs")).unwrap_or(usize::MAX);
        self.remove_outputs(&store.prune_runs(self.days_ago(config.int("run.keep_days")), 0)?);
        self.remove_outputs(&store.prune_runs(self.clock.now(), newest)?);
        store.prune_work(self.days_ago(config.int("automations.keep_days")))?;
        // Whoever speaks no more has sound and texts let go all the same.
        self.prune_recordings(config.int("voice.keep_days"))
    }

    /// Whether what is done once a day was not done for a day; from now on it was.
    pub(super) fn is_due(&self, key: &str) -> Result<bool> {
        let (store, now) = (self.store()?, self.clock.now());
        if store.state(key)?.is_some_and(|(_, at)| (0..DAY).contains(&now.since(at))) {
            return Ok(false);
        }
        store.set_state(key, &json!(true))?;
        Ok(true)
    }

    /// The moment so many days ago.
    pub(super) fn days_ago(&self, days: u64) -> Timestamp {
        let days = i64::try_from(days).unwrap_or(i64::MAX);
        self.clock.now().plus_micros(days.saturating_mul(DAY).saturating_neg())
    }
}
