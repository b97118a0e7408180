//! The prompts of a run: the tools that each of them offers, their servers, and who asks the models.
//!
//! Who hears the answers and who is asked about tools is handed in.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::App;
use super::models::budget_check;
use super::runtime::patient;
use super::tools::{Host, Kit};
use crate::commands::catalog::{Near, Resolved};
use crate::commands::model::Step;
use crate::commands::prompt::{self, Hands, Prompts};
use crate::commands::run::{Plan, StepRunner};
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};

/// The steps that share their tools, as [`prompt::key`] names them.
type Keys = Vec<(String, String)>;

/// The tools of the prompts of a plan.
pub struct Kits(Vec<(Keys, Kit)>);

impl Kits {
    /// Finds them; servers are not started. Prompts that name the same share them. `typed` is offered beside what the
    /// definitions name.
    ///
    /// # Errors
    /// `NotFound` for what was typed and is not there; the settings and the store may be unreadable.
    pub fn new(app: &App, plan: &Plan, typed: &[String], host: &mut dyn Host) -> Result<Kits> {
        let mut groups: Vec<(&Resolved, &[String], Keys)> = Vec::new();
        for (resolved, step) in prompt::asking(plan) {
            let key = prompt::key(resolved, step);
            let same =
                groups.iter_mut().find(|(other, tools, _)| other.key() == resolved.key() && *tools == step.tools);
            match same {
                Some((.., keys)) => keys.push(key),
                None => groups.push((resolved, &step.tools, vec![key])),
            }
        }
        let kit = |(resolved, defined, keys): (&Resolved, &[String], _)| {
            let near = Near { source: &resolved.source, path: &resolved.command.origin.path };
            Ok((keys, app.kit(Wanted { typed, defined, near: Some(near) }, host)?))
        };
        groups.into_iter().map(kit).collect::<Result<_>>().map(Kits)
    }

    /// The tools of a step.
    pub fn of(&self, resolved: &Resolved, step: &Step) -> Option<&Kit> {
        let key = prompt::key(resolved, step);
        self.0.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, kit)| kit)
    }
}

/// Who asks the models for the prompts of a run, and the tools that they are offered.
pub struct Asking {
    prompts: Prompts,
    kits: Kits,
    runtime: Arc<Runtime>,
}

/// What prompts are asked with.
pub struct Wishes<'a> {
    /// Tools beside those that the definitions name.
    pub typed: &'a [String],
    /// Whether the chat of the run stays.
    pub keep: bool,
    /// Gives it up.
    pub stop: &'a Stop,
}

impl Asking {
    /// Starts the servers of the tools.
    ///
    /// # Errors
    /// Those of [`Kits::new`]; `Refused` when the budget is spent, `Interrupted` when it was stopped.
    pub fn new(app: &App, plan: &Plan, wishes: &Wishes<'_>, hands: Hands, host: &mut dyn Host) -> Result<Asking> {
        app.adopt()?;
        budget_check(app)?.into_iter().for_each(|said| host.left_out(&said));
        let kits = Kits::new(app, plan, wishes.typed, host)?;
        let desk = app.desk(wishes.keep)?;
        let runtime = Arc::new(patient()?);
        let mut offered = prompt::Tools::new();
        for (keys, kit) in &kits.0 {
            let of_kit = runtime.block_on(kit.gather(app, wishes.stop, host))?;
            let of_kit = of_kit.ok_or_else(|| Error::new(Kind::Interrupted, "interrupted"))?;
            offered.extend(keys.iter().map(|key| (key.clone(), of_kit.clone())));
        }
        Ok(Asking { prompts: Prompts::new(desk, hands, offered, runtime.clone()), kits, runtime })
    }

    /// What does the prompts.
    pub fn runner(&self) -> &dyn StepRunner {
        &self.prompts
    }

    /// Ends the servers, and waits for commands that were stopped.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn end(self, app: &App) -> Result<()> {
        for (_, kit) in &self.kits.0 {
            self.runtime.block_on(kit.close());
            kit.settle(app)?;
        }
        drop(self.prompts);
        // Nobody waits for connections that are closing.
        if let Ok(runtime) = Arc::try_unwrap(self.runtime) {
            runtime.shutdown_background();
        }
        Ok(())
    }
}
