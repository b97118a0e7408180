//! `fac shell-init SHELL`: a key (Alt-e) that turns what is typed into a command line to edit.
//!
//! Until a model is there to ask, the wish is matched against the commands that are installed.

use super::Context;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  eval \"$(fac shell-init bash)\"      in ~/.bashrc
  eval \"$(fac shell-init zsh)\"       in ~/.zshrc
  fac shell-init fish | source       in ~/.config/fish/config.fish

Type a wish, such as `big files here`, and press Alt-e.";

/// Print shell code for a key that turns a wish into a command line
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
    /// Answer a wish (what the key does)
    #[arg(long, value_name = "WISH", hide = true)]
    wish: Option<String>,
}

impl Args {
    /// Whether only the code is wanted, which is built in.
    pub(super) fn is_only_code(&self) -> bool {
        self.wish.is_none()
    }
}

const BASH: &str = r#"_fac_wish() {
    local line
    line="$(fac shell-init bash --wish "$READLINE_LINE" 2>/dev/null)" || return 0
    READLINE_LINE="$line"
    READLINE_POINT=${#READLINE_LINE}
}
bind -x '"\ee": _fac_wish'
"#;

const ZSH: &str = r#"_fac_wish() {
    local line
    line="$(fac shell-init zsh --wish "$BUFFER" 2>/dev/null)" || return 0
    BUFFER="$line"
    CURSOR=${#BUFFER}
}
zle -N _fac_wish
bindkey '\ee' _fac_wish
"#;

const FISH: &str = r#"function _fac_wish
    set -l line (fac shell-init fish --wish (commandline | string collect) 2>/dev/null)
    and commandline -r -- $line
    commandline -f repaint
end
bind \ee _fac_wish
"#;

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    if let Some(wish) = &args.wish {
        return answer(context, wish);
    }
    let script = match args.shell.as_str() {
        "bash" => BASH,
        "zsh" => ZSH,
        _ => FISH,
    };
    context.ui.write(script.as_bytes())?;
    Ok(0)
}

/// The command line of the command that fits best: its usage with the required parameters to fill in.
fn answer(context: &Context, wish: &str) -> Result<u8> {
    let catalog = context.app.whole_catalog()?;
    let index = crate::knowledge::Index::new(&context.app.paths.cache.join("index"));
    let mut words: Vec<&str> = wish.split_whitespace().collect();
    while !words.is_empty() {
        let found = index.search(catalog.store, &words.join(" "), Some("definition"), 1)?;
        if let Some(hit) = found.hits.first()
            && let Ok(id) = hit.key.parse()
            && let Some(row) = catalog.store.definition(id)?.filter(|row| catalog.is_visible(&row.source))
        {
            let resolved = catalog.resolved(row)?;
            context.ui.line(&format!("fac {}", crate::commands::bind::usage(&resolved.command)))?;
            return Ok(0);
        }
        words.pop();
    }
    Ok(3)
}
