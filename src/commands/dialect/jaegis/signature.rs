//! How a catalogue writes a call: `/name [optional] <required> {placeholder} [--flag] [--opt <v>] [rest...]`.

use std::collections::HashSet;

use crate::commands::model::{Param, ParamKind};

/// The name (without its slash) and what follows it, where `text` begins with a call.
pub(super) fn split_call(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('/')?;
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '[' | '<')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let begins = name.starts_with(|c: char| c.is_alphanumeric() || c == '{');
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '{' | '}'));
    (begins && plain).then_some((name, rest))
}

/// The parameters in brackets; words outside of brackets say nothing. Repeated names are left out.
pub(super) fn params(text: &str) -> Vec<Param> {
    let (mut out, mut seen, mut rest) = (Vec::new(), HashSet::new(), text);
    while let Some(at) = rest.find(['[', '<', '{']) {
        let required = !rest[at..].starts_with('[');
        let close = match &rest[at..=at] {
            "[" => ']',
            "<" => '>',
            _ => '}',
        };
        let Some(len) = rest[at..].find(close) else { break };
        let inside = rest[at + 1..at + len].trim();
        rest = &rest[at + len + 1..];
        if let Some(param) = param(inside, required).filter(|p| seen.insert(p.name.clone())) {
            out.push(param);
        }
    }
    out
}

fn param(inside: &str, required: bool) -> Option<Param> {
    let mut param = Param { required, ..Param::default() };
    if let Some(long) = inside.strip_prefix("--") {
        let end = long.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(long.len());
        param.kind = if end == long.len() { ParamKind::Flag } else { ParamKind::Option };
        param.name = long[..end].to_string();
    } else if let Some(name) = inside.strip_suffix("...").or_else(|| inside.strip_suffix('\u{2026}')) {
        param.kind = ParamKind::Rest;
        param.multiple = true;
        param.name = name.trim().to_string();
    } else if inside.contains('|') {
        param.name = "value".to_string();
        param.choices = inside.split('|').map(|c| c.trim().to_string()).filter(|c| !c.is_empty()).collect();
    } else {
        param.name = inside.to_string();
    }
    param.var = variable(&param.name);
    (!param.name.is_empty()).then_some(param)
}

/// A variable's name for a parameter's: lower case, everything else `_`.
fn variable(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let out: String = name.chars().map(plain).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) { format!("_{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_paths() {
        assert_eq!(split_call("/squad-activate [name]"), Some(("squad-activate", " [name]")));
        assert_eq!(split_call("/{agent} {query}"), Some(("{agent}", " {query}")));
        assert_eq!((split_call("/usr/bin/env x"), split_call("/"), split_call("// x")), (None, None, None));
    }

    #[test]
    fn brackets_become_parameters() {
        let found = params("x [agent/squad] <backup-id> [on|off] [--fast] [--depth <n>] [files...] {q} [q] [open");
        let rows: Vec<(&str, &str, ParamKind, bool)> =
            found.iter().map(|p| (p.name.as_str(), p.var.as_str(), p.kind, p.required)).collect();
        assert_eq!(
            rows,
            [
                ("agent/squad", "agent_squad", ParamKind::Positional, false),
                ("backup-id", "backup_id", ParamKind::Positional, true),
                ("value", "value", ParamKind::Positional, false),
                ("fast", "fast", ParamKind::Flag, false),
                ("depth", "depth", ParamKind::Option, false),
                ("files", "files", ParamKind::Rest, false),
                ("q", "q", ParamKind::Positional, true),
            ]
        );
        assert_eq!(found[2].choices, ["on", "off"]);
    }
}
