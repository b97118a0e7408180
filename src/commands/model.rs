//! The command: one value for every dialect, and everything that hangs on it.
//!
//! It knows neither where a definition lies on disk nor how it is run; adapters build it, the rest of the
//! program reads it. It is also what the store keeps (as JSON), so fields are only ever added.

mod param;
mod step;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use param::{Param, ParamKind, ParamType};
pub use step::{Step, StepKind, Syntax};

/// The Markdown dialects that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Our own format, front matter `factotum: 1`.
    Native,
    /// `maskfile.md`.
    Mask,
    /// A `Tasks` section of a README.
    Xc,
    /// Fences with attributes.
    Runme,
    /// tldr pages.
    Tldr,
    /// navi `.cheat` sheets.
    Navi,
    /// fabric patterns.
    Fabric,
    /// Claude Code slash commands.
    Claude,
    /// Agent Skills (`SKILL.md`).
    Skill,
    /// Copilot `.prompt.md` files.
    Copilot,
    /// aichat roles.
    Aichat,
    /// JAEGIS command catalogues.
    Jaegis,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Dialect; 12] = [
        Dialect::Native,
        Dialect::Mask,
        Dialect::Xc,
        Dialect::Runme,
        Dialect::Tldr,
        Dialect::Navi,
        Dialect::Fabric,
        Dialect::Claude,
        Dialect::Skill,
        Dialect::Copilot,
        Dialect::Aichat,
        Dialect::Jaegis,
    ];

    /// The lower-case name used in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Native => "native",
            Dialect::Mask => "mask",
            Dialect::Xc => "xc",
            Dialect::Runme => "runme",
            Dialect::Tldr => "tldr",
            Dialect::Navi => "navi",
            Dialect::Fabric => "fabric",
            Dialect::Claude => "claude",
            Dialect::Skill => "skill",
            Dialect::Copilot => "copilot",
            Dialect::Aichat => "aichat",
            Dialect::Jaegis => "jaegis",
        }
    }
}

/// One definition, from any dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The name without a leading slash; nested names are joined with a space.
    pub name: String,
    /// Which adapter read it.
    pub dialect: Dialect,
    /// One line for lists.
    #[serde(default)]
    pub summary: String,
    /// The heading or folder it stands under.
    #[serde(default)]
    pub category: Option<String>,
    /// Other names, without leading slashes.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it accepts, in the order of the signature.
    #[serde(default)]
    pub params: Vec<Param>,
    /// What it does, in order. Empty for a reference entry, which cannot run until it is bound.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Commands that run before it, each as typed words (`test --quick` is two words).
    #[serde(default)]
    pub requires: Vec<Vec<String>>,
    /// Environment for all steps, in order.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// Platforms it is meant for (`linux`, `macos`, `windows`, …); empty means all.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// What fires it.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// `If:`, an expression that must hold before anything runs.
    #[serde(default)]
    pub condition: Option<String>,
    /// What happens when it is fired while it runs.
    #[serde(default)]
    pub mode: Mode,
    /// Limit for the whole run, milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// How often a failed run is tried again (0: never).
    #[serde(default)]
    pub retry: u32,
    /// What it touches; empty means unknown.
    #[serde(default)]
    pub effects: Vec<Effect>,
    /// Whether a model may call it; `None` when the definition does not say.
    #[serde(default)]
    pub tool: Option<bool>,
    /// Where scripts start.
    #[serde(default)]
    pub cwd: Cwd,
    /// Labels nobody knows, kept and shown: `(label, value)`.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// The definition as it stands in the file, for showing and for the trust digest.
    #[serde(default)]
    pub text: String,
    /// Where it came from.
    #[serde(default)]
    pub origin: Origin,
    /// What was odd about it.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
}

impl Command {
    /// An empty command of `dialect` called `name`; adapters fill in the rest.
    pub fn new(dialect: Dialect, name: impl Into<String>) -> Self {
        Command {
            name: name.into(),
            dialect,
            summary: String::new(),
            category: None,
            aliases: Vec::new(),
            params: Vec::new(),
            steps: Vec::new(),
            requires: Vec::new(),
            env: Vec::new(),
            platforms: Vec::new(),
            triggers: Vec::new(),
            condition: None,
            mode: Mode::Single,
            timeout_ms: None,
            retry: 0,
            effects: Vec::new(),
            tool: None,
            cwd: Cwd::Caller,
            fields: Vec::new(),
            text: String::new(),
            origin: Origin::default(),
            diagnostics: Vec::new(),
        }
    }

    /// Whether there is anything to run and no error stands against it.
    pub fn runnable(&self) -> bool {
        (!self.steps.is_empty() || !self.requires.is_empty())
            && !self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether its definition says that it reads and does nothing else.
    pub fn only_reads(&self) -> bool {
        !self.effects.is_empty() && self.effects.iter().all(|effect| *effect == Effect::Read)
    }

    /// The parameter called `name`, as written or by its variable name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|p| p.name == name || p.var == name)
    }
}

/// What fires a command by itself: `schedule "0 9 * * 1-5" tz=Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// `schedule`, `mqtt`, `homeassistant`, `file`, `event`, `webhook`, `voice`, `startup`.
    pub kind: String,
    /// The words after the kind, unquoted.
    #[serde(default)]
    pub args: Vec<String>,
    /// The `key=value` words.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// 1-based line in the file.
    #[serde(default)]
    pub line: usize,
}

/// What happens when a command is fired while it still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The new firing is dropped.
    #[default]
    Single,
    /// The old run is stopped.
    Restart,
    /// They run one after another.
    Queued,
    /// They run side by side.
    Parallel,
}

/// What a command touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It reads.
    Read,
    /// It changes something here.
    Write,
    /// It talks to other machines.
    Network,
}

impl Effect {
    /// The word used in definitions and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Network => "network",
        }
    }
}

/// Where scripts start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "at", content = "path")]
pub enum Cwd {
    /// The caller's folder.
    #[default]
    Caller,
    /// The folder of the definition's file.
    File,
    /// A folder relative to the definition's file.
    Relative(String),
    /// A folder relative to the caller's, or absolute.
    Path(String),
}

/// Where a command came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `owner/repo`, or the folder or address it was read from.
    #[serde(default)]
    pub repo: Option<String>,
    /// The commit it was read at.
    #[serde(default)]
    pub commit: Option<String>,
    /// Path inside the source, `/` between parts, names kept as data.
    #[serde(default)]
    pub path: String,
    /// Git blob id of the file, 40 hex digits.
    #[serde(default)]
    pub blob: Option<String>,
    /// First and last line, 1-based, inclusive.
    #[serde(default)]
    pub lines: (usize, usize),
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably not what was meant.
    Warning,
    /// The definition cannot be used as it is.
    Error,
}

/// Something odd in a file, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// How bad.
    pub severity: Severity,
    /// One sentence without its full stop.
    pub message: String,
}

impl Diagnostic {
    /// A diagnostic at a place.
    pub fn new(severity: Severity, line: usize, column: usize, message: impl Into<String>) -> Self {
        Diagnostic { line, column, severity, message: message.into() }
    }

    /// An error at a place.
    pub fn error(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, line, column, message)
    }

    /// A warning at a place.
    pub fn warning(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, line, column, message)
    }
}
