//! One word: its quotes, and a reference for each slot in it as the quotes ask.

use super::{EXPANSION, Outcome, Place, SLOT, Shell, Tok, Word};

/// What the unquoted part of a word holds that gives a slot another meaning than its value.
#[derive(Default)]
struct Shape {
    /// A slot stands behind an unquoted `[` that is not closed yet.
    in_bracket: Option<usize>,
    bracket: bool,
    /// Unquoted `{` not closed yet, a slot among them, and whether `..` was seen.
    braces: usize,
    in_brace: Option<usize>,
    range: bool,
    /// `$[` is arithmetic in bash.
    arithmetic: bool,
}

impl Shell<'_> {
    /// Reads one word; the next token is its first.
    pub(super) fn word(&mut self, place: Place) -> Outcome<Word> {
        let mut word = Word::default();
        let mut shape = Shape::default();
        while let Some(tok) = self.peek() {
            match tok {
                Tok::Slot(slot) => self.bare_slot(slot, place, &mut word, &mut shape)?,
                Tok::Ch('<' | '>') if self.sees_at(1, '(') => {
                    self.keep_n(2);
                    self.nested(&mut word)?;
                }
                Tok::Ch(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')') => break,
                Tok::Ch('(') if self.array_opens(&word) => self.array(&mut word)?,
                Tok::Ch('(') => break,
                Tok::Ch('\\') => self.escape(&mut word)?,
                Tok::Ch('\'') => self.single(&mut word, false)?,
                Tok::Ch('"') => self.double(&mut word)?,
                Tok::Ch('$') => {
                    if self.sees_at(1, '[') {
                        shape.arithmetic = true;
                        self.evaluates = true;
                    }
                    self.dollar(&mut word, false)?;
                }
                Tok::Ch('`') => self.backquote(&mut word, false)?,
                Tok::Ch(c) => {
                    self.bare(c, &mut word, &mut shape)?;
                }
            }
        }
        Ok(word)
    }

    fn bare(&mut self, c: char, word: &mut Word, shape: &mut Shape) -> Outcome<()> {
        match c {
            '=' if word.equals.is_none() && !word.quoted => word.equals = Some(word.text.len()),
            '[' => shape.bracket = true,
            ']' => {
                if let Some(slot) = shape.in_bracket {
                    return self.refuse(slot, "is part of a pattern or an index in `[…]`");
                }
                (shape.bracket, shape.arithmetic) = (false, false);
            }
            '{' => shape.braces += 1,
            '.' if word.text.ends_with('.') => shape.range = true,
            '}' => {
                if let Some(slot) = shape.in_brace.filter(|_| shape.range && shape.braces > 0) {
                    return self.refuse(slot, "is part of a range in `{…}`, which the shell expands before variables");
                }
                shape.braces = shape.braces.saturating_sub(1);
                if shape.braces == 0 {
                    (shape.in_brace, shape.range) = (None, false);
                }
            }
            _ => {}
        }
        word.text.push(c);
        self.keep();
        Ok(())
    }

    fn bare_slot(&mut self, slot: usize, place: Place, word: &mut Word, shape: &mut Shape) -> Outcome<()> {
        if word.text.starts_with('~') && !word.quoted && !word.text.contains('/') {
            return self.refuse(slot, "is part of a `~name`, which the shell does not expand in a variable");
        }
        if shape.arithmetic {
            return self.refuse(slot, "stands in arithmetic, which evaluates its operands");
        }
        if shape.bracket {
            shape.in_bracket = Some(slot);
        }
        if shape.braces > 0 {
            shape.in_brace = Some(slot);
        }
        let first = word.text.is_empty() && !word.quoted;
        self.at += 1;
        let whole = first && self.word_ends();
        if whole && place == Place::Argument {
            let names = self.carriers(slot, true);
            let refs: Vec<String> = names.iter().map(|n| format!("\"${{{n}}}\"")).collect();
            self.out.push_str(&refs.join(" "));
        } else {
            self.out.push('"');
            self.write_joined(slot, first);
            self.out.push('"');
        }
        word.text.push(SLOT);
        word.slots.push(slot);
        Ok(())
    }

    fn word_ends(&self) -> bool {
        match self.peek() {
            None => true,
            Some(Tok::Slot(_)) => false,
            Some(Tok::Ch(c)) => matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')'),
        }
    }

    /// `\` and what it escapes.
    fn escape(&mut self, word: &mut Word) -> Outcome<()> {
        match self.ahead(1) {
            Some(Tok::Slot(slot)) => self.refuse(slot, "follows a backslash, which would escape only its first byte"),
            Some(Tok::Ch('\n')) => {
                self.keep();
                self.keep_quoted()?;
                Ok(())
            }
            Some(Tok::Ch(c)) => {
                self.keep_n(2);
                word.text.push(c);
                word.quoted = true;
                Ok(())
            }
            None => {
                self.keep();
                Ok(())
            }
        }
    }

    /// `'…'`, or `$'…'` when `ansi`; the next token is the opening quote.
    pub(super) fn single(&mut self, word: &mut Word, ansi: bool) -> Outcome<()> {
        let first = word.text.is_empty() && !word.quoted;
        self.keep();
        word.quoted = true;
        let mut empty = first;
        loop {
            match self.peek() {
                None => return self.lost("a single quote is not closed"),
                Some(Tok::Ch('\'')) => {
                    self.keep();
                    return Ok(());
                }
                Some(Tok::Ch('\\')) if ansi => match (self.bash, self.ahead(1)) {
                    (true, Some(Tok::Slot(slot))) => return self.refuse(slot, "follows a backslash in `$'…'`"),
                    (false, Some(Tok::Ch('\''))) => return self.lost("sh and bash read `$'…\\'…'` differently"),
                    (false, _) => {
                        self.keep();
                        word.text.push('\\');
                    }
                    (true, _) => {
                        self.keep_n(2);
                        word.text.push(EXPANSION);
                        word.open = true;
                    }
                },
                Some(Tok::Slot(slot)) if ansi && !self.bash => {
                    return self.refuse(slot, "stands in `$'…'`, which sh does not have");
                }
                Some(Tok::Slot(slot)) => {
                    self.at += 1;
                    self.out.push_str("'\"");
                    self.write_joined(slot, empty);
                    self.out.push_str(if ansi { "\"$'" } else { "\"'" });
                    word.text.push(SLOT);
                    word.slots.push(slot);
                }
                Some(Tok::Ch(c)) => {
                    self.keep_quoted()?;
                    word.text.push(c);
                }
            }
            empty = false;
        }
    }

    /// `"…"`; the next token is the opening quote.
    pub(super) fn double(&mut self, word: &mut Word) -> Outcome<()> {
        let mut empty = word.text.is_empty() && !word.quoted;
        self.keep();
        word.quoted = true;
        let mut arithmetic = false;
        loop {
            match self.peek() {
                None => return self.lost("a double quote is not closed"),
                Some(Tok::Ch('"')) => {
                    self.keep();
                    return Ok(());
                }
                Some(Tok::Slot(slot)) if arithmetic => {
                    return self.refuse(slot, "stands in arithmetic, which evaluates its operands");
                }
                Some(Tok::Ch('$')) if self.sees_at(1, '[') => {
                    (arithmetic, self.evaluates) = (true, true);
                    self.dollar(word, true)?;
                }
                Some(tok) => {
                    arithmetic &= tok != Tok::Ch(']');
                    self.double_part(tok, word, empty)?;
                }
            }
            empty = false;
        }
    }

    /// One token of a text in which only `$`, backquotes and backslashes are special.
    pub(super) fn double_part(&mut self, tok: Tok, word: &mut Word, leads: bool) -> Outcome<()> {
        match tok {
            Tok::Ch('\\') => match self.ahead(1) {
                Some(Tok::Slot(slot)) => self.refuse(slot, "follows a backslash, which would not reach its value"),
                Some(Tok::Ch(c)) => {
                    self.keep();
                    self.keep_quoted()?;
                    word.text.push(c);
                    Ok(())
                }
                None => self.lost("the text ends in a backslash"),
            },
            Tok::Ch('$') => self.dollar(word, true),
            Tok::Ch('`') => self.backquote(word, true),
            Tok::Slot(slot) => {
                self.at += 1;
                self.write_joined(slot, leads);
                word.text.push(SLOT);
                word.slots.push(slot);
                Ok(())
            }
            Tok::Ch(c) => {
                self.keep_quoted()?;
                word.text.push(c);
                Ok(())
            }
        }
    }

    fn array_opens(&self, word: &Word) -> bool {
        !word.quoted && word.equals.is_some_and(|at| at + 1 == word.text.len() && at > 0)
    }

    /// The words of `name=(…)`.
    fn array(&mut self, word: &mut Word) -> Outcome<()> {
        self.deeper()?;
        self.keep();
        loop {
            match self.peek() {
                None => return self.lost("a list in parentheses is not closed"),
                Some(Tok::Ch(')')) => {
                    self.keep();
                    self.depth -= 1;
                    return Ok(());
                }
                Some(Tok::Ch(' ' | '\t')) => {
                    self.keep();
                }
                Some(Tok::Ch('\n')) => {
                    self.keep_quoted()?;
                }
                Some(Tok::Ch('#')) => self.keep_comment(),
                Some(Tok::Ch('(' | ';' | '&' | '|')) => return self.lost("a list in parentheses holds an operator"),
                Some(Tok::Ch('<' | '>')) if !self.sees_at(1, '(') => {
                    return self.lost("a list in parentheses holds an operator");
                }
                Some(_) => {
                    let inner = self.word(Place::Argument)?;
                    word.slots.extend(inner.slots);
                }
            }
        }
    }
}
