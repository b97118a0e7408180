//! Jobs: tried again, taken back, waited for; conditions and their values in the trace.

use super::*;

#[test]
fn work_that_fails_is_tried_again_as_often_as_it_says_and_dies_then() {
    let world = world(
        "### `/twice`\n**On:**\n- `event test.rang`\n\n**Retry:** 1\n\n\
         ```sh\necho \"$FAC_JOB_TRY\" >>twice; test \"$(wc -l <twice)\" -ge 2\n```\n\
         ### `/dies`\n**On:**\n- `event test.rang`\n\n```sh\nexit 7\n```\n",
    );
    world.run(&["auto", "enable", "twice", "dies"]).ok();
    let up = Up::start(&world);
    ring(&store(&world), 1);
    let job = |name: &str| asked(&world, &["jobs", "ls", "--command", name])["jobs"][0].clone();
    until("both have fired", || job("twice").is_object() && job("dies").is_object());
    let id = |name: &str| job(name)["id"].as_str().unwrap().to_string();
    assert_eq!(world.run(&["jobs", "wait", &id("twice"), "--timeout", "50s"]).code, 0);
    assert_eq!(world.run(&["jobs", "wait", &id("dies")]).code, 1);
    assert_eq!(world.read("twice"), "1\n2\n");
    assert_eq!((&job("twice")["tries"], &job("twice")["status"]), (&json!(2), &json!("done")));
    let dead = job("dies");
    assert_eq!((&dead["status"], &dead["tries"], &dead["exit_code"]), (&json!("dead"), &json!(1), &json!(7)), "{dead}");
    assert!(dead["error"].as_str().unwrap().contains("exit code 7"));
    let said = world.run(&["jobs", "show", &id("dies")]).ok();
    assert!(said.contains("trigger.subject = \"n1\""), "{said}");
    // A dead letter can be owed again.
    world.run(&["jobs", "retry", &id("dies")]).ok();
    assert_eq!(world.run(&["jobs", "wait", &id("dies")]).code, 1);
    world.run(&["jobs", "retry", &id("twice")]).ok();
    assert_eq!(world.run(&["jobs", "wait", &id("twice")]).code, 0);
    assert_eq!(up.end(), 0);
    world.run(&["events", "verify"]).ok();
}

#[test]
fn work_can_be_taken_back_while_it_runs_and_is_given_back_when_the_keeper_ends() {
    let world = world(
        "### `/long`\n**On:**\n- `event test.rang`\n\n**Mode:** parallel\n\n```sh\necho begin >>log; sleep 60\n```\n",
    );
    world.run(&["auto", "enable", "long"]).ok();
    let up = Up::start(&world);
    let store = store(&world);
    (0..2).for_each(|n| ring(&store, n));
    until("both run", || world.path("log").exists() && world.read("log").lines().count() == 2);
    let jobs = asked(&world, &["jobs", "ls"])["jobs"].clone();
    let id = |n: usize| jobs[n]["id"].as_str().unwrap().to_string();
    world.run(&["jobs", "cancel", &id(0)]).ok();
    let waited = world.run(&["jobs", "wait", &id(0), "--timeout", "50s"]);
    assert_eq!(waited.code, 1, "{waited:?}");
    assert_eq!(asked(&world, &["jobs", "show", &id(0)])["job"]["status"], "cancelled");
    assert_eq!(up.end(), 0);
    let other = asked(&world, &["jobs", "show", &id(1)])["job"].clone();
    assert_eq!((&other["status"], &other["tries"]), (&json!("waiting"), &json!(0)), "{other}");
    world.run(&["jobs", "cancel", &id(1)]).ok();
    world.run(&["jobs", "cancel", &id(1)]).failed(2);
    world.run(&["jobs", "show", "nothing"]).failed(3);
}

