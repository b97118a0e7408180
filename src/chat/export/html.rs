//! A chat as one HTML page that any browser shows: no script, nothing from elsewhere, nothing of it is run.
//!
//! It is the Markdown of [`super::markdown`] message by message, drawn. Raw HTML in it is shown as text, and links lead
//! only to the web and to mail.

use std::fmt::Write as _;

use super::markdown::{one_part, who};
use crate::chat::archive::{Chat, path};
use crate::kernel::markdown::{Align, Block, BlockKind, Inline, Table, parse};
use crate::providers::model::Role;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\
section{border-left:4px solid #bbb;padding:0 1rem;margin:1rem 0}section.user{border-color:#36c}\
section.tool{border-color:#a80}h2{font-size:.9rem;color:#666}pre{background:#f4f4f4;padding:.6rem;overflow:auto}\
code{font-family:ui-monospace,monospace}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .5rem}";

/// The current branch of a chat as a page.
pub fn html(chats: &[Chat]) -> String {
    let title = chats.first().and_then(|c| c.title.as_deref().or(c.name.as_deref())).unwrap_or("Chat");
    let mut out = String::from("<!doctype html>\n<html><head><meta charset=\"utf-8\">\n");
    // A page that somebody opens must load nothing and run nothing, whatever a model wrote.
    out.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    let _ = writeln!(out, "<title>{}</title>\n<style>{STYLE}</style></head><body>", escaped(title));
    for chat in chats {
        one(chat, &mut out);
    }
    out.push_str("</body></html>\n");
    out
}

fn one(chat: &Chat, out: &mut String) {
    let title = chat.title.as_deref().or(chat.name.as_deref()).unwrap_or("Chat");
    let _ = writeln!(out, "<h1>{}</h1>", escaped(title));
    if let Some(system) = chat.system.as_deref().filter(|s| !s.trim().is_empty()) {
        let _ = writeln!(out, "<section class=\"system\"><h2>System</h2>\n{}</section>", drawn(system));
    }
    for (number, at) in path(chat).into_iter().enumerate() {
        let message = &chat.messages[at];
        let class = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        let _ = writeln!(out, "<section class=\"{class}\"><h2>{}. {}</h2>", number + 1, escaped(&who(message)));
        let mut words = String::new();
        message.parts.iter().for_each(|part| one_part(part, &mut words));
        out.push_str(&drawn(&words));
        if let Some(error) = &message.error {
            let _ = writeln!(out, "<p><em>Failed: {}</em></p>", escaped(error));
        }
        out.push_str("</section>\n");
    }
}

fn drawn(markdown: &str) -> String {
    let mut out = String::new();
    blocks(&parse(markdown).blocks, &mut out);
    out
}

fn blocks(all: &[Block], out: &mut String) {
    for block in all {
        match &block.kind {
            BlockKind::Heading { level, inlines } => {
                // The page has two levels of its own.
                let level = (*level + 2).min(6);
                let _ = writeln!(out, "<h{level}>{}</h{level}>", inlines_of(inlines));
            }
            BlockKind::Paragraph(inlines) => drop(writeln!(out, "<p>{}</p>", inlines_of(inlines))),
            BlockKind::Code(code) => drop(writeln!(out, "<pre><code>{}</code></pre>", escaped(&code.text))),
            BlockKind::List { start, items } => {
                let (tag, from) = match start {
                    Some(1) => ("ol", String::new()),
                    Some(n) => ("ol", format!(" start=\"{n}\"")),
                    None => ("ul", String::new()),
                };
                let _ = writeln!(out, "<{tag}{from}>");
                for item in items {
                    out.push_str(match item.checked {
                        Some(true) => "<li>☑ ",
                        Some(false) => "<li>☐ ",
                        None => "<li>",
                    });
                    blocks(&item.blocks, out);
                    out.push_str("</li>\n");
                }
                let _ = writeln!(out, "</{tag}>");
            }
            BlockKind::Quote(inner) => {
                out.push_str("<blockquote>\n");
                blocks(inner, out);
                out.push_str("</blockquote>\n");
            }
            BlockKind::Html(text) => drop(writeln!(out, "<pre>{}</pre>", escaped(text))),
            BlockKind::Rule => out.push_str("<hr>\n"),
            BlockKind::Table(table) => rows(table, out),
        }
    }
}

fn rows(table: &Table, out: &mut String) {
    let row = |cells: &[Vec<Inline>], tag: &str| {
        let cell = |(at, cell): (usize, &Vec<Inline>)| {
            let align = match table.align.get(at) {
                Some(Align::Right) => " style=\"text-align:right\"",
                Some(Align::Center) => " style=\"text-align:center\"",
                _ => "",
            };
            format!("<{tag}{align}>{}</{tag}>", inlines_of(cell))
        };
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let body: String = table.rows.iter().map(|cells| row(cells, "td")).collect();
    let _ = writeln!(out, "<table>\n{}{body}</table>", row(&table.head, "th"));
}

fn inlines_of(all: &[Inline]) -> String {
    all.iter().map(inline).collect()
}

fn inline(one: &Inline) -> String {
    match one {
        Inline::Text(text) => escaped(text),
        Inline::Code(text) => format!("<code>{}</code>", escaped(text)),
        Inline::Emphasis(inner) => format!("<em>{}</em>", inlines_of(inner)),
        Inline::Strong(inner) => format!("<strong>{}</strong>", inlines_of(inner)),
        Inline::Strike(inner) => format!("<s>{}</s>", inlines_of(inner)),
        Inline::Link { url, children } => match leads_out(url) {
            true => {
                format!("<a rel=\"noreferrer noopener\" href=\"{}\">{}</a>", escaped(url), inlines_of(children))
            }
            false => format!("{} ({})", inlines_of(children), escaped(url)),
        },
        // A picture would be fetched from elsewhere, and tell who reads this.
        Inline::Image { url, children } => format!("[{}] ({})", inlines_of(children), escaped(url)),
        Inline::Html(text) => escaped(text),
        Inline::SoftBreak => "\n".to_string(),
        Inline::HardBreak => "<br>\n".to_string(),
    }
}

/// Whether a link leads to the web or to mail, and does nothing else.
fn leads_out(url: &str) -> bool {
    let lower = url.trim().to_ascii_lowercase();
    ["https://", "http://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}
