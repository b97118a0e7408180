//! One turn as a pure machine: facts go in, what is to be done comes out.
//!
//! It calls nobody, reads no clock and keeps no text but the answers it needs: every rule of a turn (which tool is
//! asked about, what the model is told of a refusal, when enough is enough) can be tried without a network. Nothing
//! that a model or a tool says changes a permission: those come in from outside before the turn and as answers of a
//! person.

use std::collections::{BTreeMap, BTreeSet};

use super::tool::Effects;
use crate::providers::model::{Answer, Finish, Part, ToolCall, ToolResult};

/// Bounds of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most calls of the model.
    pub calls: u32,
    /// The most money, in millionths of a dollar.
    pub cost_micros: Option<i64>,
    /// The most bytes of one tool result that the model is given.
    pub result_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { calls: 20, cost_micros: None, result_bytes: 64 << 10 }
    }
}

/// What is known of a tool before the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it may touch.
    pub effects: Effects,
    /// Whether it may be used without a question.
    pub allowed: bool,
}

/// A fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The turn begins.
    Begin,
    /// The model answered.
    Answered {
        /// What it said.
        answer: Answer,
        /// What this call cost, in millionths of a dollar.
        cost_micros: i64,
    },
    /// The person, or the lack of one, decided on the call that was asked about.
    Decided {
        /// The call's id.
        id: String,
        /// What holds.
        decision: Decision,
    },
    /// A tool is done.
    Worked {
        /// The call's id.
        id: String,
        /// What it says, or how it failed.
        result: Result<String, String>,
    },
    /// The time for the whole turn is over.
    TimeUp,
}

/// What was decided about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This once.
    Once,
    /// From now on, as long as the chat lasts.
    Session,
    /// Not, and what the model is told.
    No(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send everything so far to the model.
    CallModel,
    /// Keep the model's answer.
    KeepAnswer(Vec<Part>, Finish),
    /// Ask whether this call may happen; one question at a time.
    Ask(ToolCall),
    /// Use these tools, side by side.
    Work(Vec<ToolCall>),
    /// Keep the results of tools, in the order in which they were asked for.
    KeepResults(Vec<ToolResult>),
    /// The turn is over.
    End(End),
}

/// How a turn ended, as far as the machine can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The model had no further wish.
    Done(Finish),
    /// A bound was reached: a sentence.
    Limited(String),
}

/// The machine.
#[derive(Debug)]
pub struct Turn {
    limits: Limits,
    tools: BTreeMap<String, Standing>,
    calls: u32,
    cost: i64,
    wished: Vec<ToolCall>,
    asked: Vec<ToolCall>,
    ready: Vec<ToolCall>,
    working: BTreeSet<String>,
    results: BTreeMap<String, ToolResult>,
    time_up: bool,
}

impl Turn {
    /// A turn with these tools on offer, by name.
    pub fn new(limits: Limits, tools: BTreeMap<String, Standing>) -> Turn {
        Turn {
            limits,
            tools,
            calls: 0,
            cost: 0,
            wished: Vec::new(),
            asked: Vec::new(),
            ready: Vec::new(),
            working: BTreeSet::new(),
            results: BTreeMap::new(),
            time_up: false,
        }
    }

