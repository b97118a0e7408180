//! Everything the operating system decides: process groups, pseudo-terminals, terminal modes, signals, waiting.
//!
//! The only file of the room that names a system call. It takes no decisions about jobs; those are in `run.rs`. Linux is
//! what is tested; what is particular to it says so.

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
use rustix::fs::{Access, Mode, OFlags, access};
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use rustix::process::{Pid, Resource, Signal, WaitId, WaitIdOptions};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, isatty, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr, tcsetpgrp, tcsetwinsize,
};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGINT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
use signal_hook::{SigId, low_level};

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

/// Looks for processes of the group that are no zombies. Linux only: reads the state (field 3) and the group (field 5) in
/// `/proc/PID/stat`; fails where there is no such folder.
fn has_living_members(group: Pid) -> io::Result<bool> {
    let group = group.as_raw_pid().to_string();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        // A process may end between the two looks. Its name is in brackets and may hold anything.
        let stat = std::fs::read(entry.path().join("stat")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&stat);
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, member_of) = (fields.next(), fields.nth(1));
        if member_of == Some(group.as_str()) && !matches!(state, Some("Z" | "X")) {
            return Ok(true);
        }
    }
    Ok(false)
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

/// The terminal a person sits at: keys come from one descriptor, the size is asked of either.
#[derive(Debug, Default)]
pub(super) struct Console {
    keyboard: Option<OwnedFd>,
    raw: Option<Termios>,
    cooked: Option<Termios>,
    /// Whether a job that inherits our standard input should read the pseudo-terminal.
    pub(super) is_stdin: bool,
}

impl Console {
    /// Our standard input when it is a terminal, else the controlling terminal, else none.
    pub(super) fn ours() -> Self {
        let stdin = io::stdin();
        let is_stdin = isatty(&stdin);
        let keyboard = if is_stdin { stdin.as_fd().try_clone_to_owned().ok() } else { open_controlling() };
        Console { keyboard, raw: None, cooked: None, is_stdin }
    }

    /// A terminal that a test holds the other side of.
    #[cfg(test)]
    pub(super) fn on(keyboard: OwnedFd) -> Self {
        Console { keyboard: Some(keyboard), raw: None, cooked: None, is_stdin: true }
    }

    /// Where keys can be read from: only while the terminal is raw and ours.
    pub(super) fn keys(&self) -> Option<&OwnedFd> {
        self.keyboard.as_ref().filter(|_| self.raw.is_some())
    }

    /// Nobody types any more.
    pub(super) fn hang_up(&mut self) {
        self.restore();
        self.keyboard = None;
    }

    /// Makes the terminal raw when we are in its foreground; again after a shell has set it otherwise meanwhile.
    pub(super) fn make_raw(&mut self) {
        let Some(keyboard) = &self.keyboard else { return };
        // A terminal that is not our controlling one has no foreground we could be outside of.
        if tcgetpgrp(keyboard).is_ok_and(|pid| pid != rustix::process::getpgrp()) {
            return;
        }
        let Ok(now) = tcgetattr(keyboard) else { return };
        let mut raw = now.clone();
        raw.make_raw();
        if self.cooked.is_none() {
            self.cooked = Some(now);
        }
        if tcsetattr(keyboard, OptionalActions::Now, &raw).is_ok() {
            self.raw = Some(raw);
        }
    }

    fn restore(&mut self) {
        if let (Some(keyboard), Some(cooked), Some(_)) = (&self.keyboard, self.cooked.take(), self.raw.take()) {
            without_ttou(|| {
                let _ = tcsetattr(keyboard, OptionalActions::Now, &cooked);
            });
        }
    }

    fn size(&self) -> Option<Winsize> {
        let asked = self.keyboard.as_ref().and_then(|k| tcgetwinsize(k).ok());
        asked.or_else(|| tcgetwinsize(io::stdout()).ok()).filter(|s| s.ws_row > 0 && s.ws_col > 0)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.restore();
    }
}

fn open_controlling() -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open("/dev/tty", flags, Mode::empty()).ok()
}

/// A pseudo-terminal: our side of it, which does not block.
#[derive(Debug)]
pub(super) struct Pty {
    pub(super) master: OwnedFd,
}

