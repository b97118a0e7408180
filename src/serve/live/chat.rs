//! A turn of a chat, told while it happens: `chat:begin`, `chat:delta` …, `chat:end`.
//!
//! The turn is that of the plain route for messages. Who stops reading, or cancels, stops the model.

use std::rc::Rc;

use serde_json::{Value as Json, json};

use super::outbox::Outbox;
use crate::app::App;
use crate::app::order::Unheard;
use crate::app::talk::People;
use crate::app::views::chat::{AnswerView, status_of};
use crate::chat::driver::Listener;
use crate::chat::filter::Change;
use crate::chat::policy::Nobody;
use crate::chat::saying::fault;
use crate::exec::Stop;
use crate::kernel::ids::Id;
use crate::providers::model::Piece;
use crate::serve::api::messages::{KEPT, Said};
use crate::serve::api::sessions::named;
use crate::serve::problem::Problem;
use crate::store::Session;

/// Where a turn is told, and how it is stopped.
pub struct Telling {
    /// Whose it is.
    pub id: Option<Json>,
    /// Where it is told.
    pub out: Outbox,
    /// Ends it.
    pub stop: Stop,
    /// Whether what the machine's owner wants remembered goes along.
    pub owners: bool,
}

/// Does a turn in the chat of this name, or in one that begins, and tells it. The last frame is `chat:end`, however it
/// ends.
pub(in crate::serve) async fn turn(app: Rc<App>, session: Option<String>, said: Said, telling: Telling) {
    let told = match talk(&app, session.as_deref(), &said, &telling).await {
        Ok(answer) => json!({"status": answer.status, "answer": answer}),
        Err(problem) => json!({"status": "failed", "error": problem.traced(app.trace())}),
    };
    telling.out.put(telling.id.as_ref(), "chat:end", told);
}

async fn talk(app: &App, session: Option<&str>, said: &Said, telling: &Telling) -> Result<AnswerView, Problem> {
    let session = match session {
        Some(name) => named(app, name)?,
        None => app.begin_chat(&said.text, said.model.as_deref(), said.system.as_deref(), true)?,
    };
    let answered = answer(app, &session, said, telling).await;
    if answered.is_err() && session.messages == 0 && session.name.is_none() {
        let store = app.store()?;
        if store.session_by_id(session.id)?.messages == 0 {
            // Nothing was said in it.
            store.remove_session(session.id)?;
        }
    }
    answered
}

async fn answer(app: &App, session: &Session, said: &Said, telling: &Telling) -> Result<AnswerView, Problem> {
    let ask = said.ask(app, session, telling.owners)?;
    let models = app.models()?;
    telling.out.put(telling.id.as_ref(), "chat:begin", json!({"session": session.id}));
    let mut teller = Teller { id: telling.id.clone(), out: telling.out.clone(), stop: telling.stop.clone() };
    let people = People { listener: &mut teller, asker: &mut Nobody, host: &mut Unheard };
    let mut outcome = app.answer(&models, (session, &ask), &said.tools, people, &telling.stop).await?;
    let status = status_of(&outcome.ended);
    let error = fault(&mut outcome, ask.tuning.max_tokens.is_some(), KEPT);
    Ok(AnswerView::of(session, &outcome, status).but(error.as_ref()))
}

/// Tells what happens during a turn, and stops it when nobody reads any more.
struct Teller {
    id: Option<Json>,
    out: Outbox,
    stop: Stop,
}

impl Teller {
    fn put(&self, kind: &'static str, rest: Json) {
        if !self.out.put(self.id.as_ref(), kind, rest) {
            self.stop.request();
        }
    }
}

impl Listener for Teller {
    fn awaited(&mut self, answer: Id) {
        self.put("chat:message", json!({"message": answer}));
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(text) => self.put("chat:delta", json!({"text": text})),
            Piece::Reasoning(text) => self.put("chat:delta", json!({"reasoning": text})),
            Piece::ToolStarts(name) => self.put("chat:tool", json!({"tool": name, "state": "asked"})),
            Piece::Notice(text) => self.put("chat:notice", json!({"text": text})),
        }
    }

    fn tool_begins(&mut self, origin: &str, preview: &str) {
        self.put("chat:tool", json!({"tool": origin, "state": "running", "preview": preview}));
    }

    fn tool_ended(&mut self, origin: &str, said: &str, failed: bool) {
        self.put("chat:tool", json!({"tool": origin, "state": if failed { "failed" } else { "done" }, "said": said}));
    }

    fn changed(&mut self, change: &Change<'_>) {
        self.put("chat:notice", json!({"text": format!("{} changed what passed", change.by)}));
    }
}
