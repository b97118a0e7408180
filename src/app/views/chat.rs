//! Chats as they are shown: sessions, messages, answers, what would be sent.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::problem::ErrorView;
use crate::app::chats::Pieces;
use crate::chat::context::Piece;
use crate::chat::driver::{Ended, Outcome};
use crate::kernel::error::Error;
use crate::providers::model::{Finish, Usage};
use crate::store::{Message, Reaction, Session};

/// A chat.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Its name, unique.
    pub name: Option<String>,
    /// What it is about.
    pub title: Option<String>,
    /// The model that it uses when none is named.
    pub model: Option<String>,
    /// Its labels.
    pub tags: Vec<String>,
    /// Whether it stands before the others.
    pub pinned: bool,
    /// Whether lists leave it out.
    pub archived: bool,
    /// How many messages it has, on all branches.
    pub messages: u64,
    /// The message at which it goes on.
    pub head: Option<String>,
    /// When it began.
    pub created: String,
    /// When something was last said in it.
    pub updated: String,
    /// The program that it was imported from.
    pub imported_from: Option<String>,
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> SessionView {
        SessionView {
            id: session.id.to_string(),
            name: session.name.clone(),
            title: session.title.clone(),
            model: session.model.clone(),
            tags: session.tags.clone(),
            pinned: session.pinned,
            archived: session.archived,
            messages: session.messages,
            head: session.head.map(|id| id.to_string()),
            created: session.created.to_string(),
            updated: session.updated.to_string(),
            imported_from: session.imported_from.clone(),
        }
    }
}

/// A message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// The message that it follows.
    pub parent: Option<String>,
    /// user, assistant, tool or system.
    pub role: String,
    /// pending, done, failed, cancelled or cut_off.
    pub status: &'static str,
    /// The model that said it.
    pub model: Option<String>,
    /// Its words.
    pub text: String,
    /// Its pieces.
    pub parts: Json,
    /// The messages that it stands for.
    pub summary_of: Vec<String>,
    /// When it was said, or begun.
    pub created: String,
    /// When it was whole or given up.
    pub finished: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// Its files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub attachments: Vec<AttachmentView>,
    /// How people answered it with a sign.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub reactions: Vec<ReactionView>,
}

impl From<&Message> for MessageView {
    fn from(message: &Message) -> MessageView {
        MessageView {
            id: message.id.to_string(),
            parent: message.parent.map(|id| id.to_string()),
            role: message.role.clone(),
            status: message.status.name(),
            model: message.model.clone(),
            text: message.words.clone(),
            parts: message.parts.clone(),
            summary_of: message.summary_of.iter().map(ToString::to_string).collect(),
            created: message.created.to_string(),
            finished: message.finished.map(|t| t.to_string()),
            error: message.error.clone(),
            attachments: attachments(message),
            reactions: Vec::new(),
        }
    }
}

impl MessageView {
    /// The same without the bytes of its files, with the signs that people put on it.
    pub fn light(message: &Message, reactions: &[Reaction]) -> MessageView {
        let mut view = MessageView::from(message);
        for part in view.parts.as_array_mut().into_iter().flatten().filter_map(Json::as_object_mut) {
            if part.get("type").and_then(Json::as_str) == Some("file") {
                part.shift_remove("data");
                part.shift_remove("bytes");
            }
        }
        view.marked(message, reactions)
    }

    /// The same with the signs that people put on it.
    pub fn marked(self, message: &Message, reactions: &[Reaction]) -> MessageView {
        let its = reactions.iter().filter(|one| one.message == message.id);
        let reactions =
            its.map(|one| ReactionView { sign: one.sign.clone(), count: one.count, mine: one.mine }).collect();
        MessageView { reactions, ..self }
    }
}

/// A file of a message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AttachmentView {
    /// Its id: that of the message, and its place there.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it is, such as `image/png`.
    pub mime: String,
    /// How large it is, roughly; null where nobody knows.
    pub bytes: Option<u64>,
}

fn attachments(message: &Message) -> Vec<AttachmentView> {
    let parts = message.parts.as_array().into_iter().flatten().enumerate();
    let text = |part: &Json, key: &str| part.get(key).and_then(Json::as_str).unwrap_or_default().to_string();
    let files = parts.filter(|(_, part)| part.get("type").and_then(Json::as_str) == Some("file"));
    files
        .filter(|(_, part)| part.get("url").is_none_or(Json::is_null))
        .map(|(n, part)| AttachmentView {
            id: format!("{}.{n}", message.id),
            name: text(part, "name"),
            mime: text(part, "mime"),
            bytes: match part.get("bytes").and_then(Json::as_u64) {
                Some(bytes) => Some(bytes),
                None => part.get("data").and_then(Json::as_str).map(|data| data.len() as u64 / 4 * 3),
            },
        })
        .collect()
}

/// A sign that people put on a message.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReactionView {
    /// The sign.
    pub sign: String,
    /// How many put it there.
    pub count: u64,
    /// Whether whoever asks is one of them.
    pub mine: bool,
}

/// A chat with messages of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WholeSession {
    /// The chat.
    pub session: SessionView,
    /// The messages.
    pub messages: Vec<MessageView>,
}

