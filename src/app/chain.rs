//! Questions in a row, each of which is given what the one before it was answered; and questions side by side.
//!
//! What was answered before a failure is kept. Who hears the answers is handed in.

use std::time::Duration;

use super::App;
use super::compare::too_slow;
use super::models::budget_check;
use crate::chat::attach;
use crate::chat::driver::{Ask, Listener, Outcome, within};
use crate::chat::policy::Nobody;
use crate::chat::saying::title;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::providers::Models;
use crate::providers::model::{Part, Tuning};
use crate::store::{NewSession, Session};

/// The most steps of a chain.
pub const MOST: usize = 10;
/// Where a step wants the answer before it; without it the answer goes along as a file.
const INPUT: &str = "{{input}}";

/// Questions in a row.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The questions.
    pub steps: Vec<String>,
    /// A model for all, or one for each, or none; an empty name is the usual one.
    pub models: Vec<String>,
    /// What the models are told before.
    pub system: Option<String>,
    /// How to answer.
    pub tuning: Tuning,
    /// How long each may take.
    pub limit: Option<Duration>,
}

impl Chain {
    /// Says no to what is no chain.
    ///
    /// # Errors
    /// `Usage` for too many or no steps, and where models and steps do not go together.
    pub fn check(&self) -> Result<()> {
        let steps = self.steps.len();
        if steps == 0 || steps > MOST {
            return Err(Error::new(Kind::Usage, format!("a chain has 1 to {MOST} steps, not {steps}"))
                .hint("fac chain 'summarize this' 'translate it into German'"));
        }
        if self.models.len() > 1 && self.models.len() != steps {
            let said = format!("{} models for {steps} steps", self.models.len());
            return Err(Error::new(Kind::Usage, said).hint("name one model for all steps, or one for each"));
        }
        Ok(())
    }

    /// The model of a step.
    pub fn model(&self, step: usize) -> Option<&String> {
        self.models.get(step).or_else(|| self.models.first()).filter(|name| !name.is_empty())
    }
}

/// What a step is given.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Files that go along.
    pub files: Vec<Part>,
    /// A text and what it is called.
    pub text: Option<(String, String)>,
}

impl Input {
    /// The step with the text in its place, or with it as a file beside it.
    fn joined(self, step: &str, limit: u64) -> Result<Vec<Part>> {
        let mut parts = self.files;
        match self.text.filter(|(_, text)| !text.is_empty()) {
            Some((_, text)) if step.contains(INPUT) => parts.push(Part::text(step.replacen(INPUT, &text, 1))),
            Some((name, text)) => {
                parts.push(attach::part(&name, text.into_bytes(), limit)?);
                parts.push(Part::text(step));
            }
            None => parts.push(Part::text(step)),
        }
        Ok(parts)
    }
}

impl App {
    /// The chat of a chain.
    ///
    /// # Errors
    /// Those of [`Chain::check`] and of the store.
    pub fn begin_chain(&self, chain: &Chain) -> Result<Session> {
        chain.check()?;
        self.store()?.begin_session(&NewSession {
            title: Some(title(&chain.steps.join(" → "))),
            system: chain.system.clone(),
            ..NewSession::default()
        })
    }

    /// Asks one step of a chain; `stop` ends it, as `all` does, and its time.
    ///
    /// # Errors
    /// What keeps it from beginning; everything later is part of the outcome.
    pub async fn link(
        &self,
        (models, session, chain): (&Models, &Session, &Chain),
        (number, input): (usize, Input),
        listener: &mut dyn Listener,
        (stop, all): (&Stop, &Stop),
    ) -> Result<Outcome> {
        let Some(step) = chain.steps.get(number) else {
            return Err(Error::new(Kind::Usage, format!("the chain has no step {}", number + 1)));
        };
        let chat = self.chat(models, stop.clone())?;
        let ask = Ask {
            parts: Some(input.joined(step, self.largest_attachment()?)?),
            model: chain.model(number).cloned(),
            tuning: chain.tuning.clone(),
            purpose: "chain".to_string(),
            ..Ask::default()
        };
        let mut nobody = Nobody;
        within(chat.turn(session, &ask, listener, &mut nobody), stop, all, chain.limit).await
    }

    /// Whether a step may be asked: today's budget is not spent. Gives the warning that is due.
    ///
    /// # Errors
    /// `Refused` when it is.
    pub fn may_link(&self) -> Result<Option<String>> {
        budget_check(self)
    }
}

/// What the step after one is given.
pub fn passed_on(number: usize, text: String) -> Input {
    Input { files: Vec::new(), text: Some((format!("answer-{}.md", number + 1), text)) }
}

/// It was stopped since its time was over.
pub fn late(limit: Duration) -> Error {
    too_slow(limit)
}
