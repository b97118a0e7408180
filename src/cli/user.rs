//! `fac user`: who may come in over `fac serve`.

use std::io::{IsTerminal, Read};

use clap::Subcommand;
use serde_json::json;

use super::table::Table;
use super::ui::Role as Colour;
use super::{Context, ask};
use crate::app::views::access::{LockoutView, LoginView, UserCard, UserView};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::secret::Secret;
use crate::serve::access::Role;
use crate::serve::access::password::{self, Passwords};
use crate::store::Store;
use crate::store::access::{NewUser, User, UserEdit};
use crate::store::traffic::Traffic;

const EXAMPLES: &str = "\
Examples:
  fac user add ann --role member        asks for a password
  printf %s \"$PW\" | fac user add ann    or reads it from stdin
  fac user add ann --hashed <hash.txt    one who moves here keeps the password
  fac user role ann admin
  fac user unlock ann                   after too many wrong passwords
  fac user logout ann                   ends all logins, at once
  fac user logins                       who is logged in, from where

Roles: owner, admin, member, viewer; `fac access roles` shows what each may do.";

/// Say who may come in over `fac serve`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(AddArgs),
    /// List users
    #[command(visible_alias = "list")]
    Ls,
    /// Show a user
    Show {
        /// The name, address or id
        user: String,
    },
    /// Give a user another role
    Role {
        /// The name, address or id
        user: String,
        /// owner, admin, member or viewer
        role: String,
    },
    /// Give a user another address for mail, or none
    Email {
        /// The name, address or id
        user: String,
        /// The address; none takes it away
        email: Option<String>,
    },
    /// Put a user into a class of limits (`limits.NAME`), or into the common one
    Tier {
        /// The name, address or id
        user: String,
        /// The class
        tier: Option<String>,
    },
    /// Give a user another password, which ends all logins; it is asked for, or read from stdin
    Passwd {
        /// The name, address or id
        user: String,
    },
    /// Shut a user out with all keys and logins
    Disable {
        /// The name, address or id
        user: String,
    },
    /// Let a user in again
    Enable {
        /// The name, address or id
        user: String,
    },
    /// Let a user try passwords again
    Unlock {
        /// The name, address or id
        user: String,
    },
    /// List logins that go on
    Logins {
        /// Only of this user
        user: Option<String>,
    },
    /// End logins of a user
    Logout {
        /// The name, address or id
        user: String,
        /// Only this login
        #[arg(long, value_name = "ID")]
        login: Option<String>,
    },
    /// Erase a user with keys and logins; what they made stays
    Rm {
        /// The name, address or id
        user: String,
    },
}

/// Add a user
#[derive(Debug, clap::Args)]
struct AddArgs {
    /// A name
    name: String,
    /// What they are: owner, admin, member or viewer
    #[arg(long, default_value = "member")]
    role: String,
    /// An address for mail
    #[arg(long)]
    email: Option<String>,
    /// A class of limits
    #[arg(long)]
    tier: Option<String>,
    /// No password: only keys let them in
    #[arg(long)]
    no_password: bool,
    /// Read the password's hash from stdin, as another program made it: argon2 or bcrypt
    #[arg(long, conflicts_with = "no_password")]
    hashed: bool,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    let store = context.app.store()?.clone();
    let edit = |wanted: &str, edits: &[UserEdit]| store.edit_user(store.user(wanted)?.id, edits, Role::Owner.name());
    match args.what {
        What::Add(args) => add(context, &store, &args),
        What::Ls => ls(context, &store),
        What::Show { user } => show(context, &store.user(&user)?),
        What::Role { user, role } => {
            let role: Role = role.parse()?;
            let user = edit(&user, &[UserEdit::Role(role.name().to_string())])?;
            said(context, &user, &format!("{} is {role} now", user.name))
        }
        What::Email { user, email } => {
            let user = edit(&user, &[UserEdit::Email(email)])?;
            said(context, &user, &format!("{} has {} now", user.name, user.email.as_deref().unwrap_or("no address")))
        }
        What::Tier { user, tier } => {
            let user = edit(&user, &[UserEdit::Tier(tier)])?;
            said(
                context,
                &user,
                &format!("{} has {} limits now", user.name, user.tier.as_deref().unwrap_or("the common")),
            )
        }
        What::Passwd { user } => {
            let user = store.user(&user)?;
            let hash = hash(context, &user.name)?;
            let user = edit(&user.id.to_string(), &[UserEdit::Password(Some(hash))])?;
            said(context, &user, &format!("{} has another password, and is logged in nowhere", user.name))
        }
        What::Disable { user } => {
            let user = edit(&user, &[UserEdit::Disabled(true)])?;
            said(context, &user, &format!("{} is shut out", user.name))
        }
        What::Enable { user } => {
            let user = edit(&user, &[UserEdit::Disabled(false)])?;
            said(context, &user, &format!("{} is let in again", user.name))
        }
        What::Unlock { user } => unlock(context, &store.user(&user)?),
        What::Logins { user } => logins(context, &store, user.as_deref()),
        What::Logout { user, login } => logout(context, &store, &store.user(&user)?, login.as_deref()),
        What::Rm { user } => rm(context, &store, &store.user(&user)?),
    }
}

