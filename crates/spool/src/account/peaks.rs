//! High watermarks: the most that ever waited in the queue, and bytes written as a number that never shrinks. The queue and
//! the engine know the current values.

use crate::platform::sync::{AtomicU64, Ordering};

/// High watermarks, raised by the writer thread and by whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Peaks {
    records: AtomicU64,
    bytes: AtomicU64,
    written_bytes: AtomicU64,
}

impl Peaks {
    /// Raises the watermarks to this fill.
    pub(crate) fn saw(&self, records: u64, bytes: u64) {
        raise(&self.records, records);
        raise(&self.bytes, bytes);
    }

    /// Returns the most records and bytes that have waited, given that this many wait now.
    pub(crate) fn with(&self, records: u64, bytes: u64) -> (u64, u64) {
        (raise(&self.records, records), raise(&self.bytes, bytes))
    }

    /// Returns the most bytes ever written. When a record is cut out of a file again, the engine's counter shrinks by its
    /// bytes, and whatever computes a rate would take that for a restart.
    pub(crate) fn written_bytes(&self, now: u64) -> u64 {
        raise(&self.written_bytes, now)
    }
}

fn raise(peak: &AtomicU64, value: u64) -> u64 {
    peak.fetch_max(value, Ordering::Relaxed).max(value)
}
