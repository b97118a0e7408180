//! What the automations tab does and shows.

mod looks;

use super::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Ids;
use crate::store::{Job, JobStatus};
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
        mode: "single",
        condition: None,
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
        job: None,
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

/// A job that was given up after its third try.
fn job() -> Job {
    Job {
        id: "0192f3a0-0000-7000-8000-00000000abcd".parse().unwrap(),
        kind: "automation".into(),
        source: "dir:/home".into(),
        command: "backup".into(),
        digest: "d".into(),
        work: serde_json::json!({}),
        unique: None,
        lane: None,
        trace: Ids::seeded(1).trace(),
        priority: 0,
        status: JobStatus::Dead,
        due: hours(-15),
        tries: 3,
        lost: 0,
        most: 3,
        epoch: 3,
        stop: false,
        process: None,
        run: None,
        exit_code: Some(7),
        error: None,
        created: hours(-16),
        begun: Some(hours(-15)),
        finished: Some(hours(-14)),
        owner: None,
    }
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
    // One without a run is read itself.
    stage.keys("j enter");
    let text = stage.text();
    assert!(text.contains("A firing of backup") && text.contains("the condition does not hold"), "{text}");
    assert!(text.contains("saw   states['sensor.power'] = \"on\""), "{text}");
}

/// Longer than any pane is wide, with an end of its own.
const WHY: &str = "the condition `trigger.json.temp >> 20` cannot be judged: unexpected operator `>` in line 1, and this \
     sentence goes on to its very end";

/// Automations of which the first is broken and never fired.
fn broken(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Automations::default()), size);
    let mut one = row("warm", Standing::Not(WHY.into()), &["mqtt home/+/temp path=$.temp"], None, None);
    (one.mode, one.condition) = ("queued", Some("trigger.json.temp >> 20".into()));
    let listed = Listed { rows: vec![one, row("backup", Standing::On, &[], None, None)], ..Listed::default() };
    answer(&mut stage, Answer::Listed(Ok(listed)));
    stage
}

/// The words on the screen, whatever lines they were cut into.
fn words(stage: &Stage) -> String {
    let text = stage.text();
    let is_frame = |c: char| ('\u{2500}'..='\u{257f}').contains(&c);
    let words = text.split_whitespace().filter(|word| !word.chars().all(is_frame));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn why_one_is_broken_is_read_to_its_end() {
    for size in [(100, 30), (60, 20)] {
        let stage = broken(size);
        assert!(words(&stage).contains(WHY), "{}", stage.text());
    }
    insta::assert_snapshot!("broken_wide", broken((100, 30)).text());
    insta::assert_snapshot!("broken_narrow", broken((60, 20)).text());
    // What finds no room stands on a page.
    let mut low = broken((60, 15));
    assert!(!words(&low).contains(WHY) && low.text().contains("… there is more: d"), "{}", low.text());
    low.keys("d");
    assert!(words(&low).contains(WHY) && low.text().contains("mode  queued"), "{}", low.text());
}

#[test]
fn a_firing_says_all_of_its_reason_and_leads_to_its_job() {
    for size in [(100, 30), (60, 20)] {
        let mut stage = broken(size);
        let blocked = firing(1, "blocked", Some(WHY), None);
        let dead =
            Firing { job: Some(Box::new(job())), run: Some(job().id.to_string()), ..firing(2, "dead", None, None) };
        answer(&mut stage, Answer::Traced("home:warm".into(), Ok(vec![blocked, dead])));
        stage.take();
        stage.keys("J");
        assert!(stage.text().contains("a firing has to be chosen"), "{}", stage.text());
        stage.keys("enter");
        assert!(words(&stage).contains(WHY), "{}", stage.text());
        stage.keys("J");
        assert!(stage.text().contains("no work is known of this firing"), "{}", stage.text());
        stage.keys("j");
        assert!(stage.text().contains("job   0000abcd  dead, try 3 of 3"), "{}", stage.text());
        assert!(stage.text().contains("run   0000abcd  Enter goes there"), "{}", stage.text());
        stage.keys("J");
        let text = stage.text();
        assert!(text.contains("The job of warm") && text.contains("0192f3a0-0000-7000-8000-00000000abcd"), "{text}");
        assert!(text.contains("begun   2026-11-20 21:00:00.000 UTC, ended after"), "{text}");
        assert!(text.contains("code    7") && text.contains("fac jobs show 0000abcd"), "{text}");
    }
}

#[test]
fn what_was_not_done_is_said_whole() {
    let mut stage = stage(SMALL);
    answer(&mut stage, Answer::Done(Err(Fault { said: WHY.into(), hint: None })));
    assert!(words(&stage).contains(WHY) && stage.text().contains("That was not done"), "{}", stage.text());
}

#[test]
fn a_click_below_the_firings_chooses_none() {
    let mut stage = stage(SMALL);
    stage.keys("enter");
    let text = stage.text();
    let rule = text.lines().position(|line| line.contains("┃ ────")).unwrap();
    stage.click(10, u16::try_from(rule + 1).unwrap());
    assert_eq!(stage.text(), text);
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
