//! Taking steady noise down before the network hears it: hiss, hum and fans, a band of the spectrum at a time.
//!
//! The noise is followed by the chance that a band holds speech (Gerkmann and Hendriks, "Unbiased MMSE-based noise power
//! estimation", 2012), the gain is the one of Ephraim and Malah's log-spectral amplitude estimator (1985) with their
//! decision-directed memory. It takes no more than 10 dB: the network that follows was trained on noise, and does best
//! with a little of it left.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::voice::clip::FRAME;

const WINDOW: usize = 2 * FRAME;
const BANDS: usize = FRAME + 1;
/// The most that is taken, as a factor of height: 10 dB.
const FLOOR: f32 = 0.316;
/// How far speech is expected to stand above the noise where there is any, as a factor of power: 15 dB.
const SPEECH: f32 = 31.62;
/// How much of the last frame's estimate is kept.
const MEMORY: f32 = 0.96;
/// Frames that are taken for noise at the beginning.
const FIRST: u32 = 5;
/// No band is emptier than this.
const NOTHING: f32 = 1e-12;

/// What is known of one band.
#[derive(Clone, Copy)]
struct Band {
    noise: f32,
    chance: f32,
    speech: f32,
}

/// A suppressor and what it remembers.
pub struct Steady {
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    last: [f32; FRAME],
    tail: [f32; FRAME],
    sound: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
    bands: Vec<Band>,
    frames: u32,
}

impl Default for Steady {
    fn default() -> Self {
        Steady::new()
    }
}

impl Steady {
    /// How much later a sample comes out.
    pub const DELAY: usize = FRAME;

    /// One that has heard nothing yet.
    pub fn new() -> Steady {
        let mut planner = RealFftPlanner::new();
        let (forward, back) = (planner.plan_fft_forward(WINDOW), planner.plan_fft_inverse(WINDOW));
        let sine = |n: usize| ((n as f32 + 0.5) * std::f32::consts::PI / WINDOW as f32).sin();
        Steady {
            window: (0..WINDOW).map(sine).collect(),
            last: [0.0; FRAME],
            tail: [0.0; FRAME],
            sound: vec![0.0; WINDOW],
            spectrum: forward.make_output_vec(),
            scratch: vec![Complex32::default(); forward.get_scratch_len().max(back.get_scratch_len())],
            bands: vec![Band { noise: 0.0, chance: 0.5, speech: 0.0 }; BANDS],
            frames: 0,
            forward,
            back,
        }
    }

    /// Cleans a frame in place; what comes out is the frame before. False when it lost its head, which finite samples
    /// cannot do.
    #[must_use]
    pub fn frame(&mut self, frame: &mut [f32; FRAME]) -> bool {
        let (early, late) = self.sound.split_at_mut(FRAME);
        early.copy_from_slice(&self.last);
        late.copy_from_slice(frame);
        self.last = *frame;
        self.sound.iter_mut().zip(&self.window).for_each(|(s, w)| *s *= w);
        if self.forward.process_with_scratch(&mut self.sound, &mut self.spectrum, &mut self.scratch).is_err() {
            return false;
        }
        self.weigh();
        if self.back.process_with_scratch(&mut self.spectrum, &mut self.sound, &mut self.scratch).is_err() {
            return false;
        }
        let scale = 1.0 / WINDOW as f32;
        self.sound.iter_mut().zip(&self.window).for_each(|(s, w)| *s *= w * scale);
        for ((out, tail), made) in frame.iter_mut().zip(&self.tail).zip(&self.sound) {
            *out = tail + made;
        }
        self.tail.copy_from_slice(&self.sound[FRAME..]);
        frame.iter().all(|s| s.is_finite())
    }

    /// Weighs each band of the spectrum. A spectrum of nothing tells nothing of the noise.
    fn weigh(&mut self) {
        if self.spectrum.iter().all(|c| c.norm_sqr() < NOTHING) {
            return;
        }
        for (band, value) in self.bands.iter_mut().zip(&mut self.spectrum) {
            let power = value.norm_sqr() + NOTHING;
            if self.frames < FIRST {
                band.noise += (power - band.noise) / (self.frames + 1) as f32;
            }
            *value *= band.gain(power);
        }
        self.frames = self.frames.saturating_add(1);
    }
}

