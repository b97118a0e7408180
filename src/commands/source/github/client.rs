//! One host's API: where it is, who asks, and one polite request.
//!
//! A request is a GET with the headers GitHub asks for. It is tried again when the server stumbles or the answer
//! breaks off, a bounded number of times; it is never repeated against a limit, and never followed to another
//! address: redirects go back to the caller. It knows nothing of repositories.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::BodyExt;
use jiff::tz::TimeZone;
use octocrab::service::middleware::auth_header::AuthHeaderLayer;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use url::Url;

use super::blobs::blob_sha;
use super::rate::{Limited, Rate};
use super::spec::{GITHUB, is_public_cloud};
use super::token::Token;
use super::tree::Entry;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::http::{self, HeaderMap, Http};

/// Requests that this process sent. Who counts them knows the process as a whole, and so does this.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Requests to GitHub that this process sent since its start.
pub fn asked() -> u64 {
    ASKED.load(Ordering::Relaxed)
}

const API_VERSION: &str = "2022-11-28";
/// An error's body is read this far.
const MESSAGE_LIMIT: u64 = 64 * 1024;

/// What a test, or a user with special needs, may set.
#[derive(Clone)]
pub struct Options {
    /// How often a request is sent at most when the server fails or the answer breaks off.
    pub tries: u32,
    /// The pause before the second try; it doubles with each.
    pub pause: Duration,
    /// Files above this many bytes are reported, not fetched.
    pub largest_file: u64,
    /// When all files together have more bytes than this, only the essential ones are fetched.
    pub largest_total: u64,
    /// The same for how many files there are.
    pub most_files: usize,
    /// Whether a file is worth having without the others.
    pub essential: fn(&Entry) -> bool,
    /// More missing files than this are fetched as one archive.
    pub archive_above: usize,
    /// The clock, in seconds since 1970 UTC.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// The zone in which times are told.
    pub zone: TimeZone,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            tries: 3,
            pause: Duration::from_secs(1),
            largest_file: 5_000_000,
            largest_total: 256 << 20,
            most_files: 20_000,
            essential: |_| true,
            archive_above: 30,
            now: Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)),
            zone: TimeZone::system(),
        }
    }
}

/// A GitHub host: github.com, a tenant of it, or an Enterprise server.
pub struct Github {
    http: Http,
    host: String,
    base: Url,
    token: Option<Token>,
    pub(super) options: Options,
    seen: Mutex<Seen>,
}

/// What answers told about the limits.
#[derive(Default)]
struct Seen {
    rate: Option<Rate>,
    limited: Option<Limited>,
}

impl fmt::Debug for Github {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Github({} at {}, token {:?})", self.host, self.base, self.token)
    }
}

impl Github {
    /// The API of `host`. A token that belongs to another host is not used.
    ///
    /// `env` is the environment as a value. `GITHUB_API_URL` moves the API of github.com, or of the server whose host
    /// it names, to another address; since the user set it, that address is given the token.
    ///
    /// # Errors
    /// `Usage` when the address is not one, or would carry a token unencrypted off this machine.
    pub fn new(http: Http, host: &str, env: &dyn Fn(&str) -> Option<String>, token: Option<Token>) -> Result<Github> {
        let host = host.to_ascii_lowercase();
        let base = api_base(&host, env("GITHUB_API_URL").filter(|u| !u.trim().is_empty()).as_deref())?;
        let token = token.filter(|t| t.host() == host);
        Ok(Github { http, host, base, token, options: Options::default(), seen: Mutex::default() })
    }

    /// The same host with other options.
    pub fn with(mut self, options: Options) -> Github {
        self.options = options;
        self
    }

    /// The web host it stands for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where requests go.
    pub fn api(&self) -> &Url {
        &self.base
    }

    /// Whether requests carry no token.
    pub fn is_anonymous(&self) -> bool {
        self.token.is_none()
    }

    /// The limit as the last answer told it.
    pub fn rate(&self) -> Option<Rate> {
        self.seen().rate.clone()
    }

    /// The refusal that still stands, if any: until then no request is sent.
    pub fn limited(&self) -> Option<Limited> {
        let now = (self.options.now)();
        self.seen().limited.clone().filter(|limited| limited.until > now)
    }

