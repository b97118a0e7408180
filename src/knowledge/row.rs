//! The same question asked of a row that the index has not read yet.

use super::doc::Doc;
use super::excerpt::answers;
use super::plan::WEIGHTS;
use super::query::{Field, Part, Query};
use super::words;

/// How well a thing fits; `None` when it does not.
pub(super) fn fits(doc: &Doc<'_>, query: &Query) -> Option<f32> {
    let texts = [doc.title, doc.body, doc.chat].map(texts);
    let hidden = doc.kind.name() == "definition" && query.hidden.iter().any(|source| source == doc.source);
    let early = query.since.is_some_and(|since| doc.when < since);
    let late = query.until.is_some_and(|until| doc.when >= until);
    let refused = query.must_not.iter().any(|part| fit(part, doc, &texts).is_some());
    if hidden || early || late || refused {
        return None;
    }
    query.must.iter().map(|part| fit(part, doc, &texts)).sum()
}

fn texts(text: &str) -> Vec<String> {
    words::words(text).into_iter().map(|word| word.text).collect()
}

fn fit(part: &Part, doc: &Doc<'_>, texts: &[Vec<String>; 3]) -> Option<f32> {
    let weigh = |holds: &dyn Fn(&[String]) -> bool| {
        let found = texts.iter().zip(WEIGHTS).filter(|(words, _)| holds(words));
        found.map(|(_, weight)| weight).reduce(f32::max)
    };
    match part {
        Part::Word(wanted) => {
            let begins = wanted.chars().count() >= 2;
            weigh(&|words| words.iter().any(|word| word == wanted || (begins && answers(word, wanted))))
        }
        Part::Phrase(wanted) => weigh(&|words| words.windows(wanted.len()).any(|part| part == wanted.as_slice())),
        Part::Is(field, values) => values.iter().any(|value| is(*field, value, doc)).then_some(0.0),
    }
}

fn is(field: Field, value: &str, doc: &Doc<'_>) -> bool {
    match field {
        Field::Kind => doc.kind.name() == value,
        Field::Role => doc.role == value,
        Field::Status => doc.status == value,
        Field::Source => doc.source == value,
        Field::Tag => doc.tags.iter().any(|tag| tag == value),
        Field::Session => doc.sessions.iter().any(|name| name.starts_with(value)),
        Field::Model => {
            let (wanted, model) = (texts(value), texts(doc.model));
            if wanted.is_empty() { doc.model == value } else { model.windows(wanted.len()).any(|part| part == wanted) }
        }
    }
}
