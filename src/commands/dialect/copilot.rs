//! GitHub Copilot prompt files, and the agent and instruction files that lie beside them.
//!
//! Format: microsoft/vscode-docs, `prompt-files.md`. `*.prompt.md` can run; `*.agent.md`, `*.chatmode.md` and
//! `*.instructions.md` describe an editor's assistant and are only listed. Filling in is left to the template.

use super::front_matter;
use super::prose::{self, Places};
use super::{Parsed, SourceFile};
use crate::commands::model::{Command, Dialect, Param, ParamKind, Severity, Step, StepKind, Syntax};
use crate::kernel::markdown::parse;

/// Suffixes of the files that are listed but do not run, with the word for each.
const LISTED: [(&str, &str); 3] =
    [(".agent.md", "agent"), (".chatmode.md", "chatmode"), (".instructions.md", "instructions")];

/// What an editor would put in, and we cannot.
const EDITOR: [&str; 6] =
    ["selection", "selectedText", "file", "fileBasename", "fileDirname", "fileBasenameNoExtension"];

/// Reads a prompt, agent or instructions file.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let front = front_matter::split(file.text);
    let lower = prose::file_name(file.path).to_ascii_lowercase();
    let listed = LISTED.iter().find(|(suffix, _)| lower.ends_with(suffix));
    let stem = prose::stem(file.path, listed.map_or(".prompt.md", |(suffix, _)| suffix));
    let name = match listed {
        Some((_, word)) => format!("{stem}-{word}"),
        None => front.text("name").filter(|n| prose::typeable(n)).unwrap_or_else(|| prose::stem(stem, ".md").into()),
    };
    let mut command = prose::whole_file(Dialect::Copilot, name, file);
    command.summary = prose::description(&front).unwrap_or_else(|| prose::opening(&parse(front.body)));
    command.fields = prose::other_fields(&front, &["name", "description", "model"]);
    command.diagnostics = front.diagnostics.clone();
    let places = Places::new(file.text);
    let offset = file.text.len() - front.body.len();
    if let Some((_, word)) = listed {
        let message = format!("this describes an editor's assistant ({word}); it is listed and does not run");
        command.diagnostics.push(places.note(Severity::Info, 0, message));
    } else if front.body.trim().is_empty() {
        command.diagnostics.push(places.note(Severity::Warning, offset, "the prompt has no text and cannot run"));
    } else {
        let mut step = Step::new("prompt", StepKind::Prompt, "", front.body);
        (step.syntax, step.line) = (Syntax::Copilot, front.body_line);
        step.model = front.list_first("model");
        command.steps.push(step);
        placeholders(front.body, offset, &places, &mut command);
    }
    Parsed { commands: vec![command], ..Parsed::default() }
}

/// `${input:name:placeholder}` becomes an option; what only an editor knows is named.
fn placeholders(body: &str, offset: usize, places: &Places<'_>, command: &mut Command) {
    let mut noted = 0;
    for (at, inner) in dollar_braces(body) {
        if let Some((name, help, default)) = input(inner) {
            let full = command.params.len() >= prose::MAX_PARAMS;
            match command.params.iter_mut().find(|p| p.name == name) {
                Some(known) => {
                    known.default = known.default.take().or(default);
                    known.required = known.default.is_none();
                    if known.help.is_empty() {
                        known.help = help.to_string();
                    }
                }
                None if full => {}
                None => command.params.push(Param {
                    name: name.into(),
                    var: prose::variable(name),
                    kind: ParamKind::Option,
                    required: default.is_none(),
                    default,
                    help: help.into(),
                    ..Param::default()
                }),
            }
        } else if EDITOR.contains(&inner) && noted < prose::MANY {
            noted += 1;
            let message = format!("`${{{inner}}}` is known to an editor only; it stays as text");
            command.diagnostics.push(places.note(Severity::Info, offset + at, message));
        }
    }
}

