//! `fac sessions`: what was said, found again: lists, texts, trees, branches, export and import, and erasing.

mod show;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use self::show::show_last;
pub(in crate::cli) use self::show::{show, show_messages, show_pieces, show_tree};
use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use super::{adopt, ask, called, wait, within};
use crate::app::carry;
use crate::app::views::chat::{MessageView, SessionView};
use crate::chat::driver::Ask;
use crate::chat::export;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::safe_line;
use crate::store::{Session, SessionEdit, SessionFilter};

const EXAMPLES: &str = "\
Examples:
  fac sessions ls --tag work
  fac sessions show                 the chat used last
  fac sessions show 4f2a --tree     its messages on all branches, with their ids
  fac sessions export --all -o chats.json
  fac sessions import conversations.json";

/// Chats: list, read, branch, name, export, import, erase
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List chats, the last used first
    #[command(visible_alias = "list")]
    Ls {
        /// Only with this label
        #[arg(long)]
        tag: Option<String>,
        /// Only whose name or title holds this
        text: Option<String>,
        /// Those put away instead
        #[arg(long)]
        archived: bool,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Go on where the last page ended (`next` of --json)
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
    },
    /// Print a chat (the last one, when none is named)
    Show {
        /// Its name or id
        session: Option<String>,
        /// All branches, one line a message
        #[arg(long)]
        tree: bool,
        /// Only the last answer, as it came
        #[arg(long)]
        raw: bool,
        /// Only its questions, numbered
        #[arg(long, conflicts_with_all = ["tree", "raw"])]
        questions: bool,
        /// Only where these words stand in it
        #[arg(long, value_name = "WORDS", conflicts_with_all = ["tree", "raw", "questions"])]
        find: Option<String>,
        /// Only this question and its answer, by its number, or a message by its id
        #[arg(long, value_name = "WHICH", conflicts_with_all = ["tree", "raw", "questions", "find"])]
        only: Option<String>,
    },
    /// Find what was said (as `fac search --kind message`)
    Search {
        /// What to look for
        #[arg(required = true)]
        words: Vec<String>,
        /// At most this many
        #[arg(long, short = 'n', default_value_t = 20)]
        limit: usize,
    },
    /// Go on with a chat at the prompt (the last one, when none is named)
    Resume {
        /// Its name or id
        session: Option<String>,
    },
    /// What would be sent with the next question, piece by piece, and its tokens
    Context {
        /// The chat (the last one, when none is named)
        session: Option<String>,
        /// For this model
        #[arg(short, long, value_name = "MODEL")]
        model: Option<String>,
    },
    /// Give a chat a title; without a text the model finds one
    Title {
        /// The chat
        session: String,
        /// The title
        text: Vec<String>,
    },
    /// Go on from another message: the next question branches there
    Branch {
        /// The chat
        session: String,
        /// The message, by its id or the end of it
        message: String,
    },
    /// Give a chat a name
    Rename {
        /// The chat
        session: String,
        /// Its new name
        name: String,
    },
    /// Label a chat, or with --rm take labels off
    Tag {
        /// The chat
        session: String,
        /// The labels
        #[arg(required = true)]
        tags: Vec<String>,
        /// Take them off
        #[arg(long)]
        rm: bool,
    },
    /// Put a chat before the others
    Pin {
        /// The chat
        session: String,
        /// No longer
        #[arg(long)]
        rm: bool,
    },
    /// Put a chat away
    Archive {
        /// The chat
        session: String,
        /// Take it back
        #[arg(long)]
        rm: bool,
    },
    /// Erase chats for good
    Rm {
        /// The chats
        #[arg(required = true)]
        sessions: Vec<String>,
    },
    /// Put a sign on a message, or with --rm take it off
    React {
        /// The chat
        session: String,
        /// The message, by its id or the end of it
        message: String,
        /// The sign, such as +1
        sign: String,
        /// Take it off
        #[arg(long)]
        rm: bool,
    },
    /// Black out a message or words of a chat; its answers and branches stay
    Redact(within::Redact),
    /// Print or save chats as JSON, Markdown or HTML
    Export {
        /// The chats (the last one, when none is named)
        sessions: Vec<String>,
        /// Every chat
        #[arg(long)]
        all: bool,
        /// json, markdown or html
        #[arg(long, default_value = "json", value_parser = ["json", "markdown", "html"])]
        to: String,
        /// All branches, also in Markdown
        #[arg(long)]
        branches: bool,
        /// Write to this file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take chats over from an export of fac, ChatGPT, Claude, aichat or codex, or from llm's logs.db
    Import {
        /// The file
        file: PathBuf,
    },
}

