//! The desktop's keyring (the freedesktop Secret Service), a part of builds with the feature `keyring`.
//!
//! The feature is off by default: it brings 42 crates with a second asynchronous runtime, and reading a locked keyring
//! opens a window and waits for the person. It does not know names other than its own service's.

use crate::kernel::env::Env;
use crate::kernel::error::Result;
use crate::kernel::secret::Secret;

/// A place outside our files that keeps secrets by name. `Missing` is the error of one that is not there.
pub trait Keyring: Send + Sync {
    /// The secret of this name, if it is there.
    fn get(&self, name: &str) -> Result<Option<Secret>>;
    /// Keeps a secret in the place of an older one.
    fn set(&self, name: &str, secret: &Secret) -> Result<()>;
    /// Removes a secret; `false` when it was not there.
    fn remove(&self, name: &str) -> Result<bool>;
    /// The names it keeps for us.
    fn names(&self) -> Result<Vec<String>>;
}

/// Whether a session bus, and so perhaps a keyring, can be there at all.
fn has_session_bus(env: &Env) -> bool {
    env.text("DBUS_SESSION_BUS_ADDRESS").is_some()
        || env.path("XDG_RUNTIME_DIR").is_some_and(|dir| dir.join("bus").exists())
}

/// The keyring of this machine, not connected yet; `None` without a session bus or in a build without the feature.
pub fn of_this_machine(env: &Env) -> Option<Box<dyn Keyring>> {
    if !has_session_bus(env) {
        return None;
    }
    service::new()
}

#[cfg(not(feature = "keyring"))]
mod service {
    pub(super) fn new() -> Option<Box<dyn super::Keyring>> {
        None
    }
}

#[cfg(feature = "keyring")]
mod service {
    use std::collections::HashMap;
    use std::sync::{Arc, OnceLock};

    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Error as RingError};
    use zbus_secret_service_keyring_store::Store;

    use super::Keyring;
    use crate::kernel::error::{Context, Kind, Result};
    use crate::kernel::secret::Secret;

    const SERVICE: &str = "factotum";

    pub(super) fn new() -> Option<Box<dyn Keyring>> {
        Some(Box::new(SecretService { store: OnceLock::new() }))
    }

    /// Connects when it is first asked; a failure to connect is remembered as `None`.
    struct SecretService {
        store: OnceLock<Option<Arc<Store>>>,
    }

    impl SecretService {
        fn store(&self) -> Result<&Arc<Store>> {
            let connected = self.store.get_or_init(|| Store::new().ok());
            connected.as_ref().ok_or("no answer").context(Kind::Missing, || "there is no keyring".to_string())
        }

        fn entry(&self, name: &str) -> Result<Entry> {
            let entry = self.store()?.build(SERVICE, name, None);
            entry.context(Kind::Failed, || format!("the keyring does not take the name {name}"))
        }
    }

    impl Keyring for SecretService {
        fn get(&self, name: &str) -> Result<Option<Secret>> {
            match self.entry(name)?.get_password() {
                Ok(text) => Ok(Some(Secret::new(text))),
                Err(RingError::NoEntry) => Ok(None),
                Err(e) => Err(e).context(Kind::Unreachable, || "cannot read the keyring".to_string()),
            }
        }

        fn set(&self, name: &str, secret: &Secret) -> Result<()> {
            let set = self.entry(name)?.set_password(secret.expose());
            set.context(Kind::Unreachable, || "cannot write to the keyring".to_string())
        }

        fn remove(&self, name: &str) -> Result<bool> {
            match self.entry(name)?.delete_credential() {
                Ok(()) => Ok(true),
                Err(RingError::NoEntry) => Ok(false),
                Err(e) => Err(e).context(Kind::Unreachable, || "cannot write to the keyring".to_string()),
            }
        }

        fn names(&self) -> Result<Vec<String>> {
            let found = self.store()?.search(&HashMap::from([("service", SERVICE)]));
            let found = found.context(Kind::Unreachable, || "cannot search the keyring".to_string())?;
            let names = found.iter().filter_map(Entry::get_specifiers).map(|(_, name)| name);
            Ok(names.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_session_bus_nothing_is_tried() {
        let root = tempfile::tempdir().unwrap();
        let env = Env::from_pairs([("XDG_RUNTIME_DIR", root.path())]);
        assert!(of_this_machine(&Env::default()).is_none());
        assert!(of_this_machine(&env).is_none());
        assert!(!has_session_bus(&env));
        std::fs::write(root.path().join("bus"), "").unwrap();
        assert!(has_session_bus(&env));
    }
}
