//! The environment, read once into a value.
//!
//! Every room takes it as an argument, so that a test can own it. It does not know what a variable means:
//! [`super::config`] turns `FAC_…` names into settings, [`super::paths`] reads `FAC_HOME`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The variables of the process, or of a test. Clones share them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env {
    map: Arc<BTreeMap<OsString, OsString>>,
}

impl Env {
    /// What this process was started with. Called once, by `main`.
    pub fn from_process() -> Self {
        Env { map: Arc::new(std::env::vars_os().collect()) }
    }

    /// An environment that holds exactly these variables; the last of equal names wins.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Env { map: Arc::new(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect()) }
    }

    /// The bytes of a variable, empty ones included.
    pub fn os(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.map.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// A variable that is set, not empty, and text. An empty variable counts as unset, as `NO_COLOR` and the XDG rules ask.
    pub fn text(&self, name: impl AsRef<OsStr>) -> Option<&str> {
        self.os(name)?.to_str().filter(|text| !text.is_empty())
    }

    /// A variable that is set and not empty, as a path.
    pub fn path(&self, name: impl AsRef<OsStr>) -> Option<PathBuf> {
        self.os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Every variable, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.map.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The same environment with one variable set.
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        Arc::make_mut(&mut self.map).insert(name.into(), value.into());
        self
    }
}

/// Shows names only: values may be secret.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.map.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_foreign_values_are_not_text() {
        use std::os::unix::ffi::OsStringExt;
        let env = Env::from_pairs([("A", "1"), ("B", ""), ("A", "2")]).with("C", OsString::from_vec(vec![0xff]));
        assert_eq!((env.text("A"), env.text("B"), env.text("C"), env.text("D")), (Some("2"), None, None, None));
        assert_eq!(env.os("B"), Some(OsStr::new("")));
        assert_eq!(env.path("B"), None);
        assert!(env.path("C").is_some());
    }

    #[test]
    fn debug_never_shows_a_value() {
        let shown = format!("{:?}", Env::from_pairs([("TOKEN", "canary")]));
        assert_eq!(shown, r#"{"TOKEN"}"#);
    }
}
