//! The programs that commands need, and the terminal.

use super::records::Languages;
use super::{Findings, Window};
use crate::app::App;
use crate::exec::sandbox::Wall;
use crate::exec::{self, Interpreters};

/// Languages worth naming though nothing is written in them yet.
const USUAL: [&str; 11] = ["sh", "bash", "zsh", "fish", "python", "node", "ruby", "php", "perl", "deno", "pwsh"];

pub(super) fn look(app: &App, used: &Languages, found: &mut Findings) {
    let path = app.env.os("PATH").map(ToOwned::to_owned).unwrap_or_default();
    let table = app.interpreters().unwrap_or_else(|_| Interpreters::default());
    let (mut here, mut needed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    let others = used.keys().map(String::as_str).filter(|l| !USUAL.contains(l));
    for language in USUAL.into_iter().chain(others) {
        let ways = table.get(language);
        let Some(way) = ways.first() else { continue };
        if ways.iter().any(|w| exec::find_program(w.program(), &path).is_some()) {
            here.push(language);
        } else if let Some(count) = used.get(language) {
            needed.push((language, *count, way.install_hint.clone()));
        } else {
            missing.push(language);
        }
    }
    found.good("languages", format!("run here: {}", here.join(", ")));
    if !here.contains(&"sh") {
        found.bad("languages", "there is no sh on PATH", "put the folder of sh into PATH: export PATH=\"$PATH:/bin\"");
    }
    for (language, count, hint) in needed.into_iter().filter(|n| n.0 != "sh") {
        let said = format!("{language} is missing, and {count} commands are written in it");
        found.note("languages", said, if hint.is_empty() { format!("install {language}") } else { hint });
    }
    if !missing.is_empty() {
        let said = format!("not installed: {}", missing.join(", "));
        found.note("languages", said, "only needed for commands written in them, and none is");
    }
    match Wall::find(None, &path) {
        Ok(wall) => found.good("sandbox", format!("{} keeps code in that `fac exec` runs", wall.name())),
        Err(_) => found.note(
            "sandbox",
            "nothing keeps code in, so `fac exec` runs none",
            "apt install bubblewrap; or Linux 6.12 or later with Landlock",
        ),
    }
    for (program, why) in [("git", "the bundled git commands"), ("gh", "its token for GitHub")] {
        if exec::find_program(program, &path).is_none() {
            let fix = format!("apt install {program}; only needed for {why}");
            found.note("programs", format!("{program} is not installed"), fix);
        }
    }
}

pub(super) fn terminal(app: &App, window: &Window, found: &mut Findings) {
    let term = app.env.text("TERM").filter(|t| !t.is_empty()).unwrap_or("not set");
    let colour = if window.colour { "colours on" } else { "colours off" };
    found.good("terminal", format!("TERM {term}, {} columns, {colour}", window.columns));
    // The first that is set decides, and an empty one counts as not set.
    let of = |name| app.env.text(name).filter(|v| !v.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(of).unwrap_or("");
    if !locale.to_lowercase().replace('-', "").contains("utf8") {
        let said = if locale.is_empty() { "no locale is set".to_string() } else { format!("the locale is {locale}") };
        found.note("terminal", format!("{said}; other programs will not show UTF-8"), "export LC_ALL=C.UTF-8");
    }
}
