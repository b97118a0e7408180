//! Processes told apart: a number, when it started and which boot that was.
//!
//! Process numbers are used again; a start time on the same boot is not. Linux only; elsewhere nothing is known,
//! and a process of which nothing is known counts as alive.

/// What tells a process from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it started, clock ticks since boot.
    pub start: u64,
    /// Which boot of the machine.
    pub boot: String,
}

/// This process.
pub fn this_process() -> Identity {
    let pid = std::process::id();
    Identity { pid, start: start_of(pid).unwrap_or(0), boot: boot() }
}

/// Whether that very process is still there.
pub fn is_alive(pid: u32, start: u64, boot_then: &str) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    boot_then == boot() && start_of(pid) == Some(start)
}

/// Field 22 of `/proc/PID/stat` (proc(5)); the second field is in parentheses and may hold anything. A zombie is dead.
pub(super) fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after = &stat[stat.rfind(')')? + 1..];
    let mut fields = after.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

pub(super) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself_and_no_other() {
        let me = this_process();
        assert!(is_alive(me.pid, me.start, &me.boot));
        assert!(!is_alive(me.pid, me.start + 1, &me.boot));
        assert!(!is_alive(me.pid, me.start, "another boot"));
    }
}
