//! Where code runs: in the process that opened the spool or in a child it forked, on the writer thread (or in a
//! hook) or on a caller's. It decides nothing.

use std::cell::Cell;

use crate::sync::{AtomicBool, Ordering, thread_local};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is the writer thread, or runs an alert hook: nothing may wait for the writer thread here.
pub(crate) fn is_inside() -> bool {
    INSIDE.try_with(Cell::get).unwrap_or(false)
}

/// Marks this thread as [inside](is_inside), until dropped.
#[derive(Debug)]
pub(crate) struct Inside {
    was: bool,
}

impl Inside {
    pub(crate) fn enter() -> Self {
        Self { was: INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(false) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.set(self.was));
    }
}

/// The process that opened the spool.
#[derive(Debug)]
pub(crate) struct Origin {
    process: u32,
    left: AtomicBool,
}

impl Origin {
    pub(crate) fn here() -> Self {
        Self { process: std::process::id(), left: AtomicBool::new(false) }
    }

    /// Whether this is a forked child: it has the memory, but not the threads. A system call, so only where a
    /// caller waits, wakes, flushes or loses a record.
    pub(crate) fn is_forked(&self) -> bool {
        if self.is_known_forked() {
            return true;
        }
        let forked = std::process::id() != self.process;
        if forked {
            self.left.store(true, Ordering::Relaxed);
        }
        forked
    }

    /// Whether [`is_forked`](Self::is_forked) has said so before.
    pub(crate) fn is_known_forked(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// A spool whose process is another one.
    #[cfg(test)]
    pub(crate) fn elsewhere() -> Self {
        Self { process: 0, left: AtomicBool::new(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_ends_with_its_scope() {
        assert!(!is_inside());
        {
            let _outer = Inside::enter();
            drop(Inside::enter());
            assert!(is_inside());
        }
        assert!(!is_inside());
    }

    #[test]
    fn a_child_is_known_by_its_process() {
        assert!(!Origin::here().is_forked());
        let child = Origin::elsewhere();
        assert!(!child.is_known_forked());
        assert!(child.is_forked() && child.is_known_forked());
    }
}
