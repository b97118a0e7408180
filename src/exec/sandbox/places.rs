//! Which places of the system a sandboxed program may read: programs, libraries and what those look up, and nothing of a
//! person's.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Programs and libraries.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// Where the system's programs are looked for.
pub(in crate::exec) const PROGRAMS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// What libraries look up: how programs are linked, names of hosts, certificates, the time zone, Java's settings.
const SETTINGS: [&str; 18] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/java-11-openjdk",
    "/etc/java-17-openjdk",
    "/etc/java-21-openjdk",
    "/etc/java-25-openjdk",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki/tls/certs",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// What may be read: the system's programs, where `program` itself lies, and `more`.
pub fn places(program: &OsStr, more: &[PathBuf]) -> Vec<PathBuf> {
    let known = SYSTEM.iter().chain(&SETTINGS).map(PathBuf::from).filter(|place| place.exists());
    let program = Path::new(program);
    // What is named from its own folder lies there.
    let own = Some(program).filter(|path| path.is_absolute()).and_then(|path| path.canonicalize().ok());
    let own = own.filter(|path| !SYSTEM.iter().any(|known| path.starts_with(known)));
    known.chain(own.map(|path| installed(&path))).chain(more.iter().cloned()).collect()
}

/// What was installed together with a program that lies elsewhere (`…/node-v22/bin/node`): the folder above its `bin`. A
/// `bin` right in a home or at the top belongs to much else, so there it is the program alone.
fn installed(program: &Path) -> PathBuf {
    let above = program.parent().filter(|folder| folder.ends_with("bin")).and_then(Path::parent);
    above.filter(|above| is_installation(above)).unwrap_or(program).to_path_buf()
}

/// Whether this is the folder of one installation: with libraries beside its programs, and no folder for all kinds of
/// things, which are hidden (`~/.local`, `~/.cargo`) or have hidden ones in them.
fn is_installation(folder: &Path) -> bool {
    let is_hidden = folder.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let is_home = [".ssh", ".bashrc", ".profile", ".config", ".gnupg"].iter().any(|name| folder.join(name).exists());
    !is_hidden && !is_home && folder.join("lib").is_dir()
}

/// Where programs are looked for that run in a sandbox: the system's come first, since what lies in a home may need more
/// of that home, and programs that only choose among others there are left out.
pub(in crate::exec) fn path_for(path_var: &OsStr) -> OsString {
    let system = PROGRAMS.map(PathBuf::from);
    let chooses = |folder: &PathBuf| folder.ends_with("shims") || folder.ends_with(".cargo/bin");
    let others = std::env::split_paths(path_var).filter(|folder| !system.contains(folder) && !chooses(folder));
    // A folder with a colon in its name cannot stand on a path, and came from none.
    std::env::join_paths(system.iter().cloned().chain(others)).unwrap_or_else(|_| "/usr/bin:/bin".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_elsewhere_brings_what_was_installed_with_it_and_no_home() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let program = |folder: &str| {
            let bin = base.join(folder).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            std::fs::create_dir_all(base.join(folder).join("lib")).unwrap();
            std::fs::write(bin.join("node"), "").unwrap();
            bin.join("node")
        };
        let of = |program: &Path| places(program.as_os_str(), &[]).pop().unwrap();
        assert_eq!(of(&program("a/node-v22")), base.join("a/node-v22"));
        assert_eq!(of(&program("home/.local")), base.join("home/.local/bin/node"));
        let mine = program("person/mine");
        std::fs::write(base.join("person/mine/.bashrc"), "").unwrap();
        assert_eq!(of(&mine), mine);
        assert!(!places(OsStr::new("/usr/bin/env"), &[]).contains(&PathBuf::from("/usr/bin/env")));
    }
}
