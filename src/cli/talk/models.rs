//! `fac models`: what there is, what it can and costs; fetching and removing for Ollama; other names and the default.

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use super::{wait, wait_or_stop};
use crate::app::views::model::{FailedProvider, ModelView, WholeModel};
use crate::kernel::config::{KeyPath, edit};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::providers::Needs;
use crate::providers::table::{Facts, Price};

/// Models: list, describe, fetch, name, choose the default
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the models of everybody who is set up
    #[command(visible_alias = "list")]
    Ls {
        /// Only names that hold this
        part: Option<String>,
        /// Ask the providers anew
        #[arg(long)]
        refresh: bool,
    },
    /// What a model can, holds and costs
    Info {
        /// The model
        model: String,
    },
    /// Fetch a model for Ollama
    Pull {
        /// The model
        model: String,
        /// The server's name in the settings
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
    },
    /// Remove a model from Ollama
    Rm {
        /// The model
        model: String,
        /// The server's name in the settings
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
    },
    /// Give a model another name (without a model: take the name away)
    Alias {
        /// The other name
        name: String,
        /// The model
        model: Option<String>,
    },
    /// Show or choose the model that is asked when none is named
    Default {
        /// The model
        model: Option<String>,
    },
}

pub(in crate::cli) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Ls { part, refresh } => list(context, part.as_deref(), refresh),
        What::Info { model } => info(context, &model),
        What::Pull { model, provider } => pull(context, &model, provider.as_deref()),
        What::Rm { model, provider } => {
            let models = context.app.models()?;
            wait(async {
                let entry = models.ollama(provider.as_deref()).await?;
                models.remove(&entry, &model).await
            })??;
            context.ui.note(&format!("removed {}", safe_line(&model)));
            Ok(0)
        }
        What::Alias { name, model } => {
            let key = KeyPath::new(["model_aliases", name.as_str()]).to_string();
            match model {
                Some(model) => {
                    edit::set(&context.app.paths.config_file, &key, &model)?;
                    context.ui.note(&format!("`{}` is {} from now on", safe_line(&name), safe_line(&model)));
                }
                None => {
                    edit::unset(&context.app.paths.config_file, &key)?;
                    context.ui.note(&format!("`{}` is no name of a model any more", safe_line(&name)));
                }
            }
            Ok(0)
        }
        What::Default { model } => default(context, model.as_deref()),
    }
}

