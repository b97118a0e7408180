//! What remains of a panic: the terminal as it was, a report without secrets, and a sentence.

use std::backtrace::Backtrace;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::panic;
use std::path::{Path, PathBuf};
use std::thread;

use crate::kernel::clock::Clock;
use crate::kernel::secret::Redactor;

/// Sets what happens when this thread panics: `restore` gives the terminal back, then a report is written below
/// `state`. Panics of other threads are caught by whoever started them and only leave a report.
pub fn prepare(state: &Path, clock: Clock, redactor: Redactor, restore: impl Fn() + Send + Sync + 'static) {
    let main = thread::current().id();
    let state = state.to_path_buf();
    panic::set_hook(Box::new(move |info| {
        let ours = thread::current().id() == main;
        if ours {
            restore();
        }
        let text = format!(
            "fac {} stopped by a mistake of its own\nat    {}\nwhere {}\nwhat  {}\n\n{}\n",
            env!("CARGO_PKG_VERSION"),
            clock.now(),
            info.location().map(ToString::to_string).unwrap_or_default(),
            info.payload_as_str().unwrap_or("(no words)"),
            Backtrace::force_capture()
        );
        let text = redactor.redact(&text).into_owned();
        let written = write(&state, &clock, &text);
        if ours {
            say(written.as_deref());
        }
    }));
}

fn write(state: &Path, clock: &Clock, text: &str) -> Option<PathBuf> {
    let file = state.join(format!("crash-{}.txt", clock.now().as_millis()));
    let mut open = fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600).open(&file).and_then(|mut f| f.write_all(text.as_bytes())).ok()?;
    Some(file)
}

/// The last words of a process that cannot go on.
fn say(report: Option<&Path>) {
    let place = report.map(|p| format!("; a report without secrets is in {}", p.display())).unwrap_or_default();
    let _ = writeln!(
        std::io::stderr(),
        "error: fac made a mistake and had to stop{place}\nhint: everything that was stored is safe"
    );
}
