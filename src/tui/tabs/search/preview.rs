//! What a hit holds, as rows.

use ratatui::text::Line;

use super::Search;
use crate::tui::happening::World;
use crate::tui::theme::Role;
use crate::tui::widgets::prose;
use crate::tui::widgets::text::{Row, Text, wrapped};

/// Bytes of a part that are shown at most.
const LONGEST: usize = 64 << 10;

/// A part of a preview.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The line above it; empty for none.
    pub head: String,
    /// Its text.
    pub body: String,
    /// Whether the text is Markdown.
    pub markdown: bool,
    /// Whether it is what was found, and not only beside it.
    pub found: bool,
}

/// What a hit holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Its name.
    pub title: String,
    /// Its parts in order.
    pub parts: Vec<Part>,
}

impl Preview {
    /// Its rows for this width, and the one at which the found part begins.
    fn rows(&self, width: u16, world: &World<'_>) -> (Vec<Row>, usize) {
        let (mut rows, mut found) = (Vec::new(), 0);
        for part in &self.parts {
            if !rows.is_empty() {
                rows.push(Row::default());
            }
            if part.found {
                found = rows.len();
            }
            if !part.head.is_empty() {
                let (sign, role) = if part.found { ("▌ ", Role::Accent) } else { ("  ", Role::Dim) };
                let head = crate::kernel::terminal::safe_line(&part.head).into_owned();
                rows.push(Row::of(Line::styled(format!("{sign}{head}"), world.theme.style(role))));
            }
            let body = part.body.get(..part.body.floor_char_boundary(LONGEST)).unwrap_or_default().trim_end();
            match part.markdown {
                true => rows.extend(prose::rows(body, width, world.theme)),
                false => rows.extend(wrapped(body, width, world.theme.style(Role::Text))),
            }
        }
        (rows, found)
    }
}

impl Search {
    /// Puts the preview into rows; what was found is in sight.
    pub(super) fn lay(&mut self, world: &World<'_>) {
        let place = self.places(world.area).preview;
        self.text = Text::default();
        let Some((thing, Ok(preview))) = &self.preview else { return };
        let (rows, found) = preview.rows(place.width, world);
        self.text.set(rows);
        self.text.show(found);
        let hit = self.hits.iter().find(|hit| hit.key == thing.key);
        let word = hit.and_then(|hit| hit.excerpt.get(hit.marks.first()?.clone())).unwrap_or_default();
        if !word.is_empty() && self.text.look_for(word) > 0 {
            self.text.show_hit(place.height);
        }
    }
}
