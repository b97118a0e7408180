//! A file that several processes append to and any of them turns over when it has grown.
//!
//! A line is one write in append mode, so lines of processes never mix. Turning over renames under a lock file; who
//! holds the old file open sees that its name has moved on and opens the new one. It does not know what a line says.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::kernel::files;

/// How many old files are kept.
const KEEP: u32 = 3;

/// The file, opened by the first line.
pub(super) struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    open: Option<File>,
}

impl RotatingFile {
    pub(super) fn new(path: PathBuf, max_bytes: u64) -> Self {
        RotatingFile { path, max_bytes, open: None }
    }

    /// Appends one line with its line end, first turning the file over when the line would make it too large.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let size = self.current()?.metadata()?.len();
        if size > 0 && size + line.len() as u64 > self.max_bytes {
            self.turn_over(line.len() as u64)?;
        }
        let file = self.current()?;
        let written = file.write(line)?;
        if written < line.len() {
            // The disk is full: end the torn line, so that the next one stands alone.
            let _ = file.write(b"\n");
            return Err(io::Error::new(io::ErrorKind::WriteZero, "the line was cut short"));
        }
        Ok(())
    }

    /// The open file, opened again when its name now means another one.
    fn current(&mut self) -> io::Result<&mut File> {
        if self.open.as_ref().is_some_and(|file| !files::is_still_at(file, &self.path)) {
            self.open = None;
        }
        match &mut self.open {
            Some(file) => Ok(file),
            empty => Ok(empty.insert(files::open_append(&self.path)?)),
        }
    }

    fn turn_over(&mut self, more: u64) -> io::Result<()> {
        let lock = files::open_append(&numbered(&self.path, "lock"))?;
        lock.lock()?;
        // Another process may have done it while this one waited.
        if fs::metadata(&self.path).is_ok_and(|meta| meta.len() > 0 && meta.len() + more > self.max_bytes) {
            for n in (1..KEEP).rev() {
                rename_if_there(&numbered(&self.path, n), &numbered(&self.path, n + 1))?;
            }
            rename_if_there(&self.path, &numbered(&self.path, 1))?;
        }
        self.open = None;
        Ok(())
    }
}

fn numbered(path: &Path, end: impl std::fmt::Display) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{end}"));
    PathBuf::from(name)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn three_old_files_are_kept_and_all_are_private() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("s/fac.log");
        let mut log = RotatingFile::new(path.clone(), 8);
        for line in ["a1\n", "a2\n", "b1\n", "b2\n", "c1\n", "c2\n", "d1\n", "d2\n", "e1\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        assert_eq!(read(&path), "e1\n");
        assert_eq!([1, 2, 3].map(|n| read(&numbered(&path, n))), ["d1\nd2\n", "c1\nc2\n", "b1\nb2\n"]);
        assert!(!numbered(&path, 4).exists());
        for entry in fs::read_dir(root.path().join("s")).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_line_larger_than_the_limit_stands_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("fac.log");
        let mut log = RotatingFile::new(path.clone(), 4);
        log.append(b"long line\n").unwrap();
        log.append(b"x\n").unwrap();
        assert_eq!((read(&path), read(&numbered(&path, 1))), ("x\n".into(), "long line\n".into()));
    }

    #[test]
    fn a_writer_follows_the_name_when_another_turned_the_file_over() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("fac.log");
        let (mut one, mut two) = (RotatingFile::new(path.clone(), 6), RotatingFile::new(path.clone(), 6));
        one.append(b"11\n").unwrap();
        two.append(b"22\n").unwrap();
        one.append(b"33\n").unwrap();
        two.append(b"44\n").unwrap();
        assert_eq!((read(&numbered(&path, 1)), read(&path)), ("11\n22\n".into(), "33\n44\n".into()));
    }

    #[test]
    fn writers_at_the_same_time_lose_and_tear_no_line() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("fac.log");
        // 4 × 100 lines of 8 bytes fit into the four files of 1000 bytes that are kept.
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let mut log = RotatingFile::new(path.clone(), 1000);
                    for n in 0..100 {
                        log.append(format!("{writer}-{n:05}\n").as_bytes()).unwrap();
                    }
                });
            }
        });
        let all = [numbered(&path, 3), numbered(&path, 2), numbered(&path, 1), path].map(|file| read(&file)).concat();
        let lines: BTreeSet<&str> = all.lines().collect();
        let wanted: BTreeSet<String> = (0..4).flat_map(|w| (0..100).map(move |n| format!("{w}-{n:05}"))).collect();
        assert_eq!(lines, wanted.iter().map(String::as_str).collect());
        assert_eq!(all.len(), 3200);
    }
}
