//! Waiting for one key between two parts.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::super::ask::forget_keys;
use super::super::ui::{Role, Ui};
use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};

/// How often a signal is looked for while nobody presses a key.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Asks whether to go on with the part of this title: Enter (or the space bar) does, q leaves.
///
/// # Errors
/// `Interrupted` for Ctrl-C; `Failed` where standard input is no terminal.
pub(super) fn goes_on(ui: &Ui, title: &str, stop: &Stop) -> Result<bool> {
    let keys = Keys::begin().context(Kind::Failed, || "cannot wait for a key".to_string())?;
    forget_keys();
    ui.write_err(ui.paint_err(Role::Dim, &format!("\nnext: {title} (Enter goes on, q leaves) ")).as_bytes());
    let key = key(stop);
    drop(keys);
    ui.write_err(b"\n");
    key
}

fn key(stop: &Stop) -> Result<bool> {
    let stdin = std::io::stdin();
    loop {
        if stop.is_requested() {
            return Err(Error::new(Kind::Interrupted, "interrupted"));
        }
        let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut ready, Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(Error::new(Kind::Failed, "cannot wait for a key").because(error)),
        }
        let mut byte = [0];
        match rustix::io::read(&stdin, &mut byte) {
            Ok(1) if matches!(byte[0], b'\r' | b'\n' | b' ') => return Ok(true),
            Ok(1) if matches!(byte[0], b'q' | b'Q' | 4 | 27) => return Ok(false),
            Ok(1) | Err(Errno::INTR) => {}
            // The terminal is gone.
            Ok(_) | Err(_) => return Ok(false),
        }
    }
}

/// Keys come one by one and are not shown; the terminal is as it was when this is dropped.
struct Keys {
    before: Termios,
}

impl Keys {
    fn begin() -> rustix::io::Result<Keys> {
        let before = tcgetattr(std::io::stdin())?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &modes)?;
        Ok(Keys { before })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}
