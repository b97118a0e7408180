//! What the kernel would refuse, said in words before anything is started; and where programs are.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::kernel::error::{Error, Kind, Result};

use super::unix;

/// The longest argument, and the longest `NAME=value`, in bytes: Linux's `MAX_ARG_STRLEN` (32 pages of 4 KiB) without
/// the closing NUL.
pub const MAX_STRING: usize = 131_071;

/// Refuses arguments and variables that no program can be started with: with NUL inside, too long, or too much together.
pub(super) fn check(program: &OsStr, args: &[OsString], env: &[(OsString, OsString)]) -> Result<()> {
    let name = |i: usize| format!("argument {} of {}", i + 1, Path::new(program).display());
    let mut total = cost(program.len());
    for (i, arg) in args.iter().enumerate() {
        check_one(|| name(i), arg, arg.len())?;
        total += cost(arg.len());
    }
    for (key, value) in env {
        if key.is_empty() || key.as_encoded_bytes().iter().any(|b| matches!(b, b'=' | 0)) {
            return Err(Error::new(Kind::Usage, format!("{key:?} cannot be the name of an environment variable")));
        }
        let length = key.len() + 1 + value.len();
        check_one(|| format!("the value of {}", key.display()), value, length)?;
        total += cost(length);
    }
    let limit = unix::argument_space();
    if total > limit {
        let largest_arg = args.iter().enumerate().max_by_key(|(_, a)| a.len()).map(|(i, a)| (a.len(), name(i)));
        let largest_env =
            env.iter().max_by_key(|(_, v)| v.len()).map(|(k, v)| (v.len(), format!("the variable {}", k.display())));
        let (size, largest) = largest_arg.into_iter().chain(largest_env).max().unwrap_or_default();
        return Err(Error::new(
            Kind::Usage,
            format!("the arguments and the environment take {total} bytes, and the kernel allows {limit}"),
        )
        .hint(format!("the largest is {largest} with {size} bytes; pass large data in a file or on standard input")));
    }
    Ok(())
}

/// A string's bytes, its NUL and the pointer to it.
fn cost(length: usize) -> usize {
    length + 1 + size_of::<usize>()
}

fn check_one(what: impl Fn() -> String, value: &OsStr, length: usize) -> Result<()> {
    if value.as_encoded_bytes().contains(&0) {
        return Err(Error::new(Kind::Usage, format!("{} holds a NUL byte, which no program can be given", what())));
    }
    if length > MAX_STRING {
        return Err(Error::new(
            Kind::Usage,
            format!("{} is {length} bytes long, and the kernel allows {MAX_STRING}", what()),
        )
        .hint("pass large data in a file or on standard input"));
    }
    Ok(())
}

/// The file that runs when `name` is called: `name` itself when it has a slash, else the first executable of that name
/// in the folders of `path_var`. Relative folders on the path are passed over, so that a working folder cannot put its
/// own programs in the way.
pub fn find_program(name: impl AsRef<OsStr>, path_var: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = name.as_ref();
    if name.is_empty() {
        return None;
    }
    if name.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(|p| unix::is_executable(p));
    }
    std::env::split_paths(path_var.as_ref())
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| unix::is_executable(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(texts: &[&str]) -> Vec<OsString> {
        texts.iter().map(OsString::from).collect()
    }

    fn refusal(args: &[OsString], env: &[(OsString, OsString)]) -> (Kind, String) {
        let error = check(OsStr::new("sh"), args, env).unwrap_err();
        (error.kind(), error.message().to_owned())
    }

    #[test]
    fn what_the_kernel_takes_passes() {
        let env = [("X".into(), "x".repeat(MAX_STRING - 2).into())];
        check(OsStr::new("sh"), &[OsString::from("y".repeat(MAX_STRING))], &env).unwrap();
    }

    #[test]
    fn the_offender_is_named() {
        let long = "x".repeat(MAX_STRING + 1);
        assert_eq!(
            refusal(&os(&["-c", &long]), &[]),
            (Kind::Usage, "argument 2 of sh is 131072 bytes long, and the kernel allows 131071".to_owned())
        );
        let env = [("NOTES".into(), long[6..].into())];
        assert_eq!(
            refusal(&[], &env),
            (Kind::Usage, "the value of NOTES is 131072 bytes long, and the kernel allows 131071".to_owned())
        );
        assert_eq!(refusal(&os(&["a\0b"]), &[]).1, "argument 1 of sh holds a NUL byte, which no program can be given");
        assert_eq!(
            refusal(&[], &[("A=B".into(), "".into())]).1,
            "\"A=B\" cannot be the name of an environment variable"
        );
    }

    #[test]
    fn the_sum_is_limited_too() {
        let args = vec![OsString::from("x".repeat(100_000)); 90];
        let error = check(OsStr::new("sh"), &args, &[]).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.way_forward().unwrap().starts_with("the largest is argument 90 of sh with 100000 bytes"));
    }

    #[test]
    fn programs_are_found_on_absolute_folders_only() {
        let path = "/nonexistent:/usr/bin:/bin";
        assert!(find_program("sh", path).is_some_and(|p| p.ends_with("sh") && p.is_absolute()));
        assert_eq!(find_program("sh", "bin::."), None);
        assert_eq!(find_program("no-such-program", path), None);
        assert_eq!(find_program("/bin/sh", ""), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find_program("/etc/passwd", ""), None);
        assert_eq!(find_program("/etc", ""), None);
        assert_eq!(find_program("", path), None);
    }
}