    /// Takes a fact in; gives what is to be done, in order.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Begin => self.call_model(),
            Event::Answered { answer, cost_micros } => self.answered(answer, cost_micros),
            Event::Decided { id, decision } => self.decided(&id, decision),
            Event::Worked { id, result } => self.worked(&id, result),
            Event::TimeUp => {
                self.time_up = true;
                self.refuse_open("the time for this turn is over");
                self.go_on()
            }
        }
    }

    fn call_model(&mut self) -> Vec<Effect> {
        if let Some(why) = self.limit() {
            return vec![Effect::End(End::Limited(why))];
        }
        self.calls += 1;
        vec![Effect::CallModel]
    }

    /// The bound that is reached, as a sentence.
    fn limit(&self) -> Option<String> {
        if self.time_up {
            return Some("the time for this turn is over".to_string());
        }
        if self.calls >= self.limits.calls {
            return Some(format!("the model was called {} times in this turn, which is the most allowed", self.calls));
        }
        let most = self.limits.cost_micros.filter(|most| self.cost >= *most)?;
        Some(format!("this turn has cost ${:.4}, and the most allowed is ${:.4}", dollars(self.cost), dollars(most)))
    }

    fn answered(&mut self, mut answer: Answer, cost_micros: i64) -> Vec<Effect> {
        self.cost = self.cost.saturating_add(cost_micros);
        let mut wished: Vec<ToolCall> = Vec::new();
        for part in &mut answer.parts {
            if let Part::ToolCall(call) = part {
                // Some servers give no ids, or the same one twice.
                while call.id.is_empty() || wished.iter().any(|w| w.id == call.id) {
                    call.id = format!("{}call_{}", call.id, wished.len() + 1);
                }
                wished.push(call.clone());
            }
        }
        let keep = Effect::KeepAnswer(answer.parts, answer.finish.clone());
        if wished.is_empty() || answer.finish == Finish::CutOff {
            return vec![keep, Effect::End(End::Done(answer.finish))];
        }
        self.wished = wished;
        self.results.clear();
        for call in self.wished.clone() {
            self.sort_in(call);
        }
        if let Some(why) = self.limit() {
            self.refuse_open(&why);
        }
        let mut effects = vec![keep];
        effects.extend(self.go_on());
        effects
    }

    /// Decides what can be decided without anybody.
    fn sort_in(&mut self, call: ToolCall) {
        match self.tools.get(&call.name) {
            None => {
                let known: Vec<&str> = self.tools.keys().map(String::as_str).collect();
                let said = format!("there is no tool `{}`; the tools are: {}", call.name, known.join(", "));
                self.fail(&call, &said);
            }
            Some(_) if !call.arguments.is_object() => {
                self.fail(&call, "the arguments are no JSON object; send them again as one");
            }
            Some(standing) if standing.allowed => self.ready.push(call),
            Some(_) => self.asked.push(call),
        }
    }

    /// Every call that was not begun is answered with `why`.
    fn refuse_open(&mut self, why: &str) {
        for call in std::mem::take(&mut self.asked).into_iter().chain(std::mem::take(&mut self.ready)) {
            self.fail(&call, &format!("not run: {why}"));
        }
    }

    fn fail(&mut self, call: &ToolCall, said: &str) {
        let result =
            ToolResult { id: call.id.clone(), name: call.name.clone(), content: said.to_string(), is_error: true };
        self.results.insert(call.id.clone(), result);
    }

    fn decided(&mut self, id: &str, decision: Decision) -> Vec<Effect> {
        let Some(at) = self.asked.iter().position(|c| c.id == id) else { return Vec::new() };
        let call = self.asked.remove(at);
        match decision {
            Decision::Once => self.ready.push(call),
            Decision::Session => {
                if let Some(standing) = self.tools.get_mut(&call.name).filter(|s| s.effects == Effects::ReadOnly) {
                    standing.allowed = true;
                }
                let (same, asked) = std::mem::take(&mut self.asked)
                    .into_iter()
                    .partition(|c| c.name == call.name && self.tools.get(&c.name).is_some_and(|s| s.allowed));
                self.asked = asked;
                self.ready.push(call);
                let same: Vec<ToolCall> = same;
                self.ready.extend(same);
            }
            Decision::No(why) => self.fail(&call, &why),
        }
        self.go_on()
    }

    fn worked(&mut self, id: &str, result: Result<String, String>) -> Vec<Effect> {
        if !self.working.remove(id) {
            return Vec::new();
        }
        let name = self.wished.iter().find(|c| c.id == id).map(|c| c.name.clone()).unwrap_or_default();
        let (content, is_error) = match result {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        let content = cut(&content, self.limits.result_bytes);
        self.results.insert(id.to_string(), ToolResult { id: id.to_string(), name, content, is_error });
        self.go_on()
    }

    /// The next thing: a question, else the work that is allowed, else the model.
    fn go_on(&mut self) -> Vec<Effect> {
        if let Some(call) = self.asked.first() {
            return vec![Effect::Ask(call.clone())];
        }
        if !self.ready.is_empty() {
            let ready = std::mem::take(&mut self.ready);
            self.working.extend(ready.iter().map(|c| c.id.clone()));
            return vec![Effect::Work(ready)];
        }
        if !self.working.is_empty() || self.wished.is_empty() {
            return Vec::new();
        }
        let wished = std::mem::take(&mut self.wished);
        let results: Vec<ToolResult> = wished.iter().filter_map(|c| self.results.remove(&c.id)).collect();
        let mut effects = vec![Effect::KeepResults(results)];
        effects.extend(self.call_model());
        effects
    }
}

fn dollars(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// At most `limit` bytes of `text`: its beginning and its end, with a line between that says what is missing.
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_string();
    }
    let head = text.floor_char_boundary(limit * 2 / 3);
    let tail = text.ceil_char_boundary(text.len() - limit / 3);
    format!("{}\n[… {} bytes left out …]\n{}", &text[..head], tail - head, &text[tail..])
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
