//! Hooks that run when the process exits, from whichever thread calls `exit` or by a return from `main`. What
//! a hook does is up to its owner.

use std::panic::catch_unwind;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::libc;

/// The number of hooks that can be registered at once.
const MOST: usize = 8;

/// Registered hooks, oldest first; a free place is null.
static HOOKS: [AtomicPtr<()>; MOST] = [const { AtomicPtr::new(ptr::null_mut()) }; MOST];

/// Registers `hook` to run when the process ends by `exit` or by a return from `main`.
///
/// The hook runs on the thread that ends the process. With glibc that is after the destructors of the
/// thread's thread-local values; other C libraries may run those later. Hooks run in reverse order of
/// registration, and registering the same hook twice has no effect. If a hook panics, the panic is caught and
/// the remaining hooks still run.
///
/// A forked child runs the hook too when it exits; a hook that must act only in the original process checks
/// [`Process::is_here`](crate::Process::is_here). The hook does not run when the process ends by a signal, by
/// `abort` or by `_exit`.
///
/// Returns `true` if the hook will run. Returns `false` if eight other hooks are registered already, or if
/// the system has no memory for another one.
///
/// ```
/// fn last_word() {}
/// assert!(tracing_spool_process::at_exit(last_word));
/// assert!(tracing_spool_process::at_exit(last_word)); // registered only once
/// ```
#[must_use = "the hook may not have been registered"]
pub fn at_exit(hook: fn()) -> bool {
    let hook = hook as *mut ();
    for place in &HOOKS {
        match place.compare_exchange(ptr::null_mut(), hook, Ordering::AcqRel, Ordering::Acquire) {
            // Call `atexit` once per hook: each call of `call_last` runs exactly one, so fewer would leave
            // hooks out.
            // SAFETY: `call_last` is a function of this program and is sound to call at any time.
            Ok(_) if cfg!(miri) || unsafe { libc::atexit(call_last) } == 0 => return true,
            Ok(_) => {
                // Or it would use up the call of another hook.
                place.store(ptr::null_mut(), Ordering::Release);
                return false;
            }
            Err(before) if before == hook => return true,
            Err(_) => {}
        }
    }
    false
}

/// Runs the most recently registered hook that has not run yet.
extern "C" fn call_last() {
    for place in HOOKS.iter().rev() {
        let hook = place.swap(ptr::null_mut(), Ordering::AcqRel);
        if hook.is_null() {
            continue;
        }
        // SAFETY: only `at_exit` stores there, and it stores a `fn()`.
        let hook = unsafe { std::mem::transmute::<*mut (), fn()>(hook) };
        if let Err(payload) = catch_unwind(hook) {
            std::mem::forget(payload); // dropping the payload could panic too
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
