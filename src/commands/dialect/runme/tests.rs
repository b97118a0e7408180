use std::path::{Path, PathBuf};

use super::*;

fn parsed(text: &str) -> Parsed {
    read(&SourceFile { path: "README.md", text })
}

fn all(text: &str) -> Parsed {
    read_all(&SourceFile { path: "README.md", text })
}

fn corpus() -> Option<PathBuf> {
    let shared =
        std::env::var("FAC_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let path = Path::new(&shared).join("corpora/runme/runmedev+runme");
    if !path.exists() {
        println!("skipped: {} does not exist", path.display());
        return None;
    }
    Some(path)
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out)
        } else if path.extension().is_some_and(|e| e == "md") {
            out.push(path)
        }
    }
}

fn by_name<'a>(parsed: &'a Parsed, name: &str) -> &'a Command {
    parsed.commands.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("{name}"))
}

/// The info strings of fences that are not inside another fence, line by line.
fn infos(text: &str) -> Vec<&str> {
    let (mut open, mut out) = (0, Vec::new());
    for line in text.lines().map(str::trim) {
        let ticks = line.bytes().take_while(|b| *b == b'`').count();
        if open > 0 && ticks >= open && line.len() == ticks {
            open = 0;
        } else if open == 0 && ticks >= 3 {
            open = ticks;
            out.push(&line[ticks..]);
        }
    }
    out
}

#[test]
fn every_attributed_fence_of_the_corpus_is_a_cell() {
    let Some(folder) = corpus() else { return };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let (mut json, mut pairs, mut lines) = (0, 0, 0);
    for file in &found {
        let text = std::fs::read_to_string(file).unwrap();
        let attributed: Vec<&str> = infos(&text).into_iter().filter(|i| i.contains('{')).collect();
        let read = parsed(&text);
        assert_eq!(read.commands.len(), attributed.len(), "{}", file.display());
        let names: std::collections::HashSet<&str> = read.commands.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), read.commands.len());
        for (command, info) in read.commands.iter().zip(&attributed) {
            assert!(text.lines().nth(command.origin.lines.0 - 1).is_some_and(|l| l.ends_with(info)));
            assert!(all(&text).commands.contains(command), "names must not depend on the way of reading");
        }
        json += attributed.iter().filter(|i| i.contains("{\"")).count();
        pairs += attributed.iter().filter(|i| !i.contains("{\"")).count();
        lines += text.lines().filter(|l| l.trim_start().starts_with("```") && l.contains('{')).count();
    }
    // One of the seven `{ name=x }` lines stands inside a fence of four backquotes and is no fence itself.
    assert_eq!((json, pairs, lines), (128, 6, 135));
}

#[test]
fn attributes_front_matter_and_folders() {
    let text = "---\ncwd: ../..\nshell: zsh\n---\n# H\n\nPrint the folder:\n\n```sh {\"cwd\":\"x\",\"name\":\"a\",\"background\":\"true\",\"tag\":\"t\"}\npwd\n```\n\n```sh { name=b cwd=/opt interactive=false }\npwd\n```\n\n```py {\"id\":\"1\"}\nprint(1)\n```\n";
    let parsed = parsed(text);
    let a = by_name(&parsed, "a");
    assert_eq!((a.summary.as_str(), a.category.as_deref()), ("Print the folder", Some("t")));
    assert_eq!((&a.cwd, a.steps[0].lang.as_str()), (&Cwd::Relative("../../x".into()), "zsh"));
    assert_eq!((a.steps[0].options["background"].as_str(), a.origin.lines), ("true", (9, 11)));
    assert_eq!(a.steps[0].line, 10);
    let b = by_name(&parsed, "b");
    assert_eq!((&b.cwd, b.category.as_deref()), (&Cwd::Path("/opt".into()), Some("H")));
    assert_eq!(b.steps[0].options["interactive"], "false");
    let c = by_name(&parsed, "print1");
    assert_eq!((c.steps[0].lang.as_str(), c.steps[0].options.contains_key("interpreter")), ("py", false));
}

#[test]
fn prompts_follow_prompt_env_and_skip_prompts() {
    let cell = |front: &str, attribute: &str| {
        let text = format!("{front}```sh {{\"name\":\"x\"{attribute}}}\n$ export A='one'\n$ echo $A\n```\n");
        parsed(&text).commands.remove(0)
    };
    let skip = "---\nskipPrompts: true\n---\n";
    let asked = cell("", "");
    assert_eq!((asked.params[0].var.as_str(), asked.params[0].default.as_deref()), ("A", Some("one")));
    assert_eq!(asked.steps[0].text, "\necho $A\n");
    assert_eq!(cell(skip, ",\"promptEnv\":\"yes\"").params.len(), 1);
    for left in [cell("", ",\"promptEnv\":\"no\""), cell(skip, "")] {
        assert_eq!((left.params.len(), left.steps[0].text.as_str()), (0, "export A='one'\necho $A\n"));
    }
}

