//! The real disk: each method of [`Fs`] and [`LogFile`] is one operation of the operating system.
//! It does not retry, does not look at names, and says every error by its number.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the one place where files are opened and names are changed"
)]

mod platform;

use std::ffi::OsString;
use std::fs::{DirBuilder, File, FileTimes, Metadata, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

pub(crate) use platform::give_way;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access, geteuid};

use crate::effect::fs::{Follow, Fs, Lock, LockRefusal, LogFile, Outcome};
use crate::effect::lock;
use crate::model::error::{Holder, OsError};
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::time::Wall;

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Disk {
    /// The file system of this machine.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// Not in one step: whoever makes the target between the look and the rename loses it. The lock keeps other
    /// spools away, and nobody else has business with names of ours.
    fn rename_after_a_look(self, from: &Path, to: &Path) -> Outcome<()> {
        self.stat(from)?;
        match self.stat(to) {
            Ok(_) => Err(OsError::EEXIST),
            Err(OsError::ENOENT) => self.replace(from, to),
            Err(error) => Err(error),
        }
    }
}

impl Fs for Disk {
    fn stat(&self, path: &Path) -> Outcome<Meta> {
        Ok(meta(&std::fs::symlink_metadata(path)?))
    }

    fn open(&self, path: &Path, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        // Reading is wanted for the last byte alone: a file that may only be written is good enough.
        let file = match for_append(follow).read(true).open(path) {
            Err(error) if error.raw_os_error() == Some(Errno::EACCES as i32) => {
                for_append(follow).open(path)?
            }
            other => other?,
        };
        Ok(Box::new(DiskFile { file }))
    }

    fn open_to_read(&self, path: &Path) -> Outcome<Box<dyn LogFile>> {
        let file = OpenOptions::new().read(true).custom_flags(safely(Follow::No)).open(path)?;
        if file.metadata()?.is_file() { Ok(Box::new(DiskFile { file })) } else { Err(OsError::EINVAL) }
    }

    fn create(&self, path: &Path, mode: u32) -> Outcome<Box<dyn LogFile>> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true).mode(mode).custom_flags(safely(Follow::No));
        // A mode without the right to read does no harm: modes count from the next open on.
        Ok(Box::new(DiskFile { file: options.open(path)? }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Outcome<()> {
        platform::rename_to_free_name(from, to).unwrap_or_else(|| self.rename_after_a_look(from, to))
    }

    fn replace(&self, from: &Path, to: &Path) -> Outcome<()> {
        Ok(std::fs::rename(from, to)?)
    }

    fn symlink(&self, target: &Path, path: &Path) -> Outcome<()> {
        Ok(std::os::unix::fs::symlink(target, path)?)
    }

    fn read_link(&self, path: &Path) -> Outcome<PathBuf> {
        Ok(std::fs::read_link(path)?)
    }

    fn unlink(&self, path: &Path) -> Outcome<()> {
        Ok(std::fs::remove_file(path)?)
    }

    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()> {
        Ok(DirBuilder::new().mode(mode).create(path)?)
    }

    fn sync_dir(&self, path: &Path) -> Outcome<()> {
        let flags = (OFlag::O_DIRECTORY | OFlag::O_CLOEXEC).bits();
        Ok(OpenOptions::new().read(true).custom_flags(flags).open(path)?.sync_all()?)
    }

    fn space(&self, path: &Path) -> Outcome<u64> {
        let disk = statvfs(path)?;
        Ok(wide(disk.blocks_available()).saturating_mul(wide(disk.fragment_size())))
    }

    fn access(&self, path: &Path) -> Outcome<()> {
        Ok(access(path, AccessFlags::W_OK | AccessFlags::X_OK)?)
    }

    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        Ok(std::fs::canonicalize(path)?)
    }

    fn list(&self, path: &Path) -> Outcome<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            names.push(entry?.file_name());
        }
        Ok(names)
    }

    fn read_head(&self, path: &Path, max: usize) -> Outcome<Vec<u8>> {
        let file = OpenOptions::new().read(true).custom_flags(safely(Follow::No)).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(OsError::EINVAL);
        }
        let mut head = Vec::new();
        file.take(u64::try_from(max).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
        Ok(head)
    }

    fn lock(&self, path: &Path, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        Ok(Box::new(lock::take(path, mode, text)?))
    }

    fn lock_holder(&self, path: &Path) -> Outcome<Option<Holder>> {
        lock::holder(path)
    }

    fn user(&self) -> u32 {
        geteuid().as_raw()
    }
}

