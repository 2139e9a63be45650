//! Where code runs: in the process that opened the spool or in a child it forked, on the writer thread (or in a
//! hook) or on a caller's. It decides nothing.

use std::cell::Cell;

use tracing_spool_process::Process;

use crate::sync::thread_local;

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
pub(crate) struct Origin(Process);

impl Origin {
    pub(crate) fn here() -> Self {
        Self(Process::here())
    }

    /// Whether this is a forked child: it has the memory, but not the threads. A load and a comparison.
    pub(crate) fn is_forked(&self) -> bool {
        !self.0.is_here()
    }

    /// A spool whose process is another one.
    #[cfg(test)]
    pub(crate) fn elsewhere() -> Self {
        Self(Process::ELSEWHERE)
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
        assert!(Origin::elsewhere().is_forked());
    }
}
