//! Where the voices come from: prompts spoken by a person (alsa-utils), and the same words by flite.

use std::path::Path;
use std::process::{Command, Stdio};

use factotum::voice::chain::resample;
use factotum::voice::clip::{Clip, RATE};
use factotum::voice::file;

/// What is said, one after another: the files of alsa-utils by their names.
pub const PHRASES: [&str; 8] =
    ["front center", "front left", "front right", "rear center", "rear left", "rear right", "side left", "side right"];

/// What the recogniser may hear.
pub const GRAMMAR: &str =
    "#JSGF V1.0;\ngrammar places;\npublic <place> = (front | rear | side) (left | right | center);\n";

/// Silence before the first phrase and between two, samples.
const LEAD: usize = RATE as usize;
const GAP: usize = RATE as usize * 2 / 5;

/// Phrases one after another, and where each stands.
pub struct Speech {
    /// `person` or `flite`.
    pub name: &'static str,
    /// All of it, 48 kHz.
    pub samples: Vec<f32>,
    /// From and to of each phrase.
    pub places: Vec<(usize, usize)>,
}

/// A person's, where alsa-utils is installed.
pub fn person() -> Option<Speech> {
    let folder = Path::new("/usr/share/sounds/alsa");
    let title = |word: &str| word[..1].to_uppercase() + &word[1..];
    let file = |phrase: &str| {
        let words: Vec<String> = phrase.split(' ').map(title).collect();
        folder.join(format!("{}.wav", words.join("_")))
    };
    let clips: Option<Vec<Clip>> = PHRASES.iter().map(|p| file::read(&file(p), Some(RATE)).ok()).collect();
    Some(line_up("person", &clips?))
}

/// flite's, where it is installed.
pub fn machine(folder: &Path) -> Option<Speech> {
    let clips: Option<Vec<Clip>> = PHRASES.iter().map(|p| flite(folder, "slt", p)).collect();
    Some(line_up("flite", &clips?))
}

/// Other people, for babble: sentences of four voices.
pub fn crowd(folder: &Path) -> Vec<Vec<f32>> {
    let text = "the quick brown fox jumps over the lazy dog while seven wizards make toxic brew for the evil queen and \
                nobody in the whole room listens to what any of the others has to say about the weather tomorrow";
    let flites = ["rms", "kal16", "kal", "awb"].into_iter().filter_map(|v| flite(folder, v, text));
    let others = ["en-us", "en-gb+f3", "en-us+m3", "de"].into_iter().filter_map(|v| espeak(folder, v, text));
    flites.chain(others).map(|c| c.samples).collect()
}

fn line_up(name: &'static str, clips: &[Clip]) -> Speech {
    let (mut samples, mut places) = (vec![0.0; LEAD], Vec::new());
    for clip in clips {
        let from = samples.len();
        samples.extend(&clip.samples);
        places.push((from, samples.len()));
        samples.resize(samples.len() + GAP, 0.0);
    }
    Speech { name, samples, places }
}

fn flite(folder: &Path, voice: &str, text: &str) -> Option<Clip> {
    let out = folder.join(format!("flite-{voice}.wav"));
    said(Command::new("flite").args(["-voice", voice, "-t", text, "-o"]).arg(&out), &out)
}

fn espeak(folder: &Path, voice: &str, text: &str) -> Option<Clip> {
    let out = folder.join(format!("espeak-{voice}.wav"));
    said(Command::new("espeak-ng").args(["-v", voice, "-w"]).arg(&out).arg(text), &out)
}

fn said(command: &mut Command, out: &Path) -> Option<Clip> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().ok().filter(|s| s.success())?;
    file::read(out, Some(RATE)).ok()
}

/// Whether the recogniser is installed.
pub fn recogniser() -> bool {
    let mut asked = Command::new("pocketsphinx_continuous");
    let asked = asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    asked.map(|mut child| child.wait()).is_ok()
}

/// How many of the 16 words are wrong.
pub fn word_errors(folder: &Path, speech: &Speech, samples: &[f32]) -> usize {
    let grammar = folder.join("places.gram");
    std::fs::write(&grammar, GRAMMAR).unwrap();
    let around = RATE as usize / 5;
    let heard = speech.places.iter().map(|(from, to)| {
        let piece = samples[from.saturating_sub(around)..(to + around).min(samples.len())].to_vec();
        let piece = resample::clip(&Clip::new(RATE, piece), 16_000).unwrap();
        let path = folder.join("piece.wav");
        file::write(&path, &piece).unwrap();
        let mut command = Command::new("pocketsphinx_continuous");
        command.args(["-logfn", "/dev/null", "-infile"]).arg(&path).arg("-jsgf").arg(&grammar);
        let out = command.stderr(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&out.stdout).split_whitespace().map(String::from).collect::<Vec<_>>()
    });
    heard.zip(PHRASES).map(|(heard, said)| distance(&heard, &said.split(' ').collect::<Vec<_>>())).sum()
}

/// Words that must be changed, put in or taken out.
fn distance(heard: &[String], said: &[&str]) -> usize {
    let mut row: Vec<usize> = (0..=said.len()).collect();
    for (n, word) in heard.iter().enumerate() {
        let mut before = row[0];
        row[0] = n + 1;
        for (m, wanted) in said.iter().enumerate() {
            let change = before + usize::from(word != wanted);
            before = row[m + 1];
            row[m + 1] = change.min(row[m] + 1).min(row[m + 1] + 1);
        }
    }
    row[said.len()]
}
