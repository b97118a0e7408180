//! mask: a `maskfile.md` in which every heading below the title is a command and its fence the script.
//!
//! Grammar and traps are those of mask 0.11.7 (jacobdeichert/mask), checked against its own `--introspect`. Four
//! things are done differently, each with a diagnostic where it matters:
//!
//! * front matter is skipped (mask takes it for a heading and finds no commands at all);
//! * `bash {name=foo}` runs with `bash` (mask looks for a program of that whole name); the info string as
//!   written is kept in the step's option `info`;
//! * a parent's name is taken off a child's only at a word's end, and a heading shallower than the first of its
//!   group still counts (mask would cut `test` to `est` under the title `t`, and lose the heading);
//! * a fence for Windows shells is used, for `windows` only, where there is no other.
//!
//! It deliberately does not know how interpreters are called, nor `MASK` and `MASKFILE_DIR`: the runner does.

mod options;
pub(super) mod source;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::source::{body, is_identifier, lines_of};
use super::{Parsed, SourceFile};
use crate::commands::model::{Command, Cwd, Diagnostic, Dialect, Param, ParamKind, Severity, Step, StepKind};
use crate::kernel::markdown::{Block, BlockKind, Code, Document, Inline, one_line, parse};

/// Reads a maskfile. A heading without a script is no command; its name begins those of its children, and its
/// description stands in their field `Group`.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let text = body(file.text);
    let doc = parse(&text);
    let mut reader = Reader { file, doc: &doc, out: Parsed::default(), first: HashMap::new(), path: Vec::new() };
    if matches!(text, std::borrow::Cow::Owned(_)) {
        reader.note(1, Severity::Info, "front matter is skipped; mask itself would find no commands in this file");
    }
    let mut sections = sections(&doc.blocks);
    if let Some(line) = sections.stopped_at {
        reader.note(line, Severity::Info, "mask stops reading at this second heading of level 1");
    }
    reader.path.push(Ancestor { level: 1, local: sections.title.clone(), full: String::new(), help: String::new() });
    for section in sections.found.drain(..) {
        reader.section(&section);
    }
    reader.out
}

/// A heading and the blocks up to the next one.
struct Section<'a> {
    level: u8,
    heading: &'a Block,
    inlines: &'a [Inline],
    body: &'a [Block],
}

struct Sections<'a> {
    title: String,
    found: Vec<Section<'a>>,
    stopped_at: Option<usize>,
}

/// The title and every section below it, up to a second heading of level 1.
fn sections(blocks: &[Block]) -> Sections<'_> {
    let mut out = Sections { title: String::new(), found: Vec::new(), stopped_at: None };
    for (at, heading) in blocks.iter().enumerate() {
        let BlockKind::Heading { level, inlines } = &heading.kind else { continue };
        if *level == 1 {
            if !out.found.is_empty() {
                out.stopped_at = Some(heading.line);
                break;
            }
            out.title = signature(&tail(inlines)).name;
            continue;
        }
        let rest = &blocks[at + 1..];
        let len = rest.iter().position(|b| matches!(b.kind, BlockKind::Heading { .. })).unwrap_or(rest.len());
        out.found.push(Section { level: *level, heading, inlines, body: &rest[..len] });
    }
    out
}

struct Ancestor {
    level: u8,
    local: String,
    full: String,
    help: String,
}

struct Reader<'a, 'f> {
    file: &'a SourceFile<'f>,
    doc: &'a Document,
    out: Parsed,
    first: HashMap<String, usize>,
    path: Vec<Ancestor>,
}

