//! MQTT against real mosquittos that the tests start, kill and start again.

mod cli;
mod link;
mod source;

use std::io::Write as _;
use std::process::{Child, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use crate::support::lines_of;
use crate::support::mosquitto::PATIENCE;
use crate::support::world::World;

/// A `fac mqtt sub` that is listening by now.
struct Sub {
    child: Child,
    lines: Receiver<String>,
}

impl Sub {
    /// Starts one and waits until what `knock` publishes is heard, so that nothing later is missed.
    fn start(world: &World, args: &[&str], broker: &crate::support::mosquitto::Mosquitto) -> Sub {
        let mut command = world.command(&[&["mqtt", "sub", "knock/#"], args].concat());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let sub = Sub { child, lines };
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "fac mqtt sub hears nothing");
            broker.publish(&["-t", "knock/x", "-m", "knock"]);
            if sub.lines.recv_timeout(std::time::Duration::from_millis(200)).is_ok() {
                break;
            }
        }
        sub
    }

    /// The next line that is no knock.
    #[track_caller]
    fn next(&self) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("fac mqtt sub heard nothing more");
            if !line.contains("knock") {
                return line;
            }
        }
    }
}

impl Drop for Sub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps a secret in the world.
fn keep_secret(world: &World, name: &str, text: &str) {
    world.run_with(&["secret", "set", name], text).ok();
}

/// Writes to a child's standard input and leaves it open.
fn feed(child: &mut Child, text: &str) {
    child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
}
