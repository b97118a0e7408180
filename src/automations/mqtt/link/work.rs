//! What a link's thread does, in two halves: one attends to the connection and waits between attempts, the other
//! decides what is sent and whom is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender, channel};
use tokio::task::LocalSet;

use super::outbox::{Entry, Outbox, no_room};
use super::{Arrival, Command, Flood, GOODBYE, Options, Shared, Token};
use crate::automations::mqtt::backoff::Backoff;
use crate::automations::mqtt::broker::Broker;
use crate::automations::mqtt::dialogue::{Ack, Ear, Heard, Lost, NotSent, Subscription, Trouble, Voice, Wrong};
use crate::automations::mqtt::message::Publish;
use crate::kernel::error::{Error, Kind};

/// How many things heard wait between the two halves.
const BETWEEN: usize = 64;
/// How soon something that was not taken is offered again.
const OFFER: Duration = Duration::from_millis(2);
/// A connection that ends sooner than this, so often in a row, was most likely taken over by another client.
const SHORT: Duration = Duration::from_secs(3);
const OFTEN: u32 = 3;
/// How many filters go into one request.
const FILTERS: usize = 64;
/// How soon a subscription that was refused is asked for again: somebody may have allowed it meanwhile.
const ASK_AGAIN: Duration = Duration::from_secs(60);

type Hear = Box<dyn FnMut(Arrival) -> Option<Arrival> + Send>;

/// Something from the connection.
type FromEar = Result<Heard, (Trouble, Duration)>;

/// What became of something under way.
enum Settled {
    Sent(u64, Result<(), Lost>),
    Asked(Vec<String>, Result<Vec<(usize, String)>, Lost>),
}

pub(super) struct Work {
    place: String,
    options: Options,
    hear: Hear,
    commands: UnboundedSender<Command>,
    shared: Arc<Shared>,
    outbox: Outbox,
    held: VecDeque<Arrival>,
    under_way: FuturesUnordered<BoxFuture<'static, Settled>>,
    connection: u64,
    is_up: bool,
    /// Whether this connection's subscriptions may have ids.
    ids: bool,
    /// The largest packet that the broker takes, bytes.
    largest: Option<u32>,
    /// Whether something of ours is under way, for whoever attends to the connection.
    sending: Arc<AtomicBool>,
    asked: usize,
    /// How often it was said anew what is to be listened to.
    wishes: u64,
    /// When what was refused is asked for again.
    ask_again: Option<Instant>,
    told_listening: bool,
}

impl Work {
    pub(super) fn new(
        broker: &Broker,
        options: Options,
        hear: Hear,
        commands: UnboundedSender<Command>,
        shared: Arc<Shared>,
    ) -> Work {
        Work {
            place: broker.place(),
            outbox: Outbox::new(broker.queue, options.full),
            options,
            hear,
            commands,
            shared,
            held: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            connection: 0,
            is_up: false,
            ids: false,
            largest: None,
            sending: Arc::default(),
            asked: 0,
            wishes: 0,
            ask_again: None,
            told_listening: false,
        }
    }

    pub(super) async fn run(mut self, (voice, ear): (Voice, Ear), mut wishes: UnboundedReceiver<Command>) {
        let local = LocalSet::new();
        let (tell, mut told) = channel(BETWEEN);
        local.spawn_local(attend(ear, tell, self.sending.clone()));
        local.run_until(self.decide(&voice, &mut told, &mut wishes)).await;
        for entry in self.outbox.drain() {
            let said = format!("the connection to {} ended before the broker had the message", self.place);
            entry.end(Err(Error::new(Kind::Unreachable, said)));
        }
        self.note();
    }

    async fn decide(&mut self, voice: &Voice, told: &mut Receiver<FromEar>, wishes: &mut UnboundedReceiver<Command>) {
        loop {
            let deadline = moment(self.outbox.next_deadline());
            let ask_again = moment(self.ask_again.filter(|_| self.is_up));
            let may_listen = self.held.is_empty() || self.options.flood != Flood::Wait;
            tokio::select! {
                heard = told.recv(), if may_listen => match heard {
                    Some(heard) => self.heard(heard, voice),
                    None => return,
                },
                wish = wishes.recv() => match wish {
                    None | Some(Command::Stop) => return self.leave(voice, told).await,
                    Some(wish) => self.wish(wish, voice),
                },
                Some(settled) = self.under_way.next(), if !self.under_way.is_empty() => self.settled(settled),
                () = tokio::time::sleep(OFFER), if !self.held.is_empty() => self.offer_again(),
                () = deadline => self.give_up_overdue(),
                () = ask_again => self.ask_for_refused(voice),
            }
            self.send_waiting(voice);
            self.note();
        }
    }

