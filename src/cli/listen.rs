//! `fac listen`: from the microphone to text, and what is done with the text.
//!
//! One process of a user listens at a time; a key of the window manager ends it through the door it opens.

mod follow;
mod show;

use std::io::BufRead;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::run::{self, Asked};
use super::voice::scribe::{Scribe, Subtitles};
use super::{Context, ask};
use crate::app::voice::listen::{Hearing, Wanted};
use crate::chat::copy;
use crate::commands::phrase::{self, Meant};
use crate::exec::desktop;
use crate::exec::signals::{StopOnSignals, flag_on_usr1};
use crate::kernel::door::{Door, doors, knock};
use crate::kernel::duration::parse_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::tui::CHAT_DOOR;
use crate::voice::listen::{Said, Until};
use crate::voice::transcribe::Transcript;
pub(super) use follow::{Heard, Wish, follow};
pub(super) use show::Show;

const EXAMPLES: &str = "\
Examples:
  fac listen                       speak, then press Enter: the text comes on stdout
  fac listen --until-silence       ends by itself when you stop speaking
  fac listen | fac ask -           ask a model by voice
  fac listen --copy                the text goes onto the clipboard too
  fac listen --run                 run the command whose phrase was said (`On: voice`)

One key to talk, in any window: have your desktop run this, and press the key again when you have spoken:
  fac listen --toggle --type
Sway, i3     bindsym Mod4+space exec fac listen --toggle --type
Hyprland     bind = SUPER, space, exec, fac listen --toggle --type
GNOME        Settings, Keyboard, Custom Shortcuts
KDE          System Settings, Shortcuts, Add New, Command
macOS        Shortcuts, Run Shell Script, with --copy in place of --type
Hold to talk, where keys can be bound to their release: bind the press to `fac listen --type`, the release to
`fac listen --stop`.

Exit codes: 0 text, 3 nobody spoke, 5 no microphone or nobody to write down, 130 given up with Ctrl-C.";

/// How long another process may take to answer at its door.
const ANSWER: Duration = Duration::from_secs(5);

/// Listen to the microphone and write down what is said
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// End when nobody speaks any more
    #[arg(long)]
    until_silence: bool,
    /// End after so long, such as 10s
    #[arg(long = "for", value_name = "TIME")]
    time: Option<String>,
    /// End the `fac listen` that runs: it writes down what it heard
    #[arg(long, conflicts_with_all = ["toggle", "cancel", "until_silence", "time"])]
    stop: bool,
    /// End the one that runs, or begin where none does
    #[arg(long, conflicts_with = "cancel")]
    toggle: bool,
    /// End the one that runs; it writes nothing down
    #[arg(long, conflicts_with_all = ["until_silence", "time"])]
    cancel: bool,
    /// Put the text onto the clipboard too
    #[arg(long)]
    copy: bool,
    /// Type the text into the window that has the focus
    #[arg(long = "type")]
    typed: bool,
    /// Put the text where one writes in the full screen that runs; it is sent there
    #[arg(long)]
    chat: bool,
    /// Run the command whose phrase was said
    #[arg(long, conflicts_with_all = ["chat", "copy", "typed", "srt", "vtt"])]
    run: bool,
    #[command(flatten)]
    subtitles: Subtitles,
    /// This microphone, by its name or a piece of what it is called
    #[arg(short, long, value_name = "NAME")]
    device: Option<String>,
    #[command(flatten)]
    scribe: Scribe,
}

