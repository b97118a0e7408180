//! Copilot's placeholders: `${input:name}`, `${input:name:hint}`, `${selection}` and friends.
//!
//! Any other `${…}` is text: prompts are full of shell and JavaScript.

use super::{Placeholder, Rendered, Values};

/// Variables an editor would fill; here they come from the lookup or are reported.
const EDITOR: &[&str] = &[
    "selection",
    "selectedText",
    "file",
    "fileBasename",
    "fileDirname",
    "fileBasenameNoExtension",
    "workspaceFolder",
    "workspaceFolderBasename",
];

/// Replaces the placeholders.
pub(super) fn render(text: &str, values: &Values<'_>) -> Rendered {
    let mut out = Rendered::default();
    let mut at = 0;
    for placeholder in find(text) {
        out.text.push_str(&text[at..placeholder.start]);
        let value = (values.lookup)(&placeholder.name);
        if value.is_none() && EDITOR.contains(&placeholder.name.as_str()) {
            out.note(format!("`${{{}}}` is known only inside an editor; give it as a value", placeholder.name));
        }
        out.put(&placeholder.name, value, &text[placeholder.start..placeholder.end]);
        at = placeholder.end;
    }
    out.text.push_str(&text[at..]);
    out
}

/// The placeholders of `text`.
pub(super) fn find(text: &str) -> Vec<Placeholder> {
    text.match_indices("${").filter_map(|(start, _)| at(text, start)).collect()
}

fn at(text: &str, start: usize) -> Option<Placeholder> {
    let rest = &text[start + 2..];
    let len = rest.find(['}', '\n', '{'])?;
    let inside = &rest[..len];
    if !rest[len..].starts_with('}') {
        return None;
    }
    let (name, hint) = match inside.strip_prefix("input:") {
        Some(input) => input.split_once(':').unwrap_or((input, "")),
        None if EDITOR.contains(&inside) => (inside, ""),
        None => return None,
    };
    let name = name.trim();
    (!name.is_empty()).then(|| Placeholder {
        name: name.to_string(),
        start,
        end: start + len + 3,
        hint: hint.trim().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::model::Syntax;
    use crate::commands::template::{placeholders, render};

    #[test]
    fn inputs_are_replaced_and_other_dollars_kept() {
        let find = |name: &str| (name == "topic").then(|| "${input:other} x".to_string());
        let text = "${input:topic:What about?} ${input:other} ${selection} ${HOME} ${input:} ${input:a\n}";
        let out = render(Syntax::Copilot, text, &Values::new(&find));
        assert_eq!(out.text, "${input:other} x ${input:other} ${selection} ${HOME} ${input:} ${input:a\n}");
        assert_eq!(out.missing, ["other", "selection"]);
        assert_eq!((out.notes.len(), out.used), (1, vec!["topic".to_string()]));
        let found = placeholders(Syntax::Copilot, text);
        assert_eq!((found.len(), found[0].hint.as_str(), found[0].end), (3, "What about?", 26));
    }

    #[test]
    fn long_texts_take_linear_time() {
        render(Syntax::Copilot, &"${input:".repeat(200_000), &Values::new(&|_| None));
    }
}
