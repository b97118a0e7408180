use super::*;
use crate::commands::model::{Cwd, Effect, ParamType, StepKind};

const KIT: &str = r#"---
factotum: 1
description: Cut and announce releases
defaults: { shell: bash, timeout: 10m }
---
# Release kit
## Releasing
### `/release <version> [channel=stable|beta] [--dry-run] [files...]`
**Description:** Tag and describe a release
**Aliases:** `/rel`
**Requires:** `/test --quick`
**Effects:** write, network
**Cwd:** file
**Options:**
- `version` (text): What to call it
- `-n`, `--dry-run`: Say what would be done
**On:**
- `schedule "0 9 * * 1-5" tz=Europe/Berlin`
- `mqtt home/+/button payload=press`
- `voice "release version {version}"`
**Owner:** the build team

```bash {id=tag}
git tag "v$version"

```
```prompt {id=notes model=default stdin=tag}
Write {{channel}} notes for {{version}} from: {{input}}
```
```text
never runs
```
```cobol
DISPLAY "x"
```

### `/test [--quick]` Run the tests
```shell
make test
```
"#;

fn kit() -> Parsed {
    read(&SourceFile { path: "commands/release.md", text: KIT })
}

#[test]
fn the_example_of_the_design_is_read_whole() {
    let parsed = kit();
    assert_eq!(parsed.diagnostics, []);
    let c = &parsed.commands[0];
    assert_eq!((c.name.as_str(), c.summary.as_str()), ("release", "Tag and describe a release"));
    assert_eq!(c.category.as_deref(), Some("Releasing"));
    assert_eq!(c.aliases, ["rel"]);
    assert_eq!(c.requires, [vec!["test".to_string(), "--quick".to_string()]]);
    assert_eq!(c.effects, [Effect::Write, Effect::Network]);
    assert_eq!((c.cwd.clone(), c.timeout_ms), (Cwd::File, Some(600_000)));
    assert_eq!(c.fields, [("Owner".to_string(), "the build team".to_string())]);
    assert_eq!(c.params[0].help, "What to call it");
    assert_eq!((c.params[2].short, c.params[2].ty), (Some('n'), ParamType::Bool));
    assert_eq!(c.origin.lines, (8, 35));
    assert!(c.text.starts_with("### `/release"));
}

#[test]
fn steps_keep_their_bytes_and_attributes() {
    let parsed = kit();
    let steps = &parsed.commands[0].steps;
    assert_eq!(steps.len(), 2);
    assert_eq!((steps[0].id.as_str(), steps[0].text.as_str()), ("tag", "git tag \"v$version\"\n\n"));
    assert_eq!((steps[1].kind, steps[1].stdin.as_deref()), (StepKind::Prompt, Some("tag")));
    assert_eq!(steps[0].line, 23);
    let unknown = &parsed.commands[0].diagnostics;
    assert_eq!(unknown.len(), 1);
    assert_eq!((unknown[0].line, unknown[0].severity), (33, Severity::Info));
    assert_eq!(parsed.commands[1].steps[0].lang, "bash", "the default shell");
    assert_eq!(parsed.commands[1].summary, "Run the tests");
}

#[test]
fn triggers_have_words_and_options() {
    let c = &kit().commands[0];
    let seen: Vec<_> = c.triggers.iter().map(|t| (t.kind.as_str(), t.args.clone(), t.options.clone())).collect();
    assert_eq!(seen[0].1, ["0 9 * * 1-5"]);
    assert_eq!(seen[0].2["tz"], "Europe/Berlin");
    assert_eq!((seen[1].0, seen[1].2["payload"].as_str()), ("mqtt", "press"));
    assert_eq!(seen[2].1, ["release version {version}"]);
    assert_eq!(c.triggers[0].line, 18);
}

#[test]
fn mistakes_are_named_with_their_line() {
    let text = "---\nfactotum: 1\n---\n## `/a <path>`\n**Timeout:** soon\n**On:** `full-moon`\n```sh {id=x stdin=y}\n:\n```\n```sh {id=x}\n:\n```\n## `/a`\n```sh\n";
    let parsed = read(&SourceFile { path: "a.md", text });
    let said: Vec<(usize, &str)> =
        parsed.commands.iter().flat_map(|c| &c.diagnostics).map(|d| (d.line, d.message.as_str())).collect();
    let lines: Vec<usize> = said.iter().map(|s| s.0).collect();
    assert_eq!(lines, [4, 5, 6, 7, 10, 14, 13], "{said:#?}");
    assert!(!parsed.commands[0].runnable());
}

