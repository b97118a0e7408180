//! Streams of a PulseAudio server (or PipeWire as one) that cpal does not open so: what is recorded waits in the
//! server's own queue however late this program is, and what is played stands half a second ahead of the speaker and
//! is taken back at once when it is to be silent.
//!
//! cpal asks for a record queue of one period, so that a server that is late by two loses samples and tells nobody, and
//! for two periods of playback, so that a busy machine stutters; more of either would be delay there. The attributes
//! of buffers are those of PulseAudio's `pa_buffer_attr`.

use std::ffi::CStr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as Waking, Poll};
use std::time::{Duration, Instant};

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{PlaybackStreamParams, Prop, Props, RecordStreamParams, SampleFormat, SampleSpec};
use pulseaudio::{PlaybackSource, PlaybackStream, RecordStream};
use rtrb::{Consumer, Producer};

use super::super::{Found, Line};
use super::{connect, gone, named, wait};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::sound::ring::{Counts, give, pour_bytes};

/// A period of a microphone, so that words come soon.
const PERIOD: Duration = Duration::from_millis(10);
/// What a speaker asks for at least at a time, and how far ahead the device itself is.
const REQUEST: Duration = Duration::from_millis(20);
/// How far ahead of the speaker sound stands in the server.
const AHEAD: Duration = Duration::from_millis(500);
/// How long a sound may be on its way beyond what the server knows of.
const BEYOND: Duration = Duration::from_millis(50);

/// Says that a stream is over when the connection drops it.
struct Alive(Arc<Counts>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.error(cpal::ErrorKind::DeviceNotAvailable.into());
    }
}

