//! The hand-off: how a record travels from a caller to the writer thread, and what a caller does when there is no room.
//! It counts no losses and writes nothing; `wake` argues the order of steps that must not change.

use std::sync::Arc;
use std::time::Duration;

use tracing_spool_ring::{Limits, Refused, Ring};

use crate::draft::Draft;
use crate::ledger::Reason;
use crate::losses;
use crate::origin::{Origin, is_inside};
use crate::rank::Rank;
use crate::rings::Rings;
use crate::room::Room;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::wake::Wake;

/// What happens to a record that finds the queue full.
///
/// Where records are dropped, full is a matter of level: TRACE and DEBUG are admitted up to 80 % of the bound, INFO up to
/// 95 %, WARN up to 98 %, ERROR up to the bound itself. Where callers wait, all levels wait alike.
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

/// Why a record was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue is fuller than the record's level may make it.
    Full,
    /// The door is shut.
    Closed,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    pub(crate) max_record: usize,
    pub(crate) overflow: Overflow,
}

impl Bounds {
    /// The same for the ring. Levels matter only where records are dropped: one that waits behind a mark of its own would
    /// wait as long as the others keep the queue above it.
    pub(crate) fn limits(&self) -> Limits {
        let share = |rank: Rank| match self.overflow {
            Overflow::DropNewest => rank.mark_percent(),
            Overflow::BlockFor(_) | Overflow::Block => 100,
        };
        Limits { bytes: self.bytes, records: self.records, shares: Rank::ALL.map(share) }
    }
}

/// The sending side, shared by all callers, and what the writer thread gives back.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) rings: Rings,
    pub(crate) wake: Wake,
    pub(crate) room: Room,
    pub(crate) origin: Origin,
    bounds: Bounds,
    /// What is in the ring counts no more: the writer thread has left.
    is_left: AtomicBool,
    /// Records that wait behind the shut door.
    late: AtomicU64,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds, origin: Origin, ring: Arc<Ring>) -> Self {
        let max_record = bounds.max_record.min(ring.longest());
        Self {
            rings: Rings::new(ring),
            wake: Wake::new(),
            room: Room::default(),
            origin,
            bounds: Bounds { max_record, ..bounds },
            is_left: AtomicBool::new(false),
            late: AtomicU64::new(0),
        }
    }

    /// The longest record, in bytes.
    pub(crate) fn max_record(&self) -> usize {
        self.bounds.max_record
    }

    /// Whether a record of `rank` is worth copying: not if it would be dropped as things stand.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        match self.rings.current().foresee(rank.code()).map_err(Self::refusal) {
            Err(Refusal::Full) if self.bounds.overflow != Overflow::DropNewest => Ok(()),
            other => other,
        }
    }

    /// Hands a record over, or says why not. May wait, as the overflow policy says.
    pub(crate) fn offer(&self, draft: &Draft) -> Result<(), Refusal> {
        let attempt = || self.rings.offer(draft).map_err(Self::refusal);
        let admitted = match attempt() {
            Err(Refusal::Full) => self.wait_for_room(attempt),
            decided => decided,
        }?;
        let urgent = draft.rank == Rank::Error;
        if urgent {
            self.wake.press();
        }
        if admitted.found_parked || ((urgent || admitted.crossed) && self.wake.is_resting()) {
            self.rouse();
        }
        Ok(())
    }

    /// What a refusal of the ring means here.
    #[cold]
    fn refusal(refused: Refused) -> Refusal {
        match refused {
            Refused::Full => Refusal::Full,
            Refused::Closed | Refused::Forked => Refusal::Closed,
        }
    }

    fn rouse(&self) {
        if self.origin.is_forked() {
            // There is no thread here to wake; from now on this process sheds.
            self.shut();
        } else {
            self.wake.rouse();
        }
    }

    #[cold]
    fn wait_for_room<T>(&self, admit: impl Fn() -> Result<T, Refusal>) -> Result<T, Refusal> {
        let patience = match self.bounds.overflow {
            Overflow::DropNewest => return Err(Refusal::Full),
            Overflow::BlockFor(patience) => Some(patience),
            Overflow::Block => None,
        };
        // The writer thread and hooks would wait for themselves; a forked child for a thread that it does not have.
        if is_inside() || self.origin.is_forked() {
            return Err(Refusal::Full);
        }
        let attempt = || match admit() {
            Err(Refusal::Full) => {
                if self.wake.is_resting() {
                    self.wake.rouse();
                }
                None
            }
            decided => Some(decided),
        };
        self.room.wait(patience, attempt).unwrap_or(Err(Refusal::Full))
    }

    /// Shuts the door; those who wait for room stop waiting.
    pub(crate) fn close(&self) {
        self.shut();
        self.room.tell();
    }

    /// Shuts the door, and tells nobody.
    pub(crate) fn shut(&self) {
        self.rings.current().close();
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let is_left = self.is_left.load(Ordering::Acquire);
        let (records, bytes) = if is_left { (0, 0) } else { self.rings.fill() };
        Waiting { records: self.late.load(Ordering::Acquire) + records, bytes }
    }

    /// Whether half of the room is used.
    pub(crate) fn is_half_full(&self) -> bool {
        let waiting = self.waiting();
        waiting.bytes > self.rings.current().bytes_bound() / 2 || waiting.records > self.bounds.records / 2
    }

    /// One record waits behind the shut door: the one that a late writer could not finish.
    pub(crate) fn hold_late(&self) {
        self.late.fetch_add(1, Ordering::AcqRel);
    }

    /// That one is in the file, or given up.
    pub(crate) fn release_late(&self) {
        self.late.fetch_sub(1, Ordering::AcqRel);
    }

    /// Counts records that were dropped in the ring too, where the count outlives the process until it is stated.
    pub(crate) fn note_loss(&self, reason: Reason, rank: Rank, records: u64) {
        let ring = self.rings.current();
        if !ring.is_forked() {
            losses::counter(ring, reason, rank).fetch_add(records, Ordering::Relaxed);
        }
    }
}

