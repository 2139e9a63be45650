//! The hand-off: how a record travels from a caller to the writer thread, and what a caller does when it is full.
//! It counts no losses and writes nothing; `wake` argues the order of steps that must not change.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::admission::{Admission, Fill, Refusal, Step};
use crate::buffer::{Buffer, MISSING};
use crate::origin::{Origin, is_inside};
use crate::pool::Pool;
use crate::rank::Rank;
use crate::room::Room;
use crate::wake::Wake;

/// What happens to a record that finds the queue full.
///
/// Full is a matter of level: TRACE and DEBUG are admitted up to 80 % of the bound, INFO up to 95 %, WARN up to
/// 98 %, ERROR up to the bound itself.
///
/// ```
/// use std::time::Duration;
/// use tracing_spool::Overflow;
/// let policy = Overflow::BlockFor(Duration::from_millis(20));
/// assert_ne!(policy, Overflow::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It is dropped and counted; the caller never waits.
    #[default]
    DropNewest,
    /// The caller waits for room, at most this long; then the record is dropped and counted.
    BlockFor(Duration),
    /// The caller waits for room, as long as it takes. Nothing is lost while the spool is open; a disk that stays
    /// full stops the application.
    Block,
}

/// The sending side, shared by all callers, and what the writer thread gives back.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) admission: Admission,
    pub(crate) pool: Pool,
    pub(crate) wake: Wake,
    pub(crate) room: Room,
    pub(crate) origin: Origin,
    sender: Sender<Buffer>,
    overflow: Overflow,
    max_record: usize,
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    pub(crate) max_record: usize,
    pub(crate) overflow: Overflow,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds, origin: Origin) -> (Self, Receiver<Buffer>) {
        let records = usize::try_from(bounds.records).unwrap_or(usize::MAX);
        let (sender, receiver) = bounded(records);
        let queue = Self {
            admission: Admission::new(bounds.bytes, bounds.records),
            pool: Pool::new(usize::try_from(bounds.bytes).unwrap_or(usize::MAX), bounds.max_record, records),
            wake: Wake::new(),
            room: Room::default(),
            origin,
            sender,
            overflow: bounds.overflow,
            max_record: bounds.max_record,
        };
        (queue, receiver)
    }

    /// Whether a record of `rank` is worth copying: not if it would be dropped as things stand.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        match self.admission.foresee(rank) {
            Err(Refusal::Full) if self.overflow != Overflow::DropNewest => Ok(()),
            other => other,
        }
    }

    /// Appends a piece to a record in the making. What goes beyond the longest record is counted in `missing`.
    pub(crate) fn fill(&self, buffer: &mut Buffer, missing: &mut usize, piece: &[u8]) {
        let kept = piece.len().min(self.max_record - buffer.len().min(self.max_record));
        if kept > 0 && *missing == 0 {
            self.pool.grow(buffer, kept);
            buffer.push(&piece[..kept]);
            *missing = piece.len() - kept;
        } else {
            *missing = missing.saturating_add(piece.len());
        }
    }

    /// Hands a record over, or says why not. May wait, as the overflow policy says.
    pub(crate) fn offer(&self, mut buffer: Buffer, missing: usize) -> Result<(), (Refusal, Buffer)> {
        if missing > 0 {
            self.pool.grow(&mut buffer, MISSING);
            buffer.mark_cut(missing);
        }
        let (rank, charge) = (buffer.rank(), self.charge(&buffer));
        let step = match self.admission.admit(rank, charge) {
            Err(Refusal::Full) => self.wait_for_room(rank, charge),
            decided => decided,
        };
        match step {
            Ok(step) => self.send(buffer, rank, step),
            Err(refusal) => Err((refusal, buffer)),
        }
    }

    /// What a buffer counts for.
    pub(crate) fn charge(&self, buffer: &Buffer) -> u64 {
        buffer.charge(self.admission.bytes_bound())
    }

    /// For the writer thread: these are in the file, or given up.
    pub(crate) fn release(&self, records: u64, bytes: u64) -> Fill {
        let fill = self.admission.release(records, bytes);
        // Not at every release: one word for a fifth of the queue lets callers run for a while, instead of one record.
        if self.room.is_wanted() && self.admission.is_low(fill) {
            self.room.tell();
        }
        fill
    }

    /// Shuts the door; those who wait for room stop waiting.
    pub(crate) fn close(&self) {
        self.admission.close();
        self.room.tell();
    }

    fn send(&self, buffer: Buffer, rank: Rank, step: Step) -> Result<(), (Refusal, Buffer)> {
        match self.sender.try_send(buffer) {
            Ok(()) => {}
            // The writer thread left between our admission and here: it has counted us among those left.
            Err(TrySendError::Disconnected(_)) => return Ok(()),
            // Cannot be: the word bounds the records to what the channel holds. Were it so, it would be a full queue.
            Err(TrySendError::Full(buffer)) => {
                self.admission.release(1, self.charge(&buffer));
                return Err((Refusal::Full, buffer));
            }
        }
        let urgent = rank == Rank::Error;
        if urgent {
            self.wake.press();
        }
        if self.wake.is_wanted(|| urgent || self.admission.crossed(step)) {
            self.rouse();
        }
        Ok(())
    }

    fn rouse(&self) {
        if self.origin.is_forked() {
            // There is no thread here to wake; from now on this process sheds.
            self.admission.close();
        } else {
            self.wake.rouse();
        }
    }

    #[cold]
    fn wait_for_room(&self, rank: Rank, charge: u64) -> Result<Step, Refusal> {
        let patience = match self.overflow {
            Overflow::DropNewest => return Err(Refusal::Full),
            Overflow::BlockFor(patience) => Some(patience),
            Overflow::Block => None,
        };
        // The writer thread and hooks would wait for themselves; a forked child for a thread that it does not have.
        if is_inside() || self.origin.is_forked() {
            return Err(Refusal::Full);
        }
        let attempt = || match self.admission.admit(rank, charge) {
            Err(Refusal::Full) => {
                if self.wake.is_wanted(|| true) {
                    self.wake.rouse();
                }
                None
            }
            decided => Some(decided),
        };
        self.room.wait(patience, attempt).unwrap_or(Err(Refusal::Full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(bytes: u64, records: u64, overflow: Overflow) -> (Queue, Receiver<Buffer>) {
        Queue::new(Bounds { bytes, records, max_record: 1_000, overflow }, Origin::here())
    }

    fn offer(queue: &Queue, rank: Rank, text: &[u8]) -> Result<(), Refusal> {
        let (mut buffer, mut missing) = (queue.pool.take(rank), 0);
        queue.fill(&mut buffer, &mut missing, text);
        queue.offer(buffer, missing).map_err(|(refusal, _)| refusal)
    }

    #[test]
    fn records_arrive_in_order_with_their_level() {
        let (queue, records) = queue(1 << 20, 10, Overflow::DropNewest);
        offer(&queue, Rank::Info, b"a").unwrap();
        offer(&queue, Rank::Error, b"b").unwrap();
        let (a, b) = (records.recv().unwrap(), records.recv().unwrap());
        assert_eq!((a.record().0, a.rank()), (&b"a"[..], Rank::Info));
        assert_eq!((b.record().0, b.rank()), (&b"b"[..], Rank::Error));
        assert_eq!(queue.admission.fill().records(), 2, "they count until written");
        queue.release(2, queue.charge(&a) + queue.charge(&b));
        assert_eq!((queue.admission.fill().records(), queue.admission.fill().bytes()), (0, 0));
    }

    #[test]
    fn museum_t10_the_byte_bound_holds() {
        let (queue, records) = Queue::new(
            Bounds { bytes: 1 << 20, records: 100_000, max_record: 1 << 20, overflow: Overflow::DropNewest },
            Origin::here(),
        );
        let text = vec![b'x'; 64 * 1024];
        let mut refused = 0;
        for _ in 0..100 {
            refused += usize::from(offer(&queue, Rank::Error, &text).is_err());
            assert!(queue.admission.fill().bytes() <= 1 << 20);
        }
        assert_eq!((records.len(), refused), (15, 85));
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let (queue, records) = queue(1 << 20, 10, Overflow::DropNewest);
        let (mut buffer, mut missing) = (queue.pool.take(Rank::Info), 0);
        queue.fill(&mut buffer, &mut missing, &[b'x'; 600]);
        queue.fill(&mut buffer, &mut missing, &[b'y'; 600]);
        queue.fill(&mut buffer, &mut missing, b"z");
        queue.offer(buffer, missing).unwrap();
        let buffer = records.recv().unwrap();
        let (record, missing) = buffer.record();
        assert_eq!((record.len(), missing), (1_000, 201));
        assert!(record.ends_with(b"yyy"));
    }

    #[test]
    fn who_waits_is_let_in_when_there_is_room() {
        let (queue, records) = queue(1 << 20, 2, Overflow::Block);
        offer(&queue, Rank::Error, b"1").unwrap();
        offer(&queue, Rank::Error, b"2").unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| offer(&queue, Rank::Error, b"3"));
            let first = records.recv().unwrap();
            queue.release(1, queue.charge(&first));
            assert_eq!(waiter.join().unwrap(), Ok(()));
        });
        assert_eq!(records.len(), 2);
    }

    #[test]
    fn waiting_ends_with_patience_with_the_door_and_never_begins_inside() {
        let (queue, _records) = queue(1 << 20, 1, Overflow::BlockFor(Duration::from_millis(2)));
        offer(&queue, Rank::Error, b"1").unwrap();
        assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
        {
            let _inside = crate::origin::Inside::enter();
            assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
        }
        let (queue, _records) = self::queue(1 << 20, 1, Overflow::Block);
        offer(&queue, Rank::Error, b"1").unwrap();
        {
            let _inside = crate::origin::Inside::enter();
            assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full), "a deadlock otherwise");
        }
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| offer(&queue, Rank::Error, b"2"));
            queue.close();
            assert_eq!(waiter.join().unwrap(), Err(Refusal::Closed));
        });
    }

    #[test]
    fn a_forked_child_never_waits() {
        let bounds = Bounds { bytes: 1 << 20, records: 1, max_record: 1_000, overflow: Overflow::Block };
        let (queue, _records) = Queue::new(bounds, Origin::elsewhere());
        offer(&queue, Rank::Error, b"1").unwrap();
        assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
    }

    #[test]
    fn a_writer_thread_that_left_has_counted_the_record() {
        let (queue, records) = queue(1 << 20, 10, Overflow::DropNewest);
        drop(records);
        assert_eq!(offer(&queue, Rank::Info, b"x"), Ok(()));
    }
}
