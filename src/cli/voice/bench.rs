//! `fac voice bench`: how long the chain takes for a frame of 10 ms.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::kernel::error::Result;
use crate::kernel::figures::bytes;
use crate::voice::chain::Stages;
use crate::voice::chain::pace::{self, Pace};
use crate::voice::clip::RATE;
use crate::voice::file;

const EXAMPLES: &str = "\
Examples:
  fac voice bench                 on made-up speech in noise
  fac voice bench talk.wav        on a recording of your own

Times are processor time of one frame of 10 ms, in microseconds. The delay is
what the stages hold a sample back, beyond the frame itself; the device adds its own.";

/// How much of a recording is taken, s.
const MOST: usize = 600;

/// Measure how long cleaning takes
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A recording; made-up speech in noise without it
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// So many seconds of made-up speech
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let samples = match &args.file {
        Some(path) => {
            let mut sound = file::Sound::open(path, Some(RATE))?;
            let mut samples = Vec::new();
            while samples.len() < MOST * RATE as usize && sound.more(&mut samples)? {}
            samples
        }
        None => pace::made_up(usize::from(args.seconds), 10.0),
    };
    let rows = [
        ("all stages, while playing", Stages::ALL, true),
        ("all stages, nothing playing", Stages::ALL, false),
        ("denoise", Stages { denoise: true, ..Stages::NONE }, false),
        ("echo", Stages { echo: true, ..Stages::NONE }, true),
        ("detect", Stages { detect: true, ..Stages::NONE }, false),
        ("none: meters and 16 kHz", Stages::NONE, false),
    ];
    let before = resident();
    let paces: Vec<(&str, Pace)> = rows
        .iter()
        .map(|(name, stages, played)| Ok((*name, pace::pace(&samples, stages, *played)?)))
        .collect::<Result<_>>()?;
    let memory = resident().zip(before).map(|(now, before)| now.saturating_sub(before));
    if context.ui.json {
        let rows: Vec<Value> = paces.iter().map(|(name, pace)| as_json(name, pace)).collect();
        let value = json!({"bench": {"unit": "microseconds of processor time per 10 ms frame", "rows": rows,
            "resident_bytes": resident(), "memory_of_chains_bytes": memory}});
        context.ui.value(&value)?;
        return Ok(0);
    }
    let mut table = Table::new(&["µs per 10 ms frame", "mean", "p50", "p99", "max", "real-time factor", "delay"]);
    for (name, pace) in &paces {
        let plain = |value: f64| (format!("{value:.1}"), None);
        let mut cells = vec![(name.to_string(), Some(Role::Name))];
        cells.extend([pace.mean, pace.p50, pace.p99, pace.max].map(plain));
        cells.push((format!("{:.4}", pace.real_time_factor()), None));
        cells.push((format!("{:.1} ms", pace.delay_ms), Some(Role::Dim)));
        table.row(cells);
    }
    context.page(&table.render(&context.ui))?;
    let frames = paces.first().map_or(0, |(_, pace)| pace.frames);
    let memory = resident().map(|m| format!("; {} of memory in all", bytes(m))).unwrap_or_default();
    context.ui.note(&format!("{frames} frames each{memory}"));
    Ok(0)
}

fn as_json(name: &str, pace: &Pace) -> Value {
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    json!({"stages": name, "frames": pace.frames, "mean": tenth(pace.mean), "p50": tenth(pace.p50),
        "p99": tenth(pace.p99), "max": tenth(pace.max), "real_time_factor": (pace.real_time_factor() * 1e4).round() / 1e4,
        "delay_ms": tenth(pace.delay_ms)})
}

/// Memory that this process holds, bytes, where the system says so.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilo| kilo * 1024)
}
