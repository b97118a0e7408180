//! From settings to a transcriber: the one that is named, else what is there.

use std::path::PathBuf;
use std::time::Duration;

use super::services::nobody;
use crate::app::App;
use crate::exec::Stop;
use crate::kernel::config::Member;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::transcribe::careful::Careful;
use crate::voice::transcribe::command::{Program, Times};
use crate::voice::transcribe::http::Server;
use crate::voice::transcribe::models::Shelf;
use crate::voice::transcribe::whisper::{self, Whisper};
use crate::voice::transcribe::{Transcriber, Wishes};

/// How long a transcriber may take when the settings do not say.
const PATIENCE: Duration = Duration::from_secs(600);
/// The names under which whisper.cpp's program is installed.
const WHISPER_CLI: [&str; 3] = ["whisper-cli", "whisper-cpp", "whisper.cpp"];
/// Where servers that write down are usually found: name, address, and what their page holds.
const SERVERS: [(&str, &str, &str, &str); 2] = [
    ("local server", "http://127.0.0.1:8000/v1", "models", "whisper"),
    ("whisper.cpp server", "http://127.0.0.1:8080/inference", "", "Whisper.cpp"),
];
/// Transcribers that need no settings.
const BUILT_IN: [&str; 3] = ["whisper", "whisper-cli", "pocketsphinx"];

impl App {
    /// Where Whisper's models are kept.
    pub fn shelf(&self) -> Shelf {
        Shelf { folder: self.paths.data.join("models") }
    }

    /// What the settings ask of a transcriber.
    pub fn transcriber_wishes(&self) -> Result<Wishes> {
        let config = self.config()?;
        let text = |key: &str| config.text(key).filter(|text| !text.is_empty()).map(String::from);
        Ok(Wishes { language: text("voice.language"), prompt: text("voice.prompt") })
    }

    /// The transcriber of this name, else that of the settings, else what is there.
    ///
    /// # Errors
    /// `NotFound` for a name that nobody has, `Missing` with the ways to get one when there is none.
    pub fn transcriber(&self, name: Option<&str>) -> Result<Box<dyn Transcriber>> {
        let config = self.config()?;
        let chosen = name.or(config.text("voice.transcriber")).filter(|name| !name.is_empty());
        let inner = match chosen {
            Some(name) => self.named_transcriber(name)?,
            None => self.found_transcriber()?,
        };
        Ok(Box::new(Careful::new(inner)))
    }

    fn named_transcriber(&self, name: &str) -> Result<Box<dyn Transcriber>> {
        let members = self.config()?.members_of("voice", "transcribers");
        if let Some(member) = members.get(name) {
            return self.written_transcriber(name, member);
        }
        match name {
            "whisper" => return Ok(Box::new(self.whisper(&Member::default())?)),
            "whisper-cli" => {
                let program = WHISPER_CLI.iter().find(|name| self.has_program(name)).unwrap_or(&WHISPER_CLI[0]);
                return Ok(Box::new(self.whisper_cli(program)?));
            }
            "pocketsphinx" => {
                let words = ["pocketsphinx_continuous", "-infile", "{wav}", "-logfn", "/dev/null"];
                return Ok(Box::new(self.program(name, words.map(String::from).to_vec(), None, PATIENCE)));
            }
            _ => {}
        }
        if self.voice_provider(name)?.is_some() {
            let model = if name == "groq" { "whisper-large-v3-turbo" } else { "whisper-1" };
            let service = self.voice_server("transcribers", name, &Member::default(), PATIENCE)?;
            return Ok(Box::new(Server::new(service, Some(model.to_string()))));
        }
        let known: Vec<String> = members.into_keys().chain(BUILT_IN.map(String::from)).collect();
        Err(nobody("transcriber", name, &known))
    }

    /// One that the settings describe.
    fn written_transcriber(&self, name: &str, member: &Member) -> Result<Box<dyn Transcriber>> {
        let words = member.list("command");
        let timeout = member.duration("timeout").unwrap_or(PATIENCE);
        if !words.is_empty() {
            let times = member.text("times").and_then(|form| match form {
                "srt" => Some(Times::Srt),
                "vtt" => Some(Times::Vtt),
                "json" => Some(Times::Json),
                _ => None,
            });
            return Ok(Box::new(self.program(name, words, times, timeout)));
        }
        if name == "whisper" && member.text("url").is_none() {
            return Ok(Box::new(self.whisper(member)?));
        }
        let service = self.voice_server("transcribers", name, member, PATIENCE)?;
        Ok(Box::new(Server::new(service, member.text("model").map(String::from))))
    }

