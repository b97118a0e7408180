//! Rules over a real broker: what must last, over a kill; what was said while nobody listened; what feeds itself.

use factotum::store::{Job, JobFilter, JobStatus};

use super::*;
use crate::support::mosquitto::Mosquitto;

pub fn with_broker(definitions: &str) -> (World, Mosquitto) {
    let broker = Mosquitto::start(false);
    let world = world(definitions);
    world.run(&["config", "set", "broker.home.url", &broker.url()]).ok();
    (world, broker)
}

/// `fac auto up`, once its subscriptions are in place: what is published for the knock rule fires it.
fn up(world: &World, broker: &Mosquitto) -> Up {
    let up = Up::start(world);
    until("its subscriptions are in place", || {
        broker.publish(&["-t", "knock", "-m", "x"]);
        up.notes.lock().unwrap().iter().any(|note| note["automation"] == "knock")
    });
    up
}

const KNOCK: &str = "### `/knock`\n**On:**\n- `mqtt knock limit=1/1h`\n\n```sh\ntrue\n```\n";

#[test]
fn what_is_said_right_after_enabling_is_heard() {
    let rule = |n: usize| format!("### `/rule{n}`\n**On:**\n- `mqtt quick/{n}`\n\n```sh\ntrue\n```\n");
    let (world, broker) = with_broker(&(0..6).map(rule).collect::<String>());
    let up = Up::start(&world);
    for n in 0..6 {
        // The first is what it connects for.
        world.run(&["auto", "enable", &format!("rule{n}")]).ok();
        broker.publish(&["-t", &format!("quick/{n}"), "-m", "x"]);
    }
    up.heard("heard", 6);
    assert_eq!(up.end(), 0);
}

#[test]
fn what_must_last_goes_on_over_a_kill_and_ends_with_another_state() {
    let (world, broker) = with_broker(&format!(
        "{KNOCK}### `/held`\n**On:**\n- `mqtt home/+ payload=on for=3s`\n\n```sh\necho \"$trigger_topic\" >>log\n```\n"
    ));
    world.run(&["auto", "enable", "knock", "held"]).ok();
    let store = store(&world);
    let first = up(&world, &broker);
    broker.publish(&["-t", "home/a", "-m", "on"]);
    broker.publish(&["-t", "home/b", "-m", "on"]);
    until("both wait", || store.holds().unwrap().len() == 2);
    broker.publish(&["-t", "home/b", "-m", "off"]);
    until("one is over", || store.holds().unwrap().len() == 1);
    first.kill();
    // What is said meanwhile at QoS 1 is kept by the broker, and heard before what waits is fired.
    let second = Up::start(&world);
    until("it has fired", || world.path("log").exists());
    assert_eq!(world.read("log"), "home/a\n");
    assert_eq!(second.end(), 0);
    assert_eq!(outcomes(&world, "held"), ["blocked", "fired"]);
    let trace = world.run(&["auto", "trace", "held"]).ok();
    assert!(trace.contains("and not 3.0 s, as for= wants"), "{trace}");
}

#[test]
fn what_a_broker_kept_is_done_one_after_another_also_by_those_that_do_one_thing_at_a_time() {
    let (world, broker) = with_broker(&format!(
        "{KNOCK}### `/press`\n**On:**\n- `mqtt press`\n\n```sh\necho \"$trigger_payload\" >>log; sleep 0.2\n```\n"
    ));
    world.run(&["auto", "enable", "knock", "press"]).ok();
    assert_eq!(up(&world, &broker).end(), 0);
    for n in 1..=5 {
        broker.publish(&["-t", "press", "-q", "1", "-m", &n.to_string()]);
    }
    let up = Up::start(&world);
    until("all are done", || counts(&world, "done") == 6);
    assert_eq!(up.end(), 0);
    assert_eq!(world.read("log"), "1\n2\n3\n4\n5\n");
    assert_eq!(outcomes(&world, "press"), ["fired"; 5]);
}

/// An automation that hears a message and tells it again by this step ends.
fn ends(mode: &str, step: &str) {
    let (world, broker) =
        with_broker(&format!("{KNOCK}### `/echo`\n**On:**\n- `mqtt loop/in`\n\n**Mode:** {mode}\n\n{step}\n"));
    world.run(&["auto", "enable", "knock", "echo"]).ok();
    let up = up(&world, &broker);
    broker.publish(&["-t", "loop/in", "-m", "go"]);
    until("it is found out", || outcomes(&world, "echo").contains(&"looped".to_string()));
    assert_eq!(outcomes(&world, "echo").iter().filter(|o| *o == "fired").count(), 8);
    assert_eq!(up.end(), 0);
}

#[test]
fn what_feeds_itself_through_a_broker_ends() {
    ends("parallel", "```mqtt {topic=loop/in}\nagain\n```");
}

#[test]
fn what_feeds_itself_by_a_program_that_a_script_starts_ends_too() {
    ends("queued", "```sh\n\"$FAC_PROGRAM\" mqtt pub loop/in again\n```");
}

