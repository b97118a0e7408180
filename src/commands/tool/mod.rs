//! Commands as tools of a model: only trusted ones, with their parameters as a schema, run as anybody would run them.
//!
//! What would run is shown by the same dry run that a person can ask for, and each use is a recorded run. The room of
//! chats decides who may use them; nothing here grants anything.

mod prompt;
mod schema;

use std::sync::Arc;

use serde_json::Value;

pub use self::prompt::{Prompt, fill, prompts};
pub use self::schema::given;
use self::schema::schema_of;
use super::bind;
use super::catalog::{Catalog, Near, Resolved, Trust};
use super::model::{Command, Dialect, ParamType, Severity, StepKind};
use super::run::{self, Launcher, Plan, Report};
use super::scan::fold_name;
use crate::chat::policy::fits;
use crate::chat::tool::{Effects, Tool, Working};
use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::secret::Redactor;
use crate::providers::model::ToolSpec;
use crate::store::{Captured, DefinitionFilter, Status};

/// Stands for everything that its definition marks as a tool.
pub const MARKED: &str = "marked";
/// The most commands that one pattern may offer: models get lost among many tools, and each costs tokens every time.
pub const MOST: usize = 128;
/// The longest name that every provider takes, characters.
const LONGEST_NAME: usize = 64;

/// What is offered, and what could not be.
#[derive(Default)]
pub struct Offer {
    /// The tools.
    pub tools: Vec<Arc<dyn Tool>>,
    /// What was asked for and is not among them, a sentence each.
    pub left_out: Vec<String>,
}

/// What is to be offered: [`MARKED`], a name, `source:name`, or a pattern such as `source:*`.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// What a person named: it must be usable.
    pub typed: &'a [String],
    /// What a definition names: what of it cannot be used is left out.
    pub defined: &'a [String],
    /// That definition: its own file and source are looked in first.
    pub near: Option<Near<'a>>,
}

impl Wanted<'_> {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty() && self.defined.is_empty()
    }
}

/// The commands that are wanted. A pattern leaves out what is not trusted or cannot run, and says how many.
///
/// # Errors
/// `NotFound` for a typed name that nothing has, `Refused` for one that is not trusted, `Usage` where a pattern offers
/// more than [`MOST`].
pub fn offer(launcher: &Launcher, wanted: Wanted<'_>) -> Result<Offer> {
    let catalog = launcher.catalog();
    let mut offer = Offer::default();
    let mut found: Vec<Resolved> = Vec::new();
    for name in wanted.typed {
        let (many, said) = called(&catalog, name, None)?;
        found.extend(many);
        offer.left_out.extend(said);
    }
    for name in wanted.defined {
        match called(&catalog, name, wanted.near) {
            Ok((many, said)) => {
                found.extend(many);
                offer.left_out.extend(said);
            }
            Err(error) => offer.left_out.push(format!("`{name}` is not offered: {}", error.full_message())),
        }
    }
    let mut names: Vec<String> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    let launcher = Arc::new(launcher.clone());
    for resolved in found {
        if keys.contains(&resolved.key()) {
            continue;
        }
        keys.push(resolved.key());
        let name = name_of(&resolved, &names);
        names.push(name.clone());
        offer.tools.push(Arc::new(CommandTool::new(launcher.clone(), &catalog, resolved, name, "tool")));
    }
    Ok(offer)
}

/// Every command that fits one of the patterns and can be a tool, however many; `trigger` stands in their runs.
///
/// # Errors
/// `NotFound` for a pattern that nothing fits; those of the store.
pub fn every(launcher: &Launcher, patterns: &[String], trigger: &'static str) -> Result<Offer> {
    let catalog = launcher.catalog();
    let mut offer = Offer::default();
    let (mut names, mut keys): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let shared = Arc::new(launcher.clone());
    for pattern in patterns {
        let (found, said) = match pattern.as_str() {
            MARKED => by_pattern(&catalog, pattern, usize::MAX)?,
            other if other.contains('*') => by_pattern(&catalog, other, usize::MAX)?,
            name => (vec![by_name(&catalog, name, None)?], None),
        };
        offer.left_out.extend(said);
        for resolved in found {
            let key = resolved.key();
            if keys.contains(&key) {
                continue;
            }
            keys.push(key);
            let name = name_of(&resolved, &names);
            names.push(name.clone());
            offer.tools.push(Arc::new(CommandTool::new(shared.clone(), &catalog, resolved, name, trigger)));
        }
    }
    Ok(offer)
}

