//! Front matter, read leniently: the block of settings some files begin with, and the body behind it.
//!
//! YAML stands between `---` lines (or ends with `...`), TOML between `+++` lines, JSON is one object at the very
//! beginning. What does not parse as a whole is read key by key, because many published files hold
//! `argument-hint: [a] [b]` or `name: {{NAME}}`. The body is never dropped. It knows no dialect: what a key
//! means is for the adapters to say.

use serde_json::{Map, Value};

use crate::commands::model::{Diagnostic, Severity};

/// Front matter longer than this many bytes is taken for text.
const LIMIT: usize = 64 * 1024;

/// How front matter was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrontMatterKind {
    /// There is none.
    #[default]
    None,
    /// Between `---` lines.
    Yaml,
    /// Between `+++` lines.
    Toml,
    /// One object at the beginning.
    Json,
}

/// What stands before the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrontMatter<'a> {
    /// How it was written.
    pub kind: FrontMatterKind,
    /// Its keys and values in the order of the file; keys as written.
    pub values: Map<String, Value>,
    /// Everything behind it, unchanged; the whole text (without a byte order mark) where there is none.
    pub body: &'a str,
    /// 1-based line where the body begins.
    pub body_line: usize,
    /// The text between the marks, unchanged (for JSON with its braces).
    pub raw: &'a str,
    /// What was odd, with lines of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl FrontMatter<'_> {
    /// The value of `key`, however it is spelled: `allowed-tools`, `allowed_tools` and `allowedTools` are one.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).or_else(|| {
            let wanted = plain_key(key);
            self.values.iter().find(|(k, _)| plain_key(k) == wanted).map(|(_, v)| v)
        })
    }

    /// The value of `key` as text: strings as they are, numbers and booleans as written in JSON, lists joined
    /// with `, `. `None` for objects, null and empty text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(as_text).filter(|t| !t.is_empty())
    }

    /// The value of `key` as a list: an array's items, or a string split at commas (without any: at blanks) that
    /// stand outside of parentheses. Empty where the key is missing.
    pub fn list(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(items)) => items.iter().filter_map(as_text).filter(|t| !t.is_empty()).collect(),
            Some(other) => as_text(other).map(|t| split_outside_parentheses(&t)).unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// The value of `key`, or the first of its values when it is a list.
    pub fn list_first(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::Array(items) => items.iter().find_map(as_text).filter(|t| !t.is_empty()),
            _ => self.text(key),
        }
    }

    /// The value of `key` as a truth: booleans, 1 and 0, yes and no, on and off.
    pub fn truth(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(b) => Some(*b),
            Value::Null => None,
            other => match as_text(other)?.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
        }
    }

    /// The characters that stand behind `key:` on its line, without quotes around them, whatever YAML makes of
    /// them: `[a]` is text here and a list in `values`.
    pub fn written(&self, key: &str) -> Option<&str> {
        let at = self.position(key)?;
        let line = self.raw.lines().nth(at)?;
        let value = line.split_once([':', '=']).map(|(_, v)| v.trim())?;
        Some(unquote(value)).filter(|v| !v.is_empty())
    }

    /// 1-based line in the file where `key` stands; 1 where it cannot be found.
    pub fn line_of(&self, key: &str) -> usize {
        let offset = if self.kind == FrontMatterKind::Json { 1 } else { 2 };
        self.position(key).map_or(1, |at| at + offset)
    }

    /// 0-based line of a top-level `key` inside `raw`.
    fn position(&self, key: &str) -> Option<usize> {
        let wanted = plain_key(key);
        self.raw.lines().position(|line| {
            let name = line.split_once([':', '=']).map(|(k, _)| k);
            let name = if self.kind == FrontMatterKind::Json { name.map(str::trim) } else { name.map(str::trim_end) };
            name.is_some_and(|n| plain_key(n.trim_matches(['"', '\''])) == wanted)
        })
    }
}

/// A key without case, `-` and `_`.
fn plain_key(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.trim().to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Array(items) => Some(items.iter().filter_map(as_text).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Object(_) => None,
    }
}

fn split_outside_parentheses(text: &str) -> Vec<String> {
    let by = |part: fn(char) -> bool| {
        let (mut out, mut word, mut depth) = (Vec::new(), String::new(), 0usize);
        for c in text.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && part(c) {
                out.push(std::mem::take(&mut word));
            } else {
                word.push(c);
            }
        }
        out.push(word);
        out.into_iter().map(|w| w.trim().to_string()).filter(|w| !w.is_empty()).collect::<Vec<_>>()
    };
    let commas = by(|c| c == ',');
    if commas.len() > 1 || text.trim_end().ends_with(',') { commas } else { by(char::is_whitespace) }
}

