//! The one error type: a kind, a sentence, a cause and a way forward.
//!
//! It deliberately does not know who prints it. The table from kinds to exit codes stands here once; the
//! command line, the server and scripts all read that table.

use std::fmt;

/// What went wrong, in the coarse words a script can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The work was tried and did not succeed.
    Failed,
    /// The caller asked for something that makes no sense.
    Usage,
    /// The named thing does not exist.
    NotFound,
    /// Trust, a permission or a policy said no.
    Refused,
    /// A network, provider, broker or device could not be reached.
    Unreachable,
    /// A program that is needed is not installed.
    Missing,
    /// A definition, a setting or the store holds something unreadable.
    BadData,
    /// A time limit passed.
    TimedOut,
    /// Somebody pressed Ctrl-C or sent a signal.
    Interrupted,
}

impl Kind {
    /// Every kind, in the order of the table in the manual.
    pub const ALL: [Kind; 9] = [
        Kind::Failed,
        Kind::Usage,
        Kind::NotFound,
        Kind::Refused,
        Kind::Unreachable,
        Kind::Missing,
        Kind::BadData,
        Kind::TimedOut,
        Kind::Interrupted,
    ];

    /// The process exit code for this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::NotFound => 3,
            Kind::Refused => 4,
            Kind::Unreachable | Kind::Missing => 5,
            Kind::BadData => 6,
            Kind::TimedOut => 124,
            Kind::Interrupted => 130,
        }
    }

    /// The word used for this kind in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Usage => "usage",
            Kind::NotFound => "not_found",
            Kind::Refused => "refused",
            Kind::Unreachable => "unreachable",
            Kind::Missing => "missing",
            Kind::BadData => "bad_data",
            Kind::TimedOut => "timed_out",
            Kind::Interrupted => "interrupted",
        }
    }
}

/// An error as a person meets it: what happened, to what, and what to do next.
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result type of the whole program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with one sentence, without its full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { inner: Box::new(Inner { kind, message: message.into(), hint: None, cause: None }) }
    }

    /// The same error with a way forward.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    /// The same error with what lay beneath it.
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner.cause = Some(cause.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// The sentence, without cause and hint.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The way forward, where there is one.
    pub fn way_forward(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// The sentence with the chain of causes behind it, parted by colons.
    pub fn full_message(&self) -> String {
        let mut text = self.inner.message.clone();
        let mut next: Option<&(dyn std::error::Error + 'static)> =
            self.inner.cause.as_deref().map(|c| c as &(dyn std::error::Error + 'static));
        while let Some(cause) = next {
            let said = cause.to_string();
            if !text.ends_with(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            next = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full_message())
    }
}

impl std::error::Error for Error {}

/// Turns a foreign error into ours at the place that knows what was being tried.
pub trait Context<T> {
    /// Gives the error a kind and a sentence; the foreign error becomes its cause.
    fn context(self, kind: Kind, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E> Context<T> for std::result::Result<T, E>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn context(self, kind: Kind, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::new(kind, message()).because(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_exit_codes_is_the_documented_one() {
        let codes: Vec<(&str, u8)> = Kind::ALL.iter().map(|k| (k.name(), k.exit_code())).collect();
        assert_eq!(
            codes,
            [
                ("failed", 1),
                ("usage", 2),
                ("not_found", 3),
                ("refused", 4),
                ("unreachable", 5),
                ("missing", 5),
                ("bad_data", 6),
                ("timed_out", 124),
                ("interrupted", 130)
            ]
        );
    }

    #[test]
    fn causes_are_said_once_and_in_order() {
        let io = std::io::Error::other("disk full");
        let error = Error::new(Kind::Failed, "cannot write the file").because(io);
        assert_eq!(error.to_string(), "cannot write the file: disk full");
    }
}
