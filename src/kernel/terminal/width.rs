//! How many columns text takes, and how to make it fit.
//!
//! It expects text of one line that is already safe: control characters have no width here worth speaking of.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text`, or as much of its beginning as fits in `columns` with a `…` behind it.
pub fn truncate_to_width(text: &str, columns: usize) -> String {
    // A text without wide characters is at most as wide as it has bytes.
    if text.len() <= columns || width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let (mut used, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        // U+FE0F asks for the wide picture of the character before it.
        used += if c == '\u{fe0f}' { 1 } else { UnicodeWidthChar::width(c).unwrap_or(1) };
        if used > columns - 1 {
            break;
        }
        end = at + c.len_utf8();
    }
    let mut short = text.get(..end).unwrap_or_default().to_owned();
    while width(&short) > columns - 1 {
        short.pop();
    }
    short.push('…');
    short
}

/// `text` with spaces behind it to fill `columns`; a wider text stays as it is.
pub fn pad(text: &str, columns: usize) -> String {
    let mut padded = text.to_owned();
    padded.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(text))));
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_are_counted_not_bytes() {
        assert_eq!([width("abc"), width("世界"), width("é"), width("e\u{301}"), width("👩‍👩‍👧")], [3, 4, 1, 1, 2]);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(truncate_to_width("abcdef", 6), "abcdef");
        assert_eq!(truncate_to_width("abcdef", 4), "abc…");
        assert_eq!(truncate_to_width("世界世界", 4), "世…");
        assert_eq!(truncate_to_width("世界", 1), "…");
        assert_eq!(truncate_to_width("ab", 0), "");
    }

    #[test]
    fn padding_fills_and_never_cuts() {
        assert_eq!(pad("世", 4), "世  ");
        assert_eq!(pad("long", 2), "long");
    }

    proptest! {
        #[test]
        fn a_truncated_text_fits(text in "\\PC{0,40}", columns in 0usize..30) {
            let short = truncate_to_width(&text, columns);
            prop_assert!(width(&short) <= columns, "{short:?}");
            prop_assert!(width(&pad(&short, columns)) == columns);
        }
    }
}
