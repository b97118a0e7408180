//! The lines that a batch is made of, read ahead by a thread of their own: one may come an hour after the other.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::super::lines::{self, Line};
use crate::kernel::error::{Context as _, Error, Kind, Result};

/// The longest line, bytes.
const LONGEST: usize = 64 << 10;

/// So many lines are read ahead.
const AHEAD: usize = 256;

/// What lines are read from.
pub(super) struct Opened {
    /// What people call it.
    pub(super) called: String,
    /// Its absolute path, where it is a file that can be read again.
    pub(super) path: Option<String>,
    /// How long that is.
    pub(super) bytes: Option<u64>,
    pub(super) lines: Receiver<Read>,
}

/// Opens a file, or stdin, and begins to read it.
///
/// # Errors
/// When it cannot be read, or is a folder.
pub(super) fn open(file: &Path) -> Result<Opened> {
    let (send, lines) = sync_channel(AHEAD);
    let spawn = |work: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name("lines".into()).spawn(work);
        thread.context(Kind::Failed, || "cannot start a thread".to_string())
    };
    // It may wait for a line for ever, so nobody waits for it.
    if file == Path::new("-") {
        spawn(Box::new(move || read(std::io::stdin().lock(), &send)))?;
        return Ok(Opened { called: "stdin".to_string(), path: None, bytes: None, lines });
    }
    let cannot = || format!("cannot read {}", file.display());
    let opened = File::open(file).context(Kind::NotFound, cannot)?;
    let meta = opened.metadata().context(Kind::Failed, cannot)?;
    if meta.is_dir() {
        return Err(Error::new(Kind::Usage, format!("{} is a folder", file.display())));
    }
    spawn(Box::new(move || read(BufReader::with_capacity(64 << 10, opened), &send)))?;
    let called = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let is_file = meta.is_file();
    let path =
        if is_file { Some(file.canonicalize().context(Kind::Failed, cannot)?.display().to_string()) } else { None };
    Ok(Opened { called, path, bytes: is_file.then_some(meta.len()), lines })
}

/// A line that was read.
pub(super) enum Read {
    /// A line; why it is none, where it is not.
    Line { text: std::result::Result<String, &'static str>, bytes: u64 },
    /// Nothing more can be read.
    Failed(std::io::Error),
    /// There is no more.
    End,
}

fn read(mut from: impl BufRead, send: &SyncSender<Read>) {
    loop {
        let next = match lines::next(&mut from, LONGEST) {
            Ok(None) => Read::End,
            Err(error) => Read::Failed(error),
            Ok(Some(Line::TooLong)) => Read::Line { text: Err("it is longer than 64 KiB"), bytes: LONGEST as u64 },
            Ok(Some(Line::Whole(bytes))) => {
                let length = bytes.len() as u64 + 1;
                Read::Line { text: String::from_utf8(bytes).map_err(|_| "it is not UTF-8"), bytes: length }
            }
        };
        let goes_on = matches!(next, Read::Line { .. });
        if send.send(next).is_err() || !goes_on {
            return;
        }
    }
}
