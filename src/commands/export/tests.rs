//! Exports of a rich command, of snippets and of the corpora.

use super::*;
use crate::commands::dialect::{self, SourceFile};
use crate::commands::model::{Dialect, Effect, ParamType, Trigger};

fn release() -> Command {
    let mut command = Command::new(Dialect::Native, "release");
    command.summary = "Tag and describe a release".to_string();
    command.category = Some("Releasing".to_string());
    command.aliases = vec!["rel".to_string()];
    command.requires = vec![vec!["test".to_string(), "--quick".to_string(), "a b".to_string()]];
    command.env = vec![("A".to_string(), "1".to_string())];
    command.timeout_ms = Some(600_000);
    command.effects = vec![Effect::Write, Effect::Network];
    command.tool = Some(false);
    command.triggers.push(Trigger {
        kind: "schedule".to_string(),
        args: vec!["0 9 * * 1-5".to_string()],
        options: BTreeMap::from([("tz".to_string(), "Europe/Berlin".to_string())]),
        line: 0,
    });
    let param = |name: &str, kind| Param { name: name.into(), var: name.replace('-', "_"), kind, ..Param::default() };
    command.params = vec![
        Param { required: true, help: "The version".to_string(), ..param("version", ParamKind::Positional) },
        Param {
            default: Some("stable".to_string()),
            choices: vec!["beta".to_string(), "stable".to_string()],
            ..param("channel", ParamKind::Option)
        },
        Param { short: Some('n'), ..param("dry-run", ParamKind::Flag) },
        Param { ty: ParamType::Integer, ..param("jobs", ParamKind::Option) },
        param("files", ParamKind::Rest),
    ];
    command.steps.push(Step::new("tag", StepKind::Script, "bash", "git tag \"v$version\"\n```\n"));
    let mut notes = Step::new("notes", StepKind::Prompt, "prompt", "Write {{channel}} notes from {{input}}\n");
    (notes.syntax, notes.stdin, notes.condition) =
        (Syntax::Native, Some("tag".to_string()), Some("a == \"b\"".to_string()));
    command.steps.push(notes);
    command
}

