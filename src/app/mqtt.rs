//! Brokers from the settings, with their secrets.

use std::sync::Arc;

use super::App;
use crate::automations::mqtt::Brokers;
use crate::automations::mqtt::broker::FindSecret;
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

    /// Looks secrets up, also from other threads.
    pub fn finds_secrets(&self) -> FindSecret {
        let (env, paths, redactor) = (self.env.clone(), self.paths.clone(), self.redactor.clone());
        Arc::new(move |name| Secrets::new(&env, &paths, &redactor).get(name))
    }
}
