//! Randomness of the operating system, and texts made of it.

use rustls::crypto::ring::default_provider;

use crate::kernel::error::{Error, Kind, Result};

/// Letters and digits: a text of them is marked by one double click and needs no quoting anywhere.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// As many bytes that nobody can foresee.
///
/// # Errors
/// When the system has none.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Error::new(Kind::Failed, "the system has no randomness"))?;
    Ok(bytes)
}

/// As many letters and digits that nobody can foresee, each 5.95 bits.
///
/// # Errors
/// When the system has no randomness.
pub fn text(length: usize) -> Result<String> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // What is left over of 256 would make the first letters likelier.
        let good = bytes::<32>()?.into_iter().filter(|byte| usize::from(*byte) < 4 * LETTERS.len());
        let room = length - text.len();
        text.extend(good.take(room).map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()])));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn texts_are_as_long_as_wished_and_never_the_same() {
        let many: BTreeSet<String> = (0..100).map(|_| text(43).unwrap()).collect();
        assert_eq!(many.len(), 100);
        assert!(many.iter().all(|one| one.len() == 43 && one.bytes().all(|b| b.is_ascii_alphanumeric())));
        let letters: BTreeSet<char> = many.iter().flat_map(|one| one.chars()).collect();
        assert_eq!(letters.len(), 62);
    }
}
