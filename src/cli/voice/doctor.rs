//! `fac voice doctor`: the reason when nothing is heard.

use serde_json::json;

use super::Context;
use crate::app::voice::sound as wiring;
use crate::cli::ui::Role;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;
use crate::voice::sound::{Finding, Grade, examine};

/// Look for the reason when nothing is heard; exit code 5 when there is no device, 1 when it gives no sound
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// This microphone, by its name or a piece of what it is called
    #[arg(short, long, value_name = "NAME")]
    device: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let config = context.app.config()?;
    let (microphone, speaker) = (wiring::microphone(config, args.device.as_deref())?, wiring::speaker(config, None));
    let signals = StopOnSignals::new()?;
    context.ui.note("listening for a moment: say something");
    let found = examine(&microphone, &speaker, signals.stop());
    let worst = found.iter().find(|f| f.grade == Grade::Bad);
    let code = worst.map_or(0, |f| f.kind.map_or(1, |kind| kind.exit_code()));
    if context.ui.json {
        let one = |f: &Finding| json!({"about": f.about, "level": word(f.grade), "message": f.said, "fix": f.fix});
        context.ui.value(&json!({"findings": found.iter().map(one).collect::<Vec<_>>(), "hears": worst.is_none()}))?;
        return Ok(code);
    }
    for f in &found {
        let (sign, role) = match f.grade {
            Grade::Good => ("✓", Role::Good),
            Grade::Note => ("!", Role::Warn),
            Grade::Bad => ("✗", Role::Bad),
        };
        let ui = &context.ui;
        ui.line(&format!(
            "{} {} {}",
            ui.paint(role, sign),
            ui.paint(Role::Strong, &format!("{:<11}", f.about)),
            safe_line(&f.said)
        ))?;
        if let Some(fix) = &f.fix {
            ui.line(&format!("{:14}{}", "", ui.paint(Role::Dim, &format!("→ {}", safe_line(fix)))))?;
        }
    }
    Ok(code)
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "good",
        Grade::Note => "note",
        Grade::Bad => "bad",
    }
}
