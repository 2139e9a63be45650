//! The lock file on the real disk: taken with `flock`, kept until dropped, never released by a forked child. It doesn't
//! wait, and doesn't interpret the text in the file.
#![expect(clippy::disallowed_types, reason = "a lock is an open file")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::stat::fstat;
use nix::unistd::{Gid, Uid, close, fchown};
use tracing_spool_process::{ClosedInChildren, ForkWatch, Process};

use super::disk::descriptor::is_still;
use super::disk::dir::{open_at, safely, stat_at};
use super::disk::meta::meta;
use super::fs::{At, Follow, Lock, LockRefusal, Outcome};
use crate::model::error::{Holder, OsError};
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::lock_note;

/// How often a file is reopened that was unlinked, or looked at by others, while it was being locked.
const TRIES: usize = 16;
/// How many of these attempts wait for a moment without a fork. A program that forks all the time has none.
const UNSEEN_TRIES: usize = 8;

/// A held lock.
#[derive(Debug)]
pub(super) struct DiskLock {
    /// `None` only while this value is being dropped.
    held: Option<Flock<File>>,
    /// Keeps the lock out of forked children, which would hold it too.
    in_children: Option<ClosedInChildren>,
    id: FileId,
    /// The process that took it.
    process: Process,
}

/// Takes the lock file, creating it.
pub(super) fn take(at: &At, mode: u32, text: &str) -> Result<DiskLock, LockRefusal> {
    for tried in 0..TRIES {
        let forks = ForkWatch::start();
        let file = open_or_create(at, mode).map_err(LockRefusal::Failed)?;
        let in_children = ClosedInChildren::new(&file);
        if forks.saw_one() && tried < UNSEEN_TRIES {
            continue; // a child may have the file, and with it the lock
        }
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => {
                let lock = DiskLock::new(held, in_children).map_err(LockRefusal::Failed)?;
                // Somebody may have unlinked the file between our `open` and our lock. Then our lock protects nothing.
                if stat_at(at).is_ok_and(|now| now.id == lock.id) {
                    // The lock counts without its text: on a full disk the file stays empty.
                    let _ = lock.write(text);
                    return Ok(lock);
                }
            }
            // A call of `holder` also holds the lock for a moment, but is no holder.
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

/// Returns who holds the lock file.
pub(super) fn holder(at: &At) -> Outcome<Option<Holder>> {
    match open_at(at, OFlag::O_RDONLY | safely(Follow::No), 0) {
        Ok(file) => holder_of(file.into_file()?),
        Err(OsError::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Lock for DiskLock {
    fn id(&self) -> FileId {
        self.id
    }

    fn stat(&self) -> Outcome<Meta> {
        Ok(meta(&fstat(self.file()?)?))
    }

    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        Ok(fchown(self.file()?, user.map(Uid::from_raw), group.map(Gid::from_raw))?)
    }

    fn set_text(&mut self, text: &str) -> Outcome<()> {
        self.write(text)
    }
}

impl DiskLock {
    fn new(held: Flock<File>, in_children: ClosedInChildren) -> Outcome<Self> {
        let process = Process::here();
        let mut lock =
            Self { held: Some(held), in_children: Some(in_children), id: FileId::default(), process };
        lock.id = lock.stat()?.id;
        Ok(lock)
    }

    fn file(&self) -> Outcome<&File> {
        self.held.as_deref().ok_or(OsError::EBADF)
    }

    /// Writes over the file's text and then cuts the rest off, so that no reader finds it empty meanwhile.
    fn write(&self, text: &str) -> Outcome<()> {
        let file = self.file()?;
        let written = file.write_all_at(text.as_bytes(), 0).and_then(|()| file.set_len(text.len() as u64));
        written.map_err(|error| {
            let _half_a_text_is_none = file.set_len(0);
            OsError::from(error)
        })
    }
}

impl Drop for DiskLock {
    /// Leaves the file: removing it would let one process lock the old file and another a new one.
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let in_children = self.in_children.take();
        if !is_still(&held, self.id) {
            // The number belongs to another file by now: neither unlock nor close it.
            std::mem::forget(held);
            return;
        }
        let still_locked = if self.process.is_here() {
            // Unlock explicitly instead of only closing: a child may have inherited the descriptor.
            match held.unlock() {
                Ok(file) => {
                    // Before the number may belong to another file.
                    drop(in_children);
                    drop(file);
                    return;
                }
                Err((held, _)) => held,
            }
        } else {
            held
        };
        // `Flock` would unlock in its own `Drop`, which in a forked child releases the parent's lock, and panics if
        // unlocking fails. Closing our descriptor takes nothing from the parent's.
        let descriptor = still_locked.as_raw_fd();
        std::mem::forget(still_locked);
        let _the_last_use = close(descriptor);
    }
}

fn open_or_create(at: &At, mode: u32) -> Outcome<File> {
    let file = open_at(at, OFlag::O_RDWR | OFlag::O_CREAT | safely(Follow::No), mode)?.into_file()?;
    regular(&file)?;
    Ok(file)
}

/// Returns who holds the lock of an open file: a process that holds it exclusively keeps us from sharing it.
fn holder_of(file: File) -> Outcome<Option<Holder>> {
    regular(&file)?;
    let in_children = ClosedInChildren::new(&file);
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(looked) => {
            drop(DiskLock::new(looked, in_children)?);
            Ok(None)
        }
        Err((file, Errno::EWOULDBLOCK)) => Ok(Some(Holder { text: text_of(&file) })),
        Err((_, error)) => Err(error.into()),
    }
}

fn regular(file: &File) -> Outcome<()> {
    if meta(&fstat(file)?).kind == FileKind::File { Ok(()) } else { Err(OsError::EINVAL) }
}

/// Reads the holder's text, if possible: the lock is held whether or not it can be read.
fn text_of(file: &File) -> String {
    let mut bytes = vec![0; lock_note::BYTES_MAX];
    let read = file.read_at(&mut bytes, 0).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::disk::Disk;
    use crate::effect::fs::Fs as _;

    fn lock_file() -> (tempfile::TempDir, At) {
        let kept = tempfile::tempdir().unwrap();
        let at = Disk.open_dir(kept.path()).unwrap().at("lock");
        (kept, at)
    }

    #[test]
    fn whoever_only_looks_is_not_called_a_holder() {
        let (_kept, at) = lock_file();
        drop(take(&at, 0o600, "gone").unwrap());
        let looking = Flock::lock(File::open(at.path()).unwrap(), FlockArg::LockSharedNonblock).unwrap();
        assert_eq!(take(&at, 0o600, "").unwrap_err(), LockRefusal::Failed(OsError::EAGAIN));
        drop(looking);
        assert!(take(&at, 0o600, "").is_ok());
    }

    #[test]
    fn another_process_than_the_taker_releases_nothing() {
        let (_kept, at) = lock_file();
        let mut lock = take(&at, 0o600, "parent").unwrap();
        // As after a fork: a second descriptor of one open file, and a lock that remembers another process.
        let parents = lock.held.as_ref().unwrap().try_clone().unwrap();
        lock.process = Process::ELSEWHERE;
        drop(lock);
        assert_eq!(holder(&at), Ok(Some(Holder { text: "parent".to_owned() })));
        drop(parents);
        assert_eq!(holder(&at), Ok(None), "our descriptor was closed, not leaked");
    }
}
