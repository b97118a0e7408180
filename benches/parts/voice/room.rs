//! Echo in a made-up room of 150 ms, and voice told from noise.

use std::path::Path;

use factotum::voice::chain::{Chain, Cleaned, Stages, offline};
use factotum::voice::clip::{Clip, FRAME, RATE, level};

use super::noise::{self, Dice};
use super::peer::Peer;
use super::speech::{self, Speech};

/// How late the loudspeaker's sound arrives, ms.
const DELAYS: [usize; 4] = [0, 40, 120, 250];

/// How much of the echo goes, and what is left of a near voice while both speak.
pub fn echo(folder: &Path, near: &Speech, peer: Option<&Peer>) {
    let crowd = speech::crowd(folder);
    let Some(far) = crowd.first().filter(|f| f.len() > 6 * RATE as usize) else {
        println!("\n  echo is left out: flite is not installed");
        return;
    };
    let far: Vec<f32> = far.iter().copied().cycle().take(12 * RATE as usize).collect();
    let stages = Stages { echo: true, ..Stages::NONE };
    println!("\necho of a room of 150 ms, as loud as speech   (echo return loss from 3 s on; double talk at 0 dB)");
    println!("  {:>8} {:>10} {:>24} {:>16}", "delay", "ERLE", "near speech STOI before", "after");
    for ms in DELAYS {
        let heard = room(&far, ms * RATE as usize / 1000);
        let out = offline::clip(&Clip::new(RATE, heard.clone()), &far, &stages).unwrap().samples;
        let from = 3 * RATE as usize;
        let loss = level(&heard[from..]) - level(&out[from..]);
        let loud = (noise::spoken_power(&heard) / noise::spoken_power(&near.samples)).sqrt() as f32;
        // The near voice begins when the canceller knows the room.
        let mut voice = vec![0.0; from];
        voice.extend(near.samples.iter().map(|s| s * loud));
        voice.resize(heard.len(), 0.0);
        let both: Vec<f32> = voice.iter().zip(&heard).map(|(a, b)| 0.5 * (a + b)).collect();
        let out = offline::clip(&Clip::new(RATE, both.clone()), &far, &stages).unwrap().samples;
        let end = voice.len().min(from + near.samples.len());
        let sounds = [Some(both[from..end].to_vec()), Some(out[from..end].to_vec())];
        let scores = peer.map(|p| p.scores(folder, &voice[from..end], &sounds)).unwrap_or_default();
        let stoi = |at: usize| scores.get(at).map_or("-".to_string(), |s: &(f64, f64)| format!("{:.2}", s.0));
        println!("  {:>5} ms {loss:>7.1} dB {:>24} {:>16}", ms, stoi(0), stoi(1));
    }
}

/// A loudspeaker that bends a little, and walls whose sound dies away over 150 ms.
fn room(far: &[f32], late: usize) -> Vec<f32> {
    let mut dice = Dice::new(42);
    let walls: Vec<(usize, f32)> = (0..120)
        .map(|n| {
            let at = n * 60;
            let height = if n == 0 { 1.0 } else { 0.35 * dice.next() * (-(at as f32) / 1_500.0).exp() };
            (late + at, height)
        })
        .collect();
    let bent: Vec<f32> = far.iter().map(|s| (s * 1.2).tanh() * 0.5).collect();
    let mut heard = vec![0.0; far.len()];
    for (at, height) in walls {
        heard.iter_mut().skip(at).zip(&bent).for_each(|(h, b)| *h += height * b);
    }
    heard
}

/// How often voice is heard where somebody speaks and where nobody does; frames of 10 ms.
pub fn detection(folder: &Path, voices: &[Speech]) {
    let crowd = speech::crowd(folder);
    println!("\nvoice told from noise at 5 dB   (share of frames; whole chain, smoothed)");
    println!("  {:<10} {:>14} {:>24} {:>20}", "", "voice missed", "heard between phrases", "heard in noise alone");
    for kind in std::iter::once("none").chain(noise::KINDS) {
        let (mut missed, mut false_in, mut false_out) = (Share::default(), Share::default(), Share::default());
        for voice in voices {
            let under = if kind == "none" {
                vec![1e-4; voice.samples.len()]
            } else {
                noise::noise(kind, voice.samples.len(), &crowd)
            };
            let (clean, noisy) = noise::mix(&voice.samples, &under, if kind == "none" { 60.0 } else { 5.0 });
            let delay = Chain::new(&Stages::ALL).unwrap().delay();
            for (n, cleaned) in through(&noisy).iter().enumerate().skip(60) {
                // The onset takes some frames and the end hangs over: 60 ms around a change are nobody's fault.
                let at = (n * FRAME).saturating_sub(delay);
                let near = |late: usize| spoken(&clean, (at + 48_000).saturating_sub(48_000 + late));
                let (now, before) = (near(0), (1..26).any(|k| near(k * FRAME)));
                match (now && near(2_880), before || now) {
                    (true, _) => missed.count(!cleaned.voice),
                    (_, false) => false_in.count(cleaned.voice),
                    _ => {}
                }
            }
            let loud =
                noise::mix(&voice.samples, &under, 5.0).1.iter().zip(&clean).map(|(n, c)| n - c).collect::<Vec<f32>>();
            through(&loud).iter().skip(60).for_each(|c| false_out.count(c.voice));
        }
        println!("  {kind:<10} {:>14} {:>24} {:>20}", missed.text(), false_in.text(), false_out.text());
    }
}

fn through(samples: &[f32]) -> Vec<Cleaned> {
    let mut chain = Chain::new(&Stages::ALL).unwrap();
    samples.chunks_exact(FRAME).map(|f| chain.frame(&std::array::from_fn(|n| f[n]), None)).collect()
}

/// Whether somebody speaks in the frame at a place: less than 35 dB below full height.
fn spoken(clean: &[f32], at: usize) -> bool {
    clean.get(at..at + FRAME).is_some_and(|frame| level(frame) > -42.0)
}

#[derive(Default)]
struct Share {
    hits: usize,
    all: usize,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.all += 1;
    }

    fn text(&self) -> String {
        format!("{:.1} %", self.hits as f64 * 100.0 / self.all.max(1) as f64)
    }
}
