//! Running commands over HTTP: trusted or not at all, waited for or not, stopped, repeated, removed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Asker, uncounted};
use crate::support::serving::Serving;
use crate::support::world::World;

/// A world with commands of the user's own and a folder of somebody else's.
fn world() -> World {
    let world = uncounted(World::new());
    let own = world.fac().join("config/commands");
    std::fs::create_dir_all(&own).unwrap();
    let commands = "# `/greet <name>`\n\n```sh\necho \"hello $name\"; cat\n```\n\n# `/slow`\n\n```sh\necho begun; sleep 600\n```\n\n\
        # `/fails`\n\n```sh\necho no >&2; exit 3\n```\n\n# `/many [words...]`\n\n```sh\nprintf '%s.' \"$@\"\n```\n";
    std::fs::write(own.join("own.md"), format!("---\nfactotum: 1\n---\n{commands}")).unwrap();
    world.write("theirs/tools.md", "---\nfactotum: 1\n---\n# `/their tool`\n\n```sh\necho theirs\n```\n");
    world
}

/// Asks until the run stands so.
fn until(asker: &Asker<'_>, run: &str, wanted: fn(&str) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let shown = asker.get(&format!("/api/v1/runs/{run}")).is(200).json();
        if wanted(shown["status"].as_str().unwrap()) {
            return shown;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{shown}");
        std::thread::yield_now();
    }
}

#[test]
fn a_command_runs_as_it_does_at_a_terminal() {
    let world = world();
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let body = json!({"args": ["Ada"], "stdin": "and more"});
    let answer = owner.post("/api/v1/commands/greet/runs", &body).is(200);
    let run = answer.json()["run"].clone();
    assert_eq!((&run["status"], &run["exit_code"], &run["trigger"]), (&json!("ok"), &json!(0), &json!("api")));
    assert_eq!(run["steps"][0]["stdout"], "hello Ada\nand more");
    let id = run["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/api/v1/runs/{id}").as_str()));
    let step = run["steps"][0]["id"].as_str().unwrap();
    assert_eq!(owner.get(&format!("/api/v1/runs/{id}/steps/{step}/stdout")).is(200).text, "hello Ada\nand more");
    owner.get(&format!("/api/v1/runs/{id}/steps/{step}/..%2F..%2Fstore.db")).is(404);
    let printed: Value = serde_json::from_str(&world.run(&["runs", "show", id, "--json"]).ok()).unwrap();
    assert_eq!(printed["run"], owner.get(&format!("/api/v1/runs/{id}")).is(200).json());
    let named = owner.post("/api/v1/commands/greet/runs", &json!({"args": {"name": "Bob"}})).is(200).json();
    assert_eq!(named["run"]["steps"][0]["stdout"], "hello Bob\n");
    let failed = owner.post("/api/v1/commands/fails/runs", &json!({})).is(200).json();
    assert_eq!((&failed["run"]["status"], &failed["run"]["exit_code"]), (&json!("failed"), &json!(3)));
    let dry = owner.post("/api/v1/commands/greet/runs", &json!({"args": ["Ada"], "dry_run": true})).is(200).json();
    assert_eq!(dry["dry_run"]["steps"][0]["env"]["name"], "Ada");
    let again = owner.post(&format!("/api/v1/runs/{id}/rerun"), &json!({})).is(200).json();
    assert_eq!(again["run"]["steps"][0]["stdout"], "hello Ada\n");
    owner.post("/api/v1/commands/greet/runs", &json!({})).is(422);
    owner.post("/api/v1/commands/nowhere/runs", &json!({})).is(404);
    let listed = owner.get("/api/v1/runs?status=failed").is(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    owner.delete(&format!("/api/v1/runs/{id}")).is(200);
    owner.get(&format!("/api/v1/runs/{id}")).is(404);
}

#[test]
fn the_words_of_a_command_are_as_long_as_the_settings_say() {
    let world = world();
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let run = |length: usize| owner.post("/api/v1/commands/many/runs", &json!({"args": ["x".repeat(length)]}));
    run(999).is(200);
    let wrong = run(1000).is(422).json();
    assert_eq!(wrong["errors"][0]["field"], "/args");
}

#[test]
fn what_is_not_trusted_is_refused_with_the_way_to_trust_it() {
    let world = world();
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let theirs = world.path("theirs").display().to_string();
    let added = owner.post("/api/v1/sources", &json!({"spec": theirs, "name": "theirs"})).is(201).json();
    assert_eq!((&added["source"]["trust"], &added["source"]["commands"]), (&json!("untrusted"), &json!(1)));
    let refused = owner.post("/api/v1/commands/their%20tool/runs", &json!({})).is(403).json();
    assert_eq!(refused["kind"], "refused");
    assert!(refused["hint"].as_str().unwrap().contains("fac source trust theirs"), "{refused}");
    let digest = owner.get("/api/v1/commands/their%20tool").is(200).json()["digest"].clone();
    let trust = "/api/v1/sources/theirs/trust";
    owner.post(trust, &json!({"command": "their tool", "digest": "0"})).is(409);
    let trusted = owner.post(trust, &json!({"command": "their tool", "digest": digest})).is(200).json();
    assert_eq!(trusted["trusted"], json!(["their tool"]));
    let run = owner.post("/api/v1/commands/their%20tool/runs", &json!({})).is(200).json();
    assert_eq!(run["run"]["steps"][0]["stdout"], "theirs\n");
    world.write("theirs/tools.md", "---\nfactotum: 1\n---\n# `/their tool`\n\n```sh\necho changed\n```\n");
    owner.post("/api/v1/sources/theirs/update", &json!({})).is(200);
    owner.post("/api/v1/commands/their%20tool/runs", &json!({})).is(403);
    let changes = owner.get("/api/v1/sources/theirs/changes").is(200).json();
    assert!(changes["items"][0]["before"].as_str().unwrap().contains("echo theirs"), "{changes}");
    assert_eq!(owner.delete("/api/v1/sources/theirs").is(200).json(), json!({"name": "theirs", "commands": 1}));
    owner.delete("/api/v1/sources/bundled").is(422);
}

