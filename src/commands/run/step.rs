//! One step: what exactly it is, and doing it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::pause::Pause;
use super::{Done, Engine, Performed, Progress, Unit, Watcher, Work, call, context, facts, fired};
use crate::commands::bind::Value;
use crate::commands::model::{Step, StepKind, Syntax};
use crate::commands::template::{self, Rendered, Values, snippet};
use crate::exec::{self, Input, Job, Output, Prepared, Stream};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe;
use crate::store::{Captured, Status};

/// How long a group may take to end after TERM before it gets KILL.
const GRACE: Duration = Duration::from_secs(5);

/// How much of its output a condition may see, bytes; for what another step reads see [`Engine::feed_bytes`].
const HEARD: usize = 256 << 10;

/// A script with everything that reaches it.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Its language.
    pub lang: String,
    /// Its text, as the interpreter gets it.
    pub text: String,
    /// Variables beside those of the arguments: words of lists, one variable each.
    pub variables: Vec<(String, String)>,
    /// What it gets as argv.
    pub argv: Vec<std::ffi::OsString>,
}

/// The script of a step, placeholders filled by references to variables; no value stands in its text.
pub(super) fn script(unit: &Unit, step: &Step) -> Result<Script> {
    let argv = context::argv(unit);
    let mut text = step.text.clone();
    let mut variables = Vec::new();
    if step.kind == StepKind::Snippet {
        let counts: BTreeMap<String, usize> = unit
            .resolved
            .command
            .params
            .iter()
            .filter_map(|p| Some((p.name.clone(), given(unit, &p.name)?.words.as_ref()?.len())))
            .collect();
        let options = snippet::Options { lang: &step.lang, short_options: false, bare_names: false, counts: &counts };
        let filled = snippet::fill(step.syntax, &step.text, &options)?;
        text = filled.script;
        for var in &filled.vars {
            let value = value_of(unit, var);
            refuse_option(unit, var, &value)?;
            variables.push((var.env.clone(), value));
        }
    }
    if let Some(prelude) = step.options.get("prelude").filter(|_| !text.starts_with("#!")) {
        text = format!("{prelude}\n{text}");
    }
    Ok(Script { lang: step.lang.clone(), text, variables, argv })
}

/// A value that begins a word and a dash begins the value: the program would take it for one of its options, and with
/// many programs (`make --eval=…`, `ssh -o…`) for code. Choices of the definition and numbers are meant.
fn refuse_option(unit: &Unit, var: &snippet::Var, value: &str) -> Result<()> {
    let meant = || {
        let chosen = unit.resolved.command.param(&var.param).is_some_and(|p| p.choices.iter().any(|c| c == value));
        chosen || value.len() == 1 || value[1..].chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    if !var.leads || !value.starts_with('-') || meant() {
        return Ok(());
    }
    let said = format!("`{}` begins with a dash, so the program would read it as one of its options", var.param);
    Err(Error::new(Kind::Usage, said)
        .hint("write a file name as `./-name`; give options by running the program yourself"))
}

/// The value of a parameter, by the name the snippet uses.
fn given<'u>(unit: &'u Unit, param: &str) -> Option<&'u Value> {
    let var = &unit.resolved.command.param(param)?.var;
    unit.bound.values.iter().find(|v| v.var == *var)
}

fn value_of(unit: &Unit, var: &snippet::Var) -> String {
    let Some(value) = given(unit, &var.param) else { return String::new() };
    match (var.index, &value.words) {
        (Some(index), Some(words)) => words.get(index).cloned().unwrap_or_default(),
        _ => value.text.clone(),
    }
}

pub(super) fn prepare(engine: &Engine<'_>, unit: &Unit, script: &Script) -> Result<Prepared> {
    let path = engine.world.env.os("PATH").map(ToOwned::to_owned).unwrap_or_default();
    let name = &unit.resolved.command.name;
    engine.world.interpreters.prepare(&script.lang, &script.text, name, &script.argv, path).map_err(|error| {
        let said = format!("`{name}` needs an interpreter for `{}`", script.lang);
        let hint = error.way_forward().map(String::from);
        let kind = if error.kind() == Kind::Usage { Kind::Missing } else { error.kind() };
        let mut ours = Error::new(kind, said).because(error.full_message());
        if let Some(hint) = hint {
            ours = ours.hint(hint);
        }
        ours
    })
}

/// The text of a step that is no script, with its placeholders filled in one pass.
pub(super) fn rendered(engine: &Engine<'_>, unit: &Unit, step: &Step, input: Option<&[u8]>) -> Rendered {
    // Nothing at all is no input, unless a step wrote it.
    let input = input.filter(|bytes| !bytes.is_empty() || step.stdin.is_some());
    let piped = input.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let words = &unit.bound.rest;
    // A prompt whose definition takes its input as words gets those where nothing is piped in.
    let wants_input = unit.resolved.command.param("input").is_some();
    let input = piped.or_else(|| (wants_input && !words.is_empty()).then(|| words.join(" ")));
    filled(engine, unit, step, input.as_deref())
}

