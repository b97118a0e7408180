//! Markdown as rows for the screen.

use super::text::Row;
use crate::kernel::markdown::parse;
use crate::kernel::markdown::render::{self, Look};
use crate::kernel::terminal::clusters;
use crate::tui::theme::Theme;
use ratatui::text::{Line, Span};

/// Draws a Markdown text for this width. No control character of it survives.
pub fn rows(text: &str, width: u16, theme: &Theme) -> Vec<Row> {
    let document = parse(text);
    let look = Look { width: usize::from(width), highlight: theme.highlight().cloned(), ..Look::default() };
    let lines = render::render_as(&document, text, &look);
    let mut rows: Vec<Row> = Vec::with_capacity(lines.len());
    for line in &lines {
        let mut pieces = cut(styled(line, theme), usize::from(width).max(1));
        if let (Some(soft), Some(first)) = (line.soft, pieces.first_mut()) {
            (first.soft, first.lead) = (true, soft.indent);
            // The blank at which the line was broken is copied with it, and not seen.
            if let Some(before) = rows.last_mut().filter(|_| soft.blank) {
                before.line.push_span(Span::raw(" "));
            }
        }
        rows.append(&mut pieces);
    }
    rows
}

/// A line of the kernel's renderer with the theme's colours.
pub fn styled(line: &render::Line, theme: &Theme) -> Line<'static> {
    Line::from(line.spans.iter().map(|s| Span::styled(s.text.clone(), theme.prose(s.style))).collect::<Vec<_>>())
}

/// A line that is too long, as code may be, on several rows.
fn cut(line: Line<'static>, width: usize) -> Vec<Row> {
    if line.width() <= width {
        return vec![Row::of(line)];
    }
    let mut rows = vec![Row::default()];
    let mut used = 0;
    for span in line.spans {
        let mut piece = String::new();
        for (part, wide) in clusters(&span.content) {
            if used + wide > width && used > 0 {
                if let Some(row) = rows.last_mut() {
                    row.line.push_span(Span::styled(std::mem::take(&mut piece), span.style));
                }
                rows.push(Row { soft: true, ..Row::default() });
                used = 0;
            }
            piece.push_str(part);
            used += wide;
        }
        if let Some(row) = rows.last_mut().filter(|_| !piece.is_empty()) {
            row.line.push_span(Span::styled(piece, span.style));
        }
    }
    rows
}
