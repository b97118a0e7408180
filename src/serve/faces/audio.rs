//! Sound by OpenAI's face: what is said in a file, and a text read aloud, by whoever the settings name.
//! <https://platform.openai.com/docs/api-reference/audio>

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Vendor;
use super::fault::{Fault, Sort};
use super::form::{boundary, fields};
use super::http::{Answered, Taken, json as answer, refuse, tag};
use super::read::{Field, Wrong};
use crate::app::App;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::serve::reply::AsItIs;
use crate::serve::route::RawCall;
use crate::voice::chain::resample;
use crate::voice::clip::{Clip, SPEECH_RATE};
use crate::voice::file;
use crate::voice::speak::ear::{Code, words};
use crate::voice::speak::guard::check_text;
use crate::voice::speak::{Speaker, sentences};
use crate::voice::transcribe::Transcript;

/// Names of OpenAI's models: they stand for whoever the settings name.
const TRANSCRIBERS: [&str; 5] =
    ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize", "default"];
/// The same for those who read aloud.
const SPEAKERS: [&str; 4] = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "default"];
/// Names of OpenAI's voices: they stand for the voice of the settings.
const VOICES: [&str; 13] =
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"];
/// The rate of plain samples, Hz, as OpenAI has it.
const PCM_RATE: u32 = 24_000;

/// Stops the work when nobody waits for it any more.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// `POST /v1/audio/transcriptions`.
pub async fn transcriptions(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let kind = taken.call.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = boundary(kind);
    let trace = taken.call.trace;
    let told = async {
        let boundary = boundary.ok_or_else(|| Fault::from(Wrong::new("", "is no form: multipart/form-data")))?;
        let asked = sound(&taken.bytes, &boundary)?;
        let form = asked.form.clone();
        let stop = Stop::new().map_err(|error| Fault::of(&error))?;
        let _ends_it = StopOnDrop(stop.clone());
        let work = move |app: &App| transcribe(app, asked, &stop);
        let (told, ms) =
            taken.call.server.desk.sync(&taken.call.caller, work).await.map_err(|error| no_engine(&error))?;
        Ok(written(&told, ms, &form))
    };
    Ok(match told.await {
        Ok(response) => tag(response, Vendor::OpenAi, trace),
        Err(fault) => refuse(Vendor::OpenAi, &fault, trace),
    })
}

/// A sound to be written down.
struct Sound {
    engine: Option<String>,
    name: String,
    bytes: Vec<u8>,
    language: Option<String>,
    prompt: Option<String>,
    form: String,
}

fn sound(body: &[u8], boundary: &str) -> Result<Sound, Fault> {
    let all = fields(body, boundary)?;
    let text = |name: &str| {
        let found = all.iter().find(|entry| entry.name == name && entry.file.is_none());
        found.map(|entry| String::from_utf8_lossy(entry.bytes).into_owned()).filter(|text| !text.is_empty())
    };
    let file = all.iter().find(|entry| entry.name == "file").ok_or_else(|| Wrong::new("file", "is missing"))?;
    let form = text("response_format").unwrap_or_else(|| "json".to_string());
    if !["json", "text", "srt", "verbose_json", "vtt"].contains(&form.as_str()) {
        return Err(Wrong::new("response_format", "must be json, text, srt, verbose_json or vtt").into());
    }
    if text("stream").is_some_and(|stream| stream == "true") {
        return Err(Wrong::new("stream", "cannot be true: what is said comes when it is whole").into());
    }
    Ok(Sound {
        engine: text("model").filter(|model| !TRANSCRIBERS.contains(&model.as_str())),
        name: file.file.clone().unwrap_or_else(|| "file".to_string()),
        bytes: file.bytes.to_vec(),
        language: text("language"),
        prompt: text("prompt"),
        form,
    })
}

/// What is said, and how long the sound is, milliseconds.
fn transcribe(app: &App, asked: Sound, stop: &Stop) -> Result<(Transcript, u64)> {
    let clip = file::read_bytes(asked.bytes, &asked.name, Some(SPEECH_RATE))?;
    let mut wishes = app.transcriber_wishes()?;
    wishes.language = asked.language.or(wishes.language);
    wishes.prompt = asked.prompt.or(wishes.prompt);
    let mut engine = app.transcriber(asked.engine.as_deref())?;
    Ok((engine.transcribe(&clip, &wishes, stop, &mut |_| {})?, clip.ms()))
}

