//! What the dialects share whose definition is one whole Markdown file of words for a model.
//!
//! It knows places, names and summaries; what a placeholder means is for each adapter to say.

use std::ops::Range;

use serde_json::Value;

use super::SourceFile;
use super::front_matter::FrontMatter;
use crate::commands::model::{Command, Diagnostic, Dialect, Param, ParamKind, Severity};
use crate::kernel::markdown::{Block, BlockKind, Document, LineIndex, one_line};

/// How many diagnostics of one sort a file gets; the rest is more of the same.
pub(super) const MANY: usize = 20;

/// How many parameters are taken from placeholders; no definition meant for people has more.
pub(super) const MAX_PARAMS: usize = 256;

/// A command that is the whole of `file`: its text, path and lines are set.
pub(super) fn whole_file(dialect: Dialect, name: impl Into<String>, file: &SourceFile<'_>) -> Command {
    let mut command = Command::new(dialect, name);
    command.text = file.text.to_string();
    command.origin.path = file.path.to_string();
    command.origin.lines = (1, file.text.lines().count().max(1));
    command
}

/// From offsets in a file to diagnostics.
pub(super) struct Places<'a> {
    text: &'a str,
    lines: LineIndex,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Places { text, lines: LineIndex::new(text) }
    }

    /// A diagnostic at a byte offset of the file.
    pub(super) fn note(&self, severity: Severity, offset: usize, message: impl Into<String>) -> Diagnostic {
        let (line, column) = self.lines.line_column(self.text, offset);
        Diagnostic::new(severity, line, column, message)
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The file name without `suffix`, whatever its case; a name that is nothing but the suffix is kept whole.
pub(super) fn stem<'a>(path: &'a str, suffix: &str) -> &'a str {
    let name = file_name(path);
    let cut = name.len().saturating_sub(suffix.len());
    match (name.get(..cut), name.get(cut..)) {
        (Some(stem), Some(end)) if !stem.is_empty() && end.eq_ignore_ascii_case(suffix) => stem,
        _ => name,
    }
}

/// The name of the folder a file lies in, where there is one.
pub(super) fn folder(path: &str) -> Option<&str> {
    path.rsplit('/').nth(1).filter(|f| !f.is_empty())
}

/// The environment variable of a parameter: lower case, `_` for what a variable cannot hold.
pub(super) fn variable(name: &str) -> String {
    let mut var: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    if var.chars().next().is_none_or(|c| c.is_ascii_digit()) {
        var.insert(0, '_');
    }
    var
}

/// The words that follow, or standard input where there are none: what a model is to work on.
pub(super) fn input_param() -> Param {
    Param {
        name: "input".into(),
        var: "input".into(),
        kind: ParamKind::Rest,
        multiple: true,
        help: "the text to work on; standard input where it is not given".into(),
        ..Param::default()
    }
}

/// A name that can be typed as one word: letters, digits, `-`, `_` and `.`, at most 64 characters.
pub(super) fn typeable(name: &str) -> bool {
    name.chars().next().is_some_and(char::is_alphanumeric)
        && name.chars().count() <= 64
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The description of the front matter on one line.
pub(super) fn description(front: &FrontMatter<'_>) -> Option<String> {
    front.text("description").map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|t| !t.is_empty())
}

/// The first heading or sentence of a document.
pub(super) fn opening(doc: &Document) -> String {
    match doc.blocks.iter().find(|b| matches!(b.kind, BlockKind::Heading { .. } | BlockKind::Paragraph(_))) {
        Some(Block { kind: BlockKind::Heading { inlines, .. }, .. }) => shorten(&one_line(inlines)),
        _ => first_sentence(doc),
    }
}

