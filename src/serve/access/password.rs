//! Passwords: argon2id (RFC 9106) with 64 MiB, three passes and one lane.
//!
//! Who is not there takes as long as who is: a wrong name is held against a hash that nothing fits. Hashes of other programs
//! (bcrypt, and argon2 of other costs) are held to once; with the first login ours takes their place.

use std::sync::OnceLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::random;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::secret::Secret;

/// Memory, KiB.
const MEMORY: u32 = 64 * 1024;
/// Passes over it.
const PASSES: u32 = 3;
/// The highest cost of bcrypt that is checked for somebody: about a second.
const DEAREST: u32 = 14;
/// The most memory times passes of argon2 that is checked for somebody, KiB.
const DEAR: u64 = 16 * (MEMORY as u64);
/// The shortest password, characters.
const SHORTEST: usize = 10;
/// The longest, bytes; more would only be work.
const LONGEST: usize = 1024;

/// Makes and checks hashes of passwords.
#[derive(Debug)]
pub struct Passwords {
    params: Params,
    /// Of nobody's password; its cost is paid once.
    nobody: OnceLock<String>,
}

impl Passwords {
    /// With the cost that this program uses.
    ///
    /// # Errors
    /// Never with this cost.
    pub fn new() -> Result<Passwords> {
        Passwords::with(MEMORY, PASSES)
    }

    /// With another cost, for tests and for what was hashed before.
    pub(super) fn with(memory: u32, passes: u32) -> Result<Passwords> {
        let params = Params::new(memory, passes, 1, None).map_err(|error| failed().because(error.to_string()))?;
        Ok(Passwords { params, nobody: OnceLock::new() })
    }

    fn argon(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    /// The hash of a password, as a PHC string.
    ///
    /// # Errors
    /// When the system has no randomness or not enough memory.
    pub fn hash(&self, password: &Secret) -> Result<String> {
        let salt = random::bytes::<16>()?;
        let hash = self.argon().hash_password_with_salt(password.expose().as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|error| failed().because(error.to_string()))
    }

    /// Whether the password is the one of this hash. Without a hash it takes as long, and is not.
    pub fn fits(&self, password: &Secret, hash: Option<&str>) -> bool {
        // Made whoever asks first, so that it shows nothing of them.
        let nobody = self.nobody.get_or_init(|| self.hash(&Secret::new("nobody's password")).unwrap_or_default());
        let held = hash.unwrap_or(nobody);
        let sane = password.expose().len() <= LONGEST;
        let password = if sane { password.expose() } else { "" };
        let fits = if is_bcrypt(held) {
            bcrypt::verify(password, held).unwrap_or(false)
        } else {
            PasswordHash::new(held).is_ok_and(|hash| self.argon().verify_password(password.as_bytes(), &hash).is_ok())
        };
        fits && sane && hash.is_some()
    }

    /// Whether a hash was made in a cheaper way than ours.
    pub fn is_old(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return true };
        let params = Params::try_from(&hash);
        hash.algorithm.as_str() != "argon2id"
            || params.is_ok_and(|p| p.m_cost() < self.params.m_cost() || p.t_cost() < self.params.t_cost())
    }
}

fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|start| hash.starts_with(start))
}

/// A hash that another program made, if it is one that is understood and does not cost too much.
///
/// # Errors
/// `Usage` that says what is understood.
pub fn known(hash: &str) -> Result<String> {
    let hash = hash.trim();
    let dear = || Error::new(Kind::Usage, "this hash takes too long to check").hint("give the user a new password");
    if is_bcrypt(hash) {
        let parts: bcrypt::HashParts = hash.parse().map_err(|_| odd())?;
        return if parts.get_cost() <= DEAREST { Ok(hash.to_string()) } else { Err(dear()) };
    }
    let read = PasswordHash::new(hash).map_err(|_| odd())?;
    let whole = read.salt.is_some() && read.hash.is_some() && read.algorithm.as_str().starts_with("argon2");
    let params = Params::try_from(&read).map_err(|_| odd())?;
    let cost = u64::from(params.m_cost()) * u64::from(params.t_cost());
    match (whole, cost <= DEAR) {
        (true, true) => Ok(hash.to_string()),
        (true, false) => Err(dear()),
        (false, _) => Err(odd()),
    }
}

fn odd() -> Error {
    Error::new(Kind::Usage, "this is no hash of a password")
        .hint("what is understood begins with $argon2id$, $argon2i$, $2a$, $2b$ or $2y$")
}

