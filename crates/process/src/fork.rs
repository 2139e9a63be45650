//! Which process this is, told by a value that a fork changes even where the process number stays the same.
//! What a child does about it is the business of whoever asks.
//!
//! One page of memory holds the number of this process's life. The system wipes the page in a forked child, and the child
//! takes the next number when it first asks. The counter is inherited, so that number was given to no ancestor. A process
//! number alone would not do: a child that is the first process of a PID namespace may have its parent's.
//!
//! Where the system wipes no memory, a handler of `pthread_atfork` clears the number, and it holds the process number as well,
//! for children that were forked behind the C library's back.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::inherited::{self, UNWIPED};
use crate::system;

/// The word that holds the number of life; null until somebody asks.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// How many lives were given in this line of processes.
static LIVES: AtomicU64 = AtomicU64::new(0);

/// In a number of life: it holds the process number too, which has to be compared.
const BY_NUMBER: u64 = 1 << 63;
/// Where the process number stands in it.
const NUMBER_SHIFT: u32 = 32;

/// A process, known to itself: [`is_here`](Self::is_here) is true in the process that made the value, and false in all that are
/// forked from it.
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
    /// A process that is never this one: for tests of what a child does.
    #[doc(hidden)]
    pub const ELSEWHERE: Self = Self(u64::MAX >> 1);

    /// This process.
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

    /// Whether this process is the one that made the value: a load and a comparison.
    #[inline]
    #[must_use]
    pub fn is_here(self) -> bool {
        if cfg!(miri) {
            return self == Self::here();
        }
        // Relaxed: a thread sees what the fork that it comes from, or its own `here`, has left there.
        word().is_some_and(|word| word.load(Ordering::Relaxed) == self.0) && is_current(self.0)
    }

    /// A number that no ancestor of this process has, and never 0: to be kept in an atomic.
    #[inline]
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

#[inline]
fn word() -> Option<&'static AtomicU64> {
    // SAFETY: null, or what `first_word` has put there: a static, or a page that is never unmapped and that nobody reaches but by
    // this atomic. The system wipes it in a child before the child runs.
    unsafe { PAGE.load(Ordering::Acquire).as_ref() }
}

#[cold]
fn first_word() -> &'static AtomicU64 {
    inherited::watch();
    let word = system::wiped_word().unwrap_or(&UNWIPED);
    let word = ptr::from_ref(word).cast_mut();
    let before = PAGE.compare_exchange(ptr::null_mut(), word, Ordering::AcqRel, Ordering::Acquire);
    // Another thread may have been first; our page then stays, unused. That can happen once.
    let word = before.err().unwrap_or(word);
    // SAFETY: as in `word`, and not null.
    unsafe { &*word }
}

/// Whether a number of life, as it stands in the word, is this process's.
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
