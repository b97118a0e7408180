//! FLAC, OGG/Vorbis, MP3 and packed WAV, by symphonia.

use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Coded;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;

use super::{Bytes, Origin, Samples, bad};
use crate::kernel::error::{Error, Kind, Result};

/// Packets in a row that may be broken before the rest is given up.
const MOST_BROKEN: u32 = 100;

struct Packets {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    name: String,
    origin: Origin,
    room: Vec<f32>,
    given: u64,
    broken: u32,
}

/// Opens it.
pub(super) fn open(bytes: Bytes, name: &str, format: &'static str) -> Result<Box<dyn Samples>> {
    // Decoders of others may fall over bytes that nobody thought of; that is the file's fault, not ours.
    let opened = catch_unwind(AssertUnwindSafe(|| packets(bytes, name, format)));
    Ok(Box::new(opened.unwrap_or_else(|_| Err(bad(name, "its decoder fell over it")))?))
}

fn packets(bytes: Bytes, name: &str, format: &'static str) -> Result<Packets> {
    let source: Box<dyn MediaSource> = match bytes {
        Bytes::File(file) => Box::new(file),
        Bytes::Pipe(pipe) => Box::new(ReadOnlySource::new(pipe)),
    };
    let stream = MediaSourceStream::new(source, Default::default());
    let mut hint = Hint::new();
    hint.with_extension(&format.to_lowercase());
    let probe = symphonia::default::get_probe();
    let reader = probe
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|e| broken(name, format, "header", e))?;
    let Some(track) = reader.default_track(TrackType::Audio) else {
        return Err(bad(name, "there is no sound in it"));
    };
    let Some(params) = track.codec_params.as_ref().and_then(|p| p.audio()) else {
        return Err(bad(name, "it does not say how its sound is packed")
            .hint("OGG is read with Vorbis in it; `ffmpeg -i IN out.wav` turns other packings into WAV"));
    };
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|e| broken(name, format, "header", e))?;
    let origin = Origin {
        format,
        rate: params.sample_rate.unwrap_or(0),
        channels: params.channels.as_ref().map_or(0, |c| c.count()),
        frames: track.num_frames,
    };
    let track = track.id;
    let mut packets =
        Packets { reader, decoder, track, name: name.to_string(), origin, room: Vec::new(), given: 0, broken: 0 };
    packets.first()?;
    Ok(packets)
}

fn broken(name: &str, format: &str, place: &str, error: Coded) -> Error {
    bad(name, &format!("its {format} {place} is broken")).because(error)
}

impl Packets {
    /// Some headers do not tell the rate or the channels: the first packet does.
    fn first(&mut self) -> Result<()> {
        if self.origin.rate != 0 && self.origin.channels != 0 {
            return Ok(());
        }
        let mut room = Vec::new();
        self.decode(&mut room)?;
        self.room = room;
        Ok(())
    }

    /// The next packet that can be decoded; `false` at the end.
    fn decode(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                // A file that ends too early ends.
                Ok(None) | Err(Coded::IoError(_) | Coded::ResetRequired) => return Ok(false),
                Err(error) if self.given == 0 => return Err(self.broken_here(error)),
                Err(_) => return Ok(false),
            };
            if packet.track_id != self.track {
                continue;
            }
            let decoded = match self.decoder.decode(&packet) {
                Ok(decoded) => decoded,
                Err(Coded::DecodeError(_) | Coded::IoError(_)) if self.broken < MOST_BROKEN => {
                    self.broken += 1;
                    continue;
                }
                Err(error) if self.given == 0 => return Err(self.broken_here(error)),
                Err(_) => return Ok(false),
            };
            let (rate, channels) = (decoded.spec().rate(), decoded.num_planes());
            if self.origin.rate == 0 || self.origin.channels == 0 {
                (self.origin.rate, self.origin.channels) = (rate, channels);
            }
            if (rate, channels) != (self.origin.rate, self.origin.channels) {
                // Another recording begins in the middle, or it is broken from here on.
                return Ok(false);
            }
            self.broken = 0;
            decoded.copy_to_vec_interleaved(out);
            if !out.is_empty() {
                self.given += (out.len() / channels.max(1)) as u64;
                return Ok(true);
            }
        }
    }

    fn broken_here(&self, error: Coded) -> Error {
        broken(&self.name, self.origin.format, "first packet", error)
    }
}

impl Samples for Packets {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn block(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        if !self.room.is_empty() {
            out.append(&mut self.room);
            return Ok(true);
        }
        let mut room = Vec::new();
        let decoded = catch_unwind(AssertUnwindSafe(|| self.decode(&mut room)));
        let more = decoded.unwrap_or_else(|_| {
            let place = self.given as f64 / f64::from(self.origin.rate.max(1));
            Err(Error::new(Kind::BadData, format!("{} is broken {place:.1} s from its start", self.name)))
        })?;
        out.append(&mut room);
        Ok(more)
    }
}
