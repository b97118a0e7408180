use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::commands::model::ParamKind;

fn parsed(text: &str) -> Parsed {
    read(&SourceFile { path: "commands/commands.md", text })
}

/// A file of the corpus, or nothing with a word about it.
fn corpus(file: &str) -> Option<String> {
    let shared =
        std::env::var("FAC_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let path = Path::new(&shared).join("corpora/jaegis/usemanusai+JAEGIS").join(file);
    if !path.exists() {
        println!("skipped: {} does not exist", path.display());
        return None;
    }
    Some(std::fs::read_to_string(path).unwrap())
}

fn by_name<'a>(parsed: &'a Parsed, name: &str) -> &'a Command {
    parsed.commands.iter().find(|c| c.name == name).unwrap()
}

fn fields<'a>(command: &'a Command, label: &str) -> Vec<&'a str> {
    command.fields.iter().filter(|(k, _)| k == label).map(|(_, v)| v.as_str()).collect()
}

#[test]
fn shape_a_is_read_whole() {
    let Some(text) = corpus("commands/commands.md") else { return };
    let parsed = parsed(&text);
    let wanted: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("### `/")?.strip_suffix('`')).collect();
    assert_eq!(parsed.commands.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), wanted);
    assert_eq!((wanted.len(), parsed.diagnostics.len()), (36, 0));
    let (mut h2, mut categories) = ("", BTreeSet::new());
    for line in text.lines() {
        h2 = line.strip_prefix("## ").unwrap_or(h2);
        if line.starts_with("### `/") {
            categories.insert(h2);
        }
    }
    assert_eq!(parsed.commands.iter().filter_map(|c| c.category.as_deref()).collect::<BTreeSet<_>>(), categories);
    let described = text.lines().filter(|l| l.starts_with("**Description:** ")).count();
    assert_eq!(parsed.commands.iter().filter(|c| !c.summary.is_empty()).count(), described);
    assert!(parsed.commands.iter().all(|c| c.steps.is_empty() && c.diagnostics.is_empty()));
    let bulleted = text.lines().filter(|l| l.starts_with("- `/") && l.contains("` - ")).count();
    let kept = parsed.commands.iter().flat_map(|c| &c.fields).filter(|(k, _)| k.starts_with('/')).count();
    assert_eq!(kept, bulleted);
}

#[test]
fn shape_a_keeps_options_fields_and_aliases() {
    let Some(text) = corpus("commands/commands.md") else { return };
    let parsed = parsed(&text);
    let workflow = by_name(&parsed, "agent-workflow");
    assert_eq!(workflow.summary, "Configure agent selection and routing preferences");
    assert_eq!(workflow.category.as_deref(), Some("\u{2699}\u{fe0f} Workflow Configuration Commands"));
    assert_eq!((workflow.params.len(), workflow.params[0].name.as_str()), (1, "action"));
    assert!(!workflow.params[0].required);
    assert_eq!(workflow.params[0].choices, ["rules", "priorities", "automation"]);
    assert_eq!(fields(workflow, "/agent-workflow rules"), ["Set up custom routing rules"]);
    assert_eq!(text.lines().nth(workflow.origin.lines.0 - 1), Some("### `/agent-workflow`"));
    assert!(workflow.text.ends_with("- Set up automated agent selection"));
    let config = by_name(&parsed, "config");
    assert_eq!(config.params[0].choices, ["presets", "advanced", "export", "import", "reset"]);
    assert_eq!((fields(config, "Presets").len(), fields(config, "Configuration Parameters").len()), (4, 6));
    assert!(by_name(&parsed, "logs").params[0].choices.is_empty(), "a date is accepted too");
    assert!(by_name(&parsed, "search").params[0].choices.is_empty(), "examples are not all there is");
    assert_eq!(fields(by_name(&parsed, "emergency-reset"), "Warning").len(), 1);
    let emergency = by_name(&parsed, "emergency");
    assert!(emergency.fields.iter().all(|(k, _)| k.starts_with('/')), "{:?}", emergency.fields);
    let aliases: Vec<(&str, &str)> =
        parsed.commands.iter().flat_map(|c| c.aliases.iter().map(|a| (a.as_str(), c.name.as_str()))).collect();
    assert_eq!(aliases, [("h", "help"), ("c", "config"), ("s", "status"), ("a", "agents")]);
}

#[test]
fn shape_b_is_read_line_by_line() {
    for (file, total, distinct) in [("squad-commands.md", 157, 155), ("enhanced-squad-commands.md", 189, 187)] {
        let Some(text) = corpus(&format!("commands/{file}")) else { return };
        let lines: Vec<&str> = text.lines().filter(|l| l.starts_with('/')).collect();
        let names: BTreeSet<&str> = lines.iter().filter_map(|l| l[1..].split_whitespace().next()).collect();
        let parsed = parsed(&text);
        assert_eq!((lines.len(), names.len()), (total, distinct), "{file}");
        assert_eq!((parsed.commands.len(), parsed.diagnostics.len()), (distinct, total - distinct), "{file}");
        assert_eq!(parsed.commands.iter().map(|c| c.name.as_str()).collect::<BTreeSet<_>>(), names);
        let fetch = by_name(&parsed, "github-fetch");
        assert_eq!(
            (fetch.summary.as_str(), fetch.params[0].name.as_str()),
            ("Fetch specific GitHub resource", "resource")
        );
        assert_eq!(fetch.category.as_deref(), Some("Resource Management"));
        assert_eq!(text.lines().nth(fetch.origin.lines.0 - 1), Some(fetch.text.as_str()));
        assert!(parsed.diagnostics.iter().any(|d| d.message.starts_with("`/system-coherence` repeats")));
    }
}

