//! `fac plugin enable|disable`: what a plugin wants is shown and asked once, and again when it changed.

use dialoguer::Confirm;
use serde_json::json;

use super::super::{Context, ask, draw};
use super::list::card;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe;
use crate::plugins::Active;
use crate::plugins::places::{self, Found};

/// Use a plugin: shows what it hears and may do, and asks
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin
    plugin: String,
}

pub(super) fn enable(context: &mut Context, args: &Args) -> Result<u8> {
    let found = places::find(&context.app.paths.plugins_dir, &args.plugin)?;
    let name = &found.manifest.name;
    let row = context.app.store()?.plugin(name)?;
    let same = context.app.is_plugin_allowed(&found)?;
    // A row of another version of this program is written anew.
    if same && row.is_some_and(|row| row.enabled && Active::of(row).is_some()) {
        context.ui.note(&format!("`{name}` is enabled already"));
    } else {
        // What was allowed and was only switched off needs no second word.
        context.app.plugins()?.check(&found)?;
        if !same {
            permit(context, &found)?;
        }
        context.app.plugins()?.enable(&found)?;
        context.ui.note(&format!("`{name}` is enabled"));
    }
    if context.ui.json {
        context.ui.value(&json!({"name": name, "enabled": true, "digest": found.digest}))?;
    }
    Ok(0)
}

/// Asks the person. `--yes` says yes to what is shown; without a person the answer is no.
fn permit(context: &Context, found: &Found) -> Result<()> {
    let (ui, name) = (&context.ui, &found.manifest.name);
    let mut shown = card(context, found);
    if let Some(before) = context.app.plugin_before(found)? {
        let changed = draw::diff(ui, &safe(&before), &safe(&found.text()));
        shown.push_str(&format!("what changed since you allowed it:\n{changed}"));
    }
    if ui.yes {
        ui.note(shown.trim_end());
    } else if ui.ask {
        ui.note(shown.trim_end());
        let theme = ask::theme_of(ui.colour());
        ask::forget_keys();
        let prompt = format!("Allow `{name}` to do this, and use it?");
        let answer = Confirm::with_theme(&*theme).with_prompt(prompt).default(false).interact();
        if !answer.unwrap_or(false) {
            return Err(Error::new(Kind::Refused, format!("`{name}` was not allowed")));
        }
    } else {
        let error = Error::new(Kind::Refused, format!("nobody is there to allow the plugin `{name}`"));
        return Err(
            error.hint(format!("`fac plugin show {name}` shows it, `fac plugin enable {name} --yes` allows it"))
        );
    }
    context.app.allow_plugin(found, if ui.yes { "yes" } else { "asked" })
}

pub(super) fn disable(context: &mut Context, name: &str) -> Result<u8> {
    let was = context.app.plugins()?.disable(name)?;
    if !was {
        // A name that nothing has is a mistake; one that is off is none.
        places::find(&context.app.paths.plugins_dir, name)?;
    }
    context.ui.note(&format!("`{name}` {} disabled", if was { "is" } else { "was" }));
    if context.ui.json {
        context.ui.value(&json!({"name": name, "enabled": false}))?;
    }
    Ok(0)
}
