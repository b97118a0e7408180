//! Feeds a speaker: clips wait here and go into the device's ring as there is room; a device that went away is opened
//! again, and one that nobody has needed for a while is closed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rtrb::Producer;

use super::Wanted;
use super::device::Way;
use super::keep::{Ends, Kept, Opening, Word};
use super::play::{Shared, Told, set};
use super::rate::Rate;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::chain::resample;
use crate::voice::clip::{Clip, RATE};

/// How often the ring is filled while something plays.
const BUSY: Duration = Duration::from_millis(5);
/// How often the device is looked after while nothing plays.
const IDLE: Duration = Duration::from_millis(250);
/// A device that nobody needed for so long is closed.
const UNUSED: Duration = Duration::from_secs(20);
/// A device that took nothing for so long is opened again.
const STUCK: Duration = Duration::from_millis(1500);
/// Silence that the device took after the last sample before that counts as heard, ms.
const HEARD: u64 = 120;
/// How long before it is heard a sample is passed on to whoever cancels echoes, ms.
const SOON: u64 = 200;
/// The first and the longest pause before a device is opened again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What the feeder is told.
pub(super) enum Order {
    /// To play this behind the rest.
    Play(Clip),
    /// To fall silent and forget the rest.
    Hush,
}

/// The feeding thread's own.
pub(super) struct Feeder {
    wanted: Wanted,
    device: Device,
    orders: Receiver<Order>,
    also: Producer<f32>,
    shared: Arc<Shared>,
    queue: VecDeque<Clip>,
    /// What is being played, at the device's rate, and how far it is.
    now: (Vec<f32>, usize),
    /// How many clips came.
    received: u64,
    /// Orders to fall silent that wait for the device.
    hushes: u64,
    /// How many frames the device had taken when it was looked at, and when.
    taken: (u64, Instant),
    needed: Instant,
    trouble: Option<Instant>,
    pause: Duration,
}

enum Device {
    Open(Box<Open>),
    Opening(Opening, Instant),
    Waiting(Instant),
    Closed,
}

struct Open {
    kept: Kept,
    back: Rate,
    /// How many of the frames that were handed over were passed on to whoever cancels echoes.
    passed: u64,
}

impl Open {
    /// Whether all that was handed over has been heard.
    fn is_silent(&self) -> bool {
        let counts = &self.kept.counts;
        if counts.tells {
            return counts.heard.load(Ordering::Acquire) >= counts.frames.load(Ordering::Acquire);
        }
        counts.idle.load(Ordering::Acquire) * 1000 / u64::from(self.kept.found.rate.max(1)) >= HEARD
    }

    /// What grows while the device does its work; `None` while it has none to do.
    fn progress(&self) -> Option<u64> {
        let counts = &self.kept.counts;
        if !counts.tells {
            return Some(counts.frames.load(Ordering::Acquire));
        }
        let Ends::Out(into, _) = &self.kept.ends else { return None };
        let waits = into.slots() < into.buffer().capacity();
        (waits || !self.is_silent()).then(|| counts.heard.load(Ordering::Acquire))
    }

    /// Passes on what the device is about to sound, so that whoever cancels echoes knows it before they come.
    fn pass_on(&mut self, also: &mut Producer<f32>) {
        let counts = &self.kept.counts;
        let Ends::Out(_, played) = &mut self.kept.ends else { return };
        let soon = counts.heard.load(Ordering::Acquire) + u64::from(self.kept.found.rate) * SOON / 1000;
        let due = if counts.tells { soon.saturating_sub(self.passed) as usize } else { usize::MAX };
        let Ok(chunk) = played.read_chunk(played.slots().min(due)) else { return };
        self.passed += chunk.len() as u64;
        let heard: Vec<f32> = chunk.into_iter().collect();
        let mut at_rate = Vec::new();
        self.back.feed(&heard, &mut at_rate);
        // A reference that nobody takes fills its ring, and that is all.
        let fit = at_rate.len().min(also.slots());
        if let Ok(chunk) = also.write_chunk_uninit(fit) {
            chunk.fill_from_iter(at_rate);
        }
    }

