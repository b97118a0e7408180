//! From a job to a command that can be started, or to the sentence that says why not.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kernel::error::{Context, Error, Kind, Result};

use super::{Job, limits};

/// Finds the program, checks everything that can be checked, and gives a command with all but its streams.
pub(super) fn prepare(job: &Job) -> Result<Command> {
    limits::check(&job.program, &job.args, &job.env)?;
    if !job.cwd.is_dir() {
        return Err(Error::new(Kind::NotFound, format!("there is no working folder {}", job.cwd.display())));
    }
    // A relative program would be looked for after the change of folder.
    let cwd = std::path::absolute(&job.cwd).context(Kind::Failed, || "cannot tell the working folder".to_owned())?;
    let shown = Path::new(&job.program).display();
    let path = job.env.iter().rev().find(|(key, _)| key == "PATH").map_or(OsStr::new(""), |(_, value)| value);
    let has_slash = job.program.as_encoded_bytes().contains(&b'/');
    let located: PathBuf = if has_slash { cwd.join(&job.program) } else { PathBuf::from(&job.program) };
    let Some(found) = limits::find_program(if has_slash { located.as_os_str() } else { &job.program }, path) else {
        return Err(if has_slash && located.exists() {
            Error::new(Kind::Failed, format!("{shown} cannot be executed"))
                .hint(format!("is it a program? chmod +x {shown}"))
        } else if has_slash {
            Error::new(Kind::Missing, format!("there is no program {shown}"))
        } else {
            Error::new(Kind::Missing, format!("the program {shown} is not installed"))
                .hint("install it, or add its folder to PATH")
        });
    };
    let mut command = Command::new(found);
    command.args(&job.args).env_clear().envs(job.env.iter().map(|(k, v)| (k, v))).current_dir(&cwd);
    Ok(command)
}

/// The sentence for a program that exists but did not start.
pub(super) fn explain(program: &OsStr, error: io::Error) -> Error {
    let shown = Path::new(program).display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            Error::new(Kind::Missing, format!("the interpreter that {shown} names in its first line is not installed"))
        }
        io::ErrorKind::ArgumentListTooLong => {
            Error::new(Kind::Usage, format!("the arguments and the environment for {shown} are too large"))
                .hint("pass large data in a file or on standard input")
        }
        _ => Error::new(Kind::Failed, format!("{shown} cannot be started")),
    }
    .because(error)
}
