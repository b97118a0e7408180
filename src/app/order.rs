//! Running a command for whoever asks: at a terminal, over HTTP, for a model. What is asked for is bound and planned,
//! trust is looked at, and the same engine runs it.
//!
//! Who is asked questions, and who hears what comes, is handed in.

use super::App;
use super::prompts::{Asking, Kits, Wishes};
use super::tools::{Host, Kit};
use crate::chat::driver::Listener;
use crate::chat::mcp::Offer;
use crate::chat::policy::Nobody;
use crate::commands::bind::{self, Given};
use crate::commands::catalog::{self, Catalog, Resolved};
use crate::commands::prompt::{self, Hands};
use crate::commands::run::{self as engine, Dry, Plan, Report, Watcher};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::providers::model::Piece;

/// What is asked for, beside the command itself.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The command's name and its arguments, as words.
    pub words: Vec<String>,
    /// Parameters by name.
    pub sets: Vec<(String, String)>,
    /// Words of the rest parameter, beside those among `words`.
    pub rest: Vec<String>,
    /// What is offered to the models that its prompts ask.
    pub tools: Vec<String>,
}

/// How a plan is carried out.
pub struct Doing<'a> {
    /// What fires it: `manual`, `rerun <id>`, `api` …
    pub trigger: &'a str,
    /// What it reads; `None` lets scripts read what this process does.
    pub input: Option<Vec<u8>>,
    /// Whether programs get a pseudo-terminal.
    pub terminal: bool,
    /// What is offered to the models that its prompts ask.
    pub tools: &'a [String],
    /// Whether the chat of its prompts stays.
    pub keep: bool,
    /// Ends it.
    pub stop: &'a Stop,
}

impl App {
    /// The command that is asked for, and its arguments.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Usage` when it does not take them.
    pub fn ordered(&self, order: &Order) -> Result<(Resolved, Given)> {
        let longer = catalog::expand(&self.config()?.aliases(), &order.words);
        let words = longer.as_ref().unwrap_or(&order.words);
        let (resolved, used) = self.resolve(words)?;
        let mut given = bind::take_apart(&resolved.command, &words[used..])?;
        for (name, value) in &order.sets {
            given.set(&resolved.command, name, value)?;
        }
        order.rest.iter().for_each(|word| given.push_rest(word));
        Ok((resolved, given))
    }

    /// What would be done. Of a `dry` one what is missing is stood in for.
    ///
    /// # Errors
    /// `Usage` for arguments that are missing or wrong, and for tools where no model is asked.
    pub fn planned(&self, resolved: Resolved, mut given: Given, tools: &[String], dry: bool) -> Result<Plan> {
        let env = self.param_env(&resolved.command);
        if dry {
            given.stand_in(&resolved.command, &env)?;
        }
        let bound = match dry {
            true => bind::check_loosely(&resolved.command, &given, &env),
            false => bind::check(&resolved.command, &given, &env),
        }?;
        let plan = engine::plan(&self.catalog()?, resolved, bound)?;
        if !tools.is_empty() && !prompt::asks_models(&plan) {
            let said = format!("`{}` asks no model, so there is nobody to offer tools to", plan.root().resolved.key());
            return Err(Error::new(Kind::Usage, said).hint("leave -T out"));
        }
        Ok(plan)
    }

    /// What each step would do, without doing it.
    ///
    /// # Errors
    /// What would keep it from beginning.
    pub fn rehearsed(&self, plan: &Plan, doing: Doing<'_>, host: &mut dyn Host) -> Result<Vec<Dry>> {
        let catalog = self.catalog()?;
        let mut engine = self.engine(&catalog, doing.stop.clone(), false, doing.trigger)?;
        engine.input = doing.input;
        let mut steps = engine::dry_run(&engine, plan)?;
        let kits = Kits::new(self, plan, doing.tools, host)?;
        for (dry, (unit, step)) in steps.iter_mut().zip(plan.steps()) {
            dry.tools = kits.of(&unit.resolved, step).map(Kit::named).unwrap_or_default();
        }
        Ok(steps)
    }

    /// Says no to a plan with something that is not trusted.
    ///
    /// # Errors
    /// `Refused`, with the command that trusts it.
    pub fn all_trusted(&self, plan: &Plan) -> Result<()> {
        plan.untrusted().first().map_or(Ok(()), |first| Err(first.refusal()))
    }

    /// Runs a plan. `catalog` is what it was made of; `hands` are those of its prompts.
    ///
    /// # Errors
    /// When nothing was run and no record exists.
    pub fn carried_out(
        &self,
        catalog: &Catalog<'_>,
        plan: &Plan,
        doing: Doing<'_>,
        watcher: &mut dyn Watcher,
        (hands, host): (impl FnOnce() -> Result<Hands>, &mut dyn Host),
    ) -> Result<Report> {
        let mut engine = self.engine(catalog, doing.stop.clone(), doing.terminal, doing.trigger)?;
        engine.input = doing.input;
        let wishes = Wishes { typed: doing.tools, keep: doing.keep, stop: doing.stop };
        let asking = prompt::asks_models(plan).then(|| Asking::new(self, plan, &wishes, hands()?, host)).transpose()?;
        engine.runners.extend(asking.iter().map(|asking| asking.runner()));
        let report = engine.run(plan, watcher);
        drop(engine);
        asking.map_or(Ok(()), |asking| asking.end(self))?;
        report
    }
}

/// Hears and says nothing: what came of it stands in the record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unheard;

impl Listener for Unheard {
    fn piece(&mut self, _piece: &Piece) {}
    fn tool_begins(&mut self, _origin: &str, _preview: &str) {}
    fn tool_ended(&mut self, _origin: &str, _said: &str, _failed: bool) {}
}

impl Host for Unheard {
    fn left_out(&mut self, said: &str) {
        tracing::warn!(said, "a tool is left out");
    }

    fn pinned(&mut self, tools: &[String]) {
        tracing::info!(?tools, "tools were pinned");
    }

    fn accepts(&mut self, _offer: &Offer, _before: &str) -> Result<bool> {
        Ok(false)
    }
}

/// Nobody hears the models of a run, and nobody is there to be asked about their tools.
pub fn nobody() -> Hands {
    Hands { listener: Box::new(Unheard), asker: Box::new(Nobody) }
}
