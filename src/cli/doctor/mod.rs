//! `fac doctor`: what is installed, where the files are, what is wrong, and what to do about it.
//!
//! Every finding that is not good says how to mend it. It changes nothing but what is derived and can be made again.

mod mcp;
mod models;
mod places;
mod programs;
mod records;
mod settings;

use serde_json::json;

use super::Context;
use super::table::wrap;
use super::ui::Role;
use crate::kernel::error::{Error, Result};
use crate::kernel::terminal::safe_line;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Note,
    Bad,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Good => "ok",
            Level::Note => "note",
            Level::Bad => "problem",
        }
    }

    fn sign(self) -> (&'static str, Role) {
        match self {
            Level::Good => ("✓", Role::Good),
            Level::Note => ("·", Role::Warn),
            Level::Bad => ("✗", Role::Bad),
        }
    }
}

/// One thing that was looked at.
struct Finding {
    area: &'static str,
    level: Level,
    said: String,
    fix: Option<String>,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, area: &'static str, said: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Good, said: said.into(), fix: None });
    }

    fn note(&mut self, area: &'static str, said: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Note, said: said.into(), fix: Some(fix.into()) });
    }

    fn bad(&mut self, area: &'static str, said: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Bad, said: said.into(), fix: Some(fix.into()) });
    }

    /// An error as a finding, with its own way forward or this one.
    fn error(&mut self, area: &'static str, error: &Error, otherwise: &str) {
        self.bad(area, error.full_message(), error.way_forward().unwrap_or(otherwise));
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|f| f.level == level).count()
    }
}

/// Looks at everything; exit code 1 when something is wrong.
pub(super) fn run(context: &mut Context) -> Result<u8> {
    let mut found = Findings::default();
    let app = &context.app;
    let version = format!("fac {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    found.good("version", version);
    places::look(app, &mut found);
    settings::look(app, &mut found);
    let languages = records::look(app, &mut found);
    models::look(app, &mut found);
    programs::look(app, &languages, &mut found);
    mcp::look(app, &mut found);
    programs::terminal(context, &mut found);
    print(context, &found)
}

fn print(context: &Context, found: &Findings) -> Result<u8> {
    let bad = found.count(Level::Bad);
    let code = u8::from(bad > 0);
    if context.ui.json {
        let one = |f: &Finding| json!({"area": f.area, "level": f.level.word(), "message": f.said, "fix": f.fix});
        let list: Vec<_> = found.0.iter().map(one).collect();
        context.ui.value(&json!({"findings": list, "problems": bad}))?;
        return Ok(code);
    }
    let ui = &context.ui;
    let room = if ui.stdout_terminal { ui.width().saturating_sub(13) } else { usize::MAX };
    let (mut out, mut before) = (String::new(), "");
    for f in &found.0 {
        let (sign, role) = f.level.sign();
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
