//! One question and its answer, carried out on a thread of its own: what comes is posted at most once a frame.

use std::io::empty;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Answer, post, reads};
use crate::app::models::{budget_check, this_process};
use crate::app::runtime::patient;
use crate::chat::driver::{self, Ended, Listener, Outcome};
use crate::chat::policy::{Question, Verdict};
use crate::chat::{attach, saying};
use crate::commands::tool::Wanted;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::kernel::terminal::safe_line;
use crate::providers::model::{Part, Piece, Tuning};
use crate::store::{NewSession, Session};
use crate::tui::happening::{Fault, ReplyTo};
use crate::tui::jobs::Desk;
use crate::tui::permission::{Person, Teller};
use crate::voice::aloud::Speaking;

/// Pieces are gathered for so long.
const FRAME: Duration = Duration::from_millis(25);

/// A question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// The lane it runs in, by which the tab knows it.
    pub lane: String,
    /// The chat; `None` begins one.
    pub session: Option<Id>,
    /// What it follows; where there is no text, the question to answer.
    pub parent: Option<Id>,
    /// Whether the chat was not read yet, so that nobody knows what the question follows.
    pub unread: bool,
    /// The message that is to be shown once it was read.
    pub to: Option<Id>,
    /// The question; `None` to answer the one at `parent` again.
    pub text: Option<String>,
    /// Files that go along.
    pub files: Vec<String>,
    /// The model, where it is not the chat's.
    pub model: Option<String>,
    /// The system text of a chat that begins.
    pub system: Option<String>,
    /// How to answer.
    pub tuning: Tuning,
    /// The tools on offer.
    pub tools: Vec<String>,
    /// The question that this one takes the place of.
    pub replaces: Option<Id>,
    /// The name of a chat that begins.
    pub name: Option<String>,
    /// Whether a chat that begins is forgotten when it ends.
    pub temporary: bool,
    /// Whether the answer is read aloud as it comes.
    pub aloud: bool,
}

/// What happens in a turn.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The chat that it belongs to.
    Begun(Box<Session>),
    /// The row of an answer is on the disk.
    Awaited(Id),
    /// Words.
    Text(String),
    /// Thoughts.
    Thought(String),
    /// A word beside the talk.
    Notice(String),
    /// A tool begins: what it is, what runs.
    ToolBegins(String, String),
    /// A tool is done: what it is, what it said, whether it failed.
    ToolEnded(String, String, bool),
    /// A tool wants to be allowed.
    Asks(Question, ReplyTo<Verdict>),
    /// It is over.
    Ended(End),
}

/// How a turn was.
#[derive(Debug, Default, PartialEq)]
pub struct End {
    /// Whether the question is on the disk.
    pub asked: bool,
    /// What kept it from ending simply well.
    pub fault: Option<Fault>,
    /// Who answered.
    pub model: String,
}

/// Carries a question out.
pub fn work(ask: &Ask, desk: &Desk<'_>) {
    let guard = Guard { lane: &ask.lane, desk, over: std::cell::Cell::new(false) };
    let end = match carry_out(ask, desk) {
        Ok(end) => end,
        Err(error) => End { fault: Some(Fault::from(error)), ..End::default() },
    };
    guard.over.set(true);
    post(desk, Answer::Turn(ask.lane.clone(), Box::new(Step::Ended(end))));
}

/// Says that a turn is over even when it ends in a panic.
struct Guard<'a> {
    lane: &'a str,
    desk: &'a Desk<'a>,
    over: std::cell::Cell<bool>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.over.get() {
            post(
                self.desk,
                Answer::Turn(self.lane.to_string(), Box::new(Step::Ended(End { asked: true, ..End::default() }))),
            );
        }
    }
}

fn carry_out(ask: &Ask, desk: &Desk<'_>) -> Result<End> {
    let (app, store) = (desk.app, desk.app.store()?);
    let say = |step| post(desk, Answer::Turn(ask.lane.clone(), Box::new(step)));
    budget_check(app)?.into_iter().for_each(|said| say(Step::Notice(said)));
    let parts = parts(ask, desk)?;
    let queue = Queue { aloud: begin_aloud(ask, desk, &say), ..Queue::default() };
    let flush = || queue.take().into_iter().for_each(&say);
    let post = |question: Question, reply: ReplyTo<Verdict>| {
        flush();
        say(Step::Asks(question, reply));
    };
    let mut person = Person { post, stop: desk.stop.clone() };
    let notice = |said: String| say(Step::Notice(said));
    let wanted = Wanted { typed: &ask.tools, ..Wanted::default() };
    let kit = app.kit(wanted, &mut Teller { say: &notice, asker: &mut person })?;
    let models = app.models()?;
    let fresh = ask.session.is_none();
    let session = match ask.session {
        Some(id) => store.session_by_id(id)?,
        None => store.begin_session(&NewSession {
            title: ask.text.as_deref().map(saying::title).filter(|title| !title.is_empty()),
            model: ask.model.clone(),
            system: ask.system.clone(),
            name: ask.name.clone(),
            temporary: ask.temporary.then(this_process),
            ..NewSession::default()
        })?,
    };
    say(Step::Begun(Box::new(session.clone())));
    // It goes behind what will be shown.
    let parent = if ask.unread { reads::thread(desk, session.id, None, reads::PAGE, ask.to)?.leaf } else { ask.parent };
    let question = driver::Ask {
        parent,
        parts,
        model: ask.model.clone(),
        tuning: ask.tuning.clone(),
        purpose: "chat".to_string(),
        memories: app.memories()?,
        ..driver::Ask::default()
    };
    let mut chat = app.chat(&models, desk.stop.clone())?;
    let runtime = patient()?;
    let mut listener = queue.clone();
    let outcome = runtime.block_on(async {
        let gathered = kit.gather(app, desk.stop, &mut Teller { say: &notice, asker: &mut person }).await?;
        // Where that was stopped the turn that follows sees it too.
        chat.tools = gathered.unwrap_or_default();
        let outcome = tokio::select! {
            outcome = chat.turn(&session, &question, &mut listener, &mut person) => outcome,
            () = pace(&flush) => Err(Error::new(Kind::Failed, "nobody waited for the answer")),
        };
        kit.close().await;
        outcome
    });
    flush();
    app.speaking.finish();
    if !matches!(&outcome, Ok(outcome) if !matches!(outcome.ended, Ended::Cancelled)) {
        app.speaking.hush();
    }
    kit.settle(app)?;
    runtime.shutdown_background();
    match outcome {
        Ok(outcome) => ended(ask, outcome, desk),
        Err(error) => {
            if fresh {
                // Nothing was said in it.
                store.remove_session(session.id)?;
            }
            Err(error)
        }
    }
}