/// An answer.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct AnswerView {
    /// The id of its chat; null where nothing was kept.
    pub session: Option<String>,
    /// The id of its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `provider/model` that gave it.
    pub model: String,
    /// done, length, filtered, limited, cut_off, cancelled or failed.
    pub status: &'static str,
    /// Its words.
    pub text: String,
    /// Tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokensView>,
    /// What it cost where the price is known, dollars.
    pub cost_usd: Option<f64>,
    /// Requests that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// Whether it came from our own cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_cache: Option<bool>,
    /// Milliseconds to its first piece.
    pub first_token_ms: Option<u64>,
    /// Milliseconds to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The model as it was asked for, where several were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// The answer as JSON, where a schema was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// What does not fit that schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<String>>,
    /// Its first block of code, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extracted: Option<String>,
}

impl AnswerView {
    /// What came of a turn, in one word `status`.
    pub fn of(session: &Session, outcome: &Outcome, status: &'static str) -> AnswerView {
        let totals = &outcome.totals;
        AnswerView {
            session: Some(session.id.to_string()),
            message: Some(outcome.answer.to_string()),
            model: outcome.model.clone(),
            status,
            text: outcome.text(),
            usage: Some(TokensView::from(&totals.usage)),
            cost_usd: totals.cost_micros.map(|micros| micros as f64 / 1e6),
            calls: Some(totals.calls),
            from_cache: Some(totals.from_cache),
            first_token_ms: totals.first_token_ms,
            duration_ms: Some(outcome.duration_ms),
            ..AnswerView::default()
        }
    }

    /// What came of a turn that could not begin.
    pub fn none(session: &Session, model: &str, error: &Error) -> AnswerView {
        AnswerView {
            session: Some(session.id.to_string()),
            model: model.to_string(),
            status: "failed",
            error: Some(ErrorView::with_code(error)),
            ..AnswerView::default()
        }
    }

    /// The same with what went wrong.
    pub fn but(self, error: Option<&Error>) -> AnswerView {
        AnswerView { error: error.map(ErrorView::with_code), ..self }
    }
}

/// The word for how a turn ended.
pub fn status_of(ended: &Ended) -> &'static str {
    match ended {
        Ended::Well(Finish::Length) => "length",
        Ended::Well(Finish::Filtered) => "filtered",
        Ended::Well(_) => "done",
        Ended::Limited(_) => "limited",
        Ended::CutOff => "cut_off",
        Ended::Cancelled => "cancelled",
        Ended::Failed(_) => "failed",
    }
}

/// Tokens that an answer took; null is not known.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TokensView {
    /// In.
    pub input: Option<u64>,
    /// Out.
    pub output: Option<u64>,
    /// In, from the provider's cache.
    pub cached: Option<u64>,
    /// In, written to it.
    pub cache_written: Option<u64>,
    /// Out, of reasoning.
    pub reasoning: Option<u64>,
}

impl From<&Usage> for TokensView {
    fn from(usage: &Usage) -> TokensView {
        TokensView {
            input: usage.input,
            output: usage.output,
            cached: usage.cached,
            cache_written: usage.cache_written,
            reasoning: usage.reasoning,
        }
    }
}

/// What would be sent with the next question.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ContextView {
    /// Piece by piece.
    pub pieces: Vec<PieceView>,
    /// Tokens of all of it.
    pub tokens: u64,
    /// Whether they are counted and not estimated.
    pub exact: bool,
    /// The model that would be asked; empty when there is none.
    pub model: String,
    /// Its context, tokens.
    pub context: Option<u64>,
}

impl From<&Pieces> for ContextView {
    fn from(pieces: &Pieces) -> ContextView {
        ContextView {
            pieces: pieces.all.iter().map(PieceView::from).collect(),
            tokens: pieces.total.tokens,
            exact: pieces.total.exact,
            model: pieces.model.clone(),
            context: pieces.window,
        }
    }
}

/// A piece of what would be sent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PieceView {
    /// Why it is there.
    pub why: &'static str,
    /// The id of its message.
    pub message: Option<String>,
    /// Who says it.
    pub role: &'static str,
    /// Its tokens.
    pub tokens: u64,
    /// Whether they are counted and not estimated.
    pub exact: bool,
    /// Its words.
    pub text: String,
}

impl From<&Piece> for PieceView {
    fn from(piece: &Piece) -> PieceView {
        PieceView {
            why: piece.why.name(),
            message: piece.id.map(|id| id.to_string()),
            role: piece.turn.role.name(),
            tokens: piece.size.tokens,
            exact: piece.size.exact,
            text: piece.turn.words(),
        }
    }
}

/// What became of a comparison.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ComparedView {
    /// The id of its chat.
    pub session: String,
    /// The id of the question.
    pub question: String,
    /// How many models were asked.
    pub models: usize,
    /// How many answered.
    pub answered: usize,
    /// How many did not.
    pub failed: usize,
    /// The id of the answer that the chat goes on with.
    pub head: Option<String>,
    /// What it cost where all prices are known, dollars.
    pub cost_usd: Option<f64>,
    /// Milliseconds in all.
    pub duration_ms: u64,
}
