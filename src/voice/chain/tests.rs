//! The chain as a whole: aligned, finite, never clipped, silent where nothing came in, and the same after an hour.

use proptest::prelude::*;

use super::*;
use crate::voice::clip::{Clip, level};

/// Even noise between -1 and 1, the same each time.
pub(super) fn noise(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed.max(1);
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    }
}

fn frames(samples: &[f32]) -> impl Iterator<Item = [f32; FRAME]> + '_ {
    samples.chunks_exact(FRAME).map(|f| std::array::from_fn(|n| f[n]))
}

fn through(stages: &Stages, samples: &[f32], played: Option<&[f32]>) -> (Vec<Cleaned>, usize) {
    let mut chain = Chain::new(stages).unwrap();
    let played: Vec<Option<[f32; FRAME]>> = match played {
        Some(played) => frames(played).map(Some).collect(),
        None => vec![None; samples.len() / FRAME],
    };
    let cleaned = frames(samples).zip(played).map(|(f, p)| chain.frame(&f, p.as_ref())).collect();
    (cleaned, chain.delay())
}

fn clean(cleaned: &[Cleaned]) -> Vec<f32> {
    cleaned.iter().flat_map(|c| c.clean).collect()
}

/// How much later `b` is than `a`, samples, by the highest correlation.
fn lag(a: &[f32], b: &[f32], most: usize) -> usize {
    let at = |lag: usize| -> f64 { a.iter().zip(&b[lag..]).map(|(x, y)| f64::from(x * y)).sum() };
    (0..most).max_by(|x, y| at(*x).total_cmp(&at(*y))).unwrap()
}

const DENOISE: Stages = Stages { denoise: true, ..Stages::NONE };

#[test]
fn every_stage_is_as_late_as_it_says() {
    // Noise that swells: no pitch to be mistaken by a period.
    let (mut dice, mut smooth) = (noise(7), 0.0);
    let swell = |n: usize| if (n / 4_800).is_multiple_of(2) { 0.5 } else { 0.05 };
    let speech: Vec<f32> = (0..96_000)
        .map(|n| {
            smooth = 0.8 * smooth + 0.2 * dice();
            smooth * swell(n)
        })
        .collect();
    for (stages, played) in [(Stages::NONE, false), (DENOISE, false), (Stages::ALL, false), (Stages::ALL, true)] {
        let silence = vec![0.0; speech.len()];
        let (cleaned, delay) = through(&stages, &speech, played.then_some(&silence[..]));
        let found = lag(&speech[48_000..60_000], &clean(&cleaned)[48_000..], 2_000);
        assert!(found.abs_diff(delay) <= 24, "{stages:?} {played}: {found}, not {delay}");
        let raw: Vec<f32> = cleaned.iter().flat_map(|c| c.raw).collect();
        assert!(raw[delay..] == speech[..speech.len() - delay], "{stages:?}");
    }
}

#[test]
fn without_stages_frames_pass_as_they_are() {
    let speech = pace::made_up(1, 20.0);
    let (cleaned, delay) = through(&Stages::NONE, &speech, None);
    assert_eq!(delay, 0);
    assert!(clean(&cleaned) == speech);
}

#[test]
fn offline_gives_as_much_as_it_got_and_where_it_was() {
    let speech = pace::made_up(2, 30.0);
    for length in [1, 479, 480, 481, 70_001] {
        let clip = Clip::new(RATE, speech[..length].to_vec());
        assert_eq!(offline::clip(&clip, &[], &Stages::ALL).unwrap().samples.len(), length);
    }
    let out = offline::clip(&Clip::new(RATE, speech.clone()), &[], &DENOISE).unwrap().samples;
    assert_eq!(lag(&speech[24_000..40_000], &out[24_000..], 50), 0);
}

#[test]
fn noise_goes_and_speech_stays() {
    let mut hiss = noise(5);
    let quiet: Vec<f32> = (0..3 * 48_000).map(|_| 0.05 * hiss()).collect();
    let (cleaned, _) = through(&DENOISE, &quiet, None);
    let after = level(&clean(&cleaned)[48_000..]);
    assert!(after < level(&quiet) - 12.0, "{after}");
    let speech = pace::made_up(4, 40.0);
    let (cleaned, _) = through(&DENOISE, &speech, None);
    let after = level(&clean(&cleaned)[48_000..]);
    assert!((after - level(&speech[48_000..])).abs() < 3.0, "{after} of {}", level(&speech[48_000..]));
}

#[test]
fn silence_comes_out_as_zeros_before_and_after_sound() {
    let mut samples = vec![0.0; 20 * FRAME];
    samples.extend(pace::made_up(1, 10.0));
    let sounded = samples.len() / FRAME;
    samples.extend(vec![0.0; 60 * FRAME]);
    for played in [None, Some(vec![0.1; samples.len()])] {
        let (cleaned, _) = through(&Stages::ALL, &samples, played.as_deref());
        let zero = |c: &Cleaned| c.clean.iter().all(|s| *s == 0.0);
        assert!(cleaned[..20].iter().all(|c| zero(c) && c.zeros && c.after == crate::voice::clip::SILENCE));
        assert!(cleaned[sounded + 6..].iter().all(zero));
        assert!(cleaned[sounded + 30..].iter().all(|c| !c.voice));
    }
}

