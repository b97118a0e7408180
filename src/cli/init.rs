//! `fac init`: the first-run dialogue. Every step can be left out, and all of it can be said by other commands.

use super::ui::Role;
use super::{Context, ask, source};
use crate::kernel::config::edit;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files;

pub(super) fn run(context: &mut Context) -> Result<u8> {
    if !context.ui.ask {
        let error = Error::new(Kind::Usage, "`fac init` is a dialogue and needs a terminal");
        return Err(
            error.hint("each of its steps has a command: `fac completions`, `fac config set`, `fac source add`")
        );
    }
    let ui = &context.ui;
    ui.note(&ui.paint_err(Role::Strong, "factotum turns the Markdown in your repositories into commands."));
    let catalog = context.app.catalog()?;
    let count = catalog.store.counts()?.definitions;
    ui.note(&format!("{count} commands are here already: `fac commands ls` lists them, `fac git recent` runs one.\n"));
    own_folder(context)?;
    completions(context)?;
    colours(context)?;
    sources(context)?;
    context.ui.note("\nDone. `fac doctor` looks whether everything is well; `fac --help` says what else there is.");
    Ok(0)
}

fn own_folder(context: &Context) -> Result<()> {
    let folder = &context.app.paths.commands_dir;
    if !folder.exists()
        && ask::yes(context, &format!("Make a folder for your own commands ({})?", folder.display()), true)?
    {
        files::ensure_dir(folder)?;
        context.ui.note("  `fac commands new` writes the first one");
    }
    Ok(())
}

fn completions(context: &Context) -> Result<()> {
    let shell = context.app.env.text("SHELL").unwrap_or("").rsplit('/').next().unwrap_or("").to_string();
    let Some(home) = context.app.paths.user_home.clone() else { return Ok(()) };
    let (file, script) = match shell.as_str() {
        "bash" => {
            (home.join(".local/share/bash-completion/completions/fac"), include_str!("../../completions/fac.bash"))
        }
        "fish" => (home.join(".config/fish/completions/fac.fish"), include_str!("../../completions/fac.fish")),
        "zsh" => (home.join(".zfunc/_fac"), include_str!("../../completions/_fac")),
        _ => return Ok(()),
    };
    if ask::yes(context, &format!("Install completions for {shell} ({})?", file.display()), true)? {
        if let Some(parent) = file.parent() {
            files::ensure_dir(parent)?;
        }
        files::write_atomic(&file, script.as_bytes(), false)?;
        if shell == "zsh" {
            context.ui.note("  put `fpath=(~/.zfunc $fpath)` before `compinit` in ~/.zshrc");
        }
    }
    Ok(())
}

fn colours(context: &Context) -> Result<()> {
    let choices = ["when the output is a terminal", "never"];
    if ask::choose(context, "Colours", &choices)? == 1 {
        edit::set(&context.app.paths.config_file, "color", "never")?;
    }
    Ok(())
}

fn sources(context: &mut Context) -> Result<()> {
    loop {
        let spec = ask::line(context, "A repository or folder of commands to add (empty: none)", None)?;
        if spec.trim().is_empty() {
            return Ok(());
        }
        if let Err(error) = source::add_spec(context, spec.trim()) {
            context.ui.failure(&error);
        }
    }
}
