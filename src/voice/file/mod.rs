//! Sound in files: WAV, FLAC, OGG/Vorbis and MP3 of any rate and any number of channels in, WAV out.
//!
//! Everything is read as a stream, a block at a time, so that hours take no more memory than seconds. Headers are not
//! believed: lengths that lie, chunks in any order and files that end too early give the sound that is there. Of many
//! channels the loudest is taken, as from a microphone.

mod channels;
mod coded;
mod wav;
mod write;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::chain::resample::{MOST_RATE, Stream};
use crate::voice::clip::Clip;

use channels::Loudest;

pub use wav::raw;
pub use write::{Writer, bytes};

/// Most channels that are believed.
const MOST_CHANNELS: usize = 64;

/// What bytes come from: a file, or a pipe that cannot go back.
enum Bytes {
    File(File),
    Pipe(Box<dyn Read + Send + Sync>),
}

/// A stream of samples of all channels.
trait Samples: Send {
    /// What the header says.
    fn origin(&self) -> &Origin;

    /// Puts the next samples at the end of `out`, channel beside channel, whole frames only; `false` at the end.
    fn block(&mut self, out: &mut Vec<f32>) -> Result<bool>;
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `WAV`, `FLAC`, `OGG` or `MP3`.
    pub format: &'static str,
    /// Samples a second, Hz.
    pub rate: u32,
    /// How many channels it has.
    pub channels: usize,
    /// How many samples of each channel there are, where that can be believed.
    pub frames: Option<u64>,
}

/// The sound of a file, one channel at a wanted rate, a block at a time.
pub struct Sound {
    samples: Box<dyn Samples>,
    stream: Stream,
    rate: u32,
    loudest: Loudest,
    block: Vec<f32>,
    mono: Vec<f32>,
    ended: bool,
}

impl Sound {
    /// A file's sound at `rate` Hz, or at its own.
    ///
    /// # Errors
    /// `NotFound` or `Failed` when it cannot be opened, `BadData` when it is no sound that is known here: empty, of
    /// another format, with a rate of 0 Hz.
    pub fn open(path: &Path, rate: Option<u32>) -> Result<Sound> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|e| {
            let kind = if e.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Failed };
            Error::new(kind, format!("cannot open {name}")).because(e)
        })?;
        let about = file.metadata().context(Kind::Failed, || format!("cannot look at {name}"))?;
        if about.is_dir() {
            return Err(Error::new(Kind::BadData, format!("{name} is a folder, not a recording")));
        }
        let bytes = if about.is_file() { Bytes::File(file) } else { Bytes::Pipe(Box::new(file)) };
        Sound::of(bytes, &name, rate)
    }

    /// The sound of a pipe that cannot go back; `name` is for messages.
    ///
    /// # Errors
    /// As [`Sound::open`].
    pub fn from_pipe(pipe: Box<dyn Read + Send + Sync>, name: &str, rate: Option<u32>) -> Result<Sound> {
        Sound::of(Bytes::Pipe(pipe), name, rate)
    }

    fn of(bytes: Bytes, name: &str, rate: Option<u32>) -> Result<Sound> {
        let samples = sniff(bytes, name)?;
        let origin = samples.origin();
        if origin.rate == 0 || origin.rate > MOST_RATE {
            return Err(bad(name, &format!("its header says {} Hz", origin.rate))
                .hint(format!("rates from 1 to {MOST_RATE} Hz are read; the header may be damaged")));
        }
        if origin.channels == 0 || origin.channels > MOST_CHANNELS {
            return Err(bad(name, &format!("its header says {} channels", origin.channels))
                .hint(format!("1 to {MOST_CHANNELS} channels are read; the header may be damaged")));
        }
        let rate = rate.unwrap_or(origin.rate);
        Ok(Sound {
            stream: Stream::new(origin.rate, rate)?,
            loudest: Loudest::new(origin.channels, origin.rate),
            samples,
            rate,
            block: Vec::new(),
            mono: Vec::new(),
            ended: false,
        })
    }

    /// What the file says of itself.
    pub fn origin(&self) -> &Origin {
        self.samples.origin()
    }

    /// Samples a second that it gives, Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Puts the next samples at the end of `out`; `false` when there are no more.
    ///
    /// # Errors
    /// `BadData` with the place where the file is broken beyond going on, `Failed` when it cannot be read.
    pub fn more(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.block.clear();
        if self.samples.block(&mut self.block)? {
            self.mono.clear();
            self.loudest.take(&self.block, &mut self.mono);
            self.stream.push(&self.mono, out)?;
        } else {
            self.ended = true;
            self.stream.finish(out)?;
        }
        Ok(true)
    }
}

