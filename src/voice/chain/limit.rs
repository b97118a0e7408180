//! Keeping samples what they should be: numbers, between -1 and 1, and never clipped by us.

/// Above this height a sample is bent instead of cut.
const KNEE: f32 = 0.95;
/// What no sound card gives: beyond it a sample is an accident.
const ABSURD: f32 = 8.0;
/// Below this, numbers only make arithmetic slow.
const TINY: f32 = 1e-15;

/// Makes numbers of what is none and tames what is absurd; gives how many samples were no numbers.
pub fn mend(samples: &mut [f32]) -> u32 {
    let mut broken = 0;
    for sample in samples {
        if !sample.is_finite() {
            *sample = 0.0;
            broken += 1;
        } else if sample.abs() < TINY {
            *sample = 0.0;
        } else {
            *sample = sample.clamp(-ABSURD, ABSURD);
        }
    }
    broken
}

/// Bends what stands too high, sample by sample, so that nothing reaches 1. What is not a number becomes silence.
pub fn soften(samples: &mut [f32]) {
    for sample in samples {
        let height = sample.abs();
        if height > KNEE {
            let room = 1.0 - KNEE;
            *sample = sample.signum() * (KNEE + room * ((height - KNEE) / room).tanh()).min(0.999_99);
        } else if !sample.is_finite() {
            *sample = 0.0;
        }
    }
}

/// Cuts at full scale: for sound that nothing was done to.
pub fn cut(samples: &mut [f32]) {
    for sample in samples {
        *sample = sample.clamp(-1.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_low_enough_is_left_alone() {
        let mut samples = [0.0, -0.5, 0.949, 1.0, -3.0, f32::NAN];
        soften(&mut samples);
        assert_eq!(samples[..3], [0.0, -0.5, 0.949]);
        assert!(samples[3] > 0.98 && samples[3] < 1.0 && samples[4] == -0.999_99, "{samples:?}");
        assert_eq!(samples[5], 0.0);
    }

    #[test]
    fn what_is_no_number_is_silence_and_counted() {
        let mut samples = [f32::NAN, f32::INFINITY, 1e-40, 0.25, 1e20];
        assert_eq!(mend(&mut samples), 2);
        assert_eq!(samples, [0.0, 0.0, 0.0, 0.25, 8.0]);
    }

    proptest! {
        #[test]
        fn the_bend_keeps_order_and_never_reaches_full_scale(a in any::<f32>(), b in any::<f32>()) {
            let mut pair = [a, b];
            mend(&mut pair);
            let ordered = pair[0] <= pair[1];
            soften(&mut pair);
            prop_assert!(pair.iter().all(|s| s.is_finite() && s.abs() < 1.0));
            prop_assert!(!ordered || pair[0] <= pair[1]);
        }
    }
}
