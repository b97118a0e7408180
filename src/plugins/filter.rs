//! Plugins as filters of chats: `prompt`, `result` and `answer`.

use std::sync::Arc;

use serde_json::Value as Json;

use super::calls::Told;
use super::manifest::Hook;
use super::{Active, Plugins};
use crate::chat::filter::{Filter, Passed, Passing, Way};
use crate::kernel::error::{Error, Kind, Result};

/// Every enabled plugin that reads what passes, in order.
///
/// # Errors
/// Those of the store; and `Refused` where one that must read everything was allowed by another version of this program,
/// so that nobody can tell what it reads.
pub(super) fn all(plugins: &Plugins) -> Result<Vec<Arc<dyn Filter>>> {
    for row in plugins.store().plugins(true)? {
        if row.manifest["required"] == true && Active::of(row.clone()).is_none() {
            let said = format!("`{}` must read what is said, and was allowed by another version of fac", row.name);
            let way = format!("allow it again: fac plugin enable {}", row.name);
            return Err(Error::new(Kind::Refused, said).hint(way));
        }
    }
    let reads = [Hook::Prompt, Hook::Result, Hook::Answer];
    let reading = |active: &Arc<Active>| reads.iter().any(|hook| active.manifest.hooks.contains(hook));
    let all = plugins.enabled()?.into_iter().filter(reading);
    Ok(all.map(|active| Arc::new(One { plugins: plugins.clone(), active }) as Arc<dyn Filter>).collect())
}

struct One {
    plugins: Plugins,
    active: Arc<Active>,
}

fn hook(way: Way) -> Hook {
    match way {
        Way::Prompt => Hook::Prompt,
        Way::Result => Hook::Result,
        Way::Answer => Hook::Answer,
    }
}

impl Filter for One {
    fn name(&self) -> &str {
        &self.active.row.name
    }

    fn hears(&self, way: Way) -> bool {
        self.active.manifest.hooks.contains(&hook(way))
    }

    fn guards(&self) -> bool {
        self.active.manifest.required
    }

    fn pass<'a>(&'a self, way: Way, text: &'a str) -> Passing<'a> {
        Box::pin(async move {
            let given = text.to_string();
            let work = move |name: &str, loaded: &super::room::Loaded| {
                meant(name, hook(way), loaded.pass(name, hook(way).name(), &given)?)
            };
            let done = self.plugins.within_async(&self.active, hook(way).name(), Told::All, work).await;
            let mut passed = match done {
                Ok(passed) => passed,
                Err(error) if self.active.manifest.required => Passed {
                    refused: Some(format!("it could not look at it: {}", error.full_message())),
                    ..Passed::default()
                },
                Err(_) => Passed::default(),
            };
            passed.notes = self.plugins.said();
            passed
        })
    }
}

/// What a returned value means: a text stands instead, nothing changes nothing, `false` with a reason refuses.
pub(super) fn meant(name: &str, hook: Hook, returned: Json) -> Result<Passed> {
    match returned {
        Json::Null | Json::Bool(true) => Ok(Passed::default()),
        Json::String(text) => Ok(Passed { text: Some(text), ..Passed::default() }),
        Json::Object(fields) if fields.contains_key("refused") => {
            let why = fields["refused"].as_str().unwrap_or("it gave no reason").to_string();
            Ok(Passed { refused: Some(why), ..Passed::default() })
        }
        other => {
            let said = format!("`{name}` ({}) returned {other}, and neither a text nor nil nor false", hook.name());
            Err(Error::new(Kind::Failed, said))
        }
    }
}
