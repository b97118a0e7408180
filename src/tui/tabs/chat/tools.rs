//! The tools that a turn offers, and the person who allows them, asked through the screen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::app::App;
use crate::app::mcp::PATTERN;
use crate::chat::Tool;
use crate::chat::driver::stopped;
use crate::chat::mcp::{Offer, Servers, pins};
use crate::chat::policy::{Asker, Question, Verdict};
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::tui::happening::ReplyTo;

/// A look at whether the turn was stopped, this often.
const LOOK: Duration = Duration::from_millis(50);

/// Tools for one turn. Servers run until [`Kit::close`].
pub struct Kit {
    commands: Vec<Arc<dyn Tool>>,
    servers: Option<Servers>,
    patterns: Vec<String>,
}

impl Kit {
    /// Finds the commands of `wanted`, and a sentence about each that is left out; servers are not started yet.
    pub fn new(app: &App, wanted: &[String]) -> Result<(Kit, Vec<String>)> {
        let (patterns, commands): (Vec<_>, Vec<_>) = wanted.iter().cloned().partition(|w| w.starts_with(PATTERN));
        let offer = app.tools(Wanted { typed: &commands, ..Wanted::default() })?;
        let mut said = offer.left_out;
        let mut servers = None;
        if !patterns.is_empty() {
            let of = |p: &String| p[PATTERN.len()..].split('/').next().unwrap_or_default().to_string();
            let names: Vec<String> = patterns.iter().map(of).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (found, broken) = app.mcp_like(&names)?;
            said.extend(broken.into_iter().map(|(name, error)| format!("{name}: {}", error.full_message())));
            servers = Some(found);
        }
        Ok((Kit { commands: offer.tools, servers, patterns }, said))
    }

    /// Starts the servers and gives every tool, with what is to be said about them.
    /// A definition that has changed is asked about.
    pub async fn tools(
        &self,
        app: &App,
        stop: &Stop,
        asker: &mut dyn Asker,
    ) -> Result<(Vec<Arc<dyn Tool>>, Vec<String>)> {
        let mut tools = self.commands.clone();
        let Some(servers) = &self.servers else { return Ok((tools, Vec::new())) };
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
        let offered = tokio::select! {
            offered = app.mcp_tools(servers, &self.patterns, &mut accept) => offered?,
            // The turn that follows sees it too.
            () = stopped(stop) => return Ok((tools, Vec::new())),
        };
        let mut said = offered.left_out;
        match offered.pinned.len() {
            0 => {}
            1 => said.push(format!("new and pinned as it is now: {}", offered.pinned.join(", "))),
            n => said.push(format!("{n} new tools are pinned as they are now: {}", offered.pinned.join(", "))),
        }
        let mut names: BTreeSet<String> = tools.iter().map(|t| t.spec().name.clone()).collect();
        for (key, tool) in offered.tools {
            match names.insert(tool.spec().name.clone()) {
                true => tools.push(tool),
                false => said.push(format!("{key} is left out: another tool has its name")),
            }
        }
        Ok((tools, said))
    }

    /// Ends the servers.
    pub async fn close(&self) {
        if let Some(servers) = &self.servers {
            servers.close().await;
        }
    }

    /// Waits until commands that were stopped have ended.
    pub fn settle(&self, app: &App) -> Result<()> {
        if !self.commands.is_empty() {
            app.launcher()?.threads.settle();
        }
        Ok(())
    }
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