/// What the system says of a file, in our words.
pub(super) fn meta(data: &Metadata) -> Meta {
    let kind = data.file_type();
    let kind = if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_symlink() {
        FileKind::Symlink
    } else if kind.is_fifo() {
        FileKind::Fifo
    } else if kind.is_char_device() || kind.is_block_device() {
        FileKind::Device
    } else {
        FileKind::Other
    };
    let id = FileId { device: data.dev(), inode: data.ino() };
    let micros = data.mtime().saturating_mul(1_000_000).saturating_add(data.mtime_nsec() / 1_000);
    let modified = Wall::from_unix_micros(micros);
    Meta { id, kind, bytes: data.size(), links: data.nlink(), owner: data.uid(), modified }
}

/// The flags of every open: not inherited over exec, no wait for the other end of a FIFO, no link unless asked.
pub(super) fn safely(follow: Follow) -> i32 {
    let link = match follow {
        Follow::No => OFlag::O_NOFOLLOW,
        Follow::Yes => OFlag::empty(),
    };
    (OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | link).bits()
}

fn for_append(follow: Follow) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(safely(follow));
    options
}

/// The C types behind a size differ between systems; each fits.
fn wide(number: impl Into<u64>) -> u64 {
    number.into()
}

#[derive(Debug)]
struct DiskFile {
    file: File,
}

impl LogFile for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        Ok(self.file.write(bytes)?)
    }

    fn stat(&self) -> Outcome<Meta> {
        Ok(meta(&self.file.metadata()?))
    }

    fn sync(&mut self) -> Outcome<()> {
        Ok(self.file.sync_data()?)
    }

    fn truncate(&mut self, bytes: u64) -> Outcome<()> {
        Ok(self.file.set_len(bytes)?)
    }

    fn last_byte(&self) -> Outcome<Option<u8>> {
        let Some(last) = self.file.metadata()?.size().checked_sub(1) else { return Ok(None) };
        let mut byte = [0];
        // Nothing read: somebody has cut the file since the look at its size.
        Ok((self.file.read_at(&mut byte, last)? == 1).then_some(byte[0]))
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize> {
        Ok(self.file.read_at(bytes, offset)?)
    }

    fn set_modified(&mut self, modified: Wall) -> Outcome<()> {
        let micros = modified.unix_micros();
        let away = Duration::from_micros(micros.unsigned_abs());
        let time = if micros < 0 { UNIX_EPOCH.checked_sub(away) } else { UNIX_EPOCH.checked_add(away) };
        Ok(self.file.set_times(FileTimes::new().set_modified(time.ok_or(OsError::EINVAL)?))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_help_of_the_kernel_rename_replaces_nothing_either() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two, none] = ["one", "two", "none"].map(|name| dir.path().join(name));
        std::fs::write(&one, "1").unwrap();
        std::fs::write(&two, "2").unwrap();
        assert_eq!(Disk.rename_after_a_look(&one, &two), Err(OsError::EEXIST));
        assert_eq!(Disk.rename_after_a_look(&none, &two), Err(OsError::ENOENT));
        assert_eq!(Disk.rename_after_a_look(&one, &none), Ok(()));
        assert_eq!(
            (std::fs::read(&none).unwrap(), std::fs::read(&two).unwrap()),
            (b"1".to_vec(), b"2".to_vec())
        );
    }

    #[test]
    fn modes_are_set_at_creation() {
        let dir = tempfile::tempdir().unwrap();
        let [file, sub, lock] = ["file", "sub", "lock"].map(|name| dir.path().join(name));
        let _file = Disk.create(&file, 0o600).unwrap();
        Disk.make_dir(&sub, 0o700).unwrap();
        let _lock = Disk.lock(&lock, 0o600, "").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&file), mode(&sub), mode(&lock)), (0o600, 0o700, 0o600));
    }
}
