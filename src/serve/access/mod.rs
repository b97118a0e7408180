//! Who may do what: users, keys, logins, roles and permissions.
//!
//! Every request shows a key or an access token; nothing is believed for where it comes from. What was shown is looked up
//! each time, so that what is revoked is refused at once and by every process.

pub mod caller;
pub mod credential;
pub mod explain;
pub mod login;
pub mod password;
pub mod permission;
pub mod random;
pub mod secret;
#[cfg(test)]
mod tests;
pub mod tokens;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::http::HeaderMap;
use tokio::sync::Semaphore;

use self::password::Passwords;
use self::tokens::Tokens;
use super::problem::Problem;
use crate::app::App;
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::config::Config;
use crate::kernel::error::Result;
use crate::kernel::ids::{Id, TraceId};
use crate::kernel::secret::Secret;
use crate::store::Store;
use crate::store::access::{KeyRow, Login, NewKey, NewUser, User};
use crate::store::traffic::{Guesses, Traffic};

pub use caller::{Caller, How};
pub use permission::{Permission, Role, scopes};

/// So many passwords are hashed at once; each takes 64 MiB.
const HASHING: usize = 2;
/// The last use of a key is written down no more often, microseconds.
const SEEN_EVERY: i64 = 60_000_000;
/// The longest that an access token may be good, microseconds.
const LONGEST_ACCESS: i64 = 24 * 3600 * 1_000_000;

/// How long what is given out is good, and how patient we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// An access token, microseconds.
    pub access_us: i64,
    /// A login that nobody goes on with, microseconds.
    pub refresh_us: i64,
    /// Wrong passwords.
    pub guesses: Guesses,
    /// Whether anybody may add themselves.
    pub register: bool,
}

impl Rules {
    /// Those of the settings.
    pub fn of(config: &Config) -> Rules {
        let micros = |name: &str, default: i64| {
            let set = config.duration(name).and_then(|d| i64::try_from(d.as_micros()).ok());
            set.filter(|micros| *micros > 0).unwrap_or(default)
        };
        Rules {
            access_us: micros("serve.access_ttl", 900_000_000).min(LONGEST_ACCESS),
            refresh_us: micros("serve.refresh_ttl", 30 * LONGEST_ACCESS),
            guesses: Guesses {
                most: u32::try_from(config.int("serve.lock_after")).unwrap_or(5),
                lock_us: micros("serve.lock_time", 900_000_000),
            },
            register: config.flag("serve.register"),
        }
    }
}

/// Who is who.
pub struct Access {
    store: Store,
    traffic: Arc<Traffic>,
    clock: Clock,
    tokens: Tokens,
    passwords: Passwords,
    rules: RwLock<Rules>,
    seen: Mutex<HashMap<Id, Timestamp>>,
    hashing: Semaphore,
}

impl Access {
    /// Opens it with the secret of this machine, which is made where there is none.
    ///
    /// # Errors
    /// `Usage` when the secret could be guessed; when the store cannot be opened.
    pub fn open(app: &App, traffic: Arc<Traffic>) -> Result<Access> {
        let secret = secret::load(&app.env, &app.paths.data)?;
        app.redactor.learn(&secret);
        Access::new(app.store()?.clone(), traffic, app.clock.clone(), &secret, Rules::of(app.config()?))
    }

    fn new(store: Store, traffic: Arc<Traffic>, clock: Clock, secret: &Secret, rules: Rules) -> Result<Access> {
        Ok(Access {
            store,
            traffic,
            clock,
            tokens: Tokens::new(secret)?,
            passwords: Passwords::new()?,
            rules: RwLock::new(rules),
            seen: Mutex::default(),
            hashing: Semaphore::new(HASHING),
        })
    }

