//! A line that nobody sees typed.
//!
//! The terminal shows no keys before the question stands on it, keys pressed from then on all count, and Ctrl-C leaves
//! the terminal as it was. dialoguer's own hidden line does none of the three, so only its looks are used.

use std::io::Write;

use dialoguer::theme::Theme;
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::kernel::error::{Context, Error, Kind, Result};

/// Longer lines are no secrets, and a terminal that never says Enter must not fill the memory.
const LONGEST: usize = 64 << 10;

/// Asks on the terminal that is our standard input until something was typed.
///
/// # Errors
/// `Interrupted` for Ctrl-C, Ctrl-D and a terminal that is gone; `Failed` where there is no terminal; `BadData` for what
/// is not UTF-8 or too long.
pub(super) fn read(theme: &dyn Theme, prompt: &str) -> Result<String> {
    let mut asked = String::new();
    let mut answered = String::new();
    let drawn = theme.format_password_prompt(&mut asked, prompt);
    let drawn = drawn.and_then(|()| theme.format_password_prompt_selection(&mut answered, prompt));
    drawn.context(Kind::Failed, || "cannot draw the question".to_string())?;
    let unseen = Unseen::begin().context(Kind::Failed, || "cannot ask without showing the answer".to_string())?;
    say(&asked)?;
    let typed = type_line();
    drop(unseen);
    match typed {
        Ok(text) => {
            // In place of the question.
            say(&format!("\r\x1b[2K{answered}\n"))?;
            Ok(text)
        }
        Err(error) => {
            say("\n")?;
            Err(error)
        }
    }
}

fn say(text: &str) -> Result<()> {
    let mut screen = std::io::stderr().lock();
    let said = screen.write_all(text.as_bytes()).and_then(|()| screen.flush());
    said.context(Kind::Failed, || "cannot ask on this terminal".to_string())
}

fn type_line() -> Result<String> {
    let mut line = Line::default();
    loop {
        let mut byte = [0];
        // One at a time: what is typed behind the line belongs to the next question.
        match rustix::io::read(std::io::stdin(), &mut byte) {
            Ok(1) => {}
            Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => return Err(Error::new(Kind::Interrupted, "the terminal is gone")),
        }
        match line.take(byte[0]) {
            Next::More => {}
            Next::Left => return Err(Error::new(Kind::Interrupted, "interrupted")),
            Next::Whole => {
                let not_text = || "what was typed is not UTF-8".to_string();
                return String::from_utf8(line.bytes).context(Kind::BadData, not_text);
            }
        }
        if line.bytes.len() > LONGEST {
            return Err(Error::new(Kind::BadData, format!("what was typed is longer than {} kB", LONGEST >> 10)));
        }
    }
}

/// The terminal as a line that is not shown needs it, and as it was when this is dropped.
struct Unseen {
    before: Termios,
}

impl Unseen {
    fn begin() -> std::io::Result<Unseen> {
        let before = tcgetattr(std::io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        hidden.special_codes[rustix::termios::SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[rustix::termios::SpecialCodeIndex::VTIME] = 0;
        // What was typed before the question was shown, and was meant for nothing hidden.
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Unseen { before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Whether a line goes on.
#[derive(Debug, PartialEq)]
enum Next {
    More,
    Whole,
    Left,
}

/// Where in the bytes of an arrow or function key we are.
#[derive(Debug, Default, PartialEq)]
enum Escape {
    #[default]
    None,
    Begun,
    Inside,
}

/// A line while it is typed.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    escape: Escape,
}

impl Line {
    /// One byte from the terminal.
    fn take(&mut self, byte: u8) -> Next {
        match (std::mem::take(&mut self.escape), byte) {
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Inside,
            (Escape::Inside, 0x20..=0x3f) => self.escape = Escape::Inside,
            (Escape::Inside, 0x40..=0x7e) => {}
            (_, 0x03) => return Next::Left,
            (_, 0x04) if self.bytes.is_empty() => return Next::Left,
            (_, b'\r' | b'\n') if !self.bytes.is_empty() => return Next::Whole,
            (_, 0x08 | 0x7f) => self.rub_out(),
            // Ctrl-U, and Ctrl-W, since words of a secret are not seen either.
            (_, 0x15 | 0x17) => self.bytes.clear(),
            (_, 0x1b) => self.escape = Escape::Begun,
            (_, b'\t') => self.bytes.push(byte),
            (_, 0x00..=0x1f) => {}
            (_, byte) => self.bytes.push(byte),
        }
        Next::More
    }

    /// Takes the last character away, all of its bytes.
    fn rub_out(&mut self) {
        while self.bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> (String, Next) {
        let mut line = Line::default();
        let mut next = Next::More;
        for byte in keys.bytes() {
            next = line.take(byte);
            if next != Next::More {
                break;
            }
        }
        (String::from_utf8(line.bytes).unwrap(), next)
    }

    #[test]
    fn a_line_can_be_mended_while_it_is_typed() {
        assert_eq!(typed("pä\x7fass\r"), ("pass".into(), Next::Whole));
        assert_eq!(typed("wrong\x15right\n"), ("right".into(), Next::Whole));
        assert_eq!(typed("a\x1b[D\x1bOA\x1b[1;5Cb\r"), ("ab".into(), Next::Whole), "arrows are no text");
        assert_eq!(typed("a\u{1}\u{c}b\r"), ("ab".into(), Next::Whole));
        assert_eq!(typed("\r\rx\r"), ("x".into(), Next::Whole), "nothing is no answer");
    }

    #[test]
    fn a_line_can_be_left() {
        assert_eq!(typed("abc\x03def\r"), ("abc".into(), Next::Left));
        assert_eq!(typed("\x04"), (String::new(), Next::Left));
        assert_eq!(typed("a\x04b\r"), ("ab".into(), Next::Whole));
        assert_eq!(typed("a\x1b\x03"), ("a".into(), Next::Left), "a lone Escape keeps nothing from being heard");
    }
}
