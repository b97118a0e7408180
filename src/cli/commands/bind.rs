//! `fac commands bind`: gives an entry without a body something to do, in the settings file.

use super::super::Context;
use super::list::named;
use crate::commands::scan::fold_name;
use crate::kernel::config::{self, Binding};
use crate::kernel::error::{Error, Kind, Result};

/// Give a reference entry something to do
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The entry's name
    name: String,
    /// Run this command instead
    #[arg(long, value_name = "COMMAND", group = "body")]
    to: Option<String>,
    /// Send this prompt to a model
    #[arg(long, value_name = "TEXT", group = "body")]
    prompt: Option<String>,
    /// Run this shell line
    #[arg(long, value_name = "SCRIPT", group = "body")]
    shell: Option<String>,
    /// Take the binding away
    #[arg(long, group = "body")]
    remove: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let file = &context.app.paths.config_file;
    let name = fold_name(args.name.rsplit(':').next().unwrap_or(&args.name));
    let binding = match (&args.to, &args.prompt, &args.shell) {
        _ if args.remove => None,
        (Some(to), _, _) => Some(Binding::To(to.clone())),
        (_, Some(prompt), _) => Some(Binding::Prompt(prompt.clone())),
        (_, _, Some(shell)) => Some(Binding::Shell(shell.clone())),
        _ => {
            let error = Error::new(Kind::Usage, format!("nothing was said to bind `{}` to", args.name));
            return Err(error.hint("give --to COMMAND, --shell SCRIPT, --prompt TEXT or --remove"));
        }
    };
    if binding.is_some() {
        let entry = named(context, std::slice::from_ref(&args.name))?;
        let has_body = !entry.command.steps.is_empty() && !context.app.config()?.bindings().contains_key(&name);
        if has_body {
            let error = Error::new(Kind::Usage, format!("`{}` has a body of its own", entry.key()));
            return Err(error.hint("write a command of another name in your own folder: `fac commands new`"));
        }
        if let Some(to) = &args.to {
            let words = shlex::split(to).unwrap_or_default();
            context.app.resolve(&words)?;
        }
    }
    config::edit::bind(file, &name, binding.as_ref())?;
    let said = if binding.is_some() { "bound" } else { "no longer bound" };
    context.ui.note(&format!("`{name}` is {said} ({})", file.display()));
    Ok(0)
}
