//! Where secrets are kept: the environment (`FAC_SECRET_NAME`), then the keyring of the desktop, then a file that only
//! its owner may read.
//!
//! Every secret it gives out is made known to the [`Redactor`]. It asks nobody and prints nothing.

pub mod file;
pub mod keyring;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::env::Env;
use super::error::{Error, Kind, Result};
use super::paths::Paths;
use super::secret::{Redactor, Secret};
use keyring::Keyring;

/// The longest secret, in bytes: it must fit into an environment variable.
pub const MAX_LEN: usize = 64 * 1024;
const MAX_NAME: usize = 64;

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A variable of this name.
    Environment(String),
    /// The desktop's keyring.
    Keyring,
    /// The file in the data folder.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Environment(name) => write!(f, "environment {name}"),
            Place::Keyring => f.write_str("keyring"),
            Place::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What is kept.
#[derive(Debug)]
pub struct Listing {
    /// Names in order, each with the place that wins.
    pub secrets: Vec<(String, Place)>,
    /// Why the keyring's are not among them, where it is there and does not open.
    pub closed: Option<Error>,
}

/// The secret store. Making one opens nothing.
pub struct Secrets {
    env: Env,
    file: PathBuf,
    keyring: Option<Box<dyn Keyring>>,
    redactor: Redactor,
}

/// The file in which secrets stand that no keyring keeps.
pub fn file(paths: &Paths) -> PathBuf {
    paths.data.join("secrets.json")
}

impl Secrets {
    /// The store of this user, with the keyring this build and this machine have.
    pub fn new(env: &Env, paths: &Paths, redactor: &Redactor) -> Secrets {
        Secrets::with_keyring(env, paths, redactor, keyring::of_this_machine(env))
    }

    /// The store with this keyring, or with none.
    pub fn with_keyring(env: &Env, paths: &Paths, redactor: &Redactor, keyring: Option<Box<dyn Keyring>>) -> Secrets {
        Secrets { env: env.clone(), file: file(paths), keyring, redactor: redactor.clone() }
    }

    /// The secret of this name and where it stands; `None` when it is nowhere.
    ///
    /// A keyring that does not answer is passed over. Fails with [`Kind::Usage`] for a name that cannot be one, with
    /// [`Kind::Refused`] when others can read the file.
    pub fn find(&self, name: &str) -> Result<Option<(Secret, Place)>> {
        let name = canonical(name)?;
        let found = self.look_up(&name)?;
        if let Some((secret, _)) = &found {
            self.redactor.learn(secret);
        }
        Ok(found)
    }

    fn look_up(&self, name: &str) -> Result<Option<(Secret, Place)>> {
        let variable = variable(name);
        if let Some(text) = self.env.text(&variable) {
            return Ok(Some((Secret::new(text), Place::Environment(variable))));
        }
        if let Some(secret) = self.keyring.as_ref().and_then(|keyring| keyring.get(name).ok().flatten()) {
            return Ok(Some((secret, Place::Keyring)));
        }
        let secret = file::read(&self.file)?.remove(name);
        Ok(secret.map(|secret| (secret, Place::File(self.file.clone()))))
    }

    /// The secret of this name. Fails with [`Kind::NotFound`] when it is nowhere.
    pub fn get(&self, name: &str) -> Result<Secret> {
        self.find(name)?.map(|(secret, _)| secret).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("there is no secret {name}"))
                .hint(format!("store it with: fac secret set {name}"))
        })
    }

    /// Keeps a secret in the keyring, or in the file where the keyring is missing or refuses; says where.
    pub fn set(&self, name: &str, secret: &Secret) -> Result<Place> {
        let name = canonical(name)?;
        check(secret)?;
        self.redactor.learn(secret);
        if let Some(keyring) = &self.keyring
            && keyring.set(&name, secret).is_ok()
        {
            if file::read(&self.file)?.contains_key(&name) {
                file::change(&self.file, |all| all.remove(&name).is_some())?;
            }
            return Ok(Place::Keyring);
        }
        file::change(&self.file, |all| {
            all.insert(name, secret.clone());
            true
        })?;
        Ok(Place::File(self.file.clone()))
    }

    /// Removes a secret from keyring and file; says where it stood. Fails with [`Kind::NotFound`] when it stood in neither.
    pub fn remove(&self, name: &str) -> Result<Vec<Place>> {
        let name = canonical(name)?;
        let mut places = Vec::new();
        let mut closed = None;
        match self.keyring.as_ref().map(|keyring| keyring.remove(&name)) {
            Some(Ok(true)) => places.push(Place::Keyring),
            Some(Err(error)) => closed = Some(error).filter(is_closed),
            _ => {}
        }
        if file::read(&self.file)?.contains_key(&name) {
            file::change(&self.file, |all| all.remove(&name).is_some())?;
            places.push(Place::File(self.file.clone()));
        }
        if !places.is_empty() {
            return Ok(places);
        }
        if let Some(error) = closed {
            return Err(error.hint("unlock it, and try again: the secret may be in it"));
        }
        let error = Error::new(Kind::NotFound, format!("there is no stored secret {name}"));
        let variable = variable(&name);
        Err(match self.env.text(&variable) {
            Some(_) => error.hint(format!("it comes from the environment; take it away with: unset {variable}")),
            None => error.hint("`fac secret ls` lists them"),
        })
    }

    /// The name of every secret with the place that wins, ordered by name. Values are not read out of the keyring.
    pub fn list(&self) -> Result<Listing> {
        let mut all = BTreeMap::new();
        for name in file::read(&self.file)?.into_keys() {
            all.insert(name, Place::File(self.file.clone()));
        }
        let in_keyring = self.keyring.as_ref().map(|keyring| keyring.names()).transpose();
        let (in_keyring, closed) = match in_keyring {
            Ok(names) => (names.unwrap_or_default(), None),
            Err(error) => (Vec::new(), Some(error).filter(is_closed)),
        };
        all.extend(in_keyring.into_iter().map(|name| (name, Place::Keyring)));
        for (variable, value) in self.env.iter() {
            let Some(name) = variable.to_str().and_then(|text| text.strip_prefix("FAC_SECRET_")) else { continue };
            if let (Ok(name), false) = (canonical(name), value.is_empty()) {
                all.insert(name, Place::Environment(variable.to_string_lossy().into_owned()));
            }
        }
        Ok(Listing { secrets: all.into_iter().collect(), closed })
    }
}

