//! Answers side by side on a wide terminal.
//!
//! While they grow they are drawn on the terminal's other screen, so that a changed size needs nothing but another
//! picture; at the end they are printed whole. Each piece is drawn once, however long its answer is.

use std::io::Write;
use std::sync::Arc;

use super::super::super::draw;
use super::super::super::ui::{Role, Ui};
use super::Verdict;
use super::side::{Board, Side, Stage};
use crate::exec::signals::Pause;
use crate::kernel::markdown::highlight::Highlight;
use crate::kernel::markdown::stream::{StreamRenderer, StreamStyle};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width};

/// Between two columns.
const GAP: &str = " │ ";
const TAB: usize = 4;
/// The other screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The columns. Dropping them gives the terminal back as it was.
pub(super) struct Columns<'a> {
    ui: &'a Ui,
    board: Arc<Board>,
    drawn: bool,
    columns: Vec<Column>,
    size: (usize, usize),
    last: String,
    pause: Pause,
}

/// One of them.
struct Column {
    renderer: StreamRenderer,
    page: Page,
    /// Bytes of the answer that were drawn, and how often it was begun anew.
    taken: usize,
    tries: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn new(ui: &'a Ui, drawn: bool, board: Arc<Board>) -> Columns<'a> {
        say(ENTER);
        Columns { ui, board, drawn, columns: Vec::new(), size: (0, 0), last: String::new(), pause: Pause::new() }
    }

    /// Draws what changed.
    pub(super) fn frame(&mut self) {
        if self.pause.take(|| say(LEAVE), || say(ENTER)) {
            self.last.clear();
        }
        let rows = self.ui.height().max(5);
        self.fit((self.ui.width(), rows));
        self.take_in();
        let picture = self.picture();
        if picture != self.last {
            // As one change, where the terminal can do that.
            say(&format!("\x1b[?2026h\x1b[H{}\x1b[J\x1b[?2026l", picture.replace('\n', "\x1b[K\r\n")));
            self.last = picture;
        }
    }

    /// Begins anew where the size is another one.
    fn fit(&mut self, size: (usize, usize)) {
        if self.size == size && !self.columns.is_empty() {
            return;
        }
        let count = self.board.sides().len();
        let columns = (size.0.saturating_sub(GAP_WIDTH * count.saturating_sub(1)) / count.max(1)).max(8);
        if self.size.0 != size.0 || self.columns.is_empty() {
            self.columns = (0..count).map(|_| self.column(columns)).collect();
        }
        self.size = size;
        self.last.clear();
    }

    fn column(&self, columns: usize) -> Column {
        let highlight = self.ui.colour().then(|| Highlight::new(draw::CODE_THEME)).flatten();
        let style = StreamStyle { draw: self.drawn, colour: self.ui.colour(), dim: false, highlight };
        let renderer = StreamRenderer::new(if self.drawn { columns } else { 0 }, style);
        Column { renderer, page: Page::new(columns), taken: 0, tries: 0 }
    }

    fn take_in(&mut self) {
        let board = Arc::clone(&self.board);
        for (at, side) in board.sides().iter().enumerate() {
            if self.columns[at].tries != side.notices.len() {
                let fresh = self.column(self.columns[at].page.width);
                self.columns[at] = Column { tries: side.notices.len(), ..fresh };
            }
            let column = &mut self.columns[at];
            let shown = column.renderer.push(&side.text[column.taken..]);
            column.taken = side.text.len();
            column.page.push(&shown);
        }
    }

    /// The end of each answer, under its name and state.
    fn picture(&self) -> String {
        let board = Arc::clone(&self.board);
        let sides = board.sides();
        let room = self.size.1.saturating_sub(2);
        let elapsed = board.elapsed().as_secs();
        let head: Vec<Line> =
            sides.iter().zip(&self.columns).map(|(s, c)| cell(self.ui, Role::Name, &s.name, c.page.width)).collect();
        let state: Vec<Line> = sides
            .iter()
            .zip(&self.columns)
            .map(|(s, c)| cell(self.ui, Role::Dim, &state_of(s, elapsed), c.page.width))
            .collect();
        let mut rows = vec![self.row(&head), self.row(&state)];
        let tails: Vec<Vec<Line>> = self.columns.iter().map(|c| c.page.tail(room)).collect();
        rows.extend((0..tails.iter().map(Vec::len).max().unwrap_or(0)).map(|n| {
            let cells: Vec<Line> = tails.iter().map(|t| t.get(n).cloned().unwrap_or_default()).collect();
            self.row(&cells)
        }));
        rows.truncate(self.size.1);
        rows.join("\n")
    }

    fn row(&self, cells: &[Line]) -> String {
        let gap = self.ui.paint(Role::Dim, GAP);
        let filled = cells.iter().zip(&self.columns).map(|(line, column)| {
            let blank = column.page.width.saturating_sub(line.width);
            format!("{}{}", line.text, " ".repeat(blank))
        });
        filled.collect::<Vec<_>>().join(&gap).trim_end().to_string()
    }

    /// Gives the terminal back, and the whole of every answer.
    pub(super) fn whole(mut self, verdicts: &[Verdict]) -> String {
        self.fit((self.ui.width(), self.size.1));
        self.take_in();
        for (column, verdict) in self.columns.iter_mut().zip(verdicts) {
            let rest = column.renderer.finish();
            column.page.push(&rest);
            if let Some(error) = &verdict.error {
                column.page.end_line();
                column.page.push(&self.ui.paint(Role::Bad, &safe_line(&error.full_message())));
            }
            column.page.end_line();
        }
        let heads: Vec<Line> =
            verdicts.iter().zip(&self.columns).map(|(v, c)| cell(self.ui, Role::Name, &v.name, c.page.width)).collect();
        let mut out = format!("{}\n", self.row(&heads));
        for n in 0..self.columns.iter().map(|c| c.page.lines.len()).max().unwrap_or(0) {
            let cells: Vec<Line> =
                self.columns.iter().map(|c| c.page.lines.get(n).cloned().unwrap_or_default()).collect();
            out.push_str(&self.row(&cells));
            out.push('\n');
        }
        out
    }
}

impl Drop for Columns<'_> {
    fn drop(&mut self) {
        say(LEAVE);
    }
}

