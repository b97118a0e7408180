//! `/api/v1/sessions/{id}/messages`: what is said in a chat: listed, asked, marked with signs, blacked out, erased.

use std::rc::Rc;

use base64::Engine;
use futures_util::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::sessions::named;
use super::wrong;
use crate::app::App;
use crate::app::order::Unheard;
use crate::app::talk::People;
use crate::app::views::chat::{AnswerView, MessageView, status_of};
use crate::app::views::page::{Page, Paging};
use crate::chat::attach;
use crate::chat::driver::{Ask, Outcome};
use crate::chat::policy::Nobody;
use crate::chat::saying::{effort, fault};
use crate::kernel::error::{Error, Result as Outcomes};
use crate::providers::model::{Part, Tuning};
use crate::serve::access::{Caller, Permission};
use crate::serve::call::Call;
use crate::serve::live;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, Route};
use crate::store::{Message, Session};

/// What a question with its files may take, bytes.
const QUESTION: usize = 64 << 20;
/// The way forward from an answer that is not whole.
pub(in crate::serve) const KEPT: &str = "what came is kept; ask again in the same chat";

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("messages").may(Permission::ChatRead);
    let write = |draft: Draft| draft.tag("messages").may(Permission::ChatWrite);
    vec![
        read(Route::get("/api/v1/sessions/{id}/messages", "List messages, newest first")).query::<Paging>().with(ls),
        Route::post("/api/v1/sessions/{id}/messages", "Say something, and wait for the answer")
            .tag("messages")
            .may(Permission::ModelsAsk)
            .body_up_to(QUESTION)
            .takes::<Said>()
            .talks_or_streams(say, |server, call| {
                live::sse::chat(server, &call.caller, call.param("id").to_string(), call.body.clone())
            }),
        read(Route::get("/api/v1/sessions/{id}/messages/{message}", "Show a message")).with(one),
        write(Route::delete("/api/v1/sessions/{id}/messages/{message}", "Erase a message and all that follow it"))
            .with(rm),
        write(Route::post("/api/v1/sessions/{id}/redact", "Black out a message, or words wherever they stand"))
            .takes::<Redact>()
            .with(redact),
        write(Route::put("/api/v1/sessions/{id}/messages/{message}/reactions/{sign}", "Put a sign on a message"))
            .with(react),
        write(Route::delete("/api/v1/sessions/{id}/messages/{message}/reactions/{sign}", "Take a sign off a message"))
            .with(unreact),
    ]
}

/// Messages without the bytes of their files, with the signs on them.
pub(super) fn light(app: &App, session: &Session, messages: &[Message]) -> Outcomes<Vec<MessageView>> {
    let reactions = app.store()?.reactions(session.id)?;
    Ok(messages.iter().map(|message| MessageView::light(message, &reactions)).collect())
}

fn ls(call: &Call<Paging>, app: &App) -> Result<Page<MessageView>, Problem> {
    let session = named(app, call.param("id"))?;
    let (messages, next) = app.store()?.messages(session.id, call.query.after.as_deref(), call.query.limit)?;
    Ok(Page { items: light(app, &session, &messages)?, next })
}

fn one(call: &Call, app: &App) -> Result<MessageView, Problem> {
    let session = named(app, call.param("id"))?;
    let message = app.store()?.message(session.id, call.param("message"))?;
    let mut all = light(app, &session, &[message])?;
    all.pop().ok_or_else(|| Problem::not_found("there is no such message"))
}

/// How a model is to answer; what is not said is left to the provider.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Manner {
    /// 0 is steady, higher is freer
    #[schemars(range(min = 0, max = 2))]
    temperature: Option<f64>,
    /// Nucleus sampling
    #[schemars(range(min = 0, max = 1))]
    top_p: Option<f64>,
    /// The most tokens of the answer
    #[schemars(range(min = 1))]
    max_tokens: Option<u32>,
    /// Texts that end the answer
    #[serde(default)]
    #[schemars(length(max = 16))]
    stop: Vec<String>,
    /// For answers that can be had again
    seed: Option<u64>,
    /// How hard to think: none, low, medium or high
    think: Option<String>,
    /// JSON Schema that the answer must satisfy
    #[schemars(with = "Option<Map<String, Json>>")]
    schema: Option<Json>,
}

impl Manner {
    /// The same as the rooms know it.
    pub(super) fn tuning(&self) -> Result<Tuning, Problem> {
        let think = self.think.as_deref().map(effort).transpose().map_err(|error| super::wrong_as("/think", &error))?;
        Ok(Tuning {
            temperature: self.temperature,
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            seed: self.seed,
            effort: think,
            tool_use: Default::default(),
            schema: self.schema.clone(),
            ..Tuning::default()
        })
    }
}

/// A file that goes along.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Attached {
    /// Its name, for people and the model
    #[schemars(length(min = 1, max = 500))]
    name: String,
    /// Its bytes in base64
    data: String,
}

/// Files as parts of a question; what they are their bytes say.
pub(super) fn files(app: &App, attached: &[Attached]) -> Result<Vec<Part>, Problem> {
    let limit = app.largest_attachment()?;
    let read = |(n, file): (usize, &Attached)| {
        let field = format!("/attachments/{n}/data");
        let bytes = base64::engine::general_purpose::STANDARD.decode(&file.data);
        let bytes = bytes.map_err(|_| wrong(&field, "this is no base64"))?;
        attach::part(&file.name, bytes, limit).map_err(|error| super::wrong_as(&field, &error))
    };
    attached.iter().enumerate().map(read).collect()
}

