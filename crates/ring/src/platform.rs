//! Calls that only Linux has (faulting pages in, huge pages, file systems known to keep what they allocate) and
//! allocation that a signal doesn't cut short. The fallbacks for other systems stand beside them.

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use nix::errno::Errno;

/// Asks for huge pages, or for none; where the system can't do that, the memory stays as it is.
///
/// # Safety
///
/// The memory is the caller's own.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn large_pages(base: NonNull<c_void>, len: usize, are_wanted: bool) {
    use nix::sys::mman::{MmapAdvise, madvise};
    let advice = if are_wanted { MmapAdvise::MADV_HUGEPAGE } else { MmapAdvise::MADV_NOHUGEPAGE };
    // SAFETY: the caller's promise.
    let _ = unsafe { madvise(base, len, advice) };
}

#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn large_pages(_: NonNull<c_void>, _: usize, _: bool) {}

/// Faults pages in, ready to be written, without touching what is in them. Returns `false` if the system has no such
/// call (Linux before 5.14). Pages that can't be faulted in are left alone: whoever touches one meets whatever the
/// fault brings.
///
/// # Safety
///
/// The memory is the caller's own.
#[cfg(target_os = "linux")]
pub(crate) unsafe fn bring(base: NonNull<c_void>, len: usize) -> bool {
    use nix::sys::mman::{MmapAdvise, madvise};
    // SAFETY: the caller's promise.
    match unsafe { madvise(base, len, MmapAdvise::MADV_POPULATE_WRITE) } {
        Ok(()) => true,
        Err(error) => ![Errno::EINVAL, Errno::ENOSYS, Errno::EPERM].contains(&error),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) unsafe fn bring(_: NonNull<c_void>, _: usize) -> bool {
    false
}

/// Prefetches a cache line that is about to be stored to. It reads and writes nothing.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
pub(crate) fn fetch_for_store(at: NonNull<u8>) {
    use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
    // SAFETY: a hint has no visible effect whatever the address: it faults no page in.
    unsafe { _mm_prefetch::<_MM_HINT_ET0>(at.as_ptr().cast()) }
}

/// Does nothing: stable Rust has no prefetch hint for other processors.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline]
pub(crate) fn fetch_for_store(_: NonNull<u8>) {}

/// Bytes that one call allocates. A call that is interrupted (stopping and continuing the process does that) then
/// doesn't start over from the beginning.
const CHUNK: u64 = 1 << 20;

/// Allocates the blocks of a file, so that a full disk is met now and not by a store into the mapping.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
pub(crate) fn allocate(file: impl AsFd, len: u64) -> Result<(), Errno> {
    let offset = |at: u64| at.try_into().map_err(|_| Errno::EFBIG);
    allocate_by(&file, len, |at, len| nix::fcntl::posix_fallocate(&file, offset(at)?, offset(len)?))
}

/// Refuses a length that the file system can't hold before allocating its first part. On tmpfs the parts are memory,
/// and the machine would run out of it on the way.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
fn allocate_by(
    file: impl AsFd,
    len: u64,
    one: impl FnMut(u64, u64) -> Result<(), Errno>,
) -> Result<(), Errno> {
    if !cfg!(miri) && room(file)?.is_some_and(|room| len > room) {
        return Err(Errno::ENOSPC);
    }
    in_chunks(len, one)
}

/// Returns how long a file can get with the free space of its file system, if that is known.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
fn room(file: impl AsFd) -> Result<Option<u64>, Errno> {
    const BLOCK: u64 = 512; // the unit of `st_blocks` on any file system
    let system = nix::sys::statvfs::fstatvfs(&file)?;
    let has = wide(nix::sys::stat::fstat(&file)?.st_blocks).saturating_mul(BLOCK);
    let free = wide(system.blocks_free()).saturating_mul(wide(system.fragment_size()));
    // A total of no blocks means that there is no limit, or that it isn't told.
    Ok((system.blocks() > 0).then_some(free.saturating_add(has)))
}

/// Widens a C integer whose type differs between systems.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
fn wide(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or_default()
}

/// Calls `one` for each part, and again if it was interrupted.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
fn in_chunks(len: u64, mut one: impl FnMut(u64, u64) -> Result<(), Errno>) -> Result<(), Errno> {
    let mut at = 0;
    while at < len {
        let chunk = CHUNK.min(len - at);
        match one(at, chunk) {
            Ok(()) => at += chunk,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Only sets the length: this system has no such call, and allocates blocks at the first touch.
#[cfg(any(target_os = "macos", target_os = "ios"))]
pub(crate) fn allocate(file: impl AsFd, len: u64) -> Result<(), Errno> {
    nix::unistd::ftruncate(file, len.try_into().map_err(|_| Errno::EFBIG)?)
}

/// Runs `work` with signals blocked on this thread, except those that report a fault. Beyond `RLIMIT_FSIZE` an
/// allocation then fails with EFBIG instead of ending the process by a signal, and signals that arrive fast can't
/// interrupt it again and again.
pub(crate) fn without_signals<T>(work: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    tracing_spool_process::without_file_size_signal(|| {
        let done = tracing_spool_process::without_signals(work);
        let has_met_it = matches!(done, Err(Errno::EFBIG));
        (done, has_met_it)
    })
}

/// Returns the type of the file's file system, unless it is known to keep what it allocates and never to block a store.
/// A disk does neither: after an error shuts it down, a store raises SIGBUS, and while it is frozen a store blocks.
#[cfg(target_os = "linux")]
pub(crate) fn doubtful_file_system(file: impl AsFd) -> Result<Option<String>, Errno> {
    use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
    let kind = fstatfs(file)?.filesystem_type();
    Ok((kind != TMPFS_MAGIC).then(|| format!("{:#x}", kind.0)))
}

/// Returns `None`: which file systems keep their word is known for Linux only.
#[cfg(not(target_os = "linux"))]
pub(crate) fn doubtful_file_system(_: impl AsFd) -> Result<Option<String>, Errno> {
    Ok(Some("unknown".to_owned()))
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{SigSet, Signal};

    use super::*;

    #[test]
    #[cfg(not(any(target_os = "macos", target_os = "ios")))]
    fn what_a_signal_cut_short_is_done_again() {
        let mut done = Vec::new();
        let mut answers = [Ok(()), Err(Errno::EINTR), Err(Errno::EINTR), Ok(()), Ok(())].into_iter();
        let one = |at, len| {
            done.push((at, len));
            answers.next().unwrap()
        };
        assert_eq!(in_chunks(2 * CHUNK + 5, one), Ok(()));
        let second = (CHUNK, CHUNK);
        assert_eq!(done, [(0, CHUNK), second, second, second, (2 * CHUNK, 5)]);
        assert_eq!(in_chunks(CHUNK, |_, _| Err(Errno::ENOSPC)), Err(Errno::ENOSPC));
    }

    #[test]
    #[cfg(not(any(target_os = "macos", target_os = "ios")))]
    fn what_a_file_system_cannot_have_is_refused_before_its_first_part() {
        if cfg!(miri) {
            return; // the interpreter has no file systems
        }
        let file = tempfile::tempfile().unwrap();
        let mut calls = 0;
        let mut one = |_, _| {
            calls += 1;
            if calls < 3 { Ok(()) } else { Err(Errno::EIO) }
        };
        assert_eq!(allocate_by(&file, 1 << 60, &mut one), Err(Errno::ENOSPC));
        assert_eq!(allocate_by(&file, 2 * CHUNK, &mut one), Ok(()));
        assert_eq!(calls, 2, "none for what cannot be");
        allocate(&file, CHUNK).unwrap();
        let room = room(&file).unwrap();
        assert!(room.is_none_or(|room| room >= CHUNK), "what it has counts: {room:?}");
    }

    #[test]
    fn no_signal_but_a_faults_comes_between_and_the_mask_is_as_it_was() {
        if cfg!(miri) {
            return; // the interpreter has no signals
        }
        let before = SigSet::thread_get_mask().unwrap();
        let inside = without_signals(SigSet::thread_get_mask).unwrap();
        assert!(
            [Signal::SIGXFSZ, Signal::SIGALRM, Signal::SIGTERM].iter().all(|signal| inside.contains(*signal))
        );
        assert!(!inside.contains(Signal::SIGBUS) && !inside.contains(Signal::SIGSEGV));
        assert_eq!(SigSet::thread_get_mask().unwrap(), before);
    }
}
