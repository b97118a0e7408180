//! The signature in a native heading: `/release <version> [channel=stable|beta] [--dry-run] [files...]`.
//!
//! | written | means |
//! |---|---|
//! | `<x>`, `[x]` | positional, required or not |
//! | `[k=a\|b]` | option `--k`, first value the default, all of them the choices |
//! | `[k=a]` | option `--k` with a default and any value |
//! | `[--flag]`, `[-f\|--flag]` | `true` or unset |
//! | `[--opt=<v>]`, `<--opt=<v>>` | option with a value, not required or required |
//! | `[rest...]`, `<rest...>` | all remaining words |

use crate::commands::model::{Param, ParamKind, ParamType};

/// A signature taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signature {
    /// The words before the first parameter, without the leading slash, joined by one blank.
    pub name: String,
    /// The parameters in order.
    pub params: Vec<Param>,
    /// What could not be understood: `(character offset, sentence, whether the command cannot be used)`.
    pub problems: Vec<(usize, String, bool)>,
}

/// Reads the text of a heading's code span.
pub fn parse(text: &str) -> Signature {
    let mut signature = Signature::default();
    let mut name = Vec::new();
    for (at, token) in tokens(text) {
        let inner = match (token.chars().next(), token.chars().next_back()) {
            (Some('<'), Some('>')) if token.len() > 2 => Some((&token[1..token.len() - 1], true)),
            (Some('['), Some(']')) if token.len() > 2 => Some((&token[1..token.len() - 1], false)),
            _ => None,
        };
        match inner {
            Some((inner, required)) => add_param(&mut signature, at, inner, required),
            None if signature.params.is_empty() && !token.starts_with(['<', '[']) => name.push(token),
            None => {
                let said = format!("`{token}` is neither <required> nor [optional], so it was left out");
                signature.problems.push((at, said, false));
            }
        }
    }
    signature.name = name.join(" ").trim_start_matches('/').to_string();
    signature
}

