//! Here-documents: their delimiter on the command's line, their body after it.

use super::{Outcome, Shell, Tok, Word};

/// A here-document whose body has not come yet.
#[derive(Debug)]
pub(super) struct Heredoc {
    delimiter: String,
    quoted: bool,
    tabs: bool,
}

impl Shell<'_> {
    /// The delimiter after `<<` or `<<-`, which were copied.
    pub(super) fn announce(&mut self, tabs: bool) -> Outcome<Heredoc> {
        while self.sees(' ') || self.sees('\t') {
            self.keep();
        }
        let mut doc = Heredoc { delimiter: String::new(), quoted: false, tabs };
        let mut quote = None;
        loop {
            match self.peek() {
                Some(Tok::Slot(slot)) => return self.refuse(slot, "is the end mark of a here-document"),
                Some(Tok::Ch(c)) if quote == Some(c) => quote = None,
                Some(Tok::Ch(c @ ('\'' | '"'))) if quote.is_none() => (quote, doc.quoted) = (Some(c), true),
                Some(Tok::Ch('$' | '`' | '\\' | '\n')) if quote.is_some() => {
                    return self.lost("a here-document has an odd end mark");
                }
                Some(Tok::Ch('$' | '`')) => return self.lost("a here-document has an odd end mark"),
                Some(Tok::Ch('\\')) => doc.quoted = true,
                None | Some(Tok::Ch(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')'))
                    if quote.is_none() =>
                {
                    break;
                }
                None => return self.lost("a here-document has an odd end mark"),
                Some(Tok::Ch(c)) => doc.delimiter.push(c),
            }
            self.keep();
        }
        if doc.delimiter.is_empty() {
            return self.lost("a here-document has no end mark");
        }
        self.pending += 1;
        Ok(doc)
    }

    /// The bodies of `docs`; the newline after their line was copied.
    pub(super) fn bodies(&mut self, docs: Vec<Heredoc>) -> Outcome<Vec<usize>> {
        self.pending = self.pending.saturating_sub(docs.len());
        let mut slots = Vec::new();
        for doc in docs {
            slots.extend(self.body(&doc)?);
        }
        Ok(slots)
    }

    fn body(&mut self, doc: &Heredoc) -> Outcome<Vec<usize>> {
        let Some((stop, after)) = self.find_end(doc) else {
            return self.lost("a here-document is not closed");
        };
        let mut word = Word::default();
        let outer = self.end;
        self.end = stop;
        while let Some(tok) = self.peek() {
            match tok {
                Tok::Slot(slot) if doc.quoted => {
                    return self
                        .refuse(slot, "stands in a here-document with a quoted end mark, where nothing is expanded");
                }
                _ if doc.quoted => {
                    self.keep();
                }
                Tok::Ch('$') if self.sees_at(1, '[') => return self.lost("a here-document holds `$[`"),
                Tok::Ch('\\') if self.sees_at(1, '\n') => return self.lost("a here-document continues a line"),
                tok => self.double_part(tok, &mut word, false)?,
            }
        }
        self.end = outer;
        while self.at < after {
            self.keep();
        }
        Ok(word.slots)
    }

    /// Where the line with the end mark begins, and where it ends (its newline not included).
    fn find_end(&self, doc: &Heredoc) -> Option<(usize, usize)> {
        let mut start = self.at;
        while start < self.end {
            let line = &self.toks[start..self.end];
            let len = line.iter().position(|t| *t == Tok::Ch('\n')).unwrap_or(line.len());
            let skip = if doc.tabs { line[..len].iter().take_while(|t| **t == Tok::Ch('\t')).count() } else { 0 };
            if line[skip..len].iter().copied().eq(doc.delimiter.chars().map(Tok::Ch)) {
                return Some((start, start + len));
            }
            start += len + 1;
        }
        None
    }
}