/// What somebody else wants of a listening.
#[derive(Default)]
struct Wishes {
    close: AtomicBool,
    cancel: AtomicBool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    if (args.stop || args.cancel || args.toggle) && ended_other(context, args)? {
        return Ok(0);
    }
    if args.stop || args.cancel {
        return Err(Error::new(Kind::NotFound, "nobody listens").hint("`fac listen` begins"));
    }
    let wishes = Arc::new(Wishes::default());
    let phase = Arc::new(Mutex::new("opening"));
    let _door = open_door(context, &wishes, &phase)?;
    let signals = StopOnSignals::new()?;
    let usr1 = flag_on_usr1()?;
    let hearing = context.app.listen(wanted(context, args)?)?;
    if !args.until_silence {
        close_on_enter(context, &wishes);
    }
    let mut show = Show::new(&context.ui, args.until_silence || args.time.is_some());
    let wish = || match () {
        () if signals.stop().is_requested() || wishes.cancel.load(Ordering::SeqCst) => Wish::Cancel,
        () if usr1.load(Ordering::SeqCst) || wishes.close.load(Ordering::SeqCst) => Wish::Close,
        () => Wish::On,
    };
    let also = |said: &Said, show: &Show<'_>| {
        *phase.lock().unwrap_or_else(PoisonError::into_inner) = show.phase(said);
    };
    let Heard { over, voice, ms } = follow(&hearing, &mut show, wish, also);
    let kept = context.app.heard(&hearing, voice, ms, &over)?;
    let code = signals.stop().signal().map_or(130, |signal| 128 + u8::try_from(signal).unwrap_or(2));
    drop(signals);
    match over {
        Ok(transcript) if transcript.text.is_empty() => {
            Err(Error::new(Kind::NotFound, "nobody spoke").hint("`fac voice level` shows what the microphone hears"))
        }
        Ok(transcript) => give(context, args, &hearing, &transcript, ms),
        Err(error) if error.kind() == Kind::Interrupted => Ok(code),
        Err(error) if kept => Err(error.hint(format!("it is kept: fac voice retry {}", hearing.recording.id))),
        Err(error) => Err(error),
    }
}

/// Tells the one that listens to end; whether there was one.
fn ended_other(context: &Context, args: &Args) -> Result<bool> {
    let question = if args.cancel { "cancel" } else { "stop" };
    let folder = context.app.paths.ensure_runtime()?;
    Ok(knock(folder, "listen", &json!({ "do": question }), ANSWER)?.is_some())
}

fn open_door(context: &Context, wishes: &Arc<Wishes>, phase: &Arc<Mutex<&'static str>>) -> Result<Door> {
    let (wishes, phase) = (wishes.clone(), phase.clone());
    let answer = move |question: Value| {
        match question["do"].as_str() {
            Some("stop") => wishes.close.store(true, Ordering::SeqCst),
            Some("cancel") => wishes.cancel.store(true, Ordering::SeqCst),
            _ => {}
        }
        json!({ "phase": *phase.lock().unwrap_or_else(PoisonError::into_inner) })
    };
    Door::open(context.app.paths.ensure_runtime()?, "listen", answer)?.ok_or_else(|| {
        Error::new(Kind::Failed, "another `fac listen` has the microphone")
            .hint("fac listen --stop ends it; with --toggle one key begins and ends")
    })
}

fn wanted(context: &Context, args: &Args) -> Result<Wanted> {
    let most = args.time.as_deref().map(|text| {
        let odd = || Error::new(Kind::Usage, format!("`{text}` is no length of time")).hint("write 10s or 2m");
        parse_ms(text).filter(|ms| *ms > 0).map(Duration::from_millis).ok_or_else(odd)
    });
    Ok(Wanted {
        until: if args.until_silence { Until::Silence } else { Until::Told },
        most: most.transpose()?,
        device: args.device.clone(),
        transcriber: args.scribe.transcriber.clone(),
        wishes: args.scribe.wishes(&context.app)?,
        glances: context.ui.stderr_terminal && !context.ui.quiet && !context.ui.json,
        source: "listen",
    })
}

/// Enter ends it, where somebody sits at a keyboard. What was typed before is not meant.
fn close_on_enter(context: &Context, wishes: &Arc<Wishes>) {
    if context.ui.no_input || !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        return;
    }
    ask::forget_keys();
    let wishes = wishes.clone();
    // It ends with the process: nobody can wake somebody who waits for a key.
    std::thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).is_ok() {
            wishes.close.store(true, Ordering::SeqCst);
        }
    });
}

