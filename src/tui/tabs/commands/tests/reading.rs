//! The definition beside the list: found in, broken, hostile, edited; sources that are fetched.

use super::*;

#[test]
fn a_definition_that_is_gone_says_so() {
    let mut stage = filled(SMALL);
    stage.keys("j");
    let fault = Fault { said: "this definition is not there any more".into(), hint: None };
    answer(&mut stage, Answer::Shown(id(1), Err(fault)));
    assert!(stage.text().contains("this definition is not"), "{}", stage.text());
}

#[test]
fn a_definition_comes_back_when_the_cursor_does() {
    let mut stage = on_release(SMALL);
    stage.keys("k");
    assert!(!stage.text().contains("Parameters"), "{}", stage.text());
    stage.take();
    stage.keys("j");
    assert_eq!(stage.take(), [look(id(2))]);
}

#[test]
fn sources_are_added_and_updated_with_their_progress() {
    let mut stage = filled(SMALL);
    stage.keys("u");
    let update = AnyRequest::Commands(Request::Update(Some("ops".into())));
    assert_eq!(stage.take(), [Effect::Work(Lane("fetch ops".into()), update)]);
    stage.keys("u");
    assert_eq!(stage.take(), [], "not twice at the same time");
    answer(&mut stage, Answer::Progress("ops".into(), "12 of 40 files".into()));
    assert!(stage.text().contains("↻ ops: 12 of 40 files"), "{}", stage.text());
    answer(&mut stage, Answer::Fetched("ops".into(), Ok("ops: 2 new".into())));
    assert!(stage.text().contains("ops: 2 new") && !stage.text().contains('↻'), "{}", stage.text());
    stage.take();
    stage.keys("a").types("github:acme/more").keys("enter");
    let add = AnyRequest::Commands(Request::Add("github:acme/more".into()));
    assert_eq!(stage.take(), [Effect::Work(Lane("fetch github:acme/more".into()), add)]);
    let fault = Fault { said: "there is no such repository".into(), hint: None };
    answer(&mut stage, Answer::Fetched("github:acme/more".into(), Err(fault)));
    assert!(stage.text().contains("✗ there is no such repository"), "{}", stage.text());
}

#[test]
fn own_files_are_edited_and_nothing_is_lost_when_that_fails() {
    let mut stage = on_release(SMALL);
    stage.take();
    stage.keys("e");
    assert!(stage.text().contains("only your own files"), "{}", stage.text());
    let file = PathBuf::from("/home/me/kit.md");
    let own = Shown { file: Some(file.clone()), ..release() };
    answer(&mut stage, Answer::Shown(id(2), Ok(Box::new(own))));
    stage.keys("e");
    assert_eq!(stage.take(), [ask("edit", Request::Read(file.clone()))]);
    answer(&mut stage, Answer::Read(file.clone(), Ok("# one\n".into())));
    let edit = Lend::Edit { name: "definition", text: "# one\n".into(), extension: ".md", of: String::new() };
    assert_eq!(stage.take(), [Effect::Lend(edit)]);
    stage.edited("definition", Some("# two".into()));
    let save = Request::Save { file, was: "# one\n".into(), text: "# two".into() };
    assert_eq!(stage.take(), [ask("edit", save)]);
    let fault = Fault { said: "somebody else changed it".into(), hint: None };
    answer(&mut stage, Answer::Unsaved("# two".into(), fault));
    assert_eq!(stage.take(), [Effect::Copy("# two".into())]);
}

#[test]
fn another_tab_can_have_a_command_shown() {
    let mut stage = Stage::with(Box::new(Commands::default()), SMALL);
    stage.take();
    stage.told(Tell::Command("bundled:git recent".into()));
    answer(&mut stage, Answer::Listed(Ok(listing())));
    let text = stage.text();
    assert!(text.lines().any(|l| l.contains('▌') && l.contains("git recent")), "{text}");
    stage.told(Tell::Command("bundled:nope".into()));
    answer(&mut stage, Answer::Listed(Ok(listing())));
    answer(&mut stage, Answer::Looked);
    assert!(stage.text().contains("there is no command `bundled:nope`"), "{}", stage.text());
}

#[test]
fn words_are_found_in_the_definition() {
    let mut stage = on_release(LARGE);
    stage.keys("tab /").types("version").keys("enter");
    insta::assert_snapshot!("found", stage.text());
    stage.keys("esc esc");
    assert!(!stage.text().contains("/ version"), "{}", stage.text());
}

#[test]
fn a_broken_and_an_empty_definition_say_so() {
    let mut stage = on_release(LARGE);
    let mut broken = release();
    broken.resolved.command.steps.clear();
    broken.resolved.command.requires.clear();
    broken.resolved.command.diagnostics = vec![
        Diagnostic::error(9, 3, "a fence is not closed, so that all which follows would belong to the step"),
        Diagnostic::warning(10, 1, "`Colour` is no label"),
    ];
    answer(&mut stage, Answer::Shown(id(2), Ok(Box::new(broken))));
    insta::assert_snapshot!("broken", stage.text());
    stage.keys("enter");
    assert!(stage.text().contains("only a reference entry"), "{}", stage.text());
}

#[test]
fn control_characters_of_definitions_do_not_reach_the_screen() {
    let mut stage = on_release(LARGE);
    let mut evil = release();
    evil.resolved.command.summary = "red \u{1b}[31m".into();
    evil.resolved.command.text = "### `/x`\n\u{1b}]0;title\u{7} \u{202e}gnirts\n".into();
    evil.resolved.command.origin.path = "a\u{1b}[2Jb.md".into();
    evil.resolved.command.params[0].help = "\u{9b}31mred".into();
    answer(&mut stage, Answer::Shown(id(2), Ok(Box::new(evil.clone()))));
    let judged = Judged { resolved: evil.resolved, reach: reach(), before: None };
    answer(&mut stage, Answer::Judged(Ok(vec![judged])));
    let text = stage.text();
    assert!(!text.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
    stage.keys("n enter");
    let text = stage.text();
    assert!(!text.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
}
