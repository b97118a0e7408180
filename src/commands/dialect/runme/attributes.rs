//! The info string of a cell: a language, then `{"json":"attributes"}` or `{ name=value tag=a,b }`.

/// A language and the attributes behind it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Info {
    /// The first word, as written.
    pub(super) lang: String,
    /// Keys and values in the order written.
    pub(super) attributes: Vec<(String, String)>,
}

impl Info {
    /// The last value of `key`.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.attributes.iter().rfind(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// Reads an info string as written in the file (before CommonMark resolves escapes, which would break JSON).
/// JSON is tried first, then pairs parted by blanks, which never fail.
pub(super) fn read(info: &str) -> Info {
    let info = info.trim();
    let lang_end = info.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(info.len());
    let lang = info[..lang_end].to_string();
    let Some(open) = info.find('{') else { return Info { lang, attributes: Vec::new() } };
    if let Ok(serde_json::Value::Object(values)) = serde_json::from_str(&info[open..]) {
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return Info { lang, attributes: values.into_iter().map(|(k, v)| (k, text(v))).collect() };
    }
    let inside = &info[open + 1..];
    let inside = &inside[..inside.find('}').unwrap_or(0)];
    let pair = |word: &str| word.split_once('=').map(|(k, v)| (k.to_string(), v.trim_matches('"').to_string()));
    let attributes = inside.split_whitespace().filter_map(pair).filter(|(k, _)| !k.is_empty()).collect();
    Info { lang, attributes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_read() {
        let pairs =
            |info: &str| -> Vec<String> { read(info).attributes.iter().map(|(k, v)| format!("{k}={v}")).collect() };
        assert_eq!(
            pairs(r#"sh {"name":"x","interactive":false,"a":"{\"b\":1}"}"#),
            ["name=x", "interactive=false", "a={\"b\":1}"]
        );
        assert_eq!(pairs("sh { name=x tag=a,b odd }"), ["name=x", "tag=a,b"]);
        assert_eq!(pairs("sh {name=x"), Vec::<String>::new());
        assert_eq!(pairs("sh {}"), Vec::<String>::new());
        assert_eq!((read("sh{name=x}").lang, read("").lang), ("sh".to_string(), String::new()));
    }
}
