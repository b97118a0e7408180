//! The command line: arguments, dispatch, the only printing, exit codes. One file a subcommand.
//!
//! Nothing is opened before the arguments are understood: `--version`, help, completion scripts and man pages
//! touch neither the store nor the settings.

mod access;
mod args;
mod ask;
mod auto;
mod bar;
mod card;
mod chat;
mod commands;
mod complete;
mod completions;
mod config;
mod demo;
mod doctor;
mod draw;
mod events;
mod exec;
mod ha;
mod help;
mod hidden;
mod init;
mod jobs;
mod key;
mod keys;
mod lines;
mod listen;
mod man;
mod mcp;
mod mistake;
mod mqtt;
mod plugin;
mod run;
mod runs;
mod say;
mod search;
mod secret;
mod serve;
mod shell_init;
mod source;
mod table;
mod talk;
mod tick;
mod top;
mod tui;
mod ui;
mod user;
mod voice;
mod watch;
mod wish;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;

pub use args::{Cli, Globals};

use crate::app::{App, Options};
use crate::exec::sandbox;
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind, Result};
use args::Sub;
use mistake::wants_json;
use ui::{Ui, Wishes};

/// Names of subcommands, present and to come: a command of the same name is reached by `fac run NAME`.
pub const RESERVED: [&str; 47] = [
    "run",
    "commands",
    "source",
    "runs",
    "chat",
    "ask",
    "sessions",
    "models",
    "compare",
    "chain",
    "usage",
    "cache",
    "listen",
    "say",
    "voice",
    "auto",
    "mqtt",
    "ha",
    "tick",
    "search",
    "kb",
    "context",
    "file",
    "exec",
    "plugin",
    "serve",
    "user",
    "key",
    "mcp",
    "backup",
    "events",
    "jobs",
    "doctor",
    "config",
    "secret",
    "completions",
    "man",
    "tui",
    "init",
    "shell-init",
    "help",
    "access",
    "remember",
    "memory",
    "top",
    "demo",
    "watch",
];

/// What a subcommand works with.
pub struct Context {
    /// The printer.
    pub ui: Ui,
    /// The rooms, opened when first needed.
    pub app: App,
}

impl Context {
    /// Prints results that may be long: through the pager on a terminal that is too small for them.
    pub(crate) fn page(&self, text: &str) -> Result<()> {
        self.ui.page(text, self.app.config()?.text("pager"))
    }
}

