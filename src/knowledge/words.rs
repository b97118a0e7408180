//! The words of a text, as the index and every comparison beside it see them.
//!
//! A word is a run of letters and digits, in lower case and without accents; where a script writes no spaces each sign is
//! a word of its own, so that what stands inside a sentence can be found too.

use std::ops::Range;
use std::str::CharIndices;

use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, TextAnalyzer, Token, TokenStream, Tokenizer,
};

/// The name under which the index knows [`analyzer`].
pub(super) const NAME: &str = "words";
/// Words that are longer, bytes, are not found. Long enough for a hash in hexadecimal digits.
const LONGEST: usize = 160;

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// Cuts texts into words, for the index.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words::default())
        .filter(RemoveLongFilter::limit(LONGEST))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    stream.process(&mut |token| {
        words.push(Word { text: token.text.clone(), at: token.offset_from..token.offset_to });
    });
    words
}

/// Whether a sign is a word of its own: Han, Hiragana, Katakana.
pub(super) fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[derive(Clone, Default)]
struct Words {
    token: Token,
}

struct Stream<'a> {
    text: &'a str,
    chars: CharIndices<'a>,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.token.reset();
        Stream { text, chars: text.char_indices(), token: &mut self.token }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some((from, first)) = self.chars.find(|(_, c)| c.is_alphanumeric()) else { return false };
        if !stands_alone(first) {
            loop {
                let rest = self.chars.clone().next();
                if !rest.is_some_and(|(_, c)| c.is_alphanumeric() && !stands_alone(c)) {
                    break;
                }
                self.chars.next();
            }
        }
        let to = self.chars.offset();
        self.token.position = self.token.position.wrapping_add(1);
        (self.token.offset_from, self.token.offset_to) = (from, to);
        self.token.text.clear();
        self.token.text.push_str(&self.text[from..to]);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn a_text_falls_into_words() {
        assert_eq!(texts("Ärger: git-log, 3x!  ΣΑΣ"), ["arger", "git", "log", "3x", "σασ"]);
        assert_eq!(texts("東京でtest済み"), ["東", "京", "で", "test", "済", "み"]);
        assert_eq!((texts(""), texts("— … !")), (vec![], vec![]));
        assert_eq!(texts(&"f".repeat(161)), [""; 0]);
        assert_eq!(words("a 東b")[1].at, 2..5);
    }

    proptest::proptest! {
        #[test]
        fn words_stand_where_they_say(text in "\\PC{0,60}") {
            let mut end = 0;
            for word in words(&text) {
                proptest::prop_assert!(word.at.start >= end && word.at.end > word.at.start);
                proptest::prop_assert!(text[word.at.clone()].chars().all(char::is_alphanumeric));
                end = word.at.end;
            }
        }
    }
}
