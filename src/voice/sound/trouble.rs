//! What is wrong with a microphone or a speaker while it is in use, in words, and the way forward.

use std::fmt;

/// Something that the person at the microphone wants to know; hearing goes on, or is being mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// None of the wanted devices is there; another one was taken.
    Fallback {
        /// The device that was wanted first.
        wanted: String,
        /// The device that was taken.
        device: String,
    },
    /// No samples come any more.
    Stalled {
        /// For how long, ms.
        ms: u64,
        /// What the sound system says about it: suspended, gone; empty when it says nothing.
        why: String,
    },
    /// The device or the sound system is gone; it is being opened again.
    Gone {
        /// What was said.
        why: String,
    },
    /// Hearing goes on after a loss, or on another device.
    Back {
        /// The device that is heard now.
        device: String,
    },
    /// Only exact zeros come.
    Silent {
        /// For how long, ms.
        ms: u64,
        /// Whether the sound system says that it is muted, or its volume is 0.
        muted: bool,
    },
    /// Sound came again after exact zeros.
    Sounding,
    /// Samples stand at full scale.
    Clipping {
        /// How many of them in the last second.
        samples: u64,
    },
    /// Samples were lost because nobody took them.
    Overrun {
        /// How many frames in all.
        frames: u64,
    },
}

impl Trouble {
    /// One word for JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Trouble::Fallback { .. } => "fallback",
            Trouble::Stalled { .. } => "stalled",
            Trouble::Gone { .. } => "gone",
            Trouble::Back { .. } => "back",
            Trouble::Silent { muted: true, .. } => "muted",
            Trouble::Silent { .. } => "silent",
            Trouble::Sounding => "sounding",
            Trouble::Clipping { .. } => "clipping",
            Trouble::Overrun { .. } => "overrun",
        }
    }

    /// What to do about it, where something can be done.
    pub fn way_forward(&self) -> Option<&'static str> {
        Some(match self {
            Trouble::Fallback { .. } => "see what is there: fac voice devices",
            Trouble::Stalled { .. } | Trouble::Gone { .. } => "plug it in again or choose another: fac voice devices",
            Trouble::Silent { muted: true, .. } => {
                "unmute it in the sound settings, or: pactl set-source-mute @DEFAULT_SOURCE@ 0"
            }
            Trouble::Silent { .. } => "see whether this is the right microphone: fac voice doctor",
            Trouble::Clipping { .. } => "turn the microphone down: pactl set-source-volume @DEFAULT_SOURCE@ 100%",
            Trouble::Overrun { .. } => "this machine is too busy to listen",
            Trouble::Back { .. } | Trouble::Sounding => return None,
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Fallback { wanted, device } => write!(f, "{wanted} is not there, listening to {device}"),
            Trouble::Stalled { ms, why } if why.is_empty() => write!(f, "no sound has come for {ms} ms"),
            Trouble::Stalled { ms, why } => write!(f, "no sound has come for {ms} ms: {why}"),
            Trouble::Gone { why } => write!(f, "the microphone is gone: {why}"),
            Trouble::Back { device } => write!(f, "listening to {device}"),
            Trouble::Silent { muted: true, .. } => f.write_str("the microphone is muted"),
            Trouble::Silent { ms, .. } => write!(f, "only digital silence for {ms} ms"),
            Trouble::Sounding => f.write_str("sound comes again"),
            Trouble::Clipping { samples } => write!(f, "too loud: {samples} samples at full scale"),
            Trouble::Overrun { frames } => write!(f, "{frames} samples were lost"),
        }
    }
}
