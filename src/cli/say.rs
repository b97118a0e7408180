//! `fac say`: reads a text aloud, sentence by sentence, or into a file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use serde_json::json;

use super::Context;
use crate::app::voice::sound::speaker as loudspeaker;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::aloud::{self, next_clip};
use crate::voice::chain::resample;
use crate::voice::clip::Clip;
use crate::voice::file::Writer;
use crate::voice::speak::ear::{self, Code};
use crate::voice::speak::guard::check_text;
use crate::voice::speak::reading::read_aloud;
use crate::voice::speak::sentences;

const EXAMPLES: &str = "\
Examples:
  fac say 'The build is done'
  fac ask 'what is a monad?' | fac say -         begins before the answer is whole
  fac say --voice en-gb --speed 130 'quickly now'
  fac say --out hello.wav hello                  needs no loudspeaker
  fac voice voices                               what --voice accepts

Markdown is read as a person would: links by their words, tables row by row, code announced (--plain reads every sign).
Who reads: voice.speaker, else what is there (espeak-ng). Piper wants the file of a voice:
  fac config set voice.speakers.piper.model ~/voices/en_US-lessac-medium.onnx
Any program, which is given the text in a file or on its standard input, and writes or prints a WAV:
  fac config set voice.speakers.flite.command '[\"flite\", \"-f\", \"{text}\", \"-o\", \"{wav}\"]'";

/// Read a text aloud
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The text; - for standard input
    #[arg(required = true, value_name = "TEXT")]
    words: Vec<String>,
    /// The voice
    #[arg(long, value_name = "NAME")]
    voice: Option<String>,
    /// How fast, percent (25 to 400)
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(25..=400))]
    speed: Option<u32>,
    /// Write a WAV file instead of playing
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Who reads aloud
    #[arg(long, short = 'S', value_name = "NAME")]
    speaker: Option<String>,
    /// Read the text as it is: it is no Markdown
    #[arg(long)]
    plain: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let signals = StopOnSignals::new()?;
    let mut wishes = context.app.speaker_wishes()?;
    wishes.voice = args.voice.clone().or(wishes.voice);
    wishes.speed = args.speed.map(|percent| percent as f32 / 100.0).or(wishes.speed);
    let speaker = context.app.speaker(args.speaker.as_deref())?;
    if let Some(voice) = &wishes.voice {
        speaker.check_voice(voice)?;
    }
    let stop = signals.stop().clone();
    let clips = if args.words == ["-"] {
        read_aloud(Box::new(speaker), Incoming::new(args.plain), wishes, stop.clone())?
    } else {
        let text = args.words.join(" ");
        let most = usize::try_from(context.app.config()?.int("voice.max_text")).unwrap_or(usize::MAX);
        check_text(&text, most)?;
        let text = if args.plain { text } else { ear::words(&text, Code::Announce) };
        let pieces: Vec<String> = text.lines().flat_map(sentences::split).collect();
        read_aloud(Box::new(speaker), pieces.into_iter(), wishes, stop.clone())?
    };
    match &args.out {
        Some(path) => write(context, &clips, &stop, path),
        None if aloud::play(&clips, &loudspeaker(context.app.config()?, None), &stop, drop)? => Ok(0),
        None => Err(nothing()),
    }
}

/// Sentences of standard input, each as soon as it is certain.
struct Incoming {
    input: std::io::Stdin,
    plain: Option<sentences::Splitter>,
    ear: ear::Ear,
    /// The beginning of a letter whose end did not come yet.
    torn: Vec<u8>,
    ready: std::collections::VecDeque<String>,
    ended: bool,
}

impl Incoming {
    fn new(plain: bool) -> Incoming {
        Incoming {
            input: std::io::stdin(),
            plain: plain.then(sentences::Splitter::default),
            ear: ear::Ear::new(Code::Announce),
            torn: Vec::new(),
            ready: std::collections::VecDeque::new(),
            ended: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.torn.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.torn) {
            Ok(_) => self.torn.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.torn.len(),
        };
        let rest = self.torn.split_off(whole);
        let text = String::from_utf8_lossy(&std::mem::replace(&mut self.torn, rest)).into_owned();
        match &mut self.plain {
            Some(splitter) => self.ready.extend(splitter.push(&text)),
            None => self.ready.extend(self.ear.push(&text)),
        }
    }
}

impl Iterator for Incoming {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut buffer = [0; 4096];
        while self.ready.is_empty() && !self.ended {
            match self.input.lock().read(&mut buffer) {
                Ok(0) | Err(_) => {
                    self.ended = true;
                    match &mut self.plain {
                        Some(splitter) => self.ready.extend(splitter.finish()),
                        None => self.ready.extend(self.ear.finish()),
                    }
                }
                Ok(count) => self.take(&buffer[..count]),
            }
        }
        self.ready.pop_front()
    }
}

/// Writes the sound into a file, at the rate of its first sentence.
fn write(context: &Context, clips: &Receiver<Result<Clip>>, stop: &Stop, path: &Path) -> Result<u8> {
    let Some(first) = next_clip(clips, stop)? else { return Err(nothing()) };
    let rate = first.rate;
    let mut writer = Writer::create(path, rate)?;
    let (mut samples, mut clip) = (0u64, Some(first));
    while let Some(one) = clip {
        let one = if one.rate == rate { one } else { resample::clip(&one, rate)? };
        writer.push(&one.samples)?;
        samples += one.samples.len() as u64;
        clip = next_clip(clips, stop)?;
    }
    writer.finish()?;
    let ms = samples * 1000 / u64::from(rate.max(1));
    if context.ui.json {
        context.ui.value(&json!({"file": path, "ms": ms, "rate": rate}))?;
    } else {
        context.ui.note(&format!("wrote {:.1} s to {}", ms as f64 / 1000.0, path.display()));
    }
    Ok(0)
}

fn nothing() -> Error {
    Error::new(Kind::Usage, "there is nothing to say").hint("fac say 'some words', or `fac say -` for standard input")
}
