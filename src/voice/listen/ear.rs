//! The ear of a real microphone, and what the loudspeaker plays beside it, in step.

use std::time::Duration;

use rtrb::Consumer;

use super::Ear;
use crate::kernel::error::Result;
use crate::voice::aloud::Echo;
use crate::voice::clip::FRAME;
use crate::voice::sound::{Heard, Microphone, Wanted};

/// A microphone, and what is played beside it.
pub struct AtMicrophone {
    microphone: Microphone,
    beside: Beside,
}

impl AtMicrophone {
    /// Opens what is wanted; `echo` is what the loudspeaker gets, where something is played.
    ///
    /// # Errors
    /// As [`Microphone::open`].
    pub fn open(wanted: &Wanted, echo: Option<Echo>) -> Result<AtMicrophone> {
        Ok(AtMicrophone { microphone: Microphone::open(wanted)?, beside: Beside { echo, ..Beside::default() } })
    }
}

impl Ear for AtMicrophone {
    fn next(&mut self, limit: Duration) -> Heard {
        match self.microphone.next(limit) {
            // It does not listen yet.
            Heard::Frame(_) if self.beside.is_new() => {
                self.beside.frame();
                Heard::Nothing
            }
            heard => heard,
        }
    }

    fn played(&mut self) -> Option<[f32; FRAME]> {
        self.beside.frame()
    }

    fn name(&self) -> String {
        self.microphone.figures().called
    }
}

/// What the loudspeaker gets, in step with the microphone: a frame for each frame, always equally early. Frames come in
/// bursts, and a canceller loses its way where one is missing in the midst.
#[derive(Default)]
struct Beside {
    echo: Option<Echo>,
    ring: Option<Consumer<f32>>,
    /// Whether frames are handed out.
    flows: bool,
    /// Frames since it is known what is played.
    known: u32,
}

/// Samples that must be there before the first frame is handed out: as much as a burst may be late.
const CUSHION: usize = 12 * FRAME;
/// Frames that are not listened to when something is played already: what was played before has no reference, and a
/// canceller takes a moment to find its way.
const NEW: u32 = 50;
/// So many samples are out of step.
const APART: usize = 50 * FRAME;

impl Beside {
    /// Takes the ring once the loudspeaker is open.
    fn attach(&mut self) {
        if let Some(mut ring) = self.echo.as_ref().and_then(|echo| echo.try_recv().ok()) {
            // What was played before the microphone was open has no place in the order.
            let waits = ring.slots();
            forget(&mut ring, waits);
            self.known = if waits > 0 { 0 } else { NEW };
            (self.ring, self.echo) = (Some(ring), None);
        }
    }

    /// Whether what is heard may be what was played before anybody listened.
    fn is_new(&mut self) -> bool {
        self.attach();
        self.ring.is_some() && self.known < NEW
    }

    fn frame(&mut self) -> Option<[f32; FRAME]> {
        self.attach();
        let ring = self.ring.as_mut()?;
        self.known = self.known.saturating_add(1);
        let waits = ring.slots();
        if waits > APART {
            forget(ring, waits - CUSHION);
        }
        self.flows = waits >= if self.flows { FRAME } else { CUSHION };
        if !self.flows {
            return None;
        }
        let mut frame = [0.0; FRAME];
        let chunk = ring.read_chunk(FRAME).ok()?;
        frame.iter_mut().zip(chunk).for_each(|(to, from)| *to = from);
        Some(frame)
    }
}

fn forget(ring: &mut Consumer<f32>, samples: usize) {
    if let Ok(chunk) = ring.read_chunk(samples) {
        chunk.commit_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use rtrb::RingBuffer;

    use super::*;

    #[test]
    fn bursts_come_out_evenly_and_what_is_old_is_left_out() {
        let (give, echo) = channel();
        let mut beside = Beside { echo: Some(echo), ..Beside::default() };
        assert!(!beside.is_new() && beside.frame().is_none());
        let (mut into, ring) = RingBuffer::new(100 * FRAME);
        let mut put = |frames: usize, sample: f32| (0..frames * FRAME).for_each(|_| into.push(sample).unwrap());
        put(20, 1.0);
        give.send(ring).unwrap();
        assert!(beside.is_new() && beside.frame().is_none(), "it was played before");
        put(11, 2.0);
        assert!(beside.frame().is_none(), "a burst may be late");
        put(1, 2.0);
        // From here on one comes and one goes, three at a time.
        for _ in 0..30 {
            put(3, 2.0);
            for _ in 0..3 {
                assert_eq!(beside.frame(), Some([2.0; FRAME]));
            }
        }
        (0..12).for_each(|_| assert!(beside.frame().is_some()));
        assert!(!beside.is_new() && beside.frame().is_none(), "nothing is played");
        // Somebody was late by half a second.
        put(50, 3.0);
        put(12, 4.0);
        assert_eq!(beside.frame(), Some([4.0; FRAME]));
        (0..11).for_each(|_| assert_eq!(beside.frame(), Some([4.0; FRAME])));
        assert!(beside.frame().is_none());
    }
}
