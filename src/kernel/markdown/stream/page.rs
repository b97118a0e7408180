//! The lines that are written: prefixes of the containers, blank lines between blocks, roles as colours.
//!
//! Output is only ever added at the end. It does not know what Markdown is.

use super::super::render::{Line, Sink, Span, Style, paint};

/// What stands before every line inside of a container.
#[derive(Clone, Debug)]
struct Prefix {
    /// Before its first line.
    first: Span,
    /// Before the others.
    rest: Span,
    /// Whether its first line was begun.
    begun: bool,
}

/// The text being written.
#[derive(Debug)]
pub(super) struct Page {
    /// What was written and not taken.
    out: String,
    colour: bool,
    dim: bool,
    prefixes: Vec<Prefix>,
    /// Pieces of the current line that are not in `out` yet.
    line: Line,
    /// Whether the current line was begun.
    open: bool,
    /// Whether nothing but prefixes stands on it.
    bare: bool,
    /// A blank line is owed: the prefix it has.
    gap: Option<Line>,
    /// Whether anything was written at all.
    begun: bool,
}

impl Page {
    pub(super) fn new(colour: bool, dim: bool) -> Self {
        Page {
            out: String::new(),
            colour,
            dim,
            prefixes: Vec::new(),
            line: Line::default(),
            open: false,
            bare: false,
            gap: None,
            begun: false,
        }
    }

    /// A container begins: what stands before its first and before its other lines.
    pub(super) fn enter(&mut self, first: Span, rest: Span) {
        self.prefixes.push(Prefix { first, rest, begun: false });
    }

    /// Changes what stands before the first line of the innermost container, which must not have begun.
    pub(super) fn mark(&mut self, first: Span, rest: Span) {
        if let Some(last) = self.prefixes.last_mut() {
            *last = Prefix { first, rest, begun: false };
        }
    }

    /// The innermost container ends. One that has a mark of its own shows it even when it was empty.
    pub(super) fn leave(&mut self) {
        self.end_line();
        if self.prefixes.last().is_some_and(|p| !p.begun && p.first != p.rest) {
            self.begin();
            self.end_line();
        }
        self.prefixes.pop();
    }

    /// A blank line comes before whatever is written next.
    pub(super) fn owe_blank(&mut self) {
        self.end_line();
        if self.gap.is_none() && self.begun {
            let mut line = Line::default();
            self.prefixes.iter().for_each(|p| line.push(&p.rest.text, p.rest.style));
            self.gap = Some(trimmed(line));
        }
    }

    /// A whole line.
    pub(super) fn whole(&mut self, line: &Line) {
        self.end_line();
        self.begin();
        line.spans.iter().for_each(|s| self.span(&s.text, s.style));
        self.end_line();
    }

    /// Ends the current line, if one was begun.
    pub(super) fn end_line(&mut self) {
        if self.open {
            if self.bare {
                self.line = trimmed(std::mem::take(&mut self.line));
            }
            self.write_line();
            self.out.push('\n');
            self.open = false;
        }
    }

    /// Writes what the current line has so far. What is written between two calls shares its sequences.
    pub(super) fn settle(&mut self) {
        if self.open && !self.bare && !self.line.spans.is_empty() {
            self.write_line();
        }
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.open, true) {
            return;
        }
        (self.begun, self.bare) = (true, true);
        if let Some(gap) = self.gap.take() {
            self.line = gap;
            self.write_line();
            self.out.push('\n');
        }
        for prefix in &mut self.prefixes {
            let span = if std::mem::replace(&mut prefix.begun, true) { &prefix.rest } else { &prefix.first };
            self.line.push(&span.text, span.style);
        }
    }

    fn write_line(&mut self) {
        for span in std::mem::take(&mut self.line).spans {
            paint(&mut self.out, &span.text, span.style, self.colour, self.dim);
        }
    }
}

/// Without the blanks at its end.
fn trimmed(mut line: Line) -> Line {
    while let Some(last) = line.spans.last_mut() {
        last.text.truncate(last.text.trim_end_matches(' ').len());
        if !last.text.is_empty() {
            break;
        }
        line.spans.pop();
    }
    line
}

impl Sink for Page {
    fn span(&mut self, text: &str, style: Style) {
        self.begin();
        self.line.push(text, style);
        self.bare &= text.is_empty();
    }

    fn line_end(&mut self) {
        self.begin();
        self.end_line();
    }
}
