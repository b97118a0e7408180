//! Programs that read aloud: espeak-ng, Piper, and any other.
//!
//! The text reaches them on standard input or in a private file, never among their arguments, where everybody could see it
//! and a `-` at its beginning would be an option. None of them plays anything: they give the sound back.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::guard::unknown_voice;
use super::{Speaker, Voice, Wishes};
use crate::exec::{self, CaptureLimits, Input, Job, Stop};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::secret::Redactor;
use crate::voice::clip::Clip;
use crate::voice::file;
use crate::voice::transcribe::command::{ended, private_wav};

/// The most sound that a program may give at once: an hour.
const MOST: usize = 400 << 20;

/// What every program gets.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Its name in the settings.
    pub name: String,
    /// How long it may take.
    pub timeout: Duration,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The private folder in which files are made.
    pub folder: PathBuf,
}

impl Surroundings {
    fn job(&self, program: &str, args: Vec<OsString>, input: String) -> Job {
        let mut job = Job::new(program, "/");
        job.args = args;
        job.env.clone_from(&self.env);
        job.stdin = Input::Bytes(input.into_bytes());
        job.apart = true;
        job.timeout = Some(self.timeout);
        job.grace = Duration::from_secs(2);
        // Sound is no text that a secret could stand in.
        job.capture = CaptureLimits { head: MOST, tail: 0, redactor: Redactor::default(), ..CaptureLimits::default() };
        job
    }

    fn run(&self, job: Job, stop: &Stop) -> Result<exec::Outcome> {
        let mut ignore = |_: exec::Stream, _: &[u8]| std::ops::ControlFlow::Continue(());
        exec::run(job, &mut ignore, stop)
    }

    fn finished(&self, outcome: &exec::Outcome) -> Result<()> {
        ended(&format!("the speaker {}", self.name), outcome, self.timeout)
    }
}

/// espeak-ng: small, everywhere, many languages.
#[derive(Clone, Debug)]
pub struct Espeak {
    /// What it gets.
    pub around: Surroundings,
    /// The program: `espeak-ng`.
    pub program: String,
    /// Its voice when none is named.
    pub voice: Option<String>,
    checked: Option<String>,
}

impl Espeak {
    /// This program, with this voice when none is named.
    pub fn new(around: Surroundings, program: String, voice: Option<String>) -> Espeak {
        Espeak { around, program, voice, checked: None }
    }

    /// Its voices: what it calls each of them (language, name, file), the language first.
    fn list(&self, stop: &Stop) -> Result<Vec<[String; 3]>> {
        let outcome = self.around.run(self.around.job(&self.program, vec!["--voices".into()], String::new()), stop)?;
        self.around.finished(&outcome)?;
        let text = outcome.stdout.joined();
        let text = String::from_utf8_lossy(&text);
        // Pty Language Age/Gender VoiceName File Other
        let one = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            Some([words.get(1)?, words.get(3)?, words.get(4)?].map(|word| (*word).to_string()))
        };
        Ok(text.lines().skip(1).filter_map(one).collect())
    }

    /// Whether it has a voice; asked once. Without this it would take another one that begins alike.
    fn check(&mut self, voice: &str, stop: &Stop) -> Result<()> {
        if self.checked.as_deref() == Some(voice) {
            return Ok(());
        }
        let known = self.list(stop)?;
        let base = voice.split('+').next().unwrap_or_default();
        let is_it = |name: &String| name.eq_ignore_ascii_case(base);
        // Voices of MBROLA are files of their own.
        if !base.starts_with("mb") && !known.iter().flatten().any(is_it) {
            let names: Vec<String> = known.into_iter().map(|[language, ..]| language).collect();
            return Err(unknown_voice(&self.around.name, voice, &names));
        }
        self.checked = Some(voice.to_string());
        Ok(())
    }
}

impl Speaker for Espeak {
    fn name(&self) -> &str {
        &self.around.name
    }

    fn voices(&mut self) -> Result<Vec<Voice>> {
        let of = |[name, ..]: [String; 3]| {
            let language = name.split('-').next().map(String::from);
            Voice { name, language }
        };
        Ok(self.list(&Stop::new()?)?.into_iter().map(of).collect())
    }

