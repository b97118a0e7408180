//! What the texts of some lists may be: the same that the server takes when it starts.

use std::net::IpAddr;

/// What each text of a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The name of a host, perhaps with `*.` before it.
    Host,
    /// Where a page comes from: a scheme and a host, perhaps with a port.
    Origin,
    /// A network, or an address for itself.
    Network,
}

impl Entry {
    /// Whether a text is one.
    pub(super) fn fits(self, text: &str) -> bool {
        let text = text.trim();
        match self {
            Entry::Host => is_host(text),
            Entry::Origin => is_origin(text),
            Entry::Network => is_network(text),
        }
    }

    /// What is wanted of the list, for a sentence.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Entry::Host => "a list of hosts such as fac.example.org or *.example.org, without ports",
            Entry::Origin => "a list of origins such as https://app.example.org, with a port where they have one",
            Entry::Network => "a list of networks such as 10.0.0.0/8 or 2001:db8::/32, or addresses",
        }
    }
}

fn is_host(text: &str) -> bool {
    let name = text.trim_end_matches('.');
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !name.is_empty() && name.strip_prefix("*.").unwrap_or(name).chars().all(good)
}

fn is_origin(text: &str) -> bool {
    let (scheme, rest) = text.trim_end_matches('/').split_once("://").unwrap_or_default();
    !scheme.is_empty() && !rest.is_empty() && !rest.contains(['/', '*', ' ', '?', '#', '@'])
}

fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return text.parse::<IpAddr>().is_ok() };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.bytes().all(|b| b.is_ascii_digit()) && length.parse::<u8>().is_ok_and(|length| length <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_would_refuse_does_not_fit() {
        for (entry, good, bad) in [
            (Entry::Host, "fac.example.org *.example.org. a_b 10.0.0.1", "a:80 https://a *.* * . a/b"),
            (Entry::Origin, "https://a.example http://a:8080/ tauri://localhost", "a https:// https://* https://a/b *"),
            (
                Entry::Network,
                "10.0.0.0/8 ::1 2001:db8::/32 1.2.3.4/32",
                "nonsense 10.0.0.0/33 10.0.0/8 ::/129 a/8 1.2.3.4/+8",
            ),
        ] {
            good.split(' ').for_each(|text| assert!(entry.fits(text), "{text}"));
            bad.split(' ').for_each(|text| assert!(!entry.fits(text), "{text}"));
        }
    }
}
