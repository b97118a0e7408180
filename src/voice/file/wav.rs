//! WAV, read as it is found in the wild: lengths that lie, chunks in any order, 8 to 64 bits, telephone codes.
//!
//! Formats: RIFF/WAVE (Microsoft's "Multiple Channel Audio Data and WAVE Files"), RF64 (EBU Tech 3306), G.711 for the
//! telephone codes. What is packed further (ADPCM) goes to [`super::coded`].

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::{Bytes, Origin, Samples, bad, coded};
use crate::kernel::error::{Context, Kind, Result};
use crate::voice::clip::Clip;

/// Bytes that are read at once, about.
const BLOCK: usize = 64 * 1024;
/// From this length on a header only means "until the end": programs that write to a pipe put such numbers there.
const ENDLESS: u32 = 0x7fff_0000;
/// More of a format chunk than anybody needs.
const MOST_FORMAT: u64 = 4096;

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// Whole numbers of so many bytes, the smallest first; one byte is without a sign.
    Whole(usize),
    Float32,
    Float64,
    ALaw,
    MuLaw,
}

impl Code {
    fn bytes(self) -> usize {
        match self {
            Code::Whole(bytes) => bytes,
            Code::Float32 => 4,
            Code::Float64 => 8,
            Code::ALaw | Code::MuLaw => 1,
        }
    }

    fn sample(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Code::Whole(_), [a]) => (f32::from(*a) - 128.0) / 128.0,
            (Code::Whole(_), [a, b]) => f32::from(i16::from_le_bytes([*a, *b])) / 32_768.0,
            (Code::Whole(_), [a, b, c]) => (i32::from_le_bytes([0, *a, *b, *c]) as f64 / 2_147_483_648.0) as f32,
            (Code::Whole(_), [a, b, c, d]) => (i32::from_le_bytes([*a, *b, *c, *d]) as f64 / 2_147_483_648.0) as f32,
            (Code::Float32, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]),
            (Code::Float64, [a, b, c, d, e, f, g, h]) => f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32,
            (Code::ALaw, [a]) => f32::from(a_law(*a)) / 32_768.0,
            (Code::MuLaw, [a]) => f32::from(mu_law(*a)) / 32_768.0,
            _ => 0.0,
        }
    }
}

/// Samples of 16 bits without a header, one channel.
pub fn raw(bytes: &[u8], rate: u32) -> Clip {
    let code = Code::Whole(2);
    Clip::new(rate, bytes.chunks_exact(code.bytes()).map(|bytes| code.sample(bytes)).collect())
}

struct Format {
    code: Option<Code>,
    rate: u32,
    channels: usize,
}

/// A WAV file whose header was read.
struct Wav {
    from: Box<dyn Read + Send>,
    name: String,
    code: Code,
    origin: Origin,
    /// Bytes of samples still to come, where the header can be believed.
    left: u64,
    waiting: Vec<u8>,
}

/// Opens it; packed codes are handed on.
pub(super) fn open(bytes: Bytes, name: &str) -> Result<Box<dyn Samples>> {
    match bytes {
        Bytes::File(file) => file_with_seek(file, name),
        Bytes::Pipe(pipe) => {
            let mut from = Kept { inner: BufReader::with_capacity(BLOCK, pipe), kept: Vec::new() };
            let (format, length) = header(&mut from, name)?;
            match format.code {
                Some(code) => Ok(samples(Box::new(from.inner), name, &format, code, length)),
                None => {
                    let again = io::Cursor::new(from.kept).chain(from.inner);
                    coded::open(Bytes::Pipe(Box::new(again)), name, "WAV")
                }
            }
        }
    }
}

fn file_with_seek(file: File, name: &str) -> Result<Box<dyn Samples>> {
    let cannot = || format!("cannot read {name}");
    let again = file.try_clone().context(Kind::Failed, cannot)?;
    let mut from = BufReader::with_capacity(BLOCK, file);
    let found = match walk(&mut from, name) {
        // Samples before their format: the format is looked for behind them.
        Ok(Found::SamplesFirst(length)) => {
            let begin = from.stream_position().context(Kind::Failed, cannot)?;
            let jump = i64::from(length) + i64::from(length % 2);
            from.seek_relative(jump).context(Kind::Failed, cannot)?;
            match walk(&mut from, name)? {
                Found::FormatLast(format) => {
                    from.seek(SeekFrom::Start(begin)).context(Kind::Failed, cannot)?;
                    (format, length)
                }
                _ => return Err(bad(name, "it says nowhere how its samples are written")),
            }
        }
        Ok(Found::Both(format, length)) => (format, length),
        Ok(_) => return Err(bad(name, "there are no samples in it")),
        Err(error) => return Err(error),
    };
    let (format, length) = found;
    match format.code {
        Some(code) => Ok(samples(Box::new(from), name, &format, code, length)),
        None => {
            drop(from);
            let mut again = again;
            again.seek(SeekFrom::Start(0)).context(Kind::Failed, cannot)?;
            coded::open(Bytes::File(again), name, "WAV")
        }
    }
}

/// The header of a pipe, which cannot go back.
fn header(from: &mut impl Read, name: &str) -> Result<(Format, u32)> {
    match walk(from, name)? {
        Found::Both(format, length) => Ok((format, length)),
        Found::SamplesFirst(_) => {
            Err(bad(name, "its samples come before their format, which a pipe cannot go back to")
                .hint("put it into a file first"))
        }
        Found::FormatLast(_) => Err(bad(name, "there are no samples in it")),
    }
}

enum Found {
    Both(Format, u32),
    SamplesFirst(u32),
    FormatLast(Format),
}

