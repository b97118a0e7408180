//! What is sent for a turn: the path to its question, and summaries of what no longer fits.

use serde_json::json;

use super::super::context::{self, Budget, Fit, Said, Size, Summary};
use super::{Ask, Chat, Progress};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::{Part, Piece, Request, Role, Turn, words};
use crate::providers::{Choice, tokens};
use crate::store::{Message, MessageStatus, NewCall, NewMessage, Session};

impl Chat<'_> {
    /// Everything that is sent, after older turns gave way where they had to. `None` when the person stopped it.
    pub(super) async fn request(
        &self,
        session: &Session,
        ask: &Ask,
        choices: &[Choice],
        progress: &mut Progress<'_, '_>,
    ) -> Result<Option<Request>> {
        let tools: Vec<_> = self.tools.iter().map(|t| t.spec().clone()).collect();
        let first = choices.first();
        loop {
            let name = first.map(Choice::name).unwrap_or_default();
            let mut pieces = self.pieces(session, ask, progress.leaf, &name, false)?;
            let room = |c: &Choice| Some(Budget::new(c.facts.context?, ask.tuning.max_tokens.map(u64::from), 0).room());
            if first.and_then(room).is_some_and(|room| context::total(&pieces).tokens > room / 4 * 3) {
                // Where it matters an estimate is not enough.
                pieces = self.pieces(session, ask, progress.leaf, &name, true)?;
            }
            let request =
                || Request { turns: context::turns(&pieces), tools: tools.clone(), tuning: ask.tuning.clone() };
            let Some(context) = first.and_then(|c| c.facts.context) else { return Ok(Some(request())) };
            let of_tools = tokens::count("", &json!(tools).to_string(), false).tokens;
            let answer = ask.tuning.max_tokens.map(u64::from);
            let budget = Budget::new(context, answer, if tools.is_empty() { 0 } else { of_tools });
            match context::fit(&pieces, budget) {
                Fit::Fits => return Ok(Some(request())),
                Fit::Compact { keep_from } if self.compact => {
                    if self.compact(session, choices, &pieces[..keep_from], budget, progress).await?.is_none() {
                        return Ok(None);
                    }
                }
                Fit::Compact { .. } => {
                    let tokens = context::total(&pieces).tokens;
                    return Err(too_long(tokens, budget)
                        .hint("allow summaries with `fac config set chat.compact true`, or go on in a new chat"));
                }
                Fit::TooLong { tokens, .. } => {
                    return Err(too_long(tokens, budget).hint("shorten it, or name a model with a larger context"));
                }
            }
        }
    }

    /// What would be sent for the path that ends at `leaf`, piece by piece; tokens as `model` counts them. `precise`:
    /// exact where its encoding is known, which takes a moment to load.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn pieces(
        &self,
        session: &Session,
        ask: &Ask,
        leaf: Id,
        model: &str,
        precise: bool,
    ) -> Result<Vec<context::Piece>> {
        let path = self.store.thread(leaf)?;
        let said: Vec<Said> = path.iter().map(said).collect();
        let summaries: Vec<Summary> = self
            .store
            .summaries(session.id)?
            .into_iter()
            .map(|m| Summary { id: m.id, text: m.words, of: m.summary_of })
            .collect();
        let system = ask.system.as_deref().or(session.system.as_deref());
        let count = |text: &str| {
            let count = tokens::count(model, text, precise);
            Size { tokens: count.tokens, exact: count.exact }
        };
        Ok(context::assemble(system, &ask.memories, &summaries, &said, &count))
    }

    /// Has the model write a summary of the older pieces, and keeps it beside the tree. `None` when stopped.
    async fn compact(
        &self,
        session: &Session,
        choices: &[Choice],
        older: &[context::Piece],
        budget: Budget,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Option<()>> {
        let replaced: Vec<Id> = self.replaced_by(session, older)?;
        let notice = format!(
            "this no longer fits into the model's context, so the oldest {} messages are summarized",
            replaced.len()
        );
        progress.recorder.listener.piece(&Piece::Notice(notice));
        let room = usize::try_from(budget.room().saturating_mul(2)).unwrap_or(usize::MAX);
        let request = Request { turns: context::summary_request(older, room), ..Request::default() };
        let new = NewCall { purpose: "summary".to_string(), ..progress.recorder.new.clone() };
        let answer = self.aside(choices, &request, new).await.map_err(|failure| {
            Error::new(Kind::Failed, format!("the older messages could not be summarized: {failure}"))
                .hint("try again, or go on in a new chat")
        })?;
        let Some(answer) = answer else { return Ok(None) };
        let text = words(&answer.parts);
        if text.trim().is_empty() {
            return Err(Error::new(Kind::Failed, "the model gave no summary of the older messages")
                .hint("try again, or name a model with a larger context"));
        }
        let parts = json!([Part::text(text.clone())]);
        self.store.add_message(&NewMessage {
            parent: replaced.last().copied(),
            model: Some(answer.model),
            summary_of: replaced,
            tokens: answer.usage.output,
            ..NewMessage::whole(session.id, Role::System.name(), parts, text)
        })?;
        Ok(Some(()))
    }

    /// The messages that a summary of these pieces stands for: a summary among them stands for its own.
    fn replaced_by(&self, session: &Session, older: &[context::Piece]) -> Result<Vec<Id>> {
        let mut ids = Vec::new();
        for piece in older {
            match (piece.why, piece.id) {
                (context::Why::Summary, Some(id)) => {
                    let summary = self.store.summaries(session.id)?.into_iter().find(|m| m.id == id);
                    ids.extend(summary.map(|m| m.summary_of).unwrap_or_default());
                }
                (context::Why::Message, Some(id)) => ids.push(id),
                _ => {}
            }
        }
        Ok(ids)
    }
}

fn too_long(tokens: u64, budget: Budget) -> Error {
    let said = format!(
        "this chat has about {tokens} tokens, and {} of the model's {} are left for it",
        budget.room(),
        budget.context
    );
    Error::new(Kind::Usage, said)
}

/// A stored message as the model hears it again.
pub fn said(message: &Message) -> Said {
    let parts: Vec<Part> = serde_json::from_value(message.parts.clone()).unwrap_or_default();
    let role = Role::parse(&message.role).unwrap_or(Role::User);
    let whole = message.status == MessageStatus::Done;
    // Wishes of an answer that did not end as it should were never acted on.
    let parts = parts.into_iter().filter(|p| whole || !matches!(p, Part::ToolCall(_))).collect();
    Said { id: message.id, turn: Turn { role, parts }, whole }
}
