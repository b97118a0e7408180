//! A connection to Home Assistant that lives: it comes back by itself, and finds out what changed meanwhile.
//!
//! It listens first and looks then, so that nothing falls between; what the look shows and nobody told is a change.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::mirror::{Change, States};
use super::rest::Home;
use super::socket::Socket;
use crate::automations::mqtt::Backoff;
use crate::kernel::error::{Context as _, Error, Kind, Result};

/// After this silence it is asked whether it is there, and how long it may take to say so.
const SILENCE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon something that was not taken is offered again.
const OFFER: Duration = Duration::from_millis(2);

/// What a link tells.
pub enum News {
    /// It is connected, and so many states are known.
    Up(usize),
    /// It is not, for this reason, and is tried again after a while.
    Down(String, Duration),
    /// A state changed.
    Changed(Box<Change>),
    /// An event of another kind, as it was told.
    Event(Json),
}

/// How a link stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether it is connected and the states are known.
    pub up: bool,
    /// How often it connected.
    pub connections: u64,
    /// What went wrong last, and whether nothing but a person can mend it.
    pub trouble: Option<(Kind, String, bool)>,
    /// When it is tried again.
    pub again: Option<Instant>,
}

#[derive(Default)]
struct Shared {
    standing: Mutex<Standing>,
    changed: Condvar,
}

