use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::voice::chain::{Denoise, Stages};
use crate::voice::clip::{Clip, RATE, SILENCE};
use crate::voice::transcribe::{Segment, SoFar, Transcriber, Wishes};

/// Seconds of a tone whose height changes with the milliseconds.
fn sound(seconds: f32, height: impl Fn(usize) -> f32) -> Vec<[f32; FRAME]> {
    let frames = (seconds * 100.0) as usize;
    let sample = |n: usize| height(n / 48) * (n as f32 * std::f32::consts::TAU * 440.0 / RATE as f32).sin();
    (0..frames).map(|frame| std::array::from_fn(|at| sample(frame * FRAME + at))).collect()
}

/// A room in which nobody speaks.
fn quiet(seconds: f32) -> Vec<[f32; FRAME]> {
    sound(seconds, |_| 0.001)
}

/// Syllables, as loud and as far apart as somebody's who speaks.
fn speech(seconds: f32) -> Vec<[f32; FRAME]> {
    sound(seconds, |ms| if ms % 350 < 200 { 0.3 } else { 0.001 })
}

fn plan(until: Until) -> Plan {
    // Without the model loudness counts as voice.
    Plan { until, stages: Stages::NONE, ..Plan::default() }
}

/// Everything that comes of frames, without looks.
fn heard(session: &mut Session, frames: &[[f32; FRAME]]) -> Vec<Outcome> {
    let all = frames.iter().flat_map(|frame| session.frame(frame, None));
    all.filter(|outcome| !matches!(outcome, Outcome::Look(_))).collect()
}

#[test]
fn until_silence_ends_with_the_first_thing_said() {
    let mut session = Session::new(plan(Until::Silence)).unwrap();
    let frames = [quiet(1.0), speech(1.0), quiet(3.0)].concat();
    let out = heard(&mut session, &frames);
    let [Outcome::Begun, Outcome::Said(said), Outcome::Over] = out.as_slice() else { panic!("{out:?}") };
    // Half a second from before, the tail after.
    assert!((450..=520).contains(&said.from_ms), "{}", said.from_ms);
    assert!((2300..=2800).contains(&said.to_ms), "{}", said.to_ms);
    assert_eq!(said.raw.ms(), said.to_ms - said.from_ms);
    assert!(session.frame(&[0.0; FRAME], None).is_empty(), "nothing comes after the end");
}

#[test]
fn nobody_speaks() {
    let mut session = Session::new(plan(Until::Silence)).unwrap();
    let out = heard(&mut session, &quiet(11.0));
    assert_eq!(out, [Outcome::Over]);
    assert!(!session.has_heard_voice());
    assert_eq!(session.ms(), 10_000);
}

#[test]
fn told_to_end_it_takes_the_tail() {
    let mut session = Session::new(plan(Until::Told)).unwrap();
    assert_eq!(heard(&mut session, &[quiet(0.2), speech(0.5)].concat()), [Outcome::Begun]);
    session.close();
    let out = heard(&mut session, &speech(1.0));
    let [Outcome::Said(said), Outcome::Over] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!((said.from_ms, said.to_ms), (0, 1100));
}

#[test]
fn a_long_dictation_is_parted_at_pauses_and_no_sample_is_lost() {
    let mut session = Session::new(plan(Until::Told)).unwrap();
    let mut frames = quiet(0.2);
    for _ in 0..5 {
        frames.extend([speech(9.0), quiet(1.5)].concat());
    }
    let mut out = heard(&mut session, &frames);
    session.close();
    out.extend(heard(&mut session, &quiet(1.0)));
    let said: Vec<_> = out.iter().filter_map(|o| if let Outcome::Said(said) = o { Some(said) } else { None }).collect();
    assert!(said.len() >= 3, "{}", said.len());
    assert_eq!(said[0].from_ms, 0);
    for pair in said.windows(2) {
        assert_eq!(pair[0].to_ms, pair[1].from_ms, "one begins where the other ends");
    }
    let samples: usize = said.iter().map(|said| said.raw.samples.len()).sum();
    assert_eq!(samples as u64, session.ms() * 48);
}

