//! Reading aloud while the text still comes: the next sentence is made while this one plays.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::{Speaker, Wishes};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::Clip;

/// Sentences that are made ahead at most.
const AHEAD: usize = 2;

/// Makes the sound of sentences in a thread of its own, in order. The thread ends with the sentences, after a failure (the
/// last thing that comes), after `stop`, or when nobody listens any more.
///
/// # Errors
/// `Failed` when no thread can be started.
pub fn read_aloud(
    mut speaker: Box<dyn Speaker>,
    sentences: impl Iterator<Item = String> + Send + 'static,
    wishes: Wishes,
    stop: Stop,
) -> Result<Receiver<Result<Clip>>> {
    let (give, clips) = sync_channel(AHEAD);
    let work = move || {
        for sentence in sentences {
            if !make(speaker.as_mut(), &sentence, &wishes, &stop, &give) {
                return;
            }
        }
    };
    match std::thread::Builder::new().name("speaker".into()).spawn(work) {
        Ok(_) => Ok(clips),
        Err(error) => Err(Error::new(Kind::Failed, "cannot start a thread that speaks").because(error)),
    }
}

/// Whether it goes on.
fn make(
    speaker: &mut dyn Speaker,
    sentence: &str,
    wishes: &Wishes,
    stop: &Stop,
    give: &SyncSender<Result<Clip>>,
) -> bool {
    if stop.is_requested() {
        return false;
    }
    if !sentence.chars().any(char::is_alphanumeric) {
        return true;
    }
    let made = speaker.speak(sentence, wishes, stop);
    let good = made.is_ok();
    give.send(made).is_ok() && good
}