/// The first sentence of the first paragraph, wherever that stands; else of the first heading.
pub(super) fn first_sentence(doc: &Document) -> String {
    let words = doc.blocks.iter().find_map(|b| match &b.kind {
        BlockKind::Paragraph(inlines) => Some(one_line(inlines)).filter(|w| !w.is_empty()),
        _ => None,
    });
    let heading = || {
        doc.blocks.iter().find_map(|b| match &b.kind {
            BlockKind::Heading { inlines, .. } => Some(one_line(inlines)),
            _ => None,
        })
    };
    let words = words.or_else(heading).unwrap_or_default();
    let end = words.match_indices(['.', '!', '?']).map(|(at, _)| at).find(|at| words[at + 1..].starts_with(' '));
    shorten(end.map_or(words.as_str(), |at| &words[..at]).trim_end_matches(['.', ':']))
}

/// At most 120 characters, cut at a word.
fn shorten(words: &str) -> String {
    if words.chars().count() <= 120 {
        return words.to_string();
    }
    let cut: String = words.chars().take(119).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    format!("{}…", whole.trim_end_matches([',', ';', ':', ' ']))
}

/// Every key of the front matter that is not in `known`, with its value as text.
pub(super) fn other_fields(front: &FrontMatter<'_>, known: &[&str]) -> Vec<(String, String)> {
    let is_known = |key: &str| known.iter().any(|k| k.eq_ignore_ascii_case(&key.replace('_', "-")));
    let shown = |key: &str, value: &Value| match value {
        Value::Object(_) => value.to_string(),
        _ => front.text(key).unwrap_or_default(),
    };
    front.values.iter().filter(|(k, _)| !is_known(k)).map(|(k, v)| (k.clone(), shown(k, v))).collect()
}

/// The byte ranges of fenced and indented code in document order, with the info string.
pub(super) fn code_blocks(doc: &Document) -> Vec<(Range<usize>, &str)> {
    let mut out = Vec::new();
    push_code(&doc.blocks, &mut out);
    out
}

fn push_code<'d>(blocks: &'d [Block], out: &mut Vec<(Range<usize>, &'d str)>) {
    for block in blocks {
        match &block.kind {
            BlockKind::Code(code) => out.push((block.span.clone(), code.info.as_str())),
            BlockKind::Quote(inner) => push_code(inner, out),
            BlockKind::List { items, .. } => items.iter().for_each(|item| push_code(&item.blocks, out)),
            _ => {}
        }
    }
}

/// Whether `offset` lies in one of `ranges`, which are in order and apart.
pub(super) fn inside(ranges: &[(Range<usize>, &str)], offset: usize) -> bool {
    let next = ranges.partition_point(|(r, _)| r.end <= offset);
    ranges.get(next).is_some_and(|(r, _)| r.contains(&offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::markdown::parse;

    #[test]
    fn summaries_are_short_and_whole_words() {
        let doc = parse("# IDENTITY\n\nYou are **an expert**, v1.2 only. Do more.\n");
        assert_eq!(opening(&doc), "IDENTITY");
        assert_eq!(first_sentence(&doc), "You are an expert, v1.2 only");
        let long = first_sentence(&parse(&"word ".repeat(60)));
        assert!(long.ends_with("word…") && long.chars().count() <= 120, "{long}");
    }

    #[test]
    fn names_come_from_paths() {
        assert_eq!(stem("a/b.prompt.md", ".prompt.md"), "b");
        assert_eq!(stem("a/B.MD", ".md"), "B");
        assert_eq!((stem(".md", ".md"), folder("a/b/c.md"), folder("c.md")), (".md", Some("b"), None));
        assert_eq!((variable("My-Name x"), variable("1a")), ("my_name_x".to_string(), "_1a".to_string()));
    }

    #[test]
    fn code_is_found_in_lists_and_quotes() {
        let text = "a\n\n- b\n\n  ```sh\n  c\n  ```\n\n> ```\n> d\n> ```\n";
        let doc = parse(text);
        let blocks = code_blocks(&doc);
        assert_eq!(blocks.iter().map(|(_, i)| *i).collect::<Vec<_>>(), ["sh", ""]);
        assert!(inside(&blocks, text.find('c').unwrap()) && inside(&blocks, text.find('d').unwrap()));
        assert!(!inside(&blocks, 0));
    }
}
