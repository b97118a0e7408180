//! Writing WAV that can be read at any moment: the header is brought up to date while the file grows.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::kernel::error::{Context, Kind, Result};
use crate::voice::clip::{self, Clip};

/// Bytes of the header: RIFF, a format of 16 bytes, the head of the samples.
const HEADER: usize = 44;
/// What stands for a length that nobody knows yet, as ffmpeg writes into pipes.
const UNKNOWN: u32 = u32::MAX;

enum Out {
    File(File),
    Pipe(Box<dyn Write + Send>),
}

/// A WAV file that grows: one channel, 16 bits.
pub struct Writer {
    out: Out,
    name: String,
    rate: u32,
    bytes: u64,
    told: u64,
    room: Vec<u8>,
}

impl Writer {
    /// A new file, or over an old one.
    ///
    /// # Errors
    /// `Failed` when it cannot be created or written.
    pub fn create(path: &Path, rate: u32) -> Result<Writer> {
        let name = path.display().to_string();
        let file = File::create(path).context(Kind::Failed, || format!("cannot create {name}"))?;
        Writer::over(file, &name, rate)
    }

    /// Over a file that was opened, with whatever rights the caller wanted, and is empty.
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn over(file: File, name: &str, rate: u32) -> Result<Writer> {
        Writer::begin(Out::File(file), name, rate, 0)
    }

    /// Into a pipe, whose header cannot be mended later: its lengths say "until the end".
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn pipe(out: Box<dyn Write + Send>, name: &str, rate: u32) -> Result<Writer> {
        Writer::begin(Out::Pipe(out), name, rate, UNKNOWN)
    }

    fn begin(out: Out, name: &str, rate: u32, length: u32) -> Result<Writer> {
        let mut writer = Writer { out, name: name.to_string(), rate, bytes: 0, told: 0, room: Vec::new() };
        let head = header(rate, length);
        writer.put(&head)?;
        Ok(writer)
    }

    /// Appends samples between -1 and 1; what stands higher is cut, what is no number is silence. After every half
    /// second the header says what is there.
    ///
    /// # Errors
    /// `Failed` when it cannot be written, as on a full disk.
    pub fn push(&mut self, samples: &[f32]) -> Result<()> {
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        room.extend(sixteen(samples));
        let put = self.put(&room);
        self.bytes += room.len() as u64;
        self.room = room;
        put?;
        if self.bytes - self.told >= u64::from(self.rate) { self.tell() } else { Ok(()) }
    }

    /// How many ms of sound it holds.
    pub fn ms(&self) -> u64 {
        clip::ms(self.bytes / 2, self.rate)
    }

    /// Brings the header up to date.
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn tell(&mut self) -> Result<()> {
        self.told = self.bytes;
        let head = header(self.rate, u32::try_from(self.bytes).unwrap_or(UNKNOWN));
        let Out::File(file) = &mut self.out else { return Ok(()) };
        let mended = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(&head))
            .and_then(|()| file.seek(SeekFrom::End(0)).map(|_| ()));
        mended.context(Kind::Failed, || format!("cannot write {}", self.name))
    }

    /// The last word; without it the file holds everything as well, but says half a second less.
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.tell()?;
        let Out::Pipe(pipe) = &mut self.out else { return Ok(()) };
        pipe.flush().context(Kind::Failed, || format!("cannot write {}", self.name))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let put = match &mut self.out {
            Out::File(file) => file.write_all(bytes),
            Out::Pipe(pipe) => pipe.write_all(bytes),
        };
        put.context(Kind::Failed, || format!("cannot write {}", self.name))
    }
}

/// A clip as a WAV file in memory, as it is handed to transcribers; its samples as [`Writer::push`] writes them.
pub fn bytes(clip: &Clip) -> Vec<u8> {
    let length = u32::try_from(clip.samples.len() * 2).unwrap_or(UNKNOWN);
    header(clip.rate, length).into_iter().chain(sixteen(&clip.samples)).collect()
}

/// Samples of 16 bits, the smaller byte first. What stands higher is cut, what is no number is 0.
pub(super) fn sixteen(samples: &[f32]) -> impl Iterator<Item = u8> {
    samples.iter().flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes())
}

fn header(rate: u32, length: u32) -> [u8; HEADER] {
    let mut head = [0; HEADER];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        head[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&length.saturating_add(HEADER as u32 - 8).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&1u16.to_le_bytes());
    put(&1u16.to_le_bytes());
    put(&rate.to_le_bytes());
    put(&rate.saturating_mul(2).to_le_bytes());
    put(&2u16.to_le_bytes());
    put(&16u16.to_le_bytes());
    put(b"data");
    put(&length.to_le_bytes());
    head
}
