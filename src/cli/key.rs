//! `fac key`: keys with which programs come in over `fac serve`.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::table::Table;
use super::ui::Role as Colour;
use crate::app::views::access::{KeyView, MadeKey};
use crate::kernel::error::{Error, Kind, Result};
use crate::serve::access::{Permission, Role, make_key, scopes};
use crate::serve::api::keys::moment;
use crate::store::Store;
use crate::store::access::{KeyFilter, NewUser, User};
use crate::store::traffic::Traffic;

const EXAMPLES: &str = "\
Examples:
  fac key create laptop                               may all that you may
  fac key create ci --scope commands:run --scope runs:read --expires 90d
  fac key create bot --user ann --scope 'chat:*'
  fac key ls
  fac key revoke fac_1x8Kq2Zt                         at once, everywhere

A key is shown once; only its hash is kept. Programs send it as
`Authorization: Bearer KEY`, `x-api-key` or `x-goog-api-key`.";

/// Make and revoke the keys of programs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Create(CreateArgs),
    Ls(LsArgs),
    /// Show a key
    Show {
        /// Its beginning, or its id
        key: String,
    },
    /// Revoke keys: they are good no more, at once
    #[command(visible_alias = "rm")]
    Revoke {
        /// Their beginnings, or their ids
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
}

