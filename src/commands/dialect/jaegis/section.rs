//! Shape A: what stands under a heading `` `/name` ``, as bold labels with values and lists.
//!
//! A list may stand under any label. Items of the form `` `/name sub` - help `` name what the first positional
//! parameter accepts; an item with a placeholder, or the label Examples, means that it accepts other words too.

use std::collections::HashSet;

use super::signature::{params, split_call};
use crate::commands::model::{Command, Dialect, Param, ParamKind};
use crate::kernel::markdown::{Block, BlockKind, Inline, Item, one_line};

/// The entry `name`, whose heading went on with `rest`.
pub(super) fn read(name: &str, rest: &str, blocks: &[Block]) -> Command {
    let mut section = Section { command: Command::new(Dialect::Jaegis, name), choices: Vec::new(), open: false };
    section.command.params = params(rest);
    let mut label = String::new();
    for block in blocks {
        match &block.kind {
            BlockKind::Paragraph(inlines) => {
                label.clear();
                for (said, value) in labelled(inlines) {
                    label.clear();
                    if value.is_empty() { label = said } else { section.field(said, value) }
                }
            }
            BlockKind::List { items, .. } => {
                items.iter().for_each(|item| section.item(item, &label));
            }
            _ => {}
        }
    }
    section.finish()
}

struct Section {
    command: Command,
    choices: Vec<String>,
    open: bool,
}

impl Section {
    fn field(&mut self, label: String, value: String) {
        match label.to_lowercase().as_str() {
            "" | "description" | "purpose" if self.command.summary.is_empty() => self.command.summary = value,
            "usage" | "syntax" if self.command.params.is_empty() => {
                self.command.params = split_call(&value).map_or_else(Vec::new, |(_, rest)| params(rest));
            }
            "" | "usage" | "syntax" => {}
            _ => self.command.fields.push((label, value)),
        }
    }

    fn item(&mut self, item: &Item, label: &str) {
        let Some(BlockKind::Paragraph(inlines)) = item.blocks.first().map(|b| &b.kind) else { return };
        let called = match inlines.first() {
            Some(Inline::Code(code)) => {
                split_call(code).filter(|(name, _)| self.is_me(name)).map(|(_, sub)| (code, sub))
            }
            _ => None,
        };
        let Some((code, sub)) = called else {
            let label = if label.is_empty() { "Note" } else { label };
            return self.command.fields.push((label.to_string(), one_line(inlines)));
        };
        let help = one_line(&inlines[1..]).trim_start_matches(['-', '\u{2013}', '\u{2014}', ':', ' ']).to_string();
        self.command.fields.push((code.clone(), help));
        match sub.split_whitespace().next() {
            None => {}
            Some(word) if word.starts_with(['[', '<', '{']) => self.open = true,
            Some(_) if label.to_lowercase().starts_with("example") => self.open = true,
            Some(word) => self.choices.push(word.to_string()),
        }
    }

    fn is_me(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.command.name)
    }

    fn finish(mut self) -> Command {
        if self.open || self.choices.is_empty() {
            return self.command;
        }
        let mut seen = HashSet::new();
        self.choices.retain(|c| seen.insert(c.clone()));
        let params = &mut self.command.params;
        if !params.iter().any(|p| p.kind == ParamKind::Positional) {
            params.insert(0, Param { name: "action".to_string(), var: "action".to_string(), ..Param::default() });
        }
        if let Some(param) = params.iter_mut().find(|p| p.kind == ParamKind::Positional && p.choices.is_empty()) {
            param.choices = self.choices;
        }
        self.command
    }
}

/// The bold labels that begin a line, each with the words up to the next one; words before any have no label.
fn labelled(inlines: &[Inline]) -> Vec<(String, String)> {
    let mut out: Vec<(String, Vec<Inline>)> = Vec::new();
    let (mut begins, mut colon) = (true, false);
    for (at, inline) in inlines.iter().enumerate() {
        let is_break = matches!(inline, Inline::SoftBreak | Inline::HardBreak);
        let label = if begins { label_of(inline, inlines.get(at + 1)) } else { None };
        match (label, inline) {
            (Some((label, outside)), _) => {
                out.push((label, Vec::new()));
                colon = outside;
            }
            (None, inline) => {
                let mut inline = inline.clone();
                if let (true, Inline::Text(text)) = (std::mem::take(&mut colon), &mut inline) {
                    *text = text.replacen(':', "", 1);
                }
                match out.last_mut() {
                    Some((_, words)) => words.push(inline),
                    None => out.push((String::new(), vec![inline])),
                }
            }
        }
        begins = is_break;
    }
    out.into_iter()
        .map(|(label, words)| (label, one_line(&words)))
        .filter(|(l, v)| !(l.is_empty() && v.is_empty()))
        .collect()
}

/// `**Label:**` or `**Label**:`, and whether the colon stands outside.
fn label_of(inline: &Inline, next: Option<&Inline>) -> Option<(String, bool)> {
    let Inline::Strong(words) = inline else { return None };
    let words = one_line(words);
    if let Some(label) = words.strip_suffix(':') {
        return Some((label.trim().to_string(), false));
    }
    match next {
        Some(Inline::Text(text)) if text.trim_start().starts_with(':') => Some((words, true)),
        _ => None,
    }
}
