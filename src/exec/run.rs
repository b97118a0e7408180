//! The loop that looks after one running program.
//!
//! One thread, one poll: output, input, keys, signals and the next deadline. It knows no system call; those are in
//! `unix`.

mod keys;
mod wait;

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::kernel::error::{Context, Kind, Result};

use super::capture::Capture;
use super::job::{Input, Job, Outcome, Output, Sink, Status, Stream};
use super::stop::Stop;
use super::unix::{self as os, Console, Group, Lent, Moved, Pty, Wake, Want};
use super::{Captured, command};

/// How long output is waited for once the program has exited but something it left behind still holds its streams.
pub const DRAIN: Duration = Duration::from_millis(250);

/// How long a program that reads lines may take to end after Ctrl-C before its group gets TERM.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 2000 });
/// How often a group that is being ended is looked at.
const WATCH: Duration = Duration::from_millis(20);
/// How often a program that waits for a terminal we do not have is looked at.
const RETRY: Duration = Duration::from_millis(500);
/// How often the program is looked at without being told to, in case whoever started us has blocked SIGCHLD.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Read at once; the size of a pipe.
const BUFFER: usize = 64 << 10;
/// More than a pipe can hold: what is read at most after the time for it has passed.
const LEFT_OVER: usize = 1 << 20;
/// Keys waiting for a program that does not read.
const TYPED: usize = 64 << 10;

/// Runs a program to its end, passing its output to `sink` as it comes.
///
/// Errors are about what could not be started: [`Kind::Missing`] when the program or its interpreter is not there,
/// [`Kind::NotFound`] for the working folder, [`Kind::Usage`] for arguments and variables no program can be given,
/// [`Kind::Failed`] for the rest. Whatever the program itself does is an [`Outcome`]. When `stop` was requested already,
/// nothing is started.
pub fn run(job: Job, sink: &mut dyn Sink, stop: &Stop) -> Result<Outcome> {
    let console = match job.output {
        Output::Terminal => Console::ours(),
        Output::Pipes => Console::default(),
    };
    run_on(job, sink, stop, console)
}

/// The same with the keys and the size of another terminal.
pub(super) fn run_on(job: Job, sink: &mut dyn Sink, stop: &Stop, console: Console) -> Result<Outcome> {
    let started = Instant::now();
    if stop.is_requested() {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        return Ok(Outcome { status: Status::Interrupted, stdout, stderr, duration: started.elapsed() });
    }
    let mut running = Running::start(job, started, console)?;
    running.look_after(sink, stop).context(Kind::Failed, || "cannot wait for the program".to_owned())?;
    Ok(running.finish())
}

/// A stream being read.
struct Source {
    fd: Option<OwnedFd>,
    stream: Stream,
    capture: Capture,
}

/// Bytes on their way into the program.
struct Feed {
    fd: OwnedFd,
    bytes: Vec<u8>,
    written: usize,
}

/// Why we are ending the group.
#[derive(Clone, Copy, PartialEq)]
enum Why {
    Timeout,
    Stopped,
    CtrlC,
}

struct Ending {
    why: Why,
    kill_at: Instant,
    /// Requests that had been made when it began; one more means now.
    requests: u64,
    killed: bool,
}

struct Running {
    started: Instant,
    deadline: Option<Instant>,
    grace: Duration,
    // Dropped before the group: the terminal first becomes ours again.
    console: Console,
    lent: Option<Lent>,
    group: Group,
    wake: Wake,
    sources: [Source; 2],
    feed: Option<Feed>,
    pty: Option<Pty>,
    typed: Vec<u8>,
    /// When Ctrl-C was pressed, until something else shows that the program goes on.
    pressed: Option<Instant>,
    was_pressed: bool,
    was_lent: bool,
    /// The signal by which the program waits for a terminal that we do not have.
    waiting: Option<i32>,
    stop_heard: bool,
    ending: Option<Ending>,
    exited: Option<(ExitStatus, Instant)>,
}

