//! The claim on a ring in a file: the number of whoever feeds it from a source of its own, and alone. As long as the claim
//! stands, the ring's count of admitted records tells how far that source was handed over.
//!
//! Every other log that opens the ring removes the claim, because its records count too.

#[cfg(not(shuttle))]
use tracing_spool_ring::Ring;

#[cfg(not(shuttle))]
use crate::platform::sync::Ordering;

/// The counter of the ring that holds the claim, or 0. The losses have the first ones.
pub const CLAIM: usize = 63;

/// Removes the claim.
#[cfg(not(shuttle))]
pub(crate) fn remove(ring: &Ring) {
    ring.counter(CLAIM).store(0, Ordering::Release);
}