#[test]
fn a_file_without_a_signature_is_one_command() {
    let text = "---\nfactotum: 1\ndescription: Say hi\n---\n# Hello\n\n```sh\necho hi\n```\n";
    let parsed = read(&SourceFile { path: "commands/hello.md", text });
    assert_eq!(parsed.commands.len(), 1);
    assert_eq!((parsed.commands[0].name.as_str(), parsed.commands[0].summary.as_str()), ("hello", "Say hi"));
}

#[test]
fn an_old_catalogue_parses_unchanged_as_entries_without_a_body() {
    let text = "# Reference\n\n## Core\n\n### `/help`\n**Description:** Show help  \n**Usage:** `/help [command]`  \n**Examples:**\n- `/help` - all\n\n**Response:** A list\n\n---\n";
    let parsed = read(&SourceFile { path: "commands.md", text });
    let c = &parsed.commands[0];
    assert_eq!((c.name.as_str(), c.summary.as_str(), c.steps.len()), ("help", "Show help", 0));
    assert!(!c.runnable());
    let labels: Vec<&str> = c.fields.iter().map(|f| f.0.as_str()).collect();
    assert_eq!(labels, ["Usage", "Examples", "Response"]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(---\nfactotum: 1\n---\n)?([#`*<>\\[\\]{}=|.:a-z \n/-]{0,12}|```sh \\{id=a\n|\\*\\*On:\\*\\* |### `/a <b>`\n){0,20}") {
        let _ = read(&SourceFile { path: "x.md", text: &text });
    }
}

#[test]
fn a_refinement_outside_of_parentheses_is_noticed() {
    let text = "---\nfactotum: 1\n---\n### `/login <token>`\n**Options:**\n- `token` type=secret\n\n```sh\ntrue\n```\n";
    let commands = read(&SourceFile { path: "kit.md", text }).commands;
    let said: Vec<(usize, &str)> = commands[0].diagnostics.iter().map(|d| (d.line, d.message.as_str())).collect();
    assert_eq!(
        said,
        [(6, "`type=secret` is read as help for `token`: what refines it stands in parentheses, `(secret)`")]
    );
}

#[test]
fn an_attribute_that_no_such_step_has_is_noticed() {
    let text = "---\nfactotum: 1\n---\n### `/a`\n```sh {id=x timout=3s allow-failure}\n:\n```\n```mqtt {qos=1 retian}\na b\n```\n```wait {topic=a}\n1s\n```\n```ha {service=a.b response}\n```\n```lua {plugin=a call=b}\n```\n";
    let commands = read(&SourceFile { path: "kit.md", text }).commands;
    let said: Vec<(usize, &str)> = commands[0].diagnostics.iter().map(|d| (d.line, d.message.as_str())).collect();
    let known = "they have id, stdin, if, timeout, cwd, sandbox, allow_failure, undo";
    let third = format!("`topic=` is no attribute of `wait` steps; {known}");
    assert_eq!(
        said,
        [
            (5, "`timout=` is no attribute of `script` steps; did you mean `timeout=`?"),
            (8, "`retian=` is no attribute of `mqtt` steps; did you mean `retain=`?"),
            (11, third.as_str()),
        ]
    );
    assert_eq!(commands[0].diagnostics[0].severity, Severity::Warning);
}

#[test]
fn a_label_that_is_nearly_one_of_ours_is_noticed() {
    let text = "---\nfactotum: 1\n---\n### `/a`\n**Effect:** write\n**Timout:** 3s\n**Model:** x\n**Requirements:** y\n**Optional:** z\n**Owner:** me\n```sh\n:\n```\n";
    let command = &read(&SourceFile { path: "kit.md", text }).commands[0];
    let said: Vec<(usize, &str)> = command.diagnostics.iter().map(|d| (d.line, d.message.as_str())).collect();
    assert_eq!(
        said,
        [
            (5, "`Effect:` is kept as a field of its own: did you mean `effects`?"),
            (6, "`Timout:` is kept as a field of its own: did you mean `timeout`?"),
        ]
    );
    assert_eq!(command.fields.len(), 6);
}
