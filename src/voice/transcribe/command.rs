//! Any program as a transcriber: it is given a WAV file and prints the text.
//!
//! The words are its arguments, never a shell's line. `{wav}` is the file (16 kHz, one channel, 16 bits); where it is not
//! asked for, the file comes on standard input. `{language}` is the language or `auto`, `{prompt}` the words to expect.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::text::{read_cues, read_json};
use super::{SoFar, Transcriber, Transcript, Wishes};
use crate::exec::{self, CaptureLimits, Input, Job, Status, Stop};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::secret::Redactor;
use crate::kernel::terminal::safe_line;
use crate::voice::clip::{Clip, SPEECH_RATE};
use crate::voice::file;

/// The most that a program may print.
const MOST: usize = 16 << 20;

/// The form in which a program says when each piece was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// SubRip, or whisper.cpp's lines with times in brackets.
    Srt,
    /// WebVTT.
    Vtt,
    /// JSON of whisper.cpp or of an OpenAI-style server.
    Json,
}

/// A program that writes down.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name in the settings.
    pub name: String,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// The form of its output; `None` is plain text.
    pub times: Option<Times>,
    /// How long it may take.
    pub timeout: Duration,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The private folder in which the WAV file is made.
    pub folder: PathBuf,
    /// Takes secrets out of what it says.
    pub redactor: Redactor,
}

impl Program {
    fn asks_for(&self, what: &str) -> bool {
        self.words.iter().any(|word| word.contains(what))
    }

    fn job(&self, wav: Option<&Path>, wishes: &Wishes, input: Input) -> Result<Job> {
        let (program, args) = self.words.split_first().ok_or_else(|| {
            Error::new(Kind::BadData, format!("nothing says which program the transcriber {} is", self.name))
                .hint(format!("fac config set voice.transcribers.{}.command '[\"PROGRAM\", \"{{wav}}\"]'", self.name))
        })?;
        let mut job = Job::new(program, "/");
        job.args = args.iter().map(|word| filled(word, wav, wishes)).collect();
        job.env.clone_from(&self.env);
        job.stdin = input;
        job.apart = true;
        job.timeout = Some(self.timeout);
        job.grace = Duration::from_secs(2);
        job.capture =
            CaptureLimits { head: MOST, tail: 0, redactor: self.redactor.clone(), ..CaptureLimits::default() };
        Ok(job)
    }

    fn read(&self, stdout: &[u8]) -> Result<Transcript> {
        let text = String::from_utf8_lossy(stdout);
        match self.times {
            None => {
                let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                Ok(Transcript::plain(lines.join(" ")))
            }
            Some(Times::Srt | Times::Vtt) => Ok(read_cues(&text)),
            Some(Times::Json) => {
                let value = serde_json::from_str(text.trim()).ok().and_then(|value| read_json(&value));
                value.ok_or_else(|| {
                    Error::new(
                        Kind::BadData,
                        format!("the transcriber {} printed no JSON that holds a text", self.name),
                    )
                    .hint(format!("`fac config get voice.transcribers.{}.times` says that it would", self.name))
                })
            }
        }
    }
}

/// A word with its placeholders filled in, each once.
fn filled(word: &str, wav: Option<&Path>, wishes: &Wishes) -> OsString {
    let mut out = OsString::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        out.push(&rest[..at]);
        rest = &rest[at..];
        let language = wishes.language.as_deref().unwrap_or("auto");
        let prompt = wishes.prompt.as_deref().unwrap_or("");
        if let (Some(after), Some(path)) = (rest.strip_prefix("{wav}"), wav) {
            out.push(path);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{language}") {
            out.push(language);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{prompt}") {
            out.push(prompt);
            rest = after;
        } else {
            out.push("{");
            rest = &rest[1..];
        }
    }
    out.push(rest);
    out
}

