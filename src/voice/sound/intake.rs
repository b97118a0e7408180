//! From what a device gives to frames of the chain: one channel is chosen, it is watched, and brought to 48 kHz.
//!
//! No device and no clock: a test feeds an hour in a moment.

use std::time::Duration;

use super::choice::Chooser;
use super::rate::Rate;
use super::watch::Watch;
use super::{Channel, Trouble};
use crate::kernel::error::Result;
use crate::voice::clip::{FRAME, RATE};

/// The way of one device's samples.
#[derive(Debug)]
pub(super) struct Intake {
    block: usize,
    chooser: Chooser,
    rate: Rate,
    waiting: Vec<f32>,
    mono: Vec<f32>,
    ready: Vec<f32>,
    taken: usize,
    /// What is wrong with the samples.
    pub watch: Watch,
}

impl Intake {
    /// For a device of `rate` Hz with `channels` channels, opened at `now`.
    pub fn new(rate: u32, channels: u16, wanted: Channel, now: Duration) -> Result<Intake> {
        let block = (rate as usize / 100).max(1) * usize::from(channels.max(1));
        Ok(Intake {
            block,
            chooser: Chooser::new(channels, wanted),
            rate: Rate::new(rate, RATE)?,
            waiting: Vec::new(),
            mono: Vec::new(),
            ready: Vec::new(),
            taken: 0,
            watch: Watch::new(rate, now),
        })
    }

    /// The channel that is heard, counted from 1.
    pub fn channel(&self) -> u16 {
        self.chooser.channel()
    }

    /// Interleaved samples that came at `now`. What is no number becomes silence, what is too large full scale.
    pub fn feed(&mut self, interleaved: impl IntoIterator<Item = f32>, now: Duration) {
        let sound = |s: f32| if s.is_nan() { 0.0 } else { s.clamp(-1.0, 1.0) };
        self.waiting.extend(interleaved.into_iter().map(sound));
        let whole = self.waiting.len() / self.block * self.block;
        self.mono.clear();
        for block in self.waiting[..whole].chunks_exact(self.block) {
            self.chooser.block(block, &mut self.mono);
        }
        self.waiting.drain(..whole);
        self.watch.samples(&self.mono, now);
        self.rate.feed(&self.mono, &mut self.ready);
    }

    /// The next 10 ms, when they are there.
    pub fn frame(&mut self) -> Option<[f32; FRAME]> {
        let ready = self.ready.get(self.taken..self.taken + FRAME).and_then(|s| s.first_chunk::<FRAME>());
        let Some(frame) = ready.copied() else {
            self.ready.drain(..self.taken);
            self.taken = 0;
            return None;
        };
        self.taken += FRAME;
        Some(frame)
    }

    /// What there is to say at `now`.
    pub fn say(&mut self, now: Duration) -> Option<Trouble> {
        self.watch.say(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_gives_an_hour_of_frames_and_grows_nothing() {
        let mut intake = Intake::new(8_000, 1, Channel::Loudest, Duration::ZERO).unwrap();
        let block: Vec<f32> = (0..80).map(|n| (n as f32 * std::f32::consts::TAU / 8.0).sin() * 0.4).collect();
        let mut frames = 0_u64;
        let mut most = 0_f32;
        for n in 0..360_000_u64 {
            let now = Duration::from_millis(n * 10);
            intake.feed(block.iter().copied(), now);
            while let Some(frame) = intake.frame() {
                frames += 1;
                most = frame.iter().fold(most, |m, s| m.max(s.abs()));
            }
            assert_eq!(intake.say(now), None);
        }
        assert!(frames.abs_diff(360_000) <= 2, "{frames}");
        assert!((0.39..0.43).contains(&most), "{most}");
        assert!(intake.ready.capacity() + intake.waiting.capacity() + intake.mono.capacity() < 20_000);
    }

    #[test]
    fn the_speaking_channel_of_a_stereo_microphone_at_44100_hz_is_heard() {
        let mut intake = Intake::new(44_100, 2, Channel::Loudest, Duration::ZERO).unwrap();
        let block: Vec<f32> = (0..441).flat_map(|n| [0.0, (n as f32 * 0.1425).sin() * 0.4]).collect();
        let (mut frames, mut most) = (0, 0_f32);
        for n in 0..500 {
            intake.feed(block.iter().copied(), Duration::from_millis(n * 10));
            while let Some(frame) = intake.frame() {
                frames += 1;
                most = frame.iter().fold(most, |m, s| m.max(s.abs()));
            }
        }
        assert!((498..=500).contains(&frames), "{frames}");
        assert_eq!(intake.channel(), 2);
        assert!((0.39..0.43).contains(&most), "{most}");
    }

    #[test]
    fn rubbish_from_a_device_is_silence_or_full_scale_never_worse() {
        let mut intake = Intake::new(48_000, 1, Channel::Loudest, Duration::ZERO).unwrap();
        let rubbish = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 7.0, -0.5];
        intake.feed(rubbish.iter().copied().cycle().take(FRAME), Duration::ZERO);
        let frame = intake.frame().unwrap();
        assert_eq!(frame[..5], [0.0, 1.0, -1.0, 1.0, -0.5]);
        assert_eq!(intake.watch.clipped, 3 * FRAME as u64 / 5);
        assert!(intake.frame().is_none());
    }
}
