//! How noisy it is: the lowest power of the last seconds, and how far speech stands above it.

use crate::voice::clip::{FRAME, SILENCE};

/// Frames over which one lowest power is kept: 250 ms.
const SPAN: u32 = 25;
/// How many such spans are remembered: 2.5 s.
const SPANS: usize = 10;
/// The lowest of many smoothed powers lies below their mean by about this factor.
const BIAS: f32 = 1.4;
/// Speech must stand so far above the noise to count as loud, as a factor of power (6 dB).
const LOUD: f32 = 4.0;
/// How far an estimate goes, dB.
const RANGE: (f32, f32) = (-10.0, 60.0);

/// Powers of the last seconds.
#[derive(Clone, Debug)]
pub struct Noise {
    last: f32,
    direct: f32,
    smooth: f32,
    power: f32,
    spans: [f32; SPANS],
    at: usize,
    frames: u32,
    lowest: f32,
    speech: f32,
    began: bool,
}

impl Default for Noise {
    fn default() -> Self {
        Noise {
            last: 0.0,
            direct: 0.0,
            smooth: 0.0,
            power: 0.0,
            spans: [f32::MAX; SPANS],
            at: 0,
            frames: 0,
            lowest: f32::MAX,
            speech: 0.0,
            began: false,
        }
    }
}

impl Noise {
    /// Takes a frame in; whether it is clearly louder than the noise. A frame of zeros tells nothing and is passed over.
    pub fn hear(&mut self, frame: &[f32; FRAME]) -> bool {
        self.power = self.without_direct(frame);
        if self.power <= f32::MIN_POSITIVE {
            return false;
        }
        self.smooth = if self.began { 0.75 * self.smooth + 0.25 * self.power } else { self.power };
        self.began = true;
        self.lowest = self.lowest.min(self.smooth);
        self.frames += 1;
        if self.frames == SPAN {
            self.spans[self.at] = self.lowest;
            self.at = (self.at + 1) % SPANS;
            (self.frames, self.lowest) = (0, f32::MAX);
        }
        self.smooth > LOUD * self.base()
    }

    /// Whether the frame just heard was speech.
    pub fn spoken(&mut self, voice: bool) {
        if voice && self.power > f32::MIN_POSITIVE {
            let above = (self.power - self.base()).max(0.0);
            self.speech = if self.speech > 0.0 { 0.99 * self.speech + 0.01 * above } else { above };
        }
    }

    /// The level of the frame just heard, without rumble, dBFS.
    pub fn level(&self) -> f32 {
        decibels(self.power)
    }

    /// The noise, dBFS.
    pub fn floor(&self) -> f32 {
        if self.began { decibels(self.base()) } else { SILENCE }
    }

    /// How far speech stands above the noise, dB; 0 before anybody spoke.
    pub fn snr(&self) -> f32 {
        if self.speech > 0.0 { ratio(self.speech, self.base()) } else { 0.0 }
    }

    fn base(&self) -> f32 {
        let least = self.spans.iter().copied().fold(self.lowest, f32::min);
        if least == f32::MAX { 0.0 } else { least * BIAS }
    }

    /// The mean power of a frame above about 80 Hz: rumble and direct current hide no words.
    fn without_direct(&mut self, frame: &[f32; FRAME]) -> f32 {
        let mut sum = 0.0;
        for sample in frame {
            self.direct = 0.99 * (self.direct + sample - self.last);
            self.last = *sample;
            sum += self.direct * self.direct;
        }
        if self.direct.abs() < 1e-15 {
            self.direct = 0.0;
        }
        sum / FRAME as f32
    }
}

/// A mean power in dB of full scale.
fn decibels(power: f32) -> f32 {
    if power > 0.0 { (10.0 * power.log10()).max(SILENCE) } else { SILENCE }
}

/// Speech over noise in dB, within what is believable.
pub fn ratio(speech: f32, noise: f32) -> f32 {
    let ratio = 10.0 * (speech.max(1e-12) / noise.max(1e-12)).log10();
    ratio.clamp(RANGE.0, RANGE.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::chain::tests::noise;

    #[test]
    fn the_ratio_is_found_within_a_few_decibels() {
        for wanted in [0.0f32, 10.0, 20.0, 30.0] {
            let (mut meter, mut hiss, mut voice) = (Noise::default(), noise(11), noise(12));
            let quiet = 0.3 * 10f32.powf(-wanted / 20.0);
            for n in 0..1_000 {
                // Speech a third of the time.
                let speaks = n % 90 < 30;
                let frame: [f32; FRAME] =
                    std::array::from_fn(|_| quiet * hiss() + if speaks { 0.3 * voice() } else { 0.0 });
                meter.hear(&frame);
                meter.spoken(speaks);
            }
            assert!((meter.snr() - wanted).abs() < 4.0, "{} of {wanted}", meter.snr());
            let floor = 20.0 * (quiet / 3f32.sqrt()).log10();
            assert!((meter.floor() - floor).abs() < 3.0, "{} of {floor}", meter.floor());
        }
    }

    #[test]
    fn zeros_and_direct_current_are_no_noise() {
        let mut meter = Noise::default();
        assert!(!meter.hear(&[0.0; FRAME]));
        assert_eq!((meter.floor(), meter.snr(), meter.level()), (SILENCE, 0.0, SILENCE));
        for _ in 0..100 {
            meter.hear(&[0.5; FRAME]);
        }
        assert!(meter.level() < -100.0, "{}", meter.level());
    }
}
