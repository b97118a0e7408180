//! What an output is made of: sentences of ours, bytes in memory, and files of which only a part is read at a time.
//!
//! Lines are numbered from the beginning of everything; when there is too much in memory the oldest go, and the numbers
//! of the others stay.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use super::lines::{self, Index, Mark, Piece, Reader};
use crate::exec::Stream;
use crate::tui::theme::Role;

/// Bytes of one block in memory; full blocks are dropped one by one.
const BLOCK: usize = 64 << 10;
/// What a block costs besides its bytes, roughly.
const OVERHEAD: usize = 128;
/// Lines that are read around those on the screen.
const AROUND: u64 = 400;
/// Places that are found at most.
const MOST_HITS: usize = 100_000;

/// A part of an output.
#[derive(Clone, Debug, PartialEq)]
enum Body {
    /// A sentence of ours, one line.
    Said(Role, String),
    /// Bytes in memory, and where their lines begin.
    Memory { stream: Stream, data: Arc<Vec<u8>>, starts: Vec<u32> },
    /// A file.
    File { stream: Stream, path: PathBuf, index: Arc<Index> },
}

#[derive(Clone, Debug, PartialEq)]
struct Block {
    first: u64,
    body: Body,
}

impl Block {
    fn lines(&self) -> u64 {
        match &self.body {
            Body::Said(..) => 1,
            Body::Memory { starts, .. } => starts.len() as u64,
            Body::File { index, .. } => index.lines,
        }
    }

    fn size(&self) -> usize {
        OVERHEAD
            + match &self.body {
                Body::Said(_, text) => text.len(),
                Body::Memory { data, starts, .. } => data.len() + starts.len() * 4,
                Body::File { .. } => 0,
            }
    }
}

/// A line as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) role: Role,
    /// Where it was written; `None` for a sentence of ours.
    pub(super) stream: Option<Stream>,
    /// Whether it goes on where the one before was cut.
    pub(super) soft: bool,
}

/// Lines of a file that are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    path: PathBuf,
    mark: Mark,
    block: u64,
    first: u64,
    count: usize,
}

impl Want {
    /// Reads them.
    pub fn read(&self) -> Page {
        let lines = lines::read(&self.path, self.mark, self.first, self.count);
        Page { block: self.block, first: self.block + self.first, lines }
    }
}

/// Lines of a file that were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The first line of the file it belongs to, in the numbers of the whole.
    block: u64,
    /// Its own first line, in the same numbers.
    first: u64,
    lines: Vec<Piece>,
}

impl Page {
    fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }
}

/// What an output is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Doc {
    blocks: VecDeque<Block>,
    /// Two pages, so that going back and forth at an edge does not read each time.
    pages: [Page; 2],
    size: usize,
    /// Bytes in memory at most; 0 for any number.
    limit: usize,
    /// Lines that went to keep below it.
    pub(super) dropped: u64,
}

impl Doc {
    /// One that keeps at most so many bytes in memory.
    pub(super) fn bounded(limit: usize) -> Doc {
        Doc { limit, ..Doc::default() }
    }

    /// The number of the first line there is.
    pub(super) fn begin(&self) -> u64 {
        self.blocks.front().map_or(0, |b| b.first)
    }

    /// The number behind the last line.
    pub(super) fn end(&self) -> u64 {
        self.blocks.back().map_or(0, |b| b.first + b.lines())
    }

    fn push(&mut self, body: Body) {
        let block = Block { first: self.end(), body };
        self.size += block.size();
        self.blocks.push_back(block);
    }

    pub(super) fn say(&mut self, role: Role, text: &str) {
        self.push(Body::Said(role, crate::kernel::terminal::safe_line(text).into_owned()));
    }

    pub(super) fn file(&mut self, stream: Stream, path: PathBuf, index: Arc<Index>) {
        if index.lines > 0 {
            self.push(Body::File { stream, path, index });
        }
    }

