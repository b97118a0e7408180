//! A connection that lives: through a broker that is ended, killed, away, and shared with another client.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use factotum::automations::mqtt::broker::Version;
use factotum::automations::mqtt::link::{Flood, Full, Options};
use factotum::automations::mqtt::{Arrival, Broker, Link, Message, Publish, Qos, Session, Subscription, Wrong};
use factotum::kernel::config::Member;
use factotum::kernel::error::{Kind, Result};

use crate::support::mosquitto::{Mosquitto, PATIENCE};

const VERSIONS: [Version; 2] = [Version::Five, Version::Three];

fn broker_at(url: &str, version: Version) -> Broker {
    Broker { version, ..Broker::at("test", url, &Member::default()).unwrap() }
}

fn subscribe(filter: &str, qos: Qos) -> Vec<Subscription> {
    vec![Subscription { filter: filter.into(), qos, ..Subscription::default() }]
}

/// A link and what it hears.
struct Ears {
    link: Link,
    told: Receiver<Arrival>,
}

impl Ears {
    fn open(broker: &Broker, options: Options) -> Ears {
        let (tell, told): (Sender<Arrival>, _) = channel();
        let link = Link::start(broker, options, move |arrival| tell.send(arrival).err().map(|e| e.0)).unwrap();
        Ears { link, told }
    }

    fn listening(broker: &Broker, options: Options) -> Ears {
        let ears = Ears::open(broker, options);
        ears.until(|arrival| matches!(arrival, Arrival::Listening).then_some(()));
        ears
    }

    #[track_caller]
    fn until<T>(&self, wanted: impl Fn(&Arrival) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let arrival = self.told.recv_timeout(left).expect("the link tells nothing of the kind");
            if let Some(found) = wanted(&arrival) {
                return found;
            }
        }
    }

    #[track_caller]
    fn message(&self) -> Message {
        self.until(|arrival| match arrival {
            Arrival::Message(message, token) => {
                token.iter().cloned().for_each(|t| t.give());
                Some((**message).clone())
            }
            _ => None,
        })
    }

    #[track_caller]
    fn text(&self) -> String {
        String::from_utf8(self.message().payload).unwrap()
    }
}

#[test]
fn after_the_broker_comes_back_it_hears_again_though_nothing_was_kept() {
    for version in VERSIONS {
        let mut mosquitto = Mosquitto::start(false);
        let broker = broker_at(&mosquitto.url(), version);
        let options = Options { subscriptions: subscribe("a/#", Qos::Least), ..Options::default() };
        let ears = Ears::listening(&broker, options);
        mosquitto.publish(&["-t", "a/1", "-m", "before"]);
        assert_eq!(ears.text(), "before");
        for how in ["end", "kill"] {
            if how == "end" {
                mosquitto.end()
            } else {
                mosquitto.kill()
            }
            ears.until(|a| matches!(a, Arrival::Down(..)).then_some(()));
            assert!(ears.link.said().contains("not connected"), "{}", ears.link.said());
            mosquitto.again();
            ears.until(|a| matches!(a, Arrival::Up { .. }).then_some(()));
            // The subscription is on its way; a message that comes before it is nobody's.
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until {
                mosquitto.publish(&["-t", "a/1", "-m", how]);
                if let Ok(Arrival::Message(message, _)) = ears.told.recv_timeout(Duration::from_millis(200)) {
                    assert_eq!(message.payload, how.as_bytes());
                    break;
                }
            }
            assert!(Instant::now() < until, "deaf after {how}");
            while ears.told.recv_timeout(Duration::from_millis(300)).is_ok() {}
        }
    }
}