/// Words at the outermost bracket level, with their character offsets.
fn tokens(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let mut depth = 0usize;
    let mut start: Option<(usize, usize)> = None;
    for (index, (byte, c)) in text.char_indices().enumerate() {
        if c.is_whitespace() && depth == 0 {
            if let Some((at, from)) = start.take() {
                out.push((at, &text[from..byte]));
            }
            continue;
        }
        match c {
            '<' | '[' => depth += 1,
            '>' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        start.get_or_insert((index, byte));
    }
    if let Some((at, from)) = start {
        out.push((at, &text[from..]));
    }
    out
}

fn add_param(signature: &mut Signature, at: usize, inner: &str, required: bool) {
    let param = read_param(inner.trim(), required);
    if let Some(why) = refused_name(&param.var) {
        signature.problems.push((at, format!("`{}` cannot be a parameter: {why}", param.name), true));
    } else if signature.params.iter().any(|p| p.var == param.var) {
        signature.problems.push((at, format!("the parameter `{}` stands here twice", param.name), true));
        return;
    }
    let after_rest = signature.params.iter().any(|p| p.kind == ParamKind::Rest);
    let positional = matches!(param.kind, ParamKind::Positional | ParamKind::Rest);
    if after_rest && positional {
        signature.problems.push((at, format!("`{}` comes after the rest, which takes every word", param.name), true));
    }
    let optional_before = signature.params.iter().any(|p| p.kind == ParamKind::Positional && !p.required);
    if positional && param.required && optional_before {
        signature.problems.push((at, format!("required `{}` comes after an optional one", param.name), true));
    }
    signature.params.push(param);
}

fn read_param(inner: &str, required: bool) -> Param {
    if inner.starts_with('-') {
        return read_flag(inner, required);
    }
    if let Some(name) = inner.strip_suffix("...").or_else(|| inner.strip_suffix('…')) {
        return param(name.trim(), ParamKind::Rest, required);
    }
    if let Some((name, values)) = inner.split_once('=') {
        let mut option = param(name.trim(), ParamKind::Option, required);
        set_values(&mut option, values, required);
        return option;
    }
    if inner.contains('|') {
        let mut positional = param("value", ParamKind::Positional, required);
        positional.choices = inner.split('|').map(|c| c.trim().to_string()).collect();
        return positional;
    }
    param(inner, ParamKind::Positional, required)
}

/// `--flag`, `-f|--flag`, `--opt=<v>`, `-o|--opt=a|b`.
fn read_flag(inner: &str, required: bool) -> Param {
    let (names, value) = inner.split_once(['=', ' ']).map_or((inner, None), |(n, v)| (n, Some(v.trim())));
    let mut long = None;
    let mut short = None;
    for name in names.split(['|', ',']).map(str::trim) {
        match name.strip_prefix("--") {
            Some(name) => long = Some(name),
            None => short = name.strip_prefix('-').and_then(|n| n.chars().next()),
        }
    }
    let short_name = short.map(String::from).unwrap_or_default();
    let name = long.unwrap_or(&short_name);
    let kind = if value.is_some() { ParamKind::Option } else { ParamKind::Flag };
    let mut flag = param(name, kind, required && value.is_some());
    flag.short = short;
    match value {
        Some(v) if v.starts_with('<') => {}
        Some(values) => set_values(&mut flag, values, required),
        None => flag.ty = ParamType::Bool,
    }
    flag
}

fn set_values(param: &mut Param, values: &str, required: bool) {
    let values: Vec<String> =
        values.split('|').map(|v| v.trim().trim_matches(['<', '>']).to_string()).filter(|v| !v.is_empty()).collect();
    if !required {
        param.default = values.first().cloned();
    }
    if values.len() > 1 {
        param.choices = values;
    }
}

fn param(name: &str, kind: ParamKind, required: bool) -> Param {
    Param { name: name.to_string(), var: variable(name), kind, required, ..Param::default() }
}

/// The environment variable of a parameter: lower case, `-` and other odd characters to `_`.
pub fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// Why a name may not become an environment variable; `None` when it may.
pub fn refused_name(var: &str) -> Option<&'static str> {
    let upper = var.to_ascii_uppercase();
    if var.is_empty() || !var.chars().any(|c| c.is_ascii_alphanumeric()) {
        return Some("a name needs a letter");
    }
    if var.starts_with(|c: char| c.is_ascii_digit()) {
        return Some("a name must not begin with a digit");
    }
    let reserved = ["PATH", "IFS", "BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND"];
    if reserved.contains(&upper.as_str()) || upper.starts_with("LD_") || upper.starts_with("DYLD_") {
        return Some("it would change how programs start");
    }
    upper.starts_with("FAC_").then_some("names that begin with FAC_ are ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(p: &Param) -> String {
        format!(
            "{}:{:?}{}{}{}",
            p.name,
            p.kind,
            if p.required { "!" } else { "" },
            p.default.as_ref().map(|d| format!("={d}")).unwrap_or_default(),
            if p.choices.is_empty() { String::new() } else { format!("{:?}", p.choices) }
        )
    }

    #[test]
    fn the_signature_of_the_design() {
        let s = parse("/release <version> [channel=stable|beta] [--dry-run] [files...]");
        assert_eq!(s.name, "release");
        let params: Vec<String> = s.params.iter().map(short).collect();
        let want = ["version:Positional!", "channel:Option=stable[\"stable\", \"beta\"]", "dry-run:Flag", "files:Rest"];
        assert_eq!(params, want);
        assert_eq!(s.params[2].var, "dry_run");
        assert_eq!(s.problems, []);
    }

    #[test]
    fn options_with_values_shorts_and_nested_names() {
        let s = parse("git undo [-n|--count=3] [--opt=<v>] <--must=<v>> [a|b]");
        assert_eq!(s.name, "git undo");
        let params: Vec<String> = s.params.iter().map(short).collect();
        assert_eq!(params, ["count:Option=3", "opt:Option", "must:Option!", "value:Positional[\"a\", \"b\"]"]);
        assert_eq!(s.params[0].short, Some('n'));
    }

    #[test]
    fn names_that_change_how_programs_start_are_refused() {
        for bad in ["<PATH>", "[ld-preload]", "<ifs>", "<bash_env>", "<fac_home>", "<1st>", "<->"] {
            let s = parse(&format!("/x {bad}"));
            assert!(s.problems.iter().any(|p| p.2), "{bad}");
        }
    }

    #[test]
    fn impossible_orders_are_said() {
        assert!(parse("/x [a] <b>").problems[0].2);
        assert!(parse("/x [a...] [b]").problems[0].2);
        assert!(parse("/x <a> <a>").problems[0].2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[<>\\[\\]|=.a-z /\\-é\n]{0,60}") {
            let _ = parse(&text);
        }
    }
}
