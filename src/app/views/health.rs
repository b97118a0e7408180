//! What was found wrong, and how to mend it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::health::{Finding, Findings, Level};

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FindingView {
    /// What it belongs to.
    pub area: &'static str,
    /// ok, note or problem.
    pub level: &'static str,
    /// What was found.
    pub message: String,
    /// How to mend it.
    pub fix: Option<String>,
}

impl From<&Finding> for FindingView {
    fn from(one: &Finding) -> FindingView {
        FindingView { area: one.area, level: one.level.word(), message: one.said.clone(), fix: one.fix.clone() }
    }
}

/// Everything that was looked at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HealthView {
    /// Each of it.
    pub findings: Vec<FindingView>,
    /// How much of it is wrong.
    pub problems: usize,
}

impl From<&Findings> for HealthView {
    fn from(found: &Findings) -> HealthView {
        let findings = found.all().iter().map(FindingView::from).collect();
        HealthView { findings, problems: found.count(Level::Bad) }
    }
}