#[test]
fn looks_tell_how_loud_it_was() {
    let mut session = Session::new(plan(Until::Told)).unwrap();
    let looks: Vec<Look> = [sound(0.05, |_| 0.0), sound(0.05, |_| 0.5)]
        .concat()
        .iter()
        .flat_map(|frame| session.frame(frame, None))
        .filter_map(|outcome| if let Outcome::Look(look) = outcome { Some(look) } else { None })
        .collect();
    assert_eq!(looks.iter().map(|look| (look.at_ms, look.peaks.len())).collect::<Vec<_>>(), [(0, 5), (50, 5)]);
    assert_eq!((looks[0].zeros, looks[0].before), (true, SILENCE));
    assert!((looks[1].before + 9.0).abs() < 0.2 && (looks[1].peaks[2].0 - 0.5).abs() < 0.01, "{:?}", looks[1]);
}

/// An ear that hears what it was given, then ends as it was told.
struct Script {
    frames: VecDeque<[f32; FRAME]>,
    end: Option<Error>,
    patience: u32,
}

impl Ear for Script {
    fn next(&mut self, _: Duration) -> Heard {
        match self.frames.pop_front() {
            Some(frame) => Heard::Frame(frame),
            None if self.patience == 0 => Heard::Lost(Error::new(Kind::Failed, "it should have ended by now")),
            None => {
                self.patience -= 1;
                self.end.take().map_or(Heard::Nothing, Heard::Lost)
            }
        }
    }

    fn name(&self) -> String {
        "script".to_string()
    }
}

/// Writes down how long a clip is, and with what prompt it came.
struct Ruler(Arc<Mutex<Vec<Option<String>>>>, Option<Kind>);

impl Transcriber for Ruler {
    fn name(&self) -> &str {
        "ruler"
    }

    fn transcribe(&mut self, clip: &Clip, wishes: &Wishes, _: &Stop, _: SoFar<'_>) -> Result<Transcript> {
        if let Some(kind) = self.1 {
            return Err(Error::new(kind, "no pen"));
        }
        assert_eq!(clip.rate, 16_000);
        self.0.lock().unwrap().push(wishes.prompt.clone());
        Ok(Transcript { text: format!("{} s", clip.ms().div_euclid(1000)), ..Transcript::default() })
    }
}

fn start(plan: Plan, frames: Vec<[f32; FRAME]>, end: Option<Error>, fault: Option<Kind>) -> (Listening, Prompts) {
    let prompts = Prompts::default();
    let ruler = Ruler(prompts.clone(), fault);
    let ear: OpenEar = Box::new(move || Ok(Box::new(Script { frames: frames.into(), end, patience: 100_000 })));
    let scribe: OpenScribe =
        Box::new(move || Ok(Scribe { transcriber: Box::new(ruler), wishes: Wishes::default(), denoise: Denoise::Off }));
    (Listening::start(plan, ear, scribe, None).unwrap(), prompts)
}

type Prompts = Arc<Mutex<Vec<Option<String>>>>;

/// The words for what was said, and the end.
fn told(listening: &Listening) -> (Vec<String>, Result<Transcript>) {
    let mut words = Vec::new();
    loop {
        match listening.said.recv().unwrap() {
            Said::Ready { device } => words.push(format!("ready {device}")),
            Said::Begun => words.push("begun".to_string()),
            Said::Closed { voice, .. } => words.push(format!("closed {voice}")),
            Said::Text(text) => words.push(text),
            Said::Trouble(trouble) => words.push(trouble.to_string()),
            Said::Odd(said) => words.push(said),
            Said::Over(over) => {
                // Two threads say this; their order is not ours to know.
                words.sort();
                return (words, over);
            }
            Said::Look(_) | Said::Partial { .. } => {}
        }
    }
}

