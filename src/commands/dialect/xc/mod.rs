//! xc: the tasks of a README, one heading each, under a heading `Tasks` or one marked `<!-- xc-heading -->`.
//!
//! Meaning and attributes are those of xc (joerdav/xc). Its parser goes line by line, ours follows CommonMark, so:
//!
//! * a `# comment` inside a fence before the section is no heading, and neither is a line over a table's rule;
//! * `~~~` fences, indented fences and blank lines inside scripts are kept (xc ignores the former, drops the latter);
//! * a task xc would refuse the whole file for (no script, two scripts, an unclosed fence, a second `Dir`) carries
//!   an error of its own and the others stay usable.
//!
//! Not imitated: tracing (`XC_TRACE`) and taking an input from the caller's environment. Cycles among the tasks
//! that are required are for whoever runs them to find.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use super::mask::source::{body, is_identifier, lines_of};
use super::{Parsed, SourceFile};
use crate::commands::model::{Command, Cwd, Diagnostic, Dialect, Param, ParamKind, Severity, Step, StepKind};
use crate::kernel::markdown::{Block, BlockKind, Code, Document, one_line, parse};

const MARK: &str = "<!-- xc-heading -->";

/// What stands around names and values without belonging to them.
const TRIM: [char; 7] = ['_', '*', '`', ' ', '\t', '\r', '\n'];

/// Reads the tasks of a README. A text without a section of tasks gives nothing.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let text = body(file.text);
    let doc = parse(&text);
    let Some(section) = section(&doc.blocks) else { return Parsed::default() };
    let mut out = Parsed::default();
    let blocks = section.blocks;
    let is_task = |b: &Block| matches!(b.kind, BlockKind::Heading { level, .. } if level == section.level + 1);
    let starts: Vec<usize> = (0..blocks.len()).filter(|&at| is_task(&blocks[at])).collect();
    let mut first: HashMap<String, usize> = HashMap::new();
    for (n, &at) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(blocks.len());
        let task = Task { text: &text, doc: &doc, heading: &blocks[at], body: &blocks[at + 1..end] };
        match task.read() {
            Some(mut command) => {
                command.origin.path = file.path.to_string();
                command.category = Some(section.title.clone());
                let line = blocks[at].line;
                let earlier = *first.entry(command.name.to_lowercase()).or_insert(line);
                if earlier != line {
                    let message = format!("`{}` is already defined on line {earlier}; xc runs that one", command.name);
                    command.diagnostics.push(Diagnostic::warning(line, 1, message));
                }
                out.commands.push(command);
            }
            None => out.diagnostics.push(Diagnostic::warning(blocks[at].line, 1, "this task has no name")),
        }
    }
    out
}

struct Section<'a> {
    title: String,
    level: u8,
    blocks: &'a [Block],
}

/// The first section that is marked or called Tasks, up to the next heading of its level or a higher one.
fn section(blocks: &[Block]) -> Option<Section<'_>> {
    let mut marked_line = None;
    for (at, block) in blocks.iter().enumerate() {
        match &block.kind {
            BlockKind::Html(html) if html.trim_end().ends_with(MARK) => marked_line = Some(block.end_line + 1),
            BlockKind::Heading { level, inlines } => {
                let title = one_line(inlines);
                if !title.eq_ignore_ascii_case("tasks") && marked_line != Some(block.line) {
                    continue;
                }
                let rest = &blocks[at + 1..];
                let ends = |b: &Block| matches!(b.kind, BlockKind::Heading { level: other, .. } if other <= *level);
                let len = rest.iter().position(ends).unwrap_or(rest.len());
                return Some(Section { title, level: *level, blocks: &rest[..len] });
            }
            _ => {}
        }
    }
    None
}

struct Task<'a> {
    text: &'a str,
    doc: &'a Document,
    heading: &'a Block,
    body: &'a [Block],
}

