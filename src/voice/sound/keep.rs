//! Keeps one open stream on a thread of its own, which is left behind when the sound system does not answer.
//!
//! A stream that hangs while it is opened, asked or closed must hang nobody else: whoever opened it only ever waits
//! with a limit.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{SampleFormat, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use super::device::{self, Asker, Found, Line, Picked, Status, Way};
use super::hush::Hush;
use super::ring::{Counts, draw, pour};
use crate::kernel::error::{Context, Error, Kind, Result};

/// How often a sound system is asked about a device in use.
const ASK: Duration = Duration::from_millis(700);
/// How often a stream is looked after that must be.
const TEND: Duration = Duration::from_millis(10);
/// How long closing may take before the thread is left behind.
const CLOSE: Duration = Duration::from_millis(800);
/// How much sound a ring holds, in seconds.
const RING: usize = 2;

/// Something that the sound system said about a device in use.
#[derive(Debug)]
pub(super) enum Word {
    /// How it is.
    Status(Status),
    /// It is not there any more, or another one is to be taken, and why.
    Elsewhere(String),
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct Kept {
    pub found: Found,
    pub instead_of: Option<String>,
    pub counts: Arc<Counts>,
    pub ends: Ends,
    words: Receiver<Word>,
    shut: Option<Sender<()>>,
    done: Receiver<()>,
    hush: Hush,
}

/// Our ends of the rings.
#[derive(Debug)]
pub(super) enum Ends {
    /// What a microphone gives, interleaved.
    In(Consumer<f32>),
    /// What a speaker is to play, and what it has played, one channel at its own rate.
    Out(Producer<f32>, Consumer<f32>),
}

impl Kept {
    /// What the sound system said since it was asked last.
    pub fn word(&self) -> Option<Word> {
        self.words.try_recv().ok()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.shut = None;
        // Whether it was closed or is left behind is the same to us.
        let _ = self.done.recv_timeout(CLOSE);
        self.hush.end();
    }
}

/// A stream on its way to being open.
#[derive(Debug)]
pub(super) struct Opening {
    result: Receiver<Result<Kept>>,
    hush: Hush,
}

impl Opening {
    /// Begins to open the first of `wanted` that is there, else the default.
    pub fn begin(way: Way, wanted: &[String]) -> Result<Opening> {
        let (send, result) = channel();
        let hush = Hush::default();
        let (wanted, quiet) = (wanted.to_vec(), hush.clone());
        let keep = move || keep(way, &wanted, &quiet, &send);
        thread::Builder::new()
            .name("sound".to_owned())
            .spawn(keep)
            .context(Kind::Failed, || "cannot start a thread for sound".to_owned())?;
        Ok(Opening { result, hush })
    }

    /// What came of it, once it is known.
    pub fn poll(&self) -> Option<Result<Kept>> {
        match self.result.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(Error::new(Kind::Failed, "the sound thread ended early"))),
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.hush.end();
    }
}

/// Runs `work`, which asks the sound system, on a thread that is left behind after `limit`.
///
/// # Errors
/// `TimedOut` when it is, and what `work` says.
pub(super) fn apart<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce(&Hush) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (send, result) = channel();
    let hush = Hush::default();
    let quiet = hush.clone();
    thread::Builder::new()
        .name("sound".to_owned())
        .spawn(move || {
            let result = work(&quiet);
            quiet.end();
            // Nobody waits any more when the limit has passed.
            let _ = send.send(result);
        })
        .context(Kind::Failed, || "cannot start a thread for sound".to_owned())?;
    let result = result.recv_timeout(limit);
    hush.end();
    let late = || {
        let said = format!("the sound system does not answer within {} s", limit.as_secs_f32());
        Error::new(Kind::TimedOut, said).hint("restart the sound server (PipeWire or PulseAudio)")
    };
    result.map_err(|_| late())?
}

/// The life of such a thread.
fn keep(way: Way, wanted: &[String], hush: &Hush, send: &Sender<Result<Kept>>) {
    let (shut, until) = channel();
    let (done, is_done) = channel();
    let (say, words) = channel();
    let opened = open(way, wanted, hush);
    hush.end();
    let (picked, mut line) = match opened {
        Ok((picked, line, counts, ends)) => {
            let (found, instead_of) = (picked.found.clone(), picked.instead_of.clone());
            let hush = hush.clone();
            let kept = Kept { found, instead_of, counts, ends, words, shut: Some(shut), done: is_done, hush };
            if let Err(unheard) = send.send(Ok(kept)) {
                // Whoever wanted it has gone; closing it must not wait for this very thread.
                if let Ok(mut kept) = unheard.0 {
                    kept.shut = None;
                    done.send(()).unwrap_or_default();
                }
                return;
            }
            (picked, line)
        }
        Err(error) => {
            // Nobody waits any more.
            let _ = send.send(Err(error));
            return;
        }
    };
    watch(&picked, line.as_mut(), wanted, &say, &until);
    if picked.found.host == "alsa" {
        hush.begin();
    }
    drop(line);
    drop(picked);
    hush.end();
    // Whoever waited may have gone.
    let _ = done.send(());
}