#[test]
fn what_cannot_be_heard_is_not_enabled() {
    let (world, _broker) = with_broker(&format!(
        "{KNOCK}### `/far`\n**On:**\n- `mqtt a broker=nosuch`\n\n```sh\ntrue\n```\n### `/odd`\n**On:**\n- `every 5s`\n\n```sh\ntrue\n```\n"
    ));
    let said = world.run(&["auto", "enable", "far"]).failed(3);
    assert!(said.contains("nosuch"), "{said}");
    let odd = world.run(&["auto", "enable", "odd"]);
    assert!(odd.code != 0 && odd.stderr.contains("every"), "{odd:?}");
}

#[test]
fn settings_that_change_hold_at_once_and_broken_ones_change_nothing() {
    let (away, broker) = (Mosquitto::start(false), Mosquitto::start(false));
    let world = world(&format!("{KNOCK}### `/rang`\n**On:**\n- `event test.rang`\n\n```sh\ntrue\n```\n"));
    world.run(&["config", "set", "broker.home.url", &away.url()]).ok();
    world.run(&["auto", "enable", "knock", "rang"]).ok();
    let up = Up::start(&world);
    world.run(&["config", "set", "broker.home.url", &broker.url()]).ok();
    up.heard("settings", 1);
    until("the other broker is heard", || {
        broker.publish(&["-t", "knock", "-m", "x"]);
        up.notes.lock().unwrap().iter().any(|note| note["automation"] == "knock")
    });
    std::fs::write(world.fac().join("config/config.toml"), "broker = 1\n").unwrap();
    up.heard("trouble", 1);
    let said = up.notes.lock().unwrap().iter().find(|note| note["note"] == "trouble").cloned().unwrap();
    assert!(said["message"].as_str().unwrap().contains("so those from before hold"), "{said}");
    let store = store(&world);
    ring(&store, 1);
    until("it fires still", || up.notes.lock().unwrap().iter().any(|note| note["automation"] == "rang"));
    std::fs::write(world.fac().join("config/config.toml"), "[automations]\nlatitude = 52.5\nlongitude = 13.4\n")
        .unwrap();
    up.heard("settings", 2);
    // Also where nobody has worked with them yet.
    std::fs::write(world.fac().join("config/config.toml"), "broker = 1\n").unwrap();
    up.heard("trouble", 2);
    ring(&store, 2);
    let is_done = |job: &Job| job.command == "rang" && job.status == JobStatus::Done;
    until("both were done", || {
        store.jobs(&JobFilter::default(), None, 9).unwrap().iter().filter(|job| is_done(job)).count() == 2
    });
    assert_eq!(up.end(), 0);
}

#[test]
fn a_message_fires_each_automation_once_however_many_subscriptions_fit_it() {
    let rule = |name: &str, on: &[&str]| {
        let on: String = on.iter().map(|on| format!("- `mqtt {on}`\n")).collect();
        format!("### `/{name}`\n**On:**\n{on}\n**Mode:** queued\n\n```sh\necho \"$trigger_payload\" >>{name}\n```\n")
    };
    let rules = [rule("all", &["dup/#"]), rule("own", &["dup/x"]), rule("both", &["dup/x", "dup/+"])].concat();
    for (version, qos) in [("5", "0"), ("5", "1"), ("5", "2"), ("3.1.1", "1")] {
        let (world, broker) = with_broker(&format!("{KNOCK}{rules}"));
        world.run(&["config", "set", "broker.home.version", version]).ok();
        world.run(&["auto", "enable", "knock", "all", "own", "both"]).ok();
        let up = up(&world, &broker);
        // The same again is another message, and all of them come before the last.
        for payload in ["a", "a", "b", "last"] {
            broker.publish(&["-t", "dup/x", "-m", payload, "-q", qos]);
        }
        for name in ["all", "own", "both"] {
            until(name, || world.path(name).exists() && world.read(name).ends_with("last\n"));
            assert_eq!(world.read(name), "a\na\nb\nlast\n", "{name} by {version} at {qos}");
            assert_eq!(outcomes(&world, name).len(), 4, "{name} by {version} at {qos}");
        }
        assert_eq!(up.end(), 0);
    }
}

#[test]
fn a_broker_that_is_away_is_said_and_that_it_is_back() {
    let (world, mut broker) = with_broker(KNOCK);
    // The same server by another name: neither pushes the other out.
    world.run(&["config", "set", "broker.other.url", &broker.url()]).ok();
    define(
        &world,
        &format!("{KNOCK}### `/other`\n**On:**\n- `mqtt knock broker=other limit=1/1h`\n\n```sh\ntrue\n```\n"),
    );
    world.run(&["config", "set", "mqtt.broker", "home"]);
    world.run(&["auto", "enable", "knock", "other"]).ok();
    let up = up(&world, &broker);
    until("both hear", || up.notes.lock().unwrap().iter().any(|note| note["automation"] == "other"));
    broker.kill();
    up.heard("away", 2);
    let said = up.notes.lock().unwrap().iter().find(|note| note["note"] == "away").cloned().unwrap();
    assert!(
        said["what"].as_str().unwrap().starts_with("the broker `") && !said["why"].as_str().unwrap().is_empty(),
        "{said}"
    );
    broker.again();
    up.heard("back", 2);
    assert_eq!(up.end(), 0);
}

