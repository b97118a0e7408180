//! `fac tui`: opens the full-screen terminal, which has a room of its own.

use super::Context;
use crate::kernel::error::{Error, Kind, Result};
use crate::tui::{self, Start, tabs::TabId};

const EXAMPLES: &str = "\
Examples:
  fac                        the same, on a terminal
  fac tui --tab runs         begin with another tab
  fac tui --linear           plain lines for a screen reader

Ctrl-P finds every action, ? shows every key, Ctrl-Q leaves.";

/// Open the full-screen terminal (`fac` alone does)
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The tab to begin with
    #[arg(long, value_name = "NAME")]
    tab: Option<String>,
    /// Print what changes as plain lines, for screen readers
    #[arg(long)]
    linear: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    if !context.ui.ask || !context.ui.stdout_terminal {
        return Err(Error::new(Kind::Usage, "the full-screen terminal needs a terminal to draw on")
            .hint("`fac help` lists what works without one"));
    }
    let tab = args.tab.as_deref().map(tab).transpose()?;
    let linear = args.linear || context.app.is_dumb();
    tui::run(&context.app, Start { tab, tell: None, coloured: context.ui.colour() && !linear, linear })
}

/// `fac top`: the same, and the tab that watches.
pub(super) fn top(context: &mut Context) -> Result<u8> {
    run(context, &Args { tab: Some("health".to_string()), linear: false })
}

fn tab(name: &str) -> Result<TabId> {
    TabId::named(name).ok_or_else(|| {
        let names: Vec<String> = TabId::ALL.iter().map(|tab| tab.title().to_lowercase()).collect();
        Error::new(Kind::Usage, format!("there is no tab `{name}`")).hint(format!("the tabs are {}", names.join(", ")))
    })
}
