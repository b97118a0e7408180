//! What the plugins tab has done for it: reading, allowing, switching. It draws nothing.

use super::super::Answer as AnyAnswer;
use crate::app::App;
use crate::app::plugins::Known;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::plugins::origin::Origin;
use crate::plugins::places::{self, Found};
use crate::store::PluginLine;
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;

/// Lines of a log that stand beside the list.
pub(super) const LAST: usize = 8;

/// Lines of a log that are read on a page.
const READ: usize = 500;

/// What is asked for. Plugins are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// All plugins.
    List,
    /// What one wrote.
    Log(String),
    /// Use it; where it was not allowed as it is now, what it wants is answered instead.
    Enable(String),
    /// It was allowed with this content hash: use it.
    Allow(String, String),
    /// Use it no more.
    Disable(String),
}

/// A plugin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// on, off, changed, failed or broken.
    pub state: &'static str,
    /// Its version; empty where it cannot be read.
    pub version: String,
    /// A repository, `bundled`, or `yours`.
    pub from: String,
    /// What it is for.
    pub summary: String,
    /// What it hears of, brings and may do, a sentence each.
    pub wants: Vec<String>,
    /// When it was allowed last.
    pub allowed: Option<Timestamp>,
    /// How often it failed since it last did well.
    pub failures: u32,
    /// What is wrong with it, or how it failed last.
    pub error: Option<String>,
    /// The last lines of its log, the oldest first.
    pub lines: Vec<PluginLine>,
}

/// What a person is shown before a plugin is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The content hash of what is shown.
    pub digest: String,
    /// Where it lies.
    pub place: String,
    /// Where it was fetched from.
    pub origin: Option<String>,
    /// What it is for.
    pub summary: String,
    /// What it hears of, brings and may do, a sentence each.
    pub wants: Vec<String>,
    /// The text that was allowed before and the one of now, where they differ.
    pub changed: Option<(String, String)>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// All of them.
    Listed(std::result::Result<Vec<Row>, Fault>),
    /// What this one wrote, the oldest first.
    Logged(String, std::result::Result<Vec<PluginLine>, Fault>),
    /// A person is to be asked.
    Asks(Box<Wish>),
    /// Something was changed; a word about it.
    Done(std::result::Result<String, Fault>),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let app = desk.app;
    let done = |what: Result<String>| Answer::Done(what.map_err(Fault::from));
    desk.send(AnyAnswer::Plugins(match request {
        Request::List => Answer::Listed(list(app).map_err(Fault::from)),
        Request::Log(name) => {
            let lines = app.store().and_then(|store| store.plugin_lines(Some(&name), READ));
            Answer::Logged(name, lines.map_err(Fault::from))
        }
        Request::Enable(name) => enable(&name, app).unwrap_or_else(|error| done(Err(error))),
        Request::Allow(name, digest) => done(allow(&name, &digest, app)),
        Request::Disable(name) => done(disable(&name, app)),
    }));
}

fn list(app: &App) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = app.known_plugins()?.iter().map(row).collect();
    for row in &mut rows {
        row.lines = app.store()?.plugin_lines(Some(&row.name), LAST)?;
    }
    Ok(rows)
}

fn row(known: &Known) -> Row {
    let found = known.found.as_ref().ok();
    let unread = known.found.as_ref().err().map(Error::full_message);
    Row {
        name: known.name.clone(),
        state: known.state(),
        version: found.map(|found| found.manifest.version.clone()).unwrap_or_default(),
        from: known.from(),
        summary: found.map(|found| found.manifest.summary.clone()).unwrap_or_default(),
        wants: found.map(Found::sentences).unwrap_or_default(),
        allowed: known.row.as_ref().map(|row| row.at),
        failures: known.row.as_ref().map_or(0, |row| row.failures),
        error: unread.or_else(|| known.row.as_ref()?.error.clone()),
        lines: Vec::new(),
    }
}

/// Uses what was allowed exactly so before; anything else is asked about.
fn enable(name: &str, app: &App) -> Result<Answer> {
    let found = places::find(&app.paths.plugins_dir, name)?;
    let is_allowed = app.is_plugin_allowed(&found)?;
    if is_allowed && app.store()?.plugin(name)?.is_some_and(|row| row.enabled) {
        return Ok(Answer::Done(Ok(format!("`{name}` is enabled already"))));
    }
    app.plugins()?.check(&found)?;
    if is_allowed {
        app.plugins()?.enable(&found)?;
        return Ok(Answer::Done(Ok(format!("`{name}` is enabled"))));
    }
    let changed = app.plugin_before(&found)?.map(|before| (before, found.text()));
    Ok(Answer::Asks(Box::new(Wish {
        name: found.manifest.name.clone(),
        version: found.manifest.version.clone(),
        digest: found.digest.clone(),
        place: found.place(),
        origin: found.folder.as_deref().and_then(Origin::of).map(|origin| origin.said()),
        summary: found.manifest.summary.clone(),
        wants: found.sentences(),
        changed,
    })))
}

/// Allows and uses exactly what was shown.
fn allow(name: &str, digest: &str, app: &App) -> Result<String> {
    let found = places::find(&app.paths.plugins_dir, name)?;
    if found.digest != digest {
        let said = format!("`{name}` has changed while you read, and was not allowed");
        return Err(Error::new(Kind::Refused, said).hint("enable it again to see it as it is now"));
    }
    app.allow_plugin(&found, "asked")?;
    app.plugins()?.enable(&found)?;
    Ok(format!("`{name}` is enabled"))
}

fn disable(name: &str, app: &App) -> Result<String> {
    let was = app.plugins()?.disable(name)?;
    Ok(format!("`{name}` {} disabled", if was { "is" } else { "was" }))
}
