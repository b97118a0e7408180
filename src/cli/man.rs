//! `fac man`: the manual, made from the same tree of words as the help.

use std::path::PathBuf;

use clap::Command;

use super::Context;
use super::args;
use crate::kernel::error::{Context as _, Kind, Result};

/// Print the manual page, or write all pages into a folder
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write fac.1 and one page for each subcommand here
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print the page of this subcommand
    subcommand: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let mut pages = pages();
    if let Some(dir) = &args.dir {
        let failed = || format!("cannot write the manual to {}", dir.display());
        std::fs::create_dir_all(dir).context(Kind::Failed, failed)?;
        for (name, text) in pages {
            std::fs::write(dir.join(format!("{name}.1")), text).context(Kind::Failed, failed)?;
        }
        return Ok(0);
    }
    let wanted = args.subcommand.as_ref().map_or_else(|| "fac".to_string(), |s| format!("fac-{s}"));
    let found = pages.iter().position(|p| p.0 == wanted);
    let at = found.ok_or_else(|| {
        crate::kernel::error::Error::new(Kind::NotFound, format!("there is no page `{wanted}`"))
            .hint("`fac man` prints the first page")
    })?;
    context.ui.write(&pages.swap_remove(at).1)?;
    Ok(0)
}

/// Name and text of every page.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut root = args::tree();
    root.build();
    page("fac", &root, &mut all);
    all
}

fn page(name: &str, command: &Command, all: &mut Vec<(String, Vec<u8>)>) {
    let owned = command.clone().name(leak(name)).display_name(leak(name));
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = clap_mangen::Man::new(owned).date("").manual("factotum").render(&mut text);
    all.push((name.to_string(), text));
    for sub in command.get_subcommands().filter(|s| !s.is_hide_set() && s.get_name() != "help") {
        page(&format!("{name}-{}", sub.get_name()), sub, all);
    }
}

/// Clap wants names that live as long as the program, which ends right after.
fn leak(name: &str) -> &'static str {
    Box::leak(name.to_string().into_boxed_str())
}
