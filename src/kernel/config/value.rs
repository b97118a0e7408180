//! The value of a setting: read from TOML or from text, checked against its type.

use std::fmt;
use std::time::Duration;

use toml::de::DeValue;
use url::Url;

use super::members::micro_dollars;
use super::schema::Type;

/// A checked value. A [`Type::Duration`] stays the text that was written; read it with [`duration`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text, a choice or a duration.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Value {
    /// Reads what stood in a variable, a flag or on the command line. The error is the sentence's end: `wants …, not …`.
    pub fn from_text(text: &str, kind: Type) -> Result<Value, String> {
        let wrong = || format!("wants {}, not {}", wants(kind), shown(text, kind));
        let value = match kind {
            Type::Text => Value::Text(text.to_string()),
            Type::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Value::Bool(true),
                "false" | "0" | "no" | "off" => Value::Bool(false),
                _ => return Err(wrong()),
            },
            Type::Int(..) => Value::Int(text.trim().parse().map_err(|_| wrong())?),
            Type::Choice(_) | Type::Duration | Type::Dollars | Type::Degrees(_) | Type::Address(_) => {
                Value::Text(text.to_string())
            }
            Type::List | Type::ListOf(_) => Value::List(list(text).ok_or_else(wrong)?),
        };
        value.checked(kind).ok_or_else(wrong)
    }

    /// Reads what stood in a file.
    pub fn from_toml(found: &DeValue<'_>, kind: Type) -> Result<Value, String> {
        let value = match found {
            DeValue::Boolean(b) if kind == Type::Bool => Some(Value::Bool(*b)),
            DeValue::Integer(n) => {
                let number = i64::from_str_radix(n.as_str(), n.radix()).ok();
                match kind {
                    Type::Int(..) => number.map(Value::Int),
                    Type::Duration => number.map(|n| Value::Text(format!("{n}s"))),
                    Type::Dollars | Type::Degrees(_) => number.map(|n| Value::Text(n.to_string())),
                    _ => None,
                }
            }
            DeValue::Float(n) if matches!(kind, Type::Dollars | Type::Degrees(_)) => {
                Some(Value::Text(n.as_str().to_string()))
            }
            DeValue::String(text) if !kind.is_list() && !matches!(kind, Type::Bool | Type::Int(..)) => {
                Some(Value::Text(text.to_string()))
            }
            DeValue::Array(items) if kind.is_list() => {
                let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_string));
                texts.collect::<Option<Vec<_>>>().map(Value::List)
            }
            _ => None,
        };
        value.and_then(|value| value.checked(kind)).ok_or_else(|| {
            let found = match found {
                DeValue::String(text) => shown(text, kind),
                DeValue::Integer(n) if n.radix() == 10 => n.to_string(),
                DeValue::Array(_) if kind.is_list() => "a list of other things".to_string(),
                other => format!("{} {}", article(other.type_str()), other.type_str()),
            };
            format!("wants {}, not {found}", wants(kind))
        })
    }

    fn checked(self, kind: Type) -> Option<Value> {
        let fits = match (&self, kind) {
            (Value::Int(n), Type::Int(low, high)) => (low..=high).contains(n),
            (Value::Text(text), Type::Choice(words)) => words.contains(&text.as_str()),
            (Value::Text(text), Type::Duration) => duration(text).is_some(),
            (Value::Text(text), Type::Dollars) => micro_dollars(text).is_some(),
            (Value::Text(text), Type::Degrees(most)) => {
                text.is_empty() || text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= f64::from(most))
            }
            (Value::Text(text), Type::Address(schemes)) => text.is_empty() || is_address(text, schemes),
            (Value::List(items), Type::ListOf(entry)) => items.iter().all(|item| entry.fits(item)),
            (Value::Text(_), Type::Text) | (Value::Bool(_), Type::Bool) | (Value::List(_), Type::List) => true,
            _ => false,
        };
        fits.then_some(self)
    }

    /// The value for machine output.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Bool(b) => (*b).into(),
            Value::Int(n) => (*n).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.as_slice().into(),
        }
    }

    /// The value as it is written into a file.
    pub fn to_toml(&self) -> toml_edit::Value {
        match self {
            Value::Bool(b) => (*b).into(),
            Value::Int(n) => (*n).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => toml_edit::Value::Array(items.iter().map(String::as_str).collect()),
        }
    }
}

