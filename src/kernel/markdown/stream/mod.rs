//! Markdown drawn while it still comes: text in, terminal lines out, nothing ever taken back.
//!
//! Output is only added at the end, without moving the cursor, so it works in a multiplexer, through a pager and for
//! a screen reader, and what scrolled away is right. The price is that nothing may be shown before it is certain:
//!
//! - The words of a paragraph, an item or a quote are shown as each one ends. Behind an opening mark of emphasis,
//!   code or a link they wait for its partner, but for no more than some hundred bytes.
//! - A heading waits for the end of its line, a table for its last row; code comes line by line.
//!
//! What comes out depends only on the text, never on how it was cut into pieces, and is what
//! [`render_as`](super::render::render_as) draws, but for what a later line would have to change: a heading underlined
//! on the next line is words and a rule; a table whose rows do not begin with `|` is words; links by reference and
//! footnotes stand as they are written, and so do their definitions; an opening mark whose partner is far away is
//! shown as written. The cost of a piece depends on the piece alone.
//!
//! It does not know who prints, or how wide a terminal is.

mod blocks;
mod cursor;
mod page;
mod words;

use unicode_width::UnicodeWidthStr;

use self::blocks::{Container, Decision, Kind, Leaf, Marker, Outer, decide};
use self::page::Page;
use self::words::Words;
use super::highlight::{CodeColours, Highlight};
use super::render::{Frame, Line, Look, Span, Style, clean, fence_line, indented_line, item_mark};
use super::{BlockKind, parse};
use crate::kernel::terminal::Sanitizer;

/// How a stream is shown.
#[derive(Clone, Debug, Default)]
pub struct StreamStyle {
    /// Draw Markdown; otherwise the text passes as it is, only made safe for a terminal (for pipes and files).
    pub draw: bool,
    /// Write colours.
    pub colour: bool,
    /// Write fainter, for what a model thinks before it answers.
    pub dim: bool,
    /// Colours the code of known languages. Without `colour` it is never loaded.
    pub highlight: Option<Highlight>,
}

/// Draws one text that comes in pieces.
#[derive(Debug)]
pub struct StreamRenderer {
    style: StreamStyle,
    look: Look,
    sanitizer: Sanitizer,
    state: State,
}

impl StreamRenderer {
    /// For lines of at most `width` columns; 0 means without wrapping.
    pub fn new(width: usize, style: StreamStyle) -> Self {
        let look = Look { width, html: true, highlight: style.highlight.clone().filter(|_| style.colour) };
        let state = State::new(&look, &style);
        StreamRenderer { style, look, sanitizer: Sanitizer::new(), state }
    }

    /// Takes the next piece of the text, cut anywhere; returns what the terminal gets now.
    pub fn push(&mut self, text: &str) -> String {
        let mut safe = String::with_capacity(text.len());
        self.sanitizer.push(text.as_bytes(), &mut safe);
        self.draw(safe)
    }

    /// Ends the text; returns the rest, which ends the last line. The renderer then stands at the start of a new text.
    pub fn finish(&mut self) -> String {
        let mut safe = String::new();
        self.sanitizer.finish(&mut safe);
        let mut out = self.draw(safe);
        if self.style.draw {
            self.state.finish(&self.look);
            out.push_str(&self.state.page.take());
            self.state = State::new(&self.look, &self.style);
        }
        out
    }

    fn draw(&mut self, safe: String) -> String {
        if !self.style.draw {
            return safe;
        }
        for c in safe.chars() {
            self.state.step(c, &self.look);
            self.state.page.settle();
        }
        self.state.page.take()
    }
}

/// What a container (or the page, which is the first) knows of the blocks in it.
#[derive(Debug)]
struct Holder {
    /// Columns for what stands in it.
    width: usize,
    /// The role of its words.
    plain: Style,
    /// Whether its blocks always have a blank line between them.
    apart: bool,
    /// Whether something stands in it.
    filled: bool,
    /// The list that its last block is: the mark, and the number of the next item.
    list: Option<(char, Option<u64>)>,
}

