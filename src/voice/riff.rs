//! WAV in memory: what is handed to transcribers, and what speakers give back.
//!
//! Lengths in headers are not believed: programs that write to a pipe do not know them and invent some. What is there is
//! read to its end. Files that people have are read by the room's reader of files.

use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::Clip;

/// Bytes of the header that [`write`] makes.
const HEADER: usize = 44;

/// The clip as a WAV file: one channel of 16 bits. Samples beyond full scale are held at it, what is no number is 0.
pub fn write(clip: &Clip) -> Vec<u8> {
    let size = u32::try_from(clip.samples.len() * 2).unwrap_or(u32::MAX - HEADER as u32);
    let mut out = Vec::with_capacity(HEADER + clip.samples.len() * 2);
    out.extend(header(clip.rate, size));
    for sample in &clip.samples {
        out.extend(to_i16(*sample).to_le_bytes());
    }
    out
}

/// The header of a WAV file with `size` bytes of samples in one channel of 16 bits.
pub fn header(rate: u32, size: u32) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    let parts: [&[u8]; 13] = [
        b"RIFF",
        &size.saturating_add(36).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16u32.to_le_bytes(),
        &1u16.to_le_bytes(),
        &1u16.to_le_bytes(),
        &rate.to_le_bytes(),
        &rate.saturating_mul(2).to_le_bytes(),
        &2u16.to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &size.to_le_bytes(),
    ];
    let mut at = 0;
    for part in parts {
        out[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    out
}

/// A sample as 16 bits.
pub fn to_i16(sample: f32) -> i16 {
    // A cast holds at the ends and makes 0 of what is no number.
    (sample * 32_767.0).round() as i16
}

/// Samples of 16 bits without a header, one channel.
pub fn raw(bytes: &[u8], rate: u32) -> Clip {
    let samples = bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0).collect();
    Clip::new(rate, samples)
}

/// How samples stand in the data.
#[derive(Clone, Copy)]
struct Form {
    float: bool,
    channels: usize,
    rate: u32,
    bytes: usize,
}

/// Reads a WAV file of 8 to 32 bits or of floats. Of several channels the loudest is taken.
///
/// # Errors
/// `BadData` when it is none, or in a form that is not read here.
pub fn read(bytes: &[u8]) -> Result<Clip> {
    let bad = |what: &str| Error::new(Kind::BadData, format!("the sound is no WAV that can be read: {what}"));
    if bytes.len() < 12 || &bytes[..4] != b"RIFF" || &bytes[8..12] != b"WAVE" {
        return Err(bad("it does not begin like one"));
    }
    let mut rest = &bytes[12..];
    let mut form = None;
    while rest.len() >= 8 {
        let (name, said) = (&rest[..4], u32::from_le_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize);
        let body = &rest[8..];
        if name == b"data" {
            let form = form.ok_or_else(|| bad("its samples come before it says what they are"))?;
            // A length of nothing, or of more than there is, was written before it was known.
            let data = if said == 0 || said > body.len() { body } else { &body[..said] };
            return Ok(samples(data, form));
        }
        let body = &body[..said.min(body.len())];
        if name == b"fmt " {
            form = Some(read_form(body).ok_or_else(|| bad("its form is unknown"))?);
        }
        rest = &rest[(8 + said.saturating_add(said % 2)).min(rest.len())..];
    }
    Err(bad("it holds no samples"))
}

fn read_form(body: &[u8]) -> Option<Form> {
    let short = |at: usize| Some(u16::from_le_bytes([*body.get(at)?, *body.get(at + 1)?]));
    let rate = u32::from_le_bytes([*body.get(4)?, *body.get(5)?, *body.get(6)?, *body.get(7)?]);
    let tag = match short(0)? {
        0xfffe => short(24)?,
        tag => tag,
    };
    let (channels, bits) = (usize::from(short(2)?), usize::from(short(14)?));
    let fits = matches!((tag, bits), (1, 8 | 16 | 24 | 32) | (3, 32 | 64));
    let known = fits && (1..=64).contains(&channels) && (1..=768_000).contains(&rate);
    known.then_some(Form { float: tag == 3, channels, rate, bytes: bits / 8 })
}

