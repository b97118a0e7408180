//! `/api/v1/auth`: logging in and out, going on, tickets, one's own password and logins.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::USER_AGENT;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::app::views::access::{LoginView, UserView};
use crate::app::views::page::Page;
use crate::kernel::secret::Secret;
use crate::serve::Server;
use crate::serve::access::login::{Given, TICKET_US};
use crate::serve::access::{Caller, How, Permission, password};
use crate::serve::call::Call;
use crate::serve::input::{self, Body, Checks};
use crate::serve::limits::AUTH;
use crate::serve::problem::Problem;
use crate::serve::reply;
use crate::serve::route::{Draft, RawCall, Route};
use crate::serve::traced::Traced;
use crate::store::Store;
use crate::store::access::UserEdit;

/// The routes.
pub fn routes() -> Vec<Route> {
    let post = |path, summary| Route::post(path, summary).tag("auth");
    vec![
        work(post("/api/v1/auth/login", "Log in by a password").public().bucket(AUTH, 10).secret().takes(), login),
        work(post("/api/v1/auth/refresh", "Go on with a login").public().secret().takes(), refresh),
        work(
            post("/api/v1/auth/register", "Add yourself, where the owner allows it")
                .public()
                .bucket(AUTH, 10)
                .creates()
                .takes(),
            register,
        ),
        work(post("/api/v1/auth/password", "Change your own password").bucket(AUTH, 10).takes(), change_password),
        work(post("/api/v1/auth/ticket", "A ticket for an address, good once and for 30 seconds").secret(), ticket),
        post("/api/v1/auth/logout", "End the login that asks").with(logout),
        post("/api/v1/auth/logout-everywhere", "End all of your logins").with(logout_everywhere),
        Route::get("/api/v1/auth/me", "Who asks, and what they may").tag("auth").with(me),
        Route::get("/api/v1/auth/logins", "List your logins").tag("auth").with(logins),
        Route::delete("/api/v1/auth/logins/{id}", "End one of your logins").tag("auth").with(end_login),
    ]
}

/// Who asks on a route that does its own work with the rooms of the server.
struct Asker {
    caller: Option<Caller>,
    address: IpAddr,
    agent: String,
}

/// A route whose work takes long on purpose, and needs the rooms of the server: it is done on a blocking thread, a few at a
/// time.
fn work<B, T>(draft: Draft<(), B>, work: fn(&Server, &Asker, B) -> Result<T, Problem>) -> Route
where
    B: Body,
    T: Serialize + JsonSchema + Send + 'static,
{
    let checks = Arc::new(Checks::of::<(), B>());
    draft.answers::<T>().raw(move |call| answered(call, work, checks.clone()))
}

async fn answered<B, T>(
    call: RawCall,
    work: fn(&Server, &Asker, B) -> Result<T, Problem>,
    checks: Arc<Checks>,
) -> Result<Response, Problem>
where
    B: Body,
    T: Serialize + Send + 'static,
{
    let Traced { address, .. } = Traced::of(&call.request);
    let RawCall { server, caller, facts, request, .. } = call;
    let (parts, body) = request.into_parts();
    let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_string();
    let (fields, ()) = input::query::<()>(parts.uri.query(), &checks)?;
    let body = input::body::<B>(&parts.headers, body, facts.most, &checks).await?;
    let _turn = server.access.turn().await?;
    let rooms = server.clone();
    let done = tokio::task::spawn_blocking(move || work(&rooms, &Asker { caller, address, agent }, body)).await;
    let answer =
        done.map_err(|_| crate::kernel::error::Error::new(crate::kernel::error::Kind::Failed, "the work broke off"))??;
    reply::json(&facts, &parts.headers, &fields, &answer)
}

/// A name and a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The user's name, or address for mail
    #[schemars(length(min = 1, max = 255))]
    name: String,
    /// The password
    password: String,
}

/// What a login gives out.
#[derive(Serialize, JsonSchema)]
struct Tokens {
    /// The access token, for `Authorization: Bearer`.
    token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// How long it is good, seconds.
    expires_in: i64,
    /// What the user is.
    role: String,
    /// The user's name.
    user: String,
    /// Good once, for another pair of tokens.
    refresh_token: String,
    /// How long it is good, seconds.
    refresh_expires_in: i64,
    /// The login's id.
    login: String,
}

fn tokens(given: &Given, now: crate::kernel::clock::Timestamp) -> Tokens {
    let seconds = |until: crate::kernel::clock::Timestamp| (until.since(now) + 500_000).div_euclid(1_000_000).max(0);
    Tokens {
        token: given.access.expose().to_string(),
        token_type: "Bearer",
        expires_in: seconds(given.until),
        role: given.user.role.clone(),
        user: given.user.name.clone(),
        refresh_token: given.refresh.expose().to_string(),
        refresh_expires_in: seconds(given.login.expires),
        login: given.login.id.to_string(),
    }
}

fn login(server: &Server, asker: &Asker, body: Credentials) -> Result<Tokens, Problem> {
    let password = Secret::new(body.password);
    let given = server.access.login(&body.name, &password, asker.address, &asker.agent)?;
    Ok(tokens(&given, server.access.now()))
}

/// A refresh token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refreshing {
    /// What `refresh_token` said last
    refresh_token: String,
}

