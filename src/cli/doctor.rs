//! `fac doctor`: what is installed, where the files are, what is wrong, and what to do about it.

use std::path::Path;

use serde_json::json;

use super::Context;
use super::ui::Role;
use crate::app::App;
use crate::exec::{self, Interpreters};
use crate::kernel::config;
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;
use crate::store::{SourceKind, Store};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Note,
    Bad,
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
}

/// Looks at everything; exit code 1 when something is wrong.
pub(super) fn run(context: &mut Context) -> Result<u8> {
    let mut found = Findings::default();
    let app = &context.app;
    found.good(
        "version",
        format!("fac {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
    );
    places(app, &mut found);
    settings(app, &mut found);
    match app.store() {
        Ok(store) => {
            database(store, &mut found);
            sources(app, store, &mut found);
            search_index(app, store, &mut found);
            disk(app, store, &mut found);
        }
        Err(error) => {
            found.bad("store", error.full_message(), error.way_forward().unwrap_or("restore it from a backup"))
        }
    }
    programs(app, &mut found);
    terminal(context, &mut found);
    print(context, &found)
}

fn places(app: &App, found: &mut Findings) {
    let p = &app.paths;
    for (name, path) in [("config", &p.config), ("data", &p.data), ("cache", &p.cache), ("state", &p.state)] {
        found.good("files", format!("{name:<7}{}", path.display()));
        if path.exists() && !writable(path) {
            found.bad(
                "files",
                format!("{} cannot be written", path.display()),
                format!("give it to yourself: chown -R \"$USER\" '{}'", path.display()),
            );
        }
        if path.exists() && open_to_others(path) {
            found.note(
                "files",
                format!("{} can be read by others", path.display()),
                format!("chmod 700 '{}'", path.display()),
            );
        }
    }
    if !p.commands_dir.exists() {
        found.note(
            "files",
            format!("your own commands would lie in {}", p.commands_dir.display()),
            "write one with `fac commands new`",
        );
    }
}

fn writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_path: &Path) -> bool {
    false
}

