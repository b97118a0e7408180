//! The prompts of a run: who asks the models, who hears them, and the tools that each prompt offers.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::super::Context;
use super::tools;
use super::{Form, Person, Printer, adopt, runtime};
use crate::app::models::budget_check;
use crate::app::tools::Kit;
use crate::commands::catalog::{Near, Resolved};
use crate::commands::model::Step;
use crate::commands::prompt::{self, Hands, Prompts};
use crate::commands::run::{Plan, StepRunner};
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::Result;

/// The steps that share their tools, as [`prompt::key`] names them.
type Keys = Vec<(String, String)>;

/// The tools of the prompts of a plan.
pub(in crate::cli) struct Kits(Vec<(Keys, Kit)>);

impl Kits {
    /// Finds them; servers are not started. Prompts that name the same share them.
    pub(in crate::cli) fn new(context: &Context, plan: &Plan, typed: &[String]) -> Result<Kits> {
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
            Ok((keys, tools::find(context, Wanted { typed, defined, near: Some(near) })?))
        };
        groups.into_iter().map(kit).collect::<Result<_>>().map(Kits)
    }

    /// The tools of a step.
    pub(in crate::cli) fn of(&self, resolved: &Resolved, step: &Step) -> Option<&Kit> {
        let key = prompt::key(resolved, step);
        self.0.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, kit)| kit)
    }
}

/// Who asks the models for the prompts of a run, and the tools that they are offered.
pub(in crate::cli) struct Asking {
    prompts: Prompts,
    kits: Kits,
    runtime: Arc<Runtime>,
}

impl Asking {
    /// Starts the servers of the tools. `keep`: whether the chat of the run stays.
    pub(in crate::cli) fn new(
        context: &Context,
        plan: &Plan,
        typed: &[String],
        keep: bool,
        stop: &Stop,
    ) -> Result<Asking> {
        adopt(context)?;
        budget_check(&context.app)?.into_iter().for_each(|said| context.ui.warn(&said));
        let kits = Kits::new(context, plan, typed)?;
        let form = if context.ui.json { Form::Silent } else { Form::Words };
        let listener = Box::new(Printer::new(context, form, stop.clone())?);
        let desk = context.app.desk(keep)?;
        let runtime = Arc::new(runtime()?);
        let mut offered = prompt::Tools::new();
        for (keys, kit) in &kits.0 {
            let of_kit = runtime.block_on(tools::gather(context, kit, stop))?;
            offered.extend(keys.iter().map(|key| (key.clone(), of_kit.clone())));
        }
        let hands = Hands { listener, asker: Box::new(Person::new(context)) };
        Ok(Asking { prompts: Prompts::new(desk, hands, offered, runtime.clone()), kits, runtime })
    }

    /// What does the prompts.
    pub(in crate::cli) fn runner(&self) -> &dyn StepRunner {
        &self.prompts
    }

    /// Ends the servers, and waits for commands that were stopped.
    pub(in crate::cli) fn end(self, context: &Context) -> Result<()> {
        for (_, kit) in &self.kits.0 {
            self.runtime.block_on(kit.close());
            kit.settle(&context.app)?;
        }
        drop(self.prompts);
        // Nobody waits for connections that are closing.
        if let Ok(runtime) = Arc::try_unwrap(self.runtime) {
            runtime.shutdown_background();
        }
        Ok(())
    }
}
