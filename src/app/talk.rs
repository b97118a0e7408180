//! Asking a model in a chat, for whoever asks: with the tools that are offered, to the end of the turn.

use super::App;
use super::models::{budget_check, this_process};
use super::tools::Host;
use crate::chat::driver::{Ask, Listener, Outcome};
use crate::chat::policy::Asker;
use crate::chat::saying::title;
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::providers::Models;
use crate::store::{NewSession, Session};

/// Who has to do with a turn.
pub struct People<'a> {
    /// Hears it.
    pub listener: &'a mut dyn Listener,
    /// Is asked about tools.
    pub asker: &'a mut dyn Asker,
    /// Says what happens to tools.
    pub host: &'a mut dyn Host,
}

impl App {
    /// A turn of a chat. `tools` are offered as `-T` would.
    ///
    /// # Errors
    /// `Refused` when today's budget is spent; what keeps the turn from beginning.
    pub async fn answer(
        &self,
        models: &Models,
        (session, ask): (&Session, &Ask),
        tools: &[String],
        people: People<'_>,
        stop: &Stop,
    ) -> Result<Outcome> {
        budget_check(self)?.into_iter().for_each(|said| people.host.left_out(&said));
        let kit = self.kit(Wanted { typed: tools, ..Wanted::default() }, people.host)?;
        let turn = async {
            let mut chat = self.chat(models, stop.clone())?;
            let gathered = kit.gather(self, stop, people.host).await?;
            chat.tools = gathered.ok_or_else(|| Error::new(Kind::Interrupted, "interrupted"))?;
            chat.turn(session, ask, people.listener, people.asker).await
        };
        let outcome = turn.await;
        kit.close().await;
        outcome
    }

    /// A chat for one question.
    ///
    /// # Errors
    /// Those of the store.
    pub fn begin_chat(&self, words: &str, model: Option<&str>, system: Option<&str>, keep: bool) -> Result<Session> {
        self.store()?.begin_session(&NewSession {
            title: Some(title(words)).filter(|t| !t.is_empty()),
            model: model.map(String::from),
            system: system.map(String::from),
            temporary: (!keep).then(this_process),
            ..NewSession::default()
        })
    }
}
