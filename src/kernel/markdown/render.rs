//! Markdown as lines for a terminal: words wrapped by display width, each piece with the role it plays.
//!
//! It knows no colours and no screen: a [`Style`] is a role, and whoever draws decides how it looks. [`to_ansi`] is
//! the plain choice for a command line. No control character of the text survives.

mod table;
mod wrap;

use unicode_width::UnicodeWidthStr;

use self::wrap::{Piece, clean, wrap};
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

    fn of(text: &str, style: Style) -> Line {
        let mut line = Line::default();
        line.push(text, style);
        line
    }

    /// The same line behind a prefix.
    fn behind(self, prefix: &Span) -> Line {
        let mut line = Line::default();
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

/// Draws `doc`, which was parsed from `text`, on lines of at most `width` columns; 0 means without wrapping.
///
/// Wider than `width` are only what cannot be broken: lines of code blocks, and words longer than a line.
pub fn render(doc: &Document, text: &str, width: usize) -> Vec<Line> {
    let frame = Frame { text, width: if width == 0 { usize::MAX } else { width }, plain: Style::Plain, depth: 0 };
    frame.blocks(&doc.blocks, true)
}

/// The lines as text, each ended by a newline; with `colour` as ANSI sequences.
pub fn to_ansi(lines: &[Line], colour: bool) -> String {
    let mut out = String::new();
    for line in lines {
        for span in &line.spans {
            match sgr(span.style) {
                Some(code) if colour => {
                    out.push_str("\x1b[");
                    out.push_str(code);
                    out.push('m');
                    out.push_str(&span.text);
                    out.push_str("\x1b[0m");
                }
                _ => out.push_str(&span.text),
            }
        }
        out.push('\n');
    }
    out
}

/// The parameters of the "select graphic rendition" sequence for a role.
fn sgr(style: Style) -> Option<&'static str> {
    Some(match style {
        Style::Plain => return None,
        Style::Heading(1) => "1;4;36",
        Style::Heading(_) => "1;36",
        Style::Strong | Style::TableHead => "1",
        Style::Emphasis => "3",
        Style::Strike => "9",
        Style::Code => "33",
        Style::CodeBlock => "32",
        Style::Link => "4;34",
        Style::Quote | Style::Rule | Style::Dim => "2",
        Style::Marker => "36",
    })
}

/// Where blocks are drawn.
#[derive(Clone, Copy)]
struct Frame<'a> {
    text: &'a str,
    width: usize,
    /// The role of words without markup.
    plain: Style,
    depth: usize,
}

impl Frame<'_> {
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
            end = block.span.end;
        }
        out
    }

    fn block(&self, block: &Block) -> Vec<Line> {
        match &block.kind {
            BlockKind::Heading { level, inlines } => self.heading(*level, inlines),
            BlockKind::Paragraph(inlines) => wrap(&self.pieces(inlines), self.width, false),
            BlockKind::Code(code) => code_lines(code),
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
    fn inner(self, columns: usize) -> (Self, bool) {
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
        let loose = items.windows(2).any(|w| {
            let end = w[0].blocks.last().map_or(w[0].span.start, |last| last.span.end);
            self.blank_between(end, w[1].span.start)
        });
        let last = start.map(|s| s.saturating_add(items.len().saturating_sub(1) as u64));
        let digits = last.map_or(0, |n| n.to_string().len());
        let mut out: Vec<Line> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let mut mark = match start {
                Some(first) => format!("{:>digits$}. ", first.saturating_add(at as u64)),
                None => "• ".to_string(),
            };
            match item.checked {
                Some(true) => mark.push_str("[x] "),
                Some(false) => mark.push_str("[ ] "),
                None => {}
            }
            let (frame, drawn) = self.inner(mark.width());
            let mut lines = frame.blocks(&item.blocks, loose);
            if lines.is_empty() {
                lines.push(Line::default());
            }
            if loose && !out.is_empty() {
                out.push(Line::default());
            }
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

    /// The words of an HTML block without comments and known tags.
    fn html(&self, html: &str) -> Vec<Line> {
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
            pieces.extend(tag_piece(tag));
            rest = after;
        }
        pieces.push(Piece::new(rest, self.plain));
        wrap(&pieces, self.width, false)
    }

    fn pieces(&self, inlines: &[Inline]) -> Vec<Piece> {
        let mut out = Vec::new();
        push_pieces(inlines, self.plain, 0, &mut out);
        out
    }
}

fn push_pieces(inlines: &[Inline], style: Style, depth: usize, out: &mut Vec<Piece>) {
    if depth > DEEPEST {
        out.push(Piece::new("…", Style::Dim));
        return;
    }
    for inline in inlines {
        match inline {
            Inline::Text(t) => out.push(Piece::new(t, style)),
            Inline::Code(t) => out.push(Piece::new(&format!("`{t}`"), Style::Code)),
            Inline::Emphasis(c) => push_pieces(c, Style::Emphasis, depth + 1, out),
            Inline::Strong(c) => push_pieces(c, Style::Strong, depth + 1, out),
            Inline::Strike(c) => push_pieces(c, Style::Strike, depth + 1, out),
            Inline::Link { url, children } => {
                push_pieces(children, Style::Link, depth + 1, out);
                let web = url.starts_with("https://") || url.starts_with("http://");
                if web && depth < DEEPEST && plain_text(children) != *url {
                    out.push(Piece::new(&format!(" ({url})"), Style::Dim));
                }
            }
            Inline::Image { children, .. } => {
                out.push(Piece::new("[", Style::Dim));
                push_pieces(children, Style::Dim, depth + 1, out);
                out.push(Piece::new("]", Style::Dim));
            }
            Inline::Html(tag) => out.extend(tag_piece(tag)),
            Inline::SoftBreak => out.push(Piece::new(" ", style)),
            Inline::HardBreak => out.push(Piece::hard_break()),
        }
    }
}

/// What to show for a tag: a break for `<br>`, nothing for tags of HTML and comments, and the tag itself where it is
/// none, because people write `<name>` for a place to fill in.
fn tag_piece(tag: &str) -> Option<Piece> {
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
    let hidden = tag.is_empty() || tag.starts_with("<!") || tag.starts_with("<?") || TAGS.contains(&name.as_str());
    (!hidden).then(|| Piece::new(tag, Style::Dim))
}

/// The lines behind a mark, all but the first indented as wide as it is.
fn hang(lines: Vec<Line>, mark: Span) -> Vec<Line> {
    let blank = Span { text: " ".repeat(mark.text.width()), style: Style::Plain };
    lines.into_iter().enumerate().map(|(at, l)| l.behind(if at == 0 { &mark } else { &blank })).collect()
}

/// A code block between its fences, or indented; its lines are never wrapped.
fn code_lines(code: &Code) -> Vec<Line> {
    let body = code.text.lines().map(clean);
    if !code.fenced {
        return body.map(|l| Line::of(format!("    {l}").trim_end(), Style::CodeBlock)).collect();
    }
    let longest = code.text.lines().map(|l| l.trim_start().chars().take_while(|c| *c == '`').count()).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let mut out = vec![Line::of(&format!("{fence}{}", clean(code.info.trim())), Style::Dim)];
    out.extend(body.map(|l| Line::of(&l, Style::CodeBlock)));
    out.push(Line::of(&fence, Style::Dim));
    out
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