#[test]
fn a_subscription_that_the_broker_refuses_is_said() {
    let (world, broker) = with_broker(KNOCK);
    world.run(&["config", "set", "broker.guarded.url", &format!("mqtt://127.0.0.1:{}", broker.guarded)]).ok();
    world.run(&["config", "set", "mqtt.broker", "home"]).ok();
    let more = "### `/deaf`\n**On:**\n- `mqtt a/# broker=guarded`\n\n```sh\ntrue\n```\n";
    define(&world, &format!("{KNOCK}{more}"));
    world.run(&["auto", "enable", "knock", "deaf"]).ok();
    let up = up(&world, &broker);
    up.heard("away", 1);
    let said = up.notes.lock().unwrap().iter().find(|note| note["note"] == "away").cloned().unwrap();
    assert_eq!(said["why"], "refused (not authorized)");
    assert!(said["what"].as_str().unwrap().starts_with("a/# from the broker `guarded` at 127.0.0.1"), "{said}");
    assert_eq!(up.end(), 0);
}

#[test]
fn no_value_adds_a_field_to_a_message() {
    let (world, broker) = with_broker(
        "### `/shout <v>`\n\n```mqtt {topic=said}\n{\"a\": \"{{v}}\", \"b\": {{v}}}\n```\n\n```mqtt\nsaid/{{v}}\nplain {{v}}\n```\n",
    );
    let heard = broker.listen(&["-t", "said/#", "-F", "%t|%p"]);
    world.run(&["shout", "x\",\"evil\":\"1"]).ok();
    let line = heard.until(|line| line.starts_with("said|"));
    let sent: Value = serde_json::from_str(line.split_once('|').unwrap().1).unwrap();
    assert_eq!(sent, json!({"a": "x\",\"evil\":\"1", "b": "x\",\"evil\":\"1"}));
    assert_eq!(heard.until(|line| line.starts_with("said/")), "said/x\",\"evil\":\"1|plain x\",\"evil\":\"1");
    // A line end does not make the rest of a topic the message.
    world.run(&["shout", "two\nlines"]).failed(6);
}

#[test]
fn of_messages_that_come_together_each_counts_for_the_conditions_of_those_after_it() {
    let (world, broker) = with_broker(&format!(
        "{KNOCK}### `/once`\n**On:**\n- `mqtt door/+`\n\n**If:** `last_run is none`\n\n**Mode:** parallel\n\n```sh\ntrue\n```\n\
         ### `/last`\n**On:**\n- `mqtt done`\n\n```sh\ntrue\n```\n"
    ));
    world.run(&["auto", "enable", "knock", "once", "last"]).ok();
    let up = up(&world, &broker);
    broker.publish(&["-t", "door/front", "-m", "x", "-q", "1", "--repeat", "40"]);
    broker.publish(&["-t", "done", "-m", "x", "-q", "1"]);
    until("all was heard", || outcomes(&world, "last") == ["fired"]);
    assert_eq!(up.end(), 0);
    let outcomes = outcomes(&world, "once");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "fired").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.last().map(String::as_str), Some("blocked"));
}

#[test]
fn what_comes_while_nothing_can_be_written_is_done_when_it_can_in_order() {
    let rule = "### `/noted`\n**On:**\n- `mqtt noted max=100`\n\n**Mode:** queued\n\n```sh\necho \"$trigger_payload\" >>log\n```\n";
    let (world, broker) = with_broker(&format!("{KNOCK}{rule}"));
    world.run(&["auto", "enable", "knock", "noted"]).ok();
    let up = up(&world, &broker);
    let say = |n: usize| broker.publish(&["-t", "noted", "-q", "1", "-m", &n.to_string()]);
    say(0);
    until("the first is done", || world.path("log").exists());
    // As a full disk does: what was written stays readable, and nothing is taken any more.
    let disk = rusqlite::Connection::open(world.fac().join("data/store.db")).unwrap();
    disk.busy_timeout(PATIENCE).unwrap();
    let tables = ["firings", "begun", "jobs"];
    for table in tables {
        let full = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
        disk.execute_batch(&format!("CREATE TRIGGER full_{table} BEFORE INSERT ON {table} {full}")).unwrap();
    }
    let troubles = || up.notes.lock().unwrap().iter().filter(|note| note["note"] == "trouble").count();
    let before = troubles();
    (1..=40).for_each(say);
    until("it is said", || troubles() > before);
    assert_eq!(world.read("log"), "0\n");
    for table in tables {
        disk.execute_batch(&format!("DROP TRIGGER full_{table}")).unwrap();
    }
    (41..=50).for_each(say);
    until("all were done", || world.read("log").lines().count() >= 51);
    let wanted: Vec<String> = (0..=50).map(|n| n.to_string()).collect();
    assert_eq!(world.read("log").lines().collect::<Vec<_>>(), wanted, "each once, in the order in which they came");
    assert_eq!(troubles(), before + 1, "it was said once");
    assert_eq!(up.end(), 0);
}
