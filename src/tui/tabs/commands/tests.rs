//! The tab by values, and what it looks like.

use ratatui::layout::Rect;

use super::form::{self, Asked};
use super::tree::{From, Item, Listed, Listing, Tree};
use super::trust::Judged;
use super::work::{Answer, Errand, Paper, Prepared, Request, Scope, Shown, Want};
use super::*;
use crate::commands::catalog::{SourceInfo, Trust};
use crate::commands::dialect::native;
use crate::commands::model::{Command, Diagnostic, Dialect, Effect as Touches, Origin, ParamType, Step, StepKind};
use crate::commands::run::{Dry, Reach, Told};
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::{Id, Ids};
use crate::store::SourceKind;
use crate::tui::happening::{Launch, Lend};
use crate::tui::stage::{LARGE, NOW, SMALL, Stage, fact};
use crate::tui::theme::{Depth, Theme};

fn id(number: i64) -> Id {
    Ids::seeded(7).next(Timestamp::from_micros(NOW + number * 1_000_000))
}

fn source(name: &str, kind: SourceKind, spec: &str) -> From {
    From {
        name: name.into(),
        kind,
        spec: spec.into(),
        trust_spec: spec.into(),
        commit: (kind == SourceKind::Github).then(|| "0f3c9a51c2".to_string()),
        fetched: None,
        error: None,
    }
}

fn listed(number: i64, source: usize, name: &str, category: Option<&str>, summary: &str, trust: Trust) -> Listed {
    Listed {
        id: id(number),
        source,
        name: name.into(),
        category: category.map(String::from),
        summary: summary.into(),
        words: String::new(),
        trust,
    }
}

fn listing() -> Listing {
    let mut broken = source("ops", SourceKind::Github, "github:acme/ops");
    broken.error = Some("cannot reach api.github.com".into());
    Listing {
        sources: vec![broken, source("bundled", SourceKind::Bundled, "bundled")],
        commands: vec![
            listed(1, 0, "hello", None, "Says hello", Trust::Trusted),
            listed(2, 0, "release", Some("Releasing"), "Tag and describe a release 日本 שלום 🚀", Trust::Untrusted),
            listed(3, 0, "test", Some("Releasing"), "Run the tests", Trust::Changed),
            listed(4, 1, "disk free", Some("Disk"), "Show how full each disk is", Trust::Trusted),
            listed(5, 1, "disk usage", Some("Disk"), "Show what fills a folder", Trust::Trusted),
            listed(6, 1, "git recent", Some("Git"), "What went in lately", Trust::Trusted),
        ],
    }
}

fn command(name: &str, signature: &str) -> Command {
    let read = native::parse_signature(signature);
    let mut command = Command::new(Dialect::Native, name);
    command.params = read.params;
    let mut step = Step::new("tag", StepKind::Script, "bash", "git tag \"v$version\"\n");
    step.line = 12;
    command.steps = vec![step];
    command.text = format!("### `{signature}`\n**Description:** It is *so*.\n\n```bash\ngit tag \"v$version\"\n```\n");
    command.origin = Origin {
        repo: Some("acme/ops".into()),
        commit: Some("0f3c9a51c2d3".into()),
        path: "commands/kit.md".into(),
        blob: None,
        lines: (7, 18),
    };
    command
}

const RELEASE: &str = "/release <version> [channel=stable|beta] [--dry] [--token=<t>] [files...]";

fn shown(number: i64, command: Command, source: usize, trust: Trust) -> Shown {
    let from = &listing().sources[source];
    let resolved = Resolved {
        source: SourceInfo {
            id: id(100),
            name: from.name.clone(),
            kind: from.kind,
            spec: from.trust_spec.clone(),
            base: None,
        },
        digest: "d".into(),
        beside: None,
        trust,
        clashes: Vec::new(),
        command,
    };
    let call = resolved.key();
    let always_trusted = from.kind == SourceKind::Bundled;
    Shown { id: id(number), resolved, always_trusted, call, before: None, file: None, rows: Vec::new() }
}

fn release() -> Shown {
    let mut command = command("release", RELEASE);
    command.summary = "Tag and describe a release 日本 שלום 🚀".into();
    command.effects = vec![Touches::Write, Touches::Network];
    command.requires = vec![vec!["test".into(), "--quick".into()]];
    for param in &mut command.params {
        match param.name.as_str() {
            "version" => param.help = "the version to cut, such as 1.4.0".into(),
            "token" => param.ty = ParamType::Secret,
            _ => {}
        }
    }
    shown(2, command, 0, Trust::Untrusted)
}

fn theme() -> Theme {
    Theme::choose("dusk", &BTreeMap::new(), Depth::True, false)
}

/// The question for a definition.
fn look(id: Id) -> Effect {
    ask("show", Request::Show(id, Paper { room: 0, theme: theme() }))
}

