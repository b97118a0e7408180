//! One Markdown file at an address.
//!
//! Fetched by https (plain http only on this machine) with the validators of the last time, so that an unchanged file
//! costs an answer without a body. It sends no token anywhere and knows nothing of Markdown.

use url::Url;

use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::http::{self, HeaderMap, Http, Response};

/// No file is larger, in bytes.
pub const LARGEST: u64 = 5_000_000;
/// So many redirects in a row are followed.
const MOST_REDIRECTS: usize = 5;

/// What a server said to recognise a version of the file by. Only valid for the address it was got from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    pub last_modified: Option<String>,
}

/// How a fetch ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file is the one the validators came from.
    Unchanged,
    /// The file.
    Fetched {
        /// Its bytes, as sent.
        bytes: Vec<u8>,
        /// For the next time.
        validators: Validators,
        /// The address that answered in the end.
        address: Url,
    },
}

/// Reads an address as a source. `None` when the text is no `http` or `https` address.
///
/// # Errors
/// `Usage` when it is one and may not be used: not encrypted, or with a password in it.
pub fn parse(text: &str) -> Option<Result<Url>> {
    let url = Url::parse(text.trim()).ok().filter(|u| matches!(u.scheme(), "http" | "https"))?;
    Some(check(&url).map(|()| url))
}

/// Fetches the file at `address`.
///
/// # Errors
/// `Unreachable` (network, or the server has trouble), `NotFound`, `Refused` (a redirect to an unsafe address, or the
/// server says no), `BadData` when the file is larger than [`LARGEST`].
pub async fn fetch(http: &Http, address: &Url, known: &Validators) -> Result<Outcome> {
    check(address)?;
    let mut url = address.clone();
    for _ in 0..=MOST_REDIRECTS {
        let answer = http.get(&url, headers(known)?).await?;
        match answer.status() {
            200 => return take(answer, url).await,
            304 if *known != Validators::default() => return Ok(Outcome::Unchanged),
            301 | 302 | 303 | 307 | 308 => url = next(&url, answer.header("location"))?,
            status => return Err(failed(&url, status)),
        }
    }
    Err(Error::new(Kind::Unreachable, format!("{address} redirects more than {MOST_REDIRECTS} times")))
}

async fn take(answer: Response, address: Url) -> Result<Outcome> {
    let text = |name| answer.header(name).map(str::to_string);
    let validators = Validators { etag: text("etag"), last_modified: text("last-modified") };
    let bytes = answer.bytes(LARGEST).await?;
    Ok(Outcome::Fetched { bytes, validators, address })
}

fn next(from: &Url, location: Option<&str>) -> Result<Url> {
    let target = location.and_then(|l| from.join(l).ok());
    let target = target.ok_or_else(|| Error::new(Kind::Unreachable, format!("{from} redirects to nowhere")))?;
    // A page out there must not make us ask this machine's own services.
    if check(&target).is_err() || (http::is_loopback(&target) && !http::is_loopback(from)) {
        return Err(Error::new(Kind::Refused, format!("{from} redirects to an unsafe address: {target}"))
            .hint("add the source under the address where it really is"));
    }
    Ok(target)
}

fn check(url: &Url) -> Result<()> {
    if !http::is_safe(url) {
        return Err(Error::new(Kind::Usage, format!("{url} is not encrypted")).hint("write https:// instead"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(Kind::Usage, "an address with a password in it is not kept".to_string())
            .hint("leave out what stands before the @"));
    }
    Ok(())
}

fn headers(known: &Validators) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| -> Result<()> {
        headers.insert(name, value.parse().context(Kind::BadData, || format!("a broken {name} was stored"))?);
        Ok(())
    };
    set("accept", "text/markdown, text/plain;q=0.9, */*;q=0.1")?;
    if let Some(etag) = &known.etag {
        set("if-none-match", etag)?;
    }
    if let Some(date) = &known.last_modified {
        set("if-modified-since", date)?;
    }
    Ok(headers)
}

fn failed(url: &Url, status: u16) -> Error {
    match status {
        404 | 410 => Error::new(Kind::NotFound, format!("there is nothing at {url}")).hint("check the address"),
        401 | 403 | 451 => Error::new(Kind::Refused, format!("{url} may not be read (status {status})")),
        429 => Error::new(Kind::Unreachable, format!("{url} asks for a pause after too many requests"))
            .hint("try again later"),
        500.. => Error::new(Kind::Unreachable, format!("{url} has trouble (status {status})")).hint("try again later"),
        _ => Error::new(Kind::Failed, format!("{url} gave an answer that makes no sense here (status {status})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_addresses_are_sources() {
        let kind = |text: &str| parse(text).map(|r| r.map_err(|e| e.kind()).map(|u| u.to_string()));
        assert_eq!(kind("https://example.com/a.md"), Some(Ok("https://example.com/a.md".to_string())));
        assert_eq!(kind("http://example.com/a.md"), Some(Err(Kind::Usage)));
        assert_eq!(kind("https://me:secret@example.com/a.md"), Some(Err(Kind::Usage)));
        assert_eq!(kind("./a.md"), None);
        assert_eq!(kind("file:///etc/passwd"), None);
    }

    #[test]
    fn a_page_cannot_send_us_to_this_machine() {
        let page = Url::parse("https://example.com/a.md").unwrap();
        let to = |location| next(&page, Some(location)).map(|u| u.to_string()).map_err(|e| e.kind());
        assert_eq!(to("/b.md"), Ok("https://example.com/b.md".to_string()));
        assert_eq!(to("http://example.com/b.md"), Err(Kind::Refused));
        assert_eq!(to("http://127.0.0.1:8080/admin"), Err(Kind::Refused));
        assert_eq!(to("file:///etc/passwd"), Err(Kind::Refused));
    }
}
