//! `fac usage`, budgets and `fac cache`: what was used is what the server told, whoever was killed meanwhile.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::ask::world;
use crate::support::model::{Answer, ModelServer, Place};
use crate::support::pty::Seat;
use crate::support::world::World;

fn usage(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&world.run(&[&["usage", "--json"], args].concat()).ok()).unwrap()
}

fn keys(usage: &Value, by: &str) -> Vec<String> {
    usage["usage"].as_array().unwrap().iter().map(|row| row[by].as_str().unwrap().to_string()).collect()
}

/// A server whose tokens cost 2 dollars a million in and 8 out.
fn priced() -> (ModelServer, World) {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "models.test-model.input_price", "2"]).ok();
    world.run(&["config", "set", "models.test-model.output_price", "8"]).ok();
    (server, world)
}

#[test]
fn sums_equal_the_servers_own_log_also_after_kills() {
    let (server, world) = priced();
    for n in 0..12_u64 {
        let wire = ["openai", "anthropic", "gemini", "ollama"][n as usize % 4];
        let args = ["ask", "-m", &format!("my-{wire}/test-model"), "count"];
        let answer = Answer::text("one two three").usage(100 + n, 10 + n, 0, 0);
        if n % 3 == 0 {
            // Killed while the answer comes, or before its first byte.
            server.answer(answer.hold(if n % 2 == 0 { Place::Head } else { Place::Words("one two".into()) }));
            let mut command = world.command(&args);
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            server.wait_held(n as usize / 3 + 1);
            child.kill().unwrap();
            child.wait().unwrap();
            server.wait_ended(n as usize);
        } else {
            server.answer(answer);
            world.run(&args).ok();
        }
    }
    let told = server.usage();
    let by_model = usage(&world, &["--by", "model"]);
    let total = &by_model["total"];
    assert_eq!(total["calls"].as_u64(), Some(told.values().map(|s| s.calls).sum()));
    assert_eq!(
        (total["calls"].as_u64(), total["open"].as_u64()),
        (Some(12), Some(4)),
        "the killed ones are not forgotten"
    );
    let counted: Vec<u64> = (0..12).filter(|n| n % 3 != 0).collect();
    let (input, output) = (counted.iter().map(|n| 100 + n).sum::<u64>(), counted.iter().map(|n| 10 + n).sum::<u64>());
    assert_eq!((total["input"].as_u64(), total["output"].as_u64()), (Some(input), Some(output)));
    assert_eq!(total["cost_usd"], json!((input * 2 + output * 8) as f64 / 1e6));
    assert_eq!(by_model["usage"].as_array().unwrap().len(), 4);
}

#[test]
fn it_is_summed_by_day_model_chat_and_command() {
    let (server, mut world) = priced();
    world.write("review.md", "---\nname: review\ndescription: d\n---\nReview this.\n");
    for (day, session, tokens) in [("01", "a", 1000), ("03", "a", 4000), ("03", "b", 500)] {
        world.set("FAC_TEST_CLOCK", &format!("2026-03-{day}T12:00:00Z"));
        server.answer(Answer::text("yes").usage(tokens, 10, 2, 0));
        world.run(&["ask", "--session", session, "really?"]).ok();
    }
    let by_day = usage(&world, &["--by", "day"]);
    assert_eq!(keys(&by_day, "day"), ["2026-03-01", "2026-03-03"]);
    assert_eq!((by_day["usage"][1]["calls"].as_u64(), by_day["usage"][1]["input"].as_u64()), (Some(2), Some(4500)));
    assert_eq!(by_day["usage"][1]["cached"], 4);
    assert_eq!(usage(&world, &["--by", "session"])["usage"].as_array().unwrap().len(), 2);
    assert_eq!(keys(&usage(&world, &["--by", "model"]), "model"), ["my-openai/test-model"]);
    assert_eq!(keys(&usage(&world, &["--by", "command"]), "command"), [""]);
    assert_eq!(keys(&usage(&world, &["--days", "1"]), "day"), ["2026-03-03"]);
    // Without a terminal nothing is drawn.
    let plain = world.run(&["usage"]).ok();
    assert!(!plain.contains('█') && !plain.contains("last 30 days"), "{plain}");
    let mut seat = Seat::fac(&world, &["usage", "--color", "never"], 100, 20);
    seat.expect("last 30 days");
    let (code, screen) = seat.end_screen();
    assert_eq!(code, 0);
    // How long the first token took is the clock's business, and so is the width of its column.
    insta::with_settings!({filters => vec![(r"[\d.]+ m?s +", "# ms  "), (r"[\d.]+ m?s\n", "# ms\n")]}, {
        insta::assert_snapshot!(screen);
    });
}

#[test]
fn a_budget_warns_and_then_refuses() {
    let (server, mut world) = priced();
    world.set("FAC_TEST_CLOCK", "2026-03-01T12:00:00Z");
    world.run(&["config", "set", "usage.daily_warning", "0.001"]).ok();
    world.run(&["config", "set", "usage.daily_budget", "0.004"]).ok();
    let ask = |world: &World| {
        // 0.002 dollars.
        server.answer(Answer::text("yes").usage(1000, 0, 0, 0));
        world.run(&["ask", "really?"])
    };
    let first = ask(&world);
    assert!(first.code == 0 && !first.stderr.contains("warning"), "{first:?}");
    let second = ask(&world);
    assert!(second.code == 0 && second.stderr.contains("was spent today"), "{second:?}");
    let asked = server.asked().len();
    let third = world.run(&["ask", "really?"]);
    assert_eq!(third.code, 4, "{third:?}");
    assert!(
        third.stderr.contains("today's budget of $0.00 is spent") && third.stderr.contains("usage.daily_budget"),
        "{third:?}"
    );
    assert_eq!(world.run(&["compare", "-m", "my-openai/test-model", "-m", "my-ollama/test-model", "x"]).code, 4);
    assert_eq!(server.asked().len(), asked, "nobody was asked");
    // Tomorrow it is another day.
    world.set("FAC_TEST_CLOCK", "2026-03-02T00:00:01Z");
    assert_eq!(world.run(&["ask", "really?"]).code, 0);
}

#[test]
fn kept_answers_are_counted_and_forgotten() {
    let (server, world) = priced();
    let stats = || -> Value { serde_json::from_str(&world.run(&["cache", "stats", "--json"]).ok()).unwrap() };
    assert_eq!((stats()["enabled"].as_bool(), stats()["entries"].as_u64()), (Some(false), Some(0)));
    world.run(&["config", "set", "cache.answers", "true"]).ok();
    for question in ["one", "one", "two", "one"] {
        world.run(&["ask", question]).ok();
    }
    assert_eq!(server.asked().len(), 2);
    let now = stats();
    assert_eq!(
        (&now["entries"], &now["lookups"], &now["hits"], &now["misses"]),
        (&json!(2), &json!(4), &json!(2), &json!(2))
    );
    assert!(world.run(&["cache", "stats"]).ok().contains("4: 2 hits, 2 misses (50 %)"));
    assert_eq!(usage(&world, &[])["total"]["from_cache"], 2);
    world.run(&["cache", "clear"]).ok();
    assert_eq!(stats()["entries"], 0);
    world.run(&["ask", "one"]).ok();
    assert_eq!(server.asked().len(), 3);
}
