//! What a running program is waited for with, and for how long.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::os::{self, Want};
use super::{DRAIN, HEARTBEAT, PATIENCE, RETRY, Running, TYPED, WATCH};
use crate::exec::stop::Stop;

impl Running {
    /// Waits for the next thing to happen.
    pub(super) fn wait(&self, stop: &Stop) -> io::Result<Ready> {
        let mut fds = vec![(self.wake.as_fd(), Want::Read)];
        let mut slots = Slots::default();
        let mut add = |slot: &mut Option<usize>, fd, want| {
            *slot = Some(fds.len());
            fds.push((fd, want));
        };
        if !self.stop_heard {
            add(&mut slots.stop, stop.bell.as_fd(), Want::Read);
        }
        for (source, slot) in self.sources.iter().zip(&mut slots.sources) {
            if let Some(fd) = &source.fd {
                add(slot, fd.as_fd(), Want::Read);
            }
        }
        if let Some(feed) = &self.feed {
            add(&mut slots.feed, feed.fd.as_fd(), Want::Write);
        }
        if let Some(keys) = self.console.keys().filter(|_| self.typed.len() < TYPED) {
            add(&mut slots.keys, keys.as_fd(), Want::Read);
        }
        if let Some(pty) = self.pty.as_ref().filter(|_| !self.typed.is_empty()) {
            add(&mut slots.typed, pty.master.as_fd(), Want::Write);
        }
        let ready = os::wait_ready(&fds, self.time_to_wait())?;
        let is = |slot: Option<usize>| slot.and_then(|i| ready.get(i)).is_some_and(|r| *r);
        Ok(Ready {
            nothing: !ready.contains(&true),
            wake: is(Some(0)),
            stop: is(slots.stop),
            sources: slots.sources.map(is),
            feed: is(slots.feed),
            keys: is(slots.keys),
            typed: is(slots.typed),
        })
    }

    /// Until the next thing the clock will ask for.
    fn time_to_wait(&self) -> Duration {
        let now = Instant::now();
        let until = |at: Instant| at.saturating_duration_since(now);
        let mut times = vec![HEARTBEAT];
        match &self.exited {
            _ if self.ending.is_some() => times.push(WATCH),
            Some((_, at)) => times.push(until(*at + DRAIN)),
            None => {
                times.extend(self.deadline.map(until));
                times.extend(self.pressed.map(|at| until(at + PATIENCE)));
                times.extend(self.waiting.map(|_| RETRY));
            }
        }
        times.into_iter().min().unwrap_or(HEARTBEAT)
    }
}

/// Where each descriptor stands among those waited for.
#[derive(Default)]
struct Slots {
    stop: Option<usize>,
    sources: [Option<usize>; 2],
    feed: Option<usize>,
    keys: Option<usize>,
    typed: Option<usize>,
}

/// What is ready.
pub(super) struct Ready {
    pub(super) nothing: bool,
    pub(super) wake: bool,
    pub(super) stop: bool,
    pub(super) sources: [bool; 2],
    pub(super) feed: bool,
    pub(super) keys: bool,
    pub(super) typed: bool,
}
