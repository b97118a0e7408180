//! Names for tldr placeholders, which are written as examples: `{{path/to/file.txt}}` is `file`.

use super::slot::Shape;

/// The name for a tldr placeholder: what it shows, or the option before it where that says nothing.
pub(super) fn tldr_name(raw: &str, shape: &Shape, option: &str) -> String {
    let base = match shape {
        Shape::Choices(_) if !option.is_empty() => option.to_string(),
        Shape::Choices(choices) => choices.iter().take(2).map(|c| words(c)).collect::<Vec<_>>().join("_or_"),
        Shape::Range => option.to_string(),
        Shape::List => {
            let first = raw.split_whitespace().next().unwrap_or("").trim_matches('"');
            without_number(&words(file_part(first)))
        }
        Shape::Text if raw.starts_with("http://") || raw.starts_with("https://") => "url".to_string(),
        Shape::Text => words(file_part(raw)),
    };
    let vague = base.is_empty() || base.starts_with(|c: char| c.is_ascii_digit());
    match base.as_str() {
        _ if vague && option.is_empty() => "value".to_string(),
        _ if vague => option.to_string(),
        "help" => "help_text".to_string(),
        _ => base,
    }
}

/// The last part of a `path/to/…` example without its extension; other text as it is.
fn file_part(raw: &str) -> &str {
    if !is_path(raw) || raw.contains(' ') {
        return raw;
    }
    let last = raw.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(raw);
    match last.split_once('.') {
        Some((stem, _)) if stem.chars().any(char::is_alphanumeric) => stem,
        _ => last,
    }
}

pub(super) fn is_path(raw: &str) -> bool {
    let raw = raw.trim_start_matches(['/', '.', '~']);
    raw.starts_with("path/to") || raw.starts_with("path\\to")
}

pub(super) fn is_secret(name: &str) -> bool {
    ["password", "passphrase", "secret", "token", "api_key"].iter().any(|end| name.ends_with(end))
}

/// `file1` and `container1_name` without the number.
fn without_number(name: &str) -> String {
    let parts: Vec<&str> =
        name.split('_').map(|p| p.strip_suffix('1').unwrap_or(p)).filter(|p| !p.is_empty()).collect();
    parts.join("_")
}

/// Letters and digits of any script in lower case, everything else one `_`; at most 32 characters, cut at a word.
pub(super) fn words(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let len = word.chars().count();
        if count > 0 && count + len >= 32 {
            break;
        }
        if count > 0 {
            out.push('_');
        }
        out.extend(word.chars().take(32).flat_map(char::to_lowercase));
        count += len + 1;
    }
    out
}

/// The ASCII identifier for a name: single `_` between words, `value` where nothing is left.
pub(super) fn identifier(name: &str) -> String {
    let kept: Vec<String> =
        name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_string).collect();
    match kept.join("_") {
        joined if joined.is_empty() => "value".to_string(),
        joined if joined.starts_with(|c: char| c.is_ascii_digit()) => format!("value_{joined}"),
        joined => joined,
    }
}
