//! Markdown as a tree of blocks with their places: the only home of pulldown-cmark and syntect.
//!
//! It follows CommonMark with tables, strikethrough and task lists, and keeps byte spans so that a fence's
//! bytes can be taken from the file unchanged. It knows nothing about commands: adapters read this tree.

pub mod highlight;
mod lines;
mod pick;
pub mod render;
pub mod stream;
mod tree;

pub use lines::LineIndex;
pub use pick::{code_blocks, links};
pub use tree::parse;

use std::ops::Range;

/// A parsed text: its blocks in order, and where its lines begin.
#[derive(Clone, Debug)]
pub struct Document {
    /// Top-level blocks in reading order.
    pub blocks: Vec<Block>,
    /// Byte offset to line and column.
    pub lines: LineIndex,
}

impl Document {
    /// 1-based line of a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.line(offset)
    }
}

/// One block and the bytes it covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Byte range in the text, without trailing blank lines.
    pub span: Range<usize>,
    /// 1-based first line.
    pub line: usize,
    /// 1-based last line.
    pub end_line: usize,
}

/// The kinds of block.
#[derive(Clone, Debug, PartialEq)]
pub enum BlockKind {
    /// `#` or underlined; level 1 to 6.
    Heading {
        /// 1 to 6.
        level: u8,
        /// Its words.
        inlines: Vec<Inline>,
    },
    /// Plain words.
    Paragraph(Vec<Inline>),
    /// A fenced or indented block of code.
    Code(Code),
    /// A list.
    List {
        /// Number of the first item, for ordered lists.
        start: Option<u64>,
        /// Each item's blocks.
        items: Vec<Item>,
    },
    /// A blockquote.
    Quote(Vec<Block>),
    /// Raw HTML, comments included.
    Html(String),
    /// A thematic break.
    Rule,
    /// A table.
    Table(Table),
}

/// One list item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its blocks; a tight item has one paragraph.
    pub blocks: Vec<Block>,
    /// `[x]` or `[ ]`, where it is a task.
    pub checked: Option<bool>,
    /// 1-based first line.
    pub line: usize,
    /// Byte range.
    pub span: Range<usize>,
}

/// A block of code.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// Whether it stood between fences.
    pub fenced: bool,
    /// The info string, entities resolved; empty for indented code.
    pub info: String,
    /// The text as CommonMark defines it: line endings `\n`, indentation of the fence removed.
    pub text: String,
    /// The byte range of the content, where the text stands in one piece (fenced, not nested).
    pub content: Option<Range<usize>>,
    /// 1-based line of the first content line.
    pub content_line: usize,
    /// Whether the closing fence is there.
    pub closed: bool,
}

/// A table: header and rows of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Header cells.
    pub head: Vec<Vec<Inline>>,
    /// Body rows.
    pub rows: Vec<Vec<Vec<Inline>>>,
    /// Alignment of each column.
    pub align: Vec<Align>,
}

/// Alignment of a table's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Left, or not said.
    Left,
    /// Centre.
    Center,
    /// Right.
    Right,
}

/// A piece of running text.
#[derive(Clone, Debug, PartialEq)]
pub enum Inline {
    /// Words.
    Text(String),
    /// A code span.
    Code(String),
    /// Emphasis.
    Emphasis(Vec<Inline>),
    /// Strong emphasis.
    Strong(Vec<Inline>),
    /// Struck through.
    Strike(Vec<Inline>),
    /// A link with its target.
    Link {
        /// Where it goes.
        url: String,
        /// What it says.
        children: Vec<Inline>,
    },
    /// An image with its source; the words are its alternative text.
    Image {
        /// Where it is.
        url: String,
        /// The alternative text.
        children: Vec<Inline>,
    },
    /// Raw HTML.
    Html(String),
    /// The line ended in the source.
    SoftBreak,
    /// Two blanks or a backslash ended the line.
    HardBreak,
}

/// The words of some inlines without any markup; breaks become a newline.
pub fn plain_text(inlines: &[Inline]) -> String {
    let mut out = String::new();
    push_plain(inlines, &mut out);
    out
}

fn push_plain(inlines: &[Inline], out: &mut String) {
    for inline in inlines {
        match inline {
            Inline::Text(t) | Inline::Code(t) => out.push_str(t),
            Inline::Emphasis(c) | Inline::Strong(c) | Inline::Strike(c) => push_plain(c, out),
            Inline::Link { children, .. } | Inline::Image { children, .. } => push_plain(children, out),
            Inline::Html(_) => {}
            Inline::SoftBreak | Inline::HardBreak => out.push('\n'),
        }
    }
}

/// The words of some inlines on one line: breaks become a blank, runs of blanks one blank, ends trimmed.
pub fn one_line(inlines: &[Inline]) -> String {
    plain_text(inlines).split_whitespace().collect::<Vec<_>>().join(" ")
}
