//! What is done with a chat wherever it is shown: saved, blacked out, looked into.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::mcp::PATTERN;
use super::{App, carry};
use crate::chat::context::{self, Budget, Piece, Size};
use crate::chat::driver::{Ask, stopped};
use crate::chat::export;
use crate::chat::offers::Candidates;
use crate::chat::saying::called;
use crate::commands::catalog::quoted;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::files::write_atomic;
use crate::kernel::ids::Id;
use crate::kernel::terminal::safe_line;
use crate::providers::{Choice, Models, Needs};
use crate::store::{Message, Session, SessionFilter, Store};

/// Chats and messages that are offered at most.
pub const OFFERED: usize = 200;

/// What would be sent to a model now.
pub struct Pieces {
    /// In their order.
    pub all: Vec<Piece>,
    /// What they take.
    pub total: Size,
    /// The model that would be asked; empty when there is none.
    pub model: String,
    /// Its context, tokens.
    pub window: Option<u64>,
    /// What of it is there for the question, tokens.
    pub room: Option<u64>,
}

/// How full a window is, as a bar of thirty columns.
pub fn bar(part: u64, whole: u64) -> String {
    let full = ((part as f64 / whole.max(1) as f64).min(1.0) * 30.0).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(30 - full))
}

impl Pieces {
    /// The last line about them.
    pub fn sum(&self) -> String {
        let about = if self.total.exact { "" } else { " (~ is an estimate)" };
        let count = counted_tokens(self.total);
        match self.room {
            Some(room) => {
                let bar = bar(self.total.tokens, room);
                format!("{bar} {count} of {room} tokens that {} has for it{about}", safe_line(&self.model))
            }
            None => format!("{count} tokens{about}"),
        }
    }
}

/// Tokens, with a sign where they are estimated.
pub fn counted_tokens(size: Size) -> String {
    format!("{}{}", if size.exact { "" } else { "~" }, size.tokens)
}

impl App {
    /// What `ask` would send behind `head`. Without a model tokens are still estimated.
    ///
    /// # Errors
    /// `Interrupted` when it was stopped; those of the store and the settings.
    pub async fn pieces(&self, models: &Models, session: &Session, ask: &Ask, head: Id, stop: &Stop) -> Result<Pieces> {
        let (typed, needs) = (ask.model.as_deref().or(session.model.as_deref()), Needs::default());
        let choice = tokio::select! {
            found = models.resolve(typed, &needs) => found.ok().and_then(|choices| choices.into_iter().next()),
            () = stopped(stop) => return Err(Error::new(Kind::Interrupted, "stopped")),
        };
        let model = choice.as_ref().map(Choice::name).unwrap_or_default();
        let all = self.chat(models, stop.clone())?.pieces(session, ask, head, &model, true)?;
        let window = choice.and_then(|c| c.facts.context);
        let answer = ask.tuning.max_tokens.map(u64::from);
        let room = window.map(|window| Budget::new(window, answer, 0).room().max(1));
        Ok(Pieces { total: context::total(&all), all, model, window, room })
    }

