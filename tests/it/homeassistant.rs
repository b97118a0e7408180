//! Home Assistant: what is asked, followed and told, against a stand-in and a real mosquitto.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::{Duration, Instant};

use factotum::automations::ha::discovery::{Discovery, LastRun, Pressed, Settings, Shown};
use factotum::automations::ha::source::{Contexts, FindHome};
use factotum::automations::ha::{Home, HomeSource, States};
use factotum::automations::happening::Trigger as _;
use factotum::automations::mqtt::Broker;
use factotum::commands::model::Trigger;
use factotum::kernel::clock::Clock;
use factotum::kernel::config::Member;
use factotum::kernel::http::{Http, Settings as HttpSettings, Tls};
use factotum::kernel::secret::Secret;
use serde_json::{Value, json};

use crate::support::homeassistant::{HomeAssistant, TOKEN};
use crate::support::lines_of;
use crate::support::mosquitto::{Mosquitto, PATIENCE};
use crate::support::world::World;

/// A world that knows the stand-in.
fn world(home: &HomeAssistant) -> World {
    let world = World::new();
    world.run(&["config", "set", "homeassistant.url", &home.url()]).ok();
    world.run_with(&["secret", "set", "homeassistant"], TOKEN).ok();
    world
}

#[test]
fn states_are_listed_shown_set_and_completed() {
    let home = HomeAssistant::start();
    let world = world(&home);
    let listed = world.run(&["ha", "states", "light.*"]).ok();
    assert_eq!(listed, "light.hall     on   hall\nlight.kitchen  off  kitchen\n");
    assert_eq!(world.run(&["ha", "states", "outs"]).ok(), "sensor.outside  21.5  outside\n");
    assert_eq!(world.run(&["ha", "states", "nothing"]).code, 3);
    assert_eq!(world.run(&["ha", "states", "nothing", "--json"]).code, 3);
    world.run(&["ha", "services", "nope", "--json"]).failed(3);
    assert_eq!(world.run(&["ha", "get", "sensor.outside"]).ok(), "21.5\n");
    assert_eq!(world.run(&["ha", "get", "sensor.outside", "-a", "friendly_name"]).ok(), "outside\n");
    assert!(world.run(&["ha", "get", "sensor.outside", "-a", "unit"]).failed(3).contains("it has friendly_name"));
    assert!(world.run(&["ha", "get", "sensor.none"]).failed(3).contains("has no entity sensor.none"));
    assert_eq!(world.run(&["ha", "set", "light.kitchen", "on"]).ok(), "light.kitchen is on\n");
    assert_eq!(home.calls()[0], json!({"service": "homeassistant.turn_on", "data": {"entity_id": "light.kitchen"}}));
    assert_eq!(world.run(&["ha", "set", "sensor.mine", "5", "--state"]).ok(), "sensor.mine is 5\n");
    assert!(world.run(&["ha", "set", "sensor.mine", "6"]).failed(2).contains("no one way"));
    let completed = world.run(&["__complete", "--", "ha", "get", "light."]).ok();
    assert_eq!(completed, "light.hall\thall\nlight.kitchen\tkitchen\n");
    assert_eq!(world.run(&["__complete", "--", "ha", "call", "-e", "sens"]).ok(), "sensor.outside\toutside\n");
}

#[test]
fn services_are_listed_and_called_and_a_call_on_nothing_is_a_failure() {
    let home = HomeAssistant::start();
    let world = world(&home);
    assert_eq!(world.run(&["ha", "services"]).ok(), "light.turn_on  brightness_pct  Turns a light on\n");
    assert!(world.run(&["ha", "services", "light.turn_on"]).ok().contains("How bright"));
    let call = ["ha", "call", "light.turn_on", "-e", "light.kitchen", "brightness_pct:=40", "note=a b"];
    world.run(&call).ok();
    let want = json!({"brightness_pct": 40, "note": "a b", "entity_id": ["light.kitchen"]});
    assert_eq!(home.calls(), [json!({"service": "light.turn_on", "data": want})]);
    let said = world.run(&["ha", "call", "light.turn_on", "-e", "light.kichten"]).failed(3);
    assert!(said.contains("has no entity light.kichten"), "{said}");
    assert_eq!(home.calls().len(), 1, "nothing was called");
    assert!(world.run(&["ha", "call", "light.explode"]).failed(6).contains("does not take light.explode"));
    assert_eq!(world.run(&["ha", "call", "light"]).code, 2);
}

