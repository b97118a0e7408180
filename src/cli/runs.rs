//! `fac runs`: what ran, when, with what, and how it ended.

use clap::Subcommand;
use serde_json::json;

use super::table::Table;
use super::ui::Role;
use super::{Context, ask, run};
use crate::app::moment::when;
use crate::app::views::run::{RunView, WholeRun, joined};
use crate::commands::rerun::Again;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::{safe, safe_line};
use crate::store::{Run, RunFilter, RunRow, Status, Store};

/// List, show, repeat and remove past runs
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Ls(LsArgs),
    Show(ShowArgs),
    Rerun(RerunArgs),
    Rm(RmArgs),
}

/// List runs, newest first
#[derive(Debug, clap::Args)]
#[command(visible_alias = "list")]
struct LsArgs {
    /// Only of this command
    #[arg(long, value_name = "NAME")]
    command: Option<String>,
    /// Only with this status: running, ok, failed, timed_out, interrupted, cancelled, refused, lost
    #[arg(long)]
    status: Option<String>,
    /// Only since: 2h, 3d, 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only until
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Go on where the last page ended (`next` of --json)
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// Show one run with its output
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The run's id, its beginning or its end; `last` is the newest
    id: String,
    /// Print only what it wrote to stdout, as it was
    #[arg(long)]
    output: bool,
}

/// Run the same command again with the same arguments
#[derive(Debug, clap::Args)]
struct RerunArgs {
    /// The run's id; `last` is the newest
    id: String,
}

/// Remove runs and their output for good
#[derive(Debug, clap::Args)]
struct RmArgs {
    /// The runs' ids
    #[arg(required_unless_present = "before")]
    ids: Vec<String>,
    /// All that are older
    #[arg(long, value_name = "WHEN")]
    before: Option<String>,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    let store = context.app.store()?.clone();
    // On a full disk or in a store that cannot be written, what is there can still be read.
    context.app.mark_lost()?;
    match args.what {
        What::Ls(args) => ls(context, &store, &args),
        What::Show(args) => show(context, &store, &args),
        What::Rerun(args) => rerun(context, &store, &args),
        What::Rm(args) => rm(context, &store, &args),
    }
}

