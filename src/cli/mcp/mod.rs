//! `fac mcp`: add, list, try, switch and remove the MCP servers whose tools a model may be offered.

mod serve;
mod settings;
mod tools;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  fac mcp add files -- npx -y @modelcontextprotocol/server-filesystem ~/notes
  fac mcp add tracker --url https://mcp.example.org/mcp --secret tracker_token
  fac mcp add db --env PGHOST --env PGPASSWORD=secret:pg_password -- mcp-postgres
  fac mcp tools files                     what it offers
  fac mcp tools files --accept            pin its definitions as they are now
  fac mcp call files read_file path=todo.md
  fac mcp disable files

A server's program gets only PATH, HOME and the like, and the variables that --env names.";

/// Add, list, try and remove MCP servers, whose tools a model may use
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(settings::AddArgs),
    /// List the servers; none of them is started
    #[command(visible_alias = "list")]
    Ls,
    Tools(tools::Args),
    Call(tools::CallArgs),
    /// Offer a server's tools again
    Enable {
        /// The server
        name: String,
    },
    /// Keep a server in the settings but offer nothing of it
    Disable {
        /// The server
        name: String,
    },
    Serve(serve::Args),
    /// Take a server out of the settings and forget what was accepted of it
    Rm {
        /// The server
        name: String,
    },
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Add(args) => settings::add(context, &args),
        What::Serve(args) => serve::run(context, &args),
        What::Ls => settings::ls(context),
        What::Tools(args) => tools::list(context, &args),
        What::Call(args) => tools::call(context, &args),
        What::Enable { name } => settings::switch(context, &name, true),
        What::Disable { name } => settings::switch(context, &name, false),
        What::Rm { name } => settings::rm(context, &name),
    }
}
