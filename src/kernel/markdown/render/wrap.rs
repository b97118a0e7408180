//! Breaking words into lines by display width.
//!
//! Lines break at blanks and beside wide characters (which are written without blanks), but not before closing or
//! behind opening punctuation, nor inside joined symbols.

use unicode_width::UnicodeWidthChar;

use super::{Line, Soft, Span, Style};
use crate::kernel::terminal::is_hidden;

/// Some text in one role, or a forced end of the line.
#[derive(Clone, Debug)]
pub(in super::super) struct Piece {
    pub(in super::super) text: String,
    pub(super) style: Style,
    forced: bool,
}

impl Piece {
    pub(in super::super) fn new(text: &str, style: Style) -> Self {
        Piece { text: text.to_string(), style, forced: false }
    }

    pub(in super::super) fn hard_break() -> Self {
        Piece { text: String::new(), style: Style::Plain, forced: true }
    }
}

/// Where finished pieces of lines go.
pub(in super::super) trait Sink {
    /// A piece of the current line.
    fn span(&mut self, text: &str, style: Style);
    /// The current line ends here.
    fn line_end(&mut self);
    /// The current line is full and goes on in the next one; a blank may stand where it is broken.
    fn line_full(&mut self, _blank: bool) {
        self.line_end();
    }
}

/// Lines that are gathered.
#[derive(Default)]
struct Lines {
    done: Vec<Line>,
    line: Line,
}

impl Sink for Lines {
    fn span(&mut self, text: &str, style: Style) {
        self.line.push(text, style);
    }

    fn line_end(&mut self) {
        self.done.push(std::mem::take(&mut self.line));
    }

    fn line_full(&mut self, blank: bool) {
        self.line_end();
        self.line.soft = Some(Soft { blank, indent: 0 });
    }
}

/// Characters as they may reach a terminal: those that act on it are left out, those that hide or reorder text are
/// named instead.
fn each_printable(text: &str, mut show: impl FnMut(char)) {
    for c in text.chars() {
        if is_hidden(c) {
            format!("⟨U+{:04X}⟩", u32::from(c)).chars().for_each(&mut show);
        } else if !c.is_control() || c.is_whitespace() {
            show(c);
        }
    }
}

/// One line of text with tabs as four blanks and nothing that a terminal would obey.
pub(in super::super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    each_printable(text, |c| match c {
        '\t' => out.push_str("    "),
        c if c.is_control() => {}
        c => out.push(c),
    });
    out
}

/// Breaks pieces into lines of at most `width` columns. A longer word has a line of its own, or is cut when `hard`.
pub(super) fn wrap(pieces: &[Piece], width: usize, hard: bool) -> Vec<Line> {
    let mut lines = Lines::default();
    let mut wrapper = Wrapper::new(width, hard);
    pieces.iter().for_each(|piece| wrapper.feed(piece, &mut lines));
    wrapper.finish(&mut lines);
    if !lines.line.spans.is_empty() {
        lines.line_end();
    }
    lines.done
}

/// Breaks words into lines as they come. A word is given away once it is known where it ends.
#[derive(Debug)]
pub(in super::super) struct Wrapper {
    width: usize,
    hard: bool,
    /// Columns used on the current line.
    column: usize,
    /// A blank is owed before the next word.
    gap: Option<Style>,
    /// Characters that stay together, in one or several roles; its end has not come yet.
    word: Line,
    before: Option<char>,
}

impl Wrapper {
    pub(in super::super) fn new(width: usize, hard: bool) -> Self {
        Wrapper { width: width.max(1), hard, column: 0, gap: None, word: Line::default(), before: None }
    }

    /// Takes the next piece.
    pub(in super::super) fn feed(&mut self, piece: &Piece, out: &mut impl Sink) {
        if piece.forced {
            self.finish(out);
            out.line_end();
            (self.column, self.gap) = (0, None);
        }
        each_printable(&piece.text, |c| {
            if c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}') {
                self.finish(out);
                self.gap = (self.column > 0).then_some(piece.style);
                return;
            }
            if self.before.is_some_and(|b| may_break(b, c)) {
                self.finish(out);
            }
            self.word.push(c.encode_utf8(&mut [0; 4]), piece.style);
            self.before = Some(c);
        });
    }

    /// Ends the word that is being read.
    pub(in super::super) fn finish(&mut self, out: &mut impl Sink) {
        self.before = None;
        let word = std::mem::take(&mut self.word);
        if word.spans.is_empty() {
            return;
        }
        let wide = word.width();
        let blank = usize::from(self.gap.is_some());
        if self.column > 0 && self.column.saturating_add(blank).saturating_add(wide) > self.width {
            out.line_full(self.gap.is_some());
            (self.column, self.gap) = (0, None);
        }
        if let Some(style) = self.gap.take() {
            out.span(" ", style);
            self.column += 1;
        }
        if self.hard && wide > self.width {
            self.column = cut(&word, self.width, out);
        } else {
            word.spans.iter().for_each(|s| out.span(&s.text, s.style));
            self.column += wide;
        }
    }
}

/// Cuts a word that is wider than a line; the last part stays open. Its width is returned.
fn cut(word: &Line, width: usize, out: &mut impl Sink) -> usize {
    let mut column = 0;
    for span in &word.spans {
        for c in span.text.chars() {
            let wide = c.width().unwrap_or(0);
            if column > 0 && column + wide > width {
                out.line_full(false);
                column = 0;
            }
            out.span(c.encode_utf8(&mut [0; 4]), span.style);
            column += wide;
        }
    }
    column
}

/// Whether a line may end between two characters that no blank parts.
pub fn may_break(before: char, after: char) -> bool {
    const CLOSING: &str = "、。，．・：；！？）」』】〉》〕｝”’…ー～々,.;:!?)]}\"'";
    const OPENING: &str = "（「『【〈《〔｛“‘([{\"'";
    let wide = |c: char| c.width() == Some(2);
    let joined = before == '\u{200d}' || after.width() == Some(0) || is_modifier(after);
    (wide(before) || wide(after)) && !joined && !CLOSING.contains(after) && !OPENING.contains(before)
}

/// Skin tones and halves of flags, which belong to the character before them.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}' | '\u{1f1e6}'..='\u{1f1ff}')
}

/// A line padded with blanks to `width` columns, after `align`.
pub(super) fn pad(line: Line, width: usize, align: super::super::Align) -> Vec<Span> {
    use super::super::Align;
    let room = width.saturating_sub(line.width());
    let left = match align {
        Align::Left => 0,
        Align::Center => room / 2,
        Align::Right => room,
    };
    let mut out = Line::default();
    out.push(&" ".repeat(left), Style::Plain);
    line.spans.iter().for_each(|s| out.push(&s.text, s.style));
    out.push(&" ".repeat(room - left), Style::Plain);
    out.spans
}

/// Columns some pieces take without wrapping.
pub(super) fn natural_width(pieces: &[Piece]) -> usize {
    wrap(pieces, usize::MAX, false).iter().map(Line::width).max().unwrap_or(0)
}
