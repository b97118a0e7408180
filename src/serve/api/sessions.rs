//! `/api/v1/sessions`: chats: made, named, read as a list, a thread or a tree, branched, exported, erased.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::messages::light;
use super::wrong;
use crate::app::App;
use crate::app::carry;
use crate::app::runtime::wait;
use crate::app::views::chat::{ContextView, SessionView, WholeSession};
use crate::app::views::page::{Page, Paging};
use crate::chat::driver::Ask;
use crate::chat::export;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::input;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, RawCall, Route};
use crate::store::{NewSession, Session, SessionEdit, SessionFilter};

/// The longest text of a session's own, characters.
const LONGEST: u32 = 100_000;

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("sessions").may(Permission::ChatRead);
    let write = |draft: Draft| draft.tag("sessions").may(Permission::ChatWrite);
    vec![
        read(Route::get("/api/v1/sessions", "List chats, the last used first")).query::<Wanted>().with(ls),
        write(Route::post("/api/v1/sessions", "Begin a chat")).creates().takes::<New>().with(make),
        read(Route::get("/api/v1/sessions/{id}", "Show a chat, by its id or name; `last` is the one used last"))
            .with(one),
        write(Route::patch("/api/v1/sessions/{id}", "Name, label, pin or archive a chat")).takes::<Edit>().with(edit),
        write(Route::delete("/api/v1/sessions/{id}", "Erase a chat for good")).with(rm),
        read(Route::get("/api/v1/sessions/{id}/thread", "What was said, up to where it goes on")).with(thread),
        read(Route::get("/api/v1/sessions/{id}/tree", "What was said on all branches")).with(tree),
        read(Route::get("/api/v1/sessions/{id}/context", "What would be sent with the next question"))
            .bucket("context", 100)
            .query::<Model>()
            .with(context),
        write(Route::post("/api/v1/sessions/{id}/branch", "Go on from another message")).takes::<Branch>().with(branch),
        read(Route::get("/api/v1/sessions/{id}/export", "A chat as JSON, Markdown or HTML"))
            .query::<Export>()
            .media("*/*")
            .raw(exported),
    ]
}

/// The chat of this name or id; `last` is the one used last.
pub(in crate::serve) fn named(app: &App, wanted: &str) -> Result<Session, Problem> {
    let store = app.store()?;
    if wanted == "last" {
        return store.last_session()?.ok_or_else(|| Problem::not_found("there are no chats yet"));
    }
    Ok(store.session(wanted)?)
}

/// Which chats.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(flatten)]
    page: Paging,
    /// Only with this label
    tag: Option<String>,
    /// Only whose name or title holds this
    text: Option<String>,
    /// Those put away instead
    #[serde(default)]
    archived: bool,
}

fn ls(call: &Call<Wanted>, app: &App) -> Result<Page<SessionView>, Problem> {
    let Wanted { page, tag, text, archived } = &call.query;
    let filter =
        SessionFilter { tag: tag.clone(), text: text.clone(), archived: *archived, ..SessionFilter::default() };
    let (sessions, next) = app.store()?.sessions(&filter, page.after.as_deref(), page.limit)?;
    Ok(Page { items: sessions.iter().map(SessionView::from).collect(), next })
}

/// A new chat.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct New {
    /// Its name, unique
    #[schemars(length(min = 1, max = 200))]
    name: Option<String>,
    /// What it is about
    #[schemars(length(max = 1000))]
    title: Option<String>,
    /// The model it uses when none is named
    #[schemars(length(max = 500))]
    model: Option<String>,
    /// What the model is to be and to do
    #[schemars(length(max = LONGEST))]
    system: Option<String>,
}

fn make(call: &Call<(), New>, app: &App) -> Result<SessionView, Problem> {
    let New { name, title, model, system } = &call.body;
    let new = NewSession {
        name: name.clone(),
        title: title.clone(),
        model: model.clone(),
        system: system.clone(),
        ..NewSession::default()
    };
    let session = app.store()?.begin_session(&new)?;
    // What somebody was told of is not lost.
    app.store()?.wait_for_disk()?;
    call.says(axum::http::StatusCode::CREATED, format!("/api/v1/sessions/{}", session.id));
    Ok(SessionView::from(&session))
}

fn one(call: &Call, app: &App) -> Result<SessionView, Problem> {
    Ok(SessionView::from(&named(app, call.param("id"))?))
}

/// What is to be changed of a chat; null takes something away, what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// Its name
    #[serde(default, deserialize_with = "said")]
    #[schemars(length(min = 1, max = 200))]
    name: Option<Option<String>>,
    /// What it is about
    #[serde(default, deserialize_with = "said")]
    #[schemars(length(max = 1000))]
    title: Option<Option<String>>,
    /// The model it uses
    #[serde(default, deserialize_with = "said")]
    #[schemars(length(max = 500))]
    model: Option<Option<String>>,
    /// What the model is to be and to do
    #[serde(default, deserialize_with = "said")]
    #[schemars(length(max = LONGEST))]
    system: Option<Option<String>>,
    /// Labels to put on
    #[serde(default)]
    #[schemars(length(max = 100))]
    tag: Vec<String>,
    /// Labels to take off
    #[serde(default)]
    #[schemars(length(max = 100))]
    untag: Vec<String>,
    /// Whether it stands before the others
    pinned: Option<bool>,
    /// Whether lists leave it out
    archived: Option<bool>,
}

