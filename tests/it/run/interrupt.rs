//! Interrupting: the whole group ends, the run is recorded, nothing is left behind.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

fn start(mut command: Command) -> (Child, impl Iterator<Item = String>) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines)
}

fn signal(pid: u32, name: &str) {
    let done = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(done.success());
}

/// Whether a process is gone, or only waits for its parent to notice.
fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.rsplit(')').next().unwrap().trim_start().starts_with('Z')
}

#[test]
fn a_signal_ends_the_whole_group_and_is_recorded() {
    let world =
        world("### `/family`\n```sh\n(sh -c 'echo $$; exec sleep 1000') & echo $$; wait\n```\n```sh\ntouch ran\n```\n");
    for name in ["INT", "TERM", "HUP"] {
        let (mut child, mut lines) = start(world.command(&["family"]));
        let pids = [lines.next().unwrap(), lines.next().unwrap()];
        assert!(pids.iter().all(|p| !is_gone(p)));
        signal(child.id(), name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert!(pids.iter().all(|p| is_gone(p)), "{name} {pids:?}");
        let last = &runs(&world)[0];
        assert_eq!((&last["status"], &last["exit_code"]), (&"interrupted".into(), &130.into()));
    }
    assert!(!world.path("ran").exists());
    world.run(&["events", "verify"]).ok();
}

#[test]
fn what_does_not_listen_is_killed() {
    let world = world("### `/deaf`\n```sh\ntrap '' TERM INT; echo $$; while :; do sleep 1000; done\n```\n");
    let (mut child, mut lines) = start(world.command(&["deaf"]));
    let pid = lines.next().unwrap();
    signal(child.id(), "INT");
    // The second one does not wait for the grace to be over.
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(is_gone(&pid));
}

#[test]
fn a_pause_can_be_interrupted() {
    let world = world("### `/pause`\n```sh\necho ready\n```\n```wait\n1h\n```\n");
    let (mut child, mut lines) = start(world.command(&["pause"]));
    assert_eq!(lines.next().unwrap(), "ready");
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(runs(&world)[0]["status"], "interrupted");
}

#[test]
fn interrupted_under_json_is_still_one_run() {
    let world = world("### `/wait`\n```sh\necho ready >fifo; exec sleep 1000\n```\n");
    world.sh("mkfifo fifo");
    let (mut child, lines) = start(world.command(&["wait", "--json"]));
    assert_eq!(world.read("fifo"), "ready\n");
    signal(child.id(), "INT");
    let text: String = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["run"]["status"], &value["run"]["exit_code"]), (&"interrupted".into(), &130.into()));
}
