//! A query, as Tantivy asks it.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, PhrasePrefixQuery, PhraseQuery,
    Query as Ask, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field as Column, IndexRecordOption};

use super::apart::Apart;
use super::query::{Field, Part, Query};
use super::schema::Fields;
use super::words;
use crate::kernel::clock::Timestamp;

/// How much a match in a title counts, in a body, and in the title of the chat around it.
pub(super) const WEIGHTS: [f32; 3] = [4.0, 1.0, 0.25];
/// Words that a beginning may stand for.
const BEGINNINGS: u32 = 400;

/// The question for the index. Things with one of the keys `late` are left out: newer rows answer for them.
pub(super) fn plan<'a>(query: &Query, fields: &Fields, late: impl Iterator<Item = &'a str>) -> BooleanQuery {
    let mut all: Vec<(Occur, Box<dyn Ask>)> = Vec::new();
    for part in &query.must {
        all.push((Occur::Must, one(part, fields)));
    }
    for part in &query.must_not {
        all.push((Occur::MustNot, Box::new(Apart(one(part, fields)))));
    }
    if query.since.is_some() || query.until.is_some() {
        let term = |at: Timestamp| Term::from_field_i64(fields.when, at.as_micros());
        let low = query.since.map_or(Bound::Unbounded, |at| Bound::Included(term(at)));
        let high = query.until.map_or(Bound::Unbounded, |at| Bound::Excluded(term(at)));
        all.push((Occur::Must, silent(Box::new(RangeQuery::new(low, high)))));
    }
    if !query.hidden.is_empty() {
        let sources = query.hidden.iter().map(|name| Term::from_field_text(fields.source, name));
        let hidden: Vec<(Occur, Box<dyn Ask>)> =
            vec![(Occur::Must, exact(fields.kind, "definition")), (Occur::Must, Box::new(TermSetQuery::new(sources)))];
        all.push((Occur::MustNot, Box::new(Apart(Box::new(BooleanQuery::new(hidden))))));
    }
    let late: Vec<Term> = late.map(|key| Term::from_field_text(fields.key, key)).collect();
    if !late.is_empty() {
        all.push((Occur::MustNot, Box::new(TermSetQuery::new(late))));
    }
    if !all.iter().any(|(occur, _)| *occur == Occur::Must) {
        all.push((Occur::Must, silent(Box::new(AllQuery))));
    }
    BooleanQuery::new(all)
}

/// The same without a say in the order of what is found.
fn silent(query: Box<dyn Ask>) -> Box<dyn Ask> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

fn exact(column: Column, text: &str) -> Box<dyn Ask> {
    Box::new(TermQuery::new(Term::from_field_text(column, text), IndexRecordOption::Basic))
}

fn one(part: &Part, fields: &Fields) -> Box<dyn Ask> {
    match part {
        Part::Word(word) => any(text_columns(fields).into_iter().flat_map(|(column, weight)| {
            let ways = one_word(word, column);
            ways.into_iter().map(move |(query, share)| boosted(query, weight * share))
        })),
        Part::Phrase(words) => {
            any(text_columns(fields).into_iter().map(|(column, weight)| boosted(phrase(words, column), weight)))
        }
        Part::Is(field, values) => silent(any(values.iter().map(|value| is(*field, value, fields)))),
    }
}

fn text_columns(fields: &Fields) -> [(Column, f32); 3] {
    let [title, body, chat] = WEIGHTS;
    [(fields.title, title), (fields.body, body), (fields.chat, chat)]
}

/// A word as it is, as a beginning, and with one letter wrong, and how much each counts.
fn one_word(word: &str, column: Column) -> Vec<(Box<dyn Ask>, f32)> {
    let term = Term::from_field_text(column, word);
    let letters = word.chars().count();
    let mut ways: Vec<(Box<dyn Ask>, f32)> =
        vec![(Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs)), 1.0)];
    if letters >= 2 {
        ways.push((begins(term.clone()), 0.5));
    }
    if letters >= 5 {
        ways.push((Box::new(FuzzyTermQuery::new(term, 1, true)), 0.2));
    }
    ways
}

fn begins(term: Term) -> Box<dyn Ask> {
    let mut query = PhrasePrefixQuery::new(vec![term]);
    query.set_max_expansions(BEGINNINGS);
    Box::new(query)
}

fn phrase(words: &[String], column: Column) -> Box<dyn Ask> {
    let terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(column, word)).collect();
    match <[Term; 1]>::try_from(terms) {
        Ok([term]) => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
        Err(terms) => Box::new(PhraseQuery::new(terms)),
    }
}

fn is(field: Field, value: &str, fields: &Fields) -> Box<dyn Ask> {
    match field {
        Field::Kind => exact(fields.kind, value),
        Field::Role => exact(fields.role, value),
        Field::Status => exact(fields.status, value),
        Field::Source => exact(fields.source, value),
        Field::Tag => exact(fields.tag, value),
        Field::Session => begins(Term::from_field_text(fields.session, value)),
        Field::Model => {
            let words: Vec<String> = words::words(value).into_iter().map(|word| word.text).collect();
            if words.is_empty() { exact(fields.model, value) } else { phrase(&words, fields.model_words) }
        }
    }
}

fn boosted(query: Box<dyn Ask>, by: f32) -> Box<dyn Ask> {
    Box::new(BoostQuery::new(query, by))
}

fn any(queries: impl Iterator<Item = Box<dyn Ask>>) -> Box<dyn Ask> {
    Box::new(BooleanQuery::new(queries.map(|query| (Occur::Should, query)).collect()))
}
