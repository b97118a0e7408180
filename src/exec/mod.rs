//! Running programs: process groups, pseudo-terminals, time limits, captured output, interpreters.
//!
//! [`run`] runs one program, passes its output on as it comes and keeps a bounded record of it. The room knows neither
//! commands nor trust nor where a record is stored, and prints nothing. Everything the operating system decides is in
//! `unix.rs`.
//!
//! What holds for every run:
//!
//! - The program leads a process group of its own. A timeout or a [`Stop`] sends TERM to the whole group, and KILL to
//!   what is left after the grace, or at once on a second request. A panic of the caller kills the group too.
//! - When the program has exited, what it left in its pipes is read, and a background process that still holds them is
//!   waited for [`DRAIN`] at most; it is left alone, as make, just and mask leave it, but its output goes nowhere then.
//! - With pipes, the program gets our terminal only when it stops because it wants to read it (a password prompt); until
//!   then Ctrl-C comes to us. With a pseudo-terminal, our terminal is raw and its keys are handed on; Ctrl-C counts as an
//!   interruption unless the program reads single keys. There, background processes get SIGHUP at the end, as when a
//!   terminal window is closed, and Ctrl-Z reaches the program but suspends nothing of ours.

mod capture;
pub mod interpreters;
mod job;
mod limits;
mod process;
mod run;
pub mod signals;
mod stop;
mod unix;

#[cfg(test)]
mod tests;

pub use capture::{CaptureLimits, Captured};
pub use job::{Input, Job, Outcome, Output, Sink, Status, Stream};
pub use interpreters::{Interpreter, Interpreters, Prepared};
pub use limits::{MAX_STRING, find_program};
pub use process::{Identity, is_alive, this_process};
pub use run::{DRAIN, run};
pub use stop::Stop;
