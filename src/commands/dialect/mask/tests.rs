use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::commands::model::ParamType;

fn parsed(text: &str) -> Parsed {
    read(&SourceFile { path: "maskfile.md", text })
}

fn corpus(folder: &str) -> Option<PathBuf> {
    let shared =
        std::env::var("FAC_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let path = Path::new(&shared).join("corpora").join(folder);
    if !path.exists() {
        println!("skipped: {} does not exist", path.display());
        return None;
    }
    Some(path)
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

/// Our commands in the shape of `mask --introspect`: nested again, groups without a script restored.
fn introspect(parsed: &Parsed) -> Value {
    let mut top: Vec<Value> = Vec::new();
    let mut title = "";
    for command in &parsed.commands {
        let category = command.category.as_deref().unwrap_or("");
        let level = command.text.chars().take_while(|c| *c == '#').count().max(2);
        let mut list = &mut top;
        let mut local = command.name.as_str();
        if level == 2 {
            title = category;
        } else {
            local = command.name.strip_prefix(category).unwrap().trim_start();
            if list.last().is_none_or(|p| p["name"] != category) {
                let help = command.fields.iter().find(|(k, _)| k == "Group").map_or("", |(_, v)| v);
                list.push(json!({"level": level - 1, "name": category, "description": help, "script": null,
                    "subcommands": [], "required_args": [], "optional_args": [], "named_flags": []}));
            }
            list = list.last_mut().unwrap()["subcommands"].as_array_mut().unwrap();
        }
        list.push(introspect_one(command, local, level));
    }
    json!({"title": title, "description": "", "commands": top})
}

fn introspect_one(command: &Command, local: &str, level: usize) -> Value {
    let step = &command.steps[0];
    let args = |required: bool| -> Vec<Value> {
        let of_kind = |p: &&Param| p.kind == ParamKind::Positional && p.required == required;
        command.params.iter().filter(of_kind).map(|p| json!({"name": p.name})).collect()
    };
    let flags: Vec<Value> = command
        .params
        .iter()
        .filter(|p| p.kind != ParamKind::Positional)
        .map(|p| {
            json!({"name": p.var, "long": p.name, "short": p.short.map(String::from).unwrap_or_default(),
                "description": p.help, "choices": p.choices, "multiple": false, "required": p.required,
                "takes_value": p.kind == ParamKind::Option, "validate_as_number": p.ty == ParamType::Number})
        })
        .collect();
    json!({
        "level": level, "name": local, "description": command.summary, "named_flags": flags,
        "required_args": args(true), "optional_args": args(false), "subcommands": [],
        "script": {"executor": step.options.get("info").unwrap_or(&step.lang), "source": step.text},
    })
}

#[test]
fn every_oracle_of_mask_is_met() {
    let Some(folder) = corpus("mask") else { return };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let mut compared = 0;
    for oracle in found.iter().filter(|p| p.to_string_lossy().ends_with(".introspect.json")) {
        let source = PathBuf::from(oracle.to_string_lossy().replace(".introspect.json", ".md"));
        let text = std::fs::read_to_string(&source).unwrap();
        let wanted: Value = serde_json::from_str(&std::fs::read_to_string(oracle).unwrap()).unwrap();
        assert_eq!(introspect(&parsed(&text)), wanted, "{}", source.display());
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn children_carry_the_names_of_their_parents() {
    let text = "# Tasks\n## services\n> Everything about services\n### services start (name)\n> Starts one\n~~~bash\necho $name\n~~~\n## no_script\nWords only\n";
    let parsed = parsed(text);
    assert_eq!(parsed.commands.len(), 1);
    let start = &parsed.commands[0];
    assert_eq!((start.name.as_str(), start.summary.as_str()), ("services start", "Starts one"));
    assert_eq!(start.category.as_deref(), Some("services"));
    assert_eq!(start.origin.lines, (4, 8));
    assert_eq!(start.text, "### services start (name)\n> Starts one\n~~~bash\necho $name\n~~~");
    assert_eq!((start.steps[0].line, start.steps[0].text.as_str()), (7, "echo $name\n"));
    let tree = introspect(&parsed);
    assert_eq!(tree["commands"][0]["description"], "Everything about services");
    assert_eq!(tree["commands"][0]["script"], Value::Null);
    assert_eq!(tree["commands"][0]["subcommands"][0]["name"], "start");
}

#[test]
fn flags_have_types_choices_and_help() {
    let text = "# t\n## go\n**OPTIONS**\n- port\n    - flags: -p --port\n    - type: number\n    - desc: Which `port`\n    - required\n- colour\n    - flags: --color\n    - type: string\n    - choices: red, blue\n- lonely\n\n```sh\ntrue\n```\n";
    let parsed = parsed(text);
    let params = &parsed.commands[0].params;
    assert_eq!(params.iter().map(|p| p.var.as_str()).collect::<Vec<_>>(), ["port", "colour", "verbose"]);
    assert_eq!((params[0].kind, params[0].ty, params[0].required), (ParamKind::Option, ParamType::Number, true));
    assert_eq!((params[0].short, params[0].help.as_str()), (Some('p'), "Which port"));
    assert_eq!((params[1].name.as_str(), params[1].choices.join(" ")), ("color", "red blue".to_string()));
    assert_eq!((params[2].kind, params[2].short), (ParamKind::Flag, Some('v')));
    let said: Vec<(usize, &str)> =
        parsed.commands[0].diagnostics.iter().map(|d| (d.line, d.message.as_str())).collect();
    assert_eq!(said, [(13, "option `lonely` has no list of settings under it; mask ignores it")]);
}

#[test]
fn traps_are_told() {
    let text = "# t\n## two\n```sh\none\n```\n```bash {name=x}\ntwo\n```\n## two (my-file)\n```sh\nthree\n```\n";
    let parsed = parsed(text);
    let first = &parsed.commands[0];
    assert_eq!((first.steps[0].lang.as_str(), first.steps[0].text.as_str()), ("bash", "two\n"));
    assert_eq!(first.steps[0].options["info"], "bash {name=x}");
    assert_eq!(first.diagnostics[0].message, "only the last script counts; the one on line 3 is ignored");
    assert_eq!(first.diagnostics[1].line, 6);
    let second = &parsed.commands[1];
    assert_eq!(second.params[0].var, "my-file");
    let lines: Vec<usize> = second.diagnostics.iter().map(|d| d.line).collect();
    assert_eq!(lines, [9, 9]);
    assert!(second.diagnostics[1].message.contains("line 2"));
}

#[test]
fn front_matter_is_skipped_and_lines_stay() {
    let parsed = parsed("---\ntitle: x\n---\n# t\n## test\n```sh\nx\n```\n# end\n## hidden\n```sh\ny\n```\n");
    assert_eq!(parsed.commands.len(), 1);
    assert_eq!((parsed.commands[0].name.as_str(), parsed.commands[0].origin.lines), ("test", (5, 8)));
    let said: Vec<(usize, Severity)> = parsed.diagnostics.iter().map(|d| (d.line, d.severity)).collect();
    assert_eq!(said, [(1, Severity::Info), (9, Severity::Info)]);
}

#[test]
fn windows_scripts_count_only_alone() {
    let parsed = parsed("# t\n## a\n```powershell\nx\n```\n## b\n```sh\ny\n```\n```cmd\nz\n```\n");
    assert_eq!(parsed.commands[0].platforms, ["windows"]);
    assert_eq!((parsed.commands[1].steps[0].lang.as_str(), parsed.commands[1].diagnostics.len()), ("sh", 0));
}

#[test]
fn large_and_hostile_files_take_linear_time() {
    for piece in ["## a\n```sh\nx\n```\n", "## a (b\n", "> q\n", "OPTIONS\n* a\n    * b\n", "```\n```\n", "## [\n"] {
        let text = format!("# t\n{}", piece.repeat(300_000 / piece.len()));
        let start = std::time::Instant::now();
        parsed(&text);
        assert!(start.elapsed().as_secs() < 10, "{piece:?} took {:?}", start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "(?s)([ #>*\\-`~\n()\\[\\]a:\u{e9}]|OPTIONS\n|## |```sh\n|---\n){0,120}") {
        let parsed = parsed(&text);
        for command in &parsed.commands {
            proptest::prop_assert!(command.origin.lines.0 <= command.origin.lines.1);
            proptest::prop_assert!(text.contains(&command.text));
        }
    }

    #[test]
    fn any_unicode_is_read(text in "(?s).{0,300}") {
        parsed(&text);
    }
}
