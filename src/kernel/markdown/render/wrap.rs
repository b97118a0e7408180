//! Breaking words into lines by display width.
//!
//! Lines break at blanks and beside wide characters (which are written without blanks), but not before closing or
//! behind opening punctuation, nor inside joined symbols.

use unicode_width::UnicodeWidthChar;

use super::{Line, Span, Style};

/// Some text in one role, or a forced end of the line.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) style: Style,
    forced: bool,
}

impl Piece {
    pub(super) fn new(text: &str, style: Style) -> Self {
        Piece { text: text.to_string(), style, forced: false }
    }

    pub(super) fn hard_break() -> Self {
        Piece { text: String::new(), style: Style::Plain, forced: true }
    }
}

/// What a line is made of.
enum Token {
    /// Characters that stay together, in one or several roles.
    Word(Line),
    /// Blanks.
    Gap(Style),
    /// The line ends here.
    Break,
}

/// Whether a character may reach a terminal: no control characters, and none that turns the direction of writing.
pub(super) fn printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// One line of text with tabs as four blanks and nothing that a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    text.replace('\t', "    ").chars().filter(|c| printable(*c)).collect()
}

/// Breaks pieces into lines of at most `width` columns. A longer word has a line of its own, or is cut when `hard`.
pub(super) fn wrap(pieces: &[Piece], width: usize, hard: bool) -> Vec<Line> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let (mut line, mut column, mut gap) = (Line::default(), 0usize, None);
    for token in tokens(pieces) {
        match token {
            Token::Gap(style) => gap = (column > 0).then_some(style),
            Token::Break => {
                lines.push(std::mem::take(&mut line));
                (column, gap) = (0, None);
            }
            Token::Word(word) => {
                let wide = word.width();
                let blank = usize::from(gap.is_some());
                if column > 0 && column.saturating_add(blank).saturating_add(wide) > width {
                    lines.push(std::mem::take(&mut line));
                    (column, gap) = (0, None);
                }
                if let Some(style) = gap.take() {
                    line.push(" ", style);
                    column += 1;
                }
                if hard && wide > width {
                    column = cut(&word, width, &mut line, &mut lines);
                } else {
                    word.spans.iter().for_each(|s| line.push(&s.text, s.style));
                    column += wide;
                }
            }
        }
    }
    if !line.spans.is_empty() {
        lines.push(line);
    }
    lines
}

/// Cuts a word that is wider than a line; the last part stays in `line`. Its width is returned.
fn cut(word: &Line, width: usize, line: &mut Line, lines: &mut Vec<Line>) -> usize {
    let mut column = 0;
    for span in &word.spans {
        for c in span.text.chars() {
            let wide = c.width().unwrap_or(0);
            if column > 0 && column + wide > width {
                lines.push(std::mem::take(line));
                column = 0;
            }
            line.push(c.encode_utf8(&mut [0; 4]), span.style);
            column += wide;
        }
    }
    column
}

fn tokens(pieces: &[Piece]) -> Vec<Token> {
    let mut out = Vec::new();
    let mut word = Line::default();
    let mut before: Option<char> = None;
    for piece in pieces {
        if piece.forced {
            finish(&mut word, &mut out);
            out.push(Token::Break);
            before = None;
        }
        for c in piece.text.chars() {
            if c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}') {
                finish(&mut word, &mut out);
                out.push(Token::Gap(piece.style));
                before = None;
                continue;
            }
            if !printable(c) {
                continue;
            }
            if before.is_some_and(|b| may_break(b, c)) {
                finish(&mut word, &mut out);
            }
            word.push(c.encode_utf8(&mut [0; 4]), piece.style);
            before = Some(c);
        }
    }
    finish(&mut word, &mut out);
    out
}

fn finish(word: &mut Line, out: &mut Vec<Token>) {
    if !word.spans.is_empty() {
        out.push(Token::Word(std::mem::take(word)));
    }
}

/// Whether a line may end between two characters that no blank parts.
fn may_break(before: char, after: char) -> bool {
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
