//! Who may come in from outside: users, their keys and their logins.
//!
//! It keeps hashes and knows nothing of how they are made, of roles' powers, or of HTTP: a role is a word here.

mod keys;
mod logins;
mod users;

pub use keys::{KeyFilter, KeyRow, NewKey};
pub use logins::{Family, Login, NewLogin, Refreshed};
pub use users::{NewUser, User, UserEdit, fold};

use crate::kernel::error::{Error, Kind};

/// The error for a user nobody knows.
pub(super) fn no_user(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no user {wanted}")).hint("`fac user ls` lists them")
}
