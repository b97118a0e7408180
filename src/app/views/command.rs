//! Commands as they are shown: a definition, what is odd about it, what it would do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::commands::catalog::Resolved;
use crate::commands::describe;
use crate::commands::model::{Diagnostic, Origin, Param, ParamKind, ParamType, Step, Trigger};
use crate::commands::run::{Dry, Plan};

/// A command.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CommandView {
    /// Its name; nested names are joined with a space.
    pub name: String,
    /// The name of its source.
    pub source: String,
    /// The dialect of its definition.
    pub dialect: &'static str,
    /// What it does, one line.
    pub summary: String,
    /// The heading or folder that it stands under.
    pub category: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// What it touches: read, write, network.
    pub effects: Vec<&'static str>,
    /// Whether it is meant for models.
    pub tool: Option<bool>,
    /// What it accepts, in the order of its signature.
    pub params: Vec<ParamView>,
    /// What it does, in order.
    pub steps: Vec<StepOutline>,
    /// What fires it.
    pub triggers: Vec<FiredBy>,
    /// Whether there is something to run.
    pub runnable: bool,
    /// trusted, untrusted, or changed since it was trusted.
    pub trust: &'static str,
    /// Where it came from.
    pub origin: OriginView,
    /// What is odd about it.
    pub diagnostics: Vec<DiagnosticView>,
}

impl From<&Resolved> for CommandView {
    fn from(resolved: &Resolved) -> CommandView {
        let command = &resolved.command;
        CommandView {
            name: command.name.clone(),
            source: resolved.source.name.clone(),
            dialect: command.dialect.name(),
            summary: command.summary.clone(),
            category: command.category.clone(),
            aliases: command.aliases.clone(),
            effects: command.effects.iter().map(|effect| effect.name()).collect(),
            tool: command.tool,
            params: command.params.iter().map(ParamView::from).collect(),
            steps: command.steps.iter().map(StepOutline::from).collect(),
            triggers: command.triggers.iter().map(FiredBy::from).collect(),
            runnable: command.runnable(),
            trust: resolved.trust.name(),
            origin: OriginView::from(&command.origin),
            diagnostics: command.diagnostics.iter().map(DiagnosticView::from).collect(),
        }
    }
}

/// A command with its text.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WholeCommand {
    /// The command.
    #[serde(flatten)]
    pub command: CommandView,
    /// Its definition as it stands in its file.
    pub text: String,
    /// What trust in it is given to.
    pub digest: String,
}

impl From<&Resolved> for WholeCommand {
    fn from(resolved: &Resolved) -> WholeCommand {
        let mut command = CommandView::from(resolved);
        for (outline, step) in command.steps.iter_mut().zip(&resolved.command.steps) {
            outline.text = Some(step.text.clone());
        }
        WholeCommand { command, text: resolved.command.text.clone(), digest: resolved.digest.clone() }
    }
}

/// A parameter.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ParamView {
    /// Its name.
    pub name: String,
    /// positional, option, flag or rest.
    pub kind: &'static str,
    /// text, integer, number, path, file, secret or bool.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// Whether it must be given.
    pub required: bool,
    /// What it is when it is not given.
    pub default: Option<String>,
    /// The only values that it takes.
    pub choices: Vec<String>,
    /// What it is for.
    pub help: String,
    /// Whether no record keeps it.
    pub secret: bool,
}

impl From<&Param> for ParamView {
    fn from(param: &Param) -> ParamView {
        let kind = match param.kind {
            ParamKind::Positional => "positional",
            ParamKind::Option => "option",
            ParamKind::Flag => "flag",
            ParamKind::Rest => "rest",
        };
        ParamView {
            name: param.name.clone(),
            kind,
            type_: describe::type_word(param.ty),
            short: param.short,
            required: param.required,
            default: param.default.clone(),
            choices: param.choices.clone(),
            help: param.help.clone(),
            secret: param.ty == ParamType::Secret,
        }
    }
}

