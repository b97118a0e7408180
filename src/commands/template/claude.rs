//! Claude Code's placeholders: `$ARGUMENTS`, `$ARGUMENTS[n]`, `$n` and `$name` where declared.
//!
//! `$n` counts from 0, or from 1 where the caller says so, and is replaced only where the definition declares arguments: of 39 `$1`-like texts in 243
//! published commands none was a placeholder. A number without a word stays as it is. `` !`cmd` `` and `@path` are never
//! followed here: fetched text may not act.

use super::{Placeholder, Rendered, Values};

/// Replaces the placeholders; where nothing refers to the arguments they are appended.
pub(super) fn render(text: &str, values: &Values<'_>) -> Rendered {
    let mut out = Rendered::default();
    let mut at = 0;
    let mut referred = false;
    while let Some(found) = text[at..].find('$').map(|i| at + i) {
        let before = &text[at..found];
        let rest = &text[found + 1..];
        let numbered = rest.starts_with(|c: char| c.is_ascii_digit());
        if values.positional.is_some() && numbered && before.ends_with('\\') {
            out.text.push_str(&before[..before.len() - 1]);
            out.text.push('$');
            at = found + 1;
            continue;
        }
        out.text.push_str(before);
        let Some((reference, len)) = reference(rest, values) else {
            out.text.push('$');
            at = found + 1;
            continue;
        };
        referred = true;
        let written = &text[found..found + 1 + len];
        match reference {
            Reference::All => out.put("ARGUMENTS", Some(values.arguments.to_string()), written),
            Reference::Item(n) => out.put(&n.to_string(), values.words.get(n).cloned(), written),
            Reference::Number(n) => {
                let item = n.checked_sub(values.positional.unwrap_or(0));
                out.put(&n.to_string(), item.and_then(|i| values.words.get(i)).cloned(), written);
            }
            Reference::Name(name) => {
                let index = values.declared.iter().position(|d| d == name);
                let word = index.and_then(|i| values.words.get(i)).cloned();
                out.put(name, word.or_else(|| (values.lookup)(name)), written);
            }
        }
        at = found + 1 + len;
    }
    out.text.push_str(&text[at..]);
    if !referred && !values.arguments.is_empty() {
        let gap = if out.text.is_empty() || out.text.ends_with("\n\n") {
            ""
        } else if out.text.ends_with('\n') {
            "\n"
        } else {
            "\n\n"
        };
        out.text.push_str(&format!("{gap}ARGUMENTS: {}", values.arguments));
        out.uses("ARGUMENTS");
    }
    for note in actions(text) {
        out.note(note);
    }
    out
}

enum Reference<'t> {
    All,
    /// `$ARGUMENTS[n]`, from 0.
    Item(usize),
    /// `$n`.
    Number(usize),
    Name(&'t str),
}

