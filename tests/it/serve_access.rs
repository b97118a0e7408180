//! Who gets in over HTTP, who does not, and what they may.

use std::os::unix::fs::MetadataExt;

use factotum::serve::access::{Permission, Role};
use factotum::serve::route::Guard;
use serde_json::{Value, json};

use crate::support::serving::Serving;
use crate::support::sound::until;
use crate::support::world::World;

const PASSWORD: &str = "four horses in a tree";

/// A world whose server does not count.
fn uncounted() -> World {
    let mut world = World::new();
    for name in ["ANONYMOUS", "USER", "AUTH"] {
        world.set(&format!("FAC_SERVE_LIMIT_{name}"), "0");
    }
    world
}

fn user(server: &Serving, name: &str, role: &str) {
    let body = json!({"name": name, "role": role, "password": PASSWORD}).to_string();
    server.ask_as(server.owner(), "POST", "/api/v1/users", &body).is(201);
}

/// A key of a user.
fn key(server: &Serving, user: &str, scopes: Option<&[&str]>) -> String {
    let body = json!({"user": user, "scopes": scopes}).to_string();
    let made = server.ask_as(server.owner(), "POST", "/api/v1/keys", &body).is(201);
    assert_eq!((made.header("cache-control"), made.header("content-encoding")), (Some("no-store"), None));
    made.json()["secret"].as_str().unwrap().to_string()
}

fn login(server: &Serving, name: &str, password: &str) -> crate::support::serving::Answer {
    server.ask("POST", "/api/v1/auth/login", &[], &json!({"name": name, "password": password}).to_string())
}

#[test]
fn the_first_start_gives_the_owner_a_key_and_nothing_is_open_without_one() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    let key = server.owner();
    assert!(key.starts_with("fac_") && key.len() == 56, "{key}");
    let me = server.ask_as(key, "GET", "/api/v1/auth/me", "").is(200).json();
    assert_eq!((&me["name"], &me["role"], &me["how"]), (&json!("owner"), &json!("owner"), &json!("key")));
    // Nothing is trusted for coming from this machine.
    let problem = server.ask("GET", "/api/v1/auth/me", &[], "").is(401);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        (&problem.json()["kind"], problem.json()["trace"].as_str().unwrap().len()),
        (&json!("unidentified"), 32)
    );
    // A second start adds nobody.
    drop(server);
    let again = Serving::start(&world, &[]);
    assert_eq!(again.key, None);
    let stored: Vec<String> =
        world.tree().iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    let list: Value = serde_json::from_str(&world.run(&["--json", "key", "ls"]).ok()).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let prefix = list["items"][0]["prefix"].as_str().unwrap().to_string();
    assert!(stored.iter().any(|text| text.contains(&prefix)));
}

#[test]
fn a_journal_that_is_kept_never_holds_the_first_key() {
    let world = uncounted();
    let journal = std::fs::File::create(world.path("journal")).unwrap();
    let meta = journal.metadata().unwrap();
    let mut command = world.command(&["--json", "serve", "--listen", "127.0.0.1:0", "--no-automations"]);
    command.env("JOURNAL_STREAM", format!("{}:{}", meta.dev(), meta.ino()));
    let mut server = command.stdout(journal.try_clone().unwrap()).stderr(journal).spawn().unwrap();
    until("it serves", || world.read("journal").contains("listening"));
    let said = world.read("journal");
    let kept = world.tree().into_iter().find(|(path, _)| path.ends_with("first-key")).unwrap();
    assert_eq!(std::fs::metadata(&kept.0).unwrap().mode() & 0o777, 0o600);
    let key = String::from_utf8(kept.1).unwrap();
    assert!(key.starts_with("fac_") && !said.contains(key.trim()) && said.contains("state/first-key"), "{said}");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn no_key_password_or_ticket_is_kept_anywhere() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    user(&server, "ann", "member");
    let given = login(&server, "ann", PASSWORD).is(200).json();
    let text = |name: &str| given[name].as_str().unwrap().to_string();
    let ticket = server.ask_as(&text("token"), "POST", "/api/v1/auth/ticket", "").is(200).json();
    let ticket = ticket["ticket"].as_str().unwrap().to_string();
    let refreshed =
        server.ask("POST", "/api/v1/auth/refresh", &[], &json!({"refresh_token": text("refresh_token")}).to_string());
    refreshed.is(200);
    server.ask("GET", &format!("/api/v1/auth/me?ticket={ticket}"), &[], "");
    let secrets = [server.owner().to_string(), PASSWORD.to_string(), text("token"), text("refresh_token"), ticket];
    let figures = server.ask_as(server.owner(), "GET", "/metrics", "");
    assert!(!secrets.iter().any(|secret| figures.text.contains(secret.as_str())), "{}", figures.text);
    for (path, bytes) in world.tree() {
        let held = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(!held.contains(secret.as_str()), "{} holds a secret", path.display());
        }
        if held.contains("$argon2") {
            assert!(held.contains("$argon2id$v=19$m=65536,t=3,p=1$"), "{}", path.display());
        }
    }
}

