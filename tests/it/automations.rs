//! Automations through the built program: what fires, what does not, and that nothing is lost or done twice.

mod batches;
mod enabling;
mod kills;
mod loops;
mod messages;
mod modes;
mod orders;
mod times;
mod work;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use factotum::kernel::clock::Clock;
use factotum::kernel::events::Event;
use factotum::kernel::ids::Ids;
use factotum::store::Store;
use serde_json::{Value, json};

use crate::support::world::World;

/// A loaded machine gets so long for what takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// A world with these commands of the user's own.
fn world(definitions: &str) -> World {
    let world = World::new();
    define(&world, definitions);
    world
}

/// Writes the user's commands.
fn define(world: &World, definitions: &str) -> PathBuf {
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("kit.md");
    std::fs::write(&file, format!("---\nfactotum: 1\n---\n# Kit\n{definitions}")).unwrap();
    file
}

/// The world's store, through the library.
fn store(world: &World) -> Store {
    Store::open(&world.fac().join("data/store.db"), Clock::system(), Ids::random()).unwrap()
}

/// Makes something happen that rules may wait for.
fn ring(store: &Store, n: usize) {
    store.append(&Event::new("test.rang", format!("n{n}"), json!({"n": n}))).unwrap();
}

/// What a subcommand says as JSON.
#[track_caller]
fn asked(world: &World, args: &[&str]) -> Value {
    let out = world.run(&[args, &["--json"]].concat());
    serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {out:?}"))
}

/// What came of firings of an automation, the first one first, as often as it did.
#[track_caller]
fn outcomes(world: &World, name: &str) -> Vec<String> {
    let said = asked(world, &["auto", "trace", name, "-n", "10000"]);
    let firings = said["firings"].as_array().unwrap().iter().rev();
    firings
        .flat_map(|f| {
            std::iter::repeat_n(f["outcome"].as_str().unwrap().to_string(), f["count"].as_u64().unwrap() as usize)
        })
        .collect()
}

/// Jobs by status.
fn counts(world: &World, status: &str) -> u64 {
    asked(world, &["jobs", "ls", "-n", "1"])["counts"][status].as_u64().unwrap_or(0)
}

/// Waits for a fact.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "this did not come: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `fac auto up`, and what it says.
struct Up {
    child: Child,
    notes: Arc<Mutex<Vec<Value>>>,
}

impl Up {
    /// Starts it and waits until it listens.
    fn start(world: &World) -> Up {
        let up = Up::begin(world);
        until("it listens", || up.notes.lock().unwrap().iter().any(|note| note["note"] == "rules"));
        up
    }

    /// Starts it.
    fn begin(world: &World) -> Up {
        let mut command = world.command(&["auto", "up", "--json"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let notes = Arc::new(Mutex::new(Vec::new()));
        let heard = notes.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap_or(Value::Null));
            }
        });
        Up { child, notes }
    }

    /// Waits until so many notes of a kind were heard.
    #[track_caller]
    fn heard(&self, kind: &str, count: usize) {
        until(&format!("{count} × {kind}"), || {
            self.notes.lock().unwrap().iter().filter(|note| note["note"] == kind).count() >= count
        });
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager does; its exit code.
    fn end(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // One that has ended needs nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
