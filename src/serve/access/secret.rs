//! The secret with which tokens are signed: made once, kept in a file that only its owner reads, or taken from the
//! environment; one that could be guessed is refused.

use std::path::Path;

use super::random;
use crate::kernel::env::Env;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::secret::Secret;

/// The name of its file in the folder of the data.
pub const FILE: &str = "serve.secret";
/// The variables that set it instead, the stronger first.
pub const VARIABLES: [&str; 2] = ["FAC_SERVE_SECRET", "JWT_SECRET"];

/// 256 bits, as bytes of any kind.
const SHORTEST: usize = 32;
/// Letters and digits of one that is made here: 381 bits.
const LETTERS: usize = 64;
/// A secret with fewer different bytes was not drawn by lot: of 32 random ones this many differ but once in a million times.
const DIFFERENT: usize = 10;

/// The secret of this machine; it is made where there is none yet.
///
/// # Errors
/// `Usage` (exit code 2) when it could be guessed, `Refused` when others can read its file.
pub fn load(env: &Env, data: &Path) -> Result<Secret> {
    for name in VARIABLES {
        if let Some(text) = env.text(name).filter(|text| !text.is_empty()) {
            let secret = Secret::new(text);
            check(&secret, &format!("the variable {name}"))?;
            return Ok(secret);
        }
    }
    let path = data.join(FILE);
    let _lock = files::lock_dir(data)?;
    if let Some(text) = files::read_text(&path, 64 << 10)? {
        let meta = std::fs::metadata(&path).context(Kind::Failed, || format!("cannot look at {}", path.display()))?;
        files::refuse_if_shared(&path, &meta)?;
        let secret = Secret::from_input(text);
        check(&secret, &path.display().to_string())?;
        return Ok(secret);
    }
    let secret = Secret::new(random::text(LETTERS)?);
    files::write_atomic(&path, format!("{}\n", secret.expose()).as_bytes(), true)?;
    Ok(secret)
}

fn check(secret: &Secret, place: &str) -> Result<()> {
    let bytes = secret.expose().as_bytes();
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    let repeats = (1..=bytes.len() / 2).any(|n| bytes.iter().zip(&bytes[n..]).all(|(a, b)| a == b));
    let why = if bytes.len() < SHORTEST {
        format!("is shorter than {SHORTEST} bytes (256 bits)")
    } else if different < DIFFERENT || repeats {
        "could be guessed".to_string()
    } else if ["secret", "changeme", "change-me", "your-256-bit", "password", "example"]
        .iter()
        .any(|word| secret.expose().to_lowercase().contains(word))
    {
        "looks like one from a manual".to_string()
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Usage, format!("the signing secret in {place} {why}"))
        .hint("take it away, and one is made; or draw one by lot: openssl rand -base64 48"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_nobody_else_reads_it() {
        let root = tempfile::tempdir().unwrap();
        let none = Env::from_pairs([("JWT_SECRET", "")]);
        let made = load(&none, root.path()).unwrap();
        assert_eq!((made.expose().len(), load(&none, root.path()).unwrap()), (64, made));
        let path = root.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(load(&none, root.path()).unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn weak_ones_are_refused_wherever_they_stand() {
        let root = tempfile::tempdir().unwrap();
        let weak = [
            "secret",
            &"a".repeat(64),
            &"abcdefghijklmnop".repeat(4),
            "0101101001011010010110100101101001",
            "your-256-bit-secret-your-256-bit-secret",
            "changeme-X7f3Kq9Zt2Lw8Vb4Nc6Md1Rp5Hs",
            "7f3kq9zt2lw8vb4nc6md1rp5hs0jx3y",
        ];
        for text in weak {
            for name in VARIABLES {
                let error = load(&Env::from_pairs([(name, text)]), root.path()).unwrap_err();
                assert_eq!(error.kind().exit_code(), 2, "{text}");
                assert!(text == "secret" || !error.full_message().contains(text));
            }
        }
        let env = Env::from_pairs([("FAC_SERVE_SECRET", "7f3Kq9Zt2Lw8Vb4Nc6Md1Rp5Hs0Jx3Yg"), ("JWT_SECRET", "secret")]);
        assert_eq!(load(&env, root.path()).unwrap().expose().len(), 32);
        assert!(!root.path().join(FILE).exists());
        std::fs::write(root.path().join(FILE), "secret\n").unwrap();
        std::fs::set_permissions(root.path().join(FILE), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(load(&Env::from_pairs([("X", "")]), root.path()).unwrap_err().kind(), Kind::Usage);
    }
}
