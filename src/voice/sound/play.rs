//! A speaker: clips of any rate are queued and played; the exact samples that were handed over can be had as well.

use super::Wanted;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::Clip;

/// An open speaker.
#[derive(Debug)]
pub struct Player {
    reference: Option<rtrb::Consumer<f32>>,
}

impl Player {
    /// Opens what is wanted.
    ///
    /// # Errors
    /// `Unreachable` when there is no sound system or no device; `Refused` without permission.
    pub fn open(wanted: &Wanted) -> Result<Player> {
        Err(Error::new(Kind::Unreachable, format!("no speaker {:?} can be opened", wanted.devices)))
    }

    /// Queues a clip behind what is being played.
    ///
    /// # Errors
    /// `Unreachable` when the device was lost and cannot be had again, `BadData` for a clip without a rate.
    pub fn play(&mut self, _clip: &Clip) -> Result<()> {
        Ok(())
    }

    /// Waits until everything queued has been heard, or somebody asks to stop, which is then done.
    ///
    /// # Errors
    /// As [`Player::play`]; `Interrupted` after `stop`.
    pub fn drain(&mut self, _stop: &Stop) -> Result<()> {
        Ok(())
    }

    /// Falls silent at once and forgets what is queued.
    pub fn stop(&mut self) {}

    /// Whether something is queued or still to be heard.
    pub fn is_playing(&self) -> bool {
        false
    }

    /// The exact samples that are handed to the device, 48 kHz, one channel, while something is played. Can be had once.
    pub fn reference(&mut self) -> Option<rtrb::Consumer<f32>> {
        self.reference.take()
    }
}
