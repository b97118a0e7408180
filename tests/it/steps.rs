//! Steps that reach out of the program, through the built binary: `http`, `notify`, `say`, `wait`; what `check` says of
//! triggers; entries for the system.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::support::http::{Head, Listener, bind, listen, read_body, read_head};
use super::support::sound::{self, Pulse, are_here, likeness};
use super::support::world::{World, finish};

/// A server that keeps what it is sent and answers what its path asks for.
struct Peer {
    port: u16,
    heard: Arc<Mutex<Vec<(Head, String)>>>,
    listener: Listener,
}

impl Peer {
    fn start() -> Peer {
        let socket = bind();
        let port = socket.local_addr().unwrap().port();
        let heard: Arc<Mutex<Vec<(Head, String)>>> = Arc::default();
        let kept = heard.clone();
        let listener = listen(socket, move |stream| {
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let mut stream = stream;
            while let Some(head) = read_head(&mut lines) {
                let body = String::from_utf8(read_body(&mut lines, &head).unwrap_or_default()).unwrap();
                let (status, answer) = match head.target.split('?').next().unwrap() {
                    "/missing" => ("404 Not Found", "no such thing\n".to_string()),
                    "/elsewhere" => ("302 Found\r\nLocation: https://example.org/", "look there\n".to_string()),
                    "/echo" => ("200 OK", head.header("authorization").unwrap_or("nothing").to_string()),
                    "/escape" => ("200 OK", "red \u{1b}[31m\u{1b}]0;title\u{7}end\n".to_string()),
                    "/never" => {
                        kept.lock().unwrap().push((head, body));
                        loop {
                            std::thread::park();
                        }
                    }
                    _ => ("200 OK", format!("{{\"got\": {}}}\n", body.len())),
                };
                kept.lock().unwrap().push((head, body));
                let said = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
                if stream.write_all(said.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Peer { port, heard, listener }
    }

    /// What it was sent last.
    fn last(&self) -> (Head, String) {
        self.heard.lock().unwrap().last().cloned().expect("nothing came")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.listener.stop();
    }
}

/// A world with a trusted command called `x`.
fn world(signature: &str, body: &str) -> World {
    let world = World::new();
    define(&world, signature, body);
    world
}

fn define(world: &World, signature: &str, body: &str) {
    let text = format!("---\nfactotum: 1\n---\n# Kit\n\n### `/x {signature}`\n\n{body}\n");
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("x.md"), text).unwrap();
}

#[test]
fn a_request_is_sent_and_its_answer_is_the_output() {
    let peer = Peer::start();
    let body = format!(
        "```http {{id=post}}\nPOST http://127.0.0.1:{}/items/{{{{name}}}}?q={{{{name}}}}\nX-Name: {{{{name}}}}\n\n{{\"name\": \"{{{{name}}}}\", \"n\": {{{{n}}}}}}\n```\n\n```sh {{stdin=post}}\ncat\n```",
        peer.port
    );
    let world = world("<name> <n>", &body);
    let out = world.run(&["run", "x", "a/b \"c\"&d", "5"]).ok();
    assert_eq!(out, "{\"got\": 31}\n{\"got\": 31}\n");
    let (head, sent) = peer.last();
    assert_eq!(
        (head.method.as_str(), head.target.as_str()),
        ("POST", "/items/a%2Fb%20%22c%22%26d?q=a%2Fb%20%22c%22%26d")
    );
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), json!({"name": "a/b \"c\"&d", "n": 5}));
    assert_eq!(head.header("x-name"), Some("a/b \"c\"&d"));
    assert_eq!(head.header("content-type"), Some("application/json"));
    let refused = world.run(&["run", "x", "a\r\nEvil: 1", "5"]).failed(6);
    assert!(refused.contains("the value of `name` holds a line end"), "{refused}");
    assert_eq!(peer.heard.lock().unwrap().len(), 1);
}

#[test]
fn a_dry_run_shows_the_request_and_sends_nothing() {
    let peer = Peer::start();
    let body = format!(
        "```http\nGET http://127.0.0.1:{}/echo?q={{{{name}}}}\nAuthorization: Bearer {{{{secret.door}}}}\n```\n\n```wait\n90s\n```\n\n```notify\nHello {{{{name}}}}\n```\n\n```say\nHello {{{{name}}}}\n```",
        peer.port
    );
    let mut world = world("<name>", &body);
    world.set("FAC_SECRET_DOOR", "open-sesame");
    let said = world.run(&["run", "x", "a b", "--dry-run"]);
    let text = format!("{}{}", said.stdout, said.stderr);
    assert_eq!(said.code, 0, "{text}");
    assert!(text.contains("/echo?q=a%20b") && text.contains("Authorization: Bearer ***"), "{text}");
    assert!(text.contains("sends the secret `door`") && text.contains("waits 1m 30s"), "{text}");
    assert!(text.matches("Hello a b").count() == 2 && !text.contains("open-sesame"), "{text}");
    assert!(peer.heard.lock().unwrap().is_empty());
}

#[test]
fn a_secret_is_sent_and_told_to_nobody_else() {
    let peer = Peer::start();
    let body =
        format!("```http\nGET http://127.0.0.1:{}/echo\nAuthorization: Bearer {{{{secret.door}}}}\n```", peer.port);
    let mut world = world("", &body);
    let missing = world.run(&["run", "x"]).failed(3);
    assert!(missing.contains("there is no secret door") && missing.contains("fac secret set door"), "{missing}");
    world.set("FAC_SECRET_DOOR", "open-sesame");
    let said = world.run(&["run", "x"]);
    assert_eq!((said.stdout.as_str(), said.code), ("Bearer ***", 0), "{}", said.stderr);
    assert_eq!(peer.last().0.header("authorization"), Some("Bearer open-sesame"));
    let everything = world.tree();
    let holds = |bytes: &[u8]| bytes.windows(11).any(|w| w == b"open-sesame");
    assert!(everything.iter().all(|(_, bytes)| !holds(bytes)));
    // Nor over a line that others can read.
    define(&world, "", "```http\nGET http://example.invalid/\nX: {{secret.door}}\n```");
    let refused = world.run(&["run", "x"]).failed(4);
    assert!(refused.contains("a secret is not sent to example.invalid, which is not encrypted"), "{refused}");
    // Nor from what a value says.
    define(&world, "<name>", &format!("```http\nPOST http://127.0.0.1:{}/\n\n{{{{name}}}}\n```", peer.port));
    world.run(&["run", "x", "{{secret.door}}"]).ok();
    assert_eq!(peer.last().1, "{{secret.door}}");
}

#[test]
fn no_error_tells_a_secret() {
    const SECRET: &str = "hooks.example.org/T0/verysecretpath";
    let mut world = world("", "```http\nPOST {{secret.hook}}/x\n\nhi\n```");
    world.set("FAC_SECRET_HOOK", SECRET);
    let quiet = |world: &World, args: &[&str], code: i32| {
        let out = world.run(args);
        assert_eq!(out.code, code, "{args:?}: {}", out.stderr);
        let holds = |bytes: &[u8]| bytes.windows(14).any(|w| w == b"verysecretpath");
        assert!(!holds(out.stderr.as_bytes()) && !holds(out.stdout.as_bytes()), "{args:?}: {out:?}");
        assert!(world.tree().iter().all(|(_, bytes)| !holds(bytes)), "{args:?}");
        out.stderr + &out.stdout
    };
    assert!(quiet(&world, &["run", "x"], 6).contains("`***/x` is no address"));
    quiet(&world, &["run", "x", "--json"], 6);
    assert!(quiet(&world, &["runs", "show", "last"], 0).contains("`***/x` is no address"));
    // Nor one that a person typed.
    let secret = "**Options:**\n- `<token>` (secret)\n\n";
    for body in [
        "```http\nGET {{token}}\n```",
        "```wait\n{{token}}\n```",
        "```run\nx2 --level {{token}}\n```",
        "```ha {service={{token}}}\na: 1\n```",
        "```mqtt {topic=a/{{token}}/+}\nx\n```",
    ] {
        define(&world, "<token>", &format!("{secret}{body}\n\n### `/x2 [level:int]`\n\n```sh\ntrue\n```"));
        let out = quiet(&world, &["run", "x", SECRET], world.run(&["run", "x", SECRET]).code);
        assert!(out.contains("error") && !out.contains("ended well"), "{body}: {out}");
        quiet(&world, &["run", "x", SECRET, "--json"], world.run(&["run", "x", SECRET]).code);
    }
    // Work in the background tells it neither: not in its job, not as an event.
    define(&world, "", "**On:**\n- `event kit.ping`\n\n**Retry:** 0\n\n```http\nPOST {{secret.hook}}/x\n\nhi\n```");
    world.run(&["auto", "enable", "x"]).ok();
    world.run(&["auto", "run", "x"]);
    world.run(&["tick"]);
    for args in [&["jobs", "ls", "--json"][..], &["jobs", "ls"], &["events", "tail", "--json"], &["auto", "trace", "x"]]
    {
        quiet(&world, args, 0);
    }
    assert!(quiet(&world, &["jobs", "ls", "--json"], 0).contains("is no address"));
}

#[test]
fn what_kept_a_request_from_its_answer_takes_nothing_of_the_record() {
    let world = world("", "```http\nPOST http://127.0.0.1:1/\n\n{{gone}}\n```");
    let said = world.run(&["run", "x"]).failed(5);
    assert!(said.contains("`gone` has no value and was sent as it stands"), "{said}");
    let shown = world.run(&["runs", "show", "last"]).ok();
    assert!(shown.contains("`gone` has no value") && shown.contains("cannot be reached"), "{shown}");
    let report: Value = serde_json::from_str(&world.run(&["runs", "show", "last", "--json"]).ok()).unwrap();
    assert!(report["run"]["steps"][0]["duration_ms"].as_f64().is_some_and(|took| took > 0.0), "{report}");
}

#[test]
fn an_answer_that_says_no_fails_the_step() {
    let peer = Peer::start();
    let url = |path: &str| format!("```http\nhttp://127.0.0.1:{}/{path}\n```\n\n```sh\necho next\n```", peer.port);
    let world = world("", &url("missing"));
    let said = world.run(&["run", "x"]);
    assert_eq!((said.stdout.as_str(), said.code), ("no such thing\n", 1));
    assert!(said.stderr.contains("127.0.0.1 answered 404 Not Found"), "{}", said.stderr);
    let report: Value = serde_json::from_str(&world.run(&["run", "x", "--json"]).stdout).unwrap();
    assert_eq!(report["run"]["steps"][0]["status"], "failed", "{report}");
    define(&world, "", &url("elsewhere"));
    let said = world.run(&["run", "x"]);
    assert_eq!((said.stdout.as_str(), said.code), ("look there\nnext\n", 0));
    assert!(said.stderr.contains("answered 302 Found; it is not followed: https://example.org/"), "{}", said.stderr);
    define(&world, "", "```http\nGET http://127.0.0.1:1/\n```");
    world.run(&["run", "x"]).failed(5);
    define(&world, "", "```http\nGET ftp://127.0.0.1/\n```");
    let said = world.run(&["run", "x"]).failed(6);
    assert!(said.contains("`ftp://127.0.0.1/` is no address that begins with https:// or http://"), "{said}");
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let peer = Peer::start();
    let world = world("", &format!("```http {{timeout=300ms}}\nGET http://127.0.0.1:{}/never\n```", peer.port));
    world.run(&["run", "x"]).failed(124);
    assert_eq!(peer.last().0.target, "/never");
}

#[test]
fn a_notification_without_a_desktop_is_said_on_standard_error() {
    let world = world("<name>", "```notify {urgency=low}\nThe door\nis {{name}}\n```");
    let said = world.run(&["run", "x", "open\u{1b}[31m now"]);
    assert_eq!((said.stdout.as_str(), said.code), ("", 0));
    assert!(
        said.stderr.contains("notification (there is no desktop session): The door\nis open now\n"),
        "{}",
        said.stderr
    );
    define(&world, "", "```notify {urgency=loud}\nx\n```");
    let said = world.run(&["run", "x"]).failed(6);
    assert!(said.contains("`urgency=loud` is none of low, normal, critical"), "{said}");
}

#[test]
fn a_desktop_that_does_not_serve_falls_back_too() {
    let mut world = world("", "```notify\nThe door\n```");
    world.set("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}/no-bus", world.home().display()));
    let said = world.run(&["run", "x"]);
    assert_eq!(said.code, 0);
    assert!(said.stderr.contains("notification (") && said.stderr.contains("): The door"), "{}", said.stderr);
}