    /// Other rules from now on.
    pub fn renew(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where users, keys and logins are kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn rules(&self) -> Rules {
        *self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks, by what the headers show.
    ///
    /// # Errors
    /// 401 when nothing is shown, or nothing that is good.
    pub fn who(&self, headers: &HeaderMap, address: IpAddr, trace: TraceId) -> Result<Caller, Problem> {
        let shown = credential::shown(headers)?;
        if shown.starts_with(tokens::KEY) {
            let found = self.store.key_by_digest(&tokens::digest(shown))?;
            let (key, user) = found.ok_or_else(not_good)?;
            return self.by_key(key, &user, address, trace);
        }
        let claims = self.tokens.read_access(shown, self.clock.now()).ok_or_else(not_good)?;
        let until = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
        let found = self.store.login_by_id(claims.sid)?.filter(|(login, ..)| login.user == claims.sub);
        let (login, user, _) = found.ok_or_else(not_good)?;
        self.by_login(&login, &user, until, address, trace)
    }

    /// Whether what a caller showed is good still; for what lasts longer than a request.
    ///
    /// # Errors
    /// 401 when it was revoked or is over, or the user is shut out.
    pub fn still(&self, caller: &Caller) -> Result<Caller, Problem> {
        match caller.how {
            How::Local | How::Nobody => Ok(caller.clone()),
            How::Key { id } => {
                let (key, user) = self.store.key_by_id(id)?.ok_or_else(not_good)?;
                self.by_key(key, &user, caller.address, caller.trace)
            }
            How::Login { id } => {
                let (login, user, _) = self.store.login_by_id(id)?.ok_or_else(not_good)?;
                let until = caller.until.unwrap_or(login.expires);
                self.by_login(&login, &user, until, caller.address, caller.trace)
            }
        }
    }

    fn by_key(&self, key: KeyRow, user: &User, address: IpAddr, trace: TraceId) -> Result<Caller, Problem> {
        if !key.is_good(self.clock.now()) {
            return Err(not_good());
        }
        // A word of a later program stands for nothing here, and so narrows.
        let scopes = key.scopes.map(|words| words.iter().filter_map(|word| word.parse().ok()).collect());
        self.caller(user, scopes, How::Key { id: key.id }, key.expires, address, trace)
    }

    fn by_login(
        &self,
        login: &Login,
        user: &User,
        until: Timestamp,
        address: IpAddr,
        trace: TraceId,
    ) -> Result<Caller, Problem> {
        let now = self.clock.now();
        if !login.is_good(now) || now >= until {
            return Err(not_good());
        }
        self.caller(user, None, How::Login { id: login.id }, Some(until), address, trace)
    }

    fn caller(
        &self,
        user: &User,
        scopes: Option<BTreeSet<Permission>>,
        how: How,
        until: Option<Timestamp>,
        address: IpAddr,
        trace: TraceId,
    ) -> Result<Caller, Problem> {
        let role = user.role.parse::<Role>().ok().filter(|_| !user.disabled).ok_or_else(not_good)?;
        if let How::Key { id } | How::Login { id } = how {
            self.saw(id, address)?;
        }
        let (name, tier) = (user.name.clone(), user.tier.clone());
        Ok(Caller { user: user.id, name, role, scopes, how, tier, until, address, trace })
    }

    fn saw(&self, id: Id, address: IpAddr) -> Result<()> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&id).is_some_and(|last| now.since(*last) < SEEN_EVERY) {
            return Ok(());
        }
        if seen.len() > 10_000 {
            seen.clear();
        }
        seen.insert(id, now);
        drop(seen);
        self.traffic.saw(id, address, now)
    }
}

/// Nothing says why: whoever guesses learns nothing.
fn not_good() -> Problem {
    Problem::unidentified("what was shown is not good, or not any more")
        .hint("log in again, or take another key: fac key create")
}

/// The first owner, where there is nobody yet: their name, and a key that is shown this once.
///
/// # Errors
/// When the store cannot be written.
pub fn begin(store: &Store) -> Result<Option<(User, Secret)>> {
    if store.has_users()? {
        return Ok(None);
    }
    let new = NewUser {
        name: "owner".to_string(),
        email: None,
        role: Role::Owner.name().to_string(),
        tier: None,
        password: None,
    };
    let user = store.add_user(&new)?;
    let (_, key) = make_key(store, &user, "first start", None, None)?;
    Ok(Some((user, key)))
}

/// Makes a key of a user: what is kept of it, and all of it, which is shown this once.
///
/// # Errors
/// `Usage` for an odd name; when the store cannot be written.
pub fn make_key(
    store: &Store,
    user: &User,
    name: &str,
    scopes: Option<&BTreeSet<Permission>>,
    expires: Option<Timestamp>,
) -> Result<(KeyRow, Secret)> {
    let (key, prefix) = tokens::new_key()?;
    let scopes = scopes.map(|all| all.iter().map(|one| one.name().to_string()).collect());
    let digest = tokens::digest(key.expose());
    let row = store.add_key(&NewKey { user: user.id, name: name.to_string(), prefix, digest, scopes, expires })?;
    Ok((row, key))
}
