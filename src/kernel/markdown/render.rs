//! Markdown as lines for a terminal: words wrapped by display width, each piece with the role it plays.
//!
//! It knows no colours and no screen: a [`Style`] is a role, and whoever draws decides how it looks. [`to_ansi`] is
//! the plain choice for a command line. No control character of the text survives.

mod paint;
mod table;
mod wrap;

use unicode_width::UnicodeWidthStr;

pub(super) use self::paint::paint;
pub use self::wrap::may_break;
use self::wrap::wrap;
pub(super) use self::wrap::{Piece, Sink, Wrapper, clean};
use super::highlight::{Highlight, Hue};
use super::{Block, BlockKind, Code, Document, Inline, Item, plain_text};

/// The role of a piece of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    /// Words.
    #[default]
    Plain,
    /// A heading, with its level from 1 to 6.
    Heading(u8),
    /// Strong words.
    Strong,
    /// Emphasised words.
    Emphasis,
    /// Struck through words.
    Strike,
    /// A code span.
    Code,
    /// A line of a code block.
    CodeBlock,
    /// A word of a code block whose language is known.
    Token(Hue),
    /// The words of a link.
    Link,
    /// A quote's bar and words.
    Quote,
    /// A thematic break.
    Rule,
    /// A cell of a table's header.
    TableHead,
    /// A bullet or a number.
    Marker,
    /// What helps but is not the text: fences, addresses, lines of a table.
    Dim,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Printable characters only.
    pub text: String,
    /// Its role.
    pub style: Style,
}

/// One line on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its pieces from left to right; neighbours differ in style.
    pub spans: Vec<Span>,
    /// Set where it only goes on because the line before was full.
    pub soft: Option<Soft>,
}

/// How a line goes on from the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Soft {
    /// Whether a blank stood where the line was broken.
    pub blank: bool,
    /// Columns before its words that are only drawn.
    pub indent: usize,
}

impl Line {
    /// Columns it takes.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|s| s.text.width()).sum()
    }

    /// Its characters without roles.
    pub fn text(&self) -> String {
        self.spans.iter().map(|s| s.text.as_str()).collect()
    }

    /// Adds a piece at the end.
    pub(super) fn push(&mut self, text: &str, style: Style) {
        if text.is_empty() {
            return;
        }
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.spans.push(Span { text: text.to_string(), style }),
        }
    }

    pub(super) fn of(text: &str, style: Style) -> Line {
        let mut line = Line::default();
        line.push(text, style);
        line
    }

    /// The same line behind a prefix.
    fn behind(self, prefix: &Span) -> Line {
        let deeper = |soft: Soft| Soft { indent: soft.indent + prefix.text.width(), ..soft };
        let mut line = Line { soft: self.soft.map(deeper), ..Line::default() };
        if self.spans.is_empty() {
            line.push(prefix.text.trim_end(), prefix.style);
            return line;
        }
        line.push(&prefix.text, prefix.style);
        self.spans.iter().for_each(|s| line.push(&s.text, s.style));
        line
    }
}

/// Containers nested deeper than this are not drawn.
const DEEPEST: usize = 48;

/// Columns that must be left for words; a container that would leave fewer is drawn without its indentation.
const NARROWEST: usize = 12;

/// How a text is to be drawn.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Columns of a line; 0 means without wrapping.
    pub width: usize,
    /// Whether HTML is shown as it is written; otherwise comments and known tags are left out. `<br>` ends a line.
    pub html: bool,
    /// Colours the code of known languages.
    pub highlight: Option<Highlight>,
}

/// Draws `doc`, which was parsed from `text`, on lines of at most `width` columns; 0 means without wrapping.
///
/// Wider than `width` are only what cannot be broken: lines of code blocks, and words longer than a line.
pub fn render(doc: &Document, text: &str, width: usize) -> Vec<Line> {
    render_as(doc, text, &Look { width, ..Look::default() })
}

