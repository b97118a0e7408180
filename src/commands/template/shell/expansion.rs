//! What begins with `$` or a backquote.

use super::{EXPANSION, Outcome, Shell, Tok, Word};

impl Shell<'_> {
    /// `$…`; the next token is the dollar. `inside` says whether it stands in double quotes or a here-document.
    pub(super) fn dollar(&mut self, word: &mut Word, inside: bool) -> Outcome<()> {
        word.open |= !inside;
        match self.ahead(1) {
            Some(Tok::Slot(slot)) => self.refuse(slot, "is the name of a variable"),
            Some(Tok::Ch('(')) if self.sees_at(2, '(') => {
                self.keep();
                word.text.push(EXPANSION);
                self.arithmetic()
            }
            Some(Tok::Ch('(')) => {
                self.keep_n(2);
                self.nested(word)
            }
            Some(Tok::Ch('{')) => {
                self.keep_n(2);
                word.text.push(EXPANSION);
                self.braces(inside)
            }
            Some(Tok::Ch('\'')) if !inside => {
                self.keep();
                if !self.bash {
                    word.text.push('$');
                }
                self.single(word, true)
            }
            Some(Tok::Ch(c)) if c.is_ascii_alphabetic() || c == '_' => {
                self.keep_n(2);
                while let Some(Tok::Ch(c)) = self.peek()
                    && (c.is_ascii_alphanumeric() || c == '_')
                {
                    self.keep();
                }
                word.text.push(EXPANSION);
                Ok(())
            }
            Some(Tok::Ch('@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9')) => {
                self.keep_n(2);
                word.text.push(EXPANSION);
                Ok(())
            }
            _ => {
                self.keep();
                word.text.push('$');
                Ok(())
            }
        }
    }

    /// The commands of `$(…)` or `<(…)`, whose opening parenthesis was copied.
    pub(super) fn nested(&mut self, word: &mut Word) -> Outcome<()> {
        let slots = self.commands(Some(')'))?;
        self.keep();
        word.text.push(EXPANSION);
        word.slots.extend(slots);
        Ok(())
    }

    /// `((…))`; the next token is the first parenthesis. No slot may stand in it.
    pub(super) fn arithmetic(&mut self) -> Outcome<()> {
        self.evaluates = true;
        let (mut open, mut last_close) = (0_usize, None);
        loop {
            match self.peek() {
                None => return self.lost("arithmetic is not closed"),
                Some(Tok::Slot(slot)) => {
                    return self.refuse(slot, "stands in arithmetic, which evaluates its operands");
                }
                Some(Tok::Ch('(')) => open += 1,
                Some(Tok::Ch(')')) => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        self.keep();
                        if last_close.is_none_or(|at| at + 2 != self.at) {
                            return self.lost("`((` may be arithmetic or two subshells");
                        }
                        return Ok(());
                    }
                    last_close = Some(self.at);
                }
                Some(Tok::Ch('\'' | '"' | '`' | '\\' | '#' | '{' | ';')) => {
                    if !self.plain_arithmetic() {
                        return self.lost("arithmetic holds quotes, comments or commands");
                    }
                }
                Some(_) => {}
            }
            self.keep_quoted()?;
        }
    }

    /// Whether a special character inside arithmetic is of the harmless kind: `16#ff`, `for ((;;))`, `$#`, `${x}`.
    fn plain_arithmetic(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.toks.get(at)).copied();
        match (self.peek(), before) {
            (Some(Tok::Ch(';')), _) => true,
            (Some(Tok::Ch('#')), Some(Tok::Ch(c))) => c.is_ascii_digit() || matches!(c, '$' | '{'),
            (Some(Tok::Ch('{')), Some(Tok::Ch(c))) => c == '$',
            _ => false,
        }
    }

    /// `${…}`, whose opening brace was copied. No slot may stand in it.
    fn braces(&mut self, inside: bool) -> Outcome<()> {
        let mut content = String::new();
        let mut scratch = Word::default();
        loop {
            match self.peek() {
                None => return self.lost("`${` is not closed"),
                Some(Tok::Slot(slot)) => return self.refuse(slot, "stands in `${…}`"),
                Some(Tok::Ch('}')) => {
                    self.keep();
                    self.evaluates |= evaluating(&content);
                    return Ok(());
                }
                Some(Tok::Ch('\\')) => {
                    if let Some(Tok::Slot(slot)) = self.ahead(1) {
                        return self.refuse(slot, "stands in `${…}`");
                    }
                    self.keep();
                    self.keep_quoted()?;
                }
                Some(Tok::Ch('\'')) if inside => return self.lost("shells differ on a quote in `\"${…}\"`"),
                Some(Tok::Ch('\'')) => self.single(&mut scratch, false)?,
                Some(Tok::Ch('"')) if inside => return self.lost("shells differ on a quote in `\"${…}\"`"),
                Some(Tok::Ch('"')) => self.double(&mut scratch)?,
                Some(Tok::Ch('$')) => {
                    self.deeper()?;
                    self.dollar(&mut scratch, inside)?;
                    self.depth -= 1;
                }
                Some(Tok::Ch('`')) => self.backquote(&mut scratch, inside)?,
                Some(Tok::Ch(c)) => {
                    content.push(c);
                    self.keep_quoted()?;
                }
            }
            if let Some(slot) = scratch.slots.first() {
                return self.refuse(*slot, "stands in `${…}`");
            }
        }
    }

    /// `` `…` ``; the next token is the opening backquote. Slots are filled only where the text inside means
    /// what it says: outside quotes and without backslashes, which a backquote reads a second time.
    pub(super) fn backquote(&mut self, word: &mut Word, inside: bool) -> Outcome<()> {
        let start = self.at + 1;
        let mut close = start;
        let (mut slot, mut escapes) = (None, false);
        loop {
            match self.toks.get(close).filter(|_| close < self.end) {
                None => return self.lost("a backquote is not closed"),
                Some(Tok::Ch('`')) => break,
                Some(Tok::Ch('\\')) => {
                    escapes = true;
                    close += 1;
                }
                Some(Tok::Slot(s)) => slot = slot.or(Some(*s)),
                Some(Tok::Ch(_)) => {}
            }
            close += 1;
        }
        if close >= self.end {
            return self.lost("a backquote is not closed");
        }
        if let Some(slot) = slot.filter(|_| inside || escapes) {
            return self.refuse(slot, "stands in backquotes that are read twice; `$(…)` would do");
        }
        self.keep();
        let outer = self.end;
        self.end = close;
        if slot.is_some() {
            word.slots.extend(self.commands(None)?);
        } else {
            while self.peek().is_some() {
                self.keep_quoted()?;
            }
        }
        self.end = outer;
        self.keep();
        word.text.push(EXPANSION);
        word.open |= !inside;
        Ok(())
    }
}

/// Whether `${content}` does more than insert a value: indirection, subscripts, substrings, `@P`.
fn evaluating(content: &str) -> bool {
    let name_end = content.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(content.len());
    let rest = &content[name_end..];
    content.starts_with('!')
        || rest.starts_with(['[', '@'])
        || (rest.starts_with(':') && !rest[1..].starts_with(['-', '=', '+', '?']))
}