/// A microphone's stream.
struct Recording(#[allow(dead_code)] RecordStream); // It ends when it is dropped.

impl Line for Recording {
    fn tend(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Opens a microphone, every channel of it as it is: 32-bit floats at its own rate.
///
/// # Errors
/// `Unreachable` when the server does not answer or the microphone is not there any more.
pub(in crate::voice::sound) fn record(
    found: &Found,
    counts: &Arc<Counts>,
    into: Producer<f32>,
) -> Result<Box<dyn Line>> {
    let client = connect()?;
    let refused = |e| refused(found, &e);
    let source = wait(client.source_info_by_name(named(&found.name)?)).map_err(refused)?;
    let spec = spec(found, source.sample_spec)?;
    let params = RecordStreamParams {
        sample_spec: spec,
        channel_map: source.channel_map,
        source_name: Some(source.name),
        buffer_attr: BufferAttr { fragment_size: bytes(&spec, PERIOD), ..BufferAttr::default() },
        flags: StreamFlags { adjust_latency: true, ..flags() },
        props: props(c"listening"),
        ..RecordStreamParams::default()
    };
    let (mut into, alive) = (into, Alive(counts.clone()));
    let sink = move |data: &[u8]| pour_bytes(data, usize::from(spec.channels), &mut into, &alive.0);
    Ok(Box::new(Recording(wait(client.create_record_stream(params, sink)).map_err(refused)?)))
}

/// The way a speaker's samples are asked for.
struct Source {
    from: Consumer<f32>,
    also: Producer<f32>,
    channels: usize,
    alive: Alive,
}

impl PlaybackSource for Source {
    fn poll_read(self: Pin<&mut Self>, waking: &mut Waking<'_>, buf: &mut [u8]) -> Poll<usize> {
        let source = self.get_mut();
        let counts = &source.alive.0;
        // Whoever queues something after this look finds somebody to wake.
        counts.waker.register(waking.waker());
        match give(buf, source.channels, &mut source.from, &mut source.also, counts) {
            // A read of nothing would be the end of the stream.
            0 => Poll::Pending,
            bytes => Poll::Ready(bytes),
        }
    }
}

/// A speaker's stream.
struct Playing {
    stream: PlaybackStream,
    counts: Arc<Counts>,
    rate: u64,
    /// Since when the server has had nothing left to play.
    empty: Option<Instant>,
}

/// Opens a speaker, the same sound for every channel of it: 32-bit floats at the rate found.
///
/// # Errors
/// `Unreachable` when the server does not answer or the speaker is not there any more.
pub(in crate::voice::sound) fn play(
    found: &Found,
    counts: &Arc<Counts>,
    from: Consumer<f32>,
    also: Producer<f32>,
) -> Result<Box<dyn Line>> {
    let client = connect()?;
    let refused = |e| refused(found, &e);
    let sink = wait(client.sink_info_by_name(named(&found.name)?)).map_err(refused)?;
    let spec = spec(found, sink.sample_spec)?;
    let params = PlaybackStreamParams {
        sample_spec: spec,
        channel_map: sink.channel_map,
        sink_name: Some(sink.name),
        buffer_attr: BufferAttr {
            target_length: bytes(&spec, AHEAD),
            minimum_request_length: bytes(&spec, REQUEST),
            // The first sample is heard when it comes, not when all that may wait has come.
            pre_buffering: bytes(&spec, REQUEST),
            ..BufferAttr::default()
        },
        flags: StreamFlags { early_requests: true, ..flags() },
        props: props(c"speaking"),
        ..PlaybackStreamParams::default()
    };
    let source = Source { from, also, channels: usize::from(spec.channels), alive: Alive(counts.clone()) };
    let stream = wait(client.create_playback_stream(params, source)).map_err(refused)?;
    Ok(Box::new(Playing { stream, counts: counts.clone(), rate: u64::from(spec.sample_rate), empty: None }))
}

impl Line for Playing {
    /// Takes back what is to be heard no more, and learns how far the speaker is.
    fn tend(&mut self) -> Result<()> {
        let answer = || gone().to_owned();
        if self.counts.hush.load(Ordering::Acquire) {
            wait(self.stream.flush()).context(Kind::Unreachable, answer)?;
            // What was asked for by that finds only silence, and then the ring is empty too.
            if self.counts.emptied.swap(false, Ordering::AcqRel) {
                self.counts.heard.store(self.counts.frames.load(Ordering::Acquire), Ordering::Release);
                self.counts.hush.store(false, Ordering::Release);
            }
            return Ok(());
        }
        // What is handed over from here on can only make the server's queue longer than what is reckoned with.
        let handed = self.counts.frames.load(Ordering::Acquire);
        if self.counts.heard.load(Ordering::Acquire) >= handed {
            return Ok(());
        }
        let timing = wait(self.stream.timing_info()).context(Kind::Unreachable, answer)?;
        let spec = self.stream.sample_spec();
        let frame = (spec.format.bytes_per_sample() * usize::from(spec.channels)).max(1) as i64;
        let queued = ((timing.write_offset - timing.read_offset).max(0) / frame) as u64;
        let way = Duration::from_micros(timing.sink_usec);
        let heard = if queued > 0 {
            self.empty = None;
            handed.saturating_sub(queued + way.as_micros() as u64 * self.rate / 1_000_000)
        } else if self.empty.get_or_insert_with(Instant::now).elapsed() >= way + BEYOND {
            self.empty = None;
            handed
        } else {
            return Ok(());
        };
        self.counts.heard.fetch_max(heard, Ordering::AcqRel);
        Ok(())
    }
}

/// What is asked for: the device's own channels, as floats.
fn spec(found: &Found, own: SampleSpec) -> Result<SampleSpec> {
    if u16::from(own.channels) != found.channels {
        let said = format!("the {} {:?} has changed", found.way.word(), found.called);
        return Err(Error::new(Kind::Unreachable, said).hint("try again"));
    }
    Ok(SampleSpec { format: SampleFormat::Float32Le, sample_rate: found.rate, ..own })
}

/// Channels are what they are: nothing is mixed into another.
fn flags() -> StreamFlags {
    StreamFlags { no_remix_channels: true, ..StreamFlags::default() }
}

fn props(doing: &CStr) -> Props {
    let mut props = Props::new();
    props.set(Prop::MediaName, doing);
    props
}

fn bytes(spec: &SampleSpec, time: Duration) -> u32 {
    let frames = time.as_millis() as u32 * (spec.sample_rate / 1000).max(1);
    frames * u32::from(spec.channels) * spec.format.bytes_per_sample() as u32
}

fn refused(found: &Found, error: &pulseaudio::ClientError) -> Error {
    let said = format!("the {} {:?} cannot be opened", found.way.word(), found.called);
    Error::new(Kind::Unreachable, said).because(error.to_string()).hint("see what is there: fac voice doctor")
}
