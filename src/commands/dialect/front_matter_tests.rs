//! Tests of front matter: what is one, what is kept, and where it stands.

use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn yaml_and_body_with_their_lines() {
    let fm = split("---\nname: a\nlist: [x, y]\nfactotum: 1\n---\n# T\n");
    assert_eq!((fm.kind, fm.body, fm.body_line), (FrontMatterKind::Yaml, "# T\n", 6));
    assert_eq!(Value::Object(fm.values.clone()), json!({"name": "a", "list": ["x", "y"], "factotum": 1}));
    assert_eq!((fm.raw, fm.line_of("list")), ("name: a\nlist: [x, y]\nfactotum: 1\n", 3));
    assert!(fm.diagnostics.is_empty());
}

#[test]
fn a_mark_of_other_length_is_no_front_matter() {
    for text in ["----\na: 1\n----\n", "--8<-- \"x\"\na: 1\n---\n", "# T\n---\na: 1\n---\n", "", "\n---\na: 1\n---\n"] {
        let fm = split(text);
        assert_eq!((fm.kind, fm.body, fm.body_line), (FrontMatterKind::None, text, 1), "{text:?}");
        assert!(fm.diagnostics.is_empty(), "{text:?}");
    }
}

#[test]
fn unclosed_front_matter_is_text_with_a_warning() {
    let fm = split("---\na: 1\n# T\n");
    assert_eq!((fm.kind, fm.body, fm.body_line), (FrontMatterKind::None, "---\na: 1\n# T\n", 1));
    assert_eq!((fm.diagnostics[0].line, fm.diagnostics[0].severity), (1, Severity::Warning));
}

#[test]
fn two_rules_around_prose_are_no_front_matter() {
    let text = "---\nJust some words.\n---\nmore\n";
    assert_eq!(split(text).body, text);
    assert_eq!(split("---\n---\nmore\n").body, "more\n");
    assert_eq!(split("---\n# only a comment\n---\nmore\n").kind, FrontMatterKind::Yaml);
}

#[test]
fn marks_may_have_crlf_a_byte_order_mark_and_no_last_newline() {
    let fm = split("\u{feff}---\r\nname: a\r\n---\r\nbody\r\n");
    assert_eq!((fm.text("name").as_deref(), fm.body, fm.body_line), (Some("a"), "body\r\n", 4));
    let fm = split("---\nname: a\n---");
    assert_eq!((fm.text("name").as_deref(), fm.body, fm.body_line), (Some("a"), "", 4));
}

#[test]
fn invalid_yaml_is_read_key_by_key() {
    let text = "---\ndescription: Review: the code\nargument-hint: [a] [b]\nname: {{SKILL_NAME}}\n\
                allowed-tools:\n  - Read\n  - Bash(git add:*)\nok: [1, 2]\n---\nbody";
    let fm = split(text);
    assert_eq!(
        Value::Object(fm.values.clone()),
        json!({"description": "Review: the code", "argument-hint": "[a] [b]", "name": "{{SKILL_NAME}}",
               "allowed-tools": ["Read", "Bash(git add:*)"], "ok": [1, 2]})
    );
    assert_eq!((fm.body, fm.body_line), ("body", 10));
    assert_eq!((fm.diagnostics.len(), fm.diagnostics[0].line), (1, 2), "{:?}", fm.diagnostics);
}

#[test]
fn a_lone_bracket_is_a_list_but_what_was_written_is_kept() {
    let fm = split("---\nargument-hint: [issue-number]\nhint2: \"[x]\"\n---\n");
    assert_eq!(fm.get("argument-hint"), Some(&json!(["issue-number"])));
    assert_eq!((fm.written("argument_hint"), fm.written("hint2")), (Some("[issue-number]"), Some("[x]")));
}

#[test]
fn keys_lists_and_truths_are_read_loosely() {
    let fm = split(
        "---\nallowedTools: Bash(git add:*, git rm:*), Read\nspaced: Read Grep\ndisable-model-invocation: yes\nn: 0\n---\n",
    );
    assert_eq!(fm.list("allowed-tools"), ["Bash(git add:*, git rm:*)", "Read"]);
    assert_eq!(fm.list("spaced"), ["Read", "Grep"]);
    assert_eq!((fm.truth("disable_model_invocation"), fm.truth("n"), fm.truth("x")), (Some(true), Some(false), None));
}

#[test]
fn duplicate_keys_warn_and_the_last_wins() {
    let fm = split("---\na: 1\nb: 2\na: 3\n---\n");
    assert_eq!(fm.get("a"), Some(&json!(3)));
    assert_eq!(fm.diagnostics.len(), 1);
}

#[test]
fn toml_and_json_are_read() {
    let fm = split("+++\nshell = \"bash\"\nwhen = 2020-01-01\n[runme]\nid = 'x'\n+++\nb");
    assert_eq!(fm.kind, FrontMatterKind::Toml);
    assert_eq!(Value::Object(fm.values.clone()), json!({"shell": "bash", "when": "2020-01-01", "runme": {"id": "x"}}));
    let fm = split("{\n  \"shell\": \"bash\"\n}\n\nb");
    assert_eq!((fm.kind, fm.text("shell").as_deref(), fm.body), (FrontMatterKind::Json, Some("bash"), "\nb"));
    assert_eq!((fm.body_line, fm.line_of("shell")), (4, 2));
    let fm = split("+++\na = 1\nb = = 2\n+++\nb");
    assert_eq!((fm.get("a"), fm.get("b"), fm.diagnostics[0].line), (Some(&json!(1)), Some(&json!("= 2")), 3));
    assert_eq!(split("{{name}} hello\n").kind, FrontMatterKind::None);
    assert_eq!(split("{\n").diagnostics.len(), 1);
}

#[test]
fn a_bomb_of_aliases_is_refused_quickly() {
    let mut text = String::from("---\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..30 {
        let prev = format!("*a{},", i - 1).repeat(9);
        text.push_str(&format!("a{i}: &a{i} [{}]\n", prev.trim_end_matches(',')));
    }
    text.push_str("name: kept\n---\nbody\n");
    let fm = split(&text);
    assert_eq!((fm.text("name").as_deref(), fm.body, fm.diagnostics.len()), (Some("kept"), "body\n", 1));
}

#[test]
fn very_long_front_matter_is_text() {
    let text = format!("---\na: {}\n---\nb", "x".repeat(LIMIT));
    assert_eq!((split(&text).kind, split(&text).diagnostics.len()), (FrontMatterKind::None, 1));
}

proptest! {
    #[test]
    fn any_text_is_split_without_loss(head in "(---|\\+\\+\\+|\\{|)", inner in "(\\PC|\n|\r|: |- |\\[|&a |\\*a |\t){0,60}",
                                      tail in "(\n---\n|\n\\+\\+\\+\n|\\}\n|)\\PC{0,20}") {
        let text = format!("{head}\n{inner}{tail}");
        let fm = split(&text);
        prop_assert!(text.ends_with(fm.body));
        prop_assert!(text.contains(fm.raw));
        let before = &text[..text.len() - fm.body.len()];
        let closed = before.is_empty() || before.ends_with('\n');
        prop_assert_eq!(fm.body_line, before.matches('\n').count() + 1 + usize::from(!closed));
        for d in &fm.diagnostics {
            prop_assert!(d.line >= 1 && d.column >= 1 && d.line <= text.lines().count() + 1);
        }
    }
}
