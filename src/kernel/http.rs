//! HTTP: one pooled client for the whole program, and a small face over it.
//!
//! It is the only home of the client library. It sets what must hold everywhere (TLS provider, extra
//! certificates, proxies, time limits, User-Agent, no redirect followed unasked) and turns failures into our
//! errors. It knows no vendor, no token and no retry: whoever calls decides what an answer means.

mod roots;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use http::HeaderMap;
pub use http::header;
pub use roots::Tls;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use crate::kernel::duration::human_ms;
use crate::kernel::error::{Context, Error, Kind, Result};

/// What the client honours. The caller reads flags, environment and config; this is the outcome.
#[derive(Clone, Debug)]
pub struct Settings {
    /// PEM files whose certificates are trusted beside the platform's own.
    ///
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` need not be given here: the platform's loader reads them itself and, as
    /// with other programs, they stand in for the system's set.
    pub ca_files: Vec<PathBuf>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` of the process are honoured.
    pub proxies: bool,
    /// The proxy for every connection, instead of those of the process.
    pub proxy: Option<String>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long an answer may stay silent between two pieces.
    pub read_timeout: Duration,
    /// Whether TLS will be spoken soon, so that the CA certificates are read in the background from the start on.
    /// Otherwise they are read when the first server shows a certificate.
    pub tls_soon: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            ca_files: Vec::new(),
            proxies: true,
            proxy: None,
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(30),
            tls_soon: false,
        }
    }
}

/// The pooled client. Cloning it is cheap and shares the pool.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    patience: Duration,
}

/// The slowest an answer may come in the long run, bytes a second.
const SLOWEST: u64 = 1024;

/// Watches how fast an answer comes: one that only drips is given up, however alive it looks.
#[derive(Debug)]
pub struct Pace {
    begun: Instant,
    patience: Duration,
    bytes: u64,
}

impl Pace {
    /// Notes that `bytes` more came from `host`.
    ///
    /// # Errors
    /// `Unreachable` when, after the time that silence would be given, less than a kilobyte a second has come.
    pub fn came(&mut self, host: &str, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let took = self.begun.elapsed();
        if took <= self.patience || self.bytes / SLOWEST >= took.as_secs() {
            return Ok(());
        }
        let said = format!("{host} sent only {} bytes in {}", self.bytes, human_ms(took.as_secs() * 1000));
        Err(Error::new(Kind::Unreachable, said)
            .hint("try again, or check the network; sources.timeout_s sets the patience"))
    }
}

/// An answer whose body was not read yet.
#[derive(Debug)]
pub struct Response {
    inner: reqwest::Response,
    pace: Pace,
}