/// The same as [`render`] with choices.
pub fn render_as(doc: &Document, text: &str, look: &Look) -> Vec<Line> {
    Frame::new(text, look).blocks(&doc.blocks, true)
}

/// The lines as text, each ended by a newline; with `colour` as ANSI sequences.
pub fn to_ansi(lines: &[Line], colour: bool) -> String {
    let mut out = String::new();
    for line in lines {
        line.spans.iter().for_each(|span| paint(&mut out, &span.text, span.style, colour, false));
        out.push('\n');
    }
    out
}

/// Where blocks are drawn.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    text: &'a str,
    pub(super) width: usize,
    /// The role of words without markup.
    pub(super) plain: Style,
    depth: usize,
    html: bool,
    highlight: Option<&'a Highlight>,
}

impl<'a> Frame<'a> {
    /// The whole width. `text` is what the blocks were parsed from.
    pub(super) fn new(text: &'a str, look: &'a Look) -> Self {
        let width = if look.width == 0 { usize::MAX } else { look.width };
        Frame { text, width, plain: Style::Plain, depth: 0, html: look.html, highlight: look.highlight.as_ref() }
    }

    /// Blocks under each other, with a blank line between them when they are `apart` or one is in the file.
    fn blocks(&self, blocks: &[Block], apart: bool) -> Vec<Line> {
        let mut out: Vec<Line> = Vec::new();
        if self.depth > DEEPEST {
            return vec![Line::of("…", Style::Dim)];
        }
        let mut end = 0;
        for block in blocks {
            let lines = self.block(block);
            if !out.is_empty() && !lines.is_empty() && (apart || self.blank_between(end, block.span.start)) {
                out.push(Line::default());
            }
            out.extend(lines);
            end = end_of(block);
        }
        out
    }

    pub(super) fn block(&self, block: &Block) -> Vec<Line> {
        match &block.kind {
            BlockKind::Heading { level, inlines } => self.heading(*level, inlines),
            BlockKind::Paragraph(inlines) => wrap(&self.pieces(inlines), self.width, false),
            BlockKind::Code(code) => self.code(code, block.span.start),
            BlockKind::List { start, items } => self.list(*start, items),
            BlockKind::Quote(inner) => {
                let bar = Span { text: "│ ".into(), style: Style::Quote };
                let (frame, drawn) = Frame { plain: Style::Quote, ..*self }.inner(2);
                let lines = frame.blocks(inner, true);
                if drawn { lines.into_iter().map(|l| l.behind(&bar)).collect() } else { lines }
            }
            BlockKind::Html(html) => self.html(html),
            BlockKind::Rule => vec![Line::of(&"─".repeat(self.width.min(40)), Style::Rule)],
            BlockKind::Table(t) => {
                let row = |cells: &[Vec<Inline>], style: Style| -> Vec<Vec<Piece>> {
                    let frame = Frame { plain: style, ..*self };
                    cells.iter().map(|c| frame.pieces(c)).collect()
                };
                let rows: Vec<_> = t.rows.iter().map(|r| row(r, self.plain)).collect();
                table::draw(&row(&t.head, Style::TableHead), &rows, &t.align, self.width)
            }
        }
    }

    /// The frame inside a prefix of `columns`, and whether there is room to draw the prefix.
    pub(super) fn inner(self, columns: usize) -> (Self, bool) {
        let left = self.width.saturating_sub(columns);
        let drawn = left >= NARROWEST;
        (Frame { width: if drawn { left } else { self.width }, depth: self.depth + 1, ..self }, drawn)
    }

    fn heading(&self, level: u8, inlines: &[Inline]) -> Vec<Line> {
        let style = Style::Heading(level);
        let mark = format!("{} ", "#".repeat(usize::from(level)));
        let frame = Frame { plain: style, ..*self };
        let indent = if self.width.saturating_sub(mark.len()) >= NARROWEST { mark.len() } else { 0 };
        let mut pieces = frame.pieces(inlines);
        pieces.iter_mut().filter(|p| p.style != Style::Dim).for_each(|p| p.style = style);
        let lines = wrap(&pieces, self.width.saturating_sub(indent), false);
        hang(lines, Span { text: if indent > 0 { mark } else { String::new() }, style })
    }

