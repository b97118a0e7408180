//! Everything the operating system decides: process groups, signals, waiting, and in `terminal.rs` terminals.
//!
//! The only files of the room that name a system call. They take no decisions about jobs; those are in `run.rs`. Linux is
//! what is tested; what is particular to it says so.

mod left;
mod terminal;

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, access};
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use rustix::process::{Pid, Resource, Signal, WaitId, WaitIdOptions};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGINT, SIGWINCH};
use signal_hook::{SigId, low_level};

use super::process::{Identity, boot, start_of};
pub use left::{end_session, leaders};
pub(super) use terminal::{Console, Lent, Pty, is_suspension, suspend_ourselves, wants_terminal};

/// A pipe that is rung once for each request and stays readable.
#[derive(Debug)]
pub(super) struct Bell {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        use rustix::pipe::{PipeFlags, pipe_with};
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Bell { reader, writer })
    }

    pub(super) fn ring(&self) {
        // A full pipe has been rung often enough.
        let _ = rustix::io::write(&self.writer, b"!");
    }

    pub(super) fn count(&self) -> u64 {
        ioctl_fionread(&self.reader).unwrap_or(0)
    }

    /// Another end to ring it by.
    pub(super) fn handle(&self) -> io::Result<OwnedFd> {
        self.writer.try_clone()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

/// Becomes readable when a child changed its state, and when the terminal or we did.
#[derive(Debug)]
pub(super) struct Wake {
    reader: UnixStream,
    ids: Vec<SigId>,
}

impl Wake {
    /// Starts listening: to children, and with `terminal` to changes of the window's size and to being continued.
    pub(super) fn new(terminal: bool) -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        let mut wake = Wake { reader, ids: Vec::new() };
        let signals: &[i32] = if terminal { &[SIGCHLD, SIGWINCH, SIGCONT] } else { &[SIGCHLD] };
        for signal in signals {
            wake.ids.push(low_level::pipe::register(*signal, writer.try_clone()?)?);
        }
        Ok(wake)
    }

    /// Takes note: not readable until the next change.
    pub(super) fn clear(&self) {
        let mut bytes = [0; 64];
        while rustix::io::read(&self.reader, &mut bytes).is_ok_and(|n| n > 0) {}
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
    }
}

/// What is waited for on a file descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Read,
    Write,
}

/// Waits until one of `fds` is ready, closed or broken, for `timeout` at most. Answers in their order.
pub(super) fn wait_ready(fds: &[(BorrowedFd<'_>, Want)], timeout: Duration) -> io::Result<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> = fds
        .iter()
        .map(|(fd, want)| {
            PollFd::from_borrowed_fd(*fd, if *want == Want::Read { PollFlags::IN } else { PollFlags::OUT })
        })
        .collect();
    let timeout = Timespec::try_from(timeout).ok();
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) => Ok(polled.iter().map(|p| !p.revents().is_empty()).collect()),
        Err(Errno::INTR) => Ok(vec![false; fds.len()]),
        Err(e) => Err(e.into()),
    }
}

/// What came of an attempt to read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    Bytes(usize),
    NotNow,
    Closed,
}

fn moved(result: rustix::io::Result<usize>, zero: Moved) -> Moved {
    match result {
        Ok(0) => zero,
        Ok(n) => Moved::Bytes(n),
        Err(Errno::INTR | Errno::AGAIN) => Moved::NotNow,
        // EIO is how Linux says that the other side of a pseudo-terminal is closed.
        Err(_) => Moved::Closed,
    }
}

pub(super) fn read(fd: &OwnedFd, buffer: &mut [u8]) -> Moved {
    moved(rustix::io::read(fd, buffer), Moved::Closed)
}

/// Writes what fits. `fd` must not block; EPIPE is `Closed` (Rust programs ignore SIGPIPE).
pub(super) fn write(fd: &OwnedFd, bytes: &[u8]) -> Moved {
    moved(rustix::io::write(fd, bytes), Moved::NotNow)
}

pub(super) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(ioctl_fionbio(fd, true)?)
}

/// Makes `command` the leader of a session of its own when it is started: it has no terminal to read keys from or to
/// write to, and leads a process group.
pub fn without_terminal(command: &mut Command) {
    let begin_session = || rustix::process::setsid().map(drop).map_err(io::Error::from);
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes one plain system call
    // and allocates nothing.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(begin_session);
    }
}

/// A process group that was started here; what is left of it is killed when this is dropped before its leader was
/// reaped.
#[derive(Debug)]
pub(super) struct Group {
    child: Child,
    pid: Option<Pid>,
    reaped: bool,
}