fn add(context: &Context, store: &Store, args: &AddArgs) -> Result<u8> {
    let role: Role = args.role.parse()?;
    let password = match args {
        AddArgs { no_password: true, .. } => None,
        AddArgs { hashed: true, .. } => Some(password::known(piped()?.expose())?),
        _ => Some(hash(context, &args.name)?),
    };
    let new = NewUser {
        name: args.name.clone(),
        email: args.email.clone(),
        role: role.name().to_string(),
        tier: args.tier.clone(),
        password,
    };
    let user = store.add_user(&new)?;
    said(context, &user, &format!("added {} as {role}; a key: fac key create --user {}", user.name, user.name))
}

/// The hash of a password that is typed twice, or read from stdin.
fn hash(context: &Context, name: &str) -> Result<String> {
    let secret = if context.ui.ask {
        let first = ask::hidden(context, &format!("Password of {name}"))?;
        if ask::hidden(context, "The same again")? != first {
            return Err(Error::new(Kind::Usage, "the two are not the same"));
        }
        Secret::from_input(first)
    } else if std::io::stdin().is_terminal() || context.ui.no_input {
        return Err(Error::new(Kind::Usage, "the password may not be asked for")
            .hint("pipe it in: printf %s PASSWORD | fac user …; or --no-password, and only keys let them in"));
    } else {
        piped()?
    };
    password::check(&secret, name)?;
    Passwords::new()?.hash(&secret)
}

/// What stands on stdin.
fn piped() -> Result<Secret> {
    let mut text = String::new();
    let read = std::io::stdin().take(64 << 10).read_to_string(&mut text);
    read.context(Kind::BadData, || "what stands on stdin cannot be read as text".to_string())?;
    Ok(Secret::from_input(text))
}

fn said(context: &Context, user: &User, what: &str) -> Result<u8> {
    if context.ui.json {
        context.ui.value(&json!({"user": UserView::from(user)}))?;
    } else {
        context.ui.note(what);
    }
    Ok(0)
}