impl Shared {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that lives until it is stopped or dropped.
pub struct HomeLink {
    stop: UnboundedSender<()>,
    shared: Arc<Shared>,
    states: States,
    thread: Option<JoinHandle<()>>,
    place: String,
}

impl HomeLink {
    /// Begins to connect. `events` are the kinds that are told beside changes of states; `*` stands for all. What `hear`
    /// gives back is offered again a little later.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        home: &Home,
        states: States,
        events: Vec<String>,
        hear: impl FnMut(News) -> Option<News> + Send + 'static,
    ) -> Result<HomeLink> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let (stop, stopped) = unbounded_channel();
        let shared = Arc::new(Shared::default());
        let place = home.place();
        let mut work = Work {
            home: home.clone(),
            states: states.clone(),
            events,
            hear: Box::new(hear),
            shared: shared.clone(),
            backoff: Backoff::default(),
        };
        let thread = std::thread::Builder::new().name("homeassistant".into()).spawn(move || {
            runtime.block_on(work.run(stopped));
            runtime.shutdown_background();
        });
        let thread = thread.context(Kind::Failed, || "cannot start a thread for Home Assistant".to_string())?;
        Ok(HomeLink { stop, shared, states, thread: Some(thread), place })
    }

    /// What is known of all entities.
    pub fn states(&self) -> &States {
        &self.states
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.shared.standing().clone()
    }

    /// A sentence about how it stands.
    pub fn said(&self) -> String {
        let standing = self.standing();
        if standing.up {
            return format!("connected to Home Assistant at {}, {} states known", self.place, self.states.len());
        }
        let again = standing.again.map_or(0, |at| at.saturating_duration_since(Instant::now()).as_secs());
        match standing.trouble {
            Some((_, said, _)) => format!("{said}; tried again in {again} s"),
            None => format!("connecting to Home Assistant at {}", self.place),
        }
    }

    /// Waits until it is connected and the states are known, or the time is over.
    ///
    /// # Errors
    /// What is wrong then.
    pub fn wait_up(&self, within: Duration) -> Result<()> {
        self.wait(within, false)
    }

    /// The same, and not longer than until it is told that it cannot be connected now.
    ///
    /// # Errors
    /// What is wrong then.
    pub fn wait_told(&self, within: Duration) -> Result<()> {
        self.wait(within, true)
    }

    fn wait(&self, within: Duration, first: bool) -> Result<()> {
        let until = Instant::now() + within;
        let mut standing = self.shared.standing();
        loop {
            if standing.up {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            let hopeless = standing.trouble.as_ref().is_some_and(|(_, _, hopeless)| first || *hopeless);
            if left.is_zero() || hopeless {
                let (kind, said, _) = standing.trouble.clone().unwrap_or_else(|| {
                    (Kind::TimedOut, format!("Home Assistant at {} does not answer", self.place), false)
                });
                return Err(Error::new(kind, said).hint("check homeassistant.url and the secret with its token"));
            }
            standing = self.shared.changed.wait_timeout(standing, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says goodbye and ends.
    pub fn stop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for HomeLink {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Work {
    home: Home,
    states: States,
    events: Vec<String>,
    hear: Box<dyn FnMut(News) -> Option<News> + Send>,
    shared: Arc<Shared>,
    backoff: Backoff,
}

impl Work {
    async fn run(&mut self, mut stopped: UnboundedReceiver<()>) {
        loop {
            let mut up_since = None;
            let error = tokio::select! {
                error = self.connection(&mut up_since) => error,
                _ = stopped.recv() => return,
            };
            let hopeless = error.kind() == Kind::Refused;
            let wait = self.backoff.next(up_since.map(|at: Instant| at.elapsed()), hopeless);
            {
                let mut standing = self.shared.standing();
                standing.up = false;
                standing.again = Some(Instant::now() + wait);
                standing.trouble = Some((error.kind(), error.full_message(), hopeless));
            }
            self.shared.changed.notify_all();
            let waited = async {
                self.tell(News::Down(error.full_message(), wait)).await;
                tokio::time::sleep(wait).await;
            };
            tokio::select! {
                () = waited => {}
                _ = stopped.recv() => return,
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn connection(&mut self, up_since: &mut Option<Instant>) -> Error {
        match self.try_connection(up_since).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn try_connection(&mut self, up_since: &mut Option<Instant>) -> Result<std::convert::Infallible> {
        let mut socket = Socket::open(&self.home).await?;
        let mut meanwhile = Vec::new();
        let subscribe = |kind: &str| match kind {
            "*" => json!({"type": "subscribe_events"}),
            kind => json!({"type": "subscribe_events", "event_type": kind}),
        };
        if !self.events.iter().any(|kind| kind == "*" || kind == "state_changed") {
            socket.answer_soon(subscribe("state_changed"), &mut meanwhile).await?;
        }
        for kind in self.events.clone() {
            socket.answer_soon(subscribe(&kind), &mut meanwhile).await?;
        }
        let all = socket.answer_soon(json!({"type": "get_states"}), &mut meanwhile).await?;
        let Json::Array(all) = all else {
            return Err(Error::new(Kind::BadData, "Home Assistant tells no states".to_string()));
        };
        // What was told before the look is in it already; only events of other kinds are news.
        let changes = self.states.seed(all);
        *up_since = Some(Instant::now());
        {
            let mut standing = self.shared.standing();
            standing.up = true;
            standing.connections += 1;
            (standing.trouble, standing.again) = (None, None);
        }
        self.shared.changed.notify_all();
        self.tell(News::Up(self.states.len())).await;
        for change in changes {
            self.tell(News::Changed(Box::new(change))).await;
        }
        for said in meanwhile {
            self.take(said, true).await;
        }
        self.follow(&mut socket).await
    }

    async fn follow(&mut self, socket: &mut Socket) -> Result<std::convert::Infallible> {
        let silent =
            |place: &str| Error::new(Kind::Unreachable, format!("Home Assistant at {place} says nothing more"));
        loop {
            let said = match tokio::time::timeout(SILENCE, socket.next()).await {
                Ok(said) => said?,
                Err(_) => {
                    socket.ask(json!({"type": "ping"})).await?;
                    match tokio::time::timeout(PATIENCE, socket.next()).await {
                        Ok(said) => said?,
                        Err(_) => return Err(silent(&self.home.place())),
                    }
                }
            };
            self.take(said, false).await;
        }
    }

    /// Takes something that was told. `known`: changes of states are known already.
    async fn take(&mut self, said: Json, known: bool) {
        if said["type"] != "event" {
            return;
        }
        let event = &said["event"];
        if event["event_type"] == "state_changed" && !known {
            let data = &event["data"];
            let after = Some(&data["new_state"]).filter(|s| !s.is_null()).cloned();
            if let Some(entity) = data["entity_id"].as_str()
                && let Some(change) = self.states.apply(entity, after)
            {
                self.tell(News::Changed(Box::new(change))).await;
            }
        }
        let wanted = |kind: &str| self.events.iter().any(|want| want == "*" || want == kind);
        if wanted(event["event_type"].as_str().unwrap_or_default()) {
            self.tell(News::Event(event.clone())).await;
        }
    }

    /// Tells something, and waits until it is taken.
    async fn tell(&mut self, news: News) {
        let mut refused = (self.hear)(news);
        while let Some(news) = refused {
            tokio::time::sleep(OFFER).await;
            refused = (self.hear)(news);
        }
    }
}

/// Calls a service over a connection of its own; its answer and the context that it happened in.
///
/// # Errors
/// `NotFound` for a service or an entity that is not there, `BadData` for data that it does not take.
pub async fn call(home: &Home, domain: &str, service: &str, data: &Json, answer: bool) -> Result<Json> {
    home.check_entities(data).await?;
    let mut socket = Socket::open(home).await?;
    let mut question = json!({"type": "call_service", "domain": domain, "service": service, "service_data": data});
    if let Some(target) = data.get("target").filter(|t| t.is_object()) {
        question["target"] = target.clone();
        if let Some(fields) = question["service_data"].as_object_mut() {
            fields.remove("target");
        }
    }
    if answer {
        question["return_response"] = json!(true);
    }
    let result = socket.answer(question, &mut Vec::new()).await;
    socket.close().await;
    result
}
