//! The chain over a recording: aligned with it and as long.

use super::{Chain, Cleaned, Stages};
use crate::kernel::error::Result;
use crate::voice::clip::{Clip, FRAME, RATE};

/// A chain that is fed with pieces of any size at 48 kHz and gives back exactly as many samples, where they were.
pub struct Offline {
    chain: Chain,
    sound: Vec<f32>,
    played: Vec<f32>,
    skip: usize,
    owed: usize,
}

impl Offline {
    /// A chain that has heard nothing yet.
    ///
    /// # Errors
    /// As [`Chain::new`].
    pub fn new(stages: &Stages) -> Result<Offline> {
        let chain = Chain::new(stages)?;
        let skip = chain.delay();
        Ok(Offline { chain, sound: Vec::new(), played: Vec::new(), skip, owed: 0 })
    }

    /// Takes samples; `played` is what the loudspeaker was given beside them, and may be shorter. What is ready goes to
    /// the end of `out`, and each frame to `seen`.
    pub fn push(&mut self, sound: &[f32], played: &[f32], out: &mut Vec<f32>, seen: &mut dyn FnMut(&Cleaned)) {
        self.owed += sound.len();
        if !played.is_empty() {
            self.played.resize(self.sound.len(), 0.0);
        }
        self.sound.extend_from_slice(sound);
        self.played.extend_from_slice(&played[..played.len().min(sound.len())]);
        let whole = self.sound.len() / FRAME * FRAME;
        for at in (0..whole).step_by(FRAME) {
            self.frame(at, out, seen);
        }
        self.sound.drain(..whole);
        self.played.drain(..whole.min(self.played.len()));
    }

    /// Gives the rest.
    pub fn finish(&mut self, out: &mut Vec<f32>, seen: &mut dyn FnMut(&Cleaned)) {
        while self.owed > 0 {
            self.sound.resize(FRAME, 0.0);
            self.frame(0, out, seen);
            self.sound.clear();
            self.played.clear();
        }
    }

    fn frame(&mut self, at: usize, out: &mut Vec<f32>, seen: &mut dyn FnMut(&Cleaned)) {
        let frame: [f32; FRAME] = std::array::from_fn(|n| self.sound[at + n]);
        let beside = self.played.get(at..).filter(|left| !left.is_empty());
        let beside: Option<[f32; FRAME]> =
            beside.map(|left| std::array::from_fn(|n| left.get(n).copied().unwrap_or(0.0)));
        let cleaned = self.chain.frame(&frame, beside.as_ref());
        let skip = self.skip.min(FRAME);
        self.skip -= skip;
        let give = (FRAME - skip).min(self.owed);
        out.extend_from_slice(&cleaned.clean[skip..skip + give]);
        self.owed -= give;
        seen(&cleaned);
    }
}

/// A whole clip of 48 kHz through the chain.
///
/// # Errors
/// As [`Chain::new`].
pub fn clip(clip: &Clip, played: &[f32], stages: &Stages) -> Result<Clip> {
    let mut offline = Offline::new(stages)?;
    let mut out = Vec::with_capacity(clip.samples.len());
    offline.push(&clip.samples, played, &mut out, &mut |_| ());
    offline.finish(&mut out, &mut |_| ());
    Ok(Clip::new(RATE, out))
}