/// Answers the tab; a definition is laid out for its screen first.
fn answer(stage: &mut Stage, mut answer: Answer) {
    if let Answer::Shown(_, Ok(shown)) = &mut answer {
        let (width, height) = stage.size();
        let room = Commands::default().panes(Rect::new(0, 1, width, height - 2))[1].width;
        shown.rows = page::definition(shown, room, &theme());
    }
    stage.answer(AnyAnswer::Commands(answer));
}

/// A listing, the cursor on its first row.
fn filled(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Commands::default()), size);
    answer(&mut stage, Answer::Listed(Ok(listing())));
    stage.take();
    stage
}

/// The cursor on the release command, its definition beside it.
fn on_release(size: (u16, u16)) -> Stage {
    let mut stage = filled(size);
    stage.keys("j j j");
    assert_eq!(stage.take().last(), Some(&look(id(2))));
    answer(&mut stage, Answer::Shown(id(2), Ok(Box::new(release()))));
    stage
}

fn reach() -> Reach {
    Reach {
        by: vec![Told { steps: Vec::new(), what: "bash (/usr/bin/bash)".into() }],
        folders: vec![Told { steps: Vec::new(), what: "/home/me/work".into() }],
        env: vec![("LC_ALL".into(), "C".into())],
        arguments: vec!["version".into(), "channel".into()],
        secret_arguments: vec!["token".into()],
        secret_variables: Vec::new(),
    }
}

fn dry() -> Dry {
    Dry {
        id: "tag".into(),
        kind: StepKind::Script,
        program: "/usr/bin/bash".into(),
        text: "git tag \"v$version\"\n".into(),
        env: vec![("version".into(), "1.0".into()), ("token".into(), "***".into())],
        argv: vec!["a".into(), "b c".into()],
        cwd: Some("/home/me/work".into()),
        input: None,
        notes: vec!["runs at most 10 minutes".into()],
        tools: Vec::new(),
    }
}

fn launch(values: &[(&str, &str)], rest: &[&str]) -> Launch {
    Launch {
        command: "ops:release".into(),
        values: values.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        rest: rest.iter().map(|w| w.to_string()).collect(),
    }
}

fn errand(want: Want) -> Errand {
    Errand { want, id: id(2), launch: launch(&[("version", "1.0")], &[]) }
}

#[test]
fn commands_stand_under_their_source_and_category() {
    insta::assert_snapshot!("tree_large", on_release(LARGE).text());
    insta::assert_snapshot!("tree_small", on_release(SMALL).text());
    insta::assert_snapshot!("tree_tiny", on_release((60, 15)).text());
}

#[test]
fn a_source_that_failed_says_why() {
    insta::assert_snapshot!("source", filled(SMALL).text());
}

#[test]
fn nothing_and_a_failure_are_said() {
    let mut stage = Stage::with(Box::new(Commands::default()), SMALL);
    assert_eq!(stage.take(), [ask("list", Request::List)]);
    assert!(stage.text().contains("reading …"), "{}", stage.text());
    answer(&mut stage, Answer::Listed(Ok(Listing::default())));
    assert!(stage.text().contains("There is no command yet"), "{}", stage.text());
    let fault = Fault { said: "the store is broken".into(), hint: Some("fac doctor".into()) };
    answer(&mut stage, Answer::Listed(Err(fault)));
    assert!(stage.text().contains("the store is broken"), "{}", stage.text());
}

#[test]
fn a_definition_that_is_gone_says_so() {
    let mut stage = filled(SMALL);
    stage.keys("j");
    let fault = Fault { said: "this definition is not there any more".into(), hint: None };
    answer(&mut stage, Answer::Shown(id(1), Err(fault)));
    assert!(stage.text().contains("this definition is not"), "{}", stage.text());
}

#[test]
fn what_is_typed_narrows_the_list_down_and_escape_opens_it_again() {
    let mut stage = on_release(SMALL);
    stage.keys("/").types("dsk");
    assert_eq!(stage.take().last(), Some(&look(id(4))), "the best match is chosen");
    insta::assert_snapshot!("filter", stage.text());
    stage.keys("down");
    assert_eq!(stage.take(), [look(id(5))]);
    stage.keys("enter esc");
    let text = stage.text();
    let chosen = text.lines().find(|l| l.contains('▌')).unwrap();
    assert!(chosen.contains("disk usage"), "the cursor stays on the command: {text}");
    stage.keys("/").types("zzzz");
    assert!(stage.text().contains("nothing matches"), "{}", stage.text());
}

