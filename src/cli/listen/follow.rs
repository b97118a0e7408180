//! Goes along with a listening until it is over: shows what it says, and passes on what its person wants.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::show::Show;
use crate::app::voice::listen::Hearing;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::listen::Said;
use crate::voice::transcribe::Transcript;

/// How often a listening is looked after.
const TICK: Duration = Duration::from_millis(50);

/// What is wanted of a listening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Wish {
    /// That it goes on.
    On,
    /// That it ends, and what was said is written down.
    Close,
    /// That it is given up.
    Cancel,
}

/// What came of it.
pub(in crate::cli) struct Heard {
    /// The text, or why there is none.
    pub over: Result<Transcript>,
    /// Whether somebody spoke.
    pub voice: bool,
    /// How long it listened, ms.
    pub ms: u64,
}

/// Shows what a listening says until it is over; `also` hears it too.
pub(in crate::cli) fn follow(
    hearing: &Hearing,
    show: &mut Show<'_>,
    mut wish: impl FnMut() -> Wish,
    mut also: impl FnMut(&Said, &Show<'_>),
) -> Heard {
    let (mut voice, mut ms, mut closed) = (false, 0, false);
    let over = loop {
        match wish() {
            Wish::Cancel => hearing.listening.cancel(),
            Wish::Close if !closed => {
                closed = true;
                hearing.listening.close();
            }
            Wish::Close | Wish::On => {}
        }
        match hearing.listening.said.recv_timeout(TICK) {
            Ok(Said::Over(over)) => break over,
            Ok(said) => {
                if let Said::Closed { ms: length, voice: spoken } = &said {
                    (ms, voice) = (*length, *spoken);
                }
                also(&said, show);
                show.said(&said);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break Err(Error::new(Kind::Failed, "the listening broke down")),
        }
    };
    show.end();
    Heard { over, voice, ms }
}