impl Running {
    fn start(job: Job, started: Instant, mut console: Console) -> Result<Self> {
        let mut command = command::prepare(&job)?;
        let cannot = |e: io::Error| command::explain(&job.program, e);
        // Listening begins first, so that not even the shortest program ends unheard.
        let wake = Wake::new(job.output == Output::Terminal).map_err(cannot)?;
        let mut terminal = None;
        if job.output == Output::Terminal {
            terminal = Some(Pty::open(&console).context(Kind::Failed, || "cannot open a pseudo-terminal".to_owned())?);
        }
        let slave = terminal.as_ref().map(|(_, slave)| slave);
        let (stdin, bytes) = match job.stdin {
            Input::Null => (Stdio::null(), None),
            Input::Inherit if job.apart => (Stdio::null(), None),
            Input::Inherit => match slave {
                Some(slave) if console.is_stdin => (slave.try_clone().map_err(cannot)?.into(), None),
                _ => (Stdio::inherit(), None),
            },
            Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
            Input::File(file) => (Stdio::from(file), None),
        };
        command.stdin(stdin);
        let mut group = match slave {
            Some(slave) => {
                let (out, err) = (slave.try_clone().map_err(cannot)?, slave.try_clone().map_err(cannot)?);
                command.stdout(out).stderr(err);
                // The command holds the last copies of the slave's descriptor, and goes with it.
                Group::spawn_on_terminal(command)
            }
            None => {
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                if job.apart { Group::spawn_apart(command) } else { Group::spawn(command) }
            }
        }
        .map_err(cannot)?;
        if let (Some(began), Some(leader)) = (&job.began, group.leader()) {
            began.tell(&leader);
        }
        let pty = terminal.map(|(pty, _)| pty);
        let feed = match (group.take_stdin(), bytes) {
            (Some(fd), Some(bytes)) if !bytes.is_empty() => {
                os::set_nonblocking(&fd).map_err(cannot)?;
                Some(Feed { fd, bytes, written: 0 })
            }
            _ => None,
        };
        let (stdout, stderr) = match &pty {
            Some(pty) => (Some(pty.master.try_clone().map_err(cannot)?), None),
            None => group.take_outputs(),
        };
        if pty.is_some() {
            console.make_raw();
        }
        let source = |fd, stream, suffix| Source { fd, stream, capture: Capture::new(&job.capture, suffix) };
        Ok(Running {
            started,
            deadline: job.timeout.and_then(|t| started.checked_add(t)),
            grace: job.grace,
            console,
            lent: None,
            group,
            wake,
            sources: [source(stdout, Stream::Stdout, ".stdout"), source(stderr, Stream::Stderr, ".stderr")],
            feed,
            pty,
            typed: Vec::new(),
            pressed: None,
            was_pressed: false,
            was_lent: false,
            waiting: None,
            stop_heard: false,
            ending: None,
            exited: None,
        })
    }

