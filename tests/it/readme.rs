//! The README is executed: every `$ fac …` line of its ```console blocks runs, in one world and in order, and what
//! follows it must be what the program says.
//!
//! `[..]` stands for anything on one line, and a line that is only `...` for any number of lines. A line of the
//! README's own, `# exit code N`, says that the command above it ends so; all others end with 0. Output is stdout
//! and stderr as a terminal would show them. The world holds what the README speaks of: a small project with a
//! maskfile and a folder of commands.

use std::process::Stdio;

use crate::support::model::{Answer, ModelServer};
use crate::support::world::World;

/// A command of the README and what should follow it.
#[derive(Debug, Default, PartialEq)]
struct Example {
    line: usize,
    command: String,
    expected: Vec<String>,
    code: i32,
}

fn examples(readme: &str) -> Vec<Example> {
    let (mut found, mut inside) = (Vec::<Example>::new(), false);
    for (number, line) in readme.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ").filter(|c| c.starts_with("fac ")) {
            found.push(Example { line: number + 1, command: command.to_string(), ..Example::default() });
        } else if inside && let Some(example) = found.last_mut() {
            match line.strip_prefix("# exit code ") {
                Some(code) => example.code = code.trim().parse().unwrap(),
                None => example.expected.push(line.to_string()),
            }
        }
    }
    for example in &mut found {
        while example.expected.last().is_some_and(String::is_empty) {
            example.expected.pop();
        }
    }
    found
}

/// Whether a line is what a pattern with `[..]` says.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether lines are what patterns say; `...` is any number of lines.
fn agree(patterns: &[String], lines: &[&str]) -> bool {
    match patterns.split_first() {
        None => lines.is_empty(),
        Some((dots, rest)) if dots == "..." => (0..=lines.len()).any(|skip| agree(rest, &lines[skip..])),
        Some((pattern, rest)) => lines.split_first().is_some_and(|(l, more)| matches(pattern, l) && agree(rest, more)),
    }
}

/// What the model of the README answers, by what it is asked.
const ANSWERS: [(&str, &str); 6] = [
    ("EADDRINUSE", "Another program already listens on that address and port."),
    ("in three words", "Port already taken."),
    ("invent a dog", "{\"name\": \"Rex\", \"age\": 3}"),
    ("kindly remit", "As we agreed, please pay."),
    ("two facts", "They dance. They wear yellow."),
    ("a title for: They dance", "Dancers in Yellow"),
];