/// The value of a placeholder.
pub(super) fn known(engine: &Engine<'_>, unit: &Unit, step: &Step, name: &str) -> Option<String> {
    context::lookup(unit, name, step.syntax).or_else(|| facts::of(engine, name))
}

/// The same with just this input.
pub(super) fn filled(engine: &Engine<'_>, unit: &Unit, step: &Step, input: Option<&str>) -> Rendered {
    let words = &unit.bound.rest;
    // What a pattern has no place for is not put behind it: it is the person's message.
    let hidden = |name: &str| input.is_none() && step.syntax == Syntax::Fabric && name == "input";
    let known = |name: &str| known(engine, unit, step, name).filter(|_| !hidden(name));
    let declared: Vec<String> = unit.resolved.command.params.iter().map(|p| p.name.clone()).collect();
    let values = Values {
        input,
        arguments: &words.join(" "),
        words,
        declared: &declared,
        positional: step.options.get("base").and_then(|base| base.parse().ok()),
        ..Values::new(&known)
    };
    template::render(step.syntax, &step.text, &values)
}

impl Engine<'_> {
    /// Does one step and waits for its end; with what it wrote, as it wrote it.
    pub(super) fn perform(
        &self,
        unit: &Unit,
        step: &Step,
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
    ) -> Result<Performed> {
        let input = self.input_of(unit, step, progress);
        let whole = |(done, wrote)| Performed { done, wrote, trouble: None };
        match step.kind {
            StepKind::Script | StepKind::Snippet => self.process(unit, step, input, progress, watcher),
            StepKind::Wait => self.wait(unit, step, progress).map(|done| whole((done, Vec::new()))),
            kind => {
                let Some(runner) = self.runner(kind) else {
                    let said = format!(
                        "`{}` has a `{}` step, and nothing here can do one",
                        unit.resolved.command.name,
                        kind.name()
                    );
                    return Err(Error::new(Kind::Missing, said).hint("`--dry-run` prints what it would do"));
                };
                watcher.starts(unit, step, None);
                let is_call = matches!(kind, StepKind::Prompt | StepKind::System);
                let said = is_call.then(|| self.call_of(unit, step, input.as_deref(), progress));
                let piped = input.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                let look = |name: &str| match &piped {
                    Some(text) if name == "input" => Some(text.clone()),
                    _ => known(self, unit, step, name),
                };
                let rendered = rendered(self, unit, step, input.as_deref());
                let work = Work {
                    run: progress.id,
                    trace: self.world.store.trace(),
                    unit,
                    step,
                    text: rendered.text,
                    missing: rendered.missing,
                    look: &look,
                    call: said,
                    input,
                    timeout: time_left(step.timeout_ms, progress.deadline),
                    capture: &self.world.capture,
                    stop: &self.stop,
                    depth: self.depth,
                };
                let mut performed = runner.run(&work)?;
                if !runner.shows() {
                    self.show(&performed, watcher);
                }
                for stream in [&mut performed.done.stdout, &mut performed.done.stderr] {
                    stream.head = progress.redactor.redact_bytes(&stream.head).into_owned();
                    stream.tail = progress.redactor.redact_bytes(&stream.tail).into_owned();
                }
                Ok(performed)
            }
        }
    }

    /// What a step of a higher room wrote comes from elsewhere: a terminal gets none of its control sequences.
    fn show(&self, performed: &Performed, watcher: &mut dyn Watcher) {
        let complained = performed.done.stderr.head.as_slice();
        for (stream, bytes) in [(Stream::Stdout, performed.wrote.as_slice()), (Stream::Stderr, complained)] {
            let _ = match self.terminal && !bytes.is_empty() {
                true => watcher.output(stream, safe(&ended(bytes)).as_bytes()),
                false => watcher.output(stream, bytes),
            };
        }
    }

    /// What a prompt says. What is piped in goes along with the first prompt, and with those whose text holds it.
    fn call_of(&self, unit: &Unit, step: &Step, input: Option<&[u8]>, progress: &mut Progress) -> call::Call {
        let mut said = call::of(self, unit, step, &progress.systems, input);
        if step.stdin.is_none() && self.input.is_some() {
            let fed = std::mem::replace(&mut progress.fed, true);
            said.attached = said.attached.filter(|_| !fed);
        }
        said
    }

    fn process(
        &self,
        unit: &Unit,
        step: &Step,
        input: Option<Vec<u8>>,
        progress: &Progress,
        watcher: &mut dyn Watcher,
    ) -> Result<Performed> {
        let script = script(unit, step)?;
        let prepared = prepare(self, unit, &script)?;
        let number = progress.steps.len();
        let mut job =
            Job::new(prepared.program.clone(), context::folder(unit, step, &self.world.cwd, &self.world.env)?);
        job.args = prepared.args.clone();
        job.env = context::environment(unit, &self.world.env, &self.world.own_env, &progress.id.to_string());
        job.env.extend(script.variables.iter().map(|(k, v)| (k.into(), v.into())));
        fired::add_variables(self, &mut job.env, &self.spill(progress.id, number).with_extension("trigger.json"));
        job.stdin = input.map_or(Input::Inherit, Input::Bytes);
        // What another step reads must be what the program writes into a pipe, without a terminal's line ends.
        let feeds = unit.resolved.command.steps.iter().any(|s| s.stdin.as_deref() == Some(step.id.as_str()));
        job.output = if self.terminal && !feeds { Output::Terminal } else { Output::Pipes };
        job.apart = self.world.apart;
        job.began = self.began.clone();
        let on_terminal = job.output == Output::Terminal;
        job.grace = GRACE;
        job.timeout = time_left(step.timeout_ms, progress.deadline);
        job.capture = self.world.capture.clone();
        job.capture.redactor = progress.redactor.clone();
        job.capture.spill = Some(self.spill(progress.id, number));
        let shown = (step.kind == StepKind::Snippet).then_some(script.text.as_str());
        watcher.starts(unit, step, shown);
        let mut wrote = Vec::new();
        let enough = if feeds { self.world.feed_bytes } else { HEARD };
        let mut too_much = false;
        let mut sink = |stream: Stream, bytes: &[u8]| -> ControlFlow<()> {
            if stream == Stream::Stdout {
                too_much |= feeds && wrote.len() + bytes.len() > enough;
                if too_much {
                    return ControlFlow::Break(());
                }
                wrote.extend_from_slice(&bytes[..bytes.len().min(enough.saturating_sub(wrote.len()))]);
            }
            watcher.output(stream, bytes)
        };
        let outcome = exec::run(job, &mut sink, &self.stop)?;
        drop(prepared);
        let trouble = too_much.then(|| {
            let said = format!("step `{}` wrote more than {} MB for the step that reads it", step.id, enough >> 20);
            Error::new(Kind::Failed, said)
                .hint("join the two in one script, through a pipe, or raise `fac config set run.feed_mb`")
        });
        let (status, exit_code) = match outcome.status {
            _ if too_much => (Status::Failed, i32::from(Kind::Failed.exit_code())),
            exec::Status::Exited(0) => (Status::Ok, 0),
            exec::Status::TimedOut => (Status::TimedOut, 124),
            exec::Status::Interrupted => (Status::Interrupted, 130),
            other => (Status::Failed, other.code()),
        };
        let done = Done {
            status,
            exit_code: Some(exit_code),
            stdout: recorded(outcome.stdout),
            stderr: recorded(outcome.stderr),
            duration_us: i64::try_from(outcome.duration.as_micros()).unwrap_or(i64::MAX),
        };
        let wrote = if on_terminal { unix_line_ends(wrote) } else { wrote };
        // A part of it would be worse than nothing for whoever reads it.
        Ok(Performed { done, wrote: if too_much { Vec::new() } else { wrote }, trouble })
    }

    /// A `wait` step: its text is a length of time, or `until` a time.
    fn wait(&self, unit: &Unit, step: &Step, progress: &Progress) -> Result<Done> {
        let pause = Pause::read(&rendered(self, unit, step, None).text, &self.world.clock)?;
        let started = Instant::now();
        let allowed = time_left(step.timeout_ms, progress.deadline);
        let (status, code) = loop {
            let left = pause.left(started.elapsed(), &self.world.clock);
            let still = allowed.map(|limit| limit.saturating_sub(started.elapsed()));
            if left.is_zero() {
                break (Status::Ok, 0);
            }
            if still.is_some_and(|still| still.is_zero()) {
                break (Status::TimedOut, 124);
            }
            if self.stop.wait(left.min(still.unwrap_or(left)).min(pause.look())) {
                break (Status::Interrupted, 130);
            }
        };
        Ok(Done {
            status,
            exit_code: Some(code),
            stdout: Captured::default(),
            stderr: Captured::default(),
            duration_us: i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX),
        })
    }
}

fn time_left(step_ms: Option<u64>, deadline: Option<Instant>) -> Option<Duration> {
    let of_step = step_ms.map(Duration::from_millis);
    let of_run = deadline.map(|d| d.saturating_duration_since(Instant::now()));
    match (of_step, of_run) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// What the store keeps of an output.
fn recorded(captured: exec::Captured) -> Captured {
    let name = |p: &std::path::PathBuf| p.file_name().map(|n| n.to_string_lossy().into_owned());
    Captured {
        total: captured.total,
        spill: captured.spill.as_ref().and_then(name),
        head: captured.head,
        tail: captured.tail,
    }
}

/// Text for a terminal, whose next line begins at its beginning.
fn ended(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A terminal ends lines with `\r\n`; conditions see them as the program wrote them.
fn unix_line_ends(bytes: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    out
}
