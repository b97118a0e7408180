//! A sandbox for code that nobody has read: what it may see, what it may use, and what keeps it there.
//!
//! Two walls stand around a program. The outer one decides which files and processes there are: bubblewrap's namespaces
//! where that is installed and works, else Landlock. The inner one is the same behind both: a filter of system calls,
//! limits of the system, and somebody who looks at how much all its processes use together. Where no outer wall can be
//! had nothing is run, unless the caller asked for none.
//!
//! Our own binary, started again by [`Sandbox::wrap`], puts the inner wall up and becomes the program ([`entered`]). The
//! room knows no languages here and no commands; that is [`code`](super::code)'s.

mod bubblewrap;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod enter;
mod folder;
mod places;
mod usage;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::find_program;
use crate::kernel::error::{Context, Error, Kind, Result};

#[cfg(target_os = "linux")]
pub use enter::{FAILED, entered};
pub(super) use folder::Folder;
use places::places;
pub(super) use places::{PROGRAMS, path_for};
pub(super) use usage::Watched;

/// The first word by which our own binary knows that it is to let go of all open files and become another program.
const OUTER: &str = "__sandbox-outer";

/// The same of who is the parent of the program.
const GUARD: &str = "__sandbox-guard";

/// The same of who becomes the program.
const INNER: &str = "__sandbox-inner";

/// What a program may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// From its start to its end.
    pub time: Duration,
    /// Memory of all its processes together, bytes.
    pub memory: u64,
    /// Processes at the same time.
    pub processes: u32,
    /// Open files of each process.
    pub files: u64,
    /// The largest file, bytes.
    pub file_size: u64,
    /// What it may keep in its folder, bytes.
    pub disk: u64,
    /// How much is kept of each of its streams, bytes: half of the beginning, half of the end.
    pub output: usize,
}

impl Default for Bounds {
    /// 30 s, 256 MiB, 64 processes, 64 files of 10 MB each, 64 MB in all, 1 MiB of output.
    fn default() -> Self {
        Bounds {
            time: Duration::from_secs(30),
            memory: 256 << 20,
            processes: 64,
            files: 64,
            file_size: 10_000_000,
            disk: 64_000_000,
            output: 1 << 20,
        }
    }
}

/// What a program may see beside its own folder and the system's programs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// Whether it may use the network.
    pub net: bool,
    /// Files and folders that it may read.
    pub reads: Vec<PathBuf>,
    /// Files and folders that it may read and change.
    pub writes: Vec<PathBuf>,
    /// Names in its own folder for those: how each was called, and where it lies.
    pub names: Vec<(PathBuf, PathBuf)>,
}

/// What keeps a program in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wall {
    /// Namespaces, made by the program of this path.
    Bubblewrap(PathBuf),
    /// The kernel's Landlock, at least its sixth version (Linux 6.12), which keeps signals in too.
    Landlock,
    /// Nothing but the limits.
    None,
}

impl Wall {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Wall::Bubblewrap(_) => "bubblewrap",
            Wall::Landlock => "landlock",
            Wall::None => "none",
        }
    }

    /// The best that works here, bubblewrap before Landlock; or the one of this name.
    ///
    /// # Errors
    /// `Refused` when it does not work here.
    pub fn find(named: Option<&str>, path_var: &OsStr) -> Result<Wall> {
        let bubblewrap = || find_program("bwrap", path_var).filter(|p| bubblewrap::works(p)).map(Wall::Bubblewrap);
        let landlock = || has_landlock().then_some(Wall::Landlock);
        let found = match named {
            None => bubblewrap().or_else(landlock),
            Some("bubblewrap") => bubblewrap(),
            Some("landlock") => landlock(),
            Some(other) => {
                return Err(
                    Error::new(Kind::Usage, format!("there is no sandbox {other:?}")).hint("bubblewrap or landlock")
                );
            }
        };
        found.ok_or_else(|| {
            let which = named.unwrap_or("sandbox");
            Error::new(Kind::Refused, format!("no {which} works on this machine, so nothing is run"))
                .hint("install bubblewrap, or use Linux 6.12 or later with Landlock; `--unsafe` runs it unguarded")
        })
    }
}

#[cfg(target_os = "linux")]
fn has_landlock() -> bool {
    enter::has_landlock()
}

#[cfg(not(target_os = "linux"))]
fn has_landlock() -> bool {
    false
}

/// Elsewhere than on Linux nothing is ever entered.
#[cfg(not(target_os = "linux"))]
pub fn entered(_words: &[OsString]) -> Option<std::result::Result<u8, String>> {
    None
}

/// How it would end there when the walls could not be put up.
#[cfg(not(target_os = "linux"))]
pub const FAILED: u8 = 125;

/// What our binary is told that puts the inner wall up.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    /// Bytes of memory of each process.
    memory: u64,
    /// Processes and threads of this user.
    processes: u64,
    files: u64,
    file_size: u64,
    /// Whether system calls are filtered.
    filtered: bool,
    /// Whether the guard is the first process of a namespace.
    is_first: bool,
    /// Who starts the guard, where it is not.
    parent: i32,
    net: bool,
    /// What may be read and what may be changed too, where Landlock is the outer wall.
    landlock: Option<(Vec<PathBuf>, Vec<PathBuf>)>,
}

/// A program's command line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
}

/// What stands around a program.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// What keeps it in.
    pub wall: Wall,
    /// What it may use.
    pub bounds: Bounds,
    /// What it may see.
    pub reach: Reach,
}

impl Sandbox {
    /// What a program inside calls its own folder, which is `folder` outside.
    pub(super) fn inside(&self, folder: &Path) -> PathBuf {
        match self.wall {
            Wall::Bubblewrap(_) => PathBuf::from(bubblewrap::FOLDER),
            Wall::Landlock | Wall::None => folder.to_path_buf(),
        }
    }

    /// The line that runs `line` inside, with `folder` as its own.
    pub(super) fn wrap(&self, line: Line, folder: &Path) -> Result<Line> {
        let own = std::env::current_exe().context(Kind::Failed, || "cannot find our own program".to_string())?;
        if !own.exists() {
            return Err(Error::new(Kind::Failed, "our own program was replaced while it ran").hint("start it again"));
        }
        let seen = places(&line.program, &self.reach.reads);
        let order = Order {
            memory: self.bounds.memory,
            processes: usage::own_tasks() + u64::from(usage::THREADS * self.bounds.processes),
            files: self.bounds.files,
            file_size: self.bounds.file_size,
            filtered: self.wall != Wall::None,
            is_first: matches!(self.wall, Wall::Bubblewrap(_)),
            parent: rustix::process::getpid().as_raw_pid(),
            net: self.reach.net,
            landlock: (self.wall == Wall::Landlock).then(|| {
                let changed = [folder.to_path_buf()].into_iter().chain(self.reach.writes.iter().cloned());
                (seen.clone(), changed.collect())
            }),
        };
        let order = serde_json::to_string(&order)
            .context(Kind::BadData, || "a path is not UTF-8, which the sandbox cannot be told".to_string())?;
        let mut args = Vec::new();
        if let Wall::Bubblewrap(program) = &self.wall {
            args.extend([OUTER.into(), program.into()]);
            args.extend(bubblewrap::args(&own, &seen, &self.reach.writes, folder, self.reach.net));
        }
        args.extend([GUARD.into(), order.into(), line.program]);
        args.extend(line.args);
        Ok(Line { program: own.into(), args })
    }
}
