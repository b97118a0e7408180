//! The lines that were typed in chats: a file that only the person can read, written line by line as they are typed.
//!
//! Each line of the file is one that was typed, with `\` and line breaks escaped. A file that cannot be read or written
//! never keeps anybody from chatting; a chat that is not kept leaves nothing here.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result as LineResult, SearchQuery,
};

use super::keys::visible;
use crate::kernel::files::write_atomic;

/// The most lines that are remembered.
const MOST: usize = 5_000;

/// The most bytes of a file that is read.
const LARGEST: u64 = 16 << 20;

/// The longest line that outlives the chat, in bytes: what is longer was pasted.
const LONGEST: usize = 16 << 10;

/// The lines of this chat and of those before.
pub struct Remembered {
    lines: FileBackedHistory,
    file: PathBuf,
    /// Whether lines go to the file now.
    keep: Arc<AtomicBool>,
}

impl Remembered {
    /// What the file holds; nothing where it cannot be read. Too long a file is cut.
    pub fn new(file: PathBuf, keep: Arc<AtomicBool>) -> LineResult<Remembered> {
        let mut lines = FileBackedHistory::new(MOST)?;
        let (known, whole) = read(&file);
        let first = known.len().saturating_sub(MOST);
        for line in &known[first..] {
            lines.save(HistoryItem::from_command_line(visible(line)))?;
        }
        if known.len() > 2 * MOST || !whole {
            let text: String = known[first..].iter().map(|line| format!("{}\n", escaped(line))).collect();
            if let Err(error) = write_atomic(&file, text.as_bytes(), true) {
                tracing::warn!(error = error.full_message(), "what was typed is not tidied up");
            }
        }
        Ok(Remembered { lines, file, keep })
    }

    fn write(&self, line: &str) -> std::io::Result<()> {
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // One write at the end of the file, so that chats side by side do not mix their lines.
        private(&self.file)?.write_all(format!("{}\n", escaped(line)).as_bytes())
    }
}

/// The file, open for adding to it; nobody else may read it.
fn private(file: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// The lines of a file, or the last of them, and whether these are all.
fn read(file: &Path) -> (Vec<String>, bool) {
    let Ok(mut opened) = File::open(file) else { return (Vec::new(), true) };
    let Some(length) = opened.metadata().ok().filter(|m| m.is_file()).map(|m| m.len()) else {
        return (Vec::new(), true);
    };
    let mut bytes = Vec::new();
    let begin = length.saturating_sub(LARGEST);
    if opened.seek(SeekFrom::Start(begin)).is_err() || opened.take(LARGEST).read_to_end(&mut bytes).is_err() {
        return (Vec::new(), true);
    }
    // The first line of a part is a part itself.
    let first = if begin == 0 { 0 } else { bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1) };
    let text = String::from_utf8_lossy(&bytes[first..]);
    (text.lines().filter(|line| !line.is_empty()).map(plain).collect(), begin == 0)
}

fn escaped(line: &str) -> String {
    line.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn plain(written: &str) -> String {
    let mut line = String::with_capacity(written.len());
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        line.push(match c {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    line
}

impl History for Remembered {
    fn save(&mut self, item: HistoryItem) -> LineResult<HistoryItem> {
        let line = item.command_line.clone();
        let saved = self.lines.save(item)?;
        // Without an id it is the same as the line before.
        let wanted = saved.id.is_some() && line.len() <= LONGEST && self.keep.load(Ordering::SeqCst);
        if wanted && let Err(error) = self.write(&line) {
            tracing::warn!(%error, "what was typed is not remembered");
        }
        Ok(saved)
    }

    fn load(&self, id: HistoryItemId) -> LineResult<HistoryItem> {
        self.lines.load(id)
    }

    fn count(&self, query: SearchQuery) -> LineResult<i64> {
        self.lines.count(query)
    }

    fn search(&self, query: SearchQuery) -> LineResult<Vec<HistoryItem>> {
        self.lines.search(query)
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> LineResult<()> {
        self.lines.update(id, updater)
    }

    fn clear(&mut self) -> LineResult<()> {
        self.lines.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> LineResult<()> {
        self.lines.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn session(&self) -> Option<HistorySessionId> {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reedline::SearchDirection;

    use super::*;

    fn open(file: &Path, keep: bool) -> Remembered {
        Remembered::new(file.to_path_buf(), Arc::new(AtomicBool::new(keep))).unwrap()
    }

    fn lines(of: &Remembered) -> Vec<String> {
        let all = of.search(SearchQuery::everything(SearchDirection::Forward, None)).unwrap();
        all.into_iter().map(|item| item.command_line).collect()
    }

    fn save(of: &mut Remembered, line: &str) {
        of.save(HistoryItem::from_command_line(line)).unwrap();
    }

    #[test]
    fn lines_are_there_as_soon_as_they_are_typed() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("state/history");
        let mut one = open(&file, true);
        save(&mut one, "first\\n\nsecond");
        save(&mut one, "first\\n\nsecond");
        save(&mut one, &"x".repeat(LONGEST + 1));
        save(&mut one, "last");
        assert_eq!(lines(&open(&file, true)), ["first\\n\nsecond", "last"]);
        assert_eq!(lines(&one).len(), 3, "pasted text is there until the chat ends");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_is_not_kept_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("history");
        let mut one = open(&file, false);
        save(&mut one, "secret");
        assert_eq!(lines(&one), ["secret"]);
        assert!(!file.exists());
    }

    #[test]
    fn a_damaged_or_long_file_is_no_obstacle() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("history");
        std::fs::write(&file, b"a\xffb\n\n\\x\\").unwrap();
        assert_eq!(lines(&open(&file, true)), ["a\u{fffd}b", "x\\"]);
        let many: String = (0..2 * MOST + 1).map(|n| format!("{n}\n")).collect();
        std::fs::write(&file, many).unwrap();
        let first = format!("{}", MOST + 1);
        assert_eq!((lines(&open(&file, true)).len(), lines(&open(&file, true))[0].clone()), (MOST, first));
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), MOST);
        assert!(lines(&open(place.path(), true)).is_empty());
    }

    proptest! {
        #[test]
        fn any_line_comes_back(line in "(\\\\|n|r|\n|\r|\\PC){0,12}") {
            let written = escaped(&line);
            prop_assert!(!written.contains(['\n', '\r']));
            prop_assert_eq!(plain(&written), line);
        }
    }
}
