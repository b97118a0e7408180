//! Text that still comes, in sentences: each is given out as soon as it is certain that it ends.
//!
//! The pieces joined are the text, byte for byte. Decimals, abbreviations, initials and the numbers of lists end nothing;
//! a blank line and the beginning of a list's item do.

/// A piece that is longer than this is cut at a comma or a blank, letters.
const LONGEST: usize = 400;

/// Words before a full stop that does not end a sentence, in small letters.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "etc", "e.g", "i.e", "cf", "no", "nr", "fig", "vol", "p",
    "pp", "approx", "dept", "est", "inc", "ltd", "co", "corp", "al", "a.m", "p.m", "u.s", "u.k", "jan", "feb", "mar",
    "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "wed", "thu", "fri", "z.b", "d.h",
    "bzw", "usw", "ca", "u.a", "o.ä", "vgl", "abs", "str", "tel", "hr", "fr", "bspw", "evtl", "ggf", "inkl", "max",
    "min", "mme", "mlle", "sra", "srta", "ud", "uds", "av",
];

/// Cuts a growing text into sentences.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    held: String,
    /// Bytes of `held` that were looked at and end nothing.
    seen: usize,
    /// Letters in those.
    letters: usize,
    /// The last place in those where a long piece may be cut.
    gap: usize,
}

impl Splitter {
    /// Takes what came; gives the sentences that are whole now.
    pub fn push(&mut self, text: &str) -> Vec<String> {
        self.held.push_str(text);
        let mut whole = Vec::new();
        while let Some(end) = self.next_end(false) {
            whole.push(self.cut(end));
        }
        whole
    }

    /// Gives what is left, in sentences.
    pub fn finish(&mut self) -> Vec<String> {
        let mut whole = Vec::new();
        while let Some(end) = self.next_end(true) {
            whole.push(self.cut(end));
        }
        if !self.held.is_empty() {
            whole.push(self.cut(self.held.len()));
        }
        whole
    }

    fn cut(&mut self, end: usize) -> String {
        let rest = self.held.split_off(end);
        (self.seen, self.letters, self.gap) = (0, 0, 0);
        std::mem::replace(&mut self.held, rest)
    }

    /// Where the first piece ends, blanks behind it included. `last`: nothing comes behind what is there.
    fn next_end(&mut self, last: bool) -> Option<usize> {
        let text = self.held.as_str();
        let (mut at, mut letters, mut gap) = (self.seen, self.letters, self.gap);
        let mut found = None;
        while let Some(c) = text[at..].chars().next() {
            let next = at + c.len_utf8();
            match ends_here(text, at, c, last) {
                Verdict::End(end) => {
                    found = Some(end);
                    break;
                }
                // What comes decides.
                Verdict::Wait => break,
                Verdict::No => {}
            }
            if c.is_whitespace() || matches!(c, '，' | '、') {
                gap = next;
            }
            letters += 1;
            at = next;
            if letters >= LONGEST && gap > 0 {
                found = Some(gap);
                break;
            }
        }
        (self.seen, self.letters, self.gap) = (at, letters, gap);
        found
    }
}

/// What a character says about the end of a sentence.
enum Verdict {
    /// Here it ends, before this byte.
    End(usize),
    /// The next characters have to be known.
    Wait,
    /// Not here.
    No,
}

fn ends_here(text: &str, at: usize, c: char, last: bool) -> Verdict {
    let after = at + c.len_utf8();
    match c {
        '。' | '！' | '？' | '｡' => behind(text, closing(text, after), last),
        '.' | '!' | '?' | '…' => {
            // Quotes and brackets, and more marks, belong to the sentence.
            let end = closing(text, after);
            match text[end..].chars().next() {
                None if !last => Verdict::Wait,
                Some(next) if !next.is_whitespace() => Verdict::No,
                _ if c == '.' && end == after && is_short(text, at) => Verdict::No,
                _ => behind(text, end, last),
            }
        }
        '\n' => line_end(text, after, last),
        _ => Verdict::No,
    }
}

/// The end of the blanks behind a sentence: they are its own.
fn behind(text: &str, end: usize, last: bool) -> Verdict {
    match text[end..].char_indices().find(|(_, c)| !c.is_whitespace()) {
        Some((more, _)) => Verdict::End(end + more),
        None if last => Verdict::End(text.len()),
        None => Verdict::Wait,
    }
}

/// Behind quotes, brackets and more marks.
fn closing(text: &str, from: usize) -> usize {
    let belongs = |c: char| {
        matches!(c, '"' | '\'' | '”' | '’' | '»' | '）' | ')' | ']' | '.' | '!' | '?' | '…' | '」' | '』' | '*' | '_')
    };
    text[from..].char_indices().find(|(_, c)| !belongs(*c)).map_or(text.len(), |(at, _)| from + at)
}

