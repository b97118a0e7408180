//! Why somebody may or may not, who may what at all, and what of all that was given out nobody needs any more.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::permission::{Permission, Role};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::store::Store;
use crate::store::access::{KeyFilter, KeyRow, User};
use crate::store::traffic::Traffic;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A line of the table: a permission, and who may.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Line {
    /// The permission.
    pub permission: Permission,
    /// What it lets one do.
    pub about: &'static str,
    /// The roles that may; no other.
    pub roles: Vec<Role>,
}

/// The whole table.
pub fn table() -> Vec<Line> {
    let line =
        |permission: Permission| Line { permission, about: permission.about(), roles: Role::that_may(permission) };
    Permission::ALL.into_iter().map(line).collect()
}

/// Whether somebody may do something, and why.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Explained {
    /// Who: a user's name, or a key's beginning.
    pub who: String,
    /// What the user is.
    pub role: String,
    /// What.
    pub permission: Permission,
    /// Whether they may.
    pub allowed: bool,
    /// Why, as a sentence.
    pub why: String,
}

/// Whether a user may, by their role or by one of their keys.
pub fn explain(user: &User, key: Option<&KeyRow>, permission: Permission, now: Timestamp) -> Explained {
    let may = Role::that_may(permission).into_iter().map(Role::name).collect::<Vec<_>>().join(", ");
    let scopes: Option<BTreeSet<&str>> =
        key.and_then(|key| Some(key.scopes.as_ref()?.iter().map(String::as_str).collect()));
    let (allowed, why) = if user.disabled {
        (false, format!("{} is shut out: fac user enable {}", user.name, user.name))
    } else if let Some(key) = key.filter(|key| !key.is_good(now)) {
        (false, format!("the key is {}", if key.revoked.is_some() { "revoked" } else { "over" }))
    } else {
        match user.role.parse::<Role>() {
            Err(_) => (false, format!("nobody knows the role {}", user.role)),
            Ok(role) if !role.may(permission) => {
                (false, format!("{} is {role}, and {permission} takes one of: {may}", user.name))
            }
            Ok(role) if scopes.as_ref().is_some_and(|all| !all.contains(permission.name())) => {
                (false, format!("{} is {role} and may, but the key has not the scope {permission}", user.name))
            }
            Ok(role) => (true, format!("{} is {role}, and {permission} is for: {may}", user.name)),
        }
    };
    let who = key.map_or_else(|| user.name.clone(), |key| key.prefix.clone());
    Explained { who, role: user.role.clone(), permission, allowed, why }
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// key, login or user.
    pub what: &'static str,
    /// Its id.
    pub id: String,
    /// The name of whose it is.
    pub user: String,
    /// A key's beginning and what it is for, where a login came from, a user's role.
    pub about: String,
    /// Why it should be looked at.
    pub why: String,
    /// What takes it away.
    pub remedy: String,
}

/// Keys and logins that nobody used for so many days, keys that never end or may everything, and users who could come in
/// and never did.
///
/// # Errors
/// When the store cannot be read.
pub fn review(store: &Store, traffic: Option<&Traffic>, days: u32, now: Timestamp) -> Result<Vec<Finding>> {
    let old = now.plus_micros(-i64::from(days) * DAY);
    let used =
        |id| Ok::<_, crate::kernel::error::Error>(traffic.map(|t| t.seen(id)).transpose()?.flatten().map(|(at, _)| at));
    let mut found = Vec::new();
    let mut active = BTreeSet::new();
    for key in store.keys(&KeyFilter::default())? {
        let last = used(key.id)?;
        if last.is_some_and(|at| at >= old) {
            active.insert(key.user);
        }
        let why = match last {
            _ if !key.is_good(now) => Some("it is over".to_string()),
            None if key.created < old => Some("it was never used".to_string()),
            Some(at) if at < old => Some(format!("it was last used {}", at.local_short())),
            _ => None,
        };
        if let Some(why) = why {
            let about = format!("{} {}", key.prefix, key.name).trim_end().to_string();
            let remedy = format!("fac key revoke {}", key.prefix);
            found.push(Finding { what: "key", id: key.id.to_string(), user: key.user_name, about, why, remedy });
        }
    }
    for login in store.logins(None)? {
        if login.refreshed >= old {
            active.insert(login.user);
            continue;
        }
        let why = format!("nobody went on with it since {}", login.refreshed.local_short());
        let remedy = format!("fac user logout {} --login {}", login.user_name, login.id.tail());
        found.push(Finding {
            what: "login",
            id: login.id.to_string(),
            user: login.user_name,
            about: login.address,
            why,
            remedy,
        });
    }
    for user in store.users()? {
        if user.disabled || user.created >= old || active.contains(&user.id) || user.role == Role::Owner.name() {
            continue;
        }
        let why = format!("nothing of theirs was used for {days} days");
        let remedy = format!("fac user disable {}", user.name);
        found.push(Finding { what: "user", id: user.id.to_string(), user: user.name, about: user.role, why, remedy });
    }
    Ok(found)
}
