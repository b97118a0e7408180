//! Noises of five kinds, the same each time, and mixing them under a voice at a ratio.

use factotum::voice::clip::RATE;

/// The kinds.
pub const KINDS: [&str; 5] = ["white", "pink", "babble", "fan", "keyboard"];

/// Even numbers between -1 and 1.
pub struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next.
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// `length` samples of a kind at 48 kHz; `voices` are what babble is made of.
pub fn noise(kind: &str, length: usize, voices: &[Vec<f32>]) -> Vec<f32> {
    let mut dice = Dice::new(kind.len() as u64 * 77);
    match kind {
        "white" => (0..length).map(|_| dice.next()).collect(),
        "pink" => pink(&mut dice, length),
        "babble" => babble(voices, length),
        "fan" => fan(&mut dice, length),
        _ => keyboard(&mut dice, length),
    }
}

/// Paul Kellet's filter.
fn pink(dice: &mut Dice, length: usize) -> Vec<f32> {
    let mut b = [0.0f32; 6];
    (0..length)
        .map(|_| {
            let white = dice.next();
            b[0] = 0.998_86 * b[0] + white * 0.055_517_9;
            b[1] = 0.993_32 * b[1] + white * 0.075_075_9;
            b[2] = 0.969 * b[2] + white * 0.153_852;
            b[3] = 0.866_5 * b[3] + white * 0.310_485_6;
            b[4] = 0.55 * b[4] + white * 0.532_952_2;
            b[5] = -0.761_6 * b[5] - white * 0.016_898;
            b.iter().sum::<f32>() + white * 0.536_2
        })
        .collect()
}

/// Several voices at once, each beginning elsewhere.
fn babble(voices: &[Vec<f32>], length: usize) -> Vec<f32> {
    let mut out = vec![0.0; length];
    for (n, voice) in voices.iter().enumerate().filter(|(_, v)| !v.is_empty()) {
        let power = (voice.iter().map(|s| s * s).sum::<f32>() / voice.len() as f32).sqrt().max(1e-6);
        for (at, sample) in out.iter_mut().enumerate() {
            *sample += voice[(at + n * 13_579) % voice.len()] / power;
        }
    }
    out
}

/// Blades and air: tones of 120 Hz and above, under noise that falls off.
fn fan(dice: &mut Dice, length: usize) -> Vec<f32> {
    let (mut low, mut lower) = (0.0, 0.0);
    (0..length)
        .map(|n| {
            let turn = n as f32 / RATE as f32 * std::f32::consts::TAU;
            low += 0.06 * (dice.next() - low);
            lower += 0.3 * (low - lower);
            let tones: f32 = (1..6).map(|k| (turn * 120.0 * k as f32).sin() / k as f32).sum();
            lower * (1.0 + 0.2 * (turn * 6.0).sin()) + 0.02 * tones
        })
        .collect()
}

/// Some seven strokes a second, each a click and a thud.
fn keyboard(dice: &mut Dice, length: usize) -> Vec<f32> {
    let mut out: Vec<f32> = (0..length).map(|_| 0.002 * dice.next()).collect();
    let mut at = 0;
    while at < length {
        let height = 0.6 + 0.4 * dice.next();
        for (n, sample) in out.iter_mut().skip(at).take(3000).enumerate() {
            let late = n as f32 / RATE as f32;
            let thud = (late * 180.0 * std::f32::consts::TAU).sin() * (-late * 90.0).exp() * 0.5;
            *sample += height * (dice.next() * (-late * 260.0).exp() + thud);
        }
        at += (RATE as f32 * (0.14 + 0.08 * dice.next())) as usize;
    }
    out
}

/// A voice with noise under it, `snr` dB below where somebody speaks; both as loud as fits.
pub fn mix(voice: &[f32], noise: &[f32], snr: f32) -> (Vec<f32>, Vec<f32>) {
    let power = |s: &[f32]| s.iter().map(|s| f64::from(s * s)).sum::<f64>() / s.len().max(1) as f64;
    let gain = (spoken_power(voice) / power(noise) / 10f64.powf(f64::from(snr) / 10.0)).sqrt() as f32;
    let noisy: Vec<f32> = voice.iter().zip(noise).map(|(v, n)| v + gain * n).collect();
    let most = noisy.iter().fold(0.0f32, |m, s| m.max(s.abs()));
    let fit = if most > 0.9 { 0.9 / most } else { 1.0 };
    (voice.iter().map(|s| s * fit).collect(), noisy.iter().map(|s| s * fit).collect())
}

/// Mean power where somebody speaks: frames less than 35 dB below the loudest.
pub fn spoken_power(voice: &[f32]) -> f64 {
    let frames: Vec<f64> =
        voice.chunks(480).map(|f| f.iter().map(|s| f64::from(s * s)).sum::<f64>() / f.len() as f64).collect();
    let most = frames.iter().copied().fold(0.0, f64::max);
    let spoken: Vec<f64> = frames.into_iter().filter(|p| *p > most * 10f64.powf(-3.5)).collect();
    spoken.iter().sum::<f64>() / spoken.len().max(1) as f64
}
