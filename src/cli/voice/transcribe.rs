//! `fac voice transcribe`: what is said in files of sound.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::scribe::{Scribe, Subtitles};
use crate::cli::Context;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::terminal::{safe, safe_line};
use crate::voice::clip::{Clip, SPEECH_RATE};
use crate::voice::file;
use crate::voice::transcribe::Transcript;

const EXAMPLES: &str = "\
Examples:
  fac voice transcribe memo.wav
  fac voice transcribe talk.mp3 --srt > talk.srt
  fac voice transcribe --vtt *.ogg            several files: FILE.vtt beside each
  fac voice transcribe memo.wav -t openai --language de
  arecord -d 5 - | fac voice transcribe -

Who writes down: voice.transcriber, else what is there. Programs are told the file, never through a shell:
  fac config set voice.transcribers.sphinx.command \\
    '[\"pocketsphinx_continuous\", \"-infile\", \"{wav}\", \"-logfn\", \"/dev/null\"]'
  fac config set voice.transcribers.cpp.command \\
    '[\"whisper-cli\", \"-m\", \"/path/to/ggml-base.bin\", \"-f\", \"{wav}\", \"-l\", \"{language}\", \"-np\"]'
  fac config set voice.transcribers.cpp.times srt

Exit code 3 when nobody speaks in any of the files.";

/// Write down what is said in files of sound (WAV, FLAC, OGG, MP3)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The files; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    subtitles: Subtitles,
    #[command(flatten)]
    scribe: Scribe,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let signals = StopOnSignals::new()?;
    let wishes = args.scribe.wishes(&context.app)?;
    let mut engine = args.scribe.engine(&context.app)?;
    let mut spoken = false;
    for path in &args.files {
        let clip = read(path)?;
        let told = engine.transcribe(&clip, &wishes, signals.stop(), &mut |_| {})?;
        spoken |= !told.text.is_empty();
        if told.text.is_empty() {
            context.ui.note(&format!("nobody speaks in {}", safe_line(&path.display().to_string())));
        }
        give(context, args, path, &told, clip.ms(), engine.name())?;
    }
    Ok(if spoken { 0 } else { Kind::NotFound.exit_code() })
}

fn read(path: &Path) -> Result<Clip> {
    if path.as_os_str() != "-" {
        return file::read(path, Some(SPEECH_RATE));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .context(Kind::Failed, || "cannot read standard input".to_string())?;
    file::read_bytes(bytes, "standard input", Some(SPEECH_RATE))
}

fn give(context: &Context, args: &Args, path: &Path, told: &Transcript, ms: u64, engine: &str) -> Result<()> {
    let several = args.files.len() > 1;
    let (text, end) = match args.subtitles.of(told, ms) {
        Some(subtitles) => subtitles,
        None if context.ui.json => {
            let mut value = told.json();
            value["file"] = json!(path);
            value["ms"] = json!(ms);
            value["transcriber"] = json!(engine);
            return context.ui.value(&value);
        }
        None if told.text.is_empty() => return Ok(()),
        None if several => {
            return context.ui.line(&format!("{}: {}", safe_line(&path.display().to_string()), safe(&told.text)));
        }
        None => return context.ui.line(&safe(&told.text)),
    };
    if !several {
        return context.ui.write(text.as_bytes());
    }
    if path.as_os_str() == "-" {
        return Err(Error::new(Kind::Usage, "subtitles of standard input go to stdout, so it has to be the only file"));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{end}"));
    files::write_atomic(Path::new(&beside), text.as_bytes(), false)?;
    context.ui.note(&format!("wrote {}", safe_line(&beside.to_string_lossy())));
    Ok(())
}