#[test]
fn nothing_sure_is_lost_when_the_broker_is_killed_in_the_middle() {
    const ALL: usize = 2000;
    for version in VERSIONS {
        let mut mosquitto = Mosquitto::start(false);
        let broker = Broker { queue: ALL, ..broker_at(&mosquitto.url(), version) };
        let session = Session { client_id: "sender".into(), ..Session::default() };
        let sender = Link::start(&broker, Options { session, ..Options::default() }, |_| None).unwrap();
        sender.wait_up(PATIENCE).unwrap();
        let (tell, ended) = channel::<(usize, Result<()>)>();
        for number in 0..ALL {
            let tell = tell.clone();
            let publish = Publish::new(format!("n/{number}"), number.to_string(), Qos::Least).kept();
            sender.send(publish, PATIENCE, move |how| drop(tell.send((number, how)))).unwrap();
            if number == ALL / 2 {
                mosquitto.kill();
                mosquitto.again();
            }
        }
        for _ in 0..ALL {
            let (number, how) = ended.recv_timeout(PATIENCE).unwrap();
            how.unwrap_or_else(|error| panic!("{version:?} {number}: {error}"));
        }
        // What the broker had not written down before it was killed is its own loss; all that came later is there.
        let ears =
            Ears::listening(&broker, Options { subscriptions: subscribe("n/#", Qos::Least), ..Options::default() });
        let mut there = std::collections::BTreeSet::new();
        while let Ok(arrival) = ears.told.recv_timeout(Duration::from_secs(1)) {
            if let Arrival::Message(message, _) = arrival {
                there.insert(message.topic);
            }
        }
        let later = (ALL / 2 + 500..ALL).filter(|n| !there.contains(&format!("n/{n}"))).count();
        assert_eq!(later, 0, "{version:?}: {} of {ALL} are there", there.len());
    }
}

#[test]
fn messages_wait_for_a_broker_that_is_away_as_many_and_as_long_as_is_said() {
    let mut mosquitto = Mosquitto::start(false);
    let broker = Broker { queue: 30, ..broker_at(&mosquitto.url(), Version::Five) };
    for (full, first) in [(Full::Newest, 0), (Full::Oldest, 20)] {
        mosquitto.end();
        let link = Link::start(&broker, Options { full, ..Options::default() }, |_| None).unwrap();
        let begun = Instant::now();
        let (tell, ended) = channel();
        for number in 0..50 {
            let tell = tell.clone();
            let publish = Publish::new(format!("w/{number}"), "x", Qos::Least).kept();
            link.send(publish, PATIENCE, move |how| drop(tell.send((number, how)))).unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "it blocks");
        let gone: Vec<(i32, Result<()>)> = (0..20).map(|_| ended.recv_timeout(PATIENCE).unwrap()).collect();
        assert!(
            gone.iter().all(|(_, how)| how.as_ref().is_err_and(|e| e.message().contains("too many messages wait")))
        );
        let short = link.publish(Publish::new("w/short", "x", Qos::Least), Duration::from_millis(50)).unwrap_err();
        assert_eq!(short.kind(), if full == Full::Newest { Kind::Failed } else { Kind::Unreachable });
        mosquitto.again();
        let mut sent: Vec<i32> = (0..29)
            .map(|_| ended.recv_timeout(PATIENCE).unwrap())
            .map(|(n, how)| {
                how.unwrap_or_else(|error| assert!(full == Full::Oldest, "{n} {error}"));
                n
            })
            .collect();
        sent.sort_unstable();
        assert!(sent.starts_with(&[first]) || full == Full::Oldest, "{sent:?}");
        assert_eq!(link.standing().connections, 1);
    }
}

#[test]
fn a_message_that_is_too_large_is_skipped_and_the_others_come() {
    let mosquitto = Mosquitto::start(false);
    for version in VERSIONS {
        let broker = Broker { max_packet: 10 * 1024, ..broker_at(&mosquitto.url(), version) };
        for keep in [None, Some(Duration::from_secs(3600))] {
            let session = Session {
                client_id: format!("{version:?}{}", keep.is_some()),
                keep,
                manual: true,
                ..Session::default()
            };
            let options = Options { session, subscriptions: subscribe("big/#", Qos::Least), ..Options::default() };
            let ears = Ears::listening(&broker, options);
            for (size, text) in [(11 << 10, "after 11 kB"), (2 << 20, "after 2 MB")] {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("big");
                std::fs::write(&file, vec![b'x'; size]).unwrap();
                mosquitto.publish(&["-t", "big/x", "-f", file.to_str().unwrap(), "-q", "1"]);
                mosquitto.publish(&["-t", "big/y", "-m", text, "-q", "1"]);
                assert_eq!(ears.text(), text, "{version:?} {keep:?}");
            }
            assert_eq!(ears.link.standing().connections, 1, "{version:?} {keep:?}");
        }
    }
}

