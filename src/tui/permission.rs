//! Tools that wait for the person's word, whichever tab they belong to: who asks, and the cards that are answered.

use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::happening::{Effect, ReplyTo, World};
use super::popups::{Ask, Card, Popup, Reply};
use super::theme::Role;
use super::widgets::frame::Frame;
use super::widgets::text::{Row, wrapped};
use crate::app::tools::Host;
use crate::chat::mcp::{Offer, pins};
use crate::chat::policy::{Asker, Question, Verdict};
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;

/// A look at whether that was stopped, this often.
const LOOK: Duration = Duration::from_millis(50);

/// The name under which a card is opened; that of the line behind it begins alike.
pub const CARD: &str = "permission";
/// The name of the line in which a no is explained.
const WHY: &str = "permission-why";

/// The person at the screen: questions are posted, answers come back from a card.
pub struct Person<P> {
    /// Posts a question with the way back.
    pub post: P,
    /// Ends the waiting.
    pub stop: Stop,
}

impl<P: Fn(Question, ReplyTo<Verdict>)> Asker for Person<P> {
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

/// Says what happens to tools in a line each, and asks by a card whether a changed definition is accepted.
pub struct Teller<'a> {
    /// Says a line.
    pub say: &'a dyn Fn(String),
    /// Who is asked.
    pub asker: &'a mut dyn Asker,
}

impl Host for Teller<'_> {
    fn left_out(&mut self, said: &str) {
        (self.say)(safe_line(said).into_owned());
    }

    fn pinned(&mut self, tools: &[String]) {
        let said = match tools.len() {
            1 => format!("new and pinned as it is now: {}", tools.join(", ")),
            n => format!("{n} new tools are pinned as they are now: {}", tools.join(", ")),
        };
        (self.say)(safe_line(&said).into_owned());
    }

    fn accepts(&mut self, offer: &Offer, before: &str) -> Result<bool> {
        let key = pins::key(&offer.server, &offer.definition.name);
        let question = Question {
            tool: offer.definition.name.clone(),
            origin: format!("mcp {key}, whose definition has changed; yes keeps the new one"),
            read_only: false,
            preview: format!("before:\n{before}\n\nnow:\n{}", offer.definition.text()),
        };
        Ok(matches!(self.asker.allow(&question)?, Verdict::Once))
    }
}

/// A tool that waits for permission.
struct Waiting {
    of: String,
    question: Question,
    reply: ReplyTo<Verdict>,
}

/// What was decided.
#[derive(Debug, PartialEq, Eq)]
pub struct Decided {
    /// Whose tool it is.
    pub of: String,
    /// What it is.
    pub origin: String,
    /// Whether it may.
    pub allowed: bool,
}

/// The tools of a tab that wait, one card at a time.
#[derive(Default)]
pub struct Cards {
    waiting: VecDeque<Waiting>,
    /// Whether the first one's card is open.
    open: bool,
}

impl Cards {
    /// Another one waits; `of` says to what it belongs.
    pub fn add(&mut self, of: &str, question: Question, reply: ReplyTo<Verdict>) {
        self.waiting.push_back(Waiting { of: of.to_string(), question, reply });
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// To what they belong, the one that waits longest first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(|waiting| waiting.of.as_str())
    }

    /// Nobody waits for these any more; a card that is open stays until it is answered.
    pub fn give_up(&mut self, of: &str) {
        let open = usize::from(self.open);
        let mut at = 0;
        self.waiting.retain(|waiting| {
            at += 1;
            at <= open || waiting.of != of
        });
    }

    /// Opens the card of the one that waits longest, when none is open; `about` says where it belongs.
    pub fn open(&mut self, about: impl FnOnce(&str) -> Option<String>, world: &World<'_>) -> Vec<Effect> {
        let Some(waiting) = self.waiting.front().filter(|_| !self.open) else { return Vec::new() };
        self.open = true;
        let card = card(&waiting.question, about(&waiting.of), world);
        vec![Effect::Open(CARD, Box::new(Popup::Card(card)))]
    }

