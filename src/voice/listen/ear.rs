//! The ear of a real microphone, and what the loudspeaker plays beside it, in step.

use std::time::Duration;

use rtrb::Consumer;

use super::Ear;
use crate::kernel::error::Result;
use crate::voice::aloud::Echo;
use crate::voice::clip::{FRAME, RATE};
use crate::voice::sound::{Heard, Microphone, Wanted};

/// Sound of the loudspeaker that waits for the microphone: more than this is out of step, samples.
const APART: usize = RATE as usize / 4;

/// A microphone, and what is played beside it.
pub struct AtMicrophone {
    microphone: Microphone,
    echo: Option<Echo>,
    ring: Option<Consumer<f32>>,
}

impl AtMicrophone {
    /// Opens what is wanted; `echo` is what the loudspeaker gets, where something is played.
    ///
    /// # Errors
    /// As [`Microphone::open`].
    pub fn open(wanted: &Wanted, echo: Option<Echo>) -> Result<AtMicrophone> {
        Ok(AtMicrophone { microphone: Microphone::open(wanted)?, echo, ring: None })
    }
}

impl Ear for AtMicrophone {
    fn next(&mut self, limit: Duration) -> Heard {
        self.microphone.next(limit)
    }

    fn played(&mut self) -> Option<[f32; FRAME]> {
        if let Some(ring) = self.echo.as_ref().and_then(|echo| echo.try_recv().ok()) {
            (self.ring, self.echo) = (Some(ring), None);
            // What was played before the microphone was open is no echo in it.
            forget(self.ring.as_mut()?, usize::MAX);
        }
        let ring = self.ring.as_mut()?;
        if ring.slots() > APART {
            forget(ring, ring.slots() - APART / 4);
        }
        let mut frame = [0.0; FRAME];
        let chunk = ring.read_chunk(FRAME).ok()?;
        frame.iter_mut().zip(chunk).for_each(|(to, from)| *to = from);
        Some(frame)
    }

    fn name(&self) -> String {
        self.microphone.figures().called
    }
}

fn forget(ring: &mut Consumer<f32>, most: usize) {
    if let Ok(chunk) = ring.read_chunk(ring.slots().min(most)) {
        chunk.commit_all();
    }
}
