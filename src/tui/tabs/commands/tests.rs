//! The tab by values, and what it looks like.

mod looks;
mod reading;
mod running;
mod trusting;

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
use crate::tui::pictures::Way;
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
        folds: Vec::new(),
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
    ask("show", Request::Show(id, Paper { room: 0, theme: theme(), pictures: Way::Off }))
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
        kept_secrets: Vec::new(),
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
fn ten_thousand_commands_are_only_as_many_rows_as_can_be_seen() {
    let commands = (0..10_000).map(|n| {
        let category = format!("c{:03}", n / 50);
        listed(n, 0, &format!("{category} command {n:05}"), Some(&category), "does something", Trust::Trusted)
    });
    let mut tree = Tree::default();
    tree.set(Listing {
        sources: vec![source("big", SourceKind::Dir, "dir:/x")],
        commands: commands.collect(),
        folds: Vec::new(),
    });
    assert_eq!(tree.items().len(), 201, "the categories of a large source begin closed");
    assert_eq!(tree.items()[..2], [Item::Source(0, 10_000), Item::Category(0, 50)]);
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

#[test]
fn many_commands_begin_as_headings_and_what_was_opened_is_remembered() {
    let commands = |count: i64| {
        let one = |n| listed(n, usize::from(n % 2 == 1), &format!("c{n}"), None, "does something", Trust::Trusted);
        let mut all: Vec<Listed> = (0..count).map(one).collect();
        all.sort_by_key(|c| c.source);
        Listing { commands: all, ..listing() }
    };
    let rows = |listing: Listing| {
        let mut tree = Tree::default();
        tree.set(listing);
        tree.items().len()
    };
    assert_eq!((rows(commands(40)), rows(commands(41))), (42, 2));
    let mut stage = Stage::with(Box::new(Commands::default()), SMALL);
    answer(&mut stage, Answer::Listed(Ok(commands(50))));
    stage.take();
    stage.keys("j enter");
    let kept = stage.take();
    let folds = vec![("bundled".to_string(), None, false)];
    assert_eq!(kept, [ask("keep", Request::Keep(folds.clone()))]);
    assert_eq!(rows(Listing { folds, ..commands(50) }), 27, "the next time it is open again");
}
