//! `fac shell-init SHELL`: a key (Alt-e) that turns what is typed into a command line to edit.
//!
//! With a model set up it writes the line; else the wish is matched against the commands that are installed.

use super::{Context, wish};
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  eval \"$(fac shell-init bash)\"      in ~/.bashrc
  eval \"$(fac shell-init zsh)\"       in ~/.zshrc
  fac shell-init fish | source       in ~/.config/fish/config.fish

Type a wish, such as `big files here`, and press Alt-e. A model writes the line, where one is set up; it stands there
to be read and changed, and nothing runs until you press Enter. Ctrl-C meanwhile leaves what you typed.";

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
    line="$(fac shell-init bash --wish "$READLINE_LINE")" || return 0
    READLINE_LINE="$line"
    READLINE_POINT=${#READLINE_LINE}
}
bind -x '"\ee": _fac_wish'
"#;

// What zle draws it must draw itself, so the note and failures go through it.
const ZSH: &str = r#"_fac_wish() {
    local line
    zle -R "fac is asking; Ctrl-C leaves the line as it is"
    if line="$(fac shell-init zsh --wish "$BUFFER" 2>/dev/null)"; then
        BUFFER="$line"
        CURSOR=${#BUFFER}
        zle -R -c
    elif [[ -n "$line" ]]; then
        zle -M -- "fac: $line"
    else
        zle -R -c
    fi
}
zle -N _fac_wish
bindkey '\ee' _fac_wish
"#;

const FISH: &str = r#"function _fac_wish
    set -l line (fac shell-init fish --wish (commandline | string collect))
    and commandline -r -- $line
    commandline -f repaint
end
bind \ee _fac_wish
"#;

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    if let Some(wish) = &args.wish {
        return wish::answer(context, &args.shell, wish, args.shell == "zsh");
    }
    let script = match args.shell.as_str() {
        "bash" => BASH,
        "zsh" => ZSH,
        _ => FISH,
    };
    context.ui.write(script.as_bytes())?;
    Ok(0)
}
