//! The command line as a tree of words: it mirrors what can be typed and touches nothing.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{commands, completions, config, events, man, run, runs, search, secret, shell_init, source};

const EXAMPLES: &str = "\
Examples:
  fac commands ls                     what there is
  fac git recent                      run a command by its name
  fac source add github:owner/repo    take a repository's Markdown as commands
  fac run deploy --dry-run            print exactly what would run
  fac search 'compress folder'        find commands and past runs

`fac NAME …` is `fac run NAME …` where NAME is no subcommand.";

/// Turns the Markdown in your repositories into commands you can run.
#[derive(Debug, Parser)]
#[command(name = "fac", version, about, after_help = EXAMPLES, max_term_width = 100)]
#[command(allow_external_subcommands = true, subcommand_help_heading = "Subcommands")]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Flags every subcommand takes.
    #[command(flatten)]
    pub global: Globals,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<Sub>,
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
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
    /// Keep settings, data, cache and state under this folder (FAC_HOME)
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
    /// Answer ordinary questions with yes (never grants trust by itself)
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
    Events(events::Args),
    Config(config::Args),
    Secret(secret::Args),
    /// Find what is installed, where the files are, what is wrong, and what to do about it
    Doctor,
    /// Set things up in a short dialogue
    Init,
    Completions(completions::Args),
    Man(man::Args),
    ShellInit(shell_init::Args),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}
