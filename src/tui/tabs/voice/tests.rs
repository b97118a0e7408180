use super::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Ids;
use crate::tui::stage::{LARGE, NOW, SMALL, Stage, State, every_state, fault, silent_keys};
use crate::tui::tabs::voice::work::Request;

fn line(n: u64, text: Option<&str>, error: Option<&str>) -> Line {
    let at = Timestamp::from_micros(NOW - n as i64 * 3_600_000_000);
    let (text, error) = (text.map(String::from), error.map(String::from));
    Line { id: Ids::seeded(n).next(at), at, ms: 1_700 + n * 100, text, error }
}

fn look(at: usize) -> Look {
    let height = (at as f32 * 0.3).sin().abs() * 0.6;
    Look {
        at_ms: at as u64 * 50,
        peaks: vec![(height, height * 0.7); 5],
        before: -60.0 + height * 50.0,
        after: -60.0 + height * 40.0,
        noise: -52.0,
        voice: height > 0.2,
        clipped: 0,
        zeros: false,
    }
}

fn answer(stage: &mut Stage, answer: Answer) {
    stage.answer(AnyAnswer::Voice(Box::new(answer)));
}

fn said() -> Vec<Line> {
    vec![
        line(1, Some("front left"), None),
        line(2, None, Some("whisper.cpp server: connection refused")),
        line(30, None, None),
    ]
}

/// The tab while it listens.
fn listening(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Voice::default()), size);
    answer(&mut stage, Answer::Listed(Ok(said())));
    stage.keys("f8");
    stage.take();
    answer(&mut stage, Answer::Ready("USB microphone".into()));
    (0..90).for_each(|at| answer(&mut stage, Answer::Looked(look(at))));
    answer(&mut stage, Answer::Words("turn the lights".into(), "in the kit".into()));
    stage
}

/// The wish of the request to listen.
fn wish(effects: &[Effect]) -> Option<Wish> {
    effects.iter().find_map(|effect| match effect {
        Effect::Work(lane, AnyRequest::Voice(Request::Listen(wish))) if lane.0 == "listen" => Some(wish.clone()),
        _ => None,
    })
}

#[test]
fn levels_waves_and_words_are_drawn() {
    insta::assert_snapshot!("listening_large", listening(LARGE).text());
    insta::assert_snapshot!("listening_small", listening(SMALL).text());
}

#[test]
fn a_key_begins_and_ends() {
    let mut stage = Stage::with(Box::new(Voice::default()), SMALL);
    stage.take();
    stage.keys("f8");
    let wish = wish(&stage.take()).unwrap();
    assert_eq!((wish.until, wish.ending.state()), (Until::Told, (false, false)));
    answer(&mut stage, Answer::Ready("mic".into()));
    stage.keys("f8");
    assert_eq!(wish.ending.state(), (true, false), "the second time ends it");
    answer(&mut stage, Answer::Closed);
    assert!(stage.text().contains("writing it down"), "{}", stage.text());
    stage.take();
    answer(&mut stage, Answer::Over(Ok(Some("hello there".into()))));
    assert_eq!(stage.take(), [ask("list", Request::List)]);
    assert!(stage.text().contains("hello there"), "{}", stage.text());
}

#[test]
fn it_is_given_up_and_ends_alone() {
    let mut stage = Stage::with(Box::new(Voice::default()), SMALL);
    stage.keys("x");
    assert!(stage.text().contains("nothing is being heard"), "{}", stage.text());
    stage.take();
    stage.keys("a");
    let wish = wish(&stage.take()).unwrap();
    assert_eq!(wish.until, Until::Silence);
    stage.keys("x");
    assert_eq!(wish.ending.state(), (false, true));
    answer(&mut stage, Answer::Over(Ok(Some(String::new()))));
    assert!(stage.text().contains("nobody spoke"), "{}", stage.text());
}

#[test]
fn words_go_to_the_chat_that_asked_for_them() {
    let mut tab = Voice::default();
    tab.begin(TabId::Chat, Until::Told, false);
    let effects = tab.over(Ok(Some("hello".into())));
    assert_eq!(effects, [ask("list", Request::List), Effect::Hand(TabId::Chat, Tell::Heard("hello".into()))]);
}

#[test]
fn what_was_said_is_copied_sent_retried_and_erased() {
    let mut stage = Stage::with(Box::new(Voice::default()), SMALL);
    answer(&mut stage, Answer::Listed(Ok(said())));
    stage.take();
    stage.keys("y c");
    let text = "front left".to_string();
    assert_eq!(stage.take(), [Effect::Copy(text.clone()), Effect::Tell(TabId::Chat, Tell::Draft(text))]);
    stage.keys("j y");
    assert!(stage.text().contains("r writes it down"), "{}", stage.text());
    stage.take();
    stage.keys("r d");
    let id = said()[1].id;
    assert_eq!(stage.take(), [ask("retry", Request::Retry(id)), ask("erase", Request::Erase(id))]);
}

#[test]
fn leaving_keeps_what_was_said() {
    let mut stage = Stage::with(Box::new(Voice::default()), SMALL);
    stage.take();
    stage.keys("f8");
    let wish = wish(&stage.take()).unwrap();
    stage.leave();
    assert_eq!(wish.ending.state(), (true, false));
}

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Voice::default()), size);
    match state {
        State::Busy => {
            stage.keys("f8");
        }
        State::Empty => answer(&mut stage, Answer::Listed(Ok(Vec::new()))),
        State::Fails => {
            answer(&mut stage, Answer::Listed(Err(fault())));
            stage.keys("f8");
            answer(&mut stage, Answer::Over(Err(fault())));
        }
        State::Says(words) => {
            let lines = vec![line(1, Some(words), None), line(2, None, Some(words))];
            answer(&mut stage, Answer::Listed(Ok(lines)));
            stage.keys("f8");
            answer(&mut stage, Answer::Ready(words.into()));
            answer(&mut stage, Answer::Looked(look(7)));
            answer(&mut stage, Answer::Words(words.into(), words.into()));
        }
    }
    stage
}

#[test]
fn every_state_can_be_read() {
    for (name, text) in every_state(stage_of) {
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn every_key_does_something_or_says_why_not() {
    assert_eq!(silent_keys(stage_of), Vec::<String>::new());
}

#[test]
fn who_only_waits_for_a_word_against_an_answer_keeps_nobody() {
    let mut stage = Stage::with(Box::new(Voice::default()), SMALL);
    stage.told(Tell::BargeIn);
    assert!(wish(&stage.take()).unwrap().against);
    answer(&mut stage, Answer::Ready("usb".into()));
    answer(&mut stage, Answer::Looked(Look { voice: false, ..look(1) }));
    assert!(!stage.text().contains("Leave"), "{}", stage.text());
    stage.keys("ctrl-q");
    assert_eq!(stage.take(), [Effect::Quit]);
    answer(&mut stage, Answer::Looked(Look { voice: true, ..look(2) }));
    stage.keys("ctrl-q");
    assert!(stage.text().contains("what is being heard"), "{}", stage.text());
    // Nobody needed to speak, so nothing is said about it.
    answer(&mut stage, Answer::Over(Ok(None)));
    assert!(!stage.text().contains("nobody spoke"), "{}", stage.text());
}