fn samples(data: &[u8], form: Form) -> Clip {
    let frame = form.bytes * form.channels;
    let mut power = vec![0.0f64; form.channels];
    let one = |bytes: &[u8]| one_sample(bytes, form.float);
    if form.channels > 1 {
        for frame in data.chunks_exact(frame) {
            for (sum, bytes) in power.iter_mut().zip(frame.chunks_exact(form.bytes)) {
                *sum += f64::from(one(bytes)).powi(2);
            }
        }
    }
    let loudest =
        power.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0))).map_or(0, |(at, _)| at);
    let from = loudest * form.bytes;
    Clip::new(form.rate, data.chunks_exact(frame).map(|frame| one(&frame[from..from + form.bytes])).collect())
}

fn one_sample(bytes: &[u8], float: bool) -> f32 {
    let value = match (bytes, float) {
        ([a], _) => (f32::from(*a) - 128.0) / 128.0,
        ([a, b], _) => f32::from(i16::from_le_bytes([*a, *b])) / 32_768.0,
        ([a, b, c], _) => i32::from_le_bytes([0, *a, *b, *c]) as f32 / 2_147_483_648.0,
        ([a, b, c, d], false) => i32::from_le_bytes([*a, *b, *c, *d]) as f32 / 2_147_483_648.0,
        ([a, b, c, d], true) => f32::from_le_bytes([*a, *b, *c, *d]),
        ([a, b, c, d, e, f, g, h], _) => f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32,
        _ => 0.0,
    };
    if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_by_others() {
        let clip = Clip::new(16_000, vec![0.0, 0.5, -0.5, 2.0, f32::NAN]);
        let bytes = write(&clip);
        let back = read(&bytes).unwrap();
        assert_eq!(back.rate, 16_000);
        let near = [0.0, 0.5, -0.5, 1.0, 0.0];
        assert!(back.samples.iter().zip(near).all(|(a, b)| (a - b).abs() < 1e-4), "{:?}", back.samples);
        let mut theirs = hound::WavReader::new(&bytes[..]).unwrap();
        assert_eq!((theirs.spec().sample_rate, theirs.spec().channels, theirs.duration()), (16_000, 1, 5));
        assert_eq!(theirs.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [0, 16_384, -16_384, 32_767, 0]);
    }

    #[test]
    fn invented_lengths_are_read_to_the_end() {
        let mut bytes = write(&Clip::new(22_050, vec![0.25; 100]));
        bytes[4..8].copy_from_slice(&0x7fff_f024u32.to_le_bytes());
        bytes[40..44].copy_from_slice(&0x7fff_f000u32.to_le_bytes());
        assert_eq!(read(&bytes).unwrap().samples.len(), 100);
        bytes[40..44].copy_from_slice(&0u32.to_le_bytes());
        assert_eq!(read(&bytes).unwrap().samples.len(), 100);
    }

    #[test]
    fn of_two_channels_the_loud_one_is_heard_whole() {
        let mut bytes = header(8000, 8).to_vec();
        bytes[22] = 2;
        bytes.extend([0, 0, 0, 64, 0, 0, 0, 64]);
        assert_eq!(read(&bytes).unwrap().samples, [0.5, 0.5]);
    }

    #[test]
    fn what_is_no_wav_is_said() {
        for bytes in [&b""[..], b"RIFF....WAVE", b"OggS 0123456789"] {
            assert_eq!(read(bytes).unwrap_err().kind(), Kind::BadData);
        }
        let mut bytes = write(&Clip::new(0, vec![0.1]));
        assert_eq!(read(&bytes).unwrap_err().kind(), Kind::BadData);
        bytes[20] = 85;
        assert_eq!(read(&bytes).unwrap_err().kind(), Kind::BadData);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let _ = read(&bytes);
            let mut good = write(&Clip::new(8000, vec![0.5; 40]));
            good.truncate(cut);
            bytes.truncate(good.len());
            for (at, byte) in bytes.iter().enumerate().filter(|(_, b)| **b > 200) {
                good[at] = *byte;
            }
            let _ = read(&good);
        }
    }
}
