//! `fac run NAME …` and `fac NAME …`.

use std::ffi::OsString;

use super::ask;
use super::draw;
use super::talk::prompts::hands;
use super::talk::question;
use super::talk::tools::Teller;
use super::{Context, RESERVED, help};
use crate::app::order::Doing;
use crate::app::views::job::JobView;
use crate::commands::bind::{self, Given};
use crate::commands::catalog::{self, Resolved, Trust};
use crate::commands::model::{Command, StepKind};
use crate::commands::prompt;
use crate::commands::run::{self as engine, Plan, Report};
use crate::exec::{Stop, signals::StopOnSignals};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;

const EXAMPLES: &str = "\
Examples:
  fac run git recent 5             arguments come after the name
  fac run deploy --dry-run         print exactly what would run, and run nothing
  fac run deploy --help            what this command accepts
  fac run tldr-pages:tar …         `source:name` picks one of several
  fac run snippet --set file=a.txt name a value

Words after NAME belong to the command. Our flags work there too, unless the
command has one of the same name.";

/// Run a command by its name (without a name: pick one)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, override_usage = "fac run [OPTIONS] [NAME] [ARGS]...")]
pub struct Args {
    /// Print exactly what would run, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Let it run in the background, as a job: `fac jobs` shows what becomes of it
    #[arg(long, conflicts_with = "dry_run")]
    background: bool,
    /// Give a parameter by name
    #[arg(long = "set", value_name = "NAME=VALUE")]
    sets: Vec<String>,
    /// Offer this command (`name`, `source:*`, `marked`) or MCP tool (`mcp:server`) to the models that its prompts ask;
    /// each use is asked about
    #[arg(short = 'T', long = "tool", alias = "tools", value_name = "COMMAND")]
    tools: Vec<String>,
    /// Look only in this source
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    /// The command's name and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "NAME")]
    words: Vec<OsString>,
}

impl Args {
    /// The command's name and its arguments.
    pub(super) fn words(&self) -> &[OsString] {
        &self.words
    }
}

/// What was asked for, flags of ours taken out of the command's words.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) words: Vec<String>,
    pub(super) sets: Vec<String>,
    /// What `-T` named.
    pub(super) tools: Vec<String>,
    pub(super) dry_run: bool,
    pub(super) background: bool,
    pub(super) help: bool,
    pub(super) trigger: String,
    /// Words of the rest parameter, beside those among `words`.
    pub(super) rest: Vec<String>,
}

/// `fac run`.
pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    let mut words = text_words(args.words)?;
    if words.is_empty() {
        words = ask::pick(context)?;
    }
    if let (Some(source), Some(first)) = (&args.from, words.first_mut()) {
        *first = format!("{source}:{first}");
    }
    let (sets, tools) = (args.sets, args.tools);
    let trigger = "manual".into();
    let (dry_run, background) = (args.dry_run, args.background);
    let asked = Asked { words, sets, tools, dry_run, background, trigger, ..Asked::default() };
    start(context, asked)
}

/// `fac NAME …`.
pub(super) fn external(context: &mut Context, words: Vec<OsString>) -> Result<u8> {
    let words = text_words(words)?;
    if let Some(first) = words.first().filter(|w| RESERVED.contains(&w.as_str())) {
        let error = Error::new(Kind::Usage, format!("`{first}` is no subcommand of this version"));
        return Err(error.hint(format!("the name is kept for one; `fac run {first}` reaches a command called so")));
    }
    let first = words.first().cloned().unwrap_or_default();
    start(context, Asked { words, trigger: "manual".into(), ..Asked::default() })
        .map_err(|error| if error.kind() == Kind::NotFound { help::or_subcommand(error, &first) } else { error })
}

pub(super) fn text_words(words: Vec<OsString>) -> Result<Vec<String>> {
    let not_text = |w: OsString| Error::new(Kind::Usage, format!("the argument {w:?} is not UTF-8"));
    words.into_iter().map(|w| w.into_string().map_err(not_text)).collect()
}