impl<'a> Reader<'a, '_> {
    fn note(&mut self, line: usize, severity: Severity, message: &str) {
        self.out.diagnostics.push(Diagnostic::new(severity, line, 1, message));
    }

    fn section(&mut self, section: &Section<'a>) {
        let line = section.heading.line;
        while self.path.len() > 1 && self.path.last().is_some_and(|a| a.level >= section.level) {
            self.path.pop();
        }
        let signature = signature(&tail(section.inlines));
        let local = self.path.iter().fold(signature.name.clone(), |name, a| without_prefix(name, &a.local));
        let (full, category, group) = match self.path.last() {
            Some(parent) if !parent.full.is_empty() => {
                (format!("{} {local}", parent.full), parent.full.clone(), parent.help.clone())
            }
            Some(title) => (local.clone(), title.local.clone(), String::new()),
            None => (local.clone(), String::new(), String::new()),
        };
        let mut found = Body::default();
        found.gather(section.body);
        self.path.push(Ancestor { level: section.level, local, full: full.clone(), help: found.help.clone() });
        if signature.name.is_empty() {
            return self.note(line, Severity::Warning, "this heading has no name, so nothing under it can be called");
        }
        let Some(step) = script(&mut found) else { return };
        let mut command = Command::new(Dialect::Mask, full);
        command.category = Some(category).filter(|c| !c.is_empty());
        command.summary = found.help;
        if !group.is_empty() {
            command.fields.push(("Group".to_string(), group));
        }
        if matches!(step.lang.as_str(), "powershell" | "batch" | "cmd") {
            command.platforms.push("windows".to_string());
        }
        command.steps.push(step);
        command.params = params(&signature, found.flags, line, &mut found.diagnostics);
        command.diagnostics = found.diagnostics;
        command.cwd = Cwd::Caller;
        let last = section.body.last().map_or(section.heading.end_line, |b| b.end_line);
        command.text = lines_of(self.file.text, &self.doc.lines, line, last).to_string();
        command.origin.path = self.file.path.to_string();
        command.origin.lines = (line, last);
        let earlier = *self.first.entry(command.name.clone()).or_insert(line);
        if earlier != line {
            let message = format!("`{}` is already defined on line {earlier}; mask runs that one", command.name);
            command.diagnostics.push(Diagnostic::warning(line, 1, message));
        }
        self.out.commands.push(command);
    }
}

/// What stands under a heading.
#[derive(Default)]
struct Body<'a> {
    help: String,
    fences: Vec<(&'a Block, &'a Code)>,
    flags: Vec<Param>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Body<'a> {
    fn gather(&mut self, blocks: &'a [Block]) {
        let mut after_options = false;
        for block in blocks {
            match &block.kind {
                BlockKind::Code(code) => self.fences.push((block, code)),
                BlockKind::Quote(inner) => {
                    self.help = last_words(inner);
                    self.gather(inner);
                }
                BlockKind::List { items, .. } if after_options => {
                    self.flags.extend(options::read(items, &mut self.diagnostics));
                }
                BlockKind::List { items, .. } => items.iter().for_each(|item| self.gather(&item.blocks)),
                _ => {}
            }
            after_options = matches!(&block.kind, BlockKind::Paragraph(words) if tail(words) == "OPTIONS");
        }
    }
}

/// The last paragraph of a quote on one line, code spans in their backquotes.
fn last_words(blocks: &[Block]) -> String {
    let last = blocks.iter().rev().find_map(|b| match &b.kind {
        BlockKind::Paragraph(words) => Some(words),
        _ => None,
    });
    let Some(words) = last else { return String::new() };
    let quoted: Vec<Inline> = words
        .iter()
        .map(|i| if let Inline::Code(code) = i { Inline::Text(format!("`{code}`")) } else { i.clone() })
        .collect();
    one_line(&quoted)
}

