//! Tests of detection: single rules, and every file of the corpora.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::{SourceFile, read};
use super::*;
use crate::commands::model::StepKind;

fn at(path: &str, text: &str) -> Option<Dialect> {
    detect(path, text, &())
}

struct Has(&'static str);

impl Siblings for Has {
    fn exists(&self, path: &str) -> bool {
        path == self.0
    }
}

#[test]
fn names_and_folders_decide() {
    assert_eq!(at("a/SKILL.md", "x"), Some(Dialect::Skill));
    assert_eq!(at("a/skill.md", "x"), None);
    assert_eq!(at(".github/prompts/x.prompt.md", ""), Some(Dialect::Copilot));
    assert_eq!(at("agents/x.agent.md", ""), Some(Dialect::Copilot));
    assert_eq!(at(".claude/commands/a/b.md", "x"), Some(Dialect::Claude));
    assert_eq!(at("data/patterns/x/system.md", "x"), Some(Dialect::Fabric));
    assert_eq!((at("patterns/x/user.md", "x"), at("x/system.md", "x")), (None, None));
    assert_eq!(at("a.cheat", "% x"), Some(Dialect::Navi));
    assert_eq!(at("pages.pt_BR/linux/x.md", "# x\n\n> y.\n"), Some(Dialect::Tldr));
    assert_eq!((at("pages/blog/x.md", "# x\n\n> y.\n"), at("pages/linux/x.md", "no")), (None, None));
    assert_eq!(at("sub/maskfile.md", "x"), Some(Dialect::Mask));
    assert_eq!(at("x.md", "---\nfactotum: 1\n---\n"), Some(Dialect::Native));
}

#[test]
fn the_marker_goes_before_what_a_folder_suggests() {
    assert_eq!(at(".claude/commands/x.md", "---\nfactotum: 1\n---\n"), Some(Dialect::Native));
    assert_eq!(at("x.md", "---\nfactotum: 2\n---\n"), None);
}

#[test]
fn bare_command_folders_need_evidence() {
    assert_eq!(at("commands/x.md", "# Words\n\n- list"), None);
    assert_eq!(at("tools/x.md", "Fix $ARGUMENTS"), Some(Dialect::Claude));
    assert_eq!(at("docs/x.md", "Fix $ARGUMENTS"), None);
    assert_eq!(at("commands/x.md", "---\nargument-hint: [a] [b]\n---\nx"), Some(Dialect::Claude));
    assert_eq!(at("workflows/x.md", "---\nmodel: claude-opus-4-1\n---\nx"), Some(Dialect::Claude));
    assert_eq!(at("commands/x.md", "---\nmodel: gpt-4\n---\nx"), None);
    assert_eq!(at("commands/README.md", "Fix $ARGUMENTS"), None);
    let plugin = Has("plugins/p/.claude-plugin/plugin.json");
    assert_eq!(detect("plugins/p/commands/x.md", "x", &plugin), Some(Dialect::Claude));
    assert_eq!(detect("plugins/q/commands/x.md", "x", &plugin), None);
}

#[test]
fn catalogues_are_told_by_headings_fences_or_a_registry() {
    assert_eq!(at("commands/commands.md", "## A\n### `/run-it`\n**Description:** x\n"), Some(Dialect::Jaegis));
    assert_eq!(at("c.md", "```\n### `/run-it`\n```\n"), None);
    assert_eq!(at("c.md", "```bash\n/a [x] # y\n# note\n/b\n```\n\n```bash\n/c-d\n```\n"), Some(Dialect::Jaegis));
    assert_eq!(at("c.md", "```bash\n/usr/bin/a\n/b/c\n/d/e\n```\n"), None);
    assert_eq!(at("c.md", "```bash\n/a\n/b\n/c\nls\n```\n"), None);
    assert_eq!(
        at("c.md", "```yaml\nx:\n  command: \"/a\"\ny:\n  command: /b\nz:\n  command: '/c'\n```\n"),
        Some(Dialect::Jaegis)
    );
}

#[test]
fn tasks_need_a_badge_or_a_mark() {
    let tasks = "# T\n\n## Tasks\n\n### a\n\n```\nx\n```\n\n### b\n\nRequires: a\n\n## End\n";
    assert_eq!(at("README.md", tasks), None);
    let badge = format!("[![xc compatible](https://xcfile.dev/badge.svg)](https://xcfile.dev)\n\n{tasks}");
    assert_eq!(at("README.md", &badge), Some(Dialect::Xc));
    assert_eq!(at("README.md", &badge.replace("Requires: a", "words")), None);
    assert_eq!(at("README.md", "<!-- xc-heading -->\n## Do\n\n### a\n\n```\nx\n```\n"), Some(Dialect::Xc));
    assert!(forced(Dialect::Xc, "README.md") && forced(Dialect::Runme, "README.md"));
}

#[test]
fn runme_cells_are_told_by_their_attributes() {
    for info in ["sh {\"name\":\"x\"}", "sh { name=x tag=a }", "sh {\"id\":\"01\"}", "sh { interactive=false }"] {
        assert_eq!(at("README.md", &format!("```{info}\nx\n```\n")), Some(Dialect::Runme), "{info}");
    }
    for info in ["sh", "js {1,3-4}", "{.python name=x}", "r {fig.width=7}", "bash {id=tag}", "c {\"k\":1}"] {
        assert_eq!(at("README.md", &format!("```{info}\nx\n```\n")), None, "{info}");
    }
    assert_eq!(at("a.md", "---\nrunme:\n  id: x\n---\n"), Some(Dialect::Runme));
}

#[test]
fn foreign_folders_are_left_alone() {
    for path in ["node_modules/a/SKILL.md", "x/vendor/b.cheat", ".git/a.md", "a.txt", "target/x.prompt.md", ".md"] {
        assert!(!could_be(path), "{path}");
        assert_eq!(at(path, "x"), None);
    }
    assert!(could_be(".claude/commands/x.md") && could_be("a b/ü.MD") && could_be("x.markdown"));
}

#[test]
fn the_user_may_say_what_a_file_is() {
    assert!(forced(Dialect::Aichat, "roles/%code%.md") && !forced(Dialect::Aichat, "README.md"));
    assert!(forced(Dialect::Claude, "tools/x.md") && !forced(Dialect::Claude, "x.cheat"));
    assert!(forced(Dialect::Fabric, "my/x/system.md") && !forced(Dialect::Fabric, "my/x/user.md"));
    assert!(!forced(Dialect::Aichat, "node_modules/x.md"));
}

/// Every file below `folder` of the corpora, as path inside its repository and text; `None` where they are not here.
fn corpus(folder: &str) -> Option<Vec<(String, String)>> {
    let shared = std::env::var("FAC_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")), PathBuf::from);
    let root = shared.join("corpora").join(folder);
    if !root.is_dir() {
        println!("skipped: {} does not exist", root.display());
        return None;
    }
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    files.sort();
    Some(files)
}

