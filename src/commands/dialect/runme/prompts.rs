//! `export NAME=value` lines of a shell cell, which runme asks about before it runs the cell.
//!
//! They become options with that value as default, and their lines become empty: the runner sets the variable
//! instead. Only values without expansions are taken; `export PATH="$X:$PATH"` stays in the script, and so does
//! everything from the first here-document, loop or condition on.

use std::collections::HashSet;

use crate::commands::dialect::mask::source::is_identifier;
use crate::commands::model::{Param, ParamKind, ParamType};

/// Takes the prompts out of `text`: what is left, and the parameters.
pub(super) fn take(text: &str) -> (String, Vec<Param>) {
    let (mut out, mut params, mut seen) = (String::with_capacity(text.len()), Vec::new(), HashSet::new());
    let mut nested = false;
    for line in text.split_inclusive('\n') {
        let (words, end) = line.strip_suffix('\n').map_or((line, ""), |l| (l, "\n"));
        nested |= opens_a_block(words);
        match param(words).filter(|_| !nested) {
            Some(param) if seen.insert(param.name.clone()) => params.push(param),
            _ => out.push_str(words),
        }
        out.push_str(end);
    }
    (out, params)
}

/// Whether lines after this one may belong to a here-document or to a compound command.
fn opens_a_block(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or("");
    line.contains("<<")
        || line.ends_with('{')
        || matches!(first, "if" | "for" | "while" | "until" | "case" | "function")
}

fn param(line: &str) -> Option<Param> {
    let (name, rest) = line.strip_prefix("export ")?.split_once('=')?;
    if !is_identifier(name) || is_reserved(name) {
        return None;
    }
    let (value, rest) = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].split_once(quote)?,
        _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
    };
    let comment = rest.trim();
    let literal = !value.contains(['$', '`', '\\']) && !value.contains(['"', '\'', ';', '&', '|', '(']);
    if !literal || !(comment.is_empty() || (comment.starts_with('#') && rest.starts_with(char::is_whitespace))) {
        return None;
    }
    let placeholder = [('<', '>'), ('[', ']')].iter().any(|(a, b)| value.starts_with(*a) && value.ends_with(*b));
    let help = comment.trim_start_matches('#').trim();
    Some(Param {
        name: name.to_string(),
        var: name.to_string(),
        kind: ParamKind::Option,
        ty: if is_secret(name) { ParamType::Secret } else { ParamType::Text },
        required: placeholder,
        default: (!placeholder).then(|| value.to_string()),
        help: if placeholder && help.is_empty() { value[1..value.len() - 1].to_string() } else { help.to_string() },
        ..Param::default()
    })
}

/// Names the runner refuses for parameters.
fn is_reserved(name: &str) -> bool {
    matches!(name, "PATH" | "IFS" | "BASH_ENV") || name.starts_with("LD_") || name.starts_with("FAC_")
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_exports_become_options() {
        let text = "export A='x y'\nexport B=\"v1\" # there is v2\nexport C=\nexport ENV=\"<insert-env-here>\"\necho\n";
        let (left, params) = take(text);
        assert_eq!(left, "\n\n\n\necho\n");
        let rows: Vec<(&str, Option<&str>, bool, &str)> =
            params.iter().map(|p| (p.var.as_str(), p.default.as_deref(), p.required, p.help.as_str())).collect();
        assert_eq!(
            rows,
            [
                ("A", Some("x y"), false, ""),
                ("B", Some("v1"), false, "there is v2"),
                ("C", Some(""), false, ""),
                ("ENV", None, true, "insert-env-here"),
            ]
        );
    }

    #[test]
    fn everything_else_stays() {
        let text = "export PATH=/x\nexport A=\"$HOME/x\"\nexport B=$(x)\nexport C=1 D=2\n  export E=1\nexport F=\"open\nexport A-B=1\nexport G=a;b\n";
        assert_eq!(take(text), (text.to_string(), Vec::new()));
        let document = "cat <<EOF > .env\nexport A=1\nEOF\n";
        assert_eq!(take(document), (document.to_string(), Vec::new()));
        let (left, params) = take("export A=1\nexport A=2\nexport DENO_ACCESS_TOKEN=\"\"\n");
        assert_eq!((left.as_str(), params[1].ty), ("\nexport A=2\n\n", ParamType::Secret));
    }
}