impl Task<'_> {
    fn read(&self) -> Option<Command> {
        let BlockKind::Heading { inlines, .. } = &self.heading.kind else { return None };
        let name = one_line(inlines).trim_matches(TRIM).to_string();
        if name.is_empty() {
            return None;
        }
        let mut command = Command::new(Dialect::Xc, name);
        command.cwd = Cwd::File;
        let last = self.body.last().map_or(self.heading.end_line, |b| b.end_line);
        command.origin.lines = (self.heading.line, last);
        command.text = lines_of(self.text, &self.doc.lines, self.heading.line, last).to_string();
        let mut found = Found::default();
        for block in self.body {
            match &block.kind {
                BlockKind::Paragraph(_) => self.paragraph(block, &mut found, &mut command),
                BlockKind::Code(code) => script(block, code, &mut command),
                _ => {}
            }
        }
        found.finish(&mut command);
        if command.steps.is_empty() && command.requires.is_empty() {
            let message = "the task has neither a script nor required tasks; xc refuses the whole file for it";
            command.diagnostics.push(Diagnostic::error(self.heading.line, 1, message));
        }
        Some(command)
    }

    /// Attribute lines are taken, other lines describe; the first paragraph that describes is the summary.
    fn paragraph(&self, block: &Block, found: &mut Found, command: &mut Command) {
        let mut words: Vec<&str> = Vec::new();
        for (at, line) in self.text.get(block.span.clone()).unwrap_or("").lines().enumerate() {
            if !found.attribute(line, block.line + at, command) {
                words.push(line.trim_matches(TRIM));
            }
        }
        if command.summary.is_empty() {
            command.summary = words.join(" ").trim().to_string();
        }
    }
}

/// Attributes that can only be judged together.
#[derive(Default)]
struct Found {
    inputs: Vec<(String, usize)>,
    dir: Option<String>,
}

impl Found {
    /// Takes `line` when it is an attribute xc knows, else says no.
    fn attribute(&mut self, line: &str, at: usize, command: &mut Command) -> bool {
        let Some((key, rest)) = line.split_once(':') else { return false };
        let value = rest.trim_matches(TRIM);
        let items = || rest.split(',').map(|v| v.trim_matches(TRIM)).filter(|v| !v.is_empty());
        match key.trim_matches(TRIM).to_ascii_lowercase().as_str() {
            "req" | "requires" => items().for_each(|item| require(item, at, command)),
            "env" | "environment" => items().for_each(|item| match item.split_once('=') {
                Some((name, value)) => command.env.push((name.trim().to_string(), value.trim().to_string())),
                None => command.diagnostics.push(Diagnostic::warning(at, 1, format!("`{item}` has no `=`"))),
            }),
            "inputs" => self.inputs.extend(items().map(|item| (item.to_string(), at))),
            "dir" | "directory" if self.dir.is_some() => {
                command.diagnostics.push(Diagnostic::error(at, 1, "the directory appears more than once"));
            }
            "dir" | "directory" => self.dir = Some(value.to_string()),
            "run" => known("Run", value, ["always", "once"], at, command),
            "rundeps" | "rundependencies" => known("RunDeps", value, ["sync", "async"], at, command),
            "interactive" => command.fields.push(("Interactive".to_string(), value.to_string())),
            _ => return false,
        }
        true
    }

