//! `fac remember` and `fac memory`: what you asked to be remembered, and nothing else.

use clap::Subcommand;
use serde_json::json;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;

/// Remember something: it goes along with every question from now on
#[derive(Debug, clap::Args)]
pub struct RememberArgs {
    /// What
    #[arg(required = true)]
    words: Vec<String>,
}

/// What is remembered: list it, forget it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what is remembered
    #[command(visible_alias = "list")]
    Ls,
    /// Forget one thing for good
    Forget {
        /// Its id, or the end of it
        id: String,
    },
}

pub(in crate::cli) fn remember(context: &mut Context, args: &RememberArgs) -> Result<u8> {
    let text = args.words.join(" ");
    if text.trim().is_empty() {
        return Err(
            Error::new(Kind::Usage, "there is nothing to remember").hint("fac remember 'I use fish and Debian'")
        );
    }
    let memory = context.app.store()?.remember(text.trim(), "cli")?;
    if context.ui.json {
        context.ui.value(&json!({"memory": {"id": memory.id, "text": memory.text, "source": memory.source}}))?;
    } else {
        context.ui.note(&format!("remembered; `fac memory forget {}` takes it back", memory.id.tail()));
    }
    Ok(0)
}

pub(in crate::cli) fn run(context: &mut Context, args: Args) -> Result<u8> {
    let store = context.app.store()?;
    match args.what {
        What::Ls => {
            let all = store.memories()?;
            if context.ui.json {
                let list: Vec<_> = all
                    .iter()
                    .map(|m| json!({"id": m.id, "text": m.text, "source": m.source, "created": m.created}))
                    .collect();
                context.ui.value(&json!({"memories": list, "next": null}))?;
                return Ok(0);
            }
            if all.is_empty() {
                context.ui.note("nothing is remembered; `fac remember …` does it");
                return Ok(0);
            }
            let mut table = Table::new(&["id", "when", "from", "what"]);
            for memory in all {
                table.row(vec![
                    (memory.id.tail(), Some(Role::Dim)),
                    (memory.created.local_short(), Some(Role::Dim)),
                    (memory.source.clone(), Some(Role::Dim)),
                    (safe_line(&memory.text).into_owned(), None),
                ]);
            }
            context.page(&table.render(&context.ui))?;
        }
        What::Forget { id } => {
            let gone = store.forget(&id)?;
            crate::cli::search::after_erasing(context)?;
            context.ui.note(&format!("forgotten: {}", safe_line(&gone.text)));
        }
    }
    Ok(0)
}
