//! Rules over a real broker: what must last, over a kill; what was said while nobody listened; what feeds itself.

use super::*;
use crate::support::mosquitto::Mosquitto;

fn with_broker(definitions: &str) -> (World, Mosquitto) {
    let broker = Mosquitto::start(false);
    let world = world(definitions);
    world.run(&["config", "set", "broker.home.url", &broker.url()]).ok();
    (world, broker)
}

/// `fac auto up`, once its subscriptions are in place: what is published for the knock rule fires it.
fn up(world: &World, broker: &Mosquitto) -> Up {
    let up = Up::start(world);
    until("its subscriptions are in place", || {
        broker.publish(&["-t", "knock", "-m", "x"]);
        up.notes.lock().unwrap().iter().any(|note| note["automation"] == "knock")
    });
    up
}

const KNOCK: &str = "### `/knock`\n**On:**\n- `mqtt knock limit=1/1h`\n\n```sh\ntrue\n```\n";

#[test]
fn what_must_last_goes_on_over_a_kill_and_ends_with_another_state() {
    let (world, broker) = with_broker(&format!(
        "{KNOCK}### `/held`\n**On:**\n- `mqtt home/+ payload=on for=3s`\n\n```sh\necho \"$trigger_topic\" >>log\n```\n"
    ));
    world.run(&["auto", "enable", "knock", "held"]).ok();
    let store = store(&world);
    let first = up(&world, &broker);
    broker.publish(&["-t", "home/a", "-m", "on"]);
    broker.publish(&["-t", "home/b", "-m", "on"]);
    until("both wait", || store.holds().unwrap().len() == 2);
    broker.publish(&["-t", "home/b", "-m", "off"]);
    until("one is over", || store.holds().unwrap().len() == 1);
    first.kill();
    // What is said meanwhile at QoS 1 is kept by the broker, and heard before what waits is fired.
    let second = Up::start(&world);
    until("it has fired", || world.path("log").exists());
    assert_eq!(world.read("log"), "home/a\n");
    assert_eq!(second.end(), 0);
    assert_eq!(outcomes(&world, "held"), ["fired"]);
}

#[test]
fn what_feeds_itself_through_a_broker_ends() {
    let (world, broker) = with_broker(&format!(
        "{KNOCK}### `/echo`\n**On:**\n- `mqtt loop/in`\n\n**Mode:** parallel\n\n```mqtt {{topic=loop/in}}\nagain\n```\n"
    ));
    world.run(&["auto", "enable", "knock", "echo"]).ok();
    let up = up(&world, &broker);
    broker.publish(&["-t", "loop/in", "-m", "go"]);
    until("it is found out", || outcomes(&world, "echo").contains(&"looped".to_string()));
    assert_eq!(outcomes(&world, "echo").iter().filter(|o| *o == "fired").count(), 8);
    assert_eq!(up.end(), 0);
}
