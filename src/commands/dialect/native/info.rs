//! Info strings of fences: `bash {id=tag stdin=notes if="x == 'y'" timeout=10s example}`.

/// A language and the attributes in braces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Info {
    /// The first word, lower case.
    pub lang: String,
    /// `key=value` pairs; a bare word has the value `true`.
    pub attributes: Vec<(String, String)>,
    /// What could not be understood, as a sentence.
    pub problem: Option<String>,
}

impl Info {
    /// The value of an attribute; the last one wins.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// Reads an info string. Never fails; words outside the braces after the language are ignored.
pub fn parse(info: &str) -> Info {
    let info = info.trim();
    let open = info.find('{');
    let lang = info[..open.unwrap_or(info.len())].split_whitespace().next().unwrap_or("").to_ascii_lowercase();
    let Some(open) = open else { return Info { lang, ..Info::default() } };
    let (inner, mut problem) = match info.rfind('}').filter(|close| *close > open) {
        Some(close) => (&info[open + 1..close], None),
        None => (&info[open + 1..], Some("the attributes are not closed by `}`".to_string())),
    };
    let words = match shlex::split(&inner.replace(',', " ")) {
        Some(_) => shlex::split(&outside_quotes(inner)).unwrap_or_default(),
        None => {
            problem = Some("a quote in the attributes is not closed".to_string());
            inner.split_whitespace().map(String::from).collect()
        }
    };
    let attributes = words
        .iter()
        .map(|word| word.trim_start_matches(['.', '#']))
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.split_once('=').map_or((word.to_string(), "true".to_string()), |(k, v)| (k.to_string(), v.to_string()))
        })
        .collect();
    Info { lang, attributes, problem }
}

/// The attribute whose value is a list, with commas in it.
const LIST: &str = "tools=";

/// Commas that part attributes become blanks; commas inside quotes and those of a list (`tools=git:log,disk:*`) stay.
fn outside_quotes(text: &str) -> String {
    let mut quote = None;
    let mut word = 0;
    text.char_indices()
        .map(|(at, c)| {
            match quote {
                Some(q) if c == q => quote = None,
                None if c == '"' || c == '\'' => quote = Some(c),
                None if c == ',' && text[word..].starts_with(LIST) && goes_on(&text[at + 1..]) => {}
                None if c == ',' || c.is_whitespace() => {
                    word = at + 1;
                    return if c == ',' { ' ' } else { c };
                }
                _ => {}
            }
            c
        })
        .collect()
}

/// Whether the next item of a list begins here, and no other attribute.
fn goes_on(rest: &str) -> bool {
    let next = rest.split([',', ' ', '\t']).next().unwrap_or_default();
    !next.is_empty() && !next.contains('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_with_their_quotes() {
        let info = parse("Bash {id=tag, stdin=notes if=\"a == 'b', c\" example}");
        assert_eq!(info.lang, "bash");
        assert_eq!(info.get("id"), Some("tag"));
        assert_eq!(info.get("if"), Some("a == 'b', c"));
        assert_eq!(info.get("example"), Some("true"));
        assert_eq!(info.problem, None);
    }

    #[test]
    fn a_list_keeps_its_commas() {
        for (written, tools, other) in [
            ("prompt {tools=git:log,disk:*}", "git:log,disk:*", None),
            ("prompt {tools=git:log,disk:*,model=x}", "git:log,disk:*", Some("x")),
            ("prompt {model=x, tools=git:log, id=a}", "git:log", Some("x")),
            ("prompt {tools=\"git log, disk:*\" model=x}", "git log, disk:*", Some("x")),
            ("prompt {tools=git:log,,id=a model=x}", "git:log", Some("x")),
        ] {
            let info = parse(written);
            assert_eq!((info.get("tools"), info.get("model")), (Some(tools), other), "{written}");
        }
    }

    #[test]
    fn broken_attributes_are_said_and_still_read() {
        assert!(parse("sh {id=a").problem.is_some());
        let info = parse("sh {id=a if='x}");
        assert_eq!((info.get("id"), info.problem.is_some()), (Some("a"), true));
        assert_eq!(parse("").lang, "");
    }

    proptest::proptest! {
        #[test]
        fn any_info_string_is_read_without_a_panic(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
