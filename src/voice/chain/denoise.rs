//! Taking the noise out: what is steady first ([`super::steady`]), the rest by nnnoiseless (the first RNNoise's network).
//!
//! Together they do better than either: measured by `make bench` beside the C RNNoise.

use nnnoiseless::DenoiseState;

use super::steady::Steady;
use crate::voice::clip::FRAME;

/// What one step of 16 bits is, the heights that the network knows.
const SCALE: f32 = 32_768.0;

/// A network and what it remembers.
pub struct Denoiser {
    steady: Steady,
    network: Box<DenoiseState<'static>>,
    input: [f32; FRAME],
}

impl Default for Denoiser {
    fn default() -> Self {
        Denoiser::new()
    }
}

impl Denoiser {
    /// How much later a sample comes out: both give each frame one frame later.
    pub const DELAY: usize = Steady::DELAY + FRAME;

    /// One that has heard nothing yet.
    pub fn new() -> Denoiser {
        Denoiser { steady: Steady::new(), network: DenoiseState::new(), input: [0.0; FRAME] }
    }

    /// Cleans a frame in place; what comes out is [`Denoiser::DELAY`] samples late.
    pub fn frame(&mut self, frame: &mut [f32; FRAME]) {
        let sane = self.steady.frame(frame);
        for (to, from) in self.input.iter_mut().zip(frame.iter()) {
            *to = from * SCALE;
        }
        self.network.process_frame(frame, &self.input);
        frame.iter_mut().for_each(|s| *s /= SCALE);
        if !sane || frame.iter().any(|s| !s.is_finite()) {
            // Nothing finite that comes in can do this; who is lost is better begun anew than kept.
            *self = Denoiser::new();
            *frame = [0.0; FRAME];
        }
    }
}
