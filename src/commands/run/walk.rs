//! The steps of a run, one after another: conditions, retries, compensation, and commands that call commands.
//!
//! It knows the order; what a step does stands in `step.rs`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::allowed::{check_runnable, refuse_untrusted};
use super::progress::{
    Progress, complain, end, failed_before_start, forgive, is_allowed, record, tell, tell_late, undone_by,
};
use super::{Done, Engine, Performed, Plan, Unit, Watcher, call, context, facts, hide, plan, stays_as_it_is, step};
use crate::commands::catalog::Resolved;
use crate::commands::model::{Step, StepKind, Syntax};
use crate::commands::{bind, expr};
use crate::exec::Stream;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::store::{Captured, Status};

/// `run` steps nested deeper than this are refused.
const MAX_NESTING: usize = 20;

impl Engine<'_> {
    pub(super) fn with_retries(
        &self,
        plan: &Plan,
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
    ) -> Result<(Status, i32)> {
        let retries = plan.root().resolved.command.retry;
        let mut tried = 0;
        loop {
            let ended = self.units(&plan.units, progress, watcher, 0);
            let code = match &ended {
                Ok((Status::Failed | Status::TimedOut, code)) => *code,
                Err(error) if error.kind() != Kind::Interrupted => i32::from(error.kind().exit_code()),
                _ => return ended,
            };
            if tried >= retries || self.stop.is_requested() || progress.is_late() {
                return ended;
            }
            tried += 1;
            watcher.tries_again(code, tried + 1, retries + 1);
            progress.full.clear();
            progress.fed = false;
            progress.since = progress.now();
        }
    }

    /// Runs units in order; the first that does not end well ends the run.
    fn units(
        &self,
        units: &[Unit],
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
        nesting: usize,
    ) -> Result<(Status, i32)> {
        let mut last = (Status::Ok, 0);
        for (number, unit) in units.iter().enumerate() {
            last = self.unit(unit, progress, watcher, nesting)?;
            // A requirement whose `If:` does not hold is not needed now.
            let not_needed = last.0 == Status::Cancelled && number + 1 < units.len();
            if last.0 != Status::Ok && !not_needed {
                break;
            }
        }
        Ok(last)
    }

    fn unit(
        &self,
        unit: &Unit,
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
        nesting: usize,
    ) -> Result<(Status, i32)> {
        let command = &unit.resolved.command;
        hide(unit, &progress.redactor);
        if let Some(condition) = &command.condition {
            match expr::holds(condition, &self.judged(unit, progress)) {
                Ok(true) => {}
                Ok(false) => {
                    watcher.leaves_out(unit, condition);
                    return Ok((Status::Cancelled, 0));
                }
                Err(error) => {
                    progress.note_unjudged(unit, &error);
                    return Err(error);
                }
            }
        }
        let deadline = progress.deadline;
        progress.deadline = progress.sooner(command.timeout_ms);
        let systems = std::mem::take(&mut progress.systems);
        let ended = self.steps(unit, progress, watcher, nesting);
        progress.systems = systems;
        progress.deadline = deadline;
        ended
    }

    fn steps(
        &self,
        unit: &Unit,
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
        nesting: usize,
    ) -> Result<(Status, i32)> {
        let command = &unit.resolved.command;
        for step in &command.steps {
            if undone_by(command, step).is_some() {
                continue;
            }
            let ended = self.step(unit, step, progress, watcher, nesting);
            let may_go_on = match &ended {
                Ok((Status::Ok, _)) => true,
                Ok((status, _)) if is_allowed(step, *status, progress) => {
                    tell_late(step, *status, watcher);
                    true
                }
                _ => false,
            };
            if !may_go_on {
                self.compensate(unit, step, progress, watcher, nesting);
                return ended;
            }
        }
        Ok((Status::Ok, 0))
    }

    /// Undoes what was done before the step that failed: the steps that `undo=` names for those that ended well, newest
    /// first. They get as long again as the run had, since its time may be over.
    fn compensate(&self, unit: &Unit, failed: &Step, progress: &mut Progress, watcher: &mut dyn Watcher, depth: usize) {
        let steps = &unit.resolved.command.steps;
        let done = |s: &&Step| {
            let id = format!("{}{}", unit.prefix, s.id);
            progress.own_steps().iter().any(|r| r.id == id && r.status == Status::Ok.name())
        };
        let before = steps.iter().take_while(|s| s.id != failed.id).filter(done);
        let undo: Vec<&str> = before.filter_map(|s| s.undo.as_deref()).collect();
        let limit = unit.resolved.command.timeout_ms.or(self.world.timeout_ms);
        let deadline = limit.map(|ms| Instant::now() + Duration::from_millis(ms));
        let before = std::mem::replace(&mut progress.deadline, deadline);
        for name in undo.iter().rev() {
            if let Some(step) = steps.iter().find(|s| s.id == *name) {
                // A compensation that fails is recorded like any step; the run has failed already.
                if let Err(error) = self.step(unit, step, progress, watcher, depth) {
                    tell(&error, progress, watcher);
                }
            }
        }
        progress.deadline = before;
    }

    fn step(
        &self,
        unit: &Unit,
        step: &Step,
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
        nesting: usize,
    ) -> Result<(Status, i32)> {
        let holds = step.condition.as_ref().map(|condition| expr::holds(condition, &self.judged(unit, progress)));
        if let (Some(Ok(false)), Some(condition)) = (&holds, &step.condition) {
            watcher.skips(step, &format!("only if {condition}"));
            return Ok((Status::Ok, 0));
        }
        if self.stop.is_requested() {
            return Ok((Status::Interrupted, 130));
        }
        if progress.is_late() {
            return Ok((Status::TimedOut, 124));
        }
        if let Some(Err(error)) = holds {
            return end(unit, step, Performed::never(error), progress, watcher);
        }
        if step.kind == StepKind::Run {
            return self.nested(unit, step, progress, watcher, nesting);
        }
        if call::waits_for_prompt(&unit.resolved.command, step) {
            let text = step::rendered(self, unit, step, None).text;
            progress.systems.push(text);
            return Ok((Status::Ok, 0));
        }
        let performed = self.perform(unit, step, progress, watcher).unwrap_or_else(Performed::never);
        end(unit, step, performed, progress, watcher)
    }

    /// A `run` step: each line is another command, planned and run in place.
    fn nested(
        &self,
        unit: &Unit,
        step: &Step,
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
        nesting: usize,
    ) -> Result<(Status, i32)> {
        if nesting >= MAX_NESTING {
            return Err(Error::new(Kind::BadData, format!("`run` steps call each other more than {MAX_NESTING} deep"))
                .hint("one of these commands runs itself"));
        }
        let (started, deadline, first) = (Instant::now(), progress.deadline, progress.full.len());
        let steps_before = progress.steps.len();
        progress.deadline = progress.sooner(step.timeout_ms);
        let mut ended = Ok((Status::Ok, 0));
        let mut missing = Vec::new();
        for line in plan::calls_of(step) {
            ended = self.line(line, unit, step, progress).and_then(|line| {
                missing.extend(line.missing.iter().cloned());
                self.call(line, unit, step, progress, watcher, nesting)
            });
            match &mut ended {
                // A command whose `If:` does not hold is left out, as a step would be.
                Ok(last) if last.0 == Status::Cancelled => *last = (Status::Ok, 0),
                Ok((Status::Ok, _)) => {}
                _ => break,
            }
        }
        progress.deadline = deadline;
        let wrote = progress.full[first..].iter().flat_map(|(_, bytes)| bytes).copied().collect();
        progress.full.push((format!("{}{}", unit.prefix, step.id), wrote));
        let mut done = match &ended {
            Ok((status, code)) => Done { status: *status, exit_code: Some(*code), ..failed_before_start(Kind::Failed) },
            Err(error) => failed_before_start(error.kind()),
        };
        done.duration_us = i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX);
        missing.dedup();
        if !missing.is_empty() {
            let said: Vec<String> = missing.iter().map(|name| stays_as_it_is(name)).collect();
            let said = format!("{}\n", said.join(" "));
            let _ = watcher.output(Stream::Stderr, said.as_bytes());
            done.stderr = Captured::whole(said);
        }
        // Where a step of what it called failed, that one says why.
        if let Some(error) = ended.as_ref().err().filter(|_| progress.steps.len() == steps_before) {
            complain(&mut done, error, &progress.redactor);
        }
        let told = (done.status, done.exit_code.unwrap_or(1));
        progress.steps.push(record(unit, step, progress.steps.len(), done));
        ended.or_else(|error| forgive(step, error, told, progress, watcher))
    }

    /// One line of a `run` step. The words of the line choose the command; values only fill its arguments.
    fn line(&self, line: &str, unit: &Unit, step: &Step, progress: &Progress) -> Result<Line> {
        let written = context::call_words(line)?;
        let (resolved, used) = self.catalog.resolve(&written, Some(unit.resolved.near()))?;
        let input = self.input_of(unit, step, progress);
        let value = |name: &str| context::lookup(unit, name, Syntax::Native).or_else(|| facts::of(self, name));
        let mut filled = Line { resolved, words: Vec::new(), is_data: Vec::new(), missing: Vec::new() };
        for word in &written[used..] {
            let rendered = context::fill_word(word, &value, input.as_deref());
            filled.is_data.push(rendered.text != *word && !word.starts_with('-'));
            filled.words.push(rendered.text);
            filled.missing.extend(rendered.missing);
        }
        Ok(filled)
    }

    /// Runs the command of a line of a `run` step. What values filled never becomes an option of it.
    fn call(
        &self,
        line: Line,
        unit: &Unit,
        step: &Step,
        progress: &mut Progress,
        watcher: &mut dyn Watcher,
        nesting: usize,
    ) -> Result<(Status, i32)> {
        let Line { resolved, words, is_data, .. } = line;
        let given = bind::take_apart_with(&resolved.command, &words, &|n: usize| is_data[n])?;
        let bound = bind::check(&resolved.command, &given, &|_| None)?;
        let mut plan = plan(self.catalog, resolved, bound)?;
        refuse_untrusted(&plan)?;
        for unit in &plan.units {
            check_runnable(&unit.resolved.command)?;
        }
        for resolved in plan.all() {
            self.catalog.ensure_laid_out(&resolved.source)?;
        }
        let name = format!("{}{}/", unit.prefix, step.id);
        plan.units.iter_mut().for_each(|u| u.prefix = format!("{name}{}", u.prefix));
        let before = progress.since;
        progress.since = progress.now();
        let ended = self.units(&plan.units, progress, watcher, nesting + 1);
        progress.since = before;
        ended
    }

    /// What a step reads: the output of the step that `stdin=` names, as that step wrote it (nothing, where it was left
    /// out), or what is piped in, where that was read already.
    pub(super) fn input_of(&self, unit: &Unit, step: &Step, progress: &Progress) -> Option<Vec<u8>> {
        let Some(from) = step.stdin.as_deref().filter(|from| *from != "-") else { return self.input.clone() };
        let id = format!("{}{from}", unit.prefix);
        let wrote = progress.own_full().iter().rev().find(|(name, _)| *name == id);
        Some(wrote.map(|(_, bytes)| bytes.clone()).unwrap_or_default())
    }

    /// What conditions see.
    fn judged(&self, unit: &Unit, progress: &Progress) -> Json {
        let trigger = self.fired.clone().unwrap_or_else(|| Json::from(self.trigger.as_str()));
        context::judged(unit, progress.own_steps(), progress.own_full(), &self.world.env, trigger)
    }

    /// Where the whole output of a step goes when it is large; the name of the stream is put behind it.
    pub(super) fn spill(&self, id: Id, number: usize) -> PathBuf {
        self.world.outputs.join(id.to_string()).join(number.to_string())
    }
}

/// A line of a `run` step, its placeholders filled.
struct Line {
    resolved: Resolved,
    words: Vec<String>,
    /// Which of the words a value is, or is part of.
    is_data: Vec<bool>,
    /// Placeholders without a value; they stay as they are.
    missing: Vec<String>,
}
