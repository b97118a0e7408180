//! `{{name}}` as the native format and fabric patterns have it.
//!
//! A placeholder is a pair of braces around a name on one line; anything else between braces is text, because
//! prompts quote nuclei and Vue templates. `\{{` is a literal `{{` in the native format only: fabric knows no escape.

use super::{Placeholder, Rendered, Values};

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Native,
    Fabric,
}

/// A part of a text.
enum Part<'t> {
    Text(&'t str),
    /// What stands between the braces, trimmed, and the whole placeholder with its offset.
    Name(&'t str, &'t str, usize),
}

/// Replaces `{{name}}`; `{{input}}` is the input, or a value of that name.
pub(super) fn native(text: &str, values: &Values<'_>) -> Rendered {
    let mut out = Rendered::default();
    for part in parts(text, Form::Native) {
        match part {
            Part::Text(t) => out.text.push_str(t),
            Part::Name(name, written, _) => out.put(name, value(name, values), written),
        }
    }
    out
}

/// Replaces fabric's placeholders; the input is appended on a new line where nothing asks for it.
pub(super) fn fabric(text: &str, values: &Values<'_>) -> Rendered {
    let mut out = Rendered::default();
    for part in parts(text, Form::Fabric) {
        match part {
            Part::Text(t) => out.text.push_str(t),
            Part::Name(name, written, _) if is_call(name) => {
                out.text.push_str(written);
                out.note(format!("`{written}` would run a fabric plugin or extension and is left as it is"));
            }
            Part::Name("input", written, _) => {
                let input = value("input", values).or_else(|| Some(String::new()));
                out.put("input", input, written);
            }
            Part::Name(name, written, _) => out.put(name, value(name, values), written),
        }
    }
    if !out.used.iter().any(|n| n == "input")
        && let Some(input) = value("input", values).filter(|i| !i.is_empty())
    {
        if !out.text.is_empty() && !out.text.ends_with('\n') {
            out.text.push('\n');
        }
        out.text.push_str(&input);
        out.uses("input");
    }
    out
}

/// The placeholders of `text`; fabric's plugin calls are not among them.
pub(super) fn find(text: &str, form: Form) -> Vec<Placeholder> {
    parts(text, form)
        .into_iter()
        .filter_map(|part| match part {
            Part::Name(name, written, start) if !is_call(name) => {
                Some(Placeholder { name: name.to_string(), start, end: start + written.len(), hint: String::new() })
            }
            _ => None,
        })
        .collect()
}

fn value(name: &str, values: &Values<'_>) -> Option<String> {
    match values.input {
        Some(input) if name == "input" => Some(input.to_string()),
        _ => (values.lookup)(name),
    }
}

fn is_call(name: &str) -> bool {
    name.starts_with("plugin:") || name.starts_with("ext:")
}

fn parts(text: &str, form: Form) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find("{{").map(|i| at + i) {
        if form == Form::Native && text[from..found].ends_with('\\') {
            parts.push(Part::Text(&text[from..found - 1]));
            parts.push(Part::Text("{{"));
            (from, at) = (found + 2, found + 2);
            continue;
        }
        // In `{{{name}}}` the innermost pair counts.
        let open = found + text[found..].bytes().take_while(|b| *b == b'{').count() - 2;
        match inner(&text[open + 2..], form) {
            Some((name, len)) => {
                parts.push(Part::Text(&text[from..open]));
                let end = open + len + 4;
                parts.push(Part::Name(name, &text[open..end], open));
                (from, at) = (end, end);
            }
            None => at = open + 2,
        }
    }
    parts.push(Part::Text(&text[from..]));
    parts
}