    pub(super) fn token_source(&self) -> Option<&str> {
        self.token.as_ref().map(Token::from)
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// Opens the client; needs a running async runtime, which it may not outlive.
    pub(super) fn session(&self) -> Result<Session<'_>> {
        let bad = || "cannot set up the GitHub client".to_string();
        let base: ::http::Uri = self.base.as_str().parse().context(Kind::Usage, bad)?;
        let authorization = match &self.token {
            None => None,
            Some(token) => {
                let mut value =
                    ::http::HeaderValue::try_from(format!("Bearer {}", token.expose())).context(Kind::Usage, bad)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        // Built layer by layer: no cache, no retry, no second User-Agent. Both addresses that the authorization layer
        // lets through are the base.
        let built = OctocrabBuilder::new_empty()
            .with_service(ReqwestConnector::new(self.http.client()))
            .with_layer(&BaseUriLayer::new(base.clone()))
            .with_layer(&AuthHeaderLayer::new(authorization, base.clone(), base))
            .with_auth(AuthState::None)
            .build();
        match built {
            Ok(crab) => Ok(Session { github: self, crab }),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        // Held only to copy a few words in or out; a poisoned one is as good as any.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request.
pub(super) struct Ask<'a> {
    /// The path and query below the API's address, percent-encoded.
    pub route: &'a str,
    /// The media type.
    pub accept: &'a str,
    /// The value of `If-None-Match`, quotes included.
    pub etag: Option<String>,
    /// The largest body in bytes.
    pub limit: u64,
    /// The blob SHA that the body of a 200 must have.
    pub sha: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// A request for JSON.
    pub(super) fn new(route: &'a str) -> Self {
        Ask { route, accept: "application/vnd.github+json", etag: None, limit: 64 << 20, sha: None }
    }
}

/// An answer that is for the caller to judge: 200, 304, a redirect, 404, 409 or 422.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The `Location` header of a redirect.
    pub(super) fn location(&self) -> Option<&str> {
        (300..400).contains(&self.status).then(|| self.headers.get("location")?.to_str().ok()).flatten()
    }
}

/// The client while a runtime runs.
pub(super) struct Session<'a> {
    pub github: &'a Github,
    crab: Octocrab,
}

impl Session<'_> {
    pub(super) fn host(&self) -> &str {
        &self.github.host
    }

    /// Sends a request, again where that may help.
    ///
    /// # Errors
    /// `Unreachable` when no whole answer came or a limit is reached, `Refused` when GitHub says no, `BadData` when
    /// the answer is too large or not what was asked for.
    pub(super) async fn get(&self, ask: &Ask<'_>) -> Result<Answer> {
        let options = &self.github.options;
        let mut pause = options.pause;
        let mut left = options.tries.max(1);
        loop {
            left -= 1;
            match self.once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(Failure { error, passing }) if !passing || left == 0 => return Err(error),
                Err(_) => {}
            }
            rest(pause).await;
            pause *= 2;
        }
    }

    /// The path and query of `location`, when it stays at the API's own address.
    ///
    /// # Errors
    /// `Refused` when it leads elsewhere: the token must not go there.
    pub(super) fn own_route(&self, location: &str) -> Result<String> {
        let base = &self.github.base;
        let target = base.join(location).ok().filter(|target| target.origin() == base.origin());
        let target = target.ok_or_else(|| {
            Error::new(Kind::Refused, format!("{} redirects to another host: {location}", self.host()))
                .hint("add the source again under its new address")
        })?;
        let query = target.query().map(|q| format!("?{q}")).unwrap_or_default();
        let path = target.path().strip_prefix(base.path().trim_end_matches('/')).unwrap_or(target.path());
        Ok(format!("{path}{query}"))
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        ASKED.fetch_add(1, Ordering::Relaxed);
        if let Some(limited) = self.github.limited() {
            return Err(self.limit(limited));
        }
        let sent = self.crab.execute(request(ask)?).await;
        let (parts, mut body) = sent.map_err(|e| self.broken(&e))?.into_parts();
        let status = parts.status.as_u16();
        if let Some(rate) = Rate::from_headers(&parts.headers) {
            self.github.seen().rate = Some(rate);
        }
        let limit = if status == 200 { ask.limit } else { MESSAGE_LIMIT };
        let mut bytes = Vec::new();
        let mut pace = self.github.http.pace();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| self.broken(&e))?;
            let Ok(piece) = frame.into_data() else { continue };
            pace.came(self.host(), piece.len()).map_err(final_failure)?;
            if (bytes.len() + piece.len()) as u64 > limit {
                return Err(final_failure(http::too_large(self.host(), limit)));
            }
            bytes.extend_from_slice(&piece);
        }
        self.judge(ask, Answer { status, headers: parts.headers, body: bytes })
    }

    /// Sorts an answer into one for the caller and the failures that every request shares.
    fn judge(&self, ask: &Ask<'_>, answer: Answer) -> Result<Answer, Failure> {
        let host = self.host();
        match answer.status {
            200 => match ask.sha {
                Some(sha) if blob_sha(&answer.body) != sha => Err(Failure {
                    error: Error::new(Kind::BadData, format!("{host} sent other content than the file {sha} has"))
                        .hint("something between here and there changes files; try again, or over another network"),
                    passing: true,
                }),
                _ => Ok(answer),
            },
            301..=308 | 404 | 409 | 422 => Ok(answer),
            401 => {
                let source = self.github.token_source().unwrap_or("nowhere");
                Err(final_failure(
                    Error::new(Kind::Refused, format!("{host} does not accept the token from {source}"))
                        .hint("renew it, or take it away to go on anonymously"),
                ))
            }
            500.. => Err(Failure {
                error: Error::new(Kind::Unreachable, format!("{host} has trouble (status {})", answer.status))
                    .hint("try again in a few minutes; https://www.githubstatus.com tells more"),
                passing: true,
            }),
            status => {
                let said = message(&answer.body);
                let now = (self.github.options.now)();
                if let Some(limited) = Limited::from_answer(status, &answer.headers, &said, now) {
                    self.github.seen().limited = Some(limited.clone());
                    return Err(self.limit(limited));
                }
                let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                Err(final_failure(Error::new(Kind::Refused, format!("{host} refuses (status {status}){said}"))))
            }
        }
    }

    fn limit(&self, limited: Limited) -> Failure {
        final_failure(limited.error(self.host(), self.github.is_anonymous(), &self.github.options.zone))
    }

    fn broken(&self, error: &octocrab::Error) -> Failure {
        Failure { error: http::unreachable(self.host(), error), passing: http::is_passing(error) }
    }
}