/// Text as it is; lists as TOML.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            other => f.write_str(other.to_toml().to_string().trim()),
        }
    }
}

/// Reads a length of time: `90`, `90s`, `10m`, `1h 30m`, `250ms`. Negative, or longer than a year, is `None`.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let length = match text.bytes().all(|b| b.is_ascii_digit()) {
        true => Duration::from_secs(text.parse().ok()?),
        false => Duration::try_from(text.parse::<jiff::SignedDuration>().ok()?).ok()?,
    };
    (length <= Duration::from_secs(366 * 86_400)).then_some(length)
}

/// `["-e", "x y"]` or words as a shell would part them.
fn list(text: &str) -> Option<Vec<String>> {
    if !text.trim_start().starts_with('[') {
        return shlex::split(text);
    }
    let array = text.parse::<toml_edit::Value>().ok()?;
    array.as_array()?.iter().map(|item| item.as_str().map(str::to_string)).collect()
}

/// Whether this says by one of these schemes where something is, and nothing that is kept secret.
fn is_address(text: &str, schemes: &[&str]) -> bool {
    // The parser would also take `mqtt:host`, which is an address without a host.
    let known = text.split_once("://").is_some_and(|(scheme, _)| schemes.contains(&&*scheme.to_ascii_lowercase()));
    let has_host = |url: &Url| url.host_str().is_some_and(|host| !host.is_empty());
    known && Url::parse(text).is_ok_and(|url| has_host(&url) && url.password().is_none())
}

fn wants(kind: Type) -> String {
    match kind {
        Type::Bool => "true or false".to_string(),
        Type::Int(low, high) => format!("a whole number from {low} to {high}"),
        Type::Text => "a text".to_string(),
        Type::Duration => "a length of time such as 90s or 10m".to_string(),
        Type::Dollars => "a sum of dollars such as 1.25".to_string(),
        Type::Degrees(most) => format!("degrees from -{most} to {most} such as 52.5"),
        Type::Address(schemes) => {
            format!("an address that begins with {}, with a host and without a password", either(schemes, "://"))
        }
        Type::Choice(words) => either(words, ""),
        Type::List => "a list of texts".to_string(),
        Type::ListOf(entry) => entry.wanted().to_string(),
    }
}

/// `a, b or c`, each with this behind it.
fn either(words: &[&str], behind: &str) -> String {
    match words {
        [most @ .., last] if !most.is_empty() => {
            let most: Vec<String> = most.iter().map(|word| format!("{word}{behind}")).collect();
            format!("{} or {last}{behind}", most.join(", "))
        }
        [one] => format!("{one}{behind}"),
        _ => "nothing".to_string(),
    }
}

/// What was found, as an error says it: of an address nothing in which a password may stand.
fn shown(text: &str, kind: Type) -> String {
    match (kind, text.split_once("://"), text.rsplit_once('@')) {
        (Type::Address(_), Some((scheme, _)), _) => quote(&format!("{scheme}://…")),
        (Type::Address(_), None, Some((_, host))) => quote(&format!("…@{host}")),
        // Behind a colon that begins no port there may be a password.
        (Type::Address(_), None, None) if !has_port_at_most(text) => quote("…"),
        _ => quote(text),
    }
}

