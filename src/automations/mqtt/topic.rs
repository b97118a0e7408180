//! Names and filters of topics: which are none, and how long they may be.
//!
//! What a filter fits is said by [`fits`]; what it means that it fits is the business of others.

use super::Publish;
use crate::kernel::error::{Error, Kind, Result};

/// The longest name or filter, bytes (a string of the protocol).
pub const LONGEST: usize = 65_535;

/// Checks the name of a topic: what something is published to.
///
/// # Errors
/// `Usage` when it is empty or too long, or holds a wildcard or a character that a broker may refuse.
pub fn check_name(topic: &str) -> Result<()> {
    let wrong = match topic {
        "" => "is empty",
        _ if topic.len() > LONGEST => "is longer than 65535 bytes",
        _ if topic.contains(is_unfit) => "holds a control character, or one that is none",
        _ if topic.contains(['+', '#']) => "holds a wildcard, which only a subscription may",
        _ => return Ok(()),
    };
    Err(Error::new(Kind::Usage, format!("the topic {} {wrong}", short(topic))))
}

/// Checks what a message says beside its payload: the topic it goes to, the one where an answer is wanted, its texts.
///
/// # Errors
/// Those of [`check_name`]; `Usage` for what is longer than a text of the protocol.
pub fn check_publish(publish: &Publish) -> Result<()> {
    let said = &publish.properties;
    check_name(&publish.topic)?;
    said.response_topic.as_deref().map_or(Ok(()), check_name)?;
    said.content_type.as_deref().map_or(Ok(()), |text| check_text("the kind of content", text))?;
    check_length("what an answer is to be marked with", said.correlation.as_ref().map_or(0, Vec::len))?;
    said.user.iter().flat_map(|(name, text)| [name, text]).try_for_each(|text| check_text("a property", text))
}

/// Checks a last will: a message whose payload is one of the protocol's texts.
///
/// # Errors
/// Those of [`check_publish`].
pub fn check_will(will: &Publish) -> Result<()> {
    check_publish(will)?;
    check_length("what a last will says", will.payload.len())
}

/// Checks a text of the protocol: a user's name, a client's.
///
/// # Errors
/// `Usage` when it is too long or holds what a broker closes the connection for.
pub fn check_text(what: &str, text: &str) -> Result<()> {
    if text.contains(is_unfit) {
        return Err(Error::new(Kind::Usage, format!("{what} holds a control character, or one that is none")));
    }
    check_length(what, text.len())
}

fn check_length(what: &str, bytes: usize) -> Result<()> {
    match bytes > LONGEST {
        true => Err(Error::new(Kind::Usage, format!("{what} has {bytes} bytes, and {LONGEST} are the most"))),
        false => Ok(()),
    }
}

/// As much of a topic as a sentence has room for.
fn short(topic: &str) -> String {
    match topic.len() > 100 {
        true => format!("{:?} …", &topic[..topic.floor_char_boundary(100)]),
        false => format!("{topic:?}"),
    }
}

/// What a broker may close the connection for: control characters, and code points that are no characters (MQTT 5, 1.5.4).
fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Checks a filter: what is subscribed to. `$share/GROUP/` may stand before it.
///
/// # Errors
/// `Usage` with what is wrong: `+` and `#` stand for whole levels, and nothing may follow `#`.
pub fn check_filter(filter: &str) -> Result<()> {
    let inner = match filter.strip_prefix("$share/") {
        Some(rest) => match rest.split_once('/') {
            Some((group, inner)) if !group.is_empty() && !group.contains(['+', '#']) => inner,
            _ => return Err(wrong(filter, "names no group: it is written $share/GROUP/FILTER")),
        },
        None => filter,
    };
    if inner.is_empty() {
        return Err(wrong(filter, "is empty"));
    }
    if filter.len() > LONGEST || filter.contains('\0') {
        return Err(wrong(filter, "is longer than 65535 bytes or holds a NUL"));
    }
    let levels = inner.split('/').collect::<Vec<_>>();
    for (at, level) in levels.iter().enumerate() {
        if level.contains('#') && (*level != "#" || at + 1 < levels.len()) {
            return Err(wrong(filter, "has a # that is not alone at its end"));
        }
        if level.contains('+') && *level != "+" {
            return Err(wrong(filter, "has a + that is not alone between its slashes"));
        }
    }
    Ok(())
}

