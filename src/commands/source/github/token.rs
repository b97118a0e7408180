//! Finding a token for a host: environment, then `gh`, then none.
//!
//! A token belongs to one host and is only ever given to the client of that host. It knows no HTTP. Order and
//! names are those of the `gh` program (cli/cli `pkg/cmd/root/help_topic.go`).

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::spec::{GITHUB, is_public_cloud};

/// How long `gh auth token` may take.
const GH_LIMIT: Duration = Duration::from_secs(5);
/// No token is longer; more output than this is not a token.
const LONGEST: u64 = 4096;

/// A token. It prints as `***`; [`Token::expose`] is the only way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
    host: String,
    from: String,
}

impl Token {
    /// A token for `host`, found at `from` (a variable's name, or `gh auth token`).
    ///
    /// `None` when the text cannot be a token: empty, or with characters that no header may carry.
    pub fn new(text: &str, host: &str, from: &str) -> Option<Token> {
        let text = text.trim();
        let plausible = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        plausible.then(|| Token { text: text.into(), host: host.to_ascii_lowercase(), from: from.into() })
    }

    /// The secret itself, for the Authorization header.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The host it belongs to, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where it was found, for messages.
    pub fn from(&self) -> &str {
        &self.from
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(*** for {} from {})", self.host, self.from)
    }
}

/// The token for `host`, or `None` to go on anonymously.
///
/// `env` is the environment as a value. Asking `gh` takes up to five seconds and blocks, so call this before the
/// async runtime starts, and only when something will be fetched.
pub fn find(host: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<Token> {
    from_environment(host, env).or_else(|| from_gh(host, env, GH_LIMIT))
}

/// The token that the environment holds for `host`.
///
/// github.com and `*.ghe.com`: `GH_TOKEN`, then `GITHUB_TOKEN`. An Enterprise server: `GH_ENTERPRISE_TOKEN`, then
/// `GITHUB_ENTERPRISE_TOKEN`, and only when `GH_HOST` names that very server, so that no token goes to a host it was
/// not meant for.
pub fn from_environment(host: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<Token> {
    let names: &[&str] = if host.eq_ignore_ascii_case(GITHUB) || named_cloud(host, env) {
        &["GH_TOKEN", "GITHUB_TOKEN"]
    } else if env("GH_HOST").is_some_and(|named| named.eq_ignore_ascii_case(host)) {
        &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
    } else {
        &[]
    };
    names.iter().find_map(|name| Token::new(&env(name)?, host, name))
}

/// A `*.ghe.com` tenant takes the cloud's token only when `GH_HOST` names it: tenants do not share tokens.
fn named_cloud(host: &str, env: &dyn Fn(&str) -> Option<String>) -> bool {
    is_public_cloud(host) && env("GH_HOST").is_some_and(|named| named.eq_ignore_ascii_case(host))
}

/// What `gh auth token --hostname HOST` says, where `gh` stands on `PATH` and answers within `limit`.
fn from_gh(host: &str, env: &dyn Fn(&str) -> Option<String>, limit: Duration) -> Option<Token> {
    let path = env("PATH")?;
    let program = on_path("gh", OsStr::new(&path))?;
    let mut child = Command::new(program)
        .args(["auth", "token", "--hostname", host])
        .env("PATH", &path)
        .env("GH_PROMPT_DISABLED", "1")
        .env("GH_NO_UPDATE_NOTIFIER", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    // Read only after it ended: an answer longer than a pipe holds is no token, and then the limit above strikes.
    let mut said = String::new();
    child.stdout.take()?.take(LONGEST).read_to_string(&mut said).ok()?;
    if status.success() { Token::new(&said, host, "gh auth token") } else { None }
}

fn on_path(program: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(program)).find(|p| is_program(p))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(k, _)| *k == name).map(|(_, v)| v.to_string())
    }

    fn found(host: &str, pairs: &[(&str, &str)]) -> Option<(String, String)> {
        from_environment(host, &env(pairs)).map(|t| (t.expose().to_string(), t.from().to_string()))
    }

    fn pair(token: &str, from: &str) -> Option<(String, String)> {
        Some((token.to_string(), from.to_string()))
    }

    #[test]
    fn each_host_reads_its_own_variables_in_order() {
        let all = [
            ("GH_TOKEN", "cloud1"),
            ("GITHUB_TOKEN", "cloud2"),
            ("GH_ENTERPRISE_TOKEN", "own1"),
            ("GITHUB_ENTERPRISE_TOKEN", "own2"),
            ("GH_HOST", "git.example.com"),
        ];
        assert_eq!(found("github.com", &all), pair("cloud1", "GH_TOKEN"));
        assert_eq!(found("github.com", &all[1..]), pair("cloud2", "GITHUB_TOKEN"));
        assert_eq!(found("git.example.com", &all), pair("own1", "GH_ENTERPRISE_TOKEN"));
        assert_eq!(found("git.example.com", &all[3..]), pair("own2", "GITHUB_ENTERPRISE_TOKEN"));
    }

    #[test]
    fn a_host_that_was_not_named_gets_no_token() {
        let all = [("GH_TOKEN", "cloud"), ("GH_ENTERPRISE_TOKEN", "own"), ("GH_HOST", "git.example.com")];
        assert_eq!(found("evil.example.com", &all), None);
        assert_eq!(found("evil.ghe.com", &all), None);
        assert_eq!(found("git.example.com", &all[..2]), None);
    }

    #[test]
    fn text_that_no_header_may_carry_is_no_token() {
        assert_eq!(found("github.com", &[("GH_TOKEN", "a\r\nX-Evil: 1")]), None);
        assert_eq!(
            found("github.com", &[("GH_TOKEN", "  "), ("GITHUB_TOKEN", " ghp_x\n")]),
            pair("ghp_x", "GITHUB_TOKEN")
        );
    }

    #[test]
    fn a_token_does_not_print() {
        let token = Token::new("ghp_canary", "GitHub.com", "GH_TOKEN").unwrap();
        assert_eq!(format!("{token:?}"), "Token(*** for github.com from GH_TOKEN)");
    }

    fn fake_gh(script: &str) -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gh");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        dir
    }

    fn gh_says(script: &str, limit: Duration) -> Option<String> {
        let dir = fake_gh(script);
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        from_gh("git.example.com", &env(&[("PATH", &path)]), limit).map(|t| t.expose().to_string())
    }

    #[test]
    fn gh_is_asked_for_the_host_and_believed_when_it_succeeds() {
        let wanted = r#"test "$*" = "auth token --hostname git.example.com" && echo gho_own"#;
        assert_eq!(gh_says(wanted, GH_LIMIT).as_deref(), Some("gho_own"));
        assert_eq!(gh_says("echo gho_own; exit 1", GH_LIMIT), None);
    }

    #[test]
    fn a_gh_that_hangs_is_left_behind() {
        assert_eq!(gh_says("exec sleep 600", Duration::from_millis(50)), None);
    }
}