    fn speak(&mut self, text: &str, wishes: &Wishes, stop: &Stop) -> Result<Clip> {
        let mut args: Vec<OsString> = vec!["--stdout".into(), "--stdin".into(), "-b".into(), "1".into()];
        if let Some(voice) = wishes.voice.clone().or_else(|| self.voice.clone()) {
            self.check(&voice, stop)?;
            args.extend(["-v".into(), voice.into()]);
        }
        if let Some(speed) = wishes.speed {
            // 175 words a minute are its usual.
            args.extend(["-s".into(), format!("{}", (175.0 * speed).round().clamp(80.0, 450.0)).into()]);
        }
        // Between double brackets it would read phonemes.
        let outcome = self.around.run(self.around.job(&self.program, args, text.replace("[[", "[ [")), stop)?;
        let sound = outcome.stdout.joined();
        self.around.finished(&outcome)?;
        file::read_bytes(sound, &self.around.name, None)
    }
}

/// Piper: neural voices on this machine, one file each.
#[derive(Clone, Debug)]
pub struct Piper {
    /// What it gets.
    pub around: Surroundings,
    /// The program: `piper`.
    pub program: String,
    /// The voice's `.onnx` file, or what this Piper calls its voice.
    pub model: Option<String>,
}

impl Speaker for Piper {
    fn name(&self) -> &str {
        &self.around.name
    }

    fn voices(&mut self) -> Result<Vec<Voice>> {
        let name = |model: &String| {
            let file = model.rsplit('/').next().unwrap_or(model);
            file.strip_suffix(".onnx").unwrap_or(file).to_string()
        };
        let of = |model: &String| {
            let name = name(model);
            let language = name.split(['_', '-']).next().map(String::from);
            Voice { name, language }
        };
        Ok(self.model.iter().map(of).collect())
    }

    fn speak(&mut self, text: &str, wishes: &Wishes, stop: &Stop) -> Result<Clip> {
        let model = match &wishes.voice {
            // Its own voice by its short name.
            Some(voice) if self.model.as_ref().is_none_or(|model| !model.contains(voice.as_str())) => {
                Some(voice.clone())
            }
            _ => self.model.clone(),
        };
        let model = model.ok_or_else(|| {
            Error::new(Kind::Missing, "Piper needs the file of a voice")
                .hint("fac config set voice.speakers.piper.model /path/to/en_US-lessac-medium.onnx")
        })?;
        if model.contains('/') && !std::path::Path::new(&model).is_file() {
            return Err(Error::new(Kind::NotFound, format!("there is no voice {model}"))
                .hint("voices of Piper are .onnx files with an .onnx.json beside them"));
        }
        let wav = private_wav(&self.around.folder, b"")?;
        let mut args: Vec<OsString> = vec!["--model".into(), model.into(), "--output_file".into(), wav.path().into()];
        if let Some(speed) = wishes.speed {
            args.extend(["--length_scale".into(), format!("{:.3}", 1.0 / speed.max(0.01)).into()]);
        }
        // It makes one sound of each line.
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let outcome = self.around.run(self.around.job(&self.program, args, format!("{line}\n")), stop)?;
        self.around.finished(&outcome)?;
        sound_of(&wav, &self.around.name)
    }
}

/// Any program: `{text}` is a file with the text (else the text comes on standard input), `{wav}` the file that it writes
/// (else it prints the WAV), `{voice}` and `{speed}` what was wished.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it gets.
    pub around: Surroundings,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Its voice when none is named.
    pub voice: Option<String>,
    /// The voices that the settings say it has.
    pub voices: Vec<String>,
    /// Samples a second of sound without a header; `None` where it gives WAV.
    pub rate: Option<u32>,
}

impl Speaker for Program {
    fn name(&self) -> &str {
        &self.around.name
    }

    fn voices(&mut self) -> Result<Vec<Voice>> {
        Ok(self.voices.iter().map(|name| Voice { name: name.clone(), language: None }).collect())
    }

