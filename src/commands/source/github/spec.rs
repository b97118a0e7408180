//! The words that name a repository: `github:owner/repo[/path][@ref]` and addresses pasted from a browser.
//!
//! It only reads and writes text. An address such as `…/tree/a/b/c` does not say where the ref ends and the path
//! begins; that stays open here ([`Spec::open`]) and is settled by asking the server.

use std::fmt;

use url::Url;

use crate::kernel::error::{Error, Kind, Result};

/// The host everybody means.
pub const GITHUB: &str = "github.com";
const RAW: &str = "raw.githubusercontent.com";

/// A repository, and what in it is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The web host in lower case, with its port where it has one.
    pub host: String,
    /// The account.
    pub owner: String,
    /// The repository, without `.git`.
    pub repo: String,
    /// A folder or file below which definitions are looked for, without slashes at its ends.
    pub path: Option<String>,
    /// A branch, tag or commit; `None` means the default branch.
    pub git_ref: Option<String>,
    /// A ref and a path that an address left joined, as segments: the first one to all of them are the ref. Empty
    /// once settled.
    pub open: Vec<String>,
}

impl Spec {
    /// Reads a spec. `enterprise` is the server that `GH_HOST` names, if any: its `https://` addresses are then read
    /// like github.com's.
    ///
    /// `None` means that the text is not about GitHub at all.
    ///
    /// # Errors
    /// `Usage` when it is about GitHub and makes no sense.
    pub fn parse(text: &str, enterprise: Option<&str>) -> Option<Result<Spec>> {
        let text = text.trim();
        if let Some(rest) = strip_prefix_ignoring_case(text, "github:") {
            return Some(short(rest.trim_start_matches('/')).map_err(|e| about(text, e)));
        }
        let url = Url::parse(&as_url(text)?).ok()?;
        let host = host_and_port(&url)?;
        let ours = host == GITHUB
            || host == RAW
            || is_public_cloud(&host)
            || enterprise.is_some_and(|e| e.eq_ignore_ascii_case(&host));
        ours.then(|| from_url(&url, host).map_err(|e| about(text, e)))
    }

    /// `owner/repo`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.repo)
    }

    /// The same place, with the first `n` open segments as its ref and the others as its path.
    pub fn settled(&self, n: usize) -> Spec {
        let n = n.min(self.open.len());
        let path = self.open[n..].join("/");
        Spec {
            git_ref: (n > 0).then(|| self.open[..n].join("/")).or_else(|| self.git_ref.clone()),
            path: if path.is_empty() { self.path.clone() } else { Some(path) },
            open: Vec::new(),
            ..self.clone()
        }
    }

    /// Whether the path of an entry lies in what is meant: the path itself, or below it.
    pub fn covers(&self, path: &str) -> bool {
        match &self.path {
            None => true,
            Some(root) => {
                path == root || (path.starts_with(root.as_str()) && path.as_bytes().get(root.len()) == Some(&b'/'))
            }
        }
    }
}

/// The canonical form; reading it gives the same spec, as long as no segments are open (open ones are shown as an
/// address).
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.open.is_empty() {
            let segments: Vec<String> = self.open.iter().map(|s| encode(s)).collect();
            return write!(f, "https://{}/{}/{}/tree/{}", self.host, self.owner, self.repo, segments.join("/"));
        }
        f.write_str("github:")?;
        if self.host != GITHUB {
            write!(f, "{}/", self.host)?;
        }
        write!(f, "{}/{}", self.owner, self.repo)?;
        if let Some(path) = &self.path {
            write!(f, "/{}", guard(path, '/'))?;
        }
        if let Some(git_ref) = &self.git_ref {
            write!(f, "@{}", guard(git_ref, '@'))?;
        }
        Ok(())
    }
}

/// Whether `host` is a tenant of GitHub Enterprise Cloud with data residency.
pub fn is_public_cloud(host: &str) -> bool {
    host.strip_suffix(".ghe.com").is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('.'))
}

