//! Whisper on this machine, in a process of its own: a broken model would end the whole program.
//!
//! The child is this very program (`fac voice engine`), started before anything was said, so that its model is loaded when
//! words come; it keeps it until it is dropped. Requests and answers are lines of JSON, the samples follow a request's line
//! as 32-bit floats. When somebody stops it, the child is killed and the next utterance gets a new one.

#[cfg(feature = "whisper")]
pub mod child;
pub mod ggml;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Segment, SoFar, Transcriber, Transcript, Wishes};
use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::clip::Clip;

/// How often it is looked whether somebody asked to stop.
const WATCH: Duration = Duration::from_millis(40);

/// Whether this program was built with Whisper.
pub const BUILT_IN: bool = cfg!(feature = "whisper");

/// A request: its samples follow.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// How many samples follow.
    pub samples: usize,
    /// What is asked of the model, in the same line.
    #[serde(flatten)]
    pub wishes: Wishes,
}

/// A line that the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The model is loaded; what kind it is.
    Ready(String),
    /// What was heard so far.
    Heard(String),
    /// The whole.
    Done {
        /// Pieces: start and end in ms, text.
        pieces: Vec<(u64, u64, String)>,
        /// The language.
        language: Option<String>,
    },
    /// It failed; the sentence.
    Failed(String),
}

/// Whisper with one model.
pub struct Whisper {
    program: PathBuf,
    model: PathBuf,
    empty: bool,
    timeout: Duration,
    child: Option<Running>,
}

struct Running {
    child: Child,
    stdin: ChildStdin,
    said: Receiver<Said>,
    ready: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Whisper {
    /// Whisper with the model at `model`; `program` is this very program. The model is looked through, and begins to be
    /// loaded by another process. `empty`: whether it may be without weights, for tests.
    ///
    /// # Errors
    /// `Missing` when this program was built without Whisper; as [`ggml::check`]; `Failed` when no process starts.
    pub fn start(program: PathBuf, model: PathBuf, timeout: Duration, empty: bool) -> Result<Whisper> {
        if !BUILT_IN {
            return Err(not_built_in());
        }
        ggml::check(&model, empty)?;
        let mut whisper = Whisper { program, model, empty, timeout, child: None };
        whisper.child = Some(whisper.launch()?);
        Ok(whisper)
    }

    fn launch(&self) -> Result<Running> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.program);
        command.args(["voice", "engine", "--model"]).arg(&self.model);
        if self.empty {
            command.arg("--empty");
        }
        // Ctrl-C is for us: what was said until then is still written down.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let failed = || "cannot start the process for Whisper".to_string();
        let mut child = command.spawn().context(Kind::Failed, failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::new(Kind::Failed, failed()));
        };
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(|line| line.ok()) {
                let Ok(one) = serde_json::from_str(&line) else { continue };
                if tell.send(one).is_err() {
                    return;
                }
            }
        });
        Ok(Running { child, stdin, said, ready: false })
    }

    /// Waits until the model is loaded.
    ///
    /// # Errors
    /// As [`Transcriber::transcribe`].
    pub fn wait_until_ready(&mut self, stop: &Stop) -> Result<()> {
        let deadline = Instant::now() + self.timeout;
        while !self.child.as_ref().is_some_and(|child| child.ready) {
            self.next(deadline, stop)?;
        }
        Ok(())
    }

    /// The next line of the child. Whatever fails takes the child with it.
    fn next(&mut self, deadline: Instant, stop: &Stop) -> Result<Said> {
        let running = self.child.as_mut().ok_or_else(|| Error::new(Kind::Failed, "Whisper is not running"))?;
        let fault = loop {
            match running.said.recv_timeout(WATCH) {
                Ok(Said::Ready(kind)) => {
                    running.ready = true;
                    return Ok(Said::Ready(kind));
                }
                Ok(Said::Failed(why)) => break Error::new(Kind::BadData, format!("Whisper failed: {why}")),
                Ok(other) => return Ok(other),
                Err(RecvTimeoutError::Timeout) if stop.is_requested() => {
                    break Error::new(Kind::Interrupted, "stopped");
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                    break Error::new(Kind::TimedOut, format!("Whisper took longer than {} s", self.timeout.as_secs()))
                        .hint("take a smaller model: `fac voice models ls`");
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    break Error::new(
                        Kind::BadData,
                        format!("Whisper broke down over the model {}", self.model.display()),
                    )
                    .hint("fetch it again: `fac voice models pull NAME --again`");
                }
            }
        };
        self.child = None;
        Err(fault)
    }

    fn ask(&mut self, clip: &Clip, wishes: &Wishes) -> Result<()> {
        let Some(running) = self.child.as_mut() else { return Ok(()) };
        let request = Request { samples: clip.samples.len(), wishes: wishes.clone() };
        let mut bytes = serde_json::to_vec(&request).context(Kind::Failed, || "cannot ask Whisper".to_string())?;
        bytes.push(b'\n');
        bytes.extend(clip.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        // A child that is gone is told by its silence.
        let _ = running.stdin.write_all(&bytes).and_then(|()| running.stdin.flush());
        Ok(())
    }
}

/// How to get Whisper.
pub fn not_built_in() -> Error {
    Error::new(Kind::Missing, "this fac was built without Whisper").hint(
        "build it with `cargo install factotum --features whisper` (needs cmake, clang and libclang-dev), or install \
         whisper-cli and choose it with `fac config set voice.transcriber whisper-cli`",
    )
}

impl Transcriber for Whisper {
    fn name(&self) -> &str {
        "whisper"
    }

    fn transcribe(&mut self, clip: &Clip, wishes: &Wishes, stop: &Stop, heard: SoFar<'_>) -> Result<Transcript> {
        if self.child.is_none() {
            self.child = Some(self.launch()?);
        }
        self.wait_until_ready(stop)?;
        self.ask(clip, wishes)?;
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.next(deadline, stop)? {
                Said::Heard(text) => heard(&text),
                Said::Done { pieces, language } => {
                    let one = |(start_ms, end_ms, text)| Segment { start_ms, end_ms, text };
                    return Ok(Transcript { language, ..Transcript::of(pieces.into_iter().map(one).collect()) });
                }
                Said::Ready(_) | Said::Failed(_) => {}
            }
        }
    }
}
