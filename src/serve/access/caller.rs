//! Who asks: the identity that every request carries, and what it lets them do and see.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::permission::{Permission, Role};
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::{Id, TraceId};
use crate::serve::problem::Problem;

/// How somebody showed who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// By a key.
    Key {
        /// The key's id.
        id: Id,
    },
    /// By an access token of a login.
    Login {
        /// The login's id.
        id: Id,
    },
    /// By nothing: it is the person who started this process, over its standard input.
    Local,
    /// By nothing, on a route that anybody may use.
    Nobody,
}

impl How {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            How::Key { .. } => "key",
            How::Login { .. } => "login",
            How::Local => "local",
            How::Nobody => "nobody",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user's id; nobody's for [`How::Local`] and [`How::Nobody`].
    pub user: Id,
    /// The user's name.
    pub name: String,
    /// What the user is here.
    pub role: Role,
    /// The only permissions of what was shown, where it is narrower than the role.
    pub scopes: Option<BTreeSet<Permission>>,
    /// How they showed who they are.
    pub how: How,
    /// The class of limits that the user has, where there is one of their own.
    pub tier: Option<String>,
    /// When what was shown ends.
    pub until: Option<Timestamp>,
    /// Where they are.
    pub address: IpAddr,
    /// The request.
    pub trace: TraceId,
}

impl Caller {
    /// The person who started this process.
    pub fn local(trace: TraceId) -> Caller {
        Caller {
            user: Id::floor(Timestamp::from_micros(0)),
            name: "local".to_string(),
            role: Role::Owner,
            scopes: None,
            how: How::Local,
            tier: None,
            until: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            trace,
        }
    }

    /// Whoever uses a route that anybody may use: they may nothing else, and see nothing that anybody made.
    pub fn nobody(trace: TraceId) -> Caller {
        let (name, how) = ("nobody".to_string(), How::Nobody);
        Caller { name, role: Role::Viewer, scopes: Some(BTreeSet::new()), how, ..Caller::local(trace) }
    }

    /// Whether they may: their role may, and what they showed is not narrower.
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission) && self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission))
    }

    /// Says no to who may not do this: with what they showed, which may be less than they may themselves.
    ///
    /// # Errors
    /// 403 with the permission that is missing, and how to see why.
    pub fn needs(&self, permission: Permission) -> Result<(), Problem> {
        if self.may(permission) {
            return Ok(());
        }
        let (whose, who) = match self.how {
            How::Key { id } => (format!("this key of {}", self.name), id.to_string()),
            _ => (self.name.clone(), self.name.clone()),
        };
        let said = format!("{whose} may not do this: it needs {}", permission.name());
        Err(Problem::refused(said).hint(format!("fac access explain {who} {}", permission.name())))
    }

    /// Whether they may make somebody of this role, or act for one: only who may all of it themselves, by what they showed.
    pub fn rules(&self, role: Role) -> bool {
        self.role.rules(role) && Permission::ALL.into_iter().filter(|one| role.may(*one)).all(|one| self.may(one))
    }

    /// Whether they see what `owner` made; `None` is what was made on the machine itself.
    pub fn sees(&self, owner: Option<Id>) -> bool {
        self.role.sees_all() || owner == Some(self.user)
    }

    /// Whose what they make is: theirs, or the machine's own, which is what its owner makes in whatever way.
    pub fn person(&self) -> Option<Id> {
        (self.role != Role::Owner).then_some(self.user)
    }
}

#[cfg(test)]
pub(in crate::serve) mod tests {
    use super::*;
    use crate::kernel::ids::Ids;

    /// Somebody of this role.
    pub(in crate::serve) fn somebody(role: Role) -> Caller {
        let ids = Ids::seeded(7);
        let user = ids.next(Timestamp::from_micros(5_000_000));
        Caller { user, role, how: How::Key { id: user }, ..Caller::local(ids.trace()) }
    }

    #[test]
    fn scopes_narrow_and_never_widen() {
        let narrow =
            Caller { scopes: Some([Permission::ChatRead, Permission::SystemWrite].into()), ..somebody(Role::Member) };
        let may: Vec<&str> = Permission::ALL.into_iter().filter(|one| narrow.may(*one)).map(Permission::name).collect();
        assert_eq!(may, ["chat:read"]);
        let keeper =
            Caller { scopes: Some([Permission::UsersWrite, Permission::KeysWrite].into()), ..somebody(Role::Owner) };
        assert!(
            !Role::ALL.into_iter().any(|role| keeper.rules(role)),
            "who may keep users may not make themselves more"
        );
        assert!(somebody(Role::Owner).rules(Role::Owner) && !somebody(Role::Admin).rules(Role::Owner));
        let none = Caller { scopes: Some(BTreeSet::new()), ..somebody(Role::Owner) };
        assert!(!Permission::ALL.into_iter().any(|one| none.may(one)));
        let nobody = Caller::nobody(none.trace);
        assert!(
            !Permission::ALL.into_iter().any(|one| nobody.may(one)) && !nobody.sees(None) && nobody.person().is_some()
        );
    }

    #[test]
    fn members_see_their_own_and_owners_see_all() {
        let (member, owner) = (somebody(Role::Member), somebody(Role::Owner));
        let other = Ids::seeded(8).next(Timestamp::from_micros(5_000_000));
        assert!(member.sees(Some(member.user)));
        assert!(!member.sees(Some(other)) && !member.sees(None));
        assert!(owner.sees(Some(other)) && owner.sees(None));
        assert_eq!((member.person(), owner.person()), (Some(member.user), None));
    }
}
