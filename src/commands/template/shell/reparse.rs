//! What commands do with their words: those that read one as a program, again as shell text, or as the name of
//! a variable whose subscript bash evaluates.
//!
//! A value in such a word would be code, so the slot is refused, also where it is the whole word: the value may
//! come from a message or a web hook, and "run any text" is not what filling a placeholder means. Words that a
//! program only executes or opens (`sudo x`, `xargs x`, `find -exec x`, `ssh HOST`) stay words and are allowed, and
//! so is data for languages that cannot start programs (jq, regular expressions). SQL is none of them: its command
//! lines know `.shell`, `\!` and `COPY … TO PROGRAM`.

use super::lists::{CARRIERS, HOSTS};
use super::programs::names_interpreter;
use super::rules::{Operands, RULES, Rule, UNNAMED};
use super::{EXPANSION, Outcome, SLOT, Shell, Word};

/// How many names of one command are looked at, so that a line of interpreters takes no quadratic time.
const MAX_LOOKS: usize = 50;

impl Shell<'_> {
    /// Looks at the words of one command.
    pub(super) fn inspect(&mut self, words: &[Word]) -> Outcome<()> {
        let Some(first) = words.first() else { return Ok(()) };
        let carried =
            first.text.contains([SLOT, EXPANSION]) || self.names(first).iter().any(|n| CARRIERS.contains(&n.as_str()));
        if first.text.contains(EXPANSION) && first.text.chars().all(|c| matches!(c, EXPANSION | SLOT)) {
            self.apply(&UNNAMED, "$…", &words[1..])?;
            let slot = words.iter().find_map(|w| w.slots.first().copied());
            self.unnamed = self.unnamed.or(slot.map(|s| (s, self.line)));
        }
        for (at, word) in words.iter().enumerate().filter(|(_, w)| w.text.contains('=')) {
            self.evaluated_name(word)?;
            if let Some(slot) = word.slots.first().filter(|_| names_variable(word) && names_interpreter(&words[at..])) {
                return self.refuse(*slot, "may be the name of a variable that an interpreter runs");
            }
        }
        let hosted = self.names(first).iter().any(|n| HOSTS.contains(&n.as_str()));
        let mut looks = 0;
        for (at, word) in words.iter().enumerate() {
            for name in self.names(word) {
                for rule in RULES.iter().filter(|r| r.names.contains(&name.as_str())) {
                    if at == 0 || carried || hosted || rule.anywhere {
                        looks += 1;
                        if looks > MAX_LOOKS {
                            return self.lost("the command names too many interpreters");
                        }
                        self.apply(rule, &name, &words[at + 1..])?;
                    }
                }
                if at == 0 || (carried && at <= MAX_LOOKS) {
                    self.builtin(&name, &words[at + 1..])?;
                } else if hosted && at <= MAX_LOOKS {
                    self.program(&name, &words[at + 1..])?;
                }
            }
        }
        self.xargs_into_code(words);
        Ok(())
    }

    /// The command names a word may stand for: the last part of its path, or a slot's example and choices. What is
    /// expanded may be empty, so `$a"sh"` counts as `sh`.
    fn names(&self, word: &Word) -> Vec<String> {
        let base = |t: &str| t.rsplit('/').next().unwrap_or("").to_string();
        if let ([slot], true) = (word.slots.as_slice(), word.text.chars().eq([SLOT])) {
            return self.slots.get(*slot).map(|s| s.raw.split(['|', ' ']).map(base).collect()).unwrap_or_default();
        }
        vec![base(&word.text.replace([SLOT, EXPANSION], ""))]
    }

    fn apply(&mut self, rule: &Rule, name: &str, words: &[Word]) -> Outcome<()> {
        let mut state = Reading { code_given: false, next: Next::Option, operands: 0, shell: false };
        let mut program = String::new();
        let mut shifted = false;
        for word in words {
            let code = state.is_code(rule, word) || shifted;
            // An unquoted expansion may vanish or bring options, and then the next word is in its place.
            shifted |=
                word.open && (rule.operands != Operands::Data || !rule.code.is_empty() || !rule.code_long.is_empty());
            if code {
                if let Some(slot) = word.slots.first() {
                    return self.refuse(*slot, format!("would become program text for `{name}`"));
                }
                self.evaluates |= word.text.contains(EXPANSION);
                program.push_str(&word.text);
                program.push('\n');
            } else if state.code_given
                && evaluates_arguments(&program)
                && let Some(slot) = word.slots.first()
            {
                return self
                    .refuse(*slot, format!("is an argument of a program for `{name}` that evaluates its arguments"));
            }
        }
        // `bash <(echo x)`, `. /dev/stdin` and `sh -s x` read one too.
        let handed = |w: &Word| {
            (w.text.contains(EXPANSION) && !w.slots.is_empty()) || w.text.starts_with("/dev/") || w.text == "-s"
        };
        let none = !state.code_given && state.operands == usize::from(rule.operands == Operands::Remote);
        self.reads_program |= rule.fed || (rule.stdin && (none || words.iter().any(handed)));
        Ok(())
    }

    fn builtin(&mut self, name: &str, words: &[Word]) -> Outcome<()> {
        let slot = words.iter().find_map(|w| w.slots.first().copied());
        let expands = words.iter().any(|w| w.text.contains(EXPANSION));
        match name {
            "read" | "unset" | "mapfile" | "readarray" | "wait" => match slot {
                // A name from outside may carry a subscript, which bash evaluates.
                Some(slot) => self.refuse(slot, format!("stands where `{name}` takes the name of a variable")),
                None => {
                    (self.evaluates, self.assigns) = (self.evaluates | expands, true);
                    Ok(())
                }
            },
            "declare" | "typeset" | "local" | "readonly" | "export" => self.declaration(name, words),
            "test" | "[" => self.test(words),
            "printf" => self.printf(words, slot),
            "echo" | "cat" => {
                self.printed = self.printed.or(slot.map(|s| (s, self.line)));
                Ok(())
            }
            "set" => {
                self.assigns = true;
                self.kept = self.kept.or(slot.map(|s| (s, self.line)));
                Ok(())
            }
            "alias" => {
                (self.functions, self.evaluates) = (true, true);
                Ok(())
            }
            _ => self.program(name, words),
        }
    }

    fn declaration(&mut self, name: &str, words: &[Word]) -> Outcome<()> {
        let options = words.iter().any(|w| w.text.starts_with(['-', '+']));
        self.assigns = true;
        self.evaluates |= options && name != "export" && name != "readonly";
        for word in words {
            let Some(slot) = word.slots.first() else { continue };
            let right = word.text.split_once('=').is_some_and(|(left, _)| !left.contains(SLOT));
            if !right || options || word.equals.is_none() {
                return self.refuse(*slot, format!("stands where `{name}` takes the name of a variable or a list"));
            }
            self.kept = self.kept.or(Some((*slot, self.line)));
        }
        Ok(())
    }

    /// `test -v NAME` evaluates subscripts; two values side by side could be `-v` and a name.
    fn test(&mut self, words: &[Word]) -> Outcome<()> {
        let mut risky = false;
        for word in words {
            let leads = word.text.starts_with(SLOT);
            if let Some(slot) = word.slots.first().filter(|_| risky) {
                return self.refuse(*slot, "stands where `test` may take the name of a variable");
            }
            risky = leads || matches!(word.text.as_str(), "-v" | "-R");
        }
        Ok(())
    }

    /// `printf -vNAME` sets a variable, so a value may not be the first word.
    fn printf(&mut self, words: &[Word], slot: Option<usize>) -> Outcome<()> {
        let mut rest = words.iter();
        let mut first = rest.next();
        if first.is_some_and(|w| w.text == "--") {
            first = None;
        }
        match first {
            Some(w) if w.text.starts_with("-v") => match slot {
                Some(slot) => self.refuse(slot, "stands behind `printf -v`"),
                None => Ok(()),
            },
            Some(w) if w.text.starts_with(SLOT) => {
                self.refuse(w.slots.first().copied().unwrap_or(0), "is the format of `printf`, which may be an option")
            }
            _ => {
                self.printed = self.printed.or(slot.map(|s| (s, self.line)));
                Ok(())
            }
        }
    }

    /// `… | xargs -I{} sh -c 'x {}'` puts lines of its input into a program.
    fn xargs_into_code(&mut self, words: &[Word]) {
        let has = |n: &[&str]| words.iter().any(|w| n.contains(&w.text.rsplit('/').next().unwrap_or("")));
        if has(&["xargs", "parallel"])
            && has(&["sh", "bash", "dash", "zsh", "eval", "ssh", "perl", "python", "python3", "awk", "sed"])
        {
            self.reads_program = true;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Option,
    Code,
    CodeAfterOperand,
    Data,
}

/// Where reading the words of one command is.
struct Reading {
    code_given: bool,
    next: Next,
    operands: usize,
    shell: bool,
}

impl Reading {
    /// Whether `word` is program text, and what that says about the next.
    fn is_code(&mut self, rule: &Rule, word: &Word) -> bool {
        let text = word.text.as_str();
        let dash = text.len() > 1 && text.starts_with('-') && text != "--";
        match self.next {
            // `sh -c -e -o pipefail -- CODE`: options and marks may stand between, the program is still to come.
            Next::Code if rule.code.contains('c') && text.starts_with(['-', '+']) => {
                self.next = if text.ends_with(['o', 'O']) { Next::CodeAfterOperand } else { Next::Code };
                return true;
            }
            Next::CodeAfterOperand => {
                self.next = Next::Code;
                return true;
            }
            Next::Code => {
                (self.next, self.code_given) = (Next::Option, true);
                return true;
            }
            Next::Data => {
                self.next = Next::Option;
                return false;
            }
            _ => {}
        }
        if dash && !(rule.operands == Operands::Remote && self.operands > 1) {
            return self.option(rule, text);
        }
        if text == "--" {
            return rule.operands == Operands::Code;
        }
        self.operands += usize::from(text != "-");
        match rule.operands {
            Operands::Data => false,
            Operands::Code => true,
            Operands::FirstIsCode => !std::mem::replace(&mut self.code_given, true),
            Operands::Remote => {
                self.code_given |= self.operands > 1;
                self.operands > 1
            }
            Operands::AfterShell if self.shell => true,
            Operands::AfterShell => {
                self.shell = text == "shell";
                false
            }
        }
    }

    fn option(&mut self, rule: &Rule, text: &str) -> bool {
        if rule.operands == Operands::Code || self.shell {
            return true;
        }
        let long = text.trim_start_matches('-').split('=').next().unwrap_or("");
        // Options may be shortened, and `-TTx` and `-exx` carry their operands themselves.
        let named = |c: &str| {
            c == long || (long.len() > 2 && c.starts_with(long)) || (long.contains(SLOT) && long.starts_with(c))
        };
        if rule.code_long.iter().any(|c| named(c)) {
            self.code_given = true;
            if !text.contains('=') {
                (self.next, self.code_given) = (Next::Code, false);
            }
            return true;
        }
        if text.starts_with("--") {
            self.code_given |= rule.operands == Operands::FirstIsCode && long == "file";
            return false;
        }
        for (at, letter) in text.char_indices().skip(1) {
            let last = at + letter.len_utf8() == text.len();
            if letter == SLOT {
                return !rule.code.is_empty();
            }
            if rule.code.contains(letter) {
                self.code_given = true;
                if last || letter == 'c' {
                    (self.next, self.code_given) = (Next::Code, false);
                }
                return true;
            }
            if rule.takes.contains(letter) {
                self.code_given |= letter == 'f' && rule.operands == Operands::FirstIsCode;
                if last {
                    self.next = Next::Data;
                }
                return false;
            }
        }
        false
    }
}

/// Whether the left side of `…=…` is a slot, as in `env {{name}}={{value}}`.
fn names_variable(word: &Word) -> bool {
    word.text.split_once('=').is_some_and(|(left, _)| left.contains(SLOT) && !left.contains('-'))
}

/// Whether a shell program evaluates what is in its arguments.
fn evaluates_arguments(program: &str) -> bool {
    ["eval", "((", "[[", "$[", "let ", "exec", "sh -c", "source", "declare", "read "]
        .iter()
        .any(|w| program.contains(w))
}
