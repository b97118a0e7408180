//! Filling a request: each value as its place asks, once.
//!
//! A value is data. In an address it is percent-encoded, in JSON it becomes a string or a JSON value of its own, in a
//! header it may not hold a line end: so nothing that a message or a file says can add a header, a field or a path.

use std::cell::RefCell;

use crate::commands::model::Syntax;
use crate::commands::template::{self, Lookup, Values};
use crate::kernel::error::{Error, Kind, Result};

use super::request::Template;

/// A request that can be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Its method.
    pub method: String,
    /// Its address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What it sends.
    pub body: Option<String>,
    /// Placeholders without a value, each once; they stay as they are.
    pub missing: Vec<String>,
}

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Plain,
    Form,
    Json,
}

/// Fills a request. `look` finds the value of a name, secrets too.
///
/// # Errors
/// `BadData` where a value cannot stand in its place; what `secret` says.
pub fn fill(template: &Template<'_>, look: Lookup<'_>) -> Result<Filled> {
    let missing = RefCell::new(Vec::new());
    let find = |name: &str| {
        let found = look(name);
        let mut missing = missing.borrow_mut();
        if found.is_none() && !missing.iter().any(|m| m == name) {
            missing.push(name.to_string());
        }
        found
    };
    let url = pieces(&template.url, &find, in_address)?;
    let mut headers = Vec::new();
    for (name, value) in &template.headers {
        let value = pieces(value, &find, in_header)?;
        headers.push((name.to_string(), value));
    }
    let mut body = None;
    if let Some(text) = template.body {
        let writing = writing(template, text);
        body = Some(match writing {
            Writing::Plain => pieces(text, &find, |_, _, value| Ok(value.to_string()))?,
            Writing::Form => pieces(text, &find, |_, _, value| Ok(encoded(value)))?,
            Writing::Json => json(text, &find)?,
        });
        if template.header("content-type").is_none() {
            let kind = if writing == Writing::Json { "application/json" } else { "text/plain; charset=utf-8" };
            headers.push(("Content-Type".to_string(), kind.to_string()));
        }
    }
    Ok(Filled { method: template.method.to_string(), url, headers, body, missing: missing.into_inner() })
}

/// A text that is JSON by its looks, filled so that each value is one of it; `None` for any other text.
///
/// # Errors
/// Those of its values.
pub fn fill_json(text: &str, look: Lookup<'_>) -> Option<Result<String>> {
    looks_like_json(text).then(|| json(text, look))
}

fn looks_like_json(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with(['{', '[']) && !text.starts_with("{{")
}

fn writing(template: &Template<'_>, body: &str) -> Writing {
    match template.header("content-type").map(str::to_ascii_lowercase) {
        Some(kind) if kind.contains("json") => Writing::Json,
        Some(kind) if kind.contains("x-www-form-urlencoded") => Writing::Form,
        Some(_) => Writing::Plain,
        None if looks_like_json(body) => Writing::Json,
        None => Writing::Plain,
    }
}

/// Replaces the placeholders of a text; `place` writes a value, told what stands before it and its name.
fn pieces(text: &str, find: Lookup<'_>, mut place: impl FnMut(&str, &str, &str) -> Result<String>) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for slot in template::placeholders(Syntax::Native, text) {
        out.push_str(&literal(&text[from..slot.start]));
        match find(&slot.name) {
            Some(value) => {
                let written = place(&out, &slot.name, &value)?;
                out.push_str(&written);
            }
            None => out.push_str(&text[slot.start..slot.end]),
        }
        from = slot.end;
    }
    out.push_str(&literal(&text[from..]));
    Ok(out)
}

/// Text without placeholders, `\{{` taken for `{{`.
pub fn literal(text: &str) -> String {
    template::render(Syntax::Native, text, &Values::new(&|_| None)).text
}

fn refuse(name: &str, why: &str) -> Error {
    Error::new(Kind::BadData, format!("the value of `{name}` {why}"))
}

fn in_address(before: &str, name: &str, value: &str) -> Result<String> {
    if before.is_empty() {
        return match value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            true => Err(refuse(name, "is no address: it holds a blank")),
            false => Ok(value.to_string()),
        };
    }
    let after_scheme = before.split_once("://").map(|(_, rest)| rest);
    let in_host = after_scheme.is_some_and(|rest| !rest.contains(['/', '?', '#']));
    if in_host {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-.:[]_".contains(c);
        return match value.chars().all(allowed) {
            true => Ok(value.to_string()),
            false => Err(refuse(name, "holds what no host has")),
        };
    }
    let in_path = !before.contains(['?', '#']);
    if in_path && (value == "." || value == "..") {
        return Err(refuse(name, "would leave the folder of the address"));
    }
    Ok(encoded(value))
}

fn in_header(_before: &str, name: &str, value: &str) -> Result<String> {
    match value.contains(|c: char| c.is_control() && c != '\t') {
        true => Err(refuse(name, "holds a line end or another control character, which no header may")),
        false => Ok(value.to_string()),
    }
}

