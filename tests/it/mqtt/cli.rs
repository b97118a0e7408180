//! `fac mqtt` as a person uses it.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Sub, feed, keep_secret};
use crate::support::lines_of;
use crate::support::mosquitto::{Mosquitto, PASSWORD, PATIENCE};
use crate::support::pty::Seat;
use crate::support::world::World;

#[test]
fn what_is_published_is_heard_in_both_versions() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = broker.url();
    for version in ["5", "3.1.1"] {
        let sub = Sub::start(&world, &["home/#", "-b", &url, "--protocol", version], &broker);
        for (qos, text) in [("0", "none"), ("1", "once"), ("2", "exactly")] {
            world.run(&["mqtt", "pub", "home/lamp", text, "-b", &url, "--qos", qos, "--protocol", version]).ok();
            assert_eq!(sub.next(), format!("home/lamp {text}"), "{version}");
        }
        world.run_with(&["mqtt", "pub", "home/piped", "-b", &url], "piped in").ok();
        assert_eq!(sub.next(), "home/piped piped in");
        world.write("file.txt", "from a file");
        world.run(&["mqtt", "pub", "home/file", "--file", "file.txt", "-b", &url]).ok();
        assert_eq!(sub.next(), "home/file from a file");
        let out =
            world.run_with(&["mqtt", "pub", "home/l", "--lines", "--qos", "1", "-b", &url, "--json"], "a\nb\r\n\nd");
        assert_eq!(serde_json::from_str::<Value>(&out.ok()).unwrap()["sent"], json!(4));
        let heard: Vec<String> = (0..4).map(|_| sub.next()).collect();
        assert_eq!(heard, ["home/l a", "home/l b", "home/l ", "home/l d"]);
    }
}

#[test]
fn lines_are_sent_as_they_come() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let sub = Sub::start(&world, &["raw", "-b", &broker.url()], &broker);
    let mut command = world.command(&["mqtt", "pub", "raw", "--lines", "-b", &broker.url()]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    feed(&mut child, "first\n");
    assert_eq!(sub.next(), "raw first");
    feed(&mut child, "second\n");
    assert_eq!(sub.next(), "raw second");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn retained_messages_are_kept_told_apart_and_taken_away() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = broker.url();
    world.run(&["mqtt", "pub", "state/a", "on", "--retain", "--qos", "1", "-b", &url]).ok();
    let kept = |args: &[&str]| world.run(&[&["mqtt", "sub", "state/#", "-b", &url], args].concat());
    assert_eq!(kept(&["--retained"]).ok(), "state/a on\n");
    assert_eq!(kept(&["-C", "1", "-F", "%t %r %l %x"]).ok(), "state/a 1 2 6f6e\n");
    assert!(kept(&["-R", "-C", "1", "-W", "400ms"]).failed(124).contains("0 of 1 messages came in time"));
    assert_eq!(kept(&["-T", "state/+", "-W", "300ms"]).ok(), "");
    assert!(kept(&["--retained", "-C", "2"]).failed(124).contains("1 of 2 messages"));
    world.run(&["mqtt", "pub", "state/a", "--null", "--retain", "--qos", "1", "-b", &url]).ok();
    assert_eq!(kept(&["--retained"]).ok(), "");
}

#[test]
fn everything_of_a_message_is_told_as_json() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = broker.url();
    let sub = Sub::start(&world, &["j/#", "-b", &url, "--json"], &broker);
    let said = ["--content-type", "text/plain", "--response-topic", "j/answer", "--correlation", "42"];
    let more = ["--expiry", "1m", "--property", "a=1", "--property", "b=2=3", "--text"];
    world.run(&[&["mqtt", "pub", "j/x", "hi", "-b", &url], &said[..], &more[..]].concat()).ok();
    let heard: Value = serde_json::from_str(&sub.next()).unwrap();
    assert_eq!((&heard["topic"], &heard["payload"], &heard["qos"]), (&json!("j/x"), &json!("hi"), &json!(0)));
    let properties = &heard["properties"];
    assert_eq!((&properties["content_type"], &properties["expiry"]), (&json!("text/plain"), &json!(60)));
    assert_eq!((&properties["correlation_base64"], &properties["is_text"]), (&json!("NDI="), &json!(true)));
    assert_eq!(properties["user"], json!([["a", "1"], ["b", "2=3"]]));
    world.run_with(&["mqtt", "pub", "j/bytes", "-b", &url], [0xff, 0x00, 0x1b]).ok();
    let heard: Value = serde_json::from_str(&sub.next()).unwrap();
    assert_eq!((&heard["payload"], &heard["encoding"]), (&json!("/wAb"), &json!("base64")));
    let refused = world.run(&["mqtt", "pub", "x", "y", "-b", &url, "--protocol", "3.1.1", "--expiry", "5s"]);
    assert!(refused.failed(2).contains("needs MQTT 5"));
}

