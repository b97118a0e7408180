//! Steps that reach out of this program: `http`, `notify`, `say`.
//!
//! Each is a [`StepRunner`](crate::commands::run::StepRunner) of its own and works the same in `fac run` and in an
//! automation. They print nothing: what they wrote and what they complain comes back.

pub mod fill;
pub mod http;
pub mod notify;
pub mod request;
pub mod say;

use std::time::Instant;

use crate::commands::run::{Done, Performed, Work};
use crate::kernel::error::Error;
use crate::kernel::terminal::safe_line;
use crate::store::{Captured, Status};

/// What came of a step.
pub(super) fn performed(
    work: &Work<'_>,
    begun: Instant,
    wrote: Vec<u8>,
    said: &str,
    ended: (Status, i32, Option<Error>),
) -> Performed {
    let (status, code, trouble) = ended;
    let done = Done {
        status,
        exit_code: Some(code),
        stdout: Captured::cut(&wrote, work.capture.head, work.capture.tail),
        stderr: if said.is_empty() { Captured::default() } else { Captured::whole(format!("{said}\n")) },
        duration_us: i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX),
    };
    Performed { done, wrote, trouble }
}

/// What is said of a placeholder without a value.
pub(super) fn sent_as_it_stands(name: &str) -> String {
    format!("`{}` has no value and was sent as it stands.", safe_line(name))
}
