//! Work that people owe: a run put into the background, and a command for each line of something.
//!
//! What a line is, and where it comes from, is the caller's; here it becomes arguments, which are never spliced into anything.

use std::os::unix::process::CommandExt;
use std::process::Stdio;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{App, Newest, lives, myself};
use crate::automations::batch::{self, Feed, Tell, Worked};
use crate::commands::bind::{self, Bound, Given};
use crate::commands::catalog::Resolved;
use crate::commands::model::{Command, Param, ParamKind};
use crate::commands::run::Plan;
use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::figures::hex;
use crate::kernel::ids::Ids;
use crate::kernel::terminal::safe_line;
use crate::store::{BatchState, Job, JobKind, NewJob, Tally, key_in_batch};

/// What stands for the line among the words of a command.
const LINE: &str = "{}";

/// Work of a batch comes after all other.
const LATER: i64 = -1;

/// What a batch is made of, beside the command.
#[derive(Clone, Debug, Default)]
pub struct Each {
    /// Its arguments, with [`LINE`] among them where it is said where the line goes.
    pub words: Vec<String>,
    /// Parameters by name; [`LINE`] in them stands for the line, too.
    pub sets: Vec<(String, String)>,
    /// Whether a line is a JSON object of parameters.
    pub fields: bool,
    /// Where the lines come from.
    pub from: From,
}

/// Where lines come from, and so what is the same batch.
#[derive(Clone, Debug, Default)]
pub enum From {
    /// What can be read but once is a batch of its own each time.
    #[default]
    Pipe,
    /// A file: the same command over it in the same folder is the same batch.
    File {
        /// Its absolute path.
        path: String,
        /// Whether it is to be another batch than all before.
        again: bool,
    },
    /// Whatever it is, it goes on with this batch.
    Batch(String),
}

/// How far the lines of a batch were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// To their end, or the rest was taken back.
    Over,
    /// Somebody reads them now.
    Now,
    /// Not to their end, and whoever read them is gone.
    BrokenOff,
}

impl Reading {
    /// How far those of this batch were.
    pub fn of(state: &BatchState) -> Reading {
        match &state.read_by {
            Some(process) if lives(process) => Reading::Now,
            Some(_) if !state.cancelled => Reading::BrokenOff,
            _ => Reading::Over,
        }
    }

    /// Its name in output that programs read.
    pub fn name(self) -> &'static str {
        match self {
            Reading::Over => "over",
            Reading::Now => "now",
            Reading::BrokenOff => "broken_off",
        }
    }
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
    /// How often each line was there.
    tally: Tally,
}

impl Batch {
    /// The command for each line of what people call `from`.
    ///
    /// # Errors
    /// `Usage` where the command takes no such arguments, whatever the lines are; `NotFound` where there is no such batch to go on
    /// with.
    pub fn new(app: &App, resolved: Resolved, each: Each, from: &str) -> Result<Batch> {
        let flagged = |word: &String| word.starts_with('-') && word.split('=').next().unwrap_or("").contains(LINE);
        if let Some(word) = each.words.iter().find(|word| flagged(word)) {
            return Err(Error::new(Kind::Usage, format!("a line cannot be a part of the option `{word}`"))
                .hint("give it as the option's value: --name={}"));
        }
        let store = app.store()?;
        let id = match &each.from {
            From::Pipe => hex(&Ids::random().bytes16()[10..]),
            From::Batch(id) => {
                let known = store.batch(id)?;
                known.ok_or_else(|| no_batch(id))?;
                id.clone()
            }
            From::File { path, again } => generation(app, &base(app, &resolved, &each, path), *again)?,
        };
        let cwd = app.cwd.display().to_string();
        let batch = Batch { id, resolved, from: from.to_string(), each, cwd, tally: Tally::new()? };
        if batch.each.fields {
            batch.words(&batch.each.words, LINE)?;
        } else {
            batch.given(LINE)?;
        }
        Ok(batch)
    }

    /// Notes that it is begun, or gone on with.
    ///
    /// # Errors
    /// Those of the store.
    pub fn begin(&self, app: &App) -> Result<()> {
        let command = self.resolved.command.name.clone();
        let (from, read_by) = (self.from.clone(), Some(myself()));
        app.store()?.begin_batch(&self.id, &BatchState { command, from, cancelled: false, read_by })
    }

    /// Notes that all its lines were read, and are owed or over.
    ///
    /// # Errors
    /// Those of the store.
    pub fn was_read(&self, app: &App) -> Result<()> {
        app.store()?.batch_was_read(&self.id)
    }