fn ls(context: &Context, store: &Store, args: &LsArgs) -> Result<u8> {
    let now = context.app.clock.now();
    let filter = RunFilter {
        command: args.command.clone(),
        status: args.status.as_deref().map(status).transpose()?,
        since: args.since.as_deref().map(|w| when(w, now)).transpose()?,
        until: args.until.as_deref().map(|w| when(w, now)).transpose()?,
        part: None,
    };
    let (rows, next) = store.runs(&filter, args.after.as_deref(), args.limit.clamp(1, 10_000))?;
    if context.ui.json {
        let list: Vec<_> = rows.iter().map(RunView::from).collect();
        context.ui.value(&json!({"runs": list, "next": next}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["id", "when", "command", "status", "took", "arguments"]);
    for row in &rows {
        let took = row.duration_us().map(|us| human_ms(u64::try_from(us / 1000).unwrap_or(0))).unwrap_or_default();
        table.row(vec![
            (row.id.tail(), Some(Role::Dim)),
            (row.started.local_short(), Some(Role::Dim)),
            (row.command.clone(), Some(Role::Name)),
            (status_word(row), Some(status_role(row.status))),
            (took, None),
            (row.arguments(), None),
        ]);
    }
    if rows.is_empty() {
        context.ui.note("nothing has run yet");
    }
    context.page(&table.render(&context.ui))?;
    if next.is_some() {
        context.ui.note("there are more; -n shows more at once");
    }
    Ok(0)
}

fn status(word: &str) -> Result<Status> {
    let found = Status::ALL.into_iter().find(|s| s.name() == word);
    found.ok_or_else(|| {
        let names: Vec<&str> = Status::ALL.iter().map(|s| s.name()).collect();
        Error::new(Kind::Usage, format!("there is no status `{word}`"))
            .hint(format!("the statuses are {}", names.join(", ")))
    })
}

fn status_word(row: &RunRow) -> String {
    match (row.status, row.exit_code) {
        (Status::Failed, Some(code)) => format!("failed ({code})"),
        (status, _) => status.name().replace('_', " "),
    }
}

fn status_role(status: Status) -> Role {
    match status {
        Status::Ok => Role::Good,
        Status::Failed | Status::TimedOut | Status::Lost => Role::Bad,
        Status::Pending | Status::Running => Role::Warn,
        _ => Role::Dim,
    }
}

/// The run that `wanted` names.
fn find(store: &Store, wanted: &str) -> Result<Run> {
    if wanted != "last" {
        return store.run(wanted);
    }
    let (rows, _) = store.runs(&RunFilter::default(), None, 1)?;
    let newest = rows.first().ok_or_else(|| Error::new(Kind::NotFound, "nothing has run yet"))?;
    store.run(&newest.id.to_string())
}

fn show(context: &Context, store: &Store, args: &ShowArgs) -> Result<u8> {
    let found = find(store, &args.id)?;
    if args.output {
        for step in &found.steps {
            context.ui.write(&whole(context, &found, step.n, "stdout").unwrap_or_else(|| joined(&step.stdout)))?;
        }
        return Ok(0);
    }
    if context.ui.json {
        context.ui.value(&json!({"run": WholeRun::from(&found)}))?;
        return Ok(0);
    }
    let row = &found.row;
    let head = format!("{}  {}", row.command, row.arguments());
    context.ui.line(&context.ui.paint(Role::Strong, &safe_line(head.trim_end())))?;
    let facts = format!("{}  {}  {}  in {}", row.id, row.started.local_short(), row.trigger, row.cwd);
    context.ui.line(&context.ui.paint(Role::Dim, &safe_line(&facts)))?;
    context.ui.line(&context.ui.paint(status_role(row.status), &status_word(row)))?;
    for step in &found.steps {
        let took = human_ms(u64::try_from(step.duration_us / 1000).unwrap_or(0));
        // Of what is no script the language says nothing more.
        let what = if step.lang == step.kind { step.kind.clone() } else { format!("{} {}", step.kind, step.lang) };
        let title = format!("── {} ({what}) {} in {took}", step.id, step.status) + &step.purpose();
        context.ui.line(&context.ui.paint(Role::Dim, &safe_line(&title)))?;
        for captured in [&step.stdout, &step.stderr] {
            let text = safe(&String::from_utf8_lossy(&joined(captured))).into_owned();
            if !text.is_empty() {
                context.ui.line(text.trim_end_matches('\n'))?;
            }
        }
        if step.stdout.spill.is_some() {
            context.ui.note(&format!("all of it: fac runs show {} --output", row.id.tail()));
        }
    }
    Ok(0)
}

/// The whole output of a step from the file beside the store.
fn whole(context: &Context, run: &Run, step: u32, stream: &str) -> Option<Vec<u8>> {
    let folder = context.app.outputs().join(run.row.id.to_string());
    std::fs::read(folder.join(format!("{step}.{stream}"))).ok()
}

fn rerun(context: &mut Context, store: &Store, args: &RerunArgs) -> Result<u8> {
    let found = find(store, &args.id)?;
    let again = Again::of(&found.row);
    if let Some(first) = again.hidden.first() {
        return Err(not_kept(&first.as_ref().map_or("the arguments".to_string(), |name| format!("`{name}`"))));
    }
    let sets = again.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let trigger = format!("rerun {}", found.row.id);
    run::start(
        context,
        run::Asked { words: vec![again.command], sets, rest: again.rest, trigger, ..Default::default() },
    )
}

fn not_kept(what: &str) -> Error {
    Error::new(Kind::Usage, format!("{what} of that run was secret and is not kept"))
        .hint("run the command again by its name")
}

fn rm(context: &Context, store: &Store, args: &RmArgs) -> Result<u8> {
    let removed = match &args.before {
        Some(before) => {
            let before = when(before, context.app.clock.now())?;
            if context.ui.ask && !ask::yes(context, "Remove them and their output for good?", false)? {
                return Err(Error::new(Kind::Refused, "nothing was removed"));
            }
            store.prune_runs(before, 0)?
        }
        None => {
            let ids = args.ids.iter().map(|id| find(store, id).map(|r| r.row.id)).collect::<Result<Vec<_>>>()?;
            store.remove_runs(&ids)?
        }
    };
    context.app.erased(&removed)?;
    context.ui.note(&format!("removed {}", counted(removed.runs.len(), "run")));
    Ok(0)
}