#[test]
fn bytes_go_through_a_pipe_as_they_are_and_never_act_on_a_terminal() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = broker.url();
    let bytes: Vec<u8> = (0..=255).collect();
    world.run_with(&["mqtt", "pub", "all", "--retain", "--qos", "1", "-b", &url], &bytes).ok();
    let mut command = world.command(&["mqtt", "sub", "all", "-C", "1", "--raw", "-b", &url]);
    assert_eq!(command.output().unwrap().stdout, bytes);
    let (code, shown) = Seat::fac(&world, &["mqtt", "sub", "all", "-C", "1", "-b", &url], 80, 24).end_rest();
    assert_eq!(code, 0);
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
}

#[test]
fn tls_passwords_certificates_and_websockets() {
    let (broker, world) = (Mosquitto::start(true), World::new());
    keep_secret(&world, "mq", PASSWORD);
    keep_secret(&world, "bad", "not-this-one");
    let ca = broker.file("ca.crt").display().to_string();
    let set = |name: &str, settings: &[(&str, &str)]| {
        for (key, value) in settings {
            world.run(&["config", "set", &format!("broker.{name}.{key}"), value]).ok();
        }
    };
    let closed = format!("mqtt://127.0.0.1:{}", broker.closed);
    let tls = format!("mqtts://127.0.0.1:{}", broker.tls);
    let named = format!("mqtts://localhost:{}", broker.tls);
    let mutual = format!("mqtts://127.0.0.1:{}", broker.mutual);
    let ws = format!("ws://127.0.0.1:{}/mqtt", broker.ws);
    let (cert, key) =
        (broker.file("client.crt").display().to_string(), broker.file("client.key").display().to_string());
    let other = broker.file("other.crt").display().to_string();
    set("closed", &[("url", &closed), ("user", "ada"), ("secret", "mq")]);
    set("tls", &[("url", &tls), ("user", "ada"), ("secret", "mq"), ("ca_file", &ca)]);
    set("named", &[("url", &named), ("user", "ada"), ("secret", "mq"), ("ca_file", &ca)]);
    set("mutual", &[("url", &mutual), ("ca_file", &ca), ("cert_file", &cert), ("key_file", &key)]);
    set("ws", &[("url", &ws)]);
    set("wrong", &[("url", &tls), ("user", "ada"), ("secret", "bad"), ("ca_file", &ca)]);
    set("stranger", &[("url", &tls), ("user", "ada"), ("secret", "mq"), ("ca_file", &other)]);
    set("bare", &[("url", &mutual), ("ca_file", &ca)]);
    let other_key = broker.file("other.key").display().to_string();
    set("foreign", &[("url", &mutual), ("ca_file", &ca), ("cert_file", &other), ("key_file", &other_key)]);
    set("plain", &[("url", &format!("mqtts://127.0.0.1:{}", broker.open)), ("ca_file", &ca)]);
    let publish = |name: &str, version: &str| {
        world.run(&["mqtt", "pub", "x", "y", "--qos", "1", "-b", name, "--protocol", version])
    };
    for version in ["5", "3.1.1"] {
        for name in ["closed", "tls", "named", "mutual", "ws"] {
            publish(name, version).ok();
        }
        let said = publish("wrong", version).failed(4);
        assert!(said.contains("refuses user and password") && !said.contains("not-this-one"), "{said}");
        let said = publish("stranger", version).failed(5);
        assert!(said.contains("certificate") && said.contains("ca_file"), "{said}");
        publish("bare", version).failed(5);
        let said = publish("foreign", version).failed(5);
        assert!(said.contains("does not take your certificate"), "{said}");
        let said = publish("plain", version).failed(5);
        assert!(said.contains("whether TLS is spoken there"), "{said}");
    }
    let out = world.run(&["mqtt", "status", "--json"]);
    assert_eq!(out.code, 5, "{out:?}");
    let all: Value = serde_json::from_str(&out.stdout).unwrap();
    let of = |name: &str| all["brokers"].as_array().unwrap().iter().find(|b| b["name"] == name).unwrap().clone();
    assert_eq!(of("tls")["answers"], json!(true));
    assert_eq!(of("closed")["broker"].as_str().map(|b| b.starts_with("mosquitto version")), Some(true));
    assert_eq!(of("wrong")["error"]["kind"], json!("refused"));
    // What is secret is nowhere but in the secrets.
    for (path, text) in world.tree() {
        let leaks = text.windows(PASSWORD.len()).any(|w| w == PASSWORD.as_bytes());
        assert!(!leaks || path.ends_with("secrets.json"), "{path:?}");
    }
}