/// Refuses a password that is easily guessed.
///
/// # Errors
/// `Usage` that says why.
pub fn check(password: &Secret, name: &str) -> Result<()> {
    let text = password.expose();
    let folded = text.to_lowercase();
    let first = text.chars().next();
    let why = if text.chars().count() < SHORTEST {
        format!("is shorter than {SHORTEST} characters")
    } else if text.len() > LONGEST {
        format!("is longer than {LONGEST} bytes")
    } else if text.chars().all(|c| Some(c) == first) {
        "is one character over and over".to_string()
    } else if !name.is_empty() && folded.contains(&name.to_lowercase()) && folded.len() < name.len() + 6 {
        "is hardly more than the name".to_string()
    } else if COMMON.contains(&&*folded) {
        "is one that everybody tries first".to_string()
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Usage, format!("the password {why}")).hint("take a few words that nobody would put together"))
}

/// What is tried first of what is long enough.
const COMMON: [&str; 12] = [
    "password12",
    "password123",
    "password1234",
    "1234567890",
    "0123456789",
    "qwertyuiop",
    "qwerty12345",
    "iloveyou123",
    "administrator",
    "letmein1234",
    "changeme123",
    "1q2w3e4r5t",
];

fn failed() -> Error {
    Error::new(Kind::Failed, "a password cannot be hashed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        Passwords::with(64, 1).unwrap()
    }

    #[test]
    fn the_cost_is_the_one_promised() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash(&Secret::new("four horses in a tree")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{hash}");
        assert!(passwords.fits(&Secret::new("four horses in a tree"), Some(&hash)));
        assert!(!passwords.is_old(&hash));
        assert!(passwords.is_old(&cheap().hash(&Secret::new("x")).unwrap()));
    }

    #[test]
    fn only_the_same_password_fits_and_nobody_has_none() {
        let passwords = cheap();
        let secret = Secret::new("four horses");
        let hash = passwords.hash(&secret).unwrap();
        assert_ne!(hash, passwords.hash(&secret).unwrap());
        assert!(!passwords.fits(&Secret::new("four horses "), Some(&hash)));
        assert!(!passwords.fits(&Secret::new(""), None) && !passwords.fits(&secret, None));
        assert!(!passwords.fits(&secret, Some("")) && !passwords.fits(&secret, Some("$argon2id$broken")));
        assert!(!passwords.fits(&Secret::new("x".repeat(LONGEST + 1)), Some(&hash)));
        // An old cost still fits.
        assert!(Passwords::with(128, 2).unwrap().fits(&secret, Some(&hash)));
    }

    #[test]
    fn hashes_of_others_fit_until_ours_takes_their_place() {
        // From the tests of crypt_blowfish.
        let blowfish = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let passwords = cheap();
        for hash in [blowfish.to_string(), blowfish.replace("$2a$", "$2y$")] {
            assert_eq!(known(&format!("{hash}\n")).unwrap(), hash);
            assert!(passwords.fits(&Secret::new("U*U"), Some(&hash)), "{hash}");
            assert!(!passwords.fits(&Secret::new("U*V"), Some(&hash)) && passwords.is_old(&hash));
        }
        let argon = passwords.hash(&Secret::new("four horses")).unwrap();
        assert_eq!(known(&argon).unwrap(), argon);
        let dear = blowfish.replace("$05$", "$31$");
        let cut = argon.rsplit_once('$').unwrap().0;
        for bad in [
            "",
            "secret",
            "$1$abc$def",
            "$2b$05$short",
            cut,
            &dear,
            "$argon2id$v=19$m=4194304,t=99,p=1$YWJjZGVmZ2g$YWJjZGVmZ2g",
        ] {
            assert_eq!(known(bad).unwrap_err().kind(), Kind::Usage, "{bad}");
        }
    }

    #[test]
    fn easily_guessed_ones_are_refused() {
        for bad in ["", "short", "aaaaaaaaaaaa", "Password123", "ann-marie-12", &"x1".repeat(600)] {
            assert_eq!(check(&Secret::new(bad), "ann-marie").unwrap_err().kind(), Kind::Usage, "{bad}");
        }
        check(&Secret::new("four horses in a tree"), "ann").unwrap();
        check(&Secret::new("vier Äpfel und ein Öl"), "").unwrap();
    }
}
