//! What somebody shows to say who they are: found in the headers, wherever the vendors' clients put it.
//!
//! A credential in an address would end in logs and histories, so none is looked for there. Headers that say different
//! things are refused: whoever looked at another one than we do would see somebody else.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use super::super::problem::Problem;

/// The headers that hold a bare credential: Anthropic's, Azure's, Google's.
const BARE: [&str; 3] = ["x-api-key", "api-key", "x-goog-api-key"];
/// Nothing longer is looked at, bytes.
const LONGEST: usize = 4096;

/// The one credential that the headers show.
///
/// # Errors
/// 401 when there is none, when there are several, and when it is none that is known.
pub fn shown(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut found: Option<&str> = None;
    let bearers = headers.get_all(AUTHORIZATION).iter().map(bearer);
    let bare = BARE.iter().flat_map(|name| headers.get_all(*name)).map(text);
    for one in bearers.chain(bare) {
        let one = one?;
        if found.is_some_and(|other| other != one) {
            return Err(Problem::unidentified("the headers show credentials that differ").hint("send one of them"));
        }
        found = Some(one);
    }
    found.ok_or_else(|| {
        Problem::unidentified("nothing says who asks")
            .hint("send `Authorization: Bearer KEY`; `fac key create` makes a key")
    })
}

fn bearer(value: &HeaderValue) -> Result<&str, Problem> {
    let text = text(value)?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unidentified("only the Bearer scheme is known").hint("send `Authorization: Bearer KEY`"));
    }
    let rest = rest.trim_matches(' ');
    if rest.is_empty() {
        return Err(Problem::unidentified("the credential is empty"));
    }
    Ok(rest)
}

fn text(value: &HeaderValue) -> Result<&str, Problem> {
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > LONGEST {
        return Err(Problem::unidentified("the credential cannot be read"));
    }
    Ok(text.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(all: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let mut map = HeaderMap::new();
        all.iter().map(pair).for_each(|(name, value)| {
            map.append(name, value);
        });
        map
    }

    fn of(all: &[(&str, &str)]) -> Option<String> {
        shown(&headers(all)).ok().map(String::from)
    }

    #[test]
    fn it_is_found_where_clients_put_it() {
        assert_eq!(of(&[("authorization", "Bearer k")]).as_deref(), Some("k"));
        assert_eq!(of(&[("Authorization", "bEARER   k ")]).as_deref(), Some("k"));
        for name in BARE {
            assert_eq!(of(&[(name, "k")]).as_deref(), Some("k"));
        }
        assert_eq!(of(&[("authorization", "Bearer k"), ("x-api-key", "k")]).as_deref(), Some("k"));
    }

    #[test]
    fn nothing_else_is_and_none_that_differ() {
        let cases: [&[(&str, &str)]; 10] = [
            &[],
            &[("authorization", "k")],
            &[("authorization", "Basic a2V5Og==")],
            &[("authorization", "Bearer")],
            &[("authorization", "Bearer ")],
            &[("cookie", "token=k")],
            &[("authorization", "Bearer k"), ("x-api-key", "l")],
            &[("authorization", "Bearer k"), ("authorization", "Bearer l")],
            &[("x-api-key", "k"), ("x-api-key", "l")],
            &[("x-api-key", "k"), ("authorization", "Basic x")],
        ];
        for case in cases {
            assert_eq!(shown(&headers(case)).unwrap_err().status, 401, "{case:?}");
        }
        assert_eq!(of(&[("x-api-key", &"k".repeat(LONGEST + 1))]), None);
        assert_eq!(of(&[("x-api-key", "k\u{e9}")]), None);
    }
}
