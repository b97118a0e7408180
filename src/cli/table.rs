//! Tables that fit the width: the last column gives way, the others keep what they need.

use super::ui::{Role, Ui};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};

/// A text and its colour.
type Cell = (String, Option<Role>);

/// A table with a heading.
#[derive(Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<Cell>>,
    cut: bool,
}

impl Table {
    /// A table with these column titles.
    pub fn new(head: &[&str]) -> Self {
        Table { head: head.iter().map(|name| (*name).to_string()).collect(), rows: Vec::new(), cut: true }
    }

    /// The same, where only the last column gives way to a narrow terminal.
    pub fn uncut(self) -> Self {
        Table { cut: false, ..self }
    }

    /// Adds a row; cells are made safe for a terminal here.
    pub fn row(&mut self, cells: Vec<Cell>) {
        let safe = |(text, role): Cell| (safe_line(&text).into_owned(), role);
        self.rows.push(cells.into_iter().map(safe).collect());
    }

    /// The table as text, one line a row: no wider than a terminal, whole when it goes elsewhere. A column in which
    /// nothing stands is left out, and nothing is made of no rows.
    pub fn render(&self, ui: &Ui) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let filled = |at: &usize| self.rows.iter().any(|row| !row[*at].0.is_empty());
        let columns: Vec<usize> = (0..self.head.len()).filter(filled).collect();
        let head: Vec<Cell> = self.head.iter().map(|h| (h.to_uppercase(), Some(Role::Dim))).collect();
        let head = ui.stdout_terminal.then_some(&head);
        let lines: Vec<&Vec<Cell>> = head.into_iter().chain(&self.rows).collect();
        let cells = |at: usize| self.rows.iter().map(move |row| width(&row[at].0));
        // A heading that is not printed takes no room.
        let title = |at: usize| if ui.stdout_terminal { width(&self.head[at]) } else { 0 };
        let widest = |at: &usize| cells(*at).chain([title(*at)]).max().unwrap_or(0);
        let mut widths: Vec<usize> = columns.iter().map(widest).collect();
        if ui.stdout_terminal && !self.cut {
            fit_last(&mut widths, ui.width());
        } else if ui.stdout_terminal {
            fit(&mut widths, ui.width());
        }
        let mut out = String::new();
        for line in lines {
            let cells: Vec<&Cell> = columns.iter().map(|at| &line[*at]).collect();
            push_row(ui, &cells, &widths, &mut out);
        }
        out
    }
}

/// Narrows columns until they fit into `total`: the last one keeps at least a third of the room where it needs that,
/// and of the others the widest give way first.
fn fit(widths: &mut [usize], total: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    let Some((last, others)) = widths.split_last_mut() else { return };
    let room = total.saturating_sub(gaps);
    let for_others = room.saturating_sub((*last).min(room / 3));
    while others.iter().sum::<usize>() > for_others {
        let Some(widest) = others.iter_mut().max().filter(|w| **w > 1) else { break };
        *widest -= 1;
    }
    *last = (*last).min(room.saturating_sub(others.iter().sum()).max(1));
}

/// Narrows the last column alone, which keeps a few letters.
fn fit_last(widths: &mut [usize], total: usize) {
    let Some((last, others)) = widths.split_last_mut() else { return };
    let taken: usize = others.iter().map(|width| width + 2).sum();
    *last = (*last).min(total.saturating_sub(taken).max(12));
}

fn push_row(ui: &Ui, row: &[&Cell], widths: &[usize], out: &mut String) {
    for (at, (text, role)) in row.iter().enumerate() {
        let cut = truncate_to_width(text, widths[at]);
        let padding = widths[at].saturating_sub(width(&cut));
        out.push_str(&role.map_or_else(|| cut.clone(), |r| ui.paint(r, &cut)));
        if at + 1 < row.len() {
            out.push_str(&" ".repeat(padding + 2));
        }
    }
    while out.ends_with(' ') {
        out.pop();
    }
    out.push('\n');
}

/// A text in lines no wider than `room`: broken between words, and inside those that are longer than a line.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(8);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for mut word in text.split(' ') {
        while let Some(line) = lines.last_mut() {
            let gap = usize::from(!line.is_empty());
            if used + gap + width(word) <= room {
                line.push_str(if gap == 1 { " " } else { "" });
                line.push_str(word);
                used += gap + width(word);
                break;
            }
            if used > 0 {
                lines.push(String::new());
                used = 0;
                continue;
            }
            // No line can hold this word: as much of it as fits, then the rest.
            let fits = |end: &usize| width(&word[..*end]) <= room;
            let ends = word.char_indices().map(|(at, _)| at).skip(1).take_while(fits);
            let cut = ends.last().unwrap_or(word.len());
            line.push_str(&word[..cut]);
            used = room;
            word = &word[cut..];
            if word.is_empty() {
                break;
            }
        }
    }
    lines
}

/// A text on one line no wider than the terminal, for pickers.
pub fn one_line(ui: &Ui, text: &str) -> String {
    truncate_to_width(&safe_line(text), ui.width().saturating_sub(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_give_way_and_the_last_keeps_a_third() {
        let fitted = |mut widths: Vec<usize>, total| {
            fit(&mut widths, total);
            widths
        };
        assert_eq!(fitted(vec![4, 5, 6], 80), [4, 5, 6]);
        assert_eq!(fitted(vec![10, 40, 40], 64), [10, 30, 20]);
        assert_eq!(fitted(vec![20, 3, 90], 60), [20, 3, 33]);
        assert_eq!(fitted(vec![30; 6], 20).iter().sum::<usize>() + 10, 20);
    }

    #[test]
    fn lines_break_between_words_and_inside_long_ones() {
        assert_eq!(wrap("eins zwei drei vier", 10), ["eins zwei", "drei vier"]);
        assert_eq!(wrap("see /a/very/long/path here", 10), ["see", "/a/very/lo", "ng/path", "here"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("whole line", usize::MAX), ["whole line"]);
    }

    proptest::proptest! {
        #[test]
        fn a_wrapped_text_fits_and_loses_nothing(text in "[a-zé漢 ]{0,80}", room in 8usize..40) {
            let lines = wrap(&text, room);
            proptest::prop_assert!(lines.iter().all(|l| width(l) <= room));
            let plain = |s: &str| s.replace(' ', "");
            proptest::prop_assert_eq!(plain(&lines.concat()), plain(&text));
        }

        #[test]
        fn columns_always_fit(widths in proptest::collection::vec(0usize..200, 1..7), total in 20usize..300) {
            let mut fitted = widths.clone();
            fit(&mut fitted, total);
            proptest::prop_assert!(fitted.iter().sum::<usize>() + 2 * (fitted.len() - 1) <= total);
        }
    }
}
