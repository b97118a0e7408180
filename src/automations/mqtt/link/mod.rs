//! A connection that lives: it comes back by itself, subscribes again, keeps what waits for a broker that is away.
//!
//! A link has a thread of its own. What is heard goes to a function that must not wait; what is to be sent is taken at
//! once and answered later. It knows nothing of rules.

mod outbox;
mod work;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::broker::Broker;
use super::dialogue::{Ack, Session, Subscription, Trouble, Wrong};
use super::message::{Message, Publish};
use super::topic;
use crate::kernel::error::{Context, Error, Kind, Result};

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(3);
/// How often whoever waits for a connection looks whether to go on.
const GLANCE: Duration = Duration::from_millis(50);

/// What becomes of messages that nobody takes soon enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// The broker is made to wait: nothing is lost as long as it has room.
    Wait,
    /// So many are held; of those that are sure of nothing (QoS 0) more are dropped and counted.
    Drop(usize),
}

/// What goes where the queue for a broker that is away is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The message that has waited longest.
    Oldest,
    /// The message that comes.
    Newest,
}

/// How a link behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is agreed upon with the broker.
    pub session: Session,
    /// What is listened to from the start on.
    pub subscriptions: Vec<Subscription>,
    /// What a session that the broker kept may hold still, and nobody wants any more.
    pub stale: Vec<String>,
    /// What is published whenever a connection came about.
    pub birth: Vec<Publish>,
    /// What is published before we leave.
    pub farewell: Vec<Publish>,
    /// What becomes of messages that nobody takes.
    pub flood: Flood,
    /// What goes when too much waits.
    pub full: Full,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            session: Session::default(),
            subscriptions: Vec::new(),
            stale: Vec::new(),
            birth: Vec::new(),
            farewell: Vec::new(),
            flood: Flood::Wait,
            full: Full::Newest,
        }
    }
}

/// What a link tells.
pub enum Arrival {
    /// A message, and what acknowledges it where that is to be said.
    Message(Box<Message>, Option<Token>),
    /// The connection stands; whether the broker had kept our session.
    Up {
        /// Whether the session is the one from before.
        session_present: bool,
    },
    /// It does not stand, and is tried again after a while.
    Down(Trouble, Duration),
    /// A subscription was refused: its filter, and why.
    Refused(String, String),
    /// A message was too large and was skipped: its topic and its size, bytes.
    TooLarge(String, usize),
    /// All that was to be listened to at the start is.
    Listening,
}

/// Acknowledges one message.
#[derive(Clone)]
pub struct Token {
    connection: u64,
    ack: Ack,
    commands: UnboundedSender<Command>,
}

impl Token {
    /// The broker may forget the message. Where its connection is gone, it will be heard again.
    pub fn give(self) {
        // A link that has ended needs no acknowledgement.
        let _ = self.commands.send(Command::Ack(self.connection, self.ack));
    }
}

/// How a link stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether it is connected.
    pub up: bool,
    /// Since when it is as it is.
    pub since: Option<Instant>,
    /// What went wrong last, and has not been mended.
    pub trouble: Option<Trouble>,
    /// When it is tried again.
    pub again: Option<Instant>,
    /// How often it connected.
    pub connections: u64,
    /// Messages heard.
    pub heard: u64,
    /// Messages acknowledged to us.
    pub sent: u64,
    /// Messages that wait, or are under way.
    pub waiting: usize,
    /// Messages that were dropped because nobody took them.
    pub dropped: u64,
    /// Messages of ours that were given up.
    pub given_up: u64,
    /// Messages that were too large.
    pub too_large: u64,
    /// Subscriptions that were refused, and why.
    pub refused: Vec<(String, String)>,
    /// How often it was said anew what is to be listened to, where the broker has answered to the last; `None` where it has
    /// answered to nothing since it connected.
    pub answered: Option<u64>,
}

