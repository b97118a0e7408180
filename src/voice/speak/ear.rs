//! Markdown for the ear: what a person would read aloud of it.
//!
//! Headings become sentences, links their words, tables are read row by row under their headings, code is announced and
//! not spelled. Signs and pictures that have no sound go. It works on whole texts and on answers that still come.

use super::sentences::Splitter;
use crate::kernel::markdown::{self, Block, BlockKind, Inline, Item, Table};
use crate::kernel::terminal::is_hidden;

/// What is read of blocks of code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// That there is one, in which language and how long.
    #[default]
    Announce,
    /// Nothing.
    Skip,
}

/// A whole Markdown text as sentences to be read aloud, one line each.
pub fn words(text: &str, code: Code) -> String {
    let mut out = Vec::new();
    for block in &markdown::parse(text).blocks {
        read_block(block, code, &mut out);
    }
    out.retain(|line| line.chars().any(char::is_alphanumeric));
    out.join("\n")
}

fn read_block(block: &Block, code: Code, out: &mut Vec<String>) {
    match &block.kind {
        BlockKind::Heading { inlines, .. } | BlockKind::Paragraph(inlines) => {
            out.push(sentence(&read_inlines(inlines)))
        }
        BlockKind::Code(found) => {
            if code == Code::Announce {
                let lines = found.text.lines().count();
                let language = found.info.split([' ', ',', '{']).next().unwrap_or_default();
                let of = if language.is_empty() { String::new() } else { format!(" of {}", spoken(language)) };
                out.push(format!("{lines} line{}{of}.", if lines == 1 { "" } else { "s" }));
            }
        }
        BlockKind::List { start, items } => {
            for (n, item) in items.iter().enumerate() {
                read_item(start.map(|start| start + n as u64), item, code, out);
            }
        }
        BlockKind::Quote(blocks) => blocks.iter().for_each(|block| read_block(block, code, out)),
        BlockKind::Table(table) => read_table(table, out),
        BlockKind::Html(_) | BlockKind::Rule => {}
    }
}

fn read_item(number: Option<u64>, item: &Item, code: Code, out: &mut Vec<String>) {
    let mut lines = Vec::new();
    item.blocks.iter().for_each(|block| read_block(block, code, &mut lines));
    let before = match (number, item.checked) {
        (_, Some(true)) => "Done: ".to_string(),
        (_, Some(false)) => "To do: ".to_string(),
        (Some(number), None) => format!("{number}: "),
        (None, None) => String::new(),
    };
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, &before);
    }
    out.append(&mut lines);
}

fn read_table(table: &Table, out: &mut Vec<String>) {
    let heads: Vec<String> = table.head.iter().map(|cell| read_inlines(cell)).collect();
    for row in &table.rows {
        let cells = row.iter().enumerate().filter_map(|(at, cell)| {
            let (said, head) = (read_inlines(cell), heads.get(at).map_or("", String::as_str));
            match (said.is_empty(), head.is_empty()) {
                (true, _) => None,
                (false, true) => Some(said),
                (false, false) => Some(format!("{head}: {said}")),
            }
        });
        out.push(sentence(&cells.collect::<Vec<_>>().join(", ")));
    }
}

fn read_inlines(inlines: &[Inline]) -> String {
    let mut out = String::new();
    for inline in inlines {
        match inline {
            Inline::Text(text) => out.push_str(text),
            // What stands in a code span is mostly a name.
            Inline::Code(text) => out.push_str(&text.replace(['_', '`'], " ")),
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Strike(inner) => {
                out.push_str(&read_inlines(inner))
            }
            Inline::Link { children, .. } => out.push_str(&read_inlines(children)),
            Inline::Image { children, .. } => {
                let said = read_inlines(children);
                out.push_str(&if said.is_empty() { String::new() } else { format!("picture: {said}") });
            }
            Inline::Html(_) => {}
            Inline::SoftBreak | Inline::HardBreak => out.push(' '),
        }
    }
    spoken(&out)
}

/// Words with everything said that can be: addresses by their host, arrows and signs as words, pictures left out.
fn spoken(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let said = match address(word) {
            Some(said) => said,
            None => word.chars().filter(|c| is_heard(*c)).collect(),
        };
        match said.as_str() {
            "" => {}
            "->" | "→" | "=>" | "⇒" => words.push("to".into()),
            "&" => words.push("and".into()),
            "=" | "==" => words.push("equals".into()),
            "≈" | "~" => words.push("about".into()),
            _ => words.push(said),
        }
    }
    words.join(" ")
}