    fn program(&self, name: &str, words: Vec<String>, times: Option<Times>, timeout: Duration) -> Program {
        Program {
            name: name.to_string(),
            words,
            times,
            timeout,
            env: self.voice_env(),
            folder: self.voice_folder(),
            redactor: self.redactor.clone(),
        }
    }

    fn whisper(&self, member: &Member) -> Result<Whisper> {
        if !whisper::BUILT_IN {
            return Err(whisper::not_built_in());
        }
        let program = std::env::current_exe()
            .map_err(|error| Error::new(Kind::Failed, "this program does not know where it is").because(error))?;
        let timeout = member.duration("timeout").unwrap_or(PATIENCE);
        let model = match member.text("model") {
            Some(model) => self.model_file(Some(model))?,
            None => self.whisper_model()?,
        };
        Whisper::start(program, model, timeout, self.env.text("FAC_TEST_EMPTY_MODEL").is_some())
    }

    /// whisper.cpp's program with the model of the settings, or one that is there.
    fn whisper_cli(&self, program: &str) -> Result<Program> {
        let model = self.whisper_model()?.to_string_lossy().into_owned();
        let words = [program, "-m", &model, "-f", "{wav}", "-l", "{language}", "--prompt", "{prompt}", "-np"];
        Ok(self.program("whisper-cli", words.map(String::from).to_vec(), Some(Times::Srt), PATIENCE))
    }

    /// The Whisper model of the settings, or the best that is there.
    ///
    /// # Errors
    /// `Missing` when there is none.
    pub fn whisper_model(&self) -> Result<PathBuf> {
        self.model_file(self.config()?.text("voice.model").filter(|model| !model.is_empty()))
    }

    /// A model by its name or its file.
    fn model_file(&self, wanted: Option<&str>) -> Result<PathBuf> {
        match wanted.filter(|model| model.contains('/') || model.ends_with(".bin")) {
            Some(file) => match (file.strip_prefix("~/"), &self.paths.user_home) {
                (Some(rest), Some(home)) => Ok(home.join(rest)),
                _ => Ok(PathBuf::from(file)),
            },
            None => self.shelf().find(wanted),
        }
    }

    /// Nothing was chosen: what is there.
    fn found_transcriber(&self) -> Result<Box<dyn Transcriber>> {
        let members = self.config()?.members_of("voice", "transcribers");
        if let (1, Some((name, member))) = (members.len(), members.iter().next()) {
            return self.written_transcriber(name, member);
        }
        if self.whisper_model().is_ok_and(|model| model.is_file()) {
            if whisper::BUILT_IN {
                return Ok(Box::new(self.whisper(&Member::default())?));
            }
            if let Some(program) = WHISPER_CLI.iter().find(|name| self.has_program(name)) {
                return Ok(Box::new(self.whisper_cli(program)?));
            }
        }
        if self.config()?.flag("local_models") {
            let stop = Stop::new()?;
            for (name, url, path, mark) in SERVERS {
                let service = self.service(name, url.to_string(), None, None, Vec::new(), PATIENCE)?;
                let page = url::Url::parse(&if path.is_empty() {
                    url.replace("/inference", "/")
                } else {
                    format!("{url}/{path}")
                });
                let answer = page.ok().and_then(|page| service.answers(&page, &stop));
                if answer.is_some_and(|answer| String::from_utf8_lossy(&answer.body).contains(mark)) {
                    return Ok(Box::new(Server::new(service, None)));
                }
            }
        }
        Err(self.no_transcriber())
    }

    fn no_transcriber(&self) -> Error {
        let first = match (whisper::BUILT_IN, WHISPER_CLI.iter().find(|name| self.has_program(name))) {
            (true, _) => "`fac voice models pull base` fetches a Whisper model, and that is all".to_string(),
            (false, Some(program)) => format!("{program} is here: `fac voice models pull base` fetches a model for it"),
            (false, None) => "install whisper.cpp (its `whisper-cli`), then `fac voice models pull base`".to_string(),
        };
        Error::new(Kind::Missing, "nobody is here who writes down what is said").hint(format!(
            "{first}\n       or a server: fac config set voice.transcribers.mine.url http://127.0.0.1:8000/v1\n       or any \
             program: fac config set voice.transcribers.mine.command '[\"PROGRAM\", \"{{wav}}\"]'"
        ))
    }
}
