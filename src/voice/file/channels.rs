//! One channel of many: the loudest, never the average, which halves a voice beside a silent channel.

/// Another channel must be so much louder before it is taken instead, as a factor of power (6 dB).
const LOUDER: f32 = 4.0;

/// Who is loudest, with a memory of half a second.
pub struct Loudest {
    channels: usize,
    span: usize,
    power: Vec<f32>,
    chosen: Option<usize>,
}

impl Loudest {
    /// For so many channels at so many samples a second.
    pub fn new(channels: usize, rate: u32) -> Loudest {
        let span = (rate as usize / 50).max(1);
        Loudest { channels: channels.max(1), span, power: vec![0.0; channels.max(1)], chosen: None }
    }

    /// Puts the chosen channel of interleaved samples at the end of `out`.
    pub fn take(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        if self.channels == 1 {
            out.extend_from_slice(samples);
            return;
        }
        for span in samples.chunks(self.span * self.channels) {
            self.span(span, out);
        }
    }

    fn span(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let frames = samples.len() / self.channels;
        for (channel, power) in self.power.iter_mut().enumerate() {
            let sum: f32 = samples.iter().skip(channel).step_by(self.channels).map(|s| finite(s * s)).sum();
            *power = 0.96 * *power + 0.04 * sum / frames.max(1) as f32;
        }
        let best = (0..self.channels).max_by(|a, b| self.power[*a].total_cmp(&self.power[*b]).then(b.cmp(a)));
        let best = best.unwrap_or(0);
        let before = self.chosen.unwrap_or(best);
        let now = if self.power[best] > LOUDER * self.power[before] { best } else { before };
        // A file may begin with silence in all channels: nothing is chosen yet.
        if self.power[now] > 0.0 {
            self.chosen = Some(now);
        }
        for (n, frame) in samples.chunks_exact(self.channels).enumerate() {
            let share = n as f32 / frames as f32;
            out.push(if now == before { frame[now] } else { frame[before] + share * (frame[now] - frame[before]) });
        }
    }
}

fn finite(power: f32) -> f32 {
    if power.is_finite() { power } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interleaved(channels: &[&[f32]]) -> Vec<f32> {
        (0..channels[0].len()).flat_map(|n| channels.iter().map(move |c| c[n])).collect()
    }

    #[test]
    fn a_silent_channel_never_halves_the_voice() {
        let (voice, silent) = (vec![0.5f32; 4800], vec![0.0f32; 4800]);
        for (left, right) in [(&voice, &silent), (&silent, &voice)] {
            let mut out = Vec::new();
            Loudest::new(2, 48_000).take(&interleaved(&[left, right]), &mut out);
            assert!(out == voice);
        }
    }

    #[test]
    fn who_becomes_much_louder_is_taken_over_without_a_step() {
        let (first, second) = (vec![0.1f32; 96_000], [vec![0.0f32; 48_000], vec![0.6; 48_000]].concat());
        let mut out = Vec::new();
        Loudest::new(2, 48_000).take(&interleaved(&[&first, &second]), &mut out);
        assert_eq!((out.len(), out[40_000], out[95_999]), (96_000, 0.1, 0.6));
        assert!(out.windows(2).all(|w| (w[1] - w[0]).abs() < 0.001));
    }
}
