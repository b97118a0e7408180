use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

fn parsed(text: &str) -> Parsed {
    read(&SourceFile { path: "README.md", text })
}

fn corpus() -> Option<PathBuf> {
    let shared =
        std::env::var("FAC_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let path = Path::new(&shared).join("corpora/xc/joerdav+xc");
    if !path.exists() {
        println!("skipped: {} does not exist", path.display());
        return None;
    }
    Some(path)
}

fn field<'a>(command: &'a Command, label: &str) -> Option<&'a str> {
    command.fields.iter().find(|(k, _)| k == label).map(|(_, v)| v.as_str())
}

/// A command in the shape xc writes tasks in; blank lines of the script dropped as xc drops them.
fn as_task(command: &Command) -> Value {
    let list = |items: Vec<String>| if items.is_empty() { Value::Null } else { json!(items) };
    let script: String = command
        .steps
        .iter()
        .flat_map(|s| s.text.lines())
        .filter(|l| !l.trim().is_empty())
        .map(|l| format!("{l}\n"))
        .collect();
    json!({
        "Name": command.name,
        "Description": list(Some(command.summary.clone()).filter(|s| !s.is_empty()).into_iter().collect()),
        "Script": script,
        "Dir": match &command.cwd { Cwd::Relative(dir) => dir.as_str(), _ => "" },
        "Env": list(command.env.iter().map(|(k, v)| format!("{k}={v}")).collect()),
        "DependsOn": list(command.requires.iter().map(|w| w.join(" ")).collect()),
        "Inputs": list(command.params.iter().filter(|p| p.kind == ParamKind::Positional).map(|p| p.name.clone()).collect()),
        "ParsingError": "",
        "RequiredBehaviour": i32::from(field(command, "Run") == Some("once")),
        "DepsBehaviour": i32::from(field(command, "RunDeps") == Some("async")),
        "Interactive": field(command, "Interactive") == Some("true"),
    })
}

