//! The same against a real Home Assistant. Ignored in `make test`; `make peers` brings one up and asks for them.

use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::time::{Duration, Instant};

use factotum::automations::ha::discovery::{Discovery, LastRun, Pressed, Settings, Shown};
use factotum::automations::ha::source::Contexts;
use factotum::automations::ha::{Home, HomeSource, States};
use factotum::automations::happening::Trigger as _;
use factotum::automations::mqtt::Broker;
use factotum::commands::model::Trigger;
use factotum::kernel::clock::Clock;
use factotum::kernel::config::Member;
use factotum::kernel::error::Result;
use factotum::kernel::http::{Http, Settings as HttpSettings, Tls};
use factotum::kernel::secret::Secret;
use serde_json::{Value, json};

use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(60);
const WHY: &str = "wants a real Home Assistant: make peers";

fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: {WHY}"))
}

fn home() -> Result<Home> {
    Ok(Home {
        url: told("HA_URL").parse().unwrap(),
        token: Secret::new(told("HA_TOKEN")),
        http: Http::new(&HttpSettings::default())?,
        tls: Tls::default(),
    })
}

/// Asks it something.
fn asked<T>(what: impl Future<Output = Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(what).unwrap()
}

#[track_caller]
fn until<T>(mut holds: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = holds() {
            return found;
        }
        assert!(Instant::now() < end, "it does not come to that");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The entity of ours that ends so, where there is one.
fn ours(end: &str) -> Option<Value> {
    let all = asked(home().unwrap().states());
    all.into_iter().find(|s| s["entity_id"].as_str().is_some_and(|e| e.ends_with(end) && !e.starts_with("input")))
}

#[test]
#[ignore = "wants a real Home Assistant: make peers"]
fn a_real_one_is_read_set_called_and_followed() {
    let world = World::new();
    world.run(&["config", "set", "homeassistant.url", &told("HA_URL")]).ok();
    world.run_with(&["secret", "set", "homeassistant"], told("HA_TOKEN")).ok();
    assert!(world.run(&["ha", "states", "input_boolean.*"]).ok().contains("input_boolean.test_flag"));
    let states = States::default();
    let mut source = HomeSource::new(Arc::new(home), states.clone(), Contexts::default(), Clock::system());
    let trigger = Trigger {
        kind: "homeassistant".into(),
        args: vec!["input_boolean.test_flag".into()],
        options: Default::default(),
        line: 1,
    };
    let (heard, told) = sync_channel(100);
    source.listen(&[trigger], &heard).unwrap();
    until(|| (!states.is_empty()).then_some(()));
    for state in ["on", "off"] {
        assert_eq!(
            world.run(&["ha", "set", "input_boolean.test_flag", state]).ok(),
            format!("input_boolean.test_flag is {state}\n")
        );
        let happening = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(happening.data["to"], json!(state));
    }
    assert_eq!(world.run(&["ha", "set", "input_number.level", "42"]).ok(), "input_number.level is 42.0\n");
    assert!(world.run(&["ha", "services", "counter.set_value"]).ok().contains("value"));
    world.run(&["ha", "call", "counter.set_value", "-e", "counter.hits", "value:=5"]).ok();
    assert_eq!(world.run(&["ha", "get", "counter.hits"]).ok(), "5\n");
    world.run(&["ha", "call", "counter.set_value", "-e", "counter.none", "value:=5"]).failed(3);
    world.run(&["ha", "call", "counter.no_such_service"]).failed(6);
}

#[test]
#[ignore = "wants a real Home Assistant: make peers"]
fn a_button_pressed_there_is_told_here_and_goes_when_it_is_disabled() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        broker: Broker::at("test", &told("MQTT_URL"), &Member::default()).unwrap(),
        prefix: "homeassistant".into(),
        topic: "factotum".into(),
        machine: "box".into(),
        folder: folder.path().to_path_buf(),
    };
    let (press, pressed) = channel::<Pressed>();
    let mut discovery = Discovery::start(&settings, move |p| drop(press.send(p))).unwrap();
    discovery.show(&[Shown { command: "user:nightly".into(), title: "Nightly".into() }]);
    let button = until(|| ours("_nightly"));
    let entity = button["entity_id"].as_str().unwrap().to_string();
    assert!(entity.starts_with("button."), "{entity}");
    until(|| (asked(home().unwrap().state(&entity)).unwrap()["state"] != "unavailable").then_some(()));
    asked(home().unwrap().call("button", "press", &json!({"entity_id": entity}), false));
    assert_eq!(pressed.recv_timeout(PATIENCE).unwrap().command, "user:nightly");
    let last = LastRun { result: "ok".into(), at: "2026-01-01T00:00:00Z".into(), took_ms: 7, run: "r1".into() };
    discovery.told("user:nightly", &last);
    let sensor = until(|| ours("_nightly_result").filter(|s| s["state"] == "ok"));
    assert_eq!(sensor["attributes"]["took_ms"], json!(7));
    discovery.stop();
    until(|| ours("_nightly").filter(|s| s["state"] == "unavailable"));
    let mut discovery = Discovery::start(&settings, |_| {}).unwrap();
    discovery.show(&[]);
    until(|| ours("_nightly").is_none().then_some(()));
    discovery.stop();
}

#[test]
#[ignore = "wants a real Home Assistant: make peers"]
fn a_change_there_fires_an_automation_that_moves_an_entity_and_its_button_does_too() {
    let world = World::new();
    for (key, value) in [
        ("homeassistant.url", told("HA_URL")),
        ("homeassistant.discovery", "true".into()),
        ("broker.home.url", told("MQTT_URL")),
    ] {
        world.run(&["config", "set", key, &value]).ok();
    }
    world.run_with(&["secret", "set", "homeassistant"], told("HA_TOKEN")).ok();
    let text = "---\nfactotum: 1\n---\n# House\n### `/lift`\n**On:**\n- `homeassistant input_boolean.lift to=on`\n\n\
                ```ha {service=input_number.increment}\nentity_id: input_number.lifted\n```\n";
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("house.md"), text).unwrap();
    world.run(&["auto", "enable", "lift"]).ok();
    let lifted = || asked(home().unwrap().state("input_number.lifted")).unwrap()["state"].as_str().unwrap().to_string();
    let mut up = world.command(&["auto", "up"]).spawn().unwrap();
    let button = until(|| ours("_lift"));
    let entity = button["entity_id"].as_str().unwrap().to_string();
    // Whoever follows the states from then on has seen it off.
    until(|| {
        let set = |state: &str| world.run(&["ha", "set", "input_boolean.lift", state]).ok();
        set("off");
        set("on");
        (lifted() != "0.0").then_some(())
    });
    until(|| ours("_lift_result").filter(|s| s["state"] == "ok"));
    let before = lifted();
    asked(home().unwrap().call("button", "press", &json!({"entity_id": entity}), false));
    until(|| (lifted() != before).then_some(()));
    let pid = rustix::process::Pid::from_child(&up);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(up.wait().unwrap().success());
    until(|| ours("_lift").filter(|s| s["state"] == "unavailable"));
    world.run(&["auto", "disable", "lift"]).ok();
}
