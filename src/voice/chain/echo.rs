//! Taking the echo of our own loudspeaker out, by sonora (WebRTC's AEC3).
//!
//! It only works while something is played and a little longer; otherwise the frames go around it, equally late.

use sonora::config::EchoCanceller;
use sonora::{AudioProcessing, Config, StreamConfig};

use super::delay::Delay;
use super::limit;
use crate::voice::clip::{FRAME, RATE};

/// How much later a sample comes out of AEC3's split into bands.
const BANDS: usize = 430;
/// Frames that an echo may still come after the last that was played: the way through devices and the room.
const AFTER: u32 = 100;
/// Frames that the canceller runs before it is heard: what it remembers from last time is old.
const BEFORE: u32 = 2;

/// How far what is played must be ahead of its echo, samples: one that comes together with it is never found (4.7 dB of
/// it go, and 39 dB from 3 ms on: measured in a made-up room), so the microphone waits for a block of the canceller.
const LEAD: usize = 192;

/// AEC3 and the way around it.
pub struct Canceller {
    lead: Delay,
    apm: Box<AudioProcessing>,
    around: Delay,
    out: [f32; FRAME],
    left: u32,
    ran: u32,
    heard: bool,
}

impl Default for Canceller {
    fn default() -> Self {
        Canceller::new()
    }
}

impl Canceller {
    /// How much later a sample comes out: what the canceller's split into bands takes, and the lead of what is played.
    pub const DELAY: usize = BANDS + LEAD;

    /// One that has heard nothing yet.
    pub fn new() -> Canceller {
        Canceller {
            lead: Delay::new(LEAD),
            apm: Box::new(canceller()),
            around: Delay::new(BANDS),
            out: [0.0; FRAME],
            left: 0,
            ran: 0,
            heard: false,
        }
    }

    /// Cleans a frame in place. `played` is what the loudspeaker was given at the same time.
    pub fn frame(&mut self, frame: &mut [f32; FRAME], played: Option<&[f32; FRAME]>) {
        self.lead.frame(frame);
        self.left = if played.is_some() { AFTER } else { self.left.saturating_sub(1) };
        if self.left == 0 {
            self.ran = 0;
            self.around.frame(frame);
            self.fade(frame, false);
            return;
        }
        let mut reference = played.copied().unwrap_or([0.0; FRAME]);
        limit::mend(&mut reference);
        let mut rendered = [0.0; FRAME];
        // Both only fail for shapes that are not ours.
        let _ = self.apm.process_render_f32(&[&reference], &mut [&mut rendered]);
        let worked = self.apm.process_capture_f32(&[&frame[..]], &mut [&mut self.out[..]]).is_ok();
        self.around.frame(frame);
        self.ran = self.ran.saturating_add(1);
        let sane = worked && self.out.iter().all(|s| s.is_finite());
        if !sane {
            *self.apm = canceller();
            self.ran = 0;
        }
        self.fade(frame, sane && self.ran > BEFORE);
    }

    /// Goes over from one way to the other within a frame.
    fn fade(&mut self, frame: &mut [f32; FRAME], hear: bool) {
        match (self.heard, hear) {
            (false, false) => {}
            (true, true) => *frame = self.out,
            (was, _) => {
                for (n, (sample, out)) in frame.iter_mut().zip(&self.out).enumerate() {
                    let late = n as f32 / FRAME as f32;
                    // Where it stops, nothing newer than the last frame is there to fade from.
                    let share = if was { 0.0 } else { late };
                    *sample += share * (out - *sample);
                }
            }
        }
        self.heard = hear;
    }
}

fn canceller() -> AudioProcessing {
    let stream = StreamConfig::new(RATE, 1);
    AudioProcessing::builder()
        .config(Config { echo_canceller: Some(EchoCanceller::default()), ..Config::default() })
        .capture_config(stream)
        .render_config(stream)
        .build()
}
