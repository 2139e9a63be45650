//! The owner of new files, for a program that starts as root and then drops its privileges. Names are looked up once,
//! here; `effect::execute` changes the files.

use std::fmt;

use nix::unistd::{Group, User};

use super::error::Fault;

/// The user and the group that new files of a set belong to.
///
/// ```
/// use tracing_spool_fileset::Owner;
/// assert_eq!(Owner::ids(1000, 4).to_string(), "1000:4");
/// assert_eq!(Owner::named("root", "root").unwrap(), Owner::ids(0, 0));
/// assert!(Owner::named("nobody-of-this-name", "root").is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The number of the user.
    pub user: u32,
    /// The number of the group.
    pub group: u32,
}

impl Owner {
    /// Creates an owner from the numbers of a user and a group.
    #[must_use]
    pub const fn ids(user: u32, group: u32) -> Self {
        Self { user, group }
    }

    /// Looks a user and a group up in the system's user database. Each may also be a number in digits.
    ///
    /// # Errors
    ///
    /// Returns a fault of `owner` that says which name is unknown.
    pub fn named(user: &str, group: &str) -> Result<Self, Fault> {
        let unknown = |what: &str, name: &str| {
            Fault::new(
                "owner",
                format!("{user}:{group}"),
                format!("must name a {what} of this system, which {name} is not"),
            )
        };
        let user_id = match user.parse() {
            Ok(id) => Some(id),
            Err(_) => User::from_name(user).ok().flatten().map(|found| found.uid.as_raw()),
        };
        let group_id = match group.parse() {
            Ok(id) => Some(id),
            Err(_) => Group::from_name(group).ok().flatten().map(|found| found.gid.as_raw()),
        };
        Ok(Self {
            user: user_id.ok_or_else(|| unknown("user", user))?,
            group: group_id.ok_or_else(|| unknown("group", group))?,
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}