#[test]
fn every_route_refuses_every_role_that_may_not() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    let mut keys = vec![(Role::Owner, server.owner().to_string())];
    for role in [Role::Admin, Role::Member, Role::Viewer] {
        user(&server, role.name(), role.name());
        keys.push((role, key(&server, role.name(), None)));
    }
    let nothing = key(&server, "owner", Some(&["search:read"]));
    let mut checked = 0;
    for route in factotum::serve::routes() {
        let facts = &route.facts;
        let mut path = facts.path.to_string();
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, "01900000-0000-7000-8000-000000000000");
        }
        let method = facts.method.as_str();
        let line = format!("{method} {path}");
        if facts.guard == Guard::Public {
            continue;
        }
        assert_eq!(server.ask(method, &path, &[], "").status, 401, "{line} without a credential");
        assert_eq!(server.ask_as("fac_nonsense", method, &path, "").status, 401, "{line} with a wrong key");
        let Guard::May(permission) = facts.guard else { continue };
        for (role, key) in &keys {
            // What is allowed is only read here: the rest would do something.
            let allowed = role.may(permission);
            if allowed && method != "GET" {
                continue;
            }
            let answer = server.ask_as(key, method, &path, "");
            let refused = answer.status == 403 && answer.text.contains(permission.name());
            assert_eq!(refused, !allowed, "{line} as {role}: {} {}", answer.status, answer.text);
            checked += 1;
        }
        if permission != Permission::SearchRead {
            let answer = server.ask_as(&nothing, method, &path, "");
            assert_eq!(answer.status, 403, "{line} with a key for something else: {}", answer.text);
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn what_others_made_is_not_there() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    user(&server, "ann", "member");
    user(&server, "boss", "admin");
    let (ann, boss) = (key(&server, "ann", None), key(&server, "boss", None));
    world.write("Taskfile.md", "# Tasks\n");
    world.run(&["run", "-y", "date"]);
    let run: Value = serde_json::from_str(&world.run(&["--json", "runs", "ls"]).ok()).unwrap();
    let runs =
        |key: &str| server.ask_as(key, "GET", "/api/v1/runs", "").is(200).json()["items"].as_array().unwrap().len();
    let made = run["runs"].as_array().or(run["items"].as_array()).unwrap();
    assert_eq!((runs(&ann), runs(&boss)), (0, made.len()));
    if let Some(id) = made.first().and_then(|run| run["id"].as_str()) {
        server.ask_as(&ann, "GET", &format!("/api/v1/runs/{id}"), "").is(404);
        server.ask_as(&boss, "GET", &format!("/api/v1/runs/{id}"), "").is(200);
    }
    // Neither are others' keys and logins.
    let list = server.ask_as(server.owner(), "GET", "/api/v1/keys", "").is(200).json();
    let id = list["items"][0]["id"].as_str().unwrap();
    server.ask_as(&ann, "GET", &format!("/api/v1/keys/{id}"), "").is(404);
    server.ask_as(&ann, "DELETE", &format!("/api/v1/keys/{id}"), "").is(404);
    server.ask_as(&boss, "DELETE", &format!("/api/v1/keys/{id}"), "").is(403);
    server.ask_as(&ann, "GET", "/api/v1/keys?user=owner", "").is(404);
    server.ask_as(&ann, "GET", "/api/v1/keys?all=true", "").is(200);
}