    fn heard(&mut self, heard: FromEar, voice: &Voice) {
        match heard {
            Ok(Heard::Up { session_present, ids, largest }) => {
                (self.ids, self.largest) = (ids, largest);
                self.up(session_present, voice);
            }
            Ok(Heard::Message(message, ack)) => {
                self.shared.standing().heard += 1;
                let (connection, commands) = (self.connection, &self.commands);
                let token = ack.filter(|_| self.options.session.manual);
                let token = token.map(|ack| Token { connection, ack, commands: commands.clone() });
                self.offer(Arrival::Message(message, token));
            }
            Ok(Heard::TooLarge { topic, bytes, ack }) => {
                self.shared.standing().too_large += 1;
                if let Some(ack) = ack.filter(|_| self.options.session.manual) {
                    self.acknowledge(ack, voice);
                }
                self.offer(Arrival::TooLarge(topic, bytes));
            }
            Ok(Heard::Other) => {}
            Err((trouble, wait)) => self.down(trouble, wait),
        }
    }

    fn up(&mut self, session_present: bool, voice: &Voice) {
        self.connection += 1;
        self.is_up = true;
        self.ask_again = None;
        {
            let mut standing = self.shared.standing();
            standing.up = true;
            standing.since = Some(Instant::now());
            (standing.trouble, standing.again) = (None, None);
            standing.connections += 1;
            standing.refused.clear();
        }
        self.shared.changed.notify_all();
        self.offer(Arrival::Up { session_present });
        let mut stale = std::mem::take(&mut self.options.stale);
        stale.retain(|filter| !self.options.subscriptions.iter().any(|s| s.filter == *filter));
        if session_present && !stale.is_empty() && voice.unsubscribe(&stale).is_err() {
            tracing::warn!(broker = self.place, "what nobody listens to any more found no room");
        }
        // Also where the session is kept: what it holds of our subscriptions may be older than what is wanted now.
        let all = self.options.subscriptions.clone();
        self.subscribe(&all, voice);
        let birth = self.options.birth.clone();
        birth.into_iter().for_each(|publish| self.say(publish, voice));
    }

    fn down(&mut self, trouble: Trouble, wait: Duration) {
        if std::mem::take(&mut self.is_up)
            && let Some(guilty) = self.outbox.connection_lost(trouble.is_about_ours(), Instant::now())
        {
            self.count(false);
            let said = format!("the broker {} ends the connection at this message: {}", self.place, trouble.said);
            guilty.end(Err(Error::new(Kind::Refused, said).hint("it may be larger than the broker takes")));
        }
        {
            let mut standing = self.shared.standing();
            if standing.up || standing.since.is_none() {
                standing.since = Some(Instant::now());
            }
            standing.up = false;
            standing.answered = None;
            standing.again = Some(Instant::now() + wait);
            standing.trouble = Some(trouble.clone());
        }
        self.shared.changed.notify_all();
        self.offer(Arrival::Down(trouble, wait));
    }

    fn subscribe(&mut self, all: &[Subscription], voice: &Voice) {
        let id = |s: &Subscription| s.id.filter(|_| self.ids);
        let mut all: Vec<Subscription> = all.iter().map(|s| Subscription { id: id(s), ..s.clone() }).collect();
        all.sort_by_key(|s| s.id);
        // Those with an id have a packet each, those without share some.
        let packets = all.chunk_by(|a, b| a.id == b.id).flat_map(|same| same.chunks(FILTERS));
        for some in packets {
            let Ok(answer) = voice.subscribe(some) else { continue };
            let filters: Vec<String> = some.iter().map(|s| s.filter.clone()).collect();
            self.asked += 1;
            self.under_way.push(Box::pin(async move { Settled::Asked(filters, answer.answered().await) }));
        }
        self.tell_listening();
    }

    /// Says something of our own, for which nobody waits.
    fn say(&mut self, publish: Publish, voice: &Voice) {
        if let Ok(receipt) = voice.publish(&publish) {
            self.under_way.push(Box::pin(async move { Settled::Sent(u64::MAX, receipt.settled().await) }));
        }
    }

    fn acknowledge(&mut self, ack: Ack, voice: &Voice) {
        if voice.ack(ack) == Err(NotSent::Full) {
            // It will be delivered again, which is what an acknowledgement that is lost means anyway.
            tracing::warn!(broker = self.place, "an acknowledgement found no room");
        }
    }