impl Group {
    /// Starts `command` as the leader of a process group of its own (through posix_spawn where std can).
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        Ok(Self::of(command.process_group(0).spawn()?))
    }

    /// Starts `command` as the leader of a session without a terminal.
    pub(super) fn spawn_apart(mut command: Command) -> io::Result<Self> {
        without_terminal(&mut command);
        Ok(Self::of(command.spawn()?))
    }

    /// Starts `command`, whose standard output is the terminal side of a pseudo-terminal, as the leader of a session on
    /// that terminal.
    pub(super) fn spawn_on_terminal(mut command: Command) -> io::Result<Self> {
        let begin_session = || {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdout())?;
            Ok(())
        };
        // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes two plain system
        // calls and allocates nothing: rustix turns them into values, and an errno becomes an io::Error without a heap.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(begin_session);
        }
        Ok(Self::of(command.spawn()?))
    }

    fn of(child: Child) -> Self {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Group { child, pid, reaped: false }
    }

    /// The process that leads it; `None` where it has ended already.
    pub(super) fn leader(&self) -> Option<Identity> {
        let pid = self.child.id();
        Some(Identity { pid, start: start_of(pid)?, boot: boot() })
    }

    /// The pipe to the leader's standard input, where it was made one.
    pub(super) fn take_stdin(&mut self) -> Option<OwnedFd> {
        self.child.stdin.take().map(OwnedFd::from)
    }

    /// The pipes from the leader's standard output and error, where they were made pipes.
    pub(super) fn take_outputs(&mut self) -> (Option<OwnedFd>, Option<OwnedFd>) {
        (self.child.stdout.take().map(OwnedFd::from), self.child.stderr.take().map(OwnedFd::from))
    }

    /// Reaps the leader when it has ended.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.reaped |= status.is_some();
        Ok(status)
    }

    /// The signal by which the leader was stopped since this was last asked.
    pub(super) fn stopped(&self) -> Option<i32> {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        rustix::process::waitid(WaitId::Pid(self.pid?), options).ok().flatten()?.stopping_signal()
    }

    /// Sends TERM to the group, and CONT so that stopped members hear it.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    pub(super) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            // The group may be gone, or belong to another user by now (sudo): nothing to be done about either.
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }

    /// Whether nobody is left in the group. A number is not given out again while a group of that number has members.
    pub(super) fn is_gone(&self) -> bool {
        let Some(pid) = self.pid else { return true };
        match rustix::process::test_kill_process_group(pid) {
            Err(Errno::SRCH) => true,
            // The dead count until they are reaped, which the first process of a container may never do.
            _ => !has_living_members(pid).unwrap_or(true),
        }
    }
}

fn has_living_members(group: Pid) -> io::Result<bool> {
    Ok(!members_of(group)?.is_empty())
}

/// A process of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) pid: u32,
    pub(super) threads: u64,
    /// Its first thread has ended, and others go on.
    pub(super) is_headless: bool,
}

/// The living processes of a group. Linux only: reads the state (field 3), the group (field 5) and the number of threads
/// (field 20) in `/proc/PID/stat`; fails where there is no such folder. A process whose first thread has ended is said to be
/// dead, and is not as long as it has another.
pub(super) fn members_of(group: Pid) -> io::Result<Vec<Member>> {
    let group = group.as_raw_pid().to_string();
    let mut members = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the two looks. Its name is in brackets and may hold anything.
        let stat = std::fs::read(entry.path().join("stat")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&stat);
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, member_of) = (fields.next(), fields.nth(1));
        if member_of != Some(group.as_str()) {
            continue;
        }
        let threads = fields.nth(14).and_then(|count| count.parse().ok()).unwrap_or(1);
        let is_headless = matches!(state, Some("Z" | "X"));
        if !is_headless || threads > 1 {
            members.push(Member { pid, threads, is_headless });
        }
    }
    Ok(members)
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

/// The exit code, or else the signal that ended the process.
pub(super) fn code_or_signal(status: ExitStatus) -> Result<i32, i32> {
    status.code().ok_or_else(|| status.signal().unwrap_or_default())
}

/// Whether a process of ours ended by the signal Ctrl-C sends, or exited as shells do when that happened.
pub(super) fn looks_interrupted(status: ExitStatus) -> bool {
    status.signal() == Some(SIGINT) || status.code() == Some(128 + SIGINT)
}

/// The signals that were set to be ignored before we started. Linux only; elsewhere none is known.
pub(super) fn ignored_signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(|n| mask >> (n - 1) & 1 == 1).collect()
}

/// Bytes for all arguments and variables of a new program: Linux gives a quarter of the stack's limit, at least 128 KiB
/// and at most 6 MiB (fs/exec.c, `bprm_stack_limits`); a little is kept back for what the kernel adds.
pub(super) fn argument_space() -> usize {
    let stack = rustix::process::getrlimit(Resource::Stack).current.unwrap_or(u64::MAX);
    usize::try_from((stack / 4).clamp(128 << 10, 6 << 20)).unwrap_or(128 << 10) - 4096
}

/// Whether `path` is a file that we may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// Makes a folder and those above it, for the user alone.
pub(super) fn private_folders(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Gives a file that `options` creates these permission bits.
pub(super) fn private(options: &mut OpenOptions, mode: u32) {
    options.mode(mode);
}

/// Makes a temporary folder that only the user may enter.
pub(super) fn private_folder(builder: &mut tempfile::Builder<'_, '_>) -> io::Result<tempfile::TempDir> {
    builder.permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Lets the user execute a file that is none yet; not one elsewhere to which a link leads. It is no matter where it is gone:
/// whoever runs it says so.
pub(super) fn make_executable(path: &Path) {
    use rustix::fs::{Mode, OFlags, fchmod, open};
    if let Ok(file) = open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
    {
        let _ = fchmod(&file, Mode::RWXU);
    }
}

/// Whether a shell above us would let us go on after a stop: our parent is of our session, and of another job.
pub(super) fn has_shell() -> bool {
    use rustix::process::{getpgid, getpgrp, getppid, getsid};
    let Some(parent) = getppid() else { return false };
    getsid(Some(parent)).ok() == getsid(None).ok() && getpgid(Some(parent)).is_ok_and(|group| group != getpgrp())
}
