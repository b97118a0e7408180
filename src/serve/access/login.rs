//! Logging in by a password, going on with a refresh token, and tickets for where no header can be sent.

use std::net::IpAddr;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;

use super::super::limits::of_address;
use super::super::problem::Problem;
use super::permission::Role;
use super::tokens::{self, Refresh, Tokens};
use super::{Access, Caller, How, not_good};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};
use crate::kernel::figures::hex;
use crate::kernel::ids::{Id, TraceId};
use crate::kernel::secret::Secret;
use crate::store::access::{Family, Login, NewLogin, NewUser, Refreshed, User, fold};

/// Two requests that go on with a login at once are taken for one so long, microseconds.
const GRACE: i64 = 10_000_000;
/// So long a ticket is good, microseconds.
pub const TICKET_US: i64 = 30_000_000;

/// What a login gives out.
#[derive(Debug)]
pub struct Given {
    /// Who logged in.
    pub user: User,
    /// The login.
    pub login: Login,
    /// The access token.
    pub access: Secret,
    /// Until when it is good.
    pub until: Timestamp,
    /// The refresh token.
    pub refresh: Secret,
}

/// What a ticket stands for.
#[derive(Serialize, Deserialize)]
struct Kept {
    how: Kind,
    id: Id,
    until: Option<i64>,
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Key,
    Login,
}

