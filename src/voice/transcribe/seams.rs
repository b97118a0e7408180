//! Long recordings in windows: where to cut, and how the words on both sides become one text again.
//!
//! A cut is made in a pause when there is one: then nothing is cut through, and the texts are simply joined. Where
//! somebody speaks without a pause, two windows share some seconds, and the words that both heard are found and kept once.
//! Words are dropped only next to the cut, where a window began or ended in the middle of one; when the two sides have
//! nothing in common, all of both is kept: a word twice is better than a word lost.

use std::ops::Range;

use super::{Segment, Transcript};
use crate::voice::clip::{self, Clip, level};

/// How windows are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutting {
    /// The longest window, ms.
    pub longest_ms: u64,
    /// Where a pause is looked for: this long before the longest, ms.
    pub search_ms: u64,
    /// How much two windows share where there is no pause, ms.
    pub overlap_ms: u64,
}

impl Default for Cutting {
    /// Windows of 28 seconds, as Whisper hears 30 at once; pauses in their last 10; 4 shared.
    fn default() -> Self {
        Cutting { longest_ms: 28_000, search_ms: 10_000, overlap_ms: 4_000 }
    }
}

/// A window of a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which samples.
    pub samples: Range<usize>,
    /// Whether it begins with sound that the window before it has too.
    pub overlaps: bool,
}

/// The windows of a clip, in order; together they hold every sample.
pub fn windows(clip: &Clip, cutting: &Cutting) -> Vec<Window> {
    let samples = |ms: u64| clip::samples(ms, clip.rate);
    let (longest, overlap) = (samples(cutting.longest_ms).max(1), samples(cutting.overlap_ms));
    let mut all = Vec::new();
    let (mut from, mut overlaps) = (0, false);
    while clip.samples.len() - from > longest {
        let end = from + longest;
        let search = end - samples(cutting.search_ms).min(longest / 2);
        let (to, next, shared) = match pause(&clip.samples, search..end, samples(20).max(1)) {
            Some(middle) => (middle, middle, false),
            None => (end, end - overlap.min(longest / 2), true),
        };
        all.push(Window { samples: from..to, overlaps });
        (from, overlaps) = (next, shared);
    }
    all.push(Window { samples: from..clip.samples.len(), overlaps });
    all
}

/// The middle of the longest pause: at least 200 ms that are 20 dB below the loud parts around it.
fn pause(samples: &[f32], within: Range<usize>, step: usize) -> Option<usize> {
    const SHORTEST: usize = 10;
    let levels: Vec<f32> = samples[within.clone()].chunks(step).map(level).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let loud = sorted.get(sorted.len() * 9 / 10)?;
    let quiet = (loud - 20.0).max(-60.0);
    let (mut best, mut from) = (0..0, 0);
    for (at, height) in levels.iter().enumerate() {
        if *height > quiet {
            from = at + 1;
        } else if at + 1 - from > best.len() {
            best = from..at + 1;
        }
    }
    (best.len() >= SHORTEST).then(|| within.start + (best.start + best.end) / 2 * step)
}

/// How many words next to a cut may have been cut through on each side.
const TORN: usize = 2;
/// Words at a cut that are compared at most.
const NEAR: usize = 60;

/// Where two texts that share some words fit together: words to drop at the end of the first, and at the beginning of the
/// second.
pub fn fit(before: &[&str], after: &[&str]) -> (usize, usize) {
    let far = before.len().saturating_sub(NEAR);
    let a: Vec<String> = before[far..].iter().map(|word| bare(word)).collect();
    let b: Vec<String> = after[..after.len().min(NEAR)].iter().map(|word| bare(word)).collect();
    let mut best = (0i64, 0, 0);
    // The matching words end `torn` words before the end of the first text and begin `skipped` words into the second.
    for torn in 0..=TORN.min(a.len()) {
        let a = &a[..a.len() - torn];
        for skipped in 0..=TORN.min(b.len()) {
            let b = &b[skipped..];
            let shared = (1..=a.len().min(b.len())).rev().find(|n| a[a.len() - n..] == b[..*n]).unwrap_or(0);
            // One word in common is no proof that others were torn.
            if shared == 0 || (shared == 1 && torn + skipped > 0) {
                continue;
            }
            let score = 2 * shared as i64 - (torn + skipped) as i64;
            if score > best.0 {
                best = (score, torn, skipped + shared);
            }
        }
    }
    (best.1, best.2)
}

/// A word as it is compared: small letters without what stands around it; a mark alone is itself.
fn bare(word: &str) -> String {
    let trimmed = word.trim_matches(|c: char| !c.is_alphanumeric());
    if trimmed.is_empty() { word.to_string() } else { trimmed.to_lowercase() }
}

/// What was heard in a window, joined to what was heard before it.
pub fn join(before: Transcript, after: Transcript, overlaps: bool) -> Transcript {
    if before.text.is_empty() || after.text.is_empty() {
        let language = before.language.clone().or(after.language.clone());
        let other = if before.text.is_empty() { after } else { before };
        return Transcript { language, ..other };
    }
    let timed = !before.segments.is_empty() && !after.segments.is_empty();
    let a: Vec<&str> = before.text.split_whitespace().collect();
    let b: Vec<&str> = after.text.split_whitespace().collect();
    let (torn, heard) = if overlaps { fit(&a, &b) } else { (0, 0) };
    let words: Vec<&str> = a[..a.len() - torn].iter().chain(&b[heard..]).copied().collect();
    let text = words.join(" ");
    let mut segments = Vec::new();
    if timed {
        let mut first = before.segments;
        drop_words(first.iter_mut().rev(), torn, |words, n| words.truncate(words.len() - n));
        let mut second = after.segments;
        drop_words(second.iter_mut(), heard, |words, n| drop(words.drain(..n)));
        first.append(&mut second);
        first.retain(|piece| !piece.text.is_empty());
        segments = first;
    }
    Transcript { text, segments, language: before.language.or(after.language) }
}

