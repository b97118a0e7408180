//! The clipboard of the terminal a person sits at (OSC 52): it works over SSH and knows nothing of how lines were wrapped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The most that is copied, in bytes: terminals drop longer sequences silently.
const LONGEST: usize = 1 << 20;

/// The sequence that puts `text` on the clipboard; inside of tmux also the one that reaches the terminal around it.
/// `None` for a text that is too long.
pub fn copy_sequence(text: &str, in_tmux: bool) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    Some(if in_tmux { format!("\x1bPtmux;{}\x1b\\{plain}", plain.replace('\x1b', "\x1b\x1b")) } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_carries_any_text_as_letters() {
        assert_eq!(copy_sequence("a\x1b\n", false).unwrap(), "\x1b]52;c;YRsK\x07");
        assert_eq!(copy_sequence("a", true).unwrap(), "\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\\x1b]52;c;YQ==\x07");
        assert!(copy_sequence(&"x".repeat(LONGEST + 1), false).is_none());
    }
}