#[test]
fn from_frames_to_text() {
    let frames = [quiet(1.0), speech(2.0), quiet(2.0)].concat();
    let (listening, _) = start(plan(Until::Silence), frames, None, None);
    let (words, over) = told(&listening);
    assert_eq!(words, ["3 s", "begun", "closed true", "ready script"]);
    let written = over.unwrap();
    assert_eq!(written.text, "3 s");
    let [Segment { start_ms, text, .. }] = written.segments.as_slice() else { panic!("{written:?}") };
    assert_eq!((*start_ms / 100, text.as_str()), (5, "3 s"));
}

#[test]
fn silence_is_not_written_down() {
    let (listening, prompts) = start(plan(Until::Silence), quiet(12.0), None, None);
    let (words, over) = told(&listening);
    assert_eq!(words, ["closed false", "ready script"]);
    assert_eq!(over.unwrap(), Transcript::default());
    assert!(prompts.lock().unwrap().is_empty(), "nobody was asked");
}

#[test]
fn a_device_that_goes_loses_nothing_that_was_said() {
    let gone = || Some(Error::new(Kind::Missing, "the microphone was unplugged"));
    let (listening, _) = start(plan(Until::Told), [quiet(0.2), speech(2.0)].concat(), gone(), None);
    let (words, over) = told(&listening);
    assert_eq!(words, ["2 s", "begun", "closed true", "ready script", "the microphone was unplugged"]);
    assert_eq!(over.unwrap().text, "2 s");
    let (listening, _) = start(plan(Until::Told), Vec::new(), gone(), None);
    assert_eq!(told(&listening).1.unwrap_err().kind(), Kind::Missing);
}

#[test]
fn who_cannot_write_is_told_of_before_anybody_speaks() {
    let ear: OpenEar = Box::new(|| Ok(Box::new(Script { frames: VecDeque::new(), end: None, patience: u32::MAX })));
    let scribe: OpenScribe = Box::new(|| Err(Error::new(Kind::Missing, "there is no pen")));
    let listening = Listening::start(plan(Until::Told), ear, scribe, None).unwrap();
    let error = told(&listening).1.unwrap_err();
    assert_eq!((error.kind(), error.full_message().as_str()), (Kind::Missing, "there is no pen"));
}

#[test]
fn closing_and_cancelling_are_heard_while_nothing_comes() {
    let (listening, _) = start(plan(Until::Told), [quiet(0.2), speech(1.0)].concat(), None, None);
    listening.close();
    let (words, over) = told(&listening);
    assert_eq!((words.contains(&"ready script".to_string()), over.is_ok()), (true, true), "{words:?}");
    let (listening, _) = start(plan(Until::Told), [quiet(0.2), speech(1.0)].concat(), None, None);
    listening.cancel();
    assert_eq!(told(&listening).1.unwrap_err().kind(), Kind::Interrupted);
}

#[test]
fn what_is_kept_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.wav");
    let keep = Writer::create(&path, RATE).unwrap();
    let frames = [quiet(0.5), speech(1.0), quiet(2.0)].concat();
    let ear: OpenEar = Box::new(move || Ok(Box::new(Script { frames: frames.into(), end: None, patience: 100_000 })));
    let ruler = Ruler(Prompts::default(), Some(Kind::Unreachable));
    let scribe: OpenScribe =
        Box::new(move || Ok(Scribe { transcriber: Box::new(ruler), wishes: Wishes::default(), denoise: Denoise::Off }));
    let listening = Listening::start(plan(Until::Silence), ear, scribe, Some(keep)).unwrap();
    assert_eq!(told(&listening).1.unwrap_err().kind(), Kind::Unreachable);
    let clip = crate::voice::file::read(&path, None).unwrap();
    assert_eq!(clip.rate, RATE);
    assert!(clip.ms() >= 1_700 && clip.level() > -20.0, "{} ms {} dB", clip.ms(), clip.level());
}