fn walk(root: &Path, dir: &Path, out: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, out);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let inside = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let (_repo, inside) = inside.split_once('/').unwrap_or(("", &inside));
            out.push((inside.to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

/// Files of a folder by what they were detected as; the paths of those that are not `wanted`.
fn sorted_out(folder: &str, wanted: Dialect) -> Option<(usize, BTreeMap<String, Option<Dialect>>)> {
    let files = corpus(folder)?;
    let found: Vec<_> = files.iter().map(|(p, t)| (p.clone(), at(p, t))).collect();
    let hits = found.iter().filter(|(_, d)| *d == Some(wanted)).count();
    let others: BTreeMap<_, _> = found.into_iter().filter(|(_, d)| *d != Some(wanted)).collect();
    println!("{folder}: {hits} {}, others: {others:#?}", wanted.name());
    Some((hits, others))
}

fn names(others: &BTreeMap<String, Option<Dialect>>) -> Vec<&str> {
    assert!(others.values().all(Option::is_none), "{others:#?}");
    others.keys().map(String::as_str).collect()
}

#[test]
fn corpus_whole_folders_are_detected() {
    for (folder, dialect, hits, exceptions) in [
        ("claude-commands", Dialect::Claude, 48, &["LICENSE"][..]),
        ("copilot-prompts", Dialect::Copilot, 80, &["LICENSE"]),
        ("skills", Dialect::Skill, 78, &[]),
        ("navi", Dialect::Navi, 20, &["LICENSE", "featured_repos.txt"]),
        ("tldr", Dialect::Tldr, 946, &["LICENSE.md"]),
    ] {
        let Some((found, others)) = sorted_out(folder, dialect) else { return };
        assert_eq!((found, names(&others)), (hits, exceptions.to_vec()), "{folder}");
    }
}

#[test]
fn corpus_fabric_and_its_user_files() {
    let Some((found, others)) = sorted_out("fabric", Dialect::Fabric) else { return };
    let others = names(&others);
    assert_eq!((found, others.len()), (162, 8));
    assert_eq!((others[0], others[1..].iter().all(|p| p.ends_with("/user.md"))), ("LICENSE", true));
}

#[test]
fn corpus_jaegis_catalogues() {
    let Some((found, others)) = sorted_out("jaegis", Dialect::Jaegis) else { return };
    let exceptions = [
        "TREE-without-node_modules.txt",
        "config/config.example.json",
        "extra/enhanced-24-agent-command-system.md",
        "extra/help-command-router.md",
    ];
    assert_eq!((found, names(&others)), (5, exceptions.to_vec()));
}

#[test]
fn corpus_mask_by_its_file_name() {
    let Some((found, mut others)) = sorted_out("mask", Dialect::Mask) else { return };
    assert_eq!(found, 1, "jacobdeichert/mask; the edge cases have other names");
    assert_eq!(others.remove("a.md"), Some(Some(Dialect::Runme)), "an edge case with a named fence");
    let files: Vec<_> = names(&others).into_iter().filter(|p| forced(Dialect::Mask, p)).collect();
    assert_eq!(files, ["b.md", "c.md", "d.md", "e.md"]);
}

#[test]
fn corpus_xc_is_strict_and_the_user_can_opt_in() {
    let Some((found, others)) = sorted_out("xc", Dialect::Xc) else { return };
    assert_eq!(found, 2, "README.md has the badge, marked-heading-next-line.md the mark");
    let files: Vec<_> = names(&others).into_iter().filter(|p| p.ends_with(".md")).collect();
    assert_eq!((files.len(), files.iter().all(|p| forced(Dialect::Xc, p))), (28, true), "documentation and bare tests");
}

#[test]
fn corpus_runme_cells_and_their_attributes() {
    let Some((found, others)) = sorted_out("runme", Dialect::Runme) else { return };
    let others = names(&others);
    assert_eq!((found, others.len(), others[0]), (33, 14, "LICENSE"));
    let files = corpus("runme").unwrap();
    let plain = |p: &str| files.iter().any(|(path, text)| path == p && !text.lines().any(attributed));
    assert!(others.iter().all(|p| plain(p)), "files without any attribute: {others:?}");
    let (lines, fences) = files.iter().fold((0, 0), |(lines, fences), (_, text)| {
        (
            lines + text.lines().filter(|l| attributed(l)).count(),
            fences + infos(&parse(front_matter::split(text).body)).len(),
        )
    });
    println!("runme: {lines} lines that open a fence with attributes, {fences} such fences");
    assert_eq!(lines, 135);
}

/// A line that opens a fence with `{…}` behind the language, counted without any parser.
fn attributed(line: &str) -> bool {
    let line = line.trim_start();
    let rest = line.trim_start_matches('`');
    line.len() - rest.len() >= 3 && !rest.contains('`') && rest.find('{').is_some_and(|at| rest[at..].contains('}'))
}

#[test]
fn corpus_aichat_roles_are_never_guessed() {
    let Some((found, others)) = sorted_out("aichat-roles", Dialect::Aichat) else { return };
    let others = names(&others);
    let roles: Vec<_> = others.iter().filter(|p| forced(Dialect::Aichat, p)).collect();
    assert_eq!((found, roles.len()), (0, 6), "{others:?}");
}

/// The commands of every file that is detected or forced as `dialect`.
fn commands_of(folder: &str, dialect: Dialect) -> Option<Vec<crate::commands::model::Command>> {
    let files = corpus(folder)?;
    let mut commands = Vec::new();
    for (path, text) in files.iter().filter(|(p, t)| at(p, t) == Some(dialect) || forced(dialect, p)) {
        let parsed = read(dialect, &SourceFile { path, text });
        assert!(parsed.diagnostics.is_empty());
        let command = &parsed.commands[0];
        assert_eq!(
            (parsed.commands.len(), command.origin.path == *path, command.text == *text),
            (1, true, true),
            "{path}"
        );
        assert!(!command.summary.is_empty() && !command.summary.contains('\n'), "{path}: {:?}", command.summary);
        assert_eq!(command.origin.lines, (1, text.lines().count()), "{path}");
        assert!(command.steps.iter().all(|s| text.ends_with(&s.text)), "{path}");
        commands.extend(parsed.commands);
    }
    Some(commands)
}

#[test]
fn corpus_prompts_are_read_without_loss() {
    for (folder, dialect, count, kind) in [
        ("fabric", Dialect::Fabric, 162, Some(StepKind::System)),
        ("claude-commands", Dialect::Claude, 48, Some(StepKind::Prompt)),
        ("skills", Dialect::Skill, 78, Some(StepKind::System)),
        ("copilot-prompts", Dialect::Copilot, 80, Some(StepKind::Prompt)),
        ("aichat-roles", Dialect::Aichat, 6, None),
    ] {
        let Some(commands) = commands_of(folder, dialect) else { return };
        assert_eq!(commands.len(), count, "{folder}");
        assert!(commands.iter().all(|c| c.steps.len() == 1 && kind.is_none_or(|k| c.steps[0].kind == k)), "{folder}");
        assert!(commands.iter().all(|c| c.runnable()), "{folder}");
        let said: Vec<_> = commands
            .iter()
            .flat_map(|c| c.diagnostics.iter().map(|d| (&c.name, d.line, d.column, &d.message)))
            .collect();
        println!("{folder}: {said:#?}");
    }
}

#[test]
fn corpus_claude_arguments_are_those_of_an_independent_count() {
    let (Some(files), Some(commands)) = (corpus("claude-commands"), commands_of("claude-commands", Dialect::Claude))
    else {
        return;
    };
    let counted = files.iter().filter(|(p, t)| p.ends_with(".md") && t.contains("$ARGUMENTS")).count();
    let asking = commands.iter().filter(|c| c.steps[0].text.contains("$ARGUMENTS"));
    assert_eq!((counted, asking.filter(|c| c.param("arguments").is_some()).count()), (47, 47));
    assert!(commands.iter().all(|c| c.param("arguments").is_some()), "what is not asked for is put behind the text");
    assert!(commands.iter().all(|c| !c.steps[0].options.contains_key("base")), "no `$1` there is a placeholder");
    assert!(commands.iter().all(|c| c.steps[0].model.as_deref().is_some_and(|m| m.starts_with("claude-"))));
    assert!(commands.iter().all(|c| c.name.starts_with("tools ") || c.name.starts_with("workflows ")));
}

#[test]
fn corpus_placeholders() {
    let Some(commands) = commands_of("fabric", Dialect::Fabric) else { return };
    let with: Vec<(&str, Vec<&str>)> = commands
        .iter()
        .filter(|c| c.params.len() > 1)
        .map(|c| (c.name.as_str(), c.params.iter().map(|p| p.name.as_str()).collect()))
        .collect();
    let names = vec!["query_language_info", "guidelines", "user_input", "generated_query", "input"];
    assert_eq!(with, [("judge_output", names)]);
    let Some(roles) = commands_of("aichat-roles", Dialect::Aichat) else { return };
    let prompts: Vec<_> =
        roles.iter().filter(|c| c.steps[0].kind == StepKind::Prompt).map(|c| c.name.as_str()).collect();
    assert_eq!(prompts, ["%create-prompt%"]);
    assert_eq!(
        roles.iter().find(|c| c.name == "%functions%").map(|c| c.steps[0].options["use_tools"].as_str()),
        Some("all")
    );
}

#[test]
fn corpus_skills_have_names_and_descriptions() {
    let (Some(files), Some(commands)) = (corpus("skills"), commands_of("skills", Dialect::Skill)) else { return };
    for ((path, text), command) in files.iter().zip(&commands) {
        let name = text.lines().find_map(|l| l.strip_prefix("name:")).map(|n| n.trim().trim_matches(['"', '\'']));
        assert_eq!(name, Some(command.name.as_str()), "{path}");
        assert!(text.contains("\ndescription:"), "{path}");
    }
}

proptest! {
    #[test]
    fn any_path_and_text_are_detected_without_panic(
        path in "(commands/|pages/|linux/|patterns/|\\PC|/){0,6}(.md|system.md|SKILL.md|maskfile.md|x.cheat|)",
        text in "(---\n|factotum: 1\n|# |> |```|`/|\\{|name=|<!-- xc-heading -->\n|## Tasks\n|\\PC|\n){0,60}",
    ) {
        let found = at(&path, &text);
        if let Some(dialect) = found {
            prop_assert!(could_be(&path));
            read(dialect, &SourceFile { path: &path, text: &text });
        }
        for dialect in Dialect::ALL {
            prop_assert!(!forced(dialect, &path) || could_be(&path));
        }
    }
}
