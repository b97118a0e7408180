//! Progress of downloads on a terminal; the only home of indicatif.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::ui::Ui;
use crate::app::sources::{Watch, said};
use crate::commands::source::github::Progress;
use crate::commands::source::remote::Report;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;

/// Lines on stderr, one a source; nothing where stderr is no terminal.
struct Lines {
    all: MultiProgress,
    bars: Arc<Mutex<HashMap<String, ProgressBar>>>,
}

impl Lines {
    fn new(ui: &Ui) -> Self {
        let shown = ui.stderr_terminal && !ui.quiet && !ui.json;
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Lines { all: MultiProgress::with_draw_target(target), bars: Arc::default() }
    }

    /// What downloads call while they work.
    fn report(&self) -> Report {
        let (all, bars) = (self.all.clone(), self.bars.clone());
        Arc::new(move |source: &str, progress: Progress| {
            let Ok(mut bars) = bars.lock() else { return };
            let bar = bars.entry(source.to_string()).or_insert_with(|| {
                let bar = all.add(ProgressBar::new_spinner());
                bar.set_style(
                    ProgressStyle::with_template("{spinner} {prefix} {msg}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner()),
                );
                bar.set_prefix(safe_line(source).into_owned());
                bar.enable_steady_tick(std::time::Duration::from_millis(100));
                bar
            });
            bar.set_message(said(progress));
        })
    }

    /// Takes the lines away.
    fn finish(&self) {
        if let Ok(bars) = self.bars.lock() {
            bars.values().for_each(ProgressBar::finish_and_clear);
        }
        let _ = self.all.clear();
    }
}

/// Does what downloads, with lines of progress. Ctrl-C ends it.
pub(in crate::cli) fn watched<T>(ui: &Ui, work: impl FnOnce(Watch<'_>) -> Result<T>) -> Result<T> {
    let lines = Lines::new(ui);
    let signals = StopOnSignals::new()?;
    let done = work(Watch { report: &lines.report(), stop: signals.stop() });
    lines.finish();
    done
}
