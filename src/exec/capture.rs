//! A bounded record of a stream: its beginning, its end, and on demand the whole of it in a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::kernel::secret::{RedactStream, Redactor};

/// How much of each stream is kept.
#[derive(Clone, Debug)]
pub struct CaptureLimits {
    /// Bytes kept of the beginning.
    pub head: usize,
    /// Bytes kept of the end.
    pub tail: usize,
    /// Where the full text goes once a stream is larger than head and tail together: this path with `.stdout` or
    /// `.stderr` behind it. The file is private to the user. `None` keeps no full text.
    pub spill: Option<PathBuf>,
    /// Bytes after which such a file grows no more.
    pub spill_limit: u64,
    /// Takes secrets out of everything that is kept, the file included.
    pub redactor: Redactor,
}

impl Default for CaptureLimits {
    /// 64 KiB of the beginning, 192 KiB of the end, no file; a file would hold 1 GiB at most.
    fn default() -> Self {
        CaptureLimits {
            head: 64 << 10,
            tail: 192 << 10,
            spill: None,
            spill_limit: 1 << 30,
            redactor: Redactor::default(),
        }
    }
}

/// What was kept of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The beginning.
    pub head: Vec<u8>,
    /// The end; what follows the head directly unless the stream was truncated.
    pub tail: Vec<u8>,
    /// Bytes the program wrote, secrets taken out.
    pub total: u64,
    /// The file with the full text, where one was written.
    pub spill: Option<PathBuf>,
    /// Why that file is missing or not complete, in a sentence.
    pub spill_problem: Option<String>,
}

impl Captured {
    /// Whether bytes between head and tail were dropped.
    pub fn truncated(&self) -> bool {
        self.total > (self.head.len() + self.tail.len()) as u64
    }

    /// Head and tail in one piece; everything the program wrote unless it was truncated.
    pub fn joined(&self) -> Vec<u8> {
        [self.head.as_slice(), self.tail.as_slice()].concat()
    }
}

/// A stream being recorded.
#[derive(Debug)]
pub(super) struct Capture {
    head_limit: usize,
    tail_limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
    spill: Spill,
    redact: RedactStream,
}

impl Capture {
    /// An empty record; `suffix` tells the spill files of the two streams apart.
    pub(super) fn new(limits: &CaptureLimits, suffix: &str) -> Self {
        let path = limits.spill.as_ref().map(|base| {
            let mut name = base.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        });
        Capture {
            head_limit: limits.head,
            tail_limit: limits.tail,
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
            spill: Spill { path, file: None, left: limits.spill_limit, problem: None },
            redact: limits.redactor.stream(),
        }
    }

    /// Adds what was read.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let clean = self.redact.push(bytes);
        self.keep(&clean);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.total + bytes.len() as u64 > (self.head_limit + self.tail_limit) as u64 {
            if self.spill.start() {
                let (front, back) = self.tail.as_slices();
                for part in [self.head.as_slice(), front, back] {
                    self.spill.write(part);
                }
            }
            self.spill.write(bytes);
        }
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(self.head_limit - self.head.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.tail_limit)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// The record as it stands.
    pub(super) fn finish(mut self) -> Captured {
        let held = self.redact.rest();
        self.keep(&held);
        Captured {
            head: self.head,
            tail: self.tail.into(),
            total: self.total,
            spill: self.spill.file.and(self.spill.path),
            spill_problem: self.spill.problem,
        }
    }
}

/// The file with the full text. A failure to write ends the file, not the run.
#[derive(Debug)]
struct Spill {
    path: Option<PathBuf>,
    file: Option<File>,
    left: u64,
    problem: Option<String>,
}

impl Spill {
    /// Opens the file; true when that happened just now.
    fn start(&mut self) -> bool {
        let Some(path) = &self.path else { return false };
        if self.file.is_some() || self.problem.is_some() {
            return false;
        }
        match create_private(path) {
            Ok(file) => self.file = Some(file),
            Err(e) => self.problem = Some(format!("cannot write {}: {e}", path.display())),
        }
        self.file.is_some()
    }

