//! The terminal: taken at the start, given back however the program ends, lent to other programs in between.
//!
//! It knows escape sequences and nothing of what is drawn.

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange, KeyCode, KeyEvent,
    KeyModifiers, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, SetTitle,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::fd::OwnedFd;

use super::linear::Linear;
use super::pictures;
use super::shell::Shell;
use crate::kernel::env::Env;
use crate::kernel::error::{Context, Kind, Result};
use crate::kernel::terminal::copy_sequence;

/// Buttons and dragging, in decimal; plain movement of the mouse is nobody's business.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// What of the terminal is used.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Clicks, the wheel and dragging.
    pub mouse: bool,
    /// Press and release of keys (the kitty protocol).
    pub releases: bool,
    /// Whether tmux stands between.
    pub tmux: bool,
    /// Plain lines instead of a picture.
    pub linear: bool,
    /// Whether pictures are shown by kitty's protocol, and have to be forgotten at the end.
    pub kitty: bool,
}

impl Wishes {
    /// What the environment and the settings allow.
    pub fn of(env: &Env, mouse: bool, linear: bool) -> Wishes {
        let text = |name: &str| env.text(name).unwrap_or("").to_lowercase();
        let (term, program) = (text("TERM"), text("TERM_PROGRAM"));
        // Asking the terminal would cost a round trip, and two seconds where there is no answer.
        let knows = ["kitty", "ghostty", "foot", "alacritty", "wezterm", "rio", "contour"];
        let releases = knows.iter().any(|name| term.contains(name) || program.contains(name));
        let tmux = env.text("TMUX").is_some();
        Wishes { mouse, releases: releases && !tmux, tmux, linear, kitty: false }
    }
}

/// The terminal while it is ours.
pub struct Screen {
    surface: Surface,
    wishes: Wishes,
    held: Arc<Held>,
}

/// What has to be given back.
#[derive(Default)]
struct Held {
    taken: AtomicBool,
    /// The real standard error, while what is written there goes elsewhere.
    stderr: Mutex<Option<OwnedFd>>,
}

/// What is drawn on.
enum Surface {
    /// The whole screen. It is never dropped: its own way of giving the cursor back fails loudly where the terminal is
    /// gone.
    Full(ManuallyDrop<Box<Terminal<CrosstermBackend<io::Stdout>>>>),
    /// Lines that are printed one below the other.
    Lines(Linear),
}

impl Screen {
    /// Takes the terminal. What other parts of the process write to stderr goes to `noise` meanwhile.
    ///
    /// # Errors
    /// When there is no terminal, or it cannot be set up.
    pub fn take(wishes: Wishes, noise: &Path) -> Result<Screen> {
        let context = || "cannot take over the terminal".to_string();
        let surface = match wishes.linear {
            true => Surface::Lines(Linear::default()),
            false => {
                let terminal = Terminal::new(CrosstermBackend::new(io::stdout())).context(Kind::Failed, context)?;
                Surface::Full(ManuallyDrop::new(Box::new(terminal)))
            }
        };
        let mut screen = Screen { surface, wishes, held: Arc::default() };
        screen.divert_stderr(noise);
        screen.enter().context(Kind::Failed, context)?;
        Ok(screen)
    }

    fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        self.held.taken.store(true, Ordering::SeqCst);
        if self.wishes.linear {
            return Ok(());
        }
        let mut out = io::stdout();
        execute!(out, EnterAlternateScreen, cursor::Hide, EnableBracketedPaste, EnableFocusChange, SetTitle("fac"))?;
        if self.wishes.mouse {
            out.write_all(MOUSE_ON.as_bytes())?;
        }
        if self.wishes.releases {
            let flags =
                KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES | KeyboardEnhancementFlags::REPORT_EVENT_TYPES;
            execute!(out, PushKeyboardEnhancementFlags(flags))?;
        }
        out.flush()
    }

    /// Sends what goes to stderr into a file: libraries in C write there and would break the picture.
    fn divert_stderr(&self, noise: &Path) {
        let Ok(file) = std::fs::OpenOptions::new().create(true).append(true).open(noise) else { return };
        let Ok(real) = rustix::io::dup(rustix::stdio::stderr()) else { return };
        if rustix::stdio::dup2_stderr(&file).is_ok() {
            *self.held.stderr.lock().unwrap_or_else(PoisonError::into_inner) = Some(real);
        }
    }

    /// Something that gives the terminal back from anywhere, such as a panic hook.
    pub fn restorer(&self) -> impl Fn() + Send + Sync + 'static {
        let (held, wishes) = (self.held.clone(), self.wishes.clone());
        move || restore(&held, &wishes)
    }

    /// Gives the terminal back.
    pub fn leave(&mut self) {
        restore(&self.held, &self.wishes);
    }

    /// Takes it again after it was lent.
    ///
    /// # Errors
    /// When it is gone.
    pub fn enter_again(&mut self, noise: &Path) -> Result<()> {
        self.divert_stderr(noise);
        self.enter().context(Kind::Failed, || "cannot take over the terminal again".to_string())?;
        self.repaint().context(Kind::Failed, || "cannot draw".to_string())
    }

    /// Draws a frame. All of it appears at once where the terminal can do that.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, shell: &Shell) -> io::Result<()> {
        let terminal = match &mut self.surface {
            Surface::Full(terminal) => terminal,
            Surface::Lines(linear) => return print_changes(linear, shell),
        };
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        terminal.draw(|frame| {
            if let Some(position) = shell.draw(frame.buffer_mut()) {
                frame.set_cursor_position(position);
            }
        })?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    /// Everything is drawn anew the next time.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn repaint(&mut self) -> io::Result<()> {
        match &mut self.surface {
            Surface::Full(terminal) => terminal.clear(),
            Surface::Lines(linear) => {
                // Everything is said once more.
                *linear = Linear::default();
                Ok(())
            }
        }
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn size(&self) -> io::Result<Rect> {
        match &self.surface {
            Surface::Full(terminal) => {
                let size = terminal.size()?;
                Ok(Rect::new(0, 0, size.width, size.height))
            }
            // As much as one wants to hear of at once.
            Surface::Lines(_) => Ok(Rect::new(0, 0, 100, 30)),
        }
    }

    /// Shows a character that was typed where the picture does not: raw mode echoes nothing.
    pub fn echo(&self, key: &KeyEvent) {
        let Surface::Lines(_) = &self.surface else { return };
        let mut out = io::stdout();
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        // What is not heard is no reason to stop.
        let _ = match key.code {
            KeyCode::Char(c) if plain => write!(out, "{c}"),
            KeyCode::Backspace => write!(out, "\x08 \x08"),
            KeyCode::Enter | KeyCode::Esc | KeyCode::Tab => write!(out, "\r\n"),
            _ => Ok(()),
        };
        let _ = out.flush();
    }

    /// Puts a text on the clipboard of the terminal. Gives whether the text is short enough for that.
    pub fn copy(&self, text: &str) -> bool {
        let Some(sequence) = copy_sequence(text, self.wishes.tmux) else { return false };
        let mut out = io::stdout();
        out.write_all(sequence.as_bytes()).and_then(|()| out.flush()).is_ok()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Says what changed, a line each.
fn print_changes(linear: &mut Linear, shell: &Shell) -> io::Result<()> {
    let mut buffer = Buffer::empty(shell.size());
    let typing = shell.draw(&mut buffer);
    let mut out = io::stdout();
    for line in linear.changed(&buffer, shell.focus(), typing) {
        write!(out, "{line}\r\n")?;
    }
    out.flush()
}

fn restore(held: &Held, wishes: &Wishes) {
    if let Some(real) = held.stderr.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // It stays with the log where this fails; nothing can be said about it.
        let _ = rustix::stdio::dup2_stderr(real);
    }
    if !held.taken.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    if wishes.linear {
        let _ = disable_raw_mode();
        return;
    }
    // Whatever fails here, the rest is still tried.
    if wishes.releases {
        let _ = execute!(out, PopKeyboardEnhancementFlags);
    }
    if wishes.mouse {
        let _ = out.write_all(MOUSE_OFF.as_bytes());
    }
    if wishes.kitty {
        let _ = out.write_all(pictures::forget().as_bytes());
    }
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
    let _ = out.flush();
}

/// Where the noise of a session goes.
pub fn noise_file(state: &Path) -> PathBuf {
    state.join("tui-stderr.log")
}
