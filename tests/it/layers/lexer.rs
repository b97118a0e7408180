//! Rust source as tokens: words, marks and string literals with their lines. Comments are dropped.
//!
//! It knows just enough not to be fooled: nested comments, raw strings, lifetimes beside character literals.

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A word: an identifier, a keyword or a number.
    Word(String),
    /// One mark.
    Mark(char),
    /// The text of a string literal, escapes as written.
    Text(String),
}

/// The tokens of a file, each with its line from 1.
pub fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { chars, at: 0, line: 1, found: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.next();
    }
    lexer.found
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<(usize, Token)>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn bump(&mut self) -> char {
        let c = self.peek(0);
        if c == '\n' {
            self.line += 1;
        }
        self.at += 1;
        c
    }

    fn next(&mut self) {
        let (line, c) = (self.line, self.peek(0));
        match c {
            '/' if self.peek(1) == '/' => self.skip_while(|c| c != '\n'),
            '/' if self.peek(1) == '*' => self.block_comment(),
            '"' => {
                self.bump();
                let text = self.string();
                self.found.push((line, Token::Text(text)));
            }
            '\'' => self.quote(),
            c if c.is_whitespace() => {
                self.bump();
            }
            c if c == '_' || c.is_alphanumeric() => self.word(line),
            c => {
                self.bump();
                self.found.push((line, Token::Mark(c)));
            }
        }
    }

    fn skip_while(&mut self, keep: impl Fn(char) -> bool) {
        while self.at < self.chars.len() && keep(self.peek(0)) {
            self.bump();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.bump();
                    continue;
                }
            }
            self.bump();
            self.bump();
            if depth == 0 {
                return;
            }
        }
    }

    /// The rest of a string whose opening quote was read.
    fn string(&mut self) -> String {
        let mut text = String::new();
        while self.at < self.chars.len() {
            match self.bump() {
                '"' => break,
                '\\' => {
                    text.push('\\');
                    text.push(self.bump());
                }
                c => text.push(c),
            }
        }
        text
    }

    /// A character literal, or a lifetime, which is dropped.
    fn quote(&mut self) {
        self.bump();
        if self.peek(0) == '\\' {
            self.bump();
            self.bump();
            self.skip_while(|c| c != '\'');
            self.bump();
        } else if self.peek(1) == '\'' {
            self.bump();
            self.bump();
        } else {
            self.skip_while(|c| c == '_' || c.is_alphanumeric());
        }
    }

    fn word(&mut self, line: usize) {
        let start = self.at;
        self.skip_while(|c| c == '_' || c.is_alphanumeric());
        let word: String = self.chars[start..self.at].iter().collect();
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        match self.peek(0) {
            '"' if raw || matches!(word.as_str(), "b" | "c") => {
                let text = if raw {
                    self.raw_string()
                } else {
                    self.bump();
                    self.string()
                };
                self.found.push((line, Token::Text(text)));
            }
            '#' if raw && self.is_raw_string() => {
                let text = self.raw_string();
                self.found.push((line, Token::Text(text)));
            }
            '#' if word == "r" => {
                self.bump();
            } // r#ident
            '\'' if word == "b" => self.quote(),
            _ => self.found.push((line, Token::Word(word))),
        }
    }

    fn is_raw_string(&self) -> bool {
        let hashes = self.chars[self.at..].iter().take_while(|c| **c == '#').count();
        self.peek(hashes) == '"'
    }

    /// A raw string, from its hashes or its opening quote.
    fn raw_string(&mut self) -> String {
        let mut hashes = 0;
        while self.peek(0) == '#' {
            self.bump();
            hashes += 1;
        }
        self.bump();
        let mut text = String::new();
        while self.at < self.chars.len() {
            let closes = self.peek(0) == '"' && (1..=hashes).all(|n| self.peek(n) == '#');
            let c = self.bump();
            if closes {
                self.at += hashes;
                break;
            }
            text.push(c);
        }
        text
    }
}

#[test]
fn tokens_are_told_apart() {
    let words = |text: &str| -> Vec<String> {
        let show = |token| match token {
            Token::Word(word) => word,
            Token::Mark(mark) => mark.to_string(),
            Token::Text(text) => format!("<{text}>"),
        };
        tokens(text).into_iter().map(|(_, token)| show(token)).collect()
    };
    assert_eq!(words("a::b /* c /* d */ e */ f // g\nh"), ["a", ":", ":", "b", "f", "h"]);
    assert_eq!(
        words(r###"r#"a"b"# br"c" b"d\"" c"e" r##"f"#g"## r#type"###),
        ["<a\"b>", "<c>", "<d\\\">", "<e>", "<f\"#g>", "type"]
    );
    assert_eq!(words(r"'a' '\'' '\u{1F}' &'a str b'x' 'static"), ["&", "str"]);
    assert_eq!(tokens("a\n\"b\nc\"\nd").into_iter().map(|(line, _)| line).collect::<Vec<_>>(), [1, 2, 4]);
}
