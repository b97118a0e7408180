//! `fac commands check`: lints definitions; exit code 6 when there are errors.

use std::path::PathBuf;

use serde_json::json;

use super::super::Context;
use super::super::ui::Role;
use crate::app::check::{Checked, Placed, all_here, check_installed, no_dialect};
use crate::commands::describe;
use crate::commands::model::Severity;
use crate::commands::scan::{self, Place};
use crate::commands::source::local;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::terminal::safe_line;

/// Check definitions: files, folders, or everything that is installed (exit code 6 on errors)
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files or folders; without any, all installed definitions
    paths: Vec<PathBuf>,
    /// Only of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let (found, commands) = if args.paths.is_empty() {
        let checked = check_installed(&context.app, args.source.as_deref())?;
        (checked.found, checked.commands)
    } else {
        files(context, args)?
    };
    let worst = |s: Severity| found.iter().filter(|f| f.1.severity == s).count();
    let (errors, warnings) = (worst(Severity::Error), worst(Severity::Warning));
    if context.ui.json {
        let view = Checked { found, commands }.view();
        context.ui.value(&json!({"check": view}))?;
    } else {
        for (path, d) in &found {
            let role = match d.severity {
                Severity::Error => Role::Bad,
                Severity::Warning => Role::Warn,
                Severity::Info => Role::Dim,
            };
            let place = safe_line(&format!("{path}:{}:{}", d.line, d.column)).into_owned();
            let word = context.ui.paint(role, describe::severity(d.severity));
            context.ui.line(&format!("{place}: {word}: {}", safe_line(&d.message)))?;
        }
        context.ui.note(&format!(
            "{}, {}, {}",
            many(commands, "command"),
            many(errors, "error"),
            many(warnings, "warning")
        ));
    }
    let failed = errors > 0 || (args.strict && warnings > 0);
    Ok(if failed { Kind::BadData.exit_code() } else { 0 })
}

/// A number with its noun.
fn many(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn files(context: &Context, args: &Args) -> Result<(Vec<Placed>, usize)> {
    let (mut found, mut commands) = (Vec::new(), 0);
    for path in &args.paths {
        let root = context.app.cwd.join(path);
        if !root.exists() {
            return Err(Error::new(Kind::NotFound, format!("there is nothing at {}", root.display()))
                .hint("name a file of definitions, or a folder that has some"));
        }
        let walk = local::walk(&root)?;
        let base = local::base(&root);
        for file in &walk.files {
            let bytes = std::fs::read(base.join(&file.path))
                .context(Kind::NotFound, || format!("cannot read {}", file.path))?;
            let scanned = scan::file(&file.path, &bytes, &Place::default(), &local::OnDisk { base: &base });
            let shown =
                if root.is_file() { path.display().to_string() } else { path.join(&file.path).display().to_string() };
            if scanned.dialect.is_none() && root.is_file() {
                found.push((shown.clone(), no_dialect()));
            }
            commands += scanned.commands.len();
            found.extend(scanned.diagnostics.into_iter().map(|d| (shown.clone(), d)));
            let own = scanned.commands.into_iter().flat_map(|command| all_here(&context.app, command));
            found.extend(own.map(|d| (shown.clone(), d)));
        }
    }
    Ok((found, commands))
}
