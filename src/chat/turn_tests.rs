use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::providers::model::Usage;

fn call(id: &str, name: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: json!({}), signatures: Vec::new() }
}

fn answer(text: &str, calls: &[ToolCall], finish: Finish) -> Event {
    let mut parts = vec![Part::text(text)];
    parts.extend(calls.iter().cloned().map(Part::ToolCall));
    let answer =
        Answer { parts, finish, usage: Usage::default(), model: "p/m".into(), first_token_ms: None, duration_ms: 1 };
    Event::Answered { answer, cost_micros: 10 }
}

fn turn(limits: Limits) -> Turn {
    let standing = |effects, allowed| Standing { effects, allowed };
    let tools = [
        ("look", standing(Effects::ReadOnly, false)),
        ("free", standing(Effects::ReadOnly, true)),
        ("change", standing(Effects::Other, false)),
    ];
    Turn::new(limits, tools.into_iter().map(|(n, s)| (n.to_string(), s)).collect())
}

fn decide(turn: &mut Turn, id: &str, decision: Decision) -> Vec<Effect> {
    turn.step(Event::Decided { id: id.into(), decision })
}

fn work(turn: &mut Turn, id: &str, said: &str) -> Vec<Effect> {
    turn.step(Event::Worked { id: id.into(), result: Ok(said.into()) })
}

fn results(effects: &[Effect]) -> Vec<(String, bool)> {
    let kept = effects.iter().filter_map(|e| match e {
        Effect::KeepResults(results) => Some(results),
        _ => None,
    });
    kept.flatten().map(|r| (r.content.clone(), r.is_error)).collect()
}

#[test]
fn an_answer_without_wishes_ends_the_turn() {
    let mut turn = turn(Limits::default());
    assert_eq!(turn.step(Event::Begin), [Effect::CallModel]);
    let effects = turn.step(answer("hello", &[], Finish::Stop));
    assert_eq!(
        effects,
        [Effect::KeepAnswer(vec![Part::text("hello")], Finish::Stop), Effect::End(End::Done(Finish::Stop))]
    );
}

#[test]
fn each_call_is_asked_about_alone_and_results_keep_the_order_of_the_wishes() {
    let mut turn = turn(Limits::default());
    turn.step(Event::Begin);
    let calls = [call("a", "change"), call("b", "free"), call("c", "look")];
    let effects = turn.step(answer("", &calls, Finish::Tools));
    assert_eq!(effects[1..], [Effect::Ask(calls[0].clone())]);
    assert_eq!(decide(&mut turn, "a", Decision::No("the person said no".into())), [Effect::Ask(calls[2].clone())]);
    let effects = decide(&mut turn, "c", Decision::Once);
    assert_eq!(effects, [Effect::Work(vec![calls[1].clone(), calls[2].clone()])]);
    assert_eq!(work(&mut turn, "c", "seen"), []);
    let effects = work(&mut turn, "b", "free result");
    let expected = [("the person said no", true), ("free result", false), ("seen", false)];
    assert_eq!(results(&effects), expected.map(|(text, error)| (text.to_string(), error)));
    assert_eq!(effects.last(), Some(&Effect::CallModel));
}

#[test]
fn a_session_permission_covers_reading_tools_only() {
    let mut turn = turn(Limits::default());
    turn.step(Event::Begin);
    let calls = [call("a", "look"), call("b", "look"), call("c", "change"), call("d", "change")];
    turn.step(answer("", &calls, Finish::Tools));
    assert_eq!(decide(&mut turn, "a", Decision::Session), [Effect::Ask(calls[2].clone())], "b is covered");
    assert_eq!(decide(&mut turn, "c", Decision::Session), [Effect::Ask(calls[3].clone())], "d is not");
}

#[test]
fn unknown_tools_and_bad_arguments_are_told_to_the_model_and_nobody_else() {
    let mut turn = turn(Limits::default());
    turn.step(Event::Begin);
    let mut bad = call("b", "free");
    bad.arguments = json!("{broken");
    let effects = turn.step(answer("", &[call("a", "rm"), bad], Finish::Tools));
    assert_eq!(
        results(&effects),
        [
            ("there is no tool `rm`; the tools are: change, free, look".to_string(), true),
            ("the arguments are no JSON object; send them again as one".to_string(), true)
        ]
    );
}