    fn list(&self, start: Option<u64>, items: &[Item]) -> Vec<Line> {
        let mut out: Vec<Line> = Vec::new();
        let mut end = None;
        for (at, item) in items.iter().enumerate() {
            let mark = item_mark(start.map(|first| first.saturating_add(at as u64)), item.checked);
            let (frame, drawn) = self.inner(mark.width());
            let mut lines = frame.blocks(&item.blocks, false);
            if lines.is_empty() {
                lines.push(Line::default());
            }
            if end.is_some_and(|end| self.blank_between(end, item.span.start)) {
                out.push(Line::default());
            }
            end = Some(item.blocks.last().map_or(item.span.start, end_of));
            if drawn {
                out.extend(hang(lines, Span { text: mark, style: Style::Marker }));
            } else {
                out.extend(lines);
            }
        }
        out
    }

    /// Whether a blank line stands between two places of the file.
    fn blank_between(&self, end: usize, start: usize) -> bool {
        self.text.get(end..start).is_some_and(|gap| gap.matches('\n').count() > 1)
    }

    /// An HTML block as it is, or its words without comments and known tags.
    fn html(&self, html: &str) -> Vec<Line> {
        if self.html {
            return html.lines().map(|l| Line::of(&clean(l), Style::Dim)).collect();
        }
        let mut pieces = Vec::new();
        let mut rest = html;
        while let Some(open) = rest.find('<') {
            pieces.push(Piece::new(&rest[..open], self.plain));
            let (tag, after) = match rest[open..].strip_prefix("<!--") {
                Some(comment) => ("", comment.find("-->").map_or("", |end| &comment[end + 3..])),
                None => match rest[open..].find('>') {
                    Some(end) => (&rest[open..=open + end], &rest[open + end + 1..]),
                    None => (&rest[open..], ""),
                },
            };
            pieces.extend(tag_piece(tag, false));
            rest = after;
        }
        pieces.push(Piece::new(rest, self.plain));
        wrap(&pieces, self.width, false)
    }

    pub(super) fn pieces(&self, inlines: &[Inline]) -> Vec<Piece> {
        let mut out = Vec::new();
        self.push_pieces(inlines, self.plain, 0, &mut out);
        out
    }

    fn push_pieces(&self, inlines: &[Inline], style: Style, depth: usize, out: &mut Vec<Piece>) {
        if depth > DEEPEST {
            out.push(Piece::new("…", Style::Dim));
            return;
        }
        for inline in inlines {
            match inline {
                Inline::Text(t) => out.push(Piece::new(t, style)),
                Inline::Code(t) => out.push(Piece::new(&format!("`{t}`"), Style::Code)),
                Inline::Emphasis(c) => self.push_pieces(c, Style::Emphasis, depth + 1, out),
                Inline::Strong(c) => self.push_pieces(c, Style::Strong, depth + 1, out),
                Inline::Strike(c) => self.push_pieces(c, Style::Strike, depth + 1, out),
                Inline::Link { url, children } => {
                    self.push_pieces(children, Style::Link, depth + 1, out);
                    let web = url.starts_with("https://") || url.starts_with("http://");
                    if web && depth < DEEPEST && plain_text(children) != *url {
                        out.push(Piece::new(&format!(" ({url})"), Style::Dim));
                    }
                }
                Inline::Image { children, .. } => {
                    out.push(Piece::new("[", Style::Dim));
                    self.push_pieces(children, Style::Dim, depth + 1, out);
                    out.push(Piece::new("]", Style::Dim));
                }
                Inline::Html(tag) => out.extend(tag_piece(tag, self.html)),
                Inline::SoftBreak => out.push(Piece::new(" ", style)),
                Inline::HardBreak => out.push(Piece::hard_break()),
            }
        }
    }

