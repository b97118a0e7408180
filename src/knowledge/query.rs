//! The language of a search: words, `"exact phrases"`, `field:value`, and `-` before what must not be there.
//!
//! Every part must match. A word also matches as a beginning, and from five letters with one letter wrong. A field takes
//! several values parted by commas, of which one must match.

use jiff::tz::TimeZone;

use super::words::{self, stands_alone};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::near::nearest;
use crate::kernel::when;

/// A field of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Kind,
    Role,
    Model,
    Session,
    Tag,
    Status,
    Source,
}

/// Every field by its name; `since` and `until` are no fields of a thing but bounds of its time.
const FIELDS: [(&str, Option<Field>); 9] = [
    ("kind", Some(Field::Kind)),
    ("role", Some(Field::Role)),
    ("model", Some(Field::Model)),
    ("session", Some(Field::Session)),
    ("tag", Some(Field::Tag)),
    ("status", Some(Field::Status)),
    ("source", Some(Field::Source)),
    ("since", None),
    ("until", None),
];

/// Parts of one query.
const MOST: usize = 100;

/// What `kind:` takes, and the words of the store.
const KINDS: [(&str, &str); 5] = [
    ("command", "definition"),
    ("run", "run"),
    ("message", "message"),
    ("memory", "memory"),
    ("recording", "recording"),
];

/// One part of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// A word, its beginning, or nearly it.
    Word(String),
    /// These words side by side, exactly.
    Phrase(Vec<String>),
    /// One of the values, in lower case.
    Is(Field, Vec<String>),
}

/// A query that was understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub(super) must: Vec<Part>,
    pub(super) must_not: Vec<Part>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) hidden: Vec<String>,
}

impl Query {
    /// Reads a query. Days are those of `zone`. `Usage` for a field that is none, naming the one that was perhaps meant,
    /// for a kind or a time that is none, and for more parts than anybody means.
    pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Query> {
        let mut query = Query::default();
        let mut rest = text.trim_start();
        while let Some(term) = take_term(&mut rest) {
            query.add(&term, now, zone)?;
            if query.must.len() + query.must_not.len() > MOST {
                return Err(Error::new(Kind::Usage, format!("a search takes at most {MOST} words"))
                    .hint("put a long text in quotes, or look for its rarest words"));
            }
        }
        Ok(query)
    }

    /// A query of plain words, in which nothing has a meaning of its own.
    pub fn plain(text: &str) -> Query {
        let must = words::words(text).into_iter().take(MOST).map(|word| Part::Word(word.text)).collect();
        Query { must, ..Query::default() }
    }

    /// Only things of this kind: `command`, `run`, `message`, `memory`.
    pub fn of_kind(mut self, kind: &str) -> Query {
        self.must.push(Part::Is(Field::Kind, vec![kind_in_store(kind).unwrap_or(kind).to_string()]));
        self
    }

    /// Without the commands of these sources.
    pub fn hiding(mut self, sources: Vec<String>) -> Query {
        self.hidden = sources;
        self
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.must.is_empty() && self.must_not.is_empty() && self.since.is_none() && self.until.is_none()
    }

    /// The words that are looked for.
    pub fn words(&self) -> Vec<&str> {
        let words = self.must.iter().flat_map(|part| match part {
            Part::Word(word) => std::slice::from_ref(word),
            Part::Phrase(words) => words.as_slice(),
            Part::Is(..) => &[],
        });
        words.map(String::as_str).collect()
    }