/// The name at the start of `rest`, and the length of what stands before its `}}`.
fn inner(rest: &str, form: Form) -> Option<(&str, usize)> {
    let end = rest.find(['{', '}', '\n'])?;
    let name = rest[..end].trim();
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    // `{{secret.name}}` is for requests; elsewhere nobody gives it a value.
    let bare = name.strip_prefix("secret.").filter(|_| form == Form::Native).unwrap_or(name);
    let named = bare.starts_with(|c: char| c.is_alphabetic() || c == '_') && bare.chars().all(letter);
    // `{{trigger.json.name}}` is a value inside of what fired.
    let inside = name.strip_prefix("trigger.").filter(|_| form == Form::Native);
    let inside = inside.is_some_and(|path| path.split('.').all(|part| !part.is_empty() && part.chars().all(letter)));
    let call = form == Form::Fabric && is_call(name);
    (rest[end..].starts_with("}}") && (named || inside || call)).then_some((name, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::model::Syntax;
    use crate::commands::template::{placeholders, render};

    fn lookup(name: &str) -> Option<String> {
        match name {
            "a" => Some("{{b}} $ARGUMENTS".to_string()),
            "b" => Some("B".to_string()),
            "übung" => Some("ü".to_string()),
            _ => None,
        }
    }

    #[test]
    fn native_placeholders_are_replaced_once() {
        let values = Values { input: Some("in {{b}}"), ..Values::new(&lookup) };
        let out = render(
            Syntax::Native,
            "{{a}}|{{ b }}|\\{{b}}|{{nope}}|{{input}}|{{{b}}}|{{ x y }}|{{übung}}|{{b|{{b",
            &values,
        );
        assert_eq!(out.text, "{{b}} $ARGUMENTS|B|{{b}}|{{nope}}|in {{b}}|{B}|{{ x y }}|ü|{{b|{{b");
        assert_eq!(out.missing, ["nope"]);
        let inside =
            placeholders(Syntax::Native, "{{trigger.json.a-b.0}} {{trigger.}} {{trigger.a..b}} {{triggers.a}}");
        assert_eq!(inside.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>(), ["trigger.json.a-b.0"]);
        assert_eq!(placeholders(Syntax::Fabric, "{{trigger.json}}"), []);
        let secret = render(Syntax::Native, "{{secret.a}} {{b.a}}", &values);
        assert_eq!((secret.text.as_str(), secret.missing), ("{{secret.a}} {{b.a}}", vec!["secret.a".to_string()]));
        assert_eq!(out.used, ["a", "b", "input", "übung"]);
    }

    #[test]
    fn fabric_appends_the_input_where_nothing_asks_for_it() {
        let values = Values { input: Some("text {{b}}"), ..Values::new(&lookup) };
        assert_eq!(render(Syntax::Fabric, "# IDENTITY\nINPUT:", &values).text, "# IDENTITY\nINPUT:\ntext {{b}}");
        assert_eq!(render(Syntax::Fabric, "a {{input}} b", &values).text, "a text {{b}} b");
        assert_eq!(render(Syntax::Fabric, "a", &Values::new(&lookup)).text, "a");
    }

    #[test]
    fn fabric_plugins_never_run() {
        let text = "{{plugin:sys:env:HOME}} {{ext:x:run:y}} {{role}} \\{{b}}";
        let out = render(Syntax::Fabric, text, &Values::new(&lookup));
        assert_eq!(out.text, "{{plugin:sys:env:HOME}} {{ext:x:run:y}} {{role}} \\B");
        assert_eq!((out.notes.len(), out.missing), (2, vec!["role".to_string()]));
        let found: Vec<String> = placeholders(Syntax::Fabric, text).into_iter().map(|p| p.name).collect();
        assert_eq!(found, ["role", "b"]);
    }

    #[test]
    fn placeholders_say_where_they_stand() {
        let text = "é {{ a }} \\{{b}} {{c}}";
        let found = placeholders(Syntax::Native, text);
        assert_eq!(found.iter().map(|p| &text[p.start..p.end]).collect::<Vec<_>>(), ["{{ a }}", "{{c}}"]);
        render(Syntax::Native, &"{{".repeat(300_000), &Values::new(&lookup));
        render(Syntax::Native, &"{{a ".repeat(300_000), &Values::new(&lookup));
    }

    proptest::proptest! {
        #[test]
        fn values_are_never_expanded_again(value in ".{0,30}", before in "[^{}\\\\]{0,10}", after in "[^{}\\\\]{0,10}") {
            let find = |name: &str| (name == "x").then(|| value.clone());
            for syntax in [Syntax::Native, Syntax::Fabric] {
                let out = render(syntax, &format!("{before}{{{{x}}}}{after}"), &Values::new(&find));
                proptest::prop_assert_eq!(out.text, format!("{before}{value}{after}"));
            }
        }

        #[test]
        fn text_without_known_names_is_unchanged(text in "[{}a\\-x :\n]{0,60}") {
            let out = render(Syntax::Native, &text, &Values::new(&|_| None));
            proptest::prop_assert_eq!(out.text, text);
        }
    }
}
