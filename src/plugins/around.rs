//! Plugins that hear of runs: `before_command` and `after_command`.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::manifest::Hook;
use super::{Active, Plugins};
use crate::commands::run::{About, Around, Report};
use crate::kernel::error::{Error, Kind, Result};

/// Tells plugins of runs; `None` where none wants to hear.
pub(super) fn of(plugins: &Plugins) -> Option<Arc<dyn Around>> {
    let hears = plugins.hearing(&[Hook::BeforeCommand, Hook::AfterCommand]);
    (!hears.is_empty()).then(|| Arc::new(All { plugins: plugins.clone(), hears }) as Arc<dyn Around>)
}

struct All {
    plugins: Plugins,
    hears: Vec<Arc<Active>>,
}

impl All {
    fn hearing(&self, hook: Hook) -> impl Iterator<Item = &Arc<Active>> {
        self.hears.iter().filter(move |active| active.manifest.hooks.contains(&hook))
    }
}

fn told(about: &About) -> Json {
    json!({"command": about.command, "source": about.source, "args": about.args, "trigger": about.trigger})
}

impl Around for All {
    fn before(&self, about: &About) -> Result<()> {
        for active in self.hearing(Hook::BeforeCommand) {
            // What it failed at was said; the command is none the worse for it.
            let Ok(answer) = self.plugins.call(active, &[Hook::BeforeCommand.name()], vec![told(about)]) else {
                continue;
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

    fn after(&self, about: &About, report: &Report) {
        let mut what = told(about);
        what["run"] = json!(report.id);
        what["status"] = json!(report.status.name());
        what["exit_code"] = json!(report.exit_code);
        what["duration_ms"] = json!(report.duration_ms);
        for active in self.hearing(Hook::AfterCommand) {
            // The same holds here.
            let _ = self.plugins.call(active, &[Hook::AfterCommand.name()], vec![what.clone()]);
        }
    }
}
