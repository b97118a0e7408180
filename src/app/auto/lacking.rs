//! What the triggers and the steps of a command want of settings and secrets that is not there.

use super::App;
use crate::automations::trigger::{self, Wanted};
use crate::commands::model::{Command, Diagnostic, Step, Trigger};
use crate::commands::run::{self as engine, StepRunner};
use crate::kernel::error::{Error, Kind, Result};

/// Something that a trigger or a step wants and does not find.
pub struct Lack {
    /// The line of the trigger or the step.
    line: usize,
    /// What, and what to do.
    said: Error,
    /// Whether it keeps the command from being enabled. What may be there when it is wanted does not.
    pub refuses: bool,
}

impl Lack {
    /// As a sentence with its way forward.
    pub fn sentence(&self) -> String {
        match self.said.way_forward() {
            Some(hint) => format!("{}: {hint}", self.said.full_message()),
            None => self.said.full_message(),
        }
    }

    /// As an error about the automation of this name.
    pub fn refusal(&self, name: &str) -> Error {
        let error = Error::new(self.said.kind(), format!("`{name}` cannot fire: {}", self.said.message()));
        match self.said.way_forward() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl App {
    /// What the triggers and the steps of a command want and do not find here.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn lacks(&self, command: &Command) -> Result<Vec<Lack>> {
        let here = self.here()?;
        let mut found = Vec::new();
        for trigger in &command.triggers {
            let Ok((wanted, _)) = trigger::parse(trigger) else { continue };
            let lack = |said, refuses| Lack { line: trigger.line, said, refuses };
            found.extend(match wanted.settle(&here) {
                Wanted::Schedule(schedule) => schedule.lacks().map(|said| lack(Error::new(Kind::Missing, said), true)),
                Wanted::Mqtt(_) => self.without_broker(trigger)?.map(|said| lack(said, true)),
                Wanted::Homeassistant(_) => self.home().err().map(|said| lack(said, false)),
                Wanted::Webhook(webhook) => {
                    let secret = webhook.secret.map(|name| self.finds_secrets()(&name));
                    secret.and_then(Result::err).map(|said| lack(said, false))
                }
                _ => None,
            });
        }
        let runners = &self.launcher()?.runners;
        let lacking = |step: &Step| {
            let said = engine::lacks(step, runners.iter().map(|runner| &**runner as &dyn StepRunner))?;
            Some(Lack { line: step.line, said, refuses: false })
        };
        found.extend(command.steps.iter().filter_map(lacking));
        Ok(found)
    }

    /// The same as warnings beside what is odd about the definition.
    pub fn warnings_of_lacks(&self, command: &Command) -> Vec<Diagnostic> {
        // Settings that cannot be read are said by whoever needs them.
        let lacks = self.lacks(command).unwrap_or_default();
        lacks.iter().map(|lack| Diagnostic::warning(lack.line.max(1), 1, lack.sentence())).collect()
    }

    /// Why the broker that a trigger names cannot be used.
    fn without_broker(&self, trigger: &Trigger) -> Result<Option<Error>> {
        let brokers = self.brokers()?;
        let Some(name) = trigger.options.get("broker") else {
            let said = brokers.default_name().err().map(|error| error.message().to_string());
            let hint = "say it there, broker=NAME, or choose one: fac config set mqtt.broker NAME";
            return Ok(said.map(|said| Error::new(Kind::Usage, said).hint(hint)));
        };
        Ok(brokers.get(Some(name)).err())
    }
}