/// Runs the program on the words of this process.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(inside) = sandbox::entered(&words) {
        return ExitCode::from(inside.unwrap_or_else(|why| {
            eprintln!("fac: the sandbox could not be closed: {why}");
            sandbox::FAILED
        }));
    }
    if let Some(code) = complete::answer(&words) {
        return ExitCode::from(code);
    }
    let parsed = read(&words).or_else(|error| match mistake::asks_for_help(&words, &error) {
        Some(turned) => read(&turned),
        None => Err(error),
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(mistake::refuse(&words, error)),
    };
    let env = Env::from_process();
    let ui = Ui::new(&wishes(&cli.global, &env));
    match start(cli, env, ui) {
        Ok(code) => ExitCode::from(code),
        Err((ui, error)) => {
            ui.failure(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// The words as what they ask for.
fn read(words: &[OsString]) -> std::result::Result<Cli, clap::Error> {
    if let Some(cli) = args::read_alone(words) {
        return Ok(cli);
    }
    let tree = args::tree().color(mistake::colour_choice(words));
    tree.try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches))
}

fn wishes(global: &Globals, env: &Env) -> Wishes {
    let no_color = env.text("NO_COLOR").is_some_and(|v| !v.is_empty()) || env.text("TERM") == Some("dumb");
    Wishes {
        json: global.json,
        quiet: global.quiet,
        verbose: global.verbose,
        no_input: global.no_input,
        yes: global.yes,
        color: global.color.clone().or_else(|| env.text("FAC_COLOR").map(String::from)),
        columns: env.text("COLUMNS").and_then(|c| c.parse().ok()),
        no_color,
    }
}

fn start(cli: Cli, env: Env, mut ui: Ui) -> std::result::Result<u8, (Ui, Error)> {
    let options = Options {
        home: cli.global.home.clone(),
        config: cli.global.config.clone(),
        profile: cli.global.profile.clone(),
        color: cli.global.color.clone(),
        verbose: cli.global.verbose,
    };
    let app = match App::new(env, &options) {
        Ok(app) => app,
        Err(error) => return Err((ui, error)),
    };
    app.learn_secrets();
    let full_screen = cli.command.is_none() && ui.ask && ui.stdout_terminal;
    if full_screen || !opens_nothing(&cli.command) {
        if let Ok(log) = app.log() {
            // Only the first subscriber of a process counts, and this is it.
            let _ = tracing::subscriber::set_global_default(log.subscriber());
        }
        // Settings that cannot be read are said by whoever needs them.
        if let Some(color) = app.config().ok().and_then(|c| c.text("color")) {
            ui.settle(color);
        }
    }
    tracing::info!(command = name_of(&cli.command), "started");
    let mut context = Context { ui, app };
    // Flags among a command's own words are found late, or never when there is no such command.
    let asked_json = matches!(&cli.command, Some(Sub::External(words)) if wants_json(words))
        || matches!(&cli.command, Some(Sub::Run(args)) if wants_json(args.words()));
    let done = dispatch(&mut context, cli.command);
    // Whoever interrupted it does not wait for plugins; the next call tells them.
    if !done.as_ref().is_err_and(|error| error.kind() == Kind::Interrupted) {
        plugin::deliver(&context);
    }
    match done {
        Ok(code) => Ok(code),
        Err(error) => {
            context.ui.json |= asked_json;
            // A mistake on the command line quotes what was typed, which is nobody's business but the typist's.
            let said = if error.kind() == Kind::Usage { String::new() } else { error.full_message() };
            tracing::warn!(kind = error.kind().name(), error = said, "failed");
            Err((context.ui, error))
        }
    }
}

/// The subcommand's name for the log; arguments are nobody's business.
fn name_of(sub: &Option<Sub>) -> &'static str {
    match sub {
        None => "",
        Some(Sub::Run(_) | Sub::External(_)) => "run",
        Some(Sub::Commands(_)) => "commands",
        Some(Sub::Source(_)) => "source",
        Some(Sub::Runs(_)) => "runs",
        Some(Sub::Search(_)) => "search",
        Some(Sub::Ask(_)) => "ask",
        Some(Sub::Chat(_)) => "chat",
        Some(Sub::Compare(_)) => "compare",
        Some(Sub::Chain(_)) => "chain",
        Some(Sub::Sessions(_)) => "sessions",
        Some(Sub::Models(_)) => "models",
        Some(Sub::Usage(_)) => "usage",
        Some(Sub::Cache(_)) => "cache",
        Some(Sub::Remember(_)) => "remember",
        Some(Sub::Memory(_)) => "memory",
        Some(Sub::Auto(_)) => "auto",
        Some(Sub::Tick(_)) => "tick",
        Some(Sub::Exec(_)) => "exec",
        Some(Sub::Serve(_)) => "serve",
        Some(Sub::User(_)) => "user",
        Some(Sub::Key(_)) => "key",
        Some(Sub::Access(_)) => "access",
        Some(Sub::Watch(_)) => "watch",
        Some(Sub::Jobs(_)) => "jobs",
        Some(Sub::Events(_)) => "events",
        Some(Sub::Voice(_)) => "voice",
        Some(Sub::Config(_)) => "config",
        Some(Sub::Secret(_)) => "secret",
        Some(Sub::Mcp(_)) => "mcp",
        Some(Sub::Plugin(_)) => "plugin",
        Some(Sub::Mqtt(_)) => "mqtt",
        Some(Sub::Ha(_)) => "ha",
        Some(Sub::Listen(_)) => "listen",
        Some(Sub::Say(_)) => "say",
        Some(Sub::Doctor) => "doctor",
        Some(Sub::Demo(_)) => "demo",
        Some(Sub::Tui(_)) => "tui",
        Some(Sub::Top(_)) => "top",
        Some(Sub::Init) => "init",
        Some(Sub::Completions(_)) => "completions",
        Some(Sub::Man(_)) => "man",
        Some(Sub::ShellInit(_)) => "shell-init",
    }
}

/// Subcommands that only print what is built in; they open nothing. The demonstration has a world of its own.
fn opens_nothing(sub: &Option<Sub>) -> bool {
    match sub {
        None | Some(Sub::Completions(_) | Sub::Man(_) | Sub::Demo(_)) => true,
        Some(Sub::ShellInit(args)) => args.is_only_code(),
        Some(Sub::External(words)) => help::is_of_subcommand(words),
        _ => false,
    }
}

fn dispatch(context: &mut Context, sub: Option<Sub>) -> Result<u8> {
    match sub {
        None if context.ui.ask && context.ui.stdout_terminal && !context.app.is_dumb() => {
            tui::run(context, &tui::Args::default())
        }
        None => bare(context),
        Some(Sub::Top(args)) => top::run(context, &args),
        Some(Sub::Run(args)) => run::run(context, args),
        Some(Sub::Commands(args)) => commands::run(context, args),
        Some(Sub::Source(args)) => source::run(context, args),
        Some(Sub::Runs(args)) => runs::run(context, args),
        Some(Sub::Search(args)) => search::run(context, &args),
        Some(Sub::Ask(args)) => talk::ask::run(context, &args),
        Some(Sub::Chat(args)) => chat::run(context, &args),
        Some(Sub::Compare(args)) => talk::compare::run(context, &args),
        Some(Sub::Chain(args)) => talk::chain::run(context, &args),
        Some(Sub::Sessions(args)) => talk::sessions::run(context, args),
        Some(Sub::Models(args)) => talk::models::run(context, args),
        Some(Sub::Usage(args)) => talk::usage::run(context, &args),
        Some(Sub::Cache(args)) => talk::cache::run(context, &args),
        Some(Sub::Remember(args)) => talk::memory::remember(context, &args),
        Some(Sub::Memory(args)) => talk::memory::run(context, args),
        Some(Sub::Auto(args)) => auto::run(context, args),
        Some(Sub::Tick(args)) => tick::run(context, &args),
        Some(Sub::Exec(args)) => exec::run(context, args),
        Some(Sub::Serve(args)) => serve::run(context, &args),
        Some(Sub::User(args)) => user::run(context, args),
        Some(Sub::Key(args)) => key::run(context, args),
        Some(Sub::Access(args)) => access::run(context, args),
        Some(Sub::Watch(args)) => watch::run(context, &args),
        Some(Sub::Jobs(args)) => jobs::run(context, &args),
        Some(Sub::Events(args)) => events::run(context, &args),
        Some(Sub::Voice(args)) => voice::run(context, args),
        Some(Sub::Config(args)) => config::run(context, args),
        Some(Sub::Secret(args)) => secret::run(context, args),
        Some(Sub::Mcp(args)) => mcp::run(context, args),
        Some(Sub::Plugin(args)) => plugin::run(context, args),
        Some(Sub::Mqtt(args)) => mqtt::run(context, args),
        Some(Sub::Ha(args)) => ha::run(context, args),
        Some(Sub::Listen(args)) => listen::run(context, &args),
        Some(Sub::Say(args)) => say::run(context, &args),
        Some(Sub::Doctor) => doctor::run(context),
        Some(Sub::Demo(args)) => demo::run(context, &args),
        Some(Sub::Tui(args)) => tui::run(context, &args),
        Some(Sub::Init) => init::run(context),
        Some(Sub::Completions(args)) => completions::run(context, &args),
        Some(Sub::Man(args)) => man::run(context, &args),
        Some(Sub::ShellInit(args)) => shell_init::run(context, &args),
        Some(Sub::External(words)) => match words.split_first() {
            Some((first, rest)) if first == "help" => help::run(context, rest),
            _ => run::external(context, words),
        },
    }
}

/// `fac` alone, where there is no screen to draw on: what there is, in a few lines.
fn bare(context: &mut Context) -> Result<u8> {
    help::run(context, &[])
}
