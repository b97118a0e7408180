//! `fac voice test`: records, plays back, and says how it was.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::Context;
use super::level::{hello, say, tenth};
use crate::app::voice::sound as wiring;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::voice::clip::{Clip, RATE};
use crate::voice::file::Writer;
use crate::voice::sound::{Figures, Heard, Measure, Microphone, Player, Wanted};

/// Record a little, play it back, and say how it was; Ctrl-C ends the recording early
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Record so long
    #[arg(short, long, value_name = "N", default_value_t = 3)]
    seconds: u64,
    /// This microphone, by its name or a piece of what it is called
    #[arg(short, long, value_name = "NAME")]
    device: Option<String>,
    /// Play it on this speaker
    #[arg(long, value_name = "NAME")]
    speaker: Option<String>,
    /// Do not play it back
    #[arg(long)]
    no_play: bool,
    /// Keep the recording in this file, as WAV
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let config = context.app.config()?;
    let (microphone, speaker) =
        (wiring::microphone(config, args.device.as_deref())?, wiring::speaker(config, args.speaker.as_deref()));
    let signals = StopOnSignals::new()?;
    let (clip, figures, measure) = record(context, args, &microphone, signals.stop())?;
    let stopped = signals.stop().is_requested();
    let played = if args.no_play || stopped || clip.samples.is_empty() {
        None
    } else {
        Some(play_back(context, &speaker, &clip, signals.stop())?)
    };
    if context.ui.json {
        let mut value = as_json(&figures, &measure);
        value["played_on"] = json!(played);
        context.ui.value(&value)?;
    } else {
        report(context, &figures, &measure)?;
    }
    Ok(0)
}

fn record(context: &Context, args: &Args, wanted: &Wanted, stop: &Stop) -> Result<(Clip, Figures, Measure)> {
    let ui = &context.ui;
    let mut microphone = Microphone::open(wanted)?;
    hello(ui, &microphone.figures());
    ui.note(&format!("say something: {} s are recorded", args.seconds));
    let mut file = args.out.as_deref().map(|path| Writer::create(path, RATE)).transpose()?;
    let (mut clip, mut measure) = (Clip::new(RATE, Vec::new()), Measure::default());
    // What is played back is kept in memory, so it is not endless.
    let keep = 10 * 60 * RATE as usize;
    while measure.ms() < args.seconds.saturating_mul(1000) && !stop.is_requested() {
        match microphone.next(Duration::from_millis(100)) {
            Heard::Frame(frame) => {
                measure.frame(&frame);
                if clip.samples.len() < keep {
                    clip.samples.extend_from_slice(&frame);
                }
                file.iter_mut().try_for_each(|file| file.push(&frame))?;
            }
            Heard::Nothing => {}
            Heard::Trouble(trouble) if ui.json => ui.note(&safe_line(&trouble.to_string())),
            Heard::Trouble(trouble) => say(ui, &trouble)?,
            Heard::Lost(error) => return Err(error),
        }
    }
    file.map_or(Ok(()), Writer::finish)?;
    Ok((clip, microphone.figures(), measure))
}

fn play_back(context: &Context, wanted: &Wanted, clip: &Clip, stop: &Stop) -> Result<String> {
    let mut player = Player::open(wanted)?;
    context.ui.note(&format!("playing it back on {}", safe_line(&player.device())));
    player.play(clip)?;
    match player.drain(stop) {
        Err(error) if error.kind() == Kind::Interrupted => {}
        drained => drained?,
    }
    Ok(player.device())
}

fn report(context: &Context, figures: &Figures, measure: &Measure) -> Result<()> {
    let row = |name: &str, text: String| context.ui.line(&format!("{name:<14}{text}"));
    row("microphone", format!("{} ({})", safe_line(&figures.called), safe_line(&figures.device)))?;
    let heard =
        format!("{} Hz, {} of {} channels, {}", figures.rate, figures.channel, figures.channels, figures.format);
    row("sound", heard.replace("1 of 1 channels", "1 channel"))?;
    row("first sample", format!("after {} ms", figures.first_sample_ms))?;
    row("recorded", format!("{:.1} s", measure.ms() as f64 / 1000.0))?;
    row("level", format!("{:.1} dBFS, peak {:.1}", measure.level(), measure.peak()))?;
    row("noise", format!("{:.1} dBFS", measure.noise()))?;
    row("clipping", if figures.clipped == 0 { "none".to_owned() } else { format!("{} samples", figures.clipped) })?;
    row("silence", format!("{} ms of exact zeros", figures.silent_ms))?;
    if figures.overruns + figures.gaps > 0 {
        row("lost", format!("{} samples, {} gaps", figures.overruns, figures.gaps))?;
    }
    Ok(())
}

/// The figures of a recording.
pub(super) fn as_json(figures: &Figures, measure: &Measure) -> Value {
    json!({
        "device": figures.device, "called": figures.called, "host": figures.host, "rate": figures.rate,
        "channels": figures.channels, "channel": figures.channel, "format": figures.format,
        "first_sample_ms": figures.first_sample_ms, "ms": measure.ms(),
        "level": tenth(measure.level()), "noise": tenth(measure.noise()), "peak": tenth(measure.peak()),
        "clipped": figures.clipped, "silent_ms": figures.silent_ms,
        "overruns": figures.overruns, "gaps": figures.gaps, "reopened": figures.reopened,
    })
}
