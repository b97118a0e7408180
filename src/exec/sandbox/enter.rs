//! The inside of a sandbox: our own binary, started again, gives up what the program is not to have, and becomes it.
//!
//! It is started up to three times, one in another. The **outer** one lets go of every file that was open before it becomes
//! bubblewrap. The **guard** is the parent of the program: behind bubblewrap the first process inside, with the filter and the
//! limits on and memory that nobody may open; behind Landlock outside of it, the one that ends all should we be gone. The
//! **inner** one, behind Landlock, puts up the walls and becomes the program. A step that fails ends it: what is not up keeps
//! nobody in.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::Command;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    Scope, make_bitflags, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal, WaitOptions, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use signal_hook::consts::SIGUSR1;
use signal_hook::iterator::Signals;

use super::{GUARD, INNER, OUTER, Order, calls};

/// How it ends when the walls could not be put up, which is nobody's own exit code.
pub const FAILED: u8 = 125;

/// What is there of Landlock since Linux 6.12, and what is relied on.
const KNOWN: ABI = ABI::V6;

/// Devices that everybody needs.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Does what these words say of a sandbox, `None` when they say something else: the exit code, or why there is no sandbox.
pub fn entered(words: &[OsString]) -> Option<Result<u8, String>> {
    let [_, word, rest @ ..] = words else { return None };
    if word == OUTER {
        return Some(Err(outer(rest)));
    }
    let [order, program, args @ ..] = rest else { return None };
    if word == GUARD {
        return Some(read(order).and_then(|order| guard(&order, rest)));
    }
    (word == INNER).then(|| {
        read(order).and_then(|order| close(&order))?;
        Err(Command::new(program).args(args).exec().to_string())
    })
}

fn read(order: &OsStr) -> Result<Order, String> {
    let text = order.to_str().ok_or_else(|| "its order is no text".to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Becomes another program, without any file that was open; comes back only with why not.
fn outer(words: &[OsString]) -> String {
    let [program, args @ ..] = words else { return "nothing is to be run".to_string() };
    match close_files() {
        Ok(()) => Command::new(program).args(args).exec().to_string(),
        Err(error) => error.to_string(),
    }
}

/// Every file but the three streams is closed when another program begins: whoever started us may have left some open.
fn close_files() -> std::io::Result<()> {
    // SAFETY: plain numbers go in; that descriptors close at the next exec(2) takes none away from anybody in this process.
    #[allow(unsafe_code)]
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Starts the program and waits for its end; its exit code, or 128 and the signal that ended it.
fn guard(order: &Order, rest: &[OsString]) -> Result<u8, String> {
    close_files().map_err(|error| error.to_string())?;
    if order.is_first {
        return first(order, rest);
    }
    let mut gone = Signals::new([SIGUSR1]).map_err(|error| error.to_string())?;
    rustix::process::set_parent_process_death_signal(Some(Signal::USR1)).map_err(|error| error.to_string())?;
    if rustix::process::getppid().is_none_or(|parent| parent.as_raw_pid() != order.parent) {
        return Err("whoever asked for it is gone".to_string());
    }
    std::thread::spawn(move || {
        if gone.forever().next().is_some() {
            // We are one of them.
            let _ = rustix::process::kill_process_group(rustix::process::getpgrp(), Signal::KILL);
        }
    });
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let ended = Command::new(own).arg(INNER).args(rest).status().map_err(|error| error.to_string())?;
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED))
}

/// The same of the first process of a namespace: its end is that of all in it, and those without a parent are its children.
fn first(order: &Order, rest: &[OsString]) -> Result<u8, String> {
    let [_, program, args @ ..] = rest else { return Err("nothing is to be run".to_string()) };
    // Else what runs inside could write itself into us, who are older than its walls.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| error.to_string())?;
    close(order)?;
    let child = Command::new(program).args(args).spawn().map_err(|error| error.to_string())?;
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_pid().unsigned_abs() == child.id() => {
                let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
                return Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Whether Landlock is there as it is relied on.
pub(super) fn has_landlock() -> bool {
    rules(false).and_then(Ruleset::create).is_ok()
}

fn close(order: &Order) -> Result<(), String> {
    let said = |what: &'static str| move |error: rustix::io::Errno| format!("{what}: {error}");
    // Whoever looks after it is gone then.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(said("the parent's end"))?;
    limit(order).map_err(said("limits"))?;
    if let Some((seen, changed)) = &order.landlock {
        give_up_powers().map_err(said("powers"))?;
        fence(seen, changed, order.net).map_err(|error| format!("landlock: {error}"))?;
    }
    if order.filtered {
        rustix::thread::set_no_new_privs(true).map_err(said("privileges"))?;
        for filter in calls::filters(order.net, order.landlock.is_some()).map_err(|error| format!("calls: {error}"))? {
            seccompiler::apply_filter(&filter).map_err(|error| format!("calls: {error}"))?;
        }
    }
    Ok(())
}

/// Limits of the system, which children inherit and nobody without power can raise again (setrlimit(2)). Memory is counted as
/// data here, so that what is only reserved is not, and generously, since what is really used is looked at from outside.
fn limit(order: &Order) -> Result<(), rustix::io::Errno> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Data, order.memory.saturating_mul(4)),
        (Resource::Fsize, order.file_size),
        (Resource::Nofile, order.files),
        (Resource::Nproc, order.processes),
        (Resource::Memlock, 64 << 10),
    ];
    for (resource, most) in limits {
        // What is lower already stays so.
        let most = rustix::process::getrlimit(resource).maximum.map_or(most, |now| now.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Where we are the system's owner: none of what only that may do, neither now nor by another program.
fn give_up_powers() -> Result<(), rustix::io::Errno> {
    rustix::thread::set_no_new_privs(true)?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

fn rules(net: bool) -> Result<Ruleset, RulesetError> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?;
    if net { Ok(rules) } else { rules.handle_access(AccessNet::from_all(KNOWN)) }
}

/// Only these places from now on.
fn fence(seen: &[PathBuf], changed: &[PathBuf], net: bool) -> Result<(), RulesetError> {
    let all = AccessFs::from_all(KNOWN) & !make_bitflags!(AccessFs::{MakeChar | MakeBlock | MakeSock});
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile});
    rules(net)?
        .create()?
        .add_rules(path_beneath_rules(seen, AccessFs::from_read(KNOWN)))?
        .add_rules(path_beneath_rules(changed, all))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .restrict_self()?;
    Ok(())
}
