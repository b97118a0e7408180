//! Automations: how long from a message until its rule acts, what asking a thousand rules costs, what waiting costs.
//!
//! The broker is a mosquitto of its own on loopback; where there is none, what needs one is left out. Under
//! `tests/peers/homeassistant.py` it is the one that Home Assistant hears too, and the same rule there stands beside ours.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use factotum::automations::ha::Home;
use factotum::automations::happening::Happening;
use factotum::automations::rules::{Bounds, Machine, Rule};
use factotum::automations::trigger;
use factotum::commands::model::{Mode, Trigger};
use factotum::kernel::clock::Timestamp;
use factotum::kernel::http::{Http, Settings, Tls};
use factotum::kernel::secret::Secret;
use factotum::store::RuleKey;
use rumqttc_v4::{AsyncClient, Event, MqttOptions, NetworkOptions, Packet, PublishOptions, QoS};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::measure::{Runner, percentile, race, table};
use crate::place::Place;

const RULES: usize = 1_000;
const MESSAGES: usize = 300;
/// Messages before those, which are not counted.
const FIRST: usize = 10;
/// How long a message waits once the one before it was heard: as people press buttons, and as fast as it goes.
const GAPS: [(&str, Duration); 2] = [("now and then", Duration::from_millis(50)), ("one upon another", Duration::ZERO)];
/// Where Debian puts it, which is not on everybody's PATH.
const MOSQUITTO: &str = "/usr/sbin/mosquitto";

/// Everything about automations.
pub fn automations(place: &Rc<Place>, rounds: usize) {
    matching();
    let Some(broker) = Broker::start(&place.path("work")) else {
        println!("\nmessages are left out: mosquitto is not installed");
        return;
    };
    one_shot(place, &broker, rounds);
    reaction(place, &broker);
}

fn matching() {
    let trigger = |n: usize| Trigger {
        kind: "mqtt".into(),
        args: vec![format!("home/room{n}/+/state")],
        options: [("payload".to_string(), "on".to_string())].into(),
        line: 1,
    };
    let rule = |n: usize| {
        let trigger = trigger(n);
        let (wanted, timing) = trigger::parse(&trigger).unwrap();
        Rule {
            key: RuleKey { source: "bench".into(), command: format!("r{n}") },
            name: format!("r{n}"),
            digest: "0".into(),
            triggers: vec![(trigger, wanted.settle(&trigger::Here::default()), timing)],
            condition: None,
            mode: Mode::Parallel,
            retry: 0,
            enabled: Timestamp::from_micros(0),
            cwd: "/".into(),
        }
    };
    let mut machine = Machine::new(Bounds { per_minute: 0, ..Bounds::default() }, Vec::new(), &[]);
    machine.set_rules((0..RULES).map(rule).collect());
    let happenings: Vec<Happening> = (0..20_000)
        .map(|n| Happening {
            kind: "mqtt",
            data: json!({"topic": format!("home/room{}/lamp/state", n % (2 * RULES)), "payload": "on", "retain": false}),
            at: Timestamp::from_micros(1_700_000_000_000_000),
            key: None,
            depth: 0,
            kept: None,
        })
        .collect();
    let begun = Instant::now();
    let fired: usize = happenings.iter().map(|one| machine.hear(one).len()).sum();
    let took = begun.elapsed().as_secs_f64();
    println!("\nrules   ({RULES} of them, each with a topic and a payload; half of the messages are for one)");
    println!(
        "  {:>9.0} messages judged a second, {fired} of {} fire",
        happenings.len() as f64 / took,
        happenings.len()
    );
}

/// A program that is ended with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Broker {
    port: u16,
    _program: Option<Ended>,
}

