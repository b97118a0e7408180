//! The filter of system calls: what a program in a sandbox has no business with. What is not listed is allowed, since
//! interpreters differ; what is listed is what leads out of a sandbox, reaches into other processes or changes the machine.
//!
//! Of the lists of Docker (profiles/seccomp) and systemd (`SystemCallFilter=`) these are the groups that are refused
//! there: clock, debug, keyring, module, mount, obsolete, privileged, raw-io, reboot, swap.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

/// Refused with `EPERM`, whatever the arguments are.
const REFUSED: &[i64] = &[
    // Into other processes, or at their cost.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    // Out of the group that is ended together.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // Other roots, mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    STATMOUNT,
    LISTMOUNT,
    OPEN_TREE_ATTR,
    // Files by number instead of by name, and who looks at them.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_inotify_add_watch,
    libc::SYS_fanotify_init,
    // The kernel and the machine.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_personality,
    // Keys of whoever we are.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Memory that no limit counts, and what stays when all processes are gone.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_mlockall,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Modes, owners, times and attributes of files, which Landlock keeps nobody from changing wherever they lie. Refused with
/// `EPERM` where it is the outer wall.
const MODES: &[i64] = &[
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
    FILE_SETATTR,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
];

// Younger than our C library knows; the same on every machine (include/uapi/asm-generic/unistd.h).
const FCHMODAT2: i64 = 452;
const STATMOUNT: i64 = 457;
const LISTMOUNT: i64 = 458;
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const OPEN_TREE_ATTR: i64 = 467;
const FILE_SETATTR: i64 = 469;
/// The first number of which it is not known here what it does (Linux 6.18).
const NOT_KNOWN: u32 = 471;

/// Said to be unknown, so that a program goes the older way: what these ask for stands in memory, where no filter looks.
const UNKNOWN: &[i64] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Flags of clone(2) that make namespaces.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// What fcntl(2) is not asked for: F_SETLEASE and F_NOTIFY, by which others wait for us or are watched, and F_SETPIPE_SZ, which
/// takes memory of the kernel.
const WAITED_FOR: [u64; 3] = [1024, 1026, 1031];

/// Kinds of pairs of sockets that can be aimed at others: SOCK_DGRAM, and SOCK_RAW, which is the same (unix(7)).
const AIMED: [u64; 2] = [2, 3];
/// Where the kind stands beside flags (socket(2)).
const KIND: u64 = 0xf;

/// Typing on a terminal for whoever reads it (ioctl_tiocsti(2), ioctl_console(2)).
const TYPES: [u64; 2] = [0x5412, 0x541c];

/// The filters, to be put up in this order: with the network or without, behind Landlock or namespaces.
pub(super) fn filters(net: bool, behind_landlock: bool) -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let always = |calls: &[i64]| calls.iter().map(|call| (*call, Vec::new())).collect::<BTreeMap<_, _>>();
    let mut refused = always(REFUSED);
    if behind_landlock {
        refused.extend(always(MODES));
    }
    refused.insert(libc::SYS_socket, sockets(net)?);
    refused.insert(libc::SYS_clone, any(0, NAMESPACES.map(|flag| (Op::MaskedEq(flag as u64), flag as u64)))?);
    refused.insert(libc::SYS_ioctl, any(1, TYPES.map(|kind| (Op::Eq, kind)))?);
    refused.insert(libc::SYS_fcntl, any(1, WAITED_FOR.map(|command| (Op::Eq, command)))?);
    refused.insert(libc::SYS_socketpair, any(1, AIMED.map(|kind| (Op::MaskedEq(KIND), kind)))?);
    // Room that no limit of a file's length is asked about.
    refused.insert(libc::SYS_fallocate, any(1, [(Op::Ne, 0)])?);
    // Limits of others; 0 is oneself.
    refused.insert(libc::SYS_prlimit64, any(0, [(Op::Ne, 0)])?);
    let filter = |rules, errno: i32| -> Result<BpfProgram, seccompiler::BackendError> {
        let refuses = SeccompAction::Errno(errno.unsigned_abs());
        SeccompFilter::new(rules, SeccompAction::Allow, refuses, arch)?.try_into()
    };
    let mut unknown = filter(always(UNKNOWN), libc::ENOSYS)?;
    unknown.splice(0..0, none_from(NOT_KNOWN));
    Ok(vec![filter(refused, libc::EPERM)?, unknown])
}

/// Sockets by which one reaches others. Pairs of streams (socketpair(2)) are none. Without a rule every one is refused.
fn sockets(net: bool) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    if !net {
        return Ok(Vec::new());
    }
    // Names of hosts are looked up with the help of netlink.
    let allowed = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let others = allowed.map(|family| SeccompCondition::new(0, Len::Dword, Op::Ne, family as u64));
    Ok(vec![SeccompRule::new(others.into_iter().collect::<Result<_, _>>()?)?])
}

/// One rule for each of these, of the argument with this number.
fn any<const N: usize>(argument: u8, of: [(Op, u64); N]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let rule = |(op, value)| SeccompRule::new(vec![SeccompCondition::new(argument, Len::Dword, op, value)?]);
    of.into_iter().map(rule).collect()
}

/// Calls with this number or a higher one are said to be unknown: those that were added since, and on x86-64 those of the
/// x32 interface, which bear high numbers (seccomp(2): `__X32_SYSCALL_BIT`). Classic BPF; the number is the first word.
fn none_from(number: u32) -> [sock_filter; 3] {
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let unknown = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
    [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, number),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, unknown),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_built_for_every_case() {
        for (net, landlock) in [(false, false), (true, false), (false, true), (true, true)] {
            assert!(filters(net, landlock).unwrap().iter().all(|program| program.len() < 4096));
        }
    }
}
