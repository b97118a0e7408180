//! The only printer: results to stdout, talk to stderr, colour and questions only where they are welcome.
//!
//! It knows terminals and widths; it does not know what it prints.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use serde_json::Value;

use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal;

/// How this process may talk.
#[derive(Debug)]
pub struct Ui {
    /// Machine output on stdout and nothing else there.
    pub json: bool,
    /// No talk on stderr but errors.
    pub quiet: bool,
    /// `-v` given this often.
    pub verbose: u8,
    /// Nothing is read from standard input by ourselves.
    pub no_input: bool,
    /// Questions may be asked.
    pub ask: bool,
    /// Ordinary questions are answered with yes.
    pub yes: bool,
    /// Stdout is a terminal.
    pub stdout_terminal: bool,
    /// Stderr is a terminal.
    pub stderr_terminal: bool,
    columns: usize,
    colour_out: bool,
    colour_err: bool,
    no_color: bool,
    closed: Cell<bool>,
}

/// What the command line and the settings say about talking.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// `--json`.
    pub json: bool,
    /// `-q`.
    pub quiet: bool,
    /// `-v`, counted.
    pub verbose: u8,
    /// `--no-input`.
    pub no_input: bool,
    /// `-y`.
    pub yes: bool,
    /// `auto`, `always` or `never`.
    pub color: Option<String>,
    /// `COLUMNS`, for terminals that do not know their size.
    pub columns: Option<usize>,
    /// Whether NO_COLOR is set and not empty, or TERM is `dumb`.
    pub no_color: bool,
}

/// Roles of text that get a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Names of things.
    Name,
    /// Less important words.
    Dim,
    /// Success.
    Good,
    /// Failure.
    Bad,
    /// Something to look at.
    Warn,
    /// Headings.
    Strong,
}

impl Ui {
    /// Looks at the terminal once.
    pub fn new(wishes: &Wishes) -> Self {
        let stdout_terminal = std::io::stdout().is_terminal();
        let stderr_terminal = std::io::stderr().is_terminal();
        let colour = |terminal: bool| match wishes.color.as_deref() {
            Some("always") => true,
            Some("never") => false,
            _ => terminal && !wishes.no_color,
        };
        Ui {
            json: wishes.json,
            quiet: wishes.quiet,
            verbose: wishes.verbose,
            no_input: wishes.no_input,
            ask: !wishes.no_input && !wishes.json && std::io::stdin().is_terminal() && stderr_terminal,
            yes: wishes.yes,
            stdout_terminal,
            stderr_terminal,
            columns: wishes.columns.unwrap_or(80).clamp(20, 400),
            colour_out: colour(stdout_terminal) && !wishes.json,
            colour_err: colour(stderr_terminal),
            no_color: wishes.no_color,
            closed: Cell::new(false),
        }
    }

    /// Colours as the settings want them, where no flag said otherwise.
    pub fn settle(&mut self, color: &str) {
        let colour = |terminal: bool| match color {
            "always" => true,
            "never" => false,
            _ => terminal && !self.no_color,
        };
        (self.colour_out, self.colour_err) = (colour(self.stdout_terminal) && !self.json, colour(self.stderr_terminal));
    }

    /// Columns to fit output into; 100 where stdout is no terminal.
    pub fn width(&self) -> usize {
        if !self.stdout_terminal {
            return 100;
        }
        // A terminal that does not know its size says 0.
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        if size == 0 { self.columns } else { size.clamp(20, 400) }
    }

