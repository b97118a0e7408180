//! The binary: hands the process to the command line room and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    factotum::cli::main()
}