/// What is said of an address: where it points to.
fn address(word: &str) -> Option<String> {
    let bare = word.trim_start_matches(['(', '<', '[', '"']);
    let rest = ["https://", "http://"].iter().find_map(|scheme| bare.strip_prefix(scheme))?;
    let host = rest.split(['/', '?', '#', ':', ')', '>', ']', '"', ',']).next()?;
    let end = word.chars().last().filter(|c| matches!(c, '.' | ',' | '!' | '?' | ';' | ':')).map(String::from);
    let host = host.trim_end_matches(['.', '!', ';']).trim_start_matches("www.");
    Some(format!("link to {host}{}", end.unwrap_or_default()))
}

/// Whether a character has a sound, or makes a pause.
fn is_heard(c: char) -> bool {
    let picture = matches!(u32::from(c), 0x1f000..=0x1faff | 0x2600..=0x27bf | 0x2b00..=0x2bff | 0xfe00..=0xfe0f | 0x200d | 0x20e3 | 0xe0000..=0xe007f);
    let drawn = matches!(u32::from(c), 0x2500..=0x25ff | 0x2800..=0x28ff);
    !picture && !drawn && !is_hidden(c) && !c.is_control() && !matches!(c, '*' | '`' | '#' | '|' | '\\')
}

/// A text that ends like a sentence, so that a speaker makes a pause.
fn sentence(text: &str) -> String {
    let text = text.trim();
    match text.chars().last() {
        None => String::new(),
        Some('.' | '!' | '?' | '…' | ':' | ';' | '。' | '！' | '？' | '"' | '”') => text.to_string(),
        Some(',') => format!("{}.", text.trim_end_matches(',')),
        Some(_) => format!("{text}."),
    }
}

/// An answer that still comes, as sentences to be read aloud, each as soon as it is certain.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    code: Code,
    /// The block that is not whole yet.
    block: String,
    /// Its last line, which is not whole yet.
    line: String,
    /// The fence that is open: its sign and how many.
    fence: Option<(char, usize)>,
}

/// Markdown that stays open for longer than this is cut all the same, bytes.
const PATIENCE: usize = 2_000;

impl Ear {
    /// For an answer of which code is read so.
    pub fn new(code: Code) -> Ear {
        Ear { code, ..Ear::default() }
    }

    /// Takes what came; gives what can be read aloud now.
    pub fn push(&mut self, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if piece.ends_with('\n') {
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, &mut out);
            }
        }
        self.early(&mut out);
        out
    }

    /// Gives what is left.
    pub fn finish(&mut self) -> Vec<String> {
        let line = std::mem::take(&mut self.line);
        let mut out = Vec::new();
        self.take_line(&line, &mut out);
        self.close(&mut out);
        self.fence = None;
        out
    }

    fn take_line(&mut self, line: &str, out: &mut Vec<String>) {
        let trimmed = line.trim_start();
        let sign = trimmed.chars().next().unwrap_or(' ');
        let count = trimmed.chars().take_while(|c| *c == sign).count();
        match self.fence {
            Some((open, length)) => {
                self.block.push_str(line);
                if sign == open && count >= length && trimmed.trim_end().chars().all(|c| c == open) {
                    self.fence = None;
                    self.close(out);
                }
            }
            None if matches!(sign, '`' | '~') && count >= 3 => {
                self.close(out);
                self.fence = Some((sign, count));
                self.block.push_str(line);
            }
            None if line.trim().is_empty() => self.close(out),
            None => {
                self.block.push_str(line);
                self.early(out);
            }
        }
    }

    /// The block is whole.
    fn close(&mut self, out: &mut Vec<String>) {
        let block = std::mem::take(&mut self.block);
        for line in words(&block, self.code).lines() {
            out.extend(
                super::sentences::split(line).into_iter().map(|s| s.trim().to_string()).filter(|s| !s.is_empty()),
            );
        }
    }

    /// Sentences of a paragraph that are whole before it is.
    fn early(&mut self, out: &mut Vec<String>) {
        let first = self.block.chars().chain(self.line.chars()).next().unwrap_or(' ');
        if self.fence.is_some() || !(first.is_alphabetic() || matches!(first, '"' | '(' | '“' | '*' | '_')) {
            return;
        }
        // `* ` begins a list, a line of `=` makes a heading of what stands above it, `|` may make a table.
        let raw = format!("{}{}", self.block, self.line);
        if raw.starts_with("* ") || raw.starts_with("- ") || raw.contains('|') {
            return;
        }
        let (mut taken, mut open) = (0, String::new());
        for piece in Splitter::default().push(&raw) {
            open.push_str(&piece);
            if is_closed(&open) || open.len() > PATIENCE {
                taken += open.len();
                let said = words(&open, self.code);
                out.extend(said.lines().map(|line| line.trim().to_string()).filter(|line| !line.is_empty()));
                open.clear();
            }
        }
        if taken > 0 {
            let rest = raw[taken..].to_string();
            let at = rest.rfind('\n').map_or(0, |at| at + 1);
            let whole_lines = self.line.is_empty();
            (self.block, self.line) =
                if whole_lines { (rest, String::new()) } else { (rest[..at].to_string(), rest[at..].to_string()) };
        }
    }
}

