//! Two panes beside or above each other, and the line between them that can be dragged.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Direction, Rect};

/// How an area is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Beside each other (horizontal) or above each other.
    pub direction: Direction,
    /// Hundredths of the area that the first pane takes.
    pub share: u16,
    dragged: bool,
}

impl Split {
    /// Panes beside each other.
    pub const fn beside(share: u16) -> Split {
        Split { direction: Direction::Horizontal, share, dragged: false }
    }

    /// Panes above each other.
    pub const fn above(share: u16) -> Split {
        Split { direction: Direction::Vertical, share, dragged: false }
    }

    /// The two panes of an area.
    pub fn panes(&self, area: Rect) -> [Rect; 2] {
        let whole = self.length(area);
        let part = |share: u16| u16::try_from(u32::from(whole) * u32::from(share) / 100).unwrap_or(whole);
        let first = part(self.share.min(100));
        match self.direction {
            Direction::Horizontal => {
                [Rect { width: first, ..area }, Rect { x: area.x + first, width: whole - first, ..area }]
            }
            Direction::Vertical => {
                [Rect { height: first, ..area }, Rect { y: area.y + first, height: whole - first, ..area }]
            }
        }
    }

    fn length(&self, area: Rect) -> u16 {
        if self.direction == Direction::Horizontal { area.width } else { area.height }
    }

    /// Makes the first pane larger or smaller, in hundredths.
    pub fn grow(&mut self, by: i16) {
        self.share = self.share.saturating_add_signed(by).clamp(15, 85);
    }

    /// Drags the line; whether the mouse did that.
    pub fn mouse(&mut self, event: &MouseEvent, area: Rect) -> bool {
        let [first, _] = self.panes(area);
        let (at, edge) = match self.direction {
            Direction::Horizontal => (event.column, first.right()),
            Direction::Vertical => (event.row, first.bottom()),
        };
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let (x, y) = (event.column, event.row);
                self.dragged = area.contains((x, y).into()) && (at == edge || at + 1 == edge);
                self.dragged
            }
            MouseEventKind::Drag(MouseButton::Left) if self.dragged => {
                let start = if self.direction == Direction::Horizontal { area.x } else { area.y };
                let whole = u32::from(self.length(area).max(1));
                let share = u32::from(at.saturating_sub(start)) * 100 / whole;
                self.share = u16::try_from(share).unwrap_or(50).clamp(15, 85);
                true
            }
            MouseEventKind::Up(MouseButton::Left) => std::mem::take(&mut self.dragged),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyModifiers;

    #[test]
    fn the_line_between_can_be_dragged() {
        let area = Rect::new(0, 1, 100, 20);
        let mut split = Split::beside(30);
        assert_eq!(split.panes(area), [Rect::new(0, 1, 30, 20), Rect::new(30, 1, 70, 20)]);
        let event = |kind, column| MouseEvent { kind, column, row: 5, modifiers: KeyModifiers::NONE };
        assert!(!split.mouse(&event(MouseEventKind::Drag(MouseButton::Left), 50), area));
        assert!(split.mouse(&event(MouseEventKind::Down(MouseButton::Left), 29), area));
        assert!(split.mouse(&event(MouseEventKind::Drag(MouseButton::Left), 50), area));
        assert_eq!(split.panes(area)[0].width, 50);
        split.mouse(&event(MouseEventKind::Drag(MouseButton::Left), 99), area);
        assert_eq!(split.share, 85, "no pane vanishes");
        assert!(split.mouse(&event(MouseEventKind::Up(MouseButton::Left), 99), area));
    }
}