    /// A code block between its fences, or indented; its lines are never wrapped.
    fn code(&self, code: &Code, start: usize) -> Vec<Line> {
        if !code.fenced {
            return code.text.lines().map(indented_line).collect();
        }
        let fence = fence_mark(self.text.get(start..).unwrap_or_default());
        let mut out = vec![fence_line(fence, &code.info)];
        let mut colours = self.highlight.and_then(|h| h.language(&code.info));
        for line in code.text.lines() {
            out.push(match &mut colours {
                Some(colours) => colours.line(line),
                None => Line::of(&clean(line), Style::CodeBlock),
            });
        }
        out.push(fence_line(fence, ""));
        out
    }
}

/// Where the last leaf of a block ends; the span of a container may reach over the blank lines behind it.
fn end_of(block: &Block) -> usize {
    match &block.kind {
        BlockKind::Quote(inner) => inner.last().map_or(block.span.end, end_of),
        BlockKind::List { items, .. } => {
            let last = items.last().map(|item| item.blocks.last().map_or(item.span.start, end_of));
            last.unwrap_or(block.span.end)
        }
        _ => block.span.end,
    }
}

/// A line of an indented code block.
pub(super) fn indented_line(line: &str) -> Line {
    Line::of(format!("    {}", clean(line)).trim_end(), Style::CodeBlock)
}

/// The marks that a fence at the beginning of `text` consists of.
fn fence_mark(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\t']);
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~')).unwrap_or('`');
    let rest = text.trim_start_matches(mark).len();
    text.get(..text.len() - rest).filter(|m| m.len() >= 3).unwrap_or("```")
}

/// The line of a fence with what stands behind it.
pub(super) fn fence_line(mark: &str, info: &str) -> Line {
    Line::of(&format!("{mark}{}", clean(info.trim())), Style::Dim)
}

/// What stands before an item: its number or a bullet, and its box.
pub(super) fn item_mark(number: Option<u64>, checked: Option<bool>) -> String {
    let mut mark = number.map_or_else(|| "• ".to_string(), |n| format!("{n}. "));
    match checked {
        Some(true) => mark.push_str("[x] "),
        Some(false) => mark.push_str("[ ] "),
        None => {}
    }
    mark
}

/// What to show for a tag: a break for `<br>`, nothing for tags of HTML and comments, and the tag itself where it is
/// none, because people write `<name>` for a place to fill in. With `all`, only the break is not shown.
fn tag_piece(tag: &str, all: bool) -> Option<Piece> {
    const TAGS: [&str; 60] = [
        "a",
        "abbr",
        "article",
        "aside",
        "audio",
        "b",
        "blockquote",
        "body",
        "br",
        "center",
        "cite",
        "code",
        "col",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "iframe",
        "img",
        "ins",
        "kbd",
        "li",
        "main",
        "mark",
        "ol",
        "p",
        "picture",
        "pre",
        "s",
        "section",
        "small",
        "source",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "td",
        "th",
        "tr",
        "u",
        "ul",
    ];
    let inner = tag.trim_start_matches('<').trim_start_matches('/');
    let name: String = inner.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if name == "br" {
        return Some(Piece::hard_break());
    }
    if all {
        return Some(Piece::new(tag, Style::Dim));
    }
    let hidden = tag.is_empty() || tag.starts_with("<!") || tag.starts_with("<?") || TAGS.contains(&name.as_str());
    (!hidden).then(|| Piece::new(tag, Style::Dim))
}

/// The lines behind a mark, all but the first indented as wide as it is.
fn hang(lines: Vec<Line>, mark: Span) -> Vec<Line> {
    let blank = Span { text: " ".repeat(mark.text.width()), style: Style::Plain };
    lines.into_iter().enumerate().map(|(at, l)| l.behind(if at == 0 { &mark } else { &blank })).collect()
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