/// Something that is said.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The words
    #[schemars(length(min = 1))]
    pub text: String,
    /// Files that go along
    #[serde(default)]
    #[schemars(length(max = 50))]
    attachments: Vec<Attached>,
    /// The model, instead of the chat's
    pub model: Option<String>,
    /// A system text, instead of the chat's
    pub system: Option<String>,
    /// The message that it follows, instead of the last
    parent: Option<String>,
    /// How to answer
    #[serde(default)]
    options: Manner,
    /// Let the model use these commands, where the settings allow it without a question
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub tools: Vec<String>,
}

impl Said {
    /// The question as it is asked in a chat. `owners`: what the machine's owner wants remembered goes along.
    pub fn ask(&self, app: &App, session: &Session, owners: bool) -> Result<Ask, Problem> {
        if self.text.is_empty() {
            return Err(wrong("/text", "it is empty"));
        }
        let parent = match &self.parent {
            Some(parent) => Some(app.store()?.message(session.id, parent)?.id),
            None => session.head,
        };
        let mut parts = files(app, &self.attachments)?;
        parts.push(Part::text(self.text.clone()));
        Ok(Ask {
            parent,
            parts: Some(parts),
            model: self.model.clone(),
            system: self.system.clone(),
            tuning: self.options.tuning()?,
            purpose: "chat".to_string(),
            memories: if owners { app.memories()? } else { Vec::new() },
            ..Ask::default()
        })
    }
}

fn say(call: Call<(), Said>, app: Rc<App>) -> LocalBoxFuture<'static, Result<AnswerView, Problem>> {
    Box::pin(async move {
        let said = &call.body;
        said.allowed(&call.caller)?;
        let session = named(&app, call.param("id"))?;
        let ask = said.ask(&app, &session, call.caller.sees(None))?;
        let outcome = asked(&app, &call.gone, (&session, &ask), &said.tools).await?;
        answer(&session, outcome, ask.tuning.max_tokens.is_some())
    })
}

impl Said {
    /// Says no to who may ask a model, but neither write a chat nor let a model do what this wants.
    ///
    /// # Errors
    /// 403 with the permission that is missing.
    pub fn allowed(&self, caller: &Caller) -> Result<(), Problem> {
        needs(caller, Permission::ChatWrite)?;
        may_offer(caller, &self.tools)
    }
}

/// Says no to who may not do this beside what the route wants.
pub(super) fn needs(caller: &Caller, permission: Permission) -> Result<(), Problem> {
    caller.needs(permission)
}

/// Whether they may let a model use these: commands for who may run them, what servers and plugins offer for who answers
/// for this machine.
pub(super) fn may_offer(caller: &Caller, tools: &[String]) -> Result<(), Problem> {
    if tools.is_empty() {
        return Ok(());
    }
    needs(caller, Permission::CommandsRun)?;
    let outside = |tool: &&String| tool.starts_with("mcp:") || tool.starts_with("plugin:");
    match tools.iter().find(outside).filter(|_| !caller.sees(None)) {
        Some(tool) => Err(Problem::refused(format!("only owners and admins may offer `{tool}` to a model"))),
        None => Ok(()),
    }
}

/// One turn for somebody who is not there to be asked about tools.
pub(super) async fn asked(
    app: &App,
    gone: &crate::serve::gone::Gone,
    what: (&Session, &Ask),
    tools: &[String],
) -> Outcomes<Outcome> {
    let models = app.models()?;
    let (mut ear, mut host, mut nobody) = (Unheard, Unheard, Nobody);
    let people = People { listener: &mut ear, asker: &mut nobody, host: &mut host };
    app.answer(&models, what, tools, people, &gone.stop()?).await
}

/// What came of a turn. One without a word of answer is a problem.
pub(super) fn answer(session: &Session, mut outcome: Outcome, length: bool) -> Result<AnswerView, Problem> {
    let status = status_of(&outcome.ended);
    let error: Option<Error> = fault(&mut outcome, length, KEPT);
    match error {
        Some(error) if outcome.text().is_empty() => Err(error.into()),
        error => Ok(AnswerView::of(session, &outcome, status).but(error.as_ref())),
    }
}

/// How much went.
#[derive(Debug, Serialize, JsonSchema)]
struct Messages {
    /// How many messages.
    messages: usize,
}

fn rm(call: &Call, app: &App) -> Result<Messages, Problem> {
    let session = named(app, call.param("id"))?;
    let store = app.store()?;
    let message = store.message(session.id, call.param("message"))?;
    let messages = store.remove_message(message.id)?;
    app.drop_erased()?;
    Ok(Messages { messages })
}

/// What is to be blacked out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Redact {
    /// Only this message; with `words`, these words of it
    message: Option<String>,
    /// Only these words, wherever they stand
    words: Option<String>,
}

fn redact(call: &Call<(), Redact>, app: &App) -> Result<Messages, Problem> {
    let session = named(app, call.param("id"))?;
    let messages = app.black_out(&session, call.body.message.as_deref(), call.body.words.as_deref())?;
    Ok(Messages { messages })
}

fn react(call: &Call, app: &App) -> Result<MessageView, Problem> {
    marked(call, app, true)
}

fn unreact(call: &Call, app: &App) -> Result<MessageView, Problem> {
    marked(call, app, false)
}

fn marked(call: &Call, app: &App, on: bool) -> Result<MessageView, Problem> {
    let session = named(app, call.param("id"))?;
    let store = app.store()?;
    let message = store.message(session.id, call.param("message"))?;
    store.react(message.id, call.param("sign"), on)?;
    one(call, app)
}
