//! Running text as it comes: words are given away as soon as nothing that follows could change how they look.
//!
//! What is in doubt is the piece from an opening mark (`*`, a backtick, `[` …) to its closing one. It is held back,
//! but only for [`DOUBT`] bytes: then the mark is taken for what it is written as.

use super::super::render::{Frame, Piece, Sink, Wrapper};
use super::super::tree::{inline_texts, inlines_of};

/// The most that is held back because of a mark without a partner, in bytes.
const DOUBT: usize = 400;

/// How the line before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    None,
    /// Two blanks: a new line begins, if anything follows.
    Blanks,
    /// A backslash, which still stands at the end of the text.
    Backslash,
}

/// A paragraph that is being read.
#[derive(Debug)]
pub(super) struct Words {
    /// What has not been given away; the ends of lines are blanks here.
    held: String,
    /// The character before that.
    before: char,
    /// Whether a character in `held` could be markup.
    marked: bool,
    /// Whether one came since the last look.
    fresh: bool,
    /// What the last look said.
    doubt: bool,
    /// Blanks at the end of the current line.
    blanks: usize,
    end: LineEnd,
    wrapper: Wrapper,
}

impl Words {
    pub(super) fn new(width: usize) -> Self {
        Words {
            held: String::new(),
            before: ' ',
            marked: false,
            fresh: false,
            doubt: false,
            blanks: 0,
            end: LineEnd::None,
            wrapper: Wrapper::new(width, false),
        }
    }

    /// Takes a character other than a newline.
    pub(super) fn push(&mut self, c: char, frame: &Frame<'_>, out: &mut impl Sink) {
        if c == ' ' || c == '\t' {
            self.blanks += 1;
            self.held.push(' ');
            self.boundary(frame, out);
            return;
        }
        self.blanks = 0;
        self.held.push(c);
        self.marked |= matches!(c, '*' | '_' | '~' | '`' | '[' | '<' | '&' | '\\');
        self.fresh |= matches!(c, '*' | '_' | '~' | '`' | '[' | ']' | '(' | ')' | '<' | '>' | '"');
        if is_wide(c) {
            self.boundary(frame, out);
        }
    }

    /// A line of the paragraph begins.
    pub(super) fn begin_line(&mut self, frame: &Frame<'_>, out: &mut impl Sink) {
        match std::mem::replace(&mut self.end, LineEnd::None) {
            LineEnd::None => return,
            LineEnd::Blanks => {}
            LineEnd::Backslash => {
                self.held.pop();
                self.held.push(' ');
                self.boundary(frame, out);
            }
        }
        if self.held.is_empty() {
            self.wrapper.feed(&Piece::hard_break(), out);
        } else {
            self.held.push_str("<br> ");
            self.marked = true;
        }
    }

    /// A line of the paragraph ended.
    pub(super) fn end_line(&mut self, frame: &Frame<'_>, out: &mut impl Sink) {
        let slashes = self.held.len() - self.held.trim_end_matches('\\').len();
        self.end = if self.blanks >= 2 {
            LineEnd::Blanks
        } else if slashes % 2 == 1 {
            LineEnd::Backslash
        } else {
            LineEnd::None
        };
        self.blanks = 0;
        if self.end != LineEnd::Backslash {
            self.held.push(' ');
            self.boundary(frame, out);
        }
    }

    /// Gives away what is left.
    pub(super) fn finish(&mut self, frame: &Frame<'_>, out: &mut impl Sink) {
        self.give(frame, out);
        self.wrapper.finish(out);
    }

    /// A word ended: gives away what is held unless it is in doubt.
    fn boundary(&mut self, frame: &Frame<'_>, out: &mut impl Sink) {
        if self.marked && self.held.len() <= DOUBT {
            if std::mem::take(&mut self.fresh) {
                self.doubt = self.doubted();
            }
            if self.doubt {
                return;
            }
        }
        self.give(frame, out);
    }

    fn doubted(&self) -> bool {
        let (source, from) = self.source();
        inline_texts(&source).iter().any(|range| {
            let start = range.start.max(from);
            source.get(start..range.end).is_some_and(|text| in_doubt(&source, start, text))
        })
    }

    /// What is held as a paragraph of one line, behind a letter and the character before; and where it begins.
    fn source(&self) -> (String, usize) {
        let from = 1 + self.before.len_utf8();
        (format!("x{}{}", self.before, self.held.trim_end()), from)
    }

    fn give(&mut self, frame: &Frame<'_>, out: &mut impl Sink) {
        let held = self.held.trim_end();
        if held.is_empty() {
            // Only blanks.
        } else if self.marked {
            let (source, from) = self.source();
            let mut pieces = frame.pieces(&inlines_of(&source));
            if let Some(first) = pieces.first_mut() {
                *first = Piece::new(first.text.get(from..).unwrap_or_default(), frame.plain);
            }
            pieces.iter().for_each(|piece| self.wrapper.feed(piece, out));
        } else {
            self.wrapper.feed(&Piece::new(held, frame.plain), out);
        }
        if held.len() < self.held.len() {
            self.wrapper.feed(&Piece::new(" ", frame.plain), out);
        }
        self.before = self.held.chars().next_back().unwrap_or(self.before);
        self.held.clear();
        (self.marked, self.fresh, self.doubt) = (false, false, false);
    }
}

/// Characters that are written without blanks between words.
fn is_wide(c: char) -> bool {
    use unicode_width::UnicodeWidthChar;
    c.is_alphanumeric() && c.width() == Some(2)
}

/// Whether something in `text`, which begins at `start` of `source` and was read as plain words, could become markup
/// by what follows.
fn in_doubt(source: &str, start: usize, text: &str) -> bool {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|t| t.find(['*', '_', '~', '`', '[', '<'])) {
        let here = at + found;
        let mark = text.as_bytes().get(here).copied().map_or(' ', char::from);
        let run = text.get(here..).map_or(1, |t| t.len() - t.trim_start_matches(mark).len()).max(1);
        let before = source.get(..start + here).unwrap_or_default();
        let after = source.get(start + here + run..).unwrap_or_default();
        if !is_escaped(before) && could_open(mark, run, before, after) {
            return true;
        }
        at = here + run;
    }
    false
}

fn is_escaped(before: &str) -> bool {
    (before.len() - before.trim_end_matches('\\').len()) % 2 == 1
}

fn could_open(mark: char, run: usize, before: &str, after: &str) -> bool {
    let next = after.chars().next();
    let tight = next.is_some_and(|c| !c.is_whitespace());
    match mark {
        '*' => tight,
        '_' => tight && !before.ends_with(char::is_alphanumeric),
        // One is written for "about" far more often than to strike something out.
        '~' => tight && run == 2,
        '`' => true,
        '[' => match after.find(']') {
            None => true,
            Some(end) => after.get(end + 1..).is_some_and(|rest| rest.starts_with('(') && !rest.contains(')')),
        },
        '<' => next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) && !after.contains('>'),
        _ => false,
    }
}
