//! JAEGIS: catalogues of slash commands without bodies, in the three shapes found in the wild.
//!
//! A, a heading `` ### `/name` `` with bold fields and lists under any label; B, `bash` fences in which every line
//! is `/name [args]  # help`; C, `yaml` fences whose entries have `command: "/name"`. All become reference
//! entries without steps. Where a name repeats (whatever its case) the first entry is kept and a warning names the
//! other. It does not know how an entry is bound to something that runs.

mod registry;
mod section;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use self::signature::{params, split_call};
use super::mask::source::{body, lines_of};
use super::{Parsed, SourceFile};
use crate::commands::model::{Command, Diagnostic, Dialect};
use crate::kernel::markdown::{Block, BlockKind, Code, Document, Inline, Item, one_line, parse};

/// Reads a catalogue in any of its shapes, entries in the order of the file.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let text = body(file.text);
    let doc = parse(&text);
    let mut reader = Reader {
        file,
        doc: &doc,
        out: Parsed::default(),
        seen: HashMap::new(),
        headings: Vec::new(),
        aliases: Vec::new(),
    };
    reader.blocks(&doc.blocks);
    reader.give_aliases();
    reader.out
}

struct Reader<'a, 'f> {
    file: &'a SourceFile<'f>,
    doc: &'a Document,
    out: Parsed,
    /// Lower-case name to the line and place of its entry.
    seen: HashMap<String, (usize, usize)>,
    headings: Vec<(u8, String)>,
    /// Alias, what it stands for, line.
    aliases: Vec<(String, String, usize)>,
}

impl Reader<'_, '_> {
    fn blocks(&mut self, blocks: &[Block]) {
        let mut skip = 0;
        for (at, block) in blocks.iter().enumerate().filter(|(_, b)| !matches!(b.kind, BlockKind::Html(_))) {
            if at < skip {
                continue;
            }
            match &block.kind {
                BlockKind::Heading { level, inlines } => {
                    self.headings.retain(|(other, _)| other < level);
                    let title = one_line(inlines);
                    let rest = &blocks[at + 1..];
                    let ends = |b: &Block| match &b.kind {
                        BlockKind::Heading { level: other, .. } => other <= level,
                        other => matches!(other, BlockKind::Rule),
                    };
                    if split_call(&title).is_some() {
                        let len = rest.iter().position(ends).unwrap_or(rest.len());
                        self.section(block, &title, &rest[..len]);
                        skip = at + 1 + len;
                    } else {
                        self.headings.push((*level, title));
                    }
                }
                BlockKind::List { items, .. } => items.iter().for_each(|item| self.alias(item)),
                BlockKind::Code(code) if code.fenced => self.fence(code),
                _ => {}
            }
        }
    }

    /// Shape A.
    fn section(&mut self, heading: &Block, title: &str, blocks: &[Block]) {
        let Some((name, rest)) = split_call(title) else { return };
        let mut command = section::read(name, rest, blocks);
        command.category = self.headings.last().map(|(_, title)| title.clone());
        let last = blocks.last().map_or(heading.end_line, |b| b.end_line);
        self.add(command, heading.line, last);
    }

    fn fence(&mut self, code: &Code) {
        match code.info.split([' ', '\t', '{']).next().unwrap_or("").to_ascii_lowercase().as_str() {
            "bash" | "sh" | "shell" | "zsh" | "console" => self.slash_lines(code),
            "yaml" | "yml" => self.registry(code),
            _ => {}
        }
    }

    /// Shape B.
    fn slash_lines(&mut self, code: &Code) {
        let filled = || code.text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
        if !filled().all(|(_, line)| split_call(line).is_some()) {
            return;
        }
        for (at, line) in filled() {
            let comment = line.match_indices('#').find(|(n, _)| line[..*n].ends_with([' ', '\t']));
            let (call, help) = comment.map_or((line, ""), |(n, _)| (&line[..n], line[n + 1..].trim()));
            let Some((name, rest)) = split_call(call) else { continue };
            let mut command = Command::new(Dialect::Jaegis, name);
            command.params = params(rest);
            command.summary = help.to_string();
            command.category = self.headings.last().map(|(_, title)| title.clone());
            self.add(command, code.content_line + at, code.content_line + at);
        }
    }

