//! Copying out of an answer: exactly what the model wrote, to the clipboard of the terminal the person sits at.

use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::markdown::code_blocks;
use crate::kernel::terminal::copy_sequence;

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

/// The sequence that puts `text` on the clipboard.
pub fn sequence(text: &str, in_tmux: bool) -> Result<String> {
    copy_sequence(text, in_tmux).ok_or_else(|| {
        Error::new(Kind::Failed, "this is too much for the clipboard of a terminal")
            .hint("write it to a file with `/save FILE`")
    })
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
}
