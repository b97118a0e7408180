//! Running programs: process groups, pseudo-terminals, time limits, captured output, interpreters, sandboxes.
//!
//! [`run`] runs one program, passes its output on as it comes and keeps a bounded record of it. The room knows neither
//! commands nor trust nor where a record is stored, and prints nothing. Everything the operating system decides is in
//! `unix`.
//!
//! What holds for every run:
//!
//! - The program leads a process group of its own. A timeout or a [`Stop`] sends TERM to the whole group, and KILL to
//!   what is left after the grace, or at once on a second request. A panic of the caller kills the group too.
//! - When the program has exited, what it left in its pipes is read, and a background process that still holds them is
//!   waited for [`DRAIN`] at most; it is left alone, as make, just and mask leave it, but its output goes nowhere then.
//! - With pipes, the program gets our terminal only when it stops because it wants to read it (a password prompt). Until
//!   then Ctrl-C comes to us, and Ctrl-Z suspends us while the program goes on until its pipes are full; afterwards both
//!   reach the program, and we are suspended with it.
//! - With a pseudo-terminal, our terminal is raw and its keys are handed on, while we are in its foreground. Ctrl-C
//!   counts as an interruption unless the program reads single keys. Background processes get SIGHUP at the end, as when
//!   a terminal window is closed; Ctrl-Z reaches the program but suspends nothing of ours; keys typed ahead and not read
//!   go with the program.
//! - A sink that does not return holds everything up, the timeout included, as a pager that is not scrolled does.

mod capture;
pub mod code;
mod command;
pub mod desktop;
pub mod interpreters;
mod job;
mod limits;
mod process;
mod run;
pub mod sandbox;
pub mod signals;
mod stop;
mod unix;

#[cfg(test)]
mod tests;

pub use capture::{CaptureLimits, Captured};
pub use interpreters::{Interpreter, Interpreters, Prepared};
pub use job::{Began, Input, Job, Outcome, Output, Sink, Status, Stream};
pub use limits::{MAX_STRING, find_program};
pub use process::{Identity, is_alive, this_process};
pub use run::{DRAIN, run};
pub use stop::Stop;
pub use unix::{end_session, leaders, without_terminal};
