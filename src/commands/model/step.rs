//! What a command does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A script for the interpreter named by `lang`; arguments arrive as environment and argv.
    Script,
    /// A shell snippet whose placeholders are filled by quoted variable references (tldr, navi).
    Snippet,
    /// Text for a model, as the user.
    Prompt,
    /// Text for a model, as the system.
    System,
    /// A Lua chunk.
    Lua,
    /// An HTTP request.
    Http,
    /// An MQTT publish.
    Mqtt,
    /// A Home Assistant service call.
    Ha,
    /// Text to speak.
    Say,
    /// A call of another command.
    Run,
    /// A pause.
    Wait,
    /// A desktop notification.
    Notify,
}

impl StepKind {
    /// The lower-case name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            StepKind::Script => "script",
            StepKind::Snippet => "snippet",
            StepKind::Prompt => "prompt",
            StepKind::System => "system",
            StepKind::Lua => "lua",
            StepKind::Http => "http",
            StepKind::Mqtt => "mqtt",
            StepKind::Ha => "ha",
            StepKind::Say => "say",
            StepKind::Run => "run",
            StepKind::Wait => "wait",
            StepKind::Notify => "notify",
        }
    }
}

/// Which placeholders a step's text uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// None: the text is taken as it is.
    #[default]
    Plain,
    /// `{{name}}`, `\{{` literal, `{{input}}`.
    Native,
    /// fabric: `{{name}}`, `{{input}}` (appended when absent), `{{plugin:…}}`.
    Fabric,
    /// Claude Code: `$ARGUMENTS`, `$n` when declared, `$name`.
    Claude,
    /// Copilot: `${input:name:placeholder}`.
    Copilot,
    /// aichat: `__INPUT__`, `{{__os__}}` and friends.
    Aichat,
    /// tldr: `{{x}}`, `{{[-s|--long]}}`, `{{a|b}}`.
    Tldr,
    /// navi: `<name>`.
    Navi,
}

/// One thing a command does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique within the command.
    pub id: String,
    /// What it is.
    pub kind: StepKind,
    /// The language or interpreter as written in the info string.
    #[serde(default)]
    pub lang: String,
    /// The bytes of the fence, unchanged.
    pub text: String,
    /// Which placeholders `text` uses.
    #[serde(default)]
    pub syntax: Syntax,
    /// 1-based line of the step in its file.
    #[serde(default)]
    pub line: usize,
    /// The step whose output it reads.
    #[serde(default)]
    pub stdin: Option<String>,
    /// Expression that must hold.
    #[serde(default, rename = "if")]
    pub condition: Option<String>,
    /// Limit, milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Where it starts, when not where the command says.
    #[serde(default)]
    pub cwd: Option<String>,
    /// The sandbox asked for.
    #[serde(default)]
    pub sandbox: Option<String>,
    /// Whether the run goes on when it fails.
    #[serde(default)]
    pub allow_failure: bool,
    /// The step that compensates it.
    #[serde(default)]
    pub undo: Option<String>,
    /// The model asked for.
    #[serde(default)]
    pub model: Option<String>,
    /// Tools that its model is offered, as `-T` would name them. Offering allows nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Words of the info string nobody knows.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

impl Step {
    /// A step of `kind` with its id and text; the rest is empty.
    pub fn new(id: impl Into<String>, kind: StepKind, lang: impl Into<String>, text: impl Into<String>) -> Self {
        Step {
            id: id.into(),
            kind,
            lang: lang.into(),
            text: text.into(),
            syntax: Syntax::Plain,
            line: 0,
            stdin: None,
            condition: None,
            timeout_ms: None,
            cwd: None,
            sandbox: None,
            allow_failure: false,
            undo: None,
            model: None,
            tools: Vec::new(),
            options: BTreeMap::new(),
        }
    }
}