const GAP_WIDTH: usize = 3;

fn say(text: &str) {
    // A terminal that went away is noticed by the next result.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn cell(ui: &Ui, role: Role, text: &str, columns: usize) -> Line {
    let text = pad(&truncate_to_width(&safe_line(text), columns), columns);
    Line { width: width(&text), text: ui.paint(role, &text) }
}

fn state_of(side: &Side, seconds: u64) -> String {
    match side.stage {
        Stage::Waiting => match side.notices.last() {
            Some(notice) => notice.clone(),
            None => format!("waiting, {seconds} s"),
        },
        Stage::Thinking => format!("thinking, {seconds} s"),
        Stage::Answering => "answering".to_string(),
        Stage::Over => "done".to_string(),
    }
}

/// A line that fits its column.
#[derive(Clone, Debug, Default, PartialEq)]
struct Line {
    text: String,
    /// The columns it takes.
    width: usize,
}

/// Drawn text cut into lines of a width; a colour goes on in the next line.
#[derive(Debug)]
struct Page {
    width: usize,
    lines: Vec<Line>,
    open: Line,
    /// The colours that hold at the end.
    colours: String,
}

impl Page {
    fn new(width: usize) -> Page {
        Page { width, lines: Vec::new(), open: Line::default(), colours: String::new() }
    }

    /// Takes safe text in which only colours are control sequences.
    fn push(&mut self, text: &str) {
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\x1b' => {
                    let mut sequence = String::from(c);
                    for c in rest.by_ref() {
                        sequence.push(c);
                        if c.is_ascii_alphabetic() {
                            break;
                        }
                    }
                    if ["\x1b[0m", "\x1b[m"].contains(&sequence.as_str()) {
                        self.colours.clear();
                    } else {
                        self.colours.push_str(&sequence);
                    }
                    self.open.text.push_str(&sequence);
                }
                '\n' => self.break_line(),
                '\t' => {
                    let blanks = TAB - self.open.width % TAB;
                    (0..blanks).for_each(|_| self.put(' '));
                }
                c => self.put(c),
            }
        }
    }

    fn put(&mut self, c: char) {
        let columns = width(c.encode_utf8(&mut [0; 4]));
        if self.open.width + columns > self.width {
            self.break_line();
        }
        self.open.text.push(c);
        self.open.width += columns;
    }

    fn break_line(&mut self) {
        let mut line = std::mem::take(&mut self.open);
        if !self.colours.is_empty() {
            line.text.push_str("\x1b[0m");
        }
        self.lines.push(line);
        self.open.text.clone_from(&self.colours);
    }

    /// Ends the line that was begun, if any.
    fn end_line(&mut self) {
        if self.open.width > 0 {
            self.break_line();
        }
    }

    /// The last lines, the open one too.
    fn tail(&self, most: usize) -> Vec<Line> {
        let open = Some(&self.open).filter(|line| line.width > 0);
        let whole = self.lines.len().min(most.saturating_sub(usize::from(open.is_some())));
        let mut tail: Vec<Line> = self.lines[self.lines.len() - whole..].to_vec();
        tail.extend(open.map(|line| {
            let end = if self.colours.is_empty() { "" } else { "\x1b[0m" };
            Line { text: format!("{}{end}", line.text), width: line.width }
        }));
        tail
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(page: &Page) -> Vec<&str> {
        page.lines.iter().map(|l| l.text.as_str()).collect()
    }

    #[test]
    fn a_colour_goes_on_in_the_next_line_and_ends_with_the_column() {
        let mut page = Page::new(4);
        page.push("\x1b[36mabcdef\x1b[0mgh\n日本語\n\tx");
        page.end_line();
        assert_eq!(texts(&page), ["\x1b[36mabcd\x1b[0m", "\x1b[36mef\x1b[0mgh", "日本", "語", "    ", "x"], "{page:?}");
        assert_eq!(page.lines.iter().map(|l| l.width).collect::<Vec<_>>(), [4, 4, 4, 2, 4, 1]);
        assert_eq!(page.tail(2).len(), 2);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_its_column(text in "(\\PC|\n|\t|\x1b\\[[0-9]{1,2}m){0,80}", columns in 4usize..40) {
            let mut page = Page::new(columns);
            page.push(&text);
            page.end_line();
            for line in &page.lines {
                prop_assert!(line.width <= columns, "{line:?}");
            }
        }
    }
}
