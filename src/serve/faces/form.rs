//! Forms with files, as browsers and OpenAI's clients send them (`multipart/form-data`, RFC 7578), read whole.

use super::read::{Read, Wrong};

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub name: String,
    /// The file's name, where it is one.
    pub file: Option<String>,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// The boundary that a content type names, where it is one of a form.
pub fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameters(rest).into_iter().find(|(name, _)| name == "boundary").map(|(_, value)| value).filter(|b| !b.is_empty())
}

/// The fields of a form.
///
/// # Errors
/// What is wrong with it.
pub fn fields<'a>(body: &'a [u8], boundary: &str) -> Read<Vec<Entry<'a>>> {
    let broken = |what: &str| Wrong::new("", format!("is no form: {what}"));
    let mark = format!("--{boundary}").into_bytes();
    let mut rest = body;
    let first = find(rest, &mark).ok_or_else(|| broken("its boundary does not stand in it"))?;
    rest = &rest[first + mark.len()..];
    let mut fields = Vec::new();
    let inner = [b"\r\n".as_slice(), &mark].concat();
    loop {
        if rest.starts_with(b"--") {
            return Ok(fields);
        }
        let line = find(rest, b"\r\n").ok_or_else(|| broken("it breaks off"))?;
        rest = &rest[line + 2..];
        // A field without any header begins with the empty line itself.
        let (head, body_at) = match rest.strip_prefix(b"\r\n") {
            Some(_) => (&rest[..0], 2),
            None => {
                let end = find(rest, b"\r\n\r\n").ok_or_else(|| broken("a field has no end of its head"))?;
                (&rest[..end], end + 4)
            }
        };
        rest = &rest[body_at..];
        let end = find(rest, &inner).ok_or_else(|| broken("a field does not end"))?;
        let (name, file) = disposition(&String::from_utf8_lossy(head));
        let name = name.ok_or_else(|| broken("a field has no name"))?;
        fields.push(Entry { name, file, bytes: &rest[..end] });
        rest = &rest[end + inner.len()..];
    }
}

/// The name of a field and of its file.
fn disposition(head: &str) -> (Option<String>, Option<String>) {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut own = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
    let Some((_, value)) = own.next() else { return (None, None) };
    let all = parameters(value.split_once(';').map_or("", |(_, rest)| rest));
    let of = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    (of("name"), of("filename"))
}

/// `name=value; name="quoted \" value"`.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_string(), &after[end..])
            }
        };
        found.push((name.trim_matches([' ', ';', '\t']).to_ascii_lowercase(), value));
        rest = next;
    }
    found
}

/// What stands before the closing quote, and what behind it. Only a quote is ever escaped, so that paths stay whole.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' if letters.peek().is_some_and(|(_, next)| *next == '"') => {
                value.push('"');
                letters.next();
            }
            _ => value.push(letter),
        }
    }
    (value, "")
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = hay.get(from..)?.iter().position(|byte| *byte == first) {
        if hay[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(fields: &[(&str, Option<&str>, &[u8])], boundary: &str) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, file, bytes) in fields {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        body
    }

    #[test]
    fn a_form_is_read() {
        let kind = "multipart/form-data; boundary=\"a b\"";
        assert_eq!(boundary(kind).as_deref(), Some("a b"));
        assert_eq!(boundary("application/json; boundary=x"), None);
        let body = written(&[("model", None, b"whisper-1"), ("file", Some("a.wav"), b"\r\n--x\0\r\n")], "X");
        let read = fields(&body, "X").unwrap();
        assert_eq!((read[0].name.as_str(), read[0].bytes), ("model", b"whisper-1".as_slice()));
        assert_eq!((read[1].file.as_deref(), read[1].bytes), (Some("a.wav"), b"\r\n--x\0\r\n".as_slice()));
        assert!(fields(b"", "X").is_err());
        assert!(fields(b"--X\r\nContent-Disposition: form-data\r\n\r\n\r\n--X--", "X").is_err());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(all in prop::collection::vec(("[a-z]{1,6}", prop::collection::vec(any::<u8>(), 0..40)), 0..5)) {
            let given: Vec<(&str, Option<&str>, &[u8])> = all.iter().map(|(name, bytes)| (name.as_str(), None, bytes.as_slice())).collect();
            let body = written(&given, "bOuNdArY-0123456789");
            let read = fields(&body, "bOuNdArY-0123456789").unwrap();
            let read: Vec<(&str, &[u8])> = read.iter().map(|entry| (entry.name.as_str(), entry.bytes)).collect();
            let wanted: Vec<(&str, &[u8])> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn nothing_breaks_it(body in prop::collection::vec(prop::sample::select(&b"-X\r\n:;=\"\\ acdeimnopst"[..]), 0..200), kind in "\\PC{0,60}") {
            let _ = fields(&body, "X");
            let _ = boundary(&kind);
        }
    }
}
