//! WAV in memory, as it is handed to transcribers. Reading is the business of [`super::file`].

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_by_others() {
        let clip = Clip::new(16_000, vec![0.0, 0.5, -0.5, 2.0, f32::NAN]);
        let bytes = write(&clip);
        let mut theirs = hound::WavReader::new(&bytes[..]).unwrap();
        assert_eq!((theirs.spec().sample_rate, theirs.spec().channels, theirs.duration()), (16_000, 1, 5));
        assert_eq!(theirs.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [0, 16_384, -16_384, 32_767, 0]);
        assert_eq!(raw(&[0, 64, 0, 192, 1], 8000), Clip::new(8000, vec![0.5, -0.5]));
    }
}
