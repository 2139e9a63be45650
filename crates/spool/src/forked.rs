//! What becomes of a record in a forked child, and the line that tells it what to do.
//! Whether this is a child is `origin`'s to say.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing_spool_process::Process;

use crate::ledger::Reason;
use crate::rank::Rank;
use crate::shared::Shared;

/// Which process has been told; 0 for none.
#[derive(Debug, Default)]
pub(crate) struct Told(AtomicU64);

impl Told {
    /// Whether this process is to be told now: once for each, though the value is inherited.
    fn is_due(&self) -> bool {
        let here = Process::here().number();
        self.0.swap(here, Ordering::Relaxed) != here
    }
}

/// A record of a forked child: it is lost, and counted in the child alone.
#[cold]
pub(crate) fn lose(shared: &Shared, rank: Rank) {
    shared.queue.shut();
    shared.ledger.drop_one(Reason::Forked, rank);
    if shared.told.is_due() {
        shared.sink.print(&format_args!(
            "{}: process {} is a fork of the one that opened this log, and its records are lost; it can open a log of its own \
             at once, and this one when its parent has ended",
            shared.path.display(),
            std::process::id()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_is_told_once() {
        let told = Told::default();
        assert!(told.is_due() && !told.is_due());
        told.0.store(Process::ELSEWHERE.number(), Ordering::Relaxed);
        assert!(told.is_due() && !told.is_due(), "a parent that was told is another one");
    }
}
