//! The desktop's clipboard, through the program that the desktop has for it.
//!
//! It stands beside the terminal's own (OSC 52), which some terminals refuse. Over SSH the desktop of the other machine is
//! nobody's business.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::exec::find_program;
use crate::kernel::env::Env;

/// The programs, the variable that says that their desktop is here, and their words.
const PROGRAMS: &[(&str, &str, &[&str])] = &[
    ("wl-copy", "WAYLAND_DISPLAY", &[]),
    ("xclip", "DISPLAY", &["-selection", "clipboard"]),
    ("xsel", "DISPLAY", &["--clipboard", "--input"]),
    ("pbcopy", "HOME", &[]),
];

/// The program that takes texts here, with its words; `None` where there is none.
pub fn program(env: &Env) -> Option<Vec<String>> {
    if env.text("SSH_CONNECTION").is_some_and(|v| !v.is_empty()) {
        return None;
    }
    let path = env.os("PATH").unwrap_or_else(|| OsStr::new(""));
    let here = |variable: &str| env.text(variable).is_some_and(|v| !v.is_empty());
    let (name, _, words) = PROGRAMS
        .iter()
        .filter(|(name, _, _)| *name != "pbcopy" || cfg!(target_os = "macos"))
        .find(|(name, variable, _)| here(variable) && find_program(name, path).is_some())?;
    Some(std::iter::once(*name).chain(words.iter().copied()).map(String::from).collect())
}

/// Hands a text to such a program; whether it took all of it. It stays behind to serve the text, so nobody waits for it.
pub fn copy(words: &[String], text: &str) -> bool {
    let Some((program, rest)) = words.split_first() else { return false };
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let taken = child.stdin.take().is_some_and(|mut input| input.write_all(text.as_bytes()).is_ok());
    // Reaped when it ends, which may be when another program copies something.
    std::thread::spawn(move || child.wait());
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desktop_that_is_here_says_which_program() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["wl-copy", "xclip"] {
            let file = folder.path().join(name);
            std::fs::write(&file, "#!/bin/sh\ncat > \"$0.text\"\n").unwrap();
            let mut mode = std::fs::metadata(&file).unwrap().permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
            std::fs::set_permissions(&file, mode).unwrap();
        }
        let path = folder.path().to_str().unwrap();
        let of = |pairs: &[(&str, &str)]| program(&Env::from_pairs(pairs.iter().copied().chain([("PATH", path)])));
        assert_eq!(of(&[("WAYLAND_DISPLAY", "w"), ("DISPLAY", ":0")]), Some(vec!["wl-copy".to_string()]));
        assert_eq!(of(&[("DISPLAY", ":0")]).unwrap()[0], "xclip");
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("DISPLAY", ":0"), ("SSH_CONNECTION", "1 2 3 4")]), None, "the other end has its own");
    }
}
