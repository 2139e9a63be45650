//! Counts of dropped records, kept in the ring until a notice states them in the log, so that a killed process hides no
//! loss.

use tracing_spool_ring::{Counter, Ring};

use crate::account::ledger::{Dropped, Reason};
use crate::account::rank::Rank;
use crate::platform::sync::Ordering;

/// Returns the counter of a reason and a rank.
pub(crate) fn counter(ring: &Ring, reason: Reason, rank: Rank) -> &Counter {
    ring.counter(reason as usize * Rank::ALL.len() + rank.index())
}

/// Returns what was dropped and not stated yet.
#[cfg(not(shuttle))]
pub(crate) fn unstated(ring: &Ring) -> Dropped {
    each().fold(Dropped::default(), |lost, (reason, rank)| {
        // The file may hold any value, and the sum must not overflow.
        lost.with(reason, rank, counter(ring, reason, rank).load(Ordering::Relaxed).min(1 << 40))
    })
}

/// Subtracts what a notice has stated.
pub(crate) fn state(ring: &Ring, lost: &Dropped) {
    for (reason, rank) in each() {
        let stated = lost.by(reason, rank.level());
        if stated > 0 {
            let counter = counter(ring, reason, rank);
            let rest = counter.load(Ordering::Relaxed).min(stated);
            counter.fetch_sub(rest, Ordering::Relaxed);
        }
    }
}

/// Moves the counts of one ring to another.
#[cfg(not(shuttle))]
pub(crate) fn carry(from: &Ring, to: &Ring) {
    for (reason, rank) in each() {
        let lost = counter(from, reason, rank).swap(0, Ordering::Relaxed);
        counter(to, reason, rank).fetch_add(lost, Ordering::Relaxed);
    }
}

fn each() -> impl Iterator<Item = (Reason, Rank)> {
    Reason::ALL.into_iter().flat_map(|reason| Rank::ALL.map(|rank| (reason, rank)))
}
