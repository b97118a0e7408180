//! What a device's callback does, and all it does: samples of any format into a lock-free ring, or out of one.
//!
//! No lock, no allocation and no word is allowed here; a test counts allocations. What went wrong is counted in
//! [`Counts`] and said by somebody else.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cpal::{Data, FromSample, Sample, SampleFormat, SizedSample};
use futures_util::task::AtomicWaker;
use rtrb::{Consumer, Producer};

/// What a stream's callbacks count, for whoever watches it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Frames (a sample of each channel) that the device gave or took. Silence counts where it must be handed over.
    pub frames: AtomicU64,
    /// Of the frames taken, how many have been heard; where the sound system tells.
    pub heard: AtomicU64,
    /// Whether the sound system tells how much was heard. It is handed no silence then.
    pub tells: bool,
    /// Frames that had no room in the ring.
    pub lost: AtomicU64,
    /// Gaps that the sound system itself reported.
    pub gaps: AtomicU64,
    /// Frames of silence handed out since the ring ran dry.
    pub idle: AtomicU64,
    /// Whether what is queued is to be forgotten.
    pub hush: AtomicBool,
    /// Whether the ring was emptied for that; where what was handed over must be taken back as well.
    pub emptied: AtomicBool,
    /// Who asks for more when there was nothing to hand over.
    pub waker: AtomicWaker,
    /// Whether the stream is over.
    pub failed: AtomicBool,
    /// Why, written once.
    pub why: Mutex<Option<cpal::Error>>,
}

impl Counts {
    /// What a stream's error callback does: a dead sound server calls it a hundred thousand times a second.
    pub fn error(&self, error: cpal::Error) {
        use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
        match error.kind() {
            Xrun => _ = self.gaps.fetch_add(1, Ordering::Relaxed),
            DeviceChanged | RealtimeDenied => {}
            _ if self.failed.load(Ordering::Relaxed) => {}
            _ => {
                if let Ok(mut why) = self.why.try_lock() {
                    why.get_or_insert(error);
                }
                self.failed.store(true, Ordering::Release);
            }
        }
    }
}

/// Copies what a device gave into the ring, every channel, as many whole frames as there is room for.
pub(super) fn pour(data: &Data, channels: usize, into: &mut Producer<f32>, counts: &Counts) {
    match data.sample_format() {
        SampleFormat::F32 => pour_as::<f32>(data, channels, into, counts),
        SampleFormat::I16 => pour_as::<i16>(data, channels, into, counts),
        SampleFormat::I32 => pour_as::<i32>(data, channels, into, counts),
        SampleFormat::I24 => pour_as::<cpal::I24>(data, channels, into, counts),
        SampleFormat::U8 => pour_as::<u8>(data, channels, into, counts),
        SampleFormat::I8 => pour_as::<i8>(data, channels, into, counts),
        SampleFormat::U16 => pour_as::<u16>(data, channels, into, counts),
        SampleFormat::U24 => pour_as::<cpal::U24>(data, channels, into, counts),
        SampleFormat::U32 => pour_as::<u32>(data, channels, into, counts),
        SampleFormat::F64 => pour_as::<f64>(data, channels, into, counts),
        _ => _ = counts.lost.fetch_add((data.len() / channels.max(1)) as u64, Ordering::Relaxed),
    }
}

fn pour_as<T>(data: &Data, channels: usize, into: &mut Producer<f32>, counts: &Counts)
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let samples = data.as_slice::<T>().unwrap_or(&[]);
    pour_samples(samples, channels, into, counts);
}

/// [`pour`] for samples whose format is known.
pub(super) fn pour_samples<T>(samples: &[T], channels: usize, into: &mut Producer<f32>, counts: &Counts)
where
    T: Sample,
    f32: FromSample<T>,
{
    pour_from(samples.iter().map(|s| f32::from_sample_(*s)), channels, into, counts);
}

