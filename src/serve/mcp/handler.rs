//! What the server answers: tools, prompts and resources, for whoever asks.
//!
//! It decides nothing about trust: what is not trusted is not offered, and what is called by a name that is not offered
//! does not exist.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, Prompt, PromptArgument, PromptMessage, ReadResourceRequestParams,
    ReadResourceResponse, ResourceTemplate, Role, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ServerHandler, model::JsonObject};
use serde_json::Value;

use super::resources;
use crate::app::App;
use crate::chat::tool::{Effects, Tool as Work};
use crate::commands::tool::{self, Offer};
use crate::kernel::error::{Error, Kind};
use crate::kernel::ids::Ids;
use crate::serve::access::{Caller, Permission};
use crate::serve::desk::Desk;

/// What stands in the runs that are begun here.
const TRIGGER: &str = "mcp";
/// Entries of a list at once.
const PAGE: usize = 100;

/// Whether whoever asked over HTTP has gone away: its channel is closed then.
#[derive(Clone, Debug)]
pub(super) struct Gone(pub(super) tokio::sync::watch::Receiver<()>);

/// One conversation.
#[derive(Clone)]
pub(super) struct Handler {
    desk: Desk,
    patterns: Vec<String>,
    caller: Option<Caller>,
}

type Answer<T> = std::result::Result<T, ErrorData>;

impl Handler {
    /// A handler that offers what fits one of the patterns to whoever a request names.
    pub(super) fn new(desk: Desk, patterns: Vec<String>) -> Handler {
        Handler { desk, patterns, caller: None }
    }

    /// The same for one caller only.
    pub(super) fn of(self, caller: Caller) -> Handler {
        Handler { caller: Some(caller), ..self }
    }

    /// Who asks, when they may.
    fn caller(&self, context: &RequestContext<RoleServer>, needs: Permission) -> Answer<Caller> {
        let parts = context.extensions.get::<http::request::Parts>();
        let found = parts.and_then(|parts| parts.extensions.get::<Caller>()).or(self.caller.as_ref());
        let mut caller = found.cloned().ok_or_else(|| ErrorData::invalid_request("nobody said who asks", None))?;
        if !caller.may(needs) {
            let said = format!("{} may not do this: it needs {}", caller.name, needs.name());
            return Err(ErrorData::invalid_request(said, None));
        }
        if parts.is_none() {
            caller.trace = Ids::random().trace();
        }
        Ok(caller)
    }

    async fn offer(&self, caller: &Caller) -> Answer<Offer> {
        let patterns = self.patterns.clone();
        let work = move |app: &App| {
            app.whole_catalog()?;
            tool::every(app.launcher()?, &patterns, TRIGGER)
        };
        self.desk.sync(caller, work).await.map_err(said)
    }

    async fn tool(&self, caller: &Caller, name: &str) -> Answer<Arc<dyn Work>> {
        let offer = self.offer(caller).await?;
        let found = offer.tools.into_iter().find(|tool| tool.spec().name == name);
        found.ok_or_else(|| {
            ErrorData::invalid_params(
                format!("there is no tool `{name}`; commands that are not trusted are not offered"),
                None,
            )
        })
    }
}

/// What went wrong, as the protocol says it.
fn said(error: Error) -> ErrorData {
    let hint = error.way_forward().map(|hint| format!(" ({hint})")).unwrap_or_default();
    match error.kind() {
        Kind::NotFound => ErrorData::resource_not_found(format!("{}{hint}", error.full_message()), None),
        Kind::Failed => {
            tracing::error!(error = error.full_message(), "a request failed");
            ErrorData::internal_error(error.message().to_string(), None)
        }
        _ => ErrorData::invalid_params(format!("{}{hint}", error.full_message()), None),
    }
}

/// The part of a list behind `cursor`, and where the next begins.
fn page<T>(all: Vec<T>, cursor: Option<&PaginatedRequestParams>) -> Answer<(Vec<T>, Option<String>)> {
    let from = match cursor.and_then(|request| request.cursor.as_deref()) {
        None => 0,
        Some(text) => text.parse().map_err(|_| ErrorData::invalid_params("the cursor is none of ours", None))?,
    };
    let next = (from + PAGE < all.len()).then(|| (from + PAGE).to_string());
    Ok((all.into_iter().skip(from).take(PAGE).collect(), next))
}

