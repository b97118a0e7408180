//! What would run, before anything runs: the command with everything it requires, arguments bound, in order.

use crate::commands::bind::{self, Bound};
use crate::commands::catalog::{Catalog, Resolved};
use crate::commands::model::{Step, StepKind};
use crate::kernel::error::{Error, Kind, Result};

/// Requirements nested deeper than this are refused.
const MAX_DEPTH: usize = 50;

/// One command of a plan with its arguments.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The command and where it came from.
    pub resolved: Resolved,
    /// Its arguments.
    pub bound: Bound,
    /// Put before the ids of its steps, so that ids stay unique: empty for the command that was asked for.
    pub prefix: String,
}

/// Commands in the order they run; the last one is the one that was asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Never empty.
    pub units: Vec<Unit>,
    /// Commands that `run` steps name: they run later, but must be trusted before anything does.
    pub called: Vec<Resolved>,
}

impl Plan {
    /// The command that was asked for.
    pub fn root(&self) -> &Unit {
        // A plan is only ever made with its root.
        &self.units[self.units.len() - 1]
    }

    /// Every step in the order they run, with its command.
    pub fn steps(&self) -> impl Iterator<Item = (&Unit, &Step)> {
        self.units.iter().flat_map(|unit| unit.resolved.command.steps.iter().map(move |step| (unit, step)))
    }

    /// Every command whose trust matters, the one that was asked for first.
    pub fn all(&self) -> impl Iterator<Item = &Resolved> {
        self.units.iter().rev().map(|u| &u.resolved).chain(&self.called)
    }
}

/// Plans `resolved` with its arguments and all it requires.
pub fn make(catalog: &Catalog<'_>, resolved: Resolved, bound: Bound) -> Result<Plan> {
    let mut planner = Planner { catalog, units: Vec::new(), seen: Vec::new(), called: Vec::new() };
    planner.require(&resolved, &mut vec![resolved.key()])?;
    planner.calls(&resolved, 0)?;
    planner.units.push(Unit { resolved, bound, prefix: String::new() });
    Ok(Plan { units: planner.units, called: planner.called })
}

/// The lines of a `run` step that call something.
pub(super) fn calls_of(step: &Step) -> impl Iterator<Item = &str> {
    step.text.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#'))
}

struct Planner<'a, 'c> {
    catalog: &'a Catalog<'c>,
    units: Vec<Unit>,
    seen: Vec<Vec<String>>,
    called: Vec<Resolved>,
}

impl Planner<'_, '_> {
    /// Adds what `resolved` requires, depth first, each command once for the same arguments.
    fn require(&mut self, resolved: &Resolved, path: &mut Vec<String>) -> Result<()> {
        for words in &resolved.command.requires {
            let (needed, used) = self.catalog.resolve(words, Some(resolved.near())).map_err(|e| {
                let said = format!("`{}` requires `{}`, which cannot be had", resolved.command.name, words.join(" "));
                Error::new(e.kind(), said).because(e.full_message())
            })?;
            let key = needed.key();
            if let Some(at) = path.iter().position(|p| *p == key) {
                let mut ring = path[at..].to_vec();
                ring.push(key);
                let error = Error::new(Kind::BadData, format!("commands require each other: {}", ring.join(" → ")));
                return Err(error.hint("take one of them out of a `Requires` line"));
            }
            if path.len() >= MAX_DEPTH {
                return Err(Error::new(Kind::BadData, format!("requirements are nested deeper than {MAX_DEPTH}")));
            }
            let call: Vec<String> = [needed.key()].into_iter().chain(words[used..].iter().cloned()).collect();
            if self.seen.contains(&call) {
                continue;
            }
            self.seen.push(call);
            path.push(key);
            self.require(&needed, path)?;
            path.pop();
            self.calls(&needed, 0)?;
            let given = bind::take_apart(&needed.command, &words[used..])?;
            let bound = bind::check(&needed.command, &given, &|_| None)?;
            let prefix = format!("{}:", needed.command.name);
            self.units.push(Unit { resolved: needed, bound, prefix });
        }
        Ok(())
    }

    /// Finds the commands that `run` steps name, and what those require, so that trust can be asked for at once.
    fn calls(&mut self, resolved: &Resolved, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::new(Kind::BadData, format!("`run` steps are nested deeper than {MAX_DEPTH}")));
        }
        for step in resolved.command.steps.iter().filter(|s| s.kind == StepKind::Run) {
            for line in calls_of(step) {
                let words = shlex::split(line).unwrap_or_default();
                let (callee, _) = self.catalog.resolve(&words, Some(resolved.near())).map_err(|e| {
                    let said = format!("`{}` runs `{line}`, which cannot be had", resolved.command.name);
                    Error::new(e.kind(), said).because(e.full_message())
                })?;
                if self.called.iter().any(|c| c.key() == callee.key()) {
                    continue;
                }
                self.called.push(callee.clone());
                self.calls(&callee, depth + 1)?;
                for words in &callee.command.requires {
                    let (needed, _) = self.catalog.resolve(words, Some(callee.near()))?;
                    self.called.push(needed);
                }
            }
        }
        Ok(())
    }
}
