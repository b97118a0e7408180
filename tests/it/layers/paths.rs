//! The paths that a file names: those of its `use` items spread out, and those in its code, both from the crate's root
//! where they begin with `crate`, `self` or `super`.

use super::lexer::Token;

/// A path and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The line, from 1.
    pub line: usize,
    /// Whether the path is in this crate; its parts then begin with the room.
    pub inside: bool,
    /// The parts; `*` for a glob.
    pub parts: Vec<String>,
    /// Whether it stands in code that only tests see.
    pub in_test: bool,
}

/// An inline module being read.
struct Block {
    name: String,
    depth: usize,
    test: bool,
}

/// Reads the paths of a file. `module` is the file's own path from the root.
pub struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    module: Vec<String>,
    blocks: Vec<Block>,
    depth: usize,
    found: Vec<Named>,
    /// Lines of `mod tests` without `#[cfg(test)]`.
    pub open_tests: Vec<usize>,
    /// The tokens that stand in test code, by index.
    pub test_tokens: Vec<bool>,
}

impl<'a> Reader<'a> {
    pub fn new(tokens: &'a [(usize, Token)], module: Vec<String>) -> Self {
        let test_tokens = vec![false; tokens.len()];
        Reader { tokens, module, blocks: Vec::new(), depth: 0, found: Vec::new(), open_tests: Vec::new(), test_tokens }
    }

    /// Every path of the file, in its order.
    pub fn read(&mut self) -> Vec<Named> {
        let mut at = 0;
        while at < self.tokens.len() {
            let start = at;
            at = self.step(at);
            let in_test = self.in_test();
            self.test_tokens[start..at].iter_mut().for_each(|test| *test = in_test);
        }
        std::mem::take(&mut self.found)
    }

    fn in_test(&self) -> bool {
        self.blocks.iter().any(|block| block.test) || self.module.iter().any(|part| part == "tests")
    }

    fn word(&self, at: usize) -> Option<&'a str> {
        match self.tokens.get(at) {
            Some((_, Token::Word(word))) => Some(word),
            _ => None,
        }
    }

    fn is_mark(&self, at: usize, mark: char) -> bool {
        matches!(self.tokens.get(at), Some((_, Token::Mark(m))) if *m == mark)
    }

    fn is_colons(&self, at: usize) -> bool {
        self.is_mark(at, ':') && self.is_mark(at + 1, ':')
    }

    /// Reads one thing and says where the next begins.
    fn step(&mut self, at: usize) -> usize {
        if self.is_mark(at, '{') {
            self.depth += 1;
        } else if self.is_mark(at, '}') {
            self.depth = self.depth.saturating_sub(1);
            if self.blocks.last().is_some_and(|block| block.depth == self.depth) {
                self.blocks.pop();
            }
        }
        match self.word(at) {
            Some("mod") => self.module_item(at),
            Some("use") if !self.is_mark(at + 1, '<') => self.tree(at + 1, &[]) + 1,
            Some("extern") if self.word(at + 1) == Some("crate") => self.tree(at + 2, &[]) + 1,
            Some(_) => self.chain(at),
            None => at + 1,
        }
    }

    fn module_item(&mut self, at: usize) -> usize {
        let Some(name) = self.word(at + 1) else { return at + 1 };
        let test = self.has_cfg_test(at);
        if name == "tests" && !test && !self.in_test() {
            self.open_tests.push(self.tokens[at].0);
        }
        if self.is_mark(at + 2, '{') {
            self.blocks.push(Block { name: name.to_string(), depth: self.depth, test });
        }
        at + 2
    }

    /// Whether `#[cfg(test)]` is among the attributes before the item at `at`.
    fn has_cfg_test(&self, at: usize) -> bool {
        let show = |(_, token): &(usize, Token)| match token {
            Token::Word(word) => word.clone(),
            Token::Mark(mark) => mark.to_string(),
            Token::Text(_) => "\"\"".to_string(),
        };
        let before: Vec<String> = self.tokens[at.saturating_sub(40)..at].iter().map(show).collect();
        let item = before.iter().rposition(|word| matches!(word.as_str(), ";" | "}" | "{")).map_or(0, |at| at + 1);
        before[item..].concat().contains("#[cfg(test)]")
    }

    /// A path in code.
    fn chain(&mut self, at: usize) -> usize {
        let inner = at >= 2 && self.is_colons(at - 2) && (at == 2 || self.continues(at - 3));
        let mut parts = vec![self.word(at).unwrap_or_default().to_string()];
        let mut end = at + 1;
        while self.is_colons(end) {
            let Some(next) = self.word(end + 2) else { break };
            parts.push(next.to_string());
            end += 3;
        }
        let field = at >= 1 && self.is_mark(at - 1, '.');
        if !inner && !field && parts.len() > 1 {
            self.name(self.tokens[at].0, parts);
        }
        end
    }

    /// Whether the token before `::` makes it the middle of a path and not the start of a global one.
    fn continues(&self, at: usize) -> bool {
        let keyword = matches!(
            self.word(at),
            Some("use" | "return" | "in" | "as" | "impl" | "for" | "dyn" | "mut" | "match" | "if" | "else")
        );
        (self.word(at).is_some() && !keyword) || self.is_mark(at, '>')
    }

    /// A `use` tree from `at`; gives the place of the `;`, `,` or `}` behind it.
    fn tree(&mut self, at: usize, before: &[String]) -> usize {
        let mut parts = before.to_vec();
        let mut at = if self.is_colons(at) { at + 2 } else { at };
        let line = self.tokens.get(at).map_or(0, |(line, _)| *line);
        loop {
            if let Some(word) = self.word(at) {
                parts.push(word.to_string());
                at += 1;
            } else if self.is_mark(at, '*') {
                parts.push("*".to_string());
                at += 1;
            } else if self.is_mark(at, '{') {
                return self.group(at, &parts);
            }
            match self.is_colons(at) {
                true => at += 2,
                false => break,
            }
        }
        if self.word(at) == Some("as") {
            at += 2;
        }
        self.name(line, parts);
        at
    }

    fn group(&mut self, open: usize, before: &[String]) -> usize {
        let mut at = open + 1;
        while at < self.tokens.len() && !self.is_mark(at, '}') {
            at = self.tree(at, before).max(at);
            if !self.is_mark(at, '}') {
                at += 1;
            }
        }
        at + 1
    }

    /// Keeps a path, made one from the root where it can be.
    fn name(&mut self, line: usize, mut parts: Vec<String>) {
        let mut base: Vec<String> =
            self.module.iter().cloned().chain(self.blocks.iter().map(|b| b.name.clone())).collect();
        let inside = match parts[0].as_str() {
            "crate" | "factotum" => {
                base.clear();
                parts.remove(0);
                true
            }
            "self" | "super" => {
                while matches!(parts.first().map(String::as_str), Some("self" | "super")) {
                    if parts.remove(0) == "super" {
                        base.pop();
                    }
                }
                true
            }
            _ => false,
        };
        if inside {
            base.append(&mut parts);
            parts = base;
        }
        // `crate::{self}` and `x::{self}` name what stands before the brace.
        if parts.last().is_some_and(|last| last == "self") {
            parts.pop();
        }
        self.found.push(Named { line, inside, parts, in_test: self.in_test() });
    }
}
