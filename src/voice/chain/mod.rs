//! The chain: what a microphone heard, frame by frame, without the echo and the noise, and whether somebody speaks.
//!
//! Ten milliseconds at a time: the echo of what is played ([`echo`]), the noise ([`steady`], [`denoise`]), meters ([`meters`],
//! [`noise`]), the way down to 16 kHz ([`resample`]), voice ([`detect`]); [`utterance`] cuts pieces out of it and
//! [`offline`] drives it over a whole recording. No thread, no device, no clock; nothing is allocated per frame.
//! Whatever comes in, NaN included, finite samples between -1 and 1 come out, and silence comes out as zeros.

pub mod delay;
pub mod denoise;
pub mod detect;
pub mod echo;
pub mod limit;
pub mod meters;
pub mod noise;
pub mod offline;
pub mod pace;
pub mod resample;
pub mod steady;
pub mod utterance;

use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::{FRAME, RATE, SPEECH_RATE};

use delay::Delay;
use denoise::Denoiser;
use detect::Detector;
use echo::Canceller;
use noise::Noise;
use resample::Down;

pub use utterance::{Denoise, Event, Timing, Utterance, Utterances};

/// Samples of one frame at [`SPEECH_RATE`].
pub const SPEECH_FRAME: usize = FRAME * SPEECH_RATE as usize / RATE as usize;

/// How many frames of nothing but zeros make the output exactly zero: the delay of all stages and the reach of their
/// windows.
const SILENT_FRAMES: u32 = 6;

/// Which stages work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// The echo of what is played is taken out, while something is played.
    pub echo: bool,
    /// The noise is taken out.
    pub denoise: bool,
    /// Voice is told from noise by a model; without it only by loudness.
    pub detect: bool,
}

impl Default for Stages {
    fn default() -> Self {
        Stages::ALL
    }
}

impl Stages {
    /// Everything.
    pub const ALL: Stages = Stages { echo: true, denoise: true, detect: true };
    /// Nothing: frames pass as they are.
    pub const NONE: Stages = Stages { echo: false, denoise: false, detect: false };

    /// Stages from their names with commas between; `all` and `none` are names too.
    ///
    /// # Errors
    /// `Usage` for a name that is no stage.
    pub fn parse(text: &str) -> Result<Stages> {
        let mut stages = Stages::NONE;
        for name in text.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            match name {
                "all" => stages = Stages::ALL,
                "none" => {}
                "echo" => stages.echo = true,
                "denoise" => stages.denoise = true,
                "detect" => stages.detect = true,
                other => {
                    return Err(Error::new(Kind::Usage, format!("there is no stage `{other}`"))
                        .hint("the stages are echo, denoise and detect; `all` and `none` work too"));
                }
            }
        }
        Ok(stages)
    }

    /// The names of those that work.
    pub fn names(&self) -> Vec<&'static str> {
        let all = [(self.echo, "echo"), (self.denoise, "denoise"), (self.detect, "detect")];
        all.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect()
    }
}

/// What came of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Cleaned {
    /// The cleaned sound, [`Chain::delay`] samples later than what came in.
    pub clean: [f32; FRAME],
    /// What came in, as late as `clean`: the two belong together.
    pub raw: [f32; FRAME],
    /// `clean` at 16 kHz, [`Chain::SPEECH_DELAY`] samples of 16 kHz later.
    pub speech: [f32; SPEECH_FRAME],
    /// The level of what came in with this call, dBFS.
    pub before: f32,
    /// The highest sample of what came in, dBFS.
    pub peak: f32,
    /// The level of `clean`, dBFS.
    pub after: f32,
    /// How many samples that came in were at full scale.
    pub clipped: u32,
    /// How many samples that came in were no numbers.
    pub broken: u32,
    /// Nothing but zeros came in: muted, unplugged, or no permission.
    pub zeros: bool,
    /// Somebody speaks: smoothed.
    pub voice: bool,
    /// How certain the detection is of voice, 0 to 1, before smoothing.
    pub chance: f32,
    /// The level of `raw` without rumble, dBFS: what `noise` compares with.
    pub power: f32,
    /// The noise under the speech, dBFS.
    pub noise: f32,
    /// How far speech stands above the noise, dB, estimated from the last seconds; 0 before anybody spoke.
    pub snr: f32,
}

