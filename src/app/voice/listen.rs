//! Listening as the settings want it: a microphone, the chain, who writes down, and the recording that is kept meanwhile.

use std::time::Duration;

use crate::app::App;
use crate::kernel::error::{Kind, Result};
use crate::store::Recording;
use crate::voice::chain::{Denoise, Stages, Timing};
use crate::voice::clip::RATE;
use crate::voice::file::Writer;
use crate::voice::listen::{AtMicrophone, Ear, Listening, Plan, Scribe, Until};
use crate::voice::transcribe::{Transcript, Wishes};

/// What is asked of a listening beyond the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// When it ends by itself.
    pub until: Until,
    /// The longest it may take.
    pub most: Option<Duration>,
    /// The microphone.
    pub device: Option<String>,
    /// Who writes down.
    pub transcriber: Option<String>,
    /// What they are told.
    pub wishes: Wishes,
    /// Whether text is wanted while somebody still speaks.
    pub glances: bool,
    /// For the record: `listen`, `chat`, `tui`.
    pub source: &'static str,
}

/// A listening that goes on, and the recording that keeps it.
pub struct Hearing {
    /// The listening.
    pub listening: Listening,
    /// Its recording.
    pub recording: Recording,
    /// Who writes down.
    pub engine: String,
}

impl App {
    /// Begins to listen. The row and the file of the recording are there before the first sample.
    ///
    /// # Errors
    /// `Missing` when nobody could write down; what the microphone says comes from the listening.
    pub fn listen(&self, wanted: Wanted) -> Result<Hearing> {
        let config = self.config()?;
        let transcriber = self.transcriber(wanted.transcriber.as_deref())?;
        let engine = transcriber.name().to_string();
        let ms = |key: &str| config.duration(key).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let usual = Plan::default();
        let longest = wanted.most.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let plan = Plan {
            until: wanted.until,
            most_ms: longest.or(ms("voice.longest")).unwrap_or(usual.most_ms),
            patience_ms: ms("voice.give_up").unwrap_or(usual.patience_ms),
            stages: Stages::parse(config.text("voice.stages").unwrap_or("all"))?,
            timing: Timing { pause_ms: ms("voice.pause").unwrap_or(usual.timing.pause_ms), ..usual.timing },
            glances: wanted.glances,
        };
        let denoise = config.text("voice.denoise").and_then(Denoise::named).unwrap_or_default();
        let microphone = super::sound::microphone(config, wanted.device.as_deref())?;
        let (recording, path) = self.begin_recording(wanted.source)?;
        let keep = Writer::create(&path, RATE)?;
        let echo = self.speaking.echo();
        let ear = Box::new(move || Ok(Box::new(AtMicrophone::open(&microphone, echo)?) as Box<dyn Ear>));
        let wishes = wanted.wishes;
        let scribe = Box::new(move || Ok(Scribe { transcriber, wishes, denoise }));
        let listening = Listening::start(plan, ear, scribe, Some(keep))?;
        Ok(Hearing { listening, recording, engine })
    }

    /// What came of it is stored: the text, why there is none, or nothing at all when nobody spoke. Whether the recording
    /// is kept for another try.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn heard(&self, hearing: &Hearing, voice: bool, ms: u64, over: &Result<Transcript>) -> Result<bool> {
        let Hearing { recording, engine, .. } = hearing;
        match over {
            Ok(written) if written.text.is_empty() => self.remove_recording(recording)?,
            Ok(written) => {
                self.recording_written(recording, engine, &written.text, written.language.as_deref(), ms)?;
            }
            // Who gives up wants nothing of it.
            Err(error) if error.kind() == Kind::Interrupted || !voice => self.remove_recording(recording)?,
            Err(error) => {
                self.recording_failed(recording, engine, error)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
