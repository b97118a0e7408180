//! `fac completions SHELL`: scripts that ask `fac` itself at every press of the key.

use super::Context;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  fac completions bash > ~/.local/share/bash-completion/completions/fac
  fac completions zsh  > ~/.zfunc/_fac          (with ~/.zfunc in fpath)
  fac completions fish > ~/.config/fish/completions/fac.fish";

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish", "powershell", "elvish"])]
    shell: String,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let script = match args.shell.as_str() {
        "bash" => include_str!("../../completions/fac.bash"),
        "zsh" => include_str!("../../completions/_fac"),
        "fish" => include_str!("../../completions/fac.fish"),
        "powershell" => include_str!("../../completions/_fac.ps1"),
        _ => include_str!("../../completions/fac.elv"),
    };
    context.ui.write(script.as_bytes())?;
    Ok(0)
}
