//! The placeholders of tldr and navi snippets: where they stand, what they are called, what they accept.
//!
//! It splits a snippet into literal text and slots and names the slots; the same names become the command's
//! parameters and, with a prefix, environment variables. It does not know the shell: `shell` does.

use std::collections::{HashMap, HashSet};

use super::naming::{identifier, is_path, is_secret, tldr_name, words};
use crate::commands::model::{Param, ParamKind, ParamType, Syntax};

/// What a slot accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Text,
    /// Several values, one word each: `{{file1 file2 ...}}`.
    List,
    /// One of these; the first is the default.
    Choices(Vec<String>),
    /// A whole number between two bounds: `{{1..5}}`.
    Range,
}

/// One distinct placeholder of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What stands between the brackets, escapes resolved.
    pub raw: String,
    /// The parameter's name, unique in the snippet.
    pub name: String,
    /// The name as an identifier: ASCII letters, digits and `_`, unique in the snippet.
    pub var: String,
    /// What it accepts.
    pub shape: Shape,
}

/// A part of a snippet, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text, escapes resolved.
    Text(String),
    /// An option in its short and its long form: `{{[-s|--long]}}`.
    Choice {
        /// The first form.
        short: String,
        /// The last form.
        long: String,
    },
    /// A slot, by its index in [`Snippet::slots`].
    Slot {
        /// Index of the slot.
        index: usize,
        /// Byte offset of the opening bracket.
        start: usize,
        /// Byte offset behind the closing bracket.
        end: usize,
    },
}

/// A snippet taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// Its parts in order.
    pub pieces: Vec<Piece>,
    /// Its distinct slots in order of first appearance.
    pub slots: Vec<Slot>,
    /// Byte offsets of opening brackets that nothing closes; they are literal text.
    pub unclosed: Vec<usize>,
}

impl Snippet {
    /// Takes `text` apart as `syntax` (tldr or navi; any other has no slots).
    pub fn parse(syntax: Syntax, text: &str) -> Snippet {
        let mut build = Build {
            snippet: Snippet::default(),
            literal: String::new(),
            names: Names::default(),
            known: HashMap::new(),
        };
        match syntax {
            Syntax::Tldr => build.tldr(text),
            Syntax::Navi => build.navi(text),
            _ => build.literal.push_str(text),
        }
        build.flush();
        build.snippet
    }

    /// The parameters the slots stand for, in order.
    pub fn params(&self) -> Vec<Param> {
        self.slots.iter().map(Slot::param).collect()
    }
}

impl Slot {
    /// The parameter this slot stands for: an option, required unless it has choices.
    pub fn param(&self) -> Param {
        let mut param = Param {
            name: self.name.clone(),
            var: self.var.clone(),
            kind: ParamKind::Option,
            required: true,
            help: self.raw.clone(),
            ..Param::default()
        };
        match &self.shape {
            Shape::Text if is_path(&self.raw) => param.ty = ParamType::Path,
            Shape::Text if is_secret(&self.name) => param.ty = ParamType::Secret,
            Shape::Text => {}
            Shape::List => param.multiple = true,
            Shape::Range => param.ty = ParamType::Integer,
            Shape::Choices(choices) => {
                param.default = choices.first().cloned();
                param.choices.clone_from(choices);
                param.required = false;
            }
        }
        param
    }
}

/// Gives out names that are unique both as written and as identifiers.
#[derive(Default)]
struct Names {
    names: HashSet<String>,
    vars: HashSet<String>,
    /// The last number tried for a wanted name.
    numbers: HashMap<String, usize>,
}

impl Names {
    fn give(&mut self, wanted: &str) -> (String, String) {
        let base = identifier(wanted);
        let mut number = self.numbers.get(wanted).copied().unwrap_or(0) + 1;
        loop {
            let tail = if number == 1 { String::new() } else { format!("_{number}") };
            let (name, var) = (format!("{wanted}{tail}"), format!("{base}{tail}"));
            if !self.names.contains(&name) && !self.vars.contains(&var) {
                self.names.insert(name.clone());
                self.vars.insert(var.clone());
                self.numbers.insert(wanted.to_string(), number);
                return (name, var);
            }
            number += 1;
        }
    }
}