impl Http {
    /// The client for `settings`.
    ///
    /// # Errors
    /// `BadData` when a certificate file cannot be read or holds no certificate.
    pub fn new(settings: &Settings) -> Result<Http> {
        // A process has one TLS provider; when somebody was here before, it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let proxy = settings.proxy.as_deref().map(proxy).transpose()?;
        let builder = reqwest::Client::builder()
            .user_agent(user_agent())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout);
        let builder = match proxy {
            Some(proxy) => builder.proxy(proxy),
            None if settings.proxies => builder,
            None => builder.no_proxy(),
        };
        let tls = roots::client(certificates(&settings.ca_files)?, settings.tls_soon);
        let tls = tls.context(Kind::Failed, || "cannot set up TLS".to_string())?;
        let client = builder.tls_backend_preconfigured(tls).build();
        let client = client.context(Kind::Failed, || "cannot set up the HTTP client".to_string())?;
        Ok(Http { client, patience: settings.read_timeout })
    }

    /// Sends a GET; redirects are returned, not followed, and any status is an answer.
    ///
    /// # Errors
    /// `Unreachable` when no answer came.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Response> {
        let sent = self.client.get(url.clone()).headers(headers).send().await;
        sent.map(|inner| Response { inner, pace: self.pace() }).map_err(|error| unreachable(&host_of(url), &error))
    }

    /// Sends a POST of JSON; any status is an answer.
    ///
    /// # Errors
    /// `Unreachable` when no answer came.
    pub async fn post_json(&self, url: &Url, headers: HeaderMap, body: &serde_json::Value) -> Result<Response> {
        let sent = self.client.post(url.clone()).headers(headers).json(body).send().await;
        sent.map(|inner| Response { inner, pace: self.pace() }).map_err(|error| unreachable(&host_of(url), &error))
    }

    /// Sends a POST of bytes, whose kind a header says; any status is an answer.
    ///
    /// # Errors
    /// `Unreachable` when no answer came.
    pub async fn post_bytes(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<Response> {
        let sent = self.client.post(url.clone()).headers(headers).body(body).send().await;
        sent.map(|inner| Response { inner, pace: self.pace() }).map_err(|error| unreachable(&host_of(url), &error))
    }

    /// Sends a DELETE with JSON; any status is an answer.
    ///
    /// # Errors
    /// `Unreachable` when no answer came.
    pub async fn delete_json(&self, url: &Url, headers: HeaderMap, body: &serde_json::Value) -> Result<Response> {
        let sent = self.client.delete(url.clone()).headers(headers).json(body).send().await;
        sent.map(|inner| Response { inner, pace: self.pace() }).map_err(|error| unreachable(&host_of(url), &error))
    }

    /// Sends a request with any method (a token of letters); any status is an answer.
    ///
    /// # Errors
    /// `Usage` when the method cannot be one, `Unreachable` when no answer came.
    pub async fn send(&self, method: &str, url: &Url, headers: HeaderMap, body: Option<Vec<u8>>) -> Result<Response> {
        let method = reqwest::Method::from_bytes(method.as_bytes())
            .context(Kind::Usage, || format!("`{method}` is no method of a request"))?;
        let mut request = self.client.request(method, url.clone()).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let sent = request.send().await;
        sent.map(|inner| Response { inner, pace: self.pace() }).map_err(|error| unreachable(&host_of(url), &error))
    }

    /// A watch over the speed of an answer that begins now.
    pub fn pace(&self) -> Pace {
        Pace { begun: Instant::now(), patience: self.patience, bytes: 0 }
    }

    /// The client itself, for the one library that brings its own requests (octocrab).
    pub fn client(&self) -> reqwest::Client {
        self.client.clone()
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.inner.status().as_u16()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// One header as text; `None` when it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name).and_then(|v| v.to_str().ok())
    }

    /// The next piece of the body, `None` at its end.
    ///
    /// # Errors
    /// `Unreachable` when the connection breaks before the end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let host = host_of(self.inner.url());
        match self.inner.chunk().await {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => {
                self.pace.came(&host, bytes.len())?;
                Ok(Some(bytes.to_vec()))
            }
            Err(error) => Err(unreachable(&host, &error)),
        }
    }

    /// The whole body, which may not exceed `limit` bytes (after decompression).
    ///
    /// # Errors
    /// `Unreachable` when the connection breaks, `BadData` when the body is larger.
    pub async fn bytes(mut self, limit: u64) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.chunk().await? {
            if (body.len() + piece.len()) as u64 > limit {
                return Err(too_large(&host_of(self.inner.url()), limit));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// The client library's own error, for the libraries that hand it on wrapped in theirs.
pub type ClientError = reqwest::Error;

/// `factotum/<version>`.
pub fn user_agent() -> &'static str {
    concat!("factotum/", env!("CARGO_PKG_VERSION"))
}

/// Whether `url` is encrypted, or stays on this machine.
pub fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether `url` points to this machine (`localhost`, `127.0.0.0/8`, `::1`).
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// Whether an address points to this machine; one that cannot be read does not.
pub fn is_local(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_loopback(&url))
}

