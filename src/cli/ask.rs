//! Questions to the person at the terminal: trust, missing values, a choice among many. The only home of dialoguer.
//!
//! Without a terminal nothing is asked: the answer is no, with the command that would give a yes.

use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, FuzzySelect, Input, Select};

use super::{Context, card, draw, hidden, table};
use crate::commands::catalog::{Catalog, Resolved, Trust};
use crate::commands::model::{Command, Param, ParamType};
use crate::commands::run::{self, Plan};
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line, width};
use crate::store::DefinitionFilter;

/// The answer to a question about trust.
pub(super) enum Granted {
    /// Everything of the plan may run.
    Yes,
    /// Not, and why.
    No(Error),
}

fn theme(context: &Context) -> Box<dyn Theme> {
    theme_of(context.ui.colour())
}

/// Forgets keys that were pressed before a question was there: they are no answer to it.
pub(super) fn forget_keys() {
    // Where there is no terminal nothing was pressed.
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// How questions look.
pub(super) fn theme_of(colour: bool) -> Box<dyn Theme> {
    if colour { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) }
}

fn gone(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(io) = error;
    if io.kind() == std::io::ErrorKind::Interrupted {
        return Error::new(Kind::Interrupted, "interrupted");
    }
    Error::new(Kind::Failed, "cannot ask on this terminal").because(io).hint("give the answer as an argument")
}

/// Asks for what a plan needs before it runs: trust in everything of it, and a word where it is a snippet.
///
/// # Errors
/// `Refused` where it is not given.
pub(super) fn allow(context: &Context, catalog: &Catalog<'_>, plan: &mut Plan) -> Result<()> {
    if let Granted::No(error) = trust(context, catalog, plan)? {
        return Err(error);
    }
    if plan.is_snippet() && !confirm_snippet(context, plan)? {
        return Err(Error::new(Kind::Refused, "nothing was run"));
    }
    Ok(())
}

/// Asks for trust in everything of a plan that has none: how many there are and which, then each in turn.
pub(super) fn trust(context: &Context, catalog: &Catalog<'_>, plan: &mut Plan) -> Result<Granted> {
    let wanting = plan.untrusted();
    if let Some(first) = wanting.first().filter(|_| !context.ui.ask) {
        return Ok(Granted::No(first.refusal()));
    }
    if wanting.len() > 1 {
        context.ui.note(&card::overview(&context.ui, &wanting));
    }
    for (at, resolved) in wanting.iter().enumerate() {
        let number = (wanting.len() > 1).then_some((at + 1, wanting.len()));
        if number.is_some() {
            context.ui.note("");
        }
        if !ask_trust(context, catalog, resolved, number)? {
            return Ok(Granted::No(Error::new(
                Kind::Refused,
                format!("`{}` was not trusted, so nothing was run", resolved.key()),
            )));
        }
    }
    for unit in &mut plan.units {
        unit.resolved.trust = Trust::Trusted;
    }
    for called in &mut plan.called {
        called.trust = Trust::Trusted;
    }
    Ok(Granted::Yes)
}

fn ask_trust(
    context: &Context,
    catalog: &Catalog<'_>,
    resolved: &Resolved,
    number: Option<(usize, usize)>,
) -> Result<bool> {
    let ui = &context.ui;
    let before = catalog.store.last_grant(&resolved.source.spec, &resolved.command.name)?;
    let reach = context.app.reach(resolved)?;
    ui.note(&match before.filter(|_| resolved.trust == Trust::Changed) {
        Some(grant) => card::changed(ui, resolved, &reach, number, &grant.text),
        None => card::whole(ui, resolved, &reach, number),
    });
    let question = match resolved.trust {
        Trust::Changed => format!("`{}` has changed. Trust it as it is now?", resolved.key()),
        // A question that is broken into two lines is not taken off the screen whole when it is answered.
        _ if width(&resolved.key()) + 60 > context.ui.width() => {
            "This comes from outside. Trust exactly this?".to_string()
        }
        _ => format!("`{}` comes from outside. Trust exactly this?", resolved.key()),
    };
    let theme = theme(context);
    let yes = Confirm::with_theme(&*theme).with_prompt(safe_line(&question)).default(false).interact().map_err(gone)?;
    if yes {
        resolved.check_unchanged()?;
        catalog.store.grant(&[resolved.grant("asked")])?;
    }
    Ok(yes)
}

/// Shows a snippet and asks whether to run it. `-y`, a setting, and the absence of a terminal skip the question.
pub(super) fn confirm_snippet(context: &Context, plan: &Plan) -> Result<bool> {
    let wanted = context.app.config()?.flag("run.confirm_snippets");
    if context.ui.yes || !context.ui.ask || !wanted {
        return Ok(true);
    }
    context.ui.note(&draw::snippet_card(&context.ui, plan));
    let theme = theme(context);
    Confirm::with_theme(&*theme).with_prompt("Run it?").default(true).interact().map_err(gone)
}

