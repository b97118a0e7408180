//! Keys of whoever watches something go by: read one by one and not shown, while Ctrl-C stays what it is.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use crate::exec::Stop;

/// How often it is looked for a key.
const GLANCE: Duration = Duration::from_millis(50);
/// Esc, alone or at the beginning of what another key sends.
const ESCAPE: u8 = 0x1b;

/// The keyboard, as it is to be read; as it was once this is dropped.
pub(super) struct Keys(Option<Termios>);

impl Keys {
    /// The keyboard, where there is one.
    pub(super) fn new() -> Keys {
        // Who is not in front may not touch the terminal.
        if !std::io::stdin().is_terminal() || tcgetpgrp(stdin()).ok() != Some(getpgrp()) {
            return Keys(None);
        }
        let before = tcgetattr(stdin()).ok();
        if let Some(before) = &before {
            let mut now = before.clone();
            now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            // Where that fails keys are simply not heard.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &now);
        }
        Keys(before)
    }

    /// Waits for `limit`, or until it is to end: `q`, Esc, or `stop`. Says whether it is.
    pub(super) fn wait(&self, limit: Duration, stop: &Stop) -> bool {
        if self.0.is_none() {
            return stop.wait(limit);
        }
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if stop.wait(GLANCE.min(limit.saturating_sub(begun.elapsed()))) || ends(&pressed()) {
                return true;
            }
        }
        false
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // There is nobody left to tell.
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

fn ends(bytes: &[u8]) -> bool {
    bytes == [ESCAPE] || bytes.first().is_some_and(|byte| matches!(byte, b'q' | b'Q'))
}

/// What was pressed since somebody last looked.
fn pressed() -> Vec<u8> {
    let keyboard = stdin();
    let mut waiting = [PollFd::new(&keyboard, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    if !poll(&mut waiting, Some(&now)).is_ok_and(|ready| ready > 0) {
        return Vec::new();
    }
    let mut bytes = [0; 64];
    let read = rustix::io::read(keyboard, &mut bytes).unwrap_or(0);
    bytes[..read].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_is_no_escape() {
        assert!(ends(b"q") && ends(b"Q") && ends(b"\x1b"));
        assert!(!ends(b"\x1b[A") && !ends(b"x") && !ends(b""));
    }
}
