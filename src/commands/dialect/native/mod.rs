//! The native format: front matter `factotum: 1`, a signature in a heading's code span, bold fields, fences as steps.
//!
//! It knows the format of the design page and nothing of trust, sources or running.

mod fields;
mod info;
mod meaning;
mod signature;
mod steps;

pub use info::{Info, parse as parse_info};
pub use signature::{Signature, parse as parse_signature, refused_name, variable};
pub use steps::{KNOWN_LANGUAGES, own_attributes, step_kind};

use super::{Parsed, SourceFile, front_matter};
use crate::commands::model::{Command, Diagnostic, Dialect, Origin, Severity};
use crate::commands::phrase;
use crate::kernel::duration::parse_ms;
use crate::kernel::markdown::{self, Block, BlockKind, Document, Inline, one_line};

/// What the front matter says for every definition of the file.
#[derive(Debug, Default)]
struct Defaults {
    name: Option<String>,
    description: Option<String>,
    shell: Option<String>,
    timeout_ms: Option<u64>,
}

/// Reads a native file.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let front = front_matter::split(file.text);
    let mut parsed = Parsed { commands: Vec::new(), diagnostics: front.diagnostics.clone() };
    let defaults = defaults(&front.values, &mut parsed.diagnostics);
    // The front matter is blanked, not cut, so that every line keeps its number.
    let blanked = blank_head(file.text, file.text.len() - front.body.len());
    let doc = markdown::parse(&blanked);
    let starts = definition_starts(&doc.blocks);
    if starts.is_empty() {
        whole_file(file, &doc, &defaults, &mut parsed);
    }
    for (number, start) in starts.iter().enumerate() {
        let end = section_end(&doc.blocks, start.block, starts.get(number + 1).map(|s| s.block));
        let mut command = definition(file, &doc, start, &doc.blocks[start.block + 1..end], &defaults);
        command.category = category(&doc.blocks[..start.block], start.level);
        parsed.commands.push(command);
    }
    stray_fences(&doc, &starts, &mut parsed);
    repeated_names(&mut parsed);
    parsed
}

fn blank_head(text: &str, bytes: usize) -> String {
    let head: String = text[..bytes].chars().filter(|c| *c == '\n').collect();
    // Line numbers are what matters; byte offsets into the file are not used by this adapter.
    head + &text[bytes..]
}

fn defaults(values: &serde_json::Map<String, serde_json::Value>, diagnostics: &mut Vec<Diagnostic>) -> Defaults {
    let text = |v: &serde_json::Value, key: &str| v.get(key).and_then(|v| v.as_str()).map(String::from);
    let own = serde_json::Value::Object(values.clone());
    let mut defaults =
        Defaults { name: text(&own, "name"), description: text(&own, "description"), ..Defaults::default() };
    if let Some(table) = own.get("defaults") {
        defaults.shell = text(table, "shell");
        if let Some(written) = table.get("timeout") {
            let written = written.as_str().map_or_else(|| written.to_string(), String::from);
            defaults.timeout_ms = parse_ms(&written);
            if defaults.timeout_ms.is_none() {
                let said = format!("the default timeout `{written}` is no length of time such as `10m`");
                diagnostics.push(Diagnostic::error(1, 1, said));
            }
        }
    }
    defaults
}

/// A heading that opens a definition.
struct Start {
    block: usize,
    level: u8,
    signature: String,
    after: String,
}

fn definition_starts(blocks: &[Block]) -> Vec<Start> {
    let mut starts = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let BlockKind::Heading { level, inlines } = &block.kind else { continue };
        let mut words = inlines.iter().skip_while(|i| matches!(i, Inline::Text(t) if t.trim().is_empty()));
        if let Some(Inline::Code(code)) = words.next() {
            let rest: Vec<Inline> = words.cloned().collect();
            let after = one_line(&rest).trim_start_matches([' ', '-', '–', '—', ':']).to_string();
            starts.push(Start { block: at, level: *level, signature: code.clone(), after });
        }
    }
    starts
}

/// The block after the last one of a definition: the next definition, or a heading of its level or higher.
fn section_end(blocks: &[Block], start: usize, next: Option<usize>) -> usize {
    let BlockKind::Heading { level: own, .. } = blocks[start].kind else { return start + 1 };
    let limit = next.unwrap_or(blocks.len());
    let closes = |b: &Block| matches!(b.kind, BlockKind::Heading { level, .. } if level <= own);
    blocks[start + 1..limit].iter().position(closes).map_or(limit, |at| start + 1 + at)
}

