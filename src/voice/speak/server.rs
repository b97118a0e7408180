//! Servers that read aloud: OpenAI-style `POST …/audio/speech`, and Piper's own.

use serde_json::{Value, json};

use super::guard::unknown_voice;
use super::{Speaker, Voice, Wishes};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::Clip;
use crate::voice::file;
use crate::voice::service::{Answer, Request, Service};

/// The form of sound that a server is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// WAV.
    #[default]
    Wav,
    /// Samples of 16 bits without a header.
    Pcm,
}

/// An OpenAI-style server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it is.
    pub service: Service,
    /// The model.
    pub model: String,
    /// Its voice when none is named.
    pub voice: Option<String>,
    /// The voices that the settings say it has.
    pub voices: Vec<String>,
    /// The form of sound.
    pub format: Format,
    /// Samples a second of sound without a header, Hz.
    pub rate: u32,
}

impl Speaker for Server {
    fn name(&self) -> &str {
        &self.service.name
    }

    fn voices(&mut self) -> Result<Vec<Voice>> {
        Ok(named(&self.voices))
    }

    fn speak(&mut self, text: &str, wishes: &Wishes, stop: &Stop) -> Result<Clip> {
        let voice = wishes.voice.as_ref().or(self.voice.as_ref());
        if let Some(voice) = voice.filter(|voice| !self.voices.is_empty() && !self.voices.contains(voice)) {
            return Err(unknown_voice(&self.service.name, voice, &self.voices));
        }
        let url = self.service.endpoint("audio/speech", &["/speech"])?;
        let form = if self.format == Format::Wav { "wav" } else { "pcm" };
        let mut asked = json!({
            "model": self.model,
            "input": text,
            "voice": voice.map_or("alloy", String::as_str),
            "response_format": form,
        });
        if let (Some(speed), Some(fields)) = (wishes.speed, asked.as_object_mut()) {
            fields.insert("speed".into(), json!(speed.clamp(0.25, 4.0)));
        }
        let answer = self.service.send(&url, Request::Post("application/json", asked.to_string().as_bytes()), stop)?;
        sound(&self.service, &answer, self.rate)
    }
}

/// Piper's own server (`python3 -m piper.http_server`).
#[derive(Clone, Debug)]
pub struct PiperServer {
    /// Where it is.
    pub service: Service,
    /// Its voice when none is named.
    pub voice: Option<String>,
}

impl Speaker for PiperServer {
    fn name(&self) -> &str {
        &self.service.name
    }

    fn voices(&mut self) -> Result<Vec<Voice>> {
        let url = self.service.endpoint("voices", &[])?;
        let answer = self.service.send(&url, Request::Get, &Stop::new()?)?;
        let names: Vec<String> = match serde_json::from_slice(&answer.body) {
            Ok(Value::Object(all)) if answer.status == 200 => all.keys().cloned().collect(),
            // Older ones have a single voice and no list.
            _ => Vec::new(),
        };
        Ok(named(&names))
    }

    fn speak(&mut self, text: &str, wishes: &Wishes, stop: &Stop) -> Result<Clip> {
        let url = self.service.endpoint("", &[])?;
        let mut asked = json!({"text": text});
        let voice = wishes.voice.clone().or_else(|| self.voice.clone());
        if let (Some(voice), Some(fields)) = (&voice, asked.as_object_mut()) {
            fields.insert("voice".into(), json!(voice));
        }
        if let (Some(speed), Some(fields)) = (wishes.speed, asked.as_object_mut()) {
            fields.insert("length_scale".into(), json!(1.0 / speed.max(0.01)));
        }
        let answer = self.service.send(&url, Request::Post("application/json", asked.to_string().as_bytes()), stop)?;
        if let (404 | 400, Some(voice)) = (answer.status, voice) {
            let known: Vec<String> = self.voices()?.into_iter().map(|voice| voice.name).collect();
            if !known.is_empty() && !known.contains(&voice) {
                return Err(unknown_voice(&self.service.name, &voice, &known));
            }
        }
        sound(&self.service, &answer, 22_050)
    }
}

fn named(names: &[String]) -> Vec<Voice> {
    names.iter().map(|name| Voice { name: name.clone(), language: None }).collect()
}

/// The sound of an answer: WAV where it begins like one, whatever was asked for.
fn sound(service: &Service, answer: &Answer, rate: u32) -> Result<Clip> {
    if !(200..300).contains(&answer.status) {
        return Err(service.failure(answer));
    }
    if answer.body.starts_with(b"RIFF") {
        return file::read_bytes(answer.body.clone(), &service.name, None);
    }
    let is_text = answer.kind.starts_with("text/") || answer.kind.contains("json");
    let packed = answer.body.starts_with(b"ID3")
        || answer.body.starts_with(b"OggS")
        || answer.body.starts_with(b"fLaC")
        || answer.kind.contains("mpeg");
    if is_text || packed || answer.body.len() < 2 {
        let what = if packed { "sound in a form that was not asked for" } else { "something that is no sound" };
        return Err(Error::new(Kind::BadData, format!("{} answered {what}", service.name))
            .hint(format!("try another form: fac config set voice.speakers.{}.format pcm", service.name)));
    }
    Ok(file::raw(&answer.body, rate))
}
