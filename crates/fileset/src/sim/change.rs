//! How the process changes names and attributes, with the errors that Linux returns. What others do to the disk is in
//! `others`, where nothing is forbidden.

use std::ffi::OsStr;

use super::names::{Change, Ino, Place};
use super::state::{GROUP, Inode, State};
use crate::effect::fs::{Follow, Outcome};
use crate::model::error::OsError;
use crate::model::inventory::FileKind;

/// What a rename may find under its new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onto {
    /// Nothing.
    Free,
    /// Whatever stands there is replaced.
    Anything,
}

/// A name in a directory.
type Named<'a> = (Ino, &'a OsStr);

impl State {
    /// A new name in a directory, and what stands behind it.
    pub(super) fn make_at(&mut self, dir: Ino, name: &OsStr, kind: FileKind, mode: u32) -> Outcome<Ino> {
        if self.entry_at(dir, name)?.is_some() {
            return Err(OsError::EEXIST);
        }
        self.make(Place::new(dir, name), kind, mode)
    }

    /// As [`make_at`](Self::make_at), under a name that is known to be free.
    pub(super) fn make(&mut self, place: Place, kind: FileKind, mode: u32) -> Outcome<Ino> {
        self.still_there(place.dir)?;
        self.changeable(place.dir)?;
        let ino = self.add(kind, mode);
        self.link(place, ino);
        Ok(ino)
    }

    pub(super) fn unlink(&mut self, dir: Ino, name: &OsStr) -> Outcome<()> {
        let ino = self.find_at(dir, name, Follow::No)?;
        if self.is_directory(ino) {
            return Err(OsError::EISDIR);
        }
        self.changeable(dir)?;
        self.movable(ino)?;
        self.change(Change::Unlink(Place::new(dir, name)));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: Named<'_>, to: Named<'_>, onto: Onto) -> Outcome<()> {
        if self.mount(from.0) != self.mount(to.0) {
            return Err(OsError::EXDEV);
        }
        let source = self.find_at(from.0, from.1, Follow::No)?;
        match self.entry_at(to.0, to.1)? {
            Some(_) if onto == Onto::Free => return Err(OsError::EEXIST),
            Some(target) if target == source => return Ok(()),
            Some(target) => self.replaceable(source, from.0, target)?,
            None => {}
        }
        self.still_there(to.0)?;
        if self.is_directory(source) && self.tree.is_within(to.0, source) {
            return Err(OsError::EINVAL);
        }
        self.changeable(from.0)?;
        self.changeable(to.0)?;
        self.movable(source)?;
        self.change(Change::Move(Place::new(from.0, from.1), Place::new(to.0, to.1)));
        Ok(())
    }

    /// Whether `target` may make way for `source`, which is in `dir`.
    fn replaceable(&self, source: Ino, dir: Ino, target: Ino) -> Outcome<()> {
        match (self.is_directory(source), self.is_directory(target)) {
            (_, true) if self.tree.is_within(dir, target) => return Err(OsError::ENOTEMPTY),
            (false, true) => return Err(OsError::EISDIR),
            (true, false) => return Err(OsError::ENOTDIR),
            _ => {}
        }
        self.movable(target)?;
        if self.children(target).next().is_some() { Err(OsError::ENOTEMPTY) } else { Ok(()) }
    }

    /// Gives an inode to a user or group, as far as the process may.
    pub(super) fn give(&mut self, ino: Ino, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        let process = self.process.user;
        self.set(ino, |inode| {
            let keeps_user = user.is_none_or(|user| user == inode.owner);
            let knows_group = group.is_none_or(|group| group == GROUP || group == inode.group);
            let is_nothing = user.is_none() && group.is_none();
            if process != 0 && !is_nothing && !(inode.owner == process && keeps_user && knows_group) {
                return Err(OsError::EPERM);
            }
            inode.owner = user.unwrap_or(inode.owner);
            inode.group = group.unwrap_or(inode.group);
            Ok(())
        })
    }

    /// Sets the permission bits of an inode, as far as the process may.
    pub(super) fn set_bits(&mut self, ino: Ino, mode: u32) -> Outcome<()> {
        let process = self.process.user;
        self.set(ino, |inode| {
            if process != 0 && inode.owner != process {
                return Err(OsError::EPERM);
            }
            inode.mode = mode & 0o7777;
            Ok(())
        })
    }

    /// Sets an attribute of an inode that may be changed.
    pub(super) fn set(&mut self, ino: Ino, set: impl FnOnce(&mut Inode) -> Outcome<()>) -> Outcome<()> {
        self.changeable(ino)?;
        set(self.inode(ino)?)?;
        self.guard_inode(ino);
        Ok(())
    }

    fn is_directory(&self, ino: Ino) -> bool {
        self.kind(ino) == Some(FileKind::Directory)
    }

    /// Nothing can be made in a directory that was removed.
    fn still_there(&self, dir: Ino) -> Outcome<()> {
        if self.tree.is_dir(dir) { Ok(()) } else { Err(OsError::ENOENT) }
    }

    /// Whether a name of the inode may be taken away.
    fn movable(&self, ino: Ino) -> Outcome<()> {
        self.changeable(ino)?;
        if self.mounts.points.contains_key(&ino) { Err(OsError::EBUSY) } else { Ok(()) }
    }
}
