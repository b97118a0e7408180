//! A tldr page with one example: the snippet itself, or the line that calls the command.

use super::super::model::{Command, StepKind, Syntax};
use super::super::template::slot::{Piece, Snippet};
use super::{Exported, cannot, invocation, lost_fields, one_line};
use crate::kernel::error::Result;

/// Writes a page.
pub(super) fn write(command: &Command) -> Result<Exported> {
    let mut out = Exported { text: String::new(), lost: lost_fields(command) };
    let line = match command.steps.as_slice() {
        [step] if step.kind == StepKind::Snippet => snippet(step.syntax, &step.text),
        _ => {
            out.lost.push("what it does: the page shows how it is called".to_string());
            invocation(command)
        }
    };
    if line.contains(['`', '\n', '\r']) {
        return Err(cannot(command, "tldr", "an example is one line without backquotes"));
    }
    let title = one_line(&command.name).replace(['`', '#'], "");
    let about = match one_line(&command.summary) {
        empty if empty.is_empty() => title.clone(),
        said => said,
    };
    let about = about.trim_end_matches(['.', ':']);
    out.text = format!("# {title}\n\n> {about}.\n\n- {about}:\n\n`{line}`\n");
    Ok(out)
}

/// The snippet with its placeholders as tldr writes them.
fn snippet(syntax: Syntax, text: &str) -> String {
    if syntax == Syntax::Tldr {
        return text.to_string();
    }
    let parsed = Snippet::parse(syntax, text);
    let escape = |t: &str| t.replace("{{", "\\{\\{").replace("}}", "\\}\\}");
    let piece = |p: &Piece| match p {
        Piece::Text(text) => escape(text),
        Piece::Choice { short, long } => format!("{{{{[{short}|{long}]}}}}"),
        Piece::Slot { index, .. } => {
            format!("{{{{{}}}}}", parsed.slots.get(*index).map_or("", |s| s.name.as_str()))
        }
    };
    parsed.pieces.iter().map(piece).collect()
}
