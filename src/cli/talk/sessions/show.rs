//! A chat shown: its messages, its tree, and the pieces that would be sent next.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::super::Context;
use super::super::super::table::Table;
use super::super::super::ui::Role;
use super::super::{called, dollars, wait};
use crate::app::chats::counted_tokens;
use crate::app::views::chat::{ContextView, MessageView, SessionView, WholeSession};
use crate::chat::driver::Ask;
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe, safe_line, truncate_to_width};
use crate::providers::Models;
use crate::store::{Message, MessageStatus, Session};

/// Branches within branches that are drawn as such.
const DEEPEST: usize = 16;

pub(in crate::cli) fn show(context: &Context, session: &Session) -> Result<u8> {
    let store = context.app.store()?;
    let path = session.head.map(|head| store.thread(head)).transpose()?.unwrap_or_default();
    show_messages(context, session, &path).map(|()| 0)
}

/// Messages with the signs that people put on them.
fn marked(context: &Context, session: &Session, messages: &[Message]) -> Result<Vec<MessageView>> {
    let signs = context.app.store()?.reactions(session.id)?;
    Ok(messages.iter().map(|message| MessageView::from(message).marked(message, &signs)).collect())
}

/// Prints messages of a chat.
pub(in crate::cli) fn show_messages(context: &Context, session: &Session, path: &[Message]) -> Result<()> {
    let costs = context.app.store()?.costs_of(session.id)?;
    if context.ui.json {
        let messages = marked(context, session, path)?;
        return context.ui.value(&json!(WholeSession { session: SessionView::from(session), messages }));
    }
    let mut out = format!("{}\n", context.ui.paint(Role::Strong, &called(session)));
    for message in path {
        let who = match message.role.as_str() {
            "assistant" => message.model.as_deref().map_or_else(|| "assistant".into(), |m| safe_line(m).into_owned()),
            other => other.to_string(),
        };
        let cost = costs.iter().find(|c| c.message == message.id);
        let cost = cost.map(|c| {
            let (input, output) = (c.input, c.output);
            let money = c.cost_micros.map(|m| format!(", {}", dollars(m))).unwrap_or_default();
            format!("  {input} in, {output} out{money}")
        });
        let state = if message.status == MessageStatus::Done { "" } else { message.status.name() };
        out.push_str(&format!(
            "\n{} {} {}{}\n",
            context.ui.paint(Role::Name, &format!("── {who}")),
            context.ui.paint(Role::Dim, &format!("{} {}", message.id.tail(), message.created.local_short())),
            context.ui.paint(Role::Bad, state),
            context.ui.paint(Role::Dim, &cost.unwrap_or_default()),
        ));
        let body = if context.ui.stdout_terminal && message.role == "assistant" {
            super::super::super::draw::markdown(&context.ui, &message.words)
        } else {
            safe(&message.words).into_owned()
        };
        out.push_str(&body);
        if !body.ends_with('\n') {
            out.push('\n');
        }
        for line in beside(&message.parts) {
            out.push_str(&format!("{}\n", context.ui.paint(Role::Dim, &line)));
        }
        if let Some(error) = &message.error {
            out.push_str(&format!("{}\n", context.ui.paint(Role::Bad, &safe_line(error))));
        }
    }
    context.page(&out)
}

/// What a message holds beside its words, a line each.
fn beside(parts: &Value) -> Vec<String> {
    let text = |part: &Value, key: &str| safe_line(part.get(key).and_then(Value::as_str).unwrap_or("")).into_owned();
    let line = |part: &Value| match part.get("type").and_then(Value::as_str)? {
        "file" => Some(format!("[{} {}]", text(part, "mime"), text(part, "name"))),
        "tool_call" => {
            let arguments = part.get("arguments").map(Value::to_string).unwrap_or_default();
            Some(format!("→ {} {}", text(part, "name"), safe_line(&arguments)))
        }
        "tool_result" => Some(format!("← {}: {}", text(part, "name"), truncate_to_width(&text(part, "content"), 200))),
        _ => None,
    };
    parts.as_array().into_iter().flatten().filter_map(line).collect()
}

