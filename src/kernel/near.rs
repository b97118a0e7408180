//! Which of the names that there are somebody may have meant who wrote another.
//!
//! It knows no sentence: what is said of it is the business of whoever asks.

use strsim::jaro_winkler;

/// How much a name must look like what was written to have been meant; 1 is the same.
const MEANT: f64 = 0.8;

/// The longest word that is compared, in bytes: nobody means a name by more, and comparing takes the product of both lengths.
const LONGEST: usize = 200;

/// The name that looks most like `written`, when one is near enough to be meant. Of several that are as near it is the first.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(written, names, MEANT).into_iter().next()
}

/// The names that look like `written`, at least so much, the nearest first.
pub fn near<'a>(written: &str, names: impl IntoIterator<Item = &'a str>, least: f64) -> Vec<&'a str> {
    if written.len() > LONGEST {
        return Vec::new();
    }
    let written = written.to_lowercase();
    let likeness = |name: &str| jaro_winkler(&written, &name.to_lowercase());
    let mut near: Vec<(f64, &str)> =
        names.into_iter().map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness > least).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_and_another_word_does_not() {
        let names = ["deploy", "describe", "Weather"];
        assert_eq!(nearest("depoly", names), Some("deploy"));
        assert_eq!(nearest("WAETHER", names), Some("Weather"));
        assert_eq!(nearest("xyzzy", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"deploy".repeat(40), names), None);
    }

    #[test]
    fn the_nearest_stands_first_and_of_equals_the_first() {
        assert_eq!(near("ab", ["xb", "abc", "abd", "ab"], 0.5), ["ab", "abc", "abd", "xb"]);
    }
}