    /// Takes what became of a card; `None` when the pop-up was another one. The caller opens the next card.
    pub fn closed(&mut self, name: &str, reply: &Reply) -> Option<(Vec<Effect>, Option<Decided>)> {
        let verdict = match (name, reply) {
            (CARD, Reply::Chosen(key)) if key == "t" => return Some((vec![why()], None)),
            (CARD, Reply::Chosen(key)) if key == "y" => Verdict::Once,
            (CARD, Reply::Chosen(key)) if key == "s" => Verdict::Session,
            (CARD, _) => Verdict::No(None),
            (WHY, Reply::Typed(words)) => Verdict::No(Some(words.trim().to_string()).filter(|w| !w.is_empty())),
            // Back to the question.
            (WHY, _) => {
                self.open = false;
                return Some((Vec::new(), None));
            }
            _ => return None,
        };
        self.open = false;
        let decided = self.waiting.pop_front().map(|Waiting { of, question, reply }| {
            let allowed = !matches!(verdict, Verdict::No(_));
            reply.give(verdict);
            Decided { of, origin: question.origin, allowed }
        });
        Some((Vec::new(), decided))
    }
}

fn why() -> Effect {
    let mut line = Ask::new("No, because", "");
    line.note = "the model reads it; Enter sends it, Esc goes back to the question".to_string();
    Effect::Open(WHY, Box::new(Popup::Ask(line)))
}

fn card(question: &Question, about: Option<String>, world: &World<'_>) -> Card {
    let theme = world.theme;
    let width = Frame::inner(world.area).width.min(88);
    let mut rows = Vec::new();
    if let Some(about) = about {
        rows.extend(wrapped(&about, width, theme.style(Role::Second)));
    }
    let what = if question.read_only { "it only reads" } else { "it may change things" };
    let said = format!("The model wants to use {} ({what}):", question.origin);
    rows.extend(wrapped(&said, width, theme.style(Role::Text)));
    rows.push(Row::default());
    for mut row in wrapped(question.preview.trim_end(), width.saturating_sub(2), theme.style(Role::Warn)) {
        row.line.spans.insert(0, "  ".into());
        row.lead = 2;
        rows.push(row);
    }
    rows.push(Row::default());
    let mut answers = vec![('y', "this once")];
    answers.extend(question.read_only.then_some(('s', "in this chat")));
    answers.extend([('t', "no, because …"), ('n', "no")]);
    Card::new("Allow it?", rows, &answers).read_before(&['y', 's'])
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
        assert_eq!(Person { post, stop }.allow(&question()).unwrap(), Verdict::Session);
    }

    #[test]
    fn a_card_that_vanishes_and_a_turn_that_is_stopped_are_no() {
        let stop = Stop::new().unwrap();
        let drop_it = |_: Question, _: ReplyTo<Verdict>| {};
        assert_eq!(Person { post: drop_it, stop: stop.clone() }.allow(&question()).unwrap(), Verdict::No(None));
        let kept = std::cell::RefCell::new(Vec::new());
        let keep = |_: Question, reply: ReplyTo<Verdict>| kept.borrow_mut().push(reply);
        stop.request();
        assert_eq!(Person { post: keep, stop }.allow(&question()).unwrap(), Verdict::No(None));
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_asked_about() {
        let mut cards = Cards::default();
        let (sender, first) = sync_channel(1);
        cards.add("a", question(), ReplyTo(sender));
        cards.open = true;
        let (sender, second) = sync_channel(1);
        cards.add("a", question(), ReplyTo(sender));
        cards.give_up("a");
        assert!(second.recv().is_err() && first.try_recv().is_err());
        let (_, decided) = cards.closed(CARD, &Reply::Chosen("y".into())).unwrap();
        let expected = Decided { of: "a".into(), origin: "command git:recent".into(), allowed: true };
        assert_eq!((first.recv(), decided), (Ok(Verdict::Once), Some(expected)));
        assert!(cards.is_empty() && cards.closed("another", &Reply::Dismissed).is_none());
    }
}
