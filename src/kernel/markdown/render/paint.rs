//! How each role looks on a terminal: the one table of its "select graphic rendition" parameters.

use std::fmt::Write;

use super::super::highlight::{Colour, Hue};
use super::Style;

/// Appends `text` in its role: with `colour` between sequences of ours, and with `dim` fainter.
pub(in super::super) fn paint(out: &mut String, text: &str, style: Style, colour: bool, dim: bool) {
    if text.is_empty() {
        return;
    }
    let parameters = if colour { parameters(style, dim) } else { String::new() };
    if parameters.is_empty() {
        out.push_str(text);
        return;
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "\x1b[{parameters}m{text}\x1b[0m");
}

fn parameters(style: Style, dim: bool) -> String {
    let own = match style {
        Style::Plain => String::new(),
        Style::Heading(1) => "1;4;36".into(),
        Style::Heading(_) => "1;36".into(),
        Style::Strong | Style::TableHead => "1".into(),
        Style::Emphasis => "3".into(),
        Style::Strike => "9".into(),
        Style::Code => "33".into(),
        Style::CodeBlock => "32".into(),
        Style::Token(hue) => token(hue),
        Style::Link => "4;34".into(),
        Style::Quote | Style::Rule | Style::Dim => "2".into(),
        Style::Marker => "36".into(),
    };
    match own.as_str() {
        _ if !dim => own,
        "" | "2" => "2".into(),
        _ => format!("2;{own}"),
    }
}

fn token(hue: Hue) -> String {
    let mut codes: Vec<String> = Vec::new();
    if hue.bold {
        codes.push("1".into());
    }
    if hue.italic {
        codes.push("3".into());
    }
    if hue.underline {
        codes.push("4".into());
    }
    match hue.colour {
        Colour::Default => {}
        Colour::Ansi(n) if n < 8 => codes.push(format!("{}", 30 + n)),
        Colour::Ansi(n) => codes.push(format!("{}", 82 + n.min(15))),
        Colour::Rgb(r, g, b) => codes.push(format!("38;2;{r};{g};{b}")),
    }
    codes.join(";")
}
