//! How far something is that takes long: one line on stderr, which shows itself only when it does.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ui::Ui;
use crate::kernel::terminal::{safe_line, truncate_to_width};

/// How long it may take before it is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line on stderr, once it takes long; nothing where stderr is no terminal.
pub(super) struct Bar {
    begun: Instant,
    shown: Option<ProgressBar>,
    wanted: bool,
    whole: Option<u64>,
    /// Columns for words: `^C`, which a terminal writes behind them, stays on their line, so that it goes with them.
    room: usize,
}

impl Bar {
    /// Of `whole`, where it is known how much there is.
    pub(super) fn new(ui: &Ui, whole: Option<u64>) -> Bar {
        let wanted = ui.stderr_terminal && !ui.quiet && !ui.json;
        // What stands before the words (a bar of 30 columns and 100 %, or a spinner), and the two signs.
        let taken = if whole.is_some() { 40 } else { 5 };
        Bar { begun: Instant::now(), shown: None, wanted, whole, room: ui.width().saturating_sub(taken) }
    }

    /// Whether anybody would see it.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// It is so far; `words` says it.
    pub(super) fn at(&mut self, position: u64, words: impl FnOnce() -> String) {
        if !self.wanted || self.begun.elapsed() < PATIENCE {
            return;
        }
        let whole = self.whole;
        let bar = self.shown.get_or_insert_with(|| {
            let template = if whole.is_some() { "{bar:30} {percent:>3} % {msg}" } else { "{spinner} {msg}" };
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(whole, ProgressDrawTarget::stderr()).with_style(style)
        });
        bar.set_position(position);
        bar.set_message(truncate_to_width(&safe_line(&words()), self.room));
    }

    /// Says something above it.
    pub(super) fn above(&self, say: impl FnOnce()) {
        match &self.shown {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