/// The tools that a definition of somebody else's format asks for, as it is written there. They mean another program's
/// tools and permissions, so it is told and nothing more.
pub fn foreign_wish(command: &Command) -> Option<String> {
    let names: &[&str] = match command.dialect {
        Dialect::Claude | Dialect::Skill => &["allowed-tools", "allowed_tools", "allowedTools"],
        Dialect::Copilot => &["tools"],
        Dialect::Aichat => &["use_tools"],
        _ => return None,
    };
    let of_steps = command.steps.iter().flat_map(|step| &step.options);
    let mut pairs = command.fields.iter().map(|(key, value)| (key, value)).chain(of_steps);
    pairs
        .find(|(key, _)| names.contains(&key.as_str()))
        .map(|(_, value)| value.clone())
        .filter(|v| !v.trim().is_empty())
}

/// What a name or a pattern finds, and a sentence about what it leaves out.
fn called(catalog: &Catalog<'_>, wanted: &str, near: Option<Near<'_>>) -> Result<(Vec<Resolved>, Option<String>)> {
    if wanted == MARKED || wanted.contains('*') {
        return by_pattern(catalog, wanted, MOST);
    }
    Ok((vec![by_name(catalog, wanted, near)?], None))
}

fn by_name(catalog: &Catalog<'_>, name: &str, near: Option<Near<'_>>) -> Result<Resolved> {
    let words: Vec<String> = name.split_whitespace().map(String::from).collect();
    let (resolved, used) = catalog.resolve(&words, near)?;
    if used < words.len() {
        let said = format!("there is no command `{name}` (`{}` would get arguments)", resolved.key());
        return Err(Error::new(Kind::NotFound, said).hint("name the command alone; the model gives the arguments"));
    }
    match why_not(&resolved) {
        _ if resolved.trust != Trust::Trusted => Err(resolved.refusal()),
        Some(why) => Err(Error::new(Kind::BadData, format!("`{}` cannot be a tool: {why}", resolved.key()))
            .hint("`fac commands show` shows it")),
        None => Ok(resolved),
    }
}

/// What a pattern finds, at most so many, and a sentence about what it leaves out.
fn by_pattern(catalog: &Catalog<'_>, pattern: &str, most: usize) -> Result<(Vec<Resolved>, Option<String>)> {
    let marked = pattern == MARKED;
    let source = pattern.split_once(':').map(|(source, _)| source).filter(|s| !s.contains('*')).map(String::from);
    let filter = DefinitionFilter { source, with_json: true, ..DefinitionFilter::default() };
    let (mut found, mut strangers, mut next) = (Vec::new(), 0, None);
    loop {
        let (rows, more) = catalog.store.list_definitions(&filter, next.as_deref(), 500)?;
        for row in rows.into_iter().filter(|row| catalog.is_visible(&row.source)) {
            let key = format!("{}:{}", row.source.name, row.folded);
            let meant = match marked {
                true => row.json.as_ref().is_some_and(|json| json.contains("\"tool\":true")),
                false => fits(pattern, &key) || fits(pattern, &row.folded),
            };
            let Some(hit) = row.into_hit().filter(|_| meant) else { continue };
            let resolved = catalog.resolved(hit)?;
            match resolved.command.tool {
                Some(false) => {}
                mark if marked && mark != Some(true) => {}
                _ if resolved.trust != Trust::Trusted => strangers += 1,
                _ if why_not(&resolved).is_some() => {}
                _ => found.push(resolved),
            }
        }
        if found.len() > most {
            return Err(Error::new(Kind::Usage, format!("`{pattern}` offers more than {most} tools"))
                .hint("name fewer, for example `-T source:name`"));
        }
        match more {
            Some(more) => next = Some(more),
            None => break,
        }
    }
    if found.is_empty() && strangers == 0 && !marked {
        return Err(Error::new(Kind::NotFound, format!("no command fits `{pattern}`"))
            .hint("`fac commands ls` lists what there is"));
    }
    let many = if strangers == 1 { "command is" } else { "commands are" };
    let said = format!("{strangers} {many} left out of `{pattern}`: not trusted yet (`fac source trust`)");
    Ok((found, (strangers > 0).then_some(said)))
}

