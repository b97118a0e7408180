//! The place in a text that answers a query best, on one line, and which words of it match.

use std::ops::Range;

use super::query::Query;
use super::words;

/// Characters of an excerpt.
const LENGTH: usize = 160;
/// Characters before the first word that matches.
const BEFORE: usize = 40;
/// Bytes that are looked at; a longer text is not read to its end.
const READ: usize = 256 * 1024;

/// A part of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// The words that match, as bytes of `text`.
    pub(super) marks: Vec<Range<usize>>,
}

/// Whether a word of a text answers a word of a query: it is that, begins so, or (from five letters) differs by one.
pub(super) fn answers(word: &str, wanted: &str) -> bool {
    word.starts_with(wanted) || (wanted.chars().count() >= 5 && strsim::osa_distance(word, wanted) <= 1)
}

/// The line that holds the most of the wanted words, shortened around the first of them.
pub(super) fn excerpt(body: &str, query: &Query) -> Excerpt {
    let wanted = query.words();
    let body = &body[..body.floor_char_boundary(READ)];
    let mut best: Option<(usize, &str)> = None;
    for line in body.lines().filter(|line| !line.trim().is_empty()) {
        let hits = wanted.iter().filter(|wanted| holds(line, wanted)).count();
        if best.is_none_or(|(most, _)| hits > most) {
            best = Some((hits, line));
        }
        if hits == wanted.len() {
            break;
        }
    }
    let Some((_, line)) = best else { return Excerpt::default() };
    cut(line.trim(), &wanted)
}

/// Where the next word after a space begins, unless that is behind `last`.
fn next_word(line: &str, start: usize, last: usize) -> usize {
    let between = &line[start..last];
    let space = between.find(char::is_whitespace).unwrap_or(0);
    start + between.len() - between[space..].trim_start().len()
}

/// Whether a line has a word somewhere, roughly: it is asked of every line.
fn holds(line: &str, wanted: &str) -> bool {
    match line.is_ascii() {
        true => line.to_ascii_lowercase().contains(wanted),
        false => words::words(line).iter().any(|word| word.text.contains(wanted)),
    }
}

fn cut(line: &str, wanted: &[&str]) -> Excerpt {
    let marks: Vec<Range<usize>> = words::words(line)
        .into_iter()
        .filter(|word| wanted.iter().any(|wanted| answers(&word.text, wanted)))
        .map(|word| word.at)
        .collect();
    let first = marks.first().map_or(0, |mark| mark.start);
    // At most BEFORE characters before the first match, and from the beginning of a word.
    let start = line[..first].char_indices().rev().take(BEFORE).last().map_or(first, |(at, _)| at);
    let start = if line[..start].chars().count() <= 1 { 0 } else { next_word(line, start, first) };
    let end = line[start..].char_indices().nth(LENGTH).map_or(line.len(), |(at, _)| start + at);
    let (lead, tail) = (if start > 0 { "…" } else { "" }, if end < line.len() { "…" } else { "" });
    let text = format!("{lead}{}{tail}", &line[start..end]);
    let inside = marks.into_iter().filter(|mark| mark.start >= start && mark.end <= end);
    Excerpt { text, marks: inside.map(|m| m.start - start + lead.len()..m.end - start + lead.len()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str, words: &str) -> (String, Vec<String>) {
        let found = excerpt(body, &Query::plain(words));
        let marked = found.marks.iter().map(|m| found.text[m.clone()].to_string()).collect();
        (found.text, marked)
    }

    #[test]
    fn an_excerpt_is_the_line_that_says_most() {
        let body = "nothing here\ncompress a folder with tar\ntar\n";
        let (text, marked) = of(body, "compress folder");
        assert_eq!(
            (text.as_str(), marked),
            ("compress a folder with tar", vec!["compress".to_string(), "folder".to_string()])
        );
        assert_eq!(of("", "x"), (String::new(), vec![]));
        assert_eq!(of("only this", "zebra"), ("only this".to_string(), vec![]));
    }

    #[test]
    fn a_long_line_is_cut_around_the_first_match_and_the_marks_move_along() {
        let line = format!("{} Ärger about arguments {}", "é ".repeat(100), "ö ".repeat(100));
        let (text, marked) = of(&line, "arger argumnets");
        assert!(text.starts_with("…é é") && text.ends_with("ö…"), "{text}");
        assert_eq!(text.chars().count(), LENGTH + 2);
        assert_eq!(marked, ["Ärger", "arguments"]);
    }

    proptest::proptest! {
        #[test]
        fn any_words_make_an_excerpt_with_marks_inside(words in ".{0,40}", body in "(\\PC|\n){0,400}") {
            let found = excerpt(&body, &Query::plain(&words));
            proptest::prop_assert!(found.text.chars().count() <= LENGTH + 2);
            for mark in &found.marks {
                proptest::prop_assert!(found.text.get(mark.clone()).is_some());
            }
        }
    }
}