    fn speak(&mut self, text: &str, wishes: &Wishes, stop: &Stop) -> Result<Clip> {
        let name = &self.around.name;
        let voice = wishes.voice.as_ref().or(self.voice.as_ref());
        if let Some(voice) = voice.filter(|voice| !self.voices.is_empty() && !self.voices.contains(voice)) {
            return Err(unknown_voice(name, voice, &self.voices));
        }
        let (program, words) = self.words.split_first().ok_or_else(|| {
            Error::new(Kind::BadData, format!("nothing says which program the speaker {name} is"))
                .hint(format!("fac config set voice.speakers.{name}.command '[\"PROGRAM\", \"{{wav}}\"]'"))
        })?;
        let asks = |what: &str| self.words.iter().any(|word| word.contains(what));
        let given = asks("{text}").then(|| private_wav(&self.around.folder, text.as_bytes())).transpose()?;
        let wav = asks("{wav}").then(|| private_wav(&self.around.folder, b"")).transpose()?;
        let path = |file: &Option<tempfile::NamedTempFile>| {
            file.as_ref().map(|file| file.path().to_string_lossy().into_owned()).unwrap_or_default()
        };
        let (from, to, speed) = (path(&given), path(&wav), format!("{:.2}", wishes.speed.unwrap_or(1.0)));
        let values = [("{text}", &from), ("{wav}", &to), ("{speed}", &speed)];
        let empty = String::new();
        let args = words.iter().map(|word| OsString::from(filled(word, &values, voice.unwrap_or(&empty)))).collect();
        let input = if given.is_some() { String::new() } else { text.to_string() };
        let outcome = self.around.run(self.around.job(program, args, input), stop)?;
        self.around.finished(&outcome)?;
        match (&wav, self.rate) {
            (Some(wav), _) => sound_of(wav, name),
            (None, Some(rate)) => Ok(file::raw(&outcome.stdout.joined(), rate)),
            (None, None) => file::read_bytes(outcome.stdout.joined(), name, None),
        }
    }
}

/// A word with its placeholders filled in, each once.
fn filled(word: &str, values: &[(&str, &String)], voice: &String) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let all = values.iter().copied().chain([("{voice}", voice)]);
        match all.clone().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                out.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn sound_of(wav: &tempfile::NamedTempFile, name: &str) -> Result<Clip> {
    let bytes = std::fs::read(wav.path()).unwrap_or_default();
    if bytes.is_empty() {
        return Err(Error::new(Kind::BadData, format!("the speaker {name} made no sound")));
    }
    file::read_bytes(bytes, name, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(folder: &std::path::Path) -> Surroundings {
        Surroundings {
            name: "test".into(),
            timeout: Duration::from_secs(600),
            env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
            folder: folder.join("voice"),
        }
    }

    fn speaker(folder: &std::path::Path, script: &str, more: &[&str]) -> Program {
        let words = ["sh", "-c", script, "x"].iter().chain(more).map(|w| (*w).to_string()).collect();
        Program { around: around(folder), words, voice: None, voices: Vec::new(), rate: None }
    }

    #[test]
    fn the_text_comes_on_standard_input_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let stop = Stop::new().unwrap();
        let wishes = Wishes { voice: Some("v {wav}".into()), speed: Some(1.5) };
        let mut one = speaker(folder.path(), "cat; printf %s \"|$1\"", &["{voice}/{speed}/{zz}"]);
        one.rate = Some(8000);
        let clip = one.speak("-hello", &wishes, &stop).unwrap();
        let back: Vec<u8> = clip.samples.iter().flat_map(|s| ((s * 32_768.0) as i16).to_le_bytes()).collect();
        assert_eq!(String::from_utf8(back).unwrap(), "-hello|v {wav}/1.50/{zz}");
        let folder_before = folder.path().join("in.wav");
        std::fs::write(&folder_before, file::bytes(&Clip::new(8000, vec![0.5; 4]))).unwrap();
        let script = format!("test \"$(cat \"$1\")\" = '-hello' && cp {} \"$2\"", folder_before.display());
        let clip = speaker(folder.path(), &script, &["{text}", "{wav}"]).speak("-hello", &wishes, &stop).unwrap();
        assert_eq!((clip.rate, clip.samples.len()), (8000, 4));
    }

    #[test]
    fn no_sound_a_bad_end_and_a_strange_voice_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let stop = Stop::new().unwrap();
        let fail = |mut one: Program, voice: Option<&str>| {
            one.speak("x", &Wishes { voice: voice.map(String::from), speed: None }, &stop).unwrap_err()
        };
        assert_eq!(fail(speaker(folder.path(), "true", &["{wav}"]), None).message(), "the speaker test made no sound");
        assert_eq!(fail(speaker(folder.path(), "true", &[]), None).kind(), Kind::BadData);
        assert_eq!(fail(speaker(folder.path(), "exit 4", &[]), None).message(), "the speaker test ended with 4");
        let mut one = speaker(folder.path(), "true", &[]);
        one.voices = vec!["amy".into()];
        assert_eq!(fail(one, Some("any")).kind(), Kind::NotFound);
    }
}
