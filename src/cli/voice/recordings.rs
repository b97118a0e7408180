//! `fac voice recordings` and `fac voice retry`: what was recorded, and writing down what nobody could at the time.

use clap::Subcommand;
use serde_json::{Value, json};

use super::scribe::Scribe;
use crate::cli::Context;
use crate::cli::table::Table;
use crate::cli::ui::Role;
use crate::exec::signals::StopOnSignals;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::{safe, safe_line};
use crate::store::{Recording, RecordingStatus};

/// Recordings of the last days with their texts: list them, erase one
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the recordings
    #[command(visible_alias = "list")]
    Ls,
    /// Print where the sound of a recording is
    Path {
        /// Its id, or the end of it
        id: String,
    },
    /// Erase a recording with its text for good
    Rm {
        /// Its id, or the end of it
        id: String,
    },
}

/// Write down recordings that nobody could write down at the time
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without an id it lists them. A recording is kept until its text is stored, and then for voice.keep_days.")]
pub struct RetryArgs {
    /// The recording's id, or the end of it
    #[arg(conflicts_with = "all")]
    id: Option<String>,
    /// All of them, oldest first
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    scribe: Scribe,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what.unwrap_or(What::Ls) {
        What::Ls => {
            let all = context.app.store()?.recordings(None)?;
            list(context, &all, "nothing is recorded")
        }
        What::Path { id } => {
            let recording = context.app.store()?.recording(&id)?;
            context.ui.line(&context.app.recording_file(&recording).display().to_string())?;
            Ok(0)
        }
        What::Rm { id } => {
            let recording = context.app.store()?.recording(&id)?;
            context.app.remove_recording(&recording)?;
            context.ui.note(&format!("erased the recording {}", recording.id.tail()));
            Ok(0)
        }
    }
}

pub(super) fn retry(context: &mut Context, args: &RetryArgs) -> Result<u8> {
    let owed = match &args.id {
        Some(id) => vec![context.app.store()?.recording(id)?],
        None => context.app.owed_recordings()?,
    };
    if args.id.is_none() && !args.all {
        return list(context, &owed, "every recording has its text");
    }
    if owed.is_empty() {
        context.ui.note("every recording has its text");
        return Ok(0);
    }
    let signals = StopOnSignals::new()?;
    let wishes = args.scribe.wishes(&context.app)?;
    let mut engine = args.scribe.engine(&context.app)?;
    let mut failed = Vec::new();
    for recording in &owed {
        match context.app.write_down(recording, engine.as_mut(), &wishes, signals.stop()) {
            Ok(told) if context.ui.json => {
                let mut value = told.json();
                value["id"] = json!(recording.id);
                context.ui.value(&value)?;
            }
            Ok(told) => context.ui.line(&safe(&told.text))?,
            Err(error) if owed.len() == 1 || error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => {
                context.ui.warn(&format!("{}: {}", recording.id.tail(), safe_line(&error.full_message())));
                failed.push(error);
            }
        }
    }
    match failed.pop() {
        None => Ok(0),
        Some(last) => {
            let said = format!("{} could not be written down", counted(failed.len() + 1, "recording"));
            Err(Error::new(last.kind(), said).hint("they are kept; `fac voice retry --all` tries again"))
        }
    }
}

fn list(context: &Context, all: &[Recording], none: &str) -> Result<u8> {
    if context.ui.json {
        let list: Vec<Value> = all.iter().map(record).collect();
        context.ui.value(&json!({"recordings": list, "next": null}))?;
        return Ok(0);
    }
    if all.is_empty() {
        context.ui.note(none);
        return Ok(0);
    }
    let mut table = Table::new(&["id", "when", "status", "length", "from", "text"]);
    for one in all {
        let (word, role) = match one.status {
            RecordingStatus::Done => ("done", Role::Good),
            RecordingStatus::Failed => ("failed", Role::Bad),
            RecordingStatus::Pending => ("owed", Role::Warn),
        };
        let text = one.text.as_deref().or(one.error.as_deref()).unwrap_or_default();
        table.row(vec![
            (one.id.tail(), Some(Role::Dim)),
            (one.created.local_short(), Some(Role::Dim)),
            (word.to_string(), Some(role)),
            (if one.ms > 0 { human_ms(one.ms) } else { String::new() }, None),
            (one.source.clone(), Some(Role::Dim)),
            (safe_line(text).into_owned(), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

fn record(one: &Recording) -> Value {
    json!({
        "id": one.id,
        "status": one.status.name(),
        "source": one.source,
        "ms": one.ms,
        "tries": one.tries,
        "transcriber": one.engine,
        "language": one.language,
        "text": one.text,
        "error": one.error,
        "created": one.created,
        "finished": one.finished,
    })
}