/// Everything between two characters.
#[derive(Debug)]
struct State {
    page: Page,
    /// The page and the open containers from the outermost.
    holders: Vec<Holder>,
    /// The same containers as the rules see them.
    outer: Vec<Outer>,
    leaf: Leaf,
    /// The open paragraph.
    words: Option<Words>,
    /// The lines of the open table.
    table: String,
    colours: Option<CodeColours>,
    /// Blank lines of indented code that may be its end.
    code_blanks: Vec<String>,
    /// Whether a blank line came since the last block.
    blank: bool,
    /// The current line, unless its words are given to `words` as they come.
    line: String,
    in_words: bool,
}

impl State {
    fn new(look: &Look, style: &StreamStyle) -> Self {
        let width = if look.width == 0 { usize::MAX } else { look.width };
        State {
            page: Page::new(style.colour, style.dim),
            holders: vec![Holder { width, plain: Style::Plain, apart: true, filled: false, list: None }],
            outer: Vec::new(),
            leaf: Leaf::None,
            words: None,
            table: String::new(),
            colours: None,
            code_blanks: Vec::new(),
            blank: false,
            line: String::new(),
            in_words: false,
        }
    }

    fn step(&mut self, c: char, look: &Look) {
        if c == '\n' {
            return self.line_ended(look);
        }
        if self.in_words {
            return self.feed(c.encode_utf8(&mut [0; 4]), look);
        }
        self.line.push(c);
        if (self.leaf == Leaf::None || self.leaf.holds_words())
            && let Some(decision) = decide(&self.outer, &self.leaf, &self.line, false)
        {
            self.apply(decision, look);
            self.line.clear();
            self.in_words = true;
        }
    }

    fn line_ended(&mut self, look: &Look) {
        if !std::mem::take(&mut self.in_words) {
            let line = std::mem::take(&mut self.line);
            let words = match decide(&self.outer, &self.leaf, &line, true) {
                Some(decision) => self.apply(decision, look),
                None => false,
            };
            if !words {
                return;
            }
        }
        let frame = self.frame(look);
        if let Some(words) = &mut self.words {
            words.end_line(&frame, &mut self.page);
        }
    }

    fn finish(&mut self, look: &Look) {
        if self.in_words || !self.line.is_empty() {
            self.line_ended(look);
        }
        self.close(0, look);
        self.page.end_line();
    }

    /// Does what a line asks for. Returns whether it was words, whose end is still to be told.
    fn apply(&mut self, decision: Decision, look: &Look) -> bool {
        let Decision { matched, opened, kind, rest } = decision;
        let goes_on = opened.is_empty() && self.leaf.holds_words();
        match kind {
            Kind::Text if goes_on => {
                self.give_head(look);
                self.begin_words_line(look);
                self.feed(&rest, look);
                return true;
            }
            Kind::Head if goes_on && matched == self.outer.len() => {
                self.give_head(look);
                self.leaf = Leaf::Head(rest);
                return false;
            }
            Kind::Delimiter => {
                if let Leaf::Head(head) = std::mem::replace(&mut self.leaf, Leaf::None) {
                    self.close_leaf(look);
                    self.start_block();
                    self.table = format!("{head}\n{rest}\n");
                    self.leaf = Leaf::Table;
                }
                return false;
            }
            Kind::Row => {
                self.table.push_str(&rest);
                self.table.push('\n');
                return false;
            }
            Kind::Verbatim | Kind::HtmlEnd | Kind::FenceEnd => {
                self.verbatim(&rest, &kind, look);
                return false;
            }
            _ => {}
        }
        let after_definition = !self.blank && self.leaf == Leaf::Definition;
        self.close_leaf(look);
        self.close(matched, look);
        if kind == Kind::Blank && opened.is_empty() {
            self.blank = true;
            return false;
        }
        for container in opened {
            self.open(container, look);
        }
        self.new_leaf(kind, rest, after_definition, look)
    }