/// What a newcomer might have in front of them.
fn world() -> World {
    let mut world = World::new();
    world.set("FAC_TEST_CLOCK", "2026-03-02T09:30:00Z");
    world.set("COLUMNS", "100");
    world.prepend_path(std::path::Path::new(env!("CARGO_BIN_EXE_fac")).parent().unwrap());
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/tasks");
    world.sh(&format!("mkdir project && cp -R '{demo}' project/tasks && cd project && git init -q . && cp tasks/maskfile.md . && git add -A"));
    world.sh("cd project && export GIT_AUTHOR_DATE=2026-03-01T10:00:00Z GIT_COMMITTER_DATE=2026-03-01T10:00:00Z
         git commit -q -m 'Begin with chores'
         printf 'name,cups\\nAda,3\\nBob,5\\n' > tea.csv
         printf 'Ada\nBob\nEve\n' > names.txt");
    world
}

#[test]
fn every_example_of_the_readme_says_what_the_program_says() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let examples = examples(&readme);
    assert!(examples.len() >= 15, "only {} examples", examples.len());
    let server = ModelServer::start();
    server.on(|asked| {
        let said = ANSWERS.iter().find(|(question, _)| asked.last_user().contains(question));
        Answer::text(said.map_or("What?", |(_, answer)| *answer)).usage(20, 10, 0, 0)
    });
    let world = world();
    let settings = format!("local_models = false\n[providers.lab]\nurl = \"{}/v1/\"\n", server.url());
    std::fs::create_dir_all(world.fac().join("config")).unwrap();
    std::fs::write(world.fac().join("config/config.toml"), settings).unwrap();
    let mut wrong = String::new();
    for (number, example) in examples.iter().enumerate() {
        // Within one minute, so that times look the same, and each later than the one before.
        let clock = format!("2026-03-02T09:30:{:06.3}Z", number as f64 * 60.0 / (examples.len() + 1) as f64);
        let mut shell = world.program("sh", &["-c", &format!("exec 2>&1; {}", example.command)]);
        let out = shell
            .env("FAC_TEST_CLOCK", clock)
            .current_dir(world.path("project"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        while lines.last().is_some_and(|l| l.is_empty()) {
            lines.pop();
        }
        let code = out.status.code().unwrap_or(-1);
        if code != example.code || !agree(&example.expected, &lines) {
            let Example { line, command, code: wanted, expected } = example;
            wrong += &format!("README.md:{line}: $ {command}\n-- wanted ({wanted}):\n{}\n", expected.join("\n"));
            wrong += &format!("-- got ({code}):\n{}\n\n", lines.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The calls of `fac` in a line for a shell, each up to where its words end: a pipe, a redirection, another command.
fn calls(line: &str) -> Vec<String> {
    let code = line.split(" #").next().unwrap_or("");
    let ends = |c: char| matches!(c, '|' | '>' | '<' | ';' | '&' | '(' | ')');
    let (mut quoted, mut parts) = (None, vec![String::new()]);
    for c in code.chars() {
        match quoted {
            Some(quote) if c == quote => quoted = None,
            None if c == '\'' || c == '"' => quoted = Some(c),
            None if ends(c) => parts.push(String::new()),
            _ => {}
        }
        if let Some(part) = parts.last_mut().filter(|_| quoted.is_some() || !ends(c)) {
            part.push(c);
        }
    }
    parts.iter().map(|p| p.trim().to_string()).filter(|p| p.starts_with("fac ")).collect()
}

/// Blocks of ```sh hold what no test can do here: microphones, keys, networks. That fac knows their words can be tested,
/// since help is asked for only after all words before it were understood.
#[test]
fn every_call_for_a_shell_in_the_readme_is_one_that_fac_knows() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let world = world();
    let (mut inside, mut tried, mut wrong) = (false, 0, String::new());
    for (number, line) in readme.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```sh";
            continue;
        }
        for call in calls(line).iter().filter(|_| inside) {
            tried += 1;
            let out = world.program("sh", &["-c", &format!("exec 2>&1; {call} --help")]).output().unwrap();
            if !out.status.success() {
                wrong += &format!("README.md:{}: {call}\n{}\n", number + 1, String::from_utf8_lossy(&out.stdout));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(tried >= 20, "only {tried} calls");
}

#[test]
fn calls_are_found_between_pipes_and_quotes() {
    assert_eq!(calls("fac a 'b | c' | fac d - > e # fac f"), ["fac a 'b | c'", "fac d -"]);
    assert_eq!(calls("eval (fac g | h) && make fac"), ["fac g"]);
}

#[test]
fn wildcards_match_what_they_should() {
    assert!(matches("a [..] c", "a b c") && matches("[..]", "") && matches("x[..]y[..]z", "x1y2z"));
    assert!(!matches("a", "ab") && !matches("a[..]c", "ab") && !matches("[..]b", "bc"));
    let patterns = ["a", "...", "d"].map(String::from);
    assert!(agree(&patterns, &["a", "b", "c", "d"]) && agree(&patterns, &["a", "d"]) && !agree(&patterns, &["a"]));
}

#[test]
fn examples_are_found_with_their_lines_and_codes() {
    let found = examples("x\n```console\n$ fac b\nout\n$ shown\n\n$ fac c\n# exit code 4\n```\n```sh\n$ no\n```\n");
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].line, found[0].command.as_str(), found[0].expected.clone()),
        (3, "fac b", vec!["out".to_string(), "$ shown".to_string()])
    );
    assert_eq!((found[1].code, found[1].expected.len()), (4, 0));
}
