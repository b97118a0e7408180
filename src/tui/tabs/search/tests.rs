//! The search tab, by values and by what can be seen.

mod looks;

use serde_json::json;

use super::*;
use crate::kernel::clock::Timestamp;
use crate::tui::stage::{LARGE, NOW, SMALL, Stage};

fn hit(kind: &str, title: &str, excerpt: &str, word: &str, extra: Value) -> Hit {
    let at = excerpt.find(word).unwrap();
    Hit {
        kind: kind.to_string(),
        key: format!("01a1fd71-{title}"),
        title: title.to_string(),
        excerpt: excerpt.to_string(),
        marks: std::iter::once(at..at + word.len()).collect(),
        extra,
        when: Timestamp::from_micros(NOW - 3_600_000_000 * i64::try_from(title.len()).unwrap()),
        score: 1.0,
    }
}

fn found() -> Found {
    let hits = vec![
        hit("definition", "tar", "Extract a tar archive into a folder", "tar", json!({"source": "tldr-pages"})),
        hit(
            "run",
            "backup",
            "tar: Removing leading `/' from names",
            "tar",
            json!({"status": "failed", "source": "own"}),
        ),
        hit(
            "message",
            "Packing 日本語",
            "use tar with --zstd שלום 🎉",
            "tar",
            json!({"role": "assistant", "session": "s1"}),
        ),
        hit("memory", "", "I like tar more than zip", "tar", json!({"source": "manual"})),
    ];
    let counts = |list: &[(&str, u64)]| list.iter().map(|(v, n)| (v.to_string(), *n)).collect::<Vec<_>>();
    let mut facets = Facets { total: 72, ..Facets::default() };
    facets.fields.insert("kind".into(), counts(&[("command", 60), ("message", 9), ("run", 2), ("memory", 1)]));
    facets.fields.insert("role".into(), counts(&[("assistant", 6), ("user", 3)]));
    facets.fields.insert("status".into(), counts(&[("failed", 2)]));
    Found { hits, facets }
}

fn asked(words: &str, narrow: &[(&str, &str)], limit: usize) -> Asked {
    let narrow = narrow.iter().map(|(f, v)| (f.to_string(), v.to_string())).collect();
    Asked { words: words.to_string(), narrow, limit }
}

fn preview() -> Preview {
    let part = |head: &str, body: &str, found| Part { head: head.into(), body: body.into(), markdown: true, found };
    Preview {
        title: "tldr-pages:tar".into(),
        parts: vec![
            part("user · 2026-11-21 10:00", "How do I **pack** this?", false),
            part("gpt-5 · 2026-11-21 10:01", "Use `tar`:\n\n```sh\ntar caf x.tar.zst x\n```", true),
        ],
    }
}

fn requests(stage: &mut Stage) -> Vec<Request> {
    let effects = stage.take().into_iter().filter_map(|effect| match effect {
        Effect::Work(_, AnyRequest::Search(request)) => Some(request),
        _ => None,
    });
    effects.collect()
}

fn filled(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Search::default()), size);
    stage.types("tar");
    stage.answer(AnyAnswer::Search(Answer::Found(asked("tar", &[], PAGE), Ok(found()))));
    stage.answer(AnyAnswer::Search(Answer::Preview(thing(&found().hits[0]), Ok(preview()))));
    stage.take();
    stage
}

#[test]
fn the_empty_tab_says_how_to_ask() {
    let mut stage = Stage::with(Box::new(Search::default()), LARGE);
    assert_eq!(requests(&mut stage), [Request::Refresh]);
    insta::assert_snapshot!(stage.text());
    insta::assert_snapshot!(Stage::with(Box::new(Search::default()), SMALL).text());
}

#[test]
fn hits_stand_between_counts_and_preview() {
    insta::assert_snapshot!(filled(LARGE).text());
    insta::assert_snapshot!(filled(SMALL).text());
    insta::assert_snapshot!(filled((60, 15)).text());
    insta::assert_snapshot!(filled((60, 15)).keys("shift-tab").text());
}

#[test]
fn each_letter_asks_and_the_hit_under_the_cursor_is_read() {
    let mut stage = Stage::with(Box::new(Search::default()), LARGE);
    stage.take();
    stage.types("ta");
    assert_eq!(requests(&mut stage), [Request::Find(asked("t", &[], PAGE)), Request::Find(asked("ta", &[], PAGE))]);
    assert!(stage.text().contains("looking …"));
    stage.answer(AnyAnswer::Search(Answer::Found(asked("ta", &[], PAGE), Ok(found()))));
    assert_eq!(requests(&mut stage), [Request::Preview(thing(&found().hits[0]))]);
    stage.keys("down");
    assert_eq!(requests(&mut stage), [Request::Preview(thing(&found().hits[1]))]);
    stage.keys("backspace backspace");
    assert!(stage.text().contains("How to ask"), "{}", stage.text());
}

#[test]
fn what_is_wrong_with_a_query_is_said_below_it() {
    let mut stage = filled(SMALL);
    let fault = Fault { said: "a search has no field `knd`".into(), hint: Some("did you mean `kind:`?".into()) };
    stage.answer(AnyAnswer::Search(Answer::Found(asked("knd:x", &[], PAGE), Err(fault))));
    let text = stage.text();
    assert!(text.lines().nth(4).unwrap().contains("a search has no field `knd` (did you mean `kind:`?)"), "{text}");
    stage.answer(AnyAnswer::Search(Answer::Found(asked("zzz", &[], PAGE), Ok(Found::default()))));
    assert!(stage.text().contains("nothing is so"), "{}", stage.text());
}

#[test]
fn a_count_narrows_and_widens_again() {
    let mut stage = filled(LARGE);
    stage.keys("tab tab j enter");
    assert_eq!(requests(&mut stage), [Request::Find(asked("tar", &[("kind", "message")], PAGE))]);
    let mut less = found();
    less.facets.fields.insert("kind".into(), vec![("message".into(), 9)]);
    stage.answer(AnyAnswer::Search(Answer::Found(asked("tar", &[("kind", "message")], PAGE), Ok(less))));
    let text = stage.text();
    assert!(text.contains("✓ message") && text.contains("only kind:message") && text.contains("command"), "{text}");
    stage.take();
    stage.keys("ctrl-x");
    assert_eq!(requests(&mut stage), [Request::Find(asked("tar", &[], PAGE))]);
}

#[test]
fn enter_opens_a_hit_where_it_belongs_and_the_search_is_remembered() {
    let mut stage = filled(SMALL);
    stage.keys("down down down enter");
    assert!(stage.text().contains("fac memory"), "{}", stage.text());
    stage.keys("ctrl-u");
    assert!(stage.text().contains("Before this"), "{}", stage.text());
    stage.take();
    stage.keys("up");
    assert_eq!(requests(&mut stage), [Request::Find(asked("tar", &[], PAGE))]);
}

#[test]
fn more_hits_are_asked_for_near_the_end() {
    let mut stage = Stage::with(Box::new(Search::default()), LARGE);
    stage.types("x");
    let mut many = found();
    many.hits = (0..PAGE).map(|n| hit("run", &format!("r{n}"), "x", "x", json!({}))).collect();
    stage.answer(AnyAnswer::Search(Answer::Found(asked("x", &[], PAGE), Ok(many)))).take();
    stage.keys("pagedown pagedown");
    let more: Vec<Request> = requests(&mut stage).into_iter().filter(|r| matches!(r, Request::Find(_))).collect();
    assert_eq!(more, [Request::Find(asked("x", &[], PAGE * 3))]);
}