/// One segment of a route, percent-encoded: everything but letters, digits and `-._~`.
pub fn encode(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A ref or path of several segments, each percent-encoded, the slashes kept.
pub fn encode_path(path: &str) -> String {
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// `[host/]owner/repo[/path][@ref]`.
fn short(text: &str) -> Result<Spec> {
    let (place, git_ref) = split_ref(text);
    let mut segments: Vec<&str> = place.split('/').collect();
    // An account name holds neither dots nor colons, so a first segment with one is a host.
    let host = match segments.first() {
        Some(first) if first.contains(['.', ':']) || *first == "localhost" => check_host(segments.remove(0))?,
        _ => GITHUB.to_string(),
    };
    build(host, &segments, git_ref.map(unguard), Vec::new())
}

/// Splits at the last `@` that does not follow a slash: `packages/@scope/x` holds none.
fn split_ref(text: &str) -> (&str, Option<&str>) {
    let bytes = text.as_bytes();
    let at = (1..bytes.len()).rev().find(|&i| bytes[i] == b'@' && bytes[i - 1] != b'/');
    match at {
        Some(i) => (&text[..i], Some(&text[i + 1..])),
        None => (text, None),
    }
}

fn from_url(url: &Url, host: String) -> Result<Spec> {
    if !crate::kernel::http::is_safe(url) {
        return Err(Error::new(Kind::Usage, "it is not encrypted").hint("write https:// instead"));
    }
    let decoded: Vec<String> = url
        .path_segments()
        .map(|all| all.filter(|s| !s.is_empty()).map(decode).collect::<Result<Vec<_>>>())
        .unwrap_or_else(|| Ok(Vec::new()))?;
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let Some((name, rest)) = segments.split_at_checked(2) else {
        return Err(Error::new(Kind::Usage, "it names no repository"));
    };
    let (host, rest) = match (host.as_str(), rest) {
        (RAW, ["refs", "heads" | "tags", rest @ ..]) | (RAW, rest) => (GITHUB.to_string(), rest),
        (_, ["tree" | "blob" | "raw", "refs", "heads" | "tags", rest @ ..]) => (host, rest),
        (_, ["tree" | "blob" | "raw" | "commit", rest @ ..]) => (host, rest),
        (_, _) => (host, &[][..]),
    };
    let open: Vec<String> = rest.iter().map(|s| s.to_string()).collect();
    let spec = build(host, name, None, open)?;
    // One segment, or one that is a whole commit id, leaves nothing open.
    Ok(match spec.open.as_slice() {
        [_] => spec.settled(1),
        [first, ..] if is_sha(first) => spec.settled(1),
        _ => spec,
    })
}

fn build(host: String, segments: &[&str], git_ref: Option<String>, open: Vec<String>) -> Result<Spec> {
    let [owner, repo, path @ ..] = segments else {
        return Err(Error::new(Kind::Usage, "it names no repository").hint("write github:owner/repo[/path][@ref]"));
    };
    let repo = if path.is_empty() { repo.strip_suffix(".git").unwrap_or(repo) } else { repo };
    let path = unguard(path.join("/").trim_matches('/'));
    let spec = Spec {
        host,
        owner: check_name(owner, "an account")?,
        repo: check_name(repo, "a repository")?,
        path: (!path.is_empty()).then_some(path),
        git_ref,
        open,
    };
    let parts = spec.path.iter().flat_map(|p| p.split('/')).chain(spec.open.iter().map(String::as_str));
    for part in parts {
        if part.is_empty() || part == "." || part == ".." || part.contains(char::is_control) {
            return Err(Error::new(Kind::Usage, format!("its path has the part {part:?}")));
        }
    }
    if let Some(git_ref) = &spec.git_ref {
        let bad = git_ref.contains(char::is_control)
            || git_ref.contains("..")
            || git_ref.split('/').any(|s| s.is_empty() || s == ".");
        if bad {
            return Err(Error::new(Kind::Usage, format!("{git_ref:?} cannot be a branch, tag or commit")));
        }
    }
    Ok(spec)
}

fn check_name(name: &str, what: &str) -> Result<String> {
    let fits = (1..=100).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && name != "."
        && name != "..";
    if fits {
        Ok(name.to_string())
    } else {
        Err(Error::new(Kind::Usage, format!("{name:?} cannot be the name of {what}")))
    }
}

fn check_host(host: &str) -> Result<String> {
    let url =
        Url::parse(&format!("https://{host}/")).ok().filter(|u| u.username().is_empty() && u.password().is_none());
    url.as_ref().and_then(host_and_port).ok_or_else(|| Error::new(Kind::Usage, format!("{host:?} cannot be a host")))
}

fn host_and_port(url: &Url) -> Option<String> {
    let host = url.host_str()?.to_ascii_lowercase();
    let host = host.strip_prefix("www.").filter(|h| *h == GITHUB).map(str::to_string).unwrap_or(host);
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

/// `git@host:owner/repo` and `github.com/owner/repo` are addresses too.
fn as_url(text: &str) -> Option<String> {
    if text.contains("://") {
        return Some(text.replacen("ssh://git@", "https://", 1));
    }
    if let Some((host, path)) = text.strip_prefix("git@").and_then(|rest| rest.split_once(':')) {
        return Some(format!("https://{host}/{path}"));
    }
    strip_prefix_ignoring_case(text, "github.com/").map(|rest| format!("https://github.com/{rest}"))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Undoes percent-encoding; an escape that is none stays as it is, as browsers keep it.
fn decode(segment: &str) -> Result<String> {
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escaped = (bytes[i] == b'%').then(|| segment.get(i + 1..i + 3)).flatten();
        match escaped.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|h| u8::from_str_radix(h, 16).ok())
        {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| Error::new(Kind::Usage, format!("{segment:?} is not UTF-8")))
}

/// Writes the `@`s that [`split_ref`] would take for the ref's sign as `%40`, and what looks like that as `%2540`.
fn guard(text: &str, before: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = before;
    for (i, c) in text.char_indices() {
        match c {
            '@' if previous != '/' => out.push_str("%40"),
            '%' if text[i..].starts_with("%40") || text[i..].starts_with("%25") => out.push_str("%25"),
            _ => out.push(c),
        }
        previous = c;
    }
    out
}

fn unguard(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (c, used) = match rest.get(at..at + 3) {
            Some("%40") => ('@', 3),
            _ if rest[at..].starts_with("%25") => ('%', 3),
            _ => ('%', 1),
        };
        out.push(c);
        rest = &rest[at + used..];
    }
    out.push_str(rest);
    out
}

/// Whether the text is a whole commit id.
pub fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn about(text: &str, error: Error) -> Error {
    let way = error
        .way_forward()
        .unwrap_or("write github:owner/repo[/path][@ref], or paste the address of its page")
        .to_string();
    Error::new(error.kind(), format!("cannot read {text:?} as a GitHub source: {}", error.message())).hint(way)
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
