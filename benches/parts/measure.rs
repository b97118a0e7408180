//! Taking times and memory of programs, and writing them side by side. It knows no program.

use std::process::{Command, Stdio};
use std::time::Instant;

/// A program under the clock.
pub struct Runner {
    /// What the row is called.
    pub name: String,
    /// Makes the command anew for each turn.
    pub command: Box<dyn Fn() -> Command>,
}

impl Runner {
    /// A program with fixed arguments.
    pub fn new(name: &str, command: impl Fn() -> Command + 'static) -> Runner {
        Runner { name: name.to_string(), command: Box::new(command) }
    }
}

/// Milliseconds of each turn for each runner. The order turns with every round, so that nobody always goes first.
pub fn race(rounds: usize, runners: &[Runner]) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::with_capacity(rounds); runners.len()];
    for round in 0..rounds + 2 {
        for place in 0..runners.len() {
            let at = (place + round) % runners.len();
            let took = once(&mut (runners[at].command)());
            // Two rounds warm the caches.
            if round >= 2 {
                times[at].push(took);
            }
        }
    }
    times
}

/// Milliseconds from start to end of a program whose output goes nowhere.
pub fn once(command: &mut Command) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let took = begun.elapsed().as_secs_f64() * 1e3;
    assert!(status.success(), "{command:?} ended with {status}");
    took
}

/// Milliseconds of a piece of work.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let made = work();
    (begun.elapsed().as_secs_f64() * 1e3, made)
}

/// The value below which `share` of the samples lie.
pub fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The middle sample.
pub fn median(samples: &[f64]) -> f64 {
    percentile(samples, 0.5)
}

/// Prints rows with their median, tenth and ninetieth percentile, and how they compare with the first row.
pub fn table(title: &str, runners: &[Runner], times: &[Vec<f64>]) {
    println!("\n{title}   (ms; {} turns each, interleaved)", times[0].len());
    println!("  {:<44} {:>8} {:>8} {:>8} {:>7}", "", "median", "p10", "p90", "ratio");
    let first = median(&times[0]);
    for (runner, times) in runners.iter().zip(times) {
        let (low, high) = (percentile(times, 0.1), percentile(times, 0.9));
        let middle = median(times);
        println!("  {:<44} {middle:>8.2} {low:>8.2} {high:>8.2} {:>6.2}x", runner.name, middle / first);
    }
}

/// Peak resident memory of a program in KiB: the largest `VmHWM` seen while it lived, over a few turns.
///
/// The kernel's own sum (`wait4`) needs unsafe code and counts the parent's pages from before `exec`, so the
/// process is watched instead. Its output is not read until it stands still, so that a program that prints much
/// is caught at its largest.
pub fn peak_kib(command: &dyn Fn() -> Command) -> u64 {
    (0..5).map(|_| watch(&mut command())).max().unwrap_or(0)
}

fn watch(command: &mut Command) -> u64 {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let own = std::fs::read_link(format!("/proc/{}/exe", std::process::id())).ok();
    let (mut peak, mut still) = (0, 0);
    while let Ok(text) = std::fs::read_to_string(&status) {
        let Some(now) = text.lines().find_map(|l| l.strip_prefix("VmHWM:")) else { break };
        // Between fork and exec the child is still this program.
        if std::fs::read_link(format!("/proc/{}/exe", child.id())).ok() == own {
            continue;
        }
        let now = now.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        still = if now > peak { 0 } else { still + 1 };
        peak = peak.max(now);
        if still > 5000 {
            break;
        }
    }
    drop(child.stdout.take());
    // A program whose reader went away may end as it likes.
    let _ = child.wait();
    peak
}
