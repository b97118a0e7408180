//! One conversation with one server: begun, its tools listed, calls made, ended. Every wait has its end.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams, Tool,
};
use rmcp::service::{NotificationContext, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, RoleClient, serve_client};
use serde_json::{Map, Value};

use super::diary::{Diary, MAX_LINE};
use super::process::{self, Process};
use super::{Definition, Place, Server, failure, pins, result};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe;

/// The most pages of tools that are asked for.
const MAX_PAGES: usize = 50;
/// The most tools of one server.
const MAX_TOOLS: usize = 500;
/// The longest description that the model is given, in bytes.
const MAX_DESCRIPTION: usize = 8 << 10;
/// The largest schema that the model is given, in bytes.
const MAX_SCHEMA: usize = 64 << 10;
/// How long the end may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Our side of the protocol: it offers the server nothing.
struct Handler {
    stale: Arc<AtomicBool>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("factotum", env!("CARGO_PKG_VERSION")))
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.stale.store(true, Ordering::Relaxed);
    }
}

/// A conversation under way.
pub(super) struct Connection {
    service: RunningService<RoleClient, Handler>,
    process: Mutex<Option<Process>>,
    diary: Arc<Diary>,
    stale: Arc<AtomicBool>,
    listed: Mutex<HashMap<String, Definition>>,
}

impl Connection {
    /// Starts or reaches the server and lists its tools; returns remarks about tools that were left out.
    pub(super) async fn open(server: &Server) -> Result<(Connection, Vec<String>)> {
        let diary = Arc::new(Diary::default());
        let stale = Arc::new(AtomicBool::new(false));
        let handler = Handler { stale: stale.clone() };
        let (service, process) = match &server.place {
            Place::Program { command, env, cwd } => {
                let (mut process, (stdout, stdin)) = process::start(&server.name, command, env, cwd, &diary)?;
                let pipes = AsyncRwTransport::new_client(stdout, stdin).with_max_line_length(MAX_LINE);
                let service = match bounded(server, "start", &diary, serve_client(handler, pipes)).await? {
                    Ok(service) => service,
                    Err(error) => {
                        let ended = process.ended().await;
                        return Err(failure::of_start(server, &error, &diary, ended));
                    }
                };
                (service, Some(process))
            }
            Place::Address { url, headers, bearer, http } => {
                let transport = address(server, url, headers, bearer.as_ref(), http)?;
                let service = bounded(server, "start", &diary, serve_client(handler, transport)).await?;
                (service.map_err(|error| failure::of_start(server, &error, &diary, None))?, None)
            }
        };
        let connection =
            Connection { service, process: Mutex::new(process), diary, stale, listed: Mutex::new(HashMap::new()) };
        let notes = connection.list(server).await?;
        Ok((connection, notes))
    }

    /// Whether nobody is there any more.
    pub(super) fn is_closed(&self) -> bool {
        self.service.is_closed() || self.service.peer().is_transport_closed()
    }

