//! What plugins add to the screen: words in the line of the titles, and entries of the palette.
//!
//! A thread of its own asks them, when something happened; drawing only reads what it left. Nothing runs where no plugin
//! wants to be heard here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::happening::Launch;
use crate::app::App;
use crate::commands::bind;
use crate::commands::catalog::Trust;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::plugins::Plugins;
use crate::plugins::manifest::Hook;

/// How often the thread looks whether something happened.
const LOOK: Duration = Duration::from_millis(500);
/// Messages whose words are counted.
const COUNTED: usize = 500;
/// The most entries of one plugin.
const MOST: usize = 30;
/// The longest text of one plugin in the line of the titles, characters.
const LONGEST: usize = 40;

/// What plugins added; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Extras(Arc<Mutex<Added>>);

/// What is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Words for the line of the titles.
    pub status: String,
    /// Titles of entries, whose they are, and what they run.
    pub palette: Vec<(String, String, Launch)>,
    /// What is to be said once.
    pub said: Vec<String>,
}

impl Extras {
    /// What is there now.
    pub fn now(&self) -> MutexGuard<'_, Added> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something there; whether it is another.
    pub fn put(&self, mut added: Added) -> bool {
        let mut now = self.now();
        // What nobody took yet is still to be said.
        added.said.splice(0..0, std::mem::take(&mut now.said));
        let differs = *now != added || !added.said.is_empty();
        *now = added;
        differs
    }
}

/// Asks plugins whenever something happened, and calls `wake` when they added something else.
///
/// # Errors
/// When the system gives no thread, or the settings cannot be read.
pub fn start(app: &App, extras: Extras, wake: impl Fn() -> bool + Send + 'static) -> Result<()> {
    let app = app.another()?;
    let work = move || {
        let (mut seen, mut told) = (None, HashSet::new());
        loop {
            // A store that is busy is looked at again.
            let now = app.store().and_then(|store| store.last_position()).ok();
            let due = app.plugins().and_then(|plugins| plugins.next_tick()).is_ok_and(|next| next == Some(0));
            if now != seen || due {
                let added = added(&app, &mut told).unwrap_or_default();
                // What plugins wrote meanwhile is not news to them.
                seen = app.store().and_then(|store| store.last_position()).ok();
                if extras.put(added) && !wake() {
                    return;
                }
            }
            std::thread::sleep(LOOK);
        }
    };
    let thread = std::thread::Builder::new().name("tui-plugins".to_string()).spawn(work);
    thread.map(drop).context(Kind::Failed, || "cannot start a thread".to_string())
}

/// What they add now; what is left out is told once, as long as `told` lives.
fn added(app: &App, told: &mut HashSet<String>) -> Result<Added> {
    let plugins = app.plugins()?;
    plugins.deliver()?;
    let state = state(app, plugins)?;
    let mut added = Added::default();
    let (mut words, mut left_out) = (Vec::new(), Vec::new());
    for active in plugins.enabled()? {
        let name = &active.row.name;
        if active.manifest.hooks.contains(&Hook::Status)
            && let Ok(Json::String(text)) = plugins.call(&active, &[Hook::Status.name()], vec![state.clone()])
        {
            words.push(safe_line(&text).chars().take(LONGEST).collect::<String>());
        }
        if active.manifest.hooks.contains(&Hook::Palette)
            && let Ok(Json::Array(entries)) = plugins.call(&active, &[Hook::Palette.name()], Vec::new())
        {
            for entry in entries.iter().take(MOST) {
                match entry_of(app, name, entry) {
                    Ok(launch) => added.palette.push(launch),
                    Err(error) => left_out.push(format!("`{name}` has {}", error.full_message())),
                }
            }
        }
    }
    words.retain(|text| !text.is_empty());
    added.status = words.join(" · ");
    added.said = plugins.said();
    left_out.retain(|said| told.insert(said.clone()));
    added.said.append(&mut left_out);
    Ok(added)
}

/// What `status` is told: the chat used last.
fn state(app: &App, plugins: &Plugins) -> Result<Json> {
    let none = json!({"words": 0, "messages": 0});
    if !plugins.enabled()?.iter().any(|active| active.manifest.hooks.contains(&Hook::Status)) {
        return Ok(none);
    }
    let store = app.store()?;
    let Some(session) = store.last_session()? else { return Ok(none) };
    let thread = session.head.map(|head| store.thread_end(head, COUNTED)).transpose()?.unwrap_or_default();
    let words: usize = thread.iter().map(|message| message.words.split_whitespace().count()).sum();
    Ok(json!({"words": words, "messages": session.messages, "title": session.title}))
}

/// An entry whose command is there and trusted.
///
/// # Errors
/// Why it cannot be chosen.
fn entry_of(app: &App, plugin: &str, entry: &Json) -> Result<(String, String, Launch)> {
    let (Some(title), Some(run)) = (entry["title"].as_str(), entry["run"].as_str()) else {
        return Err(Error::new(Kind::BadData, "an entry of the palette without `title` or `run`"));
    };
    let title: String = safe_line(title).chars().take(80).collect();
    let why = |error: Error| {
        let said = format!("an entry of the palette, `{title}`, that cannot be used: {}", error.message());
        Error::new(error.kind(), said)
    };
    let words = shlex::split(run);
    let words = words.ok_or_else(|| why(Error::new(Kind::BadData, "a quotation mark of `run` has no end")))?;
    let (resolved, used) = app.resolve(&words).map_err(why)?;
    if resolved.trust != Trust::Trusted {
        return Err(why(resolved.refusal()));
    }
    let given = bind::take_apart(&resolved.command, &words[used..]).map_err(why)?;
    let bound = bind::check_loosely(&resolved.command, &given, &|_| None).map_err(why)?;
    let values = bound.values.into_iter().map(|value| (value.var, value.text)).collect();
    Ok((title, plugin.to_string(), Launch { command: resolved.key(), values, rest: bound.rest }))
}
