//! Reads the terminal on a thread of its own; it can be asked to keep its hands off for a while.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossterm::event::{self, Event};

/// How long a look at the terminal takes when nothing comes.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Default)]
struct State {
    wanted: bool,
    reading: bool,
}

/// The reader.
#[derive(Clone, Default)]
pub struct Reader {
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Reader {
    /// Begins to read. When the terminal is gone, `gone` is sent and nothing more.
    pub fn start<T: Send + 'static>(
        to: Sender<T>,
        wrap: impl Fn(Event) -> T + Send + 'static,
        gone: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<Reader> {
        let reader = Reader::default();
        reader.resume();
        let shared = reader.shared.clone();
        std::thread::Builder::new().name("tui-input".to_string()).spawn(move || {
            loop {
                wait_until_wanted(&shared);
                match event::poll(LOOK).and_then(|there| if there { event::read().map(Some) } else { Ok(None) }) {
                    Ok(Some(event)) => {
                        if to.send(wrap(event)).is_err() {
                            return;
                        }
                    }
                    Ok(None) => {}
                    Err(_) => {
                        let _ = to.send(gone());
                        return;
                    }
                }
            }
        })?;
        Ok(reader)
    }

    /// Stops reading, and waits until it does: what is typed from here on is for somebody else.
    pub fn pause(&self) {
        let (state, changed) = &*self.shared;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.wanted = false;
        while state.reading {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Goes on.
    pub fn resume(&self) {
        let (state, changed) = &*self.shared;
        state.lock().unwrap_or_else(PoisonError::into_inner).wanted = true;
        changed.notify_all();
    }
}

fn wait_until_wanted(shared: &(Mutex<State>, Condvar)) {
    let (state, changed) = shared;
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    while !state.wanted {
        state.reading = false;
        changed.notify_all();
        state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.reading = true;
}
