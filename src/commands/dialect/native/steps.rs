//! The fences of a native definition as steps.

use std::collections::HashSet;

use super::info::{self, Info};
use crate::commands::model::{Command, Diagnostic, Severity, Step, StepKind, Syntax};
use crate::kernel::duration::parse_ms;
use crate::kernel::markdown::{Block, BlockKind, Code};
use crate::kernel::near::nearest;

/// Languages whose fences are scripts.
pub const KNOWN_LANGUAGES: [&str; 24] = [
    "sh",
    "shell",
    "bash",
    "zsh",
    "dash",
    "ksh",
    "fish",
    "pwsh",
    "powershell",
    "cmd",
    "bat",
    "python",
    "py",
    "python3",
    "node",
    "js",
    "javascript",
    "ruby",
    "rb",
    "php",
    "deno",
    "ts",
    "typescript",
    "perl",
];

/// Languages that are shown and never run, without a word about it.
const NEVER: [&str; 8] = ["text", "txt", "console", "diff", "mermaid", "output", "plaintext", "markdown"];

/// What a fence of this language is; `None` when it never runs.
pub fn step_kind(lang: &str) -> Option<StepKind> {
    Some(match lang {
        "prompt" => StepKind::Prompt,
        "system" => StepKind::System,
        "lua" => StepKind::Lua,
        "http" => StepKind::Http,
        "mqtt" => StepKind::Mqtt,
        "ha" => StepKind::Ha,
        "say" => StepKind::Say,
        "run" => StepKind::Run,
        "wait" => StepKind::Wait,
        "notify" => StepKind::Notify,
        other if KNOWN_LANGUAGES.contains(&other) => StepKind::Script,
        _ => return None,
    })
}

/// The attributes that every step has.
const COMMON: [&str; 8] = ["id", "stdin", "if", "timeout", "cwd", "sandbox", "allow_failure", "undo"];

/// The attributes that only a step of this kind has.
pub fn own_attributes(kind: StepKind) -> &'static [&'static str] {
    match kind {
        StepKind::Prompt | StepKind::System => &["model", "tools", "temperature", "top_p", "max_tokens", "seed"],
        StepKind::Mqtt => &["topic", "broker", "qos", "retain", "content_type", "expiry"],
        StepKind::Ha => &["service", "response"],
        StepKind::Say => &["voice", "speed", "speaker"],
        StepKind::Notify => &["urgency"],
        // Those that call a plugin are written for it when it is enabled.
        StepKind::Lua => &["plugin", "call"],
        StepKind::Script | StepKind::Snippet | StepKind::Http | StepKind::Run | StepKind::Wait => &[],
    }
}

/// Adds the fences among `body` to the command, in order.
pub fn gather(body: &[Block], shell: Option<&str>, command: &mut Command) {
    for block in body {
        if let BlockKind::Code(code) = &block.kind
            && code.fenced
        {
            fence(block, code, shell, command);
        }
    }
    check_references(command);
}

fn fence(block: &Block, code: &Code, shell: Option<&str>, command: &mut Command) {
    let info = info::parse(&code.info);
    if let Some(problem) = &info.problem {
        command.diagnostics.push(Diagnostic::error(block.line, 1, problem.clone()));
    }
    if info.lang.is_empty() || info.get("example").is_some() || NEVER.contains(&info.lang.as_str()) {
        return;
    }
    let Some(kind) = step_kind(&info.lang) else {
        let said = format!("`{}` is no language that runs, so this fence is only shown", info.lang);
        command.diagnostics.push(Diagnostic::new(Severity::Info, block.line, 1, said));
        return;
    };
    if !code.closed {
        let said = "this fence is never closed, so the rest of the file is in it";
        command.diagnostics.push(Diagnostic::error(block.line, 1, said));
    }
    let lang = match (info.lang.as_str(), shell) {
        ("shell", Some(shell)) => shell.to_string(),
        ("shell", None) => "sh".to_string(),
        (lang, _) => lang.to_string(),
    };
    let id = info.get("id").map_or_else(|| format!("step{}", command.steps.len() + 1), String::from);
    let mut step = Step::new(id, kind, lang, code.text.clone());
    step.line = block.line;
    if kind != StepKind::Script && kind != StepKind::Lua {
        step.syntax = Syntax::Native;
    }
    attributes(&info, &mut step, block.line, command);
    command.steps.push(step);
}

fn attributes(info: &Info, step: &mut Step, line: usize, command: &mut Command) {
    for (key, value) in &info.attributes {
        let text = Some(value.clone());
        match key.as_str() {
            "id" => {}
            "stdin" => step.stdin = text,
            "if" => step.condition = text,
            "cwd" => step.cwd = text,
            "sandbox" => step.sandbox = text,
            "undo" => step.undo = text,
            "model" => step.model = text,
            "tools" if matches!(step.kind, StepKind::Prompt | StepKind::System) => {
                step.tools = value.split(',').map(str::trim).filter(|t| !t.is_empty()).map(String::from).collect();
            }
            "tools" => {
                let said = format!("`tools=` is for models, and a `{}` step asks none", step.kind.name());
                command.diagnostics.push(Diagnostic::new(Severity::Warning, line, 1, said));
            }
            "allow_failure" | "allow-failure" => step.allow_failure = value != "false" && value != "no",
            "timeout" => {
                step.timeout_ms = parse_ms(value);
                if step.timeout_ms.is_none() {
                    let said = format!("`timeout={value}` is no length of time such as `30s`");
                    command.diagnostics.push(Diagnostic::error(line, 1, said));
                }
            }
            other => {
                command.diagnostics.extend(unknown(other, step.kind, line));
                step.options.insert(key.clone(), value.clone());
            }
        }
    }
}

/// What is said of an attribute that a step of this kind does not have.
fn unknown(key: &str, kind: StepKind, line: usize) -> Option<Diagnostic> {
    let own = own_attributes(kind);
    if own.contains(&key) {
        return None;
    }
    let known = COMMON.iter().chain(own).copied();
    let way = match nearest(key, known.clone()) {
        Some(meant) => format!("did you mean `{meant}=`?"),
        None => format!("they have {}", known.collect::<Vec<_>>().join(", ")),
    };
    let said = format!("`{key}=` is no attribute of `{}` steps; {way}", kind.name());
    Some(Diagnostic::warning(line, 1, said))
}

/// Ids must be unique, and `stdin=` and `undo=` must name a step.
fn check_references(command: &mut Command) {
    let mut seen = HashSet::new();
    let ids: HashSet<&str> = command.steps.iter().map(|s| s.id.as_str()).collect();
    let mut said = Vec::new();
    for step in &command.steps {
        if let Some(from) = step.stdin.as_deref().filter(|from| !seen.contains(from) && *from != "-") {
            let why = if ids.contains(from) { "comes later" } else { "does not exist" };
            said.push(Diagnostic::error(step.line, 1, format!("`stdin={from}` names a step that {why}")));
        }
        if let Some(undo) = step.undo.as_deref().filter(|undo| !ids.contains(undo)) {
            said.push(Diagnostic::error(step.line, 1, format!("`undo={undo}` names a step that does not exist")));
        }
        if !seen.insert(step.id.as_str()) {
            said.push(Diagnostic::error(step.line, 1, format!("the id `{}` is used twice", step.id)));
        }
    }
    command.diagnostics.extend(said);
}