/// Splits `text` into front matter and body. Never fails; a byte order mark at the beginning is skipped.
pub fn split(text: &str) -> FrontMatter<'_> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or("").trim_end();
    match first {
        "---" => fenced(text, FrontMatterKind::Yaml),
        "+++" => fenced(text, FrontMatterKind::Toml),
        _ if first.starts_with('{') => json(text, first),
        _ => none(text),
    }
}

fn none(text: &str) -> FrontMatter<'_> {
    FrontMatter { body: text, body_line: 1, raw: "", ..FrontMatter::default() }
}

fn none_because(text: &str, severity: Severity, why: impl Into<String>) -> FrontMatter<'_> {
    FrontMatter { diagnostics: vec![Diagnostic::new(severity, 1, 1, why)], ..none(text) }
}

/// YAML and TOML: from the first line to the line that closes it.
fn fenced(text: &str, kind: FrontMatterKind) -> FrontMatter<'_> {
    let open_len = text.find('\n').map_or(text.len(), |at| at + 1);
    let Some((raw_end, body_start, lines)) = closing_line(text, open_len, kind) else {
        let mark = if kind == FrontMatterKind::Yaml { "---" } else { "+++" };
        return none_because(
            text,
            Severity::Warning,
            format!("the front matter opened by `{mark}` is never closed; the whole file is read as text"),
        );
    };
    let raw = &text[open_len..raw_end];
    if raw.len() > LIMIT {
        return none_because(text, Severity::Warning, "front matter of more than 64 KiB is read as text");
    }
    let (values, diagnostics) = match kind {
        FrontMatterKind::Toml => toml_values(raw),
        _ => match yaml_values(raw) {
            Some(read) => read,
            None => return none(text),
        },
    };
    FrontMatter { kind, values, body: &text[body_start..], body_line: lines + 2, raw, diagnostics }
}

/// Where the content ends, where the body begins, and how many lines both marks and the content have less one.
fn closing_line(text: &str, from: usize, kind: FrontMatterKind) -> Option<(usize, usize, usize)> {
    let mut at = from;
    for (number, line) in text[from..].split_inclusive('\n').enumerate() {
        let word = line.trim_end();
        let closes = match kind {
            FrontMatterKind::Toml => word == "+++",
            _ => word == "---" || word == "...",
        };
        if closes {
            return Some((at, at + line.len(), number + 1));
        }
        at += line.len();
    }
    None
}

/// JSON: one object from the first byte on, alone on its last line.
fn json<'a>(text: &'a str, first: &str) -> FrontMatter<'a> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Map<String, Value>>();
    let Some(Ok(values)) = stream.next() else {
        if first == "{" {
            let why = "the file begins with `{` but holds no complete JSON object; it is read as text";
            return none_because(text, Severity::Warning, why);
        }
        return none(text);
    };
    let end = stream.byte_offset();
    let rest = text.get(end..).unwrap_or("");
    let line_len = rest.find('\n').map_or(rest.len(), |at| at + 1);
    if end > LIMIT || !rest[..line_len].trim().is_empty() {
        return none(text);
    }
    let raw = &text[..end];
    FrontMatter {
        kind: FrontMatterKind::Json,
        values,
        body: &rest[line_len..],
        body_line: raw.matches('\n').count() + 2,
        raw,
        diagnostics: Vec::new(),
    }
}

type Read = (Map<String, Value>, Vec<Diagnostic>);

/// The YAML of `raw`, which begins on line 2. `None` when it is no mapping by any reading: two rules around prose.
fn yaml_values(raw: &str) -> Option<Read> {
    match yaml(raw) {
        Ok(Value::Object(values)) => Some((values, Vec::new())),
        Ok(Value::Null) => Some((Map::new(), Vec::new())),
        Ok(_) => None,
        Err(error) => {
            let values = by_key(raw, ':', |entry| match yaml(entry) {
                Ok(Value::Object(one)) => one.into_iter().next().map(|(_, v)| v),
                _ => None,
            });
            if values.is_empty() {
                return None;
            }
            let at = error.location();
            let line = at.map_or(1, |l| l.line() as usize + 1);
            let column = at.map_or(1, |l| (l.column() as usize).max(1));
            let said = error.without_snippet().to_string();
            let message = format!(
                "the front matter is not valid YAML ({}); each key was read by itself",
                brief(without_place(&said))
            );
            Some((values, vec![Diagnostic::warning(line, column, message)]))
        }
    }
}