/// Why a command cannot be a tool, where it cannot.
fn why_not(resolved: &Resolved) -> Option<&'static str> {
    let command = &resolved.command;
    if !command.runnable() || command.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        Some("it has nothing to run")
    } else if command.params.iter().any(|p| p.ty == ParamType::Secret && p.required && p.default.is_none()) {
        Some("it needs a secret, which no model is given")
    } else if command.steps.iter().any(|s| matches!(s.kind, StepKind::Prompt | StepKind::System)) {
        Some("it asks a model itself")
    } else {
        None
    }
}

/// A name that every provider takes and that no other tool has.
fn name_of(resolved: &Resolved, taken: &[String]) -> String {
    let plain = |text: &str| {
        let text: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let mut text: String = text.trim_matches('_').chars().take(LONGEST_NAME).collect();
        if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            text.insert_str(0, "c_");
            text.truncate(LONGEST_NAME);
        }
        text
    };
    let short = plain(&resolved.command.name);
    let long = plain(&format!("{}_{}", resolved.source.name, resolved.command.name));
    let mut names = [short, long.clone()].into_iter();
    names.find(|name| !taken.contains(name)).unwrap_or_else(|| {
        let stem: String = long.chars().take(LONGEST_NAME - 4).collect();
        (2..10_000).map(|n| format!("{stem}_{n}")).find(|name| !taken.contains(name)).unwrap_or(stem)
    })
}

/// One command on offer.
struct CommandTool {
    launcher: Arc<Launcher>,
    resolved: Resolved,
    spec: ToolSpec,
    effects: Effects,
    trigger: &'static str,
}

impl CommandTool {
    fn new(
        launcher: Arc<Launcher>,
        catalog: &Catalog<'_>,
        resolved: Resolved,
        name: String,
        trigger: &'static str,
    ) -> CommandTool {
        let command = &resolved.command;
        let mut description = command.summary.clone();
        if description.is_empty() {
            description = format!("Runs `{}`", command.name);
        }
        let reads = |r: &Resolved| r.command.only_reads();
        // What it requires and runs counts as well.
        let plan = run::plan(catalog, resolved.clone(), bind::Bound::default());
        let effects = match plan {
            Ok(plan) if plan.all().all(reads) => Effects::ReadOnly,
            _ => Effects::Other,
        };
        let spec = ToolSpec { name, description, schema: schema_of(command) };
        CommandTool { launcher, resolved, spec, effects, trigger }
    }
}

/// The plan for these arguments, found anew: what is stored may have changed since it was offered.
fn plan_of(catalog: &Catalog<'_>, offered: &Resolved, arguments: &Value) -> Result<Plan> {
    let given = given(&offered.command, arguments)?;
    let bound = bind::check(&offered.command, &given, &|_| None)?;
    let hits = catalog.store.find_in_source(&offered.source.name, &fold_name(&offered.command.name))?;
    let mut now = None;
    for hit in hits {
        let resolved = catalog.resolved(hit)?;
        if resolved.digest == offered.digest {
            now = Some(resolved);
        }
    }
    let gone = || Error::new(Kind::Refused, format!("`{}` is not what it was when it was offered", offered.key()));
    run::plan(catalog, now.ok_or_else(gone)?, bound)
}