/// The writer thread's share.
impl Queue {
    /// The place behind everything handed over so far.
    pub(crate) fn place(&self) -> u64 {
        self.rings.place()
    }

    /// Room was made: those who wait may try again, if there is enough. Not at every release: one word for a tenth of the
    /// queue lets callers run for a while, instead of one record. Returns what waits.
    pub(crate) fn was_released(&self) -> Waiting {
        let ring = self.rings.current();
        if self.room.is_wanted() && ring.is_low(&ring.fill()) {
            self.room.tell();
        }
        self.waiting()
    }

    /// Before it parks: whoever is let in after this finds it parked. Returns whether anything was let in before.
    pub(crate) fn park(&self) -> bool {
        self.rings.current().park().records() > 0 || self.rings.fill().0 > 0
    }

    /// After its park.
    pub(crate) fn unpark(&self) {
        self.rings.current().unpark();
    }

    /// As it leaves: shuts the door; what is in the ring counts no more. Returns what that was.
    pub(crate) fn leave(&self) -> Waiting {
        self.shut();
        let waiting = self.waiting();
        self.is_left.store(true, Ordering::Release);
        waiting
    }
}

#[cfg(test)]
mod tests {
    use tracing_spool_fileset::{Clock as _, SystemClock};

    use super::*;
    use crate::inbox::Inbox;
    use crate::wake::Rest;

    fn queue_of(bounds: Bounds, origin: Origin) -> (Queue, Inbox) {
        let (ring, reader) = Ring::in_memory(bounds.limits()).unwrap();
        (Queue::new(bounds, origin, ring), Inbox::new(reader))
    }

    fn queue(bytes: u64, records: u64, overflow: Overflow) -> (Queue, Inbox) {
        queue_of(Bounds { bytes, records, max_record: 1_000, overflow }, Origin::here())
    }

    fn offer(queue: &Queue, rank: Rank, text: &[u8]) -> Result<(), Refusal> {
        let mut draft = Draft::new(rank);
        draft.push(text, queue.max_record());
        queue.offer(&draft)
    }

    #[test]
    fn records_arrive_in_order_with_their_level() {
        let (queue, mut inbox) = queue(1 << 20, 10, Overflow::DropNewest);
        offer(&queue, Rank::Info, b"a").unwrap();
        offer(&queue, Rank::Error, b"b").unwrap();
        let a = inbox.take().unwrap();
        assert_eq!((a.record, a.rank, a.missing, a.charge), (&b"a"[..], Rank::Info, 0, 64));
        assert_eq!(queue.waiting().records, 2, "they count until written");
        let b = inbox.take().unwrap();
        assert_eq!((b.record, b.rank), (&b"b"[..], Rank::Error));
        inbox.release(2, 128);
        assert_eq!(queue.was_released(), Waiting::default());
        assert_eq!(inbox.take(), None);
    }