#[test]
fn what_is_no_number_is_gone_when_it_is_gone() {
    let speech = pace::made_up(2, 20.0);
    let mut poisoned = speech.clone();
    for (n, bad) in
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38, 1e-42, -f32::NAN].into_iter().cycle().take(480).enumerate()
    {
        poisoned[9_600 + n] = bad;
    }
    let (plain, _) = through(&Stages::ALL, &speech, Some(&vec![0.0; speech.len()]));
    let (cleaned, _) = through(&Stages::ALL, &poisoned, Some(&vec![f32::NAN; speech.len()]));
    assert_eq!(cleaned.iter().map(|c| c.broken).sum::<u32>(), 320);
    assert!(cleaned.iter().all(|c| c.clean.iter().chain(&c.speech).chain(&c.raw).all(|s| s.is_finite())));
    let (a, b) = (level(&clean(&plain)[60_000..]), level(&clean(&cleaned)[60_000..]));
    assert!((a - b).abs() < 1.0, "{a} and {b}");
}

#[test]
fn the_echo_of_what_is_played_goes_however_soon_it_comes() {
    let played = pace::made_up(8, 60.0);
    for after in [0, 1_920] {
        // A room: the straight way, and two walls.
        let mut heard = vec![0.0; played.len()];
        for (late, height) in [(after, 0.5), (after + 780, 0.2), (after + 2_180, -0.12)] {
            for n in late..heard.len() {
                heard[n] += height * played[n - late];
            }
        }
        let stages = Stages { echo: true, ..Stages::NONE };
        let (cleaned, _) = through(&stages, &heard, Some(&played));
        let gone = level(&heard[5 * 48_000..]) - level(&clean(&cleaned)[5 * 48_000..]);
        assert!(gone > 25.0, "{gone} dB of an echo after {after} samples");
    }
}

#[test]
fn an_hour_brings_no_drift_and_no_growth() {
    // The same second again and again stands for the hour: once everything has settled, a round sounds like an earlier
    // one to the sample, whatever was in between.
    let second = pace::made_up(1, 20.0);
    let mut chain = Chain::new(&Stages::ALL).unwrap();
    let mut utterances = Utterances::new(Timing { most_ms: 5_000, ..Timing::default() });
    let rounds = 36;
    let (mut last, mut ended) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut out = Vec::new();
        for frame in frames(&second) {
            let cleaned = chain.frame(&frame, (round % 3 == 0).then_some(&[0.0; FRAME]));
            out.extend(cleaned.clean);
            if let Some(Event::Ended(utterance)) = utterances.push(&cleaned) {
                assert_eq!(utterance.raw.ms(), utterance.to_ms - utterance.from_ms);
                ended.push((utterance.from_ms, utterance.to_ms));
            }
        }
        last.push(out);
    }
    // Cut by the longest length, one after the other, and no sample between them is lost.
    assert!(ended.len() >= 5, "{ended:?}");
    assert!(ended.windows(2).all(|w| w[0].1 == w[1].0 && w[1].1 - w[1].0 == 5_000), "{ended:?}");
    let (early, late) = (&last[rounds - 7], &last[rounds - 1]);
    let difference: Vec<f32> = early.iter().zip(late).map(|(a, b)| a - b).collect();
    assert!(level(&difference) < level(early) - 20.0, "{} of {}", level(&difference), level(early));
}

#[test]
fn stages_have_names() {
    assert_eq!(Stages::parse("echo, denoise").unwrap(), Stages { detect: false, ..Stages::ALL });
    assert_eq!((Stages::parse("none").unwrap(), Stages::parse("all").unwrap()), (Stages::NONE, Stages::ALL));
    assert_eq!(Stages::ALL.names(), ["echo", "denoise", "detect"]);
    assert_eq!(Stages::parse("noise").unwrap_err().message(), "there is no stage `noise`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_comes_in_stays_within_full_scale(seed in any::<u32>(), height in 0.0f32..20.0, odd in proptest::collection::vec(any::<f32>(), 40)) {
        let mut dice = noise(seed);
        let mut chain = Chain::new(&Stages::ALL).unwrap();
        for round in 0..40 {
            let loud = if round % 3 == 0 { height } else { 0.3 };
            let mut frame: [f32; FRAME] = std::array::from_fn(|_| (loud * dice()).clamp(-height, height));
            frame[..40].copy_from_slice(&odd);
            let cleaned = chain.frame(&frame, (round % 2 == 0).then_some(&frame));
            prop_assert!(cleaned.clean.iter().all(|s| s.is_finite() && s.abs() < 1.0));
            prop_assert!(cleaned.speech.iter().all(|s| s.is_finite()));
            prop_assert!(cleaned.snr.is_finite() && cleaned.noise.is_finite() && (0.0..=1.0).contains(&cleaned.chance));
        }
    }
}