#[test]
fn nobody_makes_themselves_more_than_they_are() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    user(&server, "boss", "admin");
    user(&server, "ann", "member");
    let (boss, ann) = (key(&server, "boss", None), key(&server, "ann", None));
    let body = |value: Value| value.to_string();
    server.ask_as(&boss, "POST", "/api/v1/users", &body(json!({"name": "eve", "role": "owner"}))).is(403);
    server.ask_as(&boss, "PATCH", "/api/v1/users/boss", &body(json!({"role": "owner"}))).is(403);
    server.ask_as(&boss, "PATCH", "/api/v1/users/owner", &body(json!({"password": "another one of mine"}))).is(403);
    server.ask_as(&boss, "POST", "/api/v1/keys", &body(json!({"user": "owner"}))).is(403);
    server.ask_as(&boss, "PATCH", "/api/v1/users/ann", &body(json!({"role": "admin"}))).is(200);
    server.ask_as(&boss, "PATCH", "/api/v1/users/ann", &body(json!({"role": "member"}))).is(200);
    server.ask_as(&ann, "POST", "/api/v1/keys", &body(json!({"user": "owner"}))).is(404);
    server.ask_as(&ann, "POST", "/api/v1/keys", &body(json!({"scopes": ["users:write"]}))).is(403);
    // A narrow key makes none that is wider, and takes over nobody.
    let narrow = key(&server, "owner", Some(&["keys:write", "users:write"]));
    let made = server.ask_as(&narrow, "POST", "/api/v1/keys", "{}").is(201).json();
    assert_eq!(made["scopes"], json!(["users:write", "keys:write"]));
    let star = server.ask_as(&narrow, "POST", "/api/v1/keys", &body(json!({"scopes": ["*"]}))).is(201).json();
    assert_eq!(star["scopes"], made["scopes"]);
    server.ask_as(&narrow, "POST", "/api/v1/keys", &body(json!({"scopes": ["chat:read"]}))).is(403);
    server.ask_as(&narrow, "POST", "/api/v1/keys", &body(json!({"user": "ann"}))).is(403);
    server.ask_as(&narrow, "POST", "/api/v1/users", &body(json!({"name": "eve", "role": "viewer"}))).is(403);
    server.ask_as(&narrow, "PATCH", "/api/v1/users/ann", &body(json!({"password": "another one of mine"}))).is(403);
    // The last owner stays.
    server.ask_as(server.owner(), "PATCH", "/api/v1/users/owner", &body(json!({"role": "member"}))).is(422);
    server.ask_as(server.owner(), "DELETE", "/api/v1/users/owner", "").is(422);
    server.ask_as(server.owner(), "POST", "/api/v1/users", &body(json!({"name": "ANN"}))).is(409);
}

