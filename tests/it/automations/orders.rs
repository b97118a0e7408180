//! Things that happen in an unusual order: settings that change meanwhile, folders that go and come, what was mended.

use super::messages::with_broker;
use super::*;

/// `fac auto up`, once it watches files: what was there before is not told.
fn watching(world: &World) -> Up {
    let knock = world.path("knock");
    std::fs::create_dir_all(&knock).unwrap();
    let up = Up::start(world);
    let mut number = 0;
    until("it watches", || {
        number += 1;
        std::fs::write(knock.join(number.to_string()), "x").unwrap();
        !outcomes(world, "knock").is_empty()
    });
    up
}

fn knock(world: &World) -> String {
    let knock = world.path("knock");
    format!("### `/knock`\n**On:**\n- `file {}/* limit=1/1h`\n\n```sh\ntrue\n```\n", knock.display())
}

#[test]
fn a_file_that_comes_back_is_told_again() {
    let world = World::new();
    let folder = world.path("inbox");
    std::fs::create_dir_all(&folder).unwrap();
    let at = folder.display();
    define(
        &world,
        &format!(
            "### `/came`\n**Mode:** queued\n\n**On:**\n- `file {at}/* change=created`\n\n```sh\ntrue\n```\n\
             ### `/went`\n**Mode:** queued\n\n**On:**\n- `file {at}/* change=removed`\n\n```sh\ntrue\n```\n{}",
            knock(&world)
        ),
    );
    world.run(&["auto", "enable", "came", "went", "knock"]).ok();
    let up = watching(&world);
    std::fs::write(folder.join("a"), "x").unwrap();
    for times in 1..=3 {
        until("it came", || outcomes(&world, "came").len() == times);
        std::fs::rename(folder.join("a"), world.path("aside")).unwrap();
        until("it went", || outcomes(&world, "went").len() == times);
        std::fs::rename(world.path("aside"), folder.join("a")).unwrap();
    }
    until("it came", || outcomes(&world, "came").len() == 4);
    // A change of settings loses nothing that is not quiet yet.
    std::fs::write(folder.join("b"), "x").unwrap();
    world.run(&["config", "set", "tui.theme", "paper"]).ok();
    until("it came", || outcomes(&world, "came").len() == 5);
    assert_eq!(up.end(), 0);
}

#[test]
fn a_folder_that_goes_with_those_above_it_is_heard_again_when_it_is_back() {
    let world = World::new();
    let deep = world.path("deep/a/b");
    std::fs::create_dir_all(&deep).unwrap();
    define(
        &world,
        &format!(
            "### `/came`\n**Mode:** queued\n\n**On:**\n- `file {}/*.txt max=100`\n\n```sh\ntrue\n```\n{}",
            deep.display(),
            knock(&world)
        ),
    );
    world.run(&["auto", "enable", "came", "knock"]).ok();
    let up = watching(&world);
    for round in 0..12 {
        let before = outcomes(&world, "came").len();
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("x.txt"), round.to_string()).unwrap();
        until("it is heard", || outcomes(&world, "came").len() > before);
        std::fs::remove_dir_all(world.path("deep")).unwrap();
    }
    assert_eq!(up.end(), 0);
}