#[test]
fn bounds_end_the_turn_and_leave_no_wish_unanswered() {
    let mut turn = turn(Limits { calls: 2, ..Limits::default() });
    turn.step(Event::Begin);
    turn.step(answer("", &[call("a", "free")], Finish::Tools));
    work(&mut turn, "a", "x");
    let effects = turn.step(answer("", &[call("b", "free"), call("c", "change")], Finish::Tools));
    assert_eq!(results(&effects).len(), 2, "{effects:?}");
    assert!(results(&effects).iter().all(|(_, error)| *error));
    assert!(matches!(effects.last(), Some(Effect::End(End::Limited(_)))), "{effects:?}");

    let mut turn = self::turn(Limits { cost_micros: Some(10), ..Limits::default() });
    turn.step(Event::Begin);
    let effects = turn.step(answer("", &[call("a", "free")], Finish::Tools));
    assert!(matches!(effects.last(), Some(Effect::End(End::Limited(_)))), "{effects:?}");
}

#[test]
fn the_end_of_the_time_refuses_what_was_not_begun_and_waits_for_what_was() {
    let mut turn = turn(Limits::default());
    turn.step(Event::Begin);
    turn.step(answer("", &[call("a", "free")], Finish::Tools));
    assert_eq!(turn.step(Event::TimeUp), []);
    let effects = work(&mut turn, "a", "late");
    assert_eq!(results(&effects), [("late".to_string(), false)]);
    assert!(matches!(effects.last(), Some(Effect::End(End::Limited(_)))));
}

#[test]
fn a_cut_off_answer_never_acts() {
    let mut turn = turn(Limits::default());
    turn.step(Event::Begin);
    let effects = turn.step(answer("", &[call("a", "free")], Finish::CutOff));
    assert_eq!(effects.last(), Some(&Effect::End(End::Done(Finish::CutOff))));
}

#[test]
fn a_long_result_keeps_its_ends() {
    let said = cut(&"ä".repeat(1000), 99);
    assert!(said.starts_with("ää") && said.ends_with("ää") && said.contains("bytes left out"), "{said}");
    assert!(said.len() < 160);
}

proptest! {
    /// Whatever a model wishes for and whatever order things come in: nothing that was not allowed is worked on, and
    /// every wish gets exactly one result.
    #[test]
    fn nothing_acts_unallowed(wishes in prop::collection::vec((0usize..4, any::<bool>()), 1..6), no in any::<bool>()) {
        let names = ["look", "free", "change", "rm -rf"];
        let mut turn = turn(Limits { calls: 2, ..Limits::default() });
        turn.step(Event::Begin);
        let calls: Vec<ToolCall> =
            wishes.iter().enumerate().map(|(n, (tool, _))| call(&format!("c{n}"), names[*tool])).collect();
        let mut effects = turn.step(answer("allow everything! permission granted", &calls, Finish::Tools));
        let mut allowed: Vec<String> = calls.iter().filter(|c| c.name == "free").map(|c| c.id.clone()).collect();
        let mut kept = Vec::new();
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Ask(call) => {
                    let yes = wishes[call.id[1..].parse::<usize>().unwrap()].1 && !no;
                    if yes { allowed.push(call.id.clone()); }
                    let decision = if yes { Decision::Once } else { Decision::No("no".into()) };
                    effects.extend(decide(&mut turn, &call.id, decision));
                }
                Effect::Work(calls) => for call in calls {
                    prop_assert!(allowed.contains(&call.id));
                    effects.extend(work(&mut turn, &call.id, "ok"));
                },
                Effect::KeepResults(results) => kept.extend(results.into_iter().map(|r| r.id)),
                _ => {}
            }
        }
        prop_assert_eq!(kept, calls.iter().map(|c| c.id.clone()).collect::<Vec<_>>());
    }
}
