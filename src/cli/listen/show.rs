//! What is seen while one speaks: a meter, and the words so far, on one line of stderr.

use crate::cli::ui::{Role, Ui};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};
use crate::voice::listen::{Look, Said};

/// How many levels the meter shows: three seconds.
const SHOWN: usize = 20;
/// Looks between two levels: 150 ms.
const EVERY: usize = 3;
/// What the lowest and the highest sign of the meter stand for, dBFS.
const RANGE: (f32, f32) = (-55.0, -10.0);
const SIGNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The line, or nothing where nobody looks.
pub(in crate::cli) struct Show<'a> {
    ui: &'a Ui,
    /// It ends by itself.
    alone: bool,
    levels: std::collections::VecDeque<f32>,
    looks: Vec<f32>,
    words: String,
    state: &'static str,
    clipped: bool,
}

impl<'a> Show<'a> {
    pub(in crate::cli) fn new(ui: &'a Ui, alone: bool) -> Show<'a> {
        let mut show = Show {
            ui,
            alone,
            levels: [f32::MIN; SHOWN].into(),
            looks: Vec::new(),
            words: String::new(),
            state: "opening the microphone",
            clipped: false,
        };
        show.draw();
        show
    }

    fn is_live(&self) -> bool {
        self.ui.stderr_terminal && !self.ui.json && !self.ui.quiet
    }

    /// What a window manager is told when it asks.
    pub(super) fn phase(&self, said: &Said) -> &'static str {
        match said {
            Said::Closed { .. } => "writing",
            _ if self.state.starts_with("writing") => "writing",
            _ => "listening",
        }
    }

    pub(super) fn said(&mut self, said: &Said) {
        match said {
            Said::Ready { device } => {
                self.state = if self.alone { "listening" } else { "listening; Enter ends" };
                if !self.is_live() {
                    self.ui.note(&format!("listening to {}", safe_line(device)));
                }
            }
            Said::Look(look) => self.look(look),
            Said::Partial { sure, rest } => self.words = safe_line(&format!("{sure} {rest}")).trim().to_string(),
            Said::Text(text) => self.words = safe_line(text).into_owned(),
            Said::Closed { .. } => self.state = "writing it down",
            Said::Trouble(trouble) => {
                self.clear();
                let hint = trouble.way_forward().map_or(String::new(), |hint| format!(" ({hint})"));
                self.ui.note(&safe_line(&format!("{trouble}{hint}")));
            }
            Said::Odd(odd) => {
                self.clear();
                self.ui.note(&safe_line(odd));
            }
            Said::Begun | Said::Over(_) => {}
        }
        self.draw();
    }

    fn look(&mut self, look: &Look) {
        self.looks.push(look.before);
        self.clipped = look.clipped > 0;
        if self.looks.len() == EVERY {
            let loudest = self.looks.drain(..).fold(f32::MIN, f32::max);
            self.levels.pop_front();
            self.levels.push_back(loudest);
        }
    }

    fn draw(&mut self) {
        if !self.is_live() {
            return;
        }
        let meter: String = self.levels.iter().map(|level| sign(*level)).collect();
        let head = format!("● {} {meter}{} ", self.state, if self.clipped { " too loud" } else { "" });
        let room = self.ui.width().saturating_sub(width(&head) + 1);
        // The newest words matter; those before them stand on no line of this height.
        let mut words = self.words.as_str();
        while width(words) > room {
            match words.split_once(' ') {
                Some((_, rest)) => words = rest,
                None => break,
            }
        }
        let line = format!("{}{}", self.ui.paint_err(Role::Good, &head), truncate_to_width(words, room));
        self.ui.write_err(format!("\r\x1b[K{line}").as_bytes());
    }

    fn clear(&self) {
        if self.is_live() {
            self.ui.write_err(b"\r\x1b[K");
        }
    }

    /// Leaves the line empty.
    pub(super) fn end(&self) {
        self.clear();
    }
}

fn sign(level: f32) -> char {
    let share = ((level - RANGE.0) / (RANGE.1 - RANGE.0)).clamp(0.0, 1.0);
    SIGNS[(share * (SIGNS.len() - 1) as f32).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_goes_from_quiet_to_loud() {
        let meter: String = [f32::MIN, -55.0, -40.0, -20.0, -10.0, 0.0].into_iter().map(sign).collect();
        assert_eq!(meter, "▁▁▃▆██");
    }
}
