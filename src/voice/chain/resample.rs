//! Other rates, by rubato: a frame down to 16 kHz, and streams of any length from any rate to any.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler, WindowFunction};

use super::SPEECH_FRAME;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::clip::{FRAME, RATE, SPEECH_RATE};

/// The highest rate that is believed, Hz.
pub const MOST_RATE: u32 = 768_000;

/// From 48 to 16 kHz, a frame at a time.
pub struct Down {
    fft: Fft<f32>,
}

impl Down {
    /// One that has heard nothing yet.
    ///
    /// # Errors
    /// `Failed` when rubato refuses, which it does not for these rates.
    pub fn new() -> Result<Down> {
        let made = Fft::new(RATE as usize, SPEECH_RATE as usize, FRAME, 1, FixedSync::Both);
        Ok(Down { fft: made.context(Kind::Failed, || "cannot make the way down to 16 kHz".to_string())? })
    }

    /// One frame; 5 ms late.
    pub fn frame(&mut self, frame: &[f32; FRAME], out: &mut [f32; SPEECH_FRAME]) {
        let input = SequentialSlice::new(&frame[..], 1, FRAME);
        let output = SequentialSlice::new_mut(&mut out[..], 1, SPEECH_FRAME);
        let worked = match (input, output) {
            (Ok(input), Ok(mut output)) => self.fft.process_into_buffer(&input, &mut output, None).is_ok(),
            _ => false,
        };
        // It only fails for lengths that are not ours.
        if !worked {
            *out = [0.0; SPEECH_FRAME];
        }
    }
}

/// A stream of one channel from one rate to another: aligned, and as long as it should be.
pub struct Stream {
    from: u32,
    to: u32,
    fft: Option<Fft<f32>>,
    waiting: Vec<f32>,
    room: Vec<f32>,
    late: usize,
    took: u64,
    gave: u64,
}

/// Samples that are turned at once, about.
const CHUNK: usize = 2048;

impl Stream {
    /// From `from` to `to` Hz.
    ///
    /// # Errors
    /// `BadData` for a rate of 0 Hz or beyond [`MOST_RATE`].
    pub fn new(from: u32, to: u32) -> Result<Stream> {
        for rate in [from, to] {
            if rate == 0 || rate > MOST_RATE {
                return Err(Error::new(Kind::BadData, format!("a rate of {rate} Hz is no rate of sound")));
            }
        }
        let fft = if from == to {
            None
        } else {
            let made = Fft::new_custom(
                from as usize,
                to as usize,
                chunk(from, to),
                1,
                1,
                WindowFunction::BlackmanHarris2,
                FixedSync::Input,
            );
            Some(made.context(Kind::Failed, || format!("cannot go from {from} to {to} Hz"))?)
        };
        let late = fft.as_ref().map_or(0, Resampler::output_delay);
        let room = vec![0.0; fft.as_ref().map_or(0, Resampler::output_frames_max)];
        Ok(Stream { from, to, fft, waiting: Vec::new(), room, late, took: 0, gave: 0 })
    }

