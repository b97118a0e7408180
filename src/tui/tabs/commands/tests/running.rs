//! Arguments, forms, and what runs with them.

use super::*;

#[test]
fn a_command_without_parameters_runs_at_once() {
    let mut stage = filled(SMALL);
    stage.keys("j");
    stage.take();
    // Enter before the definition is here is not lost.
    stage.keys("enter");
    assert_eq!(stage.take(), []);
    answer(&mut stage, Answer::Shown(id(1), Ok(Box::new(shown(1, command("hello", "/hello"), 0, Trust::Trusted)))));
    let errand =
        Errand { want: Want::Run, id: id(1), launch: Launch { command: "ops:hello".into(), ..Launch::default() } };
    assert_eq!(stage.take(), [ask("run", Request::Prepare(errand.clone()))]);
    let launch = errand.launch.clone();
    answer(&mut stage, Answer::Prepared(errand, Ok(Prepared::Ready)));
    assert_eq!(stage.take(), [Effect::Tell(TabId::Runs, Tell::Launch(launch))]);
}

#[test]
fn arguments_are_filled_in_and_complaints_come_back_to_the_form() {
    let mut stage = on_release(LARGE);
    stage.take();
    stage.keys("enter");
    insta::assert_snapshot!("form", stage.text());
    stage.types("1.0").keys("tab space tab space tab").types("geheim").keys("tab").types("a 'b c'");
    assert!(!stage.text().contains("geheim") && stage.text().contains("••••••"), "{}", stage.text());
    stage.keys("enter");
    let filled =
        launch(&[("version", "1.0"), ("channel", "beta"), ("dry", "true"), ("token", "geheim")], &["a", "b c"]);
    let errand = Errand { want: Want::Run, id: id(2), launch: filled };
    assert_eq!(stage.take(), [ask("run", Request::Prepare(errand.clone()))]);
    let fault = Fault { said: "`version` must be a whole number, not `1.0`".into(), hint: Some("usage: x".into()) };
    answer(&mut stage, Answer::Prepared(errand.clone(), Ok(Prepared::Wrong(fault))));
    insta::assert_snapshot!("form_wrong", stage.text());
    stage.keys("ctrl-s");
    assert_eq!(stage.take(), [ask("run", Request::Prepare(errand))], "nothing that was typed is lost");
}

#[test]
fn a_quote_that_is_not_closed_is_said_in_the_form() {
    let mut stage = on_release(SMALL);
    stage.keys("enter").types("1").keys("tab tab tab tab").types("it's").keys("enter");
    assert!(stage.text().contains("files: a quote is not closed"), "{}", stage.text());
}

#[test]
fn a_snippet_is_shown_before_it_runs() {
    let mut stage = on_release(SMALL);
    stage.take();
    answer(&mut stage, Answer::Prepared(errand(Want::Run), Ok(Prepared::Snippet(vec![dry()]))));
    insta::assert_snapshot!("snippet", stage.text());
    stage.keys("n");
    assert!(stage.text().contains("nothing was run"));
}

#[test]
fn a_dry_run_and_a_difference_are_pages() {
    let mut stage = on_release(LARGE);
    answer(&mut stage, Answer::Prepared(errand(Want::Dry), Ok(Prepared::Dry(vec![dry()]))));
    insta::assert_snapshot!("dry_run", stage.text());
    let mut stage = on_release(LARGE);
    let mut changed = release();
    changed.resolved.trust = Trust::Changed;
    changed.before = Some(changed.resolved.command.text.replace("v$version", "$version"));
    answer(&mut stage, Answer::Shown(id(2), Ok(Box::new(changed))));
    stage.keys("D");
    insta::assert_snapshot!("difference", stage.text());
}

#[test]
fn lines_and_definitions_are_copied_without_secrets() {
    let mut stage = on_release(SMALL);
    stage.take();
    stage.keys("y");
    assert_eq!(stage.take(), [Effect::Copy("fac run ops:release".into())]);
    stage.keys("enter").types("1.0").keys("tab tab tab").types("geheim").keys("tab").types("x -y").keys("enter");
    stage.take();
    stage.keys("y Y");
    let text = release().resolved.command.text;
    assert_eq!(stage.take(), [Effect::Copy("fac run ops:release 1.0 -- x -y".into()), Effect::Copy(text)]);
}

