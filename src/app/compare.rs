//! One question to several models at the same time. The question is kept once and each answer follows it, so that a
//! comparison is a chat with branches. Who hears the answers while they come is handed in.

use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;

use super::App;
use super::models::this_process;
use super::views::chat::{AnswerView, ComparedView, status_of};
use crate::chat::driver::{Ask, Listener, Outcome, Silent, within};
use crate::chat::filter::{self, Way};
use crate::chat::policy::Nobody;
use crate::chat::saying::{fault, title};
use crate::exec::Stop;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::{Part, Role, Tuning, words};
use crate::providers::{Choice, Models, Needs};
use crate::store::{NewMessage, NewSession, Session, SessionEdit};

/// The most models that are asked in one go.
pub const MOST: usize = 16;

/// A question to several.
#[derive(Clone, Debug, Default)]
pub struct Comparing {
    /// The models, as typed.
    pub models: Vec<String>,
    /// The question.
    pub parts: Vec<Part>,
    /// The words that its chat is called after; those of the question where there are none.
    pub title: String,
    /// What the models are told before.
    pub system: Option<String>,
    /// How to answer.
    pub tuning: Tuning,
    /// Whether nothing of it is kept.
    pub temporary: bool,
}

/// How it is asked.
#[derive(Clone, Debug)]
pub struct Manner {
    /// How many are asked at the same time.
    pub parallel: usize,
    /// How long each may take.
    pub limit: Option<Duration>,
    /// Whether an answer may come from the cache.
    pub use_cache: bool,
    /// Remembered things that go along.
    pub memories: Vec<String>,
    /// The way forward from an answer that is not whole.
    pub kept: &'static str,
    /// Ends all.
    pub stop: Stop,
}

/// Who is meant by a name, or why nobody.
pub type Chosen = Result<Choice>;

/// A question that is kept, and how it is to be answered.
pub struct Comparison {
    /// The chat that it is.
    pub session: Session,
    /// The question's message.
    pub question: Id,
    /// The models, as typed.
    pub asked: Vec<String>,
    /// The models, as `provider/model` where there is one.
    pub names: Vec<String>,
    tuning: Tuning,
}

/// How one model fared.
pub struct Verdict {
    /// What was typed.
    pub asked: String,
    /// `provider/model`, or what was typed where that is nobody.
    pub name: String,
    /// The end of its turn; `None` where it could not begin.
    pub outcome: Option<Outcome>,
    /// In one word.
    pub status: &'static str,
    /// What went wrong.
    pub error: Option<Error>,
}

impl Verdict {
    /// As it is shown.
    pub fn view(&self, session: &Session) -> AnswerView {
        let view = match &self.outcome {
            Some(outcome) => AnswerView::of(session, outcome, self.status).but(self.error.as_ref()),
            None => AnswerView { session: Some(session.id.to_string()), status: self.status, ..AnswerView::default() }
                .but(self.error.as_ref()),
        };
        AnswerView { asked: Some(self.asked.clone()), model: self.name.clone(), ..view }
    }
}

impl App {
    /// Finds the models and puts the question on the disk, before anybody hears of it.
    ///
    /// # Errors
    /// When nobody can be asked; then nothing is kept.
    pub async fn begin_comparison(&self, models: &Models, wish: &Comparing) -> Result<(Comparison, Vec<Chosen>)> {
        if wish.models.len() < 2 {
            return Err(Error::new(Kind::Usage, "one model alone cannot be compared")
                .hint("name another with -m, or use `fac ask`"));
        }
        if wish.models.len() > MOST {
            return Err(Error::new(Kind::Usage, format!("{} models are more than {MOST}", wish.models.len())));
        }
        let choices = resolve(models, &wish.models).await;
        if !choices.iter().any(Result::is_ok) {
            let error = choices.into_iter().find_map(Result::err);
            return Err(error.unwrap_or_else(|| Error::new(Kind::Usage, "no model was named")));
        }
        let filters = self.plugins()?.filters()?;
        let passed = filter::parts(&filters, Way::Prompt, wish.parts.clone(), &mut Silent).await;
        let hint = "nothing was kept or sent; `fac plugin ls` lists who reads what you say";
        let parts = passed.map_err(|why| Error::new(Kind::Refused, why).hint(hint))?;
        let is_changed = words(&parts) != words(&wish.parts);
        let store = self.store()?;
        let named = |(typed, choice): (&String, &Chosen)| choice.as_ref().map_or_else(|_| typed.clone(), Choice::name);
        let names: Vec<String> = wish.models.iter().zip(&choices).map(named).collect();
        // What was taken out of it is no title either.
        let called = match wish.title.trim().is_empty() || is_changed {
            true => title(&words(&parts)),
            false => title(&wish.title),
        };
        let session = store.begin_session(&NewSession {
            title: Some(called).filter(|t| !t.is_empty()),
            model: choices.iter().find_map(|c| Some(c.as_ref().ok()?.name())),
            system: wish.system.clone(),
            temporary: wish.temporary.then(this_process),
            ..NewSession::default()
        })?;
        let said = NewMessage::whole(session.id, Role::User.name(), json!(parts), words(&parts));
        let question = store.add_message(&said)?;
        let (asked, tuning) = (wish.models.clone(), wish.tuning.clone());
        Ok((Comparison { session, question, asked, names, tuning }, choices))
    }

