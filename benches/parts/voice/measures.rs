//! How near a sound is to what it should be.

/// Scale-invariant signal-to-distortion ratio, dB.
pub fn si_sdr(clean: &[f32], other: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let scale = dot(clean, other) / dot(clean, clean).max(1e-30);
    let (mut signal, mut rest) = (0.0, 1e-30);
    for (c, o) in clean.iter().zip(other) {
        let part = scale * f64::from(*c);
        signal += part * part;
        rest += (f64::from(*o) - part).powi(2);
    }
    10.0 * (signal / rest).log10()
}

/// `other` moved to where it fits `clean` best, within `most` samples later, and as long.
pub fn aligned(clean: &[f32], other: &[f32], most: usize) -> Vec<f32> {
    let span = clean.len().min(other.len()).saturating_sub(most).min(96_000);
    let begin = clean.len().saturating_sub(span + most) / 2;
    let fit = |late: usize| -> f64 {
        let pairs = clean[begin..begin + span].iter().zip(&other[begin + late..]);
        pairs.map(|(a, b)| f64::from(a * b)).sum()
    };
    let late = (0..most).max_by(|a, b| fit(*a).total_cmp(&fit(*b))).unwrap_or(0);
    let mut moved = other[late..].to_vec();
    moved.resize(clean.len(), 0.0);
    moved
}
