//! The terminal while an answer comes: what is typed meanwhile waits for the next line and is not shown in its midst.

use std::io::{IsTerminal, Write};

use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// While this lives keys are not shown and wait, also those that would end or correct a line. Ctrl-C stays a signal.
pub struct Hush(Option<Termios>);

impl Hush {
    /// Hushes the terminal of standard input; where there is none it does nothing.
    pub fn new() -> Hush {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok();
        if let Some(before) = &before {
            let mut hushed = before.clone();
            hushed.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            hushed.input_modes.remove(InputModes::ICRNL);
            // A terminal that cannot be changed shows what is typed, which is no reason to stop.
            let _ = tcsetattr(&stdin, OptionalActions::Now, &hushed);
        }
        Hush(before)
    }
}

impl Drop for Hush {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // As above.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// While this lives text that is pasted has marks around it, so that its lines are not taken for messages afterwards;
/// the cursor is shown where the answer goes on.
pub struct PasteMarks;

impl PasteMarks {
    /// Asks the terminal for them.
    pub fn new() -> PasteMarks {
        marks(b"\x1b[?2004;25h");
        PasteMarks
    }
}

impl Drop for PasteMarks {
    fn drop(&mut self) {
        marks(b"\x1b[?2004l");
    }
}

fn marks(sequence: &[u8]) {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        // A terminal that is gone needs none.
        let _ = out.write_all(sequence).and_then(|()| out.flush());
    }
}
