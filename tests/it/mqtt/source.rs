//! Messages as a source of triggers: nothing is lost or counted twice, whoever is killed.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use factotum::automations::happening::{Happening, Trigger as _};
use factotum::automations::mqtt::{Brokers, Causes, MqttSource};
use factotum::commands::model::Trigger;
use factotum::kernel::clock::Clock;
use factotum::kernel::error::{Error, Kind};

use crate::support::mosquitto::{Mosquitto, PATIENCE};
use crate::support::world::World;

fn brokers() -> Brokers {
    Brokers::none(Arc::new(|name: &str| Err(Error::new(Kind::NotFound, name.to_string()))))
}

fn trigger(mosquitto: &Mosquitto, filter: &str, options: &[(&str, &str)]) -> Trigger {
    let mut options: std::collections::BTreeMap<String, String> =
        options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    options.insert("broker".into(), mosquitto.url());
    Trigger { kind: "mqtt".into(), args: vec![filter.into()], options, line: 1 }
}

struct Listening {
    source: MqttSource,
    heard: std::sync::mpsc::SyncSender<Happening>,
    told: Receiver<Happening>,
}

impl Listening {
    fn start(folder: &std::path::Path, wanted: &[Trigger]) -> Listening {
        let mut source = MqttSource::new(brokers(), folder, Clock::system(), Causes::default());
        let (heard, told) = sync_channel(100);
        source.listen(wanted, &heard).unwrap();
        Listening { source, heard, told }
    }

    /// Publishes until it is heard that the source listens.
    fn knocked(self, mosquitto: &Mosquitto, topic: &str) -> Listening {
        loop {
            mosquitto.publish(&["-t", topic, "-m", "knock"]);
            if let Ok(happening) = self.told.recv_timeout(Duration::from_millis(200)) {
                happening.kept.into_iter().for_each(|kept| kept());
                return self;
            }
        }
    }

    #[track_caller]
    fn next(&self) -> Happening {
        loop {
            let happening = self.told.recv_timeout(PATIENCE).expect("nothing is heard");
            if happening.data["payload"] != "knock" {
                return happening;
            }
            happening.kept.into_iter().for_each(|kept| kept());
        }
    }
}

fn payload(happening: &Happening) -> &str {
    happening.data["payload"].as_str().unwrap()
}

