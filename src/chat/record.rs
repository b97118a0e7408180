//! What happens during a turn, written down while it happens: every request with what it took, every piece of the answer.
//!
//! What came of an answer is saved about once a second, so that a killed process loses little of it; requests are kept
//! before they are sent, so that none is ever missing from the sums.

use std::time::{Duration, Instant};

use serde_json::json;

use super::driver::Listener;
use crate::kernel::error::Error;
use crate::kernel::ids::Id;
use crate::providers::model::{Part, Piece, Usage, words};
use crate::providers::{Attempt, Choice, FailureKind, Watch};
use crate::store::{CallEnd, NewCall, Store};

/// How often a growing answer is saved.
const SAVE_EVERY: Duration = Duration::from_millis(1000);

/// What a turn has taken so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Requests.
    pub calls: u32,
    /// Tokens, where the providers counted them.
    pub usage: Usage,
    /// Millionths of a dollar; `None` when a price is not known.
    pub cost_micros: Option<i64>,
    /// Milliseconds to the first piece of the first answer.
    pub first_token_ms: Option<u64>,
    /// Whether everything came from our own cache.
    pub from_cache: bool,
}

/// Watches the requests of one turn, or of a question that is in no chat.
pub struct Recorder<'a> {
    pub(super) store: &'a Store,
    pub(super) listener: &'a mut dyn Listener,
    /// Whether words are kept from the listener, since they may still be changed.
    pub hold: bool,
    pub(super) new: NewCall,
    /// The answer that is being filled in.
    pub(super) message: Option<Id>,
    pub(super) totals: Totals,
    /// Of the request before this: what it cost.
    pub(super) last_cost: i64,
    /// The first thing that could not be written down.
    pub trouble: Option<Error>,
    text: String,
    reasoning: String,
    call: Option<Id>,
    saved: Instant,
    saved_bytes: usize,
}

impl<'a> Recorder<'a> {
    /// A recorder of calls like `new`, whose pieces `listener` hears.
    pub fn new(store: &'a Store, listener: &'a mut dyn Listener, new: NewCall) -> Recorder<'a> {
        Recorder {
            store,
            listener,
            hold: false,
            new,
            message: None,
            totals: Totals { cost_micros: Some(0), ..Totals::default() },
            last_cost: 0,
            trouble: None,
            text: String::new(),
            reasoning: String::new(),
            call: None,
            saved: Instant::now(),
            saved_bytes: 0,
        }
    }

    /// From now on pieces belong to this answer.
    pub(super) fn answer(&mut self, message: Option<Id>) {
        self.message = message;
        self.text.clear();
        self.reasoning.clear();
        (self.saved, self.saved_bytes) = (Instant::now(), 0);
    }

    /// What has come of the answer.
    pub(super) fn so_far(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        if !self.reasoning.is_empty() {
            parts.push(Part::Reasoning { text: self.reasoning.clone(), signature: None });
        }
        if !self.text.is_empty() {
            parts.push(Part::text(self.text.clone()));
        }
        parts
    }

    /// The request under way was given up from here.
    pub fn cancel(&mut self) {
        let Some(call) = self.call.take() else { return };
        let end = CallEnd {
            status: "cancelled".to_string(),
            duration_ms: u64::try_from(self.saved.elapsed().as_millis()).unwrap_or(0),
            ..CallEnd::default()
        };
        self.totals.cost_micros = None;
        let kept = self.store.end_call(call, &end);
        self.note(kept);
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.trouble.get_or_insert(error);
                None
            }
        }
    }

    fn save(&mut self) {
        let bytes = self.text.len() + self.reasoning.len();
        let Some(message) = self.message.filter(|_| bytes > self.saved_bytes && self.saved.elapsed() >= SAVE_EVERY)
        else {
            return;
        };
        let parts = self.so_far();
        let kept = self.store.grow_message(message, &json!(parts), &words(&parts));
        self.note(kept);
        (self.saved, self.saved_bytes) = (Instant::now(), bytes);
    }
}

impl Watch for Recorder<'_> {
    fn piece(&mut self, piece: Piece) {
        match &piece {
            Piece::Text(text) => self.text.push_str(text),
            Piece::Reasoning(text) => self.reasoning.push_str(text),
            Piece::ToolStarts(_) | Piece::Notice(_) => {}
        }
        if !(self.hold && matches!(piece, Piece::Text(_))) {
            self.listener.piece(&piece);
        }
        self.save();
    }

    fn attempt(&mut self, model: &Choice, cached: bool) {
        // What came of an attempt that failed is not part of the next one's answer.
        let message = self.message;
        self.answer(message);
        let new = NewCall { model: model.name(), message, from_cache: cached, ..self.new.clone() };
        let begun = self.store.begin_call(&new);
        self.call = self.note(begun);
        self.totals.calls += 1;
        self.totals.from_cache = cached;
    }

    fn attempt_ended(&mut self, model: &Choice, ended: &Attempt<'_>) {
        let usage = ended.usage;
        let counted = usage.input.is_some() || usage.output.is_some();
        let cost = model.facts.price.filter(|_| counted).map(|price| price.cost_micros(usage));
        let cost = if self.totals.from_cache { Some(0) } else { cost };
        let failed = ended.failure.is_some();
        let end = CallEnd {
            status: if failed { "failed" } else { "ok" }.to_string(),
            input: usage.input,
            output: usage.output,
            cached: usage.cached,
            cache_written: usage.cache_written,
            reasoning: usage.reasoning,
            cost_micros: cost,
            first_token_ms: ended.first_token_ms,
            duration_ms: ended.duration_ms,
            error: ended.failure.map(|f| f.message.clone()),
        };
        if let Some(call) = self.call.take() {
            let kept = self.store.end_call(call, &end);
            self.note(kept);
        }
        // A request that never got through costs nothing.
        let free = ended.failure.is_some_and(|f| !counted && f.partial.is_empty() && f.kind != FailureKind::Broken);
        self.last_cost = cost.unwrap_or(0);
        let total = &mut self.totals;
        total.cost_micros = match (total.cost_micros, cost) {
            (Some(sum), Some(cost)) => Some(sum.saturating_add(cost)),
            (sum, None) if free => sum,
            _ => None,
        };
        total.first_token_ms = total.first_token_ms.or(ended.first_token_ms);
        let add = |sum: &mut Option<u64>, n: Option<u64>| {
            if let Some(n) = n {
                *sum = Some(sum.unwrap_or(0).saturating_add(n));
            }
        };
        add(&mut total.usage.input, usage.input);
        add(&mut total.usage.output, usage.output);
        add(&mut total.usage.cached, usage.cached);
        add(&mut total.usage.cache_written, usage.cache_written);
        add(&mut total.usage.reasoning, usage.reasoning);
    }
}
