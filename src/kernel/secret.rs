//! A secret text that nothing prints by accident, and the redactor that takes secrets out of every other text.
//!
//! It does not know where secrets are kept: that is [`super::secrets`].

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Shorter texts are not taken out: they would blot out half of every log.
const SHORTEST: usize = 6;

/// A text that prints as `***` and is overwritten in memory when dropped (as well as safe code can).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// Wraps what was typed or piped in: one line end at its end does not count.
    pub fn from_input(mut text: String) -> Self {
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Secret(text)
    }

    /// The text itself. Every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        std::hint::black_box(&mut bytes);
    }
}

/// Knows the secrets this process has used and replaces them in any text. Copies share what they know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<Known>);

#[derive(Default)]
struct Known {
    /// The longest first.
    patterns: RwLock<Vec<Vec<u8>>>,
    /// Those that learn what this one learns.
    forks: Mutex<Vec<Weak<Known>>>,
}

impl Known {
    fn learn(&self, forms: &[Vec<u8>]) {
        let forks = self.forks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut patterns = self.patterns.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            if !patterns.contains(form) {
                patterns.push(form.clone());
            }
        }
        patterns.sort_by_key(|form| std::cmp::Reverse(form.len()));
        drop(patterns);
        forks.iter().filter_map(Weak::upgrade).for_each(|fork| fork.learn(forms));
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.patterns().len())
    }
}

impl Redactor {
    /// From now on this secret is taken out of every text, also in the form JSON gives it, and also each long line of
    /// it alone (a terminal changes the line ends of a key).
    pub fn learn(&self, secret: &Secret) {
        let text = secret.expose();
        let mut forms = vec![text.to_string(), serde_json::Value::from(text).to_string().trim_matches('"').to_string()];
        if text.trim_end().contains('\n') {
            let lines = text.lines().filter(|line| line.len() >= 16 && !line.starts_with("-----"));
            forms.extend(lines.map(str::to_string));
        }
        let forms: Vec<Vec<u8>> =
            forms.into_iter().filter(|form| form.len() >= SHORTEST).map(String::into_bytes).collect();
        self.0.learn(&forms);
    }

    /// One that knows what this one knows, also what it learns later, and keeps to itself what it learns alone.
    pub fn fork(&self) -> Redactor {
        // Held until the fork is among those that are told, so that nothing is learnt between the two.
        let mut forks = self.0.forks.lock().unwrap_or_else(PoisonError::into_inner);
        let fork = Known { patterns: RwLock::new(self.patterns().clone()), forks: Mutex::default() };
        let fork = Arc::new(fork);
        forks.retain(|fork| fork.strong_count() > 0);
        forks.push(Arc::downgrade(&fork));
        Redactor(fork)
    }

    /// The same as [`learn`](Self::learn), also for a text too short to be told from an ordinary word: what a person
    /// declared secret is hidden whatever that costs.
    pub fn learn_any(&self, secret: &Secret) {
        self.learn(secret);
        if !secret.is_empty() {
            self.0.learn(&[secret.expose().as_bytes().to_vec()]);
        }
    }

    /// The text without any known secret.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The bytes without any known secret.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let known = self.patterns();
        let Some(first) = next_match(&known, bytes, 0) else { return Cow::Borrowed(bytes) };
        let mut clean = Vec::with_capacity(bytes.len());
        let (mut from, mut found) = (0, Some(first));
        while let Some((at, len)) = found {
            clean.extend_from_slice(&bytes[from..at]);
            clean.extend_from_slice(MASK.as_bytes());
            from = at + len;
            found = next_match(&known, bytes, from);
        }
        clean.extend_from_slice(&bytes[from..]);
        Cow::Owned(clean)
    }

    /// A redactor for bytes that come in pieces.
    pub fn stream(&self) -> RedactStream {
        RedactStream { redactor: self.clone(), held: Vec::new() }
    }

    fn patterns(&self) -> std::sync::RwLockReadGuard<'_, Vec<Vec<u8>>> {
        self.0.patterns.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes secrets out of a stream, also where one is split between two pieces.
#[derive(Debug)]
pub struct RedactStream {
    redactor: Redactor,
    /// The end of what came so far, which may be the beginning of a secret.
    held: Vec<u8>,
}