pub(in crate::cli) fn list(context: &Context, part: Option<&str>, refresh: bool) -> Result<u8> {
    let models = context.app.models()?;
    let (shown, failed) = wait_or_stop(context.app.all_models(&models, part, refresh))?;
    if context.ui.json {
        let failed: Vec<_> = failed.iter().map(|(name, error)| FailedProvider::of(name, error)).collect();
        let shown: Vec<_> = shown.iter().map(ModelView::from).collect();
        context.ui.value(&json!({"models": shown, "failed": failed, "next": null}))?;
        return Ok(0);
    }
    if shown.is_empty() && failed.is_empty() {
        // Says what to do when nobody is set up.
        wait_or_stop(models.resolve(None, &Needs::default()))??;
    }
    let mut table = Table::new(&["model", "context", "$/M in", "$/M out", "can"]);
    for info in &shown {
        let facts = &info.facts;
        table.row(vec![
            (safe_line(&info.name).into_owned(), Some(Role::Name)),
            (facts.context.map(tokens).unwrap_or_default(), None),
            (cell(facts.price.map(|p| p.input)), None),
            (cell(facts.price.map(|p| p.output)), None),
            (abilities(facts), Some(Role::Dim)),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    for (name, error) in &failed {
        context.ui.warn(&format!("{}: {}", safe_line(name), safe_line(&error.full_message())));
    }
    Ok(if shown.is_empty() && !failed.is_empty() { Kind::Unreachable.exit_code() } else { 0 })
}

fn tokens(n: u64) -> String {
    if n >= 1_000_000 { format!("{:.1}M", n as f64 / 1e6) } else { format!("{}k", n.div_ceil(1000)) }
}

/// A price in a list: what runs at home costs nothing, and what nobody tells is not known.
fn cell(micros: Option<i64>) -> String {
    match micros {
        None => "–".to_string(),
        Some(0) => "free".to_string(),
        Some(micros) => price(micros),
    }
}

fn price(micros: i64) -> String {
    let text = format!("{:.3}", micros as f64 / 1e6);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn abilities(facts: &Facts) -> String {
    let all = [(facts.vision, "pictures"), (facts.tools, "tools"), (facts.reasoning, "thinks")];
    all.into_iter().filter(|(can, _)| *can == Some(true)).map(|(_, word)| word).collect::<Vec<_>>().join(", ")
}

fn info(context: &Context, typed: &str) -> Result<u8> {
    let models = context.app.models()?;
    let (choice, info) = wait(context.app.model_named(&models, typed))??;
    if context.ui.json {
        context.ui.value(&json!(WholeModel::of(&choice, &info)))?;
        return Ok(0);
    }
    let facts = info.facts;
    let unknown = || "not known; `fac config set models.NAME.…` says it".to_string();
    let money = |p: Price| {
        let cached = p.cached.map(|c| format!(", {} from the provider's cache", price(c))).unwrap_or_default();
        format!("${} in, ${} out{cached}, for a million tokens", price(p.input), price(p.output))
    };
    let lines = [
        ("model", choice.name()),
        ("provider", format!("{} ({})", choice.entry.url, choice.entry.wire.name())),
        ("context", facts.context.map_or_else(unknown, |n| format!("{n} tokens"))),
        ("answer", facts.max_output.map_or_else(unknown, |n| format!("at most {n} tokens"))),
        ("price", facts.price.map_or_else(unknown, money)),
        ("can", Some(abilities(&facts)).filter(|a| !a.is_empty()).unwrap_or_else(unknown)),
    ];
    let text: String = lines
        .iter()
        .map(|(name, value)| format!("{}  {}\n", context.ui.paint(Role::Dim, &format!("{name:<9}")), safe_line(value)))
        .collect();
    context.ui.write(text.as_bytes())?;
    Ok(0)
}

fn pull(context: &Context, model: &str, provider: Option<&str>) -> Result<u8> {
    let models = context.app.models()?;
    let shown = context.ui.stderr_terminal && !context.ui.quiet && !context.ui.json;
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    let style = ProgressStyle::with_template("{spinner} {msg} {bytes}/{total_bytes} {bar:30} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let done = wait(async {
        let entry = models.ollama(provider).await?;
        let mut tell = |at: &crate::providers::ollama::Pulling| {
            bar.set_message(safe_line(&at.status).into_owned());
            if at.total > 0 {
                bar.set_length(at.total);
                bar.set_position(at.completed);
            }
        };
        let pulled = models.pull(&entry, model, &mut tell);
        tokio::select! {
            pulled = pulled => pulled,
            _ = tokio::signal::ctrl_c() => Err(Error::new(Kind::Interrupted, "interrupted").hint("run it again; it goes on where it was")),
        }
    })?;
    bar.finish_and_clear();
    done?;
    context.ui.note(&format!("fetched {}", safe_line(model)));
    Ok(0)
}

fn default(context: &Context, model: Option<&str>) -> Result<u8> {
    let Some(typed) = model else {
        let models = context.app.models()?;
        let choices = wait(models.resolve(None, &Needs::default()))??;
        let name = choices.first().map(crate::providers::Choice::name).unwrap_or_default();
        if context.ui.json {
            context.ui.value(&json!({"model": name}))?;
        } else {
            context.ui.write(format!("{}\n", safe_line(&name)).as_bytes())?;
        }
        return Ok(0);
    };
    let models = context.app.models()?;
    let choices = wait(models.resolve(Some(typed), &Needs::default()))??;
    let name = choices.first().map(crate::providers::Choice::name).unwrap_or_default();
    edit::set(&context.app.paths.config_file, "model", &name)?;
    context.ui.note(&format!("{} is asked from now on when no model is named", safe_line(&name)));
    Ok(0)
}