fn ls(context: &Context, store: &Store) -> Result<u8> {
    let users = store.users()?;
    if context.ui.json {
        let items: Vec<UserView> = users.iter().map(UserView::from).collect();
        context.ui.value(&json!({"items": items, "next": null}))?;
        return Ok(0);
    }
    if users.is_empty() {
        context.ui.note("nobody may come in yet; `fac user add NAME` adds somebody");
    }
    let mut table = Table::new(&["name", "role", "tier", "password", "state", "since", "email"]);
    for user in &users {
        let state = if user.disabled { ("shut out", Colour::Bad) } else { ("", Colour::Dim) };
        table.row(vec![
            (user.name.clone(), Some(Colour::Name)),
            (user.role.clone(), None),
            (user.tier.clone().unwrap_or_default(), None),
            (if user.has_password { "yes" } else { "no" }.to_string(), Some(Colour::Dim)),
            (state.0.to_string(), Some(state.1)),
            (user.created.local_short(), Some(Colour::Dim)),
            (user.email.clone().unwrap_or_default(), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

fn show(context: &Context, user: &User) -> Result<u8> {
    let traffic = Traffic::open_if_there(&context.app.paths.state)?;
    let card = UserCard::of(user, traffic.as_ref(), context.app.clock.now())?;
    if context.ui.json {
        context.ui.value(&json!({"user": card}))?;
        return Ok(0);
    }
    let ui = &context.ui;
    ui.line(&format!("{}  {}", ui.paint(Colour::Strong, &user.name), user.role))?;
    ui.line(&ui.paint(Colour::Dim, &format!("{}  added {}", user.id, user.created.local_short())))?;
    if let Some(email) = &user.email {
        ui.line(email)?;
    }
    let password = if user.has_password { "has a password" } else { "has no password, only keys" };
    ui.line(if user.disabled { "is shut out" } else { password })?;
    for LockoutView { address, until } in &card.lockouts {
        let until = until.parse().map_or_else(|_| until.clone(), |until: Timestamp| until.local_short());
        ui.line(&ui.paint(Colour::Warn, &format!("too many wrong passwords from {address}, until {until}")))?;
    }
    if !card.lockouts.is_empty() {
        ui.note(&format!("fac user unlock {} lets them try again", user.name));
    }
    Ok(0)
}

fn unlock(context: &Context, user: &User) -> Result<u8> {
    let traffic = Traffic::open_if_there(&context.app.paths.state)?;
    let now = context.app.clock.now();
    let unlocked = traffic.map_or(Ok(0), |traffic| traffic.unlock(&[user.id.to_string()], now))?;
    if context.ui.json {
        context.ui.value(&json!({"unlocked": unlocked}))?;
        return Ok(0);
    }
    context.ui.note(&match unlocked {
        0 => format!("{} was not closed out", user.name),
        1 => format!("{} may try again from one address", user.name),
        many => format!("{} may try again from {many} addresses", user.name),
    });
    Ok(0)
}

fn logins(context: &Context, store: &Store, user: Option<&str>) -> Result<u8> {
    let user = user.map(|wanted| store.user(wanted)).transpose()?;
    let logins = store.logins(user.map(|user| user.id))?;
    if context.ui.json {
        let items: Vec<LoginView> = logins.iter().map(LoginView::from).collect();
        context.ui.value(&json!({"items": items, "next": null}))?;
        return Ok(0);
    }
    if logins.is_empty() {
        context.ui.note("nobody is logged in");
    }
    let mut table = Table::new(&["id", "user", "since", "last", "from", "client"]);
    for login in &logins {
        table.row(vec![
            (login.id.tail(), Some(Colour::Dim)),
            (login.user_name.clone(), Some(Colour::Name)),
            (login.created.local_short(), Some(Colour::Dim)),
            (login.refreshed.local_short(), None),
            (login.address.clone(), None),
            (login.agent.clone(), Some(Colour::Dim)),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

fn logout(context: &Context, store: &Store, user: &User, login: Option<&str>) -> Result<u8> {
    let ended = match login {
        None => store.end_logins(user.id, "ended on the command line")?,
        Some(wanted) => {
            let login = store.login(wanted)?;
            if login.user != user.id {
                return Err(Error::new(Kind::NotFound, format!("{} has no login {wanted}", user.name)));
            }
            usize::from(store.end_login(login.id, "ended on the command line")?)
        }
    };
    if context.ui.json {
        context.ui.value(&json!({"ended": ended}))?;
    } else {
        context.ui.note(&format!("{ended} {} of {} ended", if ended == 1 { "login" } else { "logins" }, user.name));
    }
    Ok(0)
}

fn rm(context: &Context, store: &Store, user: &User) -> Result<u8> {
    let question = format!("Erase {} with all keys and logins?", user.name);
    if !ask::yes(context, &question, false)? {
        return Err(Error::new(Kind::Refused, "nothing was erased").hint(format!("fac user rm {} --yes", user.name)));
    }
    store.remove_user(user.id, Role::Owner.name())?;
    context.ui.note(&format!("erased {}; what they made is the machine's own now", user.name));
    Ok(0)
}
