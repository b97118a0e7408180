//! Whether whoever asked is still there: work that is done for them ends when they are not.

use std::sync::{Arc, Mutex, PoisonError};

use crate::exec::Stop;
use crate::kernel::error::Result;

/// Whether whoever asked has gone. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Gone(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    gone: bool,
    stops: Vec<Stop>,
}

impl Gone {
    /// A handle that ends what runs under it when whoever asked goes.
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn stop(&self) -> Result<Stop> {
        let stop = Stop::new()?;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.gone {
            stop.request();
        }
        state.stops.push(stop.clone());
        Ok(stop)
    }

    /// What is to be held as long as they are there.
    pub fn guard(&self) -> Guard {
        Guard(self.clone())
    }
}

/// Whoever asked is there as long as this is.
#[derive(Debug)]
pub struct Guard(Gone);

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.gone = true;
        state.stops.iter().for_each(Stop::request);
        state.stops.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_for_somebody_ends_when_they_go() {
        let gone = Gone::default();
        let guard = gone.guard();
        let before = gone.stop().unwrap();
        assert!(!before.is_requested());
        drop(guard);
        assert!(before.is_requested());
        assert!(gone.stop().unwrap().is_requested());
    }
}
