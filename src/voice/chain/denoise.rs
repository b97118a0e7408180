//! Taking the noise out, by nnnoiseless (the first RNNoise's network).
//!
//! It works on 16-bit heights and gives each frame one frame later.

use nnnoiseless::DenoiseState;

use crate::voice::clip::FRAME;

/// What one step of 16 bits is.
const SCALE: f32 = 32_768.0;

/// A network and what it remembers.
pub struct Denoiser {
    state: Box<DenoiseState<'static>>,
    input: [f32; FRAME],
}

impl Default for Denoiser {
    fn default() -> Self {
        Denoiser::new()
    }
}

impl Denoiser {
    /// How much later a sample comes out.
    pub const DELAY: usize = FRAME;

    /// One that has heard nothing yet.
    pub fn new() -> Denoiser {
        Denoiser { state: DenoiseState::new(), input: [0.0; FRAME] }
    }

    /// Cleans a frame in place; what comes out is the frame before.
    pub fn frame(&mut self, frame: &mut [f32; FRAME]) {
        for (to, from) in self.input.iter_mut().zip(frame.iter()) {
            *to = from * SCALE;
        }
        self.state.process_frame(frame, &self.input);
        frame.iter_mut().for_each(|s| *s /= SCALE);
        if frame.iter().any(|s| !s.is_finite()) {
            // Nothing that comes in can do this; a network that is lost is better begun anew than kept.
            self.state = DenoiseState::new();
            *frame = [0.0; FRAME];
        }
    }
}
