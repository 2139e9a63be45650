//! Directories held by descriptor, and names opened in them.

use super::descriptor::{Descriptor, is_still};
use super::meta::meta;
use crate::effect::fs::{At, Dir, Follow, Outcome};
use crate::model::error::OsError;
use crate::model::inventory::Meta;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstatat};
use std::os::fd::{AsFd, BorrowedFd};

/// The handle of a [`Dir`] on this disk.
#[derive(Debug)]
pub(super) struct DiskDir {
    pub(super) descriptor: Descriptor,
    /// The directory may be searched but not listed, so it can't be synced either.
    pub(super) unlisted: bool,
}

/// Returns the descriptor of a directory that this disk opened, after checking that it still refers to it: other code
/// in the process may have closed it, and its number may belong to another directory, in which we must do nothing.
pub(in crate::effect) fn descriptor_of(dir: &Dir) -> Outcome<BorrowedFd<'_>> {
    let descriptor = &handle(dir)?.descriptor;
    let file = descriptor.file()?;
    if is_still(file, descriptor.id()) { Ok(file.as_fd()) } else { Err(OsError::EBADF) }
}

pub(super) fn handle(dir: &Dir) -> Outcome<&DiskDir> {
    dir.handle().ok_or(OsError::EBADF)
}

/// The flags of every open: not inherited over `exec`, never waiting for the other end of a FIFO, following no link
/// unless asked.
pub(in crate::effect) fn safely(follow: Follow) -> OFlag {
    let link = match follow {
        Follow::No => OFlag::O_NOFOLLOW,
        Follow::Yes => OFlag::empty(),
    };
    OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | link
}

/// Opens a name in a directory that is held.
pub(in crate::effect) fn open_at(at: &At, flags: OFlag, mode: u32) -> Outcome<Descriptor> {
    let mode = Mode::from_bits_truncate(bits(mode));
    Descriptor::new(openat(descriptor_of(&at.dir)?, at.name.as_os_str(), flags, mode)?)
}

/// Converts permission bits to the C type of this system, which holds them all.
pub(super) fn bits(mode: u32) -> nix::libc::mode_t {
    nix::libc::mode_t::try_from(mode & 0o7777).unwrap_or_default()
}

/// Returns what stands under a name, without following a link.
pub(in crate::effect) fn stat_at(at: &At) -> Outcome<Meta> {
    let there = fstatat(descriptor_of(&at.dir)?, at.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    Ok(meta(&there))
}
