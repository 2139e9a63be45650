//! The most that was ever there: what waited in the queue at once, and bytes written as a number that never shrinks.
//! What is there now is `queue`'s and the engine's.

use crate::platform::sync::{AtomicU64, Ordering};

/// Highest values, seen by the writer thread and by those who ask.
#[derive(Debug, Default)]
pub(crate) struct Peaks {
    records: AtomicU64,
    bytes: AtomicU64,
    written_bytes: AtomicU64,
}

impl Peaks {
    /// So much waited.
    pub(crate) fn saw(&self, records: u64, bytes: u64) {
        raise(&self.records, records);
        raise(&self.bytes, bytes);
    }

    /// The most that has waited, records and bytes, with so much waiting now.
    pub(crate) fn with(&self, records: u64, bytes: u64) -> (u64, u64) {
        (raise(&self.records, records), raise(&self.bytes, bytes))
    }

    /// A record that is cut out of a file again takes its bytes out of the engine's counter, which whoever computes a
    /// rate from it would take for a restart.
    pub(crate) fn written_bytes(&self, now: u64) -> u64 {
        raise(&self.written_bytes, now)
    }
}

fn raise(peak: &AtomicU64, value: u64) -> u64 {
    peak.fetch_max(value, Ordering::Relaxed).max(value)
}