    /// Inputs become parameters by position, `Env` with the same key their default; the folder is settled.
    fn finish(self, command: &mut Command) {
        let defaults: HashMap<String, String> = command.env.iter().cloned().collect();
        let mut seen = HashSet::new();
        for (name, line) in self.inputs {
            if !seen.insert(name.clone()) {
                command.diagnostics.push(Diagnostic::warning(line, 1, format!("input `{name}` is named twice")));
                continue;
            }
            if !is_identifier(&name) {
                let message = format!("`{name}` is no name that a shell script can read as a variable");
                command.diagnostics.push(Diagnostic::warning(line, 1, message));
            }
            let default = defaults.get(&name).cloned();
            let required = default.is_none();
            command.params.push(Param { var: name.clone(), name, required, default, ..Param::default() });
        }
        command.env.retain(|(key, _)| !seen.contains(key));
        if command.steps.iter().any(|s| uses_arguments(&s.text)) {
            let (name, kind) = ("args".to_string(), ParamKind::Rest);
            command.params.push(Param { var: name.clone(), name, kind, multiple: true, ..Param::default() });
        }
        command.cwd = match self.dir.as_deref() {
            None | Some("") => Cwd::File,
            Some("$PWD" | "${PWD}") => Cwd::Caller,
            Some(dir) => match dir.strip_prefix("$PWD/").or_else(|| dir.strip_prefix("${PWD}/")) {
                Some(below) => Cwd::Path(below.to_string()),
                None if dir.starts_with('/') => Cwd::Path(dir.to_string()),
                None => Cwd::Relative(dir.to_string()),
            },
        };
    }
}

fn require(item: &str, line: usize, command: &mut Command) {
    let words = shlex::split(item).unwrap_or_else(|| {
        command.diagnostics.push(Diagnostic::warning(line, 1, format!("`{item}` has an open quote")));
        item.split_whitespace().map(str::to_string).collect()
    });
    if !words.is_empty() {
        command.requires.push(words);
    }
}

/// `Run` and `RunDeps`: kept as fields, refused when they say something else.
fn known(label: &str, value: &str, values: [&str; 2], line: usize, command: &mut Command) {
    let said = value.to_ascii_lowercase();
    if !values.contains(&said.as_str()) {
        let message = format!("`{label}` says `{value}`; it can be `{}` or `{}`", values[0], values[1]);
        command.diagnostics.push(Diagnostic::error(line, 1, message));
    }
    command.fields.push((label.to_string(), said));
}

/// The first fence is the script; another one is an error, as in xc.
fn script(block: &Block, code: &Code, command: &mut Command) {
    if let Some(step) = command.steps.first() {
        let message = format!("a task has one script, and this one begins on line {}", step.line);
        return command.diagnostics.push(Diagnostic::error(block.line, 1, message));
    }
    if code.text.trim().is_empty() {
        return;
    }
    if !code.closed {
        command.diagnostics.push(Diagnostic::error(block.line, 1, "this fence is never closed"));
    }
    if !code.fenced {
        let message = "older versions of xc do not take an indented block for a script";
        command.diagnostics.push(Diagnostic::new(Severity::Info, block.line, 1, message));
    }
    let mut step = Step::new("script", StepKind::Script, "sh", code.text.clone());
    step.line = code.content_line;
    match code.text.lines().find(|l| !l.trim().is_empty()).and_then(|l| l.strip_prefix("#!")) {
        Some(line) => {
            step.lang = interpreter(line);
            step.options.insert("shebang".to_string(), line.trim().to_string());
        }
        None => {
            step.options.insert("prelude".to_string(), "set -e".to_string());
        }
    }
    command.steps.push(step);
}

/// The program a `#!` line names, without its folder and without `env`.
fn interpreter(line: &str) -> String {
    let base = |word: &str| word.rsplit('/').next().unwrap_or(word).to_string();
    let mut words = line.split_whitespace();
    let first = words.next().map(base).unwrap_or_default();
    if first != "env" {
        return first;
    }
    words.find(|w| !w.starts_with('-') && !w.contains('=')).map(base).unwrap_or(first)
}

/// Whether a script reads its arguments: `$1`, `${1`, `$@`, `$*`, `$#`.
fn uses_arguments(text: &str) -> bool {
    let asks = |rest: &str| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.starts_with(['1', '2', '3', '4', '5', '6', '7', '8', '9', '@', '*', '#'])
    };
    text.match_indices('$').any(|(at, _)| asks(&text[at + 1..]))
}
