//! The headers on every answer that tell a browser what it must not do with it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Those that are always the same.
const ALWAYS: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-dns-prefetch-control", "off"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Those that a page of ours may say otherwise.
const UNLESS_SAID: [(&str, &str); 2] = [
    ("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("cache-control", "no-store"),
];

/// A year of nothing but TLS.
const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// Puts them on an answer.
pub(super) fn put(headers: &mut HeaderMap, encrypted: bool) {
    let secure = encrypted.then_some(HSTS);
    for (name, value) in ALWAYS.into_iter().chain(secure) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in UNLESS_SAID {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    // A page of a listed origin reads answers too.
    if headers.contains_key("access-control-allow-origin") {
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_is_this_one() {
        let mut headers = HeaderMap::new();
        put(&mut headers, true);
        let mut said: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        said.sort();
        assert_eq!(
            said,
            [
                "cache-control: no-store",
                "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                "cross-origin-opener-policy: same-origin",
                "cross-origin-resource-policy: same-origin",
                "permissions-policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()",
                "referrer-policy: no-referrer",
                "strict-transport-security: max-age=31536000",
                "x-content-type-options: nosniff",
                "x-dns-prefetch-control: off",
                "x-frame-options: DENY",
                "x-permitted-cross-domain-policies: none",
            ]
        );
    }

    #[test]
    fn what_a_page_says_of_itself_stays() {
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_static("private, no-cache"));
        put(&mut headers, false);
        assert_eq!(headers["cache-control"], "private, no-cache");
        assert!(!headers.contains_key("strict-transport-security"));
    }
}