#[test]
fn failures_say_what_to_do_and_never_the_token() {
    let home = HomeAssistant::start();
    let bare = World::new();
    assert!(bare.run(&["ha", "states"]).failed(5).contains("name no Home Assistant"));
    bare.run(&["config", "set", "homeassistant.url", &home.url()]).ok();
    assert!(bare.run(&["ha", "states"]).failed(3).contains("fac secret set homeassistant"));
    bare.run_with(&["secret", "set", "homeassistant"], "a-wrong-token-here").ok();
    for args in [&["ha", "states"][..], &["ha", "watch"], &["ha", "set", "light.kitchen", "on"]] {
        let said = bare.run(args).failed(4);
        assert!(said.contains("refuses the token") && !said.contains("a-wrong-token"), "{said}");
    }
    let world = world(&home);
    drop(home);
    for args in [&["ha", "states"][..], &["ha", "watch", "-W", "1s"]] {
        assert!(world.run(args).failed(5).contains("cannot be reached"));
    }
    for no_use in ["ftp://host", "http://", "https://me:a-password@host"] {
        let said = world.run(&["config", "set", "homeassistant.url", no_use]).failed(2);
        assert!(said.contains("begins with http:// or https://") && !said.contains("a-password"), "{said}");
    }
}

/// A `fac ha watch`.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(world: &World, home: &HomeAssistant, args: &[&str]) -> Watch {
        let before = home.connections();
        let mut command = world.command(&[&["ha"], args].concat());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let watch = Watch { child, lines };
        until(|| home.connections() > before);
        watch
    }

    #[track_caller]
    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(PATIENCE).expect("nothing is told")).unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it does not come to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn changes_are_told_also_those_that_happened_while_nobody_was_connected() {
    let mut home = HomeAssistant::start();
    let world = world(&home);
    let watch = Watch::start(&world, &home, &["watch", "--json"]);
    // What is told before the first look at the states is known by it already.
    let mut first = None;
    until(|| {
        home.becomes("light.kitchen", Some(if first.is_some() { "on" } else { "off" }));
        home.becomes("light.kitchen", Some("on"));
        home.becomes("light.kitchen", Some("off"));
        first = watch.lines.recv_timeout(Duration::from_millis(100)).ok();
        first.is_some()
    });
    while watch.lines.recv_timeout(Duration::from_millis(300)).is_ok() {}
    home.down();
    home.quietly("light.kitchen", Some("on"));
    home.quietly("light.hall", None);
    home.quietly("light.new", Some("on"));
    home.again();
    let told: Vec<(Value, Value, Value, Value)> = (0..3)
        .map(|_| watch.next())
        .map(|c| (c["entity"].clone(), c["from"].clone(), c["to"].clone(), c["found_late"].clone()))
        .collect();
    let (on, off, null, yes) = (json!("on"), json!("off"), Value::Null, json!(true));
    let want = [
        (json!("light.kitchen"), off, on.clone(), yes.clone()),
        (json!("light.new"), null.clone(), on.clone(), yes.clone()),
        (json!("light.hall"), on, null, yes),
    ];
    assert_eq!(told, want);
    home.becomes("sensor.outside", Some("22"));
    let change = watch.next();
    assert_eq!(
        (&change["entity"], &change["to"], &change["found_late"]),
        (&json!("sensor.outside"), &json!("22"), &json!(false))
    );
}

fn find(home: &HomeAssistant) -> FindHome {
    let url = home.url();
    Arc::new(move || {
        Ok(Home {
            url: url.parse().unwrap(),
            token: Secret::new(TOKEN),
            http: Http::new(&HttpSettings::default())?,
            tls: Tls::default(),
        })
    })
}

#[test]
fn whoever_waits_for_one_that_is_away_is_told_at_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let home = Home { url: format!("http://{closed}").parse().unwrap(), ..find(&HomeAssistant::start())().unwrap() };
    let link = factotum::automations::ha::HomeLink::start(&home, States::default(), Vec::new(), |_| None).unwrap();
    let error = link.wait_told(Duration::from_secs(3600)).unwrap_err();
    assert_eq!(error.kind(), factotum::kernel::error::Kind::Unreachable, "{error:?}");
}