/// Finds, binds, asks and runs.
pub(super) fn start(context: &mut Context, mut asked: Asked) -> Result<u8> {
    if let Some(longer) = catalog::expand(&context.app.config()?.aliases(), &asked.words) {
        asked.words = longer;
    }
    let (resolved, used) = find(context, &mut asked).inspect_err(|_| {
        // Whose word `--json` is cannot be told without the command; an error is best said in the form asked for.
        context.ui.json |= asked_words(&asked).any(|w| w == "--json");
    })?;
    take_own_flags(context, &resolved.command, &mut asked, used);
    if asked.help {
        context.ui.write(draw::command_help(&context.ui, &resolved).as_bytes())?;
        return Ok(0);
    }
    say_clash(context, &resolved);
    let mut given = bind::take_apart(&resolved.command, &asked.words[used..])?;
    for (name, value) in pairs(&asked.sets)? {
        given.set(&resolved.command, &name, &value)?;
    }
    asked.rest.iter().for_each(|word| given.push_rest(word));
    execute(context, resolved, given, &asked)
}

/// What `--set` named, as names and values.
pub(super) fn pairs(sets: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |set: &String| {
        let (name, value) = set
            .split_once('=')
            .ok_or_else(|| Error::new(Kind::Usage, format!("`--set {set}` is not written as NAME=VALUE")))?;
        Ok((name.trim().to_string(), value.to_string()))
    };
    sets.iter().map(pair).collect()
}

/// The words before `--`.
fn asked_words(asked: &Asked) -> impl Iterator<Item = &String> {
    asked.words.iter().take_while(|w| *w != "--")
}

fn find(context: &Context, asked: &mut Asked) -> Result<(Resolved, usize)> {
    match context.app.resolve(&asked.words) {
        Err(error) if error.kind() == Kind::NotFound && context.ui.ask => {
            let Some(chosen) = ask::pick_below(context, &asked.words)? else { return Err(error) };
            asked.words.splice(0..1, chosen);
            context.app.resolve(&asked.words)
        }
        other => other,
    }
}

/// Flags of ours among the command's words, unless the command has one of the same name.
pub(super) fn take_own_flags(context: &mut Context, command: &Command, asked: &mut Asked, used: usize) {
    let has = |name: &str| command.param(name).is_some();
    // Only where a model is asked there is somebody to offer tools to.
    let asks = command.steps.iter().any(|s| matches!(s.kind, StepKind::Prompt | StepKind::System));
    let offers = |word: &str| match word {
        "-T" => asks && !short(command, 'T'),
        _ => asks && !has("tool"),
    };
    let mut kept: Vec<String> = asked.words[..used].to_vec();
    let mut words = asked.words[used..].iter().cloned();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => {
                kept.push(word);
                kept.extend(words.by_ref());
            }
            "--help" | "-h" if !has("help") => asked.help = true,
            "--dry-run" if !has("dry-run") => asked.dry_run = true,
            "--json" if !has("json") => context.ui.json = true,
            "--quiet" | "-q" if !has("quiet") && !short(command, 'q') => context.ui.quiet = true,
            "--yes" | "-y" if !has("yes") && !short(command, 'y') => context.ui.yes = true,
            "--no-input" if !has("no-input") => (context.ui.ask, context.ui.no_input) = (false, true),
            "-T" | "--tool" if offers(&word) => asked.tools.extend(words.next()),
            tool if tool.starts_with("--tool=") && offers(tool) => {
                asked.tools.push(tool["--tool=".len()..].to_string())
            }
            "--set" if !has("set") => asked.sets.extend(words.next()),
            set if set.starts_with("--set=") && !has("set") => asked.sets.push(set["--set=".len()..].to_string()),
            _ => kept.push(word),
        }
    }
    if context.ui.json {
        context.ui.ask = false;
    }
    asked.words = kept;
}

fn short(command: &Command, letter: char) -> bool {
    command.params.iter().any(|p| p.short == Some(letter))
}

fn say_clash(context: &Context, resolved: &Resolved) {
    if !resolved.clashes.is_empty() && !context.ui.json {
        let others = resolved.clashes.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
        let said = format!("running `{}`; the name is also taken by {others}", resolved.key());
        context.ui.note(&context.ui.paint_err(super::ui::Role::Dim, &safe_line(&said)));
    }
}

