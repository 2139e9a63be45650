//! Identifies this process by a value that changes on every fork, even when the child has the same process
//! number. What a child does about it is up to the caller.
//!
//! One page of memory holds this process's life number. The kernel wipes the page in a forked child
//! (`MADV_WIPEONFORK`), and the child takes the next number when it first asks. The counter behind the
//! numbers is inherited, so no two processes in a line of descent share one. The process number alone would
//! not do: a child that is the first process of a PID namespace may have the same number as its parent.
//!
//! On systems that can't wipe memory, a `pthread_atfork` handler clears the number. There the life number
//! also contains the process number, which catches children that were forked without the C library.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::inherited::{self, UNWIPED};
use crate::system;

/// The word that holds the life number; null until somebody asks.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// The number of lives handed out along this line of processes.
static LIVES: AtomicU64 = AtomicU64::new(0);

/// Flag in a life number: it also contains the process number, which must be compared.
const BY_NUMBER: u64 = 1 << 63;
/// Where the process number begins in such a life number.
const NUMBER_SHIFT: u32 = 32;

/// Identifies one process: [`is_here`](Self::is_here) returns `true` in the process that created the value,
/// and `false` in every process forked from it.
///
/// ```
/// use tracing_spool_process::Process;
/// let process = Process::here();
/// assert!(process.is_here());
/// assert_eq!(process, Process::here());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process(u64);

impl Process {
    /// A process that is never the current one, for testing what a child does.
    #[doc(hidden)]
    pub const ELSEWHERE: Self = Self(u64::MAX >> 1);

    /// Returns the identity of the current process.
    #[inline]
    #[must_use]
    pub fn here() -> Self {
        if cfg!(miri) {
            return Self(u64::from(std::process::id()));
        }
        let word = word().unwrap_or_else(first_word);
        let life = word.load(Ordering::Relaxed);
        if is_current(life) { Self(life) } else { Self(next_life(word, life)) }
    }

    /// Returns whether the current process created this value. Costs a load and a comparison.
    #[inline]
    #[must_use]
    pub fn is_here(self) -> bool {
        if cfg!(miri) {
            return self == Self::here();
        }
        // `Relaxed` is enough: a thread sees what its own `here`, or the fork that it descends from, stored
        // there.
        word().is_some_and(|word| word.load(Ordering::Relaxed) == self.0) && is_current(self.0)
    }

    /// Returns a number, never 0, that no ancestor of this process has. Use it to keep a `Process` in an
    /// atomic.
    #[inline]
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

#[inline]
fn word() -> Option<&'static AtomicU64> {
    // SAFETY: the pointer is null or was stored by `first_word`: a static, or a page that is never unmapped
    // and that only this atomic reaches. The kernel wipes the page before a child runs.
    unsafe { PAGE.load(Ordering::Acquire).as_ref() }
}

#[cold]
fn first_word() -> &'static AtomicU64 {
    inherited::watch();
    let word = system::wiped_word().unwrap_or(&UNWIPED);
    let word = ptr::from_ref(word).cast_mut();
    let before = PAGE.compare_exchange(ptr::null_mut(), word, Ordering::AcqRel, Ordering::Acquire);
    // If another thread was first, our page stays mapped and unused. That happens at most once per thread
    // that races here.
    let word = before.err().unwrap_or(word);
    // SAFETY: as in `word`, and not null.
    unsafe { &*word }
}

/// Returns whether the life number `life`, as read from the word, belongs to this process.
#[inline]
fn is_current(life: u64) -> bool {
    life != 0 && (life & BY_NUMBER == 0 || life & !u64::from(u32::MAX) == by_number(0))
}

fn by_number(life: u64) -> u64 {
    BY_NUMBER | u64::from(std::process::id()) << NUMBER_SHIFT | life & u64::from(u32::MAX)
}

#[cold]
fn next_life(word: &AtomicU64, before: u64) -> u64 {
    let next = LIVES.fetch_add(1, Ordering::Relaxed) + 1;
    let life = if ptr::eq(word, &UNWIPED) { by_number(next) } else { next };
    match word.compare_exchange(before, life, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => life,
        Err(by_another_thread) => by_another_thread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_here_and_another_is_not() {
        let here = Process::here();
        assert!(here.is_here() && !Process::ELSEWHERE.is_here());
        assert_eq!(here, Process::here());
        assert_ne!(here.number(), 0);
    }

    #[test]
    fn a_wiped_word_is_nobodys_and_gives_a_new_life() {
        let word = AtomicU64::new(0);
        assert!(!is_current(0));
        let [first, second] = [(); 2].map(|()| {
            word.store(0, Ordering::Relaxed);
            next_life(&word, 0)
        });
        assert!(first < second && is_current(first));
        assert_eq!(next_life(&word, 0), second, "another thread was first");
    }

    #[test]
    fn where_nothing_is_wiped_the_process_number_counts_too() {
        let mine = by_number(7);
        assert!(is_current(mine));
        assert!(!is_current(mine ^ 1 << NUMBER_SHIFT), "of another process");
        let taken = next_life(&UNWIPED, UNWIPED.load(Ordering::Relaxed));
        assert!(taken & BY_NUMBER != 0 && is_current(taken));
        UNWIPED.store(0, Ordering::Relaxed);
        assert!(!is_current(UNWIPED.load(Ordering::Relaxed)));
    }
}
