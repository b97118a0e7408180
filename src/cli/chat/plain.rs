//! Reading without a terminal: every line is a message, or a block of lines between `"""`.

use std::io::{BufRead, Read};

use super::input::{BLOCK, Input, parse};
use crate::kernel::error::{Error, Kind, Result};

/// The longest line, and the longest block, in bytes.
const LONGEST: u64 = 64 << 20;

/// Reads the next thing that is not empty. A block that is never closed ends with the input. Bytes that are not UTF-8
/// are replaced.
pub fn read(from: &mut impl BufRead) -> Result<Input> {
    while let Some(line) = line(from)? {
        let text = line.trim();
        let block = text.strip_prefix(BLOCK).filter(|rest| !rest.ends_with(BLOCK));
        let typed = if block.is_some() { rest_of_block(line, from)? } else { line };
        if let Some(input) = parse(&typed) {
            return Ok(input);
        }
    }
    Ok(Input::End)
}

fn rest_of_block(mut typed: String, from: &mut impl BufRead) -> Result<String> {
    while let Some(line) = line(from)? {
        typed.push_str(&line);
        if line.trim_end().ends_with(BLOCK) {
            break;
        }
        if typed.len() as u64 > LONGEST {
            return Err(too_long());
        }
    }
    Ok(typed)
}

/// The next line with its newline; `None` at the end.
fn line(from: &mut impl BufRead) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let failed = |e| Error::new(Kind::Failed, "cannot read standard input").because(e);
    let read = from.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes).map_err(failed)?;
    if read as u64 > LONGEST {
        return Err(too_long());
    }
    Ok((read > 0).then(|| String::from_utf8_lossy(&bytes).replace("\r\n", "\n")))
}

fn too_long() -> Error {
    Error::new(Kind::BadData, "a message of more than 64 MiB came on standard input")
        .hint("attach it with /attach FILE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut from = std::io::Cursor::new(text.as_bytes().to_vec());
        let mut out = Vec::new();
        loop {
            match read(&mut from).unwrap() {
                Input::End => return out,
                Input::Message(text) => out.push(text),
                other => out.push(format!("{other:?}")),
            }
        }
    }

    #[test]
    fn lines_and_blocks_are_messages() {
        let text = "one\r\n\n\"\"\"\ntwo\n\n/three\n\"\"\"\n/model x\n\"\"\"four\"\"\"\n\"\"\"five\nsix";
        assert_eq!(all(text), ["one", "two\n\n/three", "Command(Model, \"x\")", "four", "five\nsix"]);
        assert_eq!(all(""), [""; 0]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let mut from = std::io::Cursor::new(b"a\xffb\n".to_vec());
        assert!(matches!(read(&mut from).unwrap(), Input::Message(text) if text == "a\u{fffd}b"));
    }
}