/// Tells null from what is left out.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

fn edit(call: &Call<(), Edit>, app: &App) -> Result<SessionView, Problem> {
    let session = named(app, call.param("id"))?;
    let body = &call.body;
    let mut edits = Vec::new();
    edits.extend(body.name.clone().map(SessionEdit::Name));
    edits.extend(body.title.clone().map(SessionEdit::Title));
    edits.extend(body.model.clone().map(SessionEdit::Model));
    edits.extend(body.system.clone().map(SessionEdit::System));
    edits.extend(body.tag.iter().cloned().map(SessionEdit::Tag));
    edits.extend(body.untag.iter().cloned().map(SessionEdit::Untag));
    edits.extend(body.pinned.map(SessionEdit::Pinned));
    edits.extend(body.archived.map(SessionEdit::Archived));
    let store = app.store()?;
    if !edits.is_empty() {
        store.edit_session(session.id, &edits)?;
    }
    Ok(SessionView::from(&store.session_by_id(session.id)?))
}

fn rm(call: &Call, app: &App) -> Result<(), Problem> {
    let session = named(app, call.param("id"))?;
    app.store()?.remove_session(session.id)?;
    app.forget_draft(session.id)?;
    Ok(app.drop_erased()?)
}

fn thread(call: &Call, app: &App) -> Result<WholeSession, Problem> {
    let session = named(app, call.param("id"))?;
    let messages = session.head.map(|head| app.store()?.thread(head)).transpose()?.unwrap_or_default();
    Ok(WholeSession { session: SessionView::from(&session), messages: light(app, &session, &messages)? })
}

fn tree(call: &Call, app: &App) -> Result<WholeSession, Problem> {
    let session = named(app, call.param("id"))?;
    let messages = app.store()?.tree(session.id)?;
    Ok(WholeSession { session: SessionView::from(&session), messages: light(app, &session, &messages)? })
}

/// For whom.
#[derive(Debug, Deserialize, JsonSchema)]
struct Model {
    /// For this model
    model: Option<String>,
}

fn context(call: &Call<Model>, app: &App) -> Result<ContextView, Problem> {
    let session = named(app, call.param("id"))?;
    let head = session.head.ok_or_else(|| Problem::not_found("nothing was said in this chat"))?;
    let memories = if call.caller.sees(None) { app.memories()? } else { Vec::new() };
    let ask = Ask { memories, model: call.query.model.clone(), ..Ask::default() };
    let models = app.models()?;
    let pieces = wait(app.pieces(&models, &session, &ask, head, &call.gone.stop()?))??;
    Ok(ContextView::from(&pieces))
}

/// Where it goes on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Branch {
    /// The message that the next question follows, by its id or the end of it
    #[schemars(length(min = 1, max = 64))]
    message: String,
}

fn branch(call: &Call<(), Branch>, app: &App) -> Result<SessionView, Problem> {
    let session = named(app, call.param("id"))?;
    let store = app.store()?;
    let message = store.message(session.id, &call.body.message)?;
    store.edit_session(session.id, &[SessionEdit::Head(Some(message.id))])?;
    Ok(SessionView::from(&store.session_by_id(session.id)?))
}

/// As what.
#[derive(Debug, Deserialize, JsonSchema)]
struct Export {
    /// json, markdown or html
    #[serde(default = "json")]
    to: String,
    /// All branches, also in Markdown
    #[serde(default)]
    branches: bool,
}

fn json() -> String {
    "json".to_string()
}

async fn exported(call: RawCall) -> Result<Response, Problem> {
    let caller = call.caller()?.clone();
    let id = call.params.get("id").cloned().unwrap_or_default();
    let checks = input::Checks::of::<Export, ()>();
    let (_, query) = input::query::<Export>(call.request.uri().query(), &checks)?;
    let media = match query.to.as_str() {
        "json" => "application/json",
        "markdown" => "text/markdown; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        other => return Err(wrong("to", format!("a chat is no {other:?}")).hint("json, markdown or html")),
    };
    let work = move |app: &App| -> Result<Vec<u8>, Problem> {
        let chat = carry::out(app.store()?, &named(app, &id)?)?;
        Ok(match query.to.as_str() {
            "markdown" => export::markdown::markdown(&chat, query.branches).into_bytes(),
            "html" => export::html::html(&[chat]).into_bytes(),
            _ => export::json::to_bytes(&[chat])?,
        })
    };
    let bytes = call.server.desk.sync(&caller, work).await?;
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    // A page that holds what others wrote is for reading elsewhere, not on this origin.
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}
