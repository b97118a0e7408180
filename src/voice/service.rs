//! One server that hears or speaks: requests with its key and its patience, failures as sentences without secrets.
//!
//! It knows no vendor and not what is in a request; waiting ends soon after somebody asks to stop.

use std::time::Duration;

use url::Url;

use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::http::{HeaderMap, Http, header};
use crate::kernel::secret::{Redactor, Secret};
use crate::kernel::terminal::safe_line;

/// How often it is looked whether somebody asked to stop.
const WATCH: Duration = Duration::from_millis(50);
/// The longest wait before a request is sent again.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The most that is read of an answer, bytes.
const MOST: u64 = 256 << 20;

/// A server, how to reach it and how long to wait.
#[derive(Clone, Debug)]
pub struct Service {
    /// What it is called in messages.
    pub name: String,
    /// Its address, such as `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// Its key.
    pub key: Option<Secret>,
    /// Where the key is looked for, for the error when it is missing.
    pub key_from: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// How long a request may take.
    pub timeout: Duration,
    /// How often a request is sent again that the server was too busy for.
    pub retries: u32,
    /// The client.
    pub http: Http,
    /// Takes secrets out of what the server says.
    pub redactor: Redactor,
}

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The kind of its body: `application/json`.
    pub kind: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// A GET.
    Get,
    /// A POST of a body of this kind.
    Post(&'a str, &'a [u8]),
}

impl Service {
    /// The address of an endpoint: `path` behind the server's address, unless that names an endpoint already.
    ///
    /// # Errors
    /// `BadData` when the server's address is none.
    pub fn endpoint(&self, path: &str, whole: &[&str]) -> Result<Url> {
        let address = self.url.trim_end_matches('/');
        let text = if whole.iter().any(|end| address.ends_with(end)) || path.is_empty() {
            address.to_string()
        } else {
            format!("{address}/{path}")
        };
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        url.ok_or_else(|| {
            Error::new(Kind::BadData, format!("the address of {} is none: {}", self.name, safe_line(&self.url)))
                .hint("it begins with http:// or https://, such as http://127.0.0.1:8000/v1")
        })
    }

    /// Sends a request; again when the server was too busy or broke off, as nothing changes by it. Any other status is an
    /// answer.
    ///
    /// # Errors
    /// `Unreachable` when no answer came, `TimedOut`, `Interrupted` after `stop`, `BadData` for an answer that is too large.
    pub fn send(&self, url: &Url, request: Request<'_>, stop: &Stop) -> Result<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let mut left = self.retries;
        loop {
            let done = runtime.block_on(self.once(url, request, stop));
            let wait = match &done {
                Ok((answer, wait)) if matches!(answer.status, 429 | 502 | 503 | 504) => *wait,
                Err(error) if error.kind() == Kind::Unreachable && broke_off(error) => None,
                _ => return done.map(|(answer, _)| answer),
            };
            let tries = self.retries - left;
            let wait = wait.unwrap_or(Duration::from_millis(500) * 2u32.saturating_pow(tries));
            if left == 0 || wait > LONGEST_WAIT {
                return done.map(|(answer, _)| answer);
            }
            left -= 1;
            if stop.wait(wait) {
                return Err(stopped());
            }
        }
    }

    async fn once(&self, url: &Url, request: Request<'_>, stop: &Stop) -> Result<(Answer, Option<Duration>)> {
        let exchange = async {
            let mut headers = self.headers()?;
            let response = match request {
                Request::Get => self.http.get(url, headers).await?,
                Request::Post(kind, body) => {
                    headers.insert(header::CONTENT_TYPE, value(kind)?);
                    self.http.post_bytes(url, headers, body.to_vec()).await?
                }
            };
            let wait = response.header("retry-after").and_then(|s| s.parse().ok()).map(Duration::from_secs);
            let (status, kind) = (response.status(), response.header("content-type").unwrap_or_default().to_string());
            let body = response.bytes(MOST).await?;
            Ok((Answer { status, kind, body }, wait))
        };
        let asked_to_stop = async {
            while !stop.is_requested() {
                tokio::time::sleep(WATCH).await;
            }
        };
        tokio::select! {
            biased;
            () = asked_to_stop => Err(stopped()),
            () = tokio::time::sleep(self.timeout) => {
                Err(Error::new(Kind::TimedOut, format!("{} took longer than {} s", self.name, self.timeout.as_secs())))
            }
            done = exchange => done,
        }
    }

