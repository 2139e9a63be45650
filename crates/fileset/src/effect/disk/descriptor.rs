//! A descriptor of ours, guarded against other code in the process that may close or reuse its number. What is done
//! with the file is up to whoever holds it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sys::stat::fstat;
use tracing_spool_process::ClosedInChildren;

use super::meta::{self, id_of};
use crate::effect::fs::Outcome;
use crate::model::error::OsError;
use crate::model::inventory::{FileId, Meta};

/// An open descriptor that remembers which file it was opened for.
#[derive(Debug)]
pub(in crate::effect) struct Descriptor {
    /// `None` only while this value is being dropped.
    file: Option<File>,
    /// Keeps the descriptor out of forked children.
    in_children: Option<ClosedInChildren>,
    id: FileId,
    /// Whether it was seen to refer to another file. The number may come back to us, even for the same file when that
    /// is reopened; then it belongs to the other descriptor.
    is_lost: AtomicBool,
}

impl Descriptor {
    /// Takes over a descriptor that was just opened, and makes its number at least 3: what the program writes to a
    /// standard stream that it has closed must not end up in a log.
    pub(in crate::effect) fn new(opened: OwnedFd) -> Outcome<Self> {
        let file = File::from(above_the_streams(opened)?);
        let id = id_of(&fstat(&file)?);
        let in_children = Some(ClosedInChildren::new(&file));
        Ok(Self { file: Some(file), in_children, id, is_lost: AtomicBool::new(false) })
    }

    /// Returns which file it was opened for.
    pub(in crate::effect) fn id(&self) -> FileId {
        self.id
    }

    /// Returns the file.
    pub(in crate::effect) fn file(&self) -> Outcome<&File> {
        self.file.as_ref().filter(|_| !self.is_lost.load(Ordering::Relaxed)).ok_or(OsError::EBADF)
    }

    /// Returns what the number refers to now.
    pub(in crate::effect) fn stat(&self) -> Outcome<Meta> {
        let stat = fstat(self.file()?);
        let is_ours = match &stat {
            Ok(now) => id_of(now) == self.id,
            Err(error) => *error != Errno::EBADF,
        };
        if !is_ours {
            self.is_lost.store(true, Ordering::Relaxed);
        }
        Ok(meta::meta(&stat?))
    }

    /// Gives the file away, for a lock that closes it in its own way.
    pub(in crate::effect) fn into_file(mut self) -> Outcome<File> {
        self.file.take().ok_or(OsError::EBADF)
    }
}

impl Drop for Descriptor {
    /// Closes what was opened, and nothing else: if the number refers to another file by now, it belongs to whoever
    /// opened that.
    fn drop(&mut self) {
        // First: once the descriptor is closed, the number may belong to another file.
        self.in_children = None;
        let Some(file) = self.file.take() else { return };
        if *self.is_lost.get_mut() || !is_still(&file, self.id) {
            std::mem::forget(file);
        }
    }
}

/// Returns whether a descriptor still refers to the file that it was opened for.
pub(in crate::effect) fn is_still(file: &File, id: FileId) -> bool {
    match fstat(file) {
        Ok(now) => id_of(&now) == id,
        Err(error) => error != Errno::EBADF,
    }
}

fn above_the_streams(opened: OwnedFd) -> Outcome<OwnedFd> {
    use std::os::fd::AsRawFd;
    const FIRST: i32 = 3;
    // Duplicates of std have no number below it.
    if opened.as_raw_fd() < FIRST { Ok(opened.try_clone()?) } else { Ok(opened) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_number_that_stands_for_another_file_is_not_closed() {
        let dir = tempfile::tempdir().unwrap();
        let create = |name: &str| OwnedFd::from(File::create(dir.path().join(name)).unwrap());
        let mut ours = Descriptor::new(create("ours")).unwrap();
        // Somebody closes it and opens a file of their own, which gets the number.
        let mut number = OwnedFd::from(ours.file.take().unwrap());
        nix::unistd::dup2(create("theirs"), &mut number).unwrap();
        ours.file = Some(number.into());
        assert_ne!(ours.stat().unwrap().id, ours.id());
        let theirs = ours.file.as_ref().unwrap().as_raw_fd();
        drop(ours);
        let shown = std::path::PathBuf::from(format!("/proc/self/fd/{theirs}"));
        if shown.parent().is_some_and(std::path::Path::is_dir) {
            assert!(std::fs::read_link(shown).unwrap().ends_with("theirs"), "it was closed");
        }
    }

    #[test]
    fn a_number_that_came_back_for_the_same_file_is_another_descriptors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ours");
        let mut ours = Descriptor::new(File::create(&path).unwrap().into()).unwrap();
        let mut number = OwnedFd::from(ours.file.take().unwrap());
        nix::unistd::dup2(File::create(dir.path().join("theirs")).unwrap(), &mut number).unwrap();
        ours.file = Some(number.into());
        assert_ne!(ours.stat().unwrap().id, ours.id(), "seen to be lost");
        assert_eq!(ours.stat(), Err(OsError::EBADF));
        // The file is opened anew, and that gets the number.
        let mut number = OwnedFd::from(ours.file.take().unwrap());
        nix::unistd::dup2(File::open(&path).unwrap(), &mut number).unwrap();
        let anew = number.as_raw_fd();
        ours.file = Some(number.into());
        drop(ours);
        let shown = std::path::PathBuf::from(format!("/proc/self/fd/{anew}"));
        if shown.parent().is_some_and(std::path::Path::is_dir) {
            assert!(std::fs::read_link(shown).unwrap().ends_with("ours"), "it was closed");
        }
    }

    #[test]
    fn a_number_that_nobody_took_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let ours = Descriptor::new(File::create(dir.path().join("ours")).unwrap().into()).unwrap();
        assert!(ours.file().unwrap().as_raw_fd() >= 3);
        assert!(is_still(ours.file().unwrap(), ours.id()));
    }
}
