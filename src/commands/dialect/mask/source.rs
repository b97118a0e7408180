//! What adapters that read a whole Markdown file share: its text without front matter, and pieces of it by line.
//!
//! It knows no dialect. Offsets and lines are those of the file, because nothing is ever removed.

use std::borrow::Cow;

use super::super::front_matter;
use crate::kernel::markdown::LineIndex;

/// `text` with its front matter overwritten by blanks, so that bytes and lines keep their places.
pub(in crate::commands::dialect) fn body(text: &str) -> Cow<'_, str> {
    let end = text.len() - front_matter::split(text).body.len();
    if end == 0 {
        return Cow::Borrowed(text);
    }
    let blank = |b: u8| if matches!(b, b'\n' | b'\r') { char::from(b) } else { ' ' };
    let mut out: String = text.as_bytes()[..end].iter().map(|b| blank(*b)).collect();
    out.push_str(&text[end..]);
    Cow::Owned(out)
}

/// The lines `first..=last` (1-based) of `text`, without the line ending of the last.
pub(in crate::commands::dialect) fn lines_of<'a>(
    text: &'a str,
    index: &LineIndex,
    first: usize,
    last: usize,
) -> &'a str {
    let (start, end) = (index.start_of(first), index.start_of(last + 1));
    text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r'])
}

/// Whether a shell can read a variable of this name.
pub(in crate::commands::dialect) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanking_keeps_bytes_and_lines() {
        let text = "---\r\nname: \u{e9}\r\n---\r\n# T\r\n";
        let blanked = body(text);
        assert_eq!(blanked.len(), text.len());
        assert_eq!(blanked, "   \r\n        \r\n   \r\n# T\r\n");
        assert!(matches!(body("# T\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn pieces_are_taken_by_line() {
        let text = "a\r\nb\n\nc";
        let index = LineIndex::new(text);
        assert_eq!(lines_of(text, &index, 1, 2), "a\r\nb");
        assert_eq!(lines_of(text, &index, 4, 4), "c");
        assert_eq!(lines_of(text, &index, 9, 12), "");
    }
}
