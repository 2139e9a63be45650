//! The calls that not every system has, each with its way around. They decide nothing.

use std::sync::atomic::AtomicU64;

use nix::libc::{self, c_int};
use nix::sys::signal::SigSet;

/// A word in memory of its own that a fork wipes; none where that cannot be had.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn wiped_word() -> Option<&'static AtomicU64> {
    use std::num::NonZeroUsize;

    use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

    // The system rounds it up to its own page.
    const LEN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: new memory, at an address that the system chooses.
    let page = unsafe { mmap_anonymous(None, LEN, access, MapFlags::MAP_PRIVATE) }.ok()?;
    // An emulator may say yes to everything, and do nothing.
    // SAFETY: advice that there is not is refused, and changes nothing.
    let is_honest = unsafe { libc::madvise(page.as_ptr(), LEN.get(), -1) } != 0;
    // SAFETY: our own page, which holds nothing yet.
    let is_wiped = unsafe { libc::madvise(page.as_ptr(), LEN.get(), libc::MADV_WIPEONFORK) } == 0;
    // SAFETY: the page is zeroed, aligned, never unmapped, and reached by this atomic only.
    (is_honest && is_wiped).then(|| unsafe { page.cast().as_ref() })
}

/// Not known how on this system.
#[cfg(any(not(target_os = "linux"), miri))]
pub(crate) fn wiped_word() -> Option<&'static AtomicU64> {
    None
}

/// Makes `number` stand for what `like` stands for, close-on-exec. For handlers: it does nothing but calls of the system.
pub(crate) fn duplicate_onto(like: c_int, number: c_int) -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: a call on two numbers. That the file behind `number` may be closed is its caller's promise.
    let is_done = unsafe { libc::dup3(like, number, libc::O_CLOEXEC) } >= 0;
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above. Nobody else runs in a child that would exec between the two.
    let is_done =
        unsafe { libc::dup2(like, number) >= 0 && libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) >= 0 };
    is_done
}

/// The calling thread gets the processors and the scheduling class of the process's main thread, where its opener had others.
/// Best effort: where the system refuses, it stays as it is. A thread is never made a real-time one.
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

/// Threads inherit nothing that could be undone, or it is not known how.
#[cfg(not(target_os = "linux"))]
pub(crate) fn schedule_like_the_main_thread() {}

/// The scheduling class of a thread; a negative number where the system does not tell.
#[cfg(target_os = "linux")]
fn class_of(thread: libc::pid_t) -> c_int {
    const RESET_ON_FORK: libc::c_long = 0x4000_0000;
    // By the bare call, since musl's function of this name only refuses.
    // SAFETY: reads a property of a thread of this process.
    let class = unsafe { libc::syscall(libc::SYS_sched_getscheduler, thread) };
    let class = if class < 0 { class } else { class & !RESET_ON_FORK };
    c_int::try_from(class).unwrap_or(-1)
}

#[cfg(target_os = "linux")]
fn set_class(class: c_int) {
    let priority: c_int = 0; // the system's `sched_param`: the only one that these classes have
    // SAFETY: the pointer is read during the call only, and the kernel's structure is one `int`.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, class, &raw const priority) };
}

/// How nice the calling thread is. POSIX means the process by that number, Linux the thread.
#[cfg(target_os = "linux")]
pub(crate) fn nice() -> c_int {
    // SAFETY: reads a property of this thread.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// Says how nice the calling thread is.
#[cfg(target_os = "linux")]
pub(crate) fn set_nice(nice: c_int) {
    // SAFETY: changes a property of this thread; refused where it has no right to.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
}

/// Takes these signals as far as they wait for the calling thread. False: that cannot be done.
#[cfg(target_os = "linux")]
pub(crate) fn take(signals: &SigSet) -> bool {
    use nix::sys::signalfd::{SfdFlags, SignalFd};

    let Ok(waiting) = SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC) else {
        return false;
    };
    while let Ok(Some(_)) = waiting.read_signal() {}
    true
}

/// Not known how on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn take(_: &SigSet) -> bool {
    false
}
