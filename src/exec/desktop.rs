//! Programs of the desktop that take a text: onto the clipboard, or typed into the window that has the focus.
//!
//! The clipboard stands beside the terminal's own (OSC 52), which some terminals refuse. Over SSH the desktop of the other
//! machine is nobody's business. Texts go through a program's stdin, never into its arguments, which everybody can list.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::exec::find_program;
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind, Result};

/// A program, the variable that says that its desktop is here, and its words.
type Program = (&'static str, &'static str, &'static [&'static str]);

const CLIPBOARDS: &[Program] = &[
    ("wl-copy", "WAYLAND_DISPLAY", &[]),
    ("xclip", "DISPLAY", &["-selection", "clipboard"]),
    ("xsel", "DISPLAY", &["--clipboard", "--input"]),
    ("pbcopy", "HOME", &[]),
];

/// In the order in which they are tried: GNOME and KDE refuse the first, and X programs do not reach Wayland's windows.
const TYPISTS: &[Program] = &[
    ("wtype", "WAYLAND_DISPLAY", &["-"]),
    ("ydotool", "WAYLAND_DISPLAY", &["type", "--file", "-"]),
    ("xdotool", "DISPLAY", &["type", "--clearmodifiers", "--file", "-"]),
    ("ydotool", "HOME", &["type", "--file", "-"]),
];

/// Those of `programs` that are here, with their words.
fn here(programs: &[Program], env: &Env) -> Vec<Vec<String>> {
    if env.text("SSH_CONNECTION").is_some_and(|v| !v.is_empty()) {
        return Vec::new();
    }
    let path = env.os("PATH").unwrap_or_else(|| OsStr::new(""));
    let mut found: Vec<Vec<String>> = Vec::new();
    for (name, variable, words) in programs {
        let fits =
            env.text(variable).is_some_and(|v| !v.is_empty()) && (*name != "pbcopy" || cfg!(target_os = "macos"));
        let Some(program) = find_program(name, path).filter(|_| fits) else { continue };
        let program = program.to_string_lossy().into_owned();
        let line: Vec<String> = std::iter::once(program).chain(words.iter().map(ToString::to_string)).collect();
        if !found.contains(&line) {
            found.push(line);
        }
    }
    found
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_string()
}

/// The program that takes texts onto the clipboard here, with its words; `None` where there is none.
pub fn clipboard(env: &Env) -> Option<Vec<String>> {
    here(CLIPBOARDS, env).into_iter().next()
}

/// Starts a program and hands it a text; `None` when it did not take all of it.
fn hand(words: &[String], text: &str) -> Option<Child> {
    let (program, rest) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let taken = child.stdin.take().is_some_and(|mut input| input.write_all(text.as_bytes()).is_ok());
    if !taken {
        // It may have ended already; either way it is reaped.
        let _ = child.kill();
        let _ = child.wait();
        return None;
    }
    Some(child)
}

/// Hands a text to such a program; whether it took all of it. It stays behind to serve the text, so nobody waits for it.
pub fn copy(words: &[String], text: &str) -> bool {
    let Some(mut child) = hand(words, text) else { return false };
    // Reaped when it ends, which may be when another program copies something.
    std::thread::spawn(move || child.wait());
    true
}

/// Types a text into the window that has the focus, by the first program here that can.
///
/// # Errors
/// `Missing` when there is none, `Failed` when each refused.
pub fn type_text(env: &Env, text: &str) -> Result<()> {
    let found = here(TYPISTS, env);
    if found.iter().any(|words| hand(words, text).and_then(|mut child| child.wait().ok()).is_some_and(|s| s.success()))
    {
        return Ok(());
    }
    let names: Vec<String> = found.iter().filter_map(|words| words.first()).map(|path| base_name(path)).collect();
    Err(match names.as_slice() {
        [] => Error::new(Kind::Missing, "there is no program here that types into other windows")
            .hint("install wtype (Sway, Hyprland), ydotool (GNOME, KDE on Wayland) or xdotool (X11), or use --copy"),
        names => Error::new(Kind::Failed, format!("{} refused to type", names.join(", ")))
            .hint("GNOME and KDE on Wayland take ydotool with its daemon ydotoold running; or use --copy"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with programs that write what they read, and fail when their name is among `failing`.
    fn programs(names: &[&str], failing: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let file = folder.path().join(name);
            let code = i32::from(failing.contains(name));
            std::fs::write(&file, format!("#!/bin/sh\ncat > \"$0.text\"\nexit {code}\n")).unwrap();
            let mut mode = std::fs::metadata(&file).unwrap().permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
            std::fs::set_permissions(&file, mode).unwrap();
        }
        folder
    }

    #[test]
    fn the_desktop_that_is_here_says_which_program() {
        let folder = programs(&["wl-copy", "xclip"], &[]);
        let path = folder.path().to_str().unwrap();
        let of = |pairs: &[(&str, &str)]| clipboard(&Env::from_pairs(pairs.iter().copied().chain([("PATH", path)])));
        assert_eq!(of(&[("WAYLAND_DISPLAY", "w"), ("DISPLAY", ":0")]), Some(vec![format!("{path}/wl-copy")]));
        assert_eq!(of(&[("DISPLAY", ":0")]).unwrap()[0], format!("{path}/xclip"));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("DISPLAY", ":0"), ("SSH_CONNECTION", "1 2 3 4")]), None, "the other end has its own");
    }

    #[test]
    fn typing_goes_on_to_the_next_program() {
        let folder = programs(&["wtype", "xdotool"], &["wtype"]);
        let path = folder.path().to_str().unwrap();
        let env = Env::from_pairs([("WAYLAND_DISPLAY", "w"), ("DISPLAY", ":0"), ("PATH", path)]);
        type_text(&env, "dear diary\n-- \u{1F642}").unwrap();
        let written = std::fs::read_to_string(folder.path().join("xdotool.text")).unwrap();
        assert_eq!(written, "dear diary\n-- \u{1F642}");
        let refused = programs(&["wtype"], &["wtype"]);
        let env = Env::from_pairs([("WAYLAND_DISPLAY", "w"), ("PATH", refused.path().to_str().unwrap())]);
        assert_eq!(type_text(&env, "x").unwrap_err().full_message(), "wtype refused to type");
        let none = type_text(&Env::from_pairs([("PATH", path)]), "x").unwrap_err();
        assert_eq!(none.kind(), Kind::Missing);
    }
}