    /// Takes samples and puts what they give at the end of `out`.
    ///
    /// # Errors
    /// `Failed` when rubato refuses.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<()> {
        self.took += samples.len() as u64;
        if self.fft.is_none() {
            out.extend_from_slice(samples);
            return Ok(());
        }
        self.waiting.extend_from_slice(samples);
        self.turn(false, out)
    }

    /// Gives what is still owed: all in all as many samples as the time that came in takes.
    ///
    /// # Errors
    /// As [`Stream::push`].
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<()> {
        if self.fft.is_none() {
            return Ok(());
        }
        let whole = (self.took * u64::from(self.to)).div_ceil(u64::from(self.from));
        let begin = out.len();
        let before = self.gave;
        while self.gave < whole {
            self.turn(true, out)?;
        }
        out.truncate(begin + (whole - before) as usize);
        self.gave = whole;
        Ok(())
    }

    /// Turns what waits, whole chunks of it; `last` turns one that is filled up with silence.
    fn turn(&mut self, last: bool, out: &mut Vec<f32>) -> Result<()> {
        let Some(fft) = &mut self.fft else { return Ok(()) };
        let mut used = 0;
        let mut again = last;
        loop {
            let (wanted, waits) = (fft.input_frames_next(), self.waiting.len() - used);
            if waits < wanted && !again {
                break;
            }
            again = false;
            let given = waits.min(wanted);
            let refused = || format!("cannot go from {} to {} Hz", self.from, self.to);
            let input = &self.waiting[used..used + given];
            let input = SequentialSlice::new(input, 1, given).context(Kind::Failed, refused)?;
            let long = self.room.len();
            let mut output = SequentialSlice::new_mut(&mut self.room[..], 1, long).context(Kind::Failed, refused)?;
            let part = (given < wanted).then(|| Indexing::new().partial_len(given));
            let (_, made) =
                fft.process_into_buffer(&input, &mut output, part.as_ref()).context(Kind::Failed, refused)?;
            let skip = self.late.min(made);
            self.late -= skip;
            out.extend_from_slice(&self.room[skip..made]);
            self.gave += (made - skip) as u64;
            used += given;
        }
        self.waiting.drain(..used);
        Ok(())
    }
}

/// How many samples are turned at once. An even number of the least that rubato turns: the middle of its filter then
/// falls on a sample, and what comes out stands exactly where it was.
fn chunk(from: u32, to: u32) -> usize {
    let (mut a, mut b) = (from, to);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let least = (from / a) as usize;
    least * CHUNK.div_ceil(least).next_multiple_of(2)
}

/// A whole clip at another rate.
///
/// # Errors
/// As [`Stream::new`].
pub fn clip(clip: &crate::voice::clip::Clip, rate: u32) -> Result<crate::voice::clip::Clip> {
    let mut stream = Stream::new(clip.rate, rate)?;
    let mut samples =
        Vec::with_capacity((clip.samples.len() as u64 * u64::from(rate) / u64::from(clip.rate)) as usize + 1);
    stream.push(&clip.samples, &mut samples)?;
    stream.finish(&mut samples)?;
    Ok(crate::voice::clip::Clip::new(rate, samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::clip::Clip;

    fn sine(rate: u32, hz: f64, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (n as f64 * hz * std::f64::consts::TAU / f64::from(rate)).sin() as f32 * 0.5).collect()
    }

    #[test]
    fn a_tone_stays_the_tone_that_it_was_and_where_it_was() {
        for (from, to) in [
            (44_100, 48_000),
            (48_000, 16_000),
            (8_000, 48_000),
            (22_050, 16_000),
            (11_025, 48_000),
            (192_000, 48_000),
            (47_999, 48_000),
        ] {
            let made = clip(&Clip::new(from, sine(from, 440.0, from as usize)), to).unwrap();
            assert_eq!((made.rate, made.samples.len()), (to, to as usize), "{from} to {to}");
            let wanted = sine(to, 440.0, to as usize);
            let middle = to as usize / 5..to as usize * 4 / 5;
            let worst = made.samples[middle.clone()]
                .iter()
                .zip(&wanted[middle])
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 0.002, "{from} to {to}: {worst}");
        }
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        let samples = sine(44_100, 1000.0, 30_011);
        let whole = clip(&Clip::new(44_100, samples.clone()), 16_000).unwrap().samples;
        let (mut stream, mut out) = (Stream::new(44_100, 16_000).unwrap(), Vec::new());
        for piece in samples.chunks(317) {
            stream.push(piece, &mut out).unwrap();
        }
        stream.finish(&mut out).unwrap();
        assert_eq!(out, whole);
        assert_eq!(out.len(), 10_889);
    }

    #[test]
    fn rates_that_are_none_are_refused() {
        for rate in [0, 768_001, u32::MAX] {
            let error = Stream::new(rate, 48_000).map(|_| ()).unwrap_err();
            assert_eq!((error.kind(), error.message().contains(&rate.to_string())), (Kind::BadData, true));
        }
        assert!(clip(&Clip::new(8_000, vec![]), 48_000).unwrap().samples.is_empty());
    }
}
