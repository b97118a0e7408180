//! Tables fitted to the width: columns shrink from the widest on, cells wrap inside them, and where even that is too
//! much each row becomes a list of `head: cell` lines.

use super::super::Align;
use super::wrap::{Piece, natural_width, pad, wrap};
use super::{Line, Style};

/// Between two columns.
const BAR: &str = " │ ";

/// A column is not made narrower than this, in columns of the screen.
const LEAST: usize = 4;

/// Draws a table on lines of at most `width` columns.
pub(super) fn draw(head: &[Vec<Piece>], rows: &[Vec<Vec<Piece>>], align: &[Align], width: usize) -> Vec<Line> {
    let count = head.len();
    if count == 0 {
        return Vec::new();
    }
    let bars = 3 * (count - 1);
    let natural: Vec<usize> = (0..count)
        .map(|at| {
            let cells = rows.iter().filter_map(|r| r.get(at)).chain(head.get(at));
            cells.map(|c| natural_width(c)).max().unwrap_or(0).max(1)
        })
        .collect();
    let Some(widths) = fit(&natural, width.saturating_sub(bars)) else { return records(head, rows, width) };
    let mut out = row_lines(head, &widths, align);
    let rule: Vec<String> = widths.iter().map(|w| "─".repeat(*w)).collect();
    out.push(Line::of(&rule.join("─┼─"), Style::Dim));
    rows.iter().for_each(|row| out.extend(row_lines(row, &widths, align)));
    out
}

/// Widths that fit into `room`, taking from the widest columns first. `None` where columns would get too narrow.
fn fit(natural: &[usize], room: usize) -> Option<Vec<usize>> {
    let total = |cap: usize| natural.iter().map(|w| (*w).min(cap)).sum::<usize>();
    let widest = natural.iter().copied().max().unwrap_or(0);
    if total(widest) <= room {
        return Some(natural.to_vec());
    }
    if total(LEAST) > room {
        return None;
    }
    let (mut low, mut high) = (LEAST, widest);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if total(middle) <= room { low = middle } else { high = middle }
    }
    let mut spare = room - total(low);
    Some(
        natural
            .iter()
            .map(|w| {
                let more = usize::from(*w > low && spare > 0);
                spare -= more;
                (*w).min(low) + more
            })
            .collect(),
    )
}

/// One row; cells are cut where a word is wider than its column.
fn row_lines(row: &[Vec<Piece>], widths: &[usize], align: &[Align]) -> Vec<Line> {
    let mut cells: Vec<_> = widths
        .iter()
        .enumerate()
        .map(|(at, width)| row.get(at).map(|c| wrap(c, *width, true)).unwrap_or_default().into_iter())
        .collect();
    let height = cells.iter().map(ExactSizeIterator::len).max().unwrap_or(0).max(1);
    (0..height)
        .map(|_| {
            let mut line = Line::default();
            for (at, (cell, width)) in cells.iter_mut().zip(widths).enumerate() {
                if at > 0 {
                    line.push(BAR, Style::Dim);
                }
                let content = cell.next().unwrap_or_default();
                let align = align.get(at).copied().unwrap_or(Align::Left);
                pad(content, *width, align).iter().for_each(|s| line.push(&s.text, s.style));
            }
            trim_end(line)
        })
        .collect()
}

fn trim_end(mut line: Line) -> Line {
    if let Some(last) = line.spans.last_mut().filter(|l| l.style == Style::Plain) {
        last.text.truncate(last.text.trim_end_matches(' ').len());
        if last.text.is_empty() {
            line.spans.pop();
        }
    }
    line
}

/// Each row as `head: cell` lines, rows parted by blank lines.
fn records(head: &[Vec<Piece>], rows: &[Vec<Vec<Piece>>], width: usize) -> Vec<Line> {
    let mut out = Vec::new();
    for row in rows {
        if !out.is_empty() {
            out.push(Line::default());
        }
        for (name, cell) in head.iter().zip(row) {
            let mut pieces = name.clone();
            pieces.push(Piece::new(": ", Style::TableHead));
            pieces.extend(cell.iter().cloned());
            out.extend(wrap(&pieces, width, false));
        }
    }
    if rows.is_empty() { head.iter().flat_map(|name| wrap(name, width, false)).collect() } else { out }
}