struct Build {
    snippet: Snippet,
    literal: String,
    names: Names,
    known: HashMap<String, usize>,
}

impl Build {
    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.snippet.pieces.push(Piece::Text(std::mem::take(&mut self.literal)));
        }
    }

    fn slot(&mut self, raw: String, start: usize, end: usize, make: impl FnOnce(&str, &str) -> (String, Shape)) {
        let index = self.known.get(&raw).copied().unwrap_or_else(|| {
            let option = option_before(&self.literal, self.snippet.pieces.last());
            let (wanted, shape) = make(&raw, &option);
            let (name, var) = self.names.give(&wanted);
            self.known.insert(raw.clone(), self.snippet.slots.len());
            self.snippet.slots.push(Slot { raw, name, var, shape });
            self.snippet.slots.len() - 1
        });
        self.flush();
        self.snippet.pieces.push(Piece::Slot { index, start, end });
    }

    fn tldr(&mut self, text: &str) {
        let mut at = 0;
        let mut hopeless = false;
        while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
            if rest.starts_with("\\{\\{") || rest.starts_with("\\}\\}") {
                self.literal.push_str(if rest.starts_with("\\{") { "{{" } else { "}}" });
                at += 4;
            } else if rest.starts_with("{{") && !hopeless {
                match tldr_close(rest) {
                    Some(end) => {
                        self.tldr_slot(&rest[2..end], at, at + end + 2);
                        at += end + 2;
                    }
                    None => {
                        self.snippet.unclosed.push(at);
                        // Nothing closes on this line, so nothing later on it can: look again behind its end.
                        hopeless = true;
                    }
                }
            } else if let Some(c) = rest.chars().next() {
                hopeless &= c != '\n';
                self.literal.push(c);
                at += c.len_utf8();
            }
        }
    }

    fn tldr_slot(&mut self, raw: &str, start: usize, end: usize) {
        let raw = raw.replace("\\{\\{", "{{").replace("\\}\\}", "}}");
        if let Some((short, long)) = raw.strip_prefix('[').and_then(|r| r.strip_suffix(']')).and_then(two_forms) {
            self.flush();
            self.snippet.pieces.push(Piece::Choice { short, long });
            return;
        }
        self.slot(raw, start, end, |raw, option| {
            let shape = tldr_shape(raw);
            (tldr_name(raw, &shape, option), shape)
        });
    }

    fn navi(&mut self, text: &str) {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
            let escaped = rest.starts_with("\\<");
            let body = if escaped { &rest[1..] } else { rest };
            match navi_name(body) {
                Some(name) if escaped => {
                    self.literal.push_str(&body[..name.len() + 2]);
                    at += name.len() + 3;
                }
                Some(name) => {
                    let end = at + name.len() + 2;
                    self.slot(name.to_string(), at, end, |raw, _| (raw.to_string(), Shape::Text));
                    at = end;
                }
                None => {
                    let Some(c) = rest.chars().next() else { break };
                    self.literal.push(c);
                    at += c.len_utf8();
                }
            }
        }
    }
}

