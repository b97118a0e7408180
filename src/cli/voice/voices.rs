//! `fac voice voices`: the voices that may be asked for.

use serde_json::json;

use crate::cli::Context;
use crate::cli::table::Table;
use crate::cli::ui::Role;
use crate::kernel::error::Result;
use crate::voice::speak::Speaker;

/// List the voices that can read aloud
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those whose name or language holds this
    part: Option<String>,
    /// Who reads aloud
    #[arg(long, short = 'S', value_name = "NAME")]
    speaker: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let mut speaker = context.app.speaker(args.speaker.as_deref())?;
    let mut voices = speaker.voices()?;
    if let Some(part) = &args.part {
        let part = part.to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&part);
        voices.retain(|voice| holds(&voice.name) || voice.language.as_deref().is_some_and(holds));
    }
    if context.ui.json {
        let list: Vec<_> = voices.iter().map(|v| json!({"name": v.name, "language": v.language})).collect();
        context.ui.value(&json!({"speaker": speaker.name(), "voices": list, "next": null}))?;
        return Ok(0);
    }
    if voices.is_empty() {
        context.ui.note(&format!("{} does not tell which voices it has", speaker.name()));
        return Ok(0);
    }
    let mut table = Table::new(&["voice", "language"]);
    for voice in voices {
        table.row(vec![(voice.name, Some(Role::Name)), (voice.language.unwrap_or_default(), Some(Role::Dim))]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}
