//! How long the chain takes for a frame, as processor time of this thread, on a recording or on a made-up one.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::{Chain, Stages};
use crate::kernel::error::Result;
use crate::voice::clip::{FRAME, RATE};

/// What the frames took, in microseconds of processor time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// How many frames there were.
    pub frames: usize,
    /// On average.
    pub mean: f64,
    /// Half of them took no longer.
    pub p50: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// How late the cleaned sound is beyond the frame itself, ms.
    pub delay_ms: f64,
}

impl Pace {
    /// Processor time over time of sound.
    pub fn real_time_factor(&self) -> f64 {
        self.mean / 10_000.0
    }
}

/// Drives a chain over samples of 48 kHz; where `played`, each frame comes back as an echo that has to be taken out.
///
/// # Errors
/// As [`Chain::new`].
pub fn pace(samples: &[f32], stages: &Stages, played: bool) -> Result<Pace> {
    let mut chain = Chain::new(stages)?;
    let mut took = Vec::with_capacity(samples.len() / FRAME);
    let mut echo = [0.0; FRAME];
    for frame in samples.chunks_exact(FRAME) {
        let mut raw: [f32; FRAME] = std::array::from_fn(|n| frame[n]);
        let reference = played.then(|| std::array::from_fn::<f32, FRAME, _>(|n| frame[FRAME - 1 - n] * 0.5));
        if let Some(reference) = &reference {
            raw.iter_mut().zip(echo).for_each(|(r, e)| *r = (*r + 0.5 * e).clamp(-1.0, 1.0));
            echo = *reference;
        }
        let begun = thread_time();
        let cleaned = chain.frame(&raw, reference.as_ref());
        took.push((thread_time() - begun).as_secs_f64() * 1e6);
        std::hint::black_box(&cleaned);
    }
    Ok(Pace { delay_ms: chain.delay() as f64 * 1000.0 / f64::from(RATE), ..summed(took) })
}

fn summed(mut took: Vec<f64>) -> Pace {
    took.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (took.len().saturating_sub(1) as f64 * share).round() as usize;
        took.get(place).copied().unwrap_or(0.0)
    };
    let mean = took.iter().sum::<f64>() / took.len().max(1) as f64;
    Pace { frames: took.len(), mean, p50: at(0.5), p99: at(0.99), max: at(1.0), delay_ms: 0.0 }
}

/// Processor time that this thread has used.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Something like speech in noise, made here: buzzing vowels in syllables, hiss between, noise `snr` dB below.
pub fn made_up(seconds: usize, snr: f32) -> Vec<f32> {
    const VOWELS: [[f32; 3]; 5] = [
        [730.0, 1090.0, 2440.0],
        [270.0, 2290.0, 3010.0],
        [300.0, 870.0, 2240.0],
        [530.0, 1840.0, 2480.0],
        [570.0, 840.0, 2410.0],
    ];
    let mut state = 0x2545_f491u32;
    let mut dice = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    let quiet = 0.1 * 10f32.powf(-snr / 20.0) * 3f32.sqrt();
    let mut memory = [[0.0f32; 2]; 3];
    let mut phase = 0.0f32;
    (0..seconds * RATE as usize)
        .map(|n| {
            let time = n as f32 / RATE as f32;
            let syllable = (time * 4.0) as usize;
            let within = (time * 4.0).fract();
            // Every sixth syllable is a pause.
            let height = if syllable % 6 == 5 { 0.0 } else { (within * std::f32::consts::PI).sin().max(0.0) };
            phase += (110.0 + 30.0 * (time * 1.3).sin()) / RATE as f32;
            let pulse = if phase >= 1.0 {
                phase -= 1.0;
                1.0
            } else {
                0.0
            };
            let source = pulse + if within < 0.15 { 0.3 * dice() } else { 0.0 };
            let tones = VOWELS[syllable * 7 % 5];
            let voice: f32 = memory.iter_mut().zip(tones).map(|(m, hz)| resonate(m, hz, source)).sum();
            (0.35 * height * voice + quiet * dice()).clamp(-1.0, 1.0)
        })
        .collect()
}

/// A resonance of 90 Hz width.
fn resonate(memory: &mut [f32; 2], hz: f32, input: f32) -> f32 {
    let radius = (-std::f32::consts::PI * 90.0 / RATE as f32).exp();
    let turn = 2.0 * radius * (std::f32::consts::TAU * hz / RATE as f32).cos();
    let out = 0.1 * input + turn * memory[0] - radius * radius * memory[1];
    *memory = [out, memory[0]];
    out
}
