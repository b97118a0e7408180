//! `fac secret`: set, list and remove secrets. A value is never an argument and never printed.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use serde_json::json;

use super::table::Table;
use super::ui::Role;
use super::{Context, ask};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::secret::Secret;
use crate::kernel::secrets::{Listing, Secrets};

/// Keep tokens and keys: set (from a prompt or stdin), list, remove
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Keep a secret; its value is asked for, or read from stdin
    Set {
        /// Its name
        name: String,
    },
    /// List the names of the secrets
    #[command(visible_alias = "list")]
    Ls,
    /// Remove a secret
    Rm {
        /// Its name
        name: String,
    },
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    let secrets = Secrets::new(&context.app.env, &context.app.paths, &context.app.redactor);
    match args.what {
        What::Set { name } => {
            let place = secrets.set(&name, &value(context, &name)?)?;
            context.ui.note(&format!("kept `{name}` in {place}"));
        }
        What::Ls => {
            let Listing { secrets: list, closed } = secrets.list()?;
            if let Some(error) = &closed {
                context.ui.warn(&format!("secrets in the keyring are not shown: {error}"));
            }
            if context.ui.json {
                let list: Vec<_> = list.iter().map(|(n, p)| json!({"name": n, "place": p.to_string()})).collect();
                context.ui.value(&json!({"secrets": list}))?;
            } else if list.is_empty() {
                // A keyring that does not open may hold some.
                if closed.is_some() {
                    return Ok(0);
                }
                context.ui.note("no secrets are kept; `fac secret set NAME` keeps one");
            } else {
                let mut table = Table::new(&["name", "kept in"]);
                for (name, place) in list {
                    table.row(vec![(name, Some(Role::Name)), (place.to_string(), Some(Role::Dim))]);
                }
                context.page(&table.render(&context.ui))?;
            }
        }
        What::Rm { name } => {
            let places = secrets.remove(&name)?;
            let said: Vec<String> = places.iter().map(ToString::to_string).collect();
            context.ui.note(&format!("removed `{name}` from {}", said.join(" and ")));
        }
    }
    Ok(0)
}

fn value(context: &Context, name: &str) -> Result<Secret> {
    if context.ui.ask {
        return Ok(Secret::from_input(ask::hidden(context, &format!("Value of {name}"))?));
    }
    if std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Usage, "the value may not be asked for")
            .hint("pipe it in: printf %s VALUE | fac secret set NAME"));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(1 << 20)
        .read_to_string(&mut text)
        .context(Kind::BadData, || "the value on stdin cannot be read as text".to_string())?;
    let secret = Secret::from_input(text);
    if secret.is_empty() {
        return Err(Error::new(Kind::Usage, "the value on stdin is empty"));
    }
    Ok(secret)
}