    fn add(&mut self, term: &Term<'_>, now: Timestamp, zone: &TimeZone) -> Result<()> {
        let Some(name) = term.field else {
            self.add_words(term);
            return Ok(());
        };
        let Some((name, field)) = FIELDS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            return Err(no_field(name, term.value));
        };
        let Some(field) = field else {
            let stretch = when::stretch(term.value, now, zone)?;
            // Not since a time is until it, and the other way round.
            match (name, term.negated) {
                ("since", false) => self.since = self.since.max(Some(stretch.from)),
                ("since", true) => self.until = earlier(self.until, stretch.from),
                (_, false) => self.until = earlier(self.until, stretch.to.max(stretch.from.plus_micros(1))),
                (_, true) => self.since = self.since.max(Some(stretch.to)),
            }
            return Ok(());
        };
        let mut values: Vec<String> = Vec::new();
        for value in term.value.split(',').map(str::trim).filter(|value| !value.is_empty()) {
            values.push(match field {
                Field::Kind => kind_in_store(value).ok_or_else(|| no_kind(value))?.to_string(),
                _ => value.to_lowercase(),
            });
        }
        if values.is_empty() {
            return Err(
                Error::new(Kind::Usage, format!("`{name}:` needs a value")).hint(format!("such as {}", example(name)))
            );
        }
        self.put(term.negated, Part::Is(field, values));
        Ok(())
    }

    fn add_words(&mut self, term: &Term<'_>) {
        let mut words = words::words(term.value);
        if term.exact || term.negated {
            let texts: Vec<String> = words.drain(..).map(|word| word.text).collect();
            if !texts.is_empty() {
                self.put(term.negated, Part::Phrase(texts));
            }
            return;
        }
        let alone = |text: &str| text.chars().next().is_some_and(stands_alone);
        let mut run: Vec<words::Word> = Vec::new();
        for word in words {
            let joins =
                run.last().is_some_and(|last| last.at.end == word.at.start && alone(&last.text) && alone(&word.text));
            if !joins {
                self.put_run(&mut run);
            }
            run.push(word);
        }
        self.put_run(&mut run);
    }

    fn put_run(&mut self, run: &mut Vec<words::Word>) {
        let mut texts: Vec<String> = run.drain(..).map(|word| word.text).collect();
        match texts.len() {
            0 => {}
            1 => self.must.extend(texts.pop().map(Part::Word)),
            _ => self.must.push(Part::Phrase(texts)),
        }
    }

    fn put(&mut self, negated: bool, part: Part) {
        if negated { self.must_not.push(part) } else { self.must.push(part) }
    }
}

/// A piece between spaces, or between quotes.
#[derive(Debug)]
struct Term<'a> {
    negated: bool,
    field: Option<&'a str>,
    value: &'a str,
    exact: bool,
}

/// Takes the next term off the beginning. A quote that is never closed goes to the end.
fn take_term<'a>(rest: &mut &'a str) -> Option<Term<'a>> {
    let text = rest.trim_start();
    if text.is_empty() {
        return None;
    }
    // Two hyphens begin an option of some program, which people look for too.
    let (negated, text) = match text.strip_prefix('-') {
        Some(after) if after.starts_with(|c: char| c.is_alphanumeric() || c == '"') => (true, after),
        _ => (false, text),
    };
    let (field, text) = match field_name(text) {
        Some((name, after)) => (Some(name), after),
        None => (None, text),
    };
    let (value, after, exact) = match text.strip_prefix('"') {
        Some(quoted) => match quoted.split_once('"') {
            Some((value, after)) => (value, after, true),
            None => (quoted, "", true),
        },
        None => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            (&text[..end], &text[end..], false)
        }
    };
    *rest = after;
    Some(Term { negated, field, value, exact })
}

/// `name` of `name:value`. Paths, URLs and names with `::` are no fields.
fn field_name(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic());
    let is_value =
        !after.starts_with(|c: char| c == ':' || c == '/' || c == '\\' || c.is_whitespace()) && !after.is_empty();
    (is_name && is_value).then_some((name, after))
}

fn kind_in_store(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let singular = word.strip_suffix('s').unwrap_or(&word);
    KINDS
        .into_iter()
        .find(|(name, stored)| singular == *name || word == *stored || word == "memories" && *name == "memory")
        .map(|(_, stored)| stored)
}

/// The word for a kind of the store in queries and facets.
pub(super) fn kind_name(stored: &str) -> &str {
    KINDS.into_iter().find(|(_, kind)| *kind == stored).map_or(stored, |(name, _)| name)
}

fn earlier(a: Option<Timestamp>, b: Timestamp) -> Option<Timestamp> {
    Some(a.map_or(b, |a| a.min(b)))
}

fn example(name: &str) -> &'static str {
    match name {
        "role" => "role:user",
        "model" => "model:gpt-5",
        "session" => "session:work",
        "tag" => "tag:rust",
        "status" => "status:failed",
        "source" => "source:bundled",
        _ => "kind:message,run",
    }
}

fn no_field(name: &str, value: &str) -> Error {
    let text = format!("or put the text in quotes: '\"{name}:{value}\"'");
    let hint = match nearest(name, FIELDS.map(|(known, _)| known)) {
        Some(near) => format!("did you mean `{near}:`? {text}"),
        None => format!("there are {}; {text}", FIELDS.map(|(name, _)| name).join(", ")),
    };
    Error::new(Kind::Usage, format!("a search has no field `{name}`")).hint(hint)
}