/// Looks after the stream, and asks about the device now and then, until it is to be closed.
fn watch(picked: &Picked, line: &mut dyn Line, wanted: &[String], say: &Sender<Word>, until: &Receiver<()>) {
    let mut asker = Some(Asker::default());
    let look = if picked.is_served() && picked.found.way == Way::Out { TEND } else { ASK };
    // Soon at first, so that a muted microphone is known when its silence is.
    let mut ask = Instant::now() + ASK / 4;
    while let Err(RecvTimeoutError::Timeout) =
        until.recv_timeout(look.min(ask.saturating_duration_since(Instant::now())))
    {
        let word = match line.tend() {
            Err(error) => Some(Word::Elsewhere(error.full_message())),
            Ok(()) if Instant::now() < ask => None,
            Ok(()) => {
                ask = Instant::now() + ASK;
                asker.as_mut().and_then(|asker| question(asker, picked, wanted))
            }
        };
        let Some(word) = word else { continue };
        if matches!(word, Word::Elsewhere(_)) {
            asker = None;
        }
        if say.send(word).is_err() {
            return;
        }
    }
}

/// What the sound system has to say about the device.
fn question(asker: &mut Asker, picked: &Picked, wanted: &[String]) -> Option<Word> {
    match asker.news(picked) {
        Ok(None) => None,
        Ok(Some(news)) if !news.here => Some(Word::Elsewhere(format!("{} was removed", picked.found.called))),
        Ok(Some(news)) => {
            let moved = news.default.is_some_and(|d| d != picked.found.name);
            Some(if moved && wanted.is_empty() {
                Word::Elsewhere("the sound system has another default now".to_owned())
            } else {
                Word::Status(news.status.unwrap_or_default())
            })
        }
        Err(error) => Some(Word::Elsewhere(error.full_message())),
    }
}

type Open = (Picked, Box<dyn Line>, Arc<Counts>, Ends);

fn open(way: Way, wanted: &[String], hush: &Hush) -> Result<Open> {
    let (picked, config, format) = device::pick(way, wanted, hush)?;
    let counts = Arc::new(Counts { tells: picked.is_served() && way == Way::Out, ..Counts::default() });
    let (line, ends) = match (way, picked.is_served()) {
        (Way::In, true) => {
            let (into, from) = heard(&config);
            (device::record(&picked.found, &counts, into)?, Ends::In(from))
        }
        (Way::Out, true) => {
            let ((into, from), (also, played)) = spoken(&config);
            (device::play(&picked.found, &counts, from, also)?, Ends::Out(into, played))
        }
        _ => build(&picked, config, format, &counts).map_err(|e| {
            let said = format!("the {} {:?} cannot be opened", way.word(), picked.found.called);
            device::mistake(&said, &e)
        })?,
    };
    Ok((picked, line, counts, ends))
}

type Two = (Producer<f32>, Consumer<f32>);

/// The ring of a microphone.
fn heard(config: &StreamConfig) -> Two {
    RingBuffer::new(config.sample_rate as usize * usize::from(config.channels.max(1)) * RING)
}

/// The rings of a speaker: what it is to play, and what it has played.
fn spoken(config: &StreamConfig) -> (Two, Two) {
    (RingBuffer::new(config.sample_rate as usize / 2), RingBuffer::new(config.sample_rate as usize * RING))
}

type Built = std::result::Result<(Box<dyn Line>, Ends), cpal::Error>;

/// A stream by cpal.
fn build(picked: &Picked, config: StreamConfig, format: SampleFormat, counts: &Arc<Counts>) -> Built {
    let channels = usize::from(config.channels.max(1));
    let (counted, failed) = (counts.clone(), counts.clone());
    let error = move |error| failed.error(error);
    let (stream, ends) = match picked.found.way {
        Way::In => {
            let (mut into, from) = heard(&config);
            let data = move |data: &cpal::Data, _: &_| pour(data, channels, &mut into, &counted);
            (picked.device.build_input_stream_raw(config, format, data, error, None)?, Ends::In(from))
        }
        Way::Out => {
            let ((into, mut from), (mut also, played)) = spoken(&config);
            let data = move |data: &mut cpal::Data, _: &_| draw(data, channels, &mut from, &mut also, &counted);
            (picked.device.build_output_stream_raw(config, format, data, error, None)?, Ends::Out(into, played))
        }
    };
    stream.play()?;
    Ok((Box::new(stream), ends))
}
