//! `fac config`: see, explain and change settings.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::commands::open_editor;
use super::table::Table;
use super::ui::Role;
use crate::kernel::config::{self, KeyPath};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::terminal::safe_line;

/// See, explain and change settings
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the value that holds
    Get {
        /// The setting, such as log.level
        key: String,
    },
    /// Write a setting into your file; comments are kept
    Set {
        /// The setting
        key: String,
        /// Its value
        value: String,
    },
    /// Take a setting out of your file
    Unset {
        /// The setting
        key: String,
    },
    /// Open your file in your editor, and check it afterwards
    Edit,
    /// Print where your file is
    Path,
    /// Say for each setting its value and who set it
    Explain {
        /// Only settings that begin so
        prefix: Option<String>,
    },
    /// Check your file and the project's (exit code 6 on mistakes)
    Check,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Get { key } => get(context, &key),
        What::Set { key, value } => {
            config::edit::set(&context.app.paths.config_file, &key, &value)?;
            Ok(0)
        }
        What::Unset { key } => {
            if !config::edit::unset(&context.app.paths.config_file, &key)? {
                known(&key)?;
                context.ui.note(&format!("`{key}` was not set"));
            }
            Ok(0)
        }
        What::Edit => edit(context),
        What::Path => {
            let path = context.app.paths.config_file.display().to_string();
            if context.ui.json {
                context.ui.value(&json!({"path": path}))?;
            } else {
                context.ui.line(&path)?;
            }
            Ok(0)
        }
        What::Explain { prefix } => explain(context, prefix.as_deref().unwrap_or("")),
        What::Check => check(context),
    }
}

/// The name of a setting that there is.
fn known(key: &str) -> Result<KeyPath> {
    let path = KeyPath::parse(key)?;
    if config::schema::find(&path).is_none() {
        let (message, hint) = config::read::unknown(&path);
        return Err(Error::new(Kind::Usage, message).hint(hint));
    }
    Ok(path)
}

fn get(context: &Context, key: &str) -> Result<u8> {
    let path = known(key)?;
    let config = context.app.config()?;
    let found = config.get(&path);
    if context.ui.json {
        let value = found.map(|(_, v)| v.to_json());
        context.ui.value(&json!({"key": key, "value": value, "origin": found.map(|(o, _)| o.to_string())}))?;
        return Ok(0);
    }
    match found {
        Some((_, value)) => context.ui.line(&safe_line(&value.to_string()))?,
        None => {
            return Err(Error::new(Kind::NotFound, format!("`{key}` is not set"))
                .hint(format!("`fac config set {key} VALUE` sets it")));
        }
    }
    Ok(0)
}

fn edit(context: &Context) -> Result<u8> {
    let file = &context.app.paths.config_file;
    if !file.exists() {
        files::ensure_private_dir(&context.app.paths.config)?;
        files::write_atomic(file, b"# Settings of fac; `fac config explain` lists all there are.\n", true)?;
    }
    open_editor(context, file)?;
    check(context)
}

fn check(context: &Context) -> Result<u8> {
    let mut found = Vec::new();
    let project = context.app.project.as_ref().and_then(|p| p.config_file.clone());
    for file in std::iter::once(context.app.paths.config_file.clone()).chain(project) {
        if file.exists() {
            let bytes = std::fs::read(&file).context(Kind::Failed, || format!("cannot read {}", file.display()))?;
            found.extend(config::check(&String::from_utf8_lossy(&bytes), &file));
        }
    }
    if found.is_empty() {
        // What stands beside the files: variables, flags, the name of a profile.
        context.app.config()?;
    }
    if context.ui.json {
        let list: Vec<_> = found
            .iter()
            .map(|p| json!({"file": p.file.display().to_string(), "line": p.line, "column": p.column, "message": p.message, "hint": p.hint}))
            .collect();
        context.ui.value(&json!({"problems": list}))?;
    } else {
        for problem in &found {
            context.ui.line(&safe_line(&problem.to_string()))?;
        }
        if found.is_empty() {
            context.ui.note("the settings are fine");
        }
    }
    Ok(if found.is_empty() { 0 } else { Kind::BadData.exit_code() })
}

fn explain(context: &Context, prefix: &str) -> Result<u8> {
    let config = context.app.config()?;
    let rows = config.explain_about(prefix);
    if rows.is_empty() {
        let (message, hint) = config::read::unknown(&KeyPath::parse(prefix)?);
        return Err(Error::new(Kind::Usage, message).hint(hint));
    }
    if context.ui.json {
        let list: Vec<_> = rows
            .iter()
            .map(|e| {
                let shadowed: Vec<_> =
                    e.shadowed.iter().map(|(o, v)| json!({"origin": o.to_string(), "value": v.to_json()})).collect();
                json!({"key": e.key.to_string(), "value": e.value.as_ref().map(|v| v.to_json()),
                    "origin": e.origin.to_string(), "shadowed": shadowed, "help": e.help})
            })
            .collect();
        context.ui.value(&json!({"settings": list}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["setting", "value", "set by", "what it is for"]);
    for row in &rows {
        let value = row.value.as_ref().map(ToString::to_string).unwrap_or_else(|| "-".to_string());
        table.row(vec![
            (row.key.to_string(), Some(Role::Name)),
            (value, None),
            (row.origin.to_string(), Some(Role::Dim)),
            (row.help.to_string(), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    for warning in config.warnings() {
        context.ui.warn(&safe_line(&warning.to_string()));
    }
    Ok(0)
}
