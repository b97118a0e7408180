//! What may be done, by whom: the permissions, the roles, and the one table between them.
//!
//! Deny by default: a role may what stands in its line and nothing else. It does not know who asks.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::kernel::error::{Error, Kind, Result};

/// One thing that may be allowed: what is acted on, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// List and show commands.
    CommandsRead,
    /// Run commands that are trusted.
    CommandsRun,
    /// Run code of their own in a sandbox.
    CodeRun,
    /// List and show sources.
    SourcesRead,
    /// Add, update, trust and remove sources.
    SourcesWrite,
    /// List and show runs.
    RunsRead,
    /// Cancel and erase runs.
    RunsWrite,
    /// List and show chats, messages and memories.
    ChatRead,
    /// Begin, continue, change and erase chats.
    ChatWrite,
    /// List models.
    ModelsRead,
    /// Ask a model, which may cost money.
    ModelsAsk,
    /// Search.
    SearchRead,
    /// List and show automations.
    AutomationsRead,
    /// Enable, disable and fire automations.
    AutomationsWrite,
    /// Read the event log, which tells of everybody.
    EventsRead,
    /// List and show jobs.
    JobsRead,
    /// Retry and cancel jobs.
    JobsWrite,
    /// See what was used and what it cost.
    UsageRead,
    /// List and show users.
    UsersRead,
    /// Add, change and remove users.
    UsersWrite,
    /// List keys and logins.
    KeysRead,
    /// Make and revoke keys, end logins.
    KeysWrite,
    /// See health, figures and settings.
    SystemRead,
    /// Reload, stop, change settings.
    SystemWrite,
}

use Permission as P;

impl Permission {
    /// Every permission, in the order of the printed table.
    pub const ALL: [Permission; 24] = [
        P::CommandsRead,
        P::CommandsRun,
        P::CodeRun,
        P::SourcesRead,
        P::SourcesWrite,
        P::RunsRead,
        P::RunsWrite,
        P::ChatRead,
        P::ChatWrite,
        P::ModelsRead,
        P::ModelsAsk,
        P::SearchRead,
        P::AutomationsRead,
        P::AutomationsWrite,
        P::EventsRead,
        P::JobsRead,
        P::JobsWrite,
        P::UsageRead,
        P::UsersRead,
        P::UsersWrite,
        P::KeysRead,
        P::KeysWrite,
        P::SystemRead,
        P::SystemWrite,
    ];

    /// The word for it: `commands:read`.
    pub fn name(self) -> &'static str {
        match self {
            P::CommandsRead => "commands:read",
            P::CommandsRun => "commands:run",
            P::CodeRun => "code:run",
            P::SourcesRead => "sources:read",
            P::SourcesWrite => "sources:write",
            P::RunsRead => "runs:read",
            P::RunsWrite => "runs:write",
            P::ChatRead => "chat:read",
            P::ChatWrite => "chat:write",
            P::ModelsRead => "models:read",
            P::ModelsAsk => "models:ask",
            P::SearchRead => "search:read",
            P::AutomationsRead => "automations:read",
            P::AutomationsWrite => "automations:write",
            P::EventsRead => "events:read",
            P::JobsRead => "jobs:read",
            P::JobsWrite => "jobs:write",
            P::UsageRead => "usage:read",
            P::UsersRead => "users:read",
            P::UsersWrite => "users:write",
            P::KeysRead => "keys:read",
            P::KeysWrite => "keys:write",
            P::SystemRead => "system:read",
            P::SystemWrite => "system:write",
        }
    }

    /// What it lets one do, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            P::CommandsRead => "list and show commands",
            P::CommandsRun => "run commands that are trusted",
            P::CodeRun => "run code of their own in a sandbox",
            P::SourcesRead => "list and show sources",
            P::SourcesWrite => "add, update, trust and remove sources",
            P::RunsRead => "list and show runs",
            P::RunsWrite => "cancel and erase runs",
            P::ChatRead => "list and show chats and messages",
            P::ChatWrite => "begin, continue, change and erase chats",
            P::ModelsRead => "list models",
            P::ModelsAsk => "ask models, which may cost money",
            P::SearchRead => "search",
            P::AutomationsRead => "list and show automations",
            P::AutomationsWrite => "enable, disable and fire automations",
            P::EventsRead => "read the event log, which tells of everybody",
            P::JobsRead => "list and show jobs",
            P::JobsWrite => "retry and cancel jobs",
            P::UsageRead => "see what was used and what it cost",
            P::UsersRead => "list and show users",
            P::UsersWrite => "add, change and remove users",
            P::KeysRead => "list keys and logins",
            P::KeysWrite => "make and revoke keys, end logins",
            P::SystemRead => "see health, figures and settings",
            P::SystemWrite => "reload, stop and change settings",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Permission::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
            Error::new(Kind::Usage, format!("{text:?} is no permission"))
                .hint("`fac access roles` lists the permissions; `chat:*` and `*:read` stand for several")
        })
    }
}

impl serde::Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JsonSchema for Permission {
    fn schema_name() -> Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Permission::ALL.map(Permission::name)})
    }
}

