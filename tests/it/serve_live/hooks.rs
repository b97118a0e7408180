//! Webhooks: automations that wait for them, and GitHub's.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::served::{Answer, Served, eventually};
use crate::support::world::World;

const SECRET: &str = "it-is-a-secret-4711";

fn sign(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

fn post(served: &Served, name: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    served.ask("POST", &format!("/api/v1/hooks/{name}"), headers, body.to_string().as_bytes())
}

fn world() -> World {
    let mut world = World::new();
    world.set("FAC_SECRET_DEPLOY_HOOK", SECRET);
    world.set("FAC_SECRET_GITHUB_WEBHOOK", SECRET);
    let commands = world.fac().join("config/commands");
    std::fs::create_dir_all(&commands).unwrap();
    let text = "---\nfactotum: 1\n---\n# Kit\n### `/ship`\n**On:**\n- `webhook deploy secret=deploy-hook`\n\n```sh\necho shipped >> shipped.txt\n```\n\n\
                ### `/bare`\n**On:**\n- `webhook bare`\n\n```sh\necho bare >> bare.txt\n```\n";
    std::fs::write(commands.join("kit.md"), text).unwrap();
    world.run(&["auto", "enable", "ship"]).ok();
    world.run(&["auto", "enable", "bare"]).ok();
    world
}

#[test]
fn a_signed_delivery_fires_once_and_an_unsigned_one_never() {
    let world = world();
    let served = Served::start(&world, &[]);
    let body = json!({"version": "1.2"});
    let signature = sign(body.to_string().as_bytes());
    let signed = [("x-hub-signature-256", signature.as_str()), ("x-delivery-id", "d-1")];
    let first = post(&served, "deploy", &body, &signed);
    assert_eq!((first.status, first.json()["status"].as_str()), (202, Some("accepted")), "{}", first.body);
    let runs = || {
        let listed: Value = serde_json::from_str(&world.run(&["--json", "runs", "ls"]).ok()).unwrap();
        let of = |run: &&Value| run["command"] == "ship" && run["status"] == "ok";
        listed["runs"].as_array().or(listed["items"].as_array()).unwrap().iter().filter(of).count()
    };
    eventually("it runs", || runs() == 1);
    // The same again, and wrong ones.
    assert_eq!(post(&served, "deploy", &body, &signed).json()["status"], "seen");
    let other = json!({"version": "6.6.6"});
    assert_eq!(post(&served, "deploy", &other, &[("x-hub-signature-256", &signature)]).status, 401);
    assert_eq!(post(&served, "deploy", &body, &[]).status, 401);
    assert_eq!(post(&served, "deploy", &body, &[("x-gitlab-token", "wrong")]).status, 401);
    assert_eq!(post(&served, "nothing", &body, &signed).status, 404);
    // Without a secret only a key counts.
    assert_eq!(post(&served, "bare", &body, &signed).status, 401);
    let bearer = format!("Bearer {}", served.key);
    assert_eq!(post(&served, "bare", &body, &[("authorization", &bearer)]).status, 202);
    // Another method than the trigger's.
    assert_eq!(served.ask("GET", "/api/v1/hooks/deploy", &signed, b"").status, 404);
    let told = post(&served, "deploy", &body, &[("x-gitlab-token", SECRET), ("x-delivery-id", "d-2")]);
    assert_eq!(told.status, 202, "{}", told.body);
    eventually("it runs again", || runs() == 2);
    let long = vec![b'x'; 300 << 10];
    assert_eq!(served.ask("POST", "/api/v1/hooks/deploy", &signed, &long).status, 413);
    assert!(served.figures().contains("webhook_deliveries_total{status=\"accepted\"} 3"), "{}", served.figures());
    // The secret is in no record.
    let events = world.run(&["--json", "events", "tail", "--kind", "webhook.*"]);
    assert!(!events.stdout.contains(SECRET));
}

#[test]
fn of_deliveries_with_one_id_that_come_at_once_one_counts() {
    let world = world();
    let served = Served::start(&world, &["--no-automations"]);
    let body = json!({"version": "1.2"});
    let signature = sign(body.to_string().as_bytes());
    let headers = [("x-hub-signature-256", signature.as_str()), ("x-delivery-id", "at-once")];
    let said: Vec<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..16).map(|_| scope.spawn(|| post(&served, "deploy", &body, &headers))).collect();
        asked.into_iter().map(|one| one.join().unwrap().json()["status"].as_str().unwrap().to_string()).collect()
    });
    assert_eq!(said.iter().filter(|word| *word == "accepted").count(), 1, "{said:?}");
    assert!(said.iter().all(|word| word == "accepted" || word == "seen"), "{said:?}");
}

#[test]
fn whoever_guesses_a_webhooks_secret_is_not_listened_to_any_more() {
    let mut world = world();
    world.set("FAC_SERVE_LIMIT_ANONYMOUS", "5");
    let served = Served::start(&world, &["--no-automations"]);
    let body = json!({"version": "1.2"});
    for n in 0..5 {
        let guess = format!("guess-{n}");
        assert_eq!(post(&served, "deploy", &body, &[("x-gitlab-token", guess.as_str())]).status, 401);
    }
    assert_eq!(post(&served, "deploy", &body, &[("x-gitlab-token", SECRET)]).status, 429);
    let bearer = format!("Bearer {}", served.key);
    assert_eq!(post(&served, "deploy", &body, &[("authorization", &bearer)]).status, 202, "who has a key is known");
}

#[test]
fn a_push_marks_the_source_and_trusts_nothing() {
    let world = world();
    // A source as if it had been fetched.
    let store = factotum::store::Store::open(
        &world.fac().join("data/store.db"),
        factotum::kernel::clock::Clock::system(),
        factotum::kernel::ids::Ids::random(),
    )
    .unwrap();
    for (name, spec, reference) in [
        ("kit", "github:ada/kit", None),
        ("old", "github:ada/kit@old", Some("old")),
        ("kitten", "github:ada/kitten", None),
    ] {
        let new = factotum::store::NewSource {
            name: name.into(),
            kind: factotum::store::SourceKind::Github,
            spec: spec.into(),
            reference: reference.map(String::from),
            options: json!({}),
        };
        store.add_source(&new).unwrap();
    }
    let served = Served::start(&world, &["--no-automations"]);
    let body = json!({"ref": "refs/heads/main", "after": "c0ffee", "repository": {"full_name": "Ada/Kit", "default_branch": "main"}});
    let signature = sign(body.to_string().as_bytes());
    let push = [("x-hub-signature-256", signature.as_str()), ("x-github-event", "push"), ("x-github-delivery", "g-1")];
    let unsigned = [("x-github-event", "push"), ("x-github-delivery", "g-1")];
    assert_eq!(post(&served, "github", &body, &unsigned).status, 401);
    let done = post(&served, "github", &body, &push);
    assert_eq!((done.status, done.json()["stale"].clone()), (202, json!(["kit"])), "{}", done.body);
    let state = |name: &str| store.source_by_name(name).unwrap().unwrap().state;
    assert_eq!((state("kit").as_str(), state("old") == "stale", state("kitten") == "stale"), ("stale", false, false));
    let again = post(&served, "github", &body, &push);
    assert_eq!(again.json()["status"], "seen");
    assert!(store.grants(None).unwrap().iter().all(|grant| !grant.source.contains("kit")));
}
