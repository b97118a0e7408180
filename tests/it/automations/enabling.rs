//! Nothing fires that was not trusted and enabled, as it is.

use super::*;

const RING: &str = "### `/ring`\n**On:**\n- `event test.rang`\n\n```sh\necho \"$trigger_subject\" >>log\n```\n";

#[test]
fn nothing_fires_before_it_is_enabled_and_nothing_else_than_what_was() {
    let world = world(RING);
    assert_eq!(asked(&world, &["auto", "ls"])["automations"][0]["state"], "off");
    let store = store(&world);
    ring(&store, 1);
    world.run(&["tick"]).ok();
    world.run(&["auto", "enable", "ring"]).ok();
    world.run(&["tick"]).ok();
    assert!(!world.path("log").exists(), "what was before is not its business");
    ring(&store, 2);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "n2\n");

    define(&world, &RING.replace("echo", "echo evil"));
    ring(&store, 3);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "n2\n", "a definition that has changed does not fire");
    let listed = world.run(&["auto", "ls"]);
    assert!(listed.stdout.contains("changed"), "{listed:?}");
    assert!(listed.stderr.contains("ring has changed since it was enabled: fac auto enable ring"), "{listed:?}");
    world.run(&["auto", "enable", "ring"]).ok();
    ring(&store, 4);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "n2\nevil n4\n");

    world.run(&["auto", "disable", "ring"]).ok();
    ring(&store, 5);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "n2\nevil n4\n");
    world.run(&["auto", "disable", "ring"]).failed(2);
    world.run(&["events", "verify"]).ok();
}

#[test]
fn what_comes_from_outside_must_be_trusted_first() {
    let world = World::new();
    let folder = world.path("kit");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ring.md"), format!("---\nfactotum: 1\n---\n{RING}")).unwrap();
    world.run(&["source", "add", "./kit"]).ok();
    let said = world.run(&["auto", "enable", "ring"]).failed(4);
    assert!(said.contains("is not trusted yet") && said.contains("fac source trust"), "{said}");
    world.run(&["source", "trust", "kit", "--yes"]).ok();
    world.run(&["auto", "enable", "ring"]).ok();
    ring(&store(&world), 1);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "n1\n");
    world.run(&["source", "untrust", "kit"]).ok();
    ring(&store(&world), 2);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "n1\n");
    assert_eq!(asked(&world, &["auto", "ls"])["automations"][0]["state"], "untrusted");
}

#[test]
fn a_file_beside_a_definition_that_changes_keeps_it_from_firing() {
    let world = World::new();
    let folder = world.path("kit");
    std::fs::create_dir_all(&folder).unwrap();
    let text = RING.replace("echo", "sh \"$FAC_SOURCE_DIR/helper.sh\"\necho");
    std::fs::write(folder.join("ring.md"), format!("---\nfactotum: 1\n---\n{text}")).unwrap();
    std::fs::write(folder.join("helper.sh"), "echo one\n").unwrap();
    world.run(&["source", "add", "./kit"]).ok();
    world.run(&["source", "trust", "kit", "--yes"]).ok();
    world.run(&["auto", "enable", "ring"]).ok();
    let up = Up::start(&world);
    ring(&store(&world), 1);
    until("it fired", || world.path("log").exists());
    std::fs::write(folder.join("helper.sh"), "echo two\n").unwrap();
    // The first one dies, and with that it is known.
    ring(&store(&world), 2);
    until("it may not fire any more", || {
        up.notes.lock().unwrap().iter().any(|note| note["note"] == "rules" && note["count"] == 0)
    });
    ring(&store(&world), 3);
    until("it is heard", || counts(&world, "dead") == 1);
    assert_eq!(up.end(), 0);
    assert_eq!((world.read("log").as_str(), counts(&world, "dead"), outcomes(&world, "ring").len()), ("n1\n", 1, 2));
}

#[test]
fn a_definition_with_a_mistake_cannot_be_enabled() {
    let world = world("### `/bad`\n**On:**\n- `mqtt a/#/b`\n\n```sh\ntrue\n```\n### `/none`\n```sh\ntrue\n```\n");
    let said = world.run(&["auto", "enable", "bad"]).failed(6);
    assert!(said.contains("kit.md:7"), "{said}");
    let said = world.run(&["auto", "enable", "none"]).failed(2);
    assert!(said.contains("does not fire by itself"), "{said}");
    world.run(&["auto", "enable", "nothing"]).failed(3);
}

