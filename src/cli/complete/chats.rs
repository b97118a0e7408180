//! Values that stand in the database: chats, their messages, models. Nothing is asked of the network, and a database
//! that is not there is not made.

use std::path::Path;

use super::{Line, line};
use crate::app::{App, Options};
use crate::kernel::env::Env;
use crate::store::{SessionFilter, Store};

/// So many are offered.
const MOST: usize = 50;

pub(super) fn app(home: Option<&Path>) -> Option<App> {
    let options = Options { home: home.map(Path::to_path_buf), ..Options::default() };
    let app = App::new(Env::from_process(), &options).ok()?;
    app.paths.data.join("store.db").is_file().then_some(app)
}

/// Chats used last: by name, else by the end of the id.
pub(super) fn sessions(home: Option<&Path>, current: &str) -> Vec<Line> {
    let listed = || {
        let app = app(home)?;
        let (sessions, _) = app.store().ok()?.sessions(&SessionFilter::default(), None, MOST).ok()?;
        Some(sessions)
    };
    let mut lines = Vec::new();
    for session in listed().unwrap_or_default() {
        let title = session.title.unwrap_or_default();
        lines.push(line(session.name.unwrap_or_else(|| session.id.tail()), title));
    }
    lines.retain(|l| l.value.starts_with(current));
    lines
}

/// Messages of a chat, the last first, by the ends of their ids.
pub(super) fn messages(home: Option<&Path>, chat: &str, current: &str) -> Vec<Line> {
    let listed = |store: &Store| {
        let session = store.session(chat).ok()?;
        store.messages(session.id, None, MOST).ok()
    };
    let found = app(home).and_then(|app| listed(app.store().ok()?)).map(|(messages, _)| messages).unwrap_or_default();
    let lines = found.into_iter().map(|m| {
        let words: String = m.words.chars().take(60).collect();
        line(m.id.tail(), format!("{}: {words}", m.role))
    });
    lines.filter(|l| l.value.starts_with(current)).collect()
}

/// Models that are remembered, and other names for them.
pub(super) fn models(home: Option<&Path>, current: &str) -> Vec<Line> {
    let known = app(home).and_then(|app| app.known_models().ok()).unwrap_or_default();
    known.into_iter().filter(|name| name.starts_with(current)).map(|name| line(name, "")).collect()
}
