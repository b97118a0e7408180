//! `fac access`: who may what over `fac serve`, why, and what of it nobody needs any more.

use std::collections::BTreeSet;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::table::Table;
use super::ui::Role as Colour;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::serve::access::explain::{self, Explained};
use crate::serve::access::{Permission, Role};
use crate::serve::limits::Rules;
use crate::store::traffic::Traffic;

const EXAMPLES: &str = "\
Examples:
  fac access roles                        the table of who may what
  fac access explain ann chat:write       may she, and why
  fac access explain fac_1x8Kq2Zt         all that a key may
  fac access review --days 60             keys, logins and users that nobody uses";

/// See who may what over `fac serve`, and why
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the table: each permission, and the roles that have it
    #[command(visible_alias = "show")]
    Roles,
    /// Say whether a user or a key may do something, and why (exit code 4 when not)
    Explain {
        /// A user, or the beginning of a key
        who: String,
        /// A permission, such as chat:read; all where none is named
        permission: Option<String>,
    },
    /// Show how much may be asked for, by the settings
    Limits,
    /// List keys, logins and users that nobody used for a while
    Review {
        /// For so many days
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Roles => roles(context),
        What::Explain { who, permission } => explain(context, &who, permission.as_deref()),
        What::Limits => limits(context),
        What::Review { days } => review(context, days),
    }
}

fn roles(context: &Context) -> Result<u8> {
    let lines = explain::table();
    if context.ui.json {
        context.ui.value(&json!({"items": lines, "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["permission", "owner", "admin", "member", "viewer", "lets one"]);
    for line in &lines {
        let mark = |role: Role| match line.roles.contains(&role) {
            true => ("yes".to_string(), Some(Colour::Good)),
            false => ("no".to_string(), Some(Colour::Dim)),
        };
        let [owner, admin, member, viewer] = Role::ALL.map(mark);
        let name = (line.permission.name().to_string(), Some(Colour::Name));
        table.row(vec![name, owner, admin, member, viewer, (line.about.to_string(), None)]);
    }
    context.page(&table.render(&context.ui))?;
    context.ui.note("members and viewers see only what is their own; what is not listed, nobody may");
    Ok(0)
}

fn explain(context: &Context, who: &str, permission: Option<&str>) -> Result<u8> {
    let (store, now) = (context.app.store()?, context.app.clock.now());
    let (user, key) = match store.user(who) {
        Ok(user) => (user, None),
        Err(error) if error.kind() == Kind::NotFound => {
            let nobody = || Error::new(Kind::NotFound, format!("nobody and no key is called {who}"));
            let key = store.key(who).map_err(|_| nobody().hint("`fac user ls` and `fac key ls` list them"))?;
            (store.user_by_id(key.user)?.ok_or_else(nobody)?, Some(key))
        }
        Err(error) => return Err(error),
    };
    let asked = match permission {
        Some(word) => vec![word.parse()?],
        None => Permission::ALL.to_vec(),
    };
    let found: Vec<Explained> = asked.into_iter().map(|one| explain::explain(&user, key.as_ref(), one, now)).collect();
    let code = if permission.is_some() && found.iter().any(|one| !one.allowed) { Kind::Refused.exit_code() } else { 0 };
    if context.ui.json {
        match permission {
            Some(_) => context.ui.value(&json!({"explained": found.first()}))?,
            None => context.ui.value(&json!({"items": found, "next": null}))?,
        }
        return Ok(code);
    }
    let mut table = Table::new(&["permission", "may", "why"]);
    for one in &found {
        let may = if one.allowed { ("yes", Colour::Good) } else { ("no", Colour::Bad) };
        table.row(vec![
            (one.permission.name().to_string(), Some(Colour::Name)),
            (may.0.to_string(), Some(may.1)),
            (safe_line(&one.why).into_owned(), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(code)
}

fn limits(context: &Context) -> Result<u8> {
    let rules = Rules::of(context.app.config()?);
    let window = u64::try_from(rules.window_us / 1000).unwrap_or(0);
    let users = store_tiers(context)?;
    let mut lines = vec![
        ("nobody known, by address".to_string(), rules.anonymous, window, "serve.limit_anonymous".to_string()),
        ("a password, by address".to_string(), rules.auth, 60_000, "serve.limit_auth".to_string()),
        ("a user".to_string(), rules.user, window, "serve.limit_user".to_string()),
    ];
    for (tier, most) in &rules.tiers {
        lines.push((format!("a user of {tier}"), *most, window, format!("limits.{tier}")));
    }
    if context.ui.json {
        let all = lines
            .iter()
            .map(|(who, most, ms, setting)| json!({"who": who, "requests": most, "window_ms": ms, "setting": setting}));
        context.ui.value(&json!({"items": all.collect::<Vec<_>>(), "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["who", "requests", "in", "setting"]);
    for (who, most, ms, setting) in lines {
        let most = if most == 0 { "no limit".to_string() } else { most.to_string() };
        table.row(vec![(who, Some(Colour::Name)), (most, None), (human_ms(ms), None), (setting, Some(Colour::Dim))]);
    }
    context.page(&table.render(&context.ui))?;
    for tier in users.iter().filter(|tier| !rules.tiers.contains_key(*tier)) {
        context
            .ui
            .warn(&safe_line(&format!("there are users of {tier}, and no limits.{tier}: the common limit holds")));
    }
    Ok(0)
}

/// The classes of limits that users are in.
fn store_tiers(context: &Context) -> Result<BTreeSet<String>> {
    Ok(context.app.store()?.users()?.into_iter().filter_map(|user| user.tier).collect())
}

fn review(context: &Context, days: u32) -> Result<u8> {
    let traffic = Traffic::open_if_there(&context.app.paths.state)?;
    let found = explain::review(context.app.store()?, traffic.as_ref(), days, context.app.clock.now())?;
    if context.ui.json {
        context.ui.value(&json!({"items": found, "next": null}))?;
        return Ok(0);
    }
    if found.is_empty() {
        context.ui.note(&format!("there is nothing that nobody used for {days} days"));
    }
    let mut table = Table::new(&["what", "user", "about", "why", "remedy"]);
    for one in found {
        table.row(vec![
            (one.what.to_string(), Some(Colour::Dim)),
            (one.user, Some(Colour::Name)),
            (one.about, None),
            (one.why, Some(Colour::Warn)),
            (one.remedy, None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}
