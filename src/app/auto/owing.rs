//! Work that people owe: a run put into the background, and a command for each line of something.
//!
//! What a line is, and where it comes from, is the caller's; here it becomes arguments, which are never spliced into anything.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{App, Newest};
use crate::automations::batch::{self, Feed, Tell, Worked};
use crate::commands::bind::{self, Bound, Given};
use crate::commands::catalog::Resolved;
use crate::commands::run::Plan;
use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::figures::hex;
use crate::kernel::ids::Ids;
use crate::store::{Job, JobKind, NewJob, key_in_batch};

/// What stands for the line among the words of a command.
const LINE: &str = "{}";

/// Work of a batch comes after all other.
const LATER: i64 = -1;

/// What a batch is made of, beside the command.
#[derive(Clone, Debug, Default)]
pub struct Each {
    /// Its arguments, with [`LINE`] among them where it is said where the line goes.
    pub words: Vec<String>,
    /// Parameters by name, the same for all.
    pub sets: Vec<(String, String)>,
    /// Whether a line is a JSON object of parameters.
    pub fields: bool,
    /// What tells where the lines come from.
    pub from: String,
    /// Whether it is another batch than the same before.
    pub again: bool,
}

/// A command that is owed for each line of something.
pub struct Batch {
    /// What all of it is called by.
    pub id: String,
    resolved: Resolved,
    each: Each,
    /// What people call where the lines come from.
    from: String,
    cwd: String,
}

impl Batch {
    /// The command for each line. The same of the same is the same batch, unless it is to be done `again`.
    ///
    /// # Errors
    /// `Usage` where the command takes no such arguments, whatever the lines are.
    pub fn new(app: &App, resolved: Resolved, each: Each) -> Result<Batch> {
        let mut all = Sha256::new();
        let sets = each.sets.iter().flat_map(|(name, value)| [name, value]);
        let parts = [&resolved.source.spec, &resolved.command.name, &each.from];
        for part in parts.into_iter().chain(sets).chain(&each.words) {
            all.update((part.len() as u64).to_le_bytes());
            all.update(part);
        }
        all.update([u8::from(each.fields), each.sets.len().min(255) as u8]);
        if each.again {
            all.update(Ids::random().bytes16());
        }
        let id = hex(&all.finalize()[..6]);
        let cwd = app.cwd.display().to_string();
        let from = Path::new(&each.from).file_name().map_or(each.from.as_str().into(), OsStr::to_string_lossy);
        let batch = Batch { id, resolved, from: from.into_owned(), each, cwd };
        batch.words(&batch.each.words)?;
        Ok(batch)
    }

    /// These words as arguments; those that begin with the line are values, whatever they are.
    fn words(&self, words: &[String]) -> Result<Given> {
        let is_data = |at: usize| self.each.words.get(at).is_none_or(|word| word.starts_with(LINE));
        let mut given = bind::take_apart_with(&self.resolved.command, words, &is_data)?;
        for (name, value) in &self.each.sets {
            given.set(&self.resolved.command, name, value)?;
        }
        Ok(given)
    }

    /// What the command is given for a line.
    ///
    /// # Errors
    /// `Usage` where it does not take that, `BadData` where the line is no object of parameters.
    pub fn given(&self, line: &str) -> Result<Given> {
        let command = &self.resolved.command;
        if !self.each.fields {
            let is_placed = self.each.words.iter().any(|word| word.contains(LINE));
            let mut words: Vec<String> = self.each.words.iter().map(|word| word.replace(LINE, line)).collect();
            if !is_placed {
                words.push(line.to_string());
            }
            return self.words(&words);
        }
        let fields: serde_json::Map<String, Json> = serde_json::from_str(line).map_err(|error| {
            Error::new(Kind::BadData, format!("no JSON object: {error}"))
                .hint(r#"with --fields each line is one, such as {"name": "Ada"}"#)
        })?;
        let mut given = self.words(&self.each.words)?;
        for (name, value) in &fields {
            for value in value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice) {
                match value {
                    Json::Null => {}
                    Json::String(text) => given.set(command, name, text)?,
                    other => given.set(command, name, &other.to_string())?,
                }
            }
        }
        Ok(given)
    }

    /// What is owed for the line `number`.
    ///
    /// # Errors
    /// Those of [`Batch::given`]; `Usage` where what is given is wrong or not enough, `Refused` where it is secret.
    pub fn job(&self, app: &App, number: u64, line: &str) -> Result<NewJob> {
        let bound = bind::check(&self.resolved.command, &self.given(line)?, &app.param_env(&self.resolved.command))?;
        let by = format!("line {number} of {}", self.from);
        let text = hex(&Sha256::digest(line)[..8]);
        let job = owed(&self.resolved, &bound, &self.cwd, &by)?;
        Ok(NewJob { unique: Some(key_in_batch(&self.id, number, &text)), priority: LATER, ..job })
    }

    /// The command.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }
}

impl App {
    /// Owes a run that was asked for, with its arguments. Where nobody runs jobs, somebody is started who does those that
    /// are due and ends.
    ///
    /// # Errors
    /// `Refused` where an argument is secret, as jobs are written down.
    pub fn put_into_background(&self, plan: &Plan) -> Result<Job> {
        let root = plan.root();
        let cwd = self.cwd.display().to_string();
        let job = self.store()?.add_job(&owed(&root.resolved, &root.bound, &cwd, "background")?)?;
        if self.keeper_process()?.is_none() {
            let program = std::env::current_exe().context(Kind::Failed, || "cannot find this program".to_string())?;
            let mut tick = std::process::Command::new(program);
            tick.args(["tick", "--quiet"]).envs(self.own_env()).process_group(0);
            tick.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            tick.spawn().context(Kind::Failed, || "cannot start who works in the background".to_string())?;
        }
        Ok(job)
    }

    /// Works off a batch, so many jobs at once, until everything of it is over or `stop`.
    ///
    /// # Errors
    /// Those of [`App::keeper`] and of [`batch::work_off`].
    pub fn work_off(
        &self,
        batch: &Batch,
        workers: usize,
        feed: &mut Feed<'_>,
        stop: &Stop,
        tell: &mut Tell<'_>,
    ) -> Result<Worked> {
        let world = self.world(false, &Newest::default())?;
        batch::work_off(&world, &batch.id, self.hands(workers)?, feed, stop, tell)
    }
}

/// A run as work that is owed.
fn owed(resolved: &Resolved, bound: &Bound, cwd: &str, by: &str) -> Result<NewJob> {
    if bound.rest_is_secret || bound.values.iter().any(|value| value.secret) {
        let said = format!("`{}` takes a secret, and work that waits is written down", resolved.key());
        return Err(Error::new(Kind::Refused, said).hint("run it directly"));
    }
    let values: serde_json::Map<String, Json> = bound
        .values
        .iter()
        .map(|value| (value.var.clone(), json!(value.words.clone().unwrap_or_else(|| vec![value.text.clone()]))))
        .collect();
    Ok(NewJob {
        kind: JobKind::Run,
        source: resolved.source.spec.clone(),
        command: resolved.command.name.clone(),
        digest: resolved.digest.clone(),
        work: json!({"values": values, "rest": bound.rest, "cwd": cwd, "by": by}),
        unique: None,
        lane: None,
        priority: 0,
        due: None,
        most: 1,
    })
}
