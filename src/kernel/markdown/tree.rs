//! Builds the tree of blocks from pulldown-cmark's events.

use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{Align, Block, BlockKind, Code, Document, Inline, Item, LineIndex, Table};

/// Blocks or inlines nested deeper than this are not built: a line of ten thousand `>` must not end the program.
const MAX_DEPTH: usize = 100;

/// Parses `text` as CommonMark with tables, strikethrough and task lists. Never fails.
pub fn parse(text: &str) -> Document {
    let lines = LineIndex::new(text);
    let mut builder =
        Builder { text, lines: &lines, events: Parser::new_ext(text, options()).into_offset_iter(), depth: 0 };
    let mut blocks = Vec::new();
    while let Some((event, span)) = builder.events.next() {
        builder.block(event, span, &mut blocks);
    }
    Document { blocks, lines }
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// The inlines of a text that is one paragraph of one line.
pub(super) fn inlines_of(text: &str) -> Vec<Inline> {
    match parse(text).blocks.into_iter().next() {
        Some(Block { kind: BlockKind::Paragraph(inlines), .. }) => inlines,
        _ => vec![Inline::Text(text.to_string())],
    }
}

/// Where plain words stand in a text: bytes that were read neither as markup nor as code.
pub(super) fn inline_texts(text: &str) -> Vec<Range<usize>> {
    let events = Parser::new_ext(text, options()).into_offset_iter();
    events.filter(|(event, _)| matches!(event, Event::Text(_))).map(|(_, at)| at).collect()
}

type Events<'a> = pulldown_cmark::OffsetIter<'a>;

struct Builder<'a, 'l> {
    text: &'a str,
    lines: &'l LineIndex,
    events: Events<'a>,
    depth: usize,
}

impl<'a> Builder<'a, '_> {
    /// Takes one event at block level and pushes the block it opens. Inline events outside a paragraph
    /// (tight list items) are gathered into a paragraph.
    fn block(&mut self, event: Event<'a>, span: Range<usize>, out: &mut Vec<Block>) {
        let kind = match event {
            Event::Start(Tag::Heading { level, .. }) => {
                BlockKind::Heading { level: level_number(level), inlines: self.inlines() }
            }
            Event::Start(Tag::Paragraph) => BlockKind::Paragraph(self.inlines()),
            Event::Start(Tag::CodeBlock(kind)) => self.code(kind, &span),
            Event::Start(Tag::List(start)) => self.list(start),
            Event::Start(Tag::BlockQuote(_)) => BlockKind::Quote(self.children()),
            Event::Start(Tag::HtmlBlock) => BlockKind::Html(self.raw_text()),
            Event::Start(Tag::Table(align)) => self.table(&align),
            Event::Rule => BlockKind::Rule,
            Event::End(_) => return,
            Event::Start(other) if !is_inline(&other) => BlockKind::Quote(self.children()),
            inline => {
                let mut inlines = Vec::new();
                self.inline(inline, &mut inlines);
                return self.push_loose(inlines, span, out);
            }
        };
        out.push(self.placed(kind, span));
    }

    fn placed(&self, kind: BlockKind, span: Range<usize>) -> Block {
        let body = self.text.get(span.clone()).unwrap_or("");
        let end = span.start + body.trim_end_matches(['\n', '\r', ' ', '\t']).len();
        let (line, end_line) = (self.lines.line(span.start), self.lines.line(end.saturating_sub(1).max(span.start)));
        Block { kind, span: span.start..end.max(span.start), line, end_line }
    }

    /// Words of a tight item: joined to the paragraph before them, or a new one.
    fn push_loose(&self, mut inlines: Vec<Inline>, span: Range<usize>, out: &mut Vec<Block>) {
        if let Some(Block { kind: BlockKind::Paragraph(before), span: old, end_line, .. }) = out.last_mut()
            && old.end <= span.start
            && self.text.get(old.end..span.start).is_some_and(|gap| !gap.contains("\n\n"))
        {
            before.append(&mut inlines);
            old.end = span.end.max(old.end);
            *end_line = self.lines.line(old.end.saturating_sub(1));
            return;
        }
        let line = self.lines.line(span.start);
        let end_line = self.lines.line(span.end.saturating_sub(1).max(span.start));
        out.push(Block { kind: BlockKind::Paragraph(inlines), span, line, end_line });
    }

    /// Reads what the tag that was just opened holds; nothing of it when it stands too deep.
    fn nested<T: Default>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= MAX_DEPTH {
            let mut open = 1usize;
            while open > 0
                && let Some((event, _)) = self.events.next()
            {
                match event {
                    Event::Start(_) => open += 1,
                    Event::End(_) => open -= 1,
                    _ => {}
                }
            }
            return T::default();
        }
        self.depth += 1;
        let out = read(self);
        self.depth -= 1;
        out
    }

    /// The blocks up to the end of the container that was just opened.
    fn children(&mut self) -> Vec<Block> {
        self.nested(Self::children_here)
    }

    fn children_here(&mut self) -> Vec<Block> {
        let mut blocks = Vec::new();
        while let Some((event, span)) = self.events.next() {
            if matches!(event, Event::End(_)) {
                break;
            }
            self.block(event, span, &mut blocks);
        }
        blocks
    }

    fn list(&mut self, start: Option<u64>) -> BlockKind {
        BlockKind::List { start, items: self.nested(Self::items) }
    }

    fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.events.next() {
            match event {
                Event::Start(Tag::Item) => items.push(self.item(span)),
                _ => break,
            }
        }
        items
    }

    fn item(&mut self, span: Range<usize>) -> Item {
        let (mut blocks, mut checked) = (Vec::new(), None);
        while let Some((event, at)) = self.events.next() {
            match event {
                Event::End(_) => break,
                Event::TaskListMarker(done) => checked = Some(done),
                other => self.block(other, at, &mut blocks),
            }
        }
        Item { blocks, checked, line: self.lines.line(span.start), span }
    }

    fn table(&mut self, align: &[Alignment]) -> BlockKind {
        let mut table = Table {
            head: Vec::new(),
            rows: Vec::new(),
            align: align
                .iter()
                .map(|a| match a {
                    Alignment::Center => Align::Center,
                    Alignment::Right => Align::Right,
                    Alignment::Left | Alignment::None => Align::Left,
                })
                .collect(),
        };
        while let Some((event, _)) = self.events.next() {
            match event {
                Event::Start(Tag::TableHead) => table.head = self.cells(),
                Event::Start(Tag::TableRow) => {
                    let row = self.cells();
                    table.rows.push(row);
                }
                Event::End(TagEnd::Table) => break,
                _ => {}
            }
        }
        BlockKind::Table(table)
    }

    fn cells(&mut self) -> Vec<Vec<Inline>> {
        let mut cells = Vec::new();
        while let Some((event, _)) = self.events.next() {
            match event {
                Event::Start(Tag::TableCell) => cells.push(self.inlines()),
                _ => break,
            }
        }
        cells
    }

    fn code(&mut self, kind: CodeBlockKind<'a>, span: &Range<usize>) -> BlockKind {
        let (mut text, mut range, mut pieces_end): (String, Option<Range<usize>>, Option<usize>) =
            (String::new(), None, None);
        let mut whole = true;
        for (event, at) in self.events.by_ref() {
            match event {
                Event::Text(piece) => {
                    whole &= pieces_end.is_none_or(|end| end == at.start);
                    pieces_end = Some(at.end);
                    range = Some(range.map_or(at.clone(), |r| r.start..at.end));
                    text.push_str(&piece);
                }
                Event::End(_) => break,
                _ => {}
            }
        }
        let (fenced, info) = match kind {
            CodeBlockKind::Indented => (false, String::new()),
            CodeBlockKind::Fenced(info) => (true, owned(info)),
        };
        let content_line = range
            .as_ref()
            .map_or_else(|| self.lines.line(span.start) + usize::from(fenced), |r| self.lines.line(r.start));
        let closed = !fenced || self.closing_fence(span);
        let content = range.filter(|_| fenced && whole);
        BlockKind::Code(Code { fenced, info, text, content, content_line, closed })
    }

    /// Whether the last line of a fenced block is its closing fence.
    fn closing_fence(&self, span: &Range<usize>) -> bool {
        let body = self.text.get(span.clone()).unwrap_or("").trim_end();
        let mut lines = body.lines();
        let open = lines.next().unwrap_or("").trim_start();
        let Some(mark) = open.chars().next() else { return false };
        let width = open.chars().take_while(|c| *c == mark).count();
        lines.next_back().is_some_and(|last| {
            let last = last.trim_start_matches([' ', '>', '\t']).trim_end();
            last.chars().count() >= width && last.chars().all(|c| c == mark)
        })
    }

    /// The raw text up to the end of the block.
    fn raw_text(&mut self) -> String {
        let mut out = String::new();
        for (event, _) in self.events.by_ref() {
            match event {
                Event::Html(t) | Event::Text(t) | Event::InlineHtml(t) => out.push_str(&t),
                Event::End(_) => break,
                _ => {}
            }
        }
        out
    }

    /// The inlines up to the end of the tag that was just opened.
    fn inlines(&mut self) -> Vec<Inline> {
        self.nested(Self::inlines_here)
    }

    fn inlines_here(&mut self) -> Vec<Inline> {
        let mut out = Vec::new();
        while let Some((event, _)) = self.events.next() {
            if matches!(event, Event::End(_)) {
                break;
            }
            self.inline(event, &mut out);
        }
        out
    }

    fn inline(&mut self, event: Event<'a>, out: &mut Vec<Inline>) {
        let inline = match event {
            Event::Text(t) => {
                if let Some(Inline::Text(before)) = out.last_mut() {
                    before.push_str(&t);
                    return;
                }
                Inline::Text(owned(t))
            }
            Event::Code(t) | Event::InlineMath(t) | Event::DisplayMath(t) => Inline::Code(owned(t)),
            Event::Html(t) | Event::InlineHtml(t) => Inline::Html(owned(t)),
            Event::SoftBreak => Inline::SoftBreak,
            Event::HardBreak => Inline::HardBreak,
            Event::FootnoteReference(t) => Inline::Text(format!("[^{t}]")),
            Event::Start(Tag::Emphasis) => Inline::Emphasis(self.inlines()),
            Event::Start(Tag::Strong) => Inline::Strong(self.inlines()),
            Event::Start(Tag::Strikethrough) => Inline::Strike(self.inlines()),
            Event::Start(Tag::Link { dest_url, .. }) => Inline::Link { url: owned(dest_url), children: self.inlines() },
            Event::Start(Tag::Image { dest_url, .. }) => {
                Inline::Image { url: owned(dest_url), children: self.inlines() }
            }
            Event::Start(_) => Inline::Emphasis(self.inlines()),
            Event::End(_) | Event::Rule | Event::TaskListMarker(_) => return,
        };
        out.push(inline);
    }
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. })
}

