//! How much the processes of a sandbox use together, which no limit of the system counts: looked at again and again, and
//! ended when it is too much. Linux only: elsewhere nothing is known.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::Bounds;
use crate::exec::unix::members_of;
use crate::exec::{Began, Stop};
use crate::kernel::figures::bytes;

/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(50);

/// What is on the disk is looked at once in so many glances.
const DISK: u32 = 6;

/// More files and folders than this nobody needs.
const ENTRIES: u64 = 20_000;

/// Looks after one program.
pub(in crate::exec) struct Watched {
    bounds: Bounds,
    folder: PathBuf,
    leader: Receiver<u32>,
}

impl Watched {
    /// Who looks, and by whom it is told which process leads the program.
    pub(in crate::exec) fn new(bounds: &Bounds, folder: &Path) -> (Watched, Began) {
        let (send, leader) = channel();
        // Where nobody looks any more nobody need be told.
        let began = Began(Arc::new(move |leader| {
            let _ = send.send(leader.pid);
        }));
        (Watched { bounds: bounds.clone(), folder: folder.to_path_buf(), leader }, began)
    }

    /// Looks until `over` is closed; ends the program when it uses too much, and says what.
    pub(in crate::exec) fn watch(self, over: &Receiver<()>, stop: &Stop) -> Option<String> {
        let group = Pid::from_raw(i32::try_from(self.leader.recv().ok()?).ok()?)?;
        for glance in 1u32.. {
            if over.recv_timeout(GLANCE) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            let too_large = || if glance.is_multiple_of(DISK) { self.too_large() } else { None };
            if let Some(what) = self.too_much(group).or_else(too_large) {
                // All of them at once, and again by whoever runs it.
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
                stop.request();
                stop.request();
                return Some(what);
            }
        }
        None
    }

    fn too_much(&self, group: Pid) -> Option<String> {
        let members = members_of(group).ok()?;
        if members.len() > self.bounds.processes as usize + HELPERS {
            return Some(format!("it had more than {} processes", self.bounds.processes));
        }
        let roughly: u64 = members.iter().map(|pid| rough(*pid)).sum();
        // What they share is counted once only where it might be too much.
        let is_too_much = roughly > self.bounds.memory && {
            let exact: u64 = members.iter().map(|pid| share(*pid).unwrap_or_else(|| rough(*pid))).sum();
            exact > self.bounds.memory
        };
        is_too_much.then(|| format!("it used more than {} MiB of memory", self.bounds.memory >> 20))
    }

    fn too_large(&self) -> Option<String> {
        let (taken, entries) = taken(&self.folder);
        if taken > self.bounds.disk {
            return Some(format!("it wrote more than {}", bytes(self.bounds.disk)));
        }
        (entries > ENTRIES).then(|| format!("it made more than {ENTRIES} files"))
    }
}

/// Bubblewrap's own two processes.
const HELPERS: usize = 2;

/// Memory in use, that of libraries left out, bytes (proc(5): statm, in pages).
fn rough(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut fields = text.split_whitespace().skip(1).map(|field| field.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
    resident.saturating_sub(shared) * rustix::param::page_size() as u64
}

/// Its part of the memory in use, bytes (proc(5): `Pss` of smaps_rollup, in kB).
fn share(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// What lies in a folder: bytes on the disk, and how many files and folders.
fn taken(folder: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let (mut bytes, mut entries) = (0, 0);
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        // What is gone meanwhile, or too deep to be reached, takes nothing that could be counted.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            entries += 1;
            let Ok(meta) = entry.metadata() else { continue };
            bytes += meta.blocks() * 512;
            if meta.is_dir() {
                open.push(entry.path());
            }
        }
        if entries > ENTRIES {
            break;
        }
    }
    (bytes, entries)
}

/// Threads of this user, which the limit of processes counts too; too many rather than too few.
pub(super) fn own_tasks() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::getuid().as_raw();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mine = processes.filter(|entry| {
        entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit)
            && entry.metadata().is_ok_and(|meta| meta.uid() == me)
    });
    mine.map(|entry| std::fs::read_dir(entry.path().join("task")).map_or(1, |tasks| tasks.count() as u64)).sum()
}