pub(in crate::cli) fn run(context: &mut Context, args: Args) -> Result<u8> {
    adopt(context)?;
    let store = context.app.store()?.clone();
    let edit = |wanted: &str, edits: &[SessionEdit]| -> Result<u8> {
        store.edit_session(within::chat(&store, wanted)?.id, edits)?;
        Ok(0)
    };
    match args.what {
        What::Ls { tag, text, archived, limit, after } => {
            let filter = SessionFilter { tag, text, archived, ..SessionFilter::default() };
            list(context, &filter, after.as_deref(), limit)
        }
        What::Show { session, tree, raw, questions, find, only } => {
            let session = self::named(context, session.as_deref())?;
            if questions {
                return within::questions(context, &session).map(|()| 0);
            }
            if let Some(words) = find {
                return within::find(context, &session, &words).map(|()| 0);
            }
            if let Some(which) = only {
                return within::exchange(context, &session, &which).map(|()| 0);
            }
            match (tree, raw) {
                (true, _) => show_tree(context, &session),
                (_, true) => show_last(context, &session),
                _ => show(context, &session),
            }
        }
        What::Search { words, limit } => {
            crate::cli::search::search(context, &crate::cli::search::query_of(&words), Some("message"), limit)
        }
        What::Resume { session } => {
            let session = self::named(context, session.as_deref())?;
            crate::cli::chat::run(context, &crate::cli::chat::Args::resume(session.id.to_string()))
        }
        What::Context { session, model } => {
            let session = self::named(context, session.as_deref())?;
            let head = session.head.ok_or_else(|| Error::new(Kind::NotFound, "nothing was said in this chat"))?;
            let ask = Ask { memories: ask::memories(context)?, model, ..Ask::default() };
            show_pieces(context, &context.app.models()?, &session, &ask, head)?;
            Ok(0)
        }
        What::Title { session, text } => title(context, &within::chat(&store, &session)?, &text.join(" ")),
        What::Branch { session, message } => {
            let session = within::chat(&store, &session)?;
            let message = store.message(session.id, &message)?;
            store.edit_session(session.id, &[SessionEdit::Head(Some(message.id))])?;
            let said = format!("the next question in `{}` follows {}", called(&session), message.id.tail());
            context.ui.note(&said);
            Ok(0)
        }
        What::React { session, message, sign, rm } => {
            let session = within::chat(&store, &session)?;
            let message = store.message(session.id, &message)?;
            store.react(message.id, &sign, !rm)?;
            if context.ui.json {
                let view = MessageView::light(&message, &store.reactions(session.id)?);
                context.ui.value(&json!({"message": view}))?;
            }
            Ok(0)
        }
        What::Rename { session, name } => edit(&session, &[SessionEdit::Name(Some(name))]),
        What::Tag { session, tags, rm } => {
            let one = |tag| if rm { SessionEdit::Untag(tag) } else { SessionEdit::Tag(tag) };
            edit(&session, &tags.into_iter().map(one).collect::<Vec<_>>())
        }
        What::Pin { session, rm } => edit(&session, &[SessionEdit::Pinned(!rm)]),
        What::Archive { session, rm } => edit(&session, &[SessionEdit::Archived(!rm)]),
        What::Rm { sessions } => {
            let found: Vec<Session> = sessions.iter().map(|s| within::chat(&store, s)).collect::<Result<_>>()?;
            for session in found {
                store.remove_session(session.id)?;
                context.ui.note(&format!("erased `{}`", called(&session)));
            }
            crate::cli::search::after_erasing(context)?;
            Ok(0)
        }
        What::Redact(wanted) => within::redact(context, &within::chat(&store, &wanted.session)?, &wanted).map(|()| 0),
        What::Export { sessions, all, to, branches, output } => {
            let chosen = match (all, sessions.is_empty()) {
                (true, _) => every(context)?,
                (_, true) => vec![self::named(context, None)?],
                _ => sessions.iter().map(|s| within::chat(&store, s)).collect::<Result<_>>()?,
            };
            let chats = chosen.iter().map(|s| carry::out(&store, s)).collect::<Result<Vec<_>>>()?;
            let bytes = match to.as_str() {
                "markdown" => {
                    let texts: Vec<String> = chats.iter().map(|c| export::markdown::markdown(c, branches)).collect();
                    texts.join("\n").into_bytes()
                }
                "html" => export::html::html(&chats).into_bytes(),
                _ => export::json::to_bytes(&chats)?,
            };
            match output {
                Some(path) => {
                    crate::kernel::files::write_atomic(&path, &bytes, true)?;
                    context.ui.note(&format!("{} in {}", counted(chats.len(), "chat"), path.display()));
                }
                None => context.ui.write(&bytes)?,
            }
            Ok(0)
        }
        What::Import { file } => super::import::take_in(context, &file),
    }
}

