//! Lines of outputs that may be large: where they begin, and reading some of them.
//!
//! A file is read once to note where lines begin, each few hundred of them; after that only what is asked for is read.
//! A line that never ends is cut into pieces, so that no part of this grows with it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use unicode_width::UnicodeWidthChar;

use crate::kernel::terminal::safe_line;

/// Bytes of a line at most; what is longer is cut.
const CUT: usize = 4096;
/// A mark stands at least each so many lines.
const LINES_APART: u64 = 256;
/// A mark stands at least each so many bytes.
const BYTES_APART: u64 = 64 << 10;
/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// Reads line by line, none longer than [`CUT`].
pub(super) struct Reader<R> {
    inner: R,
    /// The beginning of a character that was cut.
    carry: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(inner: R) -> Reader<R> {
        Reader { inner, carry: Vec::new() }
    }

    /// Puts the next line, with its end, into `line`; whether there was one.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        line.append(&mut self.carry);
        let room = u64::try_from(CUT - line.len()).unwrap_or(0);
        (&mut self.inner).take(room).read_until(b'\n', line)?;
        if line.len() == CUT && !line.ends_with(b"\n") {
            self.carry = line.split_off(whole(line));
        }
        Ok(!line.is_empty())
    }
}

/// How much of `bytes` is whole characters.
fn whole(bytes: &[u8]) -> usize {
    for back in 1..=3.min(bytes.len()) {
        let at = bytes.len() - back;
        let length = match bytes[at] {
            0xf0.. => 4,
            0xe0..0xf0 => 3,
            0xc0..0xe0 => 2,
            0x80..0xc0 => continue,
            _ => 1,
        };
        return if back < length { at } else { bytes.len() };
    }
    bytes.len()
}

/// Where a line begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    line: u64,
    /// Bytes before it.
    offset: u64,
    /// Whether it goes on where the line before was cut.
    soft: bool,
}

/// Where the lines of a file begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// How many there are.
    pub lines: u64,
    marks: Vec<Mark>,
}

impl Index {
    /// Reads a file to its end; `None` when `go_on` said no meanwhile.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of(path: &Path, go_on: &dyn Fn() -> bool) -> io::Result<Option<Index>> {
        let mut reader = Reader::new(BufReader::with_capacity(BYTES_APART as usize, File::open(path)?));
        let (mut index, mut line, mut at) = (Index::default(), Vec::new(), Mark::default());
        while reader.next(&mut line)? {
            let last = index.marks.last();
            if last.is_none_or(|m| at.line - m.line >= LINES_APART || at.offset - m.offset >= BYTES_APART) {
                index.marks.push(at);
                if !go_on() {
                    return Ok(None);
                }
            }
            at = Mark { line: at.line + 1, offset: at.offset + line.len() as u64, soft: !line.ends_with(b"\n") };
        }
        index.lines = at.line;
        Ok(Some(index))
    }

    /// The last mark at or before a line.
    pub(super) fn mark(&self, line: u64) -> Mark {
        let after = self.marks.partition_point(|m| m.line <= line);
        self.marks.get(after.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// A line as it is shown, and whether it goes on where the one before was cut.
pub(super) type Piece = (Box<str>, bool);

/// Reads `count` lines from the line `first` on; what is not there any more says so.
pub(super) fn read(path: &Path, mark: Mark, first: u64, count: usize) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(count);
    let mut fill = || -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(mark.offset))?;
        let (mut reader, mut line, mut soft) = (Reader::new(BufReader::new(file)), Vec::new(), mark.soft);
        for at in mark.line.. {
            if pieces.len() == count || !reader.next(&mut line)? {
                break;
            }
            if at >= first {
                pieces.push((shown(&line).into_boxed_str(), soft));
            }
            soft = !line.ends_with(b"\n");
        }
        Ok(())
    };
    // What cannot be read is what the lines say then.
    let gone = fill().err().map_or("(this is not there any more)".to_string(), |e| format!("(cannot be read: {e})"));
    pieces.resize(count, (gone.into_boxed_str(), false));
    pieces
}

/// A line as it can be shown: without control sequences, with tabs as blanks. Of a line that was written over and over,
/// as a progress bar is, only what was written last.
pub(super) fn shown(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let last = bytes.iter().rposition(|b| *b == b'\r').map_or(bytes, |at| &bytes[at + 1..]);
    let text = String::from_utf8_lossy(last);
    let text = if text.contains('\t') { Cow::Owned(without_tabs(&text)) } else { text };
    safe_line(&text).into_owned()
}

fn without_tabs(text: &str) -> String {
    let (mut out, mut column) = (String::with_capacity(text.len() + TAB), 0);
    for c in text.chars() {
        if c == '\t' {
            let blanks = TAB - column % TAB;
            out.extend(std::iter::repeat_n(' ', blanks));
            column += blanks;
        } else {
            out.push(c);
            column += c.width().unwrap_or(0);
        }
    }
    out
}

/// Whether a line holds words that are written in lower case; upper and lower case are alike.
pub(super) fn holds(line: &[u8], wanted: &str) -> bool {
    let needle = wanted.as_bytes();
    match wanted.is_ascii() {
        true => line.windows(needle.len().max(1)).any(|w| w.eq_ignore_ascii_case(needle)),
        false => String::from_utf8_lossy(line).to_lowercase().contains(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(bytes: &[u8]) -> Vec<Vec<u8>> {
        let (mut reader, mut line, mut all) = (Reader::new(bytes), Vec::new(), Vec::new());
        while reader.next(&mut line).unwrap() {
            all.push(line.clone());
        }
        all
    }

    #[test]
    fn a_line_without_an_end_is_cut_between_characters() {
        let long = "日".repeat(3000);
        let all = pieces(long.as_bytes());
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|p| p.len() <= CUT && std::str::from_utf8(p).is_ok()));
        assert_eq!(all.concat(), long.as_bytes());
    }

    #[test]
    fn any_line_of_a_large_file_is_read_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.stdout");
        let text: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, &text).unwrap();
        let index = Index::of(&path, &|| true).unwrap().unwrap();
        assert_eq!((index.lines, index.marks.len()), (10_000, 40));
        for first in [0u64, 1, 255, 256, 257, 9_998] {
            let read = read(&path, index.mark(first), first, 2);
            assert_eq!(&*read[0].0, format!("line {first}"));
            assert_eq!(&*read[1].0, format!("line {}", first + 1));
        }
        let behind = read(&path, index.mark(9_999), 9_999, 2);
        assert_eq!((&*behind[0].0, &*behind[1].0), ("line 9999", "(this is not there any more)"));
        assert_eq!(Index::of(&path, &|| false).unwrap(), None);
    }

    #[test]
    fn a_line_is_shown_as_a_terminal_would_leave_it() {
        assert_eq!(shown(b" 10%\r 50%\r100%\r\n"), "100%");
        assert_eq!(shown(b"a\tb\x1b[31m red\x1b[0m\n"), "a       b red");
        assert_eq!(shown(b"\xff\xfe\n"), "\u{fffd}\u{fffd}");
        assert!(holds(b"An ERROR here", "error") && holds("ÄRGER".as_bytes(), "ärger") && !holds(b"abc", "abd"));
    }

    proptest::proptest! {
        #[test]
        fn no_byte_is_lost_between_lines(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..9000)) {
            let all = pieces(&bytes);
            proptest::prop_assert_eq!(all.concat(), bytes);
            proptest::prop_assert!(all.iter().all(|p| !p.is_empty() && p.len() <= CUT));
        }
    }
}