#[test]
fn failures_say_what_to_do() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = broker.url();
    let free = crate::support::http::bind().local_addr().unwrap().port();
    let away = format!("mqtt://127.0.0.1:{free}");
    let closed = format!("mqtt://127.0.0.1:{}", broker.closed);
    for (args, code, said) in [
        (&["pub", "a", "b", "-b", away.as_str()][..], 5, "cannot be talked to: Connection refused"),
        (&["sub", "a", "-b", away.as_str()], 5, "cannot be talked to"),
        (&["pub", "a", "b", "-b", closed.as_str()], 4, "refuses user and password"),
        (&["pub", "a/#", "b", "-b", url.as_str()], 2, "holds a wildcard"),
        (&["pub", "", "b", "-b", url.as_str()], 2, "is empty"),
        (&["sub", "a/#/b", "-b", url.as_str()], 2, "has a # that is not alone at its end"),
        (&["pub", "a", "b", "-b", "nowhere"], 3, "there is no broker `nowhere`"),
        (&["pub", "a", "b", "-b", "mqtt://ada:secret-word@host"], 4, "no place for a password"),
        (&["pub", "a", "b", "-b", "ada:secret-word@host"], 3, "no broker `…@host`"),
        (&["pub", "a", "b", "-b", "http://host"], 2, "a broker is not reached by http://"),
        (&["pub", "a", "b", "-b", url.as_str(), "--user", "ada", "--secret", "none"], 3, "there is no secret none"),
        (&["sub", "a", "-b", url.as_str(), "-F", "%z"], 2, "%z stands for nothing"),
        (&["pub", "a", "b", "-b", url.as_str(), "--qos", "3"], 2, "it is 0, 1 or 2"),
        (&["sub", "$share/g/a", "-b", url.as_str(), "--protocol", "3.1.1"], 2, "needs MQTT 5"),
    ] {
        let stderr = world.run(&[&["mqtt"], args].concat()).failed(code);
        assert!(stderr.contains(said) && !stderr.contains("secret-word"), "{args:?}: {stderr}");
    }
    world.run(&["config", "set", "broker.a.url", &url]).ok();
    world.run(&["mqtt", "pub", "x", "y"]).ok();
    // Options may stand behind the topic, and a number may be below zero.
    let heard = broker.listen(&["-t", "o", "-F", "%q %p"]);
    world.run_with(&["mqtt", "pub", "o", "-Q1"], "piped").ok();
    world.run(&["mqtt", "pub", "o", "-5.5"]).ok();
    world.run(&["mqtt", "pub", "o", "--", "-x"]).ok();
    ["0 piped", "0 -5.5", "0 -x"].iter().for_each(|wanted| drop(heard.until(|line| line == *wanted)));
    world.run(&["config", "set", "broker.b.url", &away]).ok();
    assert!(world.run(&["mqtt", "pub", "x", "y"]).failed(2).contains("which broker? There are a, b"));
    world.run(&["config", "set", "mqtt.broker", "a"]).ok();
    world.run(&["mqtt", "pub", "x", "y"]).ok();
}

#[test]
fn a_kept_session_holds_what_was_missed_and_what_a_killed_one_had_not_printed() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = broker.url();
    for version in ["5", "3.1.1"] {
        let id = format!("keeper-{version}");
        let listen = |count: &str| {
            let args =
                ["mqtt", "sub", "kept/#", "-Q", "1", "--id", &id, "--keep", "1h", "-b", &url, "-C", count, "-W", "60s"];
            world.command(&[&args[..], &["--protocol", version]].concat())
        };
        let mut first = listen("1").stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(first.stdout.take().unwrap());
        while lines.try_recv().is_err() {
            broker.publish(&["-t", "kept/knock", "-m", "knock", "-q", "1"]);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(first.wait().unwrap().success());
        for text in ["one", "two", "three"] {
            broker.publish(&["-t", "kept/x", "-m", text, "-q", "1"]);
        }
        let mut out = listen("20").stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(out.stdout.take().unwrap());
        let mut heard = Vec::new();
        while heard.len() < 3 {
            let line = lines.recv_timeout(PATIENCE).unwrap();
            if !line.contains("knock") {
                heard.push(line);
            }
        }
        assert_eq!(heard, ["kept/x one", "kept/x two", "kept/x three"], "{version}");
        out.kill().unwrap();
        out.wait().unwrap();
    }
}