/// Whether there is no colon but one before the number of a port.
fn has_port_at_most(text: &str) -> bool {
    let place = text.split('/').next().unwrap_or_default();
    text.matches(':').count() == place.matches(':').count()
        && place.split_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok())
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn quote(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{:?}", format!("{short}{dots}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::Entry;
    use super::*;

    fn text(s: &str) -> Value {
        Value::Text(s.to_string())
    }

    #[test]
    fn text_is_read_by_type() {
        assert_eq!(Value::from_text("yes", Type::Bool), Ok(Value::Bool(true)));
        assert_eq!(Value::from_text("8", Type::Int(1, 64)), Ok(Value::Int(8)));
        assert_eq!(Value::from_text("10m", Type::Duration), Ok(text("10m")));
        assert_eq!(Value::from_text("$2.50", Type::Dollars), Ok(text("$2.50")));
        let list = Ok(Value::List(vec!["-e".to_string(), "x y".to_string()]));
        assert_eq!(Value::from_text("-e 'x y'", Type::List), list);
        assert_eq!(Value::from_text(r#"["-e", "x y"]"#, Type::List), list);
    }

    #[test]
    fn what_does_not_fit_says_what_is_wanted() {
        let wrong = |text, kind| Value::from_text(text, kind).unwrap_err();
        assert_eq!(wrong("x", Type::Bool), r#"wants true or false, not "x""#);
        assert_eq!(wrong("65", Type::Int(1, 64)), r#"wants a whole number from 1 to 64, not "65""#);
        assert_eq!(wrong("lots", Type::Dollars), r#"wants a sum of dollars such as 1.25, not "lots""#);
        assert_eq!(wrong("soon", Type::Duration), r#"wants a length of time such as 90s or 10m, not "soon""#);
        assert_eq!(wrong("d", Type::Choice(&["a", "b", "c"])), r#"wants a, b or c, not "d""#);
        assert_eq!(wrong("much", Type::Dollars), r#"wants a sum of dollars such as 1.25, not "much""#);
        assert_eq!(Value::from_text("52.5", Type::Degrees(90)), Ok(text("52.5")));
        let address = Type::Address(&["mqtt", "ws"]);
        assert_eq!(
            wrong("http://me:secret@there", address),
            r#"wants an address that begins with mqtt:// or ws://, with a host and without a password, not "http://…""#
        );
        for no_use in ["mqtt://", "mqtt:///a", "mqtt://there:99999", "mqtt:there", "mqtt://me:secret@there"] {
            assert!(!wrong(no_use, address).contains("secret"), "{no_use}");
        }
        assert_eq!(wrong("there:1883", address).rsplit(' ').next(), Some(r#""there:1883""#));
        assert_eq!(wrong("me:secret@there:1883", address).rsplit(' ').next(), Some(r#""…@there:1883""#));
        assert_eq!(wrong("there:1883/mqtt", address).rsplit(' ').next(), Some(r#""there:1883/mqtt""#));
        for hidden in ["ada:secret", "ada:secret%40there", "ada:se/cret", "there/ada:secret", "mqtt:ada:1:secret"] {
            assert_eq!(wrong(hidden, address).rsplit(' ').next(), Some(r#""…""#), "{hidden}");
        }
        assert_eq!(Value::from_text("MQTT://there", address), Ok(text("MQTT://there")));
        assert_eq!(Value::from_text("", address), Ok(text("")));
        assert_eq!(wrong("91", Type::Degrees(90)), r#"wants degrees from -90 to 90 such as 52.5, not "91""#);
        assert_eq!(wrong("-1", Type::Dollars), r#"wants a sum of dollars such as 1.25, not "-1""#);
        assert_eq!(wrong("'x", Type::List), r#"wants a list of texts, not "'x""#);
        let networks = Type::ListOf(Entry::Network);
        assert!(wrong("10.0.0.0/8 nonsense", networks).ends_with(r#"or addresses, not "10.0.0.0/8 nonsense""#));
        assert!(Value::from_text("10.0.0.0/8 ::1", networks).is_ok() && Value::from_text("", networks).is_ok());
        assert_eq!(wrong("[1]", Type::List), r#"wants a list of texts, not "[1]""#);
    }

    #[test]
    fn lengths_of_time() {
        let ms = |text| duration(text).map(|d| d.as_millis());
        assert_eq!(ms("90"), Some(90_000));
        assert_eq!(ms("90s"), Some(90_000));
        assert_eq!(ms("1h 30m"), Some(5_400_000));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("250ms"), Some(250));
        for wrong in ["", "-5s", "5 s ago", "x", "99999999999999999999", "9999999h", "1y"] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_shown_as_written() {
        assert_eq!(text("a b").to_string(), "a b");
        assert_eq!(Value::List(vec!["a".into(), "b \"c".into()]).to_string(), r#"["a", 'b "c']"#);
        assert_eq!(Value::Int(3).to_json(), serde_json::json!(3));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(s in any::<String>()) {
            for kind in [Type::Bool, Type::Int(0, 9), Type::Duration, Type::List, Type::Choice(&["a"])] {
                let _ = Value::from_text(&s, kind);
            }
        }
    }
}