    fn wish(&mut self, wish: Command, voice: &Voice) {
        match wish {
            Command::Publish(entry) => {
                if let Some(gone) = self.outbox.push(*entry, self.is_up) {
                    self.shared.standing().given_up += 1;
                    gone.end(Err(no_room(&self.place)));
                }
            }
            Command::Subscribe(all) => {
                self.wishes += 1;
                let before = std::mem::replace(&mut self.options.subscriptions, all);
                let now = self.options.subscriptions.clone();
                let gone: Vec<String> = before.iter().map(|s| s.filter.clone()).collect();
                let gone: Vec<String> = gone.into_iter().filter(|f| !now.iter().any(|s| s.filter == *f)).collect();
                let new: Vec<Subscription> = now.into_iter().filter(|s| !before.contains(s)).collect();
                self.shared.standing().refused.retain(|(filter, _)| !gone.contains(filter));
                if !self.is_up {
                    self.options.stale.extend(gone);
                } else {
                    if !gone.is_empty() {
                        // Where that is not taken, messages that nobody wants are dropped by whoever hears them.
                        let _ = voice.unsubscribe(&gone);
                    }
                    self.subscribe(&new, voice);
                }
            }
            Command::Ack(connection, ack) if connection == self.connection && self.is_up => {
                self.acknowledge(ack, voice);
            }
            Command::Ack(..) | Command::Stop => {}
        }
    }

    fn settled(&mut self, settled: Settled) {
        match settled {
            Settled::Asked(filters, answer) => {
                self.asked = self.asked.saturating_sub(1);
                if let Ok(refused) = answer {
                    self.note_refused(&filters, &refused);
                }
                self.tell_listening();
            }
            Settled::Sent(number, Err(Lost::Again)) => self.outbox.put_back(number),
            Settled::Sent(number, how) => {
                let Some(entry) = self.outbox.settled(number) else { return };
                self.count(how.is_ok());
                entry.end(how.map_err(|lost| refused(&self.place, lost)));
            }
        }
    }

    /// Of `filters` just these were refused, by their place. Each is told once.
    fn note_refused(&mut self, filters: &[String], refused: &[(usize, String)]) {
        let mut new = Vec::new();
        {
            let mut standing = self.shared.standing();
            let before = standing.refused.clone();
            standing.refused.retain(|(filter, _)| !filters.contains(filter));
            for (at, why) in refused {
                let Some(filter) = filters.get(*at) else { continue };
                standing.refused.push((filter.clone(), why.clone()));
                if !before.iter().any(|(known, _)| known == filter) {
                    new.push((filter.clone(), why.clone()));
                }
            }
            self.ask_again = (!standing.refused.is_empty()).then(|| Instant::now() + ASK_AGAIN);
        }
        new.into_iter().for_each(|(filter, why)| self.offer(Arrival::Refused(filter, why)));
    }

    fn ask_for_refused(&mut self, voice: &Voice) {
        self.ask_again = None;
        let refused = self.shared.standing().refused.clone();
        let all = self.options.subscriptions.iter();
        let all: Vec<Subscription> = all.filter(|s| refused.iter().any(|(f, _)| *f == s.filter)).cloned().collect();
        self.subscribe(&all, voice);
    }

    fn tell_listening(&mut self) {
        if !self.is_up || self.asked > 0 {
            return;
        }
        self.shared.standing().answered = Some(self.wishes);
        if !std::mem::replace(&mut self.told_listening, true) {
            self.offer(Arrival::Listening);
        }
    }

    fn count(&self, sent: bool) {
        let mut standing = self.shared.standing();
        match sent {
            true => standing.sent += 1,
            false => standing.given_up += 1,
        }
    }

    /// Sends what waits, as far as there is room.
    fn send_waiting(&mut self, voice: &Voice) {
        while self.is_up && self.outbox.flying() < self.outbox.at_a_time() {
            let Some((number, publish)) = self.outbox.take() else { return };
            let bytes = publish.encoded_len();
            if let Some(most) = self.largest.filter(|most| bytes > *most as usize) {
                let said =
                    format!("the broker {} takes {most} bytes at a time, and this message has {bytes}", self.place);
                self.count(false);
                let entry = self.outbox.settled(number);
                entry.into_iter().for_each(|e: Entry| e.end(Err(Error::new(Kind::Refused, said.clone()))));
                continue;
            }
            match voice.publish(publish) {
                Ok(receipt) => {
                    self.under_way.push(Box::pin(async move { Settled::Sent(number, receipt.settled().await) }));
                }
                Err(NotSent::Full) => return self.outbox.put_back(number),
                Err(_) => {
                    let entry = self.outbox.settled(number);
                    self.count(false);
                    let said = format!("the message cannot be sent to the broker {}", self.place);
                    entry.into_iter().for_each(|e: Entry| e.end(Err(Error::new(Kind::Failed, said.clone()))));
                }
            }
        }
    }