fn written(told: &Transcript, ms: u64, form: &str) -> Response {
    let plain = |text: String| {
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        ([(CONTENT_TYPE, kind)], text).into_response()
    };
    match form {
        "text" => plain(format!("{}\n", told.text)),
        "srt" => plain(told.srt(ms)),
        "vtt" => plain(told.vtt(ms)),
        "verbose_json" => {
            let seconds = |ms: u64| ms as f64 / 1000.0;
            let pieces = told.pieces(ms);
            let segment = |(id, piece): (usize, &crate::voice::transcribe::Segment)| {
                json!({
                    "id": id, "start": seconds(piece.start_ms), "end": seconds(piece.end_ms), "text": piece.text, "seek": 0,
                    "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0,
                })
            };
            let segments: Vec<Value> = pieces.iter().enumerate().map(segment).collect();
            let language = told.language.clone().unwrap_or_else(|| "unknown".to_string());
            let value = json!({
                "task": "transcribe", "language": language, "duration": seconds(ms), "text": told.text,
                "segments": segments,
            });
            answer(StatusCode::OK, &value)
        }
        _ => answer(StatusCode::OK, &json!({"text": told.text})),
    }
}

/// `POST /v1/audio/speech`.
pub async fn speech(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let trace = taken.call.trace;
    let told = async {
        let asked = said(&taken.json()?)?;
        let pcm = asked.pcm;
        let stop = Stop::new().map_err(|error| Fault::of(&error))?;
        let _ends_it = StopOnDrop(stop.clone());
        let work = move |app: &App| speak(app, &asked, &stop);
        let clip = taken.call.server.desk.sync(&taken.call.caller, work).await.map_err(|error| no_engine(&error))?;
        Ok(sounding(&clip, pcm))
    };
    Ok(match told.await {
        Ok(response) => tag(response, Vendor::OpenAi, trace),
        Err(fault) => refuse(Vendor::OpenAi, &fault, trace),
    })
}

/// A text to be read aloud.
struct Said {
    engine: Option<String>,
    text: String,
    voice: Option<String>,
    speed: Option<f32>,
    pcm: bool,
}

fn said(body: &Value) -> Result<Said, Fault> {
    let root = Field::root(body);
    root.object()?;
    let model = root.need("model")?.text()?;
    let pcm = match root.text_of("response_format")? {
        None | Some("wav") => false,
        Some("pcm") => true,
        Some(other) => {
            let what = format!("can be wav or pcm here, not {other}: sound is not packed");
            return Err(Wrong::new("response_format", what).into());
        }
    };
    let voice = root.text_of("voice")?.filter(|voice| !VOICES.contains(voice)).map(String::from);
    let speed = root.number_of("speed")?;
    if speed.is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
        return Err(Wrong::new("speed", "must be from 0.25 to 4").into());
    }
    Ok(Said {
        engine: Some(model).filter(|model| !SPEAKERS.contains(model)).map(String::from),
        text: root.need("input")?.text()?.to_string(),
        voice,
        speed: speed.map(|speed| speed as f32),
        pcm,
    })
}

/// The sound of all of it, at the rate of its first sentence.
fn speak(app: &App, asked: &Said, stop: &Stop) -> Result<Clip> {
    let most = usize::try_from(app.config()?.int("voice.max_text")).unwrap_or(usize::MAX);
    check_text(&asked.text, most)?;
    let mut speaker = app.speaker(asked.engine.as_deref())?;
    let mut wishes = app.speaker_wishes()?;
    if let Some(voice) = &asked.voice {
        speaker.check_voice(voice)?;
        wishes.voice = Some(voice.clone());
    }
    wishes.speed = asked.speed.or(wishes.speed);
    let text = words(&asked.text, Code::Announce);
    let sounds = |sentence: &String| sentence.chars().any(char::is_alphanumeric);
    let mut whole: Option<Clip> = None;
    for sentence in text.lines().flat_map(sentences::split).filter(sounds) {
        let clip = speaker.speak(&sentence, &wishes, stop)?;
        match &mut whole {
            Some(whole) if whole.rate == clip.rate => whole.samples.extend(clip.samples),
            Some(whole) => whole.samples.extend(resample::clip(&clip, whole.rate)?.samples),
            None => whole = Some(clip),
        }
    }
    whole.ok_or_else(|| Error::new(Kind::Usage, "there is nothing to say"))
}

fn sounding(clip: &Clip, pcm: bool) -> Response {
    let at_rate = (pcm && clip.rate != PCM_RATE).then(|| resample::clip(clip, PCM_RATE).ok()).flatten();
    let wav = file::bytes(at_rate.as_ref().unwrap_or(clip));
    let (kind, bytes) =
        if pcm { ("audio/pcm", wav.get(HEADER..).unwrap_or_default().to_vec()) } else { ("audio/wav", wav) };
    let mut response = bytes.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.extensions_mut().insert(AsItIs);
    response
}

/// The bytes before the samples of a WAV file.
const HEADER: usize = 44;

/// An engine that is not there is not a fault of the request; a name that nobody has is one.
fn no_engine(error: &Error) -> Fault {
    match error.kind() {
        Kind::NotFound => Fault { sort: Sort::NoModel, ..Fault::of(error) },
        _ => Fault::of(error),
    }
}
