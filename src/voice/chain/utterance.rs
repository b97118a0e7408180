//! Cutting what is heard into utterances, so that no word is cut: a pre-roll before the voice, a tail after it.
//!
//! It counts frames, so that it needs no clock.

use std::collections::VecDeque;

use super::{Chain, Cleaned, noise, resample};
use crate::kernel::error::Result;
use crate::voice::clip::{self, Clip, FRAME, FRAME_MS, RATE, SPEECH_RATE};

/// When an utterance begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// What is kept from before the voice, ms.
    pub before_ms: u64,
    /// What is kept after the voice, ms.
    pub tail_ms: u64,
    /// So long nobody may speak before it ends by itself, ms; at least the tail.
    pub pause_ms: u64,
    /// The longest utterance, ms; the next begins where it ends.
    pub most_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Timing { before_ms: 500, tail_ms: 400, pause_ms: 700, most_ms: 120_000 }
    }
}

/// Whether a transcriber gets the cleaned sound or the raw one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Denoise {
    /// Cleaned only where there is much noise: cleaning costs a good transcriber more than a little noise does.
    #[default]
    Auto,
    /// Always cleaned.
    On,
    /// Never.
    Off,
}

impl Denoise {
    /// Below this signal-to-noise ratio `Auto` takes the cleaned sound, dB.
    pub const NOISY: f32 = 10.0;

    /// From its name in the settings: `auto`, `on`, `off`.
    pub fn named(name: &str) -> Option<Denoise> {
        match name {
            "auto" => Some(Denoise::Auto),
            "on" => Some(Denoise::On),
            "off" => Some(Denoise::Off),
            _ => None,
        }
    }
}

/// What somebody said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Utterance {
    /// Cleaned, 16 kHz.
    pub clean: Clip,
    /// As it came in, 48 kHz.
    pub raw: Clip,
    /// Where it begins, ms from the first frame; the pre-roll belongs to it.
    pub from_ms: u64,
    /// Where it ends, ms; the tail belongs to it.
    pub to_ms: u64,
    /// How far speech stands above the noise, dB; 0 when nobody spoke.
    pub snr: f32,
    /// How long somebody spoke in it, ms. 0 means that there is nothing to transcribe.
    pub voice_ms: u64,
}

impl Utterance {
    /// Whether the cleaned sound is better for a transcriber.
    pub fn wants_clean(&self, denoise: Denoise) -> bool {
        match denoise {
            Denoise::Auto => self.snr < Denoise::NOISY,
            Denoise::On => true,
            Denoise::Off => false,
        }
    }

    /// What a transcriber gets: 16 kHz, cleaned or raw.
    ///
    /// # Errors
    /// `Failed` when the raw sound cannot be brought to 16 kHz.
    pub fn for_transcriber(&self, denoise: Denoise) -> Result<Clip> {
        if self.wants_clean(denoise) { Ok(self.clean.clone()) } else { resample::clip(&self.raw, SPEECH_RATE) }
    }
}

/// What happened with a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An utterance began, with what was kept from before it.
    Started {
        /// Where it begins, ms from the first frame.
        from_ms: u64,
    },
    /// It ended.
    Ended(Utterance),
}

/// The pieces that are being cut.
pub struct Utterances {
    timing: Timing,
    frames: u64,
    raw: VecDeque<f32>,
    speech: VecDeque<f32>,
    state: State,
}

enum State {
    /// Nobody speaks; the pre-roll is kept.
    Quiet,
    /// Somebody speaks, or the key is held.
    Open(Open),
}

struct Open {
    /// The frame it begins with.
    from: u64,
    /// Frames since the last voice.
    quiet: u64,
    /// Frames with voice.
    voice: u64,
    /// Summed power above the noise, and noise, of frames with voice.
    powers: (f64, f64),
    /// Opened by hand: a pause does not end it.
    held: bool,
    /// Closed by hand: frames still to be taken.
    closing: Option<u64>,
}

impl Utterances {
    /// Nothing heard yet.
    pub fn new(timing: Timing) -> Utterances {
        let held = |rate: u32| VecDeque::with_capacity(clip::samples(timing.before_ms, rate) + FRAME);
        Utterances { timing, frames: 0, raw: held(RATE), speech: held(SPEECH_RATE), state: State::Quiet }
    }

    /// Whether an utterance is under way.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// How long nobody has spoken in the utterance under way, ms; `None` without one.
    pub fn pause_ms(&self) -> Option<u64> {
        match &self.state {
            State::Open(open) => Some(open.quiet * FRAME_MS),
            State::Quiet => None,
        }
    }

