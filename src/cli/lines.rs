//! Lines of what is piped in or stands in a file, none longer than is said.

use std::io::{BufRead, Read};

/// A line without its end.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// It.
    Whole(Vec<u8>),
    /// It was longer than it may be, and is passed over.
    TooLong,
}

/// The next line of at most `most` bytes; `None` at the end.
pub(super) fn next(from: &mut impl BufRead, most: usize) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    // One more, and the line's own end of two.
    if from.by_ref().take(most as u64 + 2).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let is_whole = line.ends_with(b"\n");
    if is_whole {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    if line.len() > most {
        if !is_whole {
            from.skip_until(b'\n')?;
        }
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Whole(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_and_the_long_ones_passed_over() {
        let text = b"one\r\n\nabcd\nabcde\nabcd\r\nabcdefghijklmnop\nlast";
        let mut from = std::io::BufReader::with_capacity(3, text.as_slice());
        let mut read = Vec::new();
        while let Some(line) = next(&mut from, 4).unwrap() {
            read.push(match line {
                Line::Whole(bytes) => String::from_utf8(bytes).unwrap(),
                Line::TooLong => "too long".to_string(),
            });
        }
        assert_eq!(read, ["one", "", "abcd", "too long", "abcd", "too long", "last"]);
    }
}