impl Pty {
    /// Opens one with the size and the settings of `console`, and gives the program's side beside it.
    pub(super) fn open(console: &Console) -> io::Result<(Self, OwnedFd)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
        let settings = console.keyboard.as_ref().and_then(|k| tcgetattr(k).ok());
        if let Some(settings) = settings.filter(|s| s.local_modes.contains(LocalModes::ICANON)) {
            tcsetattr(&slave, OptionalActions::Now, &settings)?;
        }
        let pty = Pty { master };
        let usual = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&pty.master, console.size().unwrap_or(usual))?;
        set_nonblocking(&pty.master)?;
        Ok((pty, slave))
    }

    /// Takes over the window's size; the kernel tells the program when it changed.
    pub(super) fn resize(&self, console: &Console) {
        if let Some(size) = console.size() {
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// The key that interrupts, while the program reads lines and has not switched signals off.
    pub(super) fn interrupt_key(&self) -> Option<u8> {
        let settings = tcgetattr(&self.master).ok()?;
        let reads_lines = settings.local_modes.contains(LocalModes::ICANON | LocalModes::ISIG);
        reads_lines.then(|| settings.special_codes[SpecialCodeIndex::VINTR])
    }

    /// Whether `group` itself, not a job that an interactive shell in it started, has the terminal.
    pub(super) fn is_foreground(&self, group: &Group) -> bool {
        tcgetpgrp(&self.master).is_ok_and(|pid| Some(pid) == group.pid)
    }

    /// Sends TERM or KILL to the group in the foreground where that is not `group`.
    pub(super) fn signal_other(&self, group: &Group, kill: bool) {
        if let Ok(pid) = tcgetpgrp(&self.master)
            && Some(pid) != group.pid
        {
            let _ = rustix::process::kill_process_group(pid, if kill { Signal::KILL } else { Signal::TERM });
        }
    }
}

/// Our controlling terminal while a job has it; taken back, with its settings, when this is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    terminal: OwnedFd,
    settings: Option<Termios>,
    to: Pid,
}

impl Lent {
    /// Puts `group` in the foreground of our terminal; `None` when there is none or we are not in its foreground.
    pub(super) fn to(group: &Group) -> Option<Self> {
        let terminal = open_controlling()?;
        let lent = Lent { settings: tcgetattr(&terminal).ok(), terminal, to: group.pid? };
        lent.renew().then_some(lent)
    }

    /// Puts the group in the foreground again, in case a shell had taken the terminal meanwhile; false when it has still.
    pub(super) fn renew(&self) -> bool {
        match tcgetpgrp(&self.terminal) {
            Ok(pid) if pid == self.to => true,
            Ok(pid) => pid == rustix::process::getpgrp() && tcsetpgrp(&self.terminal, self.to).is_ok(),
            Err(_) => false,
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // A terminal that somebody else has taken is no longer ours to change.
        if tcgetpgrp(&self.terminal) != Ok(self.to) {
            return;
        }
        without_ttou(|| {
            let _ = tcsetpgrp(&self.terminal, rustix::process::getpgrp());
            if let Some(settings) = &self.settings {
                let _ = tcsetattr(&self.terminal, OptionalActions::Now, settings);
            }
        });
    }
}

/// Whether a program stopped by this signal waits for the terminal.
pub(super) fn wants_terminal(signal: i32) -> bool {
    signal == SIGTTIN || signal == SIGTTOU
}

/// Whether a program stopped by this signal was stopped from the keyboard.
pub(super) fn is_suspension(signal: i32) -> bool {
    signal == SIGTSTP
}

/// Stops our own process group as `signal` stopped a job's, and returns when it goes on. In a group that no shell looks
/// after the kernel does nothing.
pub(super) fn suspend_ourselves(signal: i32) {
    let signal = match signal {
        SIGTTIN => Signal::TTIN,
        SIGTTOU => Signal::TTOU,
        _ => Signal::TSTP,
    };
    let _ = rustix::process::kill_current_process_group(signal);
    // Another thread may have been the one to hear it; this one must not run ahead into the moment before we stand still.
    std::thread::sleep(Duration::from_millis(10));
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

/// Runs `work` while this thread does not hear SIGTTOU: a background process that changes a terminal is stopped by it
/// otherwise, and rustix has no safe face for signal masks.
#[allow(unsafe_code)]
fn without_ttou(work: impl FnOnce()) {
    /// At least as large, and as strictly aligned, as `sigset_t` of any Unix (128 bytes on Linux, 4 on macOS).
    #[repr(C, align(16))]
    struct SignalSet([u8; 256]);
    unsafe extern "C" {
        fn sigemptyset(set: *mut SignalSet) -> i32;
        fn sigaddset(set: *mut SignalSet, signal: i32) -> i32;
        fn pthread_sigmask(how: i32, set: *const SignalSet, old: *mut SignalSet) -> i32;
    }
    const BLOCK: i32 = if cfg!(target_os = "linux") { 0 } else { 1 };
    const SET: i32 = if cfg!(target_os = "linux") { 2 } else { 3 };
    let (mut blocked, mut before) = (SignalSet([0; 256]), SignalSet([0; 256]));
    // SAFETY: the three functions of the C library, which std links, read and write at most a `sigset_t` at the given
    // pointers; both sets are larger and live until the end of this function.
    let changed = unsafe {
        sigemptyset(&mut blocked) == 0
            && sigaddset(&mut blocked, SIGTTOU) == 0
            && pthread_sigmask(BLOCK, &blocked, &mut before) == 0
    };
    work();
    if changed {
        // SAFETY: as above; `before` was filled in by the successful call.
        unsafe { pthread_sigmask(SET, &before, std::ptr::null_mut()) };
    }
}