impl Band {
    fn gain(&mut self, power: f32) -> f32 {
        let noise = self.noise.max(NOTHING);
        let above = (power / noise).min(1e4);
        // So far above the noise it is speech to seven digits, and the power needs not be taken.
        let far = above * SPEECH / (1.0 + SPEECH);
        let mut chance = if far > 20.0 { 1.0 } else { 1.0 / (1.0 + (1.0 + SPEECH) * (-far).exp()) };
        self.chance = 0.9 * self.chance + 0.1 * chance;
        if self.chance > 0.99 {
            // A noise that became louder must not be taken for speech for ever.
            chance = chance.min(0.99);
        }
        self.noise = 0.8 * noise + 0.2 * (chance * noise + (1.0 - chance) * power);
        let prior = (MEMORY * self.speech / noise + (1.0 - MEMORY) * (above - 1.0).max(0.0)).max(0.003);
        let wiener = prior / (1.0 + prior);
        let gain = (wiener * lift(above * wiener)).clamp(FLOOR, 1.0);
        self.speech = gain * gain * power;
        gain
    }
}

/// exp(E₁(x) / 2), to some 10⁻³, the exponential integral by Abramowitz and Stegun 5.1.53, cut short, and 5.1.54. Where
/// it holds a logarithm, half of that is a root; and what is left under the power is small enough for a few terms.
fn lift(x: f32) -> f32 {
    /// exp(-γ / 2), γ being Euler's constant.
    const EULER: f32 = 0.749_306;
    let x = x.max(1e-6);
    if x < 1.0 {
        let half = 0.5 * x * (1.0 - x * (0.25 - x * (1.0 / 18.0 - x / 96.0)));
        EULER / x.sqrt() * (1.0 + half * (1.0 + half * (0.5 + half * (1.0 / 6.0 + half / 24.0))))
    } else if x < 12.0 {
        let integral = (-x).exp() / x * (x * x + 2.334_733 * x + 0.250_621) / (x * x + 3.330_657 * x + 1.681_534);
        let half = 0.5 * integral;
        1.0 + half * (1.0 + 0.5 * half)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::chain::tests::noise;
    use crate::voice::clip::level;

    #[test]
    fn the_integral_is_near_enough() {
        // Values of E₁ from Abramowitz and Stegun's tables.
        for (x, integral) in
            [(1e-6, 13.238_296), (0.01, 4.037_93), (0.5, 0.559_774), (1.0, 0.219_384), (5.0, 0.001_148_3), (13.0, 0.0)]
        {
            let (found, wanted) = (lift(x), (0.5f32 * integral).exp());
            assert!((found - wanted).abs() < 0.001 * wanted, "{x}: {found}, not {wanted}");
        }
    }

    #[test]
    fn steady_noise_goes_down_by_ten_decibels_and_a_tone_that_comes_later_stays() {
        let (mut steady, mut noise) = (Steady::new(), noise(3));
        let (mut quiet, mut loud) = (Vec::new(), Vec::new());
        for n in 0..300 {
            let tone = |i: usize| if n >= 200 { 0.5 * ((n * FRAME + i) as f32 * 0.1).sin() } else { 0.0 };
            let mut frame: [f32; FRAME] = std::array::from_fn(|i| 0.05 * noise() + tone(i));
            assert!(steady.frame(&mut frame));
            match n {
                100..200 => quiet.extend(frame),
                205.. => loud.extend(frame),
                _ => {}
            }
        }
        let hiss = 0.05f32 / 3f32.sqrt();
        let down = 20.0 * hiss.log10() - level(&quiet);
        assert!((8.0..10.1).contains(&down), "{down}");
        assert!((level(&loud) + 9.03).abs() < 0.5, "{}", level(&loud));
    }
}
