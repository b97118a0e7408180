//! A microphone: frames of 10 ms at 48 kHz, one channel, and what is wrong when none come.
//!
//! Whoever asks for frames never waits for the sound system: opening and closing happen elsewhere, and a device that
//! went away is opened again, more and more patiently, until it counts as lost.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::device::{self, Way};
use super::intake::Intake;
use super::keep::{Ends, Kept, Opening, Word};
use super::{Trouble, Wanted};
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::FRAME;

/// How often the ring is looked into while nothing is there.
const LOOK: Duration = Duration::from_millis(3);
/// A stream that gave nothing for so long is opened again.
const STUCK: Duration = Duration::from_millis(1500);
/// The first pause before a device is opened again, doubled each time.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause.
const LONGEST: Duration = Duration::from_secs(2);

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Gaps that the sound system itself reported.
    pub gaps: u64,
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
    wanted: Wanted,
    start: Instant,
    state: State,
    intake: Option<Intake>,
    figures: Figures,
    /// Losses of streams that are closed.
    before: (u64, u64),
    /// Since when no sample came, once that is a trouble.
    trouble_since: Option<Duration>,
    pause: Duration,
    overruns_said: u64,
    say: std::collections::VecDeque<Trouble>,
}

#[derive(Debug)]
enum State {
    Opening(Opening, Duration),
    /// Whether a sample has come.
    Open(Box<Kept>, bool),
    Waiting(Duration),
    Lost(Kind, String, Option<String>),
}

impl Microphone {
    /// Opens what is wanted and waits for its first sample: before that nobody may say that they listen.
    ///
    /// # Errors
    /// `Unreachable` when there is no sound system, no device, or no sample in time; `Refused` without permission.
    pub fn open(wanted: &Wanted) -> Result<Microphone> {
        let start = Instant::now();
        let opening = Opening::begin(Way::In, &wanted.devices)?;
        let mut microphone = Microphone {
            wanted: wanted.clone(),
            start,
            state: State::Opening(opening, Duration::ZERO),
            intake: None,
            figures: Figures::default(),
            before: (0, 0),
            trouble_since: None,
            pause: PAUSE,
            overruns_said: 0,
            say: std::collections::VecDeque::new(),
        };
        while !microphone.is_hearing() {
            let now = start.elapsed();
            if let State::Opening(opening, _) = &microphone.state
                && let Some(kept) = opening.poll()
            {
                microphone.take(kept?, now)?;
            }
            microphone.drink(now);
            microphone.words();
            if let Some(why) = microphone.failed() {
                return Err(why);
            }
            if now > wanted.first && !microphone.is_hearing() {
                return Err(microphone.speechless(now));
            }
            std::thread::sleep(LOOK);
        }
        Ok(microphone)
    }

    /// The next frame, waited for at most `limit`.
    pub fn next(&mut self, limit: Duration) -> Heard {
        let until = Instant::now() + limit;
        loop {
            let now = self.start.elapsed();
            match self.step(now) {
                Heard::Nothing if Instant::now() < until => {
                    std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
                }
                heard => return heard,
            }
        }
    }

    /// What was counted so far.
    pub fn figures(&self) -> Figures {
        let mut figures = self.figures.clone();
        if let State::Open(kept, _) = &self.state {
            figures.overruns += kept.counts.lost.load(Ordering::Relaxed);
            figures.gaps += kept.counts.gaps.load(Ordering::Relaxed);
        }
        if let Some(intake) = &self.intake {
            figures.channel = intake.channel();
            (figures.clipped, figures.silent_ms) = (intake.watch.clipped, intake.watch.silent_ms);
        }
        figures
    }

    fn is_hearing(&self) -> bool {
        matches!(self.state, State::Open(_, true))
    }

    /// One look at everything.
    fn step(&mut self, now: Duration) -> Heard {
        if let Some(trouble) = self.say.pop_front() {
            return Heard::Trouble(trouble);
        }
        if let Some(frame) = self.intake.as_mut().and_then(Intake::frame) {
            self.figures.frames += 1;
            return Heard::Frame(frame);
        }
        self.drink(now);
        if let Some(frame) = self.intake.as_mut().and_then(Intake::frame) {
            self.figures.frames += 1;
            return Heard::Frame(frame);
        }
        self.tend(now);
        if let State::Lost(kind, said, hint) = &self.state {
            let error = Error::new(*kind, said.clone());
            return Heard::Lost(hint.iter().fold(error, |e, h| e.hint(h)));
        }
        self.say.pop_front().map_or(Heard::Nothing, Heard::Trouble)
    }

    /// Takes what the ring holds.
    fn drink(&mut self, now: Duration) {
        let State::Open(kept, hearing) = &mut self.state else { return };
        let Ends::In(ring) = &mut kept.ends else { return };
        let Some(intake) = &mut self.intake else { return };
        let Ok(chunk) = ring.read_chunk(ring.slots()) else { return };
        if chunk.is_empty() {
            return;
        }
        intake.feed(chunk, now);
        if !*hearing {
            *hearing = true;
            if self.figures.first_sample_ms == 0 {
                self.figures.first_sample_ms = now.as_millis().max(1) as u64;
            }
        }
        if self.trouble_since.take().is_some() {
            self.say.push_back(Trouble::Back { device: kept.found.called.clone() });
        }
        self.pause = PAUSE;
    }