/// Make a key, which is shown this once
#[derive(Debug, clap::Args)]
#[command(visible_alias = "add")]
struct CreateArgs {
    /// What it is for
    #[arg(default_value = "")]
    name: String,
    /// Whose it is (the owner's where there is one)
    #[arg(long)]
    user: Option<String>,
    /// The only permissions it has, such as chat:read, chat:* or *:read
    #[arg(long = "scope", value_name = "PERMISSION")]
    scopes: Vec<String>,
    /// When it ends: 90d, 12h, or a moment such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

/// List keys
#[derive(Debug, clap::Args)]
#[command(visible_alias = "list")]
struct LsArgs {
    /// Only of this user
    #[arg(long)]
    user: Option<String>,
    /// Revoked ones too
    #[arg(long)]
    revoked: bool,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    let store = context.app.store()?.clone();
    match args.what {
        What::Create(args) => create(context, &store, &args),
        What::Ls(args) => ls(context, &store, &args),
        What::Show { key } => show(context, &store, &key),
        What::Revoke { keys } => revoke(context, &store, &keys),
    }
}

/// Whose a new key is: who is named, or the one owner, who is added where there is nobody yet.
fn whose(store: &Store, wanted: Option<&str>) -> Result<User> {
    if let Some(wanted) = wanted {
        return store.user(wanted);
    }
    let mut owners: Vec<User> = store.users()?.into_iter().filter(|user| user.role == Role::Owner.name()).collect();
    match owners.len() {
        0 => store.add_user(&NewUser {
            name: "owner".to_string(),
            email: None,
            role: Role::Owner.name().to_string(),
            tier: None,
            password: None,
        }),
        1 => Ok(owners.swap_remove(0)),
        _ => Err(Error::new(Kind::Usage, "there are several owners").hint("say whose it is: --user NAME")),
    }
}

fn create(context: &Context, store: &Store, args: &CreateArgs) -> Result<u8> {
    let expires = args.expires.as_deref().map(|text| moment(text, context.app.clock.now())).transpose()?;
    let wanted = if args.scopes.is_empty() { None } else { Some(scopes(&args.scopes)?) };
    let user = whose(store, args.user.as_deref())?;
    let (row, secret) = make_key(store, &user, &args.name, wanted.as_ref(), expires)?;
    if context.ui.json {
        let made = MadeKey { key: KeyView::of(&row, None)?, secret: secret.expose().to_string() };
        context.ui.value(&json!({"key": made}))?;
        return Ok(0);
    }
    if let (Ok(role), Some(wanted)) = (user.role.parse::<Role>(), &wanted) {
        let idle: Vec<&str> = wanted.iter().filter(|one| !role.may(**one)).map(|one| Permission::name(*one)).collect();
        if !idle.is_empty() {
            context.ui.warn(&format!("{} is {role} and may not: {}", user.name, idle.join(", ")));
        }
    }
    context.ui.note(&format!("a key of {}; it is shown this once:", user.name));
    context.ui.line(secret.expose())?;
    Ok(0)
}

fn ls(context: &Context, store: &Store, args: &LsArgs) -> Result<u8> {
    let user = args.user.as_deref().map(|wanted| store.user(wanted)).transpose()?.map(|user| user.id);
    let keys = store.keys(&KeyFilter { user, revoked: args.revoked })?;
    let traffic = Traffic::open_if_there(&context.app.paths.state)?;
    if context.ui.json {
        let items = keys.iter().map(|key| KeyView::of(key, traffic.as_ref())).collect::<Result<Vec<_>>>()?;
        context.ui.value(&json!({"items": items, "next": null}))?;
        return Ok(0);
    }
    if keys.is_empty() {
        context.ui.note("there are no keys; `fac key create` makes one");
    }
    let now = context.app.clock.now();
    let mut table = Table::new(&["key", "user", "for", "made", "used", "ends", "state", "scopes"]);
    for key in &keys {
        let seen = traffic.as_ref().map(|traffic| traffic.seen(key.id)).transpose()?.flatten();
        let state = match (key.revoked, key.is_good(now)) {
            (Some(_), _) => ("revoked", Colour::Bad),
            (None, false) => ("over", Colour::Warn),
            (None, true) => ("", Colour::Dim),
        };
        table.row(vec![
            (key.prefix.clone(), Some(Colour::Name)),
            (key.user_name.clone(), None),
            (key.name.clone(), None),
            (key.created.local_short(), Some(Colour::Dim)),
            (seen.map_or("never".to_string(), |(at, _)| at.local_short()), Some(Colour::Dim)),
            (key.expires.map(|at| at.local_short()).unwrap_or_default(), Some(Colour::Dim)),
            (state.0.to_string(), Some(state.1)),
            (key.scopes.as_ref().map_or("all".to_string(), |all| all.join(" ")), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

fn show(context: &Context, store: &Store, wanted: &str) -> Result<u8> {
    let key = store.key(wanted)?;
    let view = KeyView::of(&key, Traffic::open_if_there(&context.app.paths.state)?.as_ref())?;
    if context.ui.json {
        context.ui.value(&json!({"key": view}))?;
        return Ok(0);
    }
    let ui = &context.ui;
    ui.line(&format!("{}  of {}  {}", ui.paint(Colour::Strong, &key.prefix), key.user_name, key.name))?;
    ui.line(&ui.paint(Colour::Dim, &format!("{}  made {}", key.id, key.created.local_short())))?;
    let used = view.used.as_ref().zip(view.used_from.as_ref());
    ui.line(&used.map_or("never used".to_string(), |(at, from)| format!("last used {at} from {from}")))?;
    ui.line(
        &key.scopes
            .as_ref()
            .map_or("may all that its user may".to_string(), |all| format!("may only: {}", all.join(" "))),
    )?;
    if let Some(at) = key.expires {
        ui.line(&format!("ends {}", at.local_short()))?;
    }
    if let Some(at) = key.revoked {
        ui.line(&ui.paint(Colour::Bad, &format!("revoked {}", at.local_short())))?;
    }
    Ok(0)
}

fn revoke(context: &Context, store: &Store, keys: &[String]) -> Result<u8> {
    let mut done = Vec::new();
    for wanted in keys {
        let key = store.key(wanted)?;
        let was = store.revoke_key(key.id)?;
        context.ui.note(&format!("{} {}", key.prefix, if was { "is revoked" } else { "was revoked before" }));
        done.push(KeyView::of(&store.key(&key.id.to_string())?, None)?);
    }
    if context.ui.json {
        context.ui.value(&json!({"keys": done}))?;
    }
    Ok(0)
}
