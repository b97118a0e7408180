//! fabric patterns: a folder with a `system.md`, whose whole text is the system prompt.
//!
//! Format: danielmiessler/fabric, `data/patterns/<name>/system.md`; there is no front matter. A `user.md` beside
//! it belongs to the same pattern and is no command of its own. Filling in `{{name}}` is left to the template.

use super::prose::{self, Places};
use super::{Parsed, SourceFile};
use crate::commands::model::{Command, Dialect, Param, ParamKind, Severity, Step, StepKind, Syntax};
use crate::kernel::markdown::parse;

/// Reads a `system.md`; the pattern is called like its folder. Any other file of the folder yields nothing.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    if prose::file_name(file.path).eq_ignore_ascii_case("user.md") {
        return Parsed::default();
    }
    let name = prose::folder(file.path).unwrap_or_else(|| prose::stem(file.path, ".md"));
    let mut command = prose::whole_file(Dialect::Fabric, name, file);
    command.summary = prose::first_sentence(&parse(file.text));
    let places = Places::new(file.text);
    if file.text.trim().is_empty() {
        command.diagnostics.push(places.note(Severity::Warning, 0, "the pattern is empty and cannot run"));
        return Parsed { commands: vec![command], ..Parsed::default() };
    }
    let mut step = Step::new("system", StepKind::System, "", file.text);
    (step.syntax, step.line) = (Syntax::Fabric, 1);
    command.steps.push(step);
    placeholders(file.text, &places, &mut command);
    command.params.push(prose::input_param());
    Parsed { commands: vec![command], ..Parsed::default() }
}

/// Each `{{name}}` becomes an option, once. It is not required: many patterns only show braces, and what is not
/// given stays as it is written.
fn placeholders(text: &str, places: &Places<'_>, command: &mut Command) {
    let mut noted = 0;
    for (at, inner) in braces(text) {
        if is_name(inner) {
            if inner != "input" && command.params.len() < prose::MAX_PARAMS && command.param(inner).is_none() {
                command.params.push(Param {
                    name: inner.into(),
                    var: prose::variable(inner),
                    kind: ParamKind::Option,
                    help: format!("replaces {{{{{inner}}}}} in the text"),
                    ..Param::default()
                });
            }
        } else if (inner.starts_with("plugin:") || inner.starts_with("ext:")) && noted < prose::MANY {
            noted += 1;
            let message = format!("{{{{{inner}}}}} would run a program or read a file; it stays as text");
            command.diagnostics.push(places.note(Severity::Warning, at, message));
        }
    }
}

/// The inner text and the offset of each `{{…}}` on one line without braces inside.
fn braces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("{{").filter_map(|(at, _)| {
        let rest = &text[at + 2..];
        let end = rest.find(['{', '}', '\n'])?;
        rest[end..].starts_with("}}").then(|| (at, &rest[..end]))
    })
}

/// `[A-Za-z_][\w-]*`
fn is_name(inner: &str) -> bool {
    inner.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(path: &str, text: &str) -> Command {
        read(&SourceFile { path, text }).commands.remove(0)
    }

    #[test]
    fn the_whole_text_is_the_system_prompt() {
        let text = "# IDENTITY\r\n\r\nYou judge {{thing}}. Well.\r\n\r\n# INPUT\r\n\r\n{{input}} {{thing}}";
        let command = one("data/patterns/judge/system.md", text);
        assert_eq!((command.name.as_str(), command.summary.as_str()), ("judge", "You judge {{thing}}"));
        assert_eq!(command.steps.len(), 1);
        let step = &command.steps[0];
        assert_eq!((step.kind, step.syntax, step.text.as_str()), (StepKind::System, Syntax::Fabric, text));
        let params: Vec<_> = command.params.iter().map(|p| (p.name.as_str(), p.kind, p.required)).collect();
        assert_eq!(params, [("thing", ParamKind::Option, false), ("input", ParamKind::Rest, false)]);
        assert_eq!((command.origin.path.as_str(), command.origin.lines), ("data/patterns/judge/system.md", (1, 7)));
    }

    #[test]
    fn braces_that_only_show_things_are_no_parameters() {
        let text = "x {{a b}} {{{\"k\": 1}}} {{#each x}} {{}} {{ok-1}} {{1x}} {{\nname}}\n{{plugin:sys:env:HOME}}";
        let command = one("patterns/x/system.md", text);
        let names: Vec<_> = command.params.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["ok-1", "input"]);
        let noted: Vec<_> = command.diagnostics.iter().map(|d| (d.line, d.column, d.severity)).collect();
        assert_eq!(noted, [(3, 1, Severity::Warning)]);
    }

    #[test]
    fn a_user_file_is_no_command_and_an_empty_pattern_has_no_step() {
        assert_eq!(read(&SourceFile { path: "patterns/x/user.md", text: "CONTENT:" }), Parsed::default());
        let empty = one("patterns/x/system.md", " \n");
        assert!(empty.steps.is_empty() && empty.diagnostics.len() == 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\{\\{|\\}\\}|\\PC|\n){0,80}") {
            let parsed = read(&SourceFile { path: "patterns/p/system.md", text: &text });
            prop_assert_eq!(parsed.commands.len(), 1);
        }
    }
}
