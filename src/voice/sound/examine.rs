//! Why nothing is heard: the sound system, the devices and a moment of listening are looked at, one after the other.

use std::time::{Duration, Instant};

use super::device::{self, Found, Way};
use super::{Figures, Heard, Measure, Microphone, Player, Trouble, Wanted, devices};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind};

/// How long is listened: long enough for digital silence to be certain.
const LISTEN: Duration = Duration::from_millis(2500);
/// Quieter than this even its loudest tenth is no voice beside the microphone, dBFS.
const QUIET: f32 = -60.0;
/// Louder than this its quietest tenth drowns a voice, dBFS.
const NOISY: f32 = -35.0;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Nothing is heard because of it.
    Bad,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// One word for what it is about: `system`, `microphone`, `sound`, `speaker`.
    pub about: &'static str,
    /// How bad it is.
    pub grade: Grade,
    /// What was found.
    pub said: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// The kind of a failure, for the exit code.
    pub kind: Option<Kind>,
}

impl Finding {
    fn new(about: &'static str, grade: Grade, said: impl Into<String>, fix: Option<&str>) -> Finding {
        Finding { about, grade, said: said.into(), fix: fix.map(str::to_owned), kind: None }
    }

    fn failure(about: &'static str, grade: Grade, error: &Error) -> Finding {
        let fix = error.way_forward().filter(|fix| !fix.contains("voice doctor"));
        Finding { kind: Some(error.kind()), ..Finding::new(about, grade, error.full_message(), fix) }
    }
}

/// Looks at everything.
pub fn examine(microphone: &Wanted, speaker: &Wanted, stop: &Stop) -> Vec<Finding> {
    let mut found = Vec::new();
    let there = devices(Way::In, false);
    match &there {
        Ok(list) => {
            let system = list.first().map_or("", |f| f.host.as_str());
            found.push(Finding::new("system", Grade::Good, format!("{system} answers"), None));
            found.extend(listed(list, microphone));
        }
        Err(error) => {
            found.push(Finding::failure("system", Grade::Bad, error));
            found.extend(
                device::hindrances().into_iter().map(|(said, fix)| Finding::new("system", Grade::Note, said, fix)),
            );
        }
    }
    if there.is_ok() {
        found.extend(heard(microphone, stop));
    }
    match Player::open(speaker) {
        Ok(player) => {
            found.push(Finding::new("speaker", Grade::Good, format!("{} can be opened", player.device()), None))
        }
        Err(error) => found.push(Finding::failure("speaker", Grade::Note, &error)),
    }
    found
}

/// What the list of devices says by itself.
fn listed(list: &[Found], wanted: &Wanted) -> Vec<Finding> {
    let mut found = Vec::new();
    if list.iter().all(|f| f.monitor) {
        let fix = "plug one in, or choose the card's profile with an input: pavucontrol";
        let said = "there is no microphone, only what the speakers play";
        found
            .push(Finding { kind: Some(Kind::Unreachable), ..Finding::new("microphone", Grade::Bad, said, Some(fix)) });
    }
    if let Some(default) = list.iter().find(|f| f.default && f.monitor && wanted.devices.is_empty()) {
        let said = format!("the default microphone is {}, which only repeats what a speaker plays", default.called);
        let fix = "choose another: pactl set-default-source NAME, or fac config set voice.microphones NAME";
        found.push(Finding::new("microphone", Grade::Note, said, Some(fix)));
    }
    found
}

/// What a moment of listening says.
fn heard(wanted: &Wanted, stop: &Stop) -> Vec<Finding> {
    let mut microphone = match Microphone::open(wanted) {
        Ok(microphone) => microphone,
        Err(error) => return vec![Finding::failure("microphone", Grade::Bad, &error)],
    };
    let (mut found, mut measure) = (Vec::new(), Measure::default());
    let begun = Instant::now();
    while begun.elapsed() < LISTEN && !stop.is_requested() {
        match microphone.next(Duration::from_millis(50)) {
            Heard::Frame(frame) => measure.frame(&frame),
            Heard::Nothing => {}
            Heard::Trouble(trouble) => found.extend(troubled(&trouble, &microphone.figures())),
            Heard::Lost(error) => {
                found.push(Finding::failure("microphone", Grade::Bad, &error));
                return found;
            }
        }
    }
    let figures = microphone.figures();
    found.insert(0, opened(&figures));
    found.extend(sounded(&measure, &found));
    found
}

fn opened(figures: &Figures) -> Finding {
    let Figures { called, rate, channels, format, host, first_sample_ms, .. } = figures;
    let said = format!(
        "{called} ({host}, {rate} Hz, {channels} channels, {format}) gave its first sample after {first_sample_ms} ms"
    );
    Finding::new("microphone", Grade::Good, said.replace("1 channels", "1 channel"), None)
}

fn troubled(trouble: &Trouble, figures: &Figures) -> Option<Finding> {
    let grade = match trouble {
        Trouble::Silent { .. } | Trouble::Stalled { .. } | Trouble::Gone { .. } => Grade::Bad,
        Trouble::Fallback { .. } | Trouble::Clipping { .. } | Trouble::Overrun { .. } => Grade::Note,
        Trouble::Back { .. } | Trouble::Sounding => return None,
    };
    let said = match trouble {
        Trouble::Silent { muted: false, .. } => format!("{} gives only digital silence", figures.called),
        Trouble::Silent { muted: true, .. } => format!("{} is muted", figures.called),
        other => other.to_string(),
    };
    let fix = match trouble {
        Trouble::Silent { muted: false, .. } => {
            Some("it may be switched off at its side, or the wrong one: fac voice devices")
        }
        other => other.way_forward(),
    };
    Some(Finding::new("sound", grade, said, fix))
}

fn sounded(measure: &Measure, found: &[Finding]) -> Option<Finding> {
    if found.iter().any(|f| f.grade == Grade::Bad) || measure.ms() == 0 {
        return None;
    }
    let said = format!("level {:.0} dBFS, noise {:.0}, peak {:.0}", measure.level(), measure.noise(), measure.peak());
    Some(if measure.loud() < QUIET {
        let fix = "speak while this runs; if it stays so, turn the microphone up";
        Finding::new("sound", Grade::Note, format!("{said}: hardly anything is heard"), Some(fix))
    } else if measure.noise() > NOISY {
        Finding::new(
            "sound",
            Grade::Note,
            format!("{said}: noisy"),
            Some("turn the microphone down, or go nearer to it"),
        )
    } else {
        Finding::new("sound", Grade::Good, said, None)
    })
}
