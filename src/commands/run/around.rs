//! Who hears of runs: a higher room that is told before one begins and after it ended.

use serde_json::Value as Json;

use super::{Plan, Report, recorded_args};
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::kernel::ids::TraceId;

/// A run, as it is told of.
#[derive(Clone, Debug)]
pub struct About {
    /// The command's name.
    pub command: String,
    /// Its source.
    pub source: String,
    /// Its arguments as they are recorded, secret ones hidden.
    pub args: Json,
    /// What fired it.
    pub trigger: String,
    /// The request that it belongs to.
    pub trace: TraceId,
}

impl About {
    pub(super) fn of(plan: &Plan, trigger: &str, trace: TraceId) -> About {
        let root = plan.root();
        About {
            command: root.resolved.command.name.clone(),
            source: root.resolved.source.name.clone(),
            args: recorded_args(&root.bound),
            trigger: trigger.to_string(),
            trace,
        }
    }
}

/// Hears of runs.
pub trait Around: Send + Sync {
    /// Whether anybody will be asked before a run, also where nobody can tell.
    fn asks(&self) -> bool;

    /// Whether anybody will be told after a run, also where nobody can tell.
    fn is_told(&self) -> bool;

    /// One is about to begin.
    ///
    /// # Errors
    /// `Refused` when it must not; `Interrupted` when it is to end before it began.
    fn before(&self, about: &About, stop: &Stop) -> Result<()>;

    /// One ended. Who asks by `stop` from now on asks whoever hears of it to end.
    fn after(&self, about: &About, report: &Report, stop: &Stop);
}
