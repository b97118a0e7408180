//! What fires itself, directly or through others, ends and says so.

use super::*;

#[test]
fn what_fires_itself_ends_at_a_depth_and_the_trace_says_so() {
    let world = world(
        "### `/me`\n**On:**\n- `event run.finished`\n\n**Mode:** parallel\n\n```sh\necho me >>log\n```\n\
         ### `/go`\n```sh\ntrue\n```\n",
    );
    world.run(&["auto", "enable", "me"]).ok();
    let up = Up::start(&world);
    world.run(&["go"]).ok();
    until("it is found out", || outcomes(&world, "me").contains(&"looped".to_string()));
    until("it is quiet", || counts(&world, "running") + counts(&world, "waiting") == 0);
    let mut want = vec!["fired"; 8];
    want.push("looped");
    assert_eq!(outcomes(&world, "me"), want);
    assert_eq!(world.read("log").lines().count(), 8);
    let said = world.run(&["auto", "trace", "me", "-n", "1"]).ok();
    assert!(said.contains("it is the consequence of 8 firings"), "{said}");
    assert_eq!(up.end(), 0);
}

#[test]
fn the_depth_goes_through_programs_that_a_run_starts() {
    let world = world(
        "### `/me`\n**On:**\n- `event run.finished path=$.command value=inner`\n\n**Mode:** parallel\n\n```sh\n\"$FAC_PROGRAM\" run inner\n```\n\
         ### `/inner`\n```sh\necho inner >>log\n```\n",
    );
    world.run(&["config", "set", "automations.max_depth", "3"]).ok();
    world.run(&["auto", "enable", "me"]).ok();
    let up = Up::start(&world);
    world.run(&["inner"]).ok();
    until("it is found out", || outcomes(&world, "me").contains(&"looped".to_string()));
    assert_eq!(outcomes(&world, "me"), ["fired", "fired", "fired", "looped"]);
    assert_eq!(up.end(), 0);
}

#[test]
fn what_fires_too_often_is_stopped_until_it_is_enabled_again() {
    let world = world("### `/often`\n**On:**\n- `event test.rang`\n\n**Mode:** parallel\n\n```sh\necho x >>log\n```\n");
    world.run(&["config", "set", "automations.max_per_minute", "5"]).ok();
    world.run(&["auto", "enable", "often"]).ok();
    let store = store(&world);
    for n in 0..12 {
        ring(&store, n);
        world.run(&["tick"]).ok();
    }
    assert_eq!(outcomes(&world, "often"), ["fired", "fired", "fired", "fired", "fired", "looped"]);
    let listed = world.run(&["auto", "ls"]);
    assert!(
        listed.stdout.contains("stopped") && listed.stderr.contains("it was fired 5 times in a minute"),
        "{listed:?}"
    );
    assert_eq!(asked(&world, &["auto", "show", "often"])["automation"]["state"], "stopped");
    world.run(&["config", "set", "automations.max_per_minute", "50"]).ok();
    world.run(&["auto", "enable", "often"]).ok();
    ring(&store, 99);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log").lines().count(), 6);
}

#[test]
fn what_writes_its_own_file_again_and_again_is_stopped() {
    let world = world("### `/none`\n```sh\ntrue\n```\n");
    let text = format!(
        "---\nfactotum: 1\n---\n# Box\n### `/grow`\n**On:**\n- `file {}/** debounce=20ms`\n\n**Mode:** queued\n\n```sh\necho x >>\"$trigger_path\"\n```\n",
        world.path("box").display()
    );
    std::fs::write(world.fac().join("config/commands/box.md"), text).unwrap();
    let deep = world.path("box/a/b");
    std::fs::create_dir_all(&deep).unwrap();
    world.run(&["auto", "enable", "grow"]).ok();
    let up = Up::start(&world);
    until("it is stopped", || {
        // The watch may begin a moment after the first word.
        if outcomes(&world, "grow").is_empty() {
            std::fs::write(deep.join("file"), "x").unwrap();
        }
        outcomes(&world, "grow").contains(&"looped".to_string())
    });
    let fired = outcomes(&world, "grow").iter().filter(|outcome| *outcome == "fired").count();
    assert!(fired >= 30, "{fired}");
    let said = world.run(&["auto", "ls"]);
    assert!(said.stderr.contains("changed 30 times in a row while its own work ran"), "{said:?}");
    assert_eq!(up.end(), 0);
}
