//! `fac voice clean`: a recording without its noise.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::Context;
use super::super::bar::Bar;
use super::super::ui::Ui;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::chain::Stages;
use crate::voice::chain::resample::MOST_RATE;
use crate::voice::clean::{self, Measured, Work};
use crate::voice::clip::{self, RATE};
use crate::voice::file::{Sound, Writer};

const EXAMPLES: &str = "\
Examples:
  fac voice clean talk.mp3 talk.wav
  fac voice clean in.flac out.wav --rate 16000
  fac voice clean call.wav out.wav --stages echo,denoise --play-reference loudspeaker.wav
  espeak-ng --stdout hello | fac voice clean - - > clean.wav

WAV, FLAC, OGG (Vorbis) and MP3 are read, of any rate; of several channels the
loudest is taken. WAV is written: one channel, 16 bits.";

/// Take the noise out of a recording
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The recording; `-` reads stdin
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The WAV file to write; `-` writes to stdout
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// What to do: echo, denoise, detect, all or none, with commas between
    #[arg(long, value_name = "NAMES", default_value = "denoise,detect")]
    stages: String,
    /// Samples a second of the result
    #[arg(long, value_name = "HZ", default_value_t = RATE, value_parser = clap::value_parser!(u32).range(1000..=i64::from(MOST_RATE)))]
    rate: u32,
    /// What a loudspeaker played meanwhile: its echo is taken out
    #[arg(long, value_name = "FILE")]
    play_reference: Option<PathBuf>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let mut stages = Stages::parse(&args.stages)?;
    stages.echo |= args.play_reference.is_some();
    check(args, &context.ui)?;
    let mut sound = open(&args.input)?;
    let mut played = args.play_reference.as_deref().map(open).transpose()?;
    let mut writer = if is_dash(&args.output) {
        Writer::pipe(Box::new(std::io::stdout()), "stdout", args.rate)?
    } else {
        Writer::create(&args.output, args.rate)?
    };
    let origin = sound.origin().clone();
    let signals = StopOnSignals::new()?;
    let whole = origin.frames.map(|frames| clip::ms(frames, origin.rate));
    let mut bar = Bar::new(&context.ui, whole);
    let work = Work { sound: &mut sound, played: played.as_mut(), writer: &mut writer, rate: args.rate, stages };
    let done = clean::recording(work, signals.stop(), &mut |ms| bar.at(ms, || format!("{} s cleaned", ms / 1000)));
    bar.end();
    let measured = done?;
    writer.finish()?;
    if context.ui.json && !is_dash(&args.output) {
        let origin = json!({"format": origin.format, "rate": origin.rate, "channels": origin.channels});
        context.ui.value(&json!({"clean": as_json(&measured, &stages, args.rate), "origin": origin}))?;
        return Ok(0);
    }
    tell(&context.ui, &measured);
    Ok(0)
}

/// What can be said before anything is opened.
fn check(args: &Args, ui: &Ui) -> Result<()> {
    if is_dash(&args.input) && std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Usage, "`-` reads a recording from stdin, which is a terminal"));
    }
    if is_dash(&args.output) && ui.stdout_terminal {
        return Err(Error::new(Kind::Usage, "`-` writes a recording to stdout, which is a terminal")
            .hint("name a file, or put `> out.wav` behind it"));
    }
    if is_dash(&args.output) && ui.json {
        return Err(Error::new(Kind::Usage, "stdout cannot carry both a recording and JSON").hint("name a file"));
    }
    let real = |path: &Path| if is_dash(path) { None } else { path.canonicalize().ok() };
    let reads = [Some(&args.input), args.play_reference.as_ref()];
    if let Some(out) = real(&args.output)
        && out.is_file()
        && reads.into_iter().flatten().any(|path| real(path).as_ref() == Some(&out))
    {
        return Err(Error::new(Kind::Usage, "a recording cannot be cleaned into itself").hint("name another file"));
    }
    Ok(())
}

fn open(path: &Path) -> Result<Sound> {
    if is_dash(path) {
        return Sound::from_pipe(Box::new(std::io::stdin()), "stdin", Some(RATE));
    }
    Sound::open(path, Some(RATE))
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn tell(ui: &Ui, measured: &Measured) {
    let seconds = measured.ms as f64 / 1000.0;
    ui.note(&format!("level    {:.1} dB before, {:.1} dB after", measured.before, measured.after));
    match (measured.snr_before, measured.snr_after) {
        (Some(before), Some(after)) => {
            ui.note(&format!("speech   {before:.0} dB above the noise before, {after:.0} dB after (estimated)"));
        }
        _ => ui.note("speech   none found"),
    }
    if measured.clipped > 0 {
        ui.note(&format!("clipped  {} samples came in at full scale", measured.clipped));
    }
    if measured.broken > 0 {
        ui.note(&format!("broken   {} samples were no numbers and are silence now", measured.broken));
    }
    let took = measured.took.as_secs_f64();
    ui.note(&format!("took     {took:.2} s for {seconds:.1} s: real-time factor {:.4}", measured.real_time_factor()));
}

fn as_json(measured: &Measured, stages: &Stages, rate: u32) -> serde_json::Value {
    let tenth = |value: f32| (f64::from(value) * 10.0).round() / 10.0;
    json!({
        "ms": measured.ms,
        "rate": rate,
        "stages": stages.names(),
        "level_before_db": tenth(measured.before),
        "level_after_db": tenth(measured.after),
        "snr_before_db": measured.snr_before.map(tenth),
        "snr_after_db": measured.snr_after.map(tenth),
        "voice_ms": measured.voice_ms,
        "zeros_ms": measured.zeros_ms,
        "clipped_samples": measured.clipped,
        "broken_samples": measured.broken,
        "took_ms": measured.took.as_millis() as u64,
        "real_time_factor": (measured.real_time_factor() * 1e4).round() / 1e4,
    })
}
