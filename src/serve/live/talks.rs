//! What is under way on one socket: questions, runs, subscriptions. Bounded, each known by the id that its first frame
//! brought.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::sync::broadcast;
use tokio::task::{AbortHandle, JoinSet};

use super::chat;
use super::code;
use super::feed::{Feed, Kinds};
use super::frame::Asked;
use super::hub::Typing;
use super::outbox::Outbox;
use super::run::{self, Teller};
use super::sse::Counted;
use crate::app::views::event::EventView;
use crate::exec::Stop;
use crate::kernel::events::Position;
use crate::serve::Server;
use crate::serve::access::{Caller, Permission};
use crate::serve::api::code::BUCKET;
use crate::serve::api::messages::Said;
use crate::serve::problem::Problem;
use crate::serve::route::Bucket;

/// Subscriptions of one socket.
pub(super) const SUBSCRIPTIONS: usize = 100;
/// Questions and runs of one socket at a time.
pub(super) const IN_FLIGHT: usize = 16;
/// What is heard of who types.
const TYPING: &str = "chat.typing";

/// What is under way on one socket.
pub(super) struct Talks {
    server: Arc<Server>,
    caller: Caller,
    out: Outbox,
    number: u64,
    /// Pieces of code that came without an id.
    unnamed: u64,
    work: JoinSet<String>,
    stops: HashMap<String, Stop>,
    subscriptions: HashMap<String, AbortHandle>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    events: Patterns,
    after: Option<Json>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Patterns {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Types {
    session: String,
}

impl Talks {
    pub(super) fn new(server: Arc<Server>, caller: Caller, out: Outbox, number: u64) -> Talks {
        let (work, stops, subscriptions) = (JoinSet::new(), HashMap::new(), HashMap::new());
        Talks { server, caller, out, number, unnamed: 0, work, stops, subscriptions }
    }

    /// Whether nothing is under way but listening.
    pub(super) fn is_idle(&self) -> bool {
        self.work.is_empty()
    }

    /// Waits until something that was under way has ended.
    pub(super) async fn one_ends(&mut self) {
        match self.work.join_next().await {
            Some(Ok(id)) => drop(self.stops.remove(&id)),
            // What broke off is known by nobody any more.
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }

    /// Who is there.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether who is there may be there still; with what they may do now. What they may hear no more ends.
    pub(super) fn is_still_known(&mut self) -> bool {
        match self.server.access.still(&self.caller) {
            Ok(caller) => {
                self.caller = caller;
                if !self.caller.may(Permission::EventsRead) {
                    self.subscriptions.drain().for_each(|(_, follows)| follows.abort());
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Stops everything; what it ends with is written down.
    pub(super) fn leave(&mut self) {
        self.stops.values().for_each(Stop::request);
        self.subscriptions.values().for_each(AbortHandle::abort);
        self.work.detach_all();
    }

    /// Does what a frame says; what is wrong with it is told.
    pub(super) fn hear(&mut self, text: &str) {
        let asked = match Asked::read(text) {
            Ok(asked) => asked,
            Err(problem) => return self.wrong(None, problem),
        };
        self.server.metrics.frame(known(&asked.kind));
        if let Err(problem) = self.act(&asked) {
            self.wrong(asked.id.as_ref(), problem);
        }
    }

    fn wrong(&self, id: Option<&Json>, problem: Problem) {
        self.out.put(id, "error", json!({"error": problem.traced(self.caller.trace)}));
    }

    fn act(&mut self, asked: &Asked) -> Result<(), Problem> {
        match asked.kind.as_str() {
            "ping" => {
                self.out.put(asked.id.as_ref(), "pong", json!({}));
            }
            "subscribe" => self.subscribe(asked)?,
            "unsubscribe" => {
                let id = asked.id()?;
                let ended = self.subscriptions.remove(&id.to_string());
                ended.ok_or_else(|| Problem::not_found("there is no such subscription"))?.abort();
                self.out.put(Some(&id), "unsubscribed", json!({}));
            }
            "chat:send" => self.chat(asked)?,
            "run:start" => self.run(asked)?,
            "ide:execute" => self.code(asked)?,
            "chat:cancel" | "run:cancel" | "ide:cancel" | "cancel" => {
                let id = asked.id()?;
                let stop = self.stops.get(&id.to_string());
                stop.ok_or_else(|| Problem::not_found("nothing with this id is under way"))?.request();
            }
            "chat:typing" => self.types(asked)?,
            _ => {
                let known = KINDS.join(", ");
                return Err(Problem::not_found("there is no such type of frame").hint(format!("the types are {known}")));
            }
        }
        Ok(())
    }

    /// Whether they may, now; it counts as a request.
    fn admit(&mut self, permission: Permission) -> Result<(), Problem> {
        self.admit_to(permission, None)
    }

    /// The same where there is a limit of its own.
    fn admit_to(&mut self, permission: Permission, bucket: Option<Bucket>) -> Result<(), Problem> {
        self.caller = self.server.access.still(&self.caller)?;
        self.server.limits.admit(Some(&self.caller), self.caller.address, bucket)?;
        self.caller.needs(permission)
    }

    fn subscribe(&mut self, asked: &Asked) -> Result<(), Problem> {
        let id = asked.id()?;
        let wanted: Subscribe = asked.rest()?;
        let patterns = match wanted.events {
            Patterns::One(one) => vec![one],
            Patterns::Many(many) => many,
        };
        let only_typing = patterns.iter().all(|pattern| pattern == TYPING);
        let kinds = Kinds::new(patterns)?;
        let after = match wanted.after {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(text.parse::<Position>()?),
            Some(other) => Some(other.to_string().parse::<Position>()?),
        };
        self.admit(if only_typing { Permission::ChatRead } else { Permission::EventsRead })?;
        self.subscriptions.retain(|_, handle| !handle.is_finished());
        if self.subscriptions.contains_key(&id.to_string()) {
            return Err(Problem::new(axum::http::StatusCode::CONFLICT, "usage", "this id has a subscription already"));
        }
        if self.subscriptions.len() >= SUBSCRIPTIONS {
            return Err(Problem::limited(format!("a socket has at most {SUBSCRIPTIONS} subscriptions"), 1));
        }
        let moments =
            (kinds.want(TYPING) && self.caller.may(Permission::ChatRead)).then(|| self.server.live.hub().moments());
        let listening = Listening {
            server: self.server.clone(),
            caller: self.caller.clone(),
            out: self.out.clone(),
            id: id.clone(),
            number: self.number,
        };
        let task = tokio::spawn(listening.listen(kinds, after, only_typing, moments));
        self.subscriptions.insert(id.to_string(), task.abort_handle());
        Ok(())
    }

    /// The id of something new that is to be under way.
    fn fresh(&self, asked: &Asked) -> Result<Json, Problem> {
        self.free(asked.id()?)
    }

    /// This id, where nothing is under way by it and there is room.
    fn free(&self, id: Json) -> Result<Json, Problem> {
        if self.stops.contains_key(&id.to_string()) {
            return Err(Problem::new(axum::http::StatusCode::CONFLICT, "usage", "this id is under way already"));
        }
        if self.work.len() >= IN_FLIGHT {
            return Err(Problem::limited(format!("a socket does at most {IN_FLIGHT} things at a time"), 1));
        }
        Ok(id)
    }

    fn chat(&mut self, asked: &Asked) -> Result<(), Problem> {
        let id = self.fresh(asked)?;
        let (session, said): (Option<String>, Said) = asked.rest_beside("session")?;
        self.admit(Permission::ModelsAsk)?;
        said.allowed(&self.caller)?;
        let work = self.server.live.begin()?;
        self.stops.insert(id.to_string(), work.stop.clone());
        let key = id.to_string();
        let telling = chat::Telling {
            id: Some(id),
            out: self.out.clone(),
            stop: work.stop.clone(),
            owners: self.caller.sees(None),
        };
        let task = self.server.desk.local(&self.caller, move |app| chat::turn(app, session, said, telling));
        self.work.spawn(async move {
            // What broke off was logged, and its row says so.
            let _ = task.done().await;
            drop(work);
            key
        });
        Ok(())
    }

    fn run(&mut self, asked: &Asked) -> Result<(), Problem> {
        let id = self.fresh(asked)?;
        let wish: run::Wish = asked.rest()?;
        self.admit(Permission::CommandsRun)?;
        let work = self.server.live.begin()?;
        let stop = work.stop.clone();
        self.stops.insert(id.to_string(), stop.clone());
        let runtime = tokio::runtime::Handle::current();
        let teller = Teller {
            id: id.clone(),
            outbox: self.out.clone(),
            stop,
            runtime,
            running: self.server.running.clone(),
            begun: None,
        };
        let (server, caller, out) = (self.server.clone(), self.caller.clone(), self.out.clone());
        self.work.spawn(async move {
            let ended = server.desk.sync(&caller, move |app| run::run(app, wish, &teller)).await;
            let ended = ended.unwrap_or_else(
                |error| json!({"status": "failed", "error": Problem::from(error).traced(caller.trace)}),
            );
            out.put(Some(&id), "run:end", ended);
            drop(work);
            id.to_string()
        });
        Ok(())
    }

    fn code(&mut self, asked: &Asked) -> Result<(), Problem> {
        // Those who ask for one thing after the other need no ids; no id of theirs is a list.
        self.unnamed += 1;
        let key = self.free(asked.id.clone().unwrap_or_else(|| json!([self.unnamed])))?.to_string();
        let wish = code::Wish::of(asked)?;
        self.admit_to(Permission::CodeRun, Some(BUCKET))?;
        let place = self.server.code.enter()?;
        let work = self.server.live.begin()?;
        self.stops.insert(key.clone(), work.stop.clone());
        let teller = code::Teller {
            id: asked.id.clone(),
            outbox: self.out.clone(),
            stop: work.stop.clone(),
            runtime: tokio::runtime::Handle::current(),
        };
        let (server, caller, out, id) = (self.server.clone(), self.caller.clone(), self.out.clone(), asked.id.clone());
        self.work.spawn(async move {
            match server.desk.sync(&caller, move |app| code::run(app, &wish, &teller)).await {
                Ok(result) => out.put(id.as_ref(), "ide:result", result),
                Err(problem) => out.put(id.as_ref(), "error", json!({"error": problem.traced(caller.trace)})),
            };
            drop((work, place));
            key
        });
        Ok(())
    }

    /// Tells others that somebody types in a chat that is theirs too.
    fn types(&mut self, asked: &Asked) -> Result<(), Problem> {
        let wanted: Types = asked.rest()?;
        self.admit(Permission::ChatWrite)?;
        let store = self.server.live.hub().store().acting(self.caller.person(), self.caller.role.sees_all());
        let session = store.session(&wanted.session)?;
        self.server.live.hub().types(Typing {
            session: session.id.to_string(),
            owner: session.owner,
            user: self.caller.name.clone(),
            socket: self.number,
        });
        Ok(())
    }
}

const KINDS: [&str; 11] = [
    "ping",
    "subscribe",
    "unsubscribe",
    "chat:send",
    "chat:cancel",
    "chat:typing",
    "run:start",
    "run:cancel",
    "ide:execute",
    "ide:cancel",
    "cancel",
];

/// The type, or one word for all that nobody knows.
fn known(kind: &str) -> &'static str {
    KINDS.into_iter().find(|one| *one == kind).unwrap_or("other")
}

/// A subscription.
struct Listening {
    server: Arc<Server>,
    caller: Caller,
    out: Outbox,
    id: Json,
    number: u64,
}

impl Listening {
    async fn listen(
        self,
        kinds: Kinds,
        after: Option<Position>,
        only_typing: bool,
        mut moments: Option<broadcast::Receiver<Arc<Typing>>>,
    ) {
        let _counted = Counted::new(&self.server);
        let mut feed = match Feed::new(self.server.live.hub(), kinds, after).await {
            Ok(feed) => feed,
            Err(error) => {
                let problem = Problem::from(error).traced(self.caller.trace);
                self.out.put(Some(&self.id), "error", json!({"error": problem}));
                return;
            }
        };
        let position = feed.position().map_or_else(|| "0".to_string(), |position| position.to_string());
        self.out.put(Some(&self.id), "subscribed", json!({"position": position}));
        loop {
            let events = tokio::select! {
                events = feed.next(), if !only_typing => events,
                moment = heard(&mut moments) => {
                    self.tell(&moment);
                    continue;
                }
            };
            let Ok(events) = events else { return };
            for event in events {
                if !self.out.room().await {
                    return;
                }
                let _turn = feed.turn().await;
                if !self.out.put(Some(&self.id), "event", json!({"event": EventView::from(&event)})) {
                    return;
                }
            }
        }
    }

    /// Tells that somebody types; not to themselves, and not of chats that are not theirs.
    fn tell(&self, typing: &Typing) {
        if typing.socket != self.number && self.caller.sees(typing.owner) {
            let moment = json!({"kind": TYPING, "subject": typing.session, "payload": {"user": typing.user}});
            self.out.put(Some(&self.id), "event", json!({"event": moment}));
        }
    }
}

/// The next moment; never, where none are wanted.
async fn heard(moments: &mut Option<broadcast::Receiver<Arc<Typing>>>) -> Arc<Typing> {
    if let Some(receiver) = moments {
        loop {
            match receiver.recv().await {
                Ok(moment) => return moment,
                // What is of the moment may be missed.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            }
        }
    }
    std::future::pending().await
}