    fn headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key {
            let mut value = value(&format!("Bearer {}", key.expose()))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        for (name, text) in &self.headers {
            let name = header::HeaderName::try_from(name.as_str())
                .context(Kind::BadData, || format!("`{name}` cannot be the name of a header"))?;
            headers.insert(name, value(text)?);
        }
        Ok(headers)
    }

    /// The sentence for an answer that is a failure.
    pub fn failure(&self, answer: &Answer) -> Error {
        let said = self.said(answer);
        let because = if said.is_empty() { String::new() } else { format!(": {said}") };
        let (kind, hint) = match answer.status {
            401 | 403 => (
                Kind::Refused,
                match (&self.key, &self.key_from) {
                    (None, Some(from)) => format!("its key is looked for in {from}, and there is none"),
                    (None, None) => {
                        format!("it wants a key: `fac secret set {0}`, and name it in the settings", self.name)
                    }
                    (Some(_), _) => "check its key".to_string(),
                },
            ),
            404 => (Kind::NotFound, "check its address and the name of the model".to_string()),
            413 => (Kind::BadData, "the recording is too large for it".to_string()),
            429 | 500..=599 => (Kind::Unreachable, "try again later".to_string()),
            _ => (Kind::Failed, "check the settings of it: `fac config get voice`".to_string()),
        };
        Error::new(kind, format!("{} answered {}{because}", self.name, answer.status)).hint(hint)
    }

    /// What an answer says went wrong, in one line without secrets.
    fn said(&self, answer: &Answer) -> String {
        let text = String::from_utf8_lossy(&answer.body);
        let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let told = json.as_ref().and_then(|json| {
            let error = json.get("error").unwrap_or(json);
            error.get("message").or(error.get("detail")).and_then(|m| m.as_str()).or(error.as_str())
        });
        let html = answer.kind.contains("html");
        let line = told.unwrap_or_else(|| if html { "" } else { text.lines().next().unwrap_or_default() });
        let mut clean = self.redactor.redact(line).into_owned();
        if let Some(key) = self.key.as_ref().filter(|key| !key.is_empty()) {
            clean = clean.replace(key.expose(), crate::kernel::secret::MASK);
        }
        safe_line(clean.trim()).chars().take(200).collect()
    }

    /// Whether it answers at all, within a short time.
    pub fn answers(&self, url: &Url, stop: &Stop) -> Option<Answer> {
        let quick = Service { timeout: Duration::from_millis(700), retries: 0, ..self.clone() };
        quick.send(url, Request::Get, stop).ok()
    }
}

/// Whether the connection stood and broke; a host that cannot be reached at all is not asked again.
fn broke_off(error: &Error) -> bool {
    error.message().ends_with("broke off the answer")
}

fn stopped() -> Error {
    Error::new(Kind::Interrupted, "stopped")
}

fn value(text: &str) -> Result<header::HeaderValue> {
    header::HeaderValue::from_str(text).context(Kind::BadData, || "a header cannot hold this text".to_string())
}

/// The body of a form with files, and its kind.
#[derive(Clone, Debug)]
pub struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// A form; `apart` is a text that stands in none of its fields.
    pub fn new(apart: &str) -> Form {
        Form { boundary: format!("factotum-{apart}"), body: Vec::new() }
    }

    /// Adds a field.
    pub fn field(mut self, name: &str, text: &str) -> Form {
        let head = format!("--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n", self.boundary);
        self.body.extend(head.as_bytes());
        self.body.extend(text.as_bytes());
        self.body.extend(b"\r\n");
        self
    }

    /// Adds a file.
    pub fn file(mut self, name: &str, file: &str, kind: &str, bytes: &[u8]) -> Form {
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: {kind}\r\n\r\n",
            self.boundary
        );
        self.body.extend(head.as_bytes());
        self.body.extend(bytes);
        self.body.extend(b"\r\n");
        self
    }

    /// Its kind and its bytes.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }
}
