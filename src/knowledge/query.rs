//! What somebody typed as a query: every word must match, the last one as a beginning, titles count more.

use tantivy::Term;
use tantivy::query::{BooleanQuery, BoostQuery, FuzzyTermQuery, Occur, PhrasePrefixQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::{LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer, TokenStream};

use super::Hit;
use crate::store::SearchDoc;

/// How much more a match in a title counts.
const TITLE: f32 = 4.0;

/// The words of a text as the index sees them.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut analyzer = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(40))
        .filter(LowerCaser)
        .build();
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    stream.process(&mut |token| words.push(token.text.clone()));
    words
}

/// A query in which each word stands in one of the fields, exactly, as a beginning, or (from five letters) with one
/// letter wrong. `None` when there is no word.
pub(super) fn build(words: &str, fields: [Field; 2], kind: Option<Term>) -> Option<BooleanQuery> {
    let words = tokens(words);
    if words.is_empty() {
        return None;
    }
    let mut all: Vec<(Occur, Box<dyn Query>)> = words.iter().map(|w| (Occur::Must, one_word(w, fields))).collect();
    if let Some(kind) = kind {
        let only = TermQuery::new(kind, IndexRecordOption::Basic);
        all.push((Occur::Must, Box::new(BoostQuery::new(Box::new(only), 0.0))));
    }
    Some(BooleanQuery::new(all))
}

fn one_word(word: &str, fields: [Field; 2]) -> Box<dyn Query> {
    let mut any: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (field, boost) in fields.into_iter().zip([TITLE, 1.0]) {
        let term = Term::from_field_text(field, word);
        let exact = TermQuery::new(term.clone(), IndexRecordOption::WithFreqs);
        any.push((Occur::Should, Box::new(BoostQuery::new(Box::new(exact), boost))));
        if word.chars().count() >= 2 {
            let begins = PhrasePrefixQuery::new(vec![term.clone()]);
            any.push((Occur::Should, Box::new(BoostQuery::new(Box::new(begins), boost * 0.5))));
        }
        if word.chars().count() >= 5 {
            let near = FuzzyTermQuery::new(term, 1, true);
            any.push((Occur::Should, Box::new(BoostQuery::new(Box::new(near), boost * 0.2))));
        }
    }
    Box::new(BooleanQuery::new(any))
}

/// The same question asked of a row that is not in the index yet.
pub(super) fn match_row(row: &SearchDoc, words: &str, kind: Option<&str>) -> Option<Hit> {
    if row.deleted || kind.is_some_and(|k| k != row.kind.name()) {
        return None;
    }
    let (title, body) = (tokens(&row.title), tokens(&row.body));
    let near = |t: &String, word: &String| word.chars().count() >= 5 && strsim::osa_distance(t, word) <= 1;
    let begins = |list: &[String], word: &String| list.iter().any(|t| t.starts_with(word.as_str()) || near(t, word));
    let wanted = tokens(words);
    let mut score = 0.0;
    for word in &wanted {
        score += match (begins(&title, word), begins(&body, word)) {
            (true, _) => TITLE,
            (false, true) => 1.0,
            (false, false) => return None,
        };
    }
    (!wanted.is_empty()).then(|| Hit {
        kind: row.kind.name().to_string(),
        key: row.key.clone(),
        title: row.title.clone(),
        excerpt: excerpt(&row.body, words),
        score,
    })
}

/// The line of a text that holds the most of the words, shortened around the first of them.
pub(super) fn excerpt(body: &str, words: &str) -> String {
    let wanted = tokens(words);
    let hits = |line: &str| {
        let line = line.to_lowercase();
        wanted.iter().filter(|w| line.contains(w.as_str())).count()
    };
    let lines = body.lines().filter(|l| !l.trim().is_empty());
    let best = lines.map(|l| (hits(l), l)).reduce(|a, b| if b.0 > a.0 { b } else { a });
    let Some((count, line)) = best else { return String::new() };
    let line = line.trim();
    let start = if count == 0 { 0 } else { first_place(line, &wanted).saturating_sub(40) };
    let cut: String = line.chars().skip(start).take(160).collect();
    if start > 0 { format!("…{cut}") } else { cut }
}

/// Characters before the first wanted word.
fn first_place(line: &str, wanted: &[String]) -> usize {
    let lower = line.to_lowercase();
    let byte = wanted.iter().filter_map(|w| lower.find(w.as_str())).min().unwrap_or(0);
    lower[..byte].chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_the_line_that_says_most() {
        let body = "nothing here\ncompress a folder with tar\ntar\n";
        assert_eq!(excerpt(body, "compress folder"), "compress a folder with tar");
        assert_eq!(excerpt("", "x"), "");
    }

    #[test]
    fn a_query_needs_a_word() {
        let field = Field::from_field_id(0);
        assert!(build("  --- ", [field, field], None).is_none());
        assert!(build("tar xz", [field, field], None).is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_words_make_a_query_and_an_excerpt(words in ".{0,40}", body in ".{0,80}") {
            let field = Field::from_field_id(0);
            let _ = build(&words, [field, field], None);
            let _ = excerpt(&body, &words);
        }
    }
}
