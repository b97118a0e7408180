//! The native format, as the design's page "The native definition format" has it.

use super::super::dialect::native::own_attributes;
use super::super::model::{Command, Cwd, Effect, Mode, Param, ParamKind, ParamType, Step, StepKind, Syntax, Trigger};
use super::{Exported, fence, is_prompt, is_taken, one_line, params_of, prompt, script_of, unwritable};
use crate::kernel::error::Result;

/// Writes a file with one command.
pub(super) fn write(command: &Command) -> Result<Exported> {
    let mut out = Exported { text: "---\nfactotum: 1\n---\n".to_string(), lost: Vec::new() };
    if let Some(category) = command.category.as_deref().map(one_line).filter(|c| !c.is_empty()) {
        out.text.push_str(&format!("## {category}\n"));
    }
    let params = params_of(command);
    let signature = signature(command, &params, &mut out.lost)?;
    out.text.push_str(&format!("### `/{signature}`\n"));
    fields(command, &mut out);
    options(&params, &mut out.text);
    triggers(command, &mut out.text);
    for step in &command.steps {
        step_text(command, step, &mut out)?;
    }
    Ok(out)
}

fn signature(command: &Command, params: &[Param], lost: &mut Vec<String>) -> Result<String> {
    if command.name.is_empty() || command.name.contains(['`', '<', '>', '[', ']', '\n', '\r']) {
        return Err(unwritable(command, "its name cannot stand in a signature"));
    }
    let mut out = command.name.clone();
    for param in params {
        let odd = |c: char| c.is_whitespace() || matches!(c, '`' | '[' | ']' | '<' | '>' | '=' | '|');
        if param.name.is_empty() || param.name.contains(odd) || is_taken(&param.var) {
            return Err(unwritable(command, &format!("`{}` cannot be the name of a parameter", param.name)));
        }
        out.push(' ');
        out.push_str(&word(param, lost));
    }
    Ok(out)
}

/// One parameter as the signature has it.
fn word(param: &Param, lost: &mut Vec<String>) -> String {
    let name = &param.name;
    let plain = |v: &String| !v.is_empty() && !v.contains(['`', '[', ']', '|', '\n', '\r', '<', '>']);
    let mut values: Vec<String> = param.default.iter().cloned().collect();
    values.extend(param.choices.iter().filter(|c| Some(*c) != param.default.as_ref()).cloned());
    let sayable = values.iter().all(plain) && !values.iter().any(|v| v.contains(' '));
    if param.multiple && param.kind != ParamKind::Rest {
        lost.push(format!("several values for `{name}`"));
    }
    match param.kind {
        ParamKind::Flag => format!("[--{name}]"),
        ParamKind::Rest => {
            if param.required {
                lost.push(format!("that `{name}` is required"));
            }
            format!("[{name}...]")
        }
        ParamKind::Option if !values.is_empty() && sayable => {
            if param.default.is_none() {
                lost.push(format!("that `{name}` has no default"));
            }
            format!("[{name}={}]", values.join("|"))
        }
        ParamKind::Option if param.required => {
            lost.push(format!("that `{name}` is given as `--{name}` and not by position"));
            format!("<{name}>")
        }
        kind => {
            if !values.is_empty() {
                lost.push(format!("default and choices of `{name}`"));
            }
            match (kind, param.required) {
                (ParamKind::Option, _) => format!("[--{name}=<v>]"),
                (_, true) => format!("<{name}>"),
                (_, false) => format!("[{name}]"),
            }
        }
    }
}

fn fields(command: &Command, out: &mut Exported) {
    let code = |words: Vec<String>| words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
    let mut field = |label: &str, value: String| {
        if !value.is_empty() {
            out.text.push_str(&format!("**{label}:** {value}\n"));
        }
    };
    field("Description", one_line(&command.summary));
    field("Aliases", code(command.aliases.iter().map(|a| format!("/{a}")).collect()));
    field("Requires", code(command.requires.iter().map(|words| format!("/{}", joined(words))).collect()));
    field("Env", code(command.env.iter().map(|(k, v)| format!("{k}={v}")).collect()));
    field("Platforms", command.platforms.join(", "));
    field("If", command.condition.as_deref().map(|c| code(vec![one_line(c)])).unwrap_or_default());
    let mode = match command.mode {
        Mode::Single => "",
        Mode::Restart => "restart",
        Mode::Queued => "queued",
        Mode::Parallel => "parallel",
    };
    field("Mode", mode.to_string());
    field("Timeout", command.timeout_ms.map(duration).unwrap_or_default());
    field("Retry", if command.retry > 0 { command.retry.to_string() } else { String::new() });
    let effects: Vec<&str> = command
        .effects
        .iter()
        .map(|e| match e {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Network => "network",
        })
        .collect();
    field("Effects", effects.join(", "));
    field("Tool", command.tool.map(|t| if t { "yes" } else { "no" }.to_string()).unwrap_or_default());
    match &command.cwd {
        Cwd::Caller => {}
        Cwd::File => field("Cwd", "file".to_string()),
        Cwd::Relative(path) | Cwd::Path(path) => field("Cwd", code(vec![path.clone()])),
    }
    for (label, value) in &command.fields {
        field(&one_line(label).replace(['*', ':'], ""), one_line(value));
    }
    if command.params.iter().any(|p| p.suggest.is_some()) {
        out.lost.push("suggested values".to_string());
    }
}

