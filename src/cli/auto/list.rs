//! `fac auto ls|show|enable|disable|next`.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::Context;
use super::super::args::at_least_one;
use super::super::table::Table;
use super::super::ui::Role;
use super::trace::line_of;
use super::words;
use crate::app::auto::{Automation, Coming, Lack, Standing};
use crate::app::views::automation::{AutomationView, ComingView, FiringView, mode};
use crate::automations::trigger;
use crate::commands::catalog::quoted;
use crate::kernel::clock::Timestamp;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::safe_line;

/// So many of the last firings are shown with an automation.
const LAST: usize = 5;

pub(super) fn ls(context: &Context) -> Result<u8> {
    context.app.whole_catalog()?;
    let all = context.app.automations()?;
    let keeper = context.app.keeper_process()?;
    let now = context.app.clock.now();
    if context.ui.json {
        let list = all.iter().map(|one| AutomationView::of(&context.app, one, now)).collect::<Result<Vec<_>>>()?;
        let keeper = keeper.map(|process| json!({"pid": process.pid}));
        context.ui.value(&json!({"automations": list, "keeper": keeper, "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["name", "state", "next", "last", "on"]);
    for one in &all {
        let last = context.app.store()?.firings(Some(&one.key), None, 1)?;
        let last = last.first().map(|f| format!("{} {}", f.last.local_short(), f.outcome.name())).unwrap_or_default();
        let next = context.app.next_firing(one, now)?.map(Timestamp::local_slot).unwrap_or_default();
        table.row(vec![
            (one.name(), Some(Role::Name)),
            (one.standing.name().to_string(), Some(role(&one.standing))),
            (next, Some(Role::Dim)),
            (last, Some(Role::Dim)),
            (one.triggers().iter().map(trigger::written).collect::<Vec<_>>().join("; "), None),
        ]);
    }
    if all.is_empty() {
        context.ui.note("no command has an `**On:**` yet; `fac help auto` shows how it goes on");
    }
    context.page(&table.render(&context.ui))?;
    hints(context, &all);
    match keeper {
        Some(process) => context.ui.note(&format!("process {} runs them", process.pid)),
        None if all.iter().any(|one| one.standing == Standing::On) => {
            context.ui.note(nobody_runs(all.iter().filter(|one| one.standing == Standing::On)));
        }
        None => {}
    }
    Ok(0)
}

/// What to do about those that do not fire although somebody wanted it.
fn hints(context: &Context, all: &[Automation]) {
    for one in all {
        let name = quoted(&one.name());
        let said = match &one.standing {
            Standing::Changed => format!("{name} has changed since it was enabled: fac auto enable {name}"),
            Standing::Untrusted => format!("{name} is not trusted: fac auto enable {name} says what to do"),
            Standing::Stopped(why) => format!("{name} was stopped: {why}; fac auto enable {name} lets it go on"),
            Standing::Broken(why) => format!("{name} cannot fire: {why}"),
            Standing::Gone => format!("{name} is not there any more: fac auto disable {name}"),
            Standing::On | Standing::Off => continue,
        };
        context.ui.note(&safe_line(&said));
    }
}

pub(super) fn show(context: &Context, name: &[String]) -> Result<u8> {
    let one = context.app.automation(name)?;
    let now = context.app.clock.now();
    let last = context.app.store()?.firings(Some(&one.key), None, LAST)?;
    if context.ui.json {
        let mut view = AutomationView::of(&context.app, &one, now)?;
        view.last = Some(last.iter().map(FiringView::from).collect());
        context.ui.value(&json!({"automation": view}))?;
        return Ok(0);
    }
    let ui = &context.ui;
    let state = ui.paint(role(&one.standing), one.standing.name());
    ui.line(&format!("{}  {state}", ui.paint(Role::Strong, &safe_line(&one.name()))))?;
    if let Some(summary) = one.resolved.as_ref().map(|r| &r.command.summary).filter(|s| !s.is_empty()) {
        ui.line(&safe_line(summary))?;
    }
    for trigger in one.triggers() {
        let next = context.app.times_of(trigger, now, 3)?;
        let next: Vec<String> = next.into_iter().map(Timestamp::local_slot).collect();
        let next = if next.is_empty() { String::new() } else { format!("  next {}", next.join(", ")) };
        ui.line(&safe_line(&format!("  on    {}{next}", trigger::written(trigger))))?;
    }
    let command = one.resolved.as_ref().map(|resolved| &resolved.command);
    if let Some(condition) = command.and_then(|command| command.condition.as_ref()) {
        ui.line(&safe_line(&format!("  if    {condition}")))?;
    }
    if let Some(command) = command {
        ui.line(&format!("  mode  {}", mode(command)))?;
        if command.retry > 0 {
            ui.line(&format!("  retry {}", command.retry))?;
        }
        if let Some(most) = command.timeout_ms {
            ui.line(&format!("  time  at most {}", human_ms(most)))?;
        }
    }
    if let Some(enabled) = &one.enabled {
        ui.line(&safe_line(&format!("  in    {}", enabled.cwd)))?;
    }
    if !last.is_empty() {
        ui.line("")?;
    }
    for firing in &last {
        ui.line(&line_of(ui, firing))?;
    }
    hints(context, std::slice::from_ref(&one));
    Ok(0)
}

pub(super) fn enable(context: &Context, names: &[String]) -> Result<u8> {
    let done = names.iter().map(|name| context.app.automation(&words(name))).collect::<Result<Vec<_>>>()?;
    // All of them, or none: whoever named several does not want to find out which.
    done.iter().try_for_each(|one| context.app.may_be_enabled(one).map(|_| ()))?;
    done.iter().try_for_each(|one| context.app.enable_automation(one))?;
    // What happens right after this command has ended is heard.
    let is_taken_up = context.app.until_taken_up(&done)?;
    if context.ui.json {
        let names: Vec<String> = done.iter().map(Automation::name).collect();
        context.ui.value(&json!({"enabled": names}))?;
        return Ok(0);
    }
    for one in &done {
        let on: Vec<String> = one.triggers().iter().map(trigger::written).collect();
        context.ui.note(&safe_line(&format!("{} fires on {}", one.name(), on.join("; "))));
        if let Some(resolved) = &one.resolved {
            let misspelt = trigger::misspelt(&resolved.command).into_iter().map(|one| one.message);
            let all = trigger::untold(&resolved.command).into_iter().chain(misspelt);
            all.for_each(|said| context.ui.warn(&safe_line(&said)));
            let lacks = context.app.lacks(&resolved.command)?;
            let said: BTreeSet<String> = lacks.iter().map(Lack::sentence).collect();
            said.iter().for_each(|said| context.ui.warn(&safe_line(said)));
        }
        if one.triggers().iter().any(|trigger| trigger.kind == "webhook") {
            context.ui.note("webhooks come in over `fac serve`");
        }
    }
    match context.app.keeper_process()? {
        None => context.ui.note(nobody_runs(done.iter())),
        Some(process) if !is_taken_up => {
            context.ui.note(&format!("process {} runs automations and has not taken it up yet", process.pid));
        }
        Some(_) => {}
    }
    Ok(0)
}

/// Who may run these, where nobody does.
fn nobody_runs<'a>(mut all: impl Iterator<Item = &'a Automation>) -> &'static str {
    let hears = |kind: &str| matches!(kind, "mqtt" | "homeassistant" | "file" | "startup");
    match all.any(|one| one.triggers().iter().any(|trigger| hears(&trigger.kind))) {
        true => "nobody runs automations now: `fac auto up` (what comes from outside is heard by nobody else)",
        false => "nobody runs automations now: `fac auto up`, or `fac tick` from cron",
    }
}

pub(super) fn disable(context: &Context, names: &[String]) -> Result<u8> {
    let mut done = Vec::new();
    let all = names.iter().map(|name| context.app.enabled_automation(&words(name))).collect::<Result<Vec<_>>>()?;
    for one in all {
        if !context.app.store()?.disable_automation(&one.key)? {
            return Err(Error::new(Kind::Usage, format!("`{}` is not enabled", one.name())));
        }
        done.push(one.name());
    }
    if context.ui.json {
        context.ui.value(&json!({"disabled": done}))?;
        return Ok(0);
    }
    done.iter().for_each(|name| context.ui.note(&safe_line(&format!("{name} fires no more"))));
    Ok(0)
}

/// Show what fires next
#[derive(Debug, clap::Args)]
pub(super) struct NextArgs {
    /// Only of this automation
    #[arg(value_name = "NAME")]
    automation: Option<String>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 10, value_parser = at_least_one)]
    limit: usize,
}

