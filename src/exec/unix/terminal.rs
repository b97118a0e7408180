//! Terminals: the person's own, pseudo-terminals, and lending ours to a job.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, isatty, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr, tcsetpgrp, tcsetwinsize,
};
use signal_hook::consts::{SIGTSTP, SIGTTIN, SIGTTOU};

use super::{Group, set_nonblocking};

/// The terminal a person sits at: keys come from one descriptor, the size is asked of either.
#[derive(Debug, Default)]
pub(in crate::exec) struct Console {
    keyboard: Option<OwnedFd>,
    raw: Option<Termios>,
    cooked: Option<Termios>,
    /// Whether a job that inherits our standard input should read the pseudo-terminal.
    pub(in crate::exec) is_stdin: bool,
}

impl Console {
    /// Our standard input when it is a terminal, else the controlling terminal, else none.
    pub(in crate::exec) fn ours() -> Self {
        let stdin = io::stdin();
        let is_stdin = isatty(&stdin);
        let keyboard = if is_stdin { stdin.as_fd().try_clone_to_owned().ok() } else { open_controlling() };
        Console { keyboard, raw: None, cooked: None, is_stdin }
    }

    /// A terminal that a test holds the other side of.
    #[cfg(test)]
    pub(in crate::exec) fn on(keyboard: OwnedFd) -> Self {
        Console { keyboard: Some(keyboard), raw: None, cooked: None, is_stdin: true }
    }

    /// Where keys can be read from: only while the terminal is raw and ours.
    pub(in crate::exec) fn keys(&self) -> Option<&OwnedFd> {
        self.keyboard.as_ref().filter(|_| self.raw.is_some())
    }

    /// Nobody types any more.
    pub(in crate::exec) fn hang_up(&mut self) {
        self.restore();
        self.keyboard = None;
    }

    /// Makes the terminal raw when we are in its foreground; again after a shell has set it otherwise meanwhile.
    pub(in crate::exec) fn make_raw(&mut self) {
        let Some(keyboard) = &self.keyboard else { return };
        // A terminal that is not our controlling one has no foreground we could be outside of.
        if tcgetpgrp(keyboard).is_ok_and(|pid| pid != rustix::process::getpgrp()) {
            return;
        }
        let Ok(now) = tcgetattr(keyboard) else { return };
        let mut raw = now.clone();
        raw.make_raw();
        if self.cooked.is_none() {
            self.cooked = Some(now);
        }
        if tcsetattr(keyboard, OptionalActions::Now, &raw).is_ok() {
            self.raw = Some(raw);
        }
    }

    fn restore(&mut self) {
        if let (Some(keyboard), Some(cooked), Some(_)) = (&self.keyboard, self.cooked.take(), self.raw.take()) {
            without_ttou(|| {
                let _ = tcsetattr(keyboard, OptionalActions::Now, &cooked);
            });
        }
    }

    fn size(&self) -> Option<Winsize> {
        let asked = self.keyboard.as_ref().and_then(|k| tcgetwinsize(k).ok());
        asked.or_else(|| tcgetwinsize(io::stdout()).ok()).filter(|s| s.ws_row > 0 && s.ws_col > 0)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.restore();
    }
}

fn open_controlling() -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open("/dev/tty", flags, Mode::empty()).ok()
}

/// A pseudo-terminal: our side of it, which does not block.
#[derive(Debug)]
pub(in crate::exec) struct Pty {
    pub(in crate::exec) master: OwnedFd,
}

