//! Telling voice from everything else, by earshot, smoothed: it takes a moment to begin and a longer one to end.

use earshot::Detector as Earshot;

use super::SPEECH_FRAME;

/// Samples of 16 kHz that are judged at once: 16 ms.
const WINDOW: usize = 256;
/// From this score on a window counts as voice.
const THRESHOLD: f32 = 0.5;
/// Windows that must count within [`RECENT`] before voice begins.
const ONSET: u32 = 3;
/// How many windows back voice may have counted for the onset.
const RECENT: u32 = 5;
/// Windows without voice before it ends: 13 of 16 ms are 208 ms.
const HANG: u32 = 13;

/// A detector and what it remembers.
pub struct Detector {
    earshot: Box<Earshot>,
    window: [f32; WINDOW],
    filled: usize,
    chance: f32,
    recent: u32,
    hang: u32,
}

impl Default for Detector {
    fn default() -> Self {
        Detector::new()
    }
}

impl Detector {
    /// One that has heard nothing yet.
    pub fn new() -> Detector {
        let earshot = Box::<Earshot>::default();
        Detector { earshot, window: [0.0; WINDOW], filled: 0, chance: 0.0, recent: 0, hang: 0 }
    }

    /// One frame of 16 kHz: the last score, and whether somebody speaks.
    pub fn frame(&mut self, speech: &[f32; SPEECH_FRAME]) -> (f32, bool) {
        for sample in speech {
            self.window[self.filled] = sample.clamp(-1.0, 1.0);
            self.filled += 1;
            if self.filled == WINDOW {
                self.filled = 0;
                self.judge();
            }
        }
        (self.chance, self.hang > 0)
    }

    fn judge(&mut self) {
        // Zeros are certain, and what the model remembers of before is not asked.
        let zeros = self.window.iter().all(|s| *s == 0.0);
        let score = if zeros { 0.0 } else { self.earshot.predict_f32(&self.window) };
        if score.is_finite() {
            self.chance = score.clamp(0.0, 1.0);
        } else {
            self.earshot.reset();
            self.chance = 0.0;
        }
        let counts = self.chance >= THRESHOLD;
        self.recent = ((self.recent << 1) | u32::from(counts)) & ((1 << RECENT) - 1);
        let begins = self.recent.count_ones() >= ONSET;
        self.hang = match (self.hang, counts) {
            (0, _) if begins => HANG,
            (0, _) => 0,
            (_, true) => HANG,
            (left, false) => left - 1,
        };
    }
}
