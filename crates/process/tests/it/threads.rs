//! Proves that a thread starts without the program's signals, and without what only its opener was given.

use std::thread::{self, Builder};

use nix::sys::signal::{SigSet, Signal};
use tracing_spool_process::{give_way, spawn, without_signals};

/// What a thread that is started so finds.
fn found<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = std::sync::mpsc::channel();
    spawn(Builder::new(), move || tell.send(look()).unwrap()).unwrap();
    told.recv().unwrap()
}

#[test]
fn a_thread_is_born_with_all_signals_blocked_but_those_of_faults() {
    let before = SigSet::thread_get_mask().unwrap();
    let mask = found(|| SigSet::thread_get_mask().unwrap());
    for signal in Signal::iterator() {
        let is_heard = match signal {
            Signal::SIGSEGV | Signal::SIGBUS | Signal::SIGFPE | Signal::SIGILL => true,
            Signal::SIGTRAP | Signal::SIGABRT | Signal::SIGSYS => true,
            Signal::SIGKILL | Signal::SIGSTOP => continue,
            _ => false,
        };
        assert_eq!(mask.contains(signal), !is_heard, "{signal}");
    }
    assert_eq!(SigSet::thread_get_mask().unwrap(), before, "the opener's counts again");
}

#[test]
fn the_openers_mask_counts_again_after_a_panic() {
    let mut mine = SigSet::empty();
    mine.add(Signal::SIGUSR2);
    mine.thread_set_mask().unwrap();
    let panicked = std::panic::catch_unwind(|| {
        without_signals(|| {
            assert!(SigSet::thread_get_mask().unwrap().contains(Signal::SIGTERM));
            panic!("it goes wrong");
        });
    });
    assert!(panicked.is_err());
    assert_eq!(SigSet::thread_get_mask().unwrap(), mine);
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::libc;
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::{Pid, getpid};

    use super::*;
    use crate::skip;

    const SELF: Pid = Pid::from_raw(0);

    fn class() -> i32 {
        // SAFETY: reads a property of this thread.
        unsafe { libc::sched_getscheduler(0) }
    }

    fn nice() -> i32 {
        // SAFETY: as above.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[test]
    fn a_pinned_opener_does_not_pin_the_thread() {
        let all = sched_getaffinity(getpid()).unwrap();
        let first = (0..CpuSet::count()).find(|cpu| all.is_set(*cpu).unwrap()).unwrap();
        let mut one = CpuSet::new();
        one.set(first).unwrap();
        if one == all {
            return skip("a_pinned_opener_does_not_pin_the_thread", "one processor");
        }
        let opener = thread::spawn(move || {
            sched_setaffinity(SELF, &one).unwrap();
            (found(|| sched_getaffinity(SELF).unwrap()), sched_getaffinity(SELF).unwrap() == one)
        });
        let (there, is_pinned) = opener.join().unwrap();
        assert!(there == all && is_pinned);
    }

    #[test]
    fn a_real_time_opener_starts_an_ordinary_thread() {
        const TEST: &str = "a_real_time_opener_starts_an_ordinary_thread";
        let opener = thread::spawn(|| {
            let priority = libc::sched_param { sched_priority: 1 };
            // SAFETY: changes a property of this thread; the pointer is read during the call.
            if unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) } != 0 {
                return None;
            }
            Some((class(), found(class)))
        });
        match opener.join().unwrap() {
            None => skip(TEST, "no right to a real-time class"),
            Some(classes) => assert_eq!(classes, (libc::SCHED_FIFO, libc::SCHED_OTHER)),
        }
    }

    #[test]
    fn an_opener_that_gives_way_starts_a_thread_of_the_programs_class() {
        let opener = thread::spawn(|| {
            let priority = libc::sched_param { sched_priority: 0 };
            // SAFETY: as above; anybody may take less.
            assert_eq!(unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const priority) }, 0);
            found(class)
        });
        assert_eq!(opener.join().unwrap(), libc::SCHED_OTHER);
    }

    #[test]
    fn a_thread_gives_way_alone_and_never_less_than_before() {
        let before = nice();
        let given = found(|| {
            give_way();
            let given = nice();
            // SAFETY: changes a property of this thread.
            unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 15) };
            give_way();
            (given, nice())
        });
        assert_eq!((given, nice()), ((10.max(before), 15.max(before)), before));
    }
}
