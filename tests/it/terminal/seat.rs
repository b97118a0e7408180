//! A pseudo-terminal with a person in front of it: what is typed, what the screen shows.
//!
//! It waits for what should appear and knows no programs.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The size of the screen.
const SIZE: (u16, u16) = (24, 80);

fn size(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}

struct Shown {
    screen: vt100::Parser,
    raw: Vec<u8>,
    closed: bool,
}

/// A program on a terminal of its own.
pub struct Seat {
    child: Child,
    hands: File,
    terminal: OwnedFd,
    modes: String,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

impl Seat {
    /// Starts a program that leads a session on the terminal.
    pub fn start(command: &Command) -> Seat {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let terminal = File::options().read(true).write(true).open(name).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: SIZE.0, ws_col: SIZE.1, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let modes = format!("{:?}", tcgetattr(&terminal).unwrap());
        let side = || Stdio::from(terminal.try_clone().unwrap());
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        session.envs(command.get_envs().filter_map(|(k, v)| Some((k, v?)))).env("TERM", "xterm-256color");
        session.current_dir(command.get_current_dir().unwrap()).stdin(side()).stdout(side()).stderr(side());
        let child = session.spawn().unwrap();
        let shown =
            Shown { screen: vt100::Parser::new(size(SIZE.0), size(SIZE.1), 500), raw: Vec::new(), closed: false };
        let shown = Arc::new((Mutex::new(shown), Condvar::new()));
        let hands = File::from(master);
        let (mut eyes, seen) = (hands.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The kernel says EIO once nobody holds the other end.
            while let Ok(n @ 1..) = eyes.read(&mut buffer) {
                let mut shown = seen.0.lock().unwrap();
                shown.screen.process(&buffer[..n]);
                shown.raw.extend_from_slice(&buffer[..n]);
                seen.1.notify_all();
            }
            seen.0.lock().unwrap().closed = true;
            seen.1.notify_all();
        });
        Seat { child, hands, terminal: terminal.into(), modes, shown }
    }

    /// Presses keys.
    pub fn types(&mut self, keys: &str) {
        self.hands.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        let shown = self.shown.0.lock().unwrap();
        let not_yet = |s: &mut Shown| !s.screen.screen().contents().contains(text);
        let (shown, late) = self.shown.1.wait_timeout_while(shown, PATIENCE, not_yet).unwrap();
        assert!(!late.timed_out(), "`{text}` does not appear on:\n{}", shown.screen.screen().contents());
    }

    /// Waits until the terminal shows typed keys no more. A hidden prompt is printed before that, and what is typed in
    /// between is thrown away by the system.
    #[track_caller]
    pub fn hides(&self) {
        let patience = Instant::now() + PATIENCE;
        while tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(Instant::now() < patience, "keys are still shown on:\n{}", self.screen());
            std::thread::yield_now();
        }
    }

    /// What the screen shows now.
    pub fn screen(&self) -> String {
        self.shown.0.lock().unwrap().screen.screen().contents()
    }

    /// Every byte that came.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown.0.lock().unwrap().raw).into_owned()
    }

    /// Waits for the end: the exit code, and the screen. The terminal must be as it was at the start.
    #[track_caller]
    pub fn ends(mut self) -> (i32, String) {
        let patience = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > patience {
                self.child.kill().unwrap();
                panic!("it does not end; the screen shows:\n{}", self.screen());
            }
            let shown = self.shown.0.lock().unwrap();
            drop(self.shown.1.wait_timeout(shown, Duration::from_millis(5)).unwrap());
        };
        assert_eq!(format!("{:?}", tcgetattr(&self.terminal).unwrap()), self.modes, "the terminal is as it was");
        // The last bytes are read when nobody holds the other end.
        let Seat { terminal, shown, hands, .. } = self;
        drop(terminal);
        let guard = shown.0.lock().unwrap();
        let (guard, late) = shown.1.wait_timeout_while(guard, PATIENCE, |s| !s.closed).unwrap();
        assert!(!late.timed_out(), "somebody still holds the terminal");
        drop(hands);
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        (code, guard.screen.screen().contents())
    }
}
