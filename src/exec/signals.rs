//! Ctrl-C, TERM and HUP as a [`Stop`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use crate::kernel::error::{Context, Kind, Result};

use super::Stop;
use super::unix;

/// While this lives, INT, TERM and HUP set its [`Stop`] instead of ending the process.
///
/// Signals that were ignored when the process started stay ignored (`nohup`, a background job of a script). After it is
/// dropped the signals end the process again. Meant to be made once in a process, by whoever owns `main`.
#[derive(Debug)]
pub struct StopOnSignals {
    stop: Stop,
    ids: Vec<SigId>,
    released: Arc<AtomicBool>,
}

impl StopOnSignals {
    /// Takes over the signals. Fails when the process is out of file descriptors.
    pub fn new() -> Result<Self> {
        let mut this = StopOnSignals { stop: Stop::new()?, ids: Vec::new(), released: Arc::default() };
        let ignored = unix::ignored_signals();
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| !ignored.contains(s)) {
            this.take(signal).context(Kind::Failed, || format!("cannot take over signal {signal}"))?;
        }
        Ok(this)
    }

    fn take(&mut self, signal: i32) -> std::io::Result<()> {
        // Stays registered for good: without it a released signal would be ignored.
        flag::register_conditional_default(signal, Arc::clone(&self.released))?;
        // The number first: who hears the bell may ask for it.
        let number = usize::try_from(signal).unwrap_or_default();
        self.ids.push(flag::register_usize(signal, Arc::clone(&self.stop.signal), number)?);
        self.ids.push(low_level::pipe::register(signal, self.stop.bell.handle()?)?);
        Ok(())
    }

    /// What the signals set.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }
}

impl Drop for StopOnSignals {
    fn drop(&mut self) {
        self.released.store(true, Ordering::SeqCst);
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
    }
}
