//! Killed at any moment: nothing that is owed is lost, and nothing is done again once its end was written down.

use std::collections::BTreeMap;

use super::*;

/// So many jobs; the whole measure is 600 with a hundred kills (`FAC_KILL_JOBS`, `FAC_KILLS`).
const JOBS: usize = 120;
const KILLS: usize = 20;

fn wished(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn nothing_is_lost_and_nothing_is_done_again_once_it_was_said_to_be_done() {
    let (jobs, kills) = (wished("FAC_KILL_JOBS", JOBS), wished("FAC_KILLS", KILLS));
    let world = world(
        "### `/count`\n**On:**\n- `event test.rang max=100000`\n\n**Mode:** parallel\n\n\
         ```sh\necho \"begin $FAC_JOB_ID\" >>log; echo \"end $FAC_JOB_ID\" >>log\n```\n",
    );
    world.run(&["config", "set", "automations.max_per_minute", "0"]).ok();
    world.run(&["auto", "enable", "count"]).ok();
    let store = store(&world);
    let (mut rung, mut moment) = (0, 7u64);
    for _ in 0..kills {
        let up = Up::begin(&world);
        // More comes while it works, and it is killed at a moment nobody knows.
        for _ in 0..jobs.div_ceil(kills) {
            if rung < jobs {
                ring(&store, rung);
                rung += 1;
            }
        }
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(20 + (moment >> 33) % 700));
        up.kill();
    }
    let up = Up::start(&world);
    until("all is done", || counts(&world, "done") as usize == jobs);
    assert_eq!(up.end(), 0);
    assert_eq!(counts(&world, "waiting") + counts(&world, "running") + counts(&world, "dead"), 0);
    assert_eq!(outcomes(&world, "count").len(), jobs, "each event fired once");

    // What the log says: no job begins after it was done, and none was done twice; no run of it ended well twice.
    let (mut done, mut well): (BTreeMap<String, usize>, BTreeMap<String, usize>) = Default::default();
    for event in store.events(None, "*", 1_000_000).unwrap() {
        match event.kind.as_str() {
            "job.done" => *done.entry(event.subject).or_default() += 1,
            "job.begun" => assert!(!done.contains_key(&event.subject), "{} begins again", event.subject),
            "run.finished" if event.payload.is_some_and(|p| p["status"] == "ok") => {
                *well.entry(event.trace.to_string()).or_default() += 1;
            }
            _ => {}
        }
    }
    assert_eq!((done.len(), done.values().max()), (jobs, Some(&1)));
    assert_eq!((well.len(), well.values().max()), (jobs, Some(&1)));
    let log = world.read("log");
    let ended: std::collections::BTreeSet<&str> = log.lines().filter_map(|line| line.strip_prefix("end ")).collect();
    assert_eq!(ended.len(), jobs, "each was done");
    world.run(&["events", "verify"]).ok();
}

#[test]
fn what_a_killed_process_left_running_ends_before_its_work_is_done_again() {
    // The first try goes on for ever, with a child beside it; the second tells what of the first it finds.
    let world = world(
        "### `/long`\n**On:**\n- `event test.rang`\n\n```sh\nif [ -e pids ]; then\n  for pid in $(cat pids); do\n    \
         grep -q '^State:.[^ZX]' /proc/$pid/status 2>/dev/null && echo \"$pid lives\" >>log\n  done\n  echo done >>log\n  \
         exit 0\nfi\nsleep 600 &\necho $! >kids\necho $$ $! >pids\nwait\n```\n",
    );
    world.run(&["auto", "enable", "long"]).ok();
    let up = Up::start(&world);
    ring(&store(&world), 1);
    until("it works", || world.path("pids").exists() && !world.read("pids").is_empty());
    let pids: Vec<u32> = world.read("pids").split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    let lives = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        status.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with(['Z', 'X']))
    };
    up.kill();
    assert!(pids.len() == 2 && pids.iter().all(lives), "a script does not end with whoever began it");
    let listed = world.run(&["jobs", "ls"]).ok();
    assert!(listed.contains("cut off") && !listed.contains("running"), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    assert!(world.run(&["jobs", "show", id]).ok().contains("its process is gone"));
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "done\n");
    assert!(!pids.iter().any(lives));
    assert_eq!(counts(&world, "done"), 1);
}