/// Exactly what would run, for the person who is asked.
fn shown(launcher: &Launcher, catalog: &Catalog<'_>, plan: &Plan) -> Result<String> {
    let engine = launcher.engine(catalog, Stop::new()?, false, "tool");
    let mut text = String::new();
    for step in run::dry_run(&engine, plan)? {
        let folder = step.cwd.map(|cwd| format!(" in {cwd}")).unwrap_or_default();
        text.push_str(&format!("{}{folder}\n", step.program));
        for (name, value) in &step.env {
            text.push_str(&format!("  {name}={}\n", marked(value)));
        }
        if !step.argv.is_empty() {
            text.push_str(&format!("  arguments: {}\n", marked(&step.argv.join(" "))));
        }
        text.extend(step.text.trim_end().lines().map(|line| format!("  | {line}\n")));
        text.extend(step.notes.iter().map(|note| format!("  ({note})\n")));
    }
    Ok(text)
}

/// A value of several lines, none of which can be taken for a line of the script or for another value.
fn marked(value: &str) -> String {
    value.replace('\n', "\n  ┆ ")
}

impl Tool for CommandTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effects(&self) -> Effects {
        self.effects
    }

    fn origin(&self) -> String {
        format!("command {}", self.resolved.key())
    }

    fn digest(&self) -> String {
        self.resolved.digest.clone()
    }

    fn preview(&self, arguments: &Value) -> Result<String> {
        let catalog = self.launcher.catalog();
        let plan = plan_of(&catalog, &self.resolved, arguments)?;
        shown(&self.launcher, &catalog, &plan)
    }

    fn call<'a>(&'a self, arguments: &'a Value) -> Working<'a> {
        Box::pin(async move {
            let stop = Stop::new()?;
            let _ends_it = StopOnDrop(stop.clone());
            let (send, receive) = tokio::sync::oneshot::channel();
            let (launcher, resolved, arguments) = (self.launcher.clone(), self.resolved.clone(), arguments.clone());
            let trigger = self.trigger;
            let work = move || {
                // Nobody waits any more when the turn was stopped.
                let _ = send.send(work(&launcher, &resolved, &arguments, stop, trigger));
            };
            self.launcher.threads.begin(work).context(Kind::Failed, || "cannot start a thread".to_string())?;
            let ended = receive.await;
            ended.unwrap_or_else(|_| Err(Error::new(Kind::Failed, "the command ended without a word")))
        })
    }
}

/// Ends a run when nobody waits for it any more.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Runs it, on a thread of its own.
fn work(
    launcher: &Launcher,
    resolved: &Resolved,
    arguments: &Value,
    stop: Stop,
    trigger: &'static str,
) -> Result<String> {
    let catalog = launcher.catalog();
    let plan = plan_of(&catalog, resolved, arguments)?;
    let mut engine = launcher.engine(&catalog, stop, false, trigger);
    // A tool must not wait for keys that nobody types.
    engine.input = Some(Vec::new());
    let report = engine.run(&plan, &mut run::Unheard)?;
    let said = result_of(&report, &launcher.redactor);
    match report.status {
        Status::Ok => Ok(said),
        _ => Err(Error::new(Kind::Failed, said)),
    }
}

/// What the model is told of a run.
fn result_of(report: &Report, redactor: &Redactor) -> String {
    let mut said = String::new();
    if report.status != Status::Ok {
        said.push_str(&format!("{}, exit code {}\n", report.status.name(), report.exit_code));
    }
    if let Some(problem) = report.untold() {
        said.push_str(&format!("{problem}\n"));
    }
    for step in &report.steps {
        said.push_str(&text_of(&step.stdout));
        let complaint = text_of(&step.stderr);
        if !complaint.trim().is_empty() {
            said.push_str(&format!("[stderr]\n{complaint}"));
        }
    }
    if said.trim().is_empty() {
        said = "it ended well and printed nothing".to_string();
    }
    redactor.redact(&said).into_owned()
}

fn text_of(captured: &Captured) -> String {
    let left_out = captured.total.saturating_sub((captured.head.len() + captured.tail.len()) as u64);
    let mut text = String::from_utf8_lossy(&captured.head).into_owned();
    if left_out > 0 {
        text.push_str(&format!("\n[… {left_out} bytes left out …]\n"));
    }
    text.push_str(&String::from_utf8_lossy(&captured.tail));
    text
}
