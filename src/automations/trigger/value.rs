//! What a value must be: one of some texts, above or below a number, found by a JSON path.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::options::Options;
use crate::commands::model::Diagnostic;

/// What a value must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Expected {
    /// One of these; anything when there are none.
    pub(super) any_of: Vec<String>,
    pub(super) above: Option<f64>,
    pub(super) below: Option<f64>,
}

impl Expected {
    /// Reads the option `key` (texts parted by `|`, `\|` for one that is meant), `above=` and `below=`.
    pub(super) fn parse(options: &Options<'_>, key: &str) -> Result<Expected, Diagnostic> {
        let (above, below) = (options.number("above")?, options.number("below")?);
        if let (Some(above), Some(below)) = (above, below)
            && above >= below
        {
            return Err(options.wrong(format!("nothing is above {above} and below {below}")));
        }
        Ok(Expected { any_of: options.text(key).map(alternatives).unwrap_or_default(), above, below })
    }

    /// Whether nothing is asked for.
    pub(super) fn is_anything(&self) -> bool {
        self.any_of.is_empty() && self.above.is_none() && self.below.is_none()
    }

    /// Whether the value is as asked for.
    pub(super) fn fits(&self, value: &Json) -> bool {
        let number = number(value);
        let is_one = |wanted: &String| {
            text(value) == *wanted || number.is_some_and(|n| wanted.parse::<f64>().is_ok_and(|wanted| wanted == n))
        };
        (self.any_of.is_empty() || self.any_of.iter().any(is_one))
            && self.above.is_none_or(|bound| number.is_some_and(|n| n > bound))
            && self.below.is_none_or(|bound| number.is_some_and(|n| n < bound))
    }
}

/// The texts parted by `|`.
pub(super) fn alternatives(text: &str) -> Vec<String> {
    let (mut all, mut one, mut letters) = (Vec::new(), String::new(), text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'|') => one.extend(letters.next()),
            '|' => all.push(std::mem::take(&mut one)),
            other => one.push(other),
        }
    }
    all.push(one);
    all
}

/// A JSON path, read.
pub(super) fn path(options: &Options<'_>, key: &str) -> Result<Option<JsonPath>, Diagnostic> {
    let Some(text) = options.text(key) else { return Ok(None) };
    // `action` and `.action` are short for `$.action`.
    let whole = match text.chars().next() {
        Some('$') => text.to_string(),
        Some('.' | '[') => format!("${text}"),
        _ => format!("$.{text}"),
    };
    JsonPath::parse(&whole).map(Some).map_err(|error| {
        options.wrong(format!("`{key}={text}` is no JSON path such as `$.action`: {}", error.message()))
    })
}

/// A value as it is compared with a text.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn alternatives_are_parted_by_bars() {
        assert_eq!(alternatives("on|open"), ["on", "open"]);
        assert_eq!(alternatives(r"a\|b|c\d"), ["a|b", r"c\d"]);
        assert_eq!(alternatives(""), [""]);
    }

    #[test]
    fn values_are_compared_as_texts_and_as_numbers() {
        let one = |any_of: &[&str]| Expected {
            any_of: any_of.iter().map(|t| t.to_string()).collect(),
            ..Expected::default()
        };
        assert!(one(&["21"]).fits(&json!(21.0)));
        assert!(one(&["21.0"]).fits(&json!("21")));
        assert!(one(&["true"]).fits(&json!(true)));
        assert!(!one(&["on"]).fits(&json!("On")));
        let warm = Expected { above: Some(25.0), below: Some(30.0), ..Expected::default() };
        assert!(warm.fits(&json!("26.5")));
        for cold in [json!(25), json!(30), json!("warm"), json!(null), json!("NaN"), json!({"t": 27})] {
            assert!(!warm.fits(&cold), "{cold}");
        }
    }
}
