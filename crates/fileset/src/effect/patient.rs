//! Repeats what a signal interrupted: `EINTR` is no failure, it is repeated at once and not counted.
//! It repeats nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::fs::{Follow, Fs, Lock, LockRefusal, LogFile, Outcome};
use crate::model::error::{Holder, OsError};
use crate::model::inventory::Meta;
use crate::model::time::Wall;

/// More interruptions of one call than this are taken for a failure, so that nothing can spin for ever.
const INTERRUPTIONS_MAX: usize = 100;

/// A file system that is not put off by signals.
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
    fn stat(&self, path: &Path) -> Outcome<Meta> {
        repeat(|| self.0.stat(path))
    }
    fn open(&self, path: &Path, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        repeat(|| self.0.open(path, follow)).map(patient_file)
    }
    fn open_to_read(&self, path: &Path) -> Outcome<Box<dyn LogFile>> {
        repeat(|| self.0.open_to_read(path)).map(patient_file)
    }
    fn create(&self, path: &Path, mode: u32) -> Outcome<Box<dyn LogFile>> {
        repeat(|| self.0.create(path, mode)).map(patient_file)
    }
    fn rename(&self, from: &Path, to: &Path) -> Outcome<()> {
        repeat(|| self.0.rename(from, to))
    }
    fn replace(&self, from: &Path, to: &Path) -> Outcome<()> {
        repeat(|| self.0.replace(from, to))
    }
    fn symlink(&self, target: &Path, path: &Path) -> Outcome<()> {
        repeat(|| self.0.symlink(target, path))
    }
    fn read_link(&self, path: &Path) -> Outcome<PathBuf> {
        repeat(|| self.0.read_link(path))
    }
    fn unlink(&self, path: &Path) -> Outcome<()> {
        repeat(|| self.0.unlink(path))
    }
    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()> {
        repeat(|| self.0.make_dir(path, mode))
    }
    fn sync_dir(&self, path: &Path) -> Outcome<()> {
        repeat(|| self.0.sync_dir(path))
    }
    fn space(&self, path: &Path) -> Outcome<u64> {
        repeat(|| self.0.space(path))
    }
    fn access(&self, path: &Path) -> Outcome<()> {
        repeat(|| self.0.access(path))
    }
    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        repeat(|| self.0.resolve(path))
    }
    fn list(&self, path: &Path) -> Outcome<Vec<OsString>> {
        repeat(|| self.0.list(path))
    }
    fn read_head(&self, path: &Path, max: usize) -> Outcome<Vec<u8>> {
        repeat(|| self.0.read_head(path, max))
    }
    fn lock(&self, path: &Path, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        for _ in 1..INTERRUPTIONS_MAX {
            match self.0.lock(path, mode, text) {
                Err(LockRefusal::Failed(OsError::EINTR)) => {}
                outcome => return outcome,
            }
        }
        self.0.lock(path, mode, text)
    }
    fn lock_holder(&self, path: &Path) -> Outcome<Option<Holder>> {
        repeat(|| self.0.lock_holder(path))
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
    fn last_byte(&self) -> Outcome<Option<u8>> {
        repeat(|| self.0.last_byte())
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize> {
        repeat(|| self.0.read_at(offset, bytes))
    }
    fn set_modified(&mut self, modified: Wall) -> Outcome<()> {
        repeat(|| self.0.set_modified(modified))
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
