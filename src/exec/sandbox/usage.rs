//! How much the processes of a sandbox use together, which no limit of the system counts: looked at again and again, and
//! ended when it is too much. Linux only: elsewhere nothing is known.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::Bounds;
use crate::exec::unix::{Member, members_of};
use crate::exec::{Began, Stop};
use crate::kernel::figures::bytes;

/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(50);

/// So long those may take to be gone that were killed.
const GONE: Duration = Duration::from_secs(5);

/// What is on the disk is looked at once in so many glances.
const DISK: u32 = 2;

/// More files and folders than this nobody needs.
const ENTRIES: u64 = 20_000;

/// Threads for each process that is allowed.
pub(super) const THREADS: u32 = 4;

/// Processes of bubblewrap and ours that stand around the program.
const HELPERS: usize = 3;

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

    /// Looks until `over` is closed, and ends then what is left; ends the program before when it uses too much, and says
    /// what.
    pub(in crate::exec) fn watch(self, over: &Receiver<()>, stop: &Stop) -> Option<String> {
        let group = Pid::from_raw(i32::try_from(self.leader.recv().ok()?).ok()?)?;
        let mut found = None;
        for glance in 1u32.. {
            if over.recv_timeout(GLANCE) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            let members = members_of(group).unwrap_or_default();
            let too_large = || if glance.is_multiple_of(DISK) { self.too_large(&members) } else { None };
            found = self.too_much(&members).or_else(too_large);
            if found.is_some() {
                end(group);
                stop.request();
                stop.request();
                break;
            }
        }
        // A group that has members keeps its number.
        let begun = Instant::now();
        while begun.elapsed() < GONE && members_of(group).is_ok_and(|left| !left.is_empty()) {
            end(group);
            std::thread::sleep(Duration::from_millis(5));
        }
        found.or_else(|| self.too_large(&[]))
    }

    fn too_much(&self, members: &[Member]) -> Option<String> {
        let most = self.bounds.processes;
        if members.len() > most as usize + HELPERS {
            return Some(format!("it had more than {most} processes"));
        }
        let threads: u64 = members.iter().map(|member| member.threads).sum();
        if threads > u64::from(most * THREADS) + HELPERS as u64 {
            return Some(format!("it had more than {} threads", most * THREADS));
        }
        let roughly: u64 = members.iter().map(|member| memory(member, "status", &ROUGH).unwrap_or(0)).sum();
        // What they share is counted once only where it might be too much.
        let is_too_much = roughly > self.bounds.memory && {
            let exactly = |member: &Member| {
                let tables = memory(member, "status", &TABLES);
                memory(member, "smaps_rollup", &EXACT).map(|own| own + tables.unwrap_or(0))
            };
            let whole = |member| exactly(member).or_else(|| memory(member, "status", &ROUGH)).unwrap_or(0);
            members.iter().map(whole).sum::<u64>() > self.bounds.memory
        };
        is_too_much.then(|| format!("it used more than {} MiB of memory", self.bounds.memory >> 20))
    }

    fn too_large(&self, members: &[Member]) -> Option<String> {
        let (mut all, entries) = match taken(&self.folder) {
            Ok(taken) => taken,
            Err(why) => return Some(why.to_string()),
        };
        all += without_names(members, &self.folder);
        if all > self.bounds.disk {
            return Some(format!("it wrote more than {}", bytes(self.bounds.disk)));
        }
        (entries > ENTRIES).then(|| format!("it made more than {ENTRIES} files"))
    }
}

/// All of them at once.
fn end(group: Pid) {
    // They may be gone already.
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
}

/// Lines of /proc/PID/status and /proc/PID/smaps_rollup (proc(5)), in kB: what is a process's own and shared without a file,
/// and the tables of its memory; the same with what is shared divided among those who share it.
const ROUGH: [&str; 3] = ["RssAnon:", "RssShmem:", "VmPTE:"];
const TABLES: [&str; 1] = ["VmPTE:"];
const EXACT: [&str; 2] = ["Pss_Anon:", "Pss_Shmem:"];

/// The sum of these lines, bytes.
fn memory(member: &Member, file: &str, lines: &[&str]) -> Option<u64> {
    let base = format!("/proc/{}", member.pid);
    // The first thread may have ended before the others, and takes all that is known of the memory with it.
    let text = match member.is_headless {
        false => std::fs::read_to_string(format!("{base}/{file}")).ok()?,
        true => std::fs::read_dir(format!("{base}/task"))
            .ok()?
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join(file)).ok())
            .find(|text| lines.iter().any(|line| text.contains(line)))?,
    };
    let of =
        |line: &&str| text.lines().find_map(|l| l.strip_prefix(line)?.split_whitespace().next()?.parse::<u64>().ok());
    Some(lines.iter().filter_map(of).sum::<u64>() * 1024)
}

/// What lies in a folder: bytes on the disk, and how many files and folders; or why that is not to be found out.
fn taken(folder: &Path) -> Result<(u64, u64), &'static str> {
    let (mut all, mut entries) = (0, 0);
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let listed = match std::fs::read_dir(&folder) {
            Ok(listed) => listed,
            // It is gone meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Err("it closed a folder"),
            Err(_) => return Err("it made folders that are too deep"),
        };
        for entry in listed.flatten() {
            entries += 1;
            let Ok(meta) = entry.metadata() else { continue };
            all += meta.blocks() * 512;
            if meta.is_dir() {
                open.push(entry.path());
            }
        }
        if entries > ENTRIES {
            break;
        }
    }
    Ok((all, entries))
}

/// What they have open of a folder's disk that has no name any more, bytes.
fn without_names(members: &[Member], folder: &Path) -> u64 {
    let Ok(disk) = std::fs::metadata(folder).map(|meta| meta.dev()) else { return 0 };
    let mut seen = BTreeSet::new();
    let open =
        members.iter().flat_map(|member| std::fs::read_dir(format!("/proc/{}/fd", member.pid)).into_iter().flatten());
    open.flatten()
        .filter_map(|file| std::fs::metadata(file.path()).ok())
        .filter(|meta| meta.nlink() == 0 && meta.dev() == disk && seen.insert(meta.ino()))
        .map(|meta| meta.blocks() * 512)
        .sum()
}

/// Threads of this user, which the limit of processes counts too; too many rather than too few.
pub(super) fn own_tasks() -> u64 {
    let me = rustix::process::getuid().as_raw();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mine = processes.filter(|entry| {
        entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit)
            && entry.metadata().is_ok_and(|meta| meta.uid() == me)
    });
    mine.map(|entry| std::fs::read_dir(entry.path().join("task")).map_or(1, |tasks| tasks.count() as u64)).sum()
}
