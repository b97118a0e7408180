//! Sound as numbers: one channel of samples, their rate, and how loud they are.

/// Samples a second inside the chain, Hz.
pub const RATE: u32 = 48_000;
/// Samples of one frame of the chain: 10 ms.
pub const FRAME: usize = 480;
/// How long a frame of the chain is, ms.
pub const FRAME_MS: u64 = ms(FRAME as u64, RATE);
/// Samples a second that transcribers and the voice detection get, Hz.
pub const SPEECH_RATE: u32 = 16_000;

/// A piece of sound in memory: one channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clip {
    /// Samples a second, Hz.
    pub rate: u32,
    /// The samples, between -1 and 1.
    pub samples: Vec<f32>,
}

impl Clip {
    /// A clip of samples at `rate` Hz.
    pub fn new(rate: u32, samples: Vec<f32>) -> Clip {
        Clip { rate, samples }
    }

    /// Its length, ms; 0 for a clip without a rate.
    pub fn ms(&self) -> u64 {
        ms(self.samples.len() as u64, self.rate)
    }

    /// Its root mean square in dB of full scale; silence is [`SILENCE`].
    pub fn level(&self) -> f32 {
        level(&self.samples)
    }
}

/// How long so many samples at `rate` Hz are, ms; 0 without a rate.
pub const fn ms(samples: u64, rate: u32) -> u64 {
    if rate == 0 { 0 } else { samples * 1000 / rate as u64 }
}

/// How many samples at `rate` Hz so many ms are.
pub const fn samples(ms: u64, rate: u32) -> usize {
    (ms * rate as u64 / 1000) as usize
}

/// What counts as no sound at all, dBFS.
pub const SILENCE: f32 = -120.0;

/// The root mean square of samples in dB of full scale (a sine of full height is -3), never below [`SILENCE`].
pub fn level(samples: &[f32]) -> f32 {
    let power: f64 = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    decibels((power / samples.len().max(1) as f64).sqrt() as f32)
}

/// The highest sample in dB of full scale, never below [`SILENCE`].
pub fn peak(samples: &[f32]) -> f32 {
    decibels(samples.iter().fold(0.0, |most: f32, s| most.max(s.abs())))
}

/// A height between 0 and 1 in dB of full scale.
pub fn decibels(height: f32) -> f32 {
    if height.is_nan() { SILENCE } else { (20.0 * height.log10()).max(SILENCE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_sine_is_three_decibels_below_full_scale() {
        let sine: Vec<f32> = (0..48_000).map(|n| (n as f32 * std::f32::consts::TAU * 440.0 / 48_000.0).sin()).collect();
        assert!((level(&sine) + 3.01).abs() < 0.01, "{}", level(&sine));
        assert!(peak(&sine).abs() < 0.01);
        assert_eq!((level(&[]), level(&[0.0; 9]), peak(&[f32::NAN])), (SILENCE, SILENCE, SILENCE));
        assert_eq!(Clip::new(16_000, vec![0.0; 8_000]).ms(), 500);
        assert_eq!(Clip::default().ms(), 0);
    }
}
