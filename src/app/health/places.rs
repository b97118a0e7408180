//! The folders: are they ours, can they be written, do they keep others out.

use std::path::Path;

use super::Findings;
use crate::app::App;
use crate::kernel::secrets::Secrets;

pub(super) fn look(app: &App, found: &mut Findings) {
    let p = &app.paths;
    for (name, path) in [("config", &p.config), ("data", &p.data), ("cache", &p.cache), ("state", &p.state)] {
        let said = format!("{name:<7}{}", path.display());
        match problem(path) {
            Some((what, fix)) => found.bad("files", format!("{name}: {} {what}", path.display()), fix),
            None => found.good("files", said),
        }
        if let Some(what) = open_to_others(path) {
            let said = format!("{} can be {what} by others", path.display());
            let fix = format!("chmod go-rwx '{}'", path.display());
            // Settings are often a checkout of somebody's dot files; only a change by others would do harm there.
            match name {
                "config" | "cache" if what == "read" => found.note("files", said, fix),
                _ => found.bad("files", said, fix),
            }
        }
    }
    if !p.commands_dir.exists() {
        let said = format!("your own commands would lie in {}", p.commands_dir.display());
        found.note("files", said, "write one with `fac commands new`");
    }
    if let Err(error) = Secrets::new(&app.env, &app.paths, &app.redactor).list() {
        found.error("secrets", &error, "set the secrets again: `fac secret set NAME`");
    }
    if let Some(problem) = app.log().ok().and_then(|log| log.problem()) {
        found.bad("log", problem, format!("make {} a folder that you can write to", app.paths.state.display()));
    }
}

/// What is wrong with a folder that stands, and what to do; one that is not there yet is made when it is needed.
fn problem(path: &Path) -> Option<(String, String)> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    match path.metadata() {
        Err(e) => return Some((format!("points nowhere: {e}"), format!("rm '{}'", path.display()))),
        Ok(meta) if !meta.is_dir() => {
            return Some(("is no folder".to_string(), format!("move it away: mv '{0}' '{0}.old'", path.display())));
        }
        Ok(_) => {}
    }
    let failed = tempfile::Builder::new().prefix(".fac-doctor-").tempfile_in(path).err()?;
    let fix = match meta.file_type().is_symlink() {
        true => format!("it is a link; let it point to a folder of yours: ls -l '{}'", path.display()),
        false => format!("give it to yourself: chown -R \"$USER\" '{0}' && chmod u+rwx '{0}'", path.display()),
    };
    Some((format!("cannot be written: {}", failed.kind()), fix))
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    match mode {
        _ if mode & 0o002 != 0 => Some("changed"),
        _ if mode & 0o005 != 0 => Some("read"),
        _ => None,
    }
}

#[cfg(not(unix))]
fn open_to_others(_path: &Path) -> Option<&'static str> {
    None
}
