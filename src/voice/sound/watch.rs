//! What is wrong with sound, by its samples alone: digital silence, samples at full scale, samples that do not come.
//!
//! Time comes from outside, so that an hour can pass in a moment.

use std::time::Duration;

use super::Trouble;
use super::device::Status;

/// Samples that do not come for so long are a trouble.
pub(super) const STALL: Duration = Duration::from_millis(500);
/// Exact zeros for so long are a trouble, ms.
const SILENT: u64 = 1000;
/// Exact zeros are said before the sound system has told whether it is muted after so long, ms.
const UNTOLD: u64 = 3000;
/// Samples at full scale within a second that are a trouble.
const CLIPPED: u64 = 20;
/// What counts as full scale: the highest of 16 bits.
const FULL: f32 = 0.999_96;
/// How long after clipping was said it is not said again.
const AGAIN: Duration = Duration::from_secs(5);

/// Watches one microphone.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Samples at full scale.
    pub clipped: u64,
    /// Exact zeros, ms, in all.
    pub silent_ms: u64,
    rate: u64,
    zeros: u64,
    zeros_whole: u64,
    silence_said: Option<bool>,
    status: Option<Status>,
    second: Duration,
    in_second: u64,
    clip_said: Option<Duration>,
    last: Duration,
    stall_said: bool,
    told: bool,
}

impl Watch {
    /// For a device of `rate` Hz that was opened at `now`.
    pub fn new(rate: u32, now: Duration) -> Watch {
        Watch { rate: u64::from(rate.max(1)), last: now, second: now, ..Watch::default() }
    }

    /// Goes on with another device, the counts kept.
    pub fn renew(&mut self, rate: u32, now: Duration) {
        *self = Watch { clipped: self.clipped, silent_ms: self.silent_ms, ..Watch::new(rate, now) };
    }

    /// Samples that came at `now`, one channel, before anything was done to them.
    pub fn samples(&mut self, samples: &[f32], now: Duration) {
        if samples.is_empty() {
            return;
        }
        (self.last, self.stall_said, self.told) = (now, false, false);
        let clipped = samples.iter().filter(|s| s.abs() >= FULL).count() as u64;
        self.clipped += clipped;
        if now >= self.second + Duration::from_secs(1) {
            (self.second, self.in_second) = (now, 0);
        }
        self.in_second += clipped;
        for sample in samples {
            self.zeros = if *sample == 0.0 { self.zeros + 1 } else { 0 };
            self.zeros_whole += u64::from(*sample == 0.0);
        }
        let ms = self.zeros_whole * 1000 / self.rate;
        self.silent_ms += ms;
        self.zeros_whole -= ms * self.rate / 1000;
    }

    /// What the sound system says about the device.
    pub fn status(&mut self, status: Status) {
        (self.status, self.told) = (Some(status), true);
    }

    /// For how long no sample came.
    pub fn quiet(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last)
    }

    /// Whether the sound system says that it was suspended.
    pub fn is_suspended(&self) -> bool {
        self.status.as_ref().is_some_and(|s| s.suspended)
    }

    /// What there is to say at `now`, each thing once.
    pub fn say(&mut self, now: Duration) -> Option<Trouble> {
        self.stall(now).or_else(|| self.silence()).or_else(|| self.clipping(now))
    }

    fn stall(&mut self, now: Duration) -> Option<Trouble> {
        let quiet = self.quiet(now);
        // A sound system that can tell why is waited for a little.
        let waiting = self.status.is_some() && !self.told && quiet < STALL * 5 / 2;
        if self.stall_said || quiet < STALL || waiting {
            return None;
        }
        self.stall_said = true;
        let why = if self.is_suspended() { "the sound system has suspended it" } else { "" };
        Some(Trouble::Stalled { ms: quiet.as_millis() as u64, why: why.to_owned() })
    }

    fn silence(&mut self) -> Option<Trouble> {
        let ms = self.zeros * 1000 / self.rate;
        if ms < SILENT {
            let over = self.zeros == 0 && self.silence_said.take().is_some();
            return over.then_some(Trouble::Sounding);
        }
        let muted = self.status.as_ref().map(|s| s.muted || s.volume == Some(0));
        if muted.is_none() && ms < UNTOLD {
            return None;
        }
        let muted = muted.unwrap_or(false);
        if self.silence_said == Some(muted) {
            return None;
        }
        self.silence_said = Some(muted);
        Some(Trouble::Silent { ms, muted })
    }

    fn clipping(&mut self, now: Duration) -> Option<Trouble> {
        if self.in_second < CLIPPED || self.clip_said.is_some_and(|said| now < said + AGAIN) {
            return None;
        }
        self.clip_said = Some(now);
        Some(Trouble::Clipping { samples: self.in_second })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_millis(10);

    /// Everything said while `blocks` blocks of 10 ms of this sample come.
    fn fed(watch: &mut Watch, now: &mut Duration, blocks: u32, sample: f32) -> Vec<&'static str> {
        let block = vec![sample; 160];
        let one = |_| {
            *now += TEN;
            watch.samples(&block, *now);
            watch.say(*now).map(|t| t.name())
        };
        (0..blocks).filter_map(one).collect()
    }

    #[test]
    fn silence_is_said_once_and_so_is_its_end_and_why() {
        let (mut watch, mut now) = (Watch::new(16_000, Duration::ZERO), Duration::ZERO);
        assert_eq!(fed(&mut watch, &mut now, 50, 0.1), [""; 0]);
        watch.status(Status::default());
        assert_eq!(fed(&mut watch, &mut now, 99, 0.0), [""; 0]);
        assert_eq!(fed(&mut watch, &mut now, 500, 0.0), ["silent"]);
        watch.status(Status { muted: true, ..Status::default() });
        assert_eq!(fed(&mut watch, &mut now, 500, 0.0), ["muted"]);
        assert_eq!(fed(&mut watch, &mut now, 500, 0.1), ["sounding"]);
        assert_eq!(watch.silent_ms, 10_990);
    }

    #[test]
    fn samples_at_full_scale_are_counted_and_said_now_and_then() {
        let (mut watch, mut now) = (Watch::new(16_000, Duration::ZERO), Duration::ZERO);
        assert_eq!(fed(&mut watch, &mut now, 100, 0.999), [""; 0]);
        assert_eq!(fed(&mut watch, &mut now, 550, -1.0), ["clipping"; 2]);
        assert_eq!(watch.clipped, 550 * 160);
    }

    #[test]
    fn a_stream_that_stops_calling_is_said_and_an_hour_of_sound_says_nothing() {
        let (mut watch, mut now) = (Watch::new(16_000, Duration::ZERO), Duration::ZERO);
        assert_eq!(fed(&mut watch, &mut now, 360_000, 0.1), [""; 0]);
        assert_eq!(watch.say(now + Duration::from_millis(499)), None);
        watch.status(Status { suspended: true, ..Status::default() });
        let said = watch.say(now + STALL).unwrap();
        assert_eq!(said.to_string(), "no sound has come for 500 ms: the sound system has suspended it");
        assert_eq!(watch.say(now + STALL * 2), None);
        assert_eq!(fed(&mut watch, &mut now, 1, 0.1), [""; 0]);
        assert_eq!(watch.say(now + STALL), None);
        assert!(watch.say(now + STALL * 3).is_some());
    }
}
