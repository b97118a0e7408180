//! Steps that reach out of this program, as the settings want them: who sends, who speaks, where secrets are.

use std::sync::Arc;

use super::voice::sound::speaker as loudspeaker;
use super::{App, Options, open};
use crate::automations::steps::http::HttpSteps;
use crate::automations::steps::notify::NotifySteps;
use crate::automations::steps::say::{Mouth, SaySteps};
use crate::commands::run::StepRunner;
use crate::kernel::env::Env;
use crate::kernel::error::Result;
use crate::kernel::secret::Redactor;
use crate::kernel::secrets::Secrets;

/// What rooms can be made of on any thread. They are made when a step needs them.
#[derive(Clone)]
struct Seed {
    env: Env,
    options: Options,
    redactor: Redactor,
}

impl Seed {
    fn app(&self) -> Result<App> {
        let mut app = App::new(self.env.clone(), &self.options)?;
        app.redactor = self.redactor.clone();
        Ok(app)
    }
}

impl App {
    /// Who does the steps that are neither scripts nor prompts. Nothing is opened yet.
    pub(super) fn step_runners(&self) -> Result<Vec<Arc<dyn StepRunner + Send + Sync>>> {
        let seed = Seed { env: self.env.clone(), options: self.options.clone(), redactor: self.redactor.clone() };
        let (of_http, of_secrets, of_mouth) = (seed.clone(), seed.clone(), seed);
        let connect = move || open::http(of_http.app()?.config()?);
        let secrets = move |name: &str| {
            let app = of_secrets.app()?;
            Secrets::new(&app.env, &app.paths, &app.redactor).get(name)
        };
        let mouth = move |name: Option<&str>| {
            let app = of_mouth.app()?;
            let config = app.config()?;
            Ok(Mouth {
                speaker: app.speaker(name)?,
                wishes: app.speaker_wishes()?,
                loudspeaker: loudspeaker(config, None),
                most: usize::try_from(config.int("voice.max_text")).unwrap_or(usize::MAX),
            })
        };
        Ok(vec![
            Arc::new(HttpSteps::new(Box::new(connect), Box::new(secrets), self.redactor.clone())),
            Arc::new(NotifySteps::new(&self.env)),
            Arc::new(SaySteps::new(Box::new(mouth))),
            self.lua_steps()?,
            Arc::new(self.mqtt_steps()?),
            Arc::new(self.home_steps()?),
        ])
    }
}
