//! Brokers from the settings, with their secrets.

use std::sync::Arc;

use super::{App, open};
use crate::automations::mqtt::broker::FindSecret;
use crate::automations::mqtt::{Brokers, MqttSource, MqttSteps};
use crate::kernel::error::Result;
use crate::kernel::secrets::Secrets;

impl App {
    /// The brokers of the settings.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn brokers(&self) -> Result<Brokers> {
        Ok(Brokers::new(self.config()?, self.finds_secrets()))
    }

    /// Who does `mqtt` steps; nothing is connected before the first. Threads of one process share their connections.
    pub(super) fn mqtt_steps(&self) -> Result<MqttSteps> {
        open::once(&self.mqtt, || {
            let store = self.store()?.clone();
            // What a run of ours causes stands one deeper than what fired it.
            let depth = move |run| store.depth_of_run(run).ok().flatten().map_or(0, |depth| depth.saturating_add(1));
            Ok(MqttSteps::new(self.brokers()?, self.causes.clone(), Arc::new(depth)))
        })
        .cloned()
    }

    /// Messages as a source of triggers.
    pub(super) fn mqtt_source(&self) -> Result<MqttSource> {
        let folder = self.paths.state.join("mqtt");
        Ok(MqttSource::new(self.brokers()?, &folder, self.clock.clone(), self.causes.clone()))
    }

    /// Looks secrets up, also from other threads.
    pub fn finds_secrets(&self) -> FindSecret {
        let (env, paths, redactor) = (self.env.clone(), self.paths.clone(), self.redactor.clone());
        Arc::new(move |name| Secrets::new(&env, &paths, &redactor).get(name))
    }
}