impl Access {
    /// Waits until a password may be hashed: only a few are at once.
    ///
    /// # Errors
    /// When the server ends.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.hashing.acquire().await.map_err(|_| not_good())
    }

    /// Logs somebody in by name (or address for mail) and password. Takes long: not for a thread that others wait for.
    ///
    /// # Errors
    /// 401 for a wrong name or password, which nobody can tell apart; 429 after too many from this address.
    pub fn login(&self, name: &str, password: &Secret, address: IpAddr, agent: &str) -> Result<Given, Problem> {
        let (name, place) = (fold(name), of_address(address));
        let known = self.store.user_for_login(&name)?;
        // Whoever stands at the machine itself gets in; there the limit on tries is enough.
        let spared = address.is_loopback() && known.as_ref().is_some_and(|(user, _)| user.role == Role::Owner.name());
        let account = account(known.as_ref().map(|(user, _)| user), &name);
        if !spared && let Some(until) = self.traffic.locked(&account, &place, self.clock.now())? {
            return Err(locked(until.since(self.clock.now())));
        }
        let hash = known.as_ref().and_then(|(_, hash)| hash.as_deref());
        let fits = self.passwords.fits(password, hash);
        let user = match known {
            Some((ref user, Some(ref hash))) if fits && !user.disabled => {
                if self.passwords.is_old(hash) {
                    self.store.rehash_password(user.id, &self.passwords.hash(password)?)?;
                }
                user.clone()
            }
            known => {
                let now = self.clock.now();
                tracing::warn!(address = %address, "a login failed");
                if spared {
                    return Err(wrong());
                }
                let until = self.traffic.guessed_wrong(&account, &place, self.rules().guesses, now)?;
                if let (Some(_), Some((user, _))) = (until, known) {
                    let what = serde_json::json!({"address": place});
                    self.store.append(&Event::new(events::USER_LOCKED, user.id.to_string(), what))?;
                }
                return Err(wrong());
            }
        };
        self.traffic.guessed_right(&account, &place, self.clock.now())?;
        let expires = self.clock.now().plus_micros(self.rules().refresh_us);
        let new = NewLogin { user: user.id, address: address.to_string(), agent: agent.to_string(), expires };
        let (login, family) = self.store.begin_login(&new)?;
        Ok(self.given(user, login, family)?)
    }

    /// Goes on with a login: another access token and another refresh token; the one that was shown is good no more.
    ///
    /// # Errors
    /// 401 when it is no refresh token or the login is over; also when it was used before, which ends the login.
    pub fn refresh(&self, shown: &str) -> Result<Given, Problem> {
        let (refresh, mac) = Tokens::read_refresh(shown).ok_or_else(not_good)?;
        let Refresh { login, generation } = refresh;
        // One that names no login is held against something all the same.
        let found = self.store.login_by_id(login)?;
        let family = found.as_ref().map_or(Family { salt: [0; 16], generation: 0 }, |(.., family)| *family);
        let real = self.tokens.is_real(refresh, &mac, &family);
        let (_, user, family) = found.filter(|_| real).ok_or_else(not_good)?;
        let expires = self.clock.now().plus_micros(self.rules().refresh_us);
        match self.store.refresh_login(login, generation, GRACE, expires)? {
            Refreshed::On(login, generation) => Ok(self.given(user, login, Family { generation, ..family })?),
            Refreshed::Reused(login) => {
                tracing::warn!(login = %login.id, "a refresh token was used twice; its login is over");
                Err(not_good())
            }
            Refreshed::Over => Err(not_good()),
        }
    }

    fn given(&self, user: User, login: Login, family: Family) -> Result<Given> {
        let now = self.clock.now();
        let until = now.plus_micros(self.rules().access_us);
        let access = self.tokens.access(user.id, login.id, now, until)?;
        let refresh = self.tokens.refresh(login.id, family.generation, &family);
        Ok(Given { user, login, access, until, refresh })
    }

    /// Adds somebody who asks for it, as a member.
    ///
    /// # Errors
    /// 403 where the settings do not allow it; 409 where the name or address is taken.
    pub fn register(&self, name: &str, email: Option<&str>, password: &Secret) -> Result<User, Problem> {
        if !self.rules().register {
            return Err(Problem::refused("nobody may add themselves here").hint("ask the owner: fac user add"));
        }
        super::password::check(password, name)?;
        let hash = self.passwords.hash(password)?;
        let new = NewUser {
            name: name.to_string(),
            email: email.map(String::from),
            role: Role::Member.name().to_string(),
            tier: None,
            password: Some(hash),
        };
        taken(self.store.add_user(&new))
    }

    /// Whether this is the password of a user.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_password_of(&self, user: &User, password: &Secret) -> Result<bool> {
        let found = self.store.user_for_login(&user.name)?.filter(|(found, _)| found.id == user.id);
        Ok(self.passwords.fits(password, found.and_then(|(_, hash)| hash).as_deref()))
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn hash(&self, password: &Secret) -> Result<String> {
        self.passwords.hash(password)
    }

    /// A text that stands for what `caller` showed, once and for half a minute: for an address, where a header cannot be sent.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn ticket(&self, caller: &Caller) -> Result<Secret, Problem> {
        let (how, id) = match caller.how {
            How::Key { id } => (Kind::Key, id),
            How::Login { id } => (Kind::Login, id),
            How::Local | How::Nobody => {
                return Err(Problem::refused("nobody showed anything that a ticket could stand for"));
            }
        };
        let ticket = tokens::new_ticket()?;
        let what = Kept { how, id, until: caller.until.map(Timestamp::as_micros) };
        let now = self.clock.now();
        let what = serde_json::to_string(&what).unwrap_or_default();
        self.traffic.keep_ticket(&tokens::digest(ticket.expose()), &what, now.plus_micros(TICKET_US), now)?;
        Ok(ticket)
    }

    /// Who asks, by a ticket; it is good no more.
    ///
    /// # Errors
    /// 401 when it is none, was used, is too old, or what it stands for is good no more.
    pub fn redeem(&self, ticket: &str, address: IpAddr, trace: TraceId) -> Result<Caller, Problem> {
        let sane = ticket.starts_with(tokens::TICKET) && ticket.len() < 200;
        let kept = match sane {
            true => self.traffic.take_ticket(&tokens::digest(ticket), self.clock.now())?,
            false => None,
        };
        let kept: Kept = kept.and_then(|what| serde_json::from_str(&what).ok()).ok_or_else(not_good)?;
        let how = if kept.how == Kind::Key { How::Key { id: kept.id } } else { How::Login { id: kept.id } };
        let until = kept.until.map(Timestamp::from_micros);
        self.still(&Caller { how, until, address, ..Caller::local(trace) })
    }
}

/// What wrong passwords are counted under: one account, whether its name or its address for mail was typed.
fn account(user: Option<&User>, typed: &str) -> String {
    // Nobody's account is kept by what was typed: people type passwords into the wrong field.
    user.map_or_else(|| hex(&super::tokens::digest(typed)[..16]), |user| user.id.to_string())
}

/// A name or address that is taken is a conflict.
///
/// # Errors
/// 409 for that, and what else there is.
pub fn taken<T>(added: Result<T>) -> Result<T, Problem> {
    added.map_err(|error| match error.message().ends_with("is taken") {
        true => Problem::new(StatusCode::CONFLICT, "usage", error.message()),
        false => error.into(),
    })
}

fn wrong() -> Problem {
    Problem::unidentified("the name or the password is wrong")
}

fn locked(left_us: i64) -> Problem {
    let seconds = u64::try_from(left_us).unwrap_or(0).div_ceil(1_000_000);
    Problem::limited("too many wrong passwords from this address", seconds)
        .hint("wait, or let the owner lift it: fac user unlock NAME")
}
