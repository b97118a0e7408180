//! `/api/v1/users` and `/api/v1/access`: who may come in, and who may what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::app::views::access::{UserCard, UserView};
use crate::app::views::page::{Page, Paging};
use crate::kernel::secret::Secret;
use crate::serve::access::explain::{self, Explained, Finding, Line};
use crate::serve::access::login::taken;
use crate::serve::access::password::{self, Passwords};
use crate::serve::access::{Caller, Permission, Role};
use crate::serve::api::keys::visible;
use crate::serve::call::Call;
use crate::serve::problem::{Problem, Wrong};
use crate::serve::route::Route;
use crate::store::access::{NewUser, User, UserEdit};
use crate::store::traffic::Traffic;

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |path, summary| Route::get(path, summary).tag("users").may(Permission::UsersRead);
    let write = |draft: crate::serve::route::Draft| draft.tag("users").may(Permission::UsersWrite);
    vec![
        read("/api/v1/users", "List users").query::<Wanted>().with(ls),
        write(Route::post("/api/v1/users", "Add a user")).creates().takes::<NewBody>().with(add),
        read("/api/v1/users/{user}", "Show a user").with(show),
        write(Route::patch("/api/v1/users/{user}", "Change a user")).takes::<Change>().with(change),
        write(Route::delete("/api/v1/users/{user}", "Erase a user with keys and logins")).with(remove),
        write(Route::post("/api/v1/users/{user}/unlock", "Let a user try passwords again")).with(unlock),
        write(Route::post("/api/v1/users/{user}/logout", "End all logins of a user")).with(logout),
        Route::get("/api/v1/access/roles", "The table of who may what").tag("access").with(roles),
        Route::get("/api/v1/access/explain", "Whether somebody may do something, and why")
            .tag("access")
            .query::<Asked>()
            .with(why),
        Route::get("/api/v1/access/review", "What was given out and nobody uses")
            .tag("access")
            .may(Permission::UsersRead)
            .query::<Days>()
            .with(review),
    ]
}

/// Which users.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(flatten)]
    page: Paging,
}

fn ls(call: &Call<Wanted>, app: &App) -> Result<Page<UserView>, Problem> {
    let users = app.store()?.users()?;
    let from = match &call.query.page.after {
        None => 0,
        Some(after) => {
            users.iter().position(|user| user.id.to_string() == *after).map(|at| at + 1).ok_or_else(|| {
                Problem::wrong(vec![Wrong {
                    field: "after".into(),
                    detail: "take it from `next` of the page before".into(),
                }])
            })?
        }
    };
    let rest = &users[from..];
    let page = &rest[..rest.len().min(call.query.page.limit)];
    let next = page.last().filter(|_| page.len() < rest.len()).map(|user| user.id.to_string());
    Ok(Page { items: page.iter().map(UserView::from).collect(), next })
}

/// Somebody new.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewBody {
    /// A name, unique whatever its case
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// An address for mail
    #[schemars(length(min = 3, max = 255))]
    email: Option<String>,
    /// owner, admin, member or viewer
    #[serde(default = "member")]
    role: String,
    /// A class of limits
    #[schemars(length(max = 64))]
    tier: Option<String>,
    /// A password; without one only keys let them in
    password: Option<String>,
}

fn member() -> String {
    Role::Member.name().to_string()
}

fn role(word: &str) -> Result<Role, Problem> {
    word.parse().map_err(|error: crate::kernel::error::Error| {
        Problem::wrong(vec![Wrong { field: "/role".into(), detail: error.message().to_string() }])
    })
}

/// Nobody makes, changes or takes over somebody who may more than they do.
fn ruled(caller: &Caller, role: Role) -> Result<(), Problem> {
    match caller.rules(role) {
        true => Ok(()),
        false => Err(Problem::refused(format!("{} may not do this to an {role}", caller.name))),
    }
}

fn hash(text: &str, name: &str) -> Result<String, Problem> {
    let secret = Secret::new(text);
    password::check(&secret, name)?;
    Ok(Passwords::new()?.hash(&secret)?)
}

fn add(call: &Call<(), NewBody>, app: &App) -> Result<UserView, Problem> {
    let body = &call.body;
    let role = role(&body.role)?;
    ruled(&call.caller, role)?;
    let password = body.password.as_deref().map(|text| hash(text, &body.name)).transpose()?;
    let new = NewUser {
        name: body.name.clone(),
        email: body.email.clone(),
        role: role.name().to_string(),
        tier: body.tier.clone(),
        password,
    };
    Ok(UserView::from(&taken(app.store()?.add_user(&new))?))
}

fn show(call: &Call, app: &App) -> Result<UserCard, Problem> {
    let user = app.store()?.user(call.param("user"))?;
    Ok(UserCard::of(&user, Traffic::open_if_there(&app.paths.state)?.as_ref(), app.clock.now())?)
}

