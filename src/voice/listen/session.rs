//! One listening as a plain machine: frames in, looks and utterances out. No device, no thread, no clock.

use crate::kernel::error::Result;
use crate::voice::chain::{Chain, Cleaned, Event, Stages, Timing, Utterance, Utterances};
use crate::voice::clip::{Clip, FRAME, FRAME_MS};

/// Frames between two looks: 50 ms.
const LOOK: usize = 5;
/// While the key is held: so long an utterance grows before the next pause ends it, ms. Its text comes while one speaks on.
const LONG_MS: u64 = 20_000;
/// That pause, ms.
const PAUSE_MS: u64 = 700;
/// Time between two glances at what grows, ms.
const GLANCE_MS: u64 = 1_000;

/// When a listening ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// When somebody says so: a key is let go, Enter is pressed.
    #[default]
    Told,
    /// After the first thing that was said.
    Silence,
    /// Never: each thing that is said is an utterance of its own.
    Ended,
}

/// How to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When it ends by itself.
    pub until: Until,
    /// The longest, ms.
    pub most_ms: u64,
    /// So long nobody needs to speak before it is given up, ms. Only for [`Until::Silence`].
    pub patience_ms: u64,
    /// Which stages clean the sound.
    pub stages: Stages,
    /// How utterances are cut.
    pub timing: Timing,
    /// Whether there are glances at what is being said.
    pub glances: bool,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            until: Until::Told,
            most_ms: 600_000,
            patience_ms: 10_000,
            stages: Stages::ALL,
            timing: Timing::default(),
            glances: false,
        }
    }
}

/// How loud it was lately; what meters and waveforms are drawn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Where it begins, ms from the first frame.
    pub at_ms: u64,
    /// The highest sample of each frame: as it came in, and cleaned. 0 to 1.
    pub peaks: Vec<(f32, f32)>,
    /// The level as it came in, dBFS, the loudest frame.
    pub before: f32,
    /// The level after cleaning, dBFS, the loudest frame.
    pub after: f32,
    /// The noise below the voice, dBFS.
    pub noise: f32,
    /// Whether somebody speaks.
    pub voice: bool,
    /// Samples at full scale.
    pub clipped: u32,
    /// Whether nothing but zeros came: muted, or no permission.
    pub zeros: bool,
}

/// What came of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// How loud it was.
    Look(Look),
    /// Somebody begins to speak.
    Begun,
    /// What is being said has become this long; cleaned, 16 kHz.
    Glance(Clip),
    /// Something was said. `voice_ms` 0 says that it is only sound.
    Said(Utterance),
    /// It is over.
    Over,
}

/// One listening.
pub struct Session {
    plan: Plan,
    chain: Chain,
    utterances: Utterances,
    frames: u64,
    look: Look,
    /// Told to end; the tail is still taken.
    closing: bool,
    /// An utterance is being ended at a pause, and the next begins at once.
    going_on: bool,
    /// When the utterance under way began, and when there was a glance at it, frames.
    begun: u64,
    glanced: u64,
    spoken: bool,
    over: bool,
}

impl Session {
    /// A listening that has heard nothing yet.
    ///
    /// # Errors
    /// `Failed` when a stage cannot be made.
    pub fn new(plan: Plan) -> Result<Session> {
        let mut utterances = Utterances::new(plan.timing);
        if plan.until == Until::Told {
            utterances.open();
        }
        Ok(Session {
            plan,
            chain: Chain::new(&plan.stages)?,
            utterances,
            frames: 0,
            look: Look::default(),
            closing: false,
            going_on: false,
            begun: 0,
            glanced: 0,
            spoken: false,
            over: false,
        })
    }

    /// How long it has listened, ms.
    pub fn ms(&self) -> u64 {
        self.frames * FRAME_MS
    }

    /// Whether somebody has spoken.
    pub fn has_heard_voice(&self) -> bool {
        self.spoken
    }

