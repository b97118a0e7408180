//! `fac auto triggers`: what a command can be fired by.

use serde_json::json;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::app::views::automation::TriggerKind;
use crate::automations::trigger::{KINDS, REFERENCE, Reference};
use crate::kernel::error::Result;

/// Show what commands can be fired by, and what each kind of trigger takes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this kind
    #[arg(value_name = "KIND", value_parser = KINDS)]
    kind: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let wanted = |one: &&Reference| args.kind.as_ref().is_none_or(|kind| kind == one.kind);
    let all: Vec<&Reference> = REFERENCE.iter().filter(wanted).collect();
    if context.ui.json {
        let told: Vec<_> = all.into_iter().map(TriggerKind::from).collect();
        context.ui.value(&json!({"triggers": told}))?;
        return Ok(0);
    }
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            context.ui.line("")?;
        }
        context.ui.line(&format!("{}: {}", context.ui.paint(Role::Name, one.kind), one.what))?;
        for example in one.examples {
            context.ui.line(&format!("  - `{example}`"))?;
        }
        let mut table = Table::new(&["  option", "what it says"]).uncut();
        for (name, help) in one.options {
            table.row(vec![(format!("  {name}="), Some(Role::Name)), (help.to_string(), None)]);
        }
        context.ui.write(table.render(&context.ui).as_bytes())?;
        let told: Vec<String> = one.tells.iter().map(|name| format!("trigger.{name}")).collect();
        context.ui.line(&format!("  tells {}", told.join(", ")))?;
    }
    context.ui.note("conditions see trigger.x, scripts have the variable trigger_x, other steps {{trigger_x}}");
    Ok(0)
}
