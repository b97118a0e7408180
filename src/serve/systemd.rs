//! What the machine's service manager is told and tells: that it is ready, lives, reads its settings again, ends; and the
//! unit by which it starts this.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::kernel::env::Env;

/// Says that requests are answered from now on.
pub fn ready() {
    // Where no service manager listens, nothing is said.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}

/// Says that the settings are being read again; [`ready`] says that they were.
pub fn reloading() {
    let now = NotifyState::monotonic_usec_now();
    let _ = match now {
        Ok(now) => sd_notify::notify(&[NotifyState::Reloading, now]),
        Err(_) => sd_notify::notify(&[NotifyState::Reloading]),
    };
}

/// Says that it is ending.
pub fn stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// Says that it lives.
pub fn alive() {
    let _ = sd_notify::notify(&[NotifyState::Watchdog]);
}

/// Whether what is written to this stream (1 or 2) is kept by the journal, which others may read (systemd.exec(5),
/// `JOURNAL_STREAM`: the device and the inode of it).
pub fn is_journaled(env: &Env, stream: u8) -> bool {
    let Some(said) = env.text("JOURNAL_STREAM") else { return false };
    let here =
        std::fs::metadata(format!("/proc/self/fd/{stream}")).map(|meta| format!("{}:{}", meta.dev(), meta.ino()));
    here.is_ok_and(|here| here == said)
}

/// How often it is to say that it lives; `None` where nobody waits for it.
pub fn beat() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// A unit that starts `program serve` with these words, hardened as far as running commands allows.
pub fn unit(program: &Path, words: &[String]) -> String {
    let quoted = |word: &str| match word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@+,[]".contains(c)) {
        true => word.to_string(),
        false => {
            format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$"))
        }
    };
    let line: Vec<String> = [program.to_string_lossy().into_owned(), "serve".to_string()]
        .iter()
        .chain(words)
        .map(|word| quoted(word))
        .collect();
    format!(
        "\
# /etc/systemd/system/fac.service
#   fac serve --print-systemd | sudo tee /etc/systemd/system/fac.service
#   sudo systemctl daemon-reload && sudo systemctl enable --now fac
# The first start writes the owner's key into a file: sudo cat /var/lib/factotum/state/first-key
[Unit]
Description=factotum, served
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={line}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=30
Restart=on-failure
RestartSec=2
TimeoutStopSec=30
KillMode=mixed
LimitNOFILE=65536

DynamicUser=yes
StateDirectory=factotum
StateDirectoryMode=0700
Environment=FAC_HOME=%S/factotum
WorkingDirectory=%S/factotum
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
# Behind these code that is run over HTTP is kept in by Landlock (Linux 6.12). For bubblewrap leave out RestrictNamespaces and
# SystemCallFilter.
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
",
        line = line.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_blanks_stay_one_word() {
        let unit = unit(Path::new("/usr/local/bin/fac"), &["--listen".into(), "[::1]:4000".into(), "a b%\"$".into()]);
        assert!(unit.contains("ExecStart=/usr/local/bin/fac serve --listen [::1]:4000 \"a b%%\\\"$$\"\n"));
        for wanted in ["Type=notify\n", "WatchdogSec=30\n", "NoNewPrivileges=yes\n"] {
            assert!(unit.contains(wanted), "{wanted}");
        }
    }
}
