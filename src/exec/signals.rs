//! Ctrl-C, TERM and HUP as a [`Stop`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::{SigId, flag, low_level};

use crate::kernel::error::{Context, Kind, Result};

use super::Stop;
use super::unix;

/// Who holds which signal of this process. Signals belong to the process as a whole, and so does this.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// A signal that was taken over at some time.
#[derive(Debug)]
struct Held {
    signal: i32,
    /// How many hold it.
    holders: usize,
    /// Whether nobody does, in which case it ends the process.
    free: Arc<AtomicBool>,
}

/// A flag that USR1 sets from now on, instead of ending the process.
///
/// # Errors
/// `Failed` when the signal cannot be taken over.
pub fn flag_on_usr1() -> Result<Arc<AtomicBool>> {
    flag_on(signal_hook::consts::SIGUSR1)
}

/// The same for HUP, which asks what runs for months to read its settings again.
///
/// # Errors
/// `Failed` when the signal cannot be taken over.
pub fn flag_on_hup() -> Result<Arc<AtomicBool>> {
    flag_on(SIGHUP)
}

/// From now on Ctrl-Z does nothing: for whoever has to keep time for others.
///
/// # Errors
/// `Failed` when the signal cannot be taken over.
pub fn without_suspension() -> Result<()> {
    flag_on(SIGTSTP).map(drop)
}

fn flag_on(signal: i32) -> Result<Arc<AtomicBool>> {
    let flagged = Arc::new(AtomicBool::new(false));
    flag::register(signal, flagged.clone()).context(Kind::Failed, || format!("cannot take over signal {signal}"))?;
    Ok(flagged)
}

/// While this lives, INT, TERM and HUP set its [`Stop`] instead of ending the process.
///
/// Signals that were ignored when the process started stay ignored (`nohup`, a background job of a script). After the last
/// holder of a signal is dropped it ends the process again.
#[derive(Debug)]
pub struct StopOnSignals {
    stop: Stop,
    held: Vec<i32>,
    ids: Vec<SigId>,
}

impl StopOnSignals {
    /// Takes over the signals. Fails when the process is out of file descriptors.
    pub fn new() -> Result<Self> {
        Self::of(&[SIGINT, SIGTERM, SIGHUP])
    }

    /// Takes over Ctrl-C and TERM; HUP means something else to who asks for this.
    pub fn without_hup() -> Result<Self> {
        Self::of(&[SIGINT, SIGTERM])
    }

    /// Takes over only Ctrl-C.
    pub fn only_ctrl_c() -> Result<Self> {
        Self::of(&[SIGINT])
    }

    fn of(signals: &[i32]) -> Result<Self> {
        let mut this = StopOnSignals { stop: Stop::new()?, held: Vec::new(), ids: Vec::new() };
        let ignored = unix::ignored_signals();
        for signal in signals.iter().copied().filter(|s| !ignored.contains(s)) {
            this.take(signal).context(Kind::Failed, || format!("cannot take over signal {signal}"))?;
        }
        Ok(this)
    }

    fn take(&mut self, signal: i32) -> std::io::Result<()> {
        hold(signal)?;
        self.held.push(signal);
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
        self.held.iter().for_each(|signal| release(*signal));
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
    }
}

/// While this lives Ctrl-Z waits until [`Pause::take`] is asked, so that the terminal can be given back first.
///
/// Where nobody would ever let the process go on (it has no shell above it), Ctrl-Z does nothing, as the system does.
#[derive(Debug)]
pub struct Pause {
    wanted: Arc<AtomicBool>,
    id: Option<SigId>,
}

impl Pause {
    /// Takes Ctrl-Z over, unless it was ignored when the process started.
    pub fn new() -> Pause {
        let wanted = Arc::new(AtomicBool::new(false));
        let taken = !unix::ignored_signals().contains(&SIGTSTP);
        // Without it Ctrl-Z stops the process at once, which is no reason to stop now.
        let id = taken.then(|| flag::register(SIGTSTP, Arc::clone(&wanted)).ok()).flatten();
        Pause { wanted, id }
    }

    /// Stops the process when Ctrl-Z was pressed, between `before` and `after`; whether it did.
    pub fn take(&self, before: impl FnOnce(), after: impl FnOnce()) -> bool {
        if !self.wanted.swap(false, Ordering::SeqCst) || !unix::has_shell() {
            return false;
        }
        before();
        // What cannot be stopped goes on.
        let _ = low_level::emulate_default_handler(SIGTSTP);
        after();
        true
    }
}

impl Default for Pause {
    fn default() -> Self {
        Pause::new()
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            low_level::unregister(id);
        }
    }
}

/// From now on the signal does not end the process.
fn hold(signal: i32) -> std::io::Result<()> {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(one) = held.iter_mut().find(|h| h.signal == signal) {
        one.holders += 1;
        one.free.store(false, Ordering::SeqCst);
        return Ok(());
    }
    let free = Arc::new(AtomicBool::new(false));
    // Stays registered for good: without it a released signal would be ignored.
    flag::register_conditional_default(signal, Arc::clone(&free))?;
    held.push(Held { signal, holders: 1, free });
    Ok(())
}

fn release(signal: i32) {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(one) = held.iter_mut().find(|h| h.signal == signal) {
        one.holders = one.holders.saturating_sub(1);
        one.free.store(one.holders == 0, Ordering::SeqCst);
    }
}