/// All but letters, digits and `-._~` as `%XX`.
fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// A body of JSON: inside a string a value is escaped, elsewhere it is a JSON value if it is one, and else a string.
fn json(text: &str, find: Lookup<'_>) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let (mut from, mut quoted) = (0, Quotes::default());
    for slot in template::placeholders(Syntax::Native, text) {
        let before = literal(&text[from..slot.start]);
        quoted.read(&before);
        out.push_str(&before);
        match find(&slot.name) {
            Some(value) if quoted.inside => {
                let whole = serde_json::Value::from(value).to_string();
                out.push_str(&whole[1..whole.len() - 1]);
            }
            Some(value) if serde_json::from_str::<serde::de::IgnoredAny>(&value).is_ok() => out.push_str(&value),
            Some(value) => out.push_str(&serde_json::Value::from(value).to_string()),
            None => out.push_str(&text[slot.start..slot.end]),
        }
        from = slot.end;
    }
    out.push_str(&literal(&text[from..]));
    Ok(out)
}

/// Whether one is inside a string of JSON.
#[derive(Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
}

impl Quotes {
    fn read(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.inside => self.escaped = true,
                b'"' => self.inside = !self.inside,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str, value: &str) -> Result<Filled> {
        let look = |name: &str| (name == "x").then(|| value.to_string());
        fill(&Template::parse(text).unwrap(), &look)
    }

    #[test]
    fn a_value_stays_where_it_stands() {
        let url = |text: &str, value: &str| filled(text, value).map(|f| f.url);
        assert_eq!(
            url("GET https://a/{{x}}?q={{x}}", "b/c?d=é&f").unwrap(),
            "https://a/b%2Fc%3Fd%3D%C3%A9%26f?q=b%2Fc%3Fd%3D%C3%A9%26f"
        );
        assert_eq!(url("GET {{x}}/items", "http://127.0.0.1:8080/base").unwrap(), "http://127.0.0.1:8080/base/items");
        assert_eq!(url("GET https://{{x}}/", "example.com:8443").unwrap(), "https://example.com:8443/");
        assert_eq!(
            url("GET https://{{x}}/", "good.com/@evil.com").unwrap_err().message(),
            "the value of `x` holds what no host has"
        );
        assert_eq!(
            url("GET https://a/b/{{x}}", "..").unwrap_err().message(),
            "the value of `x` would leave the folder of the address"
        );
        let header = filled("GET https://a/\nX: {{x}}", "a\r\nEvil: 1").unwrap_err();
        assert_eq!(
            header.message(),
            "the value of `x` holds a line end or another control character, which no header may"
        );
    }

    #[test]
    fn a_value_in_json_is_one_value() {
        let body =
            |text: &str, value: &str| filled(&format!("POST https://a/\n\n{text}"), value).unwrap().body.unwrap();
        assert_eq!(body(r#"{"a": "{{x}}!"}"#, r#"b", "c": "d"#), r#"{"a": "b\", \"c\": \"d!"}"#);
        assert_eq!(body(r#"{"a": {{x}}}"#, "5"), r#"{"a": 5}"#);
        assert_eq!(body(r#"{"a": {{x}}}"#, r#"{"b": [1]}"#), r#"{"a": {"b": [1]}}"#);
        assert_eq!(body(r#"{"a": {{x}}}"#, r#"5, "c": 1"#), r#"{"a": "5, \"c\": 1"}"#);
        assert_eq!(body(r#"{"a": "\{{x}}", "b": "{{y}}"}"#, "5"), r#"{"a": "{{x}}", "b": "{{y}}"}"#);
    }

    #[test]
    fn the_kind_of_the_body_is_said() {
        let kind = |text: &str| filled(&format!("POST https://a/\n{text}"), "a b").unwrap();
        assert_eq!(kind("\n{\"a\": 1}").headers, [("Content-Type".to_string(), "application/json".to_string())]);
        assert_eq!(kind("\n{{x}}").headers, [("Content-Type".to_string(), "text/plain; charset=utf-8".to_string())]);
        assert_eq!(kind("Content-Type: application/x-www-form-urlencoded\n\na={{x}}").body.unwrap(), "a=a%20b");
    }

    #[test]
    fn what_has_no_value_is_told_and_stays() {
        let filled = filled("GET https://a/{{nobody}}\nX: {{nobody}}", "").unwrap();
        assert_eq!((filled.url.as_str(), filled.missing), ("https://a/{{nobody}}", vec!["nobody".to_string()]));
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_its_json(value in "\\PC{0,30}|[\"\\\\{}\\[\\],:a-z0-9 \\n]{0,30}") {
            let text = "POST https://a/\n\n{\"before\": 1, \"a\": \"<{{x}}>\", \"b\": {{x}}, \"after\": 2}";
            let body = filled(text, &value).unwrap().body.unwrap();
            let read: serde_json::Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(read["a"].as_str().unwrap(), format!("<{value}>"));
            prop_assert_eq!(read.as_object().unwrap().len(), 4);
            prop_assert_eq!(&read["after"], &serde_json::json!(2));
        }

        #[test]
        fn no_value_leaves_its_part_of_the_address(value in "\\PC{1,30}") {
            if let Ok(filled) = filled("GET https://example.com/a/{{x}}/b?c={{x}}&d=1", &value) {
                let url = url::Url::parse(&filled.url).unwrap();
                prop_assert_eq!(url.host_str(), Some("example.com"));
                let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
                prop_assert_eq!(pairs, vec![("c".to_string(), value.clone()), ("d".to_string(), "1".to_string())]);
                prop_assert_eq!(url.path_segments().unwrap().count(), 3);
            }
        }
    }
}
