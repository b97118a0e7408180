//! Copying out of an answer: exactly what the model wrote, to the clipboard of the terminal the person sits at.
//!
//! OSC 52 carries the text through the terminal, so it works over SSH and knows nothing of how lines were wrapped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::markdown::code_blocks;

/// The most that is copied, in bytes: terminals drop longer sequences silently.
const LONGEST: usize = 1 << 20;

/// What `/copy` with this argument takes from an answer: all of it, or its n-th code block (counted from 1).
pub fn pick(answer: &str, argument: &str) -> Result<String> {
    if argument.is_empty() {
        return Ok(answer.trim_end_matches('\n').to_string());
    }
    let usage = || {
        Error::new(Kind::Usage, format!("`{argument}` is not the number of a code block"))
            .hint("write `/copy` or `/copy 1`")
    };
    let number: usize = argument.parse().map_err(|_| usage())?;
    let blocks = code_blocks(answer);
    let found = number.checked_sub(1).and_then(|at| blocks.get(at));
    found.cloned().ok_or_else(|| {
        let count = match blocks.len() {
            0 => "no code block".to_string(),
            1 => "one code block".to_string(),
            n => format!("{n} code blocks"),
        };
        Error::new(Kind::NotFound, format!("the answer has {count}")).hint("`/copy` takes all of it")
    })
}

/// The sequence that puts `text` on the clipboard; inside of tmux also the one that reaches the terminal around it.
pub fn sequence(text: &str, in_tmux: bool) -> Result<String> {
    if text.len() > LONGEST {
        return Err(Error::new(Kind::Failed, "this is too much for the clipboard of a terminal")
            .hint("write it to a file with `/save FILE`"));
    }
    let plain = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    Ok(if in_tmux { format!("\x1bPtmux;{}\x1b\\{plain}", plain.replace('\x1b', "\x1b\x1b")) } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "See:\n\n```sh\nls  -l\n\n\tcat\n```\n\n- x\n  ```\n  two\n  ```\n\n> ~~~\n> three\n> ~~~\n";

    #[test]
    fn blocks_are_taken_as_they_were_written() {
        assert_eq!(code_blocks(ANSWER), ["ls  -l\n\n\tcat\n", "two\n", "three\n"]);
        assert_eq!(pick(ANSWER, "2").unwrap(), "two\n");
        assert_eq!(pick(ANSWER, "").unwrap(), ANSWER.trim_end());
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(pick(ANSWER, "4").unwrap_err().full_message(), "the answer has 3 code blocks");
        assert_eq!(pick("x", "0").unwrap_err().full_message(), "the answer has no code block");
        assert_eq!(pick("x", "all").unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn the_sequence_carries_any_text_as_letters() {
        assert_eq!(sequence("a\x1b\n", false).unwrap(), "\x1b]52;c;YRsK\x07");
        assert_eq!(sequence("a", true).unwrap(), "\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\\x1b]52;c;YQ==\x07");
        assert!(sequence(&"x".repeat(LONGEST + 1), false).is_err());
    }
}
