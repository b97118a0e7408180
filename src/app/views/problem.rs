//! Errors as they are shown within an answer that is none itself.

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::error::Error;

/// What went wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorView {
    /// Its kind.
    pub kind: &'static str,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code that the command line has for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
}

impl ErrorView {
    /// The same with the exit code of the command line.
    pub fn with_code(error: &Error) -> ErrorView {
        ErrorView { exit_code: Some(error.kind().exit_code()), ..ErrorView::from(error) }
    }
}

impl From<&Error> for ErrorView {
    fn from(error: &Error) -> ErrorView {
        ErrorView {
            kind: error.kind().name(),
            message: error.full_message(),
            hint: error.way_forward().map(String::from),
            exit_code: None,
        }
    }
}