#[test]
fn a_login_goes_on_and_ends_everywhere() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    user(&server, "ann", "member");
    let given = login(&server, "Ann", PASSWORD).is(200).json();
    assert_eq!(
        (&given["role"], &given["expires_in"], &given["token_type"]),
        (&json!("member"), &json!(900), &json!("Bearer"))
    );
    let refresh =
        |token: &Value| server.ask("POST", "/api/v1/auth/refresh", &[], &json!({"refresh_token": token}).to_string());
    let me = |token: &Value| server.ask_as(token.as_str().unwrap(), "GET", "/api/v1/auth/me", "").status;
    assert_eq!(me(&given["token"]), 200);
    refresh(&given["token"]).is(401);
    let next = refresh(&given["refresh_token"]).is(200).json();
    assert_eq!((me(&next["token"]), me(&next["refresh_token"])), (200, 401));
    let other = login(&server, "ann", PASSWORD).is(200).json();
    assert_eq!(
        server.ask_as(next["token"].as_str().unwrap(), "GET", "/api/v1/auth/logins", "").is(200).json()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    server.ask_as(next["token"].as_str().unwrap(), "POST", "/api/v1/auth/logout", "").is(200);
    assert_eq!((me(&next["token"]), me(&given["token"]), me(&other["token"])), (401, 401, 200));
    refresh(&next["refresh_token"]).is(401);
    world.run(&["user", "logout", "ann"]).ok();
    assert_eq!(me(&other["token"]), 401);
    // Another password ends what was given out on the old one.
    let last = login(&server, "ann", PASSWORD).is(200).json();
    let change = json!({"old": PASSWORD, "new": "six geese in a boat"}).to_string();
    let wrong = json!({"old": "not it at all", "new": "six geese in a boat"}).to_string();
    server.ask_as(last["token"].as_str().unwrap(), "POST", "/api/v1/auth/password", &wrong).is(403);
    server.ask_as(last["token"].as_str().unwrap(), "POST", "/api/v1/auth/password", &change).is(200);
    assert_eq!(me(&last["token"]), 401);
    login(&server, "ann", PASSWORD).is(401);
    login(&server, "ann", "six geese in a boat").is(200);
    server.ask("POST", "/api/v1/auth/register", &[], &json!({"name": "eve", "password": PASSWORD}).to_string()).is(403);
}

#[test]
fn who_moves_here_keeps_the_password() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    // From the tests of crypt_blowfish: the password is U*U.
    let hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
    world.run_with(&["user", "add", "ann", "--hashed"], hash).ok();
    login(&server, "ann", "U*V").is(401);
    login(&server, "ann", "U*U").is(200);
    let stored =
        |what: &str| world.tree().iter().any(|(_, bytes)| bytes.windows(what.len()).any(|w| w == what.as_bytes()));
    assert!(stored("$argon2id$v=19$m=65536,t=3,p=1$"), "ours takes its place");
    login(&server, "ann", "U*U").is(200);
    let refused = world.run_with(&["user", "add", "bob", "--hashed"], "secret\n");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("no hash of a password"), "{}", refused.stderr);
}