#[test]
fn the_will_is_published_after_a_kill_and_not_after_a_goodbye() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = broker.url();
    let will = ["--will-topic", "gone", "--will-message", "gone without a word", "--will-qos", "1"];
    let heard = broker.listen(&["-t", "gone", "-t", "after", "-q", "1"]);
    let mut polite = Sub::start(&world, &[&["x", "-b", &url], &will[..]].concat(), &broker);
    let pid = rustix::process::Pid::from_child(&polite.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(polite.child.wait().unwrap().code(), Some(130));
    broker.publish(&["-t", "after", "-m", "after the goodbye", "-q", "1"]);
    let first = heard.until(|line| line.contains("after the") || line == "gone without a word");
    assert!(first.contains("after the goodbye"), "{first}");
    let mut rude = Sub::start(&world, &[&["x", "-b", &url], &will[..]].concat(), &broker);
    rude.child.kill().unwrap();
    heard.until(|line| line == "gone without a word");
}

#[test]
fn what_a_broker_refuses_is_refused() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let url = format!("mqtt://127.0.0.1:{}", broker.guarded);
    for qos in ["1", "2"] {
        let said = world.run(&["mqtt", "pub", "a", "x", "-b", &url, "-Q", qos]).failed(4);
        assert!(said.contains("refuses the message: not authorized"), "{said}");
        world.run(&["mqtt", "pub", "b/x", "x", "-b", &url, "-Q", qos]).ok();
        let lines = world.run_with(&["mqtt", "pub", "a", "--lines", "-b", &url, "-Q", qos], "one\ntwo\n").failed(4);
        assert!(lines.contains("refuses the message: not authorized"), "{lines}");
    }
    for (version, why) in [("5", "not authorized"), ("3.1.1", "it may not be listened to")] {
        let sub = |topics: &[&str]| {
            world.run(&[&["mqtt", "sub", "-b", &url, "--protocol", version, "-W", "2s"], topics].concat())
        };
        let said = sub(&["a"]).failed(4);
        assert!(said.contains(&format!("refuses the subscription a: {why}")), "{said}");
        let all = sub(&["a", "c/#", "a"]).failed(4);
        assert!(all.contains("the subscription a") && all.contains("the subscription c/#"), "{all}");
        // One that is taken is listened to, and the other is told.
        let out = sub(&["a", "b/#"]);
        let (said, code) = (out.stderr.clone(), out.code);
        assert!(code == 0 && said.contains("the subscription a") && !said.contains("b/#"), "{said}");
    }
    world.run(&["config", "set", "broker.home.url", &url]).ok();
    define(&world, "### `/tell <topic>`\n```mqtt {topic={{topic}}}\nhello\n```\n");
    world.run(&["tell", "b/x"]).ok();
    let said = world.run(&["tell", "a"]).failed(4);
    assert!(said.contains("refuses the message: not authorized"), "{said}");
}

#[test]
fn a_message_that_is_too_large_holds_up_and_doubles_no_other() {
    let (broker, world) = (Mosquitto::start_with(false, "max_packet_size 2000\n"), World::new());
    let url = broker.url();
    let lines = format!("one\n{}\ntwo\nthree\n", "x".repeat(5000));
    for (version, qos) in [("5", "0"), ("5", "1"), ("3.1.1", "1")] {
        let sub = Sub::start(&world, &["l/#", "-b", &url], &broker);
        let args = ["mqtt", "pub", "l/x", "--lines", "-b", &url, "-Q", qos, "--protocol", version, "--timeout", "60s"];
        let said = world.run_with(&args, &lines).failed(4);
        let why = if version == "5" { "takes 2000 bytes at a time" } else { "ends the connection at this message" };
        assert!(said.contains(why) && !said.contains("client id"), "{said}");
        let mut heard: Vec<String> = (0..3).map(|_| sub.next()).collect();
        if version == "5" {
            assert_eq!(heard, ["l/x one", "l/x two", "l/x three"], "{version} {qos}");
            continue;
        }
        // A connection that ends may cost the acknowledgement of what was sent just before; nothing more.
        while heard.last().is_none_or(|last| last != "l/x three") {
            heard.push(sub.next());
        }
        heard.dedup();
        assert_eq!(heard, ["l/x one", "l/x two", "l/x three"], "{version} {qos}");
    }
}

