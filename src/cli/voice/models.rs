//! `fac voice models`: the Whisper models on this machine.

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::Context;
use crate::cli::table::Table;
use crate::cli::talk::wait_or_stop;
use crate::cli::ui::Role;
use crate::kernel::error::Result;
use crate::kernel::figures::bytes;
use crate::kernel::terminal::safe_line;
use crate::voice::transcribe::models::{KNOWN, Progress};

/// What is done with them.
#[derive(Debug, Subcommand)]
pub enum Models {
    /// List the models that are known and those that are here
    #[command(visible_alias = "list")]
    Ls,
    /// Fetch a model; a download that broke off goes on where it was
    Pull {
        /// Its name, such as base or small.en
        name: String,
        /// Fetch it though it is here
        #[arg(long)]
        again: bool,
    },
    /// Remove a model
    Rm {
        /// Its name
        name: String,
    },
    /// Print the file of a model, or of the one that is used
    Path {
        /// Its name
        name: Option<String>,
    },
}

pub(super) fn run(context: &mut Context, what: Models) -> Result<u8> {
    match what {
        Models::Ls => list(context),
        Models::Pull { name, again } => pull(context, &name, again),
        Models::Rm { name } => {
            context.app.shelf().remove(&name)?;
            context.ui.note(&format!("removed {name}"));
            Ok(0)
        }
        Models::Path { name } => {
            let path = match name {
                Some(name) => context.app.shelf().find(Some(&name))?,
                None => context.app.whisper_model()?,
            };
            context.ui.line(&path.display().to_string())?;
            Ok(0)
        }
    }
}

fn list(context: &Context) -> Result<u8> {
    let shelf = context.app.shelf();
    let held = shelf.held();
    let used = context.app.whisper_model().ok();
    if context.ui.json {
        let here: Vec<_> = held
            .iter()
            .map(|m| json!({"name": m.name, "path": m.path, "bytes": m.bytes, "used": Some(&m.path) == used.as_ref()}))
            .collect();
        let known: Vec<_> =
            KNOWN.iter().map(|k| json!({"name": k.name, "bytes": k.mib << 20, "sha1": k.sha1})).collect();
        context.ui.value(&json!({"models": here, "known": known, "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["model", "size", "languages", "here"]);
    let mut names: Vec<(&str, u64)> = KNOWN.iter().map(|k| (k.name, k.mib << 20)).collect();
    names.extend(held.iter().map(|m| (m.name.as_str(), m.bytes)).filter(|(n, _)| KNOWN.iter().all(|k| k.name != *n)));
    for (name, size) in names {
        let here = held.iter().find(|m| m.name == name);
        let state = match here {
            Some(model) if Some(&model.path) == used.as_ref() => "used",
            Some(_) => "yes",
            None => "",
        };
        table.row(vec![
            (name.to_string(), Some(Role::Name)),
            (bytes(here.map_or(size, |m| m.bytes)), None),
            (if name.contains(".en") { "English" } else { "many" }.to_string(), Some(Role::Dim)),
            (state.to_string(), Some(Role::Good)),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    if held.is_empty() {
        context.ui.note("none is here yet; `fac voice models pull base` fetches one");
    }
    Ok(0)
}

fn pull(context: &Context, name: &str, again: bool) -> Result<u8> {
    let shelf = context.app.shelf();
    let path = shelf.path(name)?;
    if path.is_file() && !again {
        context.ui.note(&format!("{name} is here already; --again fetches it anew"));
        return Ok(0);
    }
    let base = context.app.config()?.text("voice.models_url").unwrap_or_default().to_string();
    let http = context.app.remote()?.http;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if !context.ui.stderr_terminal || context.ui.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_string());
    let empty = context.app.env.text("FAC_TEST_EMPTY_MODEL").is_some();
    let done = wait_or_stop(async {
        let mut tell = |progress: Progress| {
            if let Some(total) = progress.total {
                bar.set_length(total);
            }
            bar.set_position(progress.done);
        };
        shelf.pull(&http, &base, name, empty, &mut tell).await
    });
    bar.finish_and_clear();
    let path = match done {
        Ok(done) => done?,
        Err(stopped) => return Err(stopped.hint("what came is kept; the same command goes on from there")),
    };
    let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    context.ui.note(&format!("fetched {name}, {}: {}", bytes(size), safe_line(&path.display().to_string())));
    Ok(0)
}