#[test]
fn a_step_that_waits_for_somebody_elses_answer_is_given_back_and_taken_back_too() {
    // Somebody who takes every connection and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = silent.local_addr().unwrap();
    let connections = Arc::new(Mutex::new(Vec::new()));
    let heard = connections.clone();
    std::thread::spawn(move || silent.incoming().for_each(|one| heard.lock().unwrap().push(one)));
    let on = "**On:**\n- `event test.rang`\n\n";
    let world = world(&format!(
        "### `/publish`\n{on}```mqtt {{topic=a}}\nb\n```\n### `/call`\n{on}```ha {{service=light.turn_on}}\n```\n\
         ### `/fetch`\n{on}```http\nGET http://{place}/\n```\n"
    ));
    world.run(&["config", "set", "broker.home.url", &format!("mqtt://{place}")]).ok();
    world.run(&["config", "set", "homeassistant.url", &format!("http://{place}")]).ok();
    world.run_with(&["secret", "set", "homeassistant"], "a-token").ok();
    let names = ["publish", "call", "fetch"];
    world.run(&[&["auto", "enable"], names.as_slice()].concat()).ok();
    let job = |name: &str| asked(&world, &["jobs", "ls", "--command", name])["jobs"][0].clone();
    let up = Up::start(&world);
    ring(&store(&world), 1);
    until("all wait for an answer", || connections.lock().unwrap().len() >= 3);
    assert_eq!(up.end(), 0);
    for name in names {
        let job = job(name);
        assert_eq!((&job["status"], &job["tries"]), (&json!("waiting"), &json!(0)), "{name}: {job}");
    }
    let before = connections.lock().unwrap().len();
    let up = Up::start(&world);
    until("all wait again", || connections.lock().unwrap().len() >= before + 3);
    for name in names {
        let id = job(name)["id"].as_str().unwrap().to_string();
        world.run(&["jobs", "cancel", &id]).ok();
        assert_eq!(world.run(&["jobs", "wait", &id, "--timeout", "50s"]).code, 1);
        assert_eq!(job(name)["status"], "cancelled", "{name}");
        let ran = asked(&world, &["runs", "ls", "--command", name])["runs"][0]["status"].clone();
        assert_eq!(ran, "interrupted", "{name}");
    }
    assert_eq!(up.end(), 0);
}

#[test]
fn the_trace_tells_what_a_condition_looked_at() {
    let world = world(
        "### `/big`\n**On:**\n- `event test.rang`\n\n**If:** `trigger.payload.n > 3`\n\n```sh\ntrue\n```\n\
         ### `/odd`\n**On:**\n- `event test.rang`\n\n**If:** `trigger.payload.nothing > 3`\n\n```sh\ntrue\n```\n",
    );
    world.run(&["auto", "enable", "big", "odd"]).ok();
    let store = store(&world);
    (3..5).for_each(|n| ring(&store, n));
    world.run(&["tick"]).ok();
    assert_eq!(outcomes(&world, "big"), ["blocked", "fired"]);
    let firings = asked(&world, &["auto", "trace", "big"])["firings"].clone();
    assert_eq!(firings[1]["seen"], json!([{"what": "trigger.payload.n", "value": 3}]));
    assert_eq!(firings[1]["why"], "`trigger.payload.n > 3` does not hold");
    let id = firings[0]["id"].as_str().unwrap();
    let one = asked(&world, &["auto", "trace", id])["firing"].clone();
    assert_eq!((&one["work"]["status"], &one["steps"][0]["status"]), (&json!("done"), &json!("ok")), "{one}");
    // What cannot be judged does not hold, and says why.
    assert_eq!(outcomes(&world, "odd"), ["blocked", "blocked"]);
    let why = asked(&world, &["auto", "trace", "odd"])["firings"][0]["why"].to_string();
    assert!(why.contains("cannot be judged"), "{why}");
}

