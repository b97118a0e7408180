//! What the steps of a plan would do, without doing it.

use super::pause::Pause;
use super::progress::undone_by;
use super::step::{known, prepare, rendered, script};
use super::{Engine, Plan, Unit, call, context, fired};
use crate::commands::model::{Step, StepKind, Syntax};
use crate::commands::template::{self, Values};
use crate::commands::tool;
use crate::kernel::error::Result;

/// What a step would do, for `--dry-run`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dry {
    /// The step's id, with the prefix of its command.
    pub id: String,
    /// Its kind.
    pub kind: StepKind,
    /// The program or room that would do it.
    pub program: String,
    /// The exact text it would get.
    pub text: String,
    /// The variables it would see beside the caller's; secret ones are `***`.
    pub env: Vec<(String, String)>,
    /// The words it would get as argv.
    pub argv: Vec<String>,
    /// The folder it would start in.
    pub cwd: Option<String>,
    /// What a model would get as the user's message beside a system text.
    pub input: Option<String>,
    /// The tools that its model is offered.
    pub tools: Vec<String>,
    /// Conditions, limits and what could not be filled, as sentences.
    pub notes: Vec<String>,
}
/// What every step of a plan would do, without doing it.
pub fn dry_run(engine: &Engine<'_>, plan: &Plan) -> Result<Vec<Dry>> {
    let mut all = Vec::new();
    let redactor = engine.world.redactor.fork();
    for unit in &plan.units {
        super::hide(unit, &redactor);
        for step in &unit.resolved.command.steps {
            let mut dry = dry(engine, unit, step)?;
            let texts = dry
                .env
                .iter_mut()
                .map(|(_, value)| value)
                .chain(&mut dry.argv)
                .chain([&mut dry.text])
                .chain(&mut dry.input);
            texts.for_each(|text| *text = redactor.redact(text).into_owned());
            if let Some(done) = undone_by(&unit.resolved.command, step) {
                dry.notes.push(format!("only undoes `{}`, where a later step fails", done.id));
            }
            all.push(dry);
        }
    }
    Ok(all)
}

fn dry(engine: &Engine<'_>, unit: &Unit, step: &Step) -> Result<Dry> {
    let mut dry = Dry {
        id: format!("{}{}", unit.prefix, step.id),
        kind: step.kind,
        program: step.lang.clone(),
        text: step.text.clone(),
        env: Vec::new(),
        argv: Vec::new(),
        cwd: context::folder(unit, step, &engine.world.cwd, &engine.world.env).ok().map(|f| f.display().to_string()),
        input: None,
        tools: Vec::new(),
        notes: notes(step),
    };
    match step.kind {
        StepKind::Script | StepKind::Snippet => {
            let script = script(unit, step)?;
            let prepared = prepare(engine, unit, &script);
            dry.program = match &prepared {
                Ok(prepared) => prepared.program.display().to_string(),
                Err(error) => {
                    dry.notes.push(error.full_message());
                    script.lang.clone()
                }
            };
            dry.text = script.text;
            dry.env = unit.resolved.command.env.clone();
            dry.env.extend(unit.bound.values.iter().map(|v| (v.var.clone(), v.text.clone())));
            dry.env.extend(script.variables);
            dry.env.extend(engine.fired.iter().flat_map(fired::variables));
            dry.argv = script.argv.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        }
        StepKind::Prompt | StepKind::System => {
            let piped = engine.input.as_deref().filter(|_| step.stdin.as_deref().is_none_or(|from| from == "-"));
            let said = call::of(engine, unit, step, &[], piped);
            dry.notes.extend(said.missing.iter().map(|m| format!("`{m}` has no value and stays as it is")));
            dry.notes.extend(said.notes.iter().cloned());
            dry.tools.clone_from(&step.tools);
            if let Some(wish) = tool::foreign_wish(&unit.resolved.command) {
                dry.notes.push(format!("its tools ({wish}) are another program's: none is offered; `-T` offers yours"));
            }
            dry.program = step.model.clone().map_or_else(|| step.kind.name().to_string(), |m| format!("model {m}"));
            (dry.text, dry.input) = said.shown(call::waits_for_prompt(&unit.resolved.command, step));
        }
        _ => {
            dry.program = step.kind.name().to_string();
            let look = |name: &str| known(engine, unit, step, name);
            let runner = engine.runner(step.kind);
            dry.notes.extend(runner.and_then(|runner| runner.ready(step).err()).map(|error| error.full_message()));
            match runner.map(|runner| runner.dry(unit, step, &look)).transpose() {
                Ok(Some(Some(planned))) => {
                    dry.text = planned.text;
                    dry.notes.extend(planned.notes);
                }
                told => {
                    let rendered = rendered(engine, unit, step, None);
                    dry.text = rendered.text;
                    dry.notes.extend(rendered.missing.iter().map(|m| format!("`{m}` has no value and stays as it is")));
                    dry.notes.extend(rendered.notes);
                    let fill = |text: &str| template::render(Syntax::Native, text, &Values::new(&look)).text;
                    let said: Vec<String> =
                        step.options.iter().map(|(name, text)| format!("{name}={}", fill(text))).collect();
                    dry.notes.extend((!said.is_empty()).then(|| said.join(" ")));
                    dry.notes.extend(told.err().map(|error| error.full_message()));
                    if step.kind == StepKind::Wait {
                        let pause = Pause::read(&dry.text, &engine.world.clock);
                        dry.notes.push(pause.map_or_else(|error| error.full_message(), |pause| pause.to_string()));
                    }
                }
            }
        }
    }
    Ok(dry)
}

fn notes(step: &Step) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(condition) = &step.condition {
        notes.push(format!("only if {condition}"));
    }
    if let Some(from) = &step.stdin {
        notes.push(format!("reads the output of `{from}`"));
    }
    if let Some(ms) = step.timeout_ms {
        notes.push(format!("at most {}", crate::kernel::duration::human_ms(ms)));
    }
    if step.allow_failure {
        notes.push("may fail".to_string());
    }
    notes
}
