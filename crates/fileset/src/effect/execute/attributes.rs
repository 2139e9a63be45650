//! The permission bits, user and group of a new file: those of the file before it, or of the settings. `open` and
//! `compression` say which file that is.

use crate::effect::fs::LogFile;
use crate::model::error::{Op, OsError};
use crate::model::inventory::Meta;
use crate::model::owner::Owner;

/// The superuser.
pub(super) const ROOT: u32 = 0;
/// The group's permission bits and set-group-id.
const GROUP_BITS: u32 = 0o2070;

/// The attributes of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    mode: u32,
    /// `None`: those of whoever creates the file.
    user: Option<u32>,
    group: Option<u32>,
}

impl Attributes {
    /// Returns the permission bits and group of a file.
    pub(crate) fn of(meta: &Meta) -> Self {
        Self { mode: meta.mode, user: None, group: Some(meta.group) }
    }

    /// Returns the attributes of a copy of a file. If root makes it, it belongs to the file's owner.
    pub(crate) fn of_copy(meta: &Meta, user: u32) -> Self {
        Self { user: (user == ROOT).then_some(meta.owner), ..Self::of(meta) }
    }

    /// Gives a copy to its user while it is empty: by the time it is complete, root may have dropped its privileges.
    pub(crate) fn give_user(self, file: &mut dyn LogFile) {
        if self.user.is_some() {
            // If that fails, the permission bits are narrow.
            let _ = file.set_owner(self.user, None);
        }
    }

    /// Returns what a new file should have: the owner of the settings, and everything else from the file before it.
    pub(crate) fn wanted(made: &Meta, owner: Option<Owner>, before: Option<Self>) -> Self {
        let before = before.unwrap_or(Self { mode: made.mode, user: None, group: None });
        match owner {
            Some(owner) => Self { user: Some(owner.user), group: Some(owner.group), ..before },
            None => before,
        }
    }
}

/// Sets the attributes of a new file. If the group can't be set, the group that the file has instead gets no
/// permissions.
pub(crate) fn give(file: &mut dyn LogFile, made: &Meta, wanted: Attributes) -> Result<(), (Op, OsError)> {
    let user = wanted.user.filter(|user| *user != made.owner);
    let group = wanted.group.filter(|group| *group != made.group);
    let mut outcome = Ok(());
    let mut mode = wanted.mode;
    if user.is_some() || group.is_some() {
        if let Err(error) = file.set_owner(user, group) {
            outcome = Err((Op::SetOwner, error));
            if group.is_some() {
                mode &= !GROUP_BITS;
            }
        }
    }
    // A change of owner clears the set-id bits, so the mode comes last.
    if mode != made.mode {
        let set = file.set_mode(mode).map_err(|error| (Op::SetMode, error));
        outcome = outcome.and(set);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sim::{Fault, SimDisk};

    fn given(disk: &SimDisk, wanted: Attributes) -> (Result<(), (Op, OsError)>, Meta) {
        let fs = disk.fs();
        let at = fs.open_dir(Path::new("/")).unwrap().at("a");
        let _ = fs.unlink(&at);
        let mut file = fs.create(&at, 0o640).unwrap();
        let made = file.stat().unwrap();
        let outcome = give(file.as_mut(), &made, wanted);
        (outcome, file.stat().unwrap())
    }

    #[test]
    fn mode_and_group_go_on() {
        let disk = SimDisk::new();
        disk.set_user(0);
        let wanted = Attributes { mode: 0o664, user: None, group: Some(7) };
        let (outcome, meta) = given(&disk, wanted);
        assert_eq!((outcome, meta.mode, meta.group), (Ok(()), 0o664, 7));
    }

    #[test]
    fn a_group_that_cannot_be_had_makes_the_mode_narrower() {
        let disk = SimDisk::new();
        disk.fault(Fault::on(Op::SetOwner).fails(OsError::EPERM));
        let (outcome, meta) = given(&disk, Attributes { mode: 0o664, user: None, group: Some(7) });
        assert_eq!((outcome, meta.mode), (Err((Op::SetOwner, OsError::EPERM)), 0o604));
        disk.fault(Fault::on(Op::SetMode).fails(OsError::EPERM));
        let (outcome, meta) = given(&disk, Attributes { mode: 0o600, user: None, group: None });
        assert_eq!((outcome, meta.mode), (Err((Op::SetMode, OsError::EPERM)), 0o640));
    }

    #[test]
    fn a_copy_belongs_to_whom_its_file_does_where_root_makes_it() {
        let disk = SimDisk::new();
        disk.set_user(0);
        let (_, meta) = given(&disk, Attributes { mode: 0o640, user: Some(5), group: Some(4) });
        let wanted = Attributes { mode: 0o640, user: Some(5), group: Some(4) };
        assert_eq!(Attributes::of_copy(&meta, 0), wanted);
        assert_eq!(Attributes::of_copy(&meta, 7), Attributes { user: None, ..wanted });
    }

    #[test]
    fn the_owner_of_the_settings_comes_before_the_group_of_the_last_file() {
        let disk = SimDisk::new();
        let (_, made) = given(&disk, Attributes { mode: 0o640, user: None, group: None });
        let before = Attributes { mode: 0o600, user: None, group: Some(7) };
        assert_eq!(Attributes::wanted(&made, None, Some(before)), before);
        let owned = Attributes::wanted(&made, Some(Owner::ids(5, 6)), Some(before));
        assert_eq!(owned, Attributes { mode: 0o600, user: Some(5), group: Some(6) });
        let first = Attributes::wanted(&made, None, None);
        assert_eq!(first, Attributes { mode: 0o640, user: None, group: None });
    }
}
