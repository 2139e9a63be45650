//! Repeats calls that a signal interrupted. `EINTR` is not a failure: the call is repeated at once and not counted.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::fs::{At, Dir, Follow, Fs, Lock, LockRefusal, LogFile, Outcome, Space};
use crate::model::error::{Holder, OsError};
use crate::model::inventory::Meta;
use crate::model::time::Wall;

/// A call that is interrupted more often than this fails, so that nothing spins for ever.
const INTERRUPTIONS_MAX: usize = 100;

/// A file system whose calls no signal interrupts.
#[derive(Debug)]
pub(crate) struct Patient(pub(crate) Box<dyn Fs>);

#[derive(Debug)]
struct PatientFile(Box<dyn LogFile>);

fn repeat<T>(mut call: impl FnMut() -> Outcome<T>) -> Outcome<T> {
    for _ in 1..INTERRUPTIONS_MAX {
        match call() {
            Err(OsError::EINTR) => {}
            outcome => return outcome,
        }
    }
    call()
}

fn patient_file(file: Box<dyn LogFile>) -> Box<dyn LogFile> {
    Box::new(PatientFile(file))
}

impl Fs for Patient {
    fn look(&self, path: &Path) -> Outcome<Meta> {
        repeat(|| self.0.look(path))
    }
    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        repeat(|| self.0.resolve(path))
    }
    fn access(&self, path: &Path) -> Outcome<()> {
        repeat(|| self.0.access(path))
    }
    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()> {
        repeat(|| self.0.make_dir(path, mode))
    }
    fn open_dir(&self, path: &Path) -> Outcome<Dir> {
        repeat(|| self.0.open_dir(path))
    }
    fn stat_dir(&self, dir: &Dir) -> Outcome<Meta> {
        repeat(|| self.0.stat_dir(dir))
    }
    fn sync_dir(&self, dir: &Dir) -> Outcome<()> {
        repeat(|| self.0.sync_dir(dir))
    }
    fn set_dir_owner(&self, dir: &Dir, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        repeat(|| self.0.set_dir_owner(dir, user, group))
    }
    fn space(&self, dir: &Dir) -> Outcome<Space> {
        repeat(|| self.0.space(dir))
    }
    fn name_max(&self, dir: &Dir) -> Outcome<usize> {
        repeat(|| self.0.name_max(dir))
    }
    fn list(&self, dir: &Dir) -> Outcome<Vec<OsString>> {
        repeat(|| self.0.list(dir))
    }
    fn mount_of_dir(&self, dir: &Dir) -> Outcome<Option<u64>> {
        repeat(|| self.0.mount_of_dir(dir))
    }
    fn mount_of(&self, at: &At) -> Outcome<Option<u64>> {
        repeat(|| self.0.mount_of(at))
    }
    fn stat(&self, at: &At) -> Outcome<Meta> {
        repeat(|| self.0.stat(at))
    }
    fn open(&self, at: &At, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        repeat(|| self.0.open(at, follow)).map(patient_file)
    }
    fn open_to_read(&self, at: &At) -> Outcome<Box<dyn LogFile>> {
        repeat(|| self.0.open_to_read(at)).map(patient_file)
    }
    fn create(&self, at: &At, mode: u32) -> Outcome<Box<dyn LogFile>> {
        repeat(|| self.0.create(at, mode)).map(patient_file)
    }
    fn rename(&self, from: &At, to: &At) -> Outcome<()> {
        repeat(|| self.0.rename(from, to))
    }
    fn replace(&self, from: &At, to: &At) -> Outcome<()> {
        repeat(|| self.0.replace(from, to))
    }
    fn symlink(&self, target: &Path, at: &At) -> Outcome<()> {
        repeat(|| self.0.symlink(target, at))
    }
    fn read_link(&self, at: &At) -> Outcome<PathBuf> {
        repeat(|| self.0.read_link(at))
    }
    fn unlink(&self, at: &At) -> Outcome<()> {
        repeat(|| self.0.unlink(at))
    }
    fn read_head(&self, at: &At, max: usize) -> Outcome<Vec<u8>> {
        repeat(|| self.0.read_head(at, max))
    }
    fn lock(&self, at: &At, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        for _ in 1..INTERRUPTIONS_MAX {
            match self.0.lock(at, mode, text) {
                Err(LockRefusal::Failed(OsError::EINTR)) => {}
                outcome => return outcome,
            }
        }
        self.0.lock(at, mode, text)
    }
    fn lock_holder(&self, at: &At) -> Outcome<Option<Holder>> {
        repeat(|| self.0.lock_holder(at))
    }
    fn user(&self) -> u32 {
        self.0.user()
    }
}

impl LogFile for PatientFile {
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        repeat(|| self.0.write(bytes))
    }
    fn stat(&self) -> Outcome<Meta> {
        repeat(|| self.0.stat())
    }
    fn sync(&mut self) -> Outcome<()> {
        repeat(|| self.0.sync())
    }
    fn truncate(&mut self, bytes: u64) -> Outcome<()> {
        repeat(|| self.0.truncate(bytes))
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize> {
        repeat(|| self.0.read_at(offset, bytes))
    }
    fn set_modified(&mut self, modified: Wall) -> Outcome<()> {
        repeat(|| self.0.set_modified(modified))
    }
    fn set_mode(&mut self, mode: u32) -> Outcome<()> {
        repeat(|| self.0.set_mode(mode))
    }
    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        repeat(|| self.0.set_owner(user, group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_interruptions_and_nothing_else() {
        let mut calls = 0;
        let outcome = repeat(|| {
            calls += 1;
            if calls < 4 { Err(OsError::EINTR) } else { Err::<(), _>(OsError::EAGAIN) }
        });
        assert_eq!((outcome, calls), (Err(OsError::EAGAIN), 4));
    }

    #[test]
    fn gives_up_in_the_end() {
        let mut calls = 0;
        let outcome = repeat(|| {
            calls += 1;
            Err::<(), _>(OsError::EINTR)
        });
        assert_eq!((outcome, calls), (Err(OsError::EINTR), INTERRUPTIONS_MAX));
    }
}
