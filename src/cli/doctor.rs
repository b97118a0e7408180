//! `fac doctor`: prints what is installed, where the files are, what is wrong, and what to do about it.

use serde_json::json;

use super::Context;
use super::table::wrap;
use super::ui::Role;
use crate::app::health::{self, Findings, Level, Window};
use crate::app::views::health::HealthView;
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;

/// Looks at everything; exit code 1 when something is wrong.
pub(super) fn run(context: &mut Context) -> Result<u8> {
    let window = Window { columns: context.ui.width(), colour: context.ui.colour() };
    let found = health::look(&context.app, &window, &mut |_| {});
    print(context, &found)
}

/// The sign of a level, and its colour.
fn sign(level: Level) -> (&'static str, Role) {
    let role = match level {
        Level::Good => Role::Good,
        Level::Note => Role::Warn,
        Level::Bad => Role::Bad,
    };
    (level.sign(), role)
}

fn print(context: &Context, found: &Findings) -> Result<u8> {
    let bad = found.count(Level::Bad);
    let code = u8::from(bad > 0);
    if context.ui.json {
        context.ui.value(&json!(HealthView::from(found)))?;
        return Ok(code);
    }
    let ui = &context.ui;
    let room = if ui.stdout_terminal { ui.width().saturating_sub(13) } else { usize::MAX };
    let (mut out, mut before) = (String::new(), "");
    for f in found.all() {
        let (sign, role) = sign(f.level);
        let area = if f.area == before { "" } else { f.area };
        before = f.area;
        let mut head = format!("{} {} ", ui.paint(role, sign), ui.paint(Role::Strong, &format!("{area:<10}")));
        for line in wrap(&safe_line(&f.said), room) {
            out.push_str(&format!("{head}{line}\n"));
            head = " ".repeat(13);
        }
        for (at, line) in f.fix.iter().flat_map(|fix| wrap(&safe_line(fix), room - 2)).enumerate() {
            let arrow = if at == 0 { "→ " } else { "  " };
            out.push_str(&format!("{:13}{}\n", "", ui.paint(Role::Dim, &format!("{arrow}{line}"))));
        }
    }
    let pager = context.app.config().ok().and_then(|c| c.text("pager").map(String::from));
    ui.page(&out, pager.as_deref())?;
    let (notes, word) = (found.count(Level::Note), if bad == 1 { "problem" } else { "problems" });
    let said = if bad == 0 { "no problems".to_string() } else { format!("{bad} {word}") };
    ui.note(&format!("{said}, {notes} notes"));
    Ok(code)
}
