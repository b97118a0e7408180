//! Reads a snippet as sh and bash do, to know in which quotes each placeholder stands.
//!
//! The reader copies literal text unchanged and writes a quoted variable reference for each slot. Where sh and
//! bash would disagree, where a value would become part of the program, or where it loses its way, it refuses:
//! a refusal is a nuisance, a wrong guess is a hole. It knows the grammar of quotes and commands; what the
//! commands do with their words is in `reparse` and `programs`.

mod command;
mod expansion;
mod heredoc;
mod lists;
mod programs;
#[cfg(test)]
mod programs_tests;
mod reparse;
mod rules;
mod word;

use super::slot::{Piece, Shape, Slot, Snippet};
use super::snippet::{Options, Refusal, Var};

/// How deep substitutions and subshells may nest.
const MAX_DEPTH: usize = 60;
/// How many distinct placeholders one snippet may have.
const MAX_SLOTS: usize = 500;
/// Stands in a word's text for a slot.
const SLOT: char = '\u{FFFC}';
/// Stands in a word's text for something the shell expands.
const EXPANSION: char = '\u{FFFD}';

type Outcome<T> = Result<T, Refusal>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tok {
    Ch(char),
    Slot(usize),
}

/// Where a word stands; only an argument may become several words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Single,
}

/// One word as the shell sees it after removing quotes.
#[derive(Clone, Debug, Default)]
struct Word {
    text: String,
    /// Every slot in it, those inside `$(…)` too.
    slots: Vec<usize>,
    /// Whether any part was quoted.
    quoted: bool,
    /// Whether it holds an unquoted expansion, so that it may become no word or several.
    open: bool,
    /// Byte offset in `text` of the first unquoted `=` with nothing quoted before it.
    equals: Option<usize>,
}

/// The reader. `out` is the script so far; the other fields remember what must not come together.
struct Shell<'a> {
    toks: Vec<Tok>,
    at: usize,
    end: usize,
    line: usize,
    depth: usize,
    out: String,
    slots: &'a [Slot],
    options: Options<'a>,
    vars: Vec<Var>,
    bash: bool,
    /// Here-documents announced on the current line, in all open commands.
    pending: usize,
    /// A slot whose value is in a variable, a positional parameter or a loop.
    kept: Option<(usize, usize)>,
    /// A slot whose value is printed or fed to something's standard input.
    printed: Option<(usize, usize)>,
    /// Something that evaluates the content of variables: arithmetic, `[[`, code with expansions in it.
    evaluates: bool,
    /// An interpreter that reads its program from standard input.
    reads_program: bool,
    functions: bool,
    /// Whether the script sets variables itself.
    assigns: bool,
    /// A slot among the words of a command whose name is in a variable.
    unnamed: Option<(usize, usize)>,
}

/// The script for `snippet`, and the variables it reads. `bash` says whether `$'…'` may be used.
pub(super) fn fill(snippet: &Snippet, bash: bool, options: &Options<'_>) -> Outcome<(String, Vec<Var>)> {
    let mut toks = Vec::new();
    for piece in &snippet.pieces {
        match piece {
            Piece::Text(text) => toks.extend(text.chars().map(Tok::Ch)),
            Piece::Choice { short, .. } if options.short_options => toks.extend(short.chars().map(Tok::Ch)),
            Piece::Choice { long, .. } => toks.extend(long.chars().map(Tok::Ch)),
            Piece::Slot { index, .. } => toks.push(Tok::Slot(*index)),
        }
    }
    if snippet.slots.is_empty() {
        let text = toks.iter().filter_map(|t| if let Tok::Ch(c) = t { Some(*c) } else { None }).collect();
        return Ok((text, Vec::new()));
    }
    if let Some(slot) = snippet.slots.get(MAX_SLOTS) {
        let reason = format!("is one of more than {MAX_SLOTS}");
        return Err(Refusal { placeholder: slot.raw.clone(), line: 1, reason });
    }
    let end = toks.len();
    let mut shell = Shell {
        toks,
        at: 0,
        end,
        line: 1,
        depth: 0,
        out: String::new(),
        slots: &snippet.slots,
        options: *options,
        vars: Vec::new(),
        bash,
        pending: 0,
        kept: None,
        printed: None,
        evaluates: false,
        reads_program: false,
        functions: false,
        assigns: false,
        unnamed: None,
    };
    shell.commands(None)?;
    shell.verdict()?;
    Ok((shell.out, shell.vars))
}