impl Pty {
    /// Opens one with the size and the settings of `console`, and gives the program's side beside it.
    pub(in crate::exec) fn open(console: &Console) -> io::Result<(Self, OwnedFd)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
        let settings = console.keyboard.as_ref().and_then(|k| tcgetattr(k).ok());
        if let Some(settings) = settings.filter(|s| s.local_modes.contains(LocalModes::ICANON)) {
            tcsetattr(&slave, OptionalActions::Now, &settings)?;
        }
        let pty = Pty { master };
        let usual = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&pty.master, console.size().unwrap_or(usual))?;
        set_nonblocking(&pty.master)?;
        Ok((pty, slave))
    }

    /// Takes over the window's size; the kernel tells the program when it changed.
    pub(in crate::exec) fn resize(&self, console: &Console) {
        if let Some(size) = console.size() {
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// The key that interrupts, while the program reads lines and has not switched signals off.
    pub(in crate::exec) fn interrupt_key(&self) -> Option<u8> {
        let settings = tcgetattr(&self.master).ok()?;
        let reads_lines = settings.local_modes.contains(LocalModes::ICANON | LocalModes::ISIG);
        reads_lines.then(|| settings.special_codes[SpecialCodeIndex::VINTR])
    }

    /// Whether `group` itself, not a job that an interactive shell in it started, has the terminal.
    pub(in crate::exec) fn is_foreground(&self, group: &Group) -> bool {
        tcgetpgrp(&self.master).is_ok_and(|pid| Some(pid) == group.pid)
    }

    /// Sends TERM or KILL to the group in the foreground where that is not `group`.
    pub(in crate::exec) fn signal_other(&self, group: &Group, kill: bool) {
        if let Ok(pid) = tcgetpgrp(&self.master)
            && Some(pid) != group.pid
        {
            let _ = rustix::process::kill_process_group(pid, if kill { Signal::KILL } else { Signal::TERM });
        }
    }
}

/// Our controlling terminal while a job has it; taken back, with its settings, when this is dropped.
#[derive(Debug)]
pub(in crate::exec) struct Lent {
    terminal: OwnedFd,
    settings: Option<Termios>,
    to: Pid,
}

impl Lent {
    /// Puts `group` in the foreground of our terminal; `None` when there is none or we are not in its foreground.
    pub(in crate::exec) fn to(group: &Group) -> Option<Self> {
        let terminal = open_controlling()?;
        let lent = Lent { settings: tcgetattr(&terminal).ok(), terminal, to: group.pid? };
        lent.renew().then_some(lent)
    }

    /// Puts the group in the foreground again, in case a shell had taken the terminal meanwhile; false when it has still.
    pub(in crate::exec) fn renew(&self) -> bool {
        match tcgetpgrp(&self.terminal) {
            Ok(pid) if pid == self.to => true,
            Ok(pid) => pid == rustix::process::getpgrp() && tcsetpgrp(&self.terminal, self.to).is_ok(),
            Err(_) => false,
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // A terminal that somebody else has taken is no longer ours to change.
        if tcgetpgrp(&self.terminal) != Ok(self.to) {
            return;
        }
        without_ttou(|| {
            let _ = tcsetpgrp(&self.terminal, rustix::process::getpgrp());
            if let Some(settings) = &self.settings {
                let _ = tcsetattr(&self.terminal, OptionalActions::Now, settings);
            }
        });
    }
}

/// Whether a program stopped by this signal waits for the terminal.
pub(in crate::exec) fn wants_terminal(signal: i32) -> bool {
    signal == SIGTTIN || signal == SIGTTOU
}

/// Whether a program stopped by this signal was stopped from the keyboard.
pub(in crate::exec) fn is_suspension(signal: i32) -> bool {
    signal == SIGTSTP
}

/// Stops our own process group as `signal` stopped a job's, and returns when it goes on. In a group that no shell looks
/// after the kernel does nothing.
pub(in crate::exec) fn suspend_ourselves(signal: i32) {
    let signal = match signal {
        SIGTTIN => Signal::TTIN,
        SIGTTOU => Signal::TTOU,
        _ => Signal::TSTP,
    };
    let _ = rustix::process::kill_current_process_group(signal);
    // Another thread may have been the one to hear it; this one must not run ahead into the moment before we stand still.
    std::thread::sleep(Duration::from_millis(10));
}

/// Runs `work` while this thread does not hear SIGTTOU: a background process that changes a terminal is stopped by it
/// otherwise, and rustix has no safe face for signal masks.
#[allow(unsafe_code)]
fn without_ttou(work: impl FnOnce()) {
    /// At least as large, and as strictly aligned, as `sigset_t` of any Unix (128 bytes on Linux, 4 on macOS).
    #[repr(C, align(16))]
    struct SignalSet([u8; 256]);
    unsafe extern "C" {
        fn sigemptyset(set: *mut SignalSet) -> i32;
        fn sigaddset(set: *mut SignalSet, signal: i32) -> i32;
        fn pthread_sigmask(how: i32, set: *const SignalSet, old: *mut SignalSet) -> i32;
    }
    const BLOCK: i32 = if cfg!(target_os = "linux") { 0 } else { 1 };
    const SET: i32 = if cfg!(target_os = "linux") { 2 } else { 3 };
    let (mut blocked, mut before) = (SignalSet([0; 256]), SignalSet([0; 256]));
    // SAFETY: the three functions of the C library, which std links, read and write at most a `sigset_t` at the given
    // pointers; both sets are larger and live until the end of this function.
    let changed = unsafe {
        sigemptyset(&mut blocked) == 0
            && sigaddset(&mut blocked, SIGTTOU) == 0
            && pthread_sigmask(BLOCK, &blocked, &mut before) == 0
    };
    work();
    if changed {
        // SAFETY: as above; `before` was filled in by the successful call.
        unsafe { pthread_sigmask(SET, &before, std::ptr::null_mut()) };
    }
}