/// What is read aloud falls silent, and this answer is read where that is wanted and possible.
fn begin_aloud(ask: &Ask, desk: &Desk<'_>, say: &dyn Fn(Step)) -> Option<Speaking> {
    desk.app.speaking.hush();
    if !ask.aloud {
        return None;
    }
    match desk.app.read_aloud() {
        Ok(()) => Some(desk.app.speaking.clone()),
        Err(error) => {
            let hint = error.way_forward().map_or(String::new(), |hint| format!(" ({hint})"));
            say(Step::Notice(safe_line(&format!("not read aloud: {}{hint}", error.full_message())).into_owned()));
            None
        }
    }
}

/// The question with its files; `None` where an old one is answered again.
fn parts(ask: &Ask, desk: &Desk<'_>) -> Result<Option<Vec<Part>>> {
    let Some(text) = &ask.text else { return Ok(None) };
    let limit = desk.app.largest_attachment()?;
    let mut parts = Vec::with_capacity(ask.files.len() + 1);
    for file in &ask.files {
        parts.push(attach::read(file, &mut empty(), limit)?);
    }
    if !text.is_empty() {
        parts.push(Part::text(text.clone()));
    }
    Ok(Some(parts))
}

fn ended(ask: &Ask, mut outcome: Outcome, desk: &Desk<'_>) -> Result<End> {
    let well = matches!(outcome.ended, Ended::Well(_) | Ended::Limited(_));
    // Until there is another answer the old one stays.
    if let Some(old) = ask.replaces.filter(|_| well) {
        desk.app.store()?.remove_message(old)?;
        desk.app.drop_erased()?;
    }
    let shown = matches!(outcome.ended, Ended::Failed(_) | Ended::Cancelled | Ended::CutOff);
    let trouble = outcome.trouble.take();
    let model = outcome.model.clone();
    let fault = saying::fault(&mut outcome, ask.tuning.max_tokens.is_some(), "what came is kept");
    // What the row of the answer says is not said twice.
    let fault = trouble.or(fault.filter(|_| !shown)).map(Fault::from);
    Ok(End { asked: true, fault, model })
}

/// Posts what was gathered, again and again.
async fn pace(flush: &dyn Fn()) {
    loop {
        tokio::time::sleep(FRAME).await;
        flush();
    }
}

/// What happened and was not posted yet.
#[derive(Clone, Default)]
struct Queue {
    steps: Arc<Mutex<Vec<Step>>>,
    /// Whoever reads the words aloud.
    aloud: Option<Speaking>,
}

impl Queue {
    fn put(&self, step: Step) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        match (steps.last_mut(), step) {
            (Some(Step::Text(all)), Step::Text(more)) | (Some(Step::Thought(all)), Step::Thought(more)) => {
                all.push_str(&more);
            }
            (_, step) => steps.push(step),
        }
    }

    fn take(&self) -> Vec<Step> {
        std::mem::take(&mut *self.steps.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Listener for Queue {
    fn awaited(&mut self, answer: Id) {
        self.put(Step::Awaited(answer));
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(text) => {
                if let Some(speaking) = &self.aloud {
                    speaking.say(text);
                }
                self.put(Step::Text(text.clone()));
            }
            Piece::Reasoning(text) => self.put(Step::Thought(text.clone())),
            Piece::Notice(text) => self.put(Step::Notice(safe_line(text).into_owned())),
            Piece::ToolStarts(_) => {}
        }
    }

    fn tool_begins(&mut self, origin: &str, preview: &str) {
        self.put(Step::ToolBegins(origin.to_string(), preview.to_string()));
    }

    fn tool_ended(&mut self, origin: &str, said: &str, failed: bool) {
        self.put(Step::ToolEnded(origin.to_string(), said.to_string(), failed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_gathered_and_their_order_is_kept() {
        let mut queue = Queue::default();
        for text in ["a", "b"] {
            queue.piece(&Piece::Text(text.into()));
        }
        queue.piece(&Piece::Notice("again".into()));
        queue.piece(&Piece::Text("c".into()));
        let expected = [Step::Text("ab".into()), Step::Notice("again".into()), Step::Text("c".into())];
        assert_eq!(queue.take(), expected);
        assert!(queue.take().is_empty());
    }
}
