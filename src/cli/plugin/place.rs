//! `fac plugin new|rm`: folders of plugins.

use serde_json::json;

use super::super::{Context, ask};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::plugins::manifest::Hook;
use crate::plugins::origin::Origin;
use crate::plugins::{places, scaffold};

/// Begin a plugin in your plugins folder
#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    /// What to call it
    name: String,
    /// What it hears of (may be said again); `prompt` where nothing is said
    #[arg(long = "hook", value_name = "HOOK", value_parser = super::hook)]
    hooks: Vec<Hook>,
    /// Have it bring a command
    #[arg(long)]
    command: bool,
}

pub(super) fn new(context: &mut Context, args: &NewArgs) -> Result<u8> {
    let default = [Hook::Prompt];
    let hooks: &[Hook] = if args.hooks.is_empty() && !args.command { &default } else { &args.hooks };
    if places::bundled_names().contains(&args.name.as_str()) {
        let hint = format!("choose another name; `fac plugin show {}` shows the bundled one", args.name);
        return Err(Error::new(Kind::Usage, format!("a bundled plugin is called `{}`", args.name)).hint(hint));
    }
    let folder = scaffold::new(&context.app.paths.plugins_dir, &args.name, hooks, args.command)?;
    let name = &args.name;
    if context.ui.json {
        context.ui.value(&json!({"name": name, "folder": folder}))?;
    } else {
        context.ui.line(&folder.display().to_string())?;
    }
    context.ui.note(&format!("edit main.luau; `fac plugin test {name}` tries it, `fac plugin enable {name}` uses it"));
    Ok(0)
}

pub(super) fn rm(context: &mut Context, name: &str) -> Result<u8> {
    let own = places::own(&context.app.paths.plugins_dir);
    let folder = own.iter().find(|(other, _)| other == name).map(|(_, folder)| folder.clone());
    let known = context.app.store()?.plugin(name)?.is_some();
    if folder.is_none() && !known {
        places::find(&context.app.paths.plugins_dir, name)?;
        return Err(Error::new(Kind::Usage, format!("`{name}` is bundled and was never enabled"))
            .hint("there is nothing of it to remove"));
    }
    // What was fetched can be fetched again; what somebody wrote, and what a plugin keeps, may be there only once.
    let is_own = folder.as_deref().is_some_and(|folder| Origin::of(folder).is_none());
    let keeps = context.app.store()?.plugin_keys(name, "")?.len();
    let question = match (is_own, keeps) {
        (true, _) => Some(format!("Remove your plugin `{name}`, its files and all it keeps?")),
        (false, 0) => None,
        (false, 1) => Some(format!("Remove `{name}` and the value it keeps?")),
        (false, keeps) => Some(format!("Remove `{name}` and the {keeps} values it keeps?")),
    };
    if let Some(question) = question
        && !ask::yes(context, &question, false)?
    {
        return Err(Error::new(Kind::Refused, format!("`{name}` was not removed")).hint(format!(
            "`fac plugin rm {name} --yes` removes it with all of that; `fac plugin disable {name}` keeps it"
        )));
    }
    // What it keeps goes last: with a folder that cannot be removed nothing is lost.
    if let Some(folder) = &folder {
        std::fs::remove_dir_all(folder).context(Kind::Failed, || format!("cannot remove {}", folder.display()))?;
    }
    context.app.plugins()?.remove(name)?;
    context.ui.note(&format!("removed `{name}` and all it kept"));
    if context.ui.json {
        context.ui.value(&json!({"name": name, "removed": true}))?;
    }
    Ok(0)
}