/// Does with the text what was asked for.
fn give(context: &mut Context, args: &Args, hearing: &Hearing, transcript: &Transcript, ms: u64) -> Result<u8> {
    if args.run {
        return run_what_was_said(context, &transcript.text);
    }
    if context.ui.json {
        let mut said = transcript.json();
        said["ms"] = ms.into();
        said["engine"] = hearing.engine.clone().into();
        said["recording"] = hearing.recording.id.to_string().into();
        context.ui.value(&said)?;
    } else if let Some((text, _)) = args.subtitles.of(transcript, ms) {
        context.ui.write(text.as_bytes())?;
    } else {
        context.ui.line(&crate::kernel::terminal::safe(&transcript.text))?;
    }
    if args.chat {
        to_chat(context, &transcript.text)?;
    }
    if args.copy {
        copy_text(context, &transcript.text)?;
    }
    if args.typed {
        desktop::type_text(&context.app.env, &transcript.text)?;
    }
    Ok(0)
}

/// Hands the text to the screen that was opened last.
fn to_chat(context: &Context, text: &str) -> Result<()> {
    let folder = context.app.paths.ensure_runtime()?;
    for name in doors(folder, CHAT_DOOR) {
        if knock(folder, &name, &json!({ "say": text }), ANSWER)?.is_some_and(|answer| answer["taken"] == true) {
            return Ok(());
        }
    }
    Err(Error::new(Kind::NotFound, "no full screen is open to take the text").hint("`fac` on a terminal opens one"))
}

fn copy_text(context: &Context, text: &str) -> Result<()> {
    if desktop::clipboard(&context.app.env).is_some_and(|words| desktop::copy(&words, text)) {
        return Ok(());
    }
    if !context.ui.stderr_terminal {
        return Err(Error::new(Kind::Missing, "there is no clipboard here")
            .hint("install wl-clipboard (Wayland) or xclip (X11)"));
    }
    let in_tmux = context.app.env.text("TMUX").is_some_and(|value| !value.is_empty());
    context.ui.write_err(copy::sequence(text, in_tmux)?.as_bytes());
    Ok(())
}

/// Runs the command whose phrase was said; asks first when that is not certain, or when it does more than read.
fn run_what_was_said(context: &mut Context, text: &str) -> Result<u8> {
    let commands = context.app.whole_catalog()?.fired_by("voice")?;
    let found = phrase::meant(text, commands.iter().map(|resolved| (resolved, &resolved.command)));
    let Some(Meant { whose, arguments, certain, .. }) = found.first() else {
        let error = Error::new(Kind::NotFound, format!("no command is called by “{}”", safe_line(text)));
        return Err(error.hint("a command gets its phrase by `On: voice \"…\"` in its definition"));
    };
    let mut asked = Asked { words: vec![whose.key()], trigger: "voice".into(), ..Asked::default() };
    for (name, value) in arguments {
        match whose.command.param(name).map(|param| param.kind) {
            Some(crate::commands::model::ParamKind::Rest) => asked.rest.push(value.clone()),
            _ => asked.sets.push(format!("{name}={value}")),
        }
    }
    let line: Vec<String> = std::iter::once(whose.key()).chain(asked.sets.iter().chain(&asked.rest).cloned()).collect();
    let line = safe_line(&line.join(" ")).into_owned();
    context.ui.note(&format!("heard “{}”: {line}", safe_line(text)));
    let sure = *certain && whose.command.only_reads();
    if !sure && !ask::yes(context, &format!("Run {line}?"), false)? {
        let why = if *certain { "it may change something" } else { "it is not certain that it was meant" };
        let error = Error::new(Kind::Refused, format!("`{}` was not run: {why}", whose.key()));
        return Err(error.hint(format!("by hand: fac run {line}; with --yes nothing is asked")));
    }
    run::start(context, asked)
}
