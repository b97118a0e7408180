//! What is offered behind `/` while it is written: commands, and what their arguments name.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use super::{Chat, Request, ask};
use crate::chat::offers::{Candidates, MOST, Offers, offers};
use crate::chat::slash::{self, Argument};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width};
use crate::tui::happening::{Effect, World};
use crate::tui::theme::Role;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, Cursor, Rows};

/// The most rows that it takes.
const TALLEST: usize = 9;

/// What is offered.
pub(super) struct Menu {
    offers: Offers,
    cursor: Cursor,
    /// Whether the person went to one of them.
    chosen: bool,
}

/// The command word that a line begins with, and whether something stands behind it.
fn command(line: &str) -> Option<(&str, bool)> {
    let rest = line.strip_prefix('/').filter(|rest| !rest.starts_with('/'))?;
    Some(rest.find(char::is_whitespace).map_or((rest, false), |at| (&rest[..at], true)))
}

impl Chat {
    /// The line was changed: other things are offered.
    pub(super) fn offer(&mut self) -> Vec<Effect> {
        let line = self.composer.text();
        let whole = self.composer.editing.is_none() && !line.contains('\n') && self.composer.at_end();
        let Some((word, behind)) = command(&line).filter(|_| whole) else {
            self.menu = None;
            return Vec::new();
        };
        if !behind {
            let found = offers(&line, &Candidates::default(), &Vec::new);
            self.show_offers(found);
            return Vec::new();
        }
        if slash::find(word).is_none_or(|slash| slash.argument == Argument::Free) {
            self.menu = None;
            return Vec::new();
        }
        let attached = self.composer.files.iter().map(|f| f.path.clone()).collect();
        vec![ask("offers", Request::Offers { before: line, session: self.here.id(), attached })]
    }

    /// What was found for a line, where that is still the line.
    pub(super) fn offered(&mut self, before: &str, found: Offers) {
        if self.composer.text() == before && self.composer.editing.is_none() {
            self.show_offers(found);
        }
    }

    fn show_offers(&mut self, mut found: Offers) {
        found.all.truncate(MOST);
        let line = self.composer.text();
        let word = line.get(found.from..).unwrap_or_default();
        let nothing_new = found.all.iter().all(|(value, _)| value == word);
        self.menu = (!nothing_new).then(|| Menu { offers: found, cursor: Cursor::default(), chosen: false });
    }

    /// Whether a key is for what is offered.
    pub(super) fn menu_wants(&self, key: &KeyEvent) -> bool {
        use KeyCode as K;
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let own = matches!(key.code, K::Tab | K::BackTab | K::Up | K::Down | K::Enter | K::Esc);
        self.menu.is_some() && plain && own
    }

    /// Takes a key that is for what is offered; `None` when it is for the text after all.
    pub(super) fn menu_key(&mut self, key: &KeyEvent) -> Option<Vec<Effect>> {
        let line = self.composer.text();
        let menu = self.menu.as_mut()?;
        let last = menu.offers.all.len().saturating_sub(1);
        let at = menu.cursor.at;
        match key.code {
            KeyCode::Esc => self.menu = None,
            KeyCode::Tab => return Some(self.take_offer()),
            KeyCode::Down => (menu.cursor.at, menu.chosen) = (if at == last { 0 } else { at + 1 }, true),
            KeyCode::Up | KeyCode::BackTab => {
                (menu.cursor.at, menu.chosen) = (at.checked_sub(1).unwrap_or(last), true);
            }
            KeyCode::Enter => {
                // A word that is no command yet becomes one; whatever is whole is done.
                let half = command(&line).is_some_and(|(word, behind)| !behind && slash::find(word).is_none());
                if menu.chosen || half {
                    return Some(self.take_offer());
                }
                self.menu = None;
                return Some(self.send());
            }
            _ => return None,
        }
        Some(Vec::new())
    }

    /// Puts what the cursor stands on in the place of the last word.
    fn take_offer(&mut self) -> Vec<Effect> {
        let Some(menu) = self.menu.take() else { return Vec::new() };
        let Some((value, _)) = menu.offers.all.get(menu.cursor.at) else { return Vec::new() };
        let line = self.composer.text();
        let before = line.get(..menu.offers.from).unwrap_or_default();
        let blank = if value.ends_with(['/', '=']) { "" } else { " " };
        self.composer.set(&format!("{before}{value}{blank}"));
        self.offer()
    }

    fn menu_area(&self, compose: Rect, above: Rect) -> Rect {
        let rows = self.menu.as_ref().map_or(0, |menu| menu.offers.all.len().min(TALLEST));
        let height = u16::try_from(rows).unwrap_or(0).saturating_add(2).min(above.height);
        Rect { y: compose.y - height, height, ..compose }
    }

    /// Takes the mouse; `None` when it is not over what is offered.
    pub(super) fn menu_mouse(&mut self, event: &MouseEvent, compose: Rect, above: Rect) -> Option<Vec<Effect>> {
        let area = self.menu_area(compose, above);
        let menu = self.menu.as_mut()?;
        if !area.contains((event.column, event.row).into()) {
            return None;
        }
        let clicked = menu.cursor.mouse(event, Frame::inner(area), menu.offers.all.len());
        let pressed = event.kind == MouseEventKind::Down(MouseButton::Left);
        Some(if pressed && clicked != Clicked::No { self.take_offer() } else { Vec::new() })
    }

    /// Draws what is offered above the composer.
    pub(super) fn view_menu(&self, buffer: &mut Buffer, compose: Rect, above: Rect, world: &World<'_>) {
        let Some(menu) = &self.menu else { return };
        let (area, theme) = (self.menu_area(compose, above), world.theme);
        Clear.render(area, buffer);
        buffer.set_style(area, theme.ground());
        let all = &menu.offers.all;
        let aside = format!("{} of {}", menu.cursor.at + 1, all.len());
        let inner = Frame { title: "Tab takes it, Esc does not", aside: &aside, focused: false };
        let inner = inner.draw(buffer, area, theme);
        let wide = all.iter().map(|(value, _)| width(value)).max().unwrap_or(0).min(usize::from(inner.width) / 2);
        let rows = Rows { cursor: &menu.cursor, length: all.len(), focused: true, empty: "" };
        rows.draw(buffer, inner, theme, |index, columns| {
            let Some((value, about)) = all.get(index) else { return Line::default() };
            let value = pad(&truncate_to_width(&safe_line(value), wide), wide);
            let room = usize::from(columns).saturating_sub(wide + 2);
            let about = truncate_to_width(&safe_line(about), room);
            Line::from(vec![
                Span::styled(value, theme.style(Role::Text)),
                Span::raw("  "),
                Span::styled(about, theme.style(Role::Dim)),
            ])
        });
    }
}