fn settings(app: &App, found: &mut Findings) {
    let file = &app.paths.config_file;
    match std::fs::read(file) {
        Ok(bytes) => {
            let problems = config::check(&String::from_utf8_lossy(&bytes), file);
            if problems.is_empty() {
                found.good("settings", format!("{} is fine", file.display()));
            }
            for problem in problems {
                found.bad("settings", problem.to_string(), "mend it with `fac config edit`");
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => found.good("settings", "all defaults; there is no file"),
        Err(e) => {
            found.bad("settings", format!("{} cannot be read: {e}", file.display()), "look at its owner and mode")
        }
    }
    if let Ok(config) = app.config() {
        for warning in config.warnings() {
            found.note("settings", warning.to_string(), "trust the project: `fac source trust project`");
        }
    }
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "GITHUB_API_URL", "GH_HOST"] {
        if app.env.text(name).is_some() {
            found.good("network", format!("{name} is set and honoured"));
        }
    }
    let certificates = app.env.path("SSL_CERT_FILE").filter(|f| !f.is_file());
    if let Some(file) = certificates {
        found.bad(
            "network",
            format!("SSL_CERT_FILE names {}, which is no file", file.display()),
            "unset it or point it to a PEM file",
        );
    }
    let token = ["GH_TOKEN", "GITHUB_TOKEN"].into_iter().find(|n| app.env.text(n).is_some());
    match token {
        Some(name) => found.good("network", format!("GitHub is asked with the token of {name}")),
        None => found.note(
            "network",
            "GitHub is asked without a token of the environment: 60 requests an hour",
            "set GH_TOKEN, or log in with `gh auth login`",
        ),
    }
}

fn database(store: &Store, found: &mut Findings) {
    match store.counts() {
        Ok(c) => found.good(
            "store",
            format!(
                "{}: {} sources, {} commands, {} runs, {} events, {:.1} MB",
                store.path().display(),
                c.sources,
                c.definitions,
                c.runs,
                c.events,
                c.bytes as f64 / 1e6
            ),
        ),
        Err(e) => found.bad("store", e.full_message(), "restore it from a backup"),
    }
    match store.integrity_check() {
        Ok(problems) if problems.is_empty() => found.good("store", "the database is sound"),
        Ok(problems) => {
            found.bad("store", format!("the database is damaged: {}", problems.join("; ")), "restore it from a backup")
        }
        Err(e) => found.bad("store", e.full_message(), "restore it from a backup"),
    }
    match store.verify() {
        Ok(v) => match v.fault {
            None => found.good("store", format!("the log of {} events is whole", v.events)),
            Some(f) => found.bad(
                "store",
                format!("the log is broken at event {}: {}", f.position, f.what),
                "somebody changed the database by hand",
            ),
        },
        Err(e) => found.bad("store", e.full_message(), "restore it from a backup"),
    }
    match store.mark_lost(&|p| exec::is_alive(p.pid, p.start, &p.boot)) {
        Ok(lost) if !lost.is_empty() => found.note(
            "runs",
            format!("{} runs were cut off and are marked lost", lost.len()),
            "see them with `fac runs ls --status lost`",
        ),
        _ => {}
    }
}

fn sources(app: &App, store: &Store, found: &mut Findings) {
    let Ok(sources) = store.sources() else { return };
    for source in sources {
        match source.state.as_str() {
            "stale" | "failed" | "gone" => {
                let why = source.error.clone().unwrap_or_default();
                let fix = match source.kind {
                    SourceKind::Dir => format!("bring the folder back, or `fac source rm {}`", source.name),
                    _ => format!("try `fac source update {}`", source.name),
                };
                found.bad("sources", format!("{} is {}: {why}", source.name, source.state), fix);
            }
            _ => {}
        }
        let Some(commit) = source.commit.as_deref().filter(|_| source.kind == SourceKind::Github) else { continue };
        if !crate::commands::source::layout::folder(&app.layouts(), source.id, commit).is_dir() {
            found.bad(
                "sources",
                format!("the files of {} were removed from the cache", source.name),
                format!("fetch them again: `fac source update {}`", source.name),
            );
        }
    }
}

fn search_index(app: &App, store: &Store, found: &mut Findings) {
    let index = crate::knowledge::Index::new(&app.paths.cache.join("index"));
    match index.search(store, "a", None, 1) {
        Ok(answer) if answer.rebuilt => {
            found.note("search", "the search index was damaged", "it was made again just now")
        }
        Ok(_) => found.good("search", "the search index answers"),
        Err(e) => {
            found.bad("search", e.full_message(), e.way_forward().unwrap_or("remove the index; it is made again"))
        }
    }
}

fn disk(app: &App, store: &Store, found: &mut Findings) {
    if let Ok(stat) = rustix::fs::statvfs(store.path()) {
        let free = stat.f_bavail.saturating_mul(stat.f_frsize) >> 20;
        let said = format!("{free} MB free where the store lies");
        if free < 100 {
            found.bad("disk", said, "free some space; nothing can be recorded on a full disk")
        } else {
            found.good("disk", said)
        }
    }
    let outputs = size_of(&app.outputs()) >> 20;
    let cache = size_of(&app.paths.cache) >> 20;
    if let Ok(config) = app.config() {
        let (runs, days) = (config.int("run.keep_runs"), config.int("run.keep_days"));
        found.good("disk", format!("run outputs {outputs} MB, cache {cache} MB; kept: {runs} runs, {days} days"));
    }
}

fn size_of(folder: &Path) -> u64 {
    let entries = ignore::WalkBuilder::new(folder).standard_filters(false).build();
    entries.flatten().filter_map(|e| e.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum()
}

fn programs(app: &App, found: &mut Findings) {
    let path = app.env.os("PATH").map(ToOwned::to_owned).unwrap_or_default();
    let table = Interpreters::default();
    let mut here = Vec::new();
    let mut missing = Vec::new();
    for language in ["sh", "bash", "zsh", "fish", "python", "node", "ruby", "php", "perl", "deno", "pwsh"] {
        let ways = table.get(language);
        if ways.iter().any(|w| exec::find_program(w.program(), &path).is_some()) {
            here.push(language);
        } else if let Some(way) = ways.first() {
            missing.push(format!("{language} ({})", way.install_hint));
        }
    }
    found.good("languages", format!("run here: {}", here.join(", ")));
    if !here.contains(&"sh") {
        found.bad("languages", "there is no sh on PATH", "look at PATH");
    }
    if !missing.is_empty() {
        found.note(
            "languages",
            format!("not installed: {}", missing.join(", ")),
            "only needed for commands written in them",
        );
    }
    for (program, why) in [("git", "the bundled git commands"), ("gh", "its token for GitHub")] {
        if exec::find_program(program, &path).is_none() {
            found.note("programs", format!("{program} is not installed"), format!("only needed for {why}"));
        }
    }
}

fn terminal(context: &Context, found: &mut Findings) {
    let term = context.app.env.text("TERM").unwrap_or("not set");
    let colour = if context.ui.colour() { "colours on" } else { "colours off" };
    found.good("terminal", format!("TERM {term}, {} columns, {colour}", context.ui.width()));
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|n| context.app.env.text(n)).unwrap_or("");
    if !locale.to_lowercase().replace('-', "").contains("utf8") {
        found.note("terminal", "the locale is not UTF-8", "export LANG=C.UTF-8");
    }
}

fn print(context: &Context, found: &Findings) -> Result<u8> {
    let bad = found.0.iter().filter(|f| f.level == Level::Bad).count();
    let word = |l: Level| match l {
        Level::Good => "ok",
        Level::Note => "note",
        Level::Bad => "problem",
    };
    if context.ui.json {
        let list: Vec<_> = found
            .0
            .iter()
            .map(|f| json!({"area": f.area, "level": word(f.level), "message": f.said, "fix": f.fix}))
            .collect();
        context.ui.value(&json!({"findings": list, "problems": bad}))?;
        return Ok(u8::from(bad > 0));
    }
    for f in &found.0 {
        let (sign, role) = match f.level {
            Level::Good => ("✓", Role::Good),
            Level::Note => ("·", Role::Dim),
            Level::Bad => ("✗", Role::Bad),
        };
        let ui = &context.ui;
        ui.line(&format!("{} {:<10} {}", ui.paint(role, sign), f.area, safe_line(&f.said)))?;
        if let Some(fix) = &f.fix {
            ui.line(&format!("  {:<10} {}", "", ui.paint(Role::Dim, &format!("→ {}", safe_line(fix)))))?;
        }
    }
    if bad == 0 {
        context.ui.note("no problems");
    }
    Ok(u8::from(bad > 0))
}