#[test]
fn what_triggers_want_and_do_not_find_is_told_by_check_and_before_they_fire() {
    let text = "### `/dusk`\n**On:**\n- `schedule sunset`\n\n```sh\ntrue\n```\n\
                ### `/far`\n**On:**\n- `mqtt a/b broker=nowhere`\n\n```sh\ntrue\n```\n\
                ### `/hook`\n**On:**\n- `webhook deploy secret=doesnotexist`\n\n**Retry:** 2\n\n```sh\ntrue\n```\n\
                ### `/lamp`\n**On:**\n- `homeassistant light.a to=on`\n\n```sh\ntrue\n```\n";
    let mut world = world(text);
    let check = |world: &World| {
        let found = asked(world, &["commands", "check", "--source", "user"])["check"]["diagnostics"].clone();
        found.as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let found = check(&world);
    let wanted = ["automations.latitude", "nowhere", "fac secret set doesnotexist", "homeassistant.url"];
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for (said, want) in found.iter().zip(wanted) {
        assert!(said.contains(want), "{want}: {found:?}");
    }
    let file = world.fac().join("config/commands/kit.md");
    let said = world.run(&["commands", "check", file.to_str().unwrap()]).ok();
    assert!(said.contains("kit.md:7:1: warning: nothing says where the sun is to rise"), "{said}");
    assert!(world.run(&["auto", "enable", "dusk"]).failed(5).contains("`dusk` cannot fire: nothing says"));
    assert!(world.run(&["auto", "enable", "far"]).failed(3).contains("`far` cannot fire: "));
    let hook = world.run(&["auto", "enable", "hook"]);
    assert!(hook.code == 0 && hook.stderr.contains("fac secret set doesnotexist"), "{hook:?}");
    assert!(world.run(&["auto", "show", "hook"]).ok().contains("\n  retry 2\n"));
    assert_eq!(asked(&world, &["auto", "show", "hook"])["automation"]["retry"], 2);
    for (name, value) in [("AUTOMATIONS_LATITUDE", "52.5"), ("AUTOMATIONS_LONGITUDE", "13.4")] {
        world.set(&format!("FAC_{name}"), value);
    }
    world.set("FAC_SECRET_DOESNOTEXIST", "there");
    assert_eq!(check(&world).len(), 2, "what was mended is told no more");
}

#[test]
fn a_trial_shows_what_would_happen_and_does_nothing() {
    let world = world(
        "### `/door <topic>`\n**On:**\n- `mqtt home/+ payload=open`\n\n**If:** `trigger.topic != 'home/shed'`\n\n\
         ```sh\necho \"$topic\" >log\n```\n### `/morning`\n**On:**\n- `schedule \"at 07:30\" tz=UTC`\n\n```sh\ntrue\n```\n",
    );
    let before = || world.tree().iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "db")).count();
    before();
    let test = |topic: &str, payload: &str| {
        world.write("t.json", json!({"topic": topic, "payload": payload}).to_string());
        asked(&world, &["auto", "test", "door", "--with", "t.json"])["test"]["triggers"][0].clone()
    };
    let would = test("home/front", "open");
    assert_eq!(
        (&would["outcome"], &would["steps"][0]["env"]["topic"]),
        (&json!("fired"), &json!("home/front")),
        "{would}"
    );
    assert_eq!(would["steps"][0]["env"]["trigger_payload"], "open");
    let typed = r#"{"topic": "home/front", "payload": "open"}"#;
    let told = &asked(&world, &["auto", "test", "door", "--with", typed])["test"]["triggers"][0];
    assert_eq!((&told["outcome"], &told["steps"][0]["env"]["topic"]), (&json!("fired"), &json!("home/front")));
    assert!(world.run(&["auto", "test", "door", "--with", "{x"]).failed(6).contains("what was typed holds no JSON"));
    let not = test("home/shed", "open");
    assert_eq!((&not["outcome"], &not["steps"]), (&json!("blocked"), &json!([])));
    assert_eq!(not["seen"], json!([{"what": "trigger.topic", "value": "home/shed"}]));
    assert_eq!(test("home/front", "shut")["outcome"], Value::Null);
    let at = |time: &str| asked(&world, &["auto", "test", "morning", "--at", time])["test"]["fires"].clone();
    assert_eq!((at("2026-03-29T07:30:00Z"), at("2026-03-29T07:40:00Z")), (json!(true), json!(false)));
    assert!(!world.path("log").exists());
    assert_eq!(asked(&world, &["auto", "trace"])["firings"], json!([]));
    assert_eq!(asked(&world, &["jobs", "ls"])["jobs"], json!([]));
}