/// A WAV file that only its owner may read, gone when dropped.
pub(in crate::voice) fn private_wav(folder: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile> {
    files::ensure_private_dir(folder)?;
    let failed = || format!("cannot write a sound file in {}", folder.display());
    let mut file =
        tempfile::Builder::new().prefix("fac-").suffix(".wav").tempfile_in(folder).context(Kind::Failed, failed)?;
    file.write_all(bytes).and_then(|()| file.flush()).context(Kind::Failed, failed)?;
    Ok(file)
}

/// What the end of a program means, when it is not a good one.
pub(in crate::voice) fn ended(what: &str, outcome: &exec::Outcome, timeout: Duration) -> Result<()> {
    let said = outcome.stderr.joined();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let last: String = safe_line(last).chars().take(200).collect();
    let because = if last.is_empty() { String::new() } else { format!(": {last}") };
    match outcome.status {
        Status::Exited(0) => Ok(()),
        Status::Interrupted => Err(Error::new(Kind::Interrupted, "stopped")),
        Status::TimedOut => Err(Error::new(Kind::TimedOut, format!("{what} took longer than {} s", timeout.as_secs()))),
        Status::Exited(code) => Err(Error::new(Kind::Failed, format!("{what} ended with {code}{because}"))),
        Status::Signalled(signal) => {
            Err(Error::new(Kind::Failed, format!("{what} was ended by signal {signal}{because}")))
        }
    }
}

impl Transcriber for Program {
    fn name(&self) -> &str {
        &self.name
    }

    fn transcribe(&mut self, clip: &Clip, wishes: &Wishes, stop: &Stop, _heard: SoFar<'_>) -> Result<Transcript> {
        debug_assert_eq!(clip.rate, SPEECH_RATE);
        let bytes = file::bytes(clip);
        let (file, input) = match self.asks_for("{wav}") {
            true => (Some(private_wav(&self.folder, &bytes)?), Input::Null),
            false => (None, Input::Bytes(bytes)),
        };
        let job = self.job(file.as_ref().map(tempfile::NamedTempFile::path), wishes, input)?;
        let mut ignore = |_: exec::Stream, _: &[u8]| std::ops::ControlFlow::Continue(());
        let outcome = exec::run(job, &mut ignore, stop)?;
        ended(&format!("the transcriber {}", self.name), &outcome, self.timeout)?;
        if outcome.stdout.truncated() {
            return Err(Error::new(Kind::BadData, format!("the transcriber {} printed more than any text", self.name)));
        }
        self.read(&outcome.stdout.joined())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(folder: &Path, words: &[&str]) -> Program {
        Program {
            name: "test".into(),
            words: words.iter().map(|w| (*w).to_string()).collect(),
            times: None,
            timeout: Duration::from_secs(600),
            env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
            folder: folder.join("voice"),
            redactor: Redactor::default(),
        }
    }

    fn told(program: &mut Program, wishes: &Wishes) -> Result<Transcript> {
        let clip = Clip::new(SPEECH_RATE, vec![0.5; 1600]);
        program.transcribe(&clip, wishes, &Stop::new().unwrap(), &mut |_| {})
    }

    #[test]
    fn it_is_given_a_private_file_and_no_shell_reads_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let script = "stat -c %a \"$1\"; head -c 4 \"$1\"; echo; echo; echo \"$2|$3\"; cat";
        let mut one = program(folder.path(), &["sh", "-c", script, "x", "{wav}", "{language}", "a{prompt}{z}"]);
        let wishes = Wishes { language: None, prompt: Some("$(id) {wav}".into()) };
        assert_eq!(told(&mut one, &wishes).unwrap(), Transcript::plain("600 RIFF auto|a$(id) {wav}{z}"));
        let voice = folder.path().join("voice");
        assert_eq!(std::fs::metadata(&voice).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(std::fs::read_dir(voice).unwrap().count(), 0);
    }

    #[test]
    fn without_a_place_for_the_file_it_comes_on_standard_input() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = program(folder.path(), &["sh", "-c", "wc -c"]);
        assert_eq!(told(&mut one, &Wishes::default()).unwrap().text, "3244");
    }

    #[test]
    fn times_are_read_where_it_prints_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = program(folder.path(), &["echo", "[00:00:01.000 --> 00:00:02.000]  hello"]);
        one.times = Some(Times::Srt);
        assert_eq!(told(&mut one, &Wishes::default()).unwrap().segments[0].start_ms, 1000);
        one.times = Some(Times::Json);
        assert_eq!(told(&mut one, &Wishes::default()).unwrap_err().kind(), Kind::BadData);
    }

    #[test]
    fn a_bad_end_is_said_with_its_last_word() {
        let folder = tempfile::tempdir().unwrap();
        let fail = |words: &[&str]| told(&mut program(folder.path(), words), &Wishes::default()).unwrap_err();
        let error = fail(&["sh", "-c", "echo why >&2; echo 'no model' >&2; exit 3"]);
        assert_eq!((error.kind(), error.message()), (Kind::Failed, "the transcriber test ended with 3: no model"));
        assert_eq!(fail(&["no-such-program-here"]).kind(), Kind::Missing);
        assert_eq!(fail(&[]).kind(), Kind::BadData);
        let mut slow = program(folder.path(), &["sleep", "1000"]);
        slow.timeout = Duration::from_millis(50);
        assert_eq!(told(&mut slow, &Wishes::default()).unwrap_err().kind(), Kind::TimedOut);
    }
}
