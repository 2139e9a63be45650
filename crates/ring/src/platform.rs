//! What only Linux has: pages that are brought by being asked for, their size, and file systems that are known to keep the room
//! that they gave; and what a signal does to a call. The ways around for the other systems stand beside them.

use std::ffi::c_void;
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

/// Has the processor fetch a line of memory that is about to be stored to. It reads and writes nothing.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
pub(crate) fn fetch_for_store(at: NonNull<u8>) {
    use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
    // SAFETY: whatever the address, a hint does nothing that can be seen: a page that is not there stays so.
    unsafe { _mm_prefetch::<_MM_HINT_ET0>(at.as_ptr().cast()) }
}

/// Stable Rust has no such hint for other processors.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline]
pub(crate) fn fetch_for_store(_: NonNull<u8>) {}

/// Bytes that are allocated by one call: where one is cut short (a stop and a continuation do that), not all begins anew.
const CHUNK: u64 = 1 << 20;

/// Gives a file its room, so that a full disk is met now and not by a store into the mapping.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
pub(crate) fn allocate(file: impl AsFd, len: u64) -> Result<(), Errno> {
    let offset = |at: u64| at.try_into().map_err(|_| Errno::EFBIG);
    allocate_by(&file, len, |at, len| nix::fcntl::posix_fallocate(&file, offset(at)?, offset(len)?))
}

/// A length that the file system cannot have is refused before its first part is taken: on tmpfs the parts are memory, and the
/// machine would run out of it on the way.
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

/// How long a file can get with what is free, where its file system says that.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
fn room(file: impl AsFd) -> Result<Option<u64>, Errno> {
    const BLOCK: u64 = 512; // of `st_blocks`, whatever the file system
    let system = nix::sys::statvfs::fstatvfs(&file)?;
    let has = wide(nix::sys::stat::fstat(&file)?.st_blocks).saturating_mul(BLOCK);
    let free = wide(system.blocks_free()).saturating_mul(wide(system.fragment_size()));
    // None in all: there is no limit, or it is not told.
    Ok((system.blocks() > 0).then_some(free.saturating_add(has)))
}

/// The C types differ between systems.
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
fn wide(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or_default()
}

/// Does `one` for each part, and again where it was cut short.
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

/// That system has no such call: the file gets its length, and its room with the first touch.
#[cfg(any(target_os = "macos", target_os = "ios"))]
pub(crate) fn allocate(file: impl AsFd, len: u64) -> Result<(), Errno> {
    nix::unistd::ftruncate(file, len.try_into().map_err(|_| Errno::EFBIG)?)
}

/// Runs `work` with signals blocked on this thread, but for those of faults: of a file beyond `RLIMIT_FSIZE` there is an EFBIG
/// then, and no signal that ends the process; and no allocation is cut short by a signal, again and again where they come fast.
pub(crate) fn without_signals<T>(work: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    tracing_spool_process::without_file_size_signal(|| {
        let done = tracing_spool_process::without_signals(work);
        let has_met_it = matches!(done, Err(Errno::EFBIG));
        (done, has_met_it)
    })
}

/// The kind of a file's file system, unless it is one that keeps the room that it gave, and never makes a store wait. A disk
/// does neither: one that is shut down by an error ends by SIGBUS whoever stores, and one that is frozen stalls them.
#[cfg(target_os = "linux")]
pub(crate) fn doubtful_file_system(file: impl AsFd) -> Result<Option<String>, Errno> {
    use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
    let kind = fstatfs(file)?.filesystem_type();
    Ok((kind != TMPFS_MAGIC).then(|| format!("{:#x}", kind.0)))
}

/// Which file systems keep their word is known of Linux alone.
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
