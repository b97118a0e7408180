//! aichat roles: a Markdown file that is a system prompt, or a prompt with `__INPUT__` in it.
//!
//! Format: sigoden/aichat, `src/config/role.rs`. Unlike there, front matter counts only at the very beginning, so
//! two rules further down cut nothing off. Nothing tells a role from any other file: the user says that it is one.

use super::front_matter;
use super::prose::{self, Places};
use super::{Parsed, SourceFile};
use crate::commands::model::{Dialect, Severity, Step, StepKind, Syntax};
use crate::kernel::markdown::parse;

/// The place of the input in a role.
const INPUT: &str = "__INPUT__";

/// Reads a role; it is called like its file.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let front = front_matter::split(file.text);
    let mut command = prose::whole_file(Dialect::Aichat, prose::stem(file.path, ".md"), file);
    command.summary = prose::description(&front).unwrap_or_else(|| prose::first_sentence(&parse(front.body)));
    command.fields = prose::other_fields(&front, &["model", "description"]);
    command.diagnostics = front.diagnostics.clone();
    command.params.push(prose::input_param());
    let places = Places::new(file.text);
    let offset = file.text.len() - front.body.len();
    if front.body.trim().is_empty() && !front.values.is_empty() {
        // A role may hold settings alone; then the input goes to the model as it is.
        let settings: Vec<String> = command.fields.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        command.summary = Some(command.summary).filter(|s| !s.is_empty()).unwrap_or_else(|| settings.join(", "));
    } else if front.body.trim().is_empty() {
        command.diagnostics.push(places.note(Severity::Warning, offset, "the role has no text and cannot run"));
        return Parsed { commands: vec![command], ..Parsed::default() };
    }
    if let Some(at) = examples(front.body) {
        let message = "the ### INPUT: and ### OUTPUT: pairs are sent as example turns before the input";
        command.diagnostics.push(places.note(Severity::Info, offset + at, message));
    }
    let (id, kind) =
        if front.body.contains(INPUT) { ("prompt", StepKind::Prompt) } else { ("system", StepKind::System) };
    let mut step = Step::new(id, kind, "", front.body);
    (step.syntax, step.line, step.model) = (Syntax::Aichat, front.body_line, front.text("model"));
    for key in ["temperature", "top_p", "use_tools"] {
        if let Some(value) = front.text(key) {
            step.options.insert(key.into(), value);
        }
    }
    command.steps.push(step);
    Parsed { commands: vec![command], ..Parsed::default() }
}

/// Where the first of the example turns stands, when inputs and outputs pair up.
fn examples(body: &str) -> Option<usize> {
    let count = |mark: &str| body.lines().filter(|l| l.trim_end() == mark).count();
    let (inputs, outputs) = (count("### INPUT:"), count("### OUTPUT:"));
    if inputs > 0 && inputs == outputs { body.find("### INPUT:") } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::model::Command;
    use proptest::prelude::*;

    fn one(path: &str, text: &str) -> Command {
        read(&SourceFile { path, text }).commands.remove(0)
    }

    #[test]
    fn settings_are_kept_and_the_text_is_a_system_prompt() {
        let text = "---\nmodel: openai:gpt\ntemperature: 0.5\ntop_p: 1\nuse_tools: all\n---\nBe {{__os__}}. Now.\n";
        let command = one("roles/%shell%.md", text);
        assert_eq!((command.name.as_str(), command.summary.as_str()), ("%shell%", "Be {{os}}"));
        let step = &command.steps[0];
        assert_eq!((step.kind, step.syntax, step.line), (StepKind::System, Syntax::Aichat, 7));
        assert_eq!((step.model.as_deref(), step.text.as_str()), (Some("openai:gpt"), "Be {{__os__}}. Now.\n"));
        let options: Vec<_> = step.options.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(options, [("temperature", "0.5"), ("top_p", "1"), ("use_tools", "all")]);
    }

    #[test]
    fn an_input_mark_makes_it_a_prompt() {
        let command = one("roles/p.md", "My request is: __INPUT__");
        assert_eq!((command.steps[0].kind, command.steps[0].id.as_str()), (StepKind::Prompt, "prompt"));
    }

    #[test]
    fn a_role_may_hold_settings_alone() {
        let command = one("roles/f.md", "---\nuse_tools: all\n---\n");
        assert_eq!((command.summary.as_str(), command.steps[0].text.as_str()), ("use_tools: all", ""));
        assert_eq!((command.runnable(), command.diagnostics.len()), (true, 0));
        let empty = one("roles/f.md", " \n");
        assert_eq!((empty.runnable(), empty.diagnostics.len()), (false, 1));
    }

    #[test]
    fn two_rules_cut_nothing_off() {
        let text = "Begin.\n\n---\n\nmiddle: x\n\n---\n\nend\n";
        assert_eq!(one("roles/p.md", text).steps[0].text, text);
        let text = "---\n\nJust prose\n\n---\n\nend\n";
        assert_eq!(one("roles/p.md", text).steps[0].text, text);
    }

    #[test]
    fn examples_are_noticed_where_they_stand() {
        let command = one("roles/p.md", "Be brief.\n### INPUT:\na\n### OUTPUT:\nb\n");
        let d = &command.diagnostics[0];
        assert_eq!((d.line, d.column, d.severity), (2, 1, Severity::Info));
        assert!(one("roles/p.md", "### INPUT:\na\n").diagnostics.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(---\n|__INPUT__|### INPUT:\n|### OUTPUT:\n|\\PC|\n){0,60}") {
            prop_assert_eq!(read(&SourceFile { path: "roles/x.md", text: &text }).commands.len(), 1);
        }
    }
}
