//! The lock file on the real disk: taken with `flock`, kept until dropped, never released by a forked child.
//! It does not wait, and it does not say what the text in the file means.
#![expect(clippy::disallowed_types, reason = "a lock is an open file")]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::close;

use super::disk::{Disk, meta, safely};
use super::fs::{Follow, Fs, Lock, LockRefusal, Outcome};
use crate::model::error::{Holder, OsError};
use crate::model::inventory::{FileId, FileKind};

/// How often a file is opened anew that was unlinked, or looked at by others, while it was being locked.
const TRIES: usize = 16;

/// As much of a lock file as is read.
const TEXT_BYTES_MAX: usize = 1024;

/// A held lock.
#[derive(Debug)]
pub(super) struct DiskLock {
    /// Always there until dropped.
    held: Option<Flock<File>>,
    id: FileId,
    /// The process that took it.
    process: u32,
}

/// Takes the lock file at `path`, creating it.
pub(super) fn take(path: &Path, mode: u32, text: &str) -> Result<DiskLock, LockRefusal> {
    for _ in 0..TRIES {
        let file = open_or_create(path, mode).map_err(LockRefusal::Failed)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => {
                let lock = DiskLock::new(held).map_err(LockRefusal::Failed)?;
                // Somebody may have unlinked the file between our open and our lock: then ours locks nothing.
                if Disk.stat(path).is_ok_and(|now| now.id == lock.id) {
                    lock.write(text);
                    return Ok(lock);
                }
            }
            // A look by `holder` also stands in the way for a moment, but it is no holder.
            Err((file, Errno::EWOULDBLOCK)) => {
                if let Some(holder) = holder_of(file).map_err(LockRefusal::Failed)? {
                    return Err(LockRefusal::Held(holder));
                }
            }
            Err((_, error)) => return Err(LockRefusal::Failed(error.into())),
        }
    }
    Err(LockRefusal::Failed(OsError::EAGAIN))
}

/// Who holds the lock file at `path`.
pub(super) fn holder(path: &Path) -> Outcome<Option<Holder>> {
    match OpenOptions::new().read(true).custom_flags(safely(Follow::No)).open(path) {
        Ok(file) => holder_of(file),
        Err(error) if error.raw_os_error() == Some(Errno::ENOENT as i32) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Lock for DiskLock {
    fn id(&self) -> FileId {
        self.id
    }
}

impl DiskLock {
    fn new(held: Flock<File>) -> Outcome<Self> {
        let process = std::process::id();
        let mut lock = Self { held: Some(held), id: FileId::default(), process };
        if let Some(held) = &lock.held {
            lock.id = meta(&held.metadata()?).id;
        }
        Ok(lock)
    }

    /// Says in the file who holds it. The lock counts without the words: on a full disk the file stays empty.
    fn write(&self, text: &str) {
        let Some(held) = &self.held else { return };
        let mut file: &File = held;
        if file.set_len(0).is_ok() && file.write_all(text.as_bytes()).is_err() {
            let _half_a_text_is_none = file.set_len(0);
        }
    }
}

impl Drop for DiskLock {
    /// The file stays: removing it would let one process lock the old file and another a new one.
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let still_locked = if std::process::id() == self.process {
            // Unlocked by word and not by closing alone: a child may have inherited the descriptor.
            match held.unlock() {
                Ok(_closed) => return,
                Err((held, _)) => held,
            }
        } else {
            held
        };
        // `Flock` would unlock in its own `Drop`: in a forked child that is the parent's lock, and where
        // unlocking fails it panics. Closing our descriptor takes nothing from the parent's.
        let descriptor = still_locked.as_raw_fd();
        std::mem::forget(still_locked);
        let _the_last_use = close(descriptor);
    }
}

fn open_or_create(path: &Path, mode: u32) -> Outcome<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(mode).custom_flags(safely(Follow::No));
    let file = options.open(path)?;
    regular(&file)?;
    Ok(file)
}

/// Who holds the lock of an open file: whoever has it exclusively is in the way of sharing it.
fn holder_of(file: File) -> Outcome<Option<Holder>> {
    regular(&file)?;
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(looked) => {
            drop(DiskLock::new(looked)?);
            Ok(None)
        }
        Err((file, Errno::EWOULDBLOCK)) => Ok(Some(Holder { text: text_of(&file) })),
        Err((_, error)) => Err(error.into()),
    }
}

fn regular(file: &File) -> Outcome<()> {
    if meta(&file.metadata()?).kind == FileKind::File { Ok(()) } else { Err(OsError::EINVAL) }
}

/// Its words, or none: the lock is held whether or not they can be read.
fn text_of(file: &File) -> String {
    let mut bytes = vec![0; TEXT_BYTES_MAX];
    let read = file.read_at(&mut bytes, 0).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_only_looks_is_not_called_a_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        drop(take(&path, 0o600, "gone").unwrap());
        let looking = Flock::lock(File::open(&path).unwrap(), FlockArg::LockSharedNonblock).unwrap();
        assert_eq!(take(&path, 0o600, "").unwrap_err(), LockRefusal::Failed(OsError::EAGAIN));
        drop(looking);
        assert!(take(&path, 0o600, "").is_ok());
    }

    #[test]
    fn another_process_than_the_taker_releases_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut lock = take(&path, 0o600, "parent").unwrap();
        // As after a fork: a second descriptor of one open file, and a lock that remembers another process.
        let parents = lock.held.as_ref().unwrap().try_clone().unwrap();
        lock.process += 1;
        drop(lock);
        assert_eq!(holder(&path), Ok(Some(Holder { text: "parent".to_owned() })));
        drop(parents);
        assert_eq!(holder(&path), Ok(None), "our descriptor was closed, not leaked");
    }
}
