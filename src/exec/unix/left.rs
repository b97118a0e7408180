//! Programs that went on when whoever ran them was killed: found by who began them, and ended.
//!
//! A program that is run apart leads a session, and what it starts is in it unless that asked for one of its own. A number
//! may be given to another process later, so nothing is touched that is not known for one of these by more than its number.
//! Linux only: elsewhere nobody is found.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::exec::process::{Identity, boot, start_of};

/// How often it is looked whether they have ended.
const GLANCE: Duration = Duration::from_millis(10);

/// Ends what is left of the session that `leader` began: TERM, and KILL for what is there still after `grace`. `mark` is a
/// variable, `NAME=VALUE`, that all of them have in their environment. How many there were.
pub fn end_session(leader: &Identity, mark: &OsStr, grace: Duration) -> usize {
    if leader.boot != boot() {
        return 0;
    }
    let found = members(leader, mark);
    let begun = Instant::now();
    let mut signal = Signal::TERM;
    let mut left = found.clone();
    while !left.is_empty() {
        for pid in &left {
            // One that has ended meanwhile needs nothing.
            let _ = rustix::process::kill_process(*pid, signal);
            let _ = rustix::process::kill_process(*pid, Signal::CONT);
        }
        let until = if signal == Signal::KILL { begun + 2 * grace } else { begun + grace };
        while !left.is_empty() && Instant::now() < until {
            std::thread::sleep(GLANCE);
            // What they started meanwhile goes too.
            left = members(leader, mark);
        }
        if signal == Signal::KILL {
            break;
        }
        signal = Signal::KILL;
    }
    found.len()
}

/// Processes that lead a session and have `mark`, `NAME=VALUE`, in their environment, with the number that the variable
/// `count` has there: of those that nobody could write down before they were left.
pub fn leaders(mark: &OsStr, count: &str) -> Vec<(Identity, u64)> {
    let prefix = format!("{count}=");
    let leads = |pid: &u32| *pid != std::process::id() && session_of(*pid) == Some(*pid);
    pids()
        .filter(leads)
        .filter(|pid| is_marked(*pid, mark))
        .filter_map(|pid| {
            let environment = environment(pid);
            let mut variables = environment.split(|byte| *byte == 0);
            let number = variables.find_map(|variable| variable.strip_prefix(prefix.as_bytes()))?;
            let number = std::str::from_utf8(number).ok()?.parse().ok()?;
            Some((Identity { pid, start: start_of(pid)?, boot: boot() }, number))
        })
        .collect()
}

/// The living processes of the session.
fn members(leader: &Identity, mark: &OsStr) -> Vec<Pid> {
    // While a session has members, the number of its leader is given to nobody else: this one is another's.
    if start_of(leader.pid).is_some_and(|start| start != leader.start) {
        return Vec::new();
    }
    pids()
        .filter(|pid| is_member(*pid, leader, mark))
        .filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .collect()
}

/// The numbers of all processes.
fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The variables that a process was begun with, a zero byte behind each (proc(5)); nothing of one that is another's, or gone.
fn environment(pid: u32) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

fn is_member(pid: u32, leader: &Identity, mark: &OsStr) -> bool {
    let Some(start) = start_of(pid) else { return false };
    let belongs = session_of(pid) == Some(leader.pid);
    if pid == leader.pid {
        // Two may begin in one tick of the clock, but only one of them leads its session.
        return belongs && start == leader.start;
    }
    belongs && start >= leader.start && is_marked(pid, mark)
}

/// Field 6 of `/proc/PID/stat` (proc(5)).
fn session_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(3)?.parse().ok()
}

fn is_marked(pid: u32, mark: &OsStr) -> bool {
    environment(pid).split(|byte| *byte == 0).any(|variable| variable == mark.as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::exec::without_terminal;

    const GRACE: Duration = Duration::from_secs(5);

    /// A shell that leads a session and has a child in it, and waits; with the child's number.
    fn session(script: &str) -> (std::process::Child, Identity, u32) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("MARK", "one").env("TRY", "3").stdin(Stdio::null()).stdout(Stdio::piped());
        without_terminal(&mut command);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        let leader = Identity { pid: child.id(), start: start_of(child.id()).unwrap(), boot: boot() };
        (child, leader, line.trim().parse().unwrap())
    }

    #[test]
    fn all_of_a_session_end_also_one_that_takes_no_hint() {
        let (mut child, leader, other) = session("trap '' TERM; sleep 600 & echo $!; while :; do sleep 1; done");
        assert!(end_session(&leader, OsStr::new("MARK=one"), Duration::from_millis(200)) >= 2);
        assert!(is_gone(other) && is_gone(leader.pid));
        child.wait().unwrap();
    }

    /// One that was killed has given its environment back, and is no member any more, a moment before it is gone.
    fn is_gone(pid: u32) -> bool {
        let until = Instant::now() + GRACE;
        while start_of(pid).is_some() && Instant::now() < until {
            std::thread::yield_now();
        }
        start_of(pid).is_none()
    }

    #[test]
    fn what_nobody_wrote_down_is_found_by_its_mark() {
        let (mut child, leader, _) = session("sleep 600 & echo $!; wait");
        let of = |mark: &str| leaders(OsStr::new(mark), "TRY");
        assert_eq!(
            of("MARK=one").into_iter().filter(|(found, _)| *found == leader).collect::<Vec<_>>(),
            [(leader.clone(), 3)]
        );
        assert_eq!(of("MARK=nobody's"), []);
        end_session(&leader, OsStr::new("MARK=one"), GRACE);
        child.wait().unwrap();
    }

    #[test]
    fn nobody_else_is_touched() {
        let (mut child, leader, other) = session("sleep 600 & echo $!; wait");
        let mark = OsStr::new("MARK=one");
        let later = Identity { start: leader.start + 1, ..leader.clone() };
        let reused = Identity { pid: other, ..leader.clone() };
        let elsewhen = Identity { boot: "another".into(), ..leader.clone() };
        for wrong in [&later, &reused, &elsewhen] {
            assert_eq!(end_session(wrong, mark, GRACE), 0, "{wrong:?}");
        }
        // The leader is gone, and a stranger has its number: only those with the mark were its own.
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(end_session(&leader, OsStr::new("MARK=two"), GRACE), 0);
        assert!(start_of(other).is_some());
        assert_eq!(end_session(&leader, mark, GRACE), 1);
        assert!(start_of(other).is_none());
    }
}