#[test]
fn headings_fold_by_enter_and_by_the_arrows() {
    let mut stage = filled(SMALL);
    stage.keys("enter");
    assert!(!stage.text().contains("hello"), "{}", stage.text());
    assert!(stage.text().contains("▸ ops"));
    stage.keys("right j j j left");
    let text = stage.text();
    let chosen = text.lines().find(|l| l.contains('▌')).unwrap();
    assert!(chosen.contains("▾ Releasing"), "left goes up to the heading: {text}");
    stage.keys("left");
    assert!(!stage.text().contains("Run the tests"), "and closes it");
    stage.keys("z");
    assert!(!stage.text().contains("Releasing   ") && stage.text().contains("▸ bundled"), "{}", stage.text());
    stage.keys("z f");
    insta::assert_snapshot!("flat", stage.text());
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
fn a_click_chooses_and_a_second_one_folds_or_runs() {
    let mut stage = filled(LARGE);
    stage.click(6, 3);
    assert_eq!(stage.take(), [look(id(1))]);
    stage.click(6, 2);
    stage.click(6, 2);
    assert!(stage.text().contains("▸ ops"), "{}", stage.text());
}

#[test]
fn the_cursor_stays_on_its_command_when_others_come() {
    let mut stage = on_release(SMALL);
    stage.news(vec![fact(1, "definition.changed", "x")]);
    assert_eq!(stage.take(), [ask("list", Request::List)]);
    stage.news(vec![fact(2, "run.started", "x")]);
    assert_eq!(stage.take(), []);
    let mut more = listing();
    more.commands.insert(0, listed(9, 0, "aaa", None, "First", Trust::Trusted));
    answer(&mut stage, Answer::Listed(Ok(more)));
    let text = stage.text();
    assert!(text.lines().any(|l| l.contains('▌') && l.contains("release")), "{text}");
    assert_eq!(stage.take(), [look(id(2))], "what is shown may be another one now");
}

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
fn trust_is_never_given_by_enter() {
    let mut stage = on_release(LARGE);
    let mut test = shown(3, command("test", "/test [--quick]"), 0, Trust::Changed).resolved;
    test.command.text = "### `/test`\n```bash\ncargo test\n```\n".into();
    let before = "### `/test`\n```bash\nmake test\n```\n".to_string();
    let all = vec![
        Judged { resolved: release().resolved, reach: reach(), before: None },
        Judged { resolved: test, reach: reach(), before: Some(before) },
    ];
    let resolved: Vec<Resolved> = all.iter().map(|one| one.resolved.clone()).collect();
    let untrusted = || Answer::Prepared(errand(Want::Run), Ok(Prepared::Untrusted(all.clone())));
    answer(&mut stage, untrusted());
    insta::assert_snapshot!("card", stage.text());
    stage.take();
    stage.keys("G");
    insta::assert_snapshot!("card_end", stage.text());
    stage.keys("enter");
    assert_eq!(stage.take(), [], "Enter is no");
    assert!(stage.text().contains("not trusted, so nothing was run"));
    answer(&mut stage, untrusted());
    stage.keys("n");
    assert_eq!(stage.take(), []);
    answer(&mut stage, untrusted());
    stage.keys("t");
    assert_eq!(stage.take(), [ask("run", Request::Trust(resolved, Some(errand(Want::Run))))]);
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
fn trust_is_asked_for_and_taken_back() {
    let mut stage = on_release(SMALL);
    stage.take();
    stage.keys("t");
    assert_eq!(stage.take(), [ask("trust", Request::Judge(Scope::Command(id(2))))]);
    stage.keys("g t");
    assert_eq!(stage.take().last(), Some(&ask("trust", Request::Judge(Scope::Source("ops".into())))));
    stage.keys("j");
    stage.take();
    answer(&mut stage, Answer::Shown(id(1), Ok(Box::new(shown(1, command("hello", "/hello"), 0, Trust::Trusted)))));
    stage.keys("t u");
    let untrust = Request::Untrust("github:acme/ops".into(), Some("hello".into()));
    assert_eq!(stage.take(), [ask("trust", untrust)]);
    stage.keys("G t");
    assert!(stage.text().contains("always trusted"), "{}", stage.text());
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

#[test]
fn ten_thousand_commands_are_only_as_many_rows_as_can_be_seen() {
    let commands = (0..10_000).map(|n| {
        let category = format!("c{:03}", n / 50);
        listed(n, 0, &format!("{category} command {n:05}"), Some(&category), "does something", Trust::Trusted)
    });
    let mut tree = Tree::default();
    tree.set(Listing { sources: vec![source("big", SourceKind::Dir, "dir:/x")], commands: commands.collect() });
    assert_eq!(tree.items(), [Item::Source(0, 10_000)], "a large source begins folded");
    tree.narrow("command 04242");
    assert_eq!(tree.items().first(), Some(&Item::Command(4242)));
    tree.narrow("");
    tree.reveal(4242);
    let at = tree.find("big:c084 command 04242");
    assert_eq!(at, Some(4242));
    assert!(tree.items().contains(&Item::Command(4242)));
    tree.set_flat(true);
    assert_eq!(tree.items().len(), 10_000);
}