    /// Adds bytes; they go on where the last ones of the same stream ended.
    pub(super) fn bytes(&mut self, stream: Stream, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(BLOCK));
            self.append(stream, part);
            bytes = rest;
        }
        while self.limit > 0 && self.size > self.limit && self.blocks.len() > 1 {
            if let Some(block) = self.blocks.pop_front() {
                self.size -= block.size();
                self.dropped += block.lines();
            }
        }
    }

    fn append(&mut self, stream: Stream, bytes: &[u8]) {
        let begun = match self.blocks.back_mut().map(|b| &mut b.body) {
            Some(Body::Memory { stream: last, data, starts }) if *last == stream => {
                let open = !data.ends_with(b"\n");
                match data.len() < BLOCK {
                    true => {
                        let added = data.len();
                        let data = Arc::make_mut(data);
                        let known = starts.len();
                        data.extend_from_slice(bytes);
                        let from = if open { starts.pop().unwrap_or(0) as usize } else { added };
                        number(data, from, starts);
                        self.size += bytes.len() + starts.len().saturating_sub(known) * 4;
                        return;
                    }
                    // A new block begins with the line that is not over.
                    false if open => {
                        let at = starts.pop().unwrap_or(0) as usize;
                        self.size -= data.len() - at + 4;
                        Arc::make_mut(data).split_off(at)
                    }
                    false => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        let (mut data, mut starts) = (begun, Vec::new());
        data.extend_from_slice(bytes);
        number(&data, 0, &mut starts);
        self.push(Body::Memory { stream, data: Arc::new(data), starts });
    }

    fn block_at(&self, line: u64) -> Option<&Block> {
        let after = self.blocks.partition_point(|b| b.first <= line);
        self.blocks.get(after.checked_sub(1)?).filter(|b| line < b.first + b.lines())
    }

    /// A line; of a file only when it was read.
    pub(super) fn line(&self, at: u64) -> Option<Shown> {
        let block = self.block_at(at)?;
        match &block.body {
            Body::Said(role, text) => Some(Shown { text: text.clone(), role: *role, stream: None, soft: false }),
            Body::Memory { stream, data, starts } => {
                let n = usize::try_from(at - block.first).ok()?;
                let start = *starts.get(n)? as usize;
                let end = starts.get(n + 1).map_or(data.len(), |s| *s as usize);
                let soft = start > 0 && data.get(start - 1) != Some(&b'\n');
                Some(written(lines::shown(data.get(start..end)?), *stream, soft))
            }
            Body::File { stream, .. } => {
                let page = self.pages.iter().find(|p| p.block == block.first && (p.first..p.end()).contains(&at))?;
                let (text, soft) = page.lines.get(usize::try_from(at - page.first).ok()?)?;
                Some(written(text.to_string(), *stream, *soft))
            }
        }
    }

    /// What has to be read so that these lines can be shown; with some around them, so that it is read seldom.
    pub(super) fn want(&self, from: u64, to: u64) -> Option<Want> {
        let (from, to) = (from.max(self.begin()), to.min(self.end()));
        let mut at = from;
        while at < to {
            let block = self.block_at(at)?;
            let end = block.first + block.lines();
            if let Body::File { path, index, .. } = &block.body {
                let (low, high) = (at - block.first, to.min(end) - block.first);
                let known =
                    |p: &Page| p.block == block.first && p.first <= at && p.end() >= to.min(end) && !p.lines.is_empty();
                if !self.pages.iter().any(known) {
                    let first = low.saturating_sub(AROUND);
                    let count = usize::try_from((high + AROUND).min(index.lines) - first).ok()?;
                    let mark = index.mark(first);
                    return Some(Want { path: path.clone(), mark, block: block.first, first, count });
                }
            }
            at = end;
        }
        None
    }

    pub(super) fn take(&mut self, page: Page) {
        self.pages.swap(0, 1);
        self.pages[0] = page;
    }

    /// The same for another thread.
    pub(super) fn copy(&self) -> Whole {
        Whole { blocks: self.blocks.iter().cloned().collect() }
    }
}

fn written(text: String, stream: Stream, soft: bool) -> Shown {
    let role = if stream == Stream::Stderr { Role::Warn } else { Role::Text };
    Shown { text, role, stream: Some(stream), soft }
}

/// Adds where lines begin from the byte `from` on.
fn number(data: &[u8], from: usize, starts: &mut Vec<u32>) {
    let (mut reader, mut line, mut at) = (Reader::new(&data[from..]), Vec::new(), from);
    // A slice cannot fail to be read.
    while reader.next(&mut line).unwrap_or(false) {
        starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        at += line.len();
    }
}

/// An output as it is at a moment, to be searched or copied elsewhere. What is in memory is shared, not copied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Whole {
    blocks: Vec<Block>,
}

/// Where words stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The words.
    pub words: String,
    /// Lines that hold them.
    pub hits: Vec<u64>,
    /// Whether there are more than these.
    pub more: bool,
    /// The line that the search came to.
    pub end: u64,
}

