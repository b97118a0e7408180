//! `/api/v1/keys`: keys of programs, one's own and, for who rules them, those of others.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::App;
use crate::app::views::access::{KeyView, MadeKey};
use crate::app::views::page::Page;
use crate::kernel::clock::Timestamp;
use crate::kernel::duration::parse_ms;
use crate::kernel::error::{Error, Kind};
use crate::serve::access::{Caller, How, Permission, Role, make_key, scopes};
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::Route;
use crate::store::Store;
use crate::store::access::{KeyFilter, KeyRow, User};
use crate::store::traffic::Traffic;

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |path, summary| Route::get(path, summary).tag("keys").may(Permission::KeysRead);
    vec![
        read("/api/v1/keys", "List keys").query::<Wanted>().with(ls),
        Route::post("/api/v1/keys", "Make a key, which is shown this once")
            .tag("keys")
            .may(Permission::KeysWrite)
            .creates()
            .secret()
            .takes::<NewBody>()
            .with(add),
        read("/api/v1/keys/{id}", "Show a key").with(show),
        Route::delete("/api/v1/keys/{id}", "Revoke a key").tag("keys").may(Permission::KeysWrite).with(revoke),
    ]
}

/// Which keys.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// Of this user; your own where nobody is named
    user: Option<String>,
    /// Of everybody
    #[serde(default)]
    all: bool,
    /// Revoked ones too
    #[serde(default)]
    revoked: bool,
}

fn ls(call: &Call<Wanted>, app: &App) -> Result<Page<KeyView>, Problem> {
    let store = app.store()?;
    let others = call.caller.may(Permission::UsersRead);
    let user = match (&call.query.user, call.query.all) {
        (None, true) if others => None,
        (None, _) => Some(call.caller.user),
        (Some(wanted), _) if others => Some(store.user(wanted)?.id),
        (Some(wanted), _) if is_own(&call.caller, wanted) => Some(call.caller.user),
        (Some(wanted), _) => return Err(Problem::not_found(format!("there is no user {wanted}"))),
    };
    let traffic = Traffic::open_if_there(&app.paths.state)?;
    let keys = store.keys(&KeyFilter { user, revoked: call.query.revoked })?;
    let items = keys.iter().map(|key| KeyView::of(key, traffic.as_ref())).collect::<Result<_, _>>()?;
    Ok(Page { items, next: None })
}

fn is_own(caller: &Caller, wanted: &str) -> bool {
    caller.name.eq_ignore_ascii_case(wanted) || caller.user.to_string() == wanted
}

/// A key that is wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewBody {
    /// What it is for
    #[serde(default)]
    #[schemars(length(max = 100))]
    name: String,
    /// Whose it is to be; your own where nobody is named
    user: Option<String>,
    /// The only permissions that it has, such as `chat:read`, `chat:*` or `*:read`; all of the user's where none is named
    scopes: Option<Vec<String>>,
    /// When it ends: a length of time such as `90d`, or a moment in RFC 3339
    expires: Option<String>,
}

fn add(call: &Call<(), NewBody>, app: &App) -> Result<MadeKey, Problem> {
    let (store, body) = (app.store()?, &call.body);
    let user = match &body.user {
        None => None,
        Some(wanted) if is_own(&call.caller, wanted) => None,
        Some(wanted) if call.caller.may(Permission::UsersWrite) => Some(store.user(wanted)?),
        Some(wanted) => return Err(Problem::not_found(format!("there is no user {wanted}"))),
    };
    let user: User = match user {
        Some(user) if call.caller.rules(user.role.parse().unwrap_or(Role::Owner)) => user,
        Some(user) => return Err(Problem::refused(format!("{} may not make keys of {}", call.caller.name, user.name))),
        None => store.user_by_id(call.caller.user)?.ok_or_else(|| Problem::not_found("this user is gone"))?,
    };
    let scopes = narrowed(&call.caller, body.scopes.as_deref())?;
    let expires = match &body.expires {
        None => None,
        Some(text) => Some(moment(text, app.clock.now())?),
    };
    // A key that ends makes none that outlives it.
    let expires = match (&call.caller.how, call.caller.until) {
        (How::Key { .. }, Some(until)) => Some(expires.map_or(until, |wanted| wanted.min(until))),
        _ => expires,
    };
    let (row, secret) = make_key(store, &user, &body.name, scopes.as_ref(), expires)?;
    Ok(MadeKey { key: KeyView::of(&row, None)?, secret: secret.expose().to_string() })
}

/// The scopes of a new key: those that are wanted, and none that whoever makes it has not.
fn narrowed(caller: &Caller, wanted: Option<&[String]>) -> Result<Option<BTreeSet<Permission>>, Problem> {
    let Some(words) = wanted else { return Ok(caller.scopes.clone()) };
    let wanted = scopes(words)?;
    // `*` and the like mean all that there is to give.
    let named = |one: &Permission| words.iter().any(|word| word == one.name());
    if let Some(one) = wanted.iter().find(|one| named(one) && !caller.may(**one)) {
        return Err(Problem::refused(format!("{} has not {one} to give", caller.name)));
    }
    Ok(Some(wanted.into_iter().filter(|one| caller.may(*one)).collect()))
}

/// A moment to come: a length of time from now, or RFC 3339.
///
/// # Errors
/// `Usage` for what is neither, and for what is over.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    let from_now =
        parse_ms(text).and_then(|ms| i64::try_from(ms).ok()).map(|ms| now.plus_micros(ms.saturating_mul(1000)));
    let moment = from_now.or_else(|| text.parse().ok()).filter(|moment| *moment > now);
    moment.ok_or_else(|| {
        Error::new(Kind::Usage, format!("{text:?} is no moment to come"))
            .hint("write a length of time such as 90d, or a moment such as 2027-01-31T00:00:00Z")
    })
}

/// The key of the path.
fn found(call: &Call, app: &App) -> Result<KeyRow, Problem> {
    visible(&call.caller, app.store()?, call.param("id"))
}

/// A key that is the caller's own, or that of somebody whom the caller may see.
pub(super) fn visible(caller: &Caller, store: &Store, wanted: &str) -> Result<KeyRow, Problem> {
    let key = store.key(wanted)?;
    match key.user == caller.user || caller.may(Permission::UsersRead) {
        true => Ok(key),
        false => Err(Problem::not_found(format!("there is no key {wanted}"))),
    }
}

fn show(call: &Call, app: &App) -> Result<KeyView, Problem> {
    let key = found(call, app)?;
    Ok(KeyView::of(&key, Traffic::open_if_there(&app.paths.state)?.as_ref())?)
}

fn revoke(call: &Call, app: &App) -> Result<(), Problem> {
    let (store, key) = (app.store()?, found(call, app)?);
    if key.user != call.caller.user {
        let user = store.user_by_id(key.user)?.ok_or_else(|| Problem::not_found("this user is gone"))?;
        if !call.caller.may(Permission::UsersWrite) || !call.caller.role.rules(user.role.parse().unwrap_or(Role::Owner))
        {
            return Err(Problem::refused(format!("{} may not revoke keys of {}", call.caller.name, user.name)));
        }
    }
    store.revoke_key(key.id)?;
    Ok(())
}
