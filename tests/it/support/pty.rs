//! A program on a pseudo-terminal, with a test in the person's place: what stands on the screen, and keys to press.
//!
//! It waits for what it was told to wait for and never for a length of time; a program that never shows it is ended
//! after a minute so that the test fails instead of hanging.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::world::World;

/// When even a machine that has much else to do would have done it.
const PATIENCE: Duration = Duration::from_secs(180);

/// The terminal must not become the test program's own.
const NOCTTY: i32 = OpenptFlags::NOCTTY.bits() as i32;

/// A running program and its terminal.
pub struct Seat {
    master: File,
    child: Child,
    screen: vt100::Parser,
    /// Every byte the program wrote.
    pub bytes: Vec<u8>,
    /// How often a line editor was waited for.
    editors: usize,
    /// Up to where [`Seat::until`] has read them.
    read: usize,
    /// The terminal's settings before the program started.
    modes: String,
}

impl Seat {
    /// Starts `fac` in a world, on a terminal of `columns` by `rows`.
    pub fn fac(world: &World, args: &[&str], columns: u16, rows: u16) -> Seat {
        Seat::start(world, env!("CARGO_BIN_EXE_fac"), args, columns, rows)
    }

    /// The same on a terminal that calls itself `term`.
    pub fn on(world: &World, args: &[&str], term: &str, columns: u16, rows: u16) -> Seat {
        Seat::with(world, env!("CARGO_BIN_EXE_fac"), args, (columns, rows), &[("TERM", term)])
    }

    /// The same without colours, for tests that read what was written rather than the screen.
    pub fn plain(world: &World, args: &[&str], columns: u16, rows: u16) -> Seat {
        let variables = [("TERM", "xterm"), ("NO_COLOR", "1")];
        Seat::with(world, env!("CARGO_BIN_EXE_fac"), args, (columns, rows), &variables)
    }

    /// Starts any program so. The terminal is its controlling one, so that keys send signals.
    pub fn start(world: &World, program: &str, args: &[&str], columns: u16, rows: u16) -> Seat {
        Seat::with(world, program, args, (columns, rows), &[("TERM", "xterm-256color")])
    }

    fn with(world: &World, program: &str, args: &[&str], (columns, rows): (u16, u16), env: &[(&str, &str)]) -> Seat {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal =
            File::options().read(true).write(true).custom_flags(NOCTTY).open(name.to_str().unwrap()).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let side = || Stdio::from(terminal.try_clone().unwrap());
        let words: Vec<&str> = ["--ctty", "--wait", program].into_iter().chain(args.iter().copied()).collect();
        let mut command = world.program("setsid", &words);
        command.stdin(side()).stdout(side()).stderr(side()).envs(env.iter().copied());
        let modes = format!("{:?}", tcgetattr(&terminal).unwrap());
        let child = command.spawn().unwrap();
        Seat {
            master: File::from(master),
            child,
            screen: vt100::Parser::new(size(rows), size(columns), 0),
            bytes: Vec::new(),
            editors: 0,
            read: 0,
            modes,
        }
    }

    /// Reads what is there or comes soon; false when the program closed its side.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let wait = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut ready, Some(&wait)).unwrap() == 0 {
            return true;
        }
        match self.master.read(&mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.bytes.extend(&buffer[..count]);
                self.screen.process(&buffer[..count]);
                // What a terminal answers when it is asked where its cursor is.
                for _ in buffer[..count].windows(4).filter(|w| w == b"\x1b[6n") {
                    let (row, column) = self.screen.screen().cursor_position();
                    self.press(&format!("\x1b[{};{}R", row + 1, column + 1));
                }
                true
            }
        }
    }

    /// What stands on the screen, without blanks at the ends of lines and below.
    pub fn screen(&self) -> String {
        let contents = self.screen.screen().contents();
        contents.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_string()
    }

    /// Waits until the screen holds `text`.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> &mut Seat {
        self.expect_times(text, 1)
    }

    /// Waits until the screen holds `text` so many times.
    #[track_caller]
    pub fn expect_times(&mut self, text: &str, times: usize) -> &mut Seat {
        let patience = Instant::now() + PATIENCE;
        while self.screen().matches(text).count() < times {
            let more = self.read();
            let said = self.screen();
            let shown = said.matches(text).count() >= times;
            assert!(shown || (more && Instant::now() < patience), "waiting for {text:?}, the screen shows:\n{said}");
        }
        self
    }

    /// Waits until a line editor begins to read a line: one that was not waited for before. It switches bracketed paste
    /// on when it does.
    #[track_caller]
    pub fn expect_editor(&mut self) -> &mut Seat {
        let patience = Instant::now() + PATIENCE;
        loop {
            let begun = self.bytes.windows(8).filter(|w| w == b"\x1b[?2004h").count();
            if begun > self.editors {
                self.editors = begun;
                return self;
            }
            assert!(self.read() && Instant::now() < patience, "no line is read; the screen shows:\n{}", self.screen());
        }
    }

    /// Waits until `text` was written behind where this was last asked for; all that was written from there to its
    /// end.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        let patience = Instant::now() + PATIENCE;
        loop {
            let new = &self.bytes[self.read..];
            if let Some(at) = new.windows(text.len()).position(|w| w == text.as_bytes()) {
                let end = at + text.len();
                let seen = String::from_utf8_lossy(&new[..end]).into_owned();
                self.read += end;
                return seen;
            }
            assert!(
                self.read() && Instant::now() < patience,
                "waiting for {text:?}, this was written:\n{:?}",
                String::from_utf8_lossy(&self.bytes[self.read..])
            );
        }
    }

    /// Whether the terminal shows keys.
    pub fn shows_keys(&self) -> bool {
        tcgetattr(&self.master).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits until the terminal shows keys no more.
    pub fn expect_hidden(&mut self) -> &mut Seat {
        let patience = Instant::now() + PATIENCE;
        while self.shows_keys() {
            assert!(self.read() && Instant::now() < patience, "keys are still shown");
        }
        self
    }

    /// The program's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives the window another size.
    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Seat {
        tcsetwinsize(&self.master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        self.screen.screen_mut().set_size(size(rows), size(columns));
        self
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) -> &mut Seat {
        self.master.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Everything that was written so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Waits for the end: exit code and everything that was written.
    #[track_caller]
    pub fn end(mut self) -> (i32, String) {
        (self.wait(), self.written())
    }

    /// Waits for the end: exit code and the screen.
    #[track_caller]
    pub fn end_screen(mut self) -> (i32, String) {
        (self.wait(), self.screen())
    }

    /// Waits for the end: exit code and what was written behind what [`Seat::until`] has read, with a file's line ends.
    #[track_caller]
    pub fn end_rest(mut self) -> (i32, String) {
        let code = self.wait();
        (code, String::from_utf8_lossy(&self.bytes[self.read..]).replace('\r', ""))
    }

    /// Waits for the end. The terminal must be as it was at the start.
    #[track_caller]
    fn wait(&mut self) -> i32 {
        let patience = Instant::now() + PATIENCE;
        while self.read() {
            assert!(Instant::now() < patience, "it does not end; the screen shows:\n{}", self.screen());
            if self.child.try_wait().unwrap().is_some() {
                while self.read_now() {}
                break;
            }
        }
        let status = self.child.wait().unwrap();
        assert_eq!(format!("{:?}", tcgetattr(&self.master).unwrap()), self.modes, "the terminal is as it was");
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    fn read_now(&mut self) -> bool {
        let before = self.bytes.len();
        self.read() && self.bytes.len() > before
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // It is over either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(cells: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(cells).unwrap()
}