impl Whole {
    /// Goes through all lines that were written until `each` says no; gives each with its number and its stream.
    fn walk(&self, each: &mut dyn FnMut(u64, &[u8]) -> bool) {
        let mut through = |reader: &mut dyn BufRead, mut at: u64| {
            let (mut reader, mut line) = (Reader::new(reader), Vec::new());
            // A file that is gone has no lines.
            while reader.next(&mut line).unwrap_or(false) {
                if !each(at, &line) {
                    return false;
                }
                at += 1;
            }
            true
        };
        for block in &self.blocks {
            let go_on = match &block.body {
                Body::Said(..) => true,
                Body::Memory { data, .. } => through(&mut &data[..], block.first),
                Body::File { path, .. } => match File::open(path) {
                    Ok(file) => through(&mut BufReader::with_capacity(BLOCK, file), block.first),
                    Err(_) => true,
                },
            };
            if !go_on {
                return;
            }
        }
    }

    /// Looks for words; upper and lower case are alike. `None` when `go_on` said no.
    pub fn find(&self, words: &str, go_on: &dyn Fn() -> bool) -> Option<Found> {
        let mut found = Found { words: words.to_string(), ..Found::default() };
        let wanted = words.to_lowercase();
        let mut given_up = false;
        self.walk(&mut |at, line| {
            if lines::holds(line, &wanted) {
                if found.hits.len() == MOST_HITS {
                    found.more = true;
                    return false;
                }
                found.hits.push(at);
            }
            given_up = at % 4096 == 0 && !go_on();
            !given_up
        });
        found.end = self.blocks.last().map_or(0, |b| b.first + b.lines());
        (!given_up).then_some(found)
    }

    /// What was written, at most so many bytes of it, without control sequences.
    pub fn text(&self, most: usize) -> String {
        let mut out = String::new();
        self.walk(&mut |_, line| {
            out.push_str(&lines::shown(line));
            if line.ends_with(b"\n") {
                out.push('\n');
            }
            out.len() < most
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(doc: &Doc) -> Vec<String> {
        (doc.begin()..doc.end()).map(|at| doc.line(at).map(|l| l.text).unwrap_or_default()).collect()
    }

    #[test]
    fn pieces_that_come_cut_anywhere_make_the_lines_that_were_written() {
        let mut doc = Doc::default();
        doc.say(Role::Dim, "step");
        for piece in ["al", "pha\nbe", "ta", "\n", "gam"] {
            doc.bytes(Stream::Stdout, piece.as_bytes());
        }
        doc.bytes(Stream::Stderr, b"oops\n");
        doc.bytes(Stream::Stdout, b"ma\n");
        assert_eq!(texts(&doc), ["step", "alpha", "beta", "gam", "oops", "ma"]);
        assert_eq!(doc.line(4).unwrap().stream, Some(Stream::Stderr));
        assert_eq!(doc.copy().text(1000), "alpha\nbeta\ngamoops\nma\n");
    }

    #[test]
    fn the_oldest_lines_go_and_the_others_keep_their_numbers() {
        let mut doc = Doc { limit: 300 << 10, ..Doc::default() };
        for n in 0..100_000 {
            doc.bytes(Stream::Stdout, format!("{n}\n").as_bytes());
        }
        assert_eq!(doc.end(), 100_000);
        assert_eq!((doc.begin(), doc.size <= doc.limit), (doc.dropped, true));
        assert!(doc.dropped > 50_000);
        assert_eq!(doc.line(99_999).unwrap().text, "99999");
        assert_eq!(doc.line(doc.begin()).unwrap().text, doc.begin().to_string());
        assert_eq!(doc.size, doc.blocks.iter().map(Block::size).sum::<usize>());
    }

    #[test]
    fn lines_of_a_file_are_there_once_they_were_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.stdout");
        std::fs::write(&path, (0..5_000).map(|n| format!("n{n}\n")).collect::<String>()).unwrap();
        let mut doc = Doc::default();
        doc.say(Role::Dim, "step");
        let index = Index::of(&path, &|| true).unwrap().unwrap();
        doc.file(Stream::Stdout, path, Arc::new(index));
        assert_eq!((doc.end(), doc.line(3_001)), (5_001, None));
        let want = doc.want(3_000, 3_030).unwrap();
        assert_eq!((want.first, want.count), (2_599, 830));
        doc.take(want.read());
        assert_eq!(doc.line(3_001).unwrap().text, "n3000");
        assert_eq!(doc.want(3_000, 3_030), None);
        let found = doc.copy().find("N49", &|| true).unwrap();
        assert_eq!((found.hits.len(), found.hits[0], found.end), (111, 50, 5_001));
        assert_eq!(doc.copy().find("x", &|| false), None);
    }
}