#[test]
fn a_command_goes_to_the_terminal_without_its_secrets() {
    let mut stage = on_release(SMALL);
    stage.take();
    stage.keys("X");
    assert!(!stage.text().contains("┃  token"), "a secret is asked for there: {}", stage.text());
    stage.types("1.0").keys("ctrl-s");
    let words = ["run", "ops:release", "1.0"].map(String::from).to_vec();
    assert_eq!(stage.take(), [Effect::Lend(Lend::Ourselves { name: "run", words })]);
}

#[test]
fn suggested_values_are_chosen_before_the_form() {
    let mut stage = on_release(SMALL);
    let mut own = release();
    own.resolved.trust = Trust::Trusted;
    own.resolved.command.params[0].suggest = Some("git tag".into());
    answer(&mut stage, Answer::Shown(id(2), Ok(Box::new(own))));
    stage.take();
    stage.keys("enter");
    assert_eq!(stage.take(), [ask("suggest", Request::Suggest(id(2), "version".into()))]);
    answer(&mut stage, Answer::Suggested(id(2), "version".into(), vec!["v1 \"a\"".into(), "v2".into()]));
    stage.types("v1").keys("enter");
    let text = stage.text();
    assert!(text.contains("┃ ▌version* v1 \"a\""), "{text}");
    stage.keys("esc enter");
    answer(&mut stage, Answer::Suggested(id(2), "version".into(), Vec::new()));
    assert!(stage.text().contains("┃ ▌version*    "), "the form comes without any: {}", stage.text());
}

#[test]
fn prompts_go_to_a_chat_and_nothing_else_does() {
    let mut stage = on_release(SMALL);
    stage.take();
    stage.keys("c");
    assert_eq!(stage.take(), []);
    assert!(stage.text().contains("only what asks a model"), "{}", stage.text());
    let mut prompt = shown(2, command("say", "/say"), 0, Trust::Trusted);
    prompt.resolved.command.steps = vec![Step::new("p", StepKind::Prompt, "prompt", "Say it.")];
    answer(&mut stage, Answer::Shown(id(2), Ok(Box::new(prompt))));
    stage.keys("c");
    let launch = Launch { command: "ops:say".into(), ..Launch::default() };
    assert_eq!(stage.take(), [ask("run", Request::Prepare(Errand { want: Want::Draft, id: id(2), launch }))]);
}

#[test]
fn a_command_line_means_the_same_as_the_form() {
    let command = command("x", "/x <a> [b] [--flag] [opt=1] [rest...]");
    let line = |values: &[(&str, &str)], rest: &[&str]| {
        let launch = Launch { command: "s:x".into(), ..launch(values, rest) };
        form::line(&command, "x", &launch)
    };
    assert_eq!(line(&[("a", "one two")], &["r"]), "fac run --set 'rest=r' x 'one two'");
    assert_eq!(line(&[("a", "-1x"), ("b", "c")], &[]), "fac run --set 'a=-1x' --set 'b=c' x");
    assert_eq!(
        line(&[("a", "1"), ("b", "2"), ("flag", "true"), ("opt", "3")], &["r"]),
        "fac run x --flag '--opt=3' 1 2 r"
    );
}

#[test]
fn what_is_as_it_would_be_anyway_is_left_out() {
    let command = command("x", "/x [opt=1|2] [--flag]");
    let asked = Asked { secrets: true, strict: true };
    assert!(form::form("x".into(), &command, &Vec::new(), asked).is_some());
    let filled = vec![("opt".to_string(), "1".to_string()), ("flag".to_string(), "no".to_string())];
    assert_eq!(
        form::launch(&command, "s:x".into(), &filled),
        Ok(Launch { command: "s:x".into(), ..Launch::default() })
    );
}