    /// Goes round until the program is over and its output is read.
    fn look_after(&mut self, sink: &mut dyn Sink, stop: &Stop) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            self.keep_time(stop);
            if self.is_over() {
                self.read_left_over(sink, &mut buffer);
                return Ok(());
            }
            let ready = self.wait(stop)?;
            if ready.stop {
                self.stop_heard = true;
                self.end(Why::Stopped, stop);
            }
            for i in 0..self.sources.len() {
                if ready.sources[i] {
                    self.read_source(i, sink, &mut buffer);
                }
            }
            if ready.feed {
                self.write_feed();
            }
            if ready.keys {
                self.read_keys(&mut buffer);
            }
            if ready.typed {
                self.write_typed();
            }
            if ready.wake {
                self.wake.clear();
            }
            if ready.wake || ready.nothing {
                self.notice_changes()?;
            }
        }
    }

    /// Does what the clock asks for.
    fn keep_time(&mut self, stop: &Stop) {
        let now = Instant::now();
        if let Some(ending) = &mut self.ending {
            if !ending.killed && (now >= ending.kill_at || stop.count() > ending.requests) {
                ending.killed = true;
                ending.kill_at = now;
                self.group.kill();
                if let Some(pty) = &self.pty {
                    pty.signal_other(&self.group, true);
                }
            }
        } else if self.exited.is_none() {
            if self.deadline.is_some_and(|at| now >= at) {
                self.end(Why::Timeout, stop);
            } else if self.pressed.is_some_and(|at| now >= at + PATIENCE) {
                self.pressed = None;
                let still_lines = self.pty.as_ref().is_some_and(|p| p.interrupt_key().is_some());
                if still_lines {
                    self.end(Why::CtrlC, stop);
                }
            }
        }
        if let Some(signal) = self.waiting
            && self.exited.is_none()
        {
            self.lend(signal);
        }
    }

    /// Begins to end the group.
    fn end(&mut self, why: Why, stop: &Stop) {
        if self.ending.is_some() || self.exited.is_some() {
            return;
        }
        self.group.terminate();
        if let Some(pty) = &self.pty {
            pty.signal_other(&self.group, false);
        }
        let kill_at = Instant::now() + self.grace.min(Duration::from_secs(3600));
        self.ending = Some(Ending { why, kill_at, requests: stop.count(), killed: false });
    }

    /// Whether there is nothing left to wait for.
    fn is_over(&self) -> bool {
        let Some((_, at)) = self.exited else { return false };
        let since = at.elapsed();
        match &self.ending {
            // Members of the group may outlive its leader; they have until they are killed, and a moment to be gone.
            Some(ending) if !self.group.is_gone() => {
                ending.killed && Instant::now() >= ending.kill_at + DRAIN && since >= DRAIN
            }
            _ => since >= DRAIN || self.sources.iter().all(|s| s.fd.is_none()),
        }
    }

    /// Reads once; the number of bytes.
    fn read_source(&mut self, i: usize, sink: &mut dyn Sink, buffer: &mut [u8]) -> usize {
        let source = &mut self.sources[i];
        let Some(fd) = &source.fd else { return 0 };
        match os::read(fd, buffer) {
            Moved::Bytes(n) => {
                let bytes = &buffer[..n];
                source.capture.push(bytes);
                if let ControlFlow::Break(()) = sink.output(source.stream, bytes) {
                    source.fd = None;
                    // With its other descriptor gone too, the program's terminal hangs up.
                    self.pty = None;
                }
                n
            }
            Moved::NotNow => 0,
            Moved::Closed => {
                source.fd = None;
                0
            }
        }
    }

    /// Reads what is in the pipes already, when a slow sink has used up the time for it.
    fn read_left_over(&mut self, sink: &mut dyn Sink, buffer: &mut [u8]) {
        for i in 0..self.sources.len() {
            let mut left = LEFT_OVER;
            while let Some(fd) = &self.sources[i].fd {
                let ready = os::wait_ready(&[(fd.as_fd(), Want::Read)], Duration::ZERO);
                if !ready.is_ok_and(|r| r == [true]) {
                    break;
                }
                let n = self.read_source(i, sink, buffer);
                if n == 0 || n > left {
                    break;
                }
                left -= n;
            }
        }
    }

    fn write_feed(&mut self) {
        let Some(feed) = &mut self.feed else { return };
        match os::write(&feed.fd, &feed.bytes[feed.written..]) {
            Moved::Bytes(n) => feed.written += n,
            Moved::NotNow => {}
            Moved::Closed => feed.written = feed.bytes.len(),
        }
        if feed.written == feed.bytes.len() {
            self.feed = None;
        }
    }

    /// Looks at what a signal has told: the program ended or stopped, the window changed, we were continued.
    fn notice_changes(&mut self) -> io::Result<()> {
        if self.exited.is_none() {
            if let Some(status) = self.group.try_wait()? {
                self.exited = Some((status, Instant::now()));
                self.feed = None;
                self.lent = None;
            } else if self.pty.is_none()
                && let Some(signal) = self.group.stopped()
            {
                self.notice_stop(signal);
            }
        }
        if let Some(pty) = &self.pty {
            self.console.make_raw();
            pty.resize(&self.console);
        }
        Ok(())
    }

    fn finish(self) -> Outcome {
        let by_itself = match self.exited {
            Some((status, _)) => {
                let interrupted = (self.was_pressed || self.was_lent) && os::looks_interrupted(status);
                match os::code_or_signal(status) {
                    _ if interrupted => Status::Interrupted,
                    Ok(code) => Status::Exited(code),
                    Err(signal) => Status::Signalled(signal),
                }
            }
            None => Status::Interrupted,
        };
        let status = match self.ending {
            None => by_itself,
            Some(Ending { why: Why::Timeout, .. }) => Status::TimedOut,
            Some(_) => Status::Interrupted,
        };
        let [stdout, stderr] = self.sources.map(|s| s.capture.finish());
        Outcome { status, stdout, stderr, duration: self.started.elapsed() }
    }
}