    /// The utterance under way as it is now, cleaned, 16 kHz; `None` when nobody has spoken in it.
    pub fn glance(&self) -> Option<Clip> {
        match &self.state {
            State::Open(open) if open.voice > 0 => Some(Clip::new(SPEECH_RATE, self.speech.iter().copied().collect())),
            _ => None,
        }
    }

    /// Begins one by hand (a key was pressed); it goes on until [`Utterances::close`]. Gives where it begins, the
    /// pre-roll included, ms.
    pub fn open(&mut self) -> u64 {
        let from = self.begin(true);
        from * FRAME_MS
    }

    /// Ends it by hand (the key was let go): the tail is still taken, then the event comes.
    pub fn close(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.closing.get_or_insert(self.timing.tail_ms.div_ceil(FRAME_MS));
        }
    }

    /// Takes a frame.
    pub fn push(&mut self, cleaned: &Cleaned) -> Option<Event> {
        self.frames += 1;
        self.raw.extend(&cleaned.raw);
        self.speech.extend(&cleaned.speech);
        match &mut self.state {
            State::Quiet if cleaned.voice => {
                let from_ms = self.begin(false) * FRAME_MS;
                self.note(cleaned);
                Some(Event::Started { from_ms })
            }
            State::Quiet => {
                self.forget();
                None
            }
            State::Open(_) => {
                self.note(cleaned);
                self.ended().map(Event::Ended)
            }
        }
    }

    /// Ends whatever is under way: nothing more comes.
    pub fn finish(&mut self) -> Option<Utterance> {
        if self.is_open() { self.cut(0) } else { None }
    }

    fn begin(&mut self, held: bool) -> u64 {
        if let State::Open(open) = &mut self.state {
            (open.held, open.closing) = (held, None);
            return open.from;
        }
        let from = self.frames - (self.raw.len() / FRAME) as u64;
        self.state = State::Open(Open { from, quiet: 0, voice: 0, powers: (0.0, 0.0), held, closing: None });
        from
    }

    fn note(&mut self, cleaned: &Cleaned) {
        let State::Open(open) = &mut self.state else { return };
        open.quiet = if cleaned.voice { 0 } else { open.quiet + 1 };
        if cleaned.voice {
            open.voice += 1;
            let height = |db: f32| 10f64.powf(f64::from(db) / 10.0);
            let (power, noise) = (height(cleaned.power), height(cleaned.noise));
            open.powers.0 += (power - noise).max(0.0);
            open.powers.1 += noise;
        }
    }

    /// Whether it ends with this frame.
    fn ended(&mut self) -> Option<Utterance> {
        let (tail, pause) = (self.timing.tail_ms / FRAME_MS, self.timing.pause_ms.max(self.timing.tail_ms) / FRAME_MS);
        let State::Open(open) = &mut self.state else { return None };
        if let Some(left) = &mut open.closing {
            *left = left.saturating_sub(1);
            return if *left == 0 { self.cut(0) } else { None };
        }
        if !open.held && open.quiet > pause {
            let more = open.quiet - tail;
            return self.cut(more as usize);
        }
        if (self.frames - open.from) * FRAME_MS >= self.timing.most_ms {
            let held = open.held;
            let ended = self.cut(0);
            self.begin(held);
            return ended;
        }
        None
    }

    /// Takes everything but the last `keep` frames, which stay as the next pre-roll.
    fn cut(&mut self, keep: usize) -> Option<Utterance> {
        let State::Open(open) = std::mem::replace(&mut self.state, State::Quiet) else { return None };
        let keep = keep.min(self.raw.len() / FRAME);
        let to = self.frames - keep as u64;
        let raw = self.raw.len() - keep * FRAME;
        let speech = self.speech.len() - keep * super::SPEECH_FRAME;
        let utterance = Utterance {
            raw: Clip::new(RATE, self.raw.drain(..raw).collect()),
            clean: Clip::new(SPEECH_RATE, self.speech.drain(..speech).collect()),
            from_ms: open.from * FRAME_MS,
            to_ms: to * FRAME_MS,
            snr: if open.voice == 0 { 0.0 } else { noise::ratio(open.powers.0 as f32, open.powers.1 as f32) },
            voice_ms: open.voice * FRAME_MS,
        };
        // What a long utterance took is given back.
        let most = clip::samples(self.timing.before_ms, RATE) + FRAME;
        self.raw.shrink_to(most);
        self.speech.shrink_to(most / 3);
        self.forget();
        Some(utterance)
    }

    /// Keeps no more than the pre-roll.
    fn forget(&mut self) {
        let frames = (self.timing.before_ms / FRAME_MS) as usize;
        let more = (self.raw.len() / FRAME).saturating_sub(frames);
        self.raw.drain(..more * FRAME);
        self.speech.drain(..more * super::SPEECH_FRAME);
    }
}