/// [`pour`] for 32-bit floats, little end first.
pub(super) fn pour_bytes(bytes: &[u8], channels: usize, into: &mut Producer<f32>, counts: &Counts) {
    let (samples, _) = bytes.as_chunks();
    pour_from(samples.iter().map(|b| f32::from_le_bytes(*b)), channels, into, counts);
}

fn pour_from(samples: impl ExactSizeIterator<Item = f32>, channels: usize, into: &mut Producer<f32>, counts: &Counts) {
    let channels = channels.max(1);
    let frames = samples.len() / channels;
    let fit = frames.min(into.slots() / channels);
    if let Ok(chunk) = into.write_chunk_uninit(fit * channels) {
        chunk.fill_from_iter(samples);
    }
    counts.lost.fetch_add((frames - fit) as u64, Ordering::Relaxed);
    counts.frames.fetch_add(frames as u64, Ordering::Release);
}

/// Hands queued samples to a device, the same to each of its channels, and what was handed over to `also`.
pub(super) fn draw(
    data: &mut Data,
    channels: usize,
    from: &mut Consumer<f32>,
    also: &mut Producer<f32>,
    counts: &Counts,
) {
    match data.sample_format() {
        SampleFormat::F32 => draw_as::<f32>(data, channels, from, also, counts),
        SampleFormat::I16 => draw_as::<i16>(data, channels, from, also, counts),
        SampleFormat::I32 => draw_as::<i32>(data, channels, from, also, counts),
        SampleFormat::I24 => draw_as::<cpal::I24>(data, channels, from, also, counts),
        SampleFormat::U8 => draw_as::<u8>(data, channels, from, also, counts),
        SampleFormat::I8 => draw_as::<i8>(data, channels, from, also, counts),
        SampleFormat::U16 => draw_as::<u16>(data, channels, from, also, counts),
        SampleFormat::U24 => draw_as::<cpal::U24>(data, channels, from, also, counts),
        SampleFormat::U32 => draw_as::<u32>(data, channels, from, also, counts),
        SampleFormat::F64 => draw_as::<f64>(data, channels, from, also, counts),
        _ => {}
    }
}

fn draw_as<T>(data: &mut Data, channels: usize, from: &mut Consumer<f32>, also: &mut Producer<f32>, counts: &Counts)
where
    T: SizedSample + FromSample<f32>,
{
    if let Some(samples) = data.as_slice_mut::<T>() {
        draw_samples(samples, channels, from, also, counts);
    }
}

/// How many samples a sound that is cut off fades over.
const FADE: usize = 240;

/// [`draw`] for samples whose format is known.
pub(super) fn draw_samples<T>(
    out: &mut [T],
    channels: usize,
    from: &mut Consumer<f32>,
    also: &mut Producer<f32>,
    counts: &Counts,
) where
    T: Sample + FromSample<f32>,
{
    let frames = out.len() / channels.max(1);
    let hush = counts.hush.load(Ordering::Acquire);
    let fade = if hush { FADE.min(frames) } else { usize::MAX };
    let mut played = 0;
    for (at, frame) in out.chunks_exact_mut(channels.max(1)).enumerate() {
        let next = if at < fade { from.pop().ok() } else { None };
        let mut sample = next.unwrap_or(0.0);
        if hush {
            sample *= 1.0 - (at + 1) as f32 / fade as f32;
        }
        if at >= fade || next.is_none() {
            sample = 0.0;
        } else {
            played = at + 1;
            // A reference that nobody takes is not worth a word.
            let _ = also.push(sample);
        }
        frame.fill(T::from_sample_(sample));
    }
    if hush {
        empty(from);
        counts.hush.store(false, Ordering::Release);
    }
    if played > 0 {
        counts.idle.store((frames - played) as u64, Ordering::Relaxed);
    } else {
        counts.idle.fetch_add(frames as u64, Ordering::Relaxed);
    }
    counts.frames.fetch_add(frames as u64, Ordering::Release);
}

