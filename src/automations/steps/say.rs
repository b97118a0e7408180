//! `say` steps: the text is read aloud, as `fac say` does it. Steps that say something at once speak one after another.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use super::performed;
use crate::commands::model::StepKind;
use crate::commands::run::{Performed, StepRunner, Work, stays_as_it_is};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::Status;
use crate::voice::aloud;
use crate::voice::sound::Wanted;
use crate::voice::speak::ear::{self, Code};
use crate::voice::speak::guard::{Guarded, check_text};
use crate::voice::speak::reading::read_aloud;
use crate::voice::speak::{Wishes, sentences};

/// How often it is looked whether somebody wants silence.
const LOOK: Duration = Duration::from_millis(20);

/// What speaking takes.
pub struct Mouth {
    /// Who speaks.
    pub speaker: Guarded,
    /// As the settings want it.
    pub wishes: Wishes,
    /// Where it sounds.
    pub loudspeaker: Wanted,
    /// The most letters that are read.
    pub most: usize,
}

/// Finds who speaks: the one of this name, or that of the settings.
pub type FindMouth = Box<dyn Fn(Option<&str>) -> Result<Mouth> + Send + Sync>;

/// Says things.
pub struct SaySteps {
    mouth: FindMouth,
    /// Held while something is said.
    turn: Mutex<()>,
}

impl SaySteps {
    /// One that opens nothing yet.
    pub fn new(mouth: FindMouth) -> SaySteps {
        SaySteps { mouth, turn: Mutex::new(()) }
    }
}

impl StepRunner for SaySteps {
    fn runs(&self, kind: StepKind) -> bool {
        kind == StepKind::Say
    }

    fn run(&self, work: &Work<'_>) -> Result<Performed> {
        let begun = Instant::now();
        let end = work.timeout.map(|limit| begun + limit);
        let is_late = || end.is_some_and(|end| Instant::now() >= end);
        let option = |key: &str| work.step.options.get(key).map(String::as_str);
        let mut mouth = (self.mouth)(option("speaker"))?;
        if let Some(voice) = option("voice") {
            mouth.speaker.check_voice(voice)?;
            mouth.wishes.voice = Some(voice.to_string());
        }
        if let Some(speed) = option("speed") {
            mouth.wishes.speed = Some(percent(speed)?);
        }
        check_text(&work.text, mouth.most)?;
        let over = |late: bool| match late {
            true => Ok(performed(work, begun, Vec::new(), "", (Status::TimedOut, 124, None))),
            false => Ok(performed(work, begun, Vec::new(), "", (Status::Interrupted, 130, None))),
        };
        let _turn = loop {
            match self.turn.try_lock() {
                Ok(turn) => break turn,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if is_late() => return over(true),
                Err(TryLockError::WouldBlock) if work.stop.wait(LOOK) => return over(false),
                Err(TryLockError::WouldBlock) => {}
            }
        };
        let stop = Stop::new()?;
        let (tell, told) = channel::<()>();
        let said = std::thread::scope(|scope| {
            scope.spawn(|| {
                let told = told;
                // The sender is dropped when all is said.
                while told.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    if work.stop.is_requested() || is_late() {
                        stop.request();
                        return;
                    }
                }
            });
            let said = say(mouth, &work.text, &stop);
            drop(tell);
            said
        });
        match said {
            Ok(true) => {
                let missing: Vec<String> = work.missing.iter().map(|name| stays_as_it_is(name)).collect();
                Ok(performed(work, begun, Vec::new(), &missing.join(" "), (Status::Ok, 0, None)))
            }
            Ok(false) => Err(Error::new(Kind::BadData, format!("step `{}` has nothing to say", work.step.id))),
            Err(error) if error.kind() == Kind::Interrupted => over(!work.stop.is_requested()),
            Err(error) => Err(error),
        }
    }
}

/// Whether there was anything to say.
fn say(mouth: Mouth, text: &str, stop: &Stop) -> Result<bool> {
    let text = ear::words(text, Code::Announce);
    let pieces: Vec<String> = text.lines().flat_map(sentences::split).collect();
    if !pieces.iter().any(|piece| piece.chars().any(char::is_alphanumeric)) {
        return Ok(false);
    }
    let clips = read_aloud(Box::new(mouth.speaker), pieces.into_iter(), mouth.wishes, stop.clone())?;
    aloud::play(&clips, &mouth.loudspeaker, stop, drop)
}

/// `speed=130` as a factor.
fn percent(text: &str) -> Result<f32> {
    let number: Option<u16> = text.trim_end_matches('%').parse().ok().filter(|n| (25..=400).contains(n));
    number
        .map(|n| f32::from(n) / 100.0)
        .ok_or_else(|| Error::new(Kind::BadData, format!("`speed={text}` is no percentage from 25 to 400")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_percentage() {
        assert_eq!(percent("130").unwrap(), 1.3);
        assert_eq!(percent("50%").unwrap(), 0.5);
        assert!(percent("1000").is_err() && percent("fast").is_err());
    }
}
