//! The real disk: each method of [`Fs`] and [`LogFile`] is one operation of the operating system. It doesn't retry,
//! doesn't interpret names, and reports every error by its number.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is the one place where files are opened and names are changed"
)]

pub(super) mod descriptor;
pub(super) mod dir;
pub(super) mod meta;
mod platform;

use std::ffi::OsString;
use std::fs::{DirBuilder, FileTimes};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use nix::fcntl::{OFlag, open, readlinkat, renameat};
use nix::sys::stat::{Mode, fchmod, stat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{
    AccessFlags, Gid, Uid, UnlinkatFlags, access, fchown, fsync, geteuid, symlinkat, unlinkat,
};

use self::descriptor::Descriptor;
use self::dir::{DiskDir, bits, descriptor_of, handle, open_at, safely, stat_at};
use crate::effect::fs::{At, Dir, Follow, Fs, Lock, LockRefusal, LogFile, Outcome, Space};
use crate::effect::lock;
use crate::model::error::{Holder, OsError};
use crate::model::inventory::Meta;
use crate::model::time::Wall;

/// The file system of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Disk {
    /// Returns the file system of this machine.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Fs for Disk {
    fn look(&self, path: &Path) -> Outcome<Meta> {
        Ok(meta::meta(&stat(path)?))
    }

    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        Ok(std::fs::canonicalize(path)?)
    }

    fn access(&self, path: &Path) -> Outcome<()> {
        Ok(access(path, AccessFlags::W_OK | AccessFlags::X_OK)?)
    }

    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()> {
        Ok(DirBuilder::new().mode(mode).create(path)?)
    }

    fn open_dir(&self, path: &Path) -> Outcome<Dir> {
        let listed = open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let (opened, unlisted) = match listed.map_err(OsError::from) {
            Err(OsError::EACCES) => match platform::open_dir_unlisted(path) {
                Some(opened) => (opened?, true),
                None => return Err(OsError::EACCES),
            },
            listed => (listed?, false),
        };
        let descriptor = Descriptor::new(opened)?;
        Ok(Dir::new(path, descriptor.id(), DiskDir { descriptor, unlisted }))
    }

    fn stat_dir(&self, dir: &Dir) -> Outcome<Meta> {
        handle(dir)?.descriptor.stat()
    }

    fn sync_dir(&self, dir: &Dir) -> Outcome<()> {
        let held = handle(dir)?;
        if held.unlisted {
            return Err(OsError::EOPNOTSUPP);
        }
        Ok(fsync(held.descriptor.file()?)?)
    }

    fn set_dir_owner(&self, dir: &Dir, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        Ok(fchown(descriptor_of(dir)?, user.map(Uid::from_raw), group.map(Gid::from_raw))?)
    }

    fn space(&self, dir: &Dir) -> Outcome<Space> {
        let disk = fstatvfs(descriptor_of(dir)?)?;
        let bytes = |blocks: u64| blocks.saturating_mul(wide(disk.fragment_size()));
        Ok(Space { available: bytes(wide(disk.blocks_available())), free: bytes(wide(disk.blocks_free())) })
    }

    fn name_max(&self, dir: &Dir) -> Outcome<usize> {
        let longest = wide(fstatvfs(descriptor_of(dir)?)?.name_max());
        Ok(usize::try_from(longest).unwrap_or(usize::MAX))
    }

    fn list(&self, dir: &Dir) -> Outcome<Vec<OsString>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut names = Vec::new();
        for entry in nix::dir::Dir::openat(descriptor_of(dir)?, ".", flags, Mode::empty())?.iter() {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    fn mount_of_dir(&self, dir: &Dir) -> Outcome<Option<u64>> {
        Ok(platform::mount_of_descriptor(handle(dir)?.descriptor.file()?))
    }

    fn mount_of(&self, at: &At) -> Outcome<Option<u64>> {
        platform::mount_of(descriptor_of(&at.dir)?, &at.name)
    }

    fn stat(&self, at: &At) -> Outcome<Meta> {
        stat_at(at)
    }

    fn open(&self, at: &At, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        // We read only the end of the file, so a file that may only be written will do.
        match DiskFile::open(at, OFlag::O_RDWR | OFlag::O_APPEND, follow) {
            Err(OsError::EACCES) => DiskFile::open(at, OFlag::O_WRONLY | OFlag::O_APPEND, follow),
            other => other,
        }
    }

    fn open_to_read(&self, at: &At) -> Outcome<Box<dyn LogFile>> {
        regular(DiskFile::open(at, OFlag::O_RDONLY, Follow::No)?)
    }

    fn create(&self, at: &At, mode: u32) -> Outcome<Box<dyn LogFile>> {
        // A mode without read permission does no harm: modes count from the next open on.
        let flags = OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL;
        DiskFile::open_as(at, flags, Follow::No, mode)
    }

    fn rename(&self, from: &At, to: &At) -> Outcome<()> {
        let ends = (descriptor_of(&from.dir)?, descriptor_of(&to.dir)?);
        platform::rename_to_free_name((ends.0, &from.name), (ends.1, &to.name))
    }

    fn replace(&self, from: &At, to: &At) -> Outcome<()> {
        let ends = (descriptor_of(&from.dir)?, descriptor_of(&to.dir)?);
        Ok(renameat(ends.0, from.name.as_os_str(), ends.1, to.name.as_os_str())?)
    }

    fn symlink(&self, target: &Path, at: &At) -> Outcome<()> {
        Ok(symlinkat(target, descriptor_of(&at.dir)?, at.name.as_os_str())?)
    }

    fn read_link(&self, at: &At) -> Outcome<PathBuf> {
        Ok(readlinkat(descriptor_of(&at.dir)?, at.name.as_os_str())?.into())
    }

    fn unlink(&self, at: &At) -> Outcome<()> {
        Ok(unlinkat(descriptor_of(&at.dir)?, at.name.as_os_str(), UnlinkatFlags::NoRemoveDir)?)
    }

    fn read_head(&self, at: &At, max: usize) -> Outcome<Vec<u8>> {
        let file = open_at(at, OFlag::O_RDONLY | safely(Follow::No), 0)?.into_file()?;
        if !file.metadata()?.is_file() {
            return Err(OsError::EINVAL);
        }
        let mut head = Vec::new();
        file.take(u64::try_from(max).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
        Ok(head)
    }

    fn lock(&self, at: &At, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        Ok(Box::new(lock::take(at, mode, text)?))
    }

    fn lock_holder(&self, at: &At) -> Outcome<Option<Holder>> {
        lock::holder(at)
    }

    fn user(&self) -> u32 {
        geteuid().as_raw()
    }
}

/// Widens a size whose C type differs between systems.
fn wide(number: impl Into<u64>) -> u64 {
    number.into()
}

fn regular(file: Box<dyn LogFile>) -> Outcome<Box<dyn LogFile>> {
    let is_regular = file.stat()?.kind == crate::model::inventory::FileKind::File;
    if is_regular { Ok(file) } else { Err(OsError::EINVAL) }
}

#[derive(Debug)]
struct DiskFile(Descriptor);

impl DiskFile {
    fn open(at: &At, flags: OFlag, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        Self::open_as(at, flags, follow, 0)
    }

    fn open_as(at: &At, flags: OFlag, follow: Follow, mode: u32) -> Outcome<Box<dyn LogFile>> {
        Ok(Box::new(Self(open_at(at, flags | safely(follow), mode)?)))
    }
}

impl LogFile for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        Ok(self.0.file()?.write(bytes)?)
    }

    fn stat(&self) -> Outcome<Meta> {
        self.0.stat()
    }

    fn sync(&mut self) -> Outcome<()> {
        Ok(self.0.file()?.sync_data()?)
    }

    fn truncate(&mut self, bytes: u64) -> Outcome<()> {
        Ok(self.0.file()?.set_len(bytes)?)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize> {
        Ok(self.0.file()?.read_at(bytes, offset)?)
    }

    fn set_modified(&mut self, modified: Wall) -> Outcome<()> {
        let micros = modified.unix_micros();
        let away = Duration::from_micros(micros.unsigned_abs());
        let time = if micros < 0 { UNIX_EPOCH.checked_sub(away) } else { UNIX_EPOCH.checked_add(away) };
        Ok(self.0.file()?.set_times(FileTimes::new().set_modified(time.ok_or(OsError::EINVAL)?))?)
    }

    fn set_mode(&mut self, mode: u32) -> Outcome<()> {
        Ok(fchmod(self.0.file()?, Mode::from_bits_truncate(bits(mode)))?)
    }

    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        Ok(fchown(self.0.file()?, user.map(Uid::from_raw), group.map(Gid::from_raw))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_set_at_creation() {
        let kept = tempfile::tempdir().unwrap();
        let dir = Disk.open_dir(kept.path()).unwrap();
        let _file = Disk.create(&dir.at("file"), 0o600).unwrap();
        Disk.make_dir(&kept.path().join("sub"), 0o700).unwrap();
        let _lock = Disk.lock(&dir.at("lock"), 0o600, "").unwrap();
        let mode = |name: &str| Disk.stat(&dir.at(name)).unwrap().mode;
        assert_eq!((mode("file"), mode("sub"), mode("lock")), (0o600, 0o700, 0o600));
    }

    #[test]
    fn a_file_is_on_the_mount_of_its_directory() {
        let kept = tempfile::tempdir().unwrap();
        let dir = Disk.open_dir(kept.path()).unwrap();
        let _file = Disk.create(&dir.at("file"), 0o600).unwrap();
        assert_eq!(Disk.mount_of(&dir.at("file")), Disk.mount_of_dir(&dir));
        if let Ok(proc) = Disk.open_dir(Path::new("/proc")) {
            assert_ne!(Disk.mount_of_dir(&proc), Disk.mount_of_dir(&dir));
        }
    }
}