/// The Options list: type, short flag and help of the parameters that have any.
fn options(params: &[Param], text: &mut String) {
    let told: Vec<String> = params.iter().filter_map(option).collect();
    if !told.is_empty() {
        text.push_str(&format!("\n**Options:**\n{}\n", told.join("\n")));
    }
}

fn option(param: &Param) -> Option<String> {
    let ty = match param.ty {
        ParamType::Text => None,
        ParamType::Integer => Some("integer"),
        ParamType::Number => Some("number"),
        ParamType::Path => Some("path"),
        ParamType::File => Some("file"),
        ParamType::Secret => Some("secret"),
        ParamType::Bool => Some("bool"),
    };
    let short = param.short.map(|s| format!("-{s}"));
    let notes: Vec<String> = ty.map(str::to_string).into_iter().chain(short).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let help = one_line(&param.help);
    let help = if help.is_empty() { help } else { format!(" - {help}") };
    (!notes.is_empty() || !help.is_empty()).then(|| format!("- `{}`{notes}{help}", param.name))
}

fn triggers(command: &Command, text: &mut String) {
    if command.triggers.is_empty() {
        return;
    }
    text.push_str("\n**On:**\n");
    for Trigger { kind, args, options, .. } in &command.triggers {
        let mut words = vec![kind.clone()];
        words.extend(args.iter().map(|a| quoted(a)));
        words.extend(options.iter().map(|(k, v)| format!("{k}={}", quoted(v))));
        text.push_str(&format!("- `{}`\n", words.join(" ")));
    }
}

fn step_text(command: &Command, step: &Step, out: &mut Exported) -> Result<()> {
    let (lang, mut body) = match step.kind {
        StepKind::Script => (step.lang.as_str(), step.text.clone()),
        StepKind::Snippet => (step.lang.as_str(), script_of(step)?),
        _ if is_prompt(step) => (step.kind.name(), prompt::rewrite(command, step, Syntax::Native, &mut out.lost)),
        kind => (kind.name(), step.text.clone()),
    };
    if !body.ends_with('\n') {
        body.push('\n');
    }
    if lang.is_empty() {
        return Err(unwritable(
            command,
            &format!("its step `{}` has no language, and such a block never runs", step.id),
        ));
    }
    let mark = fence(&body);
    out.text.push_str(&format!("\n{mark}{lang} {{{}}}\n{body}{mark}\n", attributes(step)));
    Ok(())
}

fn attributes(step: &Step) -> String {
    let mut pairs = vec![("id", Some(step.id.clone()))];
    pairs.push(("stdin", step.stdin.clone()));
    pairs.push(("if", step.condition.clone()));
    pairs.push(("timeout", step.timeout_ms.map(duration)));
    pairs.push(("cwd", step.cwd.clone()));
    pairs.push(("sandbox", step.sandbox.clone()));
    pairs.push(("allow_failure", step.allow_failure.then(|| "true".to_string())));
    pairs.push(("undo", step.undo.clone()));
    pairs.push(("model", step.model.clone()));
    pairs.push(("tools", (!step.tools.is_empty()).then(|| step.tools.join(","))));
    // What else a reader noted of a step of another format is no attribute.
    let own = own_attributes(step.kind);
    let known = step.options.iter().filter(|(key, _)| own.contains(&key.as_str()));
    pairs.extend(known.map(|(key, value)| (key.as_str(), Some(value.clone()))));
    let said = pairs.into_iter().filter_map(|(k, v)| Some(format!("{k}={}", quoted(&one_line(&v?)))));
    said.collect::<Vec<_>>().join(" ")
}

/// Words as typed, quoted where they must be.
fn joined(words: &[String]) -> String {
    words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ")
}

/// A word, in double quotes when it would not stay one without them.
fn quoted(word: &str) -> String {
    let odd = |c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'' | '\\' | '{' | '}' | '=' | '`');
    if !word.is_empty() && !word.contains(odd) {
        return word.to_string();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `90m`, `10s`, `1500ms`: the largest unit that says it exactly.
fn duration(ms: u64) -> String {
    [(3_600_000, "h"), (60_000, "m"), (1000, "s")]
        .iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit))
        .map_or_else(|| format!("{ms}ms"), |(unit, name)| format!("{}{name}", ms / unit))
}
