//! What a run writes, on its way to the screen: gathered for a moment, handed over in one piece, and no further piece
//! before the last one was taken. A program that writes faster waits.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::chat::policy::{Question, Verdict};
use crate::exec::{Stop, Stream};
use crate::tui::happening::ReplyTo;
use crate::tui::theme::Role;

/// Bytes that wait at most.
const MOST: usize = 4 << 20;
/// Pieces are at least so far apart.
const APART: Duration = Duration::from_millis(30);

/// Who waits looks this often whether it was stopped.
const LOOK: Duration = Duration::from_millis(200);

/// A piece of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// A sentence of ours.
    Say(Role, String),
    /// What was written.
    Bytes(Stream, Vec<u8>),
    /// A tool wants to be allowed.
    Asks(Question, ReplyTo<Verdict>),
}

/// Says, when it is dropped, that a piece was taken.
#[derive(Debug, Default)]
pub struct Token(Arc<(Mutex<bool>, Condvar)>);

impl PartialEq for Token {
    fn eq(&self, _: &Token) -> bool {
        true
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        *held(&self.0.0) = true;
        self.0.1.notify_all();
    }
}

#[derive(Default)]
struct Waiting {
    chunks: Vec<Chunk>,
    bytes: usize,
    over: bool,
}

/// The way from a run to the screen.
#[derive(Default)]
pub struct Pipe {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pipe {
    /// Adds a piece; waits while there is too much. Of what comes after the stop, what is too much is left out: the
    /// record has it.
    pub fn push(&self, chunk: Chunk, stop: &Stop) {
        let mut waiting = held(&self.waiting);
        while waiting.bytes >= MOST && !stop.is_requested() {
            let woken = self.changed.wait_timeout(waiting, APART * 4);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        if waiting.bytes >= MOST && matches!(chunk, Chunk::Bytes(..)) {
            return;
        }
        match (waiting.chunks.last_mut(), chunk) {
            (Some(Chunk::Bytes(last, bytes)), Chunk::Bytes(stream, more)) if *last == stream => {
                bytes.extend_from_slice(&more);
                waiting.bytes += more.len();
            }
            (_, chunk) => {
                waiting.bytes += if let Chunk::Bytes(_, bytes) = &chunk { bytes.len() } else { 0 };
                waiting.chunks.push(chunk);
            }
        }
        drop(waiting);
        self.changed.notify_all();
    }

    /// Nothing more comes.
    pub fn close(&self) {
        held(&self.waiting).over = true;
        self.changed.notify_all();
    }

    /// Hands everything over until nothing more comes. After the stop it does not wait long for anybody.
    pub fn pump(&self, stop: &Stop, send: &dyn Fn(Vec<Chunk>, Token)) {
        loop {
            let mut waiting = held(&self.waiting);
            while waiting.chunks.is_empty() && !waiting.over {
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            let chunks = std::mem::take(&mut waiting.chunks);
            waiting.bytes = 0;
            drop(waiting);
            self.changed.notify_all();
            if chunks.is_empty() {
                return;
            }
            let gate = Arc::new((Mutex::new(false), Condvar::new()));
            send(chunks, Token(gate.clone()));
            let mut taken = held(&gate.0);
            loop {
                let stopped = stop.is_requested();
                if *taken {
                    break;
                }
                taken = gate.1.wait_timeout(taken, LOOK).unwrap_or_else(PoisonError::into_inner).0;
                if stopped {
                    break;
                }
            }
            drop(taken);
            let waiting = held(&self.waiting);
            if !waiting.over {
                // More may come together; whoever closes wakes this.
                let _ = self.changed.wait_timeout_while(waiting, APART, |w| !w.over);
            }
        }
    }
}

/// Closes a pipe however its owner ends.
pub struct Closing<'a>(pub &'a Pipe);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn nothing_is_lost_and_no_piece_comes_before_the_last_was_taken() {
        let (pipe, stop) = (Pipe::default(), Stop::new().unwrap());
        let (sender, receiver) = mpsc::channel();
        let total = std::thread::scope(|scope| {
            scope.spawn(|| pipe.pump(&stop, &|chunks, token| sender.send((chunks, token)).unwrap()));
            scope.spawn(|| {
                let closing = Closing(&pipe);
                for _ in 0..500 {
                    pipe.push(Chunk::Bytes(Stream::Stdout, vec![b'y'; 10_000]), &stop);
                }
                pipe.push(Chunk::Say(Role::Dim, "over".into()), &stop);
                drop(closing);
            });
            let (mut total, mut over) = (0, false);
            while !over {
                let (chunks, token) = receiver.recv().unwrap();
                assert!(receiver.try_recv().is_err(), "one at a time");
                for chunk in chunks {
                    match chunk {
                        Chunk::Bytes(_, bytes) => {
                            assert!(bytes.len() <= MOST + 10_000);
                            total += bytes.len();
                        }
                        Chunk::Say(..) | Chunk::Asks(..) => over = true,
                    }
                }
                drop(token);
            }
            total
        });
        assert_eq!(total, 5_000_000);
    }

    #[test]
    fn who_is_stopped_does_not_wait() {
        let (pipe, stop) = (Pipe::default(), Stop::new().unwrap());
        stop.request();
        for _ in 0..3 {
            pipe.push(Chunk::Bytes(Stream::Stdout, vec![0; MOST]), &stop);
        }
        assert_eq!(held(&pipe.waiting).bytes, MOST, "and what is too much is left out");
        pipe.close();
        let kept = Mutex::new(Vec::new());
        pipe.pump(&stop, &|chunks, token| held(&kept).push((chunks, token)));
        assert_eq!(held(&kept).len(), 1, "nobody took it");
    }
}
