//! System calls that only some systems have, each with a fallback for the others. Nothing here decides when
//! they are used.

use std::sync::atomic::AtomicU64;

use nix::libc::{self, c_int};
use nix::sys::signal::SigSet;

/// Returns a word in a page of its own that the kernel wipes in forked children, or `None` if there is no
/// such page.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn wiped_word() -> Option<&'static AtomicU64> {
    use std::num::NonZeroUsize;

    use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

    // The kernel rounds this up to its page size.
    const LEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let page = unsafe { mmap_anonymous(None, LEN, access, MapFlags::MAP_PRIVATE) }.ok()?;
    // An emulator may accept any advice and ignore it, so ask for something that does not exist first.
    // SAFETY: invalid advice is refused and changes nothing.
    let is_honest = unsafe { libc::madvise(page.as_ptr(), LEN.get(), -1) } != 0;
    // SAFETY: our own page, which holds nothing yet.
    let is_wiped = unsafe { libc::madvise(page.as_ptr(), LEN.get(), libc::MADV_WIPEONFORK) } == 0;
    // SAFETY: the page is zeroed, aligned, never unmapped, and reached through this atomic only.
    (is_honest && is_wiped).then(|| unsafe { page.cast().as_ref() })
}

/// Returns `None`: there is no known way to wipe a page on this system.
#[cfg(any(not(target_os = "linux"), miri))]
pub(crate) fn wiped_word() -> Option<&'static AtomicU64> {
    None
}

/// Makes `number` refer to the same file as `like`, close-on-exec. Async-signal-safe: it only makes system
/// calls.
pub(crate) fn duplicate_onto(like: c_int, number: c_int) -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: a call on two numbers. The caller promises that the file behind `number` may be closed.
    let is_done = unsafe { libc::dup3(like, number, libc::O_CLOEXEC) } >= 0;
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above. The child has one thread, so nobody can `exec` between the two calls.
    let is_done =
        unsafe { libc::dup2(like, number) >= 0 && libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) >= 0 };
    is_done
}

/// Gives the calling thread the CPU affinity and scheduling class of the process's main thread, in case the
/// thread that started it had others. Best effort: where the kernel refuses, nothing changes. Never makes a
/// thread a real-time one.
#[cfg(target_os = "linux")]
pub(crate) fn schedule_like_the_main_thread() {
    use nix::sched::{sched_getaffinity, sched_setaffinity};
    use nix::unistd::{Pid, getpid};

    let (main, own) = (getpid(), Pid::from_raw(0));
    if let (Ok(processors), Ok(inherited)) = (sched_getaffinity(main), sched_getaffinity(own)) {
        if processors != inherited {
            let _ = sched_setaffinity(own, &processors);
        }
    }
    let (class, inherited) = (class_of(main.as_raw()), class_of(own.as_raw()));
    if class != inherited && [libc::SCHED_OTHER, libc::SCHED_BATCH, libc::SCHED_IDLE].contains(&class) {
        set_class(class);
    }
}

/// Does nothing: on other systems a thread inherits nothing of the kind, or there is no known way to undo it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn schedule_like_the_main_thread() {}

/// Returns a thread's scheduling class, or a negative number if the kernel does not tell.
#[cfg(target_os = "linux")]
fn class_of(thread: libc::pid_t) -> c_int {
    const RESET_ON_FORK: libc::c_long = 0x4000_0000;
    // The raw system call, because musl's `sched_getscheduler` always fails.
    // SAFETY: reads a property of a thread of this process.
    let class = unsafe { libc::syscall(libc::SYS_sched_getscheduler, thread) };
    let class = if class < 0 { class } else { class & !RESET_ON_FORK };
    c_int::try_from(class).unwrap_or(-1)
}

#[cfg(target_os = "linux")]
fn set_class(class: c_int) {
    let priority: c_int = 0; // the kernel's `sched_param`; these classes allow no other priority
    // SAFETY: the pointer is read during the call only, and the kernel's structure is one `int`.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, class, &raw const priority) };
}

/// Returns the nice value of the calling thread. POSIX defines it per process, Linux per thread.
#[cfg(target_os = "linux")]
pub(crate) fn nice() -> c_int {
    // SAFETY: reads a property of this thread.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// Sets the nice value of the calling thread.
#[cfg(target_os = "linux")]
pub(crate) fn set_nice(nice: c_int) {
    // SAFETY: changes a property of this thread; refused if the process lacks the right to.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
}

/// Consumes those of `signals` that are pending for the calling thread. Returns `false` if the system has no
/// way to.
#[cfg(target_os = "linux")]
pub(crate) fn take(signals: &SigSet) -> bool {
    use nix::sys::signalfd::{SfdFlags, SignalFd};

    let Ok(waiting) = SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC) else {
        return false;
    };
    while let Ok(Some(_)) = waiting.read_signal() {}
    true
}

/// Returns `false`: there is no known way on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn take(_: &SigSet) -> bool {
    false
}
