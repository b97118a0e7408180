//! `fac watch` against a server that fails and comes back.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::pty::Seat;
use crate::support::world::World;

/// A loaded machine gets so long for what takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that answers every request with a status that can be changed.
struct Server {
    url: String,
    status: Arc<AtomicU16>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://me:secret@{}/health?key=hidden", listener.local_addr().unwrap());
        let status = Arc::new(AtomicU16::new(200));
        let now = status.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let status = now.load(Ordering::SeqCst);
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} So\r\ncontent-length: 12\r\nconnection: close\r\n\r\nall is well\n"
                );
            }
        });
        Server { url, status }
    }

    fn set(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The address as it is shown.
    fn shown(&self) -> String {
        self.url.replace("me:secret@", "").replace("?key=hidden", "")
    }
}

/// `fac watch` that goes on, and its lines.
struct Watching(Child, Arc<Mutex<Vec<Value>>>);

impl Watching {
    fn start(world: &World, args: &[&str]) -> Watching {
        let mut command = world.command(&[&["watch", "--json", "--every", "100ms"], args].concat());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let all: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = all.clone();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| heard.lock().unwrap().push(serde_json::from_str(&line).unwrap()));
        });
        Watching(child, all)
    }

    #[track_caller]
    fn line(&self, number: usize) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.1.lock().unwrap().get(number) {
                return line.clone();
            }
            assert!(Instant::now() < end, "line {number} did not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn changes_are_told_once_each_and_are_events_that_automations_hear() {
    let (world, server) = (World::new(), Server::start());
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "---\nfactotum: 1\n---\n# Kit\n### `/down`\n**On:**\n- `event watch.*`\n\n**Mode:** queued\n\n\
                ```sh\necho \"$trigger_name $trigger_subject\" >>log\n```\n";
    std::fs::write(folder.join("kit.md"), text).unwrap();
    world.run(&["auto", "enable", "down"]).ok();
    world.run(&["tick"]).ok();
    let mut watching = Watching::start(&world, &[&server.url]);
    let first = watching.line(0);
    assert_eq!((&first["state"], &first["status"], &first["url"]), (&"up".into(), &200.into(), &server.shown().into()));
    server.set(503);
    let down = watching.line(1);
    assert_eq!((&down["state"], &down["why"]), (&"down".into(), &"it answers 503".into()));
    server.set(204);
    assert_eq!(watching.line(2)["state"], "up");
    rustix::process::kill_process(rustix::process::Pid::from_child(&watching.0), rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.0.wait().unwrap().code(), Some(130));
    assert_eq!(watching.1.lock().unwrap().len(), 3);
    world.run(&["tick"]).ok();
    let shown = server.shown();
    assert_eq!(world.read("log"), format!("watch.down {shown}\nwatch.up {shown}\n"));
    let events = world.run(&["events", "tail", "--json"]).ok();
    assert!(!events.contains("secret") && !events.contains("hidden"), "{events}");
}

#[test]
fn one_look_tells_all_and_its_exit_code_says_whether_one_is_down() {
    let (world, server) = (World::new(), Server::start());
    let out = world.run(&["watch", "--once", &server.url]).ok();
    assert!(out.contains("  up    ") && out.contains(&server.shown()), "{out}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let out = world.run(&["watch", "--once", &server.url, &closed.to_string()]);
    assert!(out.code == 1 && out.stdout.contains("  down  ") && out.stdout.lines().count() == 2, "{out:?}");
    for (expect, code) in [("200", 0), ("204", 1), ("is well", 0), ("is ill", 1)] {
        assert_eq!(world.run(&["watch", "--once", "--expect", expect, &server.url]).code, code, "{expect}");
    }
    server.set(404);
    assert_eq!(world.run(&["watch", "--once", "--expect", "404", &server.url]).code, 0);
    assert_eq!(world.run(&["watch", "--once", "--expect", "is well", &server.url]).code, 1);
    world.run(&["watch", "ftp://example.org"]).failed(2);
    assert!(!world.run(&["events", "tail", "--json"]).ok().contains("watch."), "looking once leaves no trace");
}

#[test]
fn on_a_terminal_a_table_stands_below_what_changed() {
    let (world, server) = (World::new(), Server::start());
    let mut seat = Seat::plain(&world, &["watch", "--every", "100ms", &server.url], 90, 20);
    seat.expect("●");
    server.set(500);
    seat.expect("it answers 500").expect("✗").expect("×");
    seat.press("\x03");
    assert_eq!(seat.end().0, 130);
}