    fn write(&mut self, bytes: &[u8]) {
        let (Some(file), None) = (&mut self.file, &self.problem) else { return };
        let fits = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (now, beyond) = bytes.split_at(fits);
        if let Err(e) = file.write_all(now) {
            self.problem = Some(format!("the full output could not be written: {e}"));
        } else if !beyond.is_empty() {
            self.problem = Some("the full output is larger than its limit".to_owned());
        }
        self.left -= fits as u64;
    }
}

fn create_private(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        super::unix::private_folders(folder)?;
    }
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    super::unix::private(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(head: usize, tail: usize) -> CaptureLimits {
        CaptureLimits { head, tail, ..CaptureLimits::default() }
    }

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut capture = Capture::new(&limits(3, 4), "");
        for part in ["ab", "cdef", "ghij"] {
            capture.push(part.as_bytes());
        }
        let kept = capture.finish();
        assert_eq!((kept.head.as_slice(), kept.tail.as_slice(), kept.total), (&b"abc"[..], &b"ghij"[..], 10));
        assert!(kept.truncated());
        assert_eq!(kept.spill, None);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_and_ends_nothing() {
        let spill = Some(PathBuf::from("/proc/x"));
        let mut capture = Capture::new(&CaptureLimits { spill, ..limits(1, 1) }, ".stdout");
        capture.push(b"abcdef");
        let kept = capture.finish();
        assert_eq!(kept.joined(), b"af");
        assert_eq!(kept.spill, None);
        assert!(kept.spill_problem.unwrap().starts_with("cannot write /proc/x.stdout: "));
    }

    #[test]
    fn secrets_are_kept_nowhere_even_when_they_come_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let redactor = Redactor::default();
        redactor.learn(&crate::kernel::secret::Secret::new("hunter22"));
        let spill = Some(folder.path().join("run"));
        let mut capture = Capture::new(&CaptureLimits { spill, redactor, ..limits(6, 5) }, ".stdout");
        for part in ["a hun", "ter22 b h", "unter2", "2 c hunte"] {
            capture.push(part.as_bytes());
        }
        let kept = capture.finish();
        assert_eq!(std::fs::read_to_string(kept.spill.unwrap()).unwrap(), "a *** b *** c hunte");
        assert_eq!((kept.head.as_slice(), kept.tail.as_slice(), kept.total), (&b"a *** "[..], &b"hunte"[..], 19));
    }

    #[test]
    fn a_file_has_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Some(folder.path().join("run"));
        let mut capture = Capture::new(&CaptureLimits { spill, spill_limit: 5, ..limits(1, 1) }, ".stdout");
        capture.push(b"abcd");
        capture.push(b"efgh");
        let kept = capture.finish();
        assert_eq!(std::fs::read(kept.spill.unwrap()).unwrap(), b"abcde");
        assert_eq!(kept.spill_problem.unwrap(), "the full output is larger than its limit");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_that_was_promised(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..12), head in 0usize..30, tail in 0usize..30) {
            let folder = tempfile::tempdir().unwrap();
            let spill = Some(folder.path().join("run"));
            let mut capture = Capture::new(&CaptureLimits { spill, ..limits(head, tail) }, ".stdout");
            for part in &parts {
                capture.push(part);
            }
            let all = parts.concat();
            let kept = capture.finish();
            prop_assert_eq!(kept.total, all.len() as u64);
            prop_assert_eq!(kept.truncated(), all.len() > head + tail);
            if kept.truncated() {
                prop_assert_eq!(&kept.head, &all[..head]);
                prop_assert_eq!(&kept.tail, &all[all.len() - tail..]);
                prop_assert_eq!(std::fs::read(kept.spill.unwrap()).unwrap(), all);
            } else {
                prop_assert_eq!(kept.joined(), all);
                prop_assert_eq!(kept.spill, None);
            }
        }
    }
}
