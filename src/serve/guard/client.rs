//! Where a request really comes from, where trusted proxies passed it on.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// Proxies in a row at most.
const MOST: usize = 32;

/// The address of whoever asks: the connection's, or the last in `X-Forwarded-For` that no trusted proxy has. What is left
/// of that one anybody may have written.
pub(super) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &dyn Fn(IpAddr) -> bool) -> IpAddr {
    if !trusted(peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("?")).collect();
    if lines.is_empty() {
        let real = headers.get("x-real-ip").and_then(|value| read(value.to_str().ok()?));
        return real.unwrap_or(peer);
    }
    let mut found = peer;
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(MOST) {
        let Some(address) = read(entry) else { break };
        found = address;
        if !trusted(address) {
            break;
        }
    }
    found
}

/// Whether a proxy says that it was asked over TLS.
pub(super) fn was_encrypted(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever an asker puts before what the proxy writes changes nothing.
        #[test]
        fn what_the_asker_wrote_never_counts(written in "[ -~]{0,200}", last in any::<[u8; 4]>()) {
            let last = IpAddr::from([11, last[1], last[2], last[3]]);
            let trusted = |address: IpAddr| matches!(address, IpAddr::V4(a) if a.octets()[0] == 10);
            let mut headers = HeaderMap::new();
            let text = format!("{written}, {last}");
            headers.append("x-forwarded-for", HeaderValue::from_str(&text).unwrap());
            prop_assert_eq!(address(IpAddr::from([10, 0, 0, 1]), &headers, &trusted), last);
            prop_assert_eq!(address(IpAddr::from([12, 0, 0, 1]), &headers, &trusted), IpAddr::from([12, 0, 0, 1]));
        }

        #[test]
        fn nothing_that_is_sent_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append("x-forwarded-for", value);
            }
            address(IpAddr::from([10, 0, 0, 1]), &headers, &|_| true);
        }
    }
}