/// Hands queued samples as 32-bit floats, little end first, to a device that is content with as many as there are, the
/// same to each of its channels, and what was handed over to `also`; how many bytes.
pub(super) fn give(
    out: &mut [u8],
    channels: usize,
    from: &mut Consumer<f32>,
    also: &mut Producer<f32>,
    counts: &Counts,
) -> usize {
    if counts.hush.load(Ordering::Acquire) {
        empty(from);
        counts.emptied.store(true, Ordering::Release);
        return 0;
    }
    let wide = size_of::<f32>() * channels.max(1);
    let fit = from.slots().min(out.len() / wide);
    for frame in out.chunks_exact_mut(wide).take(fit) {
        let Ok(sample) = from.peek().copied() else { break };
        let (places, _) = frame.as_chunks_mut();
        places.fill(sample.to_le_bytes());
        // A reference that nobody takes is not worth a word.
        let _ = also.push(sample);
        // Whoever sees the ring empty has seen this counted.
        counts.frames.fetch_add(1, Ordering::Release);
        let _ = from.pop();
    }
    fit * wide
}

fn empty(from: &mut Consumer<f32>) {
    if let Ok(rest) = from.read_chunk(from.slots()) {
        rest.commit_all();
    }
}

#[cfg(test)]
mod tests {
    use assert_no_alloc::{AllocDisabler, assert_no_alloc, reset_violation_count, violation_count};
    use rtrb::RingBuffer;

    use super::*;

    /// Counts what is allocated, by thread, where that is forbidden.
    #[global_allocator]
    static COUNTING: AllocDisabler = AllocDisabler;

