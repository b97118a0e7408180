//! What the shell does with keys and clicks, whatever tab is in front.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Incoming, NOTED, READ};
use crate::kernel::events::Recorded;
use crate::tui::happening::{Effect, Happening, World};
use crate::tui::keymap::{Action, Section};
use crate::tui::stage::{LARGE, SMALL, Stage, fact, silent_keys};
use crate::tui::tabs::events::{self, Events};
use crate::tui::tabs::{Answer, Tab, TabId};

fn stage(size: (u16, u16)) -> Stage {
    Stage::with(Box::new(Events::default()), size)
}

#[test]
fn what_leaves_the_program_leaves_a_pop_up_first() {
    for opens in ["ctrl-p", "f1", "f", "f9"] {
        let mut stage = stage(SMALL);
        let before = stage.text();
        stage.keys(opens);
        assert_ne!(stage.text(), before, "{opens}");
        stage.take();
        stage.keys("ctrl-c");
        assert_eq!(stage.take(), [], "{opens}");
        assert_eq!(stage.text(), before, "{opens}");
    }
    assert_eq!(stage(SMALL).keys("ctrl-c").take().pop(), Some(Effect::Quit));
}

#[test]
fn help_is_always_on_the_bar_and_a_hint_is_a_button_over_a_pop_up_too() {
    for width in [60, 80, 120] {
        let mut stage = stage((width, 15));
        let text = stage.text();
        assert!(text.lines().last().unwrap().contains("? help"), "{text}");
        stage.keys("ctrl-p");
        let text = stage.text();
        let at = text.lines().last().unwrap().find("Esc").unwrap();
        let before = stage.keys("").text();
        stage.click(u16::try_from(at).unwrap(), 14);
        assert_ne!(stage.text(), before);
        assert!(!stage.text().contains(" Do "), "{}", stage.text());
    }
}

#[test]
fn the_help_fits_its_screen() {
    let wide = stage(LARGE).keys("?").text();
    assert!(wide.contains("events-filter"), "{wide}");
    let narrow = stage((60, 15)).keys("?").text();
    assert!(
        narrow.contains("  f           Show only some kinds of events") && !narrow.contains("events-filter"),
        "{narrow}"
    );
}

#[test]
fn a_sentence_goes_with_the_next_key_once_it_was_read() {
    let mut stage = stage(SMALL);
    stage.keys("f9 down enter j");
    assert!(stage.text().contains("to keep it: fac config set tui.theme ember"), "{}", stage.text());
    for _ in 0..READ {
        stage.incoming(Incoming::Moment);
    }
    assert!(stage.text().contains("to keep it"));
    assert!(stage.keys("esc").text().contains("? help"), "{}", stage.text());
    stage.keys("f9 down enter");
    for _ in 0..NOTED {
        stage.incoming(Incoming::Moment);
    }
    assert!(stage.text().contains("? help"), "{}", stage.text());
}

#[test]
fn what_cannot_be_done_says_why_and_what_means_nothing_is_not_offered() {
    let last = |stage: &Stage| stage.text().lines().last().unwrap_or("").to_string();
    let mut stage = stage(LARGE);
    for (key, why) in [
        ("j", "nothing to do that with yet: Down"),
        ("1", "Events is in front"),
        ("9", "there is no such tab: the last is 1"),
        ("]", "there is no other tab"),
    ] {
        stage.keys(key);
        assert!(last(&stage).contains(why), "{key}: {}", last(&stage));
        for _ in 0..NOTED {
            stage.incoming(Incoming::Moment);
        }
    }
    let help = stage.keys("?").text();
    assert!(help.contains("Tab 1") && !help.contains("Tab 2"), "{help}");
    let mut health = Stage::with(TabId::Health.open(), LARGE);
    health.keys("/");
    assert!(last(&health).contains("not in Health: Find in what is shown"), "{}", last(&health));
    let help = health.keys("?").text();
    assert!(!help.contains("Find in what is shown") && !help.contains("Next pane"), "{help}");
}

#[test]
fn a_theme_is_tried_on_while_the_cursor_stands_on_it() {
    let mut stage = stage(SMALL);
    let worn = |stage: &mut Stage| {
        let text = stage.keys("f9").text();
        stage.keys("esc");
        text.lines().find(|l| l.contains("in use")).map(|l| l.to_string()).unwrap()
    };
    assert!(worn(&mut stage).contains("dusk"));
    stage.keys("f9 down esc");
    assert!(worn(&mut stage).contains("dusk"), "who changes the mind keeps the old one");
    stage.keys("f9 down enter");
    assert!(worn(&mut stage).contains("ember"));
}

/// A tab in which something goes on.
struct Busy(Events);

impl Tab for Busy {
    fn id(&self) -> TabId {
        self.0.id()
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        self.0.update(happening, world)
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        self.0.draw(buffer, world)
    }

    fn sections(&self) -> Vec<Section> {
        self.0.sections()
    }

    fn hints(&self) -> Vec<Action> {
        self.0.hints()
    }

    fn holds(&self) -> Option<String> {
        Some("would be stopped: tea".to_string())
    }
}

#[test]
fn whoever_leaves_twice_means_it_and_any_other_key_answers_the_question() {
    let asked = || {
        let mut stage = Stage::with(Box::new(Busy(Events::default())), SMALL);
        stage.take();
        stage.keys("ctrl-c");
        assert!(stage.text().contains("would be stopped: tea"), "{}", stage.text());
        assert_eq!(stage.take(), []);
        stage
    };
    for (key, leaves) in
        [("ctrl-c", true), ("ctrl-q", true), ("y", true), ("n", false), ("esc", false), ("enter", false)]
    {
        let mut stage = asked();
        stage.keys(key);
        let expected: &[Effect] = if leaves { &[Effect::Quit] } else { &[] };
        assert_eq!(stage.take(), expected, "{key}");
    }
}

#[test]
fn a_wide_character_does_not_stand_over_the_frame_of_a_pop_up() {
    let mut stage = stage(SMALL);
    let facts = (1..=20).map(|at| {
        let payload = Some(serde_json::json!({"command": "日本語で書かれた長い名前"}));
        Recorded { payload, ..fact(at, "run.started", "x") }
    });
    stage.answer(Answer::Events(events::Answer::Tail(Ok(facts.collect()))));
    for width in 60..80 {
        stage.resized((width, 24)).keys("?");
        let text = stage.text();
        // What stands in the column of the frame's left side.
        let title = text.lines().find(|line| line.contains("┏ Keys")).unwrap();
        let at = title.split("┏ Keys").next().unwrap().width();
        let side = |line: &str| {
            let starts = line
                .chars()
                .scan(0, |column, c| Some((std::mem::replace(column, *column + c.width().unwrap_or(0)), c)));
            starts.into_iter().find(|(column, _)| *column == at).map(|(_, c)| c)
        };
        let rows = text.lines().skip_while(|line| !line.contains("┏ Keys")).skip(1);
        let inside: Vec<&str> = rows.take_while(|line| !line.contains("┗━━")).collect();
        assert!(inside.len() > 5 && inside.iter().all(|line| side(line) == Some('┃')), "{text}");
        stage.keys("esc");
    }
}

#[test]
fn every_key_of_the_voice_tab_leaves_a_screen() {
    // Which of them say nothing is asked of the other tabs so far.
    let silent = silent_keys(|_, size| Stage::with(TabId::Voice.open(), size));
    assert!(!silent.iter().any(|key| key.contains(": tab-") || key.contains("quit")), "{silent:?}");
}
