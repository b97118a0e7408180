//! `http` steps: the request in the fence is sent; what is answered is what the step wrote.
//!
//! A secret is named in it as `{{secret.NAME}}`. It reaches nobody over a connection that others can read, and no record.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use url::Url;

use super::fill::{Filled, fill};
use super::request::Template;
use super::{performed, sent_as_it_stands};
use crate::chat::driver::stopped;
use crate::commands::model::{Step, StepKind, Syntax};
use crate::commands::run::{Performed, Planned, StepRunner, Unit, Work};
use crate::commands::template::{self, Lookup};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::http::{HeaderMap, Http, header, is_safe};
use crate::kernel::secret::{MASK, Redactor, Secret};
use crate::kernel::terminal::safe_line;
use crate::store::Status;

/// The largest answer that is taken, bytes.
const LARGEST: u64 = 64 << 20;

/// How long a whole exchange may take where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a name begins with that asks for a secret.
const SECRET: &str = "secret.";

/// Makes the client when the first request is sent.
pub type Connect = Box<dyn Fn() -> Result<Http> + Send + Sync>;

/// Finds a secret by its name.
pub type FindSecret = Box<dyn Fn(&str) -> Result<Secret> + Send + Sync>;

/// Sends requests.
pub struct HttpSteps {
    connect: Connect,
    secrets: FindSecret,
    redactor: Redactor,
    line: Mutex<Option<Arc<Line>>>,
}

/// The client and what it runs on, kept for the next request.
struct Line {
    http: Http,
    runtime: Option<Runtime>,
}