impl Shell<'_> {
    /// Refuses what is harmless apart and a hole together.
    fn verdict(&self) -> Outcome<()> {
        let refuse = |at: (usize, usize), why: &str| Err(self.refusal(at.0, at.1, why));
        if let Some(at) = self.kept.filter(|_| self.evaluates) {
            return refuse(at, "is kept in a variable of a script that evaluates variables as code or arithmetic");
        }
        if let Some(at) = self.printed.or(self.kept).filter(|_| self.reads_program) {
            return refuse(at, "may reach an interpreter that reads its program from standard input");
        }
        if let Some(at) = self.unnamed.filter(|_| self.assigns || self.functions) {
            return refuse(at, "stands behind a command whose name the script computes");
        }
        match self.vars.first() {
            Some(var) if self.functions && self.evaluates => {
                let slot = self.slots.iter().position(|s| s.name == var.param).unwrap_or(0);
                refuse((slot, 1), "stands in a script whose functions evaluate their arguments")
            }
            _ => Ok(()),
        }
    }

    fn refusal(&self, slot: usize, line: usize, why: impl Into<String>) -> Refusal {
        let placeholder = self.slots.get(slot).map(|s| s.raw.clone()).unwrap_or_default();
        Refusal { placeholder, line, reason: why.into() }
    }

    fn refuse<T>(&self, slot: usize, why: impl Into<String>) -> Outcome<T> {
        Err(self.refusal(slot, self.line, why))
    }

    /// Refuses because of the text around the placeholders; names the next one, or the last.
    fn lost<T>(&self, why: &str) -> Outcome<T> {
        let ahead = self.toks.iter().skip(self.at).find_map(|t| if let Tok::Slot(s) = t { Some(*s) } else { None });
        self.refuse(ahead.unwrap_or(self.slots.len().saturating_sub(1)), format!("cannot be placed: {why}"))
    }

    fn peek(&self) -> Option<Tok> {
        self.ahead(0)
    }

    fn ahead(&self, n: usize) -> Option<Tok> {
        let at = self.at + n;
        if at < self.end { self.toks.get(at).copied() } else { None }
    }

    fn sees(&self, c: char) -> bool {
        self.peek() == Some(Tok::Ch(c))
    }

    fn sees_at(&self, n: usize, c: char) -> bool {
        self.ahead(n) == Some(Tok::Ch(c))
    }

    /// Copies the next character; slots are never copied this way.
    fn keep(&mut self) -> Option<char> {
        let Some(Tok::Ch(c)) = self.peek() else { return None };
        self.at += 1;
        self.line += usize::from(c == '\n');
        self.out.push(c);
        Some(c)
    }

    fn keep_n(&mut self, n: usize) {
        for _ in 0..n {
            self.keep();
        }
    }

    /// Copies a slot inside a comment as it was written, without its value.
    fn keep_comment(&mut self) {
        loop {
            match self.peek() {
                None | Some(Tok::Ch('\n')) => return,
                Some(Tok::Ch(_)) => {
                    self.keep();
                }
                Some(Tok::Slot(slot)) => {
                    self.at += 1;
                    let raw = self.slots.get(slot).map_or("", |s| s.raw.as_str());
                    self.out.push_str(&raw.replace(['\n', '\r'], " "));
                }
            }
        }
    }

    /// A newline inside quotes is trouble while here-documents wait for their bodies.
    fn keep_quoted(&mut self) -> Outcome<Option<char>> {
        if self.sees('\n') && self.pending > 0 {
            return self.lost("a quoted text goes over the line on which a here-document begins");
        }
        Ok(self.keep())
    }

    fn deeper(&mut self) -> Outcome<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.lost("the commands nest too deeply") } else { Ok(()) }
    }

    /// The environment names that carry a slot's value: one, or one for each word of a list.
    fn carriers(&mut self, slot: usize, leads: bool) -> Vec<String> {
        let Some(s) = self.slots.get(slot) else { return Vec::new() };
        let names: Vec<(Option<usize>, String)> = match s.shape {
            _ if self.options.bare_names => vec![(None, s.var.clone())],
            Shape::List => {
                let count = self.options.counts.get(&s.name).copied().unwrap_or(1);
                (1..=count).map(|n| (Some(n - 1), format!("fac_{}__{n}", s.var))).collect()
            }
            _ => vec![(None, format!("fac_{}", s.var))],
        };
        for (index, env) in &names {
            match self.vars.iter_mut().find(|v| v.env == *env) {
                Some(var) => var.leads |= leads,
                None => self.vars.push(Var { param: s.name.clone(), index: *index, env: env.clone(), leads }),
            }
        }
        names.into_iter().map(|(_, env)| env).collect()
    }

    /// Writes references as one quoted piece: `${a} ${b}`; the caller has opened double quotes.
    fn write_joined(&mut self, slot: usize, leads: bool) {
        let names = self.carriers(slot, leads);
        let refs: Vec<String> = names.iter().map(|n| format!("${{{n}}}")).collect();
        self.out.push_str(&refs.join(" "));
    }
}
