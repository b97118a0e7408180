//! What goes wrong, in each vendor's own shape.
//!
//! A vendor's client decides by these shapes and numbers what to raise, and whether to try again. The numbers are ours;
//! that a provider does not accept *our* key must not look as if it did not accept the client's.

use serde_json::{Value, json};

use super::Vendor;
use super::read::Wrong;
use crate::kernel::error::{Error, Kind};
use crate::providers::{Failure, FailureKind};

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// What happened, for people.
    pub message: String,
    /// The field of the request that is wrong.
    pub place: Option<String>,
    /// The sort, where it is finer than the status.
    pub sort: Sort,
    /// Seconds to wait before it may be tried again.
    pub retry_after: Option<u64>,
}

/// Finer sorts that vendors tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// As the status says.
    Plain,
    /// The model is not there.
    NoModel,
    /// The request is longer than the model's context.
    TooLong,
}

impl Fault {
    /// A fault that its status says all about.
    pub fn new(status: u16, message: impl Into<String>) -> Fault {
        Fault { status, message: message.into(), place: None, sort: Sort::Plain, retry_after: None }
    }

    /// A fault of an error of a room below.
    pub fn of(error: &Error) -> Fault {
        let status = match error.kind() {
            Kind::Usage | Kind::BadData => 400,
            Kind::NotFound => 404,
            Kind::Refused => 403,
            Kind::Unreachable => 502,
            Kind::Missing | Kind::Interrupted => 503,
            Kind::TimedOut => 504,
            Kind::Failed => 500,
        };
        let said = if status == 500 { error.message().to_string() } else { error.full_message() };
        let hint = error.way_forward().map(|hint| format!(" ({hint})")).unwrap_or_default();
        Fault::new(status, said + &hint)
    }

    /// The fault that no such model is there.
    pub fn no_model(error: &Error) -> Fault {
        let sort = if error.kind() == Kind::NotFound { Sort::NoModel } else { Sort::Plain };
        Fault { sort, ..Fault::of(error) }
    }

    /// A stream of a provider that ended before its end mark: what came of the answer may lack its rest.
    pub fn cut_off(model: &str) -> Fault {
        Fault::new(502, format!("the answer of {model} ended without its end mark: it may lack its rest"))
    }

    /// The body as the vendor writes it. `trace` names the request in the logs.
    pub fn body(&self, vendor: Vendor, trace: &str) -> Value {
        match vendor {
            Vendor::OpenAi => self.openai(),
            Vendor::Anthropic => {
                let error = json!({"type": self.anthropic_type(), "message": self.message});
                json!({"type": "error", "error": error, "request_id": trace})
            }
            Vendor::Gemini => {
                json!({"error": {"code": self.status, "message": self.message, "status": self.gemini_status()}})
            }
            Vendor::Ollama => json!({"error": self.message}),
        }
    }

    /// <https://platform.openai.com/docs/guides/error-codes>
    fn openai(&self) -> Value {
        let (kind, code) = match (self.sort, self.status) {
            (Sort::NoModel, _) => ("invalid_request_error", Some("model_not_found")),
            (Sort::TooLong, _) => ("invalid_request_error", Some("context_length_exceeded")),
            (_, 401) => ("invalid_request_error", Some("invalid_api_key")),
            (_, 429) => ("requests", Some("rate_limit_exceeded")),
            (_, 501) => ("invalid_request_error", Some("unsupported")),
            (_, 400..=499) => ("invalid_request_error", None),
            _ => ("server_error", None),
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.place, "code": code}})
    }

    /// <https://docs.anthropic.com/en/api/errors>
    pub fn anthropic_type(&self) -> &'static str {
        match self.status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            503 | 529 => "overloaded_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        }
    }

    /// <https://cloud.google.com/apis/design/errors#handling_errors>
    fn gemini_status(&self) -> &'static str {
        match self.status {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "ABORTED",
            429 => "RESOURCE_EXHAUSTED",
            499 => "CANCELLED",
            501 => "UNIMPLEMENTED",
            502 | 503 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            400..=499 => "INVALID_ARGUMENT",
            _ => "INTERNAL",
        }
    }
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Fault {
        let place = Some(wrong.place.clone()).filter(|place| !place.is_empty());
        Fault { place, ..Fault::new(400, wrong.sentence()) }
    }
}

impl From<&Failure> for Fault {
    fn from(failure: &Failure) -> Fault {
        let mut fault = Fault::new(status_of(&failure.kind), failure.message.clone());
        fault.retry_after = failure.retry_after_ms().map(|ms| ms.div_ceil(1000));
        fault.sort = match failure.kind {
            FailureKind::NotFound => Sort::NoModel,
            FailureKind::TooLong => Sort::TooLong,
            _ => Sort::Plain,
        };
        fault
    }
}

fn status_of(kind: &FailureKind) -> u16 {
    match kind {
        FailureKind::BadRequest | FailureKind::TooLong => 400,
        FailureKind::NotFound => 404,
        FailureKind::RateLimited { .. } => 429,
        FailureKind::CircuitOpen { .. } | FailureKind::Server { status: 503 | 529, .. } => 503,
        FailureKind::FirstTokenTimeout | FailureKind::IdleTimeout => 504,
        FailureKind::NoConnection
        | FailureKind::Auth
        | FailureKind::Server { .. }
        | FailureKind::Broken
        | FailureKind::InStream => 502,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vendor_has_its_shape() {
        let fault = Fault { sort: Sort::NoModel, ..Fault::new(404, "no model x") };
        let openai = fault.body(Vendor::OpenAi, "t");
        assert_eq!(openai["error"]["code"], "model_not_found");
        assert_eq!(openai["error"]["type"], "invalid_request_error");
        let anthropic = fault.body(Vendor::Anthropic, "t");
        assert_eq!(
            anthropic,
            json!({"type": "error", "error": {"type": "not_found_error", "message": "no model x"}, "request_id": "t"})
        );
        assert_eq!(
            fault.body(Vendor::Gemini, "t"),
            json!({"error": {"code": 404, "message": "no model x", "status": "NOT_FOUND"}})
        );
        assert_eq!(fault.body(Vendor::Ollama, "t"), json!({"error": "no model x"}));
    }

    #[test]
    fn a_provider_that_refuses_our_key_is_no_refusal_of_the_client() {
        let failure = Failure::new(FailureKind::Auth, "a/b", "a does not accept the key");
        assert_eq!(Fault::from(&failure).status, 502);
        let failure = Failure::new(FailureKind::RateLimited { retry_after_ms: Some(1500) }, "a/b", "too many");
        let fault = Fault::from(&failure);
        assert_eq!((fault.status, fault.retry_after), (429, Some(2)));
    }

    #[test]
    fn an_inner_failure_tells_no_causes() {
        let error = Error::new(Kind::Failed, "cannot read").because(std::io::Error::other("/home/x/secret"));
        assert_eq!(Fault::of(&error).message, "cannot read");
    }
}