fn described(tool: &dyn Work) -> Tool {
    let spec = tool.spec();
    let schema: JsonObject = match &spec.schema {
        Value::Object(schema) => schema.clone(),
        _ => JsonObject::new(),
    };
    let reads = tool.effects() == Effects::ReadOnly;
    let hints = ToolAnnotations::from_raw(None, Some(reads), Some(!reads), None, None);
    let title = tool.origin();
    let described = Tool::new(spec.name.clone(), spec.description.clone(), schema).with_annotations(hints);
    described.with_title(title.strip_prefix("command ").unwrap_or(&title).to_string())
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let can = ServerCapabilities::builder().enable_tools().enable_prompts().enable_resources().build();
        let who = Implementation::new("factotum", env!("CARGO_PKG_VERSION"));
        let mut info = ServerConfig::new(can)
            .with_instructions("Tools run commands of the person's own definitions; only trusted ones are offered.");
        info.server_info = who;
        info
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Answer<ListToolsResult> {
        let caller = self.caller(&context, Permission::CommandsRead)?;
        let offer = self.offer(&caller).await?;
        let (tools, next) = page(offer.tools, request.as_ref())?;
        let mut result = ListToolsResult::with_all_items(tools.iter().map(|tool| described(&**tool)).collect());
        result.next_cursor = next;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Answer<CallToolResponse> {
        let caller = self.caller(&context, Permission::CommandsRun)?;
        let tool = self.tool(&caller, &request.name).await?;
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        // Dropping the work ends the run.
        let done = tokio::select! {
            done = tool.call(&arguments) => done,
            () = context.ct.cancelled() => Err(Error::new(Kind::Interrupted, "it was given up")),
            () = gone(&context) => Err(Error::new(Kind::Interrupted, "nobody waits for it")),
        };
        Ok(match done {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            // What went wrong is for the model, which may do better.
            Err(error) => CallToolResult::error(vec![ContentBlock::text(error.full_message())]),
        }
        .into())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Answer<ListPromptsResult> {
        let caller = self.caller(&context, Permission::CommandsRead)?;
        let work = |app: &App| {
            app.whole_catalog()?;
            tool::prompts(app.launcher()?)
        };
        let (prompts, next) = page(self.desk.sync(&caller, work).await.map_err(said)?, request.as_ref())?;
        let described = |prompt: tool::Prompt| {
            let argument = |(name, about, needed): (String, String, bool)| {
                PromptArgument::new(name).with_description(about).with_required(needed)
            };
            let takes = prompt.takes.into_iter().map(argument).collect();
            Prompt::new(prompt.name, Some(prompt.summary), Some(takes)).with_title(prompt.key)
        };
        let mut result = ListPromptsResult::with_all_items(prompts.into_iter().map(described).collect());
        result.next_cursor = next;
        Ok(result)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Answer<GetPromptResponse> {
        let caller = self.caller(&context, Permission::CommandsRead)?;
        let work = move |app: &App| {
            app.whole_catalog()?;
            let launcher = app.launcher()?;
            let all = tool::prompts(launcher)?;
            let found = all.iter().find(|prompt| prompt.name == request.name || prompt.key == request.name);
            let found =
                found.ok_or_else(|| Error::new(Kind::NotFound, format!("there is no prompt `{}`", request.name)))?;
            Ok((tool::fill(launcher, found, &request.arguments.unwrap_or_default())?, found.summary.clone()))
        };
        let (call, summary) = self.desk.sync::<_, Error>(&caller, work).await.map_err(said)?;
        let attached = call.attached.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        // The protocol knows no system text: it stands before the message.
        let texts = [call.system, Some(call.message), attached];
        let texts: Vec<String> = texts.into_iter().flatten().filter(|text| !text.trim().is_empty()).collect();
        let examples = call.examples.into_iter().flat_map(|(asked, said)| {
            [PromptMessage::new_text(Role::User, asked), PromptMessage::new_text(Role::Assistant, said)]
        });
        let messages = examples.chain([PromptMessage::new_text(Role::User, texts.join("\n\n"))]).collect();
        Ok(GetPromptResult::new(messages).with_description(summary).into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Answer<ListResourcesResult> {
        // Each kind is listed to whoever may see it.
        let caller =
            self.caller(&context, Permission::CommandsRead).or_else(|_| self.caller(&context, Permission::ChatRead))?;
        let after = request.and_then(|request| request.cursor);
        let may = (caller.may(Permission::ChatRead), caller.may(Permission::CommandsRead));
        let work = move |app: &App| resources::list(app, after.as_deref(), PAGE, may);
        let (found, next) = self.desk.sync(&caller, work).await.map_err(said)?;
        let mut result = ListResourcesResult::with_all_items(found);
        result.next_cursor = next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Answer<ListResourceTemplatesResult> {
        let template = |uri: &str, name: &str| ResourceTemplate::new(uri, name).with_mime_type("text/markdown");
        Ok(ListResourceTemplatesResult::with_all_items(vec![
            template(resources::CHAT_TEMPLATE, "a chat"),
            template(resources::COMMAND_TEMPLATE, "the definition of a command"),
        ]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Answer<ReadResourceResponse> {
        let needs = match request.uri.starts_with(resources::CHATS) {
            true => Permission::ChatRead,
            false => Permission::CommandsRead,
        };
        let caller = self.caller(&context, needs)?;
        let work = move |app: &App| resources::read(app, &request.uri);
        Ok(self.desk.sync(&caller, work).await.map_err(said)?.into())
    }
}

/// Waits until whoever asked has gone away; over standard input that ends everything by itself.
async fn gone(context: &RequestContext<RoleServer>) {
    let parts = context.extensions.get::<http::request::Parts>();
    match parts.and_then(|parts| parts.extensions.get::<Gone>()).cloned() {
        // Nothing is ever sent: it ends when the other side is dropped.
        Some(Gone(mut channel)) => while channel.changed().await.is_ok() {},
        None => std::future::pending().await,
    }
}