/// How late an utterance's `clean` is against its `raw`, samples of 16 kHz.
pub const CLEAN_LATE: usize = Chain::SPEECH_DELAY;

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames numbered from 1, with voice in some.
    fn frame(n: u64, voice: bool) -> Cleaned {
        let mut cleaned = Cleaned { voice, power: -20.0, noise: -40.0, ..Cleaned::default() };
        cleaned.raw = [n as f32; FRAME];
        cleaned.speech = [n as f32; super::super::SPEECH_FRAME];
        cleaned
    }

    fn events(utterances: &mut Utterances, frames: std::ops::Range<u64>, voice: impl Fn(u64) -> bool) -> Vec<Event> {
        frames.filter_map(|n| utterances.push(&frame(n, voice(n)))).collect()
    }

    #[test]
    fn half_a_second_before_and_the_tail_after_belong_to_it() {
        let mut utterances = Utterances::new(Timing::default());
        let events = events(&mut utterances, 1..400, |n| (100..200).contains(&n));
        let [Event::Started { from_ms }, Event::Ended(utterance)] = &events[..] else { panic!("{events:?}") };
        // Fifty frames before the one with voice.
        assert_eq!(*from_ms, 490);
        assert_eq!((utterance.from_ms, utterance.to_ms, utterance.voice_ms), (490, 199 * 10 + 400, 1_000));
        assert_eq!((utterance.raw.samples[0], utterance.raw.samples.last()), (50.0, Some(&239.0)));
        assert_eq!((utterance.raw.ms(), utterance.clean.ms(), utterance.clean.rate), (1_900, 1_900, SPEECH_RATE));
        assert!((utterance.snr - 20.0).abs() < 0.1, "{}", utterance.snr);
        assert!(!utterance.wants_clean(Denoise::Auto) && utterance.wants_clean(Denoise::On));
        assert!(!utterances.is_open() && utterances.finish().is_none());
    }

    #[test]
    fn a_short_pause_ends_nothing_and_a_long_one_loses_nothing() {
        let mut utterances = Utterances::new(Timing::default());
        let speaks = |n: u64| (100..150).contains(&n) || (200..250).contains(&n) || (330..360).contains(&n);
        let found = events(&mut utterances, 1..500, speaks);
        let ended: Vec<(u64, u64)> = found
            .iter()
            .filter_map(|e| match e {
                Event::Ended(utterance) => Some((utterance.from_ms, utterance.to_ms)),
                Event::Started { .. } => None,
            })
            .collect();
        // The second begins where the pre-roll reaches, not before the first one's end.
        assert_eq!(ended, [(490, 2_890), (2_890, 3_990)]);
    }

    #[test]
    fn a_key_holds_it_open_and_letting_go_takes_the_tail() {
        let mut utterances = Utterances::new(Timing::default());
        assert!(events(&mut utterances, 1..30, |_| false).is_empty());
        assert_eq!(utterances.open(), 0);
        assert!(events(&mut utterances, 30..300, |_| false).is_empty());
        assert_eq!(utterances.pause_ms(), Some(2_700));
        utterances.close();
        let events = events(&mut utterances, 300..400, |_| false);
        let [Event::Ended(utterance)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((utterance.from_ms, utterance.to_ms, utterance.voice_ms, utterance.snr), (0, 3_390, 0, 0.0));
        assert_eq!(utterance.for_transcriber(Denoise::On).unwrap().ms(), 3_390);
    }

    #[test]
    fn the_raw_sound_for_a_transcriber_is_as_long_as_the_cleaned() {
        let mut utterances = Utterances::new(Timing::default());
        utterances.open();
        events(&mut utterances, 1..101, |_| true);
        let utterance = utterances.finish().unwrap();
        let raw = utterance.for_transcriber(Denoise::Off).unwrap();
        assert_eq!((raw.rate, raw.samples.len(), utterance.clean.samples.len()), (SPEECH_RATE, 16_000, 16_000));
    }
}
