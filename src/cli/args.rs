//! The command line as a tree of words: it mirrors what can be typed and touches nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Command, CommandFactory, Parser, Subcommand};

use super::talk::{ask, cache, chain, compare, memory, models, sessions, usage};
use super::{
    access, auto, chat, commands, completions, config, demo, events, exec, ha, jobs, key, listen, man, mcp, mqtt,
    plugin, run, runs, say, search, secret, serve, shell_init, source, tick, top, tui, user, voice, watch,
};
use crate::kernel::duration::parse_ms;

const EXAMPLES: &str = "\
Examples:
  fac commands ls                     what there is
  fac git recent                      run a command by its name
  fac help git recent                 what a command or a subcommand accepts
  fac source add github:owner/repo    take a repository's Markdown as commands
  fac run deploy --dry-run            print exactly what would run
  fac search 'compress folder'        find commands and past runs

`fac` alone on a terminal opens the full screen. `fac NAME …` is
`fac run NAME …` where NAME is no subcommand.";

const USAGE: &str = "\
fac [OPTIONS] <SUBCOMMAND>
       fac [OPTIONS] <NAME> [ARGS]...";

/// Turns the Markdown in your repositories into commands you can run.
#[derive(Debug, Parser)]
#[command(name = "fac", version, about, after_help = EXAMPLES, max_term_width = 100)]
#[command(allow_external_subcommands = true, subcommand_help_heading = "Subcommands")]
#[command(disable_help_subcommand = true, override_usage = USAGE)]
pub struct Cli {
    /// Flags every subcommand takes.
    #[command(flatten)]
    pub global: Globals,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<Sub>,
}

/// Reads a length of time that is longer than none.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let read = parse_ms(text).filter(|ms| *ms > 0).map(Duration::from_millis);
    read.ok_or_else(|| "it is no length of time such as `10s`".to_string())
}

/// What `fac mqtt …` says. A message is sent faster than the whole tree of words is built, so this is read without it.
#[derive(Parser)]
#[command(name = "fac")]
struct Quick {
    #[command(flatten)]
    global: Globals,
    #[command(subcommand)]
    command: QuickSub,
}

#[derive(Subcommand)]
enum QuickSub {
    Mqtt(mqtt::Args),
}

/// Reads words that begin with `mqtt`; `None` for all others, and for what is not understood, which the whole tree explains.
pub(super) fn quick(words: &[OsString]) -> Option<Cli> {
    let first = words.get(1).filter(|word| *word == "mqtt");
    let quick = first.and_then(|_| Quick::try_parse_from(words).ok())?;
    let QuickSub::Mqtt(args) = quick.command;
    Some(Cli { global: quick.global, command: Some(Sub::Mqtt(args)) })
}

/// The whole tree of words, as help, manual and completions show it.
pub(super) fn tree() -> Command {
    Cli::command().mut_subcommands(|sub| {
        if sub.has_subcommands() {
            sub.subcommand_help_heading("Subcommands").subcommand_value_name("SUBCOMMAND")
        } else {
            sub
        }
    })
}

/// Flags every subcommand takes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Print JSON on stdout and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only errors on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Log more (-vv: everything)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    #[arg(hide_possible_values = true)]
    pub color: Option<String>,
    /// Keep settings, data, cache and state here (FAC_HOME)
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Read the settings from this file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use a profile of the settings (FAC_PROFILE)
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Ask nothing and read nothing from the keyboard
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Say yes to ordinary questions (never grants trust)
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(super) enum Sub {
    Run(run::Args),
    Commands(commands::Args),
    Source(source::Args),
    Runs(runs::Args),
    Search(search::Args),
    Ask(ask::Args),
    Chat(chat::Args),
    Compare(compare::Args),
    Chain(chain::Args),
    Sessions(sessions::Args),
    Models(models::Args),
    Usage(usage::Args),
    Cache(cache::Args),
    Remember(memory::RememberArgs),
    Memory(memory::Args),
    Voice(voice::Args),
    Auto(auto::Args),
    Tick(tick::Args),
    Exec(exec::Args),
    Serve(serve::Args),
    User(user::Args),
    Key(key::Args),
    Access(access::Args),
    Jobs(jobs::Args),
    Watch(watch::Args),
    Events(events::Args),
    Config(config::Args),
    Secret(secret::Args),
    Listen(listen::Args),
    Say(say::Args),
    Mcp(mcp::Args),
    Plugin(plugin::Args),
    Mqtt(mqtt::Args),
    Ha(ha::Args),
    /// Find what is wrong here, and what to do about it
    Doctor,
    Tui(tui::Args),
    Top(top::Args),
    /// Set things up in a short dialogue
    Init,
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
    ShellInit(shell_init::Args),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}
