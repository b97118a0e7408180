//! Keeps the chatter of sound libraries off the terminal.
//!
//! libasound and the JACK client write on file descriptor 2 by themselves, some of it where no handler of theirs helps.
//! While such a call runs the descriptor leads into a file in memory; afterwards it leads where it did, chatter is
//! goes to the log, and everything else that was written meanwhile (ours, another thread's) is written for good.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

/// How lines of chatter begin, or what they hold.
const CHATTER: [&str; 11] = [
    "ALSA lib ",
    "Cannot connect to server",
    "jack server",
    "JackShm",
    "JackServer",
    "attempt to connect to server failed",
    "connect(2) call to ",
    "Cannot connect to jack",
    "aserver",
    "PulseAudio: Unable to",
    "Expression '",
];

/// The descriptor belongs to the whole process, so whether it is turned away must too: two at a time share one turn.
static TURNED: Mutex<Turned> = Mutex::new(Turned { deep: 0, away: None });

struct Turned {
    deep: usize,
    away: Option<(OwnedFd, File)>,
}

/// One who asked for quiet; [`Hush::end`] may be called by anyone who holds a clone, once or often.
#[derive(Clone, Debug, Default)]
pub(super) struct Hush {
    on: Arc<Mutex<bool>>,
}

impl Hush {
    /// Turns descriptor 2 away until [`Hush::end`]. Where that cannot be done, chatter is seen.
    pub fn begin(&self) {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        if *on {
            return;
        }
        *on = true;
        let mut turned = TURNED.lock().unwrap_or_else(PoisonError::into_inner);
        turned.deep += 1;
        if turned.deep == 1 {
            turned.away = turn_away();
        }
    }

    /// Leads it back.
    pub fn end(&self) {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        if !*on {
            return;
        }
        *on = false;
        let mut turned = TURNED.lock().unwrap_or_else(PoisonError::into_inner);
        turned.deep -= 1;
        if turned.deep > 0 {
            return;
        }
        if let Some((real, file)) = turned.away.take() {
            for line in turn_back(&real, file) {
                tracing::debug!(line, "a sound library said");
            }
        }
    }
}

fn turn_away() -> Option<(OwnedFd, File)> {
    let real = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3).ok()?;
    let file = scratch()?;
    rustix::stdio::dup2_stderr(&file).ok()?;
    Some((real, file))
}

#[cfg(target_os = "linux")]
fn scratch() -> Option<File> {
    rustix::fs::memfd_create("chatter", rustix::fs::MemfdFlags::CLOEXEC).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn scratch() -> Option<File> {
    None
}

fn turn_back(real: &OwnedFd, mut file: File) -> Vec<String> {
    // Nothing can be done about a descriptor that does not come back.
    let _ = rustix::stdio::dup2_stderr(real);
    let mut bytes = Vec::new();
    if file.rewind().and_then(|()| file.read_to_end(&mut bytes)).is_err() {
        return Vec::new();
    }
    let (chatter, ours) = sift(&bytes);
    let _ = std::io::stderr().write_all(&ours);
    chatter
}

/// Parts chatter from the rest, whose bytes are kept as they are.
fn sift(bytes: &[u8]) -> (Vec<String>, Vec<u8>) {
    let (mut chatter, mut ours) = (Vec::new(), Vec::new());
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let text = String::from_utf8_lossy(line);
        match CHATTER.iter().filter_map(|c| text.find(c)).min() {
            // Something of ours without an end of line may stand before it.
            Some(at) if text.is_char_boundary(at) && line.is_ascii() => {
                ours.extend_from_slice(&line[..at]);
                chatter.push(text[at..].trim_end().to_owned());
            }
            Some(_) => chatter.push(text.trim_end().to_owned()),
            None => ours.extend_from_slice(line),
        }
    }
    (chatter, ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chatter_is_taken_out_and_everything_else_stays_as_it_was() {
        let text = b"50 %\rALSA lib confmisc.c:855:(parse_card) cannot find card '0'\nours\n\xff\nCannot connect to server socket err = No such file or directory\njack server is not running or cannot be started\nlast";
        let (chatter, ours) = sift(text);
        assert_eq!(ours, b"50 %\rours\n\xff\nlast");
        assert_eq!(chatter.len(), 3);
        assert_eq!(chatter[0], "ALSA lib confmisc.c:855:(parse_card) cannot find card '0'");
    }
}
