//! What is read off a frame that came in: level, peak, clipping, nothing but zeros.

use super::Cleaned;
use crate::voice::clip::{FRAME, level, peak};

/// From here on a sample counts as clipped: the last step of 16 bits and a little below.
const FULL: f32 = 0.999;

/// Writes what there is to read off a frame into what came of it.
pub fn before(frame: &[f32; FRAME], cleaned: &mut Cleaned) {
    cleaned.before = level(frame);
    cleaned.peak = peak(frame);
    cleaned.clipped = clipped(frame);
    cleaned.zeros = frame.iter().all(|s| *s == 0.0);
}

/// How many samples are at full scale.
pub fn clipped(samples: &[f32]) -> u32 {
    samples.iter().filter(|s| s.abs() >= FULL).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read() {
        let mut frame = [0.5; FRAME];
        frame[7] = -1.0;
        let mut cleaned = Cleaned::default();
        before(&frame, &mut cleaned);
        assert_eq!((cleaned.clipped, cleaned.zeros, cleaned.peak), (1, false, 0.0));
        assert!((cleaned.before + 6.0).abs() < 0.1, "{}", cleaned.before);
        before(&[0.0; FRAME], &mut cleaned);
        assert_eq!((cleaned.clipped, cleaned.zeros, cleaned.before), (0, true, crate::voice::clip::SILENCE));
    }
}
