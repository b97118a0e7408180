//! `fac voice level`: a meter of what the microphone hears.

use std::time::Duration;

use serde_json::json;

use super::Context;
use crate::app::voice::sound as wiring;
use crate::cli::ui::{Role, Ui};
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::Result;
use crate::kernel::figures::bar;
use crate::kernel::terminal::safe_line;
use crate::voice::clip::{FRAME, SILENCE, level, peak};
use crate::voice::sound::{Figures, Heard, Measure, Microphone, Trouble};

/// Frames of 10 ms between two looks of the meter on a terminal.
const DRAW: u64 = 5;
/// Frames between two lines where there is none.
const LINE: u64 = 50;
/// What the left end of the meter stands for, dBFS.
const FLOOR: f32 = -60.0;

/// Show a meter of what the microphone hears; Ctrl-C ends it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after so long
    #[arg(short, long, value_name = "N")]
    seconds: Option<u64>,
    /// This microphone, by its name or a piece of what it is called
    #[arg(short, long, value_name = "NAME")]
    device: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let wanted = wiring::microphone(context.app.config()?, args.device.as_deref())?;
    let signals = StopOnSignals::new()?;
    let mut microphone = Microphone::open(&wanted)?;
    hello(&context.ui, &microphone.figures());
    let frames = args.seconds.map_or(u64::MAX, |s| s.saturating_mul(100));
    let mut meter = Meter::new(&context.ui);
    while meter.all.ms() / 10 < frames && !signals.stop().is_requested() && !context.ui.closed() {
        match microphone.next(Duration::from_millis(100)) {
            Heard::Frame(frame) => meter.frame(&frame, microphone.figures().clipped)?,
            Heard::Nothing => {}
            Heard::Trouble(trouble) => meter.trouble(&trouble)?,
            Heard::Lost(error) => {
                meter.clear();
                return Err(error);
            }
        }
    }
    meter.clear();
    meter.goodbye(&microphone.figures())?;
    Ok(0)
}

/// Says that sound comes, which is true by now.
pub(super) fn hello(ui: &Ui, figures: &Figures) {
    let Figures { called, host, rate, channels, first_sample_ms, .. } = figures;
    let many = if *channels == 1 { "" } else { "s" };
    ui.note(&format!(
        "listening to {} ({host}, {rate} Hz, {channels} channel{many}), first sample after {first_sample_ms} ms",
        safe_line(called)
    ));
}

/// The drawing of a meter, a line every half second, or JSON.
struct Meter<'a> {
    ui: &'a Ui,
    all: Measure,
    loud: f32,
    high: f32,
    since: u64,
    clipped: u64,
    drawn: bool,
}

impl<'a> Meter<'a> {
    fn new(ui: &'a Ui) -> Meter<'a> {
        Meter { ui, all: Measure::default(), loud: SILENCE, high: SILENCE, since: 0, clipped: 0, drawn: false }
    }

    fn is_live(&self) -> bool {
        self.ui.stderr_terminal && !self.ui.json
    }

    fn frame(&mut self, frame: &[f32; FRAME], clipped: u64) -> Result<()> {
        self.all.frame(frame);
        (self.loud, self.high) = (self.loud.max(level(frame)), self.high.max(peak(frame)));
        self.since += 1;
        let every = if self.is_live() || self.ui.json { DRAW * if self.ui.json { 2 } else { 1 } } else { LINE };
        if self.since < every {
            return Ok(());
        }
        let more = clipped - std::mem::replace(&mut self.clipped, clipped);
        self.say(more)?;
        (self.loud, self.high, self.since) = (SILENCE, SILENCE, 0);
        Ok(())
    }

    fn say(&mut self, clipped: u64) -> Result<()> {
        let silent = self.high <= SILENCE;
        if self.ui.json {
            return self.ui.line(
                &json!({
                    "ms": self.all.ms(), "level": tenth(self.loud), "peak": tenth(self.high),
                    "held": tenth(self.all.held()), "clipped": clipped, "silent": silent,
                })
                .to_string(),
            );
        }
        let mark = if clipped > 0 {
            " CLIP"
        } else if silent {
            " silence"
        } else {
            ""
        };
        if !self.is_live() {
            let ms = self.all.ms();
            return self.ui.line(&format!("{ms:>7} ms  {:>6.1} dBFS  peak {:>6.1}{mark}", self.loud, self.high));
        }
        self.drawn = true;
        let role = if clipped > 0 {
            Role::Bad
        } else if self.loud > -6.0 {
            Role::Warn
        } else {
            Role::Good
        };
        let line = self.ui.paint_err(role, &drawing(self.loud, self.all.held()));
        self.ui.write_err(format!("\r\x1b[K{line} {:>6.1} dBFS{mark}", self.loud).as_bytes());
        Ok(())
    }

    fn trouble(&mut self, trouble: &Trouble) -> Result<()> {
        self.clear();
        say(self.ui, trouble)
    }

    /// Takes the drawing away.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.ui.write_err(b"\r\x1b[K");
        }
    }

    fn goodbye(&self, figures: &Figures) -> Result<()> {
        let all = &self.all;
        if self.ui.json {
            return self.ui.line(&json!({"end": super::test::as_json(figures, all)}).to_string());
        }
        self.ui.note(&format!(
            "{:.1} s: level {:.1} dBFS, noise {:.1}, peak {:.1}, {} clipped, {} ms of digital silence",
            all.ms() as f64 / 1000.0,
            all.level(),
            all.noise(),
            all.peak(),
            figures.clipped,
            figures.silent_ms
        ));
        Ok(())
    }
}

/// A trouble in words, or as JSON among the other lines.
pub(super) fn say(ui: &Ui, trouble: &Trouble) -> Result<()> {
    if ui.json {
        let value = json!({"trouble": trouble.name(), "message": trouble.to_string(), "hint": trouble.way_forward()});
        return ui.line(&value.to_string());
    }
    let hint = trouble.way_forward().map(|hint| format!(" ({hint})")).unwrap_or_default();
    match trouble {
        Trouble::Back { .. } | Trouble::Sounding => ui.note(&safe_line(&trouble.to_string())),
        _ => ui.warn(&safe_line(&format!("{trouble}{hint}"))),
    }
    Ok(())
}

/// A figure with one place, as JSON wants it.
pub(super) fn tenth(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

/// The meter: how loud, and where the highest sample of late was.
fn drawing(loud: f32, held: f32) -> String {
    const WIDTH: usize = 40;
    let place = |value: f32| ((value - FLOOR) / -FLOOR).clamp(0.0, 1.0);
    let filled = bar((place(loud) * 1000.0) as u64, 1000, WIDTH);
    let mut cells: Vec<char> = filled.chars().chain(std::iter::repeat('·')).take(WIDTH).collect();
    let hold = ((place(held) * WIDTH as f32) as usize).min(WIDTH - 1);
    if held > FLOOR && hold + 1 >= filled.chars().count() {
        cells[hold] = '│';
    }
    cells.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_shows_the_level_and_the_held_peak() {
        assert_eq!(drawing(-30.0, -15.0), format!("{}{}│{}", "█".repeat(20), "·".repeat(10), "·".repeat(9)));
        assert_eq!(drawing(SILENCE, SILENCE), "·".repeat(40));
        assert_eq!(drawing(0.0, 0.0), format!("{}│", "█".repeat(39)));
    }
}