fn drop_words<'a>(
    pieces: impl Iterator<Item = &'a mut Segment>,
    mut count: usize,
    take: impl Fn(&mut Vec<&str>, usize),
) {
    for piece in pieces {
        if count == 0 {
            return;
        }
        let mut words: Vec<&str> = piece.text.split_whitespace().collect();
        let gone = count.min(words.len());
        count -= gone;
        take(&mut words, gone);
        piece.text = words.join(" ");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(before: &str, after: &str) -> String {
        join(Transcript::plain(before), Transcript::plain(after), true).text
    }

    #[test]
    fn shared_words_stand_once_and_torn_ones_go() {
        assert_eq!(joined("we went to the shop", "to the shop and home"), "we went to the shop and home");
        assert_eq!(joined("we went to the sh", "o the shop and home"), "we went to the sh o the shop and home");
        assert_eq!(joined("then we went to the sh", "n we went to the shop"), "then we went to the shop");
        assert_eq!(joined("he said To the shop.", "to the shop, and home"), "he said To the shop. and home");
        assert_eq!(joined("one two", "three four"), "one two three four");
        assert_eq!(joined("", "three four"), "three four");
        assert_eq!(joined("no no no", "no no no more"), "no no no more");
        let apart = join(Transcript::plain("so no"), Transcript::plain("no more"), false);
        assert_eq!(apart.text, "so no no more");
    }

    #[test]
    fn pieces_keep_their_times_and_lose_the_same_words() {
        let piece = |start_ms, end_ms, text: &str| Segment { start_ms, end_ms, text: text.into() };
        let before = Transcript::of(vec![piece(0, 900, "we went"), piece(900, 2000, "to the sh")]);
        let after = Transcript::of(vec![piece(1500, 1700, "to the"), piece(1700, 2500, "shop now")]);
        let both = join(before, after, true);
        assert_eq!(both.text, "we went to the shop now");
        assert_eq!(
            both.segments,
            [piece(0, 900, "we went"), piece(900, 2000, "to the"), piece(1700, 2500, "shop now")]
        );
    }

    #[test]
    fn a_cut_is_made_in_a_pause() {
        let tone = |n: usize| (n as f32 * 0.3).sin() * 0.3;
        let samples: Vec<f32> =
            (0..16_000 * 60).map(|n| if (16_000 * 24..16_000 * 25).contains(&n) { 0.0 } else { tone(n) }).collect();
        let found = windows(&Clip::new(16_000, samples), &Cutting::default());
        assert_eq!(found[0], Window { samples: 0..392_000, overlaps: false });
        assert_eq!(found[1], Window { samples: 392_000..392_000 + 448_000, overlaps: false });
        assert_eq!(found[2], Window { samples: 392_000 + 384_000..960_000, overlaps: true });
        assert_eq!(windows(&Clip::default(), &Cutting::default()).len(), 1);
    }

    proptest! {
        #[test]
        fn windows_hold_every_sample_in_order(seconds in 0usize..200, seed in 1u32..999) {
            // A hundred samples a second are enough to see where cuts fall.
            let samples: Vec<f32> = (0..seconds * 100).map(|n| if (n as u32 / 37).wrapping_mul(seed) % 5 == 0 { 0.0 } else { 0.5 }).collect();
            let all = windows(&Clip::new(100, samples.clone()), &Cutting::default());
            let mut end = 0;
            for window in &all {
                prop_assert!(window.samples.start <= end && window.samples.end > end || samples.is_empty());
                prop_assert_eq!(window.overlaps, window.samples.start < end);
                prop_assert!(window.samples.len() <= 2800);
                end = window.samples.end;
            }
            prop_assert_eq!(end, samples.len());
        }

        #[test]
        fn different_words_come_back_whole(count in 1usize..80, cut in 0usize..80, shared in 0usize..30) {
            let words: Vec<String> = (0..count).map(|n| format!("w{n}")).collect();
            let cut = cut.min(count);
            let from = cut - shared.min(cut);
            prop_assert_eq!(joined(&words[..cut].join(" "), &words[from..].join(" ")), words.join(" "));
        }

        #[test]
        fn no_word_is_lost_but_those_beside_the_cut(before in proptest::collection::vec("[abc]", 0..40), after in proptest::collection::vec("[abc]", 0..40)) {
            let whole = joined(&before.join(" "), &after.join(" "));
            let words: Vec<&str> = whole.split_whitespace().collect();
            prop_assert!(words.starts_with(&before[..before.len().saturating_sub(TORN)].iter().map(String::as_str).collect::<Vec<_>>()));
            prop_assert!(words.ends_with(&after[TORN.min(after.len())..].iter().map(String::as_str).collect::<Vec<_>>()));
        }

        #[test]
        fn torn_words_are_healed(count in 12usize..60, cut in 8usize..60, shared in 5usize..8) {
            let words: Vec<String> = (0..count).map(|n| format!("w{n}")).collect();
            let cut = cut.min(count - 1);
            let (mut before, mut after) = (words[..cut].to_vec(), words[cut - shared..].to_vec());
            before.push("torn".into());
            after.insert(0, "orn".into());
            prop_assert_eq!(joined(&before.join(" "), &after.join(" ")), words.join(" "));
        }

        #[test]
        fn joining_never_panics(before in ".{0,80}", after in ".{0,80}", overlaps: bool) {
            let _ = join(Transcript::plain(before), Transcript::plain(after), overlaps);
        }
    }
}