    /// Asks everybody, some at a time; gives each verdict with its place among the models as soon as it is there.
    pub fn verdicts<'a, L: Listener + 'a>(
        &'a self,
        models: &'a Models,
        comparison: &'a Comparison,
        choices: Vec<Chosen>,
        manner: &'a Manner,
        listener: impl Fn(usize) -> L + 'a,
    ) -> impl Stream<Item = Result<(usize, Verdict)>> + 'a {
        let turns = choices.into_iter().enumerate().map(move |(at, choice)| {
            let mut ear = listener(at);
            async move {
                let own = Stop::new()?;
                let turn = async {
                    let choice = choice?;
                    let mut chat = self.chat(models, own.clone())?;
                    chat.use_cache &= manner.use_cache;
                    let ask = Ask {
                        parent: Some(comparison.question),
                        model: Some(choice.name()),
                        alone: true,
                        tuning: comparison.tuning.clone(),
                        purpose: "compare".to_string(),
                        memories: manner.memories.clone(),
                        ..Ask::default()
                    };
                    chat.turn(&comparison.session, &ask, &mut ear, &mut Nobody).await
                };
                let result = within(turn, &own, &manner.stop, manner.limit).await;
                Ok((at, verdict(comparison, at, result, manner)))
            }
        });
        stream::iter(turns).buffer_unordered(manner.parallel.clamp(1, MOST))
    }

    /// Chooses the branch that the chat goes on with, and sums up. Of a temporary one nothing stays.
    ///
    /// # Errors
    /// Those of the store.
    pub fn end_comparison(
        &self,
        comparison: &Comparison,
        verdicts: &[Verdict],
        took: Duration,
    ) -> Result<ComparedView> {
        let (store, session) = (self.store()?, &comparison.session);
        let answered = verdicts.iter().filter(|v| v.error.is_none()).count();
        let best =
            verdicts.iter().find(|v| v.error.is_none()).or_else(|| verdicts.iter().find(|v| v.outcome.is_some()));
        let head = best.and_then(|v| Some((v.outcome.as_ref()?.answer, &v.name)));
        if session.temporary {
            store.remove_session(session.id)?;
        } else if let Some((answer, name)) = head {
            let model = SessionEdit::Model(Some(name.clone()));
            store.edit_session(session.id, &[SessionEdit::Head(Some(answer)), model])?;
        }
        let cost: Option<i64> = verdicts.iter().filter_map(|v| v.outcome.as_ref()).map(|o| o.totals.cost_micros).sum();
        Ok(ComparedView {
            session: session.id.to_string(),
            question: comparison.question.to_string(),
            models: verdicts.len(),
            answered,
            failed: verdicts.len() - answered,
            head: head.map(|(answer, _)| answer.to_string()),
            cost_usd: cost.map(|micros| micros as f64 / 1e6),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Who is meant by each name.
async fn resolve(models: &Models, typed: &[String]) -> Vec<Chosen> {
    let mut choices = Vec::new();
    for typed in typed {
        let found = models.resolve(Some(typed), &Needs { task: "compare".to_string(), ..Needs::default() }).await;
        let nobody = || Error::new(Kind::NotFound, format!("no provider has a model `{typed}`"));
        choices.push(found.and_then(|found| found.into_iter().next().ok_or_else(nobody)));
    }
    choices
}

/// What became of one.
fn verdict(comparison: &Comparison, at: usize, result: Result<Outcome>, manner: &Manner) -> Verdict {
    let (asked, name) = (comparison.asked[at].clone(), comparison.names[at].clone());
    match result {
        Ok(mut outcome) => {
            let status = status_of(&outcome.ended);
            let error = fault(&mut outcome, comparison.tuning.max_tokens.is_some(), manner.kept);
            // The time it had, where nobody else stopped it.
            let limit = manner.limit.filter(|_| !manner.stop.is_requested());
            let error = match limit.filter(|_| status == "cancelled") {
                Some(limit) => Some(too_slow(limit)),
                None => error,
            };
            Verdict { asked, name, outcome: Some(outcome), status, error }
        }
        Err(error) => Verdict { asked, name, outcome: None, status: "failed", error: Some(error) },
    }
}

/// It was not there in its time.
pub(super) fn too_slow(limit: Duration) -> Error {
    let time = human_ms(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    Error::new(Kind::TimedOut, format!("not whole within {time}")).hint("give it longer with --timeout")
}
