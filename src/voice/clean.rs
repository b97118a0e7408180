//! A whole recording through the chain, as a stream: what goes in, what comes out, and what was measured on the way.

use std::time::{Duration, Instant};

use super::chain::noise::{self, Noise};
use super::chain::offline::Offline;
use super::chain::resample::Stream;
use super::chain::{Cleaned, Stages};
use super::clip::{self, RATE, SILENCE, decibels};
use super::file::{Sound, Writer};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};

/// What was measured over a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Its length, ms.
    pub ms: u64,
    /// Its level before, dBFS.
    pub before: f32,
    /// Its level after, dBFS.
    pub after: f32,
    /// How far speech stands above the noise before, dB; `None` when nobody speaks.
    pub snr_before: Option<f32>,
    /// The same after.
    pub snr_after: Option<f32>,
    /// How long somebody speaks, ms.
    pub voice_ms: u64,
    /// How long there is nothing but zeros, ms.
    pub zeros_ms: u64,
    /// Samples at full scale.
    pub clipped: u64,
    /// Samples that were no numbers.
    pub broken: u64,
    /// How long it took.
    pub took: Duration,
}

impl Measured {
    /// Time taken over time of sound.
    pub fn real_time_factor(&self) -> f64 {
        self.took.as_secs_f64() * 1000.0 / self.ms.max(1) as f64
    }
}

/// What goes in and out.
pub struct Work<'a> {
    /// The recording, at [`RATE`].
    pub sound: &'a mut Sound,
    /// What was played meanwhile, at [`RATE`].
    pub played: Option<&'a mut Sound>,
    /// Where the cleaned recording goes.
    pub writer: &'a mut Writer,
    /// Its rate, Hz.
    pub rate: u32,
    /// The stages that work.
    pub stages: Stages,
}

/// Cleans a recording. `progress` hears how many ms are done.
///
/// # Errors
/// Those of reading and writing; `BadData` for a recording without a sample, `Interrupted` after `stop`.
pub fn recording(work: Work<'_>, stop: &Stop, progress: &mut dyn FnMut(u64)) -> Result<Measured> {
    let begun = Instant::now();
    let Work { sound, mut played, writer, rate, stages } = work;
    let mut offline = Offline::new(&stages)?;
    let mut down = Stream::new(RATE, rate)?;
    let (mut input, mut beside, mut clean, mut out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut sums = Sums::default();
    let mut more = true;
    while more {
        if stop.is_requested() {
            return Err(Error::new(Kind::Interrupted, "stopped"));
        }
        input.clear();
        more = sound.more(&mut input)?;
        if let Some(played) = &mut played {
            while beside.len() < input.len() && played.more(&mut beside)? {}
        }
        let now = beside.len().min(input.len());
        sums.heard(&input);
        clean.clear();
        offline.push(&input, &beside[..now], &mut clean, &mut |c| sums.frame(c));
        beside.drain(..now);
        if !more {
            offline.finish(&mut clean, &mut |_| ());
        }
        sums.cleaned(&clean);
        out.clear();
        down.push(&clean, &mut out)?;
        if !more {
            down.finish(&mut out)?;
        }
        writer.push(&out)?;
        progress(clip::ms(sums.samples, RATE));
    }
    if sums.samples == 0 {
        return Err(Error::new(Kind::BadData, "there is not a single sample in the recording"));
    }
    Ok(Measured { took: begun.elapsed(), ..sums.measured() })
}

/// What is counted on the way.
#[derive(Default)]
struct Sums {
    samples: u64,
    before: f64,
    after: f64,
    /// Power of speech and of noise, before and after.
    powers: [(f64, f64); 2],
    after_noise: Noise,
    measured: Measured,
}

impl Sums {
    fn heard(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
        self.before += samples.iter().filter(|s| s.is_finite()).map(|s| f64::from(*s).powi(2)).sum::<f64>();
    }

    fn cleaned(&mut self, samples: &[f32]) {
        self.after += samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    }

    fn frame(&mut self, cleaned: &Cleaned) {
        self.measured.clipped += u64::from(cleaned.clipped);
        self.measured.broken += u64::from(cleaned.broken);
        self.measured.zeros_ms += u64::from(cleaned.zeros) * 10;
        self.after_noise.hear(&cleaned.clean);
        if cleaned.voice {
            self.measured.voice_ms += 10;
            let power = |db: f32| 10f64.powf(f64::from(db) / 10.0);
            let ours = [(cleaned.power, cleaned.noise), (self.after_noise.level(), self.after_noise.floor())];
            for (sum, (loud, noise)) in self.powers.iter_mut().zip(ours) {
                sum.0 += (power(loud) - power(noise)).max(0.0);
                sum.1 += power(noise);
            }
        }
    }

    fn measured(&self) -> Measured {
        let level = |sum: f64| decibels((sum / self.samples.max(1) as f64).sqrt() as f32).max(SILENCE);
        let ratio = |at: usize| {
            let (speech, under) = self.powers[at];
            (self.measured.voice_ms > 0).then(|| noise::ratio(speech as f32, under as f32))
        };
        Measured {
            ms: clip::ms(self.samples, RATE),
            before: level(self.before),
            after: level(self.after),
            snr_before: ratio(0),
            snr_after: ratio(1),
            ..self.measured.clone()
        }
    }
}
