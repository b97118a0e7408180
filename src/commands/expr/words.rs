//! The words of an expression, and how many of them join others. It knows nothing of what they mean.

/// A word of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word<'t> {
    Number,
    Text,
    Name(&'t str),
    Sign(&'t str),
}

/// The words of an expression. What is no word of any is a sign.
pub(super) fn words(expression: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            '\'' | '"' => (Word::Text, text_end(rest, first)),
            c if c.is_ascii_digit() => {
                (Word::Number, end_of(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')))
            }
            c if c == '_' || c.is_alphabetic() => {
                let end = end_of(rest, |c| c == '_' || c.is_alphanumeric());
                (Word::Name(&rest[..end]), end)
            }
            _ if rest.starts_with("**") => (Word::Sign("**"), 2),
            c => (Word::Sign(&rest[..c.len_utf8()]), c.len_utf8()),
        };
        words.push(word);
        rest = rest[length..].trim_start();
    }
    words
}

fn end_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Where a quoted text ends, with its quotes.
fn text_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// How many of its words join others, and so may stand in one another: a reader goes as deep as they do.
pub(super) fn joints(expression: &str) -> usize {
    let joins = |word: &Word<'_>| match word {
        Word::Sign(sign) => !matches!(*sign, "," | ")" | "]" | "}" | "=" | "!"),
        Word::Name(name) => matches!(*name, "and" | "or" | "not" | "in" | "is" | "if" | "else"),
        Word::Number | Word::Text => false,
    };
    words(expression).iter().filter(|word| joins(word)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_joins_is_counted_and_lists_are_not() {
        assert_eq!(joints("a in ['-', 'not', \"x and y\", 4.5]"), 2);
        assert_eq!(joints("not a.b|int < -3 and c is defined"), 7);
    }
}
