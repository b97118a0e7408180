//! A microphone: frames of 10 ms at 48 kHz, one channel, and what is wrong when none come.

use std::time::Duration;

use super::{Trouble, Wanted};
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::FRAME;

/// What a microphone gave.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // A box would be an allocation for every frame.
pub enum Heard {
    /// 10 ms of sound at 48 kHz, between -1 and 1.
    Frame([f32; FRAME]),
    /// Nothing yet; ask again.
    Nothing,
    /// Something is wrong, or right again; ask again.
    Trouble(Trouble),
    /// It is over: nothing will come any more.
    Lost(Error),
}

/// What a microphone counted since it was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The device's stable name.
    pub device: String,
    /// What people call it.
    pub called: String,
    /// The sound system that it was opened through: `pulseaudio`, `alsa`.
    pub host: String,
    /// Its own rate, Hz.
    pub rate: u32,
    /// Its channels.
    pub channels: u16,
    /// The channel that is heard, counted from 1.
    pub channel: u16,
    /// Its own sample format: `i16`, `f32`.
    pub format: String,
    /// Frames of 10 ms that were handed out.
    pub frames: u64,
    /// Samples (of every channel at once) that were lost because the ring was full.
    pub overruns: u64,
    /// Samples at full scale.
    pub clipped: u64,
    /// Exact zeros, in a row or not, ms.
    pub silent_ms: u64,
    /// From the wish to open it to its first sample, ms.
    pub first_sample_ms: u64,
    /// How often it was opened again.
    pub reopened: u64,
}

/// An open microphone.
#[derive(Debug)]
pub struct Microphone {
    figures: Figures,
}

impl Microphone {
    /// Opens what is wanted and waits for its first sample.
    ///
    /// # Errors
    /// `Unreachable` when there is no sound system, no device, or no sample in time; `Refused` without permission.
    pub fn open(wanted: &Wanted) -> Result<Microphone> {
        Err(Error::new(Kind::Unreachable, format!("no microphone {:?} can be opened", wanted.devices)))
    }

    /// The next frame, waited for at most `limit`.
    pub fn next(&mut self, limit: Duration) -> Heard {
        std::thread::park_timeout(limit);
        Heard::Nothing
    }

    /// What was counted so far.
    pub fn figures(&self) -> Figures {
        self.figures.clone()
    }
}