    /// These words as arguments; those that begin with the line are values, whatever they are.
    fn words(&self, words: &[String], line: &str) -> Result<Given> {
        let is_data = |at: usize| self.each.words.get(at).is_none_or(|word| word.starts_with(LINE));
        let mut given = bind::take_apart_with(&self.resolved.command, words, &is_data)?;
        for (name, value) in &self.each.sets {
            given.set(&self.resolved.command, name, &value.replace(LINE, line))?;
        }
        Ok(given)
    }

    /// What the command is given for a line.
    ///
    /// # Errors
    /// `Usage` where it does not take that, `BadData` where the line is no object of parameters.
    pub fn given(&self, line: &str) -> Result<Given> {
        if self.each.fields {
            let mut given = self.words(&self.each.words, LINE)?;
            fields(&self.resolved.command, line, &mut given)?;
            return Ok(given);
        }
        let values = self.each.sets.iter().map(|(_, value)| value);
        let is_placed = self.each.words.iter().chain(values).any(|word| word.contains(LINE));
        let mut words: Vec<String> = self.each.words.iter().map(|word| word.replace(LINE, line)).collect();
        if !is_placed {
            words.push(line.to_string());
        }
        self.words(&words, line)
    }

    /// What is owed for the line `number`. The same line a second time is other work than the first time.
    ///
    /// # Errors
    /// Those of [`Batch::given`]; `Usage` where what is given is wrong or not enough, `Refused` where it is secret.
    pub fn job(&self, app: &App, number: u64, line: &str) -> Result<NewJob> {
        let bound = bind::check(&self.resolved.command, &self.given(line)?, &app.param_env(&self.resolved.command))?;
        let by = format!("line {number} of {}", self.from);
        let job = owed(&self.resolved, &bound, &self.cwd, &by)?;
        let digest = Sha256::digest(line);
        let head: [u8; 8] = std::array::from_fn(|at| digest[at]);
        let key = key_in_batch(&self.id, &hex(&digest[..12]), self.tally.see(head)?);
        Ok(NewJob { unique: Some(key), priority: LATER, ..job })
    }

    /// The command.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }
}

/// That there is no such batch.
pub fn no_batch(id: &str) -> Error {
    Error::new(Kind::NotFound, safe_line(&format!("there is no batch {id}")).into_owned())
        .hint("`fac jobs batches` lists them")
}

/// What the batches of a command over a file are called by.
fn base(app: &App, resolved: &Resolved, each: &Each, path: &str) -> String {
    let mut all = Sha256::new();
    let cwd = app.cwd.display().to_string();
    let sets = each.sets.iter().flat_map(|(name, value)| [name.as_str(), value]);
    let words = each.words.iter().map(String::as_str);
    let whose = [resolved.source.spec.as_str(), &resolved.command.name, &cwd, path];
    for part in whose.into_iter().chain(sets).chain(words) {
        all.update((part.len() as u64).to_le_bytes());
        all.update(part);
    }
    all.update([u8::from(each.fields)]);
    all.update((each.sets.len() as u64).to_le_bytes());
    hex(&all.finalize()[..6])
}

/// The last batch of those that are called so, or one more.
fn generation(app: &App, base: &str, again: bool) -> Result<String> {
    let store = app.store()?;
    let called = |number: u64| if number == 1 { base.to_string() } else { format!("{base}.{number}") };
    let mut last = 0;
    while store.batch(&called(last + 1))?.is_some() {
        last += 1;
    }
    Ok(called(if again { last + 1 } else { last.max(1) }))
}

/// Fills parameters from the fields of a JSON object.
fn fields(command: &Command, line: &str, given: &mut Given) -> Result<()> {
    let wrong = |said: String| Error::new(Kind::BadData, said);
    let fields: serde_json::Map<String, Json> = serde_json::from_str(line).map_err(|_| {
        wrong("it is no JSON object".to_string()).hint(r#"with --fields each line is one, such as {"name": "Ada"}"#)
    })?;
    for (name, value) in &fields {
        let several = |param: &Param| param.multiple || param.kind == ParamKind::Rest;
        let values = match value {
            Json::Array(values) if command.param(name).is_some_and(several) => values.as_slice(),
            Json::Array(_) => return Err(wrong(format!("`{name}` takes one value, and this is a list"))),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Json::Null => {}
                Json::String(text) => given.set(command, name, text)?,
                Json::Number(number) if !stands(&number.to_string(), line) => {
                    return Err(wrong(format!("the number of `{name}` would not stay as it is written"))
                        .hint("put it between quotes"));
                }
                other => given.set(command, name, &other.to_string())?,
            }
        }
    }
    Ok(())
}

/// Whether a number stands in a line just so.
fn stands(number: &str, line: &str) -> bool {
    let goes_on =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let bytes = line.as_bytes();
    line.match_indices(number).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        !goes_on(before) && !goes_on(bytes.get(at + number.len()))
    })
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