pub(super) fn next(context: &Context, args: &NextArgs) -> Result<u8> {
    context.app.whole_catalog()?;
    let now = context.app.clock.now();
    let limit = args.limit.min(1000);
    let of = args.automation.as_deref().map(|name| context.app.automation(&words(name))).transpose()?;
    let coming = context.app.coming(now, limit, of.as_ref().map(|one| &one.key))?;
    if context.ui.json {
        let list: Vec<_> = coming.iter().map(ComingView::from).collect();
        context.ui.value(&json!({"coming": list, "next": null}))?;
        return Ok(0);
    }
    if coming.is_empty() {
        context.ui.note(match &of {
            Some(_) => "nothing of it is to come by itself: no schedule of it is enabled, and nothing waits",
            None => "nothing is to come by itself: no schedule is enabled, and nothing waits",
        });
        return Ok(0);
    }
    let when = format!("when ({})", now.local_zone());
    let mut table = Table::new(&[&when, "in", "name", "by"]);
    for Coming { at, automation, by } in coming {
        let left = u64::try_from(at.since(now) / 1000).unwrap_or(0);
        table.row(vec![
            (at.local_slot(), None),
            (human_ms(left), Some(Role::Dim)),
            (automation, Some(Role::Name)),
            (by, Some(Role::Dim)),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

fn role(standing: &Standing) -> Role {
    match standing {
        Standing::On => Role::Good,
        Standing::Off => Role::Dim,
        Standing::Changed | Standing::Untrusted => Role::Warn,
        Standing::Stopped(_) | Standing::Broken(_) | Standing::Gone => Role::Bad,
    }
}

/// How many there are, for a sentence.
pub(super) fn automations(count: usize) -> String {
    counted(count, "automation")
}