#[test]
fn unknown_languages_are_entries_and_mermaid_is_nothing() {
    let parsed = parsed(
        "```ini {\"id\":\"1\"}\na = b\n```\n```mermaid {\"id\":\"2\"}\nx\n```\n```awk {\"interpreter\":\"awk -f\"}\nx\n```\n",
    );
    assert_eq!(parsed.commands.len(), 2);
    assert_eq!((parsed.commands[0].runnable(), parsed.commands[0].diagnostics.len()), (false, 1));
    assert_eq!(parsed.commands[0].fields, [("id".to_string(), "1".to_string())]);
    assert_eq!(parsed.commands[1].steps[0].lang, "awk");
}

#[test]
fn plain_files_are_read_on_request_only() {
    let text = "# R\n```sh\n# install\nnpm install x\n```\n\n    $ npm install y\n    added\n\n    just text\n\n- then\n  ```bash\n  FOO=1 run\n  ```\n```\noutput\n```\n```json\n{}\n```\n";
    assert_eq!(parsed(text), Parsed::default());
    let all = all(text);
    let rows: Vec<(&str, &str, &str)> =
        all.commands.iter().map(|c| (c.name.as_str(), c.steps[0].lang.as_str(), c.steps[0].text.as_str())).collect();
    assert_eq!(
        rows,
        [
            ("npm-install", "sh", "# install\nnpm install x\n"),
            ("npm-install-2", "sh", "npm install y\n\n\n\n"),
            ("foo", "bash", "FOO=1 run\n"),
        ]
    );
    assert_eq!(all.commands[2].summary, "then");
}

#[test]
fn written_names_are_kept_before_made_ones() {
    let text = "```sh\nls\n```\n```sh {\"name\":\"ls\"}\nls -l\n```\n```sh {\"name\":\"ls\"}\nls -a\n```\n";
    let names: Vec<String> = all(text).commands.iter().map(|c| c.name.clone()).collect();
    assert_eq!(names, ["ls-3", "ls", "ls-2"]);
    let repeated = &parsed(text).commands[1].diagnostics[0];
    assert_eq!((repeated.line, repeated.message.contains("line 4")), (7, true));
}

#[test]
fn a_snippet_mark_in_the_first_line_is_no_front_matter() {
    let parsed = parsed("--8<-- \"x.md\"\n\n```sh {\"name\":\"a\"}\nls\n```\n");
    assert_eq!((parsed.commands.len(), parsed.diagnostics.len()), (1, 0));
}

#[test]
fn large_and_hostile_files_take_linear_time() {
    let same = "```sh {\"name\":\"a\"}\nls\n```\n".repeat(12_000);
    let made = "```sh {\"a\":1}\nls\n```\n".repeat(12_000);
    let quotes = format!("```sh {{a=b}}\n{}", "$ echo '\n".repeat(30_000));
    let documents = format!("```sh {{a=b}}\n{}", "$ cat << EOF << X\n".repeat(20_000));
    let exports = format!("```sh {{a=b}}\n{}", (0..20_000).map(|n| format!("export A{n}=1\n")).collect::<String>());
    let info = format!("```sh {{ {} }}\nls\n", "a=b ".repeat(60_000));
    let brace = format!("```sh {{{}\nls\n", "{\"a\":".repeat(50_000));
    for text in [same, made, quotes, documents, exports, info, brace] {
        let start = std::time::Instant::now();
        all(&text);
        assert!(start.elapsed().as_secs() < 10, "{:?} took {:?}", &text[..20], start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "(?s)([ #>*\\-`\n$={}\"'\\\\<a\u{e9}]|```sh \\{|```\n|\"name\":\"|name=|---\n|\\$ |export A=|<<EOF|    ){0,120}") {
        for read in [parsed(&text), all(&text)] {
            for command in &read.commands {
                proptest::prop_assert!(command.origin.lines.0 <= command.origin.lines.1);
                proptest::prop_assert!(text.contains(&command.text));
            }
        }
    }

    #[test]
    fn any_block_is_read(text in "(?s).{0,200}") {
        all(&format!("```sh {{a=b}}\n{text}"));
    }
}