/// Byte offset of the `}}` that closes the `{{` at the start of `rest`: the outermost pair, on the same line.
fn tldr_close(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 2;
    while at < bytes.len() {
        match bytes[at..] {
            [b'\n', ..] => return None,
            [b'\\', b'{', b'\\', b'{', ..] | [b'\\', b'}', b'\\', b'}', ..] => at += 4,
            [b'}', b'}', b'}', ..] => at += 1,
            [b'}', b'}', ..] => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// `<name>` at the start of `body`, as navi's own pattern has it: a word character, then those and `-`.
fn navi_name(body: &str) -> Option<&str> {
    let inner = body.strip_prefix('<')?;
    let len = inner.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))?;
    let name = &inner[..len];
    (inner[len..].starts_with('>') && name.starts_with(|c: char| c.is_alphanumeric() || c == '_')).then_some(name)
}

fn two_forms(inside: &str) -> Option<(String, String)> {
    let (short, _) = inside.split_once('|')?;
    let (_, long) = inside.rsplit_once('|')?;
    (!short.is_empty() && !long.is_empty()).then(|| (short.to_string(), long.to_string()))
}

fn tldr_shape(raw: &str) -> Shape {
    let words: Vec<&str> = raw.split_whitespace().collect();
    let dots = words.last().is_some_and(|w| matches!(w.trim_matches('"'), "..." | "…"));
    if dots && words.len() > 2 && !words.iter().any(|w| matches!(*w, "|" | ";") || w.ends_with([',', ';'])) {
        return Shape::List;
    }
    if let Some((low, high)) = raw.split_once("..")
        && low.parse::<i64>().is_ok()
        && high.parse::<i64>().is_ok()
    {
        return Shape::Range;
    }
    match closed_choices(raw) {
        Some(choices) => Shape::Choices(choices),
        None => Shape::Text,
    }
}

/// Alternatives that are the values themselves. `name|uuid` and `path/to/a|path/to/b` describe values, an
/// ellipsis leaves the set open, and `^ca(t|r)$` is a pattern: none of those limits what may be given.
fn closed_choices(raw: &str) -> Option<Vec<String>> {
    const NOUNS: &[&str] = &[
        "address",
        "alias",
        "branch",
        "command",
        "commit",
        "container",
        "directory",
        "domain",
        "email",
        "file",
        "filename",
        "folder",
        "group",
        "hash",
        "host",
        "hostname",
        "id",
        "image",
        "ip",
        "key",
        "label",
        "message",
        "name",
        "number",
        "package",
        "path",
        "pattern",
        "pid",
        "port",
        "regex",
        "repository",
        "string",
        "tag",
        "text",
        "token",
        "url",
        "user",
        "username",
        "uuid",
        "value",
        "version",
    ];
    let parts: Vec<&str> = raw.split('|').collect();
    let literal = |p: &&str| {
        !p.is_empty()
            && !p.contains("..")
            && !NOUNS.contains(&p.to_lowercase().as_str())
            && p.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | ':' | '='))
    };
    let distinct: HashSet<&str> = parts.iter().copied().collect();
    (parts.len() > 1 && parts.iter().all(literal) && distinct.len() == parts.len())
        .then(|| parts.iter().map(|p| (*p).to_string()).collect())
}