fn owned(text: CowStr<'_>) -> String {
    text.into_string()
}

fn level_number(level: HeadingLevel) -> u8 {
    level as u8
}

#[cfg(test)]
mod tests {
    use super::super::{one_line, plain_text};
    use super::*;

    #[test]
    fn a_fence_keeps_its_bytes_and_its_line() {
        let text = "# T\n\n```sh {id=a}\necho  'x'\n\n```\n";
        let doc = parse(text);
        let BlockKind::Code(code) = &doc.blocks[1].kind else { panic!("{doc:?}") };
        assert_eq!((code.info.as_str(), code.text.as_str(), code.content_line), ("sh {id=a}", "echo  'x'\n\n", 4));
        assert_eq!(&text[code.content.clone().unwrap()], "echo  'x'\n\n");
        assert!(code.closed);
        assert_eq!((doc.blocks[1].line, doc.blocks[1].end_line), (3, 6));
    }

    #[test]
    fn an_unclosed_fence_is_noticed() {
        let doc = parse("```sh\necho\n");
        let BlockKind::Code(code) = &doc.blocks[0].kind else { panic!() };
        assert!(!code.closed);
    }

    #[test]
    fn tight_items_hold_one_paragraph_and_nested_lists() {
        let doc = parse("- a `b` **c**\n  - d\n- [x] e\n");
        let BlockKind::List { items, start: None } = &doc.blocks[0].kind else { panic!() };
        assert_eq!(items.len(), 2);
        let BlockKind::Paragraph(words) = &items[0].blocks[0].kind else { panic!("{items:?}") };
        assert_eq!(plain_text(words), "a b c");
        assert!(matches!(items[0].blocks[1].kind, BlockKind::List { .. }));
        assert_eq!(items[1].checked, Some(true));
    }

    #[test]
    fn hard_breaks_and_links_are_kept() {
        let doc = parse("**Description:** one  \n**Usage:** `/x` [l](u)\n");
        let BlockKind::Paragraph(words) = &doc.blocks[0].kind else { panic!() };
        assert!(words.contains(&Inline::HardBreak));
        assert_eq!(one_line(words), "Description: one Usage: /x l");
    }

    #[test]
    fn tables_have_heads_rows_and_alignment() {
        let doc = parse("| a | b |\n|---|--:|\n| 1 | 2 |\n");
        let BlockKind::Table(table) = &doc.blocks[0].kind else { panic!() };
        assert_eq!((table.head.len(), table.rows.len(), table.align[1]), (2, 1, Align::Right));
    }

    #[test]
    fn deep_nesting_is_cut_off() {
        for text in [">".repeat(20_000), "- ".repeat(20_000), "*a **b ".repeat(5_000), "[".repeat(20_000)] {
            assert_eq!(parse(&format!("{text} x\n\n# end\n")).blocks.len(), 2);
        }
        let strong = format!("{}x{}\n", "*a **b ".repeat(500), "** *".repeat(500));
        assert_eq!(parse(&strong).blocks.len(), 1);
    }
}
