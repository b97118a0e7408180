//! Who writes down what was said, and in which form it comes: the flags of everything that hears.

use crate::app::App;
use crate::kernel::error::Result;
use crate::voice::transcribe::{Transcriber, Transcript, Wishes};

/// Who writes down, and what they are told.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Scribe {
    /// Who writes down
    #[arg(long, short = 't', value_name = "NAME")]
    pub transcriber: Option<String>,
    /// The language that is spoken, such as en
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Names and words to expect
    #[arg(long, value_name = "WORDS")]
    prompt: Option<String>,
}

impl Scribe {
    /// What is asked of them: these flags before the settings.
    pub fn wishes(&self, app: &App) -> Result<Wishes> {
        let Wishes { language, prompt } = app.transcriber_wishes()?;
        Ok(Wishes { language: self.language.clone().or(language), prompt: self.prompt.clone().or(prompt) })
    }

    /// The one who writes down.
    pub fn engine(&self, app: &App) -> Result<Box<dyn Transcriber>> {
        app.transcriber(self.transcriber.as_deref())
    }
}

/// Whether subtitles are wanted.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Subtitles {
    /// Subtitles: SubRip
    #[arg(long, conflicts_with = "vtt")]
    srt: bool,
    /// Subtitles: WebVTT
    #[arg(long)]
    vtt: bool,
}

impl Subtitles {
    /// The subtitles of a clip of `ms`, and how their files end; `None` where none are wanted.
    pub fn of(&self, transcript: &Transcript, ms: u64) -> Option<(String, &'static str)> {
        match (self.srt, self.vtt) {
            (true, _) => Some((transcript.srt(ms), "srt")),
            (_, true) => Some((transcript.vtt(ms), "vtt")),
            _ => None,
        }
    }
}
