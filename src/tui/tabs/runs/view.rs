//! How the runs tab looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::item::{sign, word};
use super::{Runs, Shown};
use crate::store::{RunRow, Status};
use crate::tui::happening::World;
use crate::tui::theme::Role;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Rows;
use crate::tui::widgets::text::wrapped_words;

impl Runs {
    pub(super) fn view(&self, buffer: &mut Buffer, world: &World<'_>) {
        let [left, right] = self.panes(world.area);
        if !self.zoomed {
            self.list(buffer, left, world);
        }
        self.detail(buffer, right, world);
    }

    fn list(&self, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
        let mut title = "Runs".to_string();
        for part in [self.filter.part.clone(), self.filter.status.map(|s| word(s, None)).unwrap_or_default()] {
            if !part.is_empty() {
                title.push_str(&format!(" · {part}"));
            }
        }
        let more = if self.next.is_some() { "+" } else { "" };
        let mut aside = self.items.as_ref().map(|all| format!("{}{more}", all.len())).unwrap_or_default();
        if !self.marked.is_empty() {
            aside = format!("{} marked of {aside}", self.marked.len());
        }
        let inner = Frame { title: &title, aside: &aside, focused: !self.inside }.draw(buffer, area, world.theme);
        let filtered = self.filter != super::Filter::default();
        let empty = match (&self.failed, &self.items) {
            (Some(fault), _) => fault.to_string(),
            (None, None) => "reading …".to_string(),
            (None, Some(_)) if filtered => "no run is so; f and s choose others".to_string(),
            (None, Some(_)) => "nothing has run yet".to_string(),
        };
        let rows = Rows { cursor: &self.cursor, length: self.all().len(), focused: !self.inside, empty: &empty };
        rows.draw(buffer, inner, world.theme, |index, width| {
            let item = self.all().get(index);
            item.map_or_else(Line::default, |item| item.line(width, self.marked.contains(&item.id), world))
        });
    }

    /// The record that is shown, and how it stands by now.
    fn state(&self) -> Option<(&RunRow, Status, Option<i32>)> {
        let row = match &self.shown {
            Shown::Record(record) => &record.row,
            Shown::Live(number) => self.lives.iter().find(|live| live.number == *number)?.row.as_ref()?,
            Shown::Nothing | Shown::Failed(..) => return None,
        };
        let item = self.place(row.id).ok().and_then(|at| self.all().get(at));
        Some(item.map_or((row, row.status, row.exit_code), |item| (row, item.status, item.exit_code)))
    }

    fn detail(&self, buffer: &mut Buffer, area: Rect, world: &World<'_>) {
        let (title, mut aside) = match self.state() {
            Some((row, status, code)) => {
                (format!("{}:{}", row.source, row.command), format!("{} {}", sign(status), word(status, code)))
            }
            None => ("Output".to_string(), String::new()),
        };
        if let Some((_, output)) = self.output() {
            let found = output.found();
            if !found.is_empty() {
                aside = format!("{found} · {aside}");
            }
            if !output.wrap {
                aside = format!("unwrapped · {aside}");
            }
        }
        let focused = self.inside || self.zoomed;
        let inner = Frame { title: &title, aside: &aside, focused }.draw(buffer, area, world.theme);
        match (&self.shown, self.output()) {
            (Shown::Failed(_, fault), _) => say(buffer, inner, &fault.to_string(), Role::Bad, world),
            (_, Some((_, output))) => output.draw(buffer, inner, world.theme),
            _ if self.lives.iter().any(|live| live.row.is_none()) => {
                let names: Vec<&str> =
                    self.lives.iter().filter(|live| live.row.is_none()).map(|live| live.command.as_str()).collect();
                say(buffer, inner, &format!("starting {} …", names.join(", ")), Role::Dim, world);
            }
            _ if self.items.as_ref().is_some_and(Vec::is_empty) => {
                say(buffer, inner, HELP, Role::Dim, world);
            }
            _ => {}
        }
    }
}

/// What is said where nothing has run.
const HELP: &str = "What runs is shown here while it runs, and kept.\n\n\
    Run something in the Commands tab, or with `fac run NAME` in any shell.";

fn say(buffer: &mut Buffer, area: Rect, text: &str, role: Role, world: &World<'_>) {
    for (row, y) in wrapped_words(text, area.width, world.theme.style(role)).iter().zip(area.y..area.bottom()) {
        (&row.line).render(Rect { y, height: 1, ..area }, buffer);
    }
}
