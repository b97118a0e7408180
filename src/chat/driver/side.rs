//! What is asked beside a chat: it is counted, and leaves no message.

use super::{Chat, Listener, stopped};
use crate::chat::record::Recorder;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::{Answer, Piece, Request, Role, Turn, words};
use crate::providers::{Choice, Failure, Needs};
use crate::store::{NewCall, Session};

/// The most characters of a chat that a title is made from.
const TITLED: usize = 6_000;

impl Chat<'_> {
    /// Asks something beside the chat: it is counted, and leaves no message. `None` when stopped.
    pub(super) async fn aside(
        &self,
        choices: &[Choice],
        request: &Request,
        new: NewCall,
    ) -> std::result::Result<Option<Answer>, Failure> {
        let mut silent = Silent;
        let mut recorder = Recorder::new(self.store, &mut silent, new);
        let asked = self.models.ask(choices, request, false, &mut recorder);
        let answered = tokio::select! {
            answered = asked => Some(answered),
            () = stopped(&self.stop) => None,
        };
        match answered {
            Some(answered) => answered.map(Some),
            None => {
                recorder.cancel();
                Ok(None)
            }
        }
    }

    /// One question beside every chat, and the words of its answer. `None` when stopped.
    ///
    /// # Errors
    /// No model, or its failure.
    pub async fn one_answer(&self, purpose: &str, system: &str, question: &str) -> Result<Option<String>> {
        let needs = Needs { task: purpose.to_string(), ..Needs::default() };
        let choices = self.models.resolve(None, &needs).await?;
        let turns = vec![Turn::text(Role::System, system), Turn::text(Role::User, question)];
        let new = NewCall { purpose: needs.task, ..NewCall::default() };
        let answer = self.aside(&choices, &Request { turns, ..Request::default() }, new).await?;
        Ok(answer.map(|answer| words(&answer.parts)))
    }

    /// Has the model find a title for what was said up to `leaf`. `None` when stopped.
    ///
    /// # Errors
    /// No model, or its failure, or an answer without words.
    pub async fn title(&self, session: &Session, leaf: Id, model: Option<&str>) -> Result<Option<String>> {
        let needs = Needs { task: "title".to_string(), ..Needs::default() };
        let choices = self.models.resolve(model.or(session.model.as_deref()), &needs).await?;
        let said: Vec<String> =
            self.store.thread(leaf)?.into_iter().map(|m| format!("{}: {}", m.role, m.words)).collect();
        let said: String = said.join("\n\n").chars().take(TITLED).collect();
        let question = format!(
            "Give this conversation a title of at most six words, in its own language. Answer with the title alone.\n\n\
             <conversation>\n{said}\n</conversation>"
        );
        let request = Request { turns: vec![Turn::text(Role::User, question)], ..Request::default() };
        let new = NewCall { session: Some(session.id), purpose: needs.task, ..NewCall::default() };
        let Some(answer) = self.aside(&choices, &request, new).await? else { return Ok(None) };
        let text = words(&answer.parts);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let title: String = line.trim_matches(['"', '*', '#', '\'', ' ', '.']).chars().take(80).collect();
        if title.is_empty() {
            return Err(Error::new(Kind::Failed, "the model gave no title").hint("write one yourself"));
        }
        Ok(Some(title))
    }
}

/// Hears nothing.
pub struct Silent;

impl Listener for Silent {
    fn piece(&mut self, _piece: &Piece) {}
    fn tool_begins(&mut self, _origin: &str, _preview: &str) {}
    fn tool_ended(&mut self, _origin: &str, _said: &str, _failed: bool) {}
}
