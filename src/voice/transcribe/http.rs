//! An OpenAI-style server as a transcriber: `POST …/audio/transcriptions` with a WAV file.
//!
//! whisper.cpp's own server is reached by its `/inference`, which takes the same form.

use sha2::{Digest, Sha256};

use super::text::read_json;
use super::{SoFar, Transcriber, Transcript, Wishes};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::hex;
use crate::voice::clip::Clip;
use crate::voice::file;
use crate::voice::service::{Answer, Form, Request, Service};

/// Endpoints that are complete as they are written.
const WHOLE: [&str; 2] = ["/transcriptions", "/inference"];

/// A server that writes down.
#[derive(Clone, Debug)]
pub struct Server {
    service: Service,
    model: String,
    /// Whether it knows `verbose_json`, as far as is known.
    verbose: bool,
}

impl Server {
    /// A server with this model.
    pub fn new(service: Service, model: Option<String>) -> Server {
        Server { service, model: model.unwrap_or_else(|| "whisper-1".to_string()), verbose: true }
    }

    fn ask(&self, wav: &[u8], wishes: &Wishes, stop: &Stop) -> Result<Answer> {
        let url = self.service.endpoint("audio/transcriptions", &WHOLE)?;
        let apart = hex(&Sha256::digest(wav)[..12]);
        let mut form = Form::new(&apart)
            .field("model", &self.model)
            .field("response_format", if self.verbose { "verbose_json" } else { "json" })
            .field("temperature", "0");
        if let Some(language) = &wishes.language {
            form = form.field("language", language);
        }
        if let Some(prompt) = &wishes.prompt {
            form = form.field("prompt", prompt);
        }
        let (kind, body) = form.file("file", "speech.wav", "audio/wav", wav).finish();
        self.service.send(&url, Request::Post(&kind, &body), stop)
    }

    fn read(&self, answer: &Answer) -> Result<Transcript> {
        let broken = || {
            Error::new(Kind::BadData, format!("{} answered something that is no transcript", self.service.name))
                .hint("check its address: it has to be a server with /audio/transcriptions")
        };
        let text = String::from_utf8(answer.body.clone()).map_err(|_| broken())?;
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) => read_json(&value).ok_or_else(broken),
            Err(_) if answer.kind.starts_with("text/plain") => Ok(Transcript::plain(text)),
            Err(_) => Err(broken()),
        }
    }
}

impl Transcriber for Server {
    fn name(&self) -> &str {
        &self.service.name
    }

    fn transcribe(&mut self, clip: &Clip, wishes: &Wishes, stop: &Stop, _heard: SoFar<'_>) -> Result<Transcript> {
        let wav = file::bytes(clip);
        let mut answer = self.ask(&wav, wishes, stop)?;
        // Some models give text only, and say so by naming the field.
        if self.verbose && answer.status == 400 && String::from_utf8_lossy(&answer.body).contains("response_format") {
            self.verbose = false;
            answer = self.ask(&wav, wishes, stop)?;
        }
        match answer.status {
            200..=299 => self.read(&answer),
            _ => Err(self.service.failure(&answer)),
        }
    }
}