    fn give_up_overdue(&mut self) {
        for entry in self.outbox.overdue(Instant::now()) {
            self.count(false);
            let said = match self.shared.standing().trouble.as_ref() {
                Some(trouble) => format!("the broker {} is away: {}", self.place, trouble.said),
                None => format!("the broker {} did not acknowledge the message in time", self.place),
            };
            entry.end(Err(Error::new(Kind::Unreachable, said).hint("`fac mqtt status` tells how it stands")));
        }
    }

    /// Offers something heard; where it is not taken it is held, or dropped, as the policy says.
    fn offer(&mut self, arrival: Arrival) {
        let refused = if self.held.is_empty() { (self.hear)(arrival) } else { Some(arrival) };
        let Some(arrival) = refused else { return };
        let may_go = matches!(&arrival, Arrival::Message(message, _) if message.qos.number() == 0);
        match self.options.flood {
            Flood::Drop(most) if may_go && self.held.len() >= most => self.shared.standing().dropped += 1,
            _ => self.held.push_back(arrival),
        }
    }

    fn offer_again(&mut self) {
        while let Some(arrival) = self.held.pop_front() {
            if let Some(refused) = (self.hear)(arrival) {
                self.held.push_front(refused);
                return;
            }
        }
    }

    fn note(&self) {
        self.sending.store(self.outbox.flying() > 0, Relaxed);
        self.shared.standing().waiting = self.outbox.len();
    }

    /// Says goodbye: what is under way is settled, the farewell is said, the connection is closed.
    async fn leave(&mut self, voice: &Voice, told: &mut Receiver<FromEar>) {
        if !self.is_up {
            return;
        }
        self.send_waiting(voice);
        let farewell = std::mem::take(&mut self.options.farewell);
        farewell.into_iter().for_each(|publish| self.say(publish, voice));
        voice.leave(GOODBYE);
        let goodbye = async {
            loop {
                tokio::select! {
                    heard = told.recv() => match heard {
                        None | Some(Err(_)) => return,
                        Some(Ok(_)) => {}
                    },
                    Some(settled) = self.under_way.next(), if !self.under_way.is_empty() => self.settled(settled),
                }
            }
        };
        // A broker that does not let go is left alone.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        // What was settled just before the connection closed has its answer by now.
        while let Some(Some(settled)) = self.under_way.next().now_or_never() {
            self.settled(settled);
        }
        self.is_up = false;
        self.shared.standing().up = false;
    }
}

/// Waits until then; without a moment for ever.
async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn refused(place: &str, lost: Lost) -> Error {
    match lost {
        Lost::Refused(why) => Error::new(Kind::Refused, format!("the broker {place} refuses the message: {why}"))
            .hint("check what you may publish there"),
        Lost::Again => Error::new(Kind::Unreachable, format!("the broker {place} was lost")),
    }
}

/// Attends to the connection: asks again and again, and waits between attempts that failed.
async fn attend(mut ear: Ear, tell: Sender<FromEar>, sending: Arc<AtomicBool>) {
    let mut backoff = Backoff::default();
    let mut up_since: Option<Instant> = None;
    let mut short = 0;
    loop {
        let heard = match ear.hear().await {
            Ok(heard) => {
                if matches!(heard, Heard::Up { .. }) {
                    up_since = Some(Instant::now());
                }
                Ok(heard)
            }
            Err(mut trouble) => {
                if trouble.wrong == Wrong::Done {
                    return;
                }
                let stood = up_since.take().map(|at| at.elapsed());
                // Where something is sent, that may be why.
                let unasked = trouble.wrong == Wrong::Lost && !sending.load(Relaxed);
                let was_short = unasked && stood.is_some_and(|stood| stood < SHORT);
                short = if was_short { short + 1 } else { 0 };
                if short >= OFTEN {
                    let said = "it is taken over again and again: another client has the same client id";
                    trouble = Trouble::new(Wrong::TakenOver, said);
                }
                let wait = backoff.next(stood, trouble.is_hopeless());
                Err((trouble, wait))
            }
        };
        let wait = heard.as_ref().err().map(|(_, wait)| *wait);
        if tell.send(heard).await.is_err() {
            return;
        }
        if let Some(wait) = wait {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = tell.closed() => return,
            }
        }
    }
}
