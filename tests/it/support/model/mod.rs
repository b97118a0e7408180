//! A scripted model server on loopback: five wires on one port.
//!
//! It speaks OpenAI's chat completions and responses, Anthropic's messages, Gemini's generateContent and Ollama's chat,
//! each as a stream and whole, and their lists of models. What it answers is queued, or made by a function of the
//! request, or an echo; how it answers (splits, holds, cuts, garbage) belongs to each answer. Holding and releasing
//! replace all sleeping. Each request's body is checked against the vendor's shape; a violation fails the test when the
//! server is dropped. It does not use the library under test.

#![allow(dead_code)]

mod answer;
mod asked;
mod catalog;
pub mod conform;
mod deliver;
mod serve;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

#[allow(unused_imports)]
pub use answer::{Answer, Item, Place, Refusal, Split, Usage};
#[allow(unused_imports)]
pub use asked::{Asked, Ended, Said};
pub use catalog::Entry;
pub use wire::Wire;

use super::http;

/// How long a fact may take to come about before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

type Script = Box<dyn FnMut(&Asked) -> Answer + Send>;

#[derive(Default)]
struct State {
    queue: VecDeque<Answer>,
    pulls: VecDeque<Answer>,
    models: Vec<Entry>,
    strict: bool,
    list: Option<Answer>,
    asked: Vec<Asked>,
    problems: Vec<String>,
    /// Fields of bodies that are allowed beyond the vendors' shapes.
    allowed: Vec<String>,
    /// How many answers were held so far, and how many of them were released.
    held: usize,
    released: usize,
    open: bool,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    bell: Condvar,
    /// Apart from the state, so that it may look at the server.
    script: Mutex<Option<Script>>,
    connections: AtomicUsize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Changes the state and wakes whoever waits for a fact.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let value = change(&mut self.state());
        self.bell.notify_all();
        value
    }
}

/// What one model was told to have taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Requests, failed ones too.
    pub calls: u64,
    /// Of those, the ones that were told a usage.
    pub counted: u64,
    pub usage: Usage,
}

/// The server. Dropping it ends it and fails the test when a request violated its wire's shape.
pub struct ModelServer {
    address: String,
    shared: Arc<Shared>,
    listener: http::Listener,
}

impl ModelServer {
    /// A server that echoes the last message of the person and knows the model `test-model`.
    pub fn start() -> ModelServer {
        let state = State { models: vec![Entry::new("test-model")], ..State::default() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            bell: Condvar::new(),
            script: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let socket = http::bind();
        let address = format!("http://{}", socket.local_addr().unwrap());
        let served = shared.clone();
        let listener = http::listen(socket, move |stream| serve::while_asked(stream, &served));
        ModelServer { address, shared, listener }
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn url(&self) -> String {
        self.address.clone()
    }

    /// Queues an answer to the next call of a model, on any wire.
    pub fn answer(&self, answer: Answer) -> &ModelServer {
        self.shared.change(|s| s.queue.push_back(answer));
        self
    }

    /// Answers every call for which nothing is queued.
    pub fn on(&self, script: impl FnMut(&Asked) -> Answer + Send + 'static) -> &ModelServer {
        *self.shared.script.lock().unwrap() = Some(Box::new(script));
        self
    }

    /// What the next `/api/pull` tells: its texts are the statuses, and how it comes.
    pub fn answer_pull(&self, answer: Answer) -> &ModelServer {
        self.shared.change(|s| s.pulls.push_back(answer));
        self
    }

    /// The models in the lists. From now on every other one is unknown.
    pub fn models(&self, models: Vec<Entry>) -> &ModelServer {
        self.shared.change(|s| (s.models, s.strict) = (models, true));
        self
    }

    /// The names in the lists.
    pub fn model_names(&self) -> Vec<String> {
        self.shared.state().models.iter().map(|m| m.name.clone()).collect()
    }

    /// What every request for a list gets, such as a failure.
    pub fn answer_lists(&self, answer: Option<Answer>) -> &ModelServer {
        self.shared.change(|s| s.list = answer);
        self
    }

    /// Allows fields at the top of bodies that the vendors do not have.
    pub fn allow(&self, fields: &[&str]) -> &ModelServer {
        self.shared.change(|s| s.allowed.extend(fields.iter().map(ToString::to_string)));
        self
    }

    /// Every call of a model so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.all_asked().into_iter().filter(|a| a.wire != Wire::Other).collect()
    }

    /// Everything asked so far: calls, lists, looks around.
    pub fn all_asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// The newest call of a model.
    #[track_caller]
    pub fn last(&self) -> Asked {
        self.asked().pop().expect("nothing was asked")
    }

    /// How many connections were taken.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// What was told, per model.
    pub fn usage(&self) -> BTreeMap<String, Sums> {
        let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
        for asked in self.asked() {
            let sum = sums.entry(asked.model.clone()).or_default();
            sum.calls += 1;
            let Some(told) = asked.told else { continue };
            sum.counted += 1;
            sum.usage.input += told.input;
            sum.usage.output += told.output;
            sum.usage.cached += told.cached;
            sum.usage.cache_written += told.cache_written;
            sum.usage.reasoning += told.reasoning;
        }
        sums
    }

    /// Waits until so many answers have been held, all told.
    #[track_caller]
    pub fn wait_held(&self, count: usize) {
        self.wait("an answer is held", |s| s.held >= count);
    }

    /// Waits until so many calls have come in, all told.
    #[track_caller]
    pub fn wait_asked(&self, count: usize) {
        self.wait("a call comes in", |s| s.asked.iter().filter(|a| a.wire != Wire::Other).count() >= count);
    }

    /// Waits until the call with this number has ended, and says how.
    #[track_caller]
    pub fn wait_ended(&self, number: usize) -> Asked {
        let nth = |s: &State| s.asked.iter().filter(|a| a.wire != Wire::Other).nth(number).cloned();
        self.wait("a call ends", |s| nth(s).is_some_and(|a| a.ended != Ended::Open));
        nth(&self.shared.state()).unwrap()
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let (state, timeout) = self
            .shared
            .bell
            .wait_timeout_while(self.shared.state(), PATIENCE, |s| !is_so(s))
            .unwrap_or_else(|e| e.into_inner());
        let (held, asked) = (state.held, state.asked.len());
        drop(state);
        assert!(!timeout.timed_out(), "waited in vain until {what}: {held} held, {asked} asked");
    }

    /// Lets every answer that is held now go on.
    pub fn release(&self) {
        self.shared.change(|s| s.released = s.held);
    }

    /// What violated the vendors' shapes so far; takes it, so that the drop is quiet.
    pub fn take_problems(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().problems)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.shared.change(|s| s.open = true);
        self.listener.stop();
        let problems = self.take_problems();
        if !problems.is_empty() && !std::thread::panicking() {
            panic!("what was sent is not what the vendors describe:\n{}", problems.join("\n"));
        }
    }
}
