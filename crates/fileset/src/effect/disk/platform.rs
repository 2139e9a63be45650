//! Calls that only some systems have. The fallback is the caller's, and the same everywhere.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::effect::fs::Outcome;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
use crate::model::error::OsError;

/// Renames in one step that can't replace anything.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn rename_to_free_name(from: (impl AsFd, &OsStr), to: (impl AsFd, &OsStr)) -> Outcome<()> {
    use nix::fcntl::{RenameFlags, renameat2};

    Ok(renameat2(from.0, from.1, to.0, to.1, RenameFlags::RENAME_NOREPLACE)?)
}

/// Returns an error: there is no known way on this system.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn rename_to_free_name(_from: (impl AsFd, &OsStr), _to: (impl AsFd, &OsStr)) -> Outcome<()> {
    Err(OsError::ENOSYS)
}

/// Opens a directory that may be searched but not listed, or returns `None` if the system has no way to.
#[cfg(target_os = "linux")]
pub(super) fn open_dir_unlisted(path: &std::path::Path) -> Option<Outcome<OwnedFd>> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Some(nix::fcntl::open(path, flags, Mode::empty()).map_err(Into::into))
}

/// Returns `None`: there is no known way on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn open_dir_unlisted(_path: &std::path::Path) -> Option<Outcome<OwnedFd>> {
    None
}

/// Returns the mount that a name leads to, or `None` if `/proc` doesn't tell.
#[cfg(target_os = "linux")]
pub(super) fn mount_of(dir: impl AsFd, name: &OsStr) -> Outcome<Option<u64>> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let there = nix::fcntl::openat(dir, name, flags, Mode::empty())?;
    Ok(mount_of_descriptor(&there))
}

/// Returns `None`: this system doesn't tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn mount_of(_dir: impl AsFd, _name: &OsStr) -> Outcome<Option<u64>> {
    Ok(None)
}

/// Returns the mount that a descriptor was opened through, or `None` if the system doesn't tell.
pub(super) fn mount_of_descriptor(descriptor: &impl AsRawFd) -> Option<u64> {
    let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).ok()?;
    let mount = told.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    mount.trim().parse().ok()
}
