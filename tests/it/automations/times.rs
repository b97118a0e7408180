//! Times: each slot once, whoever finds it; what was missed; what waits over a kill.

use super::*;

#[test]
fn whoever_finds_a_slot_first_claims_it() {
    let mut world = world(
        "### `/morning`\n**On:**\n- `schedule \"0 8 * * *\" tz=UTC`\n\n```sh\necho \"$trigger_slot\" >>log\n```\n",
    );
    world.set("FAC_TEST_CLOCK", "2026-03-02T07:59:50Z");
    world.run(&["auto", "enable", "morning"]).ok();
    world.run(&["tick"]).ok();
    assert!(!world.path("log").exists());
    world.set("FAC_TEST_CLOCK", "2026-03-02T08:00:05Z");
    let ticks: Vec<Child> =
        (0..4).map(|_| world.command(&["tick"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()).collect();
    for mut tick in ticks {
        assert!(tick.wait().unwrap().success());
    }
    assert_eq!(world.read("log"), "2026-03-02T08:00:00.000000Z\n");
    assert_eq!(outcomes(&world, "morning"), ["fired"]);
}

#[test]
fn what_a_clock_elsewhere_fires_is_judged_by_that_clock() {
    let mut world = world(
        "### `/sunday [tz]`\n**On:**\n- `schedule \"30 0 * * *\" tz=Europe/Berlin`\n\n\
         **If:** `now.weekday == 'sun' and now.hour == 0`\n\n```sh\necho \"$trigger_slot $tz\" >>log\n```\n",
    );
    world.set("FAC_TEST_CLOCK", "2026-03-05T12:00:00Z");
    world.run(&["auto", "enable", "sunday"]).ok();
    for at in ["2026-03-05T23:30:05Z", "2026-03-06T23:30:05Z", "2026-03-07T23:30:05Z"] {
        world.set("FAC_TEST_CLOCK", at);
        world.run(&["tick"]).ok();
    }
    assert_eq!(world.read("log"), "2026-03-07T23:30:00.000000Z Europe/Berlin\n");
}

#[test]
fn a_tick_and_a_keeper_share_the_slots() {
    let world = world("### `/beat`\n**On:**\n- `schedule \"every 1s\"`\n\n```sh\necho \"$trigger_slot\" >>log\n```\n");
    world.run(&["auto", "enable", "beat"]).ok();
    let up = Up::start(&world);
    until("five slots", || {
        world.run(&["tick"]).ok();
        world.path("log").exists() && world.read("log").lines().count() >= 5
    });
    assert_eq!(up.end(), 0);
    let log = world.read("log");
    let mut slots: Vec<&str> = log.lines().collect();
    let all = slots.len();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), all, "{log}");
    assert_eq!(outcomes(&world, "beat").iter().filter(|o| *o == "fired").count(), all);
}

#[test]
fn what_was_missed_in_three_hours_is_made_up_for_as_it_says() {
    let rule = |name: &str, options: &str| {
        format!(
            "### `/{name}`\n**On:**\n- `schedule \"every 15m\" {options} max=2`\n\n**Mode:** queued\n\n\
             ```sh\necho \"$trigger_slot\" >>{name}\n```\n"
        )
    };
    let all = [("once", ""), ("every", "missed=all cap=50"), ("never", "missed=skip"), ("single", "missed=all cap=50")];
    let text = all.map(|(name, options)| rule(name, options)).concat();
    // One that lets nothing else run meanwhile has what it missed run one after another.
    let (before, last) = text.rsplit_once("**Mode:** queued").unwrap();
    let mut world = world(&format!("{before}**Mode:** single{last}"));
    world.set("FAC_TEST_CLOCK", "2026-03-02T08:00:10Z");
    world.run(&["auto", "enable", "once", "every", "never", "single"]).ok();
    world.run(&["tick"]).ok();
    world.set("FAC_TEST_CLOCK", "2026-03-02T11:07:00Z");
    let said = asked(&world, &["tick"]);
    assert_eq!((&said["tick"]["fired"], &said["tick"]["done"]), (&json!(25), &json!(25)), "{said}");
    assert_eq!(world.read("single"), world.read("every"));
    assert_eq!(world.read("once"), "2026-03-02T11:00:00.000000Z\n");
    assert_eq!(world.read("every").lines().count(), 12);
    assert!(world.read("every").starts_with("2026-03-02T08:15:00"));
    assert!(!world.path("never").exists());
    world.set("FAC_TEST_CLOCK", "2026-03-02T11:08:00Z");
    assert_eq!(asked(&world, &["tick"])["tick"]["fired"], 0, "once is enough");
}

#[test]
fn a_timer_goes_on_over_a_kill() {
    let world = world(
        "### `/quiet`\n**On:**\n- `event test.rang debounce=1500ms`\n\n```sh\necho \"$trigger_subject\" >>log\n```\n",
    );
    world.run(&["auto", "enable", "quiet"]).ok();
    let up = Up::start(&world);
    let store = store(&world);
    (0..3).for_each(|n| ring(&store, n));
    until("it waits for silence", || store.holds().unwrap().first().is_some_and(|hold| hold.data["subject"] == "n2"));
    let coming = asked(&world, &["auto", "next"]);
    assert_eq!(coming["coming"][0]["automation"], "quiet", "{coming}");
    up.kill();
    assert!(!world.path("log").exists());
    let up = Up::start(&world);
    up.heard("ended_job", 1);
    assert_eq!(world.read("log"), "n2\n");
    assert_eq!((outcomes(&world, "quiet"), store.holds().unwrap().len()), (vec!["fired".to_string()], 0));
}

#[test]
fn a_start_is_told_once_each_time() {
    let world = world("### `/boot`\n**On:**\n- `startup`\n\n```sh\necho up >>log\n```\n");
    world.run(&["auto", "enable", "boot"]).ok();
    for n in 1..=2 {
        let up = Up::start(&world);
        up.heard("ended_job", 1);
        let second = world.run(&["auto", "up"]).failed(1);
        assert!(second.contains("another fac runs the automations already"), "{second}");
        assert_eq!(up.end(), 0);
        assert_eq!(world.read("log").lines().count(), n);
    }
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log").lines().count(), 2, "a tick is no start");
}