    /// Begins the block that a line opens.
    fn new_leaf(&mut self, kind: Kind, rest: String, after_definition: bool, look: &Look) -> bool {
        match kind {
            Kind::Text | Kind::Definition => {
                let rest = self.check_box(rest, look);
                if kind == Kind::Definition && after_definition {
                    self.page.end_line();
                } else {
                    self.start_block();
                }
                self.begin_words_line(look);
                self.leaf = if kind == Kind::Definition { Leaf::Definition } else { Leaf::Paragraph };
                self.feed(&rest, look);
                return true;
            }
            Kind::Head => self.leaf = Leaf::Head(rest),
            Kind::Heading => {
                self.start_block();
                self.draw_parsed(&rest, look);
            }
            Kind::Rule => {
                self.start_block();
                let width = self.holder().width.min(40);
                self.page.whole(&Line::of(&"─".repeat(width), Style::Rule));
            }
            Kind::Fence { mark, indent, info } => {
                self.start_block();
                self.page.whole(&fence_line(&mark, &info));
                self.colours = look.highlight.as_ref().and_then(|h| h.language(&info));
                self.leaf = Leaf::Fence { mark, indent };
            }
            Kind::Indented => {
                self.start_block();
                self.page.whole(&indented_line(&rest));
                self.leaf = Leaf::Indented;
            }
            Kind::Html(ends) => {
                self.start_block();
                self.page.whole(&Line::of(&clean(&rest), Style::Dim));
                let lower = rest.to_ascii_lowercase();
                let ended = ends.iter().any(|end| lower.contains(end));
                self.leaf = if ended { Leaf::None } else { Leaf::Html(ends) };
            }
            Kind::Blank | Kind::Delimiter | Kind::Row | Kind::Verbatim | Kind::HtmlEnd | Kind::FenceEnd => {}
        }
        false
    }

    /// A line inside of code or HTML.
    fn verbatim(&mut self, rest: &str, kind: &Kind, look: &Look) {
        match &self.leaf {
            Leaf::Fence { .. } if *kind == Kind::FenceEnd => self.close_leaf(look),
            Leaf::Fence { .. } => {
                let line = match &mut self.colours {
                    Some(colours) => colours.line(rest),
                    None => Line::of(&clean(rest), Style::CodeBlock),
                };
                self.page.whole(&line);
            }
            Leaf::Indented if rest.trim().is_empty() => self.code_blanks.push(rest.to_string()),
            Leaf::Indented => {
                for blank in std::mem::take(&mut self.code_blanks) {
                    self.page.whole(&indented_line(&blank));
                }
                self.page.whole(&indented_line(rest));
            }
            _ => {
                self.page.whole(&Line::of(&clean(rest), Style::Dim));
                if *kind == Kind::HtmlEnd {
                    self.leaf = Leaf::None;
                }
            }
        }
    }

    /// Takes the box of a task from the words that begin an item.
    fn check_box(&mut self, rest: String, look: &Look) -> String {
        let (checked, words) = match rest.get(..4) {
            Some("[ ] ") => (false, &rest[4..]),
            Some("[x] " | "[X] ") => (true, &rest[4..]),
            _ => return rest,
        };
        let Some(Outer { container: Container::Item(_), filled: false }) = self.outer.last() else { return rest };
        let number = self.holders.iter().rev().nth(1).and_then(|parent| parent.list).and_then(|(_, next)| next);
        let mark = item_mark(number.map(|next| next.saturating_sub(1)), Some(checked));
        let parent = self.holders.len().saturating_sub(2);
        let (frame, drawn) = self.frame_of(parent, look).inner(mark.width());
        let width = frame.width;
        if let Some(holder) = self.holders.last_mut() {
            holder.width = width;
        }
        let (first, others) = item_prefix(&mark, drawn);
        self.page.mark(first, others);
        words.trim_start().to_string()
    }

    /// A container begins in the innermost one.
    fn open(&mut self, container: Container, look: &Look) {
        let parent = self.holders.len() - 1;
        let plain = self.holder().plain;
        let (first, rest, width, plain) = match container {
            Container::Quote => {
                self.start_block();
                let (frame, drawn) = self.frame_of(parent, look).inner(2);
                let bar = Span { text: if drawn { "│ " } else { "" }.to_string(), style: Style::Quote };
                (bar.clone(), bar, frame.width, Style::Quote)
            }
            Container::Item(marker) => {
                let mark = item_mark(self.next_item(marker), None);
                let (frame, drawn) = self.frame_of(parent, look).inner(mark.width());
                let (first, rest) = item_prefix(&mark, drawn);
                (first, rest, frame.width, plain)
            }
        };
        self.page.enter(first, rest);
        self.outer.push(Outer { container, filled: false });
        let apart = container == Container::Quote;
        self.holders.push(Holder { width, plain, apart, filled: false, list: None });
    }

