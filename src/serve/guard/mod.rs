//! What every request passes first and every answer last: from where it may come, by which name it may ask, from which
//! page; and the headers that tell a browser what it must not do.
//!
//! It looks at no body and knows nothing of who asks.

mod client;
mod headers;
mod names;
mod origin;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tracing::Instrument;

use self::names::Names;
use self::origin::Origins;
use super::problem::Problem;
use super::traced::{Traced, trace_of};
use crate::kernel::config::Config;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Ids;

/// From where, by which names and from which pages it may be asked, by the settings.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    names: Names,
    origins: Origins,
    /// The only networks, where there are any.
    allow: Vec<IpNet>,
    /// Proxies whose word counts.
    proxies: Vec<IpNet>,
    /// Whether connections are encrypted here.
    tls: bool,
}

impl Rules {
    /// Those of the settings; `tls` says whether connections are encrypted here, `behind_proxy` that a proxy on this
    /// machine passes them on.
    ///
    /// # Errors
    /// `Usage` that names what cannot be read.
    pub fn of(config: &Config, tls: bool, behind_proxy: bool) -> Result<Rules> {
        let mut proxies = networks(config, "serve.trusted_proxies")?;
        if behind_proxy && proxies.is_empty() {
            proxies =
                vec![IpNet::from(IpAddr::V4(Ipv4Addr::LOCALHOST)), IpNet::from(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))];
        }
        Ok(Rules {
            names: Names::new(&config.list("serve.hosts"))?,
            origins: Origins::new(&config.list("serve.origins"))?,
            allow: networks(config, "serve.allow")?,
            proxies,
            tls,
        })
    }

    /// Where a request really comes from, and whether it was encrypted on its way here.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, bool) {
        let peer = peer.to_canonical();
        let trusted = |address: IpAddr| self.proxies.iter().any(|net| net.contains(&address));
        let encrypted = self.tls || (trusted(peer) && client::was_encrypted(headers));
        (client::address(peer, headers, &trusted), encrypted)
    }

    fn check(&self, address: IpAddr, request: &Request) -> Result<Option<String>, Problem> {
        if !self.allow.is_empty() && !self.allow.iter().any(|net| net.contains(&address)) {
            return Err(
                Problem::refused("this address may not ask here").hint("the owner lists networks in serve.allow")
            );
        }
        let host = host(request)?;
        if !self.names.hold(&host) {
            let said = "this is not the name of this server";
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "refused", said)
                .hint("the owner lists its names in serve.hosts"));
        }
        let Some(origin) = origin(request.headers())? else { return Ok(None) };
        if self.origins.may_ask(origin, &host) {
            return Ok(Some(origin.to_string()));
        }
        Err(Problem::refused("this page may not ask here").hint("the owner lists origins in serve.origins"))
    }
}

fn networks(config: &Config, name: &str) -> Result<Vec<IpNet>> {
    let read = |text: &String| {
        let text = text.trim();
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        net.ok_or_else(|| {
            Error::new(Kind::Usage, format!("{text:?} in {name} is no network"))
                .hint("write networks like 10.0.0.0/8 or 2001:db8::/32, or addresses")
        })
    };
    config.list(name).iter().map(read).collect()
}

/// The name by which it is asked for. Two of them are a trick on somebody in between.
fn host(request: &Request) -> Result<String, Problem> {
    let malformed = |said: &str| Problem::new(StatusCode::BAD_REQUEST, "usage", said);
    let mut named = request.headers().get_all(HOST).iter();
    let header = named
        .next()
        .map(|value| value.to_str().map_err(|_| malformed("the Host header cannot be read")))
        .transpose()?;
    if named.next().is_some() {
        return Err(malformed("there are several Host headers"));
    }
    let asked = request.uri().authority().map(|authority| authority.as_str());
    match (asked, header) {
        (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => Err(malformed("two different hosts are named")),
        (Some(one), _) | (None, Some(one)) => Ok(one.to_ascii_lowercase()),
        (None, None) => Err(malformed("the Host header is missing")),
    }
}

fn origin(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut named = headers.get_all(ORIGIN).iter();
    let Some(first) = named.next() else { return Ok(None) };
    match (first.to_str(), named.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, "usage", "the Origin header cannot be read")),
    }
}