impl Drop for Line {
    fn drop(&mut self) {
        // Nobody waits for connections that are closing.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What came back.
struct Answer {
    status: u16,
    location: Option<String>,
    body: Vec<u8>,
}

/// How an exchange ended.
enum Exchanged {
    Answered(Answer),
    TooLate,
    Stopped,
}

impl HttpSteps {
    /// One that opens nothing yet. `redactor` knows every secret that `secrets` gives.
    pub fn new(connect: Connect, secrets: FindSecret, redactor: Redactor) -> HttpSteps {
        HttpSteps { connect, secrets, redactor, line: Mutex::new(None) }
    }

    fn line(&self) -> Result<Arc<Line>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*line {
            return Ok(open.clone());
        }
        let http = (self.connect)()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let open = Arc::new(Line { http, runtime: Some(runtime) });
        *line = Some(open.clone());
        Ok(open)
    }

    /// The request with everything in it, and whether a secret is.
    fn filled(&self, step: &Step, look: Lookup<'_>) -> Result<(Filled, bool)> {
        let template = Template::parse(&step.text)?;
        let failed = RefCell::new(None);
        let asked = RefCell::new(false);
        let find = |name: &str| {
            let Some(secret) = name.strip_prefix(SECRET) else { return look(name) };
            *asked.borrow_mut() = true;
            match (self.secrets)(secret) {
                Ok(found) => Some(found.expose().to_string()),
                Err(error) => {
                    failed.borrow_mut().get_or_insert(error);
                    Some(String::new())
                }
            }
        };
        let filled = fill(&template, &find);
        match failed.into_inner() {
            Some(error) => Err(error),
            None => Ok((filled?, asked.into_inner())),
        }
    }
}

/// The names of the secrets that the text of a step asks for.
pub fn secrets_of(step: &Step) -> Vec<String> {
    let slots = template::placeholders(Syntax::Native, &step.text).into_iter();
    let mut names: Vec<String> = slots.filter_map(|slot| slot.name.strip_prefix(SECRET).map(String::from)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl StepRunner for HttpSteps {
    fn runs(&self, kind: StepKind) -> bool {
        kind == StepKind::Http
    }

    fn run(&self, work: &Work<'_>) -> Result<Performed> {
        let begun = Instant::now();
        let (filled, secret) = self.filled(work.step, work.look)?;
        let url = address(&filled.url)?;
        if secret && !is_safe(&url) {
            let said = format!("a secret is not sent to {}, which is not encrypted", host(&url));
            return Err(Error::new(Kind::Refused, said).hint("use an address that begins with https://"));
        }
        let headers = headers(&filled.headers)?;
        let line = self.line()?;
        let Some(runtime) = &line.runtime else {
            return Err(Error::new(Kind::Failed, "the network runtime is gone"));
        };
        let body = filled.body.clone().map(String::into_bytes);
        let exchange = async {
            let response = line.http.send(&filled.method, &url, headers, body).await?;
            let (status, location) = (response.status(), response.header("location").map(String::from));
            let body = response.bytes(LARGEST).await?;
            Ok::<Answer, Error>(Answer { status, location, body })
        };
        let ended = runtime.block_on(async {
            tokio::select! {
                answer = exchange => answer.map(Exchanged::Answered),
                () = tokio::time::sleep(work.timeout.unwrap_or(PATIENCE)) => Ok(Exchanged::TooLate),
                () = stopped(work.stop) => Ok(Exchanged::Stopped),
            }
        });
        let mut notes = String::new();
        for name in &filled.missing {
            let _ = write!(notes, "{} ", sent_as_it_stands(name));
        }
        let without = |ended| performed(work, begun, Vec::new(), &self.redactor.redact(notes.trim_end()), ended);
        Ok(match ended {
            Err(error) => without((Status::of(error.kind()), i32::from(error.kind().exit_code()), Some(error))),
            Ok(Exchanged::Stopped) => without((Status::Interrupted, 130, None)),
            Ok(Exchanged::TooLate) => without((Status::TimedOut, 124, None)),
            Ok(Exchanged::Answered(answer)) => {
                let wrote = self.redactor.redact_bytes(&answer.body).into_owned();
                let said = format!("{} answered {}", host(&url), in_words(answer.status));
                if let (300..400, Some(location)) = (answer.status, &answer.location) {
                    let _ = write!(notes, "{said}; it is not followed: {}", safe_line(location));
                }
                let ended = match answer.status {
                    400.. => (Status::Failed, 1, Some(Error::new(Kind::Failed, said))),
                    _ => (Status::Ok, 0, None),
                };
                let notes = self.redactor.redact(notes.trim_end());
                performed(work, begun, wrote, &notes, ended)
            }
        })
    }

    fn dry(&self, _unit: &Unit, step: &Step, look: Lookup<'_>) -> Result<Option<Planned>> {
        let template = Template::parse(&step.text)?;
        let hidden = |name: &str| match name.strip_prefix(SECRET) {
            Some(_) => Some(MASK.to_string()),
            None => look(name),
        };
        // A star is no letter of an address.
        let filled = fill(&template, &hidden)?;
        let url = filled.url.replace("%2A%2A%2A", MASK);
        let mut text = format!("{} {url}\n", filled.method);
        for (name, value) in &filled.headers {
            let _ = writeln!(text, "{name}: {value}");
        }
        if let Some(body) = &filled.body {
            let _ = write!(text, "\n{body}\n");
        }
        let mut notes: Vec<String> =
            filled.missing.iter().map(|m| format!("`{m}` has no value and stays as it is")).collect();
        notes.extend(secrets_of(step).iter().map(|name| format!("sends the secret `{name}`")));
        notes.extend(address(&filled.url).err().map(|error| error.full_message()));
        Ok(Some(Planned { text, notes }))
    }
}

fn address(text: &str) -> Result<Url> {
    let shown = || safe_line(text).into_owned();
    let url = Url::parse(text).context(Kind::BadData, || format!("`{}` is no address", shown()))?;
    match url.scheme() {
        "http" | "https" if url.host().is_some() => Ok(url),
        _ => {
            Err(Error::new(Kind::BadData, format!("`{}` is no address that begins with https:// or http://", shown())))
        }
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or("the host").to_string()
}

fn in_words(status: u16) -> String {
    let reason = ::http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    reason.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

fn headers(all: &[(String, String)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in all {
        let bad = || format!("the header `{name}` cannot be sent");
        let key = header::HeaderName::from_bytes(name.as_bytes()).context(Kind::BadData, bad)?;
        let mut value = header::HeaderValue::from_str(value).context(Kind::BadData, bad)?;
        value.set_sensitive(true);
        map.append(key, value);
    }
    Ok(map)
}
