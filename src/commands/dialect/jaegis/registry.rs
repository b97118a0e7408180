//! The YAML registry: entries with a `command: "/name"` key, at any depth, in mappings and in lists.
//!
//! Entries are found line by line, so that each knows its lines and one bad entry spoils no other; the YAML of
//! an entry is then read as a whole or, where that fails, key by key.

use serde_json::{Map, Value};

/// One entry of a registry.
pub(super) struct Entry {
    /// 0-based first and last line inside the fence.
    pub(super) lines: (usize, usize),
    /// What stands behind `command:`.
    pub(super) call: String,
    /// The key it is grouped under, if any.
    pub(super) group: Option<String>,
    /// All its keys and values.
    pub(super) values: Map<String, Value>,
}

/// The entries of a YAML text in order.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = Vec::new();
    let (mut keys, mut floor): (Vec<(usize, &str)>, usize) = (Vec::new(), 0);
    for at in 0..lines.len() {
        let line = lines[at];
        let indent = indent_of(line);
        if line.trim().is_empty() {
            continue;
        }
        while keys.last().is_some_and(|(other, _)| *other >= indent) {
            keys.pop();
        }
        if let Some(key) = line.trim().strip_suffix(':') {
            keys.push((indent, key));
        }
        let Some(call) = call_of(line) else { continue };
        let column = column_of(line);
        let (start, owned) = start_of(&lines, at, column, floor);
        let end = end_of(&lines, at, column);
        floor = end;
        let group = keys.len().checked_sub(1 + usize::from(owned)).and_then(|n| keys.get(n));
        let body = lines[start + usize::from(owned)..end].iter().map(|l| l.get(column..).unwrap_or("")).collect();
        out.push(Entry {
            lines: (start, end - 1),
            call,
            group: group.map(|(_, key)| key.trim_matches(['"', '\'']).to_string()),
            values: values_of(body),
        });
    }
    out
}

fn indent_of(line: &str) -> usize {
    line.bytes().take_while(|b| *b == b' ').count()
}

/// Where a line's key begins: behind the dash of a list.
fn column_of(line: &str) -> usize {
    let indent = indent_of(line);
    let dash = line[indent..].strip_prefix('-').map_or(0, |rest| 1 + indent_of(rest));
    indent + dash
}

/// The call on a `command:` line, without quotes.
fn call_of(line: &str) -> Option<String> {
    let value = line.get(column_of(line)..)?.strip_prefix("command:")?.trim();
    let value = unquote(value);
    value.starts_with('/').then(|| value.to_string())
}

/// The first line of the entry around line `at`, not before `floor`, and whether that line is its own key.
fn start_of(lines: &[&str], at: usize, column: usize, floor: usize) -> (usize, bool) {
    let mut start = at;
    if indent_of(lines[at]) < column {
        return (start, false);
    }
    while start > floor {
        let above = lines[start - 1];
        if above.trim().is_empty() {
            break;
        }
        let (indent, key) = (indent_of(above), column_of(above));
        if indent < column && key == column {
            return (start - 1, false);
        }
        if indent < column {
            return if above.trim_end().ends_with(':') { (start - 1, true) } else { (start, false) };
        }
        start -= 1;
    }
    (start, false)
}

/// Behind the last line of the entry around line `at`.
fn end_of(lines: &[&str], at: usize, column: usize) -> usize {
    let mut end = at + 1;
    for (n, line) in lines.iter().enumerate().skip(at + 1) {
        if line.trim().is_empty() {
            continue;
        }
        if indent_of(line) < column || (column_of(line) == column && call_of(line).is_some()) {
            break;
        }
        end = n + 1;
    }
    end
}

fn values_of(lines: Vec<&str>) -> Map<String, Value> {
    match serde_saphyr::from_str::<Value>(&lines.join("\n")) {
        Ok(Value::Object(values)) => values,
        _ => lines
            .iter()
            .filter(|l| !l.starts_with([' ', '#', '-']))
            .filter_map(|l| l.split_once(':'))
            .map(|(key, value)| (key.trim().to_string(), Value::String(unquote(value.trim()).to_string())))
            .collect(),
    }
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|q| value.strip_prefix(*q).and_then(|v| v.split_once(*q)).map(|(v, _)| v))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_know_their_lines_and_groups() {
        let text = "core:\n  help:\n    command: \"/help\"\n    aliases: [\"/h\"]\n    \n  exit:\n    command: /exit # now\n    bad: [a] [b]\n    description: \"Leave\"\nagents:\n  - name: \"Dev\"\n    command: '/dev'\n  - command: /pm\n    title: PM\n  - command: bin/sh\n";
        let found = entries(text);
        let rows: Vec<((usize, usize), &str, Option<&str>)> =
            found.iter().map(|e| (e.lines, e.call.as_str(), e.group.as_deref())).collect();
        assert_eq!(
            rows,
            [
                ((1, 3), "/help", Some("core")),
                ((5, 8), "/exit # now", Some("core")),
                ((10, 11), "/dev", Some("agents")),
                ((12, 13), "/pm", Some("agents")),
            ]
        );
        assert_eq!(found[0].values["aliases"], serde_json::json!(["/h"]));
        assert_eq!(found[1].values["description"], "Leave");
        assert_eq!((&found[2].values["name"], &found[3].values["title"]), (&"Dev".into(), &"PM".into()));
    }
}
