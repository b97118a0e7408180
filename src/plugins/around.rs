//! Plugins that hear of runs: `before_command` and `after_command`.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Plugins;
use super::halt::Asked;
use super::manifest::Hook;
use crate::commands::run::{About, Around, Report};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};

/// Tells plugins of runs: those that are used when a run begins, and when it ends. What was allowed a moment ago holds also
/// in a program that goes on for days.
pub(super) fn of(plugins: &Plugins) -> Arc<dyn Around> {
    Arc::new(All(plugins.clone()))
}

struct All(Plugins);

impl All {
    /// Whether a plugin has this hook, or may have where nobody can tell.
    fn may_hook(&self, hook: Hook) -> bool {
        self.0.enabled().map_or(true, |enabled| enabled.iter().any(|active| active.manifest.hooks.contains(&hook)))
    }
}

fn told(about: &About) -> Json {
    json!({"command": about.command, "source": about.source, "args": about.args, "trigger": about.trigger})
}

impl Around for All {
    fn asks(&self) -> bool {
        self.may_hook(Hook::BeforeCommand)
    }

    fn is_told(&self) -> bool {
        self.may_hook(Hook::AfterCommand)
    }

    fn before(&self, about: &About, stop: &Stop) -> Result<()> {
        // Who might forbid it must be asked: where nobody can tell who that is, it does not run.
        let enabled = self.0.enabled()?;
        for active in enabled.iter().filter(|active| active.manifest.hooks.contains(&Hook::BeforeCommand)) {
            let asked = Asked::ever(stop).within(about.trace);
            let answer = match self.0.call_until(active, &[Hook::BeforeCommand.name()], vec![told(about)], Some(&asked))
            {
                Ok(answer) => answer,
                Err(error) if error.kind() == Kind::Interrupted => return Err(error),
                // What it failed at was said; the command is none the worse for it.
                Err(_) => continue,
            };
            let refused = match &answer {
                Json::Bool(false) => Some("it gave no reason".to_string()),
                Json::String(why) => Some(why.clone()),
                _ => None,
            };
            if let Some(why) = refused {
                let name = &active.row.name;
                let said = format!("the plugin `{name}` does not let `{}` run: {why}", about.command);
                return Err(
                    Error::new(Kind::Refused, said).hint(format!("`fac plugin disable {name}` uses it no more"))
                );
            }
        }
        Ok(())
    }

    fn after(&self, about: &About, report: &Report, stop: &Stop) {
        let mut what = told(about);
        what["run"] = json!(report.id);
        what["status"] = json!(report.status.name());
        what["exit_code"] = json!(report.exit_code);
        what["duration_ms"] = json!(report.duration_ms);
        for active in &self.0.hearing(&[Hook::AfterCommand]) {
            // The same holds here. What ended the run is no reason not to hear of it.
            let asked = Asked::from_now(stop).within(about.trace);
            let _ = self.0.call_until(active, &[Hook::AfterCommand.name()], vec![what.clone()], Some(&asked));
        }
    }
}