/// Asks for what is missing, plans, asks for trust, and runs or shows.
fn execute(context: &mut Context, resolved: Resolved, mut given: Given, asked: &Asked) -> Result<u8> {
    let dry = asked.dry_run;
    let env = context.app.param_env(&resolved.command);
    let missing: Vec<_> = given.missing(&resolved.command, &env).into_iter().cloned().collect();
    if context.ui.ask && !dry {
        let may_suggest = resolved.trust == Trust::Trusted;
        for param in &missing {
            let value = ask::parameter(context, &resolved.command, param, may_suggest)?;
            given.set(&resolved.command, &param.var, &value)?;
        }
    }
    let mut plan = context.app.planned(resolved, given, &asked.tools, dry)?;
    if dry {
        return dry_run(context, &plan, Some(asked));
    }
    let catalog = context.app.catalog()?;
    ask::allow(context, &catalog, &mut plan)?;
    if asked.background {
        engine::check_runnable(&plan.root().resolved.command)?;
        let job = context.app.put_into_background(&plan)?;
        if context.ui.json {
            context.ui.value(&serde_json::json!({"job": JobView::from(&job)}))?;
        } else {
            context.ui.line(&job.id.to_string())?;
            context.ui.note(&format!("fac jobs wait {} waits for it", job.id.tail()));
        }
        return Ok(0);
    }
    let signals = StopOnSignals::new()?;
    let terminal = context.ui.stdout_terminal && !context.ui.json;
    let doing = Doing {
        trigger: &asked.trigger,
        input: piped_input(context, &plan)?,
        terminal,
        tools: &asked.tools,
        keep: asked.trigger == "manual",
        stop: signals.stop(),
    };
    let mut watcher = draw::Live::new(&context.ui);
    let hands = || hands(context, signals.stop());
    let report = context.app.carried_out(&catalog, &plan, doing, &mut watcher, (hands, &mut Teller(context)));
    super::plugin::tell(context);
    let report = report?;
    drop(signals);
    if report.problem.is_some() || engine::ending(&report).is_some() {
        watcher.part();
    }
    if let Some(error) = watcher.stuck.take() {
        context.ui.failure(&error);
    }
    let code = finish(context, &report);
    context.app.keep_house();
    code
}

/// Whether a `lua` step reads what is piped in: its text says `input`, or a plugin does it and got no words.
fn script_reads(plan: &Plan) -> bool {
    plan.steps().any(|(unit, step)| {
        let by_plugin = step.options.contains_key("plugin") && unit.bound.rest.is_empty();
        step.kind == StepKind::Lua && step.stdin.is_none() && (by_plugin || step.text.contains("input"))
    })
}

/// What is piped in, when the plan has a step that can use it.
fn piped_input(context: &Context, plan: &Plan) -> Result<Option<Vec<u8>>> {
    if !prompt::asks_models(plan) && !script_reads(plan) {
        return Ok(None);
    }
    let most = question::limit(context)?;
    let piped = question::piped(context)?;
    if piped.as_ref().is_some_and(|bytes| bytes.len() as u64 > most) {
        let said = format!("more than {} MB are piped in", most >> 20);
        return Err(
            Error::new(Kind::BadData, said).hint("cut it down, or raise `fac config set chat.max_attachment_mb`")
        );
    }
    Ok(piped)
}

/// Prints what would run.
pub(super) fn dry_run(context: &Context, plan: &Plan, asked: Option<&Asked>) -> Result<u8> {
    // Who asked for nothing reads nothing.
    let input = asked.map(|_| piped_input(context, plan)).transpose()?.flatten();
    let (trigger, tools) = asked.map_or(("import", [].as_slice()), |asked| (&asked.trigger, &asked.tools));
    let doing = Doing { trigger, input, terminal: false, tools, keep: false, stop: &Stop::new()? };
    let steps = context.app.rehearsed(plan, doing, &mut Teller(context))?;
    draw::dry_run(&context.ui, plan, &steps)
}

/// Says what is left to say, and gives the code to pass through.
fn finish(context: &Context, report: &Report) -> Result<u8> {
    if let Some(unrecorded) = &report.unrecorded {
        context.ui.warn(&safe_line(unrecorded));
    }
    if context.ui.json {
        context.ui.value(&draw::report_json(report))?;
    } else if let Some((kind, message, hint)) = &report.problem {
        let mut error = Error::new(*kind, message.clone());
        if let Some(hint) = hint {
            error = error.hint(hint.clone());
        }
        context.ui.failure(&error);
    } else if let Some(said) = engine::ending(report) {
        context.ui.note(&safe_line(&said));
    }
    Ok(u8::try_from(report.exit_code & 0xff).unwrap_or(1))
}
