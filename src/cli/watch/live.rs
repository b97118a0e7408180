//! The table that stands below what was told, and is drawn anew with every look. On a terminal only.

use super::super::ui::{Role, Ui};
use crate::automations::watchdog::Standing;
use crate::kernel::duration::human_ms;
use crate::kernel::error::Result;
use crate::kernel::figures::spark;
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width};

/// The most bars of a line.
const BARS: usize = 40;

/// The table, as it was drawn last.
pub(super) struct Live<'a> {
    ui: &'a Ui,
    drawn: String,
    lines: usize,
}

impl<'a> Live<'a> {
    /// `None` where nobody sees it.
    pub(super) fn new(ui: &'a Ui) -> Option<Live<'a>> {
        (ui.stdout_terminal && !ui.json && !ui.quiet).then(|| Live { ui, drawn: String::new(), lines: 0 })
    }

    /// Draws it where it is another than before.
    pub(super) fn draw(&mut self, names: &[String], standings: &[Standing]) -> Result<()> {
        let lines = lines(self.ui, names, standings);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if text == self.drawn {
            return Ok(());
        }
        self.clear()?;
        self.ui.write(text.as_bytes())?;
        (self.drawn, self.lines) = (text, lines.len());
        Ok(())
    }

    /// Takes it away.
    pub(super) fn clear(&mut self) -> Result<()> {
        if self.lines > 0 {
            self.ui.write(format!("\x1b[{}A\x1b[J", self.lines).as_bytes())?;
        }
        (self.drawn, self.lines) = (String::new(), 0);
        Ok(())
    }
}

/// A line each, no wider and no more than the terminal has room for.
fn lines(ui: &Ui, names: &[String], standings: &[Standing]) -> Vec<String> {
    // The last column stays free: some terminals begin a new line there.
    let room = ui.width().saturating_sub(1);
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0).min(room / 2);
    let most = standings.iter().flat_map(|standing| &standing.took).flatten().max().copied().unwrap_or(0);
    let line = |(name, standing): (&String, &Standing)| {
        let (sign, word, role) = match &standing.last {
            None => ("·", "…".to_string(), Role::Dim),
            Some(seen) if seen.wrong.is_some() => ("✗", "down".to_string(), Role::Bad),
            Some(seen) => ("●", human_ms(seen.took_ms), Role::Good),
        };
        let name = safe_line(name);
        let name = pad(&truncate_to_width(&name, widest), widest);
        let left = room.saturating_sub(widest + 2 + 2 + 8 + 2).min(BARS);
        let took = standing.took.iter().skip(standing.took.len().saturating_sub(left));
        let bars: String = took.map(|took| took.map_or('×', |took| spark(took, most))).collect();
        let word = pad(&word, 8);
        format!("{} {name}  {}  {}", ui.paint(role, sign), ui.paint(role, &word), ui.paint(Role::Dim, &bars))
    };
    names.iter().zip(standings).map(line).take(ui.height().saturating_sub(2).max(1)).collect()
}