/// Asks for one parameter: a choice where there are choices, hidden where it is secret, with suggestions where a
/// trusted definition has a command for them.
pub(super) fn parameter(context: &Context, command: &Command, param: &Param, may_suggest: bool) -> Result<String> {
    let theme = theme(context);
    let prompt = if param.help.is_empty() { param.name.clone() } else { format!("{} ({})", param.name, param.help) };
    let prompt = safe_line(&prompt).into_owned();
    if param.ty == ParamType::Secret {
        return hidden::read(&*theme, &prompt);
    }
    let mut choices = param.choices.clone();
    if choices.is_empty()
        && may_suggest
        && let Some(script) = &param.suggest
    {
        choices = suggestions(context, command, script);
    }
    if choices.is_empty() {
        return Input::with_theme(&*theme).with_prompt(prompt).allow_empty(true).interact_text().map_err(gone);
    }
    let shown: Vec<String> = choices.iter().map(|c| safe_line(c).into_owned()).collect();
    let chosen =
        FuzzySelect::with_theme(&*theme).with_prompt(prompt).items(&shown).default(0).interact().map_err(gone)?;
    Ok(choices.swap_remove(chosen))
}

/// The lines a suggestion command prints; none when it fails.
fn suggestions(context: &Context, command: &Command, script: &str) -> Vec<String> {
    context.ui.note(&format!("looking for values with: {}", safe_line(script)));
    let Ok(signals) = StopOnSignals::new() else { return Vec::new() };
    run::suggestions(&command.name, script, &context.app.env, &context.app.cwd, signals.stop())
}

/// A fuzzy picker over everything that can run.
pub(super) fn pick(context: &Context) -> Result<Vec<String>> {
    if !context.ui.ask {
        let error = Error::new(Kind::Usage, "no command was named");
        return Err(error.hint("`fac commands ls` lists what there is; on a terminal `fac run` lets you pick"));
    }
    let catalog = context.app.whole_catalog()?;
    let (rows, _) = catalog.store.list_definitions(&DefinitionFilter::default(), None, 100_000)?;
    let rows: Vec<_> = rows.into_iter().filter(|r| catalog.is_visible(&r.source)).collect();
    let lines: Vec<String> =
        rows.iter().map(|r| format!("{}  {}", r.name, r.summary)).map(|l| table::one_line(&context.ui, &l)).collect();
    let theme = theme(context);
    let chosen = FuzzySelect::with_theme(&*theme)
        .with_prompt("Run")
        .items(&lines)
        .default(0)
        .max_length(15)
        .interact_opt()
        .map_err(gone)?;
    match chosen {
        Some(at) => Ok(vec![format!("{}:{}", rows[at].source.name, rows[at].name)]),
        None => Err(Error::new(Kind::Interrupted, "nothing was picked")),
    }
}

/// A picker among what is nested under the first word: the words of the chosen name.
pub(super) fn pick_below(context: &Context, words: &[String]) -> Result<Option<Vec<String>>> {
    let Some(first) = words.first() else { return Ok(None) };
    let children = context.app.store()?.children_of(&crate::commands::scan::fold_name(first))?;
    if children.is_empty() {
        return Ok(None);
    }
    let lines: Vec<String> =
        children.iter().map(|(n, s, _)| table::one_line(&context.ui, &format!("{n}  {s}"))).collect();
    let theme = theme(context);
    let chosen = Select::with_theme(&*theme)
        .with_prompt(format!("Which `{}`?", safe(first)))
        .items(&lines)
        .default(0)
        .interact_opt()
        .map_err(gone)?;
    Ok(chosen.map(|at| vec![format!("{}:{}", children[at].2, children[at].0)]))
}

/// One line of text; what was typed.
pub(super) fn line(context: &Context, prompt: &str, default: Option<&str>) -> Result<String> {
    let theme = theme(context);
    let mut input = Input::<String>::with_theme(&*theme).with_prompt(prompt.to_string()).allow_empty(true);
    if let Some(default) = default {
        input = input.default(default.to_string());
    }
    input.interact_text().map_err(gone)
}

/// A choice among a few.
pub(super) fn choose(context: &Context, prompt: &str, items: &[&str]) -> Result<usize> {
    let theme = theme(context);
    Select::with_theme(&*theme).with_prompt(prompt.to_string()).items(items).default(0).interact().map_err(gone)
}

/// Yes or no; `-y` answers yes, and without a terminal it is no.
pub(super) fn yes(context: &Context, question: &str, default: bool) -> Result<bool> {
    if context.ui.yes {
        return Ok(true);
    }
    if !context.ui.ask {
        return Ok(false);
    }
    let theme = theme(context);
    Confirm::with_theme(&*theme).with_prompt(question.to_string()).default(default).interact().map_err(gone)
}

/// A hidden line.
pub(super) fn hidden(context: &Context, prompt: &str) -> Result<String> {
    let theme = theme(context);
    hidden::read(&*theme, prompt)
}
