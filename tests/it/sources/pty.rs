//! A terminal for a test: `fac` on a pseudo-terminal, questions waited for and answered.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Lab;

/// A program on a terminal of its own.
pub struct Terminal {
    child: Child,
    master: File,
    seen: String,
}

impl Terminal {
    /// Starts `fac` with arguments, 100 columns wide, without colours.
    pub fn start(lab: &Lab, args: &[&str]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let open = || File::options().read(true).write(true).open(&name).unwrap();
        let words = [&["--ctty", "--wait", env!("CARGO_BIN_EXE_fac")], args].concat();
        let mut command: Command = lab.world.program("setsid", &words);
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        let child = command.stdin(Stdio::from(open())).stdout(open()).stderr(open()).spawn().unwrap();
        Terminal { child, master: File::from(master), seen: String::new() }
    }

    /// Reads until `text` was seen; everything before it is given back.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        let mut piece = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            match self.master.read(&mut piece) {
                Ok(n) if n > 0 => self.seen.push_str(&String::from_utf8_lossy(&piece[..n])),
                _ => panic!("the terminal closed before {text:?}; it showed {:?}", self.seen),
            }
        }
    }

    /// Types keys.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end: what was shown since, and the exit code.
    pub fn end(mut self) -> (String, i32) {
        let mut piece = [0; 4096];
        // EIO says that nobody holds the other side any more.
        while let Ok(n @ 1..) = self.master.read(&mut piece) {
            self.seen.push_str(&String::from_utf8_lossy(&piece[..n]));
        }
        (self.seen.replace('\r', ""), self.child.wait().unwrap().code().unwrap_or(-1))
    }
}