    /// Shape C.
    fn registry(&mut self, code: &Code) {
        for entry in registry::entries(&code.text) {
            let Some((name, rest)) = split_call(&entry.call) else { continue };
            let mut command = Command::new(Dialect::Jaegis, name);
            command.params = params(rest);
            command.category = entry.group.or_else(|| self.headings.last().map(|(_, title)| title.clone()));
            let mut given = HashSet::from([name.to_string()]);
            for (key, value) in &entry.values {
                match (key.as_str(), value) {
                    ("command", _) | (_, Value::Null | Value::Object(_)) => {}
                    ("description", value) => command.summary = words(value),
                    ("aliases", Value::Array(items)) => {
                        let called = |v: &Value| words(v).trim_start_matches('/').split(' ').next().map(str::to_string);
                        let fresh =
                            items.iter().filter_map(called).filter(|a| !a.is_empty() && given.insert(a.clone()));
                        command.aliases.extend(fresh);
                    }
                    ("parameters", Value::String(text)) if text.trim().eq_ignore_ascii_case("none") => {}
                    ("parameters", Value::String(text)) => {
                        if command.params.is_empty() {
                            command.params = params(text);
                        }
                        command.fields.push((key.clone(), text.clone()));
                    }
                    _ => command.fields.push((key.clone(), words(value))),
                }
            }
            self.add(command, code.content_line + entry.lines.0, code.content_line + entry.lines.1);
        }
    }

    fn add(&mut self, mut command: Command, first: usize, last: usize) {
        if let Some((line, _)) = self.seen.get(&command.name.to_lowercase()) {
            let message = format!("`/{}` repeats the entry on line {line}, which is kept", command.name);
            return self.out.diagnostics.push(Diagnostic::warning(first, 1, message));
        }
        if command.name.contains(['{', '}']) {
            let message = format!("`/{}` stands for several commands and cannot be called as it is", command.name);
            command.diagnostics.push(Diagnostic::warning(first, 1, message));
        }
        command.text = lines_of(self.file.text, &self.doc.lines, first, last).to_string();
        command.origin.path = self.file.path.to_string();
        command.origin.lines = (first, last);
        self.seen.insert(command.name.to_lowercase(), (first, self.out.commands.len()));
        self.out.commands.push(command);
    }

    /// Keeps an item that says `` `/h` = `/help` ``.
    fn alias(&mut self, item: &Item) {
        let Some(BlockKind::Paragraph(inlines)) = item.blocks.first().map(|b| &b.kind) else { return };
        if let [Inline::Code(alias), Inline::Text(sign), Inline::Code(target), ..] = inlines.as_slice()
            && sign.trim() == "="
            && let (Some((alias, _)), Some((target, _))) = (split_call(alias), split_call(target))
        {
            self.aliases.push((alias.to_string(), target.to_string(), item.line));
        }
    }

    fn give_aliases(&mut self) {
        let mut given = HashSet::new();
        for (alias, target, line) in std::mem::take(&mut self.aliases) {
            match self.seen.get(&target.to_lowercase()) {
                Some((_, at)) if given.insert(alias.clone()) => self.out.commands[*at].aliases.push(alias),
                Some(_) => {
                    let message = format!("the alias `/{alias}` is given twice; the first stands");
                    self.out.diagnostics.push(Diagnostic::warning(line, 1, message));
                }
                None => {
                    let message = format!("`/{alias}` is an alias of `/{target}`, which this file does not define");
                    self.out.diagnostics.push(Diagnostic::warning(line, 1, message));
                }
            }
        }
    }
}

/// A value as words: text as it is, lists joined by commas.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