    #[test]
    fn the_callbacks_allocate_nothing_not_even_when_everything_goes_wrong() {
        let counts = Counts::default();
        let (mut into, mut from) = RingBuffer::new(960);
        let (mut also, _keep) = RingBuffer::new(100);
        let (ints, mut outs, mut bytes) = ([12_345_i16; 960], [0_i16; 960], [0_u8; 999]);
        reset_violation_count();
        assert_no_alloc(|| {
            for _ in 0..10 {
                // The ring overflows, runs dry, and is thrown away.
                pour_samples(&ints, 2, &mut into, &counts);
                pour_samples(&[0.5_f32; 960], 1, &mut into, &counts);
                draw_samples(&mut outs, 2, &mut from, &mut also, &counts);
                draw_samples(&mut [0.0_f32; 960], 1, &mut from, &mut also, &counts);
                counts.hush.store(true, Ordering::Relaxed);
                draw_samples(&mut outs, 2, &mut from, &mut also, &counts);
                pour_bytes(&[7; 4001], 2, &mut into, &counts);
                give(&mut bytes, 2, &mut from, &mut also, &counts);
                counts.hush.store(true, Ordering::Relaxed);
                give(&mut bytes, 2, &mut from, &mut also, &counts);
            }
            counts.error(cpal::Error::new(cpal::ErrorKind::Xrun));
            (0..1000).for_each(|_| counts.error(cpal::Error::new(cpal::ErrorKind::StreamInvalidated)));
        });
        assert_eq!(violation_count(), 0);
        assert_no_alloc(|| drop(std::hint::black_box(vec![1_u8; 64])));
        assert!(violation_count() > 0, "the counting itself does not work");
        assert!(counts.failed.load(Ordering::Relaxed));
        assert_eq!(counts.gaps.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_channels_stay_in_step() {
        let counts = Counts::default();
        let (mut into, mut from) = RingBuffer::new(5);
        pour_samples(&[1_i16, 2, 3, 4, 5, 6], 2, &mut into, &counts);
        assert_eq!((counts.lost.load(Ordering::Relaxed), counts.frames.load(Ordering::Relaxed)), (1, 3));
        let got: Vec<f32> = std::iter::from_fn(|| from.pop().ok()).map(|s| s * 32768.0).collect();
        assert_eq!(got, [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn every_format_means_the_same_sound() {
        let counts = Counts::default();
        let (mut into, mut from) = RingBuffer::new(16);
        pour_samples(&[16_384_i16], 1, &mut into, &counts);
        pour_samples(&[0.5_f32], 1, &mut into, &counts);
        pour_samples(&[0.5_f64], 1, &mut into, &counts);
        pour_samples(&[192_u8], 1, &mut into, &counts);
        pour_samples(&[64_i8], 1, &mut into, &counts);
        pour_samples(&[49_152_u16], 1, &mut into, &counts);
        pour_samples(&[1_i32 << 30], 1, &mut into, &counts);
        pour_samples(&[cpal::I24::new(1 << 22).unwrap()], 1, &mut into, &counts);
        let got: Vec<f32> = std::iter::from_fn(|| from.pop().ok()).collect();
        assert_eq!(got, [0.5; 8]);
    }

    #[test]
    fn what_is_queued_goes_to_every_channel_and_to_the_reference_until_it_is_hushed() {
        let counts = Counts::default();
        let (mut into, mut from) = RingBuffer::new(2000);
        let (mut also, mut reference) = RingBuffer::new(2000);
        (0..1500).for_each(|_| into.push(0.5).unwrap());
        let mut out = [9.0_f32; 1000];
        draw_samples(&mut out, 2, &mut from, &mut also, &counts);
        assert_eq!((out, reference.slots()), ([0.5; 1000], 500));
        counts.hush.store(true, Ordering::Relaxed);
        draw_samples(&mut out, 2, &mut from, &mut also, &counts);
        assert!(out.windows(3).all(|w| w[2] <= w[0]), "it fades");
        assert_eq!((out[478], out[480], out[999]), (0.0, 0.0, 0.0));
        assert_eq!((from.slots(), reference.slots(), counts.hush.load(Ordering::Relaxed)), (0, 740, false));
        draw_samples(&mut out, 2, &mut from, &mut also, &counts);
        assert_eq!((out, counts.idle.load(Ordering::Relaxed)), ([0.0; 1000], 760));
        reference.pop().unwrap();
    }

    #[test]
    fn a_device_that_takes_what_there_is_gets_no_silence_and_nothing_after_a_hush() {
        let counts = Counts::default();
        let (mut into, mut from) = RingBuffer::new(100);
        let (mut also, mut reference) = RingBuffer::new(100);
        let mut out = [9_u8; 8 * 5 + 3];
        assert_eq!(give(&mut out, 2, &mut from, &mut also, &counts), 0);
        (1..=7).for_each(|n| into.push(n as f32).unwrap());
        assert_eq!(give(&mut out, 2, &mut from, &mut also, &counts), 40);
        let (got, rest) = out.as_chunks();
        let got: Vec<f32> = got.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(got, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]);
        assert_eq!((rest, reference.slots(), counts.frames.load(Ordering::Relaxed)), (&[9; 3][..], 5, 5));
        counts.hush.store(true, Ordering::Relaxed);
        assert_eq!(give(&mut out, 2, &mut from, &mut also, &counts), 0);
        assert_eq!((from.slots(), counts.emptied.load(Ordering::Relaxed)), (0, true));
        // Who takes back what was handed over says when that is done.
        assert!(counts.hush.load(Ordering::Relaxed));
        assert_eq!(reference.pop(), Ok(1.0));
    }

    #[test]
    fn floats_come_as_bytes_and_half_a_frame_is_none() {
        let counts = Counts::default();
        let (mut into, mut from) = RingBuffer::new(16);
        let bytes: Vec<u8> = [0.5_f32, -0.25, 1.0].iter().flat_map(|s| s.to_le_bytes()).chain([1, 2]).collect();
        pour_bytes(&bytes, 2, &mut into, &counts);
        let got: Vec<f32> = std::iter::from_fn(|| from.pop().ok()).collect();
        assert_eq!((got, counts.frames.load(Ordering::Relaxed)), (vec![0.5, -0.25], 1));
    }
}
