//! Writing down what was said, on a thread of its own: utterances in their order, and glances when there is time.

use std::sync::mpsc::{Receiver, TryRecvError};

use super::Said;
use crate::exec::Stop;
use crate::kernel::error::{Error, Result};
use crate::voice::chain::{Denoise, Utterance};
use crate::voice::clip::Clip;
use crate::voice::transcribe::{Transcriber, Transcript, Wishes, seams};

/// Shorter voice is a click or a cough, ms.
const LEAST_VOICE_MS: u64 = 80;

/// What is to be written down.
pub(super) enum Work {
    /// An utterance.
    Piece(Utterance),
    /// What is being said.
    Glance(Clip),
}

/// Who writes down, and how.
pub struct Scribe {
    /// Who does it.
    pub transcriber: Box<dyn Transcriber>,
    /// What is asked of them.
    pub wishes: Wishes,
    /// Whether they get the cleaned sound.
    pub denoise: Denoise,
}

/// Writes down until nothing more can come; the first failure ends it.
pub(super) fn write_down(
    scribe: &mut Scribe,
    work: &Receiver<Work>,
    stop: &Stop,
    say: &dyn Fn(Said),
) -> Result<Transcript> {
    let mut written = Transcript::default();
    let mut agreement = Agreement::default();
    while let Some(next) = next(work) {
        match next {
            Work::Piece(piece) => {
                agreement = Agreement::default();
                write_piece(scribe, &piece, &mut written, stop, say)?;
            }
            Work::Glance(clip) => {
                // What fails here fails again with the whole piece, where it is said.
                if let Ok(heard) = scribe.transcriber.transcribe(&clip, &scribe.wishes, stop, &mut |_| {}) {
                    let (sure, rest) = agreement.hear(&heard.text);
                    say(Said::Partial { sure, rest });
                }
            }
        }
        if stop.is_requested() {
            return Err(Error::new(crate::kernel::error::Kind::Interrupted, "cancelled"));
        }
    }
    Ok(written)
}

fn write_piece(
    scribe: &mut Scribe,
    piece: &Utterance,
    written: &mut Transcript,
    stop: &Stop,
    say: &dyn Fn(Said),
) -> Result<()> {
    if piece.voice_ms < LEAST_VOICE_MS {
        return Ok(());
    }
    let clip = piece.for_transcriber(scribe.denoise)?;
    let wishes = scribe.wishes.after(&written.text);
    let mut heard = |text: &str| say(Said::Partial { sure: text.to_string(), rest: String::new() });
    let told = scribe.transcriber.transcribe(&clip, &wishes, stop, &mut heard)?;
    let told = Transcript { text: told.text.trim().to_string(), ..told };
    let (text, segments) = (told.text.clone(), told.pieces(piece.to_ms.saturating_sub(piece.from_ms)));
    let told = Transcript { segments, ..told }.later(piece.from_ms);
    *written = seams::join(std::mem::take(written), told, false);
    if !text.is_empty() {
        say(Said::Text(text));
    }
    Ok(())
}

/// The next piece; a glance only when nothing newer waits. `None` when nothing more can come.
fn next(work: &Receiver<Work>) -> Option<Work> {
    let mut found = work.recv().ok()?;
    while matches!(found, Work::Glance(_)) {
        match work.try_recv() {
            Ok(newer) => found = newer,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    Some(found)
}

/// What two glances in a row agree on is certain (LocalAgreement-2: Macháček, Dabre, Bojar, "Turning Whisper into
/// Real-Time Transcription System", 2023, <https://arxiv.org/abs/2307.14743>).
#[derive(Debug, Default)]
struct Agreement {
    last: Vec<String>,
    sure: usize,
}

impl Agreement {
    /// The words that are certain, and the rest.
    fn hear(&mut self, text: &str) -> (String, String) {
        let words: Vec<String> = text.split_whitespace().map(str::to_string).collect();
        let plain = |word: &String| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let agreed = words.iter().zip(&self.last).take_while(|(a, b)| plain(a) == plain(b)).count();
        self.sure = self.sure.max(agreed).min(words.len());
        self.last.clone_from(&words);
        (words[..self.sure].join(" "), words[self.sure..].join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_glances_that_agree_make_words_certain() {
        let mut agreement = Agreement::default();
        let mut hear = |text: &str| agreement.hear(text);
        assert_eq!(hear("turn the"), (String::new(), "turn the".to_string()));
        assert_eq!(hear("Turn the light"), ("Turn the".to_string(), "light".to_string()));
        assert_eq!(hear("turn the lights on"), ("turn the".to_string(), "lights on".to_string()));
        assert_eq!(hear("turn the lights on."), ("turn the lights on.".to_string(), String::new()));
        assert_eq!(hear("turn"), ("turn".to_string(), String::new()));
    }
}