/// The script: the last fence that is not for Windows, else the last one for Windows.
fn script(found: &mut Body<'_>) -> Option<Step> {
    let windows = |info: &str| matches!(info, "powershell" | "batch" | "cmd");
    let filled = |(_, code): &&(&Block, &Code)| !code.text.is_empty() || !code.info.is_empty();
    let (block, code) = found
        .fences
        .iter()
        .filter(filled)
        .rfind(|(_, c)| !windows(&c.info))
        .or_else(|| found.fences.iter().rfind(filled))?;
    let same_kind =
        |other: &&(&Block, &Code)| windows(&other.1.info) == windows(&code.info) && other.0.line != block.line;
    for (ignored, _) in found.fences.iter().filter(same_kind) {
        let message = format!("only the last script counts; the one on line {} is ignored", ignored.line);
        found.diagnostics.push(Diagnostic::warning(ignored.line, 1, message));
    }
    let lang = code.info.split([' ', '\t', '{']).next().unwrap_or("").to_string();
    if lang.is_empty() {
        let message = "the fence names no language, so mask has no program to run it with";
        found.diagnostics.push(Diagnostic::warning(block.line, 1, message));
    } else if lang != code.info {
        let message = format!("mask would look for a program called `{}`; `{lang}` is used", code.info);
        found.diagnostics.push(Diagnostic::warning(block.line, 1, message));
    }
    if code.fenced && !code.closed {
        found.diagnostics.push(Diagnostic::warning(block.line, 1, "this fence is never closed"));
    }
    let mut step = Step::new("script", StepKind::Script, lang, code.text.clone());
    step.line = code.content_line;
    if step.lang != code.info {
        step.options.insert("info".to_string(), code.info.clone());
    }
    Some(step)
}

/// Required arguments, then optional ones, then flags, then `--verbose`, as mask binds them.
fn params(signature: &Signature, flags: Vec<Param>, line: usize, diagnostics: &mut Vec<Diagnostic>) -> Vec<Param> {
    let mut out = Vec::new();
    for (names, required) in [(&signature.required, true), (&signature.optional, false)] {
        for name in names {
            if !is_identifier(name) {
                diagnostics.push(Diagnostic::warning(line, 1, options::unreadable(name)));
            }
            out.push(Param { name: name.clone(), var: name.clone(), required, ..Param::default() });
        }
    }
    out.extend(flags);
    if !out.iter().any(|p| p.var == "verbose") {
        out.push(Param {
            name: "verbose".to_string(),
            var: "verbose".to_string(),
            kind: ParamKind::Flag,
            short: Some('v'),
            help: "Sets the level of verbosity".to_string(),
            ..Param::default()
        });
    }
    out
}

/// A heading taken apart.
struct Signature {
    name: String,
    required: Vec<String>,
    optional: Vec<String>,
}

/// `name (required) [optional]`. As in mask, whatever is not in parentheses counts as optional when a `[` was
/// used anywhere, so `[x] more` gives `x` and `more`.
fn signature(text: &str) -> Signature {
    let at = text.find(['(', '[']).unwrap_or(text.len());
    let (name, args) = text.split_at(at);
    let pick = |marks: [char; 2], other: char| -> Vec<String> {
        args.split(marks).map(str::trim).filter(|a| !a.is_empty() && !a.contains(other)).map(str::to_string).collect()
    };
    Signature { name: name.trim().to_string(), required: pick(['(', ')'], '['), optional: pick(['[', ']'], '(') }
}

/// The text since the last piece of markup began, which is all that mask keeps of a heading: `` `a` **b** [c](u) ``
/// is `c`.
fn tail(inlines: &[Inline]) -> String {
    fn push(inlines: &[Inline], out: &mut String) {
        for inline in inlines {
            match inline {
                Inline::Text(text) | Inline::Html(text) => out.push_str(text),
                Inline::Code(code) => {
                    out.push('`');
                    out.push_str(code);
                    out.push('`');
                }
                Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Strike(inner) => {
                    out.clear();
                    push(inner, out);
                }
                Inline::Link { children, .. } | Inline::Image { children, .. } => {
                    out.clear();
                    push(children, out);
                }
                Inline::SoftBreak | Inline::HardBreak => {}
            }
        }
    }
    let mut out = String::new();
    push(inlines, &mut out);
    out
}

/// `services start` under `services` is `start`.
fn without_prefix(name: String, parent: &str) -> String {
    match name.strip_prefix(parent) {
        Some(rest) if !parent.is_empty() && rest.starts_with(char::is_whitespace) => rest.trim().to_string(),
        _ => name,
    }
}
