//! Where code runs: on the writer thread, in a hook, or on a caller's thread.

use std::cell::Cell;

use tracing_spool_process::Process;

use crate::platform::sync::thread_local;

/// Where a thread is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The process that this holds in: a child that was forked inside has no writer thread.
    process: Process,
    /// The address of the output whose thread this is, or 0.
    output: usize,
}

thread_local! {
    static INSIDE: Cell<Option<Place>> = const { Cell::new(None) };
}

fn place() -> Option<Place> {
    INSIDE.try_with(Cell::get).ok().flatten().filter(|place| place.process.is_here())
}

/// Returns whether this thread is a writer thread, or runs an alert hook. Nothing may wait for the writer thread here.
pub(crate) fn is_inside() -> bool {
    place().is_some()
}

/// Returns whether this thread writes `output`. It is the one thread that can never wait for that output.
pub(crate) fn is_inside_of<T>(output: &T) -> bool {
    place().is_some_and(|place| place.output == address(output))
}

fn address<T>(output: &T) -> usize {
    std::ptr::from_ref(output).addr()
}

/// Marks this thread as [inside](is_inside), until dropped.
#[derive(Debug)]
pub(crate) struct Inside {
    was: Option<Place>,
}

impl Inside {
    /// Enters a hook, on whatever thread runs it.
    pub(crate) fn enter() -> Self {
        Self::at(place().map_or(0, |place| place.output))
    }

    /// Enters the thread that writes `output`.
    pub(crate) fn of<T>(output: &T) -> Self {
        Self::at(address(output))
    }

    fn at(output: usize) -> Self {
        let place = Place { process: Process::here(), output };
        Self { was: INSIDE.try_with(|inside| inside.replace(Some(place))).ok().flatten() }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.set(self.was));
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
    fn a_hook_is_inside_of_the_output_whose_thread_runs_it() {
        let outputs = [1, 2];
        {
            let _thread = Inside::of(&outputs[0]);
            let _hook = Inside::enter();
            assert!(is_inside() && is_inside_of(&outputs[0]) && !is_inside_of(&outputs[1]));
        }
        let _elsewhere = Inside::enter();
        assert!(is_inside() && !outputs.iter().any(is_inside_of));
    }

    #[test]
    fn a_child_that_was_forked_inside_is_outside() {
        INSIDE.set(Some(Place { process: Process::ELSEWHERE, output: 0 }));
        assert!(!is_inside());
        INSIDE.set(None);
    }
}
