//! Text while somebody still speaks: the growing recording is written down again and again, and what two tries in a row
//! agree on is certain (LocalAgreement-2).

use std::time::{Duration, Instant};

use super::{Transcriber, Wishes};
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::voice::clip::Clip;

/// What is certain of a text that is heard better and better. Certain words never change.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    last: Vec<String>,
    certain: Vec<String>,
}

impl Agreement {
    /// Takes the newest try; gives what is certain now.
    pub fn hear(&mut self, text: &str) -> String {
        let now: Vec<String> = text.split_whitespace().map(String::from).collect();
        let alike = now.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        if alike > self.certain.len() && same(&now[..self.certain.len()], &self.certain) {
            self.certain.extend_from_slice(&now[self.certain.len()..alike]);
        }
        self.last = now;
        self.certain()
    }

    /// What is certain.
    pub fn certain(&self) -> String {
        self.certain.join(" ")
    }

    /// What was heard last behind what is certain; it may still change.
    pub fn guess(&self) -> String {
        self.last.get(self.certain.len()..).unwrap_or_default().join(" ")
    }
}

/// Whether two texts are the same but for letter case and marks, which change while a sentence grows.
fn same(a: &[String], b: &[String]) -> bool {
    let bare = |word: &String| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| bare(a) == bare(b))
}

/// Writes down a recording that grows.
#[derive(Debug, Default)]
pub struct Growing {
    agreement: Agreement,
    done_ms: u64,
    took: Duration,
}

impl Growing {
    /// Writes down what there is by now, when enough came since the last time: half a second, and more for a transcriber
    /// that is slow, so that it does not fall behind. `None` when it is too early.
    ///
    /// # Errors
    /// As [`Transcriber::transcribe`].
    pub fn grow(
        &mut self,
        engine: &mut dyn Transcriber,
        clip: &Clip,
        wishes: &Wishes,
        stop: &Stop,
    ) -> Result<Option<&Agreement>> {
        let wait = 500.max(u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX));
        if clip.ms() < self.done_ms.saturating_add(wait) {
            return Ok(None);
        }
        let begun = Instant::now();
        let told = engine.transcribe(clip, wishes, stop, &mut |_| {})?;
        self.took = begun.elapsed();
        self.done_ms = clip.ms();
        self.agreement.hear(&told.text);
        Ok(Some(&self.agreement))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_tries_make_a_word_certain() {
        let mut agreement = Agreement::default();
        assert_eq!(agreement.hear("turn of"), "");
        assert_eq!(agreement.hear("turn off the"), "turn");
        assert_eq!(agreement.guess(), "off the");
        assert_eq!(agreement.hear("Turn off the light"), "turn");
        assert_eq!(agreement.hear("Turn off the lights"), "turn off the");
        assert_eq!(agreement.hear("something else"), "turn off the");
    }

    proptest! {
        #[test]
        fn what_is_certain_only_grows(tries in proptest::collection::vec("[ab]( [ab]){0,6}", 0..12)) {
            let mut agreement = Agreement::default();
            let mut before = String::new();
            for text in tries {
                let now = agreement.hear(&text);
                prop_assert!(now.starts_with(&before));
                before = now;
            }
        }
    }
}
