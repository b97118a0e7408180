//! The voice room: how clean, how fast, how well echo and voice are found. Beside the C RNNoise 0.2 and measures from
//! PyPI, where the network gives them; what is missing is left out with a word.

#[path = "voice/measures.rs"]
mod measures;
#[path = "voice/noise.rs"]
mod noise;
#[path = "voice/peer.rs"]
mod peer;
#[path = "voice/room.rs"]
mod room;
#[path = "voice/speech.rs"]
mod speech;

use std::collections::BTreeMap;
use std::path::Path;

use factotum::voice::chain::{Stages, offline, pace};
use factotum::voice::clip::{Clip, RATE};
use factotum::voice::file;

use peer::Peer;
use speech::Speech;

/// How far speech stands above the noise, dB.
const RATIOS: [i32; 3] = [0, 5, 10];
const DENOISE: Stages = Stages { denoise: true, ..Stages::NONE };

/// Everything about the voice room. `FAC_BENCH_VOICE=person,white` takes only cases with all of these words.
pub fn voice(folder: &Path) {
    let voices: Vec<Speech> = [speech::person(), speech::machine(folder)].into_iter().flatten().collect();
    if voices.is_empty() {
        println!("\nvoice is left out: neither alsa-utils' prompts nor flite are here");
        return;
    }
    let peer = Peer::new();
    quality(folder, &voices, peer.as_ref());
    room::echo(folder, &voices[0], peer.as_ref());
    room::detection(folder, &voices);
    speed(folder, &voices[0], peer.as_ref());
}

/// What was measured of one case: SI-SDR, STOI, PESQ, wrong words.
type Row = [f64; 4];

fn quality(folder: &Path, voices: &[Speech], peer: Option<&Peer>) {
    let wanted = std::env::var("FAC_BENCH_VOICE").unwrap_or_default();
    let recogniser = speech::recogniser();
    if !recogniser {
        println!("\n  words are left out: pocketsphinx is not installed");
    }
    let crowd = speech::crowd(folder);
    let mut rows: BTreeMap<(String, usize), Vec<Row>> = BTreeMap::new();
    for (voice, kind, snr) in cases(voices) {
        let name = format!("{} {kind} {snr:>2} dB", voice.name);
        if !wanted.split(',').all(|word| name.contains(word)) {
            continue;
        }
        let under = noise::noise(kind, voice.samples.len(), &crowd);
        let (clean, noisy) = noise::mix(&voice.samples, &under, snr as f32);
        let ours = offline::clip(&Clip::new(RATE, noisy.clone()), &[], &DENOISE).unwrap().samples;
        let theirs = peer.and_then(|p| p.denoise(folder, &noisy)).map(|out| measures::aligned(&clean, &out, 2_000));
        let sounds = [Some(noisy), Some(ours), theirs];
        let scores = peer.map(|p| p.scores(folder, &clean, &sounds)).unwrap_or_default();
        for (who, sound) in sounds.iter().enumerate() {
            let Some(sound) = sound else { continue };
            let (stoi, pesq) = scores.get(who).copied().unwrap_or((f64::NAN, f64::NAN));
            let words = if recogniser { speech::word_errors(folder, voice, sound) as f64 / 0.16 } else { f64::NAN };
            let row = [measures::si_sdr(&clean, sound), stoi, pesq, words];
            for group in [kind.to_string(), voice.name.to_string(), format!("{snr:>2} dB"), "mean".to_string()] {
                rows.entry((group, who)).or_default().push(row);
            }
        }
    }
    table(&rows);
}

fn cases(voices: &[Speech]) -> impl Iterator<Item = (&Speech, &'static str, i32)> {
    voices.iter().flat_map(|voice| {
        noise::KINDS.into_iter().flat_map(move |kind| RATIOS.into_iter().map(move |snr| (voice, kind, snr)))
    })
}

fn table(rows: &BTreeMap<(String, usize), Vec<Row>>) {
    println!("\nnoise taken out   (SI-SDR dB / STOI / PESQ wide band / wrong words of pocketsphinx, %)");
    println!("  {:<10} {:>26}   {:>26}   {:>26}", "", "noisy", "fac", "C RNNoise 0.2");
    let first = ["person", "flite"].into_iter().chain(noise::KINDS).map(String::from);
    let groups = first.chain(RATIOS.map(|snr| format!("{snr:>2} dB"))).chain(["mean".to_string()]);
    for group in groups.filter(|g| rows.contains_key(&(g.clone(), 0))) {
        let cells: Vec<String> = (0..3).map(|who| cell(rows.get(&(group.clone(), who)))).collect();
        println!("  {group:<10} {:>26}   {:>26}   {:>26}", cells[0], cells[1], cells[2]);
    }
}

fn cell(rows: Option<&Vec<Row>>) -> String {
    let Some(rows) = rows else { return "left out".to_string() };
    let mean = |at: usize| rows.iter().map(|r| r[at]).sum::<f64>() / rows.len() as f64;
    format!("{:.1} / {:.3} / {:.2} / {:.0}", mean(0), mean(1), mean(2), mean(3)).replace("NaN", "-")
}

fn speed(folder: &Path, voice: &Speech, peer: Option<&Peer>) {
    let under = noise::noise("pink", voice.samples.len(), &[]);
    let (_, noisy) = noise::mix(&voice.samples, &under, 5.0);
    let long: Vec<f32> = noisy.iter().copied().cycle().take(60 * RATE as usize).collect();
    println!("\nprocessing time per frame of 10 ms   (µs of processor time of the thread; 60 s of sound)");
    println!("  {:<30} {:>7} {:>7} {:>7} {:>7}  {:>8} {:>9}", "", "mean", "p50", "p99", "max", "RTF", "delay");
    let rows = [("all stages, while playing", Stages::ALL, true), ("all stages, nothing playing", Stages::ALL, false)];
    for (name, stages, played) in rows.into_iter().chain([("denoise", DENOISE, false)]) {
        let p = pace::pace(&long, &stages, played).unwrap();
        let (factor, delay) = (p.real_time_factor(), format!("{:.1} ms", p.delay_ms));
        println!("  {name:<30} {:>7.0} {:>7.0} {:>7.0} {:>7.0}  {factor:>8.4} {delay:>9}", p.mean, p.p50, p.p99, p.max);
    }
    let path = folder.join("long.wav");
    file::write(&path, &Clip::new(RATE, long)).unwrap();
    match peer.and_then(|p| p.pace(folder, &path)) {
        Some([mean, p50, p99, max]) => {
            let factor = mean / 1e4;
            println!(
                "  {:<30} {mean:>7.0} {p50:>7.0} {p99:>7.0} {max:>7.0}  {factor:>8.4} {:>9}",
                "C RNNoise 0.2 (ctypes)", ""
            );
        }
        None => println!("  C RNNoise 0.2 is left out"),
    }
    if let Some(line) = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|t| t.lines().find_map(|l| l.strip_prefix("VmRSS:").map(|v| v.trim().to_string())))
    {
        println!("  this program holds {line} with all sounds of the bench");
    }
}
