//! The names by which the server may be asked for.
//!
//! A page of somebody else can make its own name point to this machine (DNS rebinding) and then ask as if it were ours; it
//! cannot do so with an address in digits, nor with `localhost`. So those count, and the names that the owner lists.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::kernel::error::{Error, Kind, Result};

/// Names that the owner lists, in lower case; `*.` stands for everything before a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    listed: Vec<String>,
}

impl Names {
    /// # Errors
    /// `Usage` for what is no name.
    pub(super) fn new(listed: &[String]) -> Result<Names> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let read = |text: &String| {
            let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
            if name.is_empty() || !name.strip_prefix("*.").unwrap_or(&name).chars().all(good) {
                return Err(Error::new(Kind::Usage, format!("{text:?} in serve.hosts is no name of a host"))
                    .hint("write it like fac.example.org or *.example.org, without a port"));
            }
            Ok(name)
        };
        Ok(Names { listed: listed.iter().map(read).collect::<Result<_>>()? })
    }

    /// Whether `host`, in lower case and with or without a port, is one.
    pub(super) fn hold(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return address.parse::<Ipv6Addr>().is_ok();
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let listed = |one: &String| match one.strip_prefix('*') {
            Some(end) => name.len() > end.len() && name.ends_with(end),
            None => one == name,
        };
        name == "localhost" || name.parse::<Ipv4Addr>().is_ok() || self.listed.iter().any(listed)
    }
}

fn without_port(host: &str) -> Option<&str> {
    let digits = |port: &str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    match host.rfind(':') {
        Some(at) if !host.ends_with(']') => digits(&host[at + 1..]).then_some(&host[..at]),
        _ => Some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_hold_with_all_before_a_star() {
        let names = Names::new(&["*.example.org".into(), "Fac.Test.".into()]).unwrap();
        for good in ["a.example.org", "a.b.example.org:4000", "fac.test", "fac.test.:80", "[2001:db8::1]", "localhost"]
        {
            assert!(names.hold(good), "{good}");
        }
        for bad in [
            "example.org",
            ".example.org",
            "aexample.org",
            "fac.test:",
            "fac.test:x",
            "fac.test:80:80",
            "",
            ":80",
            "[::1",
            "[localhost]",
            "[::1]x",
        ] {
            assert!(!names.hold(bad), "{bad}");
        }
        for wrong in ["", "a b", "http://x", "x:80", "*"] {
            assert_eq!(Names::new(&[wrong.into()]).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
    }
}