    /// Forgets what will not be heard any more.
    fn forget(&mut self) {
        let Ends::Out(_, played) = &mut self.kept.ends else { return };
        // Elsewhere it has sounded when it is handed over.
        if self.kept.counts.tells
            && let Ok(chunk) = played.read_chunk(played.slots())
        {
            self.passed += chunk.len() as u64;
            chunk.commit_all();
        }
    }
}

impl Feeder {
    /// For a device that was opened.
    pub fn new(
        wanted: Wanted,
        kept: Kept,
        orders: Receiver<Order>,
        also: Producer<f32>,
        shared: Arc<Shared>,
    ) -> Result<Feeder> {
        let now = Instant::now();
        Ok(Feeder {
            wanted,
            device: Device::Open(Box::new(open(kept)?)),
            orders,
            also,
            shared,
            queue: VecDeque::new(),
            now: (Vec::new(), 0),
            received: 0,
            hushes: 0,
            taken: (0, now),
            needed: now,
            trouble: None,
            pause: PAUSE.0,
        })
    }

    /// Feeds until the player is gone.
    pub fn run(&mut self) {
        loop {
            let busy = self.is_busy();
            match self.orders.recv_timeout(if busy { BUSY } else { IDLE }) {
                Ok(Order::Play(clip)) => {
                    self.received += 1;
                    self.queue.push_back(clip);
                }
                Ok(Order::Hush) => self.hush(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tend();
        }
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.now.1 >= self.now.0.len()
    }

    fn hush(&mut self) {
        self.queue.clear();
        self.now = (Vec::new(), 0);
        self.hushes += 1;
        if let Device::Open(open) = &self.device {
            let counts = &open.kept.counts;
            counts.emptied.store(false, Ordering::SeqCst);
            counts.hush.store(true, Ordering::SeqCst);
            counts.waker.wake();
        }
    }

    fn tend(&mut self) {
        let now = Instant::now();
        let empty = self.is_empty();
        if !empty || self.is_busy() {
            self.needed = now;
        }
        match &mut self.device {
            Device::Open(_) => self.tend_open(now),
            Device::Opening(opening, since) => match opening.poll() {
                Some(Ok(kept)) => {
                    set(&self.shared.device, kept.found.called.clone());
                    self.taken = (0, now);
                    match open(kept) {
                        Ok(open) => self.device = Device::Open(Box::new(open)),
                        Err(error) => self.lose(&error),
                    }
                }
                Some(Err(error)) => self.wait(now, &error),
                None if now > *since + self.wanted.first => {
                    self.wait(now, &Error::new(Kind::TimedOut, "the sound system does not answer"));
                }
                None => {}
            },
            Device::Waiting(until) if now >= *until => self.reopen(now),
            Device::Closed if !empty => self.reopen(now),
            Device::Closed => self.idle(),
            Device::Waiting(_) => {}
        }
        if !matches!(self.device, Device::Open(_)) && self.hushes > 0 {
            // Nothing is open, so nothing sounds.
            self.hushed();
        }
    }

    fn tend_open(&mut self, now: Instant) {
        let Device::Open(open) = &mut self.device else { return };
        if self.hushes > 0 && !open.kept.counts.hush.load(Ordering::SeqCst) {
            open.forget();
            self.hushed();
        }
        // What comes behind an order to fall silent must not be thrown away with the rest.
        if self.hushes == 0 {
            self.fill();
        }
        let Device::Open(open) = &mut self.device else { return };
        let counts = &open.kept.counts;
        match open.progress() {
            Some(taken) if taken == self.taken.0 => {}
            Some(taken) => {
                self.taken = (taken, now);
                (self.pause, self.trouble) = (PAUSE.0, None);
            }
            None => self.taken.1 = now,
        }
        let why = if counts.failed.load(Ordering::Acquire) {
            let why = counts.why.try_lock().ok().and_then(|why| why.clone());
            why.map_or_else(|| "the sound system closed it".to_owned(), |why| why.to_string())
        } else if now > self.taken.1 + STUCK {
            "it takes no sound".to_owned()
        } else if let Some(Word::Elsewhere(why)) = open.kept.word() {
            why
        } else {
            return self.settle(now);
        };
        let said = format!("the speaker {:?} was lost: {why}", open.kept.found.called);
        self.wait(now, &Error::new(Kind::Unreachable, said).hint("see what is there: fac voice devices"));
    }

    /// Moves samples: from the queue into the device's ring, and from the device to whoever cancels echoes.
    fn fill(&mut self) {
        let Device::Open(open) = &mut self.device else { return };
        let rate = open.kept.found.rate;
        let Ends::Out(into, _) = &mut open.kept.ends else { return };
        while into.slots() > 0 {
            if self.now.1 >= self.now.0.len() {
                let Some(clip) = self.queue.pop_front() else { break };
                // The player has looked whether the rate makes sense.
                self.now = (resample::clip(&clip, rate).map(|c| c.samples).unwrap_or_default(), 0);
                continue;
            }
            let fit = into.slots().min(self.now.0.len() - self.now.1);
            let piece = &self.now.0[self.now.1..self.now.1 + fit];
            if let Ok(chunk) = into.write_chunk_uninit(fit) {
                chunk.fill_from_iter(piece.iter().map(|s| if s.is_nan() { 0.0 } else { s.clamp(-1.0, 1.0) }));
            }
            self.now.1 += fit;
        }
        open.kept.counts.waker.wake();
        open.pass_on(&mut self.also);
    }

    /// Whether all was heard, and whether the device is needed any more.
    fn settle(&mut self, now: Instant) {
        let Device::Open(open) = &self.device else { return };
        let Ends::Out(into, _) = &open.kept.ends else { return };
        let empty = into.slots() == into.buffer().capacity();
        if self.is_empty() && empty && open.is_silent() {
            self.idle();
        }
        if now > self.needed + UNUSED {
            self.device = Device::Closed;
        }
    }

    /// Says that all that was asked for so far has been heard, or never will be.
    fn idle(&self) {
        self.shared.settled.store(self.received, Ordering::SeqCst);
    }

    fn is_busy(&self) -> bool {
        self.hushes > 0 || self.shared.settled.load(Ordering::SeqCst) < self.received
    }

    /// Orders to fall silent were carried out.
    fn hushed(&mut self) {
        self.idle();
        self.shared.hushed.fetch_add(std::mem::take(&mut self.hushes), Ordering::SeqCst);
    }

    fn reopen(&mut self, now: Instant) {
        match Opening::begin(Way::Out, &self.wanted.devices) {
            Ok(opening) => self.device = Device::Opening(opening, now),
            Err(error) => self.lose(&error),
        }
    }

    /// The device is gone, or cannot be opened: it is tried again until patience is over.
    fn wait(&mut self, now: Instant, error: &Error) {
        let since = *self.trouble.get_or_insert(now);
        self.device = Device::Waiting(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE.1);
        if now > since + self.wanted.patience {
            self.lose(error);
        }
    }

    fn lose(&mut self, error: &Error) {
        let told: Told = (error.kind(), error.full_message(), error.way_forward().map(str::to_owned));
        set(&self.shared.lost, Some(told));
        self.queue.clear();
        self.device = Device::Closed;
    }
}

fn open(kept: Kept) -> Result<Open> {
    let back = Rate::new(kept.found.rate, RATE).map_err(|e| {
        let said = format!("the speaker {:?} cannot be used", kept.found.called);
        Error::new(Kind::Unreachable, said).because(e)
    })?;
    Ok(Open { kept, back, passed: 0 })
}
