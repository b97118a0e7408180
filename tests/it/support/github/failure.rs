//! What can be ordered to go wrong.

/// A failure instead of, or done to, the right answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// 404, as for what is absent or hidden.
    NotFound,
    /// Any status with a message and headers, `x-ratelimit-*` only if given here.
    Status(u16, &'static str, Vec<(&'static str, String)>),
    /// 403 with `x-ratelimit-remaining: 0`.
    PrimaryLimit { reset: i64 },
    /// 403 that only its message tells apart.
    SecondaryLimit,
    /// 429 with `retry-after`.
    TooMany { retry_after: u64 },
    /// The right head, half of the body, and the end of the connection.
    CutBody,
    /// No answer at all.
    Hangup,
    /// The right head and length, other bytes.
    WrongBytes,
    /// A body of so many bytes.
    Huge(u64),
    /// The right head and a body that comes a byte at a time and never ends.
    Drip,
    /// A redirect.
    Redirect(u16, String),
    /// The right answer, once the test opens the gate.
    Hold,
}

/// A failure and what it waits for.
pub struct Planned {
    pub pattern: String,
    pub failure: Failure,
    pub stays: bool,
}

/// The failure planned for `target`, used up unless it stays.
pub fn take(script: &mut Vec<Planned>, target: &str) -> Option<Failure> {
    let at = script.iter().position(|p| target.contains(&p.pattern))?;
    if script[at].stays { Some(script[at].failure.clone()) } else { Some(script.remove(at).failure) }
}
