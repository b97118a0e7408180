//! Whether what Lua does is to end: nobody wants it any more, or somebody asks for it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::exec::Stop;
use crate::kernel::events::Position;
use crate::kernel::ids::TraceId;

/// How often whoever waits for others looks.
const GLANCE: Duration = Duration::from_millis(20);

/// What the meters of all states look at; one call is done at a time.
#[derive(Debug, Default)]
pub struct Halt {
    /// The call that is done is to end.
    unwanted: AtomicBool,
    /// Who may ask for it.
    heeded: Mutex<Option<Asked>>,
}

/// Who a call is for: somebody who may ask for its end, and the request that it belongs to.
#[derive(Clone, Debug)]
pub struct Asked {
    /// By this.
    pub stop: Stop,
    /// So often it was asked before the call, which does not count.
    pub before: u64,
    /// What the plugin causes meanwhile is known by this, where that is known.
    pub trace: Option<TraceId>,
    /// The event that the plugin is told.
    pub heard: Option<Position>,
}

impl Asked {
    /// Whoever asks from now on.
    pub fn from_now(stop: &Stop) -> Asked {
        Asked { stop: stop.clone(), before: stop.count(), trace: None, heard: None }
    }

    /// Whoever asks, also where that was before.
    pub fn ever(stop: &Stop) -> Asked {
        Asked { stop: stop.clone(), before: 0, trace: None, heard: None }
    }

    /// The same as part of a request.
    pub fn within(self, trace: TraceId) -> Asked {
        Asked { trace: Some(trace), ..self }
    }

    /// The same, to tell of this event.
    pub fn hearing(self, event: Position) -> Asked {
        Asked { heard: Some(event), ..self }
    }

    /// Whether somebody did.
    pub fn is_asked(&self) -> bool {
        self.stop.count() > self.before
    }
}

impl Halt {
    /// The call that is done is to end, or is not.
    pub fn set(&self, unwanted: bool) {
        self.unwanted.store(unwanted, Relaxed);
    }

    /// Whether nobody wants the call any more; the cheap half of [`Halt::is_asked`].
    #[inline]
    pub fn is_unwanted(&self) -> bool {
        self.unwanted.load(Relaxed)
    }

    /// Whether the call is to end.
    pub fn is_asked(&self) -> bool {
        self.is_unwanted() || self.heeded().as_ref().is_some_and(Asked::is_asked)
    }

    /// Heeds `asked` until what comes back is dropped.
    pub fn heed(&self, asked: Option<&Asked>) -> Heeding<'_> {
        let before = std::mem::replace(&mut *self.heeded(), asked.cloned());
        Heeding { halt: self, before }
    }

    /// Who may ask, for what is begun from within: as long as nobody has.
    pub fn stop(&self) -> Option<Stop> {
        self.heeded().as_ref().filter(|asked| asked.stop.count() == 0).map(|asked| asked.stop.clone())
    }

    /// The request that the call belongs to.
    pub fn trace(&self) -> Option<TraceId> {
        self.heeded().as_ref().and_then(|asked| asked.trace)
    }

    /// The event that the call tells of.
    pub fn heard(&self) -> Option<Position> {
        self.heeded().as_ref().and_then(|asked| asked.heard)
    }

    /// Waits until the call is to end.
    pub async fn asked(&self) {
        while !self.is_asked() {
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn heeded(&self) -> MutexGuard<'_, Option<Asked>> {
        self.heeded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody is heeded; dropped, whoever was before.
pub struct Heeding<'h> {
    halt: &'h Halt,
    before: Option<Asked>,
}

impl Drop for Heeding<'_> {
    fn drop(&mut self) {
        *self.halt.heeded() = self.before.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_before_counts_only_where_that_is_wanted() {
        let (halt, stop) = (Halt::default(), Stop::new().unwrap());
        stop.request();
        {
            let _outer = halt.heed(Some(&Asked::from_now(&stop)));
            assert!(!halt.is_asked() && halt.stop().is_none());
            {
                let _inner = halt.heed(Some(&Asked::ever(&stop)));
                assert!(halt.is_asked());
            }
            assert!(!halt.is_asked(), "who was heeded before is heeded again");
            stop.request();
            assert!(halt.is_asked());
        }
        assert!(!halt.is_asked());
        halt.set(true);
        assert!(halt.is_asked());
    }
}