#[test]
fn one_can_be_fired_by_hand() {
    let world = world(
        "### `/door [topic]`\n**On:**\n- `mqtt home/+`\n\n**If:** `false`\n\n```sh\necho \"$topic $trigger_kind\"; exit 3\n```\n",
    );
    world.write("t.json", r#"{"topic": "home/front"}"#);
    let out = world.run(&["auto", "run", "door", "--with", "t.json"]);
    assert_eq!((out.code, out.stdout.as_str()), (3, "home/front manual\n"), "{out:?}");
    assert_eq!(asked(&world, &["jobs", "ls"])["jobs"][0]["status"], "dead");
}

#[test]
fn a_run_can_go_into_the_background() {
    let world = world(
        "### `/slow <word> [rest...]`\n```sh\necho \"$word $*\" >>log\n```\n### `/hidden <pin>`\n**Options:**\n- `<pin>` (secret)\n\n```sh\ntrue\n```\n",
    );
    // Nobody runs jobs: somebody is started for it.
    let id = world.run(&["run", "--background", "slow", "one", "a", "b c"]).ok();
    assert_eq!(world.run(&["jobs", "wait", id.trim(), "--timeout", "50s"]).code, 0);
    assert_eq!(world.read("log"), "one a b c\n");
    let shown = asked(&world, &["jobs", "show", id.trim()])["job"].clone();
    assert_eq!((&shown["kind"], &shown["by"], &shown["exit_code"]), (&json!("run"), &json!("background"), &json!(0)));
    world.run(&["run", "--background", "hidden", "4711"]).failed(4);
    world.run(&["run", "--background", "slow"]).failed(2);
}

#[test]
fn names_are_completed() {
    let world = world("### `/door`\n**On:**\n- `mqtt home/+`\n\n```sh\ntrue\n```\n");
    world.run(&["auto", "ls"]).ok();
    let said = world.run(&["__complete", "--", "auto", "enable", ""]).ok();
    assert_eq!(said, "door\toff\n");
    world.run(&["auto", "run", "door"]).ok();
    let said = world.run(&["__complete", "--", "jobs", "show", ""]).ok();
    assert!(said.ends_with("\tdoor done\n"), "{said}");
}

#[test]
fn what_is_too_large_for_a_variable_stands_in_a_file() {
    let world = world(
        "### `/large`\n**On:**\n- `event test.large`\n\n```sh\necho \"${trigger_payload-unset} $trigger_left_out\" >>log\n\
         wc -c <\"$FAC_TRIGGER_FILE\" >>log\n```\n",
    );
    world.run(&["auto", "enable", "large"]).ok();
    world.run(&["tick"]).ok();
    store(&world).append(&Event::new("test.large", "x", json!({"text": "y".repeat(200_000)}))).unwrap();
    world.run(&["tick"]).ok();
    let log = world.read("log");
    let (said, bytes) = log.trim().split_once('\n').unwrap();
    assert_eq!(said, "unset payload");
    assert!(bytes.trim().parse::<usize>().unwrap() > 200_000, "{log}");
}

#[test]
fn what_fired_reaches_every_kind_of_step() {
    let world = world(
        "### `/fired`\n**On:**\n- `event test.rang`\n\n```run\ntell \"{{trigger_subject}} {{trigger_name}}\"\n```\n\n\
         ```lua {id=lua}\nreturn trigger.subject .. ' ' .. trigger.payload.n\n```\n\n\
         ```sh {stdin=lua}\ncat >>log; echo \"$trigger_payload\" >>log\n```\n\
         ### `/tell <what>`\n\n```sh\necho \"run: $what\" >>log\n```\n",
    );
    world.run(&["auto", "enable", "fired"]).ok();
    let store = store(&world);
    // What rang before anybody listened is not told.
    world.run(&["tick"]).ok();
    ring(&store, 7);
    world.run(&["tick"]).ok();
    assert_eq!(world.read("log"), "run: n7 test.rang\nn7 7\n{\"n\":7}\n");
}

#[test]
fn what_is_taken_back_before_it_is_begun_again_tells_both_times() {
    let world = world("### `/bad`\n**On:**\n- `event test.rang`\n\n```sh\nexit 3\n```\n");
    world.run(&["auto", "enable", "bad"]).ok();
    ring(&store(&world), 1);
    world.run(&["tick"]);
    let id = asked(&world, &["jobs", "ls"])["jobs"][0]["id"].as_str().unwrap().to_string();
    let shown = || world.run(&["jobs", "show", &id]).ok();
    assert!(shown().contains(", ended after "), "{}", shown());
    world.run(&["jobs", "retry", &id]).ok();
    world.run(&["jobs", "cancel", &id]).ok();
    assert!(shown().contains(" for the last time, taken back ") && !shown().contains("ended after"), "{}", shown());
}
