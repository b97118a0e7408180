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
    for (piece, wide) in clusters(text) {
        used += wide;
        if used > columns - 1 {
            break;
        }
        end += piece.len();
    }
    let mut short = text.get(..end).unwrap_or_default().to_owned();
    while width(&short) > columns - 1 {
        short.pop();
    }
    short.push('…');
    short
}

/// The pieces of `text` that must not be cut, each with its columns: a character with its accents, a flag, a family.
pub fn clusters(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut chars = rest.char_indices();
        let (_, first) = chars.next()?;
        let (mut before, mut flag) = (first, is_flag(first));
        let end = chars.find(|(_, c)| {
            let joined = before == '\u{200d}' || is_attached(*c) || (flag && is_flag(*c));
            flag = flag && is_attached(*c);
            before = *c;
            !joined
        });
        let (piece, left) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = left;
        // Most are one letter.
        Some((piece, if first.is_ascii() && piece.len() == 1 { 1 } else { width(piece) }))
    })
}

fn is_flag(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Accents, joiners, and skin tones, which belong to the character before them.
fn is_attached(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}') || UnicodeWidthChar::width(c) == Some(0)
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

    #[test]
    fn what_belongs_together_is_one_piece() {
        let found: Vec<(&str, usize)> = clusters("e\u{301}a👩‍👩‍👧🇵🇹🇩🇪👍🏽❤\u{fe0f}日").collect();
        let expected =
            [("e\u{301}", 1), ("a", 1), ("👩‍👩‍👧", 2), ("🇵🇹", 2), ("🇩🇪", 2), ("👍🏽", 2), ("❤\u{fe0f}", 2), ("日", 2)];
        assert_eq!(found, expected);
        assert_eq!(clusters("").next(), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_pieces(text in "\\PC{0,40}") {
            prop_assert_eq!(clusters(&text).map(|(piece, _)| piece).collect::<String>(), text);
        }

        #[test]
        fn a_truncated_text_fits(text in "\\PC{0,40}", columns in 0usize..30) {
            let short = truncate_to_width(&text, columns);
            prop_assert!(width(&short) <= columns, "{short:?}");
            prop_assert!(width(&pad(&short, columns)) == columns);
        }
    }
}
