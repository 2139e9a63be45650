//! A word at `exit`, whichever thread calls it, and at a return from `main`.
//! What is said is its owner's business.

use std::panic::catch_unwind;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::libc;

/// Functions that can be registered.
const MOST: usize = 8;

/// What is called, the first registered first; null where there is none.
static HOOKS: [AtomicPtr<()>; MOST] = [const { AtomicPtr::new(ptr::null_mut()) }; MOST];

/// Has `hook` called as the process ends by `exit` or by a return from `main`, on the thread that ends it; after the
/// destructors of that thread's thread-local values where the C library runs those first (glibc does). The last registered is
/// called first. A hook that is registered already is not registered again. A panic in it is caught.
///
/// In a forked child it is called too: a hook that works for a process asks [`Process`](crate::Process). It is not called
/// where the process ends by a signal, by `abort` or by `_exit`.
///
/// Returns whether it will be called: not where the system has no memory for it, or eight others are registered.
///
/// ```
/// fn last_word() {}
/// assert!(tracing_spool_process::at_exit(last_word));
/// assert!(tracing_spool_process::at_exit(last_word), "once, however often it is said");
/// ```
#[must_use = "it may not be called"]
pub fn at_exit(hook: fn()) -> bool {
    let hook = hook as *mut ();
    for place in &HOOKS {
        match place.compare_exchange(ptr::null_mut(), hook, Ordering::AcqRel, Ordering::Acquire) {
            // For each hook once, so that the C library calls us back as often as there is something to call.
            // SAFETY: `call_last` is a function of the program, and may be called at any time.
            Ok(_) => return cfg!(miri) || unsafe { libc::atexit(call_last) } == 0,
            Err(before) if before == hook => return true,
            Err(_) => {}
        }
    }
    false
}

/// Calls the hook that was registered last and not called yet.
extern "C" fn call_last() {
    for place in HOOKS.iter().rev() {
        let hook = place.swap(ptr::null_mut(), Ordering::AcqRel);
        if hook.is_null() {
            continue;
        }
        // SAFETY: only `at_exit` stores there, and it stores a `fn()`.
        let hook = unsafe { std::mem::transmute::<*mut (), fn()>(hook) };
        if let Err(payload) = catch_unwind(hook) {
            std::mem::forget(payload); // its destructor could panic too
        }
        return;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn a_hook_is_called_once_and_the_last_one_first() {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        fn first() {
            CALLS.store(CALLS.load(Ordering::Relaxed) * 10 + 1, Ordering::Relaxed);
        }
        fn second() {
            CALLS.store(CALLS.load(Ordering::Relaxed) * 10 + 2, Ordering::Relaxed);
            panic!("it is caught");
        }
        assert!(at_exit(first) && at_exit(second) && at_exit(first));
        (0..3).for_each(|_| call_last());
        assert_eq!(CALLS.load(Ordering::Relaxed), 21);
    }
}
