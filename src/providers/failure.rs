//! What went wrong with a request to a model, and what may be done about it.

use std::fmt;

use super::model::{Part, Usage};
use crate::kernel::error::{Error, Kind};

/// The sort of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection came about: nothing was sent.
    NoConnection,
    /// Nothing came within the time for the first piece.
    FirstTokenTimeout,
    /// The stream stopped for too long.
    IdleTimeout,
    /// Too many requests; after so many milliseconds it may be tried again.
    RateLimited {
        /// As the provider says.
        retry_after_ms: Option<u64>,
    },
    /// The key is missing or not accepted.
    Auth,
    /// The request makes no sense to the provider.
    BadRequest,
    /// The request is longer than the model's context.
    TooLong,
    /// The model is not there.
    NotFound,
    /// The server has trouble (its status).
    Server {
        /// The HTTP status.
        status: u16,
        /// As the provider says.
        retry_after_ms: Option<u64>,
    },
    /// The answer broke off, or is garbage.
    Broken,
    /// The provider sent an error within the stream.
    InStream,
    /// The host failed too often; it is left alone until then (milliseconds since 1970 UTC).
    CircuitOpen {
        /// When one request is let through again.
        until_ms: u64,
    },
}

/// A failure with all that came before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Its sort.
    pub kind: FailureKind,
    /// What happened, to which host or model.
    pub message: String,
    /// The way forward.
    pub hint: Option<String>,
    /// What had come of the answer.
    pub partial: Vec<Part>,
    /// What was counted until then.
    pub usage: Usage,
    /// Milliseconds to the first piece, where one came.
    pub first_token_ms: Option<u64>,
    /// `provider/model`.
    pub model: String,
}

impl Failure {
    /// A failure before anything came.
    pub fn new(kind: FailureKind, model: &str, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            hint: None,
            partial: Vec::new(),
            usage: Usage::default(),
            first_token_ms: None,
            model: model.to_string(),
        }
    }

    /// The same with a way forward.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the same request may be sent again: nothing had come, and trying again may help.
    pub fn may_retry(&self) -> bool {
        self.partial.is_empty()
            && matches!(
                self.kind,
                FailureKind::NoConnection
                    | FailureKind::RateLimited { .. }
                    | FailureKind::Server { .. }
                    | FailureKind::FirstTokenTimeout
            )
    }

    /// Whether another model may do better: everything but mistakes of the request itself.
    pub fn may_fall_back(&self) -> bool {
        self.partial.is_empty() && !matches!(self.kind, FailureKind::BadRequest | FailureKind::TooLong)
    }

    /// Whether it speaks against the host's health.
    pub fn is_hosts_fault(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::NoConnection
                | FailureKind::Server { .. }
                | FailureKind::FirstTokenTimeout
                | FailureKind::IdleTimeout
                | FailureKind::Broken
        )
    }

    /// How long the provider asks to wait, milliseconds.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self.kind {
            FailureKind::RateLimited { retry_after_ms } | FailureKind::Server { retry_after_ms, .. } => retry_after_ms,
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        let kind = match failure.kind {
            FailureKind::NoConnection
            | FailureKind::RateLimited { .. }
            | FailureKind::Server { .. }
            | FailureKind::CircuitOpen { .. } => Kind::Unreachable,
            FailureKind::FirstTokenTimeout | FailureKind::IdleTimeout => Kind::TimedOut,
            FailureKind::Auth => Kind::Refused,
            FailureKind::NotFound => Kind::NotFound,
            FailureKind::BadRequest | FailureKind::TooLong => Kind::Usage,
            FailureKind::Broken | FailureKind::InStream => Kind::Failed,
        };
        let error = Error::new(kind, failure.message);
        match failure.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
