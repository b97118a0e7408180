//! The outer wall by bubblewrap: namespaces of its own in which only some places are there at all (bwrap(1)).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a program's own folder lies inside.
pub(super) const FOLDER: &str = "/sandbox";

/// Where our own binary lies inside.
pub(super) const OURS: &str = "/.fac";

/// Whether namespaces can be made by it here, which containers and settings of the kernel may forbid.
pub(super) fn works(program: &Path) -> bool {
    let tried = Command::new(program)
        .args(["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc", "true"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// Its words, up to the program: `seen` may be read, `changed` changed too, and it begins in `folder`. Nothing else can be
/// written, since what lies in memory alone is not counted.
pub(super) fn args(own: &Path, seen: &[PathBuf], changed: &[PathBuf], folder: &Path, net: bool) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    let mut say = |said: &[&OsStr]| words.extend(said.iter().map(|word| (*word).to_owned()));
    say(&["--unshare-all", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL", "--hostname", "sandbox"]
        .map(OsStr::new));
    if net {
        say(&[OsStr::new("--share-net")]);
    }
    say(&["--proc", "/proc", "--dev", "/dev"].map(OsStr::new));
    // What belongs to root can be written by root without any power.
    for place in ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/pressure"] {
        say(&["--ro-bind-try", place, place].map(OsStr::new));
    }
    seen.iter().for_each(|place| say(&[OsStr::new("--ro-bind-try"), place.as_os_str(), place.as_os_str()]));
    changed.iter().for_each(|place| say(&[OsStr::new("--bind"), place.as_os_str(), place.as_os_str()]));
    say(&[OsStr::new("--ro-bind"), own.as_os_str(), OsStr::new(OURS)]);
    // What several processes share has a name too, and counts as a file.
    for inside in [FOLDER, "/dev/shm"] {
        say(&[OsStr::new("--bind"), folder.as_os_str(), OsStr::new(inside)]);
    }
    if !seen.iter().chain(changed).any(|place| place.starts_with("/tmp")) {
        say(&["--symlink", FOLDER, "/tmp"].map(OsStr::new));
    }
    say(&["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", FOLDER, "--", OURS].map(OsStr::new));
    words
}