#[test]
fn every_pair_of_the_testdata_agrees() {
    let Some(folder) = corpus() else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.join("models/testdata")).unwrap() {
        let oracle = entry.unwrap().path();
        if oracle.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let task = std::fs::read_to_string(oracle.with_extension("md")).unwrap();
        let wanted: Value = serde_json::from_str(&std::fs::read_to_string(&oracle).unwrap()).unwrap();
        let parsed = parsed(&format!("# Tasks\n\n{task}"));
        assert_eq!(parsed.commands.len(), 1, "{}", oracle.display());
        assert_eq!(as_task(&parsed.commands[0]), wanted, "{}", oracle.display());
        assert!(parsed.commands[0].diagnostics.is_empty());
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// Name, summary, script, folder, requires and inputs.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, &'a [&'a str], &'a [&'a str]);

fn assert_rows(file: &Path, rows: &[Row<'_>]) {
    let parsed = parsed(&std::fs::read_to_string(file).unwrap());
    assert_eq!(parsed.commands.len(), rows.len(), "{}", file.display());
    for (command, (name, summary, script, dir, requires, inputs)) in parsed.commands.iter().zip(rows) {
        let task = as_task(command);
        let words = |items: &[&str]| if items.is_empty() { Value::Null } else { json!(items) };
        assert_eq!((task["Name"].as_str(), command.summary.as_str()), (Some(*name), *summary));
        assert_eq!((task["Script"].as_str(), task["Dir"].as_str()), (Some(*script), Some(*dir)), "{name}");
        assert_eq!((&task["DependsOn"], &task["Inputs"]), (&words(requires), &words(inputs)), "{name}");
        assert!(command.diagnostics.is_empty(), "{:?}", command.diagnostics);
    }
}

#[test]
fn the_files_of_the_parsers_own_tests_are_read() {
    let Some(folder) = corpus() else { return };
    let data = folder.join("parser/parsemd/testdata");
    let print = "Print a message";
    assert_rows(
        &data.join("example.md"),
        &[
            ("list", "Lists files", "ls\n", "", &[], &[]),
            ("list2", "Lists files", "ls\n", "./somefolder", &[], &[]),
            (
                "hello",
                print,
                "echo \"Hello, world!\"\necho \"Hello, world2!\"\n",
                "",
                &["list", "list2"],
                &["FOO", "BAR"],
            ),
            ("all-lists", "An example of a commandless task.", "", "", &["list", "list2"], &[]),
        ],
    );
    assert_rows(
        &data.join("marked-heading-next-line.md"),
        &[("hello", print, "echo \"Hello, world!\"\n", "", &[], &[])],
    );
    assert_eq!(parsed(&std::fs::read_to_string(data.join("notasks.md")).unwrap()), Parsed::default());
}

/// Headings one level below the section, counted line by line outside of fences.
fn count_tasks(text: &str) -> usize {
    let (mut open, mut section, mut count) = (None, 0, 0);
    for line in text.lines() {
        let ticks = line.bytes().take_while(|b| *b == b'`').count();
        match open {
            Some(width) if ticks >= width && line.trim_matches('`').trim().is_empty() => open = None,
            None if ticks >= 3 => open = Some(ticks),
            _ => {}
        }
        let level = line.bytes().take_while(|b| *b == b'#').count();
        if open.is_some() || level == 0 || !line[level..].starts_with(' ') {
            continue;
        }
        if section == 0 && line[level..].trim().eq_ignore_ascii_case("tasks") {
            section = level;
        } else if section > 0 && level <= section {
            break;
        } else if section > 0 && level == section + 1 {
            count += 1;
        }
    }
    count
}

#[test]
fn whole_readmes_are_read_without_loss() {
    let Some(folder) = corpus() else { return };
    for (file, wanted) in [("README.md", 8), ("examples/long/README.md", 40), ("CONTRIBUTING.md", 0)] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let parsed = parsed(&text);
        assert_eq!((parsed.commands.len(), count_tasks(&text)), (wanted, wanted), "{file}");
        assert!(parsed.commands.iter().all(|c| c.diagnostics.is_empty() && c.runnable()));
    }
}

#[test]
fn attributes_are_understood() {
    let text = "## TASKS\n### `greet`\nSays hello\nto somebody\n\n**Requires:** test \"a b\", `lint`\n_Env_: NAME=World, A=1=2, odd\nInputs: NAME, WHO\ndir: $PWD\nRun: once\nRunDeps: Async\ninteractive: true\n\n~~~\n#!/usr/bin/env -S python3 -u\nprint(1)\n~~~\n## Other\n### no\n```\nx\n```\n";
    let parsed = parsed(text);
    assert_eq!(parsed.commands.len(), 1);
    let greet = &parsed.commands[0];
    assert_eq!((greet.name.as_str(), greet.summary.as_str()), ("greet", "Says hello to somebody"));
    assert_eq!(greet.requires, [vec!["test", "a b"], vec!["lint"]]);
    assert_eq!(greet.env, [("A".to_string(), "1=2".to_string())]);
    let params: Vec<(&str, bool, Option<&str>)> =
        greet.params.iter().map(|p| (p.var.as_str(), p.required, p.default.as_deref())).collect();
    assert_eq!(params, [("NAME", false, Some("World")), ("WHO", true, None)]);
    assert_eq!(greet.cwd, Cwd::Caller);
    let step = &greet.steps[0];
    assert_eq!((step.lang.as_str(), step.line), ("python3", 15));
    assert_eq!(step.options["shebang"], "/usr/bin/env -S python3 -u");
    assert!(!step.options.contains_key("prelude"));
    assert_eq!((field(greet, "Run"), field(greet, "RunDeps")), (Some("once"), Some("async")));
    assert_eq!(greet.diagnostics.iter().map(|d| d.line).collect::<Vec<_>>(), [7]);
    assert_eq!(greet.origin.lines, (2, 17));
    assert_eq!(greet.category.as_deref(), Some("TASKS"));
}

#[test]
fn folders_and_arguments() {
    let of = |body: &str| parsed(&format!("# Tasks\n## t\n{body}\n")).commands.remove(0);
    assert_eq!(of("```\nx\n```").cwd, Cwd::File);
    assert_eq!(of("dir: ./a\n```\nx\n```").cwd, Cwd::Relative("./a".into()));
    assert_eq!(of("dir: /a\n```\nx\n```").cwd, Cwd::Path("/a".into()));
    assert_eq!(of("dir: $PWD/a\n```\nx\n```").cwd, Cwd::Path("a".into()));
    let all = of("```sh\necho \"$@\"\n```");
    assert_eq!((all.params.len(), all.params[0].kind), (1, ParamKind::Rest));
    assert_eq!(all.steps[0].options["prelude"], "set -e");
    assert_eq!(of("```\necho $HOME $$\n```").params, []);
}

#[test]
fn comments_in_fences_and_rules_are_no_headings() {
    let text = "```\n# Tasks\n```\n| a | b |\n|---|---|\n\n# Tasks\n## one\n```\n# Tasks\n## two\n\necho\n```\n";
    let parsed = parsed(text);
    assert_eq!(parsed.commands.len(), 1);
    assert_eq!(parsed.commands[0].steps[0].text, "# Tasks\n## two\n\necho\n");
}

#[test]
fn what_xc_refuses_is_an_error_of_that_task_only() {
    let text = "# Tasks\n## none\nwords\n## two\n```\na\n```\n```\nb\n```\n## dirs\ndir: a\ndir: b\n```\nx\n```\n## run\nrun: never\n```\nx\n```\n## Good\n```\nx\n```\n## good\n```\ny\n```\n## open\n```\nx\n";
    let parsed = parsed(text);
    let said: Vec<(&str, usize, Severity)> = parsed
        .commands
        .iter()
        .flat_map(|c| c.diagnostics.iter().map(|d| (c.name.as_str(), d.line, d.severity)))
        .collect();
    let wanted = [
        ("none", 2, Severity::Error),
        ("two", 8, Severity::Error),
        ("dirs", 13, Severity::Error),
        ("run", 18, Severity::Error),
        ("good", 26, Severity::Warning),
        ("open", 31, Severity::Error),
    ];
    assert_eq!(said, wanted);
    assert!(parsed.commands[4].runnable());
}

#[test]
fn large_and_hostile_files_take_linear_time() {
    let pieces =
        ["## a\n```\nx\n```\n", "inputs: a, b\n", "env: a=1\n", "- ## x\n", "<!-- xc-heading -->\n", "### b\n"];
    for piece in pieces {
        let text = format!("# Tasks\n## t\n{}", piece.repeat(300_000 / piece.len()));
        let start = std::time::Instant::now();
        parsed(&text);
        assert!(start.elapsed().as_secs() < 10, "{piece:?} took {:?}", start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "(?s)([ #>*\\-`~\n:,=\"'$a\u{e9}]|# Tasks\n|## |```\n|req: |inputs: |env: |dir: |---\n){0,120}") {
        let parsed = parsed(&text);
        for command in &parsed.commands {
            proptest::prop_assert!(command.origin.lines.0 <= command.origin.lines.1);
            proptest::prop_assert!(text.contains(&command.text));
        }
    }

    #[test]
    fn any_unicode_is_read(text in "(?s)# Tasks\n## .{0,300}") {
        parsed(&text);
    }
}