#[test]
fn another_client_of_the_same_name_is_noticed_and_not_fought() {
    let mosquitto = Mosquitto::start(false);
    for version in VERSIONS {
        let broker = broker_at(&mosquitto.url(), version);
        let session = Session { client_id: format!("twin-{version:?}"), ..Session::default() };
        let options = Options { session, ..Options::default() };
        let (first, second) = (Ears::open(&broker, options.clone()), Ears::open(&broker, options));
        let until = Instant::now() + PATIENCE;
        let noticed = |ears: &Ears| ears.link.standing().trouble.is_some_and(|t| t.wrong == Wrong::TakenOver);
        while !noticed(&first) && !noticed(&second) {
            assert!(Instant::now() < until, "{version:?}: nobody notices");
            std::thread::sleep(Duration::from_millis(20));
        }
        let connections = first.link.standing().connections + second.link.standing().connections;
        assert!(connections <= 20, "{version:?}: they fought, {connections} times");
        let loser = if noticed(&first) { &first } else { &second };
        let again = loser.link.standing().again.unwrap().saturating_duration_since(Instant::now());
        assert!(again > Duration::from_secs(60), "{again:?}");
    }
}

#[test]
fn a_wrong_password_is_not_tried_again_soon() {
    let mosquitto = Mosquitto::start(false);
    for version in VERSIONS {
        let mut broker = broker_at(&format!("mqtt://127.0.0.1:{}", mosquitto.closed), version);
        broker.user = Some("ada".into());
        let ears = Ears::open(&broker, Options::default());
        let error = ears.link.wait_up(PATIENCE).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        let again = ears.link.standing().again.unwrap().saturating_duration_since(Instant::now());
        assert!(again > Duration::from_secs(60), "{again:?}");
    }
}

#[test]
fn a_flood_is_bounded_and_what_is_sure_comes_through() {
    let mosquitto = Mosquitto::start(false);
    let broker = broker_at(&mosquitto.url(), Version::Five);
    let (tell, told) = channel::<Message>();
    let gate = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let open = gate.clone();
    let options =
        Options { subscriptions: subscribe("f/#", Qos::Least), flood: Flood::Drop(100), ..Options::default() };
    let link = Link::start(&broker, options, move |arrival| match arrival {
        Arrival::Message(message, _) if open.load(std::sync::atomic::Ordering::SeqCst) => {
            tell.send(*message).unwrap();
            None
        }
        Arrival::Message(..) => Some(arrival),
        _ => None,
    });
    let link = link.unwrap();
    link.wait_up(PATIENCE).unwrap();
    let sender = Link::start(&broker, Options::default(), |_| None).unwrap();
    let until = Instant::now() + PATIENCE;
    while link.standing().heard == 0 {
        assert!(Instant::now() < until);
        sender.publish(Publish::new("f/first", "x", Qos::Least), PATIENCE).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    for _ in 0..5000 {
        sender.send(Publish::new("f/most", "x", Qos::Most), PATIENCE, |_| {}).unwrap();
    }
    sender.publish(Publish::new("f/last", "x", Qos::Least), PATIENCE).unwrap();
    while link.standing().heard < 5002 && link.standing().dropped < 4000 {
        assert!(Instant::now() < until, "{:?}", link.standing());
        std::thread::sleep(Duration::from_millis(10));
    }
    gate.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut heard = Vec::new();
    while heard.last().is_none_or(|topic| topic != "f/last") {
        heard.push(told.recv_timeout(PATIENCE).unwrap().topic);
    }
    assert!(heard.len() < 1000 && link.standing().dropped >= 4000, "{} {:?}", heard.len(), link.standing());
}

#[test]
fn a_message_of_any_bytes_comes_as_it_was_sent() {
    let mosquitto = Mosquitto::start(false);
    for version in VERSIONS {
        let broker = broker_at(&mosquitto.url(), version);
        let ears =
            Ears::listening(&broker, Options { subscriptions: subscribe("x", Qos::Exactly), ..Options::default() });
        for payload in [vec![], vec![0xff; 3], (0..=255).collect(), vec![b'z'; 1_000_000]] {
            ears.link.publish(Publish::new("x", payload.clone(), Qos::Exactly), PATIENCE).unwrap();
            assert_eq!(ears.message().payload, payload);
        }
    }
}