/// A step, as far as lists tell of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StepOutline {
    /// Its id within the command.
    pub id: String,
    /// What kind of step it is.
    pub kind: &'static str,
    /// Its language.
    pub lang: String,
    /// What it offers to a model.
    pub tools: Vec<String>,
    /// Its text, where the command is shown whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl From<&Step> for StepOutline {
    fn from(step: &Step) -> StepOutline {
        let (id, lang, tools) = (step.id.clone(), step.lang.clone(), step.tools.clone());
        StepOutline { id, kind: step.kind.name(), lang, tools, text: None }
    }
}

/// Something that fires a command.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FiredBy {
    /// The kind of trigger.
    pub kind: String,
    /// Its words.
    pub args: Vec<String>,
    /// Its options.
    pub options: BTreeMap<String, String>,
}

impl From<&Trigger> for FiredBy {
    fn from(trigger: &Trigger) -> FiredBy {
        FiredBy { kind: trigger.kind.clone(), args: trigger.args.clone(), options: trigger.options.clone() }
    }
}

/// Where a definition came from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OriginView {
    /// `owner/repo`, or the folder or address that it was read from.
    pub repo: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The file within it.
    pub path: String,
    /// The digest of the file.
    pub blob: Option<String>,
    /// Its first and its last line.
    pub lines: [usize; 2],
}

impl From<&Origin> for OriginView {
    fn from(origin: &Origin) -> OriginView {
        OriginView {
            repo: origin.repo.clone(),
            commit: origin.commit.clone(),
            path: origin.path.clone(),
            blob: origin.blob.clone(),
            lines: [origin.lines.0, origin.lines.1],
        }
    }
}

/// Something odd about a definition.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DiagnosticView {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// info, warning or error.
    pub severity: &'static str,
    /// What is odd.
    pub message: String,
}

impl From<&Diagnostic> for DiagnosticView {
    fn from(one: &Diagnostic) -> DiagnosticView {
        let severity = describe::severity(one.severity);
        DiagnosticView { line: one.line, column: one.column, severity, message: one.message.clone() }
    }
}

/// Something odd about a definition, and the file that it is about.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlacedDiagnostic {
    /// The file.
    pub path: String,
    /// What is odd.
    #[serde(flatten)]
    pub diagnostic: DiagnosticView,
}

/// What a check of definitions found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CheckView {
    /// Commands that were looked at.
    pub commands: usize,
    /// Errors among what was found.
    pub errors: usize,
    /// Warnings among what was found.
    pub warnings: usize,
    /// What was found.
    pub diagnostics: Vec<PlacedDiagnostic>,
}

/// What would run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DryRunView {
    /// The command, with its source.
    pub command: String,
    /// Whether it is trusted.
    pub trust: &'static str,
    /// What each step would do.
    pub steps: Vec<DryStep>,
}

impl DryRunView {
    /// What the steps of a plan would do.
    pub fn of(plan: &Plan, steps: &[Dry]) -> DryRunView {
        let root = &plan.root().resolved;
        DryRunView { command: root.key(), trust: root.trust.name(), steps: steps.iter().map(DryStep::from).collect() }
    }
}

/// What a step would do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DryStep {
    /// Its id.
    pub id: String,
    /// What kind of step it is.
    pub kind: &'static str,
    /// The program or room that would do it.
    pub program: String,
    /// The exact text that it would get.
    pub text: String,
    /// The variables that it would see beside ours; secret ones are `***`.
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: Map<String, Json>,
    /// The words that it would get.
    pub argv: Vec<String>,
    /// The folder in which it would start.
    pub cwd: Option<String>,
    /// Conditions, limits and what could not be filled, as sentences.
    pub notes: Vec<String>,
    /// What a model would get as the user's message beside a system text.
    pub input: Option<String>,
    /// What its model is offered.
    pub tools: Vec<String>,
}

impl From<&Dry> for DryStep {
    fn from(dry: &Dry) -> DryStep {
        DryStep {
            id: dry.id.clone(),
            kind: dry.kind.name(),
            program: dry.program.clone(),
            text: dry.text.clone(),
            env: dry.env.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect(),
            argv: dry.argv.clone(),
            cwd: dry.cwd.clone(),
            notes: dry.notes.clone(),
            input: dry.input.clone(),
            tools: dry.tools.clone(),
        }
    }
}