    /// Writes a chat into a file: JSON or HTML where its name says so, else Markdown. False when the file is there
    /// already and may not be written over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_chat(&self, session: &Session, path: &Path, over: bool) -> Result<bool> {
        if path.exists() && !over {
            return Ok(false);
        }
        let archived = carry::out(self.store()?, session)?;
        let bytes = match path.extension().and_then(|e| e.to_str()) {
            Some("json") => export::json::to_bytes(&[archived])?,
            Some("html" | "htm") => export::html::html(&[archived]).into_bytes(),
            _ => export::markdown::markdown(&archived, false).into_bytes(),
        };
        write_atomic(path, &bytes, true)?;
        Ok(true)
    }

    /// Blacks out a message, or words wherever they stand in a chat; with both, the words of the message. Gives in how
    /// many messages.
    ///
    /// # Errors
    /// `Usage` when neither is named, `NotFound` when there is nothing to black out.
    pub fn black_out(&self, session: &Session, message: Option<&str>, words: Option<&str>) -> Result<usize> {
        let store = self.store()?;
        let message = message.map(|id| store.message(session.id, id)).transpose()?.map(|m| m.id);
        let words = words.filter(|words| !words.trim().is_empty());
        if message.is_none() && words.is_none() {
            return Err(Error::new(Kind::Usage, "nothing was named")
                .hint("name a message (`fac sessions show CHAT --tree` lists them), or --words 'the words'"));
        }
        let changed = store.redact(session.id, message, words)?;
        if changed == 0 {
            return Err(Error::new(Kind::NotFound, format!("these words stand nowhere in `{}`", called(session)))
                .hint("they are looked for letter by letter"));
        }
        self.drop_erased()?;
        Ok(changed)
    }

    /// What can be named in a chat now; what cannot be read is not offered.
    pub fn candidates(&self, models: Vec<String>, session: Option<Id>) -> Candidates {
        let cwd = self.cwd.clone();
        let mut candidates = Candidates { models, cwd, home: self.paths.user_home.clone(), ..Candidates::default() };
        let Ok(store) = self.store() else { return candidates };
        let (sessions, _) = store.sessions(&SessionFilter::default(), None, OFFERED).unwrap_or_default();
        let page = session.and_then(|id| store.messages(id, None, OFFERED).ok());
        let recent = page.map(|(messages, _)| messages).unwrap_or_default();
        let tags: BTreeSet<String> = sessions.iter().flat_map(|s| s.tags.iter().cloned()).collect();
        candidates.tags = tags.into_iter().collect();
        let named = |s: Session| (s.name.unwrap_or_else(|| s.id.tail()), s.title.unwrap_or_default());
        candidates.sessions = sessions.into_iter().map(named).collect();
        candidates.messages = recent.iter().map(|m| (m.id.tail(), m.words.chars().take(60).collect())).collect();
        candidates
    }

    /// What finds everything that can be offered to a model, on whatever thread.
    ///
    /// # Errors
    /// When the settings or the store cannot be opened.
    pub fn tool_names(&self) -> Result<impl Fn() -> Vec<(String, String)> + Send + 'static> {
        let mut names = vec!["off".to_string(), "marked".to_string()];
        names.extend(self.config()?.members("mcp").into_keys().map(|name| format!("{PATTERN}{name}")));
        let store = self.store()?.clone();
        Ok(move || {
            let commands = store.names_feed(false).unwrap_or_default();
            let described = commands.into_iter().filter(|c| !c.alias).map(|c| (quoted(&c.row.name), c.row.summary));
            names.iter().map(|name| (name.clone(), String::new())).chain(described).collect()
        })
    }

    /// A line as the person's shell runs it.
    pub fn shell_line(&self, line: &str) -> Command {
        let shell = self.env.text("SHELL").filter(|s| !s.is_empty()).unwrap_or("/bin/sh");
        let mut command = Command::new(shell);
        command.arg("-c").arg(line).current_dir(&self.cwd);
        command
    }
}

/// The chat of this name or id; where there is none, the one chat of this title.
///
/// # Errors
/// `NotFound` when there is none, `Usage` when several have the title.
pub fn find(store: &Store, wanted: &str) -> Result<Session> {
    let error = match store.session(wanted) {
        Err(error) if error.kind() == Kind::NotFound && !wanted.is_empty() => error,
        other => return other,
    };
    let mut titled = Vec::new();
    for archived in [false, true] {
        let filter = SessionFilter { text: Some(wanted.to_string()), archived, ..SessionFilter::default() };
        let (found, _) = store.sessions(&filter, None, 200)?;
        titled.extend(found.into_iter().filter(|s| s.title.as_deref() == Some(wanted)));
    }
    match titled.len() {
        0 => Err(error),
        1 => Ok(titled.swap_remove(0)),
        _ => {
            let ids: Vec<String> = titled.iter().take(5).map(|s| s.id.tail()).collect();
            Err(Error::new(Kind::Usage, format!("several chats are called {}", safe_line(wanted)))
                .hint(format!("take one by its id: {}", ids.join(", "))))
        }
    }
}

/// One exchange: a question by its number or id, and what was answered; or one message, on another branch perhaps.
///
/// # Errors
/// `NotFound` when there is no such question or message.
pub fn exchange(store: &Store, session: &Session, which: &str) -> Result<Vec<Message>> {
    let mut path = session.head.map(|head| store.thread(head)).transpose()?.unwrap_or_default();
    let asked: Vec<usize> = path.iter().enumerate().filter(|(_, m)| m.role == "user").map(|(at, _)| at).collect();
    let number = which.parse::<usize>().ok().filter(|_| which.len() < 4);
    let from = match number {
        Some(number) => number.checked_sub(1).and_then(|n| asked.get(n).copied()).ok_or_else(|| {
            let said = format!("there are {} here, not {number}", counted(asked.len(), "question"));
            Error::new(Kind::NotFound, said).hint("their list: `/questions`, or `fac sessions show --questions`")
        })?,
        None => {
            let message = store.message(session.id, which)?;
            match path.iter().position(|m| m.id == message.id) {
                Some(at) => at,
                None => return Ok(vec![message]),
            }
        }
    };
    let until = match path[from].role.as_str() {
        "user" => asked.iter().copied().find(|at| *at > from).unwrap_or(path.len()),
        _ => from + 1,
    };
    Ok(path.drain(from..until).collect())
}