    #[test]
    fn levels_are_kept_apart_where_records_are_dropped_and_nowhere_else() {
        let admitted = |overflow, rank| {
            let (queue, _inbox) = queue(1 << 20, 100, overflow);
            // As the writer thread: it never waits.
            let _inside = crate::origin::Inside::enter();
            (0..200).filter(|_| offer(&queue, rank, b"x").is_ok()).count()
        };
        assert_eq!(Rank::ALL.map(|rank| admitted(Overflow::DropNewest, rank)), [80, 80, 95, 98, 100]);
        for waiting in [Overflow::Block, Overflow::BlockFor(Duration::from_secs(1))] {
            assert_eq!(Rank::ALL.map(|rank| admitted(waiting, rank)), [100; 5]);
        }
    }

    #[test]
    fn museum_t9_room_is_left_for_errors() {
        let (queue, _inbox) = queue(1 << 20, 100, Overflow::DropNewest);
        while offer(&queue, Rank::Debug, b"x").is_ok() {}
        assert_eq!(queue.waiting().records, 80);
        assert_eq!(queue.foresee(Rank::Debug), Err(Refusal::Full));
        assert!(offer(&queue, Rank::Error, b"x").is_ok());
        assert!(offer(&queue, Rank::Info, b"x").is_ok());
    }

    #[test]
    fn half_full_is_a_matter_of_bytes_or_of_records() {
        let (queue, _inbox) = queue(1 << 20, 100, Overflow::DropNewest);
        (0..50).for_each(|_| offer(&queue, Rank::Error, b"x").unwrap());
        assert!(!queue.is_half_full());
        offer(&queue, Rank::Error, b"x").unwrap();
        assert!(queue.is_half_full());
        let (queue, _inbox) = self::queue(2_048, 100, Overflow::DropNewest);
        (0..2).for_each(|_| offer(&queue, Rank::Error, &[b'x'; 512]).unwrap());
        assert!(!queue.is_half_full());
        offer(&queue, Rank::Error, b"x").unwrap();
        assert!(queue.is_half_full());
    }

    #[test]
    fn what_waits_behind_the_shut_door_is_counted_until_it_is_done() {
        let (queue, _inbox) = queue(1 << 20, 100, Overflow::DropNewest);
        offer(&queue, Rank::Info, b"x").unwrap();
        assert_eq!(queue.leave().records, 1);
        assert_eq!(queue.waiting().records, 0);
        queue.hold_late();
        assert_eq!(queue.waiting().records, 1);
        queue.release_late();
        assert_eq!((queue.waiting().records, offer(&queue, Rank::Info, b"x")), (0, Err(Refusal::Closed)));
    }

    /// Whether a writer thread that means to nap looks for a reason to stay: not if something urgent came.
    fn would_nap(queue: &Queue) -> bool {
        let mut looks = false;
        let look = |_| {
            looks = true;
            true
        };
        queue.wake.rest(Rest::Nap(Duration::from_secs(3_600)), look);
        looks
    }

    #[test]
    fn an_error_alone_waits_for_no_nap() {
        let (queue, _inbox) = queue(1 << 20, 100, Overflow::DropNewest);
        for rank in [Rank::Trace, Rank::Debug, Rank::Info, Rank::Warn] {
            offer(&queue, rank, b"later").unwrap();
        }
        assert!(would_nap(&queue));
        offer(&queue, Rank::Error, b"now").unwrap();
        assert!(!would_nap(&queue));
        queue.wake.hear();
        assert!(would_nap(&queue), "it was heard");
    }