#[test]
fn a_notification_goes_to_the_desktop_as_text() {
    let mut world = world("<name>", "```notify {urgency=critical}\nThe door\nis {{name}}\n```");
    if ["dbus-daemon", "dbus-monitor"].iter().any(|program| world.which(program).is_none()) {
        println!("skipped: there is no dbus-daemon");
        return;
    }
    let address = format!("unix:path={}", world.home().join("bus").display());
    let bus = world.program("dbus-daemon", &["--session", "--nofork", "--print-address", "--address", &address]);
    let bus = Reading::start(bus, "unix:path=");
    world.set("DBUS_SESSION_BUS_ADDRESS", &address);
    let monitor = Reading::start(world.program("dbus-monitor", &["--session"]), "NameLost");
    let said = world.run(&["run", "x", "<b>open</b> & \"so\""]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    // Nobody shows notifications on this bus, so it is said here too.
    assert!(said.stderr.contains("): The door\nis <b>open</b> & \"so\"\n"), "{}", said.stderr);
    let told = monitor.until("byte 2");
    assert!(told.contains("interface=org.freedesktop.Notifications; member=Notify"), "{told}");
    assert!(told.contains("string \"The door\""), "{told}");
    assert!(told.contains("string \"is &lt;b&gt;open&lt;/b&gt; &amp; \"so\"\""), "{told}");
    drop((monitor, bus));
}

/// A program whose words are waited for; it ends with the test.
struct Reading {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Reading {
    fn start(mut command: std::process::Command, ready: &str) -> Reading {
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let reading = Reading { child, lines };
        reading.until(ready);
        reading
    }

    /// All lines up to one that holds this.
    fn until(&self, last: &str) -> String {
        let mut all = String::new();
        while !all.contains(last) {
            all += &self.lines.recv_timeout(std::time::Duration::from_secs(60)).expect(&all);
            all.push('\n');
        }
        all
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_sun_needs_a_place_before_it_may_fire() {
    let world = world("", "**On:**\n- `schedule sunset -30m`\n\n```sh\ntrue\n```");
    let said = world.run(&["auto", "enable", "x"]).failed(5);
    assert!(said.contains("fac config set automations.latitude"), "{said}");
    world.run(&["config", "set", "automations.latitude", "52.5"]).ok();
    world.run(&["config", "set", "automations.longitude", "13.4"]).ok();
    world.run(&["auto", "enable", "x"]).ok();
    let said = world.run(&["config", "set", "automations.longitude", "east"]).failed(2);
    assert!(said.contains("automations.longitude wants degrees from -180 to 180 such as 52.5"), "{said}");
}

#[test]
fn what_a_step_says_comes_out_of_the_loudspeaker() {
    if !are_here(&["pulseaudio", "pactl", "parec"]) {
        return;
    }
    let world = sound::world();
    define(&world, "<name>", "```say\n**Hello** {{name}}.\n```");
    let pulse = Pulse::start(&world);
    // A sweep, which is like itself in one place only.
    let clip: Vec<f32> = (0..24_000).map(|n| (n as f32 * n as f32 * 2e-6).sin() * 0.4).collect();
    let made = sound::write_wav(&world.path("made.wav"), &clip, 1, 1);
    let script = format!("#!/bin/sh\ncat > {}\ncat {}\n", world.path("asked").display(), made.display());
    let program = world.write("bin/speak", script);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = json!([program]).to_string();
    world.run(&["config", "set", "voice.speakers.mine.command", &command]).ok();
    world.run(&["config", "set", "voice.speaker", "mine"]).ok();
    let recorder = pulse.record("virtspk.monitor");
    world.run(&["run", "x", "Ada"]).ok();
    assert_eq!(world.read("asked").trim(), "Hello Ada.");
    let heard = recorder.after(24_000);
    assert!(likeness(&clip, &heard) > 0.9, "{}", likeness(&clip, &heard));
    // Nothing to say is a mistake, and so is a voice that nobody has.
    define(&world, "", "```say\n***\n```");
    let said = world.run(&["run", "x"]).failed(6);
    assert!(said.contains("has nothing to say"), "{said}");
    define(&world, "", "```say {speaker=nobody}\nHello\n```");
    world.run(&["run", "x"]).failed(3);
}

#[test]
fn a_step_that_speaks_is_silenced_when_its_time_is_over() {
    if !are_here(&["pulseaudio", "pactl", "parec"]) {
        return;
    }
    let world = sound::world();
    define(&world, "", "```say {timeout=2s}\nA long one.\n```");
    let _pulse = Pulse::start(&world);
    let clip: Vec<f32> = (0..300 * 48_000).map(|n| (n as f32 * 0.06).sin() * 0.4).collect();
    let made = sound::write_wav(&world.path("made.wav"), &clip, 1, 1);
    world.run(&["config", "set", "voice.speakers.mine.command", &json!(["cat", made]).to_string()]).ok();
    world.run(&["run", "x"]).failed(124);
}

#[test]
fn a_pause_until_a_time_lasts_as_long_as_the_clock_says() {
    let mut world = world("", "```wait\nuntil 07:30\n```\n\n```sh\necho woke\n```");
    world.set("FAC_TEST_CLOCK", "2026-11-21T07:29:59.7Z");
    assert_eq!(world.run(&["run", "x"]).ok(), "woke\n");
    define(&world, "", "```wait {timeout=100ms}\nuntil 09:00\n```");
    world.run(&["run", "x"]).failed(124);
    define(&world, "", "```wait\nuntil noon\n```");
    let said = world.run(&["run", "x"]).failed(6);
    assert!(said.contains("`until noon` names no time such as `until 07:30`"), "{said}");
}

#[test]
fn what_is_wrong_with_triggers_is_told_with_its_line() {
    let world = World::new();
    let text = "---\nfactotum: 1\n---\n# Kit\n\n### `/x`\n**On:**\n- `schedule \"0 9 30 2 *\"`\n- `mqtt a/#/b`\n- `mqtt a/b paylod=x`\n- `file a/b`\n- `schedule every 15m`\n**If:** trigger.x ==\n\n```sh\ntrue\n```\n";
    world.write("kit.md", text);
    let said = world.run(&["commands", "check", "kit.md", "--json"]);
    assert_eq!(said.code, 6);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    let lines: Vec<(u64, &str)> = found["check"]["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["line"].as_u64().unwrap(), d["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        lines[1..],
        [
            (8, "`0 9 30 2 *` names a day that never comes"),
            (9, "the topic filter `a/#/b` is invalid: `#` may only stand at the end"),
            (10, "`paylod=` is no option of `mqtt`; did you mean `payload=`?"),
            (11, "`a/b` must begin with `/` or `~/`: an automation starts in no folder"),
        ]
    );
    assert!(lines[0].1.starts_with("the condition `trigger.x ==` cannot be read: "), "{lines:?}");
}

#[test]
fn what_triggers_there_are_is_told() {
    let world = World::new();
    let said = world.run(&["auto", "triggers", "mqtt"]).ok();
    assert!(said.starts_with("mqtt: a message of a broker"), "{said}");
    assert!(said.contains("  - `mqtt home/+/button payload=press`\n") && said.contains("  retained=  "), "{said}");
    assert!(said.contains("  tells trigger.topic, trigger.payload,"), "{said}");
    let all: Value = serde_json::from_str(&world.run(&["auto", "triggers", "--json"]).ok()).unwrap();
    assert_eq!(all["triggers"].as_array().unwrap().len(), 8);
    assert_eq!(all["triggers"][0]["options"]["grace"], "how late is still in time (90s)");
    world.run(&["auto", "triggers", "telegram"]).failed(2);
}

#[test]
fn an_entry_names_the_link_by_which_fac_was_called_and_that_there_is_no_crontab() {
    let mut world = World::new();
    let link = world.path("bin/fac");
    std::fs::create_dir_all(world.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fac"), &link).unwrap();
    world.set("PATH", world.path("bin").to_str().unwrap());
    let out = finish(world.program("/bin/sh", &["-c", "fac auto install cron --dry-run"]), b"");
    assert!(out.code == 0 && out.stdout.contains(&format!(" {} --home ", link.display())), "{out:?}");
    assert!(out.stderr.contains("there is no `crontab` on this machine"), "{out:?}");
}

#[test]
fn cron_is_told_once_and_forgets_again() {
    let mut world = World::new();
    let bin = world.path("bin");
    let script = "#!/bin/sh\nT=$HOME/table\nif [ \"$1\" = -l ]; then [ -e $T ] || { echo no crontab for me >&2; exit 1; }; cat $T; else cat > $T; fi\n";
    let program = world.write("bin/crontab", script);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.prepend_path(&bin);
    let table = world.home().join("table");
    std::fs::write(&table, "0 5 * * * mine\n").unwrap();
    let said = world.run(&["auto", "install", "cron"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let written = std::fs::read_to_string(&table).unwrap();
    assert!(written.starts_with("0 5 * * * mine\n# factotum ("), "{written}");
    assert!(written.contains(&format!(" --home {} tick --quiet\n", world.fac().display())), "{written}");
    let again: Value = serde_json::from_str(&world.run(&["auto", "install", "cron", "--json"]).ok()).unwrap();
    assert_eq!(again["install"]["changed"], false);
    assert_eq!(std::fs::read_to_string(&table).unwrap(), written);
    assert!(world.run(&["auto", "install", "cron", "--show"]).ok().contains(" tick --quiet"));
    world.run(&["auto", "install", "cron", "--remove"]).ok();
    assert_eq!(std::fs::read_to_string(&table).unwrap(), "0 5 * * * mine\n");
    world.run(&["auto", "install", "cron", "--up"]).failed(2);
    let dry = world.run(&["auto", "install", "systemd", "--dry-run"]).ok();
    assert!(dry.contains("OnCalendar=minutely") && !world.home().join(".config/systemd").exists(), "{dry}");
}