/// What the thread is told.
enum Command {
    Publish(Box<outbox::Entry>),
    Subscribe(Vec<Subscription>),
    Ack(u64, Ack),
    Stop,
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
pub struct Link {
    commands: UnboundedSender<Command>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    broker: Broker,
    /// How often it was said anew what is to be listened to.
    wishes: AtomicU64,
}

impl Link {
    /// Begins to connect. What is heard goes to `hear`, on a thread of the link; what it gives back is offered again a
    /// little later.
    ///
    /// # Errors
    /// When the address or a certificate cannot be used, or a filter is none. A broker that is away is no error.
    pub fn start(
        broker: &Broker,
        options: Options,
        hear: impl FnMut(Arrival) -> Option<Arrival> + Send + 'static,
    ) -> Result<Link> {
        options.subscriptions.iter().try_for_each(|s| topic::check_filter(&s.filter))?;
        let all = options.birth.iter().chain(&options.farewell).chain(&options.session.will);
        all.into_iter().try_for_each(topic::check_publish)?;
        let (commands, wishes) = unbounded_channel();
        let shared = Arc::new(Shared::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let dialogue = {
            let _inside = runtime.enter();
            super::dialogue::open(broker, &options.session)?
        };
        let worker = work::Work::new(broker, options, Box::new(hear), commands.clone(), shared.clone());
        let thread = std::thread::Builder::new().name("mqtt".into()).spawn(move || {
            runtime.block_on(worker.run(dialogue, wishes));
            runtime.shutdown_background();
        });
        let thread = thread.context(Kind::Failed, || "cannot start a thread for the broker".to_string())?;
        Ok(Link { commands, shared, thread: Some(thread), broker: broker.clone(), wishes: AtomicU64::new(0) })
    }

    /// From now on this is listened to, and nothing else.
    ///
    /// # Errors
    /// `Usage` for a filter that is none.
    pub fn subscribe(&self, all: Vec<Subscription>) -> Result<()> {
        all.iter().try_for_each(|s| topic::check_filter(&s.filter))?;
        self.wishes.fetch_add(1, Relaxed);
        self.tell(Command::Subscribe(all))
    }

    /// Whether the broker has answered to all that was to be listened to, or is away.
    pub fn is_settled(&self) -> bool {
        let standing = self.shared.standing();
        standing.answered.is_some_and(|answered| answered >= self.wishes.load(Relaxed)) || standing.trouble.is_some()
    }

    /// Hands over a message that may wait for `within`; `told` is called with how it ended, on the link's thread.
    ///
    /// # Errors
    /// `Usage` for a topic that is none; when the link has ended.
    pub fn send(
        &self,
        publish: Publish,
        within: Duration,
        told: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<()> {
        topic::check_publish(&publish)?;
        let deadline = Instant::now() + within;
        self.tell(Command::Publish(Box::new(outbox::Entry::new(publish, deadline, told))))
    }

    /// Publishes a message and waits until it is acknowledged as its quality asks.
    ///
    /// # Errors
    /// What kept the broker from having it within the time.
    pub fn publish(&self, publish: Publish, within: Duration) -> Result<()> {
        let (tell, told) = mpsc::sync_channel(1);
        // The other end waits as long as this one is to be heard.
        self.send(publish, within, move |ended| drop(tell.try_send(ended)))?;
        match told.recv_timeout(within + GOODBYE) {
            Ok(ended) => ended,
            Err(_) => Err(Error::new(Kind::TimedOut, format!("the broker {} did not answer", self.broker.place()))),
        }
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.shared.standing().clone()
    }

    /// Waits until it is connected, or the time is over, or nothing but a person can mend what is wrong.
    ///
    /// # Errors
    /// What is wrong then.
    pub fn wait_up(&self, within: Duration) -> Result<()> {
        self.wait_up_unless(within, &|| false)
    }

    /// The same, until somebody ends it.
    ///
    /// # Errors
    /// `Interrupted` then.
    pub fn wait_up_unless(&self, within: Duration, is_ended: &dyn Fn() -> bool) -> Result<()> {
        let until = Instant::now() + within;
        let mut standing = self.shared.standing();
        loop {
            if standing.up {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || standing.trouble.as_ref().is_some_and(Trouble::is_hopeless) {
                let trouble = standing.trouble.clone();
                let trouble = trouble.unwrap_or_else(|| Trouble::new(Wrong::Away, "it does not answer"));
                return Err(trouble.error(&self.broker));
            }
            if is_ended() {
                return Err(Error::new(Kind::Interrupted, "stopped before the broker answered"));
            }
            let waited = self.shared.changed.wait_timeout(standing, left.min(GLANCE));
            standing = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The broker that it is for.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// A sentence about how it stands.
    pub fn said(&self) -> String {
        said(&self.broker, &self.standing())
    }

    /// Says goodbye and ends. What is not sent by then is given up.
    pub fn stop(&mut self) {
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn tell(&self, command: Command) -> Result<()> {
        let ended = |_| Error::new(Kind::Failed, format!("the connection to {} has ended", self.broker.place()));
        self.commands.send(command).map_err(ended)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop();
    }
}

fn said(broker: &Broker, standing: &Standing) -> String {
    let place = broker.place();
    if standing.up {
        let mut said = format!("connected to {place}");
        if let Some((filter, why)) = standing.refused.first() {
            said.push_str(&format!("; it refuses the subscription {filter}: {why}"));
        }
        return said;
    }
    let again = standing.again.map(|at| at.saturating_duration_since(Instant::now()).as_secs());
    match (&standing.trouble, again) {
        (Some(trouble), Some(seconds)) => {
            format!("not connected to {place}: {}; tried again in {seconds} s", trouble.said)
        }
        (Some(trouble), None) => format!("not connected to {place}: {}", trouble.said),
        (None, _) => format!("connecting to {place}"),
    }
}
