//! Sound in and out: microphones, speakers, and what can go wrong with them.
//!
//! A device lives on a thread of its own that may be left behind when the sound system does not answer; its callback
//! only copies between the device and a lock-free ring. This folder is the only one that knows cpal, and of it
//! `device` the only file that knows which sound systems there are. It knows no settings, no chat and no terminal.

mod capture;
mod choice;
mod device;
mod examine;
mod feed;
mod hush;
mod intake;
mod keep;
mod measure;
mod play;
mod rate;
mod ring;
mod trouble;
mod watch;

pub use capture::{Figures, Heard, Microphone};
pub use device::{Found, Status, Way};
pub use examine::{Finding, Grade, examine};
pub use measure::Measure;
pub use play::Player;
pub use trouble::Trouble;

use std::time::Duration;

use crate::kernel::error::Result;

/// Which device is wanted, and how it is to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Devices in the order of preference, by their stable name (or a piece of what they are called); the default of
    /// the sound system is followed when the list is empty or none of them is there.
    pub devices: Vec<String>,
    /// Which channel is heard.
    pub channel: Channel,
    /// How long a device that went away is waited for before it counts as lost.
    pub patience: Duration,
    /// How long the first sample may take.
    pub first: Duration,
}

impl Default for Wanted {
    fn default() -> Wanted {
        let (patience, first) = (Duration::from_secs(6), Duration::from_secs(4));
        Wanted { devices: Vec::new(), channel: Channel::Loudest, patience, first }
    }
}

/// Every device of the first sound system that answers, or of all of them.
///
/// # Errors
/// `Unreachable` when there is none, `TimedOut` when it does not answer.
pub fn devices(way: Way, every: bool) -> Result<Vec<Found>> {
    keep::apart(LIMIT, move |hush| device::list(way, every, hush))
}

/// How long a sound system may take to list its devices.
const LIMIT: Duration = Duration::from_secs(5);

/// Which channel of a device is heard. Never the average: a silent second channel would halve the voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// The one that is loudest over a second or so.
    #[default]
    Loudest,
    /// That one, counted from 1.
    Number(u16),
}
