//! The terminal between the person and the program: keys handed on, Ctrl-C and Ctrl-Z, lending ours.

use std::time::Instant;

use super::Running;
use super::os::{self, Lent, Moved};

impl Running {
    /// Takes keys for the program, and notes whether they interrupt it.
    pub(super) fn read_keys(&mut self, buffer: &mut [u8]) {
        let Some(keys) = self.console.keys() else { return };
        match os::read(keys, &mut buffer[..4096]) {
            Moved::Bytes(n) => {
                let bytes = &buffer[..n];
                if let Some(pty) = &self.pty {
                    let interrupts = pty.interrupt_key().is_some_and(|key| bytes.contains(&key));
                    self.was_pressed |= interrupts;
                    // An interactive shell is not meant when it runs something in the foreground; and whoever goes on
                    // typing does not wait for an end.
                    let meant = interrupts && pty.is_foreground(&self.group);
                    self.pressed = meant.then(|| self.pressed.unwrap_or_else(Instant::now));
                }
                self.typed.extend_from_slice(bytes);
                self.write_typed();
            }
            Moved::NotNow => {}
            Moved::Closed => self.console.hang_up(),
        }
    }

    pub(super) fn write_typed(&mut self) {
        let Some(pty) = self.pty.as_ref().filter(|_| !self.typed.is_empty()) else { return };
        match os::write(&pty.master, &self.typed) {
            Moved::Bytes(n) => drop(self.typed.drain(..n)),
            Moved::NotNow => {}
            Moved::Closed => self.typed.clear(),
        }
    }

    /// The program was stopped: it wants the terminal, or somebody pressed Ctrl-Z.
    pub(super) fn notice_stop(&mut self, signal: i32) {
        if os::wants_terminal(signal) {
            self.lend(signal);
            if self.waiting.is_some() {
                os::suspend_ourselves(signal);
                self.lend(signal);
            }
        } else if os::is_suspension(signal) && self.lent.take().is_some() {
            os::suspend_ourselves(signal);
            self.lent = Lent::to(&self.group);
            self.group.resume();
        }
    }

    /// Gives the program our terminal and lets it go on, or notes that it waits for one.
    pub(super) fn lend(&mut self, signal: i32) {
        self.lent = self.lent.take().filter(Lent::renew).or_else(|| Lent::to(&self.group));
        self.waiting = self.lent.is_none().then_some(signal);
        if self.lent.is_some() {
            self.was_lent = true;
            self.group.resume();
        }
    }
}
