//! Bars and small curves, drawn with eighths of a character.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::kernel::figures::bar;
use crate::kernel::terminal::truncate_to_width;
use crate::tui::theme::{Role, Theme};

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A bar of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// What stands below it.
    pub label: String,
    /// How high it is.
    pub value: u64,
}

/// Standing bars, the last ones where there is no room for all, over their labels; the highest value at the left.
pub fn bars(buffer: &mut Buffer, area: Rect, theme: &Theme, all: &[Bar], said: impl Fn(u64) -> String) {
    if area.height < 3 || area.width < 16 || all.is_empty() {
        return;
    }
    let most = all.iter().map(|b| b.value).max().unwrap_or(0).max(1);
    let scale = said(most);
    let left = u16::try_from(scale.chars().count() + 1).unwrap_or(8).max(4);
    let dim = theme.style(Role::Dim);
    buffer.set_string(area.x, area.y, &scale, dim);
    buffer.set_string(area.x, area.bottom() - 2, said(0), dim);
    let room = area.width - left;
    let wide = (room / u16::try_from(all.len()).unwrap_or(room)).clamp(2, 8);
    let fits = usize::from(room / wide);
    let shown = &all[all.len().saturating_sub(fits)..];
    let height = area.height - 1;
    let label = shown.iter().map(|b| b.label.chars().count()).max().unwrap_or(0);
    // The last label may begin before its bar, so that it ends inside.
    let label_every = (label + 1 + label.saturating_sub(usize::from(wide))).div_ceil(usize::from(wide));
    for (index, bar) in shown.iter().enumerate() {
        // Whatever is left over of the width is spread among the bars.
        let before = usize::from(room) * index / shown.len();
        let x = area.x + left + u16::try_from(before).unwrap_or(0);
        let eighths = u128::from(bar.value) * u128::from(height) * 8 / u128::from(most);
        let mut left_over = usize::try_from(eighths).unwrap_or(0).max(usize::from(bar.value > 0));
        for y in (area.y..area.y + height).rev() {
            let here = left_over.min(8);
            left_over -= here;
            let text = EIGHTHS[here].repeat(usize::from(wide.saturating_sub(1).max(1)));
            buffer.set_string(x, y, text, theme.style(Role::Accent));
        }
        if (shown.len() - 1 - index).is_multiple_of(label_every.max(1)) {
            let long = u16::try_from(bar.label.chars().count()).unwrap_or(area.width).min(area.width);
            let x = x.min(area.right() - long);
            buffer.set_stringn(x, area.bottom() - 1, &bar.label, usize::from(long), dim);
        }
    }
}

/// A curve one line high of the newest values that fit.
pub fn spark(values: &[u64], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let sign = |v: &u64| EIGHTHS[usize::try_from(u128::from(*v) * 7 / u128::from(most)).unwrap_or(7) + 1];
    shown.iter().map(sign).collect()
}

/// A gauge: how much of the whole is used, with its words in it.
pub fn gauge(buffer: &mut Buffer, area: Rect, theme: &Theme, used: u64, whole: u64, said: &str) {
    if area.is_empty() {
        return;
    }
    let role = match u128::from(used) * 100 / u128::from(whole.max(1)) {
        0..80 => Role::Good,
        80..100 => Role::Warn,
        _ => Role::Bad,
    };
    let words = truncate_to_width(said, usize::from(area.width));
    let bar = bar(used, whole, usize::from(area.width));
    buffer.set_string(area.x, area.y, words, theme.style(Role::Text));
    if area.height > 1 {
        let rest: String = "─".repeat(usize::from(area.width).saturating_sub(bar.chars().count()));
        buffer.set_string(area.x, area.y + 1, &bar, theme.style(role));
        let x = area.x + u16::try_from(bar.chars().count()).unwrap_or(0);
        buffer.set_stringn(x, area.y + 1, rest, usize::from(area.right().saturating_sub(x)), theme.style(Role::Border));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_as_high_as_its_values() {
        assert_eq!(spark(&[9, 0, 7, 14], 3), "▁▄█");
        assert_eq!(spark(&[], 5), "");
    }
}
