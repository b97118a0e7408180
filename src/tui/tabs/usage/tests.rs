//! What the usage tab shows.

mod looks;

use super::*;
use crate::store::UsageRow;
use crate::tui::stage::{LARGE, SMALL, Stage};

fn row(key: &str, calls: u64, cost: i64) -> UsageRow {
    let tokens = calls * 1_500;
    UsageRow { key: key.into(), calls, input: tokens, output: tokens / 3, cost_micros: cost, ..UsageRow::default() }
}

fn sums() -> Sums {
    let days = (1..=30).map(|day| work::Day {
        day: format!("2026-11-{day:02}"),
        sums: row("", day % 7, i64::try_from((day * 37) % 11).unwrap() * 40_000),
        first: Some(200 + day * 3),
    });
    let line = |key: &str, calls, cost| work::Line {
        key: key.into(),
        name: key.into(),
        sums: row(key, calls, cost),
        first: Some((210, 480)),
        whole: Some((1_900, 7_200)),
    };
    let rows = vec![
        line("anthropic/claude-sonnet-5", 61, 2_431_000),
        line("openai/gpt-5.2-mini", 40, 310_500),
        work::Line {
            sums: UsageRow { unpriced: 4, ..row("", 4, 0) },
            first: None,
            whole: None,
            ..line("ollama/日本語-モデル", 4, 0)
        },
    ];
    Sums {
        days: days.collect(),
        rows,
        total: row("", 105, 2_741_500),
        today: row("", 7, 120_000),
        budget: Some(500_000),
    }
}

fn stage(size: (u16, u16)) -> Stage {
    Stage::with(Box::new(Usage::default()), size)
}

#[test]
fn tokens_money_and_time_are_drawn() {
    let mut large = stage(LARGE);
    large.answer(AnyAnswer::Usage(Answer(Ok(Box::new(sums())))));
    insta::assert_snapshot!(large.text());
    let mut small = stage(SMALL);
    small.answer(AnyAnswer::Usage(Answer(Ok(Box::new(sums()))))).keys("m j");
    insta::assert_snapshot!(small.text());
}

#[test]
fn nothing_used_is_said() {
    let mut stage = stage(SMALL);
    stage.answer(AnyAnswer::Usage(Answer(Ok(Box::default()))));
    insta::assert_snapshot!(stage.text());
}

#[test]
fn keys_ask_for_other_sums() {
    let mut stage = stage(SMALL);
    let asked = |days, group| vec![Effect::Work("sums".into(), AnyRequest::Usage(Request { days, group }))];
    assert_eq!(stage.take(), asked(30, Group::Model));
    stage.keys("d");
    assert_eq!(stage.take(), asked(90, Group::Model));
    stage.keys("b");
    assert_eq!(stage.take(), asked(90, Group::Session));
    let line = work::Line { key: "01a1".into(), name: "Tea".into(), ..work::Line::default() };
    stage.answer(AnyAnswer::Usage(Answer(Ok(Box::new(Sums {
        rows: vec![line],
        total: row("", 1, 1),
        ..Sums::default()
    })))));
    stage.keys("enter");
    assert_eq!(stage.take(), [Effect::Tell(TabId::Chat, Tell::Session("01a1".into(), None))]);
}