    /// Whether the server said that its tools changed.
    pub(super) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// What the server offers, by name.
    pub(super) fn definitions(&self) -> Vec<Definition> {
        let mut all: Vec<Definition> = self.listed().values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// A tool's definition, as last listed.
    pub(super) fn definition(&self, tool: &str) -> Option<Definition> {
        self.listed().get(tool).cloned()
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, HashMap<String, Definition>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists the tools again.
    pub(super) async fn list(&self, server: &Server) -> Result<Vec<String>> {
        self.stale.store(false, Ordering::Relaxed);
        let mut notes = Vec::new();
        let mut found = HashMap::new();
        let has_tools = self.service.peer().peer_info().is_none_or(|info| info.capabilities.tools.is_some());
        if has_tools {
            let doing = "list its tools";
            let tools = match bounded(server, doing, &self.diary, self.pages(&mut notes)).await? {
                Ok(tools) => tools,
                Err(error) => return Err(self.failed(server, doing, &error).await),
            };
            for tool in tools {
                match definition(tool) {
                    Ok(definition) => drop(found.insert(definition.name.clone(), definition)),
                    Err(note) => notes.push(note),
                }
            }
        }
        *self.listed() = found;
        Ok(notes)
    }

    async fn pages(&self, notes: &mut Vec<String>) -> std::result::Result<Vec<Tool>, ServiceError> {
        let (mut tools, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor.take());
            let page = self.service.peer().list_tools(Some(page)).await?;
            tools.extend(page.tools);
            cursor = page.next_cursor;
            if cursor.is_none() || tools.len() > MAX_TOOLS {
                break;
            }
        }
        if cursor.is_some() || tools.len() > MAX_TOOLS {
            notes.push(format!("it has more than {MAX_TOOLS} tools; the others are left out"));
            tools.truncate(MAX_TOOLS);
        }
        Ok(tools)
    }

    /// Calls a tool. The text is for the model; that of a failure too.
    pub(super) async fn call(&self, server: &Server, tool: &str, arguments: Map<String, Value>) -> Result<String> {
        let asked = CallToolRequestParams::new(tool.to_string()).with_arguments(arguments);
        let doing = format!("`{tool}`");
        match bounded(server, &doing, &self.diary, self.service.call_tool(asked)).await? {
            Ok(answer) => match result::text(&answer) {
                (text, false) => Ok(text),
                (text, true) if text.trim().is_empty() => Err(Error::new(Kind::Failed, format!("{doing} failed"))),
                (text, true) => Err(Error::new(Kind::Failed, text)),
            },
            Err(error) => Err(self.failed(server, &doing, &error).await),
        }
    }

    async fn failed(&self, server: &Server, doing: &str, error: &ServiceError) -> Error {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut ended = None;
        if let Some(mut process) = process {
            if matches!(error, ServiceError::TransportClosed | ServiceError::TransportSend(_)) {
                ended = process.ended().await;
            }
            *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        }
        failure::of_call(server, doing, error, &self.diary, ended)
    }

    /// Ends the conversation, and the server's program with it.
    pub(super) async fn close(mut self) {
        // Whether the server says goodbye changes nothing.
        let _ = self.service.close_with_timeout(GOODBYE).await;
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(process) = process {
            process.end().await;
        }
    }
}

/// Waits for `work` as long as the server may take, and no longer than its lines can be read.
async fn bounded<T>(server: &Server, doing: &str, diary: &Diary, work: impl Future<Output = T>) -> Result<T> {
    let before = diary.oversized();
    tokio::select! {
        biased;
        done = tokio::time::timeout(server.timeout, work) => {
            done.map_err(|_| failure::late(server, doing, server.timeout, diary))
        }
        () = diary.too_long(before) => Err(failure::too_long(server, doing)),
    }
}

/// The way to an address, with its headers.
fn address(
    server: &Server,
    url: &url::Url,
    headers: &[(String, crate::kernel::secret::Secret)],
    bearer: Option<&crate::kernel::secret::Secret>,
    http: &crate::kernel::http::Http,
) -> Result<impl rmcp::transport::IntoTransport<RoleClient, AddressError, rmcp::transport::TransportAdapterIdentity>> {
    super::check_address(&server.name, url, bearer.is_some() || !headers.is_empty())?;
    let mut more = HashMap::new();
    for (name, value) in headers {
        let parsed = (http::HeaderName::try_from(name.as_str()), http::HeaderValue::try_from(value.expose()));
        let (Ok(header), Ok(mut text)) = parsed else {
            return Err(Error::new(
                Kind::BadData,
                format!("the header {name:?} of the MCP server `{}` is none", server.name),
            )
            .hint("write it as Name: text, or Name: secret:NAME"));
        };
        text.set_sensitive(true);
        more.insert(header, text);
    }
    let mut config =
        StreamableHttpClientTransportConfig::with_uri(url.as_str()).max_sse_event_size(MAX_LINE).custom_headers(more);
    if let Some(token) = bearer {
        config = config.auth_header(token.expose());
    }
    Ok(StreamableHttpClientTransport::with_client(http.client(), config))
}

type AddressError = rmcp::transport::streamable_http_client::StreamableHttpError<crate::kernel::http::ClientError>;

/// A tool as we keep it; a sentence when it is left out.
fn definition(tool: Tool) -> std::result::Result<Definition, String> {
    let name = tool.name.to_string();
    let label: String = safe(&name).chars().take(80).collect();
    if name.is_empty() || name.len() > 256 {
        return Err("a tool with an empty or very long name is left out".to_string());
    }
    let schema = Value::Object(tool.input_schema.as_ref().clone());
    if schema.to_string().len() > MAX_SCHEMA {
        return Err(format!("`{label}` is left out: its schema is larger than {} KB", MAX_SCHEMA >> 10));
    }
    let hints = serde_json::to_value(&tool.annotations).unwrap_or_default();
    let (title, raw) = (tool.title.unwrap_or_default(), tool.description.unwrap_or_default());
    let digest = pins::digest(&name, &title, &raw, &schema, &hints);
    let mut description = safe(&raw).into_owned();
    description.truncate(description.floor_char_boundary(MAX_DESCRIPTION));
    let hint = |key: &str| hints.get(key).and_then(Value::as_bool);
    Ok(Definition {
        name,
        description,
        schema: tool.input_schema.as_ref().clone(),
        read_only_hint: hint("readOnlyHint").unwrap_or(false),
        destructive_hint: hint("destructiveHint").unwrap_or(true),
        digest,
    })
}