#[test]
fn native_says_everything() {
    let out = export(&release(), ExportFormat::Native).unwrap();
    assert_eq!(
        out.text,
        r#"---
factotum: 1
---
## Releasing
### `/release <version> [channel=stable|beta] [--dry-run] [--jobs=<v>] [files...]`
**Description:** Tag and describe a release
**Aliases:** `/rel`
**Requires:** `/test --quick "a b"`
**Env:** `A=1`
**Timeout:** 10m
**Effects:** write, network
**Tool:** no

**Options:**
- `version` - The version
- `dry-run` (-n)
- `jobs` (integer)

**On:**
- `schedule "0 9 * * 1-5" tz=Europe/Berlin`

````bash {id=tag}
git tag "v$version"
```
````

```prompt {id=notes stdin=tag if="a == \"b\""}
Write {{channel}} notes from {{input}}
```
"#
    );
    assert_eq!(out.lost, Vec::<String>::new());
}

#[test]
fn what_a_step_says_to_its_own_kind_is_written_and_read_back() {
    let text = "---\nfactotum: 1\n---\n### `/lamp [room=hall]`\n**Mode:** queued\n**On:**\n- `mqtt home/+/button max=3`\n\n```mqtt {topic=\"home/{{room}}/set\" qos=1 retain}\non\n```\n\n```ha {service=light.turn_on response}\nentity_id: light.hall\n```\n\n```prompt {temperature=0.2}\nhi\n```\n";
    let read = |text: &str| dialect::native::read(&SourceFile { path: "lamp.md", text }).commands.remove(0);
    let first = read(text);
    let again = read(&export(&first, ExportFormat::Native).unwrap().text);
    let said = |command: &Command| command.steps.iter().map(|step| step.options.clone()).collect::<Vec<_>>();
    assert_eq!(said(&again), said(&first));
    assert_eq!(said(&again)[0]["topic"], "home/{{room}}/set");
    assert_eq!((again.diagnostics.len(), again.triggers[0].options["max"].as_str()), (0, "3"));
    // What was noted of a step of another format stays away.
    let mut other = release();
    other.steps[0].options.insert("base".to_string(), "1".to_string());
    assert!(!export(&other, ExportFormat::Native).unwrap().text.contains("base"));
}

#[test]
fn snippets_become_scripts_over_variables() {
    let page = SourceFile {
        path: "pages/common/cp.md",
        text: "# cp\n\n> Copy.\n\n- Copy files:\n\n`cp {{[-v|--verbose]}} {{path/to/file1 path/to/file2 ...}} '{{대상}}'`\n",
    };
    let command = &dialect::read(Dialect::Tldr, &page).commands[0];
    let native = export(command, ExportFormat::Native).unwrap();
    assert!(native.text.contains("### `/cp copy-files <file> <value>`\n"), "{}", native.text);
    assert!(
        native.text.contains("```sh {id=run}\ncp --verbose \"${file}\" ''\"${value}\"''\n```\n"),
        "{}",
        native.text
    );
    assert!(native.lost.contains(&"several values for `file`".to_string()), "{:?}", native.lost);
    let tldr = export(command, ExportFormat::Tldr).unwrap();
    assert!(
        tldr.text
            .ends_with("- Copy files:\n\n`cp {{[-v|--verbose]}} {{path/to/file1 path/to/file2 ...}} '{{대상}}'`\n")
    );
    let again = dialect::read(Dialect::Tldr, &SourceFile { path: "pages/common/cp.md", text: &tldr.text });
    assert_eq!(
        (&again.commands[0].params, &again.commands[0].steps[0].text),
        (&command.params, &command.steps[0].text)
    );

    let navi = SourceFile { path: "a.cheat", text: "% a\n# Say it\necho <x> '{{y}}' \\<z>\n" };
    let tldr = export(&dialect::read(Dialect::Navi, &navi).commands[0], ExportFormat::Tldr).unwrap();
    assert!(tldr.text.contains("`echo {{x}} '\\{\\{y\\}\\}' <z>`"), "{}", tldr.text);

    let code = SourceFile { path: "a.cheat", text: "% a\n# Run\nsh -c 'echo <x>'\n" };
    let error = export(&dialect::read(Dialect::Navi, &code).commands[0], ExportFormat::Mask).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
}

fn task() -> Command {
    let mut command = release();
    command.name = "db migrate up".to_string();
    command.params.pop();
    command.params[1].default = None;
    command.params[1].help = "Which `one` <of> *two*".to_string();
    command.steps.truncate(1);
    command
}

#[test]
fn mask_writes_headings_options_and_one_script() {
    let out = export(&task(), ExportFormat::Mask).unwrap();
    assert_eq!(
        out.text,
        r#"## db

### db migrate

#### db migrate up (version)

> Tag and describe a release

**OPTIONS**

* channel
    * flags: --channel
    * type: string
    * desc: Which \`one\` \<of\> \*two\*
    * choices: beta, stable
* dry_run
    * flags: -n --dry-run
* jobs
    * flags: --jobs
    * type: number

````bash
git tag "v$version"
```
````
"#
    );
    assert!(
        out.lost.contains(&"Requires".to_string()) && out.lost.contains(&"the type of `jobs`".to_string()),
        "{:?}",
        out.lost
    );
}

/// What mask can say comes back the same.
#[test]
fn a_written_maskfile_reads_back_equal() {
    let probe = dialect::read(Dialect::Mask, &SourceFile { path: "maskfile.md", text: "## a\n\n```sh\ntrue\n```\n" });
    if probe.commands.is_empty() {
        println!("skipped: this build does not read maskfiles");
        return;
    }
    let command = task();
    let text = export(&command, ExportFormat::Mask).unwrap().text;
    let parsed = dialect::read(Dialect::Mask, &SourceFile { path: "maskfile.md", text: &text });
    let [read] = parsed.commands.as_slice() else { panic!("{parsed:?}") };
    assert_eq!((&read.name, &read.summary), (&command.name, &command.summary));
    assert_eq!((&read.steps[0].text, &read.steps[0].lang), (&command.steps[0].text, &command.steps[0].lang));
    let key = |p: &Param| (p.name.clone(), p.var.clone(), p.kind, p.short, p.required, p.choices.clone());
    let read: Vec<_> = read.params.iter().filter(|p| p.name != "verbose").map(key).collect();
    assert_eq!(read, command.params.iter().map(key).collect::<Vec<_>>());
    for (path, text) in crate::commands::corpus_tests::corpus_files("mask", "md") {
        for command in dialect::read(Dialect::Mask, &SourceFile { path: &path, text: &text }).commands {
            let Ok(out) = export(&command, ExportFormat::Mask) else { continue };
            let again = dialect::read(Dialect::Mask, &SourceFile { path: "maskfile.md", text: &out.text });
            let [read] = again.commands.as_slice() else { panic!("{path}: {}", out.text) };
            assert_eq!(
                (&read.name, &read.summary, &read.params),
                (&command.name, &command.summary, &command.params),
                "{path}"
            );
            assert_eq!(
                (&read.steps[0].text, &read.steps[0].lang),
                (&command.steps[0].text, &command.steps[0].lang),
                "{path}"
            );
        }
    }
}

#[test]
fn what_mask_cannot_do_is_an_error() {
    let mut command = release();
    assert_eq!(export(&command, ExportFormat::Mask).unwrap_err().kind(), Kind::Usage);
    command.steps.clear();
    assert_eq!(export(&command, ExportFormat::Mask).unwrap_err().kind(), Kind::Usage);
    let mut named = task();
    named.name = "a (b)".to_string();
    assert_eq!(export(&named, ExportFormat::Mask).unwrap_err().kind(), Kind::BadData);
    let mut taken = task();
    taken.params[0].var = "PATH".to_string();
    assert_eq!(export(&taken, ExportFormat::Mask).unwrap_err().kind(), Kind::BadData);
}

fn prompt() -> Command {
    let mut command = release();
    command.steps.remove(0);
    command.steps[0].text =
        "Write \"{{channel}}\" notes for {{dry-run}}, \\{{not}} from {{input}} or {{files}}".to_string();
    command
}

#[test]
fn prompts_change_their_placeholders() {
    let claude = export(&prompt(), ExportFormat::Claude).unwrap();
    assert_eq!(
        claude.text,
        "---\ndescription: \"Tag and describe a release\"\nargument-hint: \"<version> [channel] [dry-run] [jobs] [files]\"\n\
         arguments: [version, channel, dry_run, jobs]\n---\n\
         Write \"$channel\" notes for $dry_run, {{not}} from $ARGUMENTS or $ARGUMENTS\n"
    );
    let fabric = export(&prompt(), ExportFormat::Fabric).unwrap();
    assert_eq!(fabric.text, "Write \"{{channel}}\" notes for {{dry-run}}, {{not}} from {{input}} or {{input}}\n");
    assert!(fabric.lost.contains(&"that some of its text only looks like a placeholder".to_string()));
    let error = export(&task(), ExportFormat::Claude).unwrap_err();
    assert_eq!((error.kind(), error.way_forward().is_some()), (Kind::Usage, true));

    let mut claude = prompt();
    claude.steps[0].syntax = Syntax::Claude;
    claude.steps[0].text = "Fix $ARGUMENTS with $ARGUMENTS[0] and {{x}}".to_string();
    let native = export(&claude, ExportFormat::Native).unwrap();
    assert!(native.text.contains("\nFix {{arguments}} with {{version}} and \\{{x}}\n"), "{}", native.text);
}

#[test]
fn a_page_shows_how_scripts_are_called() {
    let out = export(&release(), ExportFormat::Tldr).unwrap();
    assert!(
        out.text.ends_with(
            "`fac run release {{version}} --channel {{beta|stable}} --dry-run --jobs {{jobs}} {{files1 files2 ...}}`\n"
        ),
        "{}",
        out.text
    );
}

/// Everything the corpora hold can be written natively, or the reason is a refusal.
#[test]
fn the_corpora_can_be_written() {
    let (mut written, mut refused) = (0, 0);
    for (path, text) in crate::commands::corpus_tests::corpus_files("navi", "cheat") {
        for command in dialect::read(Dialect::Navi, &SourceFile { path: &path, text: &text }).commands {
            match export(&command, ExportFormat::Native) {
                Ok(out) => {
                    written += 1;
                    assert!(out.text.starts_with("---\nfactotum: 1\n---\n") && out.text.ends_with("```\n"));
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.kind(), Kind::Refused, "{error}");
                }
            }
        }
    }
    println!("navi: {written} written, {refused} refused");
}
