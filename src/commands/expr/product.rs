//! `*` in conditions is for numbers: a text or a list times a number would be as large as whoever wrote it likes.
//!
//! It reads the words of an expression and judges each `*` by what stands beside it. It knows no values: what is not a
//! number by its looks is to be made one, by `|int` or `|float`.

use super::words::{Word, words};

/// What makes a number of anything.
const MAKERS: [&str; 3] = ["int", "float", "length"];

/// Whether every product in it is one of numbers.
///
/// # Errors
/// A sentence about the first that is not.
pub(super) fn of_numbers(expression: &str) -> Result<(), String> {
    if !expression.contains('*') {
        return Ok(());
    }
    let words = words(expression);
    for (at, word) in words.iter().enumerate() {
        if *word == Word::Sign("*") && !(ends_in_number(&words[..at]) && begins_with_number(&words[at + 1..])) {
            return Err("`*` is for numbers: write `x|int * 2` or `x|float * 2`".to_string());
        }
    }
    Ok(())
}

/// Whether the operand that ends here is a number.
fn ends_in_number(words: &[Word<'_>]) -> bool {
    match words {
        // `a.0` is what stands there.
        [.., Word::Sign("."), Word::Number] => false,
        [.., Word::Number] => true,
        [.., Word::Sign("|"), Word::Name(name)] => MAKERS.contains(name),
        [.., Word::Sign(")")] => opening(words).is_some_and(
            |open| matches!(words[..open], [.., Word::Sign("|"), Word::Name(name)] if MAKERS.contains(&name)),
        ),
        _ => false,
    }
}

/// Whether the operand that begins here is a number.
fn begins_with_number(words: &[Word<'_>]) -> bool {
    let words = if words.first() == Some(&Word::Sign("-")) { &words[1..] } else { words };
    let mut at = match words.first() {
        Some(Word::Sign("(" | "[")) => closing(words, 0),
        Some(Word::Sign(_)) | None => return false,
        Some(_) => 1,
    };
    let mut is_number = words.first() == Some(&Word::Number);
    while let Some(word) = words.get(at) {
        match (word, words.get(at + 1)) {
            (Word::Sign("|"), Some(Word::Name(name))) => {
                is_number = MAKERS.contains(name);
                at += 2;
                if words.get(at) == Some(&Word::Sign("(")) {
                    at = closing(words, at);
                }
            }
            (Word::Sign("."), Some(_)) => (is_number, at) = (false, at + 2),
            (Word::Sign("(" | "["), _) => (is_number, at) = (false, closing(words, at)),
            _ => break,
        }
    }
    is_number
}

/// Where the bracket of the last word was opened.
fn opening(words: &[Word<'_>]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, word) in words.iter().enumerate().rev() {
        match word {
            Word::Sign(")" | "]" | "}") => depth += 1,
            Word::Sign("(" | "[" | "{") => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// What comes after the bracket that is opened at `from`.
fn closing(words: &[Word<'_>], from: usize) -> usize {
    let mut depth = 0usize;
    for (at, word) in words.iter().enumerate().skip(from) {
        match word {
            Word::Sign("(" | "[" | "{") => depth += 1,
            Word::Sign(")" | "]" | "}") => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    words.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_multiplied() {
        for good in [
            "1 * 2",
            "2 * -3 * 4.5",
            "x|int * 2",
            "2 * x.y[0]|float",
            "x|float(0) * y|default(1)|int",
            "'a*b' == c",
            "(a + b)|int * (c|length)|int",
            "2 ** 3 * 4",
            "a == \"\\\"*\"",
            "60 * 24 if a else 3",
        ] {
            assert_eq!(of_numbers(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_may_be_a_text_or_a_list_may_not() {
        for bad in [
            "'x' * 3",
            "3 * 'x'",
            "x * 3",
            "3 * x",
            "x.y * 3",
            "[1] * 3",
            "3 * [1]",
            "(1,) * 3",
            "3 * (1, 2)",
            "x|default('x') * 3",
            "3 * x|default('x')",
            "3 * x|int|default",
            "('x') * 3",
            "x[0] * 3",
            "3 * f()",
            "f(2) * 3",
            "x|int.y * 3",
            "*",
            "2 *",
            ") * 3",
        ] {
            assert!(of_numbers(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged(text in "[-*|.'\"()\\[\\]{}a1 \\\\]{0,40}") {
            let _ = of_numbers(&text);
        }
    }
}