    /// Goes on with the list before it, or begins one. Returns the item's number.
    fn next_item(&mut self, marker: Marker) -> Option<u64> {
        let before = self.holder().list.filter(|(mark, _)| *mark == marker.mark);
        let number = match before {
            Some((_, next)) => {
                if std::mem::take(&mut self.blank) {
                    self.page.owe_blank();
                }
                next
            }
            None => {
                self.start_block();
                marker.number
            }
        };
        if let Some(holder) = self.holders.last_mut() {
            holder.list = Some((marker.mark, number.map(|n| n.saturating_add(1))));
        }
        number
    }

    /// A block begins in the innermost container.
    fn start_block(&mut self) {
        let blank = std::mem::take(&mut self.blank);
        let Some(holder) = self.holders.last_mut() else { return };
        if holder.filled && (holder.apart || blank) {
            self.page.owe_blank();
        }
        (holder.filled, holder.list) = (true, None);
        if let Some(outer) = self.outer.last_mut() {
            outer.filled = true;
        }
    }

    /// Closes containers until `count` are open.
    fn close(&mut self, count: usize, look: &Look) {
        if self.outer.len() > count || count == 0 {
            self.close_leaf(look);
        }
        while self.outer.len() > count {
            self.page.leave();
            self.outer.pop();
            self.holders.pop();
        }
    }

    fn close_leaf(&mut self, look: &Look) {
        self.give_head(look);
        match std::mem::replace(&mut self.leaf, Leaf::None) {
            Leaf::Fence { mark, .. } => self.page.whole(&fence_line(&mark, "")),
            Leaf::Table => {
                let table = std::mem::take(&mut self.table);
                self.draw_parsed(&table, look);
            }
            Leaf::Indented => self.blank |= !std::mem::take(&mut self.code_blanks).is_empty(),
            Leaf::None | Leaf::Paragraph | Leaf::Definition | Leaf::Head(_) | Leaf::Html(_) => {}
        }
        let frame = self.frame(look);
        if let Some(mut words) = self.words.take() {
            words.finish(&frame, &mut self.page);
            self.page.end_line();
        }
        self.colours = None;
    }

    /// A line that could have been the head of a table is words after all.
    fn give_head(&mut self, look: &Look) {
        if !matches!(self.leaf, Leaf::Head(_)) {
            return;
        }
        let Leaf::Head(head) = std::mem::replace(&mut self.leaf, Leaf::Paragraph) else { return };
        if self.words.is_none() {
            self.start_block();
        }
        self.begin_words_line(look);
        self.feed(&head, look);
        let frame = self.frame(look);
        if let Some(words) = &mut self.words {
            words.end_line(&frame, &mut self.page);
        }
    }

    /// A line of words begins, in the open paragraph or in a new one.
    fn begin_words_line(&mut self, look: &Look) {
        let frame = self.frame(look);
        self.words.get_or_insert_with(|| Words::new(frame.width)).begin_line(&frame, &mut self.page);
    }

    fn feed(&mut self, text: &str, look: &Look) {
        let frame = self.frame(look);
        if let Some(words) = &mut self.words {
            text.chars().for_each(|c| words.push(c, &frame, &mut self.page));
        }
    }

    /// Draws a text that is known to be whole.
    fn draw_parsed(&mut self, text: &str, look: &Look) {
        let doc = parse(text);
        let frame = self.frame(look);
        for block in &doc.blocks {
            if !matches!(block.kind, BlockKind::Code(_)) {
                frame.block(block).iter().for_each(|line| self.page.whole(line));
            }
        }
    }

    fn holder(&self) -> &Holder {
        &self.holders[self.holders.len() - 1]
    }

    fn frame<'l>(&self, look: &'l Look) -> Frame<'l> {
        self.frame_of(self.holders.len() - 1, look)
    }

    fn frame_of<'l>(&self, holder: usize, look: &'l Look) -> Frame<'l> {
        let mut frame = Frame::new("", look);
        if let Some(holder) = self.holders.get(holder) {
            (frame.width, frame.plain) = (holder.width, holder.plain);
        }
        frame
    }
}

/// What stands before the first and before the other lines of an item.
fn item_prefix(mark: &str, drawn: bool) -> (Span, Span) {
    if !drawn {
        let none = Span { text: String::new(), style: Style::Plain };
        return (none.clone(), none);
    }
    let blank = Span { text: " ".repeat(mark.width()), style: Style::Plain };
    (Span { text: mark.to_string(), style: Style::Marker }, blank)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
