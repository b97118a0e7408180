//! The name of a setting: parts joined by dots, quoted as TOML quotes them.

use std::fmt;

use crate::kernel::error::{Context, Error, Kind, Result};

/// A name such as `run.timeout` or `bindings."git log".to`, in parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// A name made of these parts.
    pub fn new(parts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        KeyPath(parts.into_iter().map(Into::into).collect())
    }

    /// Reads a dotted TOML key. Fails with [`Kind::Usage`] when it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || format!("{text:?} is not the name of a setting");
        let keys = toml_edit::Key::parse(text).context(Kind::Usage, wrong)?;
        if keys.is_empty() {
            return Err(Error::new(Kind::Usage, wrong()));
        }
        Ok(KeyPath::new(keys.iter().map(|key| key.get())))
    }

    /// The parts.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The name one part longer.
    pub fn child(&self, part: &str) -> Self {
        let mut parts = self.0.clone();
        parts.push(part.to_string());
        KeyPath(parts)
    }

    /// For `profile.NAME.rest`: the profile's name and the rest.
    pub fn in_profile(&self) -> Option<(&str, KeyPath)> {
        match self.0.as_slice() {
            [first, name, rest @ ..] if first == "profile" && !rest.is_empty() => Some((name, KeyPath(rest.to_vec()))),
            _ => None,
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(&toml_edit::Key::new(part).display_repr())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_there_and_back() {
        for text in
            ["color", "run.timeout", "bindings.\"git log\".to", "aliases.\"\"", "aliases.\"a.b\"", r#"aliases."'\"\n""#]
        {
            assert_eq!(KeyPath::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(KeyPath::parse("bindings.'git log'.to").unwrap().parts(), ["bindings", "git log", "to"]);
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for text in ["", ".", "a..b", "a b", "a.", "\"x"] {
            assert_eq!(KeyPath::parse(text).unwrap_err().kind(), Kind::Usage, "{text:?}");
        }
    }

    #[test]
    fn a_profile_is_a_prefix() {
        let path = KeyPath::parse("profile.work.run.timeout").unwrap();
        assert_eq!(path.in_profile(), Some(("work", KeyPath::parse("run.timeout").unwrap())));
        assert_eq!(KeyPath::parse("profile.work").unwrap().in_profile(), None);
    }
}
