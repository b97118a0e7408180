//! The values that a definition's own command suggests for a parameter. Only for what is trusted.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use crate::exec::{self, Interpreters, Job, Stop, Stream};
use crate::kernel::env::Env;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most values.
const MOST: usize = 1000;

/// The lines that `script` of the command `name` prints in `cwd`; none when it fails.
pub fn suggestions(name: &str, script: &str, env: &Env, cwd: &Path, stop: &Stop) -> Vec<String> {
    let path = env.os("PATH").unwrap_or_default();
    let Ok(prepared) = Interpreters::default().prepare("sh", script, name, &[], path) else { return Vec::new() };
    let mut job = Job::new(prepared.program.clone(), cwd.to_path_buf());
    job.args = prepared.args.clone();
    let variables = env.iter().filter(|(name, _)| !name.to_string_lossy().starts_with("FAC_SECRET_"));
    job.env = variables.map(|(name, value)| (name.into(), value.into())).collect();
    job.apart = true;
    job.timeout = Some(PATIENCE);
    job.grace = Duration::from_secs(1);
    let mut quiet = |_: Stream, _: &[u8]| ControlFlow::Continue(());
    let Ok(outcome) = exec::run(job, &mut quiet, stop) else { return Vec::new() };
    let bytes = outcome.stdout.joined();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim_end).filter(|l| !l.is_empty()).take(MOST).map(String::from).collect()
}