/// Name, help and default of `input:name:placeholder`. Some files write `input:name|default`.
fn input(inner: &str) -> Option<(&str, &str, Option<String>)> {
    let rest = inner.strip_prefix("input:")?;
    let end = rest.find([':', '|']).unwrap_or(rest.len());
    let name = rest[..end].trim();
    let tail = rest.get(end + 1..).unwrap_or("").trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let is_default = rest[end..].starts_with('|') && !tail.is_empty();
    Some(if is_default { (name, "", Some(tail.to_string())) } else { (name, tail, None) })
}

/// The inner text and the offset of each `${…}` on one line.
fn dollar_braces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("${").filter_map(|(at, _)| {
        let rest = &text[at + 2..];
        let end = rest.find(['{', '}', '\n'])?;
        rest[end..].starts_with('}').then(|| (at, &rest[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(path: &str, text: &str) -> Command {
        read(&SourceFile { path, text }).commands.remove(0)
    }

    #[test]
    fn inputs_become_options() {
        let text = "---\nmode: 'agent'\nmodel: [gpt-4.1, other]\ntools: ['search', 'edit/editFiles']\ndescription: 'Do it'\n---\n\
                    Make ${input:projectName:demo-java} for ${input:Owner}, ${input:Timebox|1 week}, ${input:projectName}.\n\
                    See ${file} and ${workspaceFolder}, ${{ github.x }}, ${PROJECT_TYPE}.\n";
        let command = one(".github/prompts/make-it.prompt.md", text);
        assert_eq!((command.name.as_str(), command.summary.as_str()), ("make-it", "Do it"));
        let params: Vec<_> = command
            .params
            .iter()
            .map(|p| (p.name.as_str(), p.var.as_str(), p.help.as_str(), p.default.as_deref(), p.required))
            .collect();
        assert_eq!(
            params,
            [
                ("projectName", "projectname", "demo-java", None, true),
                ("Owner", "owner", "", None, true),
                ("Timebox", "timebox", "", Some("1 week"), false)
            ]
        );
        assert!(command.params.iter().all(|p| p.kind == ParamKind::Option));
        let step = &command.steps[0];
        assert_eq!((step.kind, step.syntax, step.line), (StepKind::Prompt, Syntax::Copilot, 7));
        assert_eq!(step.model.as_deref(), Some("gpt-4.1"));
        let fields: Vec<_> = command.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(fields, [("mode", "agent"), ("tools", "search, edit/editFiles")]);
        let said: Vec<_> = command.diagnostics.iter().map(|d| (d.line, d.column, d.severity)).collect();
        assert_eq!(said, [(8, 5, Severity::Info)]);
    }

    #[test]
    fn agents_and_instructions_are_listed_only() {
        for (path, name) in [
            ("agents/a.agent.md", "a-agent"),
            ("x/b.instructions.md", "b-instructions"),
            ("c.chatmode.md", "c-chatmode"),
        ] {
            let command = one(path, "---\napplyTo: '**'\n---\nText ${input:x}\n");
            assert_eq!((command.name.as_str(), command.steps.len(), command.params.len()), (name, 0, 0));
            assert_eq!(command.diagnostics[0].severity, Severity::Info);
        }
    }

    #[test]
    fn a_prompt_may_have_no_front_matter_or_its_own_name() {
        let command = one("prompts/x.prompt.md", "# Title here\n\nbody");
        assert_eq!((command.name.as_str(), command.summary.as_str()), ("x", "Title here"));
        assert_eq!(one("prompts/x.prompt.md", "---\nname: other\n---\nb").name, "other");
        assert_eq!(one("prompts/x.prompt.md", "---\nname: two words\n---\nb").name, "x");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(---\n|\\$\\{input:|\\}|:|\\||\\PC|\n){0,80}", path in "(\\PC|/){0,12}(.prompt.md|.agent.md|)") {
            prop_assert_eq!(read(&SourceFile { path: &path, text: &text }).commands.len(), 1);
        }
    }
}
