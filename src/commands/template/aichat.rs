//! aichat roles: `__INPUT__`, `{{__os__}}` and friends, and `### INPUT:` / `### OUTPUT:` pairs as example turns.
//!
//! The text is cut into turns before anything is inserted, so a value that holds `### INPUT:` stays one value.

use super::{Message, Placeholder, Rendered, Role, Values};

const INPUT: &str = "__INPUT__";
const IN_MARK: &str = "### INPUT:";
const OUT_MARK: &str = "### OUTPUT:";

/// Facts a role may ask for; they come from the lookup under these names.
const FACTS: &[&str] =
    &["__os__", "__os_distro__", "__os_family__", "__arch__", "__shell__", "__locale__", "__now__", "__cwd__"];

/// Replaces the placeholders and says which turns the role stands for. `text` is the whole role, filled.
pub(super) fn render(text: &str, values: &Values<'_>) -> Rendered {
    let mut out = Rendered::default();
    let input = values.input.map_or_else(|| values.arguments.to_string(), str::to_string);
    out.text = fill(text, &input, values, &mut out);
    if text.contains(INPUT) {
        out.messages.push(Message { role: Role::User, text: out.text.clone() });
        return out;
    }
    let (system, turns) = turns(text);
    let said = |role: Role, part: &str, out: &mut Rendered| {
        let text = fill(part, &input, values, out);
        out.messages.push(Message { role, text });
    };
    if !system.is_empty() {
        said(Role::System, system, &mut out);
    }
    for (question, answer) in turns {
        said(Role::User, question, &mut out);
        said(Role::Assistant, answer, &mut out);
    }
    if !input.is_empty() {
        out.messages.push(Message { role: Role::User, text: input });
        out.uses("input");
    }
    out
}

fn fill(text: &str, input: &str, values: &Values<'_>, out: &mut Rendered) -> String {
    let mut filled = Rendered::default();
    let mut at = 0;
    for placeholder in find(text) {
        filled.text.push_str(&text[at..placeholder.start]);
        let value = match placeholder.name.as_str() {
            "input" => Some(input.to_string()),
            name => (values.lookup)(name),
        };
        filled.put(&placeholder.name, value, &text[placeholder.start..placeholder.end]);
        at = placeholder.end;
    }
    filled.text.push_str(&text[at..]);
    filled.missing.iter().for_each(|n| out.miss(n));
    filled.used.iter().for_each(|n| out.uses(n));
    filled.text
}

/// The system part and the example turns; all of it is the system part unless the marks pair up.
fn turns(text: &str) -> (&str, Vec<(&str, &str)>) {
    let mut parts = Vec::new();
    let (mut rest, mut mark) = (text, IN_MARK);
    while let Some((before, after)) = rest.split_once(mark) {
        parts.push(before.trim());
        rest = after;
        mark = if mark == IN_MARK { OUT_MARK } else { IN_MARK };
    }
    if !rest.is_empty() {
        parts.push(rest.trim());
    }
    match parts.split_first() {
        Some((system, turns)) if !turns.is_empty() && turns.len() % 2 == 0 => {
            (system, turns.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
        }
        _ => (text.trim(), Vec::new()),
    }
}

/// The placeholders of `text`: `input`, and the names of facts.
pub(super) fn find(text: &str) -> Vec<Placeholder> {
    let mut found: Vec<Placeholder> = text
        .match_indices(INPUT)
        .map(|(start, _)| Placeholder {
            name: "input".to_string(),
            start,
            end: start + INPUT.len(),
            hint: String::new(),
        })
        .collect();
    for (start, _) in text.match_indices("{{") {
        let rest = &text[start + 2..];
        if let Some(fact) = FACTS.iter().find(|f| rest.starts_with(**f) && rest[f.len()..].starts_with("}}")) {
            let end = start + fact.len() + 4;
            found.push(Placeholder { name: (*fact).to_string(), start, end, hint: String::new() });
        }
    }
    found.sort_by_key(|p| p.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::model::Syntax;
    use crate::commands::template::render;

    fn lookup(name: &str) -> Option<String> {
        (name == "__os__").then(|| "linux __INPUT__ ### INPUT:".to_string())
    }

    fn said(text: &str, input: &str) -> Vec<(Role, String)> {
        let values = Values { input: Some(input), ..Values::new(&lookup) };
        render(Syntax::Aichat, text, &values).messages.into_iter().map(|m| (m.role, m.text)).collect()
    }

    #[test]
    fn a_role_is_system_text_or_holds_its_input() {
        assert_eq!(
            said("Be {{__os__}} {{__shell__}} {{x}}\n", "hi"),
            [
                (Role::System, "Be linux __INPUT__ ### INPUT: {{__shell__}} {{x}}".to_string()),
                (Role::User, "hi".to_string())
            ]
        );
        assert_eq!(said("Say __INPUT__!", "{{__os__}}"), [(Role::User, "Say {{__os__}}!".to_string())]);
        let out = render(Syntax::Aichat, "{{__shell__}}", &Values::new(&lookup));
        assert_eq!(out.missing, ["__shell__"]);
    }

    #[test]
    fn pairs_of_marks_are_example_turns() {
        let text = "Name it.\n### INPUT:\na dog\n### OUTPUT:\nRex\n### INPUT: cat\n### OUTPUT: Tom\n";
        let turns = said(text, "cow");
        let short: Vec<(Role, &str)> = turns.iter().map(|(r, t)| (*r, t.as_str())).collect();
        assert_eq!(
            short,
            [
                (Role::System, "Name it."),
                (Role::User, "a dog"),
                (Role::Assistant, "Rex"),
                (Role::User, "cat"),
                (Role::Assistant, "Tom"),
                (Role::User, "cow")
            ]
        );
        assert_eq!(said("x ### INPUT: alone", "y").len(), 2);
    }
}
