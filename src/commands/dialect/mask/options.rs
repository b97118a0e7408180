//! The nested list under the word OPTIONS: one flag per item, its settings one level deeper.
//!
//! Settings are `flags: -p --port`, `type: string|number` (anything else is a switch), `desc:`, `choices: a, b`
//! and `required`. Unlike mask, words in emphasis or code count as words.

use super::source::is_identifier;
use crate::commands::model::{Diagnostic, Param, ParamKind, ParamType};
use crate::kernel::markdown::{Block, BlockKind, Item, one_line};

/// The flags a list describes; what is odd goes to `diagnostics`.
pub(super) fn read(items: &[Item], diagnostics: &mut Vec<Diagnostic>) -> Vec<Param> {
    items.iter().filter_map(|item| flag(item, diagnostics)).collect()
}

fn flag(item: &Item, diagnostics: &mut Vec<Diagnostic>) -> Option<Param> {
    let name = first_words(&item.blocks);
    let settings: Vec<&Item> = item
        .blocks
        .iter()
        .filter_map(|b| if let BlockKind::List { items, .. } = &b.kind { Some(items) } else { None })
        .flatten()
        .collect();
    if name.is_empty() || settings.is_empty() {
        let message = format!("option `{name}` has no list of settings under it; mask ignores it");
        diagnostics.push(Diagnostic::warning(item.line, 1, message));
        return None;
    }
    let mut param = Param { name: name.clone(), var: name, kind: ParamKind::Flag, ..Param::default() };
    for setting in settings {
        apply(setting, &mut param, diagnostics);
    }
    if param.kind == ParamKind::Flag && !param.choices.is_empty() {
        let message = format!("option `{}` has choices but no `type: string`, so it takes no value", param.var);
        diagnostics.push(Diagnostic::warning(item.line, 1, message));
    }
    if !is_identifier(&param.var) {
        diagnostics.push(Diagnostic::warning(item.line, 1, unreadable(&param.var)));
    }
    Some(param)
}

fn apply(setting: &Item, param: &mut Param, diagnostics: &mut Vec<Diagnostic>) {
    let words = first_words(&setting.blocks);
    let (key, value) = words.split_once(':').map_or((words.as_str(), ""), |(k, v)| (k.trim(), v.trim()));
    match key {
        "desc" => param.help = value.to_string(),
        "required" => param.required = true,
        "choices" => {
            param.choices = value.split(',').map(str::trim).filter(|c| !c.is_empty()).map(str::to_string).collect();
        }
        "flags" => {
            for flag in value.split([' ', ',']) {
                if let Some(long) = flag.strip_prefix("--").filter(|l| !l.is_empty()) {
                    param.name = long.to_string();
                } else if let Some(short) = flag.strip_prefix('-').and_then(|s| s.chars().next()) {
                    param.short = Some(short);
                }
            }
        }
        "type" => match value {
            "string" => param.kind = ParamKind::Option,
            "number" => (param.kind, param.ty) = (ParamKind::Option, ParamType::Number),
            "bool" | "boolean" => {}
            other => {
                let message = format!("type `{other}` is not known to mask, which takes the option for a switch");
                diagnostics.push(Diagnostic::warning(setting.line, 1, message));
            }
        },
        _ => {}
    }
}

/// What is said about a name that scripts cannot read.
pub(super) fn unreadable(name: &str) -> String {
    format!("`{name}` is no name that a shell script can read as a variable")
}

fn first_words(blocks: &[Block]) -> String {
    match blocks.first().map(|b| &b.kind) {
        Some(BlockKind::Paragraph(inlines)) => one_line(inlines),
        _ => String::new(),
    }
}