/// A failed try, and whether another one may mend it.
struct Failure {
    error: Error,
    passing: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        final_failure(error)
    }
}

fn final_failure(error: Error) -> Failure {
    Failure { error, passing: false }
}

/// Waits for `pause`; not at all when it is zero.
pub(super) async fn rest(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

/// The request itself; octocrab's own constructors would set some of these headers a second time.
fn request(ask: &Ask<'_>) -> Result<::http::Request<OctoBody>> {
    let mut request = ::http::Request::builder()
        .uri(ask.route)
        .header("accept", ask.accept)
        .header("x-github-api-version", API_VERSION);
    if let Some(etag) = &ask.etag {
        request = request.header("if-none-match", etag);
    }
    request.body(OctoBody::empty()).context(Kind::Failed, || format!("{:?} cannot be asked for", ask.route))
}

/// The `message` of an error body, or nothing.
fn message(body: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    parsed.as_ref().and_then(|v| v["message"].as_str()).unwrap_or_default().chars().take(300).collect()
}

/// The API's address: docs.github.com "Getting started with the REST API" for the three kinds of hosts.
fn api_base(host: &str, override_: Option<&str>) -> Result<Url> {
    let moved = override_.map(|text| {
        Url::parse(text.trim()).ok().filter(Url::has_host).ok_or_else(|| {
            Error::new(Kind::Usage, format!("GITHUB_API_URL is not an address: {text:?}"))
                .hint("it looks like https://api.github.com")
        })
    });
    let moved = moved.transpose()?.filter(|url| host == GITHUB || names(url, host));
    let default = if host == GITHUB {
        "https://api.github.com".to_string()
    } else if is_public_cloud(host) {
        format!("https://api.{host}")
    } else {
        format!("https://{host}/api/v3")
    };
    let base = match moved {
        Some(url) => url,
        None => Url::parse(&default).context(Kind::Usage, || format!("{host:?} cannot be a host"))?,
    };
    if !http::is_safe(&base) {
        return Err(
            Error::new(Kind::Usage, format!("{base} is not encrypted")).hint("GITHUB_API_URL must begin with https://")
        );
    }
    Ok(base)
}

fn names(url: &Url, host: &str) -> bool {
    let name = url.host_str().unwrap_or_default();
    let with_port = url.port().map_or_else(|| name.to_string(), |port| format!("{name}:{port}"));
    with_port == host || with_port.strip_prefix("api.") == Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(host: &str, api_url: Option<&str>) -> String {
        api_base(host, api_url).unwrap().to_string()
    }

    #[test]
    fn each_kind_of_host_has_its_address() {
        assert_eq!(base("github.com", None), "https://api.github.com/");
        assert_eq!(base("acme.ghe.com", None), "https://api.acme.ghe.com/");
        assert_eq!(base("git.example.com", None), "https://git.example.com/api/v3");
        assert_eq!(base("git.example.com:8443", None), "https://git.example.com:8443/api/v3");
    }

    #[test]
    fn the_variable_moves_github_and_the_host_it_names_only() {
        assert_eq!(base("github.com", Some("http://127.0.0.1:4000")), "http://127.0.0.1:4000/");
        assert_eq!(base("git.example.com", Some("https://git.example.com/api/v3")), "https://git.example.com/api/v3");
        assert_eq!(base("other.example.com", Some("https://git.example.com/x")), "https://other.example.com/api/v3");
    }

    #[test]
    fn an_address_that_would_leak_is_refused() {
        let error = api_base("github.com", Some("http://git.example.com")).unwrap_err();
        assert_eq!(error.message(), "http://git.example.com/ is not encrypted");
        assert_eq!(api_base("github.com", Some("nonsense")).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_token_of_another_host_is_not_taken() {
        let http = Http::new(&http::Settings { proxies: false, ..Default::default() }).unwrap();
        let token = Token::new("ghp_x", "github.com", "GH_TOKEN");
        let none = |_: &str| None;
        assert!(!Github::new(http.clone(), "GitHub.com", &none, token.clone()).unwrap().is_anonymous());
        let other = Github::new(http, "git.example.com", &none, token).unwrap();
        assert!(other.is_anonymous());
        assert_eq!(format!("{other:?}"), "Github(git.example.com at https://git.example.com/api/v3, token None)");
    }
}