#[test]
fn a_source_tells_changes_of_the_entities_that_are_wanted_and_nothing_of_the_first_look() {
    let home = HomeAssistant::start();
    let (states, contexts) = (States::default(), Contexts::default());
    let mut source = HomeSource::new(find(&home), states.clone(), contexts.clone(), Clock::system());
    let trigger = |entity: &str| Trigger {
        kind: "homeassistant".into(),
        args: vec![entity.into()],
        options: Default::default(),
        line: 1,
    };
    let (heard, told) = sync_channel(100);
    source.listen(&[trigger("light.*")], &heard).unwrap();
    until(|| states.len() == 3 && source.state().starts_with("connected"));
    assert_eq!(states.values()["sensor.outside"], json!("21.5"));
    home.becomes("sensor.outside", Some("30"));
    contexts.note("by-hand", 2);
    home.becomes("light.kitchen", Some("on"));
    let happening = told.recv_timeout(PATIENCE).unwrap();
    let data = &happening.data;
    assert_eq!((&data["entity"], &data["from"], &data["to"]), (&json!("light.kitchen"), &json!("off"), &json!("on")));
    assert_eq!(
        (happening.depth, happening.key.as_deref().map(|k| k.starts_with("ha:light.kitchen:"))),
        (2, Some(true))
    );
    source.listen(&[trigger("sensor.outside")], &heard).unwrap();
    home.becomes("light.kitchen", Some("off"));
    home.becomes("sensor.outside", Some("31"));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().data["entity"], json!("sensor.outside"));
    assert_eq!(home.connections(), 1, "what is wanted changed without a new connection");
}

#[test]
fn a_step_calls_a_service_and_data_adds_no_fields() {
    let home = HomeAssistant::start();
    let world = world(&home);
    let text = "---\nfactotum: 1\n---\n# House\n### `/light <room> [note=none]`\n\n\
                ```ha {service=light.turn_on}\nentity_id: light.{{room}}\nnote: {{note}}\n```\n\
                ### `/broken`\n\n```ha\nlight.explode\nentity_id: light.kitchen\n```\n";
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("house.md"), text).unwrap();
    world.run(&["light", "kitchen"]).ok();
    let hostile = "x\nentity_id: light.hall";
    world.run(&["light", "kitchen", "--note", hostile]).ok();
    let calls = home.calls();
    assert_eq!(calls[0]["data"], json!({"entity_id": "light.kitchen", "note": "none"}));
    assert_eq!(calls[1]["data"], json!({"entity_id": "light.kitchen", "note": hostile}));
    assert!(world.run(&["light", "cellar"]).failed(3).contains("has no entity light.cellar"));
    assert!(world.run(&["broken"]).failed(3).contains("light.explode not found"));
}

#[test]
fn what_the_settings_lack_keeps_a_command_from_being_done_by_half() {
    let world = World::new();
    let text = "---\nfactotum: 1\n---\n### `/lamp`\n\n```sh\necho begun\n```\n\n\
                ```ha {service=light.turn_on}\nentity_id: light.hall\n```\n\
                ### `/maybe`\n\n```sh\necho begun\n```\n\n\
                ```ha {service=light.turn_on if=\"false\"}\nentity_id: light.hall\n```\n\
                ### `/tell`\n\n```sh\necho begun\n```\n\n```mqtt {topic=a broker=upstairs}\nb\n```\n";
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("house.md"), text).unwrap();
    for (command, code, said) in
        [("lamp", 5, "the settings name no Home Assistant"), ("tell", 3, "there is no broker `upstairs`")]
    {
        let out = world.run(&[command]);
        assert!(out.code == code && out.stdout.is_empty() && out.stderr.contains(said), "{out:?}");
        let shown = world.run(&["run", "--dry-run", command]);
        assert!(shown.code == 0 && shown.stdout.contains(said), "{shown:?}");
    }
    let said = world.run(&["commands", "check", "--json"]).stdout;
    let check: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(check["check"]["warnings"], 2, "{said}");
    // Nor is it where it fires by itself, which is told beforehand.
    let fired = "---\nfactotum: 1\n---\n### `/dusk`\n**On:**\n- `schedule every 1s`\n\n```sh\necho begun >log\n```\n\n\
                 ```ha {service=light.turn_on}\nentity_id: light.hall\n```\n";
    std::fs::write(folder.join("dusk.md"), fired).unwrap();
    let mut world = world;
    world.set("FAC_TEST_CLOCK", "2026-01-01T08:00:00Z");
    let said = world.run(&["auto", "enable", "dusk"]);
    assert!(said.code == 0 && said.stderr.contains("the settings name no Home Assistant"), "{said:?}");
    world.set("FAC_TEST_CLOCK", "2026-01-01T08:00:01Z");
    world.run(&["tick"]);
    assert!(world.run(&["auto", "trace", "dusk"]).ok().contains("its work failed for good"));
    assert!(!world.path("log").exists());
    // What may have no need of it is done.
    assert_eq!(world.run(&["maybe"]).ok(), "begun\n");
}