fn refresh(server: &Server, _: &Asker, body: Refreshing) -> Result<Tokens, Problem> {
    let given = server.access.refresh(Secret::new(body.refresh_token).expose())?;
    Ok(tokens(&given, server.access.now()))
}

/// Somebody new.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Registration {
    /// A name
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// An address for mail
    #[schemars(length(min = 3, max = 255))]
    email: Option<String>,
    /// A password
    password: String,
}

fn register(server: &Server, _: &Asker, body: Registration) -> Result<UserView, Problem> {
    let user = server.access.register(&body.name, body.email.as_deref(), &Secret::new(body.password))?;
    Ok(UserView::from(&user))
}

/// The old password and the new one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password so far
    old: String,
    /// The one from now on
    new: String,
}

/// How many logins ended.
#[derive(Serialize, JsonSchema)]
struct Ended {
    /// So many.
    ended: usize,
}

fn change_password(server: &Server, asker: &Asker, body: NewPassword) -> Result<Ended, Problem> {
    let caller = asker.caller.as_ref().ok_or_else(|| Problem::unidentified("say who you are"))?;
    // A key that was made for one thing must not take over its user.
    if caller.scopes.is_some() {
        return Err(Problem::refused("a key with scopes changes no password").hint("log in, and change it then"));
    }
    let store = server.access.store();
    let user = store.user_by_id(caller.user)?.ok_or_else(|| Problem::not_found("this user is gone"))?;
    if !server.access.is_password_of(&user, &Secret::new(body.old))? {
        return Err(Problem::refused("the old password is wrong"));
    }
    let new = Secret::new(body.new);
    password::check(&new, &user.name)?;
    let ended = store.logins(Some(user.id))?.len();
    let hash = server.access.hash(&new)?;
    store.edit_user(user.id, &[UserEdit::Password(Some(hash))], crate::serve::access::Role::Owner.name())?;
    Ok(Ended { ended })
}

/// A ticket.
#[derive(Serialize, JsonSchema)]
struct Ticket {
    /// What stands in the address, as `?ticket=`.
    ticket: String,
    /// How long it is good, seconds.
    expires_in: i64,
}

fn ticket(server: &Server, asker: &Asker, (): ()) -> Result<Ticket, Problem> {
    let caller = asker.caller.as_ref().ok_or_else(|| Problem::unidentified("say who you are"))?;
    let ticket = server.access.ticket(caller)?;
    Ok(Ticket { ticket: ticket.expose().to_string(), expires_in: TICKET_US / 1_000_000 })
}

fn logout(call: &Call, app: &App) -> Result<Ended, Problem> {
    let How::Login { id } = call.caller.how else {
        return Err(Problem::refused("a key is no login").hint("revoke a key with DELETE /api/v1/keys/{id}"));
    };
    Ok(Ended { ended: usize::from(app.store()?.end_login(id, "logged out")?) })
}

fn logout_everywhere(call: &Call, app: &App) -> Result<Ended, Problem> {
    if !call.caller.may(Permission::KeysWrite) && call.caller.scopes.is_some() {
        return Err(Problem::refused("this key may not end logins: it needs keys:write"));
    }
    Ok(Ended { ended: app.store()?.end_logins(call.caller.user, "logged out everywhere")? })
}

/// Who asks.
#[derive(Serialize, JsonSchema)]
struct Me {
    /// The user's id.
    id: String,
    /// The user's name.
    name: String,
    /// What the user is.
    role: String,
    /// The class of limits.
    tier: Option<String>,
    /// How they showed it: key or login.
    how: &'static str,
    /// When what they showed ends.
    expires: Option<String>,
    /// What they may, by what they showed.
    permissions: Vec<Permission>,
}

fn me(call: &Call, _: &App) -> Result<Me, Problem> {
    let caller = &call.caller;
    Ok(Me {
        id: caller.user.to_string(),
        name: caller.name.clone(),
        role: caller.role.name().to_string(),
        tier: caller.tier.clone(),
        how: caller.how.name(),
        expires: caller.until.map(|until| until.to_string()),
        permissions: Permission::ALL.into_iter().filter(|one| caller.may(*one)).collect(),
    })
}

fn logins(call: &Call, app: &App) -> Result<Page<LoginView>, Problem> {
    need(&call.caller, Permission::KeysRead)?;
    let logins = app.store()?.logins(Some(call.caller.user))?;
    Ok(Page { items: logins.iter().map(LoginView::from).collect(), next: None })
}

fn end_login(call: &Call, app: &App) -> Result<Ended, Problem> {
    need(&call.caller, Permission::KeysWrite)?;
    let store: &Store = app.store()?;
    let login = store.login(call.param("id"))?;
    if login.user != call.caller.user {
        return Err(Problem::not_found(format!("there is no login {}", call.param("id"))));
    }
    Ok(Ended { ended: usize::from(store.end_login(login.id, "ended by its user")?) })
}

/// One's own things are open to everybody's role; a key with scopes needs the scope.
fn need(caller: &Caller, permission: Permission) -> Result<(), Problem> {
    match caller.scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission)) {
        true => Ok(()),
        false => Err(Problem::refused(format!("this key may not do this: it needs {permission}"))),
    }
}