#[test]
fn a_run_that_nobody_waits_for_is_there_and_can_be_stopped() {
    let world = world();
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let answer = owner.post("/api/v1/commands/slow/runs", &json!({"wait": false})).is(202);
    let begun = answer.json()["begun"].clone();
    assert_eq!(begun["status"], "running");
    let id = begun["id"].as_str().unwrap();
    owner.delete(&format!("/api/v1/runs/{id}")).is(409);
    owner.post(&format!("/api/v1/runs/{id}/cancel"), &json!({})).is(202);
    let ended = until(&owner, id, |status| status != "running");
    assert_eq!(ended["status"], "interrupted");
    owner.post(&format!("/api/v1/runs/{id}/cancel"), &json!({})).is(409);
}

#[test]
fn a_job_is_done_by_whoever_does_jobs() {
    let world = world();
    let server = Serving::start(&world, &[]);
    let mia = Asker::new(&server, "mia", "member");
    let answer = mia.post("/api/v1/commands/fails/runs", &json!({"background": true})).is(202);
    let job = answer.json()["job"].clone();
    let id = job["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/api/v1/jobs/{id}").as_str()));
    world.run(&["jobs", "wait", id, "--timeout", "60s"]);
    let printed: Value = serde_json::from_str(&world.run(&["jobs", "show", id, "--json"]).ok()).unwrap();
    let shown = mia.get(&format!("/api/v1/jobs/{id}")).is(200).json();
    assert_eq!((&printed["job"], &shown["status"]), (&shown, &json!("dead")));
    // What is done for somebody is theirs.
    let run = mia.get(&format!("/api/v1/runs/{}", shown["run"].as_str().unwrap())).is(200).json();
    assert_eq!((&run["exit_code"], &run["trigger"]), (&json!(3), &json!("background")));
    let listed = mia.get("/api/v1/jobs?status=dead").is(200).json();
    assert_eq!((&listed["items"][0]["id"], &listed["counts"]["dead"]), (&json!(id), &json!(1)));
    assert_eq!(mia.post(&format!("/api/v1/jobs/{id}/retry"), &json!({})).is(200).json()["status"], "waiting");
    let body = json!({"args": ["Ada"], "background": true, "stdin": "x"});
    mia.post("/api/v1/commands/greet/runs", &body).is(422);
}

#[test]
fn runs_and_jobs_of_others_are_not_there() {
    let world = world();
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let member = Asker::new(&server, "mia", "member");
    let other = Asker::new(&server, "tom", "member");
    let run = member.post("/api/v1/commands/greet/runs", &json!({"args": ["Mia"]})).is(200).json();
    let id = run["run"]["id"].as_str().unwrap();
    let job = member.post("/api/v1/commands/greet/runs", &json!({"args": ["Mia"], "background": true})).is(202).json();
    let job = job["job"]["id"].as_str().unwrap();
    for (target, status) in [(format!("/api/v1/runs/{id}"), 404), (format!("/api/v1/jobs/{job}"), 404)] {
        other.get(&target).is(status);
        member.get(&target).is(200);
        owner.get(&target).is(200);
    }
    other.post(&format!("/api/v1/runs/{id}/rerun"), &json!({})).is(404);
    other.delete(&format!("/api/v1/runs/{id}")).is(404);
    other.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).is(404);
    assert_eq!(other.get("/api/v1/runs").is(200).json()["items"], json!([]));
    assert_eq!(other.get("/api/v1/search?q=greet&kind=run").is(200).json()["items"], json!([]));
    assert_ne!(member.get("/api/v1/search?q=greet&kind=run").is(200).json()["items"], json!([]));
    let viewer = Asker::new(&server, "vic", "viewer");
    viewer.post("/api/v1/commands/greet/runs", &json!({"args": ["Vic"]})).is(403);
}

#[test]
fn definitions_are_checked_as_texts() {
    let world = world();
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let check = |body: &Value| owner.post("/api/v1/checks", body);
    let good = check(&json!({"text": "---\nfactotum: 1\n---\n# hi\n\n```sh\necho hi\n```\n"})).is(200).json();
    assert_eq!((&good["commands"], &good["errors"]), (&json!(1), &json!(0)));
    assert_eq!(check(&json!({"text": "just words", "path": "notes.txt"})).is(200).json()["errors"], json!(1));
    check(&json!({"text": "x", "path": "../../etc/passwd"})).is(422);
    assert!(check(&json!({})).is(200).json()["commands"].as_u64().unwrap() > 10);
}
