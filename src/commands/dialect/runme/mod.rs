//! runme: the code blocks of any Markdown file as cells, named by attributes in the info string.
//!
//! [`read`] takes cells with attributes, which is what detection finds; [`read_all`] also takes plain ones that can
//! run, for a README somebody asked for. Names are the same in both. Done as runme does: attributes, front matter
//! (shell, cwd, tag, skipPrompts), folders relative to the file, names from the first words of the first command,
//! the paragraph before a cell as its summary, mermaid ignored, `export X=…` as prompts unless `promptEnv` says no.
//! Done differently:
//!
//! * in a block with `$ ` prompts, printed output does not run (see `transcript`);
//! * a language runme does not know gives an entry that cannot run, where runme would `cat` it;
//! * a block without a language, and an indented one, runs only when its first line begins with `$ `;
//! * comments are passed over when a name is made.
//!
//! `interactive`, `background` and the other attributes stand in the step's options; it does not act on them.

mod attributes;
mod prompts;
#[cfg(test)]
mod tests;
mod transcript;

use std::collections::HashMap;

use self::attributes::Info;
use super::front_matter::{self, FrontMatter};
use super::mask::source::{body, lines_of};
use super::{Parsed, SourceFile, slug};
use crate::commands::model::{Command, Cwd, Diagnostic, Dialect, Severity, Step, StepKind};
use crate::kernel::markdown::{Block, BlockKind, Code, Document, one_line, parse};

/// Reads the cells that have attributes.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    cells_of(file, |cell| cell.has_attributes())
}

/// Reads the cells that have attributes and those that can run, for plain files on request.
pub fn read_all(file: &SourceFile<'_>) -> Parsed {
    cells_of(file, |cell| cell.has_attributes() || cell.lang.is_some())
}

fn cells_of(file: &SourceFile<'_>, wanted: impl Fn(&Cell<'_>) -> bool) -> Parsed {
    let front = front_matter::split(file.text);
    let text = body(file.text);
    let doc = parse(&text);
    let mut finder = Finder { text: &text, heading: None, cells: Vec::new() };
    finder.blocks(&doc.blocks);
    let cells = finder.cells;
    let (names, repeated) = names(&cells);
    let maker = Maker { file, doc: &doc, front: &front };
    let mut out = Parsed { commands: Vec::new(), diagnostics: front.diagnostics.clone() };
    for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| wanted(cell)) {
        let mut command = maker.command(cell, &names[at]);
        if let Some(line) = repeated.get(&at) {
            let message = format!("another cell is already called so on line {line}; this one is `{}`", command.name);
            command.diagnostics.push(Diagnostic::warning(cell.block.line, 1, message));
        }
        out.commands.push(command);
    }
    out
}

/// A block of code and where it stands.
struct Cell<'a> {
    block: &'a Block,
    code: &'a Code,
    info: Info,
    /// The language it runs in; `None` when it cannot run.
    lang: Option<String>,
    heading: Option<String>,
    intro: String,
    /// What runs, and how many lines of output were left out.
    script: (String, usize),
}

impl Cell<'_> {
    fn has_attributes(&self) -> bool {
        !self.info.attributes.is_empty()
    }

    /// The first line that is a command.
    fn first_line(&self) -> &str {
        let mut lines = self.script.0.lines().map(str::trim).filter(|l| !l.is_empty());
        lines.clone().find(|l| !l.starts_with('#')).or_else(|| lines.next()).unwrap_or("")
    }
}

struct Finder<'a> {
    text: &'a str,
    heading: Option<String>,
    cells: Vec<Cell<'a>>,
}

impl<'a> Finder<'a> {
    fn blocks(&mut self, blocks: &'a [Block]) {
        let mut intro = String::new();
        for block in blocks {
            match &block.kind {
                BlockKind::Heading { inlines, .. } => self.heading = Some(one_line(inlines)),
                BlockKind::List { items, .. } => items.iter().for_each(|item| self.blocks(&item.blocks)),
                BlockKind::Quote(inner) => self.blocks(inner),
                BlockKind::Code(code) => self.code(block, code, std::mem::take(&mut intro)),
                _ => {}
            }
            intro = match &block.kind {
                BlockKind::Paragraph(inlines) => one_line(inlines).trim_end_matches(':').trim_end().to_string(),
                _ => String::new(),
            };
        }
    }

