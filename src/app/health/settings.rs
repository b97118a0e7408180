//! The settings of the user and of the project, and what they and the environment say about the network.

use std::path::Path;

use super::{Findings, Level};
use crate::app::App;
use crate::exec;
use crate::kernel::config::{self, Config};
use crate::kernel::paths::{PROJECT_DIR, PROJECT_FILE};

pub(super) fn look(app: &App, found: &mut Findings) {
    file(&app.paths.config_file, "mend it with `fac config edit`", found);
    project(app, found);
    match app.config() {
        Ok(config) => {
            for warning in config.warnings() {
                found.note("settings", warning.to_string(), "trust the project: `fac source trust project`");
            }
            tools(app, config, found);
        }
        // A mistake in a file was named above already, with its line.
        Err(error) if found.count(Level::Bad) == 0 => found.error("settings", &error, "`fac config explain` says more"),
        Err(_) => {}
    }
    network(app, found);
}

fn file(file: &Path, fix: &str, found: &mut Findings) {
    match std::fs::read(file) {
        Ok(bytes) => {
            let problems = config::check(&String::from_utf8_lossy(&bytes), file);
            if problems.is_empty() {
                found.good("settings", format!("{} is fine", file.display()));
            }
            for problem in problems {
                found.bad("settings", problem.to_string(), fix);
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !file.is_symlink() => {
            found.good("settings", "all defaults; there is no file");
        }
        Err(e) => found.bad(
            "settings",
            format!("{} cannot be read: {e}", file.display()),
            format!("look at it: ls -l '{}'", file.display()),
        ),
    }
}

fn project(app: &App, found: &mut Findings) {
    if let Some(path) = app.project.as_ref().and_then(|p| p.config_file.as_ref()) {
        file(path, &format!("mend {}", path.display()), found);
    }
    let links = app.cwd.ancestors().flat_map(|folder| [folder.join(PROJECT_FILE), folder.join(PROJECT_DIR)]);
    for link in links.filter(|l| l.is_symlink() && !l.exists()) {
        let said = format!("{} is a link that points nowhere, so the project's own part is missing", link.display());
        found.bad("settings", said, format!("bring its target back, or rm '{}'", link.display()));
    }
}

/// Programs that the settings name.
fn tools(app: &App, config: &Config, found: &mut Findings) {
    let path = app.env.os("PATH").map(ToOwned::to_owned).unwrap_or_default();
    for key in ["editor", "pager"] {
        let Some(line) = config.text(key).filter(|l| !l.is_empty()) else { continue };
        let program = shlex::split(line).and_then(|words| words.into_iter().next());
        if program.is_none_or(|p| exec::find_program(&p, &path).is_none()) {
            let fix = format!("`fac config set {key} PROGRAM`, or set {}", key.to_uppercase());
            found.note("settings", format!("the {key} `{line}` is not installed"), fix);
        }
    }
    for (lang, written) in config.interpreters() {
        let Some(program) = written.program else { continue };
        if exec::find_program(&program, &path).is_none() {
            let install = written.install.unwrap_or_else(|| format!("install {program}"));
            let fix = format!("{install}, or `fac config unset interpreters.{lang}.program`");
            found.bad("settings", format!("the interpreter `{program}` that you chose for {lang} is missing"), fix);
        }
    }
}

fn network(app: &App, found: &mut Findings) {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "GITHUB_API_URL", "GH_HOST"] {
        if app.env.text(name).is_some_and(|v| !v.is_empty()) {
            found.good("network", format!("{name} is set and honoured"));
        }
    }
    let configured = app.config().ok().and_then(|c| c.text("network.ca_file").map(String::from));
    let named = [
        ("SSL_CERT_FILE", app.env.path("SSL_CERT_FILE")),
        ("network.ca_file", configured.filter(|f| !f.is_empty()).map(Into::into)),
    ];
    let before = found.count(Level::Bad);
    for (name, file) in named {
        let Some(file) = file else { continue };
        let what = match std::fs::read(&file) {
            Ok(bytes) if String::from_utf8_lossy(&bytes).contains(" CERTIFICATE-----") => continue,
            Ok(_) => "which holds no certificate".to_string(),
            Err(e) => format!("which cannot be read: {e}"),
        };
        let fix = format!("unset {name}, or let it name a PEM file of certificates");
        found.bad("network", format!("{name} names {}, {what}", file.display()), fix);
    }
    if found.count(Level::Bad) == before
        && let Err(error) = app.config().and_then(|_| app.remote().map(drop))
        && app.config().is_ok()
    {
        found.error("network", &error, "look at the settings of the network: `fac config explain network`");
    }
    match ["GH_TOKEN", "GITHUB_TOKEN"].into_iter().find(|n| app.env.text(n).is_some_and(|v| !v.is_empty())) {
        Some(name) => found.good("network", format!("GitHub is asked with the token of {name}")),
        None => found.note(
            "network",
            "GitHub is asked without a token of the environment: 60 requests an hour",
            "set GH_TOKEN, or log in with `gh auth login`",
        ),
    }
}