/// What every request passes. Clones are the same.
#[derive(Clone)]
pub struct Guard {
    rules: Arc<RwLock<Arc<Rules>>>,
    ids: Ids,
}

impl Guard {
    /// With these rules.
    pub fn new(rules: Rules) -> Guard {
        Guard { rules: Arc::new(RwLock::new(Arc::new(rules))), ids: Ids::random() }
    }

    /// Other rules from now on.
    pub fn renew(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Whether whoever asks from this address sits at this machine; where a proxy here passes on what others ask, nobody
    /// can tell.
    pub fn is_this_machine(&self, address: IpAddr) -> bool {
        address.is_loopback() && !self.rules().proxies.iter().any(|net| net.contains(&address))
    }

    fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The outermost layer: writes down who is there and under which trace id, refuses who may not ask at all, and puts the
/// headers on the answer.
pub async fn around(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let rules = guard.rules();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let (address, encrypted) = rules.client(peer, request.headers());
    let trace = trace_of(request.headers()).unwrap_or_else(|| guard.ids.trace());
    let traced = Traced { trace, address };
    request.extensions_mut().insert(traced);
    let span = tracing::info_span!("request", trace = %trace);
    let (mut response, page) = match rules.check(address, &request) {
        Err(problem) => (problem.traced(trace).into_response(), None),
        Ok(page) => match page.as_ref().and_then(|_| origin::preflight(&request)) {
            Some(response) => (response, page),
            None => (next.run(request).instrument(span).await, page),
        },
    };
    let foreign = page.filter(|page| rules.origins.lists(page));
    origin::tell(response.headers_mut(), foreign.as_deref());
    headers::put(response.headers_mut(), encrypted);
    response.extensions_mut().insert(traced);
    response
}

/// Whether it may listen at `address`: to others only where nobody between can read along.
///
/// # Errors
/// `Usage` (exit code 2) that says what is missing.
pub fn may_listen(address: IpAddr, tls: bool, behind_proxy: bool) -> Result<()> {
    if address.is_loopback() || tls || behind_proxy {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("{address} can be reached by others, and nothing is encrypted"))
        .hint("make a certificate with `fac serve cert` and name it in serve.cert_file and serve.key_file; or say --behind-proxy where a proxy encrypts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &[&str], proxies: &[&str]) -> Rules {
        let nets = |all: &[&str]| all.iter().map(|net| net.parse().unwrap()).collect();
        Rules {
            names: Names::new(&["fac.example.org".into()]).unwrap(),
            origins: Origins::new(&["https://app.example.org".into()]).unwrap(),
            allow: nets(allow),
            proxies: nets(proxies),
            tls: false,
        }
    }

    fn asked(uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = axum::http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::empty()).unwrap()
    }

    fn status(rules: &Rules, headers: &[(&str, &str)]) -> u16 {
        let checked = rules.check("10.0.0.9".parse().unwrap(), &asked("/x", headers));
        checked.map_or_else(|problem| problem.status, |_| 200)
    }

    #[test]
    fn only_its_own_names_and_addresses_in_digits_are_it() {
        let rules = rules(&[], &[]);
        for good in [
            "localhost",
            "LocalHost:4000",
            "localhost.",
            "127.0.0.1:4000",
            "[::1]:4000",
            "10.1.2.3",
            "fac.example.org",
            "FAC.example.org:443",
        ] {
            assert_eq!(status(&rules, &[("host", good)]), 200, "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "fac.example.org.evil.example",
            "127.0.0.1.nip.io",
            "xfac.example.org",
            "2130706433",
            "0x7f.1",
            "user@localhost",
        ] {
            assert_eq!(status(&rules, &[("host", bad)]), 421, "{bad}");
        }
        assert_eq!(status(&rules, &[]), 400);
        assert_eq!(status(&rules, &[("host", "localhost"), ("host", "evil.example")]), 400);
        let two = rules.check("10.0.0.9".parse().unwrap(), &asked("http://evil.example/x", &[("host", "localhost")]));
        assert_eq!(two.unwrap_err().status, 400);
        let absolute = rules.check("10.0.0.9".parse().unwrap(), &asked("http://evil.example/x", &[]));
        assert_eq!(absolute.unwrap_err().status, 421);
    }

    #[test]
    fn pages_of_other_places_may_not_ask() {
        let rules = rules(&[], &[]);
        let from = |origin: &str| status(&rules, &[("host", "localhost:4000"), ("origin", origin)]);
        assert_eq!((from("http://localhost:4000"), from("https://app.example.org")), (200, 200));
        for bad in [
            "http://localhost:3000",
            "https://evil.example",
            "null",
            "",
            "http://localhost:4000.evil.example",
            "https://app.example.org.evil.example",
            "http://app.example.org",
            "https://app.example.org:8443",
            "file://",
            "http://localhost:4000/x",
        ] {
            assert_eq!(from(bad), 403, "{bad}");
        }
        let two = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example")];
        assert_eq!(status(&rules, &two), 400);
    }

    #[test]
    fn networks_that_are_not_listed_are_turned_away() {
        let rules = rules(&["10.99.0.0/16", "2001:db8::/32"], &[]);
        let from = |address: &str| rules.check(address.parse().unwrap(), &asked("/", &[("host", "localhost")])).is_ok();
        assert!(from("10.99.0.2") && from("2001:db8::5"));
        assert!(!from("10.98.0.2") && !from("127.0.0.1") && !from("::1"));
    }

    #[test]
    fn nobody_but_a_trusted_proxy_says_where_somebody_is() {
        let rules = rules(&[], &["10.0.0.0/8"]);
        let at = |peer: &str, headers: &[(&str, &str)]| {
            rules.client(peer.parse().unwrap(), asked("/", headers).headers()).0.to_string()
        };
        let forwarded = [("x-forwarded-for", "1.1.1.1")];
        assert_eq!(at("9.9.9.9", &forwarded), "9.9.9.9");
        assert_eq!(at("127.0.0.1", &[("x-real-ip", "1.1.1.1")]), "127.0.0.1");
        assert_eq!(at("10.0.0.1", &forwarded), "1.1.1.1");
        assert_eq!(at("::ffff:10.0.0.1", &forwarded), "1.1.1.1");
        // What the asker wrote stands left of what the proxy wrote.
        assert_eq!(at("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.0.0.7")]), "1.1.1.1");
        assert_eq!(at("10.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1:55")]), "1.1.1.1");
        assert_eq!(at("10.0.0.1", &[("x-forwarded-for", "1.1.1.1, nonsense")]), "10.0.0.1");
        assert_eq!(at("10.0.0.1", &[("x-forwarded-for", "[2001:db8::1]:80")]), "2001:db8::1");
        assert_eq!(at("10.0.0.1", &[("x-real-ip", "1.1.1.1")]), "1.1.1.1");
        assert_eq!(at("10.0.0.1", &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")]), "10.0.0.3");
        assert_eq!(at("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn whoever_comes_through_a_proxy_here_does_not_sit_here() {
        let here =
            |proxies: &[&str], address: &str| Guard::new(rules(&[], proxies)).is_this_machine(address.parse().unwrap());
        assert!(here(&[], "127.0.0.1") && here(&["10.0.0.0/8"], "::1"));
        assert!(!here(&["127.0.0.1/32"], "127.0.0.1") && !here(&[], "10.0.0.1"));
    }

    #[test]
    fn it_does_not_listen_to_others_in_the_clear() {
        let open: IpAddr = "0.0.0.0".parse().unwrap();
        assert_eq!(may_listen(open, false, false).unwrap_err().kind().exit_code(), 2);
        assert!(may_listen(open, true, false).is_ok() && may_listen(open, false, true).is_ok());
        assert!(may_listen("127.0.0.1".parse().unwrap(), false, false).is_ok());
        assert!(may_listen("::1".parse().unwrap(), false, false).is_ok());
    }
}
