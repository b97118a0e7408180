//! How the shell is drawn: the tabs' titles, the tab in front, pop-ups, the hint bar.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use super::{SMALLEST, Shell};
use crate::kernel::terminal::truncate_to_width;
use crate::tui::actions;
use crate::tui::keymap::Action;
use crate::tui::tabs::TabId;
use crate::tui::theme::Role;

/// Before the titles.
const NAME: &str = " fac ";

/// From this width on the palette always has its hint.
const ROOMY: u16 = 100;

/// Fewer letters of a title say nothing.
const FEWEST: usize = 3;

/// How many letters of each title stand beside its number. The one in front is whole; the others get shorter together
/// where there is less room, and in the end those farthest from it are only numbers.
fn letters(titles: &[usize], front: usize, room: usize) -> Vec<usize> {
    let columns = |letters: &[usize]| letters.iter().map(|n| if *n == 0 { 3 } else { n + 4 }).sum::<usize>();
    let cut = |most: usize| -> Vec<usize> {
        titles.iter().enumerate().map(|(at, all)| if at == front { *all } else { most.min(*all) }).collect()
    };
    let longest = titles.iter().copied().max().unwrap_or(0);
    let mut shown =
        (FEWEST..=longest).rev().map(cut).find(|shown| columns(shown) <= room).unwrap_or_else(|| cut(FEWEST));
    let mut others: Vec<usize> = (0..titles.len()).filter(|at| *at != front).collect();
    others.sort_by_key(|at| std::cmp::Reverse(at.abs_diff(front)));
    for at in others {
        if columns(&shown) <= room {
            break;
        }
        shown[at] = 0;
    }
    shown
}