impl Broker {
    fn start(folder: &Path) -> Option<Broker> {
        if let Ok(told) = std::env::var("MQTT_URL") {
            return Some(Broker { port: told.rsplit_once(':')?.1.parse().ok()?, _program: None });
        }
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let settings = folder.join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n");
        std::fs::write(&settings, text).ok()?;
        let mut command = Command::new(MOSQUITTO);
        command.arg("-c").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Ended(command.spawn().ok()?);
        wait("the broker", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Broker { port, _program: Some(program) })
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn one_shot(place: &Rc<Place>, broker: &Broker, rounds: usize) {
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    place.fac(&["config", "set", "broker.bench.url", &url]).status().unwrap();
    let port = broker.port.to_string();
    let program = |name: &str, path: PathBuf, args: Vec<String>| {
        let place = Rc::clone(place);
        Runner::new(name, move || place.program(&path, &args.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
    let runners = [
        program("fac mqtt pub --qos 1", place.fac.clone(), words("mqtt pub bench/one hello --qos 1")),
        program("mosquitto_pub -q 1", "mosquitto_pub".into(), words(&format!("-p {port} -t bench/one -m hello -q 1"))),
    ];
    let times = race(rounds, &runners);
    table("one message, one program", &runners, &times);
}

const RULE: &str = "---\nfactotum: 1\n---\n# Bench\n### `/answer [payload]`\n**Mode:** queued\\\n**On:**\n\
     - `mqtt bench/in limit=100000/1m`\n\n```mqtt\nbench/out\n{{payload}}\n```\n\
     ### `/shell [payload]`\n**Mode:** queued\\\n**On:**\n- `mqtt bench/sh limit=100000/1m`\n\n\
     ```sh\nprintf '%s\\n' \"$payload\" >\"$FIFO\"\n```\n";

fn reaction(place: &Rc<Place>, broker: &Broker) {
    let folder = place.path("fac/config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("bench.md"), RULE).unwrap();
    let [fifo, of_peer] = ["work/fifo", "work/fifo-of-peer"].map(|name| place.path(name));
    assert!(Command::new("mkfifo").args([&fifo, &of_peer]).status().unwrap().success());
    place.fac(&["config", "set", "automations.max_per_minute", "0"]).status().unwrap();
    place.fac(&["auto", "enable", "answer", "shell"]).stderr(Stdio::null()).status().unwrap();
    let mut up = place.fac(&["auto", "up"]);
    let mut up = Ended(up.env("FIFO", &fifo).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut said = up.0.stderr.take().unwrap();
    // Its first word is that it runs. It goes on talking, and somebody has to listen.
    said.read_exact(&mut [0; 1]).unwrap();
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    println!("\nfrom a message to what its rule does   (QoS 1, ms; {MESSAGES} messages)");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut ours, mut theirs) = (lines(fifo), lines(of_peer.clone()));
    runtime.block_on(async {
        for (how, gap) in GAPS {
            // What of an answer's time nobody but the broker can change.
            row(&format!("the broker alone, there and back, {how}"), answers(broker, "bench/own", "bench/own", gap).await);
        }
        for (how, gap) in GAPS {
            row(&format!("fac: a message in answer, {how}"), answers(broker, "bench/in", "bench/out", gap).await);
        }
        for (how, gap) in GAPS {
            row(&format!("fac: a shell step has begun, {how}"), shells(broker, "bench/sh", &mut ours, gap).await);
        }
        if home_assistant().await.is_some() {
            for (how, gap) in GAPS {
                let times = answers(broker, "bench/ha", "bench/of-ha", gap).await;
                row(&format!("Home Assistant: a message in answer, {how}"), times);
            }
        }
        let line = format!(
            "mosquitto_sub -p {} -q 1 -t bench/peer -C {} | while read -r m; do sh -c 'printf \"%s\\n\" \"$1\" >\"$FIFO\"' sh \"$m\"; done",
            broker.port,
            GAPS.len() * (MESSAGES + FIRST)
        );
        let mut peer = place.program(Path::new("sh"), &["-c", &line]);
        let _peer = Ended(peer.env("FIFO", &of_peer).spawn().unwrap());
        for (how, gap) in GAPS {
            row(&format!("mosquitto_sub | sh, {how}"), shells(broker, "bench/peer", &mut theirs, gap).await);
        }
    });
    idle(&up.0);
}

/// The same rule in the Home Assistant that is told of, if one is.
async fn home_assistant() -> Option<()> {
    let told = |name: &str| std::env::var(name).ok();
    let (url, token, config) = (told("HA_URL")?, told("HA_TOKEN")?, told("HA_CONFIG")?);
    let rule = json!([{
        "id": "bench", "alias": "bench", "mode": "queued", "max": 100,
        "trigger": [{"platform": "mqtt", "topic": "bench/ha", "qos": 1}],
        "action": [{"service": "mqtt.publish",
                    "data": {"topic": "bench/of-ha", "payload_template": "{{ trigger.payload }}"}}],
    }]);
    // JSON is YAML.
    std::fs::write(Path::new(&config).join("automations.yaml"), rule.to_string()).ok()?;
    let home = Home {
        url: url.parse().ok()?,
        token: Secret::new(token),
        http: Http::new(&Settings::default()).ok()?,
        tls: Tls::default(),
    };
    home.call("automation", "reload", &json!({}), false).await.expect("Home Assistant takes its rule");
    tokio::time::sleep(Duration::from_secs(2)).await;
    Some(())
}

fn row(name: &str, times: Vec<f64>) {
    let at = |share| percentile(&times, share);
    println!("  {name:<44} p50 {:>7.2}   p95 {:>7.2}   p99 {:>7.2}", at(0.5), at(0.95), at(0.99));
}

/// A client of our own, and what it hears.
async fn client(broker: &Broker, hears: Option<&str>) -> (AsyncClient, UnboundedReceiver<()>) {
    let options = MqttOptions::new(format!("bench-{}", hears.unwrap_or("out")), ("127.0.0.1", broker.port));
    let (client, mut events) = AsyncClient::builder(options).capacity(64).build();
    // What is acknowledged must not wait for what is said next.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    if let Some(topic) = hears {
        client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
    }
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(event) = events.poll().await {
            if matches!(event, Event::Incoming(Packet::Publish(_))) && tell.send(()).is_err() {
                return;
            }
        }
    });
    (client, told)
}

async fn send(client: &AsyncClient, topic: &str, n: usize) {
    client.publish(topic, format!("m{n}"), PublishOptions::new(QoS::AtLeastOnce)).await.unwrap();
}

async fn answers(broker: &Broker, to: &str, from: &str, gap: Duration) -> Vec<f64> {
    let (client, mut told) = client(broker, Some(from)).await;
    let mut times = Vec::new();
    for n in 0..MESSAGES + FIRST {
        tokio::time::sleep(gap).await;
        let begun = Instant::now();
        send(&client, to, n).await;
        // The first may be sent before somebody listens.
        let heard = tokio::time::timeout(Duration::from_secs(if n < FIRST { 2 } else { 20 }), told.recv()).await;
        if n >= FIRST {
            heard.expect("an answer");
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    times
}

/// A word for each line that comes through a pipe with a name.
fn lines(fifo: PathBuf) -> UnboundedReceiver<()> {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while let Ok(text) = std::fs::read_to_string(&fifo) {
            if text.lines().any(|_| tell.send(()).is_err()) {
                return;
            }
        }
    });
    told
}

async fn shells(broker: &Broker, topic: &str, told: &mut UnboundedReceiver<()>, gap: Duration) -> Vec<f64> {
    let (client, _told) = client(broker, None).await;
    let mut times = Vec::new();
    // The peer takes a moment to subscribe.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..MESSAGES + FIRST {
        tokio::time::sleep(gap).await;
        let begun = Instant::now();
        send(&client, topic, n).await;
        let heard = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
        if n >= FIRST {
            heard.expect("a line of the script");
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    times
}

/// The processor time that waiting costs.
fn idle(up: &Child) {
    let ticks = || {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", up.id())).unwrap_or_default();
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let at = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(f64::NAN);
        at(11) + at(12)
    };
    let before = ticks();
    std::thread::sleep(Duration::from_secs(20));
    // A tick is a hundredth of a second on Linux.
    println!("\nfac auto up, idle   {:.2} % of a processor over 20 s", (ticks() - before) / 20.0);
}