#[test]
fn what_was_not_written_down_comes_again_with_the_same_key() {
    let (mosquitto, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    let wanted = [trigger(&mosquitto, "home/+", &[])];
    let first = Listening::start(folder.path(), &wanted).knocked(&mosquitto, "home/k");
    for text in ["kept", "lost", "late"] {
        mosquitto.publish(&["-t", "home/b", "-m", text, "-q", "1"]);
    }
    let kept = first.next();
    assert_eq!(payload(&kept), "kept");
    kept.kept.unwrap()();
    let lost = first.next();
    let late = first.next();
    let (lost, late) = (lost.key.unwrap(), late.key.unwrap());
    // As when we are killed: neither is acknowledged.
    drop(first);
    let again = Listening::start(folder.path(), &wanted);
    let happening = again.next();
    assert_eq!((payload(&happening), happening.key.as_deref()), ("lost", Some(lost.as_str())));
    assert_eq!(happening.data["dup"], true);
    happening.kept.unwrap()();
    let happening = again.next();
    assert_eq!((payload(&happening), happening.key.clone()), ("late", Some(late)));
    happening.kept.unwrap()();
    // The same press again is a new one.
    mosquitto.publish(&["-t", "home/b", "-m", "lost", "-q", "1"]);
    let happening = again.next();
    assert_ne!(happening.key, Some(lost));
}

#[test]
fn what_is_published_while_we_are_down_waits_for_us() {
    let (mosquitto, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    let wanted = [trigger(&mosquitto, "home/#", &[])];
    let mut first = Listening::start(folder.path(), &wanted).knocked(&mosquitto, "home/k");
    first.source.stop();
    for number in 0..5 {
        mosquitto.publish(&["-t", "home/b", "-m", &number.to_string(), "-q", "1"]);
    }
    let again = Listening::start(folder.path(), &wanted);
    for number in 0..5 {
        let happening = again.next();
        assert_eq!(payload(&happening), number.to_string());
        happening.kept.unwrap()();
    }
}

#[test]
fn what_nobody_wants_any_more_does_not_come_by_the_session_that_was_kept() {
    let (mosquitto, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    let both = [trigger(&mosquitto, "o/#", &[]), trigger(&mosquitto, "o/x", &[])];
    let mut first = Listening::start(folder.path(), &both).knocked(&mosquitto, "o/k");
    first.source.stop();
    drop(first);
    let again = Listening::start(folder.path(), &both[1..]).knocked(&mosquitto, "o/x");
    mosquitto.publish(&["-t", "o/x", "-m", "once", "-q", "1"]);
    mosquitto.publish(&["-t", "o/y", "-m", "never", "-q", "1"]);
    mosquitto.publish(&["-t", "o/x", "-m", "last", "-q", "1"]);
    let heard: Vec<String> = (0..2).map(|_| payload(&again.next()).to_string()).collect();
    assert_eq!(heard, ["once", "last"]);
}

#[test]
fn retained_messages_are_told_as_such_once_and_only_where_they_are_wanted() {
    let (mut mosquitto, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    mosquitto.publish(&["-t", "state/door", "-m", "open", "-r", "-q", "1"]);
    let wanted = [trigger(&mosquitto, "state/+", &[("retain", "yes")]), trigger(&mosquitto, "live/+", &[])];
    let listening = Listening::start(folder.path(), &wanted);
    let happening = listening.next();
    assert_eq!((payload(&happening), &happening.data["retain"]), ("open", &true.into()));
    happening.kept.into_iter().for_each(|kept| kept());
    // Let everything be on the broker's disk, so that it still knows the message after it was ended.
    mosquitto.end();
    mosquitto.again();
    let listening = listening.knocked(&mosquitto, "live/k");
    mosquitto.publish(&["-t", "live/x", "-m", "after", "-q", "1"]);
    assert_eq!(payload(&listening.next()), "after", "the retained message was told again");
}

#[test]
fn other_wishes_take_the_place_of_earlier_ones() {
    let (mosquitto, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    let mut listening = Listening::start(folder.path(), &[trigger(&mosquitto, "one", &[])]).knocked(&mosquitto, "one");
    listening.source.listen(&[trigger(&mosquitto, "two", &[])], &listening.heard).unwrap();
    let listening = listening.knocked(&mosquitto, "two");
    while listening.told.recv_timeout(Duration::from_millis(100)).is_ok() {}
    mosquitto.publish(&["-t", "one", "-m", "old", "-q", "1"]);
    mosquitto.publish(&["-t", "two", "-m", "new", "-q", "1"]);
    assert_eq!(payload(&listening.next()), "new");
    assert!(listening.source.state().starts_with("connected to 127.0.0.1:"), "{}", listening.source.state());
}

#[test]
fn bytes_of_any_kind_are_no_trouble() {
    let (mosquitto, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    let listening = Listening::start(folder.path(), &[trigger(&mosquitto, "x", &[])]).knocked(&mosquitto, "x");
    let files = tempfile::tempdir().unwrap();
    let deep = "[".repeat(100_000);
    for (name, bytes) in [("a", vec![0xff, 0xfe, 0x00]), ("b", deep.into_bytes()), ("c", vec![b'x'; 900_000])] {
        let file = files.path().join(name);
        std::fs::write(&file, &bytes).unwrap();
        mosquitto.publish(&["-t", "x", "-f", file.to_str().unwrap(), "-q", "1"]);
        let happening = listening.next();
        assert_eq!(happening.data.get("json"), None);
        assert_eq!(happening.data.get("encoding").is_some(), name == "a");
        happening.kept.unwrap()();
    }
}

/// A running `fac auto up`, killed when dropped.
struct Up(std::process::Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn whoever_runs_automations_is_online_and_offline_after_a_goodbye_and_after_a_kill() {
    let (mut mosquitto, world) = (Mosquitto::start(false), World::new());
    world.run(&["config", "set", "broker.home.url", &mosquitto.url()]).ok();
    world.run(&["config", "set", "broker.home.status_topic", "fac/status"]).ok();
    let text = "---\nfactotum: 1\n---\n# Doors\n### `/door`\n**On:**\n- `mqtt door/+ qos=1`\n\n**Mode:** queued\n\n\
                ```mqtt {topic=done/{{trigger_payload}}}\n{{trigger_topic}}\n```\n";
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("doors.md"), text).unwrap();
    world.run(&["auto", "enable", "door"]).ok();
    let heard = mosquitto.listen(&["-t", "fac/#", "-t", "done/#", "-F", "%t|%r|%p", "-q", "1"]);
    let start = || {
        let mut command = world.command(&["auto", "up"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let up = Up(command.spawn().unwrap());
        heard.until(|line| line == "fac/status|0|online");
        up
    };
    let mut up = start();
    let pid = rustix::process::Pid::from_child(&up.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    heard.until(|line| line == "fac/status|0|offline");
    assert!(up.0.wait().unwrap().success());
    // What comes while nobody runs them waits at the broker, which knows the session.
    mosquitto.publish(&["-t", "door/a", "-m", "first", "-q", "1"]);
    let up = start();
    heard.until(|line| line == "done/first|0|door/a");
    drop(up);
    heard.until(|line| line == "fac/status|0|offline");
    mosquitto.publish(&["-t", "door/a", "-m", "second", "-q", "1"]);
    let _up = start();
    heard.until(|line| line == "done/second|0|door/a");
    // The broker is ended under it, and comes back.
    mosquitto.end();
    mosquitto.again();
    let heard = mosquitto.listen(&["-t", "fac/#", "-t", "done/#", "-F", "%t|%r|%p", "-q", "1"]);
    heard.until(|line| line.starts_with("fac/status|") && line.ends_with("|online"));
    mosquitto.publish(&["-t", "door/a", "-m", "third", "-q", "1"]);
    heard.until(|line| line == "done/third|0|door/a");
}