/// What is to change; what is not named stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// An address for mail; empty takes it away
    #[schemars(length(max = 255))]
    email: Option<String>,
    /// owner, admin, member or viewer
    role: Option<String>,
    /// A class of limits; empty for the common one
    #[schemars(length(max = 64))]
    tier: Option<String>,
    /// A password
    password: Option<String>,
    /// Shut out, or let in again
    disabled: Option<bool>,
}

/// The user of the path, whom the caller rules.
fn target<Q, B>(call: &Call<Q, B>, app: &App) -> Result<User, Problem> {
    let user = app.store()?.user(call.param("user"))?;
    // A role that nobody knows is for owners to mend.
    ruled(&call.caller, user.role.parse().unwrap_or(Role::Owner))?;
    Ok(user)
}

fn change(call: &Call<(), Change>, app: &App) -> Result<UserView, Problem> {
    let user = target(call, app)?;
    let body = &call.body;
    let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut edits = Vec::new();
    if let Some(word) = &body.role {
        let role = role(word)?;
        ruled(&call.caller, role)?;
        edits.push(UserEdit::Role(role.name().to_string()));
    }
    if let Some(text) = &body.password {
        edits.push(UserEdit::Password(Some(hash(text, &user.name)?)));
    }
    edits.extend(body.email.as_ref().map(|text| UserEdit::Email(filled(text))));
    edits.extend(body.tier.as_ref().map(|text| UserEdit::Tier(filled(text))));
    edits.extend(body.disabled.map(UserEdit::Disabled));
    if edits.is_empty() {
        return Ok(UserView::from(&user));
    }
    Ok(UserView::from(&taken(app.store()?.edit_user(user.id, &edits, Role::Owner.name()))?))
}

fn remove(call: &Call, app: &App) -> Result<(), Problem> {
    let user = target(call, app)?;
    Ok(app.store()?.remove_user(user.id, Role::Owner.name())?)
}

/// From how many addresses.
#[derive(Serialize, JsonSchema)]
struct Unlocked {
    /// So many addresses were closed.
    unlocked: usize,
}

fn unlock(call: &Call, app: &App) -> Result<Unlocked, Problem> {
    let user = target(call, app)?;
    let unlocked = Traffic::open(&app.paths.state)?.unlock(&[user.id.to_string()], app.clock.now())?;
    Ok(Unlocked { unlocked })
}

/// How many logins ended.
#[derive(Serialize, JsonSchema)]
struct Ended {
    /// So many.
    ended: usize,
}

fn logout(call: &Call, app: &App) -> Result<Ended, Problem> {
    let user = target(call, app)?;
    Ok(Ended { ended: app.store()?.end_logins(user.id, "ended by somebody who may")? })
}

fn roles(_: &Call, _: &App) -> Result<Page<Line>, Problem> {
    Ok(Page { items: explain::table(), next: None })
}

/// Who, and what.
#[derive(Debug, Deserialize, JsonSchema)]
struct Asked {
    /// A user; whoever asks where nobody is named
    user: Option<String>,
    /// A key, by its id or its public beginning, in place of a user
    key: Option<String>,
    /// A permission, such as `chat:read`
    permission: String,
}

fn why(call: &Call<Asked>, app: &App) -> Result<Explained, Problem> {
    let permission: Permission = call.query.permission.parse()?;
    let store = app.store()?;
    let own = || store.user_by_id(call.caller.user)?.ok_or_else(|| Problem::not_found("this user is gone"));
    if let Some(wanted) = &call.query.key {
        let key = visible(&call.caller, store, wanted)?;
        let user = store.user_by_id(key.user)?.ok_or_else(|| Problem::not_found("this user is gone"))?;
        return Ok(explain::explain(&user, Some(&key), permission, app.clock.now()));
    }
    let user = match &call.query.user {
        None => own()?,
        Some(wanted) if call.caller.may(Permission::UsersRead) => store.user(wanted)?,
        Some(wanted) => Some(own()?)
            .filter(|user| user.name.eq_ignore_ascii_case(wanted) || user.id.to_string() == *wanted)
            .ok_or_else(|| Problem::not_found(format!("there is no user {wanted}")))?,
    };
    Ok(explain::explain(&user, None, permission, app.clock.now()))
}

/// Since when.
#[derive(Debug, Deserialize, JsonSchema)]
struct Days {
    /// Not used for so many days
    #[serde(default = "usual")]
    #[schemars(range(min = 0, max = 36500))]
    days: u32,
}

fn usual() -> u32 {
    90
}

fn review(call: &Call<Days>, app: &App) -> Result<Page<Finding>, Problem> {
    let traffic = Traffic::open_if_there(&app.paths.state)?;
    let items = explain::review(app.store()?, traffic.as_ref(), call.query.days, app.clock.now())?;
    Ok(Page { items, next: None })
}