/// The nearest heading above that is no definition and stands higher than `level`, but not the title.
fn category(before: &[Block], level: u8) -> Option<String> {
    before.iter().rev().find_map(|b| match &b.kind {
        BlockKind::Heading { level: l, inlines } if *l > 1 && *l < level => Some(one_line(inlines)),
        _ => None,
    })
}

fn definition(file: &SourceFile<'_>, doc: &Document, start: &Start, body: &[Block], defaults: &Defaults) -> Command {
    let heading = &doc.blocks[start.block];
    let read = signature::parse(&start.signature);
    let mut command = Command::new(Dialect::Native, read.name);
    command.params = read.params;
    command.summary = start.after.clone();
    for (at, said, fatal) in read.problems {
        let severity = if fatal { Severity::Error } else { Severity::Warning };
        command.diagnostics.push(Diagnostic::new(severity, heading.line, at + 1, said));
    }
    if command.name.is_empty() {
        command.diagnostics.push(Diagnostic::error(heading.line, 1, "the signature has no name"));
    }
    fill(&mut command, file, (heading.line, heading.end_line), body, defaults);
    command
}

/// A file without a signature is one command, named by its front matter or its file.
fn whole_file(file: &SourceFile<'_>, doc: &Document, defaults: &Defaults, parsed: &mut Parsed) {
    if !doc.blocks.iter().any(|b| matches!(b.kind, BlockKind::Code(_))) {
        return;
    }
    let stem = file.path.rsplit('/').next().unwrap_or(file.path).trim_end_matches(".md");
    let name = defaults.name.as_deref().unwrap_or(stem).trim_start_matches('/');
    let mut command = Command::new(Dialect::Native, name);
    command.summary = defaults.description.clone().unwrap_or_default();
    fill(&mut command, file, (1, 1), &doc.blocks, defaults);
    parsed.commands.push(command);
}

fn fill(command: &mut Command, file: &SourceFile<'_>, first: (usize, usize), body: &[Block], defaults: &Defaults) {
    command.timeout_ms = defaults.timeout_ms;
    meaning::apply(&fields::gather(body), command);
    steps::gather(body, defaults.shell.as_deref(), command);
    let last = body.last().map_or(first.1, |b| b.end_line);
    command.origin = Origin { path: file.path.to_string(), lines: (first.0, last), ..Origin::default() };
    command.text = lines_of(file.text, first.0, last);
    let odd = phrase::diagnose(command);
    command.diagnostics.extend(odd);
    let own = command.name.clone();
    command.aliases.retain(|a| !a.is_empty() && *a != own);
}

/// Lines `first` to `last` (1-based, inclusive) of a text, unchanged.
pub fn lines_of(text: &str, first: usize, last: usize) -> String {
    text.split_inclusive('\n').skip(first.saturating_sub(1)).take((last + 1).saturating_sub(first)).collect()
}

/// Fences that belong to no definition would silently do nothing: say so.
fn stray_fences(doc: &Document, starts: &[Start], parsed: &mut Parsed) {
    let Some(first) = starts.first() else { return };
    let mut inside = vec![false; doc.blocks.len()];
    for (number, start) in starts.iter().enumerate() {
        let end = section_end(&doc.blocks, start.block, starts.get(number + 1).map(|s| s.block));
        inside[start.block..end].fill(true);
    }
    for (at, block) in doc.blocks.iter().enumerate() {
        if let BlockKind::Code(code) = &block.kind
            && !inside[at]
            && at > first.block
            && steps::step_kind(&info::parse(&code.info).lang).is_some()
        {
            let said = "this fence belongs to no command, so it never runs";
            parsed.diagnostics.push(Diagnostic::warning(block.line, 1, said));
        }
    }
}

fn repeated_names(parsed: &mut Parsed) {
    let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for command in &mut parsed.commands {
        let line = command.origin.lines.0;
        if let Some(first) = seen.insert(command.name.to_lowercase(), line) {
            seen.insert(command.name.to_lowercase(), first);
            let said = format!("`{}` was defined on line {first} already; the first one counts", command.name);
            command.diagnostics.push(Diagnostic::error(line, 1, said));
        }
    }
}

#[cfg(test)]
mod tests;
