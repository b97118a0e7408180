//! A maskfile: nested headings, arguments in the heading, an OPTIONS list, one script.
//!
//! No title is written: mask takes a parent's name off a child's without looking for a word's end, and with a title
//! every command would be such a child.

use super::super::model::{Command, Param, ParamKind, ParamType, StepKind};
use super::{Exported, cannot, escaped, fence, is_taken, lost_fields, params_of, script_of, unwritable};
use crate::kernel::error::Result;

/// Writes a maskfile with one command.
pub(super) fn write(command: &Command) -> Result<Exported> {
    let step = match command.steps.as_slice() {
        [step] if matches!(step.kind, StepKind::Script | StepKind::Snippet) => step,
        [step] => return Err(cannot(command, "mask", &format!("it runs scripts, and this is `{}`", step.kind.name()))),
        [] => return Err(cannot(command, "mask", "the command has no script")),
        steps => {
            return Err(cannot(command, "mask", &format!("a task has one script, and this has {} steps", steps.len())));
        }
    };
    if step.lang.is_empty() {
        return Err(cannot(command, "mask", "its script names no language"));
    }
    let params = params_of(command);
    let mut out = Exported { text: headings(command, &params)?, lost: lost_fields(command) };
    if !command.summary.trim().is_empty() {
        out.text.push_str(&format!("\n> {}\n", escaped(&command.summary)));
    }
    for param in &params {
        losses(param, &mut out.lost);
    }
    options(command, &params, &mut out.text)?;
    let mut script = script_of(step)?;
    if !script.ends_with('\n') {
        script.push('\n');
    }
    let mark = fence(&script);
    out.text.push_str(&format!("\n{mark}{}\n{script}{mark}\n", step.lang));
    Ok(out)
}

/// A heading for each word of the name, the arguments at the last.
fn headings(command: &Command, params: &[Param]) -> Result<String> {
    let odd = |c: char| matches!(c, '(' | ')' | '[' | ']' | '`' | '*' | '<' | '>' | '&' | '\\' | '#') || c.is_control();
    if command.name.trim().is_empty() || command.name.contains(odd) || command.name.contains("__") {
        return Err(unwritable(command, "its name cannot be a heading that mask reads back"));
    }
    let words: Vec<&str> = command.name.split_whitespace().collect();
    let depth = words.len().min(5);
    let mut text = String::new();
    for at in 1..=depth {
        let full = if at == depth { words.join(" ") } else { words[..at].join(" ") };
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&format!("{} {full}", "#".repeat(at + 1)));
    }
    let positional = params.iter().filter(|p| matches!(p.kind, ParamKind::Positional | ParamKind::Rest));
    for required in [true, false] {
        for param in positional.clone().filter(|p| p.required == required) {
            let name = variable(command, param)?;
            text.push_str(&if required { format!(" ({name})") } else { format!(" [{name}]") });
        }
    }
    text.push('\n');
    Ok(text)
}

fn variable<'a>(command: &Command, param: &'a Param) -> Result<&'a str> {
    let var = param.var.as_str();
    let fits = var.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && var.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits && !is_taken(var) {
        return Ok(var);
    }
    Err(unwritable(command, &format!("`{var}` cannot be a variable of its script")))
}

fn options(command: &Command, params: &[Param], text: &mut String) -> Result<()> {
    // mask adds `--verbose` to every task by itself.
    let built_in = |p: &&Param| p.var == "verbose" && p.kind == ParamKind::Flag && p.short == Some('v');
    let flags = params.iter().filter(|p| matches!(p.kind, ParamKind::Option | ParamKind::Flag) && !built_in(p));
    let mut list = String::new();
    for param in flags {
        if param.name.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '*' | '`' | '[' | '<' | '&' | '\\')) {
            return Err(unwritable(command, &format!("`--{}` cannot be the name of an option", param.name)));
        }
        let short = param.short.map(|s| format!("-{s} ")).unwrap_or_default();
        list.push_str(&format!("* {}\n    * flags: {short}--{}\n", variable(command, param)?, param.name));
        if param.kind == ParamKind::Option {
            let ty = if matches!(param.ty, ParamType::Number | ParamType::Integer) { "number" } else { "string" };
            list.push_str(&format!("    * type: {ty}\n"));
        }
        if !param.help.trim().is_empty() {
            list.push_str(&format!("    * desc: {}\n", escaped(&param.help)));
        }
        if !param.choices.is_empty() && choices_fit(param) {
            list.push_str(&format!("    * choices: {}\n", escaped(&param.choices.join(", "))));
        }
        if param.required {
            list.push_str("    * required\n");
        }
    }
    if !list.is_empty() {
        text.push_str(&format!("\n**OPTIONS**\n\n{list}"));
    }
    Ok(())
}

fn choices_fit(param: &Param) -> bool {
    param.choices.iter().all(|c| !c.is_empty() && !c.contains(',') && c.trim() == c)
}

fn losses(param: &Param, lost: &mut Vec<String>) {
    let name = &param.name;
    let positional = matches!(param.kind, ParamKind::Positional | ParamKind::Rest);
    if param.default.is_some() {
        lost.push(format!("the default of `{name}`"));
    }
    if param.kind == ParamKind::Rest || param.multiple {
        lost.push(format!("several values for `{name}`"));
    }
    if !param.choices.is_empty() && (positional || !choices_fit(param)) {
        lost.push(format!("the choices of `{name}`"));
    }
    if positional && (!param.help.is_empty() || param.short.is_some()) {
        lost.push(format!("the help of `{name}`"));
    }
    if matches!(param.ty, ParamType::Integer | ParamType::Path | ParamType::File | ParamType::Secret | ParamType::Bool)
        || (positional && param.ty == ParamType::Number)
    {
        lost.push(format!("the type of `{name}`"));
    }
    if positional && param.name != param.var {
        lost.push(format!("the spelling of `{name}`"));
    }
}
