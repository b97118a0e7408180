//! `fac commands export`: a command in another dialect.

use serde_json::json;

use super::super::Context;
use super::list::named;
use crate::commands::export::{ExportFormat, export};
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;

/// Write a command in another dialect
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command's name
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
    /// The dialect
    #[arg(long, value_parser = ["mask", "claude", "fabric", "tldr", "native"])]
    to: String,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let resolved = named(context, &args.words)?;
    let format = match args.to.as_str() {
        "mask" => ExportFormat::Mask,
        "claude" => ExportFormat::Claude,
        "fabric" => ExportFormat::Fabric,
        "tldr" => ExportFormat::Tldr,
        _ => ExportFormat::Native,
    };
    let exported = export(&resolved.command, format)?;
    if context.ui.json {
        context.ui.value(&json!({"export": {"to": args.to, "text": exported.text, "lost": exported.lost}}))?;
        return Ok(0);
    }
    context.ui.write(exported.text.as_bytes())?;
    for lost in &exported.lost {
        context.ui.warn(&format!("lost: {}", safe_line(lost)));
    }
    Ok(0)
}
