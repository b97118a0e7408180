//! From settings to a speaker: the one that is named, else what is there.

use std::time::Duration;

use super::services::nobody;
use crate::app::App;
use crate::kernel::config::Member;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::speak::guard::Guarded;
use crate::voice::speak::program::{Espeak, Piper, Program, Surroundings};
use crate::voice::speak::server::{Format, PiperServer, Server};
use crate::voice::speak::{Speaker, Wishes};

/// How long a sentence may take when the settings do not say.
const PATIENCE: Duration = Duration::from_secs(60);
/// The names under which espeak-ng is installed.
const ESPEAK: [&str; 2] = ["espeak-ng", "espeak"];
/// Speakers that need no settings.
const BUILT_IN: [&str; 2] = ["espeak-ng", "piper"];

impl App {
    /// How the settings want text to be read aloud.
    pub fn speaker_wishes(&self) -> Result<Wishes> {
        let config = self.config()?;
        let speed = config.int("voice.speed");
        Ok(Wishes {
            voice: config.text("voice.voice").filter(|voice| !voice.is_empty()).map(String::from),
            speed: (speed != 100).then_some(speed as f32 / 100.0),
        })
    }

    /// The speaker of this name, else that of the settings, else what is there. Voices that the settings do not allow are
    /// refused by it, and texts that are too long.
    ///
    /// # Errors
    /// `NotFound` for a name that nobody has, `Missing` with the ways to get one when there is none.
    pub fn speaker(&self, name: Option<&str>) -> Result<Guarded> {
        let config = self.config()?;
        let chosen = name.or(config.text("voice.speaker")).filter(|name| !name.is_empty());
        let inner = match chosen {
            Some(name) => self.named_speaker(name)?,
            None => self.found_speaker()?,
        };
        let most = usize::try_from(config.int("voice.max_text")).unwrap_or(usize::MAX);
        Ok(Guarded::new(inner, config.list("voice.voices"), most))
    }

    /// Begins to read a text aloud, as the settings want it; its words follow by [`App::speaking`].
    ///
    /// # Errors
    /// As [`App::speaker`].
    pub fn read_aloud(&self) -> Result<()> {
        let loudspeaker = super::sound::speaker(self.config()?, None);
        self.speaking.begin(Box::new(self.speaker(None)?), self.speaker_wishes()?, loudspeaker)
    }

    fn named_speaker(&self, name: &str) -> Result<Box<dyn Speaker>> {
        let members = self.config()?.members_of("voice", "speakers");
        if let Some(member) = members.get(name) {
            return self.written_speaker(name, member);
        }
        if BUILT_IN.contains(&name) || name == "espeak" {
            return self.written_speaker(name, &Member::default());
        }
        if self.voice_provider(name)?.is_some() {
            return self.written_speaker(name, &Member::default());
        }
        let known: Vec<String> = members.into_keys().chain(BUILT_IN.map(String::from)).collect();
        Err(nobody("speaker", name, &known))
    }

    /// One that the settings describe, or whose name says what it is.
    fn written_speaker(&self, name: &str, member: &Member) -> Result<Box<dyn Speaker>> {
        let text = |field: &str| member.text(field).map(String::from);
        let words = member.list("command");
        let kind = match (member.text("engine"), name) {
            (Some(kind), _) => kind,
            (None, _) if !words.is_empty() && name != "piper" => "command",
            (None, "piper") if member.text("url").is_some() => "piper-http",
            (None, "piper") => "piper",
            (None, "espeak-ng" | "espeak") => "espeak-ng",
            (None, _) => "http",
        };
        let around = Surroundings {
            name: name.to_string(),
            timeout: member.duration("timeout").unwrap_or(PATIENCE),
            env: self.voice_env(),
            folder: self.voice_folder(),
        };
        let rate = member.int("rate").and_then(|rate| u32::try_from(rate).ok());
        let program = |usual: &str| words.first().cloned().unwrap_or_else(|| usual.to_string());
        Ok(match kind {
            "command" => {
                let rate = if member.text("format") == Some("pcm") { Some(rate.unwrap_or(24_000)) } else { rate };
                Box::new(Program { around, words, voice: text("voice"), voices: member.list("voices"), rate })
            }
            "espeak-ng" => {
                let usual = ESPEAK.iter().find(|name| self.has_program(name)).unwrap_or(&ESPEAK[0]);
                Box::new(Espeak::new(around, program(usual), text("voice")))
            }
            "piper" => Box::new(Piper { around, program: program("piper"), model: text("model").or(text("voice")) }),
            "piper-http" => {
                let service = self.voice_server("speakers", name, member, PATIENCE)?;
                Box::new(PiperServer { service, voice: text("voice") })
            }
            _ => Box::new(Server {
                service: self.voice_server("speakers", name, member, PATIENCE)?,
                model: text("model").unwrap_or_else(|| "tts-1".to_string()),
                voice: text("voice"),
                voices: member.list("voices"),
                format: if member.text("format") == Some("pcm") { Format::Pcm } else { Format::Wav },
                rate: rate.unwrap_or(24_000),
            }),
        })
    }

    /// Nothing was chosen: what is there.
    fn found_speaker(&self) -> Result<Box<dyn Speaker>> {
        let members = self.config()?.members_of("voice", "speakers");
        if let (1, Some((name, member))) = (members.len(), members.iter().next()) {
            return self.written_speaker(name, member);
        }
        if let Some(member) = members.get("piper").filter(|piper| piper.text("model").is_some()) {
            return self.written_speaker("piper", member);
        }
        if ESPEAK.iter().any(|name| self.has_program(name)) {
            return self.written_speaker("espeak-ng", &Member::default());
        }
        Err(Error::new(Kind::Missing, "nobody is here who reads aloud").hint(
            "install espeak-ng, and that is all\n       or Piper, with a voice: fac config set \
             voice.speakers.piper.model /path/to/voice.onnx\n       or a server: fac config set voice.speakers.mine.url \
             http://127.0.0.1:8000/v1",
        ))
    }
}