/// Whether a failure is one that trying again may mend: the connection stood and broke, or was slow.
///
/// A host that cannot be connected to at all is not: the caller is offline and wants to know at once.
pub fn is_passing(error: &(dyn std::error::Error + 'static)) -> bool {
    match inner_error(error) {
        Some(inner) => !inner.is_connect() && !inner.is_builder(),
        None => false,
    }
}

/// The error for a failed exchange with `host`, from whatever the client or a library above it returned.
pub fn unreachable(host: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    let (what, hint) = match inner_error(error) {
        Some(e) if e.is_timeout() => ("took too long to answer", "try again, or check the network"),
        Some(e) if e.is_connect() && is_certificate(e) => {
            ("showed a certificate that is not trusted", "name your organisation's certificates in SSL_CERT_FILE")
        }
        Some(e) if e.is_connect() => ("cannot be reached", "check the network, the name and the proxy settings"),
        _ => ("broke off the answer", "try again"),
    };
    Error::new(Kind::Unreachable, format!("{host} {what}")).hint(hint).because(root_cause(error))
}

/// The error for a body larger than `limit` bytes.
pub fn too_large(host: &str, limit: u64) -> Error {
    Error::new(Kind::BadData, format!("{host} sent more than the {limit} bytes allowed here"))
}

/// The proxy for every connection but those that stay on this machine.
fn proxy(address: &str) -> Result<reqwest::Proxy> {
    let proxy = reqwest::Proxy::all(address).context(Kind::BadData, || format!("`{address}` is no proxy's address"));
    let local = reqwest::NoProxy::from_string("localhost,127.0.0.0/8,::1");
    proxy.map(|p| p.no_proxy(local)).map_err(|e| e.hint("`fac config set network.proxy http://host:port` sets it"))
}

/// The certificates in PEM files.
fn certificates(files: &[PathBuf]) -> Result<RootCertStore> {
    let mut all = RootCertStore::empty();
    for path in files {
        let pem = std::fs::read(path)
            .context(Kind::BadData, || format!("cannot read the certificates in {}", path.display()))?;
        let broken = || format!("{} holds a broken certificate", path.display());
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            all.add(certificate.context(Kind::BadData, broken)?).context(Kind::BadData, broken)?;
        }
        if all.len() == before {
            return Err(Error::new(Kind::BadData, format!("{} holds no certificate", path.display()))
                .hint("the file must be PEM: blocks that begin with BEGIN CERTIFICATE"));
        }
    }
    Ok(all)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or("the host").to_string()
}

/// The client's own error in the chain below `error`.
fn inner_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a reqwest::Error> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<reqwest::Error>() {
            return Some(found);
        }
        next = current.source();
    }
    None
}

fn is_certificate(error: &reqwest::Error) -> bool {
    root_cause(error).contains("certificate")
}

/// The words of the deepest cause: the ones above it only repeat the address.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn plain_http_is_safe_on_this_machine_only() {
        for safe in ["https://example.com/a", "http://127.0.0.1:1/a", "http://localhost/", "http://[::1]:8/"] {
            assert!(is_safe(&url(safe)), "{safe}");
        }
        for unsafe_ in
            ["http://example.com/", "http://127.0.0.1.example.com/", "file:///etc/passwd", "ftp://localhost/"]
        {
            assert!(!is_safe(&url(unsafe_)), "{unsafe_}");
        }
    }

    #[test]
    fn a_certificate_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no certificate here").unwrap();
        let settings = Settings { ca_files: vec![file.path().to_path_buf()], ..Settings::default() };
        let error = Http::new(&settings).unwrap_err();
        assert_eq!(error.kind(), Kind::BadData);
        assert_eq!(error.message(), format!("{} holds no certificate", file.path().display()));
    }

    #[test]
    fn a_refused_connection_is_unreachable_and_does_not_pass() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let http = Http::new(&Settings { proxies: false, ..Settings::default() }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(http.get(&url(&format!("http://{free}/")), HeaderMap::new())).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert_eq!(error.message(), "127.0.0.1 cannot be reached");
    }

    fn data(name: &str) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "tests/data/tls", name].iter().collect()
    }

    /// A TLS server on loopback that answers `connections` times; its certificate comes from the test authority.
    fn tls_server(connections: usize) -> Url {
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        use std::io::{Read, Write};
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificate = CertificateDer::from_pem_file(data("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(data("server.key")).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
        let config = std::sync::Arc::new(config.unwrap());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = url(&format!("https://{}/", listener.local_addr().unwrap()));
        std::thread::spawn(move || {
            for stream in listener.incoming().take(connections) {
                let session = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut tls = rustls::StreamOwned::new(session, stream.unwrap());
                if tls.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
                    let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
                }
            }
        });
        address
    }

    #[test]
    fn an_added_authority_is_trusted_and_no_other() {
        let address = tls_server(2);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let plain = Settings { proxies: false, ..Settings::default() };
        let error = runtime.block_on(Http::new(&plain).unwrap().get(&address, HeaderMap::new())).unwrap_err();
        assert_eq!(error.message(), "127.0.0.1 showed a certificate that is not trusted");
        let with = Http::new(&Settings { ca_files: vec![data("ca.pem")], ..plain }).unwrap();
        let body = runtime.block_on(async { with.get(&address, HeaderMap::new()).await?.bytes(2).await });
        assert_eq!(body.unwrap(), b"hi");
    }
}
