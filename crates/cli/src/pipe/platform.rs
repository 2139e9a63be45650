//! What only Linux has, each with a way around for other systems.

use std::fs::File;
use std::ops::Range;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

/// The size that pipes are widened to: as much as one read takes.
pub(super) const WIDE: usize = 1 << 20;

/// Makes a pipe hold more, so that its writer and we take turns less often. Returns what it holds, or nothing if it isn't
/// a pipe.
#[cfg(target_os = "linux")]
pub(super) fn widen(pipe: BorrowedFd<'_>) -> Option<usize> {
    use nix::fcntl::{FcntlArg, fcntl};
    let size = |arg| fcntl(pipe, arg).ok().and_then(|size| usize::try_from(size).ok());
    let now = size(FcntlArg::F_GETPIPE_SZ)?;
    // A user has a budget for wide pipes, and beyond it they stay as they are.
    let wide = i32::try_from(WIDE).ok().filter(|_| now < WIDE);
    Some(wide.and_then(|wide| size(FcntlArg::F_SETPIPE_SZ(wide))).unwrap_or(now))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn widen(_: BorrowedFd<'_>) -> Option<usize> {
    None
}

/// Moves what is in a pipe to the file at `at`, without a stop between the two: the pipe gives up exactly what the file has
/// got. `EINVAL` says that these two can't.
#[cfg(target_os = "linux")]
pub(super) fn take_over(pipe: BorrowedFd<'_>, file: &File, at: u64, most: usize) -> Result<usize, Errno> {
    let mut at = i64::try_from(at).map_err(|_| Errno::EFBIG)?;
    nix::fcntl::splice(pipe, None, file, Some(&mut at), most, nix::fcntl::SpliceFFlags::empty())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn take_over(_: BorrowedFd<'_>, _: &File, _: u64, _: usize) -> Result<usize, Errno> {
    Err(Errno::EINVAL)
}

/// Gives the memory of a part of a file back. The file keeps its size.
#[cfg(target_os = "linux")]
pub(super) fn give_back(file: &File, range: Range<u64>) {
    use nix::fcntl::{FallocateFlags, fallocate};
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    if let (Ok(from), Ok(len)) = (i64::try_from(range.start), i64::try_from(range.end - range.start)) {
        // If it fails, the file takes more memory than it needs.
        let _ = fallocate(file, flags, from, len);
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn give_back(_: &File, _: Range<u64>) {}

/// Returns whether a signal comes from the terminal, which has sent it to the whole foreground group already.
pub(super) fn is_of_terminal(code: i32) -> bool {
    #[cfg(target_os = "linux")]
    return code == nix::libc::SI_KERNEL;
    #[cfg(not(target_os = "linux"))]
    return code == 0;
}
