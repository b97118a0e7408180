//! The frame of a pane: a line around it, its title, and whether it has the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Widget};

use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::tui::theme::{Role, Theme};

/// A pane's frame.
#[derive(Clone, Debug, Default)]
pub struct Frame<'a> {
    /// What it holds.
    pub title: &'a str,
    /// What stands at the right end of the title's line.
    pub aside: &'a str,
    /// Whether it has the keys. Its line is then double, so that this can be seen without colour.
    pub focused: bool,
}

impl Frame<'_> {
    /// The place inside.
    pub fn inner(area: Rect) -> Rect {
        Block::bordered().padding(Padding::horizontal(1)).inner(area)
    }

    /// Draws it; gives the place inside.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Rect {
        let role = if self.focused { Role::Focus } else { Role::Border };
        let kind = if self.focused { BorderType::Thick } else { BorderType::Rounded };
        let title_role = if self.focused { Role::Title } else { Role::Dim };
        let room = usize::from(area.width).saturating_sub(4);
        let title = truncate_to_width(&safe_line(self.title), room);
        let mut block =
            Block::bordered().border_type(kind).border_style(theme.style(role)).padding(Padding::horizontal(1));
        if !title.is_empty() {
            block = block.title(Line::from(Span::styled(format!(" {title} "), theme.style(title_role))));
        }
        let left = room.saturating_sub(unicode_width::UnicodeWidthStr::width(title.as_str()) + 2);
        if !self.aside.is_empty() && left > 6 {
            let aside = truncate_to_width(&safe_line(self.aside), left);
            block = block.title(Line::from(Span::styled(format!(" {aside} "), theme.style(Role::Dim))).right_aligned());
        }
        let inner = block.inner(area);
        block.render(area, buffer);
        inner
    }
}
