//! Where buffers come from and go back to: a free list, and the bound on what all of them hold together.
//! It admits nothing: a buffer in a caller's hand is not yet a record of the queue.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::buffer::{Buffer, HEADER, MISSING, SMALLEST};
use crate::rank::Rank;

/// Buffers made, and touched, on the thread that opens the spool: a page fault on a caller costs 3 µs.
const READY: usize = 2_048;
/// The free list keeps at most so many; each slot costs 24 bytes at once.
const MOST_IDLE: usize = 32_768;
/// Larger buffers are not kept.
const KEPT_BYTES: usize = 16 * 1024;
/// From this size on, a buffer that holds little is given up when memory is short.
const LARGE_BYTES: usize = 1_024;
/// Below this many idle buffers the writer thread makes more, so that callers need not.
const LOW_STOCK: usize = 512;

/// The free list.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: ArrayQueue<Buffer>,
    /// Bytes of all buffers, wherever they are. Touched when one is made, freed or grown: never in the steady state.
    circulating: AtomicUsize,
    bound: usize,
    largest: usize,
}

impl Pool {
    /// A pool that keeps idle and queued buffers within `bound` bytes, for records of at most `max_record` bytes,
    /// of which at most `records` wait.
    pub(crate) fn new(bound: usize, max_record: usize, records: usize) -> Self {
        let pool = Self {
            idle: ArrayQueue::new(records.clamp(1, MOST_IDLE)),
            circulating: AtomicUsize::new(0),
            bound,
            largest: max_record.saturating_add(HEADER + MISSING),
        };
        pool.make(READY.min(bound / SMALLEST / 2));
        pool
    }

    /// An empty record of `rank`.
    pub(crate) fn take(&self, rank: Rank) -> Buffer {
        let mut buffer = self.idle.pop().unwrap_or_else(|| self.allocate(SMALLEST));
        buffer.begin(rank);
        buffer
    }

    /// Makes room for `more` bytes in `buffer`.
    pub(crate) fn grow(&self, buffer: &mut Buffer, more: usize) {
        if buffer.room() >= more {
            return;
        }
        let needed = HEADER + buffer.len() + more;
        // A record that comes in many pieces must not be copied once for each.
        let wanted = if buffer.len() == 0 { needed } else { needed.max(buffer.capacity() * 2) };
        let capacity = rounded(wanted).min(self.largest).max(needed);
        while self.circulating.load(Ordering::Relaxed) + capacity > self.bound {
            let Some(idle) = self.idle.pop() else { break };
            self.free(idle);
        }
        let larger = buffer.moved_to(capacity);
        self.circulating.fetch_add(larger.capacity(), Ordering::Relaxed);
        self.free(std::mem::replace(buffer, larger));
    }

    /// Takes a buffer back, or frees it.
    pub(crate) fn give(&self, buffer: Buffer) {
        let (capacity, circulating) = (buffer.capacity(), self.circulating.load(Ordering::Relaxed));
        // Buffers grown by a burst of long records would for ever count as full ones for short records.
        let hollow = capacity >= LARGE_BYTES && buffer.len() < capacity / 8 && circulating > self.bound / 2;
        if capacity > KEPT_BYTES || circulating > self.bound || hollow {
            self.free(buffer);
        } else if let Err(surplus) = self.idle.push(buffer) {
            self.free(surplus);
        }
    }

    /// Makes buffers ahead of demand. For the writer thread, which has the time.
    pub(crate) fn stock(&self) {
        if self.idle.len() < LOW_STOCK {
            self.make(LOW_STOCK);
        }
    }

    fn make(&self, count: usize) {
        for _ in 0..count {
            if self.circulating.load(Ordering::Relaxed) + SMALLEST > self.bound / 2 {
                return;
            }
            let mut buffer = self.allocate(SMALLEST);
            buffer.begin(Rank::Info);
            self.give(buffer);
        }
    }

    fn allocate(&self, capacity: usize) -> Buffer {
        self.circulating.fetch_add(capacity, Ordering::Relaxed);
        Buffer::new(capacity)
    }

    fn free(&self, buffer: Buffer) {
        self.circulating.fetch_sub(buffer.capacity(), Ordering::Relaxed);
        drop(buffer);
    }

    /// Bytes of all buffers, wherever they are.
    #[cfg(test)]
    pub(crate) fn circulating(&self) -> usize {
        self.circulating.load(Ordering::Relaxed)
    }
}

/// The next usual size: powers of two to a page, then pages.
fn rounded(bytes: usize) -> usize {
    const PAGE: usize = 4_096;
    if bytes <= PAGE { bytes.next_power_of_two() } else { bytes.div_ceil(PAGE).saturating_mul(PAGE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_buffers_stay_within_the_bound() {
        let pool = Pool::new(16 * 1024, 1_000, 1_000);
        assert_eq!(pool.circulating(), 8 * 1024, "half is made ahead");
        let hands: Vec<_> = (0..200).map(|_| pool.take(Rank::Info)).collect();
        assert_eq!(pool.circulating(), 200 * SMALLEST);
        for buffer in hands {
            pool.give(buffer);
        }
        assert_eq!(pool.circulating(), 16 * 1024);
    }

    #[test]
    fn growing_makes_room_by_dropping_idle_ones() {
        let pool = Pool::new(4_096, 4_096, 100);
        for buffer in (0..32).map(|_| pool.take(Rank::Info)).collect::<Vec<_>>() {
            pool.give(buffer);
        }
        assert_eq!(pool.circulating(), 4_096);
        let mut buffer = pool.take(Rank::Error);
        pool.grow(&mut buffer, 3_000);
        assert_eq!(buffer.capacity(), 4_096);
        assert_eq!((buffer.rank(), pool.circulating()), (Rank::Error, 4_096));
    }

    #[test]
    fn a_record_in_pieces_doubles_and_ends_at_the_limit() {
        let pool = Pool::new(1 << 20, 1_000, 100);
        let mut buffer = pool.take(Rank::Info);
        for _ in 0..100 {
            pool.grow(&mut buffer, 10);
            buffer.push(b"0123456789");
        }
        assert_eq!((buffer.len(), buffer.capacity()), (1_000, 1_016));
        pool.grow(&mut buffer, MISSING);
        buffer.mark_cut(7);
        assert_eq!(buffer.record().1, 7);
    }

    #[test]
    fn huge_buffers_are_not_kept() {
        let pool = Pool::new(1 << 20, 1 << 20, 100);
        let before = pool.circulating();
        let mut buffer = pool.take(Rank::Info);
        pool.grow(&mut buffer, 64 * 1024);
        assert_eq!(buffer.capacity(), 68 * 1024);
        pool.give(buffer);
        assert_eq!(pool.circulating(), before - SMALLEST);
    }

    #[test]
    fn the_writer_thread_stocks_up() {
        let pool = Pool::new(1 << 20, 1_000, 10_000);
        let hands: Vec<_> = (0..2_048).map(|_| pool.take(Rank::Info)).collect();
        pool.stock();
        assert_eq!(pool.idle.len(), LOW_STOCK);
        drop(hands);
    }
}
