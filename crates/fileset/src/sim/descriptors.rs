//! What the process does with its descriptors on the simulated disk, and what other code in the process does to them.

use super::names::Ino;
use super::open::Fd;
use super::state::{LockOwner, State};
use crate::effect::fs::Outcome;
use crate::model::error::OsError;

impl State {
    /// One more descriptor of the inode, of the process that runs.
    pub(super) fn hold(&mut self, ino: Ino) -> Outcome<Fd> {
        self.inode(ino)?.open += 1;
        Ok(Fd { process: Some(self.process.generation), ino, epoch: self.opened.epoch })
    }

    /// What stands behind a descriptor now.
    pub(super) fn behind(&self, fd: Fd) -> Outcome<Ino> {
        if self.is_lost(fd) { self.opened.instead.ok_or(OsError::EBADF) } else { Ok(fd.ino) }
    }

    /// The directory behind a descriptor, for work on names in it. As on the real disk, one that stands for anything but
    /// the directory that it was opened for is as good as closed: a name that is ours there is somebody else's here.
    pub(super) fn dir_behind(&self, fd: Fd) -> Outcome<Ino> {
        if self.behind(fd)? == fd.ino { Ok(fd.ino) } else { Err(OsError::EBADF) }
    }

    /// Whether others closed it.
    pub(super) fn is_lost(&self, fd: Fd) -> bool {
        fd.epoch != self.opened.epoch
    }

    /// Closes a descriptor, unless it is lost or its process is dead.
    pub(super) fn release(&mut self, fd: Fd) {
        if self.is_alive(fd) {
            if let Some(inode) = self.inodes.get_mut(&fd.ino) {
                inode.open = inode.open.saturating_sub(1);
            }
        }
    }

    /// Lets go of the lock behind a descriptor, unless it is lost or its process is dead.
    pub(super) fn unlock(&mut self, fd: Fd) {
        if self.is_alive(fd) {
            self.locks.remove(&fd.ino);
            self.places_version += 1;
        }
    }

    fn is_alive(&self, fd: Fd) -> bool {
        fd.process == Some(self.process.generation) && !self.is_lost(fd)
    }

    /// Closes everything that the process has open, behind its back. Its locks go with that.
    pub(super) fn close_all(&mut self) {
        self.opened.epoch += 1;
        self.opened.instead = None;
        self.inodes.values_mut().for_each(|inode| inode.open = 0);
        self.locks.retain(|_, owner| *owner == LockOwner::Other);
        self.places_version += 1;
    }

    /// As [`close_all`](Self::close_all), and all descriptors are the inode's from now on.
    pub(super) fn steal_all(&mut self, ino: Ino) {
        self.close_all();
        self.opened.instead = Some(ino);
    }
}
