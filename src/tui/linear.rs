//! The screen as plain lines, for people who listen to it: only what changed is said, pane after pane.
//!
//! It reads the picture that was drawn and knows nothing of what it shows. No cursor is moved and nothing is erased.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

/// Lines of frames, and what scrollbars and curves are drawn with.
const DRAWN: &str = "─━│┃╭╮╰╯┏┓┗┛┌┐└┘├┤┬┴┼█▉▊▋▌▍▎▏▁▂▃▄▅▆▇";

/// The sign of the row that is chosen.
const CHOSEN: char = '▌';

/// What was said.
#[derive(Debug, Default)]
pub struct Linear {
    said: BTreeSet<String>,
    chosen: Option<String>,
}

impl Linear {
    /// What is new in a picture since the last one, line by line. `focus` is the part that has the keys; `typing` is
    /// where the cursor stands: the person knows what they type.
    pub fn changed(&mut self, buffer: &Buffer, focus: Rect, typing: Option<Position>) -> Vec<String> {
        let lines = lines(buffer, focus);
        let mut out = Vec::new();
        let mut now = BTreeSet::new();
        let mut chosen = None;
        for line in &lines {
            now.insert(line.text.clone());
            if line.chosen {
                chosen.get_or_insert_with(|| line.text.clone());
            }
            let is_typed = typing.is_some_and(|at| at.y == line.y && (line.left..line.right).contains(&at.x));
            if !is_typed && !line.chosen && !self.said.contains(&line.text) {
                out.push(line.text.clone());
            }
        }
        if let Some(text) = chosen.clone().filter(|_| chosen != self.chosen) {
            out.push(format!("> {text}"));
        }
        (self.said, self.chosen) = (now, chosen);
        out
    }
}

/// A line of a pane.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    left: u16,
    right: u16,
    y: u16,
    text: String,
    chosen: bool,
}

/// The lines of a picture, the panes from left to right, each from top to bottom.
fn lines(buffer: &Buffer, focus: Rect) -> Vec<Said> {
    let area = focus.intersection(*buffer.area());
    let mut all = Vec::new();
    for y in area.top()..area.bottom() {
        let mut piece = Piece::at(area.left());
        let mut skip = 0;
        for x in area.left()..area.right() {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = symbol.width().saturating_sub(1);
            if matches!(symbol, "│" | "┃") {
                all.extend(std::mem::replace(&mut piece, Piece::at(x + 1)).end(x, y));
                continue;
            }
            piece.push(symbol);
        }
        all.extend(piece.end(area.right(), y));
    }
    all.sort_by_key(|line| (line.left, line.y));
    all
}

/// A line while it is read.
struct Piece {
    left: u16,
    text: String,
    chosen: bool,
}

impl Piece {
    fn at(left: u16) -> Piece {
        Piece { left, text: String::new(), chosen: false }
    }

    fn push(&mut self, symbol: &str) {
        self.chosen |= symbol.starts_with(CHOSEN) && self.text.trim().is_empty();
        let drawn = symbol.chars().all(|c| DRAWN.contains(c));
        self.text.push_str(if drawn { " " } else { symbol });
    }

    fn end(self, right: u16, y: u16) -> Option<Said> {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(Said { left: self.left, right, y, text, chosen: self.chosen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(lines: &[&str]) -> Buffer {
        Buffer::with_lines(lines.iter().copied())
    }

    #[test]
    fn panes_are_read_one_after_the_other() {
        let buffer =
            picture(&["┏ List ━━┓╭ More ──╮", "┃▌one    ┃│ alpha  │", "┃ two    ┃│ beta   │", "┗━━━━━━━━┛╰────────╯"]);
        let mut linear = Linear::default();
        let area = buffer.area;
        assert_eq!(linear.changed(&buffer, area, None), ["List More", "two", "alpha", "beta", "> one"]);
        assert_eq!(linear.changed(&buffer, area, None), Vec::<String>::new(), "what was said is not said again");
        let moved =
            picture(&["┏ List ━━┓╭ More ──╮", "┃ one    ┃│ gamma  │", "┃▌two    ┃│        │", "┗━━━━━━━━┛╰────────╯"]);
        assert_eq!(linear.changed(&moved, area, None), ["gamma", "> two"]);
    }

    #[test]
    fn what_is_typed_is_not_repeated() {
        let mut linear = Linear::default();
        let first = picture(&["┃ ab     ┃"]);
        let area = first.area;
        let at = Some(Position { x: 4, y: 0 });
        assert!(linear.changed(&first, area, at).is_empty());
        assert!(linear.changed(&picture(&["┃ abc    ┃"]), area, at).is_empty());
    }
}
