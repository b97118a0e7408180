//! Users, keys and logins as they are shown. No hash, and no secret but that of a key that was made just now.

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::store::access::{KeyRow, Login, User};
use crate::store::traffic::Traffic;

/// Somebody who may come in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserView {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address for mail.
    pub email: Option<String>,
    /// owner, admin, member or viewer.
    pub role: String,
    /// The class of limits.
    pub tier: Option<String>,
    /// Whether there is a password.
    pub password: bool,
    /// Whether nothing of theirs is good for now.
    pub disabled: bool,
    /// Since when, RFC 3339 UTC.
    pub created: String,
    /// When name, role, password or state changed last.
    pub changed: String,
}

impl From<&User> for UserView {
    fn from(user: &User) -> UserView {
        UserView {
            id: user.id.to_string(),
            name: user.name.clone(),
            email: user.email.clone(),
            role: user.role.clone(),
            tier: user.tier.clone(),
            password: user.has_password,
            disabled: user.disabled,
            created: user.created.to_string(),
            changed: user.changed.to_string(),
        }
    }
}

/// Somebody who may come in, and from where they may not try passwords.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserCard {
    /// Who.
    #[serde(flatten)]
    pub user: UserView,
    /// The addresses that tried too many wrong passwords.
    pub lockouts: Vec<LockoutView>,
}

impl UserCard {
    /// With what was tried, where anything was served yet.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn of(user: &User, traffic: Option<&Traffic>, now: Timestamp) -> Result<UserCard> {
        let all = traffic.map_or_else(|| Ok(Vec::new()), |traffic| traffic.lockouts(now))?;
        let id = user.id.to_string();
        let own = all.into_iter().filter(|lockout| lockout.name == id);
        let lockouts = own.map(|one| LockoutView { address: one.address, until: one.until.to_string() }).collect();
        Ok(UserCard { user: UserView::from(user), lockouts })
    }
}

/// An address from which a user may not try passwords.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LockoutView {
    /// The address, or the network of it.
    pub address: String,
    /// Until when, RFC 3339 UTC.
    pub until: String,
}

/// A key.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KeyView {
    /// Its id.
    pub id: String,
    /// The name of whose it is.
    pub user: String,
    /// What it is for.
    pub name: String,
    /// Its public beginning.
    pub prefix: String,
    /// The only permissions it has; null where it may all that its user may.
    pub scopes: Option<Vec<String>>,
    /// When it was made, RFC 3339 UTC.
    pub created: String,
    /// When it ends.
    pub expires: Option<String>,
    /// Since when it is good no more.
    pub revoked: Option<String>,
    /// When it was used last, to the minute.
    pub used: Option<String>,
    /// From where that was.
    pub used_from: Option<String>,
}

impl KeyView {
    /// With its last use, where anything was served yet.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn of(key: &KeyRow, traffic: Option<&Traffic>) -> Result<KeyView> {
        let seen = traffic.map(|traffic| traffic.seen(key.id)).transpose()?.flatten();
        Ok(KeyView {
            id: key.id.to_string(),
            user: key.user_name.clone(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.clone(),
            created: key.created.to_string(),
            expires: text(key.expires),
            revoked: text(key.revoked),
            used: text(seen.as_ref().map(|(at, _)| *at)),
            used_from: seen.map(|(_, address)| address),
        })
    }
}

/// A key that was made just now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MadeKey {
    /// What is kept of it.
    #[serde(flatten)]
    pub key: KeyView,
    /// All of it; nobody is shown it again.
    pub secret: String,
}

/// A login.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LoginView {
    /// Its id.
    pub id: String,
    /// Who.
    pub user: String,
    /// From where it began.
    pub address: String,
    /// What the client called itself.
    pub agent: String,
    /// When it began, RFC 3339 UTC.
    pub created: String,
    /// When somebody went on with it last.
    pub refreshed: String,
    /// When it ends if nobody goes on with it.
    pub expires: String,
}

impl From<&Login> for LoginView {
    fn from(login: &Login) -> LoginView {
        LoginView {
            id: login.id.to_string(),
            user: login.user_name.clone(),
            address: login.address.clone(),
            agent: login.agent.clone(),
            created: login.created.to_string(),
            refreshed: login.refreshed.to_string(),
            expires: login.expires.to_string(),
        }
    }
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
