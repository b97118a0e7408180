//! `fac plugin`: find, begin, try, allow and remove Lua plugins.

mod allow;
mod install;
mod list;
mod place;
mod test;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::{Error, Result};
use crate::plugins::manifest::Hook;

const EXAMPLES: &str = "\
Examples:
  fac plugin ls                     what there is, and what is enabled
  fac plugin enable redact          shows what it hears and may do, and asks
  fac plugin new tidy               begins one in your plugins folder
  fac plugin test tidy --prompt 'teh cat'
  fac plugin enable tidy
  fac ask --explain 'teh cat'       shows what plugins changed
  fac plugin install github:owner/repo/tidy@v2
  fac plugin log tidy

A plugin is a folder with plugin.toml and main.luau. It runs in a sandbox: it
reaches only what you allowed, and it is asked about again when it changes.";

/// Find, write, try and allow Lua plugins
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the plugins: yours and the bundled ones
    #[command(visible_alias = "list")]
    Ls,
    /// Show what a plugin hears, brings and may do, and its script
    Show {
        /// The plugin
        plugin: String,
    },
    New(place::NewArgs),
    Test(test::Args),
    Enable(allow::Args),
    /// Use a plugin no more; what it keeps stays
    Disable {
        /// The plugin
        plugin: String,
    },
    Install(install::Args),
    /// Remove a plugin of yours with all it keeps
    Rm {
        /// The plugin
        plugin: String,
    },
    /// Show what plugins wrote into their logs
    Log {
        /// Only this plugin
        plugin: Option<String>,
        /// How many of the last lines
        #[arg(short = 'n', long, default_value_t = 50, value_name = "LINES")]
        lines: usize,
    },
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Ls => list::ls(context),
        What::Show { plugin } => list::show(context, &plugin),
        What::New(args) => place::new(context, &args),
        What::Test(args) => test::run(context, &args),
        What::Enable(args) => allow::enable(context, &args),
        What::Disable { plugin } => allow::disable(context, &plugin),
        What::Install(args) => install::run(context, &args),
        What::Rm { plugin } => place::rm(context, &plugin),
        What::Log { plugin, lines } => list::log(context, plugin.as_deref(), lines),
    }
}

/// A hook as it is typed.
fn hook(word: &str) -> std::result::Result<Hook, String> {
    let known = || Hook::ALL.map(Hook::name).join(", ");
    Hook::ALL.into_iter().find(|hook| hook.name() == word).ok_or_else(|| format!("it is one of: {}", known()))
}

/// Tells plugins what happened while this process worked, where it opened the store at all.
pub(super) fn deliver(context: &Context) {
    if context.app.has_store() {
        let done = context.app.plugins().and_then(|plugins| plugins.deliver());
        if let Err(error) = done {
            tracing::warn!(error = error.full_message(), "plugins heard nothing");
        }
        tell(context);
    }
}

/// Says what plugins have to say.
pub(super) fn tell(context: &Context) {
    if let Ok(plugins) = context.app.plugins() {
        plugins.said().iter().for_each(|said| context.ui.warn(said));
    }
}

/// The sentence of an error, for a table.
fn short(error: &Error) -> String {
    error.full_message()
}