/// What `$rest` refers to, and how many bytes of `rest` belong to it.
fn reference<'t>(rest: &'t str, values: &Values<'_>) -> Option<(Reference<'t>, usize)> {
    let word_end = |r: &str| r.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(r.len());
    if let Some(tail) = rest.strip_prefix("ARGUMENTS").filter(|tail| word_end(tail) == 0) {
        let index =
            tail.strip_prefix('[').and_then(|t| t.split_once(']')).and_then(|(n, _)| Some((number(n)?, n.len())));
        return Some(match index {
            Some((n, len)) => (Reference::Item(n), "ARGUMENTS".len() + len + 2),
            None => (Reference::All, "ARGUMENTS".len()),
        });
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if digits > 0 {
        let n = number(&rest[..digits]).filter(|_| values.positional.is_some() && word_end(&rest[digits..]) == 0)?;
        return Some((Reference::Number(n), digits));
    }
    let name_end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(rest.len());
    // A declared name may hold dashes; the longest one counts.
    let fits = values.declared.iter().filter(|d| !d.is_empty() && rest[..name_end].starts_with(d.as_str()));
    let name = fits.max_by_key(|d| d.len())?;
    (word_end(&rest[name.len()..]) == 0).then(|| (Reference::Name(&rest[..name.len()]), name.len()))
}

fn number(text: &str) -> Option<usize> {
    (!text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// What the text asks to be run or read while it is filled.
fn actions(text: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|m| start.starts_with(m));
        match (fence, mark) {
            (None, Some(mark)) => {
                fence = Some(mark);
                if start[3..].trim_start_matches(['`', '~']).starts_with('!') {
                    notes.push("a block that would run before the model sees the text is left as it is".to_string());
                }
            }
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => inline_actions(line, &mut notes),
            _ => {}
        }
    }
    notes
}

fn inline_actions(line: &str, notes: &mut Vec<String>) {
    // Parts with an odd index stand in backquotes.
    let mut parts = line.split('`').enumerate().peekable();
    while let Some((at, part)) = parts.next() {
        if at % 2 == 1 {
            continue;
        }
        if let Some((_, command)) = parts.peek().filter(|_| part.ends_with('!')) {
            notes.push(format!("`!` before `{command}` would run it and is left as it is"));
        }
        for word in part.split_whitespace() {
            let path = word.strip_prefix('@').map(|p| p.trim_end_matches(['.', ',', ';', ':', ')', '!', '?']));
            if let Some(path) = path.filter(|p| p.contains('/') || p.contains('.')) {
                notes.push(format!("`@{path}` may mean a file and is left as it is"));
            }
        }
    }
}

/// `$ARGUMENTS` and `$ARGUMENTS[n]` in `text`.
pub(super) fn find(text: &str) -> Vec<Placeholder> {
    let nothing = |_: &str| None;
    let values = Values::new(&nothing);
    text.match_indices('$')
        .filter_map(|(start, _)| {
            let (reference, len) = reference(&text[start + 1..], &values)?;
            let name = match reference {
                Reference::All => "ARGUMENTS".to_string(),
                Reference::Item(n) | Reference::Number(n) => n.to_string(),
                Reference::Name(name) => name.to_string(),
            };
            Some(Placeholder { name, start, end: start + 1 + len, hint: String::new() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::model::Syntax;
    use crate::commands::template::{placeholders, render};

    fn words() -> Vec<String> {
        ["one", "$1 {{x}} $ARGUMENTS", "three"].iter().map(|s| (*s).to_string()).collect()
    }

    #[test]
    fn undeclared_numbers_are_text() {
        let (words, none) = (words(), |_: &str| None);
        let values = Values { arguments: "one two", words: &words, ..Values::new(&none) };
        let text = "Fix $ARGUMENTS, item $ARGUMENTS[0] and $ARGUMENTS[9]; awk '{print $1}' costs $150 \\$2 $ARGUMENTSX";
        let out = render(Syntax::Claude, text, &values);
        assert_eq!(out.text, "Fix one two, item one and $ARGUMENTS[9]; awk '{print $1}' costs $150 \\$2 $ARGUMENTSX");
        assert_eq!((out.missing, out.used), (vec!["9".to_string()], vec!["ARGUMENTS".to_string(), "0".to_string()]));
        let found: Vec<&str> = placeholders(Syntax::Claude, text).iter().map(|p| &text[p.start..p.end]).collect();
        assert_eq!(found, ["$ARGUMENTS", "$ARGUMENTS[0]", "$ARGUMENTS[9]"]);
    }

    #[test]
    fn declared_names_and_numbers_count_from_zero_and_once() {
        let (words, none) = (words(), |_: &str| None);
        let declared = ["env".to_string(), "env-name".to_string(), "third".to_string(), "fourth".to_string()];
        let values = Values { words: &words, declared: &declared, positional: Some(0), ..Values::new(&none) };
        let out =
            render(Syntax::Claude, "$0 $1 $7 \\$0 $env $env-name $third. $fourth $environment $3.8M $1st", &values);
        assert_eq!(
            out.text,
            "one $1 {{x}} $ARGUMENTS $7 $0 one $1 {{x}} $ARGUMENTS three. $fourth $environment $3.8M $1st"
        );
        assert_eq!(out.missing, ["7", "fourth", "3"]);
        let from_one = Values { positional: Some(1), ..values };
        assert_eq!(render(Syntax::Claude, "$1 $3 $0 $ARGUMENTS[0]", &from_one).text, "one three $0 one");
    }

    #[test]
    fn arguments_are_appended_where_nothing_asks() {
        let none = |_: &str| None;
        let values = Values { arguments: "x $y", ..Values::new(&none) };
        assert_eq!(render(Syntax::Claude, "Do it\n", &values).text, "Do it\n\nARGUMENTS: x $y");
        assert_eq!(render(Syntax::Claude, "Do it", &Values::new(&none)).text, "Do it");
    }

    #[test]
    fn nothing_is_run_or_read() {
        let none = |_: &str| None;
        let text =
            "Status: !`git status` and @src/main.rs, not `@x/y`\n```!\nls\n```\n```sh\n@not/this\n```\n@v4 @team";
        let out = render(Syntax::Claude, text, &Values::new(&none));
        assert_eq!(out.text, text);
        assert_eq!(
            out.notes,
            [
                "`!` before `git status` would run it and is left as it is",
                "`@src/main.rs` may mean a file and is left as it is",
                "a block that would run before the model sees the text is left as it is"
            ]
        );
    }

    #[test]
    fn real_commands_keep_their_dollars() {
        let none = |_: &str| None;
        for (path, text) in crate::commands::corpus_tests::corpus_files("claude-commands", "md") {
            let out = render(Syntax::Claude, &text, &Values::new(&none));
            assert_eq!(
                out.text.matches('$').count() + text.matches("$ARGUMENTS").count(),
                text.matches('$').count(),
                "{path}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_rendered(text in "(\\$|ARGUMENTS|[0-9\\[\\]\\\\`!@a/. -]|\n|é){0,40}", positional: Option<bool>) {
            let words = words();
            let none = |_: &str| None;
            let declared = ["a".to_string(), String::new()];
            render(Syntax::Claude, &text, &Values { words: &words, declared: &declared, positional: positional.map(usize::from), ..Values::new(&none) });
        }
    }
}
