//! What is seen of a server beside its answers: its stderr, stray lines on its stdout, lines that are too long.
//!
//! It is what makes a failure's message useful. The reader here passes bytes on unchanged.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::process::ChildStderr;
use tokio::sync::Notify;

/// The longest line that a server may send, in bytes.
pub(super) const MAX_LINE: usize = 8 << 20;
/// How much of a line is kept, in bytes.
const KEPT: usize = 300;
/// How many lines of stderr are kept.
const LINES: usize = 5;

#[derive(Default)]
struct Seen {
    stderr: VecDeque<String>,
    stray: Option<String>,
    strays: usize,
    oversized: usize,
}

/// What was seen of one server.
#[derive(Default)]
pub(super) struct Diary {
    seen: Mutex<Seen>,
    /// Woken when a line was too long: the answer that somebody waits for may have been in it.
    woken: Notify,
}

impl Diary {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last words on stderr, joined.
    pub(super) fn last_words(&self) -> Option<String> {
        let seen = self.seen();
        let lines: Vec<&str> = seen.stderr.iter().map(String::as_str).collect();
        (!lines.is_empty()).then(|| lines.join(" / "))
    }

    /// The first line on stdout that was no message, and how many there were.
    pub(super) fn stray(&self) -> Option<(String, usize)> {
        let seen = self.seen();
        seen.stray.clone().map(|line| (line, seen.strays))
    }

    /// How many lines were too long.
    pub(super) fn oversized(&self) -> usize {
        self.seen().oversized
    }

    /// Ends when more lines than `before` were too long.
    pub(super) async fn too_long(&self, before: usize) {
        loop {
            let woken = self.woken.notified();
            if self.oversized() > before {
                return;
            }
            woken.await;
        }
    }

    fn stray_line(&self, line: &[u8]) {
        let mut seen = self.seen();
        seen.strays += 1;
        if seen.stray.is_none() {
            seen.stray = Some(shown(line));
        }
    }

    fn long_line(&self) {
        self.seen().oversized += 1;
        self.woken.notify_waiters();
    }

    fn stderr_line(&self, line: &[u8]) {
        let text = shown(line);
        if text.is_empty() {
            return;
        }
        let mut seen = self.seen();
        if seen.stderr.len() == LINES {
            seen.stderr.pop_front();
        }
        seen.stderr.push_back(text);
    }
}

/// The beginning of a line as text without control characters.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(KEPT)]);
    crate::kernel::terminal::safe_line(text.trim()).into_owned()
}

/// The lines of a stream, of which only the beginnings are kept.
#[derive(Default)]
struct Lines {
    start: Vec<u8>,
    length: usize,
    told: bool,
}

impl Lines {
    /// Takes bytes; `ended` gets each line's beginning, `long` is told once of a line that grows too long.
    fn push(&mut self, bytes: &[u8], mut ended: impl FnMut(&[u8]), mut long: impl FnMut()) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let room = KEPT.saturating_sub(self.start.len()).min(text.len());
            self.start.extend_from_slice(&text[..room]);
            self.length += text.len();
            if self.length > MAX_LINE && !std::mem::replace(&mut self.told, true) {
                long();
            }
            if ends {
                ended(&self.start);
                *self = Lines::default();
            }
        }
    }
}

/// A server's stdout on its way to the protocol, looked at as it passes.
pub(super) struct Watched<R> {
    inner: R,
    lines: Lines,
    diary: Arc<Diary>,
}

impl<R> Watched<R> {
    pub(super) fn new(inner: R, diary: Arc<Diary>) -> Self {
        Watched { inner, lines: Lines::default(), diary }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = outcome {
            let Watched { lines, diary, .. } = &mut *self;
            let ended = |line: &[u8]| {
                let text = line.trim_ascii();
                if !text.is_empty() && !text.starts_with(b"{") && !text.starts_with(b"[") {
                    diary.stray_line(text);
                }
            };
            lines.push(&buf.filled()[before..], ended, || diary.long_line());
        }
        outcome
    }
}

/// Reads a server's stderr to its end: into the log and the diary.
pub(super) async fn follow(name: String, mut stderr: ChildStderr, diary: Arc<Diary>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 4096];
    loop {
        match stderr.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => lines.push(
                &buffer[..count],
                |line| {
                    tracing::info!(server = name, line = shown(line), "mcp server");
                    diary.stderr_line(line);
                },
                || {},
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_anywhere_are_seen_whole_and_long_ones_only_at_their_start() {
        let text = format!("a\n{{\"x\":1}}\n{}\nend", "y".repeat(KEPT + 9));
        for size in [1, 2, 7, 4096] {
            let (mut lines, mut seen) = (Lines::default(), Vec::new());
            text.as_bytes().chunks(size).for_each(|chunk| lines.push(chunk, |l| seen.push(l.len()), || {}));
            assert_eq!(seen, [1, 7, KEPT], "{size}");
        }
        let (mut lines, mut long) = (Lines::default(), 0);
        (0..9).for_each(|_| lines.push(&vec![b'z'; 1 << 20], |_| {}, || long += 1));
        assert_eq!(long, 1);
    }
}