#[test]
fn what_somebody_else_changed_is_not_changed_unseen() {
    let world = uncounted();
    let server = Serving::start(&world, &[]);
    let owner = server.owner().to_string();
    let made = server.ask_as(&owner, "POST", "/api/v1/sessions", r#"{"title": "a"}"#).is(201).json();
    let path = format!("/api/v1/sessions/{}", made["id"].as_str().unwrap());
    let bearer = format!("Bearer {owner}");
    let tag = server.ask_as(&owner, "GET", &path, "").is(200).header("etag").unwrap().to_string();
    let change = |title: &str| {
        let headers = [("authorization", &*bearer), ("if-match", &*tag), ("content-type", "application/json")];
        server.ask("PATCH", &path, &headers, &json!({"title": title}).to_string())
    };
    change("b").is(200);
    change("c").is(412);
    // Who may not read it does not learn whether it is still the same.
    let blind = key(&server, "owner", Some(&["chat:write"]));
    let bearer = format!("Bearer {blind}");
    for tag in [&*tag, "*"] {
        let headers = [("authorization", &*bearer), ("if-match", tag), ("content-type", "application/json")];
        server.ask("PATCH", &path, &headers, r#"{"title": "d"}"#).is(403);
    }
    assert_eq!(server.ask_as(&owner, "GET", &path, "").json()["title"], "b");
}

#[test]
fn wrong_passwords_are_counted_before_they_are_looked_at() {
    let mut world = uncounted();
    world.set("FAC_SERVE_LIMIT_AUTH", "7");
    let server = Serving::start(&world, &[]);
    user(&server, "ann", "member");
    for _ in 0..5 {
        login(&server, "ann", "wrong").is(401);
    }
    let closed = login(&server, "ann", PASSWORD).is(429);
    assert!(closed.header("retry-after").unwrap().parse::<u64>().unwrap() > 800);
    assert_eq!(closed.json()["kind"], json!("limited"));
    let shown = server.ask_as(server.owner(), "GET", "/api/v1/users/ann", "").is(200).json();
    assert_eq!((&shown["name"], &shown["lockouts"][0]["address"]), (&json!("ann"), &json!("127.0.0.1")));
    let said = world.run(&["user", "show", "ann"]).ok();
    assert!(said.contains("too many wrong passwords from 127.0.0.1, until "), "{said}");
    world.run(&["user", "unlock", "ann"]).ok();
    login(&server, "ann", PASSWORD).is(200);
    let limited = login(&server, "bob", "wrong").is(429);
    assert!(limited.header("retry-after").unwrap().parse::<u64>().unwrap() <= 61);
}

#[test]
fn who_does_not_say_who_they_are_is_counted_by_address_whatever_they_claim() {
    let mut world = World::new();
    world.set("FAC_SERVE_LIMIT_ANONYMOUS", "10");
    world.set("FAC_SERVE_LIMIT_USER", "12");
    let server = Serving::start(&world, &[]);
    for n in 0..10 {
        let claimed = format!("10.0.0.{n}");
        server.ask("GET", "/api/v1/auth/me", &[("X-Forwarded-For", &claimed), ("X-Real-IP", &claimed)], "").is(401);
    }
    let limited = server.ask("GET", "/api/v1/auth/me", &[("X-Forwarded-For", "10.9.9.9")], "").is(429);
    assert!(limited.header("retry-after").is_some());
    for left in (0..12).rev() {
        let answer = server.ask_as(server.owner(), "GET", "/api/v1/auth/me", "").is(200);
        assert_eq!(answer.header("ratelimit-remaining"), Some(left.to_string().as_str()));
    }
    server.ask_as(server.owner(), "GET", "/api/v1/auth/me", "").is(429);
    // Several processes agree.
    let second = Serving::start(&world, &[]);
    second.ask_as(server.owner(), "GET", "/api/v1/auth/me", "").is(429);
    second.ask("GET", "/api/v1/auth/me", &[], "").is(429);
    // Behind a proxy that is trusted, its word counts.
    let behind = Serving::start(&world, &["--behind-proxy"]);
    behind.ask("GET", "/api/v1/auth/me", &[("X-Forwarded-For", "6.6.6.6, 10.9.9.9")], "").is(401);
}

#[test]
fn other_names_and_other_pages_are_turned_away() {
    let mut world = uncounted();
    world.set("FAC_SERVE_ORIGINS", "https://app.example.org");
    let server = Serving::start(&world, &[]);
    let bearer = format!("Bearer {}", server.owner());
    let ask = |method: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(more);
        server.ask(method, "/api/v1/auth/me", &headers, "")
    };
    ask("GET", &[("Host", "evil.example")]).is(421);
    ask("GET", &[("Host", "localhost:1")]).is(200);
    let foreign = ask("GET", &[("Origin", "https://evil.example")]).is(403);
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    ask("GET", &[("Origin", "null")]).is(403);
    let listed = ask("GET", &[("Origin", "https://app.example.org")]).is(200);
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example.org"));
    assert_eq!(listed.header("access-control-allow-credentials"), None);
    let preflight = [("Origin", "https://app.example.org"), ("Access-Control-Request-Method", "DELETE")];
    ask("OPTIONS", &preflight).is(204);
    ask("OPTIONS", &[("Origin", "https://evil.example"), preflight[1]]).is(403);
    let own = format!("http://{}", server.address);
    let answer = ask("GET", &[("Origin", &own)]).is(200);
    let said = |name: &str| answer.header(name).unwrap_or_default().to_string();
    assert_eq!((said("x-content-type-options"), said("x-frame-options")), ("nosniff".into(), "DENY".into()));
    assert!(said("content-security-policy").starts_with("default-src 'none'") && said("server").is_empty());
}

#[test]
fn it_does_not_start_where_it_would_be_open() {
    let mut world = World::new();
    let refused = world.run(&["serve", "--listen", "0.0.0.0:0"]).failed(2);
    assert!(refused.contains("fac serve cert"), "{refused}");
    assert!(world.run(&["config", "set", "serve.allow", "10.0.0.0/99"]).failed(2).contains("networks such as"));
    world.set("FAC_SERVE_ALLOW", "nonsense");
    assert!(world.run(&["serve", "--listen", "127.0.0.1:0"]).failed(6).contains("FAC_SERVE_ALLOW"));
    world.set("FAC_SERVE_ALLOW", "");
    world.set("JWT_SECRET", "secret");
    let refused = world.run(&["serve", "--listen", "127.0.0.1:0"]).failed(2);
    assert!(refused.contains("JWT_SECRET") && !refused.contains("\"secret\""), "{refused}");
}

#[test]
fn what_nobody_uses_is_found() {
    let mut world = uncounted();
    world.set("FAC_TEST_CLOCK", "2026-01-01T00:00:00Z");
    let old: Vec<String> = (0..3).map(|_| world.run(&["key", "create", "old"]).ok().trim().to_string()).collect();
    world.set("FAC_TEST_CLOCK", "");
    let fresh = world.run(&["key", "create", "fresh"]).ok().trim().to_string();
    let server = Serving::start(&world, &[]);
    let review = || -> Vec<String> {
        let said: Value =
            serde_json::from_str(&world.run(&["--json", "access", "review", "--days", "60"]).ok()).unwrap();
        let items = said["items"].as_array().unwrap().clone();
        items.iter().map(|one| one["about"].as_str().unwrap().split(' ').next().unwrap().to_string()).collect()
    };
    let prefix = |key: &String| key[..12].to_string();
    assert_eq!(review(), old.iter().map(prefix).collect::<Vec<_>>());
    // One that is used is not among them any more; one that is revoked neither.
    server.ask_as(&old[1], "GET", "/api/v1/auth/me", "").is(200);
    world.run(&["key", "revoke", &prefix(&old[2])]).ok();
    assert_eq!(review(), [prefix(&old[0])]);
    server.ask_as(&old[2], "GET", "/api/v1/auth/me", "").is(401);
    server.ask_as(&fresh, "GET", "/api/v1/auth/me", "").is(200);
    let may = |who: &str, what: &str| world.run(&["access", "explain", who, what]).code;
    assert_eq!(
        (may("owner", "system:write"), may(&prefix(&old[2]), "chat:read"), may("nobody", "chat:read")),
        (0, 4, 3)
    );
}

#[test]
fn networks_that_are_not_listed_do_not_get_in() {
    let mut world = uncounted();
    world.set("FAC_SERVE_ALLOW", "10.99.0.0/16");
    let server = Serving::start(&world, &[]);
    server.ask_as(server.owner(), "GET", "/api/v1/auth/me", "").is(403);
}

#[test]
fn it_speaks_tls_of_today_only() {
    let world = uncounted();
    let Some(openssl) = world.which("openssl") else { return println!("skipped: openssl is not installed") };
    world.run(&["serve", "cert", "fac.test"]).ok();
    let again = world.run(&["serve", "cert"]).failed(2);
    assert!(again.contains("stands already"), "{again}");
    let server = Serving::start(&world, &[]);
    let place = server.address.to_string();
    let cert = world.fac().join("config/tls/server.pem");
    let speak = |version: &str| {
        let args = ["s_client", "-connect", &place, "-CAfile", cert.to_str().unwrap(), "-verify_return_error", version];
        world.program(&openssl, &args).stdin(std::process::Stdio::null()).output().unwrap().status.success()
    };
    assert!(speak("-tls1_3"));
    assert!(!speak("-tls1_2"));
}