/// Whether no emphasis, code span or link is open at the end.
fn is_closed(text: &str) -> bool {
    let count = |c: char| text.matches(c).count();
    count('`') % 2 == 0 && count('*') % 2 == 0 && count('[') == count(']') && count('(') == count(')')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        words(text, Code::Announce)
    }

    #[test]
    fn markup_is_not_heard() {
        assert_eq!(
            said("# Release *notes*\n\nIt **works** with `snake_case` ~~now~~."),
            "Release notes.\nIt works with snake case now."
        );
        assert_eq!(
            said("See [the manual](https://x.org/a) or https://www.example.org/a?b=c."),
            "See the manual or link to example.org."
        );
        assert_eq!(said("![a cat](c.png) 🎉 done ✅"), "picture: a cat done.");
        assert_eq!(said("<b>x</b>\n\n---\n\n> quoted\n"), "x.\nquoted.");
        assert_eq!(said("a -> b & c"), "a to b and c.");
    }

    #[test]
    fn lists_tables_and_code_are_read_as_a_person_would() {
        assert_eq!(said("- one\n- two!\n"), "one.\ntwo!");
        assert_eq!(said("3. one\n4. two\n"), "3: one.\n4: two.");
        assert_eq!(said("- [x] wash\n- [ ] dry\n"), "Done: wash.\nTo do: dry.");
        assert_eq!(said("| Name | Age |\n|---|---|\n| Ada | 36 |\n| Bo | |\n"), "Name: Ada, Age: 36.\nName: Bo.");
        assert_eq!(said("```rust\nfn x() {}\n\nx();\n```\n"), "3 lines of rust.");
        assert_eq!(words("```\nx\n```\nafter", Code::Skip), "after.");
    }

    #[test]
    fn an_answer_is_heard_while_it_comes() {
        let mut ear = Ear::new(Code::Announce);
        assert_eq!(ear.push("The answer is 4"), [""; 0]);
        assert_eq!(ear.push("2. And **this is. "), ["The answer is 42."]);
        assert_eq!(ear.push("Bold** too. N"), ["And this is.", "Bold too."]);
        assert_eq!(ear.push("ow:\n\n```sh\nls"), ["Now:"]);
        assert_eq!(ear.push(" -l\n\npwd\n```\n- it"), ["3 lines of sh."]);
        assert_eq!(ear.push("em one. And\n- item two\n\n"), ["item one.", "And.", "item two."]);
        assert_eq!(ear.finish(), [""; 0]);
    }

    proptest! {
        #[test]
        fn however_it_comes_no_letter_of_plain_text_is_lost(text in "([A-Za-z]{1,6}[ .!\n]){0,40}", cuts in proptest::collection::vec(0usize..300, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.sort_unstable();
            let (mut ear, mut got, mut from) = (Ear::default(), Vec::new(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                got.extend(ear.push(&text[from..cut]));
                from = cut;
            }
            got.extend(ear.finish());
            let letters = |s: &str| s.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            prop_assert_eq!(letters(&got.concat()), letters(&text));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), cut in 0usize..50) {
            let _ = said(&text);
            let cut = text.floor_char_boundary(cut.min(text.len()));
            let mut ear = Ear::default();
            ear.push(&text[..cut]);
            ear.push(&text[cut..]);
            ear.finish();
        }

        #[test]
        fn what_is_said_holds_nothing_that_acts(text in "[a-z\u{0}\u{1b}\u{202e}`*#|\n ]{0,80}") {
            prop_assert!(said(&text).chars().all(|c| c == '\n' || !c.is_control() && !is_hidden(c)));
        }
    }
}