    fn code(&mut self, block: &'a Block, code: &'a Code, intro: String) {
        let first = self.text.get(block.span.clone()).and_then(|t| t.lines().next()).unwrap_or("");
        let written = if code.fenced { first.trim_start().trim_start_matches(['`', '~']) } else { "" };
        let info = attributes::read(written);
        let known = language(&info.lang);
        if known == Language::Ignored {
            return;
        }
        let prompted =
            code.text.lines().find(|l| !l.trim().is_empty()).is_some_and(|l| transcript::prompt(l).is_some());
        let lang = match known {
            Language::Shell if info.lang.eq_ignore_ascii_case("shell") => Some("sh".to_string()),
            Language::Shell | Language::Program => Some(info.lang.to_ascii_lowercase()),
            Language::None if prompted => Some("sh".to_string()),
            _ => info.get("interpreter").and_then(program),
        };
        let is_shell = known == Language::Shell || (known == Language::None && prompted);
        let script = if is_shell { transcript::runnable(&code.text) } else { (code.text.clone(), 0) };
        self.cells.push(Cell { block, code, info, lang, heading: self.heading.clone(), intro, script });
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Language {
    Shell,
    Program,
    None,
    Unknown,
    Ignored,
}

/// What runme would do with a language.
fn language(lang: &str) -> Language {
    match lang.to_ascii_lowercase().as_str() {
        "" => Language::None,
        "mermaid" => Language::Ignored,
        "sh" | "bash" | "zsh" | "ksh" | "shell" | "fish" => Language::Shell,
        "bat" | "cmd" | "pwsh" | "powershell" | "js" | "javascript" | "jsx" | "ts" | "typescript" | "tsx" | "py"
        | "python" | "rb" | "ruby" | "php" | "perl" | "pl" | "lua" | "clj" | "clojure" | "rs" | "rust" => {
            Language::Program
        }
        _ => Language::Unknown,
    }
}

/// The program of an interpreter that may have arguments.
fn program(interpreter: &str) -> Option<String> {
    interpreter.split_whitespace().next().map(str::to_string)
}

/// A name for each cell: written ones first, then those made of commands; and which written ones repeat a line.
fn names(cells: &[Cell<'_>]) -> (Vec<String>, HashMap<usize, usize>) {
    let (mut names, mut repeated) = (vec![String::new(); cells.len()], HashMap::new());
    let mut given = Names::default();
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (at, cell) in cells.iter().enumerate() {
        if let Some(name) = cell.info.get("name").map(str::trim).filter(|n| !n.is_empty()) {
            names[at] = given.unique(name);
            let line = *first.entry(name).or_insert(cell.block.line);
            if line != cell.block.line {
                repeated.insert(at, line);
            }
        }
    }
    for (at, cell) in cells.iter().enumerate().filter(|(_, c)| c.info.get("name").is_none_or(|n| n.trim().is_empty())) {
        names[at] = given.unique(&generated(cell.first_line()));
    }
    (names, repeated)
}

/// Names given out, with the number to try next, so that a thousand equal cells stay cheap.
#[derive(Default)]
struct Names {
    taken: HashMap<String, usize>,
}

impl Names {
    fn unique(&mut self, name: &str) -> String {
        let Some(number) = self.taken.get(name).copied() else {
            self.taken.insert(name.to_string(), 2);
            return name.to_string();
        };
        let free = (number..).find(|n| !self.taken.contains_key(&format!("{name}-{n}"))).unwrap_or(number);
        let candidate = format!("{name}-{free}");
        self.taken.insert(name.to_string(), free + 1);
        self.taken.insert(candidate.clone(), 2);
        candidate
    }
}

/// runme's way to a name: what stands before a `=`, at most 32 characters, its first two words.
fn generated(line: &str) -> String {
    let line = line.split_once('=').filter(|(before, _)| !before.is_empty()).map_or(line, |(before, _)| before);
    let short: String = line.chars().take(32).collect();
    let words: Vec<String> = short
        .split_whitespace()
        .take(2)
        .map(|w| w.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect())
        .collect();
    let name = words.iter().filter(|w| !w.is_empty()).cloned().collect::<Vec<_>>().join("-");
    let name = if name.is_empty() { slug(&short) } else { name };
    if name.is_empty() { "cell".to_string() } else { name }
}

struct Maker<'a, 'f> {
    file: &'a SourceFile<'f>,
    doc: &'a Document,
    front: &'a FrontMatter<'a>,
}

impl Maker<'_, '_> {
    fn command(&self, cell: &Cell<'_>, name: &str) -> Command {
        let mut command = Command::new(Dialect::Runme, name);
        let (first, last) = (cell.block.line, cell.block.end_line);
        command.origin.path = self.file.path.to_string();
        command.origin.lines = (first, last);
        command.text = lines_of(self.file.text, &self.doc.lines, first, last).to_string();
        command.summary = if cell.intro.is_empty() { cell.first_line().to_string() } else { cell.intro.clone() };
        let tag = ["category", "tag"].iter().find_map(|key| cell.info.get(key).map(str::to_string));
        let tag = tag.or_else(|| self.front.text("category")).or_else(|| self.front.text("tag"));
        command.category = tag.or_else(|| cell.heading.clone());
        command.cwd = self.folder(cell);
        if cell.code.fenced && !cell.code.closed {
            command.diagnostics.push(Diagnostic::warning(first, 1, "this fence is never closed"));
        }
        match &cell.lang {
            Some(lang) => self.step(cell, lang, &mut command),
            None => {
                let message = match cell.info.lang.as_str() {
                    "" => "the cell names no language, so it cannot run".to_string(),
                    lang => format!("`{lang}` is no language that can run; runme would only print the cell"),
                };
                command.diagnostics.push(Diagnostic::warning(first, 1, message));
                command.fields = cell.info.attributes.iter().filter(|(k, _)| k != "name").cloned().collect();
            }
        }
        command
    }

    fn step(&self, cell: &Cell<'_>, lang: &str, command: &mut Command) {
        let (mut text, dropped) = cell.script.clone();
        let line = cell.block.line;
        if dropped > 0 {
            let message = format!("{dropped} lines are taken for printed output and do not run");
            command.diagnostics.push(Diagnostic::new(Severity::Info, line, 1, message));
        }
        let is_shell = matches!(language(lang), Language::Shell);
        if is_shell && self.asks(cell) {
            (text, command.params) = prompts::take(&text);
        }
        let mut step = Step::new("cell", StepKind::Script, lang, text);
        step.line = cell.code.content_line;
        let kept = cell.info.attributes.iter().filter(|(k, _)| k != "name" && k != "cwd");
        step.options = kept.cloned().collect();
        let shell = self.front.text("shell").filter(|_| is_shell);
        if let Some(interpreter) = step.options.get("interpreter").cloned().or(shell) {
            step.lang = program(&interpreter).unwrap_or(step.lang);
            step.options.insert("interpreter".to_string(), interpreter);
        }
        command.steps.push(step);
    }

    /// Whether `export` lines are prompts: yes, unless the cell or the front matter says no.
    fn asks(&self, cell: &Cell<'_>) -> bool {
        match cell.info.get("promptEnv").map(str::to_ascii_lowercase).as_deref() {
            Some("false" | "no" | "0" | "never") => false,
            Some(_) => true,
            None => self.front.truth("skipPrompts") != Some(true),
        }
    }

    /// The cell's folder below the front matter's below the file's.
    fn folder(&self, cell: &Cell<'_>) -> Cwd {
        let parts = [self.front.text("cwd"), cell.info.get("cwd").map(str::to_string)];
        let mut path = String::new();
        for part in parts.into_iter().flatten().filter(|p| !p.is_empty()) {
            if part.starts_with('/') || path.is_empty() {
                path = part;
            } else {
                path = format!("{}/{part}", path.trim_end_matches('/'));
            }
        }
        match path.as_str() {
            "" => Cwd::File,
            absolute if absolute.starts_with('/') => Cwd::Path(path),
            _ => Cwd::Relative(path),
        }
    }
}
