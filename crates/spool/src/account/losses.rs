//! Counts of dropped records that stand in a ring until they are stated in the log, so that a death hides no loss.
//! The books are `ledger`'s, the words `notice`'s.

use tracing_spool_ring::{Counter, Ring};

use crate::account::ledger::{Dropped, Reason};
use crate::account::rank::Rank;
use crate::platform::sync::Ordering;

/// The counter of a reason and a rank.
pub(crate) fn counter(ring: &Ring, reason: Reason, rank: Rank) -> &Counter {
    ring.counter(reason as usize * Rank::ALL.len() + rank.index())
}

/// What was dropped and not stated.
#[cfg(not(shuttle))]
pub(crate) fn unstated(ring: &Ring) -> Dropped {
    each().fold(Dropped::default(), |lost, (reason, rank)| {
        // A file may say anything; the sum must not run over.
        lost.with(reason, rank, counter(ring, reason, rank).load(Ordering::Relaxed).min(1 << 40))
    })
}

/// So much of it is stated from here on.
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

/// What one ring counts, another counts from here on.
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