fn shown(names: &[&str]) -> Vec<Shown> {
    names.iter().map(|n| Shown { command: n.to_string(), title: n.to_uppercase() }).collect()
}

#[test]
fn enabled_commands_are_buttons_until_they_are_disabled() {
    let (broker, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    let settings = Settings {
        broker: Broker::at("test", &broker.url(), &Member::default()).unwrap(),
        prefix: "homeassistant".into(),
        topic: "factotum".into(),
        machine: "box".into(),
        folder: folder.path().to_path_buf(),
    };
    let heard = broker.listen(&["-t", "#", "-F", "%t|%r|%p", "-q", "1"]);
    let (press, pressed) = channel::<Pressed>();
    let mut discovery = Discovery::start(&settings, move |p| drop(press.send(p))).unwrap();
    discovery.show(&shown(&["deploy", "user:back up"]));
    let config = heard.until(|line| line.starts_with("homeassistant/button/") && line.contains("/deploy/config"));
    let config: Value = serde_json::from_str(config.splitn(3, '|').nth(2).unwrap()).unwrap();
    let (press_topic, status) =
        (config["command_topic"].as_str().unwrap(), config["availability_topic"].as_str().unwrap());
    heard.until(|line| line.starts_with("homeassistant/sensor/") && line.contains("user_back_up"));
    assert_eq!(config["name"], "DEPLOY");
    // It is kept for a Home Assistant that comes later, and we are there.
    let kept = broker.listen(&["-t", "#", "-F", "%t|%r|%p", "-q", "1"]);
    kept.until(|line| line == format!("{status}|1|online"));
    // A press runs it; a press that the broker had kept does not.
    broker.publish(&["-t", press_topic, "-m", "PRESS", "-q", "1"]);
    let one = pressed.recv_timeout(PATIENCE).unwrap();
    assert_eq!(one.command, "deploy");
    one.kept.unwrap()();
    broker.publish(&["-t", press_topic, "-m", "nonsense", "-q", "1"]);
    let last = LastRun { result: "ok".into(), at: "2026-01-01T00:00:00Z".into(), took_ms: 7, run: "r".into() };
    discovery.told("deploy", &last);
    heard.until(|line| line.starts_with("factotum/") && line.contains("/deploy/state|0|{\"result\":\"ok\""));
    // Home Assistant comes back.
    broker.publish(&["-t", "homeassistant/status", "-m", "online"]);
    heard.until(|line| line.starts_with("homeassistant/") && line.contains("/deploy/config"));
    heard.until(|line| line.starts_with("factotum/") && line.contains("/deploy/state|0|{\"result\":\"ok\""));
    discovery.show(&shown(&["deploy"]));
    heard.until(|line| {
        line.starts_with("homeassistant/button/") && line.contains("user_back_up") && line.ends_with("|0|")
    });
    discovery.stop();
    heard.until(|line| line == format!("{status}|0|offline"));
    assert!(pressed.try_recv().is_err());
    // What was disabled while we were down goes as well.
    let mut discovery = Discovery::start(&settings, |_| {}).unwrap();
    discovery.show(&[]);
    heard.until(|line| {
        line.starts_with("homeassistant/button/") && line.contains("/deploy/config|0|") && line.ends_with("|0|")
    });
    discovery.stop();
}

#[test]
fn what_was_disabled_while_the_broker_was_away_goes_when_it_is_back() {
    let (mut broker, folder) = (Mosquitto::start(false), tempfile::tempdir().unwrap());
    let settings = Settings {
        broker: Broker::at("test", &broker.url(), &Member::default()).unwrap(),
        prefix: "homeassistant".into(),
        topic: "factotum".into(),
        machine: "box".into(),
        folder: folder.path().to_path_buf(),
    };
    let heard = broker.listen(&["-t", "homeassistant/#", "-F", "%t|%p", "-q", "1"]);
    let mut discovery = Discovery::start(&settings, |_| {}).unwrap();
    discovery.show(&shown(&["deploy"]));
    heard.until(|line| line.contains("/deploy/config|{"));
    discovery.stop();
    drop(heard);
    broker.end();
    let mut discovery = Discovery::start(&settings, |_| {}).unwrap();
    discovery.show(&[]);
    discovery.stop();
    broker.again();
    let heard = broker.listen(&["-t", "homeassistant/#", "-F", "%t|%p", "-q", "1"]);
    let mut discovery = Discovery::start(&settings, |_| {}).unwrap();
    discovery.show(&[]);
    heard.until(|line| line.starts_with("homeassistant/button/") && line.ends_with("/deploy/config|"));
    discovery.stop();
    assert_eq!(std::fs::read_to_string(folder.path().join("ha-shown.json")).unwrap(), "[]");
}

/// A running `fac auto up`.
struct Up(Child);

impl Up {
    fn start(world: &World) -> Up {
        let mut command = world.command(&["auto", "up"]);
        Up(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_change_of_a_state_fires_an_automation_and_so_does_its_button() {
    let (home, broker) = (HomeAssistant::start(), Mosquitto::start(false));
    let world = world(&home);
    world.run(&["config", "set", "broker.home.url", &broker.url()]).ok();
    world.run(&["config", "set", "homeassistant.discovery", "true"]).ok();
    let text = "---\nfactotum: 1\n---\n# House\n### `/react`\n**On:**\n- `homeassistant light.kitchen to=on`\n\n\
                **If:** states['sensor.outside'] == '21.5'\n\n\
                ```mqtt {topic=out}\n{{trigger_kind}} {{trigger_to}}\n```\n\
                ```ha {service=light.turn_on}\nentity_id: light.hall\n```\n";
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("house.md"), text).unwrap();
    world.run(&["auto", "enable", "react"]).ok();
    let heard = broker.listen(&["-t", "#", "-F", "%t|%r|%p", "-q", "1"]);
    let up = Up::start(&world);
    let config = heard.until(|line| line.starts_with("homeassistant/button/"));
    let config: Value = serde_json::from_str(config.splitn(3, '|').nth(2).unwrap()).unwrap();
    until(|| home.connections() > 0);
    let mut told = false;
    until(|| {
        home.becomes("light.kitchen", Some("off"));
        home.becomes("light.kitchen", Some("on"));
        std::thread::sleep(Duration::from_millis(300));
        told |= !home.calls().is_empty();
        told
    });
    heard.until(|line| line == "out|0|homeassistant on");
    heard.until(|line| line.starts_with("factotum/") && line.contains("\"result\":\"ok\""));
    assert_eq!(home.calls()[0], json!({"service": "light.turn_on", "data": {"entity_id": "light.hall"}}));
    // A press goes the way of any other trigger, and its condition is asked.
    let press = || broker.publish(&["-t", config["command_topic"].as_str().unwrap(), "-m", "PRESS", "-q", "1"]);
    press();
    heard.until(|line| line.starts_with("out|0|button"));
    let trace = || {
        let out = world.run(&["auto", "trace", "react", "--json"]).ok();
        serde_json::from_str::<Value>(&out).unwrap()["firings"].as_array().unwrap().clone()
    };
    until(|| world.run(&["jobs", "ls", "--status", "running"]).ok().is_empty());
    home.becomes("sensor.outside", Some("3"));
    until(|| {
        press();
        std::thread::sleep(Duration::from_millis(300));
        trace().iter().any(|firing| firing["kind"] == "button" && firing["outcome"] == "blocked")
    });
    world.run(&["auto", "disable", "react"]).ok();
    heard.until(|line| line.starts_with("homeassistant/button/") && line.ends_with("|0|"));
    up.end();
    let status = config["availability_topic"].as_str().unwrap();
    heard.until(|line| line == format!("{status}|0|offline"));
    // What is shown when it is switched off while nobody runs them goes with the next start.
    world.run(&["auto", "enable", "react"]).ok();
    let up = Up::start(&world);
    heard.until(|line| line.starts_with("homeassistant/button/") && !line.ends_with("|0|"));
    up.end();
    heard.until(|line| line == format!("{status}|0|offline"));
    world.run(&["config", "set", "homeassistant.discovery", "false"]).ok();
    let up = Up::start(&world);
    heard.until(|line| line.starts_with("homeassistant/button/") && line.ends_with("|0|"));
    heard.until(|line| line.starts_with("homeassistant/sensor/") && line.ends_with("|0|"));
    until(|| std::fs::read_to_string(world.fac().join("state/ha-shown.json")).unwrap().trim() == "[]");
    up.end();
}