fn no_kind(word: &str) -> Error {
    let kinds = KINDS.map(|(name, _)| name).join(", ");
    Error::new(Kind::Usage, format!("`{word}` is no kind of thing")).hint(format!("there are {kinds}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Query> {
        Query::parse(text, "2026-03-10T12:00:00Z".parse().unwrap(), &TimeZone::UTC)
    }

    fn word(text: &str) -> Part {
        Part::Word(text.to_string())
    }

    fn phrase(texts: &[&str]) -> Part {
        Part::Phrase(texts.iter().map(ToString::to_string).collect())
    }

    fn is(field: Field, values: &[&str]) -> Part {
        Part::Is(field, values.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn words_phrases_fields_and_their_negations_are_told_apart() {
        let query = parse("Tar role:user,Tool -draft \"exact Phrase\" -\"not this\" -tag:old model:\"GPT 5\"").unwrap();
        let must = [
            word("tar"),
            is(Field::Role, &["user", "tool"]),
            phrase(&["exact", "phrase"]),
            is(Field::Model, &["gpt 5"]),
        ];
        assert_eq!(query.must, must);
        assert_eq!(query.must_not, [phrase(&["draft"]), phrase(&["not", "this"]), is(Field::Tag, &["old"])]);
        assert_eq!(query.words(), ["tar", "exact", "phrase"]);
        let plain = parse("git-log --json std::fs https://x.org C:\\x 10:30 a: :b \"unclosed quote").unwrap();
        let expected = ["git", "log", "json", "std", "fs", "https", "x", "org", "c", "x", "10", "30", "a", "b"];
        assert_eq!(plain.must[..14], expected.map(word));
        assert_eq!((&plain.must[14..], plain.must_not.len()), (&[phrase(&["unclosed", "quote"])][..], 0));
        assert_eq!(parse("東京タワー").unwrap().must, [phrase(&["東", "京", "タ", "ワ", "ー"])]);
    }

    #[test]
    fn times_are_bounds() {
        let bounds = |text: &str| {
            let query = parse(text).unwrap();
            let short = |at: Option<Timestamp>| at.map(|at| at.to_string()[..19].to_string()).unwrap_or_default();
            (short(query.since), short(query.until))
        };
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(bounds("since:7d"), pair("2026-03-03T12:00:00", ""));
        assert_eq!(bounds("since:yesterday until:yesterday"), pair("2026-03-09T00:00:00", "2026-03-10T00:00:00"));
        assert_eq!(bounds("until:2026-01-31 since:2026-01"), pair("2026-01-01T00:00:00", "2026-02-01T00:00:00"));
        assert_eq!(bounds("-since:2026-01-31"), pair("", "2026-01-31T00:00:00"));
        assert_eq!(bounds("-until:2026-01-31"), pair("2026-02-01T00:00:00", ""));
        assert_eq!(bounds("since:7d since:24h"), pair("2026-03-09T12:00:00", ""));
    }

    #[test]
    fn what_is_no_field_kind_or_time_is_said_with_what_was_meant() {
        let said = |text: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            format!("{} / {}", error.message(), error.way_forward().unwrap())
        };
        assert_eq!(
            said("rolle:user"),
            "a search has no field `rolle` / did you mean `role:`? or put the text in quotes: '\"rolle:user\"'"
        );
        assert!(
            said("zzz:1")
                .starts_with("a search has no field `zzz` / there are kind, role, model, session, tag, status")
        );
        assert_eq!(
            said("kind:song"),
            "`song` is no kind of thing / there are command, run, message, memory, recording"
        );
        assert!(said("since:soon").starts_with("`soon` is no time / write 24h, 7d"));
        assert!(said(&"x ".repeat(101)).starts_with("a search takes at most 100 words"));
        assert_eq!(said("tag:,"), "`tag:` needs a value / such as tag:rust");
        assert_eq!(
            parse("kind:commands,RUN,memories").unwrap().must,
            [is(Field::Kind, &["definition", "run", "memory"])]
        );
    }

    #[test]
    fn a_query_without_anything_to_look_for_is_empty() {
        assert!(parse("  --- \"\" -").unwrap().is_empty());
        assert!(!parse("role:user").unwrap().is_empty() && !parse("since:1d").unwrap().is_empty());
        assert!(!parse("-x").unwrap().is_empty());
        assert_eq!(Query::plain("role:user -x").words(), ["role", "user", "x"]);
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_or_a_usage_error(text in "(\\PC| |\"|-|[a-z]{1,6}:){0,40}") {
            if let Err(error) = parse(&text) {
                prop_assert_eq!(error.kind(), Kind::Usage);
            }
            let _ = Query::plain(&text);
        }
    }
}
