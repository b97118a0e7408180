//! Lists of commands: where a command begins and ends, reserved words, redirections.

use super::heredoc::Heredoc;
use super::lists::{EVALUATED, EVALUATED_BEGINS, EVALUATED_ENDS};
use super::{EXPANSION, Outcome, Place, SLOT, Shell, Tok, Word};

/// What the next word of a compound command is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    #[default]
    Command,
    CaseSubject,
    CaseIn,
    Pattern,
    LoopName,
    LoopIn,
    LoopList,
    FunctionName,
    Condition,
}

/// One list of commands between its ends.
#[derive(Default)]
struct Frame {
    words: Vec<Word>,
    expect: Expect,
    cases: usize,
    heredocs: Vec<Heredoc>,
    slots: Vec<usize>,
}

impl Shell<'_> {
    /// Reads commands up to `close` (not taken) or to the end; returns the slots in them.
    pub(super) fn commands(&mut self, close: Option<char>) -> Outcome<Vec<usize>> {
        self.deeper()?;
        let mut frame = Frame::default();
        while let Some(tok) = self.peek() {
            match tok {
                Tok::Ch(')') if frame.expect == Expect::Pattern => {
                    self.keep();
                    frame.expect = Expect::Command;
                }
                Tok::Ch(')') if frame.expect == Expect::Condition => {
                    self.keep();
                }
                Tok::Ch(')') if close == Some(')') => break,
                Tok::Ch(')') => return self.lost("a parenthesis closes nothing"),
                Tok::Ch(' ' | '\t') => {
                    self.keep();
                }
                Tok::Ch('\\') if self.sees_at(1, '\n') => {
                    self.keep();
                    self.keep_quoted()?;
                }
                Tok::Ch('\n') => self.newline(&mut frame)?,
                Tok::Ch('#') => self.keep_comment(),
                Tok::Ch('(') => self.parenthesis(&mut frame)?,
                Tok::Ch(';' | '&' | '|') => self.operator(&mut frame)?,
                Tok::Ch('<' | '>') if !self.sees_at(1, '(') => self.redirect(&mut frame)?,
                _ => {
                    let word = self.word(Place::Argument)?;
                    self.placed(word, &mut frame)?;
                }
            }
        }
        if close.is_some() && self.peek().is_none() {
            return self.lost("a parenthesis is not closed");
        }
        self.command_ends(&mut frame)?;
        if !frame.heredocs.is_empty() {
            return self.lost("a here-document has no body");
        }
        if frame.cases > 0 || frame.expect == Expect::Condition {
            return self.lost("a `case` or `[[` is not closed");
        }
        self.depth -= 1;
        Ok(frame.slots)
    }

    fn newline(&mut self, frame: &mut Frame) -> Outcome<()> {
        if self.pending != frame.heredocs.len() {
            return self.lost("a here-document begins on a line that a substitution continues");
        }
        self.keep();
        let docs = std::mem::take(&mut frame.heredocs);
        let slots = self.bodies(docs)?;
        if let Some(slot) = slots.first() {
            self.printed = self.printed.or(Some((*slot, self.line)));
        }
        frame.slots.extend(slots);
        if frame.expect != Expect::Condition {
            self.command_ends(frame)?;
        }
        Ok(())
    }

    fn operator(&mut self, frame: &mut Frame) -> Outcome<()> {
        if self.sees('&') && self.sees_at(1, '>') {
            return self.redirect(frame);
        }
        let double = self.sees(';') && (self.sees_at(1, ';') || self.sees_at(1, '&'));
        self.keep_n(1 + usize::from(double));
        if frame.expect == Expect::Condition {
            return Ok(());
        }
        let pattern = frame.expect == Expect::Pattern;
        self.command_ends(frame)?;
        if (double && frame.cases > 0) || pattern {
            frame.expect = Expect::Pattern;
        }
        Ok(())
    }

    /// A command is complete: what it does with its words is looked at.
    fn command_ends(&mut self, frame: &mut Frame) -> Outcome<()> {
        let words = std::mem::take(&mut frame.words);
        if !words.is_empty() {
            self.inspect(&words)?;
        }
        if matches!(frame.expect, Expect::LoopList | Expect::LoopName | Expect::FunctionName) {
            frame.expect = Expect::Command;
        }
        Ok(())
    }

    fn parenthesis(&mut self, frame: &mut Frame) -> Outcome<()> {
        match frame.expect {
            Expect::Pattern | Expect::Condition => {
                self.keep();
                return Ok(());
            }
            Expect::LoopName if self.sees_at(1, '(') => {
                frame.expect = Expect::LoopIn;
                return self.arithmetic();
            }
            _ => {}
        }
        if let [name] = frame.words.as_slice()
            && self.sees_at(1, ')')
        {
            if let Some(slot) = name.slots.first() {
                return self.refuse(*slot, "is the name of a function");
            }
            self.keep_n(2);
            self.functions = true;
            frame.words.clear();
            frame.expect = Expect::Command;
            return Ok(());
        }
        if !frame.words.is_empty() {
            return self.lost("an opening parenthesis follows a word");
        }
        if self.sees_at(1, '(') {
            return self.arithmetic();
        }
        self.keep();
        let slots = self.commands(Some(')'))?;
        self.keep();
        frame.slots.extend(slots);
        Ok(())
    }

    /// A redirection and its target; the next token is its first character.
    fn redirect(&mut self, frame: &mut Frame) -> Outcome<()> {
        if frame.expect == Expect::Condition {
            self.keep();
            return Ok(());
        }
        let mut sign = String::new();
        while let Some(Tok::Ch(c @ ('<' | '>' | '&' | '|' | '-'))) = self.peek()
            && (sign.is_empty() || joins(&sign, c))
        {
            sign.push(c);
            self.keep();
        }
        if sign == "<<" || sign == "<<-" {
            let doc = self.announce(sign == "<<-")?;
            frame.heredocs.push(doc);
            return Ok(());
        }
        while self.sees(' ') || self.sees('\t') {
            self.keep();
        }
        if self.peek().is_none_or(|t| matches!(t, Tok::Ch('\n' | ';' | '&' | '|' | '(' | ')'))) {
            return self.lost("a redirection has no target");
        }
        let target = self.word(Place::Single)?;
        if sign == "<<<"
            && let Some(slot) = target.slots.first()
        {
            self.printed = self.printed.or(Some((*slot, self.line)));
        }
        frame.slots.extend(target.slots);
        Ok(())
    }

    /// Puts a word where the grammar has it.
    fn placed(&mut self, word: Word, frame: &mut Frame) -> Outcome<()> {
        frame.slots.extend(&word.slots);
        let literal = if word.quoted || !word.slots.is_empty() { "" } else { word.text.as_str() };
        match frame.expect {
            Expect::Condition => {
                if let Some(slot) = word.slots.first() {
                    return self.refuse(*slot, "stands in `[[ … ]]`, which may evaluate its operands");
                }
                if literal == "]]" {
                    frame.expect = Expect::Command;
                }
            }
            Expect::Pattern if literal == "esac" => self.esac(frame),
            Expect::Pattern => {}
            Expect::CaseSubject => frame.expect = Expect::CaseIn,
            Expect::CaseIn if literal == "in" => (frame.expect, frame.cases) = (Expect::Pattern, frame.cases + 1),
            Expect::CaseIn => return self.lost("a `case` has no `in`"),
            Expect::LoopName => {
                self.assigns = true;
                if let Some(slot) = word.slots.first() {
                    return self.refuse(*slot, "is the name of a variable");
                }
                frame.expect = Expect::LoopIn;
            }
            Expect::LoopIn if literal == "in" => frame.expect = Expect::LoopList,
            Expect::LoopIn => {
                frame.expect = Expect::Command;
                return self.command_word(word, frame);
            }
            Expect::LoopList => {
                if let Some(slot) = word.slots.first() {
                    self.kept = self.kept.or(Some((*slot, self.line)));
                }
            }
            Expect::FunctionName => {
                if let Some(slot) = word.slots.first() {
                    return self.refuse(*slot, "is the name of a function");
                }
                self.functions = true;
                frame.expect = Expect::Command;
                if self.sees('(') && self.sees_at(1, ')') {
                    self.keep_n(2);
                }
            }
            Expect::Command => return self.command_word(word, frame),
        }
        Ok(())
    }

    fn esac(&mut self, frame: &mut Frame) {
        frame.cases = frame.cases.saturating_sub(1);
        frame.expect = Expect::Command;
    }

    fn command_word(&mut self, word: Word, frame: &mut Frame) -> Outcome<()> {
        let file_number = !word.text.is_empty()
            && !word.quoted
            && word.text.bytes().all(|b| b.is_ascii_digit())
            && (self.sees('<') || self.sees('>'));
        if file_number {
            return Ok(());
        }
        if frame.words.is_empty() && !word.quoted && word.slots.is_empty() {
            match word.text.as_str() {
                "if" | "then" | "else" | "elif" | "do" | "while" | "until" | "!" | "{" | "time" | "coproc" | "fi"
                | "done" | "}" => return Ok(()),
                "case" => {
                    frame.expect = Expect::CaseSubject;
                    return Ok(());
                }
                "esac" if frame.cases > 0 => {
                    self.esac(frame);
                    return Ok(());
                }
                "for" | "select" => {
                    frame.expect = Expect::LoopName;
                    return Ok(());
                }
                "function" => {
                    frame.expect = Expect::FunctionName;
                    return Ok(());
                }
                "[[" => {
                    self.evaluates = true;
                    frame.expect = Expect::Condition;
                    return Ok(());
                }
                _ => {}
            }
        }
        if frame.words.is_empty()
            && let Some(slot) = word.slots.first()
            && is_assignment_of_slot(&word)
        {
            return self.refuse(*slot, "stands on the left of an assignment");
        }
        if frame.words.is_empty() && is_assignment(&word) {
            return self.assignment(&word);
        }
        frame.words.push(word);
        Ok(())
    }

    fn assignment(&mut self, word: &Word) -> Outcome<()> {
        self.assigns = true;
        self.evaluated_name(word)?;
        if let Some(slot) = word.slots.first() {
            self.kept = self.kept.or(Some((*slot, self.line)));
        }
        Ok(())
    }

    /// Refuses `NAME=…` with a slot where programs run or load what is in `NAME`.
    pub(super) fn evaluated_name(&self, word: &Word) -> Outcome<()> {
        let Some(slot) = word.slots.first() else { return Ok(()) };
        let name = word.text.split(['=', '+', '[']).next().unwrap_or("");
        let ends = |e: &str| name.ends_with(e);
        let begins = |b: &str| name.starts_with(b);
        if EVALUATED.contains(&name)
            || EVALUATED_ENDS.iter().any(|e| ends(e))
            || EVALUATED_BEGINS.iter().any(|b| begins(b))
        {
            return self.refuse(*slot, format!("becomes the value of `{name}`, which programs run or load"));
        }
        Ok(())
    }
}

/// `name=…`, `name+=…` or `name[…]=…`, all of it before the sign unquoted.
fn is_assignment(word: &Word) -> bool {
    let Some(at) = word.equals else { return false };
    let left = word.text[..at].trim_end_matches('+');
    let name = left.split('[').next().unwrap_or("");
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The same with a slot in the name.
fn is_assignment_of_slot(word: &Word) -> bool {
    word.equals.is_some_and(|at| {
        let left = &word.text[..at];
        left.contains(SLOT)
            && left.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '[' | ']' | SLOT | EXPANSION))
    })
}

/// Whether `c` continues the redirection sign `sign`.
fn joins(sign: &str, c: char) -> bool {
    matches!((sign, c), ("<", '<' | '>' | '&') | (">", '>' | '&' | '|') | ("&", '>') | ("&>", '>') | ("<<", '<' | '-'))
}
