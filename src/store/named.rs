//! Things that people name by a part of their id: what counts as a part, and that just one must fit.

use crate::kernel::error::{Error, Kind, Result};

/// The beginning or end of an id that was typed, in lower case: long enough to mean something, and without what LIKE would
/// read as a pattern.
pub(super) fn part_of_id(wanted: &str) -> Option<String> {
    let part = wanted.to_ascii_lowercase();
    let sane = part.len() >= 4 && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    sane.then_some(part)
}

/// The only thing that was found; `none` where nothing was, `Usage` where several were, which are called `these`.
pub(super) fn only<T>(mut found: Vec<T>, wanted: &str, these: &str, none: impl FnOnce(&str) -> Error) -> Result<T> {
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => Err(none(wanted)),
        _ => Err(Error::new(Kind::Usage, format!("several {these} are called {wanted}")).hint("write more of the id")),
    }
}
