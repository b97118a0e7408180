//! What a prompt or system step says to a model: the same for a dry run and for a real one.
//!
//! It puts texts together and calls nobody. A system text waits for the prompts behind it; where a command has none,
//! it is a call by itself, and what is piped in or typed is the person's message.

use super::allowed::{check_runnable, refuse_untrusted};
use super::{Engine, Plan, Unit, step};
use crate::commands::model::{Command, Step, StepKind, Syntax};
use crate::commands::template::{self, Rendered, Role};
use crate::kernel::error::{Error, Kind, Result};

/// What a model is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// What it is to be and to do.
    pub system: Option<String>,
    /// Questions with their answers that show it how, oldest first.
    pub examples: Vec<(String, String)>,
    /// The person's message; may be empty where a file goes along.
    pub message: String,
    /// What goes along as a file: input that the text does not hold.
    pub attached: Option<Vec<u8>>,
    /// Whether the text of the step holds what it reads.
    pub holds_input: bool,
    /// Placeholders without a value.
    pub missing: Vec<String>,
    /// What was left alone, a sentence each.
    pub notes: Vec<String>,
}

impl Call {
    /// Whether nothing is said at all.
    pub fn is_empty(&self) -> bool {
        self.message.trim().is_empty() && self.attached.is_none()
    }

    /// Whether it has a place for its input, and there is none.
    pub fn wants_input(&self) -> bool {
        self.missing.iter().any(|name| name == "input")
    }

    /// What has no value and stays as it is written, for whoever asks.
    pub fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.missing.iter().map(|name| format!("`{name}` has no value and stays as it is"))
    }

    /// The text of the step and the message beside it, for a dry run.
    pub(super) fn shown(self, waits: bool) -> (String, Option<String>) {
        let attached = self.attached.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let examples =
            self.examples.iter().map(|(asked, said)| format!("\n\n### INPUT:\n{asked}\n\n### OUTPUT:\n{said}"));
        let examples: String = examples.collect();
        let system = self.system.or_else(|| (!examples.is_empty()).then(String::new));
        let Some(system) = system.map(|text| text + &examples) else { return (self.message, attached) };
        let message = Some(self.message).filter(|m| !m.is_empty());
        let beside = [message, attached].into_iter().flatten().reduce(|a, b| format!("{a}\n{b}"));
        (system, beside.filter(|_| !waits))
    }
}

/// Whether this is a system text that a later prompt of its command takes along.
pub(super) fn waits_for_prompt(command: &Command, step: &Step) -> bool {
    let behind = command.steps.iter().skip_while(|s| s.id != step.id);
    step.kind == StepKind::System && behind.skip(1).any(|s| s.kind == StepKind::Prompt)
}

/// The one thing that a plan says to a model, and the step that says it.
///
/// # Errors
/// `Usage` when it does something else, or says more than one thing.
pub fn single<'p>(engine: &Engine<'_>, plan: &'p Plan) -> Result<(Call, &'p Step)> {
    refuse_untrusted(plan)?;
    let root = plan.root();
    let command = &root.resolved.command;
    check_runnable(command)?;
    let (mut systems, mut said) = (Vec::new(), Vec::new());
    for step in &command.steps {
        if waits_for_prompt(command, step) {
            systems.push(step::rendered(engine, root, step, None).text);
        } else if matches!(step.kind, StepKind::Prompt | StepKind::System) {
            said.push((of(engine, root, step, &systems, engine.input.as_deref()), step));
        }
    }
    let steps = systems.len() + said.len();
    match said.pop() {
        Some(only) if said.is_empty() && steps == command.steps.len() && plan.units.len() == 1 => Ok(only),
        _ => Err(Error::new(Kind::Usage, format!("`{}` is more than one prompt", root.resolved.full_name()))
            .hint(format!("run it: `fac run {}`", root.resolved.full_name()))),
    }
}

/// What `step` says. `systems` are the system texts before it, `input` is what it reads.
pub(super) fn of(engine: &Engine<'_>, unit: &Unit, step: &Step, systems: &[String], input: Option<&[u8]>) -> Call {
    let text = input.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let binary = input.filter(|bytes| text.is_none() && !bytes.is_empty());
    let typed = unit.bound.rest.join(" ");
    let message = text.filter(|t| !t.is_empty()).map_or_else(|| typed.clone(), String::from);
    let system = (!systems.is_empty()).then(|| systems.join("\n\n"));
    if step.syntax == Syntax::Aichat {
        let rendered = step::filled(engine, unit, step, Some(&message));
        return Call { attached: binary.map(<[u8]>::to_vec), ..of_turns(rendered, message, system) };
    }
    if step.kind == StepKind::System {
        let holds_input = holds_input(step);
        let rendered = step::filled(engine, unit, step, holds_input.then_some(message.as_str()));
        let (missing, notes) = (rendered.missing, rendered.notes);
        let own = (!rendered.text.trim().is_empty()).then_some(rendered.text);
        let attached = binary.map(<[u8]>::to_vec);
        return if holds_input {
            Call { system, message: own.unwrap_or_default(), attached, holds_input, missing, notes, ..Call::default() }
        } else {
            let system = [system, own].into_iter().flatten().reduce(|a, b| format!("{a}\n\n{b}"));
            Call { system, message, attached, missing, notes, ..Call::default() }
        };
    }
    let rendered = step::rendered(engine, unit, step, text.map(str::as_bytes));
    let holds_input = rendered.used.iter().any(|name| name == "input");
    let beside = input.filter(|bytes| !bytes.is_empty() && (!holds_input || binary.is_some()));
    Call {
        system,
        message: rendered.text,
        attached: beside.map(<[u8]>::to_vec),
        holds_input,
        missing: rendered.missing,
        notes: rendered.notes,
        ..Call::default()
    }
}

/// Whether the text has a place for its input.
fn holds_input(step: &Step) -> bool {
    template::placeholders(step.syntax, &step.text).iter().any(|p| p.name == "input")
}

/// The turns of an aichat role.
fn of_turns(rendered: Rendered, message: String, system: Option<String>) -> Call {
    let mut call = Call { system, message, missing: rendered.missing, notes: rendered.notes, ..Call::default() };
    call.holds_input = rendered.used.iter().any(|name| name == "input");
    let mut asked: Option<String> = None;
    for turn in rendered.messages {
        match turn.role {
            Role::System => call.system = Some(turn.text),
            Role::User => asked = Some(turn.text),
            Role::Assistant => call.examples.extend(asked.take().map(|asked| (asked, turn.text))),
        }
    }
    call.message = asked.unwrap_or_default();
    call
}
