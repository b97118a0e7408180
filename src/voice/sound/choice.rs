//! Which channel is heard: a chosen one, or the loudest; never the average, which a silent channel would halve.

use super::Channel;

/// How much louder another channel must be, as power, before it is taken instead (6 dB).
const LOUDER: f64 = 4.0;
/// How much of the past counts in a channel's loudness after each block of 10 ms: about 300 ms.
const MEMORY: f64 = 0.967;
/// Power below which a channel counts as silent (-100 dBFS).
const NOTHING: f64 = 1e-10;

/// Picks one channel out of blocks of interleaved samples.
#[derive(Debug)]
pub(super) struct Chooser {
    channels: usize,
    fixed: bool,
    now: usize,
    power: Vec<f64>,
}

impl Chooser {
    /// For sound of `channels` channels. A channel that the device does not have becomes its last.
    pub fn new(channels: u16, wanted: Channel) -> Chooser {
        let channels = usize::from(channels.max(1));
        let (fixed, now) = match wanted {
            Channel::Loudest => (channels == 1, 0),
            Channel::Number(n) => (true, usize::from(n.max(1)).min(channels) - 1),
        };
        Chooser { channels, fixed, now, power: vec![0.0; channels] }
    }

    /// The channel that is heard, counted from 1.
    pub fn channel(&self) -> u16 {
        self.now as u16 + 1
    }

    /// Appends the chosen channel of a block (10 ms or so) to `out`; a change of channel is faded over the block.
    pub fn block(&mut self, interleaved: &[f32], out: &mut Vec<f32>) {
        let before = self.now;
        if !self.fixed {
            self.weigh(interleaved);
        }
        let (channels, now) = (self.channels, self.now);
        let frames = interleaved.len() / channels;
        out.extend(interleaved.chunks_exact(channels).enumerate().map(|(at, frame)| {
            if before == now {
                return frame[now];
            }
            let share = (at + 1) as f32 / frames as f32;
            frame[before] * (1.0 - share) + frame[now] * share
        }));
    }

    fn weigh(&mut self, interleaved: &[f32]) {
        let frames = (interleaved.len() / self.channels).max(1) as f64;
        for (channel, power) in self.power.iter_mut().enumerate() {
            let own = interleaved.iter().skip(channel).step_by(self.channels).map(|s| f64::from(*s));
            let (sum, squares) = own.fold((0.0, 0.0), |(sum, squares), s| (sum + s, squares + s * s));
            // A constant offset is no sound.
            let loud = (squares / frames - (sum / frames).powi(2)).max(0.0);
            *power = *power * MEMORY + loud * (1.0 - MEMORY);
        }
        let loudest =
            (0..self.channels).fold(self.now, |best, c| if self.power[c] > self.power[best] { c } else { best });
        if self.power[loudest] > NOTHING && self.power[loudest] > self.power[self.now] * LOUDER {
            self.now = loudest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10 ms of a tone on one of `channels` channels, at `height`, with `other` times that on the others.
    fn block(channels: usize, on: usize, height: f32, other: f32) -> Vec<f32> {
        let frame = |n: usize| (n as f32 * 0.13).sin() * height;
        (0..480).flat_map(|n| (0..channels).map(move |c| frame(n) * if c == on { 1.0 } else { other })).collect()
    }

    #[test]
    fn a_voice_on_one_of_eight_channels_is_heard_at_its_full_height() {
        let mut chooser = Chooser::new(8, Channel::Loudest);
        let mut out = Vec::new();
        for _ in 0..3 {
            chooser.block(&block(8, 5, 0.5, 0.0), &mut out);
        }
        assert_eq!(chooser.channel(), 6);
        let want: Vec<f32> = (0..480).map(|n| (n as f32 * 0.13).sin() * 0.5).collect();
        assert_eq!(out[480..960], want[..]);
    }

    #[test]
    fn a_slightly_louder_neighbour_does_not_take_over_and_a_much_louder_one_does() {
        let mut chooser = Chooser::new(2, Channel::Loudest);
        let mut out = Vec::new();
        (0..100).for_each(|_| chooser.block(&block(2, 0, 0.3, 0.0), &mut out));
        (0..100).for_each(|_| chooser.block(&block(2, 1, 0.3, 0.7), &mut out));
        assert_eq!(chooser.channel(), 1);
        (0..100).for_each(|_| chooser.block(&block(2, 1, 0.3, 0.1), &mut out));
        assert_eq!(chooser.channel(), 2);
    }

    #[test]
    fn an_offset_is_no_sound_and_silence_changes_nothing() {
        let mut chooser = Chooser::new(2, Channel::Loudest);
        let mut out = Vec::new();
        let offset: Vec<f32> = (0..480).flat_map(|n| [(n as f32 * 0.13).sin() * 0.01, 0.9]).collect();
        (0..200).for_each(|_| chooser.block(&offset, &mut out));
        assert_eq!(chooser.channel(), 1);
        (0..200).for_each(|_| chooser.block(&vec![0.0; 960], &mut out));
        assert_eq!(chooser.channel(), 1);
    }

    #[test]
    fn a_chosen_channel_stays_and_one_that_is_not_there_becomes_the_last() {
        let mut chooser = Chooser::new(2, Channel::Number(1));
        let mut out = Vec::new();
        (0..100).for_each(|_| chooser.block(&block(2, 1, 0.9, 0.0), &mut out));
        assert_eq!((chooser.channel(), out.iter().all(|s| *s == 0.0)), (1, true));
        assert_eq!(Chooser::new(2, Channel::Number(9)).channel(), 2);
        assert_eq!(Chooser::new(0, Channel::Number(0)).channel(), 1);
    }
}