#[test]
fn what_happens_right_after_something_was_enabled_is_heard() {
    let world = world("### `/rung`\n**On:**\n- `event test.rang`\n\n```sh\ntrue\n```\n");
    let store = store(&world);
    let up = Up::start(&world);
    let pid = rustix::process::Pid::from_child(&up.child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    world.run(&["auto", "enable", "rung"]).ok();
    ring(&store, 1);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    until("it fires", || outcomes(&world, "rung") == ["fired"]);
    assert_eq!(up.end(), 0);
}

#[test]
fn what_happened_while_nobody_listened_is_done_one_after_another() {
    let world = world("### `/rung`\n**On:**\n- `event test.rang`\n\n```sh\necho \"$trigger_subject\" >>log\n```\n");
    world.run(&["auto", "enable", "rung"]).ok();
    let store = store(&world);
    (1..=4).for_each(|n| ring(&store, n));
    world.run(&["tick"]).ok();
    assert_eq!((outcomes(&world, "rung").len(), world.read("log").as_str()), (4, "n1\nn2\nn3\nn4\n"));
}

#[test]
fn work_of_a_person_can_be_retried_as_it_was_mended() {
    let world = world("### `/plain <n>`\n```sh\nfalse\n```\n");
    let id = world.run(&["run", "--background", "plain", "1"]).ok();
    world.run(&["jobs", "wait", id.trim(), "--timeout", "50s"]);
    assert_eq!(counts(&world, "dead"), 1);
    define(&world, "### `/plain <n>`\n```sh\necho \"$n\" >>log\n```\n");
    world.run(&["jobs", "retry", id.trim()]).ok();
    world.run(&["tick"]);
    until("it is done", || counts(&world, "done") == 1);
    assert_eq!(world.read("log"), "1\n");
}

#[test]
fn of_two_of_one_name_the_one_that_is_there_is_meant() {
    let ring = "### `/ring`\n**On:**\n- `event test.rang`\n\n```sh\ntrue\n```\n";
    let world = World::new();
    let folder = world.path("kit");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ring.md"), format!("---\nfactotum: 1\n---\n# Kit\n{ring}")).unwrap();
    world.run(&["source", "add", "./kit"]).ok();
    world.run(&["source", "trust", "kit", "--yes"]).ok();
    world.run(&["auto", "enable", "kit:ring"]).ok();
    define(&world, ring);
    world.run(&["auto", "enable", "user:ring"]).ok();
    world.run(&["source", "rm", "kit", "--yes"]).ok();
    world.run(&["auto", "disable", "ring"]).ok();
    let states: Vec<String> = asked(&world, &["auto", "ls"])["automations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].as_str().unwrap().to_string())
        .collect();
    assert!(!states.contains(&"on".to_string()), "{states:?}");
    world.run(&["auto", "disable", "ring"]).ok();
    world.run(&["auto", "disable", "ring"]).failed(2);
}

#[test]
fn each_wait_of_one_automation_ends_by_itself() {
    let (world, broker) = with_broker(
        "### `/hot`\n**Mode:** queued\n\n**On:**\n- `mqtt s/t above=25 for=300ms`\n- `mqtt s/t above=30 for=900ms`\n\n```sh\ntrue\n```\n",
    );
    world.run(&["auto", "enable", "hot"]).ok();
    let up = Up::start(&world);
    until("both have fired", || {
        broker.publish(&["-t", "s/t", "-m", "31"]);
        outcomes(&world, "hot").len() >= 2
    });
    let said = asked(&world, &["auto", "trace", "hot"]);
    let numbers: Vec<&Value> = said["firings"].as_array().unwrap().iter().map(|f| &f["trigger"]).collect();
    assert!(said["firings"].as_array().unwrap().len() >= 2, "{numbers:?}");
    assert_eq!(up.end(), 0);
}

#[test]
fn a_broker_that_nobody_names_keeps_nobody_from_hearing_another() {
    let definitions = "### `/one`\n**Mode:** queued\n\n**On:**\n- `mqtt m/a broker=home`\n\n```sh\ntrue\n```\n\
         ### `/two`\n**Mode:** queued\n\n**On:**\n- `mqtt m/b`\n\n```sh\ntrue\n```\n";
    let (world, broker) = with_broker(definitions);
    world.run(&["auto", "enable", "one", "two"]).ok();
    let up = Up::start(&world);
    until("it hears", || {
        broker.publish(&["-t", "m/a", "-m", "x"]);
        !outcomes(&world, "one").is_empty()
    });
    world.run(&["config", "set", "broker.other.url", "mqtt://127.0.0.1:1"]).ok();
    up.heard("away", 1);
    let said = up.notes.lock().unwrap().iter().find(|note| note["note"] == "away").cloned().unwrap();
    assert_eq!(said["what"], "m/b");
    assert!(said["why"].as_str().unwrap().contains("fac config set mqtt.broker NAME"), "{said}");
    let before = outcomes(&world, "one").len();
    until("it hears still", || {
        broker.publish(&["-t", "m/a", "-m", "x"]);
        outcomes(&world, "one").len() > before
    });
    assert_eq!(up.end(), 0);
    // And it is told before anything fires.
    world.run(&["auto", "disable", "two"]).ok();
    assert!(world.run(&["auto", "enable", "two"]).failed(2).contains("which broker?"));
}

#[test]
fn what_a_broker_keeps_is_not_told_again_when_settings_change() {
    let (world, broker) =
        with_broker("### `/lamp`\n**Mode:** queued\n\n**On:**\n- `mqtt r/lamp retained=yes`\n\n```sh\ntrue\n```\n");
    broker.publish(&["-t", "r/lamp", "-m", "on", "-r", "-q", "1"]);
    world.run(&["auto", "enable", "lamp"]).ok();
    let up = Up::start(&world);
    until("it is told", || outcomes(&world, "lamp").len() == 1);
    world.run(&["config", "set", "tui.theme", "paper"]).ok();
    up.heard("settings", 1);
    broker.publish(&["-t", "r/lamp", "-m", "off", "-q", "1"]);
    until("the next is told", || outcomes(&world, "lamp").len() >= 2);
    assert_eq!(outcomes(&world, "lamp").len(), 2);
    assert_eq!(up.end(), 0);
}

#[test]
fn what_plugins_have_to_say_is_said_while_it_goes_on() {
    let world = world("### `/x`\n**On:**\n- `event test.rang`\n\n```sh\ntrue\n```\n");
    let folder = world.fac().join("config/plugins/ticks");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = "name = \"ticks\"\nversion = \"1.0.0\"\nhooks = [\"tick\"]\ntick = \"1s\"\n";
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    std::fs::write(folder.join("main.luau"), "return { tick = function() error('no way') end }").unwrap();
    world.run(&["plugin", "enable", "ticks", "--yes"]).ok();
    world.run(&["auto", "enable", "x"]).ok();
    let up = Up::start(&world);
    up.heard("trouble", 1);
    let said = up.notes.lock().unwrap().iter().find(|note| note["note"] == "trouble").cloned().unwrap();
    assert!(said["message"].as_str().unwrap().contains("no way"), "{said}");
    assert_eq!(up.end(), 0);
}