fn wrong(filter: &str, what: &str) -> Error {
    Error::new(Kind::Usage, format!("the topic filter {} {what}", short(filter)))
}

/// Whether a filter fits the name of a topic. Names that begin with `$` fit only filters that begin so too.
pub fn fits(filter: &str, topic: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(rest) => rest.split_once('/').map_or("", |(_, inner)| inner),
        None => filter,
    };
    if topic.starts_with('$') && !filter.starts_with('$') {
        return false;
    }
    let (mut wanted, mut levels) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), levels.next()) {
            (Some("#"), _) => return true,
            (Some(want), Some(level)) if want == "+" || want == level => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Whether a topic may fit both filters. Shared subscriptions come to whoever the broker chooses and count as strangers.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    if one.starts_with("$share/") || other.starts_with("$share/") || one.starts_with('$') != other.starts_with('$') {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn filters_overlap_where_one_topic_fits_both() {
        for (one, other, may) in [
            ("dup/#", "dup/x", true),
            ("dup/+", "dup/y", true),
            ("dup", "dup/#", true),
            ("+/x", "dup/+", true),
            ("a/b", "a/c", false),
            ("a/+", "a/b/c", false),
            ("#", "$SYS/#", false),
            ("$share/g/a", "a", false),
        ] {
            assert_eq!((overlap(one, other), overlap(other, one)), (may, may), "{one} {other}");
        }
    }

    use super::super::Qos;
    use super::*;

    #[test]
    fn filters_fit_as_the_protocol_says() {
        for (filter, topic, fit) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a/b", true),
            ("#", "$SYS/uptime", false),
            ("+/uptime", "$SYS/uptime", false),
            ("$SYS/#", "$SYS/uptime", true),
            ("$share/group/a/+", "a/b", true),
            ("a//b", "a//b", true),
            ("a/+/b", "a//b", true),
            ("test/one", "test/two", false),
        ] {
            assert_eq!(fits(filter, topic), fit, "{filter} {topic}");
        }
    }

    #[test]
    fn what_is_no_name_and_no_filter() {
        for topic in ["", "a/+", "#", "a\0b", "a\nb", "a\u{85}", "a\u{fffe}", "a\u{1ffff}", "\u{fdd0}"] {
            assert_eq!(check_name(topic).unwrap_err().kind(), Kind::Usage, "{topic:?}");
        }
        assert!(check_name(&"x".repeat(65_536)).is_err());
        assert!(check_name("grün/\u{fffd}/漢/🏠").is_ok());
        let mut publish = Publish::new("a", b"", Qos::Most);
        assert!(check_publish(&publish).is_ok());
        publish.properties.response_topic = Some("r/#".into());
        assert_eq!(check_publish(&publish).unwrap_err().kind(), Kind::Usage);
        for filter in ["", "a/#/b", "a#", "a/b+", "+a", "$share/", "$share//a", "$share/g", "$share/+/a", "a\0"] {
            assert_eq!(check_filter(filter).unwrap_err().kind(), Kind::Usage, "{filter:?}");
        }
        for filter in ["#", "+", "a/+/b/#", "/", "$SYS/#", "$share/g/#"] {
            check_filter(filter).unwrap();
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_fits_itself_and_what_is_made_of_it(levels in proptest::collection::vec("[a-z]{0,3}", 1..6), at in 0usize..6) {
            let topic = levels.join("/");
            proptest::prop_assert!(fits(&topic, &topic));
            let mut loose = levels.clone();
            let at = at % loose.len();
            loose[at] = "+".to_string();
            proptest::prop_assert!(fits(&loose.join("/"), &topic));
            loose.truncate(at);
            loose.push("#".to_string());
            proptest::prop_assert!(fits(&loose.join("/"), &topic));
        }

        #[test]
        fn nothing_panics(filter in "\\PC{0,20}", topic in "\\PC{0,20}") {
            let _ = (check_filter(&filter), check_name(&topic), fits(&filter, &topic));
        }
    }
}