    #[test]
    fn a_writer_thread_that_parked_is_woken_by_any_record() {
        let patience = Duration::from_secs(60);
        let (queue, _inbox) = queue(1 << 20, 100, Overflow::DropNewest);
        let (parked, rested) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                queue.wake.belongs_to(std::thread::current());
                let begun = SystemClock::new();
                queue.wake.rest(Rest::Park(Some(patience)), |_| {
                    let stays = queue.park();
                    parked.store(true, Ordering::SeqCst);
                    stays
                });
                queue.unpark();
                rested.store(begun.now().mono.since_start() < patience / 2, Ordering::SeqCst);
            });
            while !parked.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            offer(&queue, Rank::Trace, b"the first after a silence").unwrap();
        });
        assert!(rested.load(Ordering::SeqCst), "it slept on");
    }

    #[test]
    fn museum_t10_the_byte_bound_holds() {
        let bounds =
            Bounds { bytes: 1 << 20, records: 100_000, max_record: 1 << 20, overflow: Overflow::DropNewest };
        let (queue, mut inbox) = queue_of(bounds, Origin::here());
        let text = vec![b'x'; 64 * 1024];
        let mut refused = 0;
        for _ in 0..100 {
            refused += usize::from(offer(&queue, Rank::Error, &text).is_err());
            assert!(queue.waiting().bytes <= 1 << 20);
        }
        let taken = std::iter::from_fn(|| inbox.take().map(|arrival| arrival.record.len())).count();
        assert_eq!((taken, refused), (15, 85));
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let (queue, mut inbox) = queue(1 << 20, 10, Overflow::DropNewest);
        let mut draft = Draft::new(Rank::Info);
        draft.push(&[b'x'; 600], queue.max_record());
        draft.push(&[b'y'; 600], queue.max_record());
        draft.push(b"z", queue.max_record());
        queue.offer(&draft).unwrap();
        offer(&queue, Rank::Info, b"next").unwrap();
        let first = inbox.take().unwrap();
        assert_eq!((first.record.len(), first.missing, first.charge), (1_000, 201, 1_024));
        assert!(first.record.ends_with(b"yyy"));
        assert_eq!(inbox.take().unwrap().record, b"next");
    }

    #[test]
    fn long_records_keep_their_place() {
        let bounds =
            Bounds { bytes: 1 << 20, records: 100, max_record: 40_000, overflow: Overflow::DropNewest };
        let (queue, mut inbox) = queue_of(bounds, Origin::here());
        offer(&queue, Rank::Info, b"before").unwrap();
        for len in [30_000, 50_000] {
            offer(&queue, Rank::Warn, &vec![b'l'; len]).unwrap();
        }
        offer(&queue, Rank::Info, b"after").unwrap();
        let lens = std::iter::from_fn(|| inbox.take().map(|it| (it.record.len(), it.missing, it.charge)));
        let expected = [(6, 0, 64), (30_000, 0, 30_016), (40_000, 10_000, 40_064), (5, 0, 64)];
        assert_eq!(lens.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lap_after_lap_keeps_all_and_the_order_of_each_thread() {
        const THREADS: usize = 4;
        const RECORDS: usize = if cfg!(miri) { 100 } else { 5_000 };
        let (queue, mut inbox) = queue(64 * 1024, 1_000, Overflow::Block);
        let mut next = [0; THREADS];
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let queue = &queue;
                scope.spawn(move || {
                    for number in 0..RECORDS {
                        let record = format!("{thread} {number} {}", "x".repeat(number * 7 % 900));
                        offer(queue, Rank::Info, record.as_bytes()).unwrap();
                    }
                });
            }
            while next != [RECORDS; THREADS] {
                let before = inbox.place();
                let Some(arrival) = inbox.take() else { continue };
                let text = std::str::from_utf8(arrival.record).unwrap();
                let mut words = text.split(' ');
                let thread: usize = words.next().unwrap().parse().unwrap();
                let number: usize = words.next().unwrap().parse().unwrap();
                assert_eq!((number, words.next().unwrap().len()), (next[thread], number * 7 % 900));
                next[thread] += 1;
                let charge = arrival.charge;
                assert!(inbox.place() > before);
                inbox.release(1, charge);
                queue.was_released();
            }
        });
        assert!(inbox.is_empty());
        assert_eq!(inbox.place(), queue.place());
    }

    #[test]
    fn who_waits_is_let_in_when_there_is_room() {
        let (queue, mut inbox) = queue(1 << 20, 2, Overflow::Block);
        offer(&queue, Rank::Error, b"1").unwrap();
        offer(&queue, Rank::Error, b"2").unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| offer(&queue, Rank::Error, b"3"));
            let charge = inbox.take().unwrap().charge;
            inbox.release(1, charge);
            queue.was_released();
            assert_eq!(waiter.join().unwrap(), Ok(()));
        });
        assert_eq!(std::iter::from_fn(|| inbox.take().map(drop)).count(), 2);
    }

    #[test]
    fn waiting_ends_with_patience_with_the_door_and_never_begins_inside() {
        let (queue, _inbox) = queue(1 << 20, 1, Overflow::BlockFor(Duration::from_millis(2)));
        offer(&queue, Rank::Error, b"1").unwrap();
        assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
        {
            let _inside = crate::origin::Inside::enter();
            assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
        }
        let (queue, _inbox) = self::queue(1 << 20, 1, Overflow::Block);
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
        let (queue, _inbox) = queue_of(bounds, Origin::elsewhere());
        offer(&queue, Rank::Error, b"1").unwrap();
        assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
    }

    #[test]
    fn a_writer_thread_that_left_has_counted_the_record() {
        let (queue, inbox) = queue(1 << 20, 10, Overflow::DropNewest);
        drop(inbox);
        assert_eq!(offer(&queue, Rank::Info, b"x"), Ok(()));
    }
}