    /// Takes a stream that was opened.
    fn take(&mut self, kept: Kept, now: Duration) -> Result<()> {
        let found = &kept.found;
        let watch = self.intake.take().map(|intake| intake.watch);
        let mut intake = Intake::new(found.rate, found.channels, self.wanted.channel, now)?;
        if let Some(mut watch) = watch {
            watch.renew(found.rate, now);
            intake.watch = watch;
        }
        self.intake = Some(intake);
        let figures = &mut self.figures;
        if figures.device != found.name
            && let Some(wanted) = kept.instead_of.clone()
        {
            self.say.push_back(Trouble::Fallback { wanted, device: found.called.clone() });
        }
        figures.reopened += u64::from(!figures.device.is_empty());
        (figures.device, figures.called) = (found.name.clone(), found.called.clone());
        (figures.host, figures.format) = (found.host.clone(), found.format.clone());
        (figures.rate, figures.channels) = (found.rate, found.channels);
        self.state = State::Open(Box::new(kept), false);
        Ok(())
    }

    /// Hears what the sound system says about the device; says why when it must be opened again.
    fn words(&mut self) -> Option<String> {
        let State::Open(kept, _) = &self.state else { return None };
        while let Some(word) = kept.word() {
            match word {
                Word::Status(status) => self.intake.iter_mut().for_each(|i| i.watch.status(status.clone())),
                Word::Elsewhere(why) => return Some(why),
            }
        }
        None
    }

    /// Why the stream is over, when it is.
    fn failed(&self) -> Option<Error> {
        let State::Open(kept, _) = &self.state else { return None };
        if !kept.counts.failed.load(Ordering::Acquire) {
            return None;
        }
        let why = kept.counts.why.try_lock().ok().and_then(|why| why.clone());
        let said = format!("the microphone {:?} was lost", kept.found.called);
        Some(match why {
            Some(why) => device::mistake(&said, &why),
            None => Error::new(Kind::Unreachable, said),
        })
    }

    /// Watches the stream, and opens it again when that is due.
    fn tend(&mut self, now: Duration) {
        match &self.state {
            State::Open(kept, _) => {
                let lost = self.before.0 + kept.counts.lost.load(Ordering::Relaxed);
                if lost > self.overruns_said {
                    self.overruns_said = lost;
                    self.say.push_back(Trouble::Overrun { frames: lost });
                }
                self.tend_open(now);
            }
            State::Opening(opening, since) => match opening.poll() {
                Some(Ok(kept)) => {
                    if let Err(error) = self.take(kept, now) {
                        self.lose(&error);
                    }
                }
                Some(Err(error)) => self.wait(now, &error),
                None if now > *since + self.wanted.first => {
                    let said = "the sound system does not answer";
                    self.wait(now, &Error::new(Kind::TimedOut, said).hint("restart the sound server"));
                }
                None => {}
            },
            State::Waiting(until) if now >= *until => match Opening::begin(Way::In, &self.wanted.devices) {
                Ok(opening) => self.state = State::Opening(opening, now),
                Err(error) => self.lose(&error),
            },
            State::Waiting(_) | State::Lost(..) => {}
        }
    }

    fn tend_open(&mut self, now: Duration) {
        if let Some(error) = self.failed() {
            self.close(now, error.full_message());
            return;
        }
        if let Some(why) = self.words() {
            self.close(now, why);
            return;
        }
        let Some(intake) = &mut self.intake else { return };
        let quiet = intake.watch.quiet(now);
        if let Some(trouble) = intake.say(now) {
            if matches!(trouble, Trouble::Stalled { .. }) {
                self.trouble_since.get_or_insert(now.saturating_sub(quiet));
            }
            self.say.push_back(trouble);
        } else if quiet >= STUCK && !intake.watch.is_suspended() {
            self.reopen(now);
        } else if self.trouble_since.is_some_and(|since| now > since + self.wanted.patience) {
            let error = self.speechless(quiet);
            self.lose(&error);
        }
    }

    /// A stream that is over is closed, and the device looked for again.
    fn close(&mut self, now: Duration, why: String) {
        if self.trouble_since.is_none() {
            self.say.push_back(Trouble::Gone { why });
        }
        self.reopen(now);
    }

    fn reopen(&mut self, now: Duration) {
        self.trouble_since.get_or_insert(now);
        if let State::Open(kept, _) = &self.state {
            self.before.0 += kept.counts.lost.load(Ordering::Relaxed);
            self.before.1 += kept.counts.gaps.load(Ordering::Relaxed);
            (self.figures.overruns, self.figures.gaps) = self.before;
        }
        self.state = State::Waiting(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// Opening failed: it is tried again until patience is over.
    fn wait(&mut self, now: Duration, error: &Error) {
        let since = *self.trouble_since.get_or_insert(now);
        if now > since + self.wanted.patience {
            self.lose(error);
        } else {
            self.reopen(now);
        }
    }

    fn lose(&mut self, error: &Error) {
        let hint = error.way_forward().map(str::to_owned);
        self.state = State::Lost(error.kind(), error.full_message(), hint);
    }

    /// An error for a microphone that is there and gives nothing.
    fn speechless(&self, quiet: Duration) -> Error {
        let State::Open(kept, _) = &self.state else {
            let said = format!("the sound system has not answered for {} ms", quiet.as_millis());
            return Error::new(Kind::Unreachable, said).hint("restart the sound server (PipeWire or PulseAudio)");
        };
        let called = &kept.found.called;
        if self.intake.as_ref().is_some_and(|i| i.watch.is_suspended()) {
            let said = format!("the microphone {called:?} is suspended: no sample came for {} ms", quiet.as_millis());
            return Error::new(Kind::Unreachable, said).hint("wake it: pactl suspend-source @DEFAULT_SOURCE@ 0");
        }
        let said = format!("the microphone {called:?} gives nothing: no sample came for {} ms", quiet.as_millis());
        Error::new(Kind::Unreachable, said).hint("plug it in again, or choose another one: fac voice devices")
    }
}
