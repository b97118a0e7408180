//! What holds for every transcriber: silence is not sent, as some hear words in it; long recordings go in windows; what
//! comes back is plain text.

use super::seams::{self, Cutting};
use super::{SoFar, Transcriber, Transcript, Wishes};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::is_hidden;
use crate::voice::clip::{self, Clip, level};

/// What is quieter than this all the time is silence, dBFS.
const QUIET: f32 = -55.0;
/// Nobody says a word in less, ms.
const SHORTEST_MS: u64 = 100;

/// A transcriber with these habits.
pub struct Careful {
    inner: Box<dyn Transcriber>,
    cutting: Cutting,
}

impl Careful {
    /// Gives a transcriber these habits.
    pub fn new(inner: Box<dyn Transcriber>) -> Careful {
        Careful { inner, cutting: Cutting::default() }
    }

    /// The same with other windows.
    pub fn cutting(self, cutting: Cutting) -> Careful {
        Careful { cutting, ..self }
    }
}

/// Whether nobody can have said anything: too short, or no loud moment in it.
pub fn is_silent(clip: &Clip) -> bool {
    let moment = clip::samples(30, clip.rate).max(1);
    clip.ms() < SHORTEST_MS || clip.samples.chunks(moment).all(|part| level(part) < QUIET)
}

impl Transcriber for Careful {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn transcribe(&mut self, clip: &Clip, wishes: &Wishes, stop: &Stop, heard: SoFar<'_>) -> Result<Transcript> {
        let mut whole = Transcript::default();
        let windows = seams::windows(clip, &self.cutting);
        for window in &windows {
            if stop.is_requested() {
                return Err(Error::new(Kind::Interrupted, "stopped"));
            }
            let part = Clip::new(clip.rate, clip.samples[window.samples.clone()].to_vec());
            if is_silent(&part) {
                continue;
            }
            let mut so_far = |text: &str| match whole.text.is_empty() {
                true => heard(text),
                false => heard(&format!("{} {text}", whole.text)),
            };
            let told = self.inner.transcribe(&part, &wishes.after(&whole.text), stop, &mut so_far)?;
            let from_ms = clip::ms(window.samples.start as u64, clip.rate);
            whole = seams::join(whole, cleaned(told).later(from_ms), window.overlaps);
            if windows.len() > 1 {
                heard(&whole.text);
            }
        }
        Ok(whole)
    }
}

/// Text without characters that act on a terminal, and without marks for what is no speech.
fn cleaned(mut told: Transcript) -> Transcript {
    told.text = clean(&told.text);
    for piece in &mut told.segments {
        piece.text = clean(&piece.text);
    }
    told.segments.retain(|piece| !piece.text.is_empty());
    told
}

fn clean(text: &str) -> String {
    const MARKS: [&str; 6] = ["[BLANK_AUDIO]", "[ Silence ]", "[SILENCE]", "[MUSIC]", "[_TT_", "(silence)"];
    let mut text: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_hidden(*c) && !c.is_control())
        .collect();
    for mark in MARKS {
        if text.contains(mark) {
            text = text.replace(mark, " ");
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::transcribe::Segment;

    /// Says how long each clip was, and what it was told to expect.
    struct Echo(Vec<(u64, Option<String>)>);

    impl Transcriber for Echo {
        fn name(&self) -> &str {
            "echo"
        }
        fn transcribe(&mut self, clip: &Clip, wishes: &Wishes, _: &Stop, heard: SoFar<'_>) -> Result<Transcript> {
            self.0.push((clip.ms(), wishes.prompt.clone()));
            let text = ["alpha\nbravo \u{1b}[1mcharlie", "bravo charlie delta", "echo"][self.0.len().min(3) - 1];
            heard("…");
            Ok(Transcript::of(vec![Segment { start_ms: 0, end_ms: clip.ms(), text: text.into() }]))
        }
    }

    fn tone(seconds: usize) -> Clip {
        Clip::new(16_000, (0..16_000 * seconds).map(|n| (n as f32 * 0.3).sin() * 0.3).collect())
    }

    #[test]
    fn silence_is_not_sent() {
        let quiet = Clip::new(16_000, vec![0.001; 16_000 * 40]);
        for clip in [Clip::default(), Clip::new(16_000, vec![0.5; 100]), quiet] {
            let mut echo = Careful::new(Box::new(Echo(Vec::new())));
            let told =
                echo.transcribe(&clip, &Wishes::default(), &Stop::new().unwrap(), &mut |_| panic!("heard")).unwrap();
            assert_eq!(told, Transcript::default());
        }
        assert!(!is_silent(&tone(1)));
    }

    #[test]
    fn long_clips_go_in_windows_and_each_hears_what_was_said() {
        let mut echo = Careful::new(Box::new(Echo(Vec::new())));
        let mut so_far = Vec::new();
        let wishes = Wishes { prompt: Some("Nato".into()), ..Wishes::default() };
        let told = echo
            .transcribe(&tone(70), &wishes, &Stop::new().unwrap(), &mut |text| so_far.push(text.to_string()))
            .unwrap();
        assert_eq!(told.text, "alpha bravo [1mcharlie bravo charlie delta echo");
        assert_eq!(so_far.last().unwrap(), &told.text);
        assert_eq!(told.segments.iter().map(|s| s.start_ms).collect::<Vec<_>>(), [0, 24_000, 48_000]);
        let stop = Stop::new().unwrap();
        stop.request();
        let error = echo.transcribe(&tone(1), &wishes, &stop, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);
    }

    #[test]
    fn marks_for_silence_are_no_text() {
        assert_eq!(clean(" [BLANK_AUDIO]\n"), "");
        assert_eq!(clean("a\u{202e}b\tc"), "ab c");
    }
}
