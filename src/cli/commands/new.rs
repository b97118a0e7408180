//! `fac commands new` and `fac commands edit`: definitions of one's own.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::super::{Context, ask};
use super::list::named;
use crate::commands::bind;
use crate::commands::dialect::{SourceFile, native, slug};
use crate::commands::source::local;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::terminal::safe_line;
use crate::store::SourceKind;

/// Write a new command (a dialogue on a terminal)
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The signature, such as 'deploy <host> [--force]'
    signature: Option<String>,
    /// One line about it
    #[arg(long, short)]
    description: Option<String>,
    /// The language of its script
    #[arg(long, default_value = "sh")]
    lang: String,
    /// Its script; `-` reads it from stdin
    #[arg(long)]
    script: Option<String>,
    /// Write it for the current project instead of for yourself
    #[arg(long)]
    project: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let missing =
        |what: &str| Error::new(Kind::Usage, format!("{what} is missing")).hint("see `fac commands new --help`");
    let signature = match &args.signature {
        Some(signature) => signature.clone(),
        None if context.ui.ask => {
            context.ui.note(
                "A signature is a name and its parameters: deploy <host> [channel=stable|beta] [--force] [files...]",
            );
            ask::line(context, "Signature", None)?
        }
        None => return Err(missing("the signature")),
    };
    let read = native::parse_signature(&signature);
    if let Some((_, problem, _)) = read.problems.iter().find(|p| p.2) {
        return Err(Error::new(Kind::Usage, problem.clone()));
    }
    if read.name.is_empty() {
        return Err(missing("a name in the signature"));
    }
    let description = match &args.description {
        Some(description) => description.clone(),
        None if context.ui.ask => ask::line(context, "What does it do", None)?,
        None => String::new(),
    };
    let (lang, script) = body(context, args)?;
    let text = definition(&signature, &description, &lang, &script);
    let parsed = native::read(&SourceFile { path: "new.md", text: &text });
    if let Some(problem) = parsed
        .commands
        .iter()
        .flat_map(|c| &c.diagnostics)
        .find(|d| d.severity == crate::commands::model::Severity::Error)
    {
        return Err(Error::new(Kind::BadData, problem.message.clone()));
    }
    let folder = folder(context, args.project)?;
    let path = free_path(&folder, &slug(&read.name));
    files::ensure_dir(&folder)?;
    files::write_atomic(&path, text.as_bytes(), false)?;
    context.ui.line(&path.display().to_string())?;
    let usage = parsed.commands.first().map_or_else(|| read.name.clone(), bind::usage);
    context.ui.note(&safe_line(&format!("run it with `fac {usage}`")));
    Ok(0)
}

fn body(context: &Context, args: &Args) -> Result<(String, String)> {
    match args.script.as_deref() {
        Some("-") => {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut std::io::stdin(), &mut text)
                .context(Kind::Failed, || "cannot read the script from stdin".to_string())?;
            Ok((args.lang.clone(), text))
        }
        Some(text) => Ok((args.lang.clone(), text.to_string())),
        None if context.ui.ask => {
            let languages = ["sh", "bash", "python", "node", "prompt"];
            let lang = languages[ask::choose(context, "Language", &languages)?];
            Ok((lang.to_string(), ask::line(context, "Script (one line; edit the file for more)", None)?))
        }
        None => Ok((args.lang.clone(), "echo 'write me'".to_string())),
    }
}

fn definition(signature: &str, description: &str, lang: &str, script: &str) -> String {
    let ticks = "`".repeat(script.split(|c| c != '`').map(str::len).max().unwrap_or(0).max(2) + 1);
    let described = if description.is_empty() { String::new() } else { format!("**Description:** {description}\n\n") };
    let script = script.trim_end_matches('\n');
    format!(
        "---\nfactotum: 1\n---\n# `/{}`\n\n{described}{ticks}{lang}\n{script}\n{ticks}\n",
        signature.trim().trim_start_matches('/')
    )
}

fn folder(context: &Context, project: bool) -> Result<PathBuf> {
    if !project {
        return Ok(context.app.paths.commands_dir.clone());
    }
    let root = context.app.project.as_ref().map_or(&context.app.cwd, |p| &p.root);
    Ok(root.join(".factotum").join("commands"))
}

fn free_path(folder: &Path, name: &str) -> PathBuf {
    let mut number = 1;
    loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{name}{suffix}.md"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}

/// Open a command's file in your editor
#[derive(Debug, clap::Args)]
pub struct EditArgs {
    /// The command's name
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
}

pub(super) fn edit(context: &mut Context, args: &EditArgs) -> Result<u8> {
    let resolved = named(context, &args.words)?;
    let local = matches!(resolved.source.kind, SourceKind::User | SourceKind::Dir | SourceKind::Project);
    let Some(base) = resolved.source.base.as_ref().filter(|_| local) else {
        let error = Error::new(
            Kind::Refused,
            format!("`{}` is not yours to edit: its source is fetched or bundled", resolved.key()),
        );
        return Err(error.hint(format!("copy it: `fac commands export '{}' --to native`", resolved.key())));
    };
    let path = base.join(&resolved.command.origin.path);
    open_editor(context, &path)?;
    let bytes = local::read(&path, "")
        .or_else(|_| std::fs::read(&path).context(Kind::Failed, || "cannot read it back".into()))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let place = crate::commands::scan::Place::default();
    let scanned = crate::commands::scan::file(&name, &bytes, &place, &local::OnDisk { base });
    for d in scanned.commands.iter().flat_map(|c| &c.diagnostics).chain(&scanned.diagnostics) {
        context.ui.warn(&crate::commands::catalog::placed(&name, d));
    }
    Ok(0)
}

/// Runs the user's editor on a file and waits for it.
pub(crate) fn open_editor(context: &Context, path: &Path) -> Result<()> {
    // Settings that cannot be read must not keep the editor from them.
    let configured = match context.app.config() {
        Ok(config) => config.text("editor").map(String::from),
        Err(_) => ["VISUAL", "EDITOR"].into_iter().find_map(|name| context.app.env.text(name)).map(String::from),
    };
    let configured = configured.filter(|e| !e.is_empty());
    if configured.is_none() && !(context.ui.stdout_terminal && std::io::stdin().is_terminal()) {
        return Err(Error::new(Kind::Usage, format!("there is no terminal to edit {} at", path.display()))
            .hint("run it at a terminal, set EDITOR to a program that needs none, or change the file itself"));
    }
    let editor = configured.unwrap_or_else(|| "vi".to_string());
    let words = shlex::split(&editor).filter(|w| !w.is_empty()).ok_or_else(|| {
        Error::new(Kind::Usage, format!("the editor `{editor}` is no command line"))
            .hint("set EDITOR, or `fac config set editor …`")
    })?;
    let status = std::process::Command::new(&words[0]).args(&words[1..]).arg(path).status();
    let status = status.context(Kind::Missing, || format!("the editor `{editor}` cannot be started"))?;
    if status.success() { Ok(()) } else { Err(Error::new(Kind::Failed, format!("the editor `{editor}` failed"))) }
}
