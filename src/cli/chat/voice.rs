//! Talking in a chat: the next message is said instead of typed, and answers are read aloud.
//!
//! Whoever begins to speak while an answer is read silences it; what the loudspeaker plays is taken out of what the
//! microphone hears.

use std::io::stdin;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::ask::forget_keys;
use super::super::listen::{Heard, Show, Wish, follow};
use super::conversation::Conversation;
use super::{Input, Next};
use crate::app::voice::listen::Wanted;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::voice::listen::{Said, Until};

/// `/talk`: the next message, or all that follow.
pub(super) fn talk(chat: &mut Conversation<'_>, argument: &str) -> Result<Next> {
    if !chat.context.ui.ask {
        return Err(
            Error::new(Kind::Usage, "there is nobody to talk").hint("without a terminal: fac listen | fac ask -")
        );
    }
    match argument {
        "on" => {
            chat.hands_free = true;
            chat.aside("speak; what you say is sent when you pause. Enter ends it sooner, Ctrl-C leaves it");
        }
        "off" => chat.hands_free = false,
        "" => {
            chat.context.app.speaking.hush();
            match hear(chat)? {
                // It can be looked at before it is sent.
                Some(text) => chat.said = Some(text),
                None => chat.aside("nobody spoke"),
            }
        }
        _ => return Err(Error::new(Kind::Usage, format!("`{argument}` is neither on nor off"))),
    }
    Ok(Next::On)
}

/// `/speak`: whether answers are read aloud.
pub(super) fn speak(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    chat.aloud = match argument {
        "on" => true,
        "off" => false,
        "" => !chat.aloud,
        _ => return Err(Error::new(Kind::Usage, format!("`{argument}` is neither on nor off"))),
    };
    if chat.aloud {
        // That there is nobody to read is said now and not in the midst of an answer.
        chat.context.app.speaker(None).inspect_err(|_| chat.aloud = false)?;
    } else {
        chat.context.app.speaking.hush();
    }
    chat.aside(if chat.aloud { "answers are read aloud" } else { "answers are not read aloud" });
    Ok(())
}

/// The next message of somebody who talks without keys; none when they are done with it.
pub(super) fn next_said(chat: &mut Conversation<'_>) -> Option<Input> {
    loop {
        match hear(chat) {
            Ok(Some(text)) => {
                chat.context.ui.note(&format!("› {}", safe_line(&text)));
                return Some(Input::Message(text));
            }
            // Whoever listens to a long answer need not say a word.
            Ok(None) if chat.context.app.speaking.is_at_it() => {}
            Ok(None) => {
                chat.aside("nobody speaks any more; /talk on goes on");
                break;
            }
            Err(error) if error.kind() == Kind::Interrupted => break,
            Err(error) => {
                chat.context.ui.failure(&error);
                break;
            }
        }
    }
    chat.hands_free = false;
    chat.context.app.speaking.hush();
    None
}

/// Listens until nobody speaks any more, or a key is pressed.
fn hear(chat: &Conversation<'_>) -> Result<Option<String>> {
    let context = chat.context;
    let wishes = context.app.transcriber_wishes()?;
    let glances = context.ui.stderr_terminal && !context.ui.quiet;
    let signals = StopOnSignals::new()?;
    forget_keys();
    let wanted = Wanted { until: Until::Silence, wishes, glances, source: "chat", ..Wanted::default() };
    let hearing = context.app.listen(wanted)?;
    let wish = || match () {
        () if signals.stop().is_requested() => Wish::Cancel,
        () if is_key_pressed() => Wish::Close,
        () => Wish::On,
    };
    let also = |said: &Said, _: &Show<'_>| {
        if matches!(said, Said::Begun) {
            context.app.speaking.hush();
        }
    };
    let Heard { over, voice, ms } = follow(&hearing, &mut Show::new(&context.ui, true), wish, also);
    forget_keys();
    let kept = context.app.heard(&hearing, voice, ms, &over)?;
    match over {
        Ok(transcript) => Ok(Some(transcript.text.trim().to_string()).filter(|text| !text.is_empty())),
        Err(error) if kept => Err(error.hint(format!("it is kept: fac voice retry {}", hearing.recording.id))),
        Err(error) => Err(error),
    }
}

fn is_key_pressed() -> bool {
    let stdin = stdin();
    let mut waits = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut waits, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}
