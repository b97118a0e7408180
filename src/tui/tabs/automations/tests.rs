//! What the automations tab does and shows.

mod looks;

use super::*;
use crate::kernel::clock::Timestamp;
use crate::tui::stage::{LARGE, NOW, SMALL, Stage, fault};

fn hours(n: i64) -> Timestamp {
    Timestamp::from_micros(NOW + n * 3_600_000_000)
}

fn row(name: &str, standing: Standing, waits: &[&str], next: Option<i64>, last: Option<i64>) -> Row {
    Row {
        key: format!("home:{name}"),
        name: name.into(),
        standing,
        waits: waits.iter().map(ToString::to_string).collect(),
        next: next.map(hours),
        last: last.map(hours),
    }
}

fn listed() -> Listed {
    Listed {
        rows: vec![
            row("backup", Standing::On, &["schedule \"0 3 * * *\""], Some(9), Some(-15)),
            row("doorbell", Standing::Not("it changed since it was trusted".into()), &["mqtt home/+/bell"], None, None),
            row(
                "lights",
                Standing::Off,
                &["homeassistant sun.sun to=below_horizon", "voice \"lights on\""],
                None,
                None,
            ),
        ],
        holder: Some("fac auto up (process 4711) since 09:12".into()),
        here: false,
        owed: 2,
    }
}

fn firing(ago: i64, outcome: &str, why: Option<&str>, well: Option<bool>) -> Firing {
    Firing {
        at: hours(-ago),
        outcome: outcome.into(),
        why: why.map(String::from),
        what: "schedule 0 3 * * *".into(),
        seen: vec![("states['sensor.power']".into(), "\"on\"".into())],
        data: "{\"kind\":\"schedule\"}".into(),
        run: well.map(|_| "0192f3a0-0000-7000-8000-000000000001".into()),
        well,
        count: if why.is_some() { 3 } else { 1 },
    }
}

fn firings() -> Vec<Firing> {
    vec![
        firing(15, "ran", None, Some(true)),
        firing(39, "blocked", Some("the condition does not hold"), None),
        firing(63, "ran", None, Some(false)),
    ]
}

fn answer(stage: &mut Stage, answer: Answer) {
    stage.answer(AnyAnswer::Automations(answer));
}

fn stage(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Automations::default()), size);
    answer(&mut stage, Answer::Listed(Ok(listed())));
    answer(&mut stage, Answer::Traced("home:backup".into(), Ok(firings())));
    stage.take();
    stage
}

#[test]
fn automations_and_their_firings_are_drawn() {
    insta::assert_snapshot!("list_large", stage(LARGE).text());
    let mut small = stage(SMALL);
    small.keys("enter j");
    insta::assert_snapshot!("trace_small", small.text());
    let mut bare = Stage::with(Box::new(Automations::default()), SMALL);
    answer(&mut bare, Answer::Listed(Ok(Listed::default())));
    insta::assert_snapshot!("nothing_yet", bare.text());
}

#[test]
fn what_is_chosen_is_traced_switched_and_run() {
    let mut stage = stage(SMALL);
    stage.keys("e");
    assert_eq!(stage.take(), [ask("change", Request::Disable("home:backup".into()))]);
    stage.keys("j");
    assert_eq!(stage.take(), [ask("trace", Request::Trace("home:doorbell".into()))]);
    stage.keys("e r o");
    assert_eq!(
        stage.take(),
        [
            ask("change", Request::Enable("home:doorbell".into())),
            ask("change", Request::Run("home:doorbell".into())),
            Effect::Tell(TabId::Commands, Tell::Command("home:doorbell".into())),
        ]
    );
    answer(&mut stage, Answer::Done(Ok("doorbell may fire".into())));
    assert!(stage.text().contains("doorbell may fire"), "{}", stage.text());
    assert_eq!(stage.take(), [ask("list", Request::List), ask("trace", Request::Trace("home:doorbell".into()))]);
    answer(&mut stage, Answer::Done(Err(fault())));
    assert!(stage.text().contains(&fault().said), "{}", stage.text());
}

#[test]
fn a_firing_leads_to_its_run() {
    let mut stage = stage(LARGE);
    stage.keys("enter enter");
    let run = "0192f3a0-0000-7000-8000-000000000001".to_string();
    assert_eq!(stage.take(), [Effect::Tell(TabId::Runs, Tell::Run(run))]);
    stage.keys("j enter");
    assert!(stage.text().contains("this firing has no run"), "{}", stage.text());
    assert!(stage.text().contains("states['sensor.power'] = \"on\""), "{}", stage.text());
}

#[test]
fn they_run_here_until_that_is_taken_back() {
    let mut stage = stage(SMALL);
    stage.keys("u");
    assert_eq!(stage.take(), [ask("here", Request::Up)]);
    answer(&mut stage, Answer::Listed(Ok(Listed { here: true, ..listed() })));
    assert!(stage.text().contains("this program, while it is open"), "{}", stage.text());
    stage.take();
    stage.keys("u");
    assert_eq!(stage.take(), [Effect::Stop("here".into()), ask("list", Request::List)]);
}
