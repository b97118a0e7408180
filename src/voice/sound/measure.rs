//! What a stretch of sound was like: how loud, how noisy, how near to full scale.

use crate::voice::clip::{FRAME, SILENCE, decibels, level, peak};

/// Frames over which the highest sample is held for the eye: 1.5 s.
const HOLD: u32 = 150;
/// Levels are counted in steps of 1 dB from [`SILENCE`] to 0.
const STEPS: usize = 121;

/// Measures sound frame by frame, however long it is.
#[derive(Clone, Debug)]
pub struct Measure {
    steps: [u64; STEPS],
    frames: u64,
    power: f64,
    peak: f32,
    held: (f32, u32),
}

impl Default for Measure {
    fn default() -> Measure {
        Measure { steps: [0; STEPS], frames: 0, power: 0.0, peak: SILENCE, held: (SILENCE, 0) }
    }
}

impl Measure {
    /// Takes 10 ms.
    pub fn frame(&mut self, frame: &[f32; FRAME]) {
        let (level, high) = (level(frame), peak(frame));
        let step = (level - SILENCE).round().clamp(0.0, (STEPS - 1) as f32) as usize;
        self.steps[step] += 1;
        self.frames += 1;
        self.power += frame.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>() / FRAME as f64;
        self.peak = self.peak.max(high);
        self.held = match self.held {
            (top, left) if high < top && left > 0 => (top, left - 1),
            _ => (high, HOLD),
        };
    }

    /// How long it was, ms.
    pub fn ms(&self) -> u64 {
        self.frames * 10
    }

    /// Its level, dBFS.
    pub fn level(&self) -> f32 {
        decibels((self.power / self.frames.max(1) as f64).sqrt() as f32)
    }

    /// Its highest sample, dBFS.
    pub fn peak(&self) -> f32 {
        self.peak
    }

    /// Its highest sample of the last 1.5 s, dBFS.
    pub fn held(&self) -> f32 {
        self.held.0
    }

    /// The level of its quietest tenth: noise, where something else was there too. dBFS.
    pub fn noise(&self) -> f32 {
        self.at(10)
    }

    /// The level that its loudest tenth reaches, dBFS.
    pub fn loud(&self) -> f32 {
        self.at(90)
    }

    fn at(&self, percent: u64) -> f32 {
        let rank = (self.frames * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let step = self.steps.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        step.map_or(SILENCE, |step| step as f32 + SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_over_noise_is_told_apart_and_the_highest_sample_is_held_a_while() {
        let mut measure = Measure::default();
        let flat = |height: f32| std::array::from_fn(|n| if n % 2 == 0 { height } else { -height });
        (0..300).for_each(|_| measure.frame(&flat(0.001)));
        (0..100).for_each(|_| measure.frame(&flat(0.1)));
        assert_eq!((measure.ms(), measure.noise(), measure.loud(), measure.peak()), (4000, -60.0, -20.0, -20.0));
        assert!((measure.level() + 26.0).abs() < 0.1, "{}", measure.level());
        (0..149).for_each(|_| measure.frame(&flat(0.001)));
        assert_eq!(measure.held(), -20.0);
        (0..2).for_each(|_| measure.frame(&flat(0.001)));
        assert_eq!(measure.held(), -60.0);
        assert_eq!((Measure::default().level(), Measure::default().noise()), (SILENCE, SILENCE));
    }
}