pub(super) fn show_last(context: &Context, session: &Session) -> Result<u8> {
    let store = context.app.store()?;
    let path = session.head.map(|head| store.thread(head)).transpose()?.unwrap_or_default();
    let last = path.iter().rev().find(|m| m.role == "assistant");
    let words = last.map(|m| safe(&m.words).into_owned()).unwrap_or_default();
    context.ui.write(format!("{}\n", words.trim_end_matches('\n')).as_bytes())?;
    Ok(0)
}

pub(in crate::cli) fn show_tree(context: &Context, session: &Session) -> Result<u8> {
    let messages = context.app.store()?.tree(session.id)?;
    if context.ui.json {
        let messages = marked(context, session, &messages)?;
        context.ui.value(&json!(WholeSession { session: SessionView::from(session), messages }))?;
        return Ok(0);
    }
    let mut out = format!("{}\n", context.ui.paint(Role::Strong, &called(session)));
    let mut below: HashMap<Option<Id>, Vec<&Message>> = HashMap::new();
    messages.iter().for_each(|m| below.entry(m.parent).or_default().push(m));
    let siblings: HashMap<Id, usize> = below.iter().filter_map(|(id, all)| Some(((*id)?, all.len()))).collect();
    let mut waiting: Vec<(&Message, usize)> =
        below.remove(&None).unwrap_or_default().into_iter().map(|m| (m, 0)).rev().collect();
    while let Some((message, depth)) = waiting.pop() {
        let children = below.remove(&Some(message.id)).unwrap_or_default();
        let here = if session.head == Some(message.id) { " ◀" } else { "" };
        let branches = message.parent.is_some_and(|parent| siblings.get(&parent).is_some_and(|n| *n > 1));
        // What branches ever again stays readable.
        let indent = depth.min(DEEPEST);
        let room = context.ui.width().saturating_sub(2 * indent + 24).max(20);
        let words = truncate_to_width(&safe_line(&message.words), room).to_string();
        let state = match message.status {
            MessageStatus::Done => String::new(),
            other => context.ui.paint(Role::Bad, &format!("({}) ", other.name())),
        };
        out.push_str(&format!(
            "{}{}{} {} {state}{words}{}\n",
            "│ ".repeat(if branches { indent.saturating_sub(1) } else { indent }),
            if branches && indent > 0 { "├╴" } else { "" },
            context.ui.paint(Role::Dim, &message.id.tail()),
            context.ui.paint(Role::Name, &message.role),
            context.ui.paint(Role::Warn, here),
        ));
        let deeper = if children.len() > 1 { depth + 1 } else { depth };
        waiting.extend(children.into_iter().rev().map(|m| (m, deeper)));
    }
    context.page(&out)?;
    Ok(0)
}

/// What would be sent with the next question, and how much of the model's context that is.
pub(in crate::cli) fn show_pieces(
    context: &Context,
    models: &Models,
    session: &Session,
    ask: &Ask,
    head: Id,
) -> Result<()> {
    let pieces = wait(context.app.pieces(models, session, ask, head, &Stop::new()?))??;
    if context.ui.json {
        return context.ui.value(&json!(ContextView::from(&pieces)));
    }
    let mut table = Table::new(&["what", "message", "who", "tokens", "begins"]);
    for piece in &pieces.all {
        table.row(vec![
            (piece.why.name().to_string(), None),
            (piece.id.map(|id| id.tail()).unwrap_or_default(), Some(Role::Dim)),
            (piece.turn.role.name().to_string(), Some(Role::Name)),
            (counted_tokens(piece.size), None),
            (truncate_to_width(&safe_line(&piece.turn.words()), 60), Some(Role::Dim)),
        ]);
    }
    let mut out = table.render(&context.ui);
    out.push_str(&format!("\n{}\n", pieces.sum()));
    context.page(&out)
}
