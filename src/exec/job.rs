//! What is to be run, and what came of it: plain values.

use std::ffi::OsString;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::capture::{CaptureLimits, Captured};
use super::process::Identity;

/// One program to run.
#[derive(Debug)]
pub struct Job {
    /// A path, or a name to be found on the `PATH` in [`Job::env`].
    pub program: OsString,
    /// The arguments behind the program's name.
    pub args: Vec<OsString>,
    /// The complete environment; nothing is inherited beside it.
    pub env: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub cwd: PathBuf,
    /// What it reads.
    pub stdin: Input,
    /// How its output is taken.
    pub output: Output,
    /// Whether it has no terminal at all, not even the one behind `/dev/tty`: it begins a session of its own. With
    /// pipes only; what it would inherit as its input is nothing then.
    pub apart: bool,
    /// When it is ended; counted from its start.
    pub timeout: Option<Duration>,
    /// How long the group may take to end after TERM before it gets KILL.
    pub grace: Duration,
    /// How much of its output is kept.
    pub capture: CaptureLimits,
    /// Who is told which process leads it.
    pub began: Option<Began>,
}

/// Is told which process leads a program that has begun.
#[derive(Clone)]
pub struct Began(pub Arc<dyn Fn(&Identity) + Send + Sync>);

impl Began {
    /// Tells it.
    pub fn tell(&self, leader: &Identity) {
        (self.0)(leader);
    }
}

impl std::fmt::Debug for Began {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Began")
    }
}

impl Job {
    /// A job without arguments, environment, input or time limit, on pipes, with five seconds of grace.
    pub fn new(program: impl Into<OsString>, cwd: impl Into<PathBuf>) -> Self {
        Job {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: cwd.into(),
            stdin: Input::Null,
            output: Output::Pipes,
            apart: false,
            timeout: None,
            grace: Duration::from_secs(5),
            capture: CaptureLimits::default(),
            began: None,
        }
    }
}

/// What a program reads on its standard input.
#[derive(Debug)]
pub enum Input {
    /// Nothing.
    Null,
    /// What we read: our own standard input, or the keyboard through the pseudo-terminal when that is a terminal.
    Inherit,
    /// These bytes. A program that does not read them all is no error.
    Bytes(Vec<u8>),
    /// This file, from its current position.
    File(File),
}

/// How the output is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Two pipes.
    Pipes,
    /// A pseudo-terminal of the size of ours; both streams arrive as [`Stream::Stdout`], with `\r\n` line ends.
    Terminal,
}

/// Which of a program's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes output while it is produced, in the order it was read. While it works the program waits.
pub trait Sink {
    /// Takes some bytes. `Break` says that nobody reads any more: the stream is closed, and the program gets SIGPIPE when
    /// it writes again, as it would without us in between.
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()>;
}

impl<F: FnMut(Stream, &[u8]) -> ControlFlow<()>> Sink for F {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        self(stream, bytes)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, which we did not cause.
    Signalled(i32),
    /// By us, since its time was over.
    TimedOut,
    /// By Ctrl-C or a [`Stop`](super::Stop).
    Interrupted,
}

impl Status {
    /// Whether the program exited with 0.
    pub fn success(self) -> bool {
        self == Status::Exited(0)
    }

    /// The code a shell would give: 128 + the signal's number, 124 for a timeout, 130 for an interruption.
    pub fn code(self) -> i32 {
        match self {
            Status::Exited(code) => code,
            Status::Signalled(signal) => 128 + signal,
            Status::TimedOut => 124,
            Status::Interrupted => 130,
        }
    }
}

/// What came of a job.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// What was kept of its output; all of it with a pseudo-terminal.
    pub stdout: Captured,
    /// What was kept of its error output; empty with a pseudo-terminal.
    pub stderr: Captured,
    /// From just before the start until everything was read.
    pub duration: Duration,
}