/// The permissions that a list of words stands for: names, `chat:*` for all of one thing, `*:read` for one deed on all
/// things, `*` for everything. `Usage` for a word that stands for none, and for no words at all.
pub fn scopes(words: &[String]) -> Result<BTreeSet<Permission>> {
    let mut found = BTreeSet::new();
    for word in words {
        let fits = |one: &Permission| match (word.as_str(), word.split_once(':'), one.name().split_once(':')) {
            ("*", ..) => true,
            (_, Some((thing, "*")), Some((own, _))) => thing == own,
            (_, Some(("*", deed)), Some((_, own))) => deed == own,
            _ => word == one.name(),
        };
        let before = found.len();
        found.extend(Permission::ALL.into_iter().filter(fits));
        if found.len() == before && !Permission::ALL.iter().any(fits) {
            word.parse::<Permission>()?;
        }
    }
    if found.is_empty() {
        return Err(Error::new(Kind::Usage, "no scope is named").hint("name one, such as `chat:read`"));
    }
    Ok(found)
}

/// What a user is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Whose machine it is: everything, also what was made on the command line.
    Owner,
    /// Runs it for the owner: everything but what changes the machine itself, and no power over owners.
    Admin,
    /// Works with it, and sees only what is their own.
    Member,
    /// Looks at it, and sees only what is their own.
    Viewer,
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Role; 4] = [Role::Owner, Role::Admin, Role::Member, Role::Viewer];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Member => "member",
            Role::Viewer => "viewer",
        }
    }

    /// Whether this role may do that: the one table. What it does not list is not allowed.
    pub fn may(self, permission: Permission) -> bool {
        match permission {
            P::SystemWrite => self == Role::Owner,
            P::CodeRun
            | P::SourcesWrite
            | P::AutomationsWrite
            | P::EventsRead
            | P::UsersRead
            | P::UsersWrite
            | P::SystemRead => {
                matches!(self, Role::Owner | Role::Admin)
            }
            P::CommandsRun | P::RunsWrite | P::ChatWrite | P::ModelsAsk | P::JobsWrite | P::KeysWrite => {
                matches!(self, Role::Owner | Role::Admin | Role::Member)
            }
            P::CommandsRead
            | P::SourcesRead
            | P::RunsRead
            | P::ChatRead
            | P::ModelsRead
            | P::SearchRead
            | P::AutomationsRead
            | P::JobsRead
            | P::UsageRead
            | P::KeysRead => true,
        }
    }

    /// Whether it sees what others made.
    pub fn sees_all(self) -> bool {
        matches!(self, Role::Owner | Role::Admin)
    }

    /// Whether somebody of this role may give, take or act on `other`: owners everything, admins all but owners.
    pub fn rules(self, other: Role) -> bool {
        match self {
            Role::Owner => true,
            Role::Admin => other != Role::Owner,
            Role::Member | Role::Viewer => false,
        }
    }

    /// The roles that may do this, the mightiest first.
    pub fn that_may(permission: Permission) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| role.may(permission)).collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Role::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
            Error::new(Kind::Usage, format!("{text:?} is no role"))
                .hint(format!("the roles are {}", Role::ALL.map(Role::name).join(", ")))
        })
    }
}

impl serde::Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JsonSchema for Role {
    fn schema_name() -> Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Role::ALL.map(Role::name)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_string()).collect()
    }

    #[test]
    fn the_table_is_this_one() {
        let lines: Vec<String> = Permission::ALL
            .into_iter()
            .map(|one| {
                let marks: String = Role::ALL.map(|role| if role.may(one) { 'x' } else { '-' }).iter().collect();
                format!("{one} {marks}")
            })
            .collect();
        assert_eq!(
            lines,
            [
                "commands:read xxxx",
                "commands:run xxx-",
                "code:run xx--",
                "sources:read xxxx",
                "sources:write xx--",
                "runs:read xxxx",
                "runs:write xxx-",
                "chat:read xxxx",
                "chat:write xxx-",
                "models:read xxxx",
                "models:ask xxx-",
                "search:read xxxx",
                "automations:read xxxx",
                "automations:write xx--",
                "events:read xx--",
                "jobs:read xxxx",
                "jobs:write xxx-",
                "usage:read xxxx",
                "users:read xx--",
                "users:write xx--",
                "keys:read xxxx",
                "keys:write xxx-",
                "system:read xx--",
                "system:write x---",
            ]
        );
    }

    #[test]
    fn a_lesser_role_never_may_what_a_greater_may_not() {
        for pair in Role::ALL.windows(2) {
            for one in Permission::ALL {
                assert!(pair[0].may(one) || !pair[1].may(one), "{one}");
            }
        }
    }

    #[test]
    fn words_stand_for_permissions_and_wrong_ones_are_named() {
        let names = |list: &[&str]| scopes(&words(list)).unwrap().into_iter().map(P::name).collect::<Vec<_>>();
        assert_eq!(names(&["chat:read"]), ["chat:read"]);
        assert_eq!(names(&["chat:*", "chat:read"]), ["chat:read", "chat:write"]);
        assert_eq!(names(&["*:run"]), ["commands:run", "code:run"]);
        assert_eq!(names(&["*"]).len(), Permission::ALL.len());
        for wrong in ["", "chat", "chat:fly", "*:fly", "x:*", "Chat:read", "chat:read "] {
            assert_eq!(scopes(&words(&[wrong])).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
        assert_eq!(scopes(&words(&["chat:read", "x"])).unwrap_err().message(), "\"x\" is no permission");
        assert_eq!(scopes(&[]).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn admins_have_no_power_over_owners() {
        assert!(Role::Owner.rules(Role::Owner) && Role::Admin.rules(Role::Admin));
        assert!(!Role::Admin.rules(Role::Owner) && !Role::Member.rules(Role::Viewer));
    }
}