#[test]
fn shape_c_is_read_entry_by_entry() {
    let Some(text) = corpus("extra/master-command-registry.md") else { return };
    let marks = ["command: \"/", "- command: \"/"];
    let lines = text.lines().filter(|l| marks.iter().any(|m| l.trim_start().starts_with(m))).count();
    let parsed = parsed(&text);
    assert_eq!(parsed.commands.len() + parsed.diagnostics.len(), lines);
    let said: Vec<&str> = parsed.diagnostics.iter().filter_map(|d| d.message.split('`').nth(1)).collect();
    assert_eq!(said, ["/{agent}", "/jaegis"]);
    let help = by_name(&parsed, "help");
    assert_eq!(help.aliases, ["HELP"]);
    assert_eq!((help.params[0].name.as_str(), help.category.as_deref()), ("command", Some("core_navigation")));
    assert_eq!(fields(help, "functionality_status"), ["FUNCTIONAL"]);
    assert_eq!(text.lines().nth(help.origin.lines.0 - 1), Some("  help:"));
    assert!(help.text.ends_with("last_validated: \"2025-07-24\""));
    let architect = by_name(&parsed, "architect");
    assert_eq!(architect.summary, "System architecture and technical design");
    assert_eq!(architect.category.as_deref(), Some("core_agents"));
    assert_eq!(by_name(&parsed, "jaegis").params[0].name, "query");
    assert_eq!(by_name(&parsed, "load-{agent}").diagnostics.len(), 1);
}

#[test]
fn headings_with_words_behind_the_call_and_outer_colons() {
    let text = "### 1. Core\n#### `/help` Command\n**Syntax**: `/help [topic]`\n\n**Purpose**: Helps\n\n```bash\n/help\n```\n- `/help one` - first\n";
    let parsed = parsed(text);
    assert_eq!((parsed.commands.len(), parsed.diagnostics.len()), (1, 0));
    let help = &parsed.commands[0];
    assert_eq!((help.summary.as_str(), help.category.as_deref()), ("Helps", Some("1. Core")));
    assert_eq!((help.params[0].name.as_str(), help.params[0].choices.join(" ")), ("topic", "one".to_string()));
    assert_eq!(help.params[0].kind, ParamKind::Positional);
}

#[test]
fn scripts_and_paths_are_no_catalogue() {
    let text = "# T\n```bash\n/usr/bin/env x\n```\n```bash\n/a # x\nls\n```\n```yaml\ncommand: /bin/sh\n```\n### /etc/passwd\n- `/x` = `/y`\n";
    let parsed = parsed(text);
    assert_eq!(parsed.commands, []);
    assert_eq!(parsed.diagnostics[0].message, "`/x` is an alias of `/y`, which this file does not define");
}

#[test]
fn large_and_hostile_files_take_linear_time() {
    let yaml = "```yaml\n".to_string() + &"command: /a\n".repeat(20_000);
    let keys = "```yaml\n".to_string() + &"a:\n  command: /a\n\n".repeat(20_000);
    let slash = "```bash\n".to_string() + &"/a # # #\n".repeat(30_000);
    let items = "### `/a`\n".to_string() + &"- `/a b` - c\n".repeat(20_000);
    let brackets = format!("### `/a {}`\n", "[x] ".repeat(60_000));
    let labels = "### `/a`\n".to_string() + &"**A:** b\n".repeat(20_000);
    let aliases = "### `/a`\n---\n".to_string() + &"- `/b` = `/a`\n".repeat(20_000);
    for text in [yaml, keys, slash, items, brackets, labels, aliases] {
        let start = std::time::Instant::now();
        parsed(&text);
        assert!(start.elapsed().as_secs() < 10, "{:?} took {:?}", &text[..30], start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "(?s)([ #>*\\-`\n:=/\\[\\]{}\"'a\u{e9}]|### `/|```bash\n|```yaml\n|command: \"/|aliases: |- `/|\\*\\*A:\\*\\* ){0,120}") {
        let parsed = parsed(&text);
        for command in &parsed.commands {
            proptest::prop_assert!(command.origin.lines.0 <= command.origin.lines.1);
            proptest::prop_assert!(text.contains(&command.text));
        }
    }

    #[test]
    fn any_registry_is_read(text in "(?s)([ \\-:/\n\"'\\[\\]{}#a\u{e9}]|command: /a|  ){0,150}") {
        registry::entries(&text);
    }
}
