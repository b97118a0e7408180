//! `fac mcp serve`: this program as a server of the Model Context Protocol, on standard input and output.

use crate::cli::Context;
use crate::kernel::error::Result;
use crate::serve::mcp;

const EXAMPLES: &str = "\
Examples:
  fac mcp serve                      offers every trusted command that can be a tool
  fac mcp serve -T marked            only those that their definitions mark as tools
  fac mcp serve -T 'git:*' -T notes

Its client starts it. Chats and the definitions of commands are its resources, commands that are one prompt its
prompts. `fac serve` offers the same over HTTP at /mcp, to whoever has a key.";

/// Offer commands as tools to a client of the Model Context Protocol that starts this
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Offer this command (`name`, `source:*`, `marked`)
    #[arg(short = 'T', long = "tool", value_name = "COMMAND")]
    tools: Vec<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    // Standard output belongs to the protocol, and programs that are run have no terminal to ask on.
    context.app.apart = true;
    let patterns = if args.tools.is_empty() { vec![mcp::ALL.to_string()] } else { args.tools.clone() };
    mcp::serve(&context.app, patterns)?;
    Ok(0)
}