#[test]
fn what_no_message_can_say_is_told_before_anything_is_sent() {
    let (broker, world) = (Mosquitto::start(false), World::new());
    let (url, long) = (broker.url(), "x".repeat(70_000));
    let property = format!("a={long}");
    for (args, said) in [
        (&["--will-topic", "w", "--will-message", long.as_str()][..], "what a last will says has 70000 bytes"),
        (&["--will-topic", "w/#"], "holds a wildcard"),
        (&["--will-topic", ""], "is empty"),
        (&["--property", property.as_str()], "a property has 70000 bytes"),
        (&["--content-type", "a\tb"], "holds a control character"),
        (&["-i", long.as_str()], "the name of the connection has 70000 bytes"),
        (&["--ca-file", "/nowhere"], "is without TLS"),
    ] {
        let said_there = world.run(&[&["mqtt", "pub", "x", "y", "-b", url.as_str()], args].concat()).failed(2);
        assert!(said_there.contains(said) && said_there.len() < 500, "{said}: {said_there}");
    }
    let said = world.run(&["mqtt", "pub", long.as_str(), "y", "-b", &url]).failed(2);
    assert!(said.contains("is longer than 65535 bytes") && said.len() < 500, "{said}");
    // So many are not made before the first is sent.
    let heard = broker.listen(&["-t", "often", "-C", "2"]);
    let mut child =
        world.command(&["mqtt", "pub", "often", "x", "--repeat", "99999999999", "-b", &url]).spawn().unwrap();
    heard.until(|line| line == "x");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn whoever_waits_for_a_broker_that_does_not_answer_can_end_it() {
    let world = World::new();
    let silent = crate::support::http::bind();
    let url = format!("mqtt://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let said = world.run(&["mqtt", "sub", "a", "-C", "1", "-W", "300ms", "-b", &url]).failed(124);
    assert!(said.contains("0 of 1 messages came in time"), "{said}");
    let said = world.run(&["mqtt", "sub", "a", "-W", "300ms", "-b", &url]).failed(5);
    assert!(said.contains("does not answer"), "{said}");
    let mut child = world.command(&["mqtt", "sub", "a", "-b", &url]).spawn().unwrap();
    // It has connected when this accepts, and waits for an answer then.
    let _held = silent.incoming().nth(2).unwrap().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_step_publishes_and_says_when_it_cannot() {
    let (mut broker, world) = (Mosquitto::start(false), World::new());
    world.run(&["config", "set", "broker.home.url", &broker.url()]).ok();
    world.run(&["config", "set", "broker.home.timeout", "3s"]).ok();
    let text = "---\nfactotum: 1\n---\n# Lamps\n### `/lamp <room> [state=on|off]`\n\n\
                ```mqtt {topic=home/{{room}}/set qos=2 retain}\n{\"state\": \"{{state}}\"}\n```\n\
                ```mqtt\nhome/log\nlamp {{room}}\nis {{state}}\n```\n";
    define(&world, text);
    let heard = broker.listen(&["-t", "home/#", "-F", "%t|%r|%p"]);
    world.run(&["lamp", "kitchen", "--state", "off"]).ok();
    heard.until(|line| line == "home/kitchen/set|0|{\"state\": \"off\"}");
    heard.until(|line| line == "home/log|0|lamp kitchen");
    heard.until(|line| line == "is off");
    let refused = world.run(&["lamp", "+"]).failed(6);
    assert!(refused.contains("holds a wildcard"), "{refused}");
    broker.end();
    let away = world.run(&["lamp", "kitchen"]).failed(5);
    assert!(away.contains("is away"), "{away}");
    // Its own time is another thing than the patience with a broker.
    define(&world, "### `/soon`\n```mqtt {topic=a timeout=200ms}\nx\n```\n");
    let late = world.run(&["soon"]).failed(124);
    assert!(late.contains("is away"), "{late}");
}

fn define(world: &World, text: &str) {
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    let head = if text.starts_with("---") { "" } else { "---\nfactotum: 1\n---\n# Own\n" };
    std::fs::write(folder.join("own.md"), format!("{head}{text}")).unwrap();
}