fn yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 20_000,
            max_nodes: 10_000,
            max_aliases: 32,
            max_anchors: 32,
            max_depth: 32,
            max_documents: 1,
            max_merge_keys: 32,
            max_total_scalar_bytes: LIMIT,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 16,
        },
        strict_booleans: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn toml_values(raw: &str) -> Read {
    match raw.parse::<toml::Table>() {
        Ok(table) => (table.into_iter().map(|(k, v)| (k, from_toml(v))).collect(), Vec::new()),
        Err(error) => {
            let start = error.span().map_or(0, |s| s.start.min(raw.len()));
            let before = raw.get(..start).unwrap_or("");
            let line = before.matches('\n').count() + 2;
            let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
            let message =
                format!("the front matter is not valid TOML ({}); each key was read by itself", brief(error.message()));
            let values = by_key(raw, '=', |entry| {
                let mut table = entry.parse::<toml::Table>().ok()?;
                let key = table.keys().next()?.clone();
                table.remove(&key).map(from_toml)
            });
            (values, vec![Diagnostic::warning(line, column, message)])
        }
    }
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(s) => Value::String(s),
        toml::Value::Integer(i) => Value::from(i),
        toml::Value::Float(f) => Value::from(f),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(d) => Value::String(d.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(from_toml).collect()),
        toml::Value::Table(table) => Value::Object(table.into_iter().map(|(k, v)| (k, from_toml(v))).collect()),
    }
}

/// Reads each `key<mark> value` at the left margin by itself, with the indented and list lines under it. What
/// `parse` refuses is kept as text. The last of equal keys wins.
fn by_key(raw: &str, mark: char, parse: impl Fn(&str) -> Option<Value>) -> Map<String, Value> {
    let mut entries: Vec<(&str, usize, usize)> = Vec::new();
    let mut at = 0;
    for line in raw.split_inclusive('\n') {
        match key_of(line, mark) {
            Some(key) => entries.push((key, at, at + line.len())),
            None => {
                if let Some((_, _, end)) = entries.last_mut() {
                    *end = at + line.len();
                }
            }
        }
        at += line.len();
    }
    let mut values = Map::new();
    for (key, start, end) in entries {
        let entry = &raw[start..end];
        let value = parse(entry).unwrap_or_else(|| Value::String(text_of(entry, mark)));
        values.insert(key.to_string(), value);
    }
    values
}

/// The key of a line like `key: value`, when it stands at the left margin and looks like one.
fn key_of(line: &str, mark: char) -> Option<&str> {
    let (key, rest) = line.split_once(mark)?;
    let key = if mark == '=' { key.trim_end() } else { key };
    let key = key.trim_matches(['"', '\'']);
    let looks = key.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let parted = mark == '=' || rest.is_empty() || rest.starts_with(char::is_whitespace);
    (looks && parted).then_some(key)
}

/// The words of an entry behind its key; further lines are joined with blanks.
fn text_of(entry: &str, mark: char) -> String {
    let value = entry.split_once(mark).map_or("", |(_, v)| v);
    let words: Vec<&str> = value.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let joined = words.join(" ");
    let joined = joined.strip_prefix(['|', '>']).map_or(joined.as_str(), |rest| rest.trim_start_matches(['-', '+']));
    unquote(joined.trim()).to_string()
}

/// Takes one pair of equal quotes off.
fn unquote(text: &str) -> &str {
    let inner = |q: char| text.strip_prefix(q).and_then(|t| t.strip_suffix(q)).filter(|t| !t.contains(q));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// The first line of a foreign message, without a full stop, at most 120 characters.
/// What a parser says without where: the diagnostic has its own line, counted in the file.
fn without_place(message: &str) -> &str {
    match message.rsplit_once(" at line ") {
        Some((said, place)) if place.chars().all(|c| c.is_ascii_digit() || " ,column".contains(c)) => said,
        _ => message,
    }
}

fn brief(message: &str) -> String {
    let line = message.lines().next().unwrap_or("").trim().trim_end_matches('.');
    line.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
#[path = "front_matter_tests.rs"]
mod tests;
