//! What only Linux has: large pages, memory that a fork wipes, and file systems that are known to keep the room that they
//! gave. The ways around for the other systems stand beside them.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use nix::errno::Errno;

/// Asks for pages of two mebibytes, or for none of them; where that cannot be had, memory stays as it is.
///
/// # Safety
/// The memory is the caller's own.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn large_pages(base: NonNull<c_void>, len: usize, are_wanted: bool) {
    use nix::sys::mman::{MmapAdvise, madvise};
    let advice = if are_wanted { MmapAdvise::MADV_HUGEPAGE } else { MmapAdvise::MADV_NOHUGEPAGE };
    // SAFETY: as the caller promises.
    let _ = unsafe { madvise(base, len, advice) };
}

#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn large_pages(_: NonNull<c_void>, _: usize, _: bool) {}

/// Brings pages, ready to be written, without touching what is in them. False: the system has no such call (Linux before
/// 5.14). Pages that cannot be brought are left alone: whoever touches one meets what there is to meet.
///
/// # Safety
/// The memory is the caller's own.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn bring(base: NonNull<c_void>, len: usize) -> bool {
    use nix::sys::mman::{MmapAdvise, madvise};
    // SAFETY: as the caller promises.
    match unsafe { madvise(base, len, MmapAdvise::MADV_POPULATE_WRITE) } {
        Ok(()) => true,
        Err(error) => ![Errno::EINVAL, Errno::ENOSYS, Errno::EPERM].contains(&error),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn bring(_: NonNull<c_void>, _: usize) -> bool {
    false
}

/// Has memory wiped in a forked child, or says that this cannot be had.
///
/// # Safety
/// The memory is the caller's own, and holds nothing yet.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn wipe_on_fork(base: NonNull<c_void>, len: NonZeroUsize) -> bool {
    use nix::sys::mman::{MmapAdvise, madvise};
    // SAFETY: as the caller promises.
    unsafe { madvise(base, len.get(), MmapAdvise::MADV_WIPEONFORK).is_ok() }
}

#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn wipe_on_fork(_: NonNull<c_void>, _: NonZeroUsize) -> bool {
    false
}

/// Gives a file its room, so that a full disk is met now and not by a store into the mapping.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
pub(crate) fn allocate(file: impl AsFd, len: i64) -> Result<(), Errno> {
    nix::fcntl::posix_fallocate(file, 0, len)
}

/// That system has no such call: the file gets its length, and its room with the first touch.
#[cfg(any(target_os = "macos", target_os = "ios"))]
pub(crate) fn allocate(file: impl AsFd, len: i64) -> Result<(), Errno> {
    nix::unistd::ftruncate(file, len)
}

/// The kind of a file's file system, unless it is one that is known to keep the room that it gave.
#[cfg(target_os = "linux")]
pub(crate) fn doubtful_file_system(file: impl AsFd) -> Result<Option<String>, Errno> {
    use nix::sys::statfs::{EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, fstatfs};
    let kind = fstatfs(file)?.filesystem_type();
    let is_known = [EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC].contains(&kind);
    Ok((!is_known).then(|| format!("{:#x}", kind.0)))
}

/// Which file systems keep their word is known of Linux alone.
#[cfg(not(target_os = "linux"))]
pub(crate) fn doubtful_file_system(_: impl AsFd) -> Result<Option<String>, Errno> {
    Ok(Some("unknown".to_owned()))
}
