//! Inside one chat: its questions, what is found in it, one exchange of it, and blacking out what should not stand there.

use clap::Args as Arguments;
use serde_json::json;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use super::{called, sessions};
use crate::app::chats::exchange as exchange_of;
pub(in crate::cli) use crate::app::chats::find as chat;
use crate::cli::search::after_erasing;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::store::{Message, Session, SessionFilter, Store};

/// So many lines of one message are shown where words were found in it.
const LINES: usize = 3;

/// What to black out.
#[derive(Debug, Arguments)]
pub struct Redact {
    /// The chat
    pub(super) session: String,
    /// Only this message, by its id or the end of it (with --words: these words of it)
    pub(super) message: Option<String>,
    /// Only these words, wherever they stand
    #[arg(long, value_name = "TEXT")]
    pub(super) words: Option<String>,
}

/// Once a day, after a question, erases chats that nobody used for as long as `chat.keep_days` says; pinned ones stay. A
/// failure waits for the next day.
pub(in crate::cli) fn expire(context: &Context) {
    match try_expire(context) {
        Ok(0) => {}
        Ok(gone) => context.ui.note(&format!("erased {} that chat.keep_days lets go", counted(gone, "chat"))),
        Err(error) => tracing::warn!(error = error.full_message(), "old chats could not be erased"),
    }
}

fn try_expire(context: &Context) -> Result<usize> {
    const KEY: &str = "chats.expired";
    const DAY: i64 = 86_400_000_000;
    let days = i64::try_from(context.app.config()?.int("chat.keep_days")).unwrap_or(0);
    if days == 0 {
        return Ok(0);
    }
    let (store, now) = (context.app.store()?, context.app.clock.now());
    if store.state(KEY)?.is_some_and(|(_, at)| (0..DAY).contains(&now.since(at))) {
        return Ok(0);
    }
    store.set_state(KEY, &json!(true))?;
    let until = Some(now.plus_micros(days.saturating_mul(DAY).saturating_neg()));
    let mut gone = 0;
    for archived in [false, true] {
        let filter = SessionFilter { archived, until, ..SessionFilter::default() };
        // Whatever is more than this goes tomorrow.
        let (old, _) = store.sessions(&filter, None, 1_000)?;
        for session in old.iter().filter(|session| !session.pinned) {
            store.remove_session(session.id)?;
            gone += 1;
        }
    }
    if gone > 0 {
        after_erasing(context)?;
    }
    Ok(gone)
}

fn path(store: &Store, session: &Session) -> Result<Vec<Message>> {
    Ok(session.head.map(|head| store.thread(head)).transpose()?.unwrap_or_default())
}

/// The first words of a message on one line.
fn begins(message: &Message) -> String {
    message.words.split_whitespace().take(60).collect::<Vec<_>>().join(" ")
}

/// Lists the questions of a chat, numbered.
pub(in crate::cli) fn questions(context: &Context, session: &Session) -> Result<()> {
    let path = path(context.app.store()?, session)?;
    let asked = path.iter().filter(|m| m.role == "user").enumerate().map(|(at, m)| (at + 1, m));
    if context.ui.json {
        let list: Vec<_> =
            asked.map(|(n, m)| json!({"number": n, "message": m.id, "text": m.words, "created": m.created})).collect();
        return context.ui.value(&json!({"session": session.id, "questions": list, "next": null}));
    }
    let mut table = Table::new(&["no", "message", "asked", "question"]);
    for (number, message) in asked {
        table.row(vec![
            (number.to_string(), Some(Role::Strong)),
            (message.id.tail(), Some(Role::Dim)),
            (message.created.local_short(), Some(Role::Dim)),
            (truncate_to_width(&safe_line(&begins(message)), context.ui.width()), None),
        ]);
    }
    context.page(&table.render(&context.ui))
}

/// Shows where words stand in a chat, whatever their case.
///
/// # Errors
/// `NotFound` when they stand nowhere.
pub(in crate::cli) fn find(context: &Context, session: &Session, words: &str) -> Result<()> {
    let wanted = words.to_lowercase();
    let holds = |line: &&str| line.to_lowercase().contains(&wanted);
    let path = path(context.app.store()?, session)?;
    let hits: Vec<(&Message, Vec<&str>)> = path
        .iter()
        .map(|message| (message, message.words.lines().filter(holds).collect::<Vec<_>>()))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    if hits.is_empty() {
        let said = format!("`{}` stands nowhere in `{}`", safe_line(words), called(session));
        return Err(Error::new(Kind::NotFound, said).hint(format!("fac search {:?} looks into all chats", words)));
    }
    if context.ui.json {
        let list: Vec<_> = hits
            .iter()
            .map(|(m, lines)| json!({"message": m.id, "role": m.role, "lines": lines, "created": m.created}))
            .collect();
        return context.ui.value(&json!({"session": session.id, "hits": list, "next": null}));
    }
    let ui = &context.ui;
    let mut out = String::new();
    for (message, lines) in &hits {
        let (id, who) = (ui.paint(Role::Dim, &message.id.tail()), ui.paint(Role::Name, &message.role));
        out.push_str(&format!("{id} {who}\n"));
        for line in lines.iter().take(LINES) {
            out.push_str(&format!("    {}\n", safe_line(&around(line, &wanted, ui.width().saturating_sub(6)))));
        }
        if lines.len() > LINES {
            out.push_str(&format!("    … {} more\n", counted(lines.len() - LINES, "line")));
        }
    }
    context.page(&out)
}

/// So much of a line that the words found are in sight.
fn around(line: &str, wanted: &str, room: usize) -> String {
    let line = line.trim();
    let at = line.to_lowercase().find(wanted).map_or(0, |at| line.to_lowercase()[..at].chars().count());
    let skip = if line.chars().count() <= room { 0 } else { at.saturating_sub(room / 3) };
    let rest: String = line.chars().skip(skip).collect();
    format!("{}{}", if skip > 0 { "…" } else { "" }, truncate_to_width(&rest, room.saturating_sub(1)))
}

/// Prints one exchange: a question by its number or id, and what was answered; or one message.
///
/// # Errors
/// `NotFound` when there is no such question or message.
pub(in crate::cli) fn exchange(context: &Context, session: &Session, which: &str) -> Result<()> {
    sessions::show_messages(context, session, &exchange_of(context.app.store()?, session, which)?)
}

/// Blacks out a message, or words wherever they stand in a chat.
///
/// # Errors
/// `Usage` when neither is named, `NotFound` when there is nothing to black out.
pub(in crate::cli) fn redact(context: &Context, session: &Session, wanted: &Redact) -> Result<()> {
    blacken(context, session, wanted.message.as_deref(), wanted.words.as_deref())
}

/// The same, by the message and the words as they were typed.
pub(in crate::cli) fn blacken(
    context: &Context,
    session: &Session,
    message: Option<&str>,
    words: Option<&str>,
) -> Result<()> {
    let changed = context.app.black_out(session, message, words)?;
    if context.ui.json {
        return context.ui.value(&json!({"session": session.id, "messages": changed}));
    }
    context.ui.note(&format!("blacked out in {}", counted(changed, "message")));
    Ok(())
}
