//! The tools that a turn offers, and the person who allows them, asked through the screen.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::app::App;
use crate::app::tools::Kit;
use crate::chat::Tool;
use crate::chat::mcp::{Offer, pins};
use crate::chat::policy::{Asker, Question, Verdict};
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::tui::happening::ReplyTo;

/// A look at whether the turn was stopped, this often.
const LOOK: Duration = Duration::from_millis(50);

/// Starts the servers of a kit and gives every tool, with what is to be said about them.
/// A definition that has changed is asked about.
pub async fn gather(
    kit: &Kit,
    app: &App,
    stop: &Stop,
    asker: &mut dyn Asker,
) -> Result<(Vec<Arc<dyn Tool>>, Vec<String>)> {
    let mut accept = |offer: &Offer, before: &str| {
        let key = pins::key(&offer.server, &offer.definition.name);
        let question = Question {
            tool: offer.definition.name.clone(),
            origin: format!("mcp {key}, whose definition has changed; yes keeps the new one"),
            read_only: false,
            preview: format!("before:\n{before}\n\nnow:\n{}", offer.definition.text()),
        };
        Ok(matches!(asker.allow(&question)?, Verdict::Once))
    };
    // Where that was stopped the turn that follows sees it too.
    let gathered = kit.gather(app, stop, &mut accept).await?.unwrap_or_default();
    let mut said = gathered.left_out;
    match gathered.pinned.len() {
        0 => {}
        1 => said.push(format!("new and pinned as it is now: {}", gathered.pinned.join(", "))),
        n => said.push(format!("{n} new tools are pinned as they are now: {}", gathered.pinned.join(", "))),
    }
    Ok((gathered.tools, said))
}

/// The person at the screen: questions are posted, answers come back from a card.
pub struct Person<'a> {
    /// Posts a question with the way back.
    pub post: &'a dyn Fn(Question, ReplyTo<Verdict>),
    /// Ends the waiting.
    pub stop: &'a Stop,
}

impl Asker for Person<'_> {
    fn is_there(&self) -> bool {
        true
    }

    fn allow(&mut self, question: &Question) -> Result<Verdict> {
        let (sender, answer) = sync_channel(1);
        (self.post)(question.clone(), ReplyTo(sender));
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(verdict) => return Ok(verdict),
                // Nobody is left to answer, or to wait for the answer: that is no.
                Err(RecvTimeoutError::Disconnected) => return Ok(Verdict::No(None)),
                Err(RecvTimeoutError::Timeout) if self.stop.is_requested() => return Ok(Verdict::No(None)),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            tool: "git_recent".into(),
            origin: "command git:recent".into(),
            read_only: true,
            preview: "git log".into(),
        }
    }

    #[test]
    fn the_answer_of_the_card_is_the_verdict() {
        let stop = Stop::new().unwrap();
        let post = |_: Question, reply: ReplyTo<Verdict>| reply.give(Verdict::Session);
        assert_eq!(Person { post: &post, stop: &stop }.allow(&question()).unwrap(), Verdict::Session);
    }

    #[test]
    fn a_card_that_vanishes_and_a_turn_that_is_stopped_are_no() {
        let stop = Stop::new().unwrap();
        let drop_it = |_: Question, _: ReplyTo<Verdict>| {};
        assert_eq!(Person { post: &drop_it, stop: &stop }.allow(&question()).unwrap(), Verdict::No(None));
        let kept = std::cell::RefCell::new(Vec::new());
        let keep = |_: Question, reply: ReplyTo<Verdict>| kept.borrow_mut().push(reply);
        stop.request();
        assert_eq!(Person { post: &keep, stop: &stop }.allow(&question()).unwrap(), Verdict::No(None));
    }
}