/// Walks over chunks until it stands on samples, or at the end. The outermost header is passed where it stands.
fn walk(from: &mut impl Read, name: &str) -> Result<Found> {
    let mut format = None;
    let mut place = 0u64;
    loop {
        let Some([head, length]) = chunk(from).context(Kind::Failed, || format!("cannot read {name}"))? else {
            return match format {
                Some(format) => Ok(Found::FormatLast(format)),
                None => Err(bad(name, &format!("it ends at byte {place} of its header"))),
            };
        };
        let length = u32::from_le_bytes(length);
        place += 8;
        match &head {
            b"RIFF" | b"RF64" | b"BW64" => {
                let mut kind = [0; 4];
                if fill(from, &mut kind).unwrap_or(0) < 4 || &kind != b"WAVE" {
                    return Err(bad(name, "it is RIFF, but not WAVE (byte 8)"));
                }
                place += 4;
            }
            b"fmt " => {
                let wanted = u64::from(length) + u64::from(length % 2);
                let mut body = Vec::new();
                from.take(wanted.min(MOST_FORMAT))
                    .read_to_end(&mut body)
                    .context(Kind::Failed, || format!("cannot read {name}"))?;
                skip(from, wanted.saturating_sub(MOST_FORMAT));
                format = Some(parse(&body, name, place)?);
                place += wanted;
            }
            b"data" => {
                return Ok(match format {
                    Some(format) => Found::Both(format, length),
                    None => Found::SamplesFirst(length),
                });
            }
            _ => {
                let wanted = u64::from(length) + u64::from(length % 2);
                skip(from, wanted);
                place += wanted;
            }
        }
    }
}

/// The name and length of the next chunk; `None` at the end.
fn chunk(from: &mut impl Read) -> io::Result<Option<[[u8; 4]; 2]>> {
    let mut head = [0; 8];
    Ok((fill(from, &mut head)? == 8).then(|| {
        let [a, b, c, d, e, f, g, h] = head;
        [[a, b, c, d], [e, f, g, h]]
    }))
}

/// Reads until `out` is full or nothing more comes; gives how many bytes came.
fn fill(from: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match from.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Passes over bytes; the end before is noticed by whoever reads next.
fn skip(from: &mut impl Read, bytes: u64) {
    let _ = io::copy(&mut from.take(bytes), &mut io::sink());
}

fn parse(body: &[u8], name: &str, place: u64) -> Result<Format> {
    let two = |at: usize| Some(u16::from_le_bytes([*body.get(at)?, *body.get(at + 1)?]));
    let Some((mut tag, channels, low, high, block, bits)) = two(0).and_then(|tag| {
        Some((tag, usize::from(two(2)?), two(4)?, two(6)?, usize::from(two(12)?), usize::from(two(14)?)))
    }) else {
        return Err(bad(name, &format!("its format is cut off (byte {place})")));
    };
    if tag == 0xfffe {
        // The first two bytes of the long name are the short one.
        tag = two(24).unwrap_or(tag);
    }
    // The room that a sample takes is believed before its number of bits.
    let room = if channels > 0 && block % channels == 0 && block > 0 { block / channels } else { bits.div_ceil(8) };
    let code = match (tag, room) {
        (1, 1..=4) => Some(Code::Whole(room)),
        (3, 4) => Some(Code::Float32),
        (3, 8) => Some(Code::Float64),
        (6, 1) => Some(Code::ALaw),
        (7, 1) => Some(Code::MuLaw),
        (2 | 0x11, _) => None,
        _ => {
            return Err(bad(
                name,
                &format!("its samples are written in a way unknown here (code {tag:#06x}, {bits} bits, byte {place})"),
            )
            .hint("`ffmpeg -i IN out.wav` turns it into one that is"));
        }
    };
    let rate = u32::from(low) | u32::from(high) << 16;
    Ok(Format { code, rate, channels })
}

fn samples(from: Box<dyn Read + Send>, name: &str, format: &Format, code: Code, length: u32) -> Box<dyn Samples> {
    let endless = length == 0 || length >= ENDLESS;
    let frame = (code.bytes() * format.channels.max(1)) as u64;
    let origin = Origin {
        format: "WAV",
        rate: format.rate,
        channels: format.channels,
        frames: (!endless).then(|| u64::from(length) / frame),
    };
    let left = if endless { u64::MAX } else { u64::from(length) };
    Box::new(Wav { from, name: name.to_string(), code, origin, left, waiting: Vec::new() })
}

impl Samples for Wav {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn block(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        let room = (BLOCK as u64).min(self.left);
        let before = self.waiting.len();
        let came = (&mut self.from).take(room).read_to_end(&mut self.waiting);
        came.context(Kind::Failed, || format!("cannot read {}", self.name))?;
        self.left -= (self.waiting.len() - before) as u64;
        let bytes = self.code.bytes();
        let frame = bytes * self.origin.channels.max(1);
        let whole = self.waiting.len() / frame * frame;
        out.extend(self.waiting[..whole].chunks_exact(bytes).map(|s| self.code.sample(s)));
        self.waiting.drain(..whole);
        // What is left over is a frame that was cut off.
        Ok(whole > 0)
    }
}

/// A pipe that remembers what was read of it, until somebody takes over.
struct Kept<R> {
    inner: R,
    kept: Vec<u8>,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let came = self.inner.read(out)?;
        // A header that is longer is of nobody who packs samples.
        if self.kept.len() < BLOCK {
            self.kept.extend_from_slice(&out[..came]);
        }
        Ok(came)
    }
}

/// G.711, A-law.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (byte >> 4 & 7, i16::from(byte & 15));
    let height = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -height } else { height }
}

/// G.711, μ-law.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let height = (((i16::from(byte & 15) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84;
    if byte & 0x80 == 0 { height } else { -height }
}
