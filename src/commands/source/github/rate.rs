//! GitHub's request limits: reading them off answers, and saying when asking makes sense again.
//!
//! It never waits: a terminal program says "back at 14:05" and serves its cache. Rules of github/docs
//! (`rate-limits-for-the-rest-api`, `best-practices-for-using-the-rest-api`).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::kernel::error::{Error, Kind};
use crate::kernel::http::HeaderMap;

/// What to wait when an answer says "too many" and nothing else.
const UNSAID: i64 = 60;

/// The primary limit as the last answer told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests an hour.
    pub limit: u64,
    /// Requests left.
    pub remaining: u64,
    /// When the count starts afresh, in seconds since 1970 UTC.
    pub reset: i64,
    /// Which count it is (`core`).
    pub resource: String,
}

impl Rate {
    /// The limit in the `x-ratelimit-*` headers; `None` where they are missing (Enterprise servers send none).
    pub fn from_headers(headers: &HeaderMap) -> Option<Rate> {
        Some(Rate {
            limit: number(headers, "x-ratelimit-limit")?,
            remaining: number(headers, "x-ratelimit-remaining")?,
            reset: i64::try_from(number(headers, "x-ratelimit-reset")?).ok()?,
            resource: text(headers, "x-ratelimit-resource").unwrap_or("core").to_string(),
        })
    }
}

/// A refusal because of too many requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// When to ask again, in seconds since 1970 UTC.
    pub until: i64,
    /// Whether it is the limit against bursts, not the hourly one.
    pub secondary: bool,
    /// The hourly limit, where the answer told it.
    pub rate: Option<Rate>,
}

impl Limited {
    /// Reads a refusal. `None` when the status or the message says that it is about something else.
    ///
    /// `now` is in seconds since 1970 UTC, `message` what GitHub's body says.
    pub fn from_answer(status: u16, headers: &HeaderMap, message: &str, now: i64) -> Option<Limited> {
        if status != 403 && status != 429 {
            return None;
        }
        let rate = Rate::from_headers(headers);
        let limited = |until, secondary| Some(Limited { until, secondary, rate: rate.clone() });
        if let Some(seconds) = number(headers, "retry-after").and_then(|s| i64::try_from(s).ok()) {
            return limited(now.saturating_add(seconds), true);
        }
        if let Some(spent) = rate.as_ref().filter(|r| r.remaining == 0) {
            return limited(spent.reset, false);
        }
        let message = message.to_ascii_lowercase();
        let said = message.contains("rate limit") || message.contains("abuse detection");
        if status == 429 || said { limited(now.saturating_add(UNSAID), true) } else { None }
    }

    /// The error for a person. `anonymous` decides which way forward helps.
    pub fn error(&self, host: &str, anonymous: bool, zone: &TimeZone) -> Error {
        let back = clock(self.until, zone);
        let (message, rate) = match &self.rate {
            Some(rate) if !self.secondary => {
                (format!("the {} requests an hour that {host} allows are used up", rate.limit), true)
            }
            _ => (format!("{host} asks for a pause after too many requests"), false),
        };
        let hint = if anonymous && rate {
            "with a token (GH_TOKEN, or `gh auth login`) the limit is 5,000 an hour; what was fetched before stays usable"
        } else {
            "what was fetched before stays usable"
        };
        Error::new(Kind::Unreachable, format!("{message}; it is back at {back}")).hint(hint)
    }
}

/// `HH:MM` in `zone`.
fn clock(seconds: i64, zone: &TimeZone) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%H:%M").to_string(),
        Err(_) => "an unknown time".to_string(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_700_000_000 - 1_700_000_000 % 86_400 + 43_200;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap())).collect()
    }

    fn counted(remaining: u64) -> [(&'static str, String); 3] {
        [
            ("x-ratelimit-limit", "60".to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset", (NOON + 1800).to_string()),
        ]
    }

    fn until(status: u16, pairs: &[(&'static str, String)], message: &str) -> Option<(i64, bool)> {
        Limited::from_answer(status, &headers(pairs), message, NOON).map(|l| (l.until - NOON, l.secondary))
    }

    #[test]
    fn the_documented_order_of_signs() {
        assert_eq!(until(403, &counted(0), "API rate limit exceeded for 1.2.3.4."), Some((1800, false)));
        assert_eq!(until(429, &[("retry-after", "90".into())], ""), Some((90, true)));
        let mut both = counted(0).to_vec();
        both.push(("retry-after", "5".into()));
        assert_eq!(until(403, &both, ""), Some((5, true)));
        assert_eq!(until(403, &[], "You have exceeded a secondary rate limit."), Some((60, true)));
        assert_eq!(until(429, &[], ""), Some((60, true)));
    }

    #[test]
    fn a_refusal_about_something_else_is_none() {
        assert_eq!(until(403, &counted(12), "Resource protected by organization SAML enforcement."), None);
        assert_eq!(until(500, &counted(0), "rate limit"), None);
        assert_eq!(until(429, &[("retry-after", "99999999999999999999".into())], ""), Some((60, true)));
    }

    #[test]
    fn the_error_says_when_it_is_back() {
        let limited = Limited::from_answer(403, &headers(&counted(0)), "", NOON).unwrap();
        let error = limited.error("github.com", true, &TimeZone::UTC);
        assert_eq!(error.kind(), Kind::Unreachable);
        assert_eq!(error.message(), "the 60 requests an hour that github.com allows are used up; it is back at 12:30");
        assert!(error.way_forward().unwrap().contains("GH_TOKEN"));
        let burst = Limited::from_answer(429, &headers(&[("retry-after", "120".into())]), "", NOON).unwrap();
        let error = burst.error("github.com", false, &TimeZone::UTC);
        assert_eq!(error.message(), "github.com asks for a pause after too many requests; it is back at 12:02");
    }
}