/// A line ends: the piece too when an empty line or an item of a list follows.
fn line_end(text: &str, after: usize, last: bool) -> Verdict {
    let rest = &text[after..];
    let Some((more, first)) = rest.char_indices().find(|(_, c)| !matches!(c, ' ' | '\t')) else {
        return if last { Verdict::No } else { Verdict::Wait };
    };
    match first {
        '\n' | '\r' => behind(text, after, last),
        '#' | '|' | '>' => Verdict::End(after),
        '-' | '*' | '+' | '•' => match rest[more + first.len_utf8()..].chars().next() {
            None if !last => Verdict::Wait,
            Some(' ') => Verdict::End(after),
            _ => Verdict::No,
        },
        '0'..='9' => {
            let digits = rest[more..].chars().take(10).take_while(char::is_ascii_digit).count();
            match (rest[more + digits..].chars().next(), rest[more + digits..].chars().nth(1)) {
                (Some('.' | ')'), Some(' ')) => Verdict::End(after),
                (None, _) | (Some('.' | ')'), None) if !last && digits < 10 => Verdict::Wait,
                _ => Verdict::No,
            }
        }
        _ => Verdict::No,
    }
}

/// Whether the word before the full stop at `dot` is one that goes on: an abbreviation, an initial, the number of an item.
fn is_short(text: &str, dot: usize) -> bool {
    // No word of the list is longer.
    let from = text[..dot].char_indices().rev().take(24).find(|(_, c)| c.is_whitespace() || *c == '(');
    let start = match from {
        Some((at, c)) => at + c.len_utf8(),
        None if text[..dot].chars().count() < 24 => 0,
        None => return false,
    };
    let word = text[start..dot].to_lowercase();
    let mut letters = word.chars();
    let single = matches!((letters.next(), letters.next()), (Some(c), None) if c.is_alphabetic());
    let number = !word.is_empty() && word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit());
    let begins_line = text[..start].chars().next_back().is_none_or(|c| c == '\n');
    // `I` is a word of its own as often as an initial.
    (single && word != "i") || ABBREVIATIONS.contains(&word.as_str()) || (number && begins_line)
}

/// A whole text in sentences.
pub fn split(text: &str) -> Vec<String> {
    let mut splitter = Splitter::default();
    let mut all = splitter.push(text);
    all.extend(splitter.finish());
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sentences_end_where_a_reader_would_breathe() {
        assert_eq!(split("One. Two! Three? Four"), ["One. ", "Two! ", "Three? ", "Four"]);
        assert_eq!(split("He said \"Stop.\" Then he left."), ["He said \"Stop.\" ", "Then he left."]);
        assert_eq!(split("Wait... what?! Yes."), ["Wait... ", "what?! ", "Yes."]);
        assert_eq!(split("你好。今天好吗？好！"), ["你好。", "今天好吗？", "好！"]);
        assert_eq!(split("a\n\nb"), ["a\n\n", "b"]);
    }

    #[test]
    fn what_only_looks_like_an_end_is_none() {
        for whole in [
            "Pi is 3.14 or so.",
            "Dr. Smith met Mrs. Jones.",
            "Use e.g. this one.",
            "J. R. R. Tolkien wrote it.",
            "Das ist z.B. so.",
            "See https://a.b/c.d?e=f now.",
            "1. First of all.",
            "a\nb",
        ] {
            assert_eq!(split(whole), [whole]);
        }
        assert_eq!(split("So am I. You too."), ["So am I. ", "You too."]);
    }

    #[test]
    fn items_of_lists_are_pieces() {
        assert_eq!(
            split("Buy:\n- milk\n- eggs\n1. then\n2. go"),
            ["Buy:\n", "- milk\n", "- eggs\n", "1. then\n", "2. go"]
        );
    }

    #[test]
    fn a_sentence_is_given_out_as_soon_as_it_is_certain() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.push("It is 3."), [""; 0]);
        assert_eq!(splitter.push("5 now. "), [""; 0]);
        assert_eq!(splitter.push("A"), ["It is 3.5 now. "]);
        assert_eq!(splitter.push("nd more"), [""; 0]);
        assert_eq!(splitter.finish(), ["And more"]);
    }

    #[test]
    fn what_never_ends_is_cut_between_words() {
        let long = "word ".repeat(200);
        let pieces = split(&long);
        assert!(pieces.len() >= 2 && pieces.iter().all(|p| p.chars().count() <= LONGEST), "{}", pieces.len());
        assert_eq!(pieces.concat(), long);
    }

    proptest! {
        #[test]
        fn pieces_joined_are_the_text(text in "([a-zA-Z0-9é。！.!?,\"'\n\r -]|e\\.g\\. |\n- |3\\.5|\n\n){0,60}", cuts in proptest::collection::vec(0usize..120, 0..6)) {
            let whole = split(&text);
            prop_assert_eq!(whole.concat(), text.clone());
            prop_assert!(whole.iter().all(|piece| !piece.is_empty()));
            // However it comes, the pieces are the same.
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| text.floor_char_boundary(c.min(text.len()))).collect();
            cuts.sort_unstable();
            let (mut splitter, mut got, mut from) = (Splitter::default(), Vec::new(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                got.extend(splitter.push(&text[from..cut]));
                from = cut;
            }
            got.extend(splitter.finish());
            prop_assert_eq!(got, whole);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            prop_assert_eq!(split(&text).concat(), text);
        }
    }
}
