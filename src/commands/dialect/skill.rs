//! Agent Skills: a folder with a `SKILL.md`, whose body instructs a model.
//!
//! Format: agentskills/agentskills, `docs/specification.mdx`. What breaks the specification is a warning, not an
//! end: the body can still be used. The folder's scripts and references are no concern of this file.

use super::front_matter::{self, FrontMatter, FrontMatterKind};
use super::prose;
use super::{Parsed, SourceFile};
use crate::commands::model::{Command, Diagnostic, Dialect, Step, StepKind, Syntax};
use crate::kernel::markdown::parse;

/// Reads a `SKILL.md`.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let front = front_matter::split(file.text);
    let folder = prose::folder(file.path);
    let written = front.text("name");
    let name = match &written {
        Some(name) if prose::typeable(name) => name.clone(),
        _ => folder.unwrap_or("skill").to_string(),
    };
    let mut command = prose::whole_file(Dialect::Skill, name, file);
    command.summary = prose::description(&front).unwrap_or_else(|| prose::opening(&parse(front.body)));
    command.fields = prose::other_fields(&front, &["name", "description"]);
    command.tool = front.truth("disable-model-invocation").filter(|off| *off).map(|_| false);
    command.params.push(prose::input_param());
    command.diagnostics = front.diagnostics.clone();
    check(&front, written.as_deref(), folder, &mut command.diagnostics);
    body_step(&front, &mut command);
    Parsed { commands: vec![command], ..Parsed::default() }
}

fn body_step(front: &FrontMatter<'_>, command: &mut Command) {
    if front.body.trim().is_empty() {
        command.diagnostics.push(Diagnostic::warning(front.body_line, 1, "the skill has no body and cannot run"));
        return;
    }
    let mut step = Step::new("system", StepKind::System, "", front.body);
    (step.syntax, step.line, step.model) = (Syntax::Plain, front.body_line, front.text("model"));
    command.steps.push(step);
}

/// What the specification asks of the front matter.
fn check(front: &FrontMatter<'_>, name: Option<&str>, folder: Option<&str>, out: &mut Vec<Diagnostic>) {
    if front.kind == FrontMatterKind::None {
        out.push(Diagnostic::warning(1, 1, "a skill begins with front matter that holds a name and a description"));
        return;
    }
    let mut say = |key: &str, message: String| out.push(Diagnostic::warning(front.line_of(key), 1, message));
    match name {
        None => say("name", "the skill has no name; its folder's name is used".into()),
        Some(name) => {
            if let Some(why) = name_problem(name) {
                say("name", format!("the name `{name}` {why}"));
            }
            if let Some(folder) = folder.filter(|f| *f != name) {
                say("name", format!("the name `{name}` differs from the folder's name `{folder}`"));
            }
        }
    }
    match front.text("description") {
        None => say("description", "the skill has no description".into()),
        Some(text) if text.chars().count() > 1024 => {
            say("description", format!("the description has {} characters, more than 1024", text.chars().count()));
        }
        Some(_) => {}
    }
    if let Some(text) = front.text("compatibility").filter(|t| t.chars().count() > 500) {
        say("compatibility", format!("`compatibility` has {} characters, more than 500", text.chars().count()));
    }
    if front.get("metadata").is_some_and(|m| !m.is_object()) {
        say("metadata", "`metadata` is not a mapping".into());
    }
}

/// What is wrong with a skill's name, where something is.
fn name_problem(name: &str) -> Option<&'static str> {
    if name.chars().count() > 64 {
        Some("has more than 64 characters")
    } else if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        Some("holds other characters than a-z, 0-9 and -")
    } else if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        Some("begins or ends with - or doubles it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(path: &str, text: &str) -> Command {
        read(&SourceFile { path, text }).commands.remove(0)
    }

    fn said(command: &Command) -> Vec<(usize, &str)> {
        command.diagnostics.iter().map(|d| (d.line, d.message.as_str())).collect()
    }

    #[test]
    fn a_good_skill_has_no_diagnostics() {
        let text = "---\nname: make-pdf\ndescription: >\n  Makes\n  PDFs.\nallowed-tools: Read, Bash(pdf:*)\nmetadata:\n  version: \"1\"\n---\n# Do\n\nx\n";
        let command = one("skills/make-pdf/SKILL.md", text);
        assert_eq!((command.name.as_str(), command.summary.as_str()), ("make-pdf", "Makes PDFs."));
        assert_eq!(said(&command), []);
        let fields: Vec<_> = command.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(fields, [("allowed-tools", "Read, Bash(pdf:*)"), ("metadata", "{\"version\":\"1\"}")]);
        let step = &command.steps[0];
        assert_eq!((step.kind, step.text.as_str(), step.line), (StepKind::System, "# Do\n\nx\n", 10));
        assert_eq!(command.origin.lines, (1, 12));
    }

    #[test]
    fn what_breaks_the_specification_is_said_with_its_line() {
        let command = one("skills/pdf/SKILL.md", "---\ndescription: d\nname: Make--PDF\n---\nx");
        assert_eq!(
            said(&command),
            [
                (3, "the name `Make--PDF` holds other characters than a-z, 0-9 and -"),
                (3, "the name `Make--PDF` differs from the folder's name `pdf`")
            ]
        );
        let command = one("pdf/SKILL.md", "---\nname: {{SKILL_NAME}}\n---\n");
        assert_eq!((command.name.as_str(), command.steps.len()), ("pdf", 0));
        assert_eq!(command.diagnostics.len(), 5, "{:?}", command.diagnostics);
        let command = one("SKILL.md", "only words");
        assert_eq!((command.name.as_str(), said(&command)[0].0, command.steps.len()), ("skill", 1, 1));
    }

    #[test]
    fn names_follow_the_specification() {
        for bad in ["A", "a_b", "-a", "a-", "a--b", "ä", &"a".repeat(65)] {
            assert!(name_problem(bad).is_some(), "{bad}");
        }
        assert_eq!((name_problem("a-b-2"), name_problem(&"a".repeat(64))), (None, None));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(---\n|name: |description: |\\PC|\n){0,60}", path in "(\\PC|/){0,20}") {
            prop_assert_eq!(read(&SourceFile { path: &path, text: &text }).commands.len(), 1);
        }
    }
}
