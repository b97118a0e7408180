//! The full-screen terminal on a pseudo-terminal: the first frame, a key to its frame, standing still, memory.
//!
//! A frame is whole when the end of its synchronized update comes. The figures are those of a person at a terminal that
//! draws in no time.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};

use super::measure::{median, percentile};
use super::place::Place;

/// The end of a frame.
const FRAME: &[u8] = b"\x1b[?2026l";

/// Messages of the long chat.
const LONG: usize = 10_000;

/// Messages that are stored in all.
const STORED: usize = 100_000;

/// Lines of the large output.
const LINES: usize = 1_000_000;

/// Keys that are pressed in each place.
const KEYS: usize = 200;

/// A running program and what it draws.
struct Seat {
    master: File,
    child: Child,
}

impl Seat {
    fn start(mut command: Command) -> Seat {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OpenptFlags::NOCTTY.bits() as i32;
        let terminal = File::options().read(true).write(true).custom_flags(flags).open(name.to_str().unwrap()).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let side = || Stdio::from(terminal.try_clone().unwrap());
        command.stdin(side()).stdout(side()).stderr(side()).env("TERM", "xterm-256color");
        Seat { child: command.spawn().unwrap(), master: File::from(master) }
    }

    /// Reads until a frame is whole, at most so long; whether one came.
    fn frame(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let (mut buffer, mut tail) = ([0; 65536], Vec::new());
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let wait = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
            if poll(&mut ready, Some(&wait)).unwrap() == 0 {
                return false;
            }
            let Ok(count) = self.master.read(&mut buffer) else { return false };
            tail.extend_from_slice(&buffer[..count]);
            if tail.windows(FRAME.len()).any(|w| w == FRAME) {
                return true;
            }
            let keep = tail.len().saturating_sub(FRAME.len());
            tail.drain(..keep);
        }
        false
    }

    /// Reads until nothing was drawn for a while.
    fn settle(&mut self) {
        while self.frame(Duration::from_millis(600)) {}
    }

    /// Milliseconds from a key to its frame.
    fn press(&mut self, key: &str) -> f64 {
        let begun = Instant::now();
        self.master.write_all(key.as_bytes()).unwrap();
        assert!(self.frame(Duration::from_secs(10)), "no frame after a key");
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        // As a person would; the next frame is then not owed yet.
        while self.frame(Duration::from_millis(25)) {}
        took
    }

    fn keys(&mut self, key: &str) -> Vec<f64> {
        (0..KEYS).map(|_| self.press(key)).collect()
    }

    /// Processor time so far, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let field = |n: usize| rest.split(' ').nth(n).and_then(|v| v.parse::<u64>().ok()).unwrap_or(0);
        field(11) + field(12)
    }

    fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0");
        peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures and prints.
pub fn screen(place: &Rc<Place>, rounds: usize) {
    fill(place);
    println!("\nthe full screen at 120×40   (ms)");
    first_frame(place, rounds.min(20));
    let row = |what: &str, times: &[f64]| {
        let (middle, slow) = (median(times), percentile(times, 0.99));
        println!("  {what:<56} median {middle:>6.2}   p99 {slow:>6.2}   (aim p99 ≤ 16)");
    };
    let mut chat = Seat::start(place.fac(&["tui", "--tab", "chat"]));
    chat.settle();
    // From the composer to the chats, into the newest, which is the long one, and to its messages.
    for key in ["\t", "\r", "\x1b[Z"] {
        chat.press(key);
        chat.settle();
    }
    row(&format!("key to frame, scrolling a chat of {LONG} messages"), &chat.keys("k"));
    println!("  {:<56} {:.1} MiB (aim ≤ 80)", format!("memory with {STORED} messages stored"), chat.peak_mib());
    let (before, begun) = (chat.ticks(), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let idle = (chat.ticks() - before) as f64 / begun.elapsed().as_secs_f64();
    println!("  {:<56} {idle:.2} % (aim ≤ 0.5)", "processor while nothing happens, 10 s");
    drop(chat);
    let mut runs = Seat::start(place.fac(&["tui", "--tab", "runs"]));
    runs.settle();
    runs.press("\r");
    runs.settle();
    row(&format!("key to frame, scrolling an output of {LINES} lines"), &runs.keys("\x1b[6~"));
    println!("  {:<56} {:.1} MiB", "memory with that output open", runs.peak_mib());
}

/// From start to the first whole frame, beside the cold start alone.
fn first_frame(place: &Rc<Place>, rounds: usize) {
    let (mut frames, mut starts) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        let begun = Instant::now();
        let mut seat = Seat::start(place.fac(&["tui"]));
        assert!(seat.frame(Duration::from_secs(10)), "no first frame");
        frames.push(begun.elapsed().as_secs_f64() * 1000.0);
        starts.push(super::measure::once(&mut place.fac(&["--version"])));
    }
    // The first round warms the caches.
    let (frame, start) = (median(&frames[1..]), median(&starts[1..]));
    println!(
        "  {:<56} {frame:.2}, {:.2} beyond the cold start of {start:.2} (aim ≤ 50)",
        "start to the first frame",
        frame - start
    );
}

/// A chat of 10,000 messages among 100,000, and a run that printed 1,000,000 lines.
fn fill(place: &Rc<Place>) {
    let file = place.path("chats.json");
    let chats: Vec<Value> = (0..10).rev().map(|n| chat(n, if n == 0 { LONG } else { (STORED - LONG) / 9 })).collect();
    let all = json!({"factotum": "sessions", "version": 1, "sessions": chats});
    std::fs::write(&file, all.to_string()).unwrap();
    super::measure::once(&mut place.fac(&["sessions", "import", file.to_str().unwrap()]));
    let folder = place.path("large");
    std::fs::create_dir_all(&folder).unwrap();
    let text =
        format!("# Large\n\n## large\n\n> Print much\n\n```sh\nseq -f 'line %.0f of a long output' {LINES}\n```\n");
    std::fs::write(folder.join("maskfile.md"), text).unwrap();
    super::measure::once(&mut place.fac(&["source", "add", path_text(&folder)]));
    super::measure::once(&mut place.fac(&["source", "trust", "large", "--yes"]));
    super::measure::once(&mut place.fac(&["run", "large"]));
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A chat in the form of `fac sessions export`.
fn chat(number: usize, messages: usize) -> Value {
    let messages: Vec<Value> = (0..messages)
        .map(|n| {
            let said = match n % 2 {
                0 => format!("How does part {n} of the machine of chat {number} work, and why?"),
                _ => format!(
                    "## Part {n}\n\nIt has **three** wheels:\n\n- one that turns\n- one that does not\n- `wheel {n}`\n\n\
                     ```rust\nfn turn(wheel: &Wheel) -> u32 {{\n    wheel.{n}\n}}\n```\n"
                ),
            };
            let parent = (n > 0).then(|| format!("m{}", n - 1));
            json!({
                "id": format!("m{n}"), "parent": parent, "role": if n % 2 == 0 { "user" } else { "assistant" },
                "parts": [{"type": "text", "text": said}],
            })
        })
        .collect();
    let head = format!("m{}", messages.len() - 1);
    json!({"id": format!("chat{number}"), "title": format!("Machine {number}"), "head": head, "messages": messages})
}
