//! What one call of Lua may take, and the meter that watches it.
//!
//! The interpreter asks the meter at every loop, call and step of a pattern, some twenty million times a second, so it
//! only counts and looks at a clock. What it found stays found: a script that catches the error gets it again at its next
//! step, and whoever made the call sees it even if the script ended well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::halt::Halt;

/// Bounds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a state may hold.
    pub memory: usize,
    /// How long Lua may work; waiting for what it asked of the program does not count.
    pub wall: Duration,
    /// Steps: loops, calls, and steps of patterns. 0 for no bound.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory: 50 << 20, wall: Duration::from_secs(5), steps: 1_000_000 }
    }
}

/// The bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The time.
    Time,
    /// The steps.
    Steps,
    /// Nobody wants the result any more.
    Stopped,
}

/// Watches the calls of one state.
#[derive(Debug)]
pub struct Meter {
    base: Instant,
    deadline: AtomicU64,
    steps: AtomicU64,
    /// How much of its waiting is still free, nanoseconds.
    waits: AtomicU64,
    over: AtomicU8,
    halt: Arc<Halt>,
}

/// Where an outer call stood when an inner one began.
#[derive(Debug)]
pub struct Before {
    deadline: u64,
    steps: u64,
    waits: u64,
    over: u8,
    begun: u64,
}

/// Looks at the clock are this many steps apart; one step of any library function takes milliseconds at most.
const LOOK: u64 = 4;

/// The same of looks whether somebody asks for an end.
const ASK: u64 = 256;

/// How long all that one call waits for may take together.
pub const WAITS: Duration = Duration::from_secs(180);

impl Meter {
    /// A meter that also ends what runs when `halt` says so.
    pub fn new(halt: Arc<Halt>) -> Meter {
        Meter {
            base: Instant::now(),
            deadline: AtomicU64::new(u64::MAX),
            steps: AtomicU64::new(u64::MAX),
            waits: AtomicU64::new(0),
            over: AtomicU8::new(0),
            halt,
        }
    }

    /// One step; the bound that it broke, or that was broken before.
    #[inline]
    pub fn tick(&self) -> Option<Over> {
        let steps = self.steps.load(Relaxed);
        if steps == 0 {
            self.over.fetch_max(2, Relaxed);
            return self.over();
        }
        self.steps.store(steps - 1, Relaxed);
        if steps.is_multiple_of(LOOK) {
            if self.now() >= self.deadline.load(Relaxed) {
                self.over.fetch_max(1, Relaxed);
            }
            let is_asked = match steps.is_multiple_of(ASK) {
                true => self.halt.is_asked(),
                false => self.halt.is_unwanted(),
            };
            if is_asked {
                self.over.store(3, Relaxed);
            }
        }
        if self.over.load(Relaxed) == 0 { None } else { self.over() }
    }

    fn over(&self) -> Option<Over> {
        match self.over.load(Relaxed) {
            0 => None,
            1 => Some(Over::Time),
            2 => Some(Over::Steps),
            _ => Some(Over::Stopped),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A call begins.
    pub fn begin(&self, limits: &Limits) -> Before {
        let begun = self.now();
        let wall = u64::try_from(limits.wall.as_nanos()).unwrap_or(u64::MAX);
        let steps = if limits.steps == 0 { u64::MAX } else { limits.steps };
        Before {
            deadline: self.deadline.swap(begun.saturating_add(wall), Relaxed),
            steps: self.steps.swap(steps, Relaxed),
            waits: self.waits.swap(u64::try_from(WAITS.as_nanos()).unwrap_or(u64::MAX), Relaxed),
            over: self.over.swap(0, Relaxed),
            begun,
        }
    }

    /// The call that began there is over. What it took is not taken from the one around it.
    pub fn end(&self, before: Before) -> Option<Over> {
        // Lines without a loop or a call ask the meter nothing.
        if self.now() >= self.deadline.load(Relaxed) {
            self.over.fetch_max(1, Relaxed);
        }
        if self.halt.is_asked() {
            self.over.store(3, Relaxed);
        }
        let over = self.over();
        let took = self.now().saturating_sub(before.begun);
        self.deadline.store(before.deadline.saturating_add(took), Relaxed);
        self.steps.store(before.steps, Relaxed);
        self.waits.store(before.waits, Relaxed);
        self.over.store(before.over, Relaxed);
        over
    }

    /// Whether what runs is to end.
    pub fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Waiting for others (a server, a command, a model) that Lua asked for, and whose time is not Lua's, up to [`WAITS`] a call.
    pub fn free<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = self.now();
        let done = work();
        let took = self.now().saturating_sub(begun).min(self.waits.load(Relaxed));
        self.waits.fetch_sub(took, Relaxed);
        self.deadline.store(self.deadline.load(Relaxed).saturating_add(took), Relaxed);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Meter {
        Meter::new(Arc::default())
    }

    #[test]
    fn what_was_found_stays_found_until_the_call_is_over() {
        let meter = meter();
        let before = meter.begin(&Limits { steps: 2, ..Limits::default() });
        assert_eq!([meter.tick(), meter.tick()], [None, None]);
        assert_eq!([meter.tick(), meter.tick()], [Some(Over::Steps); 2]);
        assert_eq!(meter.end(before), Some(Over::Steps));
        let before = meter.begin(&Limits { steps: 0, ..Limits::default() });
        assert!((0..1000).all(|_| meter.tick().is_none()));
        assert_eq!(meter.end(before), None);
    }

    #[test]
    fn a_call_within_a_call_takes_nothing_from_it() {
        let meter = meter();
        let outer = meter.begin(&Limits { steps: 3, ..Limits::default() });
        meter.tick();
        let inner = meter.begin(&Limits { wall: Duration::ZERO, steps: 8, ..Limits::default() });
        assert!((0..8).any(|_| meter.tick() == Some(Over::Time)));
        assert_eq!(meter.end(inner), Some(Over::Time));
        assert_eq!([meter.tick(), meter.tick()], [None, None]);
        assert_eq!(meter.tick(), Some(Over::Steps));
        meter.end(outer);
    }

    #[test]
    fn a_stop_ends_it() {
        let halt = Arc::new(Halt::default());
        let meter = Meter::new(halt.clone());
        let before = meter.begin(&Limits::default());
        assert_eq!(meter.tick(), None);
        halt.set(true);
        assert!((0..LOOK).any(|_| meter.tick() == Some(Over::Stopped)));
        assert_eq!(meter.end(before), Some(Over::Stopped));
    }
}
