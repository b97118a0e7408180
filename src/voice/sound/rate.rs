//! From any rate to another as sound comes: without gaps, without losing count, and no later than need be.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, Fft, FixedAsync, FixedSync, Resampler, SincInterpolationParameters, WindowFunction};

use crate::kernel::error::{Context, Error, Kind, Result};

/// A stream of samples on its way from one rate to another.
pub(super) struct Rate {
    inner: Option<Box<dyn Resampler<f32> + Send>>,
    waiting: Vec<f32>,
    out: Vec<f32>,
}

impl Rate {
    /// From `from` Hz to `to` Hz.
    ///
    /// # Errors
    /// `BadData` for a rate of 0 or one that nobody can make sense of.
    pub fn new(from: u32, to: u32) -> Result<Rate> {
        if from == 0 || to == 0 || from > 1_000_000 {
            return Err(Error::new(Kind::BadData, format!("sound of {from} samples a second cannot be used")));
        }
        let inner = if from == to { None } else { Some(resampler(from, to)?) };
        let out = inner.as_ref().map_or(0, |r| r.output_frames_max());
        Ok(Rate { inner, waiting: Vec::new(), out: vec![0.0; out] })
    }

    /// Takes samples and appends what is ready to `out`.
    pub fn feed(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let Some(inner) = &mut self.inner else {
            out.extend_from_slice(samples);
            return;
        };
        self.waiting.extend_from_slice(samples);
        let mut used = 0;
        while self.waiting.len() - used >= inner.input_frames_next() {
            let ready = &self.waiting[used..];
            let room = self.out.len();
            let (Ok(from), Ok(mut to)) =
                (InterleavedSlice::new(ready, 1, ready.len()), InterleavedSlice::new_mut(&mut self.out, 1, room))
            else {
                break;
            };
            let Ok((taken, made)) = inner.process_into_buffer(&from, &mut to, None) else { break };
            out.extend_from_slice(&self.out[..made]);
            used += taken;
            if taken == 0 {
                break;
            }
        }
        self.waiting.drain(..used);
    }
}

impl std::fmt::Debug for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rate").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// By Fourier transform where the two rates share blocks of at most 20 ms, else by interpolation.
fn resampler(from: u32, to: u32) -> Result<Box<dyn Resampler<f32> + Send>> {
    let (rate_in, rate_out) = (from as usize, to as usize);
    let chunk = (rate_in / 100).max(1);
    let shared = gcd(from, to);
    let failed = || format!("sound of {from} samples a second cannot be turned into {to}");
    if from / shared <= from.div_ceil(50) {
        let fft = Fft::new(rate_in, rate_out, chunk, 1, FixedSync::Input).context(Kind::BadData, failed)?;
        return Ok(Box::new(fft));
    }
    let parameters = SincInterpolationParameters::new(128, WindowFunction::BlackmanHarris2);
    let ratio = f64::from(to) / f64::from(from);
    let sinc = Async::new_sinc(ratio, 1.0, &parameters, chunk, 1, FixedAsync::Input).context(Kind::BadData, failed)?;
    Ok(Box::new(sinc))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole clip at another rate, its beginning and its length kept.
    fn whole(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>> {
        let mut rate = Rate::new(from, to)?;
        let Some(inner) = &rate.inner else { return Ok(samples.to_vec()) };
        let (delay, want) =
            (inner.output_delay(), (samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize);
        let mut out = Vec::with_capacity(want + delay);
        rate.feed(samples, &mut out);
        let silence = vec![0.0; (from as usize / 100).max(1)];
        while out.len() < want + delay {
            let before = out.len();
            rate.feed(&silence, &mut out);
            rate.feed(&silence, &mut out);
            if out.len() == before {
                break;
            }
        }
        Ok(out.into_iter().skip(delay).take(want).collect())
    }

    fn tone(rate: u32, ms: u32) -> Vec<f32> {
        let step = std::f32::consts::TAU * 440.0 / rate as f32;
        (0..rate * ms / 1000).map(|n| (n as f32 * step).sin() * 0.5).collect()
    }

    #[test]
    fn a_tone_of_any_rate_is_the_same_tone_at_48_khz() {
        for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 44_099, 48_000, 96_000, 192_000] {
            let got = whole(&tone(rate, 500), rate, 48_000).unwrap();
            let want = tone(48_000, 500);
            assert!(got.len().abs_diff(want.len()) <= 48, "{rate} Hz: {} samples", got.len());
            // It may be a few samples late, being a stream.
            let off = |late: usize| (4_800..19_200).map(|n| (got[n + late] - want[n + 4]).abs()).fold(0.0, f32::max);
            let least = (0..9).map(off).fold(1.0, f32::min);
            assert!(least < 0.03, "{rate} Hz is off by {least}");
        }
    }

    #[test]
    fn pieces_of_odd_sizes_give_what_one_piece_gives_and_count_is_kept() {
        let sound = tone(44_100, 300);
        let (mut once, mut often) = (Vec::new(), Vec::new());
        Rate::new(44_100, 48_000).unwrap().feed(&sound, &mut once);
        let mut rate = Rate::new(44_100, 48_000).unwrap();
        sound.chunks(37).for_each(|piece| rate.feed(piece, &mut often));
        assert_eq!(once, often);
        let mut rate = Rate::new(16_000, 48_000).unwrap();
        let (block, mut made, mut out) = (vec![0.1; 160], 0_u64, Vec::new());
        for _ in 0..30_000 {
            rate.feed(&block, &mut out);
            made += out.len() as u64;
            out.clear();
        }
        assert!(made.abs_diff(14_400_000) <= 480, "{made}");
        assert!(rate.waiting.capacity() < 10_000);
    }

    #[test]
    fn a_rate_that_is_none_is_refused() {
        assert_eq!(Rate::new(0, 48_000).unwrap_err().kind(), Kind::BadData);
        assert_eq!(whole(&[0.0], u32::MAX, 48_000).unwrap_err().kind(), Kind::BadData);
    }
}
