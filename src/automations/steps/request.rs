//! The request in an `http` fence: `METHOD URL`, headers, a blank line, the body.
//!
//! It is taken apart before anything is filled in, so that no value can become a header or another address.

use crate::kernel::error::{Error, Kind, Result};

/// A request whose placeholders are not filled yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<'t> {
    /// Upper-case letters.
    pub method: &'t str,
    /// The address, lines that went on with it joined.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'t str, &'t str)>,
    /// What follows the blank line, where something does.
    pub body: Option<&'t str>,
}

impl<'t> Template<'t> {
    /// Reads the text of a fence. Lines before the request, and among its headers, that begin with `#` or `//` are
    /// comments.
    ///
    /// # Errors
    /// `BadData` with the line that is wrong.
    pub fn parse(text: &'t str) -> Result<Template<'t>> {
        let mut rest = text;
        let mut next = || {
            if rest.is_empty() {
                return None;
            }
            let (line, more) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = more;
            Some(line.strip_suffix('\r').unwrap_or(line))
        };
        let first = loop {
            match next() {
                None => return Err(bad("an `http` step needs a line such as `GET https://example.com/`")),
                Some(line) if line.trim().is_empty() || is_comment(line.trim_start()) => {}
                Some(line) => break line.trim(),
            }
        };
        let (method, url) = request_line(first)?;
        let mut template = Template { method, url: url.to_string(), headers: Vec::new(), body: None };
        let mut has_body = false;
        while let Some(line) = next() {
            let bare = line.trim();
            if bare.is_empty() {
                has_body = true;
                break;
            }
            if line.starts_with([' ', '\t']) && bare.starts_with(['?', '&', '/']) && template.headers.is_empty() {
                template.url.push_str(bare);
            } else if !is_comment(bare) {
                template.headers.push(header(bare)?);
            }
        }
        if has_body && !rest.trim().is_empty() {
            // The line end before the fence is the fence's.
            let body = rest.strip_suffix('\n').unwrap_or(rest);
            template.body = Some(body.strip_suffix('\r').unwrap_or(body));
        }
        Ok(template)
    }

    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&'t str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

fn bad(said: impl Into<String>) -> Error {
    Error::new(Kind::BadData, said).hint("`METHOD URL`, a line for each header, a blank line, the body")
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#') || line.starts_with("//")
}

fn request_line(line: &str) -> Result<(&str, &str)> {
    let is_method = |word: &str| !word.is_empty() && word.len() <= 20 && word.bytes().all(|b| b.is_ascii_uppercase());
    let (method, url) = match line.split_once(char::is_whitespace) {
        Some((word, url)) if is_method(word) => (word, url.trim()),
        None if is_method(line) => return Err(bad(format!("`{line}` has no address"))),
        _ => ("GET", line),
    };
    let url = match url.rsplit_once(char::is_whitespace) {
        Some((url, version)) if version.starts_with("HTTP/") => url.trim(),
        _ => url,
    };
    let open = url.replace("{{", "\u{0}").replace("}}", "\u{1}");
    let mut inside = false;
    for letter in open.chars() {
        match letter {
            '\u{0}' => inside = true,
            '\u{1}' => inside = false,
            letter if letter.is_whitespace() && !inside => {
                return Err(bad(format!("the address `{url}` holds a blank")));
            }
            _ => {}
        }
    }
    Ok((method, url))
}

fn header(line: &str) -> Result<(&str, &str)> {
    let (name, value) =
        line.split_once(':').ok_or_else(|| bad(format!("`{line}` is no header such as `Accept: */*`")))?;
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(bad(format!("`{name}` is no name of a header")));
    }
    Ok((name, value.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let text = "# who is there\n\nPOST https://example.com/items\n  ?a={{ a b }}\n  &c=1\nAccept: */*\n// no more\nX-Empty:\n\n{\"x\": 1}\n\n";
        let template = Template::parse(text).unwrap();
        assert_eq!((template.method, template.url.as_str()), ("POST", "https://example.com/items?a={{ a b }}&c=1"));
        assert_eq!(template.headers, [("Accept", "*/*"), ("X-Empty", "")]);
        assert_eq!(template.body, Some("{\"x\": 1}\n"));
        assert_eq!(template.header("accept"), Some("*/*"));
    }

    #[test]
    fn a_bare_address_is_got_and_a_version_is_left_out() {
        let get = |text| Template::parse(text).map(|t| (t.method.to_string(), t.url, t.body.map(String::from)));
        let plain = ("GET".to_string(), "https://example.com/".to_string(), None);
        assert_eq!(get("https://example.com/").unwrap(), plain);
        assert_eq!(get("GET https://example.com/ HTTP/1.1\r\n\r\n").unwrap(), plain);
    }

    #[test]
    fn what_is_no_request_names_the_line() {
        let said = |text| Template::parse(text).unwrap_err().message().to_string();
        assert_eq!(said("\n# nothing\n"), "an `http` step needs a line such as `GET https://example.com/`");
        assert_eq!(said("GET"), "`GET` has no address");
        assert_eq!(said("GET https://a b/"), "the address `https://a b/` holds a blank");
        assert_eq!(said("GET https://a/\nnonsense"), "`nonsense` is no header such as `Accept: */*`");
        assert_eq!(said("GET https://a/\n{{name}}: x"), "`{{name}}` is no name of a header");
    }

    proptest! {
        #[test]
        fn any_text_is_a_request_or_an_error(text in "[ -~\\n\\r{}]{0,80}") {
            let _ = Template::parse(&text);
        }
    }
}
