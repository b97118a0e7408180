//! Tables that fit the width: the last column gives way, the others keep what they need.

use super::ui::{Role, Ui};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};

/// A table with a heading.
#[derive(Debug)]
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<(String, Option<Role>)>>,
}

impl Table {
    /// A table with these column titles.
    pub fn new(head: &[&'static str]) -> Self {
        Table { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells are made safe for a terminal here.
    pub fn row(&mut self, cells: Vec<(String, Option<Role>)>) {
        let safe = |(text, role): (String, Option<Role>)| (safe_line(&text).into_owned(), role);
        self.rows.push(cells.into_iter().map(safe).collect());
    }

    /// The table as text, one line a row, no wider than the terminal.
    pub fn render(&self, ui: &Ui) -> String {
        let total = ui.width();
        let columns = self.head.len();
        let mut widths: Vec<usize> = self.head.iter().map(|h| width(h)).collect();
        for row in &self.rows {
            for (at, (text, _)) in row.iter().enumerate() {
                widths[at] = widths[at].max(width(text));
            }
        }
        if ui.stdout_terminal {
            fit(&mut widths, total);
        }
        let mut out = String::new();
        if ui.stdout_terminal {
            let head: Vec<(String, Option<Role>)> =
                self.head.iter().map(|h| (h.to_uppercase(), Some(Role::Dim))).collect();
            push_row(ui, &head, &widths, columns, &mut out);
        }
        self.rows.iter().for_each(|row| push_row(ui, row, &widths, columns, &mut out));
        out
    }
}

/// Columns narrower than a fair share keep their width; the wide ones share what is left, the last one most.
fn fit(widths: &mut [usize], total: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    let Some((last, others)) = widths.split_last_mut() else { return };
    let room = total.saturating_sub(gaps);
    let cap = (room / (others.len() + 1)).max(12);
    for width in others.iter_mut() {
        *width = (*width).min(cap.max(room / 3));
    }
    let used: usize = others.iter().sum();
    *last = (*last).min(room.saturating_sub(used).max(10));
}

fn push_row(ui: &Ui, row: &[(String, Option<Role>)], widths: &[usize], columns: usize, out: &mut String) {
    for (at, (text, role)) in row.iter().enumerate() {
        let cut = truncate_to_width(text, widths[at]);
        let padding = widths[at].saturating_sub(width(&cut));
        out.push_str(&role.map_or_else(|| cut.clone(), |r| ui.paint(r, &cut)));
        if at + 1 < columns {
            out.push_str(&" ".repeat(padding + 2));
        }
    }
    while out.ends_with(' ') {
        out.pop();
    }
    out.push('\n');
}

/// A text on one line no wider than the terminal, for pickers.
pub fn one_line(ui: &Ui, text: &str) -> String {
    truncate_to_width(&safe_line(text), ui.width().saturating_sub(4))
}