/// The chat that is named, or the last one.
fn named(context: &Context, wanted: Option<&str>) -> Result<Session> {
    let store = context.app.store()?;
    match wanted {
        Some(wanted) => within::chat(store, wanted),
        None => store
            .last_session()?
            .ok_or_else(|| Error::new(Kind::NotFound, "there are no chats yet").hint("`fac ask 'hello'` begins one")),
    }
}

fn every(context: &Context) -> Result<Vec<Session>> {
    let store = context.app.store()?;
    let mut all = Vec::new();
    for archived in [false, true] {
        let filter = SessionFilter { archived, ..SessionFilter::default() };
        let mut after = None;
        loop {
            let (page, next) = store.sessions(&filter, after.as_deref(), 500)?;
            all.extend(page);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(all)
}

pub(in crate::cli) fn list(context: &Context, filter: &SessionFilter, after: Option<&str>, limit: usize) -> Result<u8> {
    let (mut sessions, next) = context.app.store()?.sessions(filter, after, limit)?;
    if context.ui.json {
        let list: Vec<_> = sessions.iter().map(SessionView::from).collect();
        context.ui.value(&json!({"sessions": list, "next": next}))?;
        return Ok(0);
    }
    if sessions.is_empty() {
        context.ui.note("no chats; `fac ask 'hello'` begins one");
        return Ok(0);
    }
    sessions.sort_by_key(|s| !s.pinned);
    let mut table = Table::new(&["id", "used", "messages", "model", "chat"]);
    for session in &sessions {
        let pin = if session.pinned { "★ " } else { "" };
        let tags: String = session.tags.iter().map(|t| format!(" #{}", safe_line(t))).collect();
        table.row(vec![
            (session.id.tail(), Some(Role::Dim)),
            (session.updated.local_short(), Some(Role::Dim)),
            (session.messages.to_string(), None),
            (session.model.as_deref().map(|m| safe_line(m).into_owned()).unwrap_or_default(), Some(Role::Dim)),
            (format!("{pin}{}{tags}", called(session)), Some(Role::Name)),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    if next.is_some() {
        context.ui.note("there are more: --limit N shows more at once");
    }
    Ok(0)
}

fn title(context: &Context, session: &Session, text: &str) -> Result<u8> {
    let mut title = text.trim().to_string();
    if title.is_empty() {
        let head = session.head.ok_or_else(|| Error::new(Kind::NotFound, "nothing was said in this chat"))?;
        let signals = StopOnSignals::new()?;
        let models = context.app.models()?;
        let chat = context.app.chat(&models, signals.stop().clone())?;
        title = wait(chat.title(session, head, None))??.ok_or_else(|| Error::new(Kind::Interrupted, "stopped"))?;
    }
    context.app.store()?.edit_session(session.id, &[SessionEdit::Title(Some(title.clone()))])?;
    match context.ui.json {
        true => context.ui.value(&json!({"session": session.id, "title": title}))?,
        false => context.ui.line(&safe_line(&title))?,
    }
    Ok(0)
}