impl RedactStream {
    /// Takes a piece and gives back what is certain. Only a beginning of a known secret is held back.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let known = self.redactor.patterns();
        if known.is_empty() && self.held.is_empty() {
            return piece.to_vec();
        }
        self.held.extend_from_slice(piece);
        let mut clean = Vec::new();
        let mut from = 0;
        let mut keep = open_beginning(&known, &self.held, from);
        // A match where a longer secret may still follow has to wait for the next piece.
        while let Some((at, len)) = next_match(&known, &self.held, from).filter(|(at, _)| *at < keep) {
            clean.extend_from_slice(&self.held[from..at]);
            clean.extend_from_slice(MASK.as_bytes());
            from = at + len;
            if from > keep {
                keep = open_beginning(&known, &self.held, from);
            }
        }
        clean.extend_from_slice(&self.held[from..keep]);
        drop(known);
        self.held.drain(..keep);
        clean
    }

    /// Gives back what was held.
    pub fn finish(mut self) -> Vec<u8> {
        self.rest()
    }

    /// What was held, for an owner that lives on; nothing may come after it.
    pub fn rest(&mut self) -> Vec<u8> {
        self.redactor.redact_bytes(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// The first place at or after `from` where a secret stands, and the longest one there. Longer ones come first in `known`.
fn next_match(known: &[Vec<u8>], bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    if known.is_empty() {
        return None;
    }
    let starts = first_bytes(known);
    (from..bytes.len()).filter(|at| starts[usize::from(bytes[*at])]).find_map(|at| {
        let secret = known.iter().find(|secret| bytes[at..].starts_with(secret))?;
        Some((at, secret.len()))
    })
}

/// The first place at or after `from` whose rest is the beginning of a longer secret; the end when there is none.
fn open_beginning(known: &[Vec<u8>], bytes: &[u8], from: usize) -> usize {
    let longest = known.first().map_or(0, Vec::len);
    let start = from.max(bytes.len().saturating_sub(longest.saturating_sub(1)));
    let is_open = |at: &usize| {
        let rest = &bytes[*at..];
        known.iter().any(|secret| secret.len() > rest.len() && secret.starts_with(rest))
    };
    (start..bytes.len()).find(is_open).unwrap_or(bytes.len())
}

fn first_bytes(known: &[Vec<u8>]) -> [bool; 256] {
    let mut starts = [false; 256];
    for byte in known.iter().filter_map(|secret| secret.first()) {
        starts[usize::from(*byte)] = true;
    }
    starts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn knowing(secrets: &[&str]) -> Redactor {
        let redactor = Redactor::default();
        for secret in secrets {
            redactor.learn(&Secret::new(*secret));
        }
        redactor
    }

    #[test]
    fn a_secret_prints_as_stars_everywhere() {
        let secret = Secret::new("canary");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "canary");
    }

    #[test]
    fn typed_input_loses_one_line_end() {
        assert_eq!(Secret::from_input("a\r\n".into()).expose(), "a");
        assert_eq!(Secret::from_input("a\n\n".into()).expose(), "a\n");
        assert_eq!(Secret::from_input(" a ".into()).expose(), " a ");
    }

    #[test]
    fn known_secrets_leave_every_text() {
        let redactor = knowing(&["hunter22", "hunter22-long", "short"]);
        assert_eq!(redactor.redact("x hunter22-long hunter22hunter22 short"), "x *** ****** short");
        assert!(matches!(redactor.redact("nothing"), Cow::Borrowed("nothing")));
        let copy = redactor.clone();
        copy.learn(&Secret::new("another"));
        assert_eq!(redactor.redact("another"), "***");
        assert_eq!(format!("{redactor:?}"), "Redactor(3 secrets)");
    }

    #[test]
    fn a_fork_learns_with_its_origin_and_keeps_what_it_learns_alone_even_short_texts() {
        let all = knowing(&["hunter22"]);
        let one = all.fork();
        one.learn_any(&Secret::new("pin"));
        one.learn_any(&Secret::new(""));
        assert_eq!(one.redact("pin hunter22"), "*** ***");
        assert_eq!(all.redact("pin hunter22"), "pin ***");
        let of_one = one.fork();
        all.learn(&Secret::new("learnt later"));
        assert_eq!(of_one.redact("pin: learnt later"), "***: ***");
        drop((one, of_one));
        all.learn(&Secret::new("and without them"));
    }

    #[test]
    fn escaped_and_multi_line_forms_are_known_too() {
        let redactor = knowing(&["quo\"te\\d", "-----BEGIN KEY-----\nMIIabcdefghijklmnop\n-----END KEY-----\n"]);
        assert_eq!(redactor.redact(r#"{"a":"quo\"te\\d"}"#), r#"{"a":"***"}"#);
        assert_eq!(redactor.redact("-----BEGIN KEY-----\r\nMIIabcdefghijklmnop\r\n"), "-----BEGIN KEY-----\r\n***\r\n");
    }

    #[test]
    fn a_split_secret_does_not_slip_through() {
        let redactor = knowing(&["secret-one", "secret-one-longer"]);
        let mut stream = redactor.stream();
        assert_eq!(stream.push(b"a secr"), b"a ");
        assert_eq!(stream.push(b"et-one"), b"");
        assert_eq!(stream.push(b" b sec"), b"*** b ");
        assert_eq!(stream.push(b"ond"), b"second");
        assert_eq!(stream.push(b"secret-one-longer!s"), b"***!");
        assert_eq!(stream.finish(), b"s");
    }

    proptest! {
        #[test]
        fn any_split_gives_what_the_whole_gives(text in "[ab]{0,60}", cuts in prop::collection::vec(0usize..60, 0..8)) {
            let redactor = knowing(&["aababa", "ababab", "bbaabbaa", "bbaabb", "aababab"]);
            let whole = redactor.redact_bytes(text.as_bytes()).into_owned();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.sort_unstable();
            let (mut stream, mut got, mut from) = (redactor.stream(), Vec::new(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                got.extend(stream.push(&text.as_bytes()[from..cut]));
                from = cut;
            }
            got.extend(stream.finish());
            prop_assert_eq!(got, whole);
        }
    }
}