impl Shell {
    /// Draws everything; gives the place of the cursor where something is typed.
    pub fn draw(&self, buffer: &mut Buffer) -> Option<Position> {
        let area = *buffer.area();
        buffer.set_style(area, self.settings.theme.ground());
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            self.draw_too_small(buffer, area);
            return None;
        }
        self.draw_titles(buffer, Rect { height: 1, ..area });
        let mut at = self.tabs[self.at].draw(buffer, &self.world(self.body()));
        for open in &self.popups {
            at = open.popup.draw(buffer, &self.world(self.body()));
        }
        self.draw_foot(buffer, Rect { y: area.bottom() - 1, height: 1, ..area });
        at
    }

    fn draw_too_small(&self, buffer: &mut Buffer, area: Rect) {
        let (width, height) = SMALLEST;
        let said = format!(
            "fac needs {width}×{height} characters to draw in; this is {}×{}. Make the window larger, or leave with Ctrl-Q: \
             `fac chat`, `fac run` and the rest need no room.",
            area.width, area.height
        );
        Paragraph::new(said)
            .style(self.settings.theme.style(Role::Warn))
            .wrap(Wrap { trim: true })
            .render(area, buffer);
    }

    /// Where each title stands.
    fn titles(&self) -> Vec<(TabId, String, Rect)> {
        let mut x = u16::try_from(NAME.len()).unwrap_or(5);
        let lengths: Vec<usize> = self.tabs.iter().map(|tab| tab.id().title().len()).collect();
        let badges: Vec<String> =
            self.tabs.iter().map(|tab| tab.badge().map(String::from).unwrap_or_default()).collect();
        let badged: usize = badges.iter().map(|badge| badge.width()).sum();
        let room = usize::from(self.size.width.saturating_sub(self.kept_for_status())).saturating_sub(x.into());
        let letters = letters(&lengths, self.at, room.saturating_sub(badged));
        let mut all = Vec::new();
        for (((number, tab), badge), letters) in (1..).zip(&self.tabs).zip(badges).zip(letters) {
            // The tenth has the key 0.
            let key = number % 10;
            let text = match tab.id().title().get(..letters).unwrap_or_default() {
                "" => format!(" {key}{badge} "),
                name => format!(" {key} {name}{badge} "),
            };
            let width = u16::try_from(text.width()).unwrap_or(0);
            all.push((tab.id(), text, Rect { x, y: self.size.y, width, height: 1 }));
            x = x.saturating_add(width);
        }
        all
    }

    /// Columns that names of tabs leave to what plugins say.
    fn kept_for_status(&self) -> u16 {
        let wide = self.settings.extras.now().status.width();
        if wide == 0 { 0 } else { u16::try_from(wide + 2).unwrap_or(u16::MAX).min(self.size.width / 4) }
    }

    /// The tab whose title stands in this column.
    pub(super) fn tab_at(&self, column: u16) -> Option<TabId> {
        let hit = |place: &Rect| (place.left()..place.right()).contains(&column);
        self.titles().into_iter().find(|(_, _, place)| hit(place)).map(|(id, _, _)| id)
    }

    fn draw_titles(&self, buffer: &mut Buffer, area: Rect) {
        let theme = &self.settings.theme;
        buffer.set_style(area, theme.style(Role::Marked));
        buffer.set_string(area.x, area.y, NAME, theme.style(Role::Title));
        for (index, (_, text, place)) in self.titles().into_iter().enumerate() {
            let role = if index == self.at { Role::Selected } else { Role::Dim };
            let place = place.intersection(area);
            if !place.is_empty() {
                buffer.set_stringn(place.x, place.y, text, usize::from(place.width), theme.style(role));
            }
        }
        // What plugins say has the room that is left.
        let end = self.titles().last().map_or(0, |(_, _, place)| place.right());
        let status = self.settings.extras.now().status.clone();
        let room = area.right().saturating_sub(end + 2);
        let text = truncate_to_width(&status, usize::from(room));
        if !text.is_empty() {
            let width = u16::try_from(text.width()).unwrap_or(0);
            buffer.set_string(area.right().saturating_sub(width + 1), area.y, &text, theme.style(Role::Dim));
        }
    }

    /// What the hint bar says: key, word, action and place of each.
    fn hints(&self) -> Vec<(String, &'static str, Action, Rect)> {
        let (own, always) = match self.popups.last() {
            Some(open) => (open.popup.hints().to_vec(), [].as_slice()),
            None => (self.tabs[self.at].hints(), [actions::PALETTE, actions::HELP, actions::QUIT].as_slice()),
        };
        let mut x = self.size.x + 1;
        let mut all = Vec::new();
        // Whatever else finds no room: where help is found is always said, and the palette on a wide screen.
        let roomy = self.size.width >= ROOMY;
        let is_kept = |a: Action| a == actions::HELP || a == actions::PALETTE && roomy;
        let mut kept: u16 = always.iter().filter_map(|a| self.hint(*a)).filter(|h| is_kept(h.2)).map(|h| h.3).sum();
        for action in own.into_iter().chain(always.iter().copied()) {
            let Some((key, word, action, width)) = self.hint(action) else { continue };
            if always.contains(&action) && is_kept(action) {
                kept -= width.min(kept);
            }
            if x + width + kept > self.size.right() + 1 {
                continue;
            }
            all.push((key, word, action, Rect { x, y: self.size.bottom() - 1, width, height: 1 }));
            x += width;
        }
        all
    }

    /// The hint of an action with the columns that it takes; `None` where no key of it holds.
    fn hint(&self, action: Action) -> Option<(String, &'static str, Action, u16)> {
        let typing = self.popups.is_empty() && self.tabs[self.at].is_typing();
        let (entry, chords) = self.settings.keys.entries().find(|(e, _)| e.action == action)?;
        let chord = chords.iter().find(|c| !typing || !c.is_character()).filter(|_| !entry.hint.is_empty())?;
        let key = chord.to_string();
        let width = u16::try_from(key.width() + entry.hint.width() + 3).unwrap_or(0);
        Some((key, entry.hint, action, width))
    }

    /// The action whose hint stands in this column.
    pub(super) fn hint_at(&self, column: u16) -> Option<Action> {
        let hit = |place: &Rect| (place.left()..place.right()).contains(&column);
        self.hints().into_iter().find(|(_, _, _, place)| hit(place)).map(|(_, _, action, _)| action)
    }

    fn draw_foot(&self, buffer: &mut Buffer, area: Rect) {
        let theme = &self.settings.theme;
        if let Some(note) = &self.note {
            let sign = if note.role == Role::Bad { "✗ " } else { "• " };
            let text = truncate_to_width(&format!("{sign}{}", note.text), usize::from(area.width).saturating_sub(2));
            buffer.set_string(area.x + 1, area.y, text, theme.style(note.role));
            return;
        }
        for (key, word, _, place) in self.hints() {
            buffer.set_string(place.x, place.y, &key, theme.style(Role::Key));
            let after = place.x + u16::try_from(key.width()).unwrap_or(0) + 1;
            buffer.set_string(after, place.y, word, theme.style(Role::Dim));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_shorter_together_and_the_farthest_are_numbers_in_the_end() {
        let titles: Vec<usize> = TabId::ALL.iter().map(|tab| tab.title().len()).collect();
        assert_eq!(titles, [4, 8, 4, 11, 5, 6, 6, 5, 6, 7]);
        for (columns, front, expected) in [
            (120, 0, [4, 8, 4, 11, 5, 6, 6, 5, 6, 7]),
            (100, 0, [4, 6, 4, 6, 5, 6, 6, 5, 6, 6]),
            (80, 0, [4, 3, 3, 3, 3, 3, 3, 3, 3, 3]),
            (60, 0, [4, 3, 3, 3, 3, 3, 0, 0, 0, 0]),
            (60, 3, [0, 0, 3, 11, 3, 3, 0, 0, 0, 0]),
        ] {
            assert_eq!(letters(&titles, front, columns - NAME.len()), expected, "{columns} {front}");
        }
        assert_eq!(letters(&[6], 0, 0), [6], "the one in front is never cut");
    }
}