    /// Lines of the terminal; 24 where stdout is none.
    pub fn height(&self) -> usize {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_row));
        if size == 0 { 24 } else { size }
    }

    /// Whether stdout gets colours.
    pub fn colour(&self) -> bool {
        self.colour_out
    }

    /// Whether whoever reads stdout went away.
    pub fn closed(&self) -> bool {
        self.closed.get()
    }

    /// Writes to stdout as it is. A closed pipe is remembered and is no error.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => {
                self.closed.set(true);
                Ok(())
            }
            Err(e) => Err(Error::new(Kind::Failed, "cannot write the output").because(e)),
        }
    }

    /// Writes to stderr as it is: what programs that were run complain.
    pub fn write_err(&self, bytes: &[u8]) {
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(bytes).and_then(|()| err.flush());
    }

    /// One line of results.
    pub fn line(&self, text: &str) -> Result<()> {
        self.write(format!("{text}\n").as_bytes())
    }

    /// One JSON value on one line (pretty on a terminal).
    pub fn value(&self, value: &Value) -> Result<()> {
        let text =
            if self.stdout_terminal { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        self.line(&escaped(&text.unwrap_or_default()))
    }

    /// Talk: a line on stderr that `-q` silences.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.talk(text);
        }
    }

    /// Talk that `-q` does not silence.
    pub fn warn(&self, text: &str) {
        self.talk(&format!("{} {text}", self.paint_err(Role::Warn, "warning:")));
    }

    fn talk(&self, text: &str) {
        // Without colours nothing of ours is a control sequence either.
        let text = if self.colour_err { text.into() } else { terminal::safe(text) };
        // Nothing sensible is left to do when stderr is gone.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// The one place where a failure is said.
    pub fn failure(&self, error: &Error) {
        if self.json {
            let value = serde_json::json!({"error": {
                "kind": error.kind().name(),
                "message": error.full_message(),
                "hint": error.way_forward(),
                "exit_code": error.kind().exit_code(),
            }});
            let _ = self.value(&value);
            return;
        }
        let message = terminal::safe(&error.full_message()).into_owned();
        self.talk(&format!("{} {message}", self.paint_err(Role::Bad, "error:")));
        if let Some(hint) = error.way_forward() {
            self.talk(&format!("{} {}", self.paint_err(Role::Dim, " hint:"), terminal::safe(hint)));
        }
    }

    /// Text for stdout in the colour of its role. The text must be safe already.
    pub fn paint(&self, role: Role, text: &str) -> String {
        paint(self.colour_out, role, text)
    }

    /// Text for stderr in the colour of its role.
    pub fn paint_err(&self, role: Role, text: &str) -> String {
        paint(self.colour_err, role, text)
    }

    /// Shows a long text through `pager` when stdout is a terminal and it does not fit.
    pub fn page(&self, text: &str, pager: Option<&str>) -> Result<()> {
        let rows = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(24, |s| usize::from(s.ws_row).max(5));
        let fits = !self.stdout_terminal || text.lines().count() < rows;
        let words = pager.and_then(shlex::split).filter(|w| !w.is_empty() && !fits);
        let Some(words) = words else { return self.write(text.as_bytes()) };
        let mut command = std::process::Command::new(&words[0]);
        command.args(&words[1..]).stdin(std::process::Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        let Ok(mut child) = command.spawn() else { return self.write(text.as_bytes()) };
        if let Some(mut stdin) = child.stdin.take() {
            // Leaving the pager early closes the pipe, which is fine.
            let _ = stdin.write_all(text.as_bytes());
        }
        let _ = child.wait();
        Ok(())
    }
}

/// A value on one line, in which no character can act on a terminal.
pub(super) fn json_line(value: &Value) -> String {
    escaped(&value.to_string())
}

/// JSON in which no character can act on a terminal: what JSON itself lets stand raw (DEL, C1, the marks that turn
/// the reading direction) is escaped, so that every reader still gets the same text.
fn escaped(json: &str) -> String {
    let acts = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !json.contains(acts) {
        return json.to_string();
    }
    let one = |c: char| if acts(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(one).collect()
}

fn paint(colour: bool, role: Role, text: &str) -> String {
    if !colour {
        return text.to_string();
    }
    let code = match role {
        Role::Name => "36",
        Role::Dim => "2",
        Role::Good => "32",
        Role::Bad => "1;31",
        Role::Warn => "33",
        Role::Strong => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
