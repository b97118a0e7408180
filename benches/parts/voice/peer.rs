//! Python's side: the C RNNoise, STOI and PESQ, in a folder of their own that pip fills once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use factotum::voice::chain::resample;
use factotum::voice::clip::{Clip, RATE};
use factotum::voice::file;

/// A Python that has them.
pub struct Peer {
    python: PathBuf,
}

impl Peer {
    /// Installs what is missing, where there is a network; `None`, and a word, where it cannot be had.
    pub fn new() -> Option<Peer> {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        let folder = std::env::var_os("FAC_BENCH_PEERS").map_or(home.join(".cache/factotum-peers"), PathBuf::from);
        let folder = folder.join("voice");
        let python = folder.join("bin/python");
        let has = || {
            runs(
                Command::new(&python)
                    .args(["-c", "import numpy, pesq, pystoi, importlib.util as u; assert u.find_spec('pyrnnoise')"]),
            )
        };
        if !has() && std::env::var_os("FAC_BENCH_OFFLINE").is_none() {
            eprintln!("installing pyrnnoise, pystoi and pesq into {} (once)", folder.display());
            runs(Command::new("python3").args(["-m", "venv"]).arg(&folder));
            let packages = ["install", "--quiet", "numpy", "pyrnnoise", "pystoi", "pesq"];
            runs(Command::new(folder.join("bin/pip")).args(packages));
        }
        if has() {
            return Some(Peer { python });
        }
        println!("\n  the C RNNoise, STOI and PESQ are left out: pyrnnoise, pystoi and pesq could not be installed");
        None
    }

    fn script(&self, word: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/voice.py")).arg(word);
        command
    }

    /// What the C RNNoise makes of it.
    pub fn denoise(&self, folder: &Path, noisy: &[f32]) -> Option<Vec<f32>> {
        let (from, to) = (folder.join("noisy.wav"), folder.join("theirs.wav"));
        file::write(&from, &Clip::new(RATE, noisy.to_vec())).unwrap();
        runs(self.script("denoise").arg(&from).arg(&to)).then(|| file::read(&to, None).unwrap().samples)
    }

    /// Mean, median, 99th percentile and maximum of its time for a frame, µs.
    pub fn pace(&self, folder: &Path, path: &Path) -> Option<[f64; 4]> {
        let out = self.script("denoise").arg(path).arg(folder.join("theirs.wav")).output().ok()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let numbers: Vec<f64> = text.trim().strip_prefix("time ")?.split(' ').filter_map(|n| n.parse().ok()).collect();
        numbers.try_into().ok()
    }

    /// STOI and PESQ of each sound that is there.
    pub fn scores(&self, folder: &Path, clean: &[f32], sounds: &[Option<Vec<f32>>]) -> Vec<(f64, f64)> {
        let put = |name: String, samples: &[f32]| {
            let path = folder.join(name);
            let clip = resample::clip(&Clip::new(RATE, samples.to_vec()), 16_000).unwrap();
            file::write(&path, &clip).unwrap();
            path
        };
        let clean = put("clean.wav".to_string(), clean);
        let mut command = self.script("score");
        for (n, sound) in sounds.iter().enumerate() {
            let Some(sound) = sound else { continue };
            command.arg(&clean).arg(put(format!("sound{n}.wav"), sound));
        }
        let out = command.output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        let pairs = text.lines().filter_map(|l| l.strip_prefix("score ")?.split_once(' '));
        pairs.filter_map(|(stoi, pesq)| Some((stoi.parse().ok()?, pesq.parse().ok()?))).collect()
    }
}

fn runs(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|s| s.success())
}