/// The name of the option right before a slot: `--port ` or `{{[-p|--port]}} ` give `port`.
fn option_before(literal: &str, last: Option<&Piece>) -> String {
    let written = literal.trim_end_matches([' ', '=', '"', '\'']);
    let text = match last {
        Some(Piece::Choice { long, .. }) if written.is_empty() => long.as_str(),
        _ => written,
    };
    let word = text.rsplit([' ', '\t', '\n']).next().unwrap_or("");
    if word.starts_with('-') { words(word) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(syntax: Syntax, text: &str) -> Vec<String> {
        Snippet::parse(syntax, text).slots.iter().map(|s| s.name.clone()).collect()
    }

    fn shown(text: &str) -> String {
        let snippet = Snippet::parse(Syntax::Tldr, text);
        let show = |p: &Piece| match p {
            Piece::Text(t) => t.clone(),
            Piece::Choice { long, .. } => long.clone(),
            Piece::Slot { index, .. } => snippet.slots[*index].raw.clone(),
        };
        snippet.pieces.iter().map(show).collect()
    }

    #[test]
    fn the_forms_of_the_client_specification_read_as_it_says() {
        assert_eq!(shown("ping {{example.com}}"), "ping example.com");
        assert_eq!(
            shown(
                r"docker inspect --format '\{\{range.NetworkSettings.Networks\}\}\{\{.IPAddress\}\}\{\{end\}\}' {{container}}"
            ),
            "docker inspect --format '{{range.NetworkSettings.Networks}}{{.IPAddress}}{{end}}' container"
        );
        assert_eq!(shown(r"mount \\{{computer_name}}\{{share_name}} Z:"), r"mount \\computer_name\share_name Z:");
        assert_eq!(shown("git stash show --patch {{stash@{0}}}"), "git stash show --patch stash@{0}");
        assert_eq!(shown("tar {{[-x|--extract]}} {{[-f|--file]}} {{a.tar}}"), "tar --extract --file a.tar");
    }

    #[test]
    fn nested_and_escaped_braces_belong_to_the_outermost_pair() {
        assert_eq!(shown(r#"x '{{{"ID": {"N": "1"\}\}}}'"#), r#"x '{"ID": {"N": "1"}}'"#);
        assert_eq!(shown(r#"echo "{{a \{\{b\}\}}}""#), r#"echo "a {{b}}""#);
        assert_eq!(shown(r#"k '{"spec":{"replicas":{{number}}\}\}'"#), r#"k '{"spec":{"replicas":number}}'"#);
        assert_eq!(shown("find -printf '{{%{name}\\n}}'"), "find -printf '%{name}\\n'");
    }

    #[test]
    fn names_are_readable_and_unique() {
        assert_eq!(
            names(Syntax::Tldr, "cp {{path/to/file1 path/to/file2 ...}} {{path/to/file.txt}} {{8080}} --port {{443}}"),
            ["file", "file_2", "value", "port"]
        );
        assert_eq!(names(Syntax::Tldr, "{{a_b}} {{a_b}} {{경로/대상/파일}}"), ["a_b", "경로_대상_파일"]);
        assert_eq!(names(Syntax::Navi, "x <a-b> <c> <a-b> \\<no> <not this> a<b"), ["a-b", "c"]);
        let slots = Snippet::parse(Syntax::Tldr, "{{경로}} {{이름}}").slots;
        assert_eq!([slots[0].var.as_str(), slots[1].var.as_str()], ["value", "value_2"]);
    }

    #[test]
    fn shapes_become_parameters() {
        let params = Snippet::parse(
            Syntax::Tldr,
            "x {{[-l|--level]}} {{1..9}} {{tcp|udp}} {{name|uuid}} {{GET|...}} {{^ca(t|r)$}} {{id1 id2 ...}} {{password}}",
        )
        .params();
        let seen: Vec<(&str, bool, &[String], ParamType, bool)> =
            params.iter().map(|p| (p.name.as_str(), p.required, &p.choices[..], p.ty, p.multiple)).collect();
        let choices = ["tcp".to_string(), "udp".to_string()];
        assert_eq!(seen[0], ("level", true, &[][..], ParamType::Integer, false));
        assert_eq!(seen[1], ("tcp_or_udp", false, &choices[..], ParamType::Text, false));
        assert!(seen[2..5].iter().all(|p| p.1 && p.2.is_empty()), "{seen:?}");
        assert_eq!(seen[5], ("id", true, &[][..], ParamType::Text, true));
        assert_eq!(seen[6].3, ParamType::Secret);
        assert_eq!((params[1].default.as_deref(), params[0].help.as_str()), (Some("tcp"), "1..9"));
    }

    #[test]
    fn an_unclosed_bracket_is_text() {
        let snippet = Snippet::parse(Syntax::Tldr, "echo {{a\n{{b}}");
        assert_eq!((snippet.unclosed, snippet.slots.len()), (vec![5], 1));
        let started = std::time::Instant::now();
        Snippet::parse(Syntax::Tldr, &"{{".repeat(200_000));
        assert!(started.elapsed().as_secs() < 5);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart_without_loss(text in "[{}<>|\\[\\]\\\\a-c. \n-]{0,60}") {
            for syntax in [Syntax::Tldr, Syntax::Navi] {
                let snippet = Snippet::parse(syntax, &text);
                let mut last = 0;
                for piece in &snippet.pieces {
                    if let Piece::Slot { start, end, index } = piece {
                        proptest::prop_assert!(last <= *start && start < end && *end <= text.len());
                        proptest::prop_assert!(*index < snippet.slots.len());
                        last = *end;
                    }
                }
            }
        }
    }
}
