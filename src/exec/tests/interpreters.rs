//! What each interpreter is given, and what arrives.

use super::*;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn os(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