    /// Whether it was told to end.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Ends it: what is said within the tail still belongs to it.
    pub fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            self.going_on = false;
            self.utterances.close();
        }
    }

    /// Takes a frame; `played` is what the loudspeaker was given at that time. Nothing comes after [`Outcome::Over`].
    pub fn frame(&mut self, raw: &[f32; FRAME], played: Option<&[f32; FRAME]>) -> Vec<Outcome> {
        let mut out = Vec::new();
        if self.over {
            return out;
        }
        let cleaned = self.chain.frame(raw, played);
        self.frames += 1;
        self.look(raw, &cleaned, &mut out);
        if cleaned.voice && !self.spoken {
            self.spoken = true;
            out.push(Outcome::Begun);
        }
        match self.utterances.push(&cleaned) {
            Some(Event::Started { .. }) => (self.begun, self.glanced) = (self.frames, self.frames),
            Some(Event::Ended(said)) => self.said(said, &mut out),
            None => {}
        }
        self.part(&mut out);
        if self.is_late() {
            self.close();
        }
        if self.closing && !self.utterances.is_open() {
            self.end(&mut out);
        }
        out
    }

    /// Ends it at once: nothing more comes from the device. What was said so far is kept.
    pub fn finish(&mut self) -> Vec<Outcome> {
        let mut out = Vec::new();
        if !self.over {
            out.extend(self.utterances.finish().map(Outcome::Said));
            self.end(&mut out);
        }
        out
    }

    fn end(&mut self, out: &mut Vec<Outcome>) {
        self.over = true;
        out.push(Outcome::Over);
    }

    fn said(&mut self, said: Utterance, out: &mut Vec<Outcome>) {
        let spoken = said.voice_ms > 0;
        out.push(Outcome::Said(said));
        if std::mem::take(&mut self.going_on) && !self.closing {
            self.utterances.open();
            (self.begun, self.glanced) = (self.frames, self.frames);
        } else if self.plan.until == Until::Silence && spoken {
            self.closing = true;
        }
    }

    /// Ends a long utterance at a pause, and looks at one that grows.
    fn part(&mut self, out: &mut Vec<Outcome>) {
        let Some(pause) = self.utterances.pause_ms().filter(|_| !self.closing && !self.going_on) else { return };
        let long = (self.frames - self.begun) * FRAME_MS;
        if self.plan.until == Until::Told && long >= LONG_MS && pause >= PAUSE_MS {
            self.going_on = true;
            self.utterances.close();
        } else if self.plan.glances && self.spoken && (self.frames - self.glanced) * FRAME_MS >= GLANCE_MS {
            self.glanced = self.frames;
            out.extend(self.utterances.glance().map(Outcome::Glance));
        }
    }

    fn is_late(&self) -> bool {
        let silent = self.plan.until == Until::Silence && !self.spoken && self.ms() >= self.plan.patience_ms;
        silent || self.ms() >= self.plan.most_ms
    }

    fn look(&mut self, raw: &[f32; FRAME], cleaned: &Cleaned, out: &mut Vec<Outcome>) {
        let highest = |frame: &[f32; FRAME]| frame.iter().fold(0.0_f32, |most, s| most.max(s.abs())).min(1.0);
        let look = &mut self.look;
        if look.peaks.is_empty() {
            *look = Look { at_ms: (self.frames - 1) * FRAME_MS, zeros: true, ..Look::default() };
            (look.before, look.after) = (cleaned.before, cleaned.after);
        }
        look.peaks.push((highest(raw), highest(&cleaned.clean)));
        look.before = look.before.max(cleaned.before);
        look.after = look.after.max(cleaned.after);
        look.noise = cleaned.noise;
        look.voice |= cleaned.voice;
        look.clipped += cleaned.clipped;
        look.zeros &= cleaned.zeros;
        if look.peaks.len() == LOOK {
            out.push(Outcome::Look(std::mem::take(look)));
        }
    }
}
