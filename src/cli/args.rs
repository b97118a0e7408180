//! The command line as a tree of words: it mirrors what can be typed and touches nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as _, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

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

/// Reads a number of things of which at least one is wanted.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "it is no number from 1 on".to_string())
}

/// Reads words of which the first is a subcommand by a tree that has no other, as it need not be made ready for those. `None`
/// for all others, and for what is not understood, which the whole tree explains.
pub(super) fn read_alone(words: &[OsString]) -> Option<Cli> {
    let one = Sub::augment_subcommands(Command::new("fac")).find_subcommand(words.get(1)?)?.clone();
    let tree = Globals::augment_args(Command::new("fac")).subcommand(one);
    Cli::from_arg_matches(&tree.try_get_matches_from(words).ok()?).ok()
}

/// The tree of words, of which each subcommand is built when it is asked for.
pub(super) fn tree() -> Command {
    Cli::command().mut_subcommands(|sub| sub.subcommand_help_heading("Subcommands").subcommand_value_name("SUBCOMMAND"))
}

/// The same, with what the subcommands take that stand among these words.
pub(super) fn tree_of(words: &[String]) -> Command {
    let mut root = tree();
    for word in words {
        if let Some(sub) = root.find_subcommand_mut(word) {
            sub.build();
        }
    }
    root
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
    /// Say yes to questions; to trust only where the command is about it
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// The subcommands. What one takes is only built when it is asked for; what it is about stands here for the list of all.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(super) enum Sub {
    /// Run a command by its name (without a name: pick one)
    Run(run::Args),
    /// List, show, check, write and export commands
    Commands(commands::Args),
    /// Add, list, update, compare, trust and remove sources of commands
    Source(source::Args),
    /// List, show, repeat and remove past runs
    Runs(runs::Args),
    /// Find commands, past runs, messages of chats and memories
    Search(search::Args),
    /// Ask a model one question
    Ask(ask::Args),
    /// Talk to a model
    Chat(chat::Args),
    /// Ask several models the same, side by side
    Compare(compare::Args),
    /// Ask questions in a row, each with the answer before it
    Chain(chain::Args),
    /// Chats: list, read, branch, name, export, import, erase
    Sessions(sessions::Args),
    /// Models: list, describe, fetch, name, choose the default
    Models(models::Args),
    /// Tokens and cost: by day, model, chat or command
    Usage(usage::Args),
    /// Kept answers: how many there are, and emptying
    Cache(cache::Args),
    /// Remember something: it goes along with every question from now on
    Remember(memory::RememberArgs),
    /// What is remembered: list it, forget it
    Memory(memory::Args),
    /// Microphones, cleaning, models, recordings: everything about sound but listening and saying
    Voice(voice::Args),
    /// Let commands run by themselves: on a schedule, a message, a change, an event
    Auto(auto::Args),
    /// Do everything that is due, once, and exit: for cron and timers
    Tick(tick::Args),
    /// Run code that nobody has read in a sandbox
    Exec(exec::Args),
    /// Serve everything over HTTP
    Serve(serve::Args),
    /// Say who may come in over `fac serve`
    User(user::Args),
    /// Make and revoke the keys of programs
    Key(key::Args),
    /// See who may what over `fac serve`, and why
    Access(access::Args),
    /// See the work that automations and background runs owe
    Jobs(jobs::Args),
    /// Watch addresses, and tell when one stops answering as it should
    Watch(watch::Args),
    /// See what happened, and verify that the log is whole
    Events(events::Args),
    /// See, explain and change settings
    Config(config::Args),
    /// Keep tokens and keys: set (from a prompt or stdin), list, remove
    Secret(secret::Args),
    /// Listen to the microphone and write down what is said
    Listen(listen::Args),
    /// Read a text aloud
    Say(say::Args),
    /// Add, list, try and remove MCP servers, whose tools a model may use
    Mcp(mcp::Args),
    /// Find, write, try and allow Lua plugins
    Plugin(plugin::Args),
    /// Publish and subscribe to MQTT topics
    Mqtt(mqtt::Args),
    /// See and change what Home Assistant knows
    Ha(ha::Args),
    /// Find what is wrong here, and what to do about it
    Doctor,
    /// Open the full-screen terminal (`fac` alone does)
    Tui(tui::Args),
    /// Watch what fac and its models take, live
    Top(top::Args),
    /// Set things up in a short dialogue
    Init,
    /// Show fac at work, offline, in a world that goes with it
    Demo(demo::Args),
    /// Print the completion script of a shell
    Completions(completions::Args),
    /// Print the manual page, or write all pages into a folder
    Man(man::Args),
    /// Print shell code for a key that turns a wish into a command line
    ShellInit(shell_init::Args),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subcommand_says_the_same_of_itself_in_the_list_and_in_its_own_help() {
        let (listed, mut whole) = (tree(), tree());
        whole.build();
        for sub in listed.get_subcommands() {
            let own = whole.find_subcommand(sub.get_name()).and_then(Command::get_about).map(ToString::to_string);
            assert_eq!((sub.get_name(), sub.get_about().map(ToString::to_string)), (sub.get_name(), own));
        }
        whole.debug_assert();
    }
}
