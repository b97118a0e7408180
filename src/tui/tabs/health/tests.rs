//! What the health tab shows.

mod looks;

use super::*;
use crate::tui::stage::{LARGE, SMALL, Stage};

fn finding(area: &'static str, level: Level, said: &str, fix: Option<&str>) -> Finding {
    Finding { area, level, said: said.into(), fix: fix.map(String::from) }
}

fn found() -> Vec<Finding> {
    vec![
        finding("version", Level::Good, "fac 0.1.0 on linux x86_64", None),
        finding("store", Level::Good, "the database is sound", None),
        finding("store", Level::Bad, "the log is broken at event 7", Some("restore a backup")),
        finding("models", Level::Note, "ollama cannot be reached\u{1b}[31m", Some("start it with `ollama serve`")),
    ]
}

fn figures(cpu: u64) -> Answer {
    let gauges = Gauges {
        cpu: Some(Duration::from_millis(cpu)),
        memory: Some(23_400_000 + cpu * 1000),
        threads: Some(6),
        machine: Some((3_200_000_000, 24_000_000_000)),
        load: Some((120, 2)),
        disk: Some((200_000_000_000, 250_000_000_000)),
    };
    Answer::Figures(gauges, Some(Kept { store: 14_000_000, outputs: 0, cache: 512_000 }))
}

fn stage(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Health::default()), size);
    for cpu in [100, 120, 400, 420] {
        stage.answer(AnyAnswer::Health(figures(cpu)));
    }
    stage
}

#[test]
fn findings_and_figures_are_shown() {
    let mut large = stage(LARGE);
    large.answer(AnyAnswer::Health(Answer::Found(found(), true))).keys("j j");
    insta::assert_snapshot!(large.text());
    let mut small = stage(SMALL);
    small.answer(AnyAnswer::Health(Answer::Found(found(), false))).keys("a j");
    insta::assert_snapshot!(small.text());
}

#[test]
fn it_watches_only_while_it_is_seen() {
    let mut stage = Stage::with(Box::new(Health::default()), SMALL);
    let watch = Effect::Work("watch".into(), AnyRequest::Health(Request::Watch));
    let look = Effect::Work("look".into(), AnyRequest::Health(Request::Look(80, true)));
    assert_eq!(stage.take(), [watch, look]);
}