/// Whether a keyring is there and does not open; a machine without one is nothing to speak of.
fn is_closed(error: &Error) -> bool {
    error.kind() != Kind::Missing
}

/// One spelling for every way to write a name: lower case, with `_` for `-` and `.`, so that it has one variable.
pub fn canonical(name: &str) -> Result<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(good) {
        return Err(Error::new(Kind::Usage, format!("{name:?} cannot be the name of a secret"))
            .hint(format!("use letters, digits and _ (at most {MAX_NAME})")));
    }
    Ok(name.to_ascii_lowercase().replace(['-', '.'], "_"))
}

fn variable(name: &str) -> String {
    format!("FAC_SECRET_{}", name.to_ascii_uppercase())
}

fn check(secret: &Secret) -> Result<()> {
    let text = secret.expose();
    let why = match text {
        "" => "is empty",
        _ if text.contains('\0') => "holds a NUL byte",
        _ if text.len() > MAX_LEN => "is longer than 65536 bytes",
        _ => return Ok(()),
    };
    Err(Error::new(Kind::Usage, format!("the secret {why}")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A keyring in memory; locked, it answers everything with an error.
    #[derive(Clone, Default)]
    struct Fake {
        held: Arc<Mutex<BTreeMap<String, Secret>>>,
        locked: bool,
    }

    impl Fake {
        fn open(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<String, Secret>>> {
            match self.locked {
                true => Err(Error::new(Kind::Unreachable, "locked")),
                false => Ok(self.held.lock().unwrap()),
            }
        }
    }

    impl Keyring for Fake {
        fn get(&self, name: &str) -> Result<Option<Secret>> {
            Ok(self.open()?.get(name).cloned())
        }
        fn set(&self, name: &str, secret: &Secret) -> Result<()> {
            self.open()?.insert(name.to_string(), secret.clone());
            Ok(())
        }
        fn remove(&self, name: &str) -> Result<bool> {
            Ok(self.open()?.remove(name).is_some())
        }
        fn names(&self) -> Result<Vec<String>> {
            Ok(self.open()?.keys().cloned().collect())
        }
    }

    struct World {
        _root: tempfile::TempDir,
        paths: Paths,
        redactor: Redactor,
    }

    impl World {
        fn new() -> World {
            let root = tempfile::tempdir().unwrap();
            let paths = Paths::under(&root.path().join("h"), None);
            World { _root: root, paths, redactor: Redactor::default() }
        }

        fn secrets(&self, env: &[(&str, &str)], keyring: Option<Fake>) -> Secrets {
            let keyring = keyring.map(|fake| Box::new(fake) as Box<dyn Keyring>);
            Secrets::with_keyring(&Env::from_pairs(env.iter().copied()), &self.paths, &self.redactor, keyring)
        }

        fn file(&self) -> PathBuf {
            self.paths.data.join("secrets.json")
        }
    }

    fn place_of(secrets: &Secrets, name: &str) -> Option<String> {
        secrets.find(name).unwrap().map(|(secret, place)| {
            let shown = match place {
                Place::File(_) => "file".to_string(),
                other => other.to_string(),
            };
            format!("{} from {shown}", secret.expose())
        })
    }

    #[test]
    fn looking_makes_no_file_and_setting_makes_a_private_one() {
        let w = World::new();
        let secrets = w.secrets(&[], None);
        assert_eq!(secrets.find("x").unwrap(), None);
        assert_eq!(secrets.list().unwrap().secrets, []);
        assert!(!w.paths.data.exists());
        assert_eq!(secrets.set("GitHub-Token", &Secret::new("ghp_canary")).unwrap(), Place::File(w.file()));
        assert_eq!(fs::metadata(w.file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(secrets.get("github_token").unwrap().expose(), "ghp_canary");
        assert_eq!(secrets.list().unwrap().secrets, [("github_token".to_string(), Place::File(w.file()))]);
    }

    #[test]
    fn the_environment_beats_the_keyring_and_that_the_file() {
        let w = World::new();
        w.secrets(&[], None).set("a", &Secret::new("in-file")).unwrap();
        let keyring = Fake::default();
        keyring.set("a", &Secret::new("in-ring")).unwrap();
        let env = [("FAC_SECRET_A", "in-env")];
        let of = |env: &[(&str, &str)], ring| place_of(&w.secrets(env, ring), "a").unwrap();
        assert_eq!(of(&env, Some(keyring.clone())), "in-env from environment FAC_SECRET_A");
        assert_eq!(of(&[("FAC_SECRET_A", "")], Some(keyring.clone())), "in-ring from keyring");
        assert_eq!(of(&[], None), "in-file from file");
        assert_eq!(of(&[], Some(Fake { locked: true, ..keyring.clone() })), "in-file from file");
        let list = w.secrets(&env, Some(keyring)).list().unwrap().secrets;
        assert_eq!(list, [("a".to_string(), Place::Environment("FAC_SECRET_A".into()))]);
    }

    #[test]
    fn a_keyring_takes_the_secret_over_from_the_file_and_a_locked_one_leaves_it_there() {
        let w = World::new();
        let locked = Fake { locked: true, ..Fake::default() };
        assert_eq!(w.secrets(&[], Some(locked)).set("a", &Secret::new("one")).unwrap(), Place::File(w.file()));
        let keyring = Fake::default();
        assert_eq!(w.secrets(&[], Some(keyring)).set("a", &Secret::new("two")).unwrap(), Place::Keyring);
        assert_eq!(w.secrets(&[], None).find("a").unwrap(), None);
    }

    #[test]
    fn a_keyring_that_does_not_open_is_said() {
        let w = World::new();
        let secrets = w.secrets(&[], Some(Fake { locked: true, ..Fake::default() }));
        let listing = secrets.list().unwrap();
        assert_eq!((listing.secrets, listing.closed.is_some()), (Vec::new(), true));
        let error = secrets.remove("a").unwrap_err();
        assert_eq!(error.way_forward(), Some("unlock it, and try again: the secret may be in it"));
        assert!(w.secrets(&[], None).list().unwrap().closed.is_none());
    }

    #[test]
    fn removing_says_from_where() {
        let w = World::new();
        let keyring = Fake::default();
        w.secrets(&[], None).set("a", &Secret::new("one")).unwrap();
        keyring.set("a", &Secret::new("two")).unwrap();
        let secrets = w.secrets(&[("FAC_SECRET_B", "x")], Some(keyring));
        assert_eq!(secrets.remove("a").unwrap(), [Place::Keyring, Place::File(w.file())]);
        let error = secrets.remove("a").unwrap_err();
        assert_eq!((error.kind(), error.way_forward()), (Kind::NotFound, Some("`fac secret ls` lists them")));
        let error = secrets.remove("b").unwrap_err();
        assert_eq!(error.way_forward(), Some("it comes from the environment; take it away with: unset FAC_SECRET_B"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let w = World::new();
        let secrets = w.secrets(&[], None);
        secrets.set("a", &Secret::new("one")).unwrap();
        fs::set_permissions(w.file(), fs::Permissions::from_mode(0o640)).unwrap();
        let error = secrets.get("a").unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert_eq!(error.way_forward(), Some(format!("close it with: chmod 600 {}", w.file().display()).as_str()));
        assert_eq!(secrets.set("b", &Secret::new("two")).unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn bad_names_and_values_are_usage_errors() {
        let w = World::new();
        let secrets = w.secrets(&[], None);
        for name in ["", "a b", "../x", "é", &"x".repeat(65)] {
            assert_eq!(secrets.get(name).unwrap_err().kind(), Kind::Usage, "{name}");
        }
        for value in ["", "a\0b", &"x".repeat(MAX_LEN + 1)] {
            assert_eq!(secrets.set("a", &Secret::new(value)).unwrap_err().kind(), Kind::Usage);
        }
        assert_eq!(secrets.get("a-b").unwrap_err().message(), "there is no secret a-b");
    }

    #[test]
    fn a_broken_file_is_bad_data_and_its_text_is_not_repeated() {
        let w = World::new();
        let secrets = w.secrets(&[], None);
        crate::kernel::files::write_atomic(&w.file(), b"{\"secrets\":{\"a\":\"canary\"", true).unwrap();
        let error = secrets.get("a").unwrap_err();
        assert_eq!(error.kind(), Kind::BadData);
        assert!(!format!("{error} {error:?}").contains("canary"));
    }

    #[test]
    fn what_was_given_out_is_known_to_the_redactor() {
        let w = World::new();
        let secrets = w.secrets(&[("FAC_SECRET_A", "env-canary")], None);
        secrets.set("b", &Secret::new("file-canary")).unwrap();
        assert_eq!(w.redactor.redact("env-canary file-canary"), "env-canary ***");
        secrets.get("a").unwrap();
        assert_eq!(w.redactor.redact("env-canary file-canary"), "*** ***");
    }
}