impl Default for Cleaned {
    fn default() -> Self {
        use crate::voice::clip::SILENCE;
        Cleaned {
            clean: [0.0; FRAME],
            raw: [0.0; FRAME],
            speech: [0.0; SPEECH_FRAME],
            before: SILENCE,
            peak: SILENCE,
            after: SILENCE,
            clipped: 0,
            broken: 0,
            zeros: true,
            voice: false,
            chance: 0.0,
            power: SILENCE,
            noise: SILENCE,
            snr: 0.0,
        }
    }
}

/// The stages in order, with what they remember.
pub struct Chain {
    stages: Stages,
    echo: Option<Canceller>,
    denoise: Option<Denoiser>,
    raw: Delay,
    down: Down,
    detector: Option<Detector>,
    noise: Noise,
    silent: u32,
}

impl Chain {
    /// How much later `speech` is than `clean`, samples of 16 kHz.
    pub const SPEECH_DELAY: usize = SPEECH_FRAME / 2;

    /// A chain that has heard nothing yet.
    ///
    /// # Errors
    /// `Failed` when a stage cannot be made.
    pub fn new(stages: &Stages) -> Result<Chain> {
        let echo = stages.echo.then(Canceller::new);
        let denoise = stages.denoise.then(Denoiser::new);
        let delay = echo.as_ref().map_or(0, |_| Canceller::DELAY) + denoise.as_ref().map_or(0, |_| Denoiser::DELAY);
        Ok(Chain {
            stages: *stages,
            echo,
            denoise,
            raw: Delay::new(delay),
            down: Down::new()?,
            detector: stages.detect.then(Detector::new),
            noise: Noise::default(),
            silent: SILENT_FRAMES,
        })
    }

    /// Which stages work.
    pub fn stages(&self) -> Stages {
        self.stages
    }

    /// How many samples of 48 kHz `clean` comes later than what came in: the algorithmic delay beyond the frame itself.
    pub fn delay(&self) -> usize {
        self.raw.len()
    }

    /// One frame through all stages. `played` is what the loudspeaker was given at that time, `None` when nothing is
    /// played.
    pub fn frame(&mut self, raw: &[f32; FRAME], played: Option<&[f32; FRAME]>) -> Cleaned {
        let mut cleaned = Cleaned::default();
        let mut sound = *raw;
        cleaned.broken = limit::mend(&mut sound);
        meters::before(&sound, &mut cleaned);
        self.silent = if cleaned.zeros { self.silent.saturating_add(1) } else { 0 };
        cleaned.raw = sound;
        self.raw.frame(&mut cleaned.raw);
        if let Some(echo) = &mut self.echo {
            echo.frame(&mut sound, played);
        }
        if let Some(denoise) = &mut self.denoise {
            denoise.frame(&mut sound);
        }
        if self.silent >= SILENT_FRAMES {
            sound = [0.0; FRAME];
        }
        if self.echo.is_some() || self.denoise.is_some() {
            limit::soften(&mut sound);
        } else {
            limit::cut(&mut sound);
        }
        cleaned.clean = sound;
        cleaned.after = crate::voice::clip::level(&sound);
        self.down.frame(&sound, &mut cleaned.speech);
        self.tell(&mut cleaned);
        cleaned
    }

    /// Whether that was voice, and how noisy it is around it.
    fn tell(&mut self, cleaned: &mut Cleaned) {
        let loud = self.noise.hear(&cleaned.raw);
        (cleaned.chance, cleaned.voice) = match &mut self.detector {
            Some(detector) => detector.frame(&cleaned.speech),
            None => (f32::from(u8::from(loud)), loud),
        };
        self.noise.spoken(cleaned.voice);
        cleaned.power = self.noise.level();
        cleaned.noise = self.noise.floor();
        cleaned.snr = self.noise.snr();
    }
}

#[cfg(test)]
mod tests;
