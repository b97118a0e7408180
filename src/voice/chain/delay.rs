//! Holding samples back, so that two ways through the chain take equally long.

use crate::voice::clip::FRAME;

/// A line of a fixed length.
pub struct Delay {
    line: Vec<f32>,
    at: usize,
}

impl Delay {
    /// A line of `samples`, filled with silence.
    pub fn new(samples: usize) -> Delay {
        Delay { line: vec![0.0; samples], at: 0 }
    }

    /// How many samples it holds.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether it holds nothing back at all.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Puts a frame in and takes what is due instead.
    pub fn frame(&mut self, frame: &mut [f32; FRAME]) {
        if self.line.is_empty() {
            return;
        }
        for sample in frame {
            std::mem::swap(sample, &mut self.line[self.at]);
            self.at = (self.at + 1) % self.line.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_exactly_so_much_later() {
        let mut delay = Delay::new(700);
        let mut out = Vec::new();
        for n in 0..4 {
            let mut frame: [f32; FRAME] = std::array::from_fn(|i| (n * FRAME + i + 1) as f32);
            delay.frame(&mut frame);
            out.extend(frame);
        }
        assert!(out[..700].iter().all(|s| *s == 0.0));
        assert!(out[700..].iter().enumerate().all(|(i, s)| *s == (i + 1) as f32));
    }
}
