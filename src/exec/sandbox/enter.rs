//! The inside of a sandbox: our own binary, started again, gives up what the program is not to have, and becomes it.
//!
//! One thread, nothing opened, nothing read but its own words. A step that fails ends it: what is not up keeps nobody in.
//! Behind Landlock another process of ours stands between, which sees to it that nobody is left.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::Command;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    Scope, make_bitflags, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use signal_hook::consts::SIGUSR1;
use signal_hook::iterator::Signals;

use super::{GUARD, Order, WORD, calls};

/// How it ends when the walls could not be put up, which is nobody's own exit code.
pub const FAILED: u8 = 125;

/// What is there of Landlock since Linux 6.12, and what is relied on.
const KNOWN: ABI = ABI::V6;

/// Devices that everybody needs.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Does what these words say of a sandbox, `None` when they say something else: the exit code, or why there is no sandbox.
pub fn entered(words: &[OsString]) -> Option<Result<u8, String>> {
    let [_, word, order, program, args @ ..] = words else { return None };
    if word == GUARD {
        return Some(guard(words));
    }
    (word == WORD).then(|| Err(become_it(order, program, args)))
}

/// Puts the walls up and becomes the program; comes back only with why not.
fn become_it(order: &OsStr, program: &OsStr, args: &[OsString]) -> String {
    let order: Result<Order, String> = order
        .to_str()
        .ok_or_else(|| "its order is no text".to_string())
        .and_then(|text| serde_json::from_str(text).map_err(|error| error.to_string()));
    match order.and_then(|order| close(&order)) {
        Ok(()) => Command::new(program).args(args).exec().to_string(),
        Err(why) => why,
    }
}

/// Starts the rest as a child, and ends all of the group should whoever asked for it be gone: where there are no namespaces
/// the end of a process ends nobody but itself.
fn guard(words: &[OsString]) -> Result<u8, String> {
    let said = |error: std::io::Error| error.to_string();
    let mut gone = Signals::new([SIGUSR1]).map_err(said)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::USR1)).map_err(|error| error.to_string())?;
    std::thread::spawn(move || {
        if gone.forever().next().is_some() {
            // We are one of them.
            let _ = rustix::process::kill_process_group(rustix::process::getpgrp(), Signal::KILL);
        }
    });
    let own = std::env::current_exe().map_err(said)?;
    let ended = Command::new(own).arg(WORD).args(&words[2..]).status().map_err(said)?;
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED))
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
        for filter in
            calls::filters(order.net, order.landlock.is_some()).map_err(|error| format!("system calls: {error}"))?
        {
            seccompiler::apply_filter(&filter).map_err(|error| format!("system calls: {error}"))?;
        }
    }
    Ok(())
}

/// Limits of the system, which children inherit and nobody without power can raise again (setrlimit(2)). Memory is
/// counted as data, so that what is only reserved is not.
fn limit(order: &Order) -> Result<(), rustix::io::Errno> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Data, order.memory),
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
