//! Tells the linker of the release binary which functions lie side by side, to write relocations in few bytes, and to take the
//! C++ library along, which would otherwise look for three thousand names at each start.
//!
//! All of that only makes the program start quicker and take less memory; where it is not known to work it is left out.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=assets/link/order.ld");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|v| v == value);
    if !is("PROFILE", "release")
        || !is("TARGET", "x86_64-unknown-linux-gnu")
        || !is("HOST", "x86_64-unknown-linux-gnu")
        || std::env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("mold"))
    {
        return;
    }
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg-bin=fac=-T");
    println!("cargo::rustc-link-arg-bin=fac={folder}/assets/link/order.ld");
    if glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bin=fac=-Wl,-z,pack-relative-relocs");
    }
    if let Some(alone) = std::env::var_os("OUT_DIR").and_then(|out| cpp_alone(Path::new(&out))) {
        println!("cargo::rustc-link-search=native={}", alone.display());
    }
}

/// A folder in which the linker finds the C++ library only as an archive.
fn cpp_alone(out: &Path) -> Option<PathBuf> {
    let said = Command::new("cc").arg("-print-file-name=libstdc++.a").output().ok()?;
    let archive = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim());
    // What it does not find it names without a folder.
    if !archive.is_absolute() {
        return None;
    }
    let link = out.join("libstdc++.a");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(archive, &link).ok()?;
    Some(out.to_path_buf())
}

/// The C library of this machine; older ones than 2.36 cannot read packed relocations.
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