/// A whole file in memory, one channel, at `rate` Hz or at its own.
///
/// # Errors
/// As [`Sound::open`] and [`Sound::more`]; `BadData` for a file without a single sample.
pub fn read(path: &Path, rate: Option<u32>) -> Result<Clip> {
    collect(Sound::open(path, rate)?, &path.display().to_string())
}

/// A recording that is in memory already, as what a speaker program printed.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: Vec<u8>, name: &str, rate: Option<u32>) -> Result<Clip> {
    collect(Sound::from_pipe(Box::new(Cursor::new(bytes)), name, rate)?, name)
}

/// Writes a clip as WAV, 16 bits.
///
/// # Errors
/// `Failed` when the file cannot be written.
pub fn write(path: &Path, clip: &Clip) -> Result<()> {
    let mut writer = Writer::create(path, clip.rate)?;
    writer.push(&clip.samples)?;
    writer.finish()
}

fn collect(mut sound: Sound, name: &str) -> Result<Clip> {
    let mut samples = Vec::new();
    while sound.more(&mut samples)? {}
    if samples.is_empty() {
        return Err(bad(name, "there is not a single sample in it"));
    }
    Ok(Clip::new(sound.rate(), samples))
}

/// Who reads it, by its first bytes.
fn sniff(mut bytes: Bytes, name: &str) -> Result<Box<dyn Samples>> {
    let head = head(&mut bytes).context(Kind::Failed, || format!("cannot read {name}"))?;
    if head.is_empty() {
        return Err(bad(name, "it is empty"));
    }
    let format = match &head[..] {
        [b'R', b'I', b'F', b'F', ..] | [b'R', b'F', b'6', b'4', ..] | [b'B', b'W', b'6', b'4', ..] => "WAV",
        [b'f', b'L', b'a', b'C', ..] => "FLAC",
        [b'O', b'g', b'g', b'S', ..] => "OGG",
        [b'I', b'D', b'3', ..] => "MP3",
        [0xff, second, ..] if second & 0xe0 == 0xe0 => "MP3",
        _ => {
            return Err(bad(name, "its first bytes are of no sound format")
                .hint("WAV, FLAC, OGG (Vorbis) and MP3 are read; `ffmpeg -i IN out.wav` turns the rest into one"));
        }
    };
    let bytes = rewound(bytes, head).context(Kind::Failed, || format!("cannot read {name} again"))?;
    if format == "WAV" { wav::open(bytes, name) } else { coded::open(bytes, name, format) }
}

/// The first bytes, 12 at most.
fn head(bytes: &mut Bytes) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    match bytes {
        Bytes::File(file) => file.take(12).read_to_end(&mut head)?,
        Bytes::Pipe(pipe) => pipe.take(12).read_to_end(&mut head)?,
    };
    Ok(head)
}

fn rewound(bytes: Bytes, head: Vec<u8>) -> std::io::Result<Bytes> {
    Ok(match bytes {
        Bytes::File(mut file) => {
            file.seek(SeekFrom::Start(0))?;
            Bytes::File(file)
        }
        Bytes::Pipe(pipe) => Bytes::Pipe(Box::new(Cursor::new(head).chain(pipe))),
    })
}

fn bad(name: &str, why: &str) -> Error {
    Error::new(Kind::BadData, format!("{name} is no sound that can be read: {why}"))
}

#[cfg(test)]
mod tests;
