//! The hand-off: how a record travels from a caller to the writer thread, and what a caller does when it is full.
//! It counts no losses and writes nothing; `wake` argues the order of steps that must not change.

mod ring;

pub(crate) use self::ring::Waiting;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded, unbounded};
use tracing_spool_ring::Ring;

use crate::admission::{Admission, Fill, Refusal};
use crate::draft::Draft;
use crate::inbox::Inbox;
use crate::origin::{Origin, is_inside};
use crate::page::{GRANULE, Page, Tag, room_of};
use crate::place::Cursor;
use crate::rank::Rank;
use crate::room::Room;
use crate::shelf::Shelf;
use crate::sync::{AtomicBool, Ordering};
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

/// How records get from callers to the writer thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandOff {
    /// In pages that callers fill side by side: memory grows with what waits.
    #[default]
    Pages,
    /// In a ring: memory is the next power of two above `queue_bytes`, and an eighth more, from the start. For comparison;
    /// see [`SpoolBuilder::durable`](crate::SpoolBuilder::durable) for a ring that outlives the process.
    Ring,
}

/// A page that callers fill from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handed {
    /// Its beginning.
    pub(crate) cursor: Cursor,
}

/// A record that is too long for a page.
#[derive(Debug)]
pub(crate) struct Long {
    /// Where its tag stands.
    pub(crate) at: Cursor,
    pub(crate) record: Vec<u8>,
    pub(crate) missing: usize,
}

/// The sending side, shared by all callers, and what the writer thread gives back.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) admission: Admission,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) wake: Wake,
    pub(crate) room: Room,
    pub(crate) origin: Origin,
    /// Where records go, if not by pages.
    ring: Option<Arc<Ring>>,
    /// What is in the ring counts no more: the writer thread has left.
    ring_is_left: AtomicBool,
    pages: Sender<Handed>,
    long: Sender<Long>,
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

/// Granules of a page that belong to one caller, until it has stored their tag.
struct Spot<'a> {
    page: &'a Page,
    at: Cursor,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds, origin: Origin) -> (Self, Inbox) {
        let admission = Admission::new(bounds.bytes, bounds.records);
        let shelf = Arc::new(Shelf::new(usize::try_from(admission.bytes_bound()).unwrap_or(usize::MAX)));
        // A channel that holds every page is never full. Long records are bounded by their bytes.
        let ((pages, handed), (long, longs)) = (bounded(shelf.most()), unbounded());
        let first = Cursor::first(shelf.take().unwrap_or_default());
        let _ = pages.try_send(Handed { cursor: first });
        let inbox = Inbox::new(Arc::clone(&shelf), handed, longs, admission.bytes_bound());
        admission.cursor().store(first.0, Ordering::Release);
        let queue = Self {
            admission,
            shelf,
            wake: Wake::new(),
            room: Room::default(),
            origin,
            ring: None,
            ring_is_left: AtomicBool::new(false),
            pages,
            long,
            overflow: bounds.overflow,
            max_record: bounds.max_record,
        };
        (queue, inbox)
    }

    /// The longest record, in bytes.
    pub(crate) fn max_record(&self) -> usize {
        self.max_record
    }

    /// Where the next record goes, now.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor(self.admission.cursor().load(Ordering::Acquire))
    }

    /// Whether a record of `rank` is worth copying: not if it would be dropped as things stand.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        let foreseen = match &self.ring {
            Some(ring) => ring.foresee(rank.code()).map_err(|refused| self.refusal(refused)),
            None => self.admission.foresee(rank),
        };
        match foreseen {
            Err(Refusal::Full) if self.overflow != Overflow::DropNewest => Ok(()),
            other => other,
        }
    }

    /// Hands a record over, or says why not and leaves it as it was. May wait, as the overflow policy says.
    pub(crate) fn offer(&self, draft: &mut Draft) -> Result<(), Refusal> {
        if let Some(ring) = &self.ring {
            return self.offer_to_ring(ring, draft);
        }
        let (rank, len) = (draft.rank, draft.bytes.len());
        let is_long = len > self.shelf.longest();
        let room = if is_long { 1 } else { room_of(len, draft.missing) };
        let beside = if is_long { len } else { 0 };
        let charge = ((room * GRANULE + beside) as u64).min(self.admission.bytes_bound());
        let step = match self.admission.admit(rank, charge) {
            Err(Refusal::Full) => self.wait_for_room(|| self.admission.admit(rank, charge)),
            decided => decided,
        }?;
        // From here to the tag the writer thread may wait for this caller: nothing in between waits for anybody.
        let Some(spot) = self.reserve(room) else {
            // Cannot be: the word bounds what waits to what the pages hold. Were it so, it would be a full queue.
            self.admission.release(1, charge);
            return Err(Refusal::Full);
        };
        if is_long {
            let (record, missing) = (std::mem::take(&mut draft.bytes), draft.missing);
            // Before the tag, so that whoever sees the tag finds it. Without a writer thread nobody looks.
            let _ = self.long.send(Long { at: spot.at, record, missing });
            spot.page.tag(spot.at.offset(), Tag::Long { rank });
        } else {
            spot.page.put(spot.at.offset(), rank, &draft.bytes, draft.missing);
        }
        let urgent = rank == Rank::Error;
        if urgent {
            self.wake.press();
        }
        let worth_a_nap = urgent || self.admission.crossed(step);
        if step.found_parked() || (worth_a_nap && self.wake.is_resting()) {
            self.rouse();
        }
        Ok(())
    }

    /// Takes `room` granules, in the page being filled or, where they do not fit, in a new one.
    fn reserve(&self, room: usize) -> Option<Spot<'_>> {
        let mut cursor = self.cursor();
        loop {
            if cursor.offset() + room > self.shelf.granules() {
                match self.turn_page(cursor, room)? {
                    Ok(spot) => return Some(spot),
                    Err(now) => cursor = now,
                }
            } else {
                match self.move_cursor(cursor, cursor.behind(room)) {
                    // Only now: it may have been another use of the page when the cursor was read first.
                    Ok(()) => return Some(Spot { page: self.shelf.page(cursor.page())?, at: cursor }),
                    Err(now) => cursor = now,
                }
            }
        }
    }

    /// Leaves the page of `cursor` for a new one and takes `room` granules in it, unless another caller was faster.
    #[cold]
    fn turn_page(&self, cursor: Cursor, room: usize) -> Option<Result<Spot<'_>, Cursor>> {
        let Some(id) = self.shelf.take() else {
            let now = self.cursor();
            return (now != cursor).then_some(Err(now)); // all pages in other hands, one of which was faster
        };
        let next = cursor.in_next(id);
        if let Err(now) = self.move_cursor(cursor, next.behind(room)) {
            self.shelf.give(id);
            return Some(Err(now));
        }
        // The old page cannot be used anew before its end is marked. Senders may overtake each other; `inbox` sorts.
        let _ = self.pages.try_send(Handed { cursor: next });
        self.shelf.page(cursor.page())?.tag(cursor.offset(), Tag::End);
        Some(Ok(Spot { page: self.shelf.page(id)?, at: next }))
    }

    fn move_cursor(&self, from: Cursor, to: Cursor) -> Result<(), Cursor> {
        self.admission
            .cursor()
            .compare_exchange_weak(from.0, to.0, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(Cursor)
    }

    /// For the writer thread: these are in the file, or given up.
    pub(crate) fn release(&self, records: u64, bytes: u64) -> Fill {
        let fill = self.admission.release(records, bytes);
        // Not at every release: one word for a tenth of the queue lets callers run for a while, instead of one record.
        if self.room.is_wanted() && self.admission.is_low(fill) {
            self.room.tell();
        }
        fill
    }

    /// Shuts the door; those who wait for room stop waiting.
    pub(crate) fn close(&self) {
        self.shut();
        self.room.tell();
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
    fn wait_for_room<T>(&self, mut admit: impl FnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
        let patience = match self.overflow {
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
}

#[cfg(test)]
mod tests {
    use tracing_spool_fileset::{Clock as _, SystemClock};

    use super::*;
    use crate::wake::Rest;

    fn queue(bytes: u64, records: u64, overflow: Overflow) -> (Queue, Inbox) {
        Queue::new(Bounds { bytes, records, max_record: 1_000, overflow }, Origin::here())
    }

    fn offer(queue: &Queue, rank: Rank, text: &[u8]) -> Result<(), Refusal> {
        let mut draft = Draft::new(rank);
        draft.push(text, queue.max_record());
        queue.offer(&mut draft)
    }

    #[test]
    fn records_arrive_in_order_with_their_level() {
        let (queue, mut inbox) = queue(1 << 20, 10, Overflow::DropNewest);
        offer(&queue, Rank::Info, b"a").unwrap();
        offer(&queue, Rank::Error, b"b").unwrap();
        let a = inbox.take().unwrap();
        assert_eq!((a.record, a.rank, a.missing, a.charge), (&b"a"[..], Rank::Info, 0, 64));
        assert_eq!(queue.admission.fill().records(), 2, "they count until written");
        let b = inbox.take().unwrap();
        assert_eq!((b.record, b.rank), (&b"b"[..], Rank::Error));
        queue.release(2, 128);
        assert_eq!((queue.admission.fill().records(), queue.admission.fill().bytes()), (0, 0));
        assert_eq!(inbox.take(), None);
    }

    /// One of each kind, with the same bounds.
    fn by_pages_and_by_ring() -> [Queue; 2] {
        let bounds =
            Bounds { bytes: 1 << 20, records: 100, max_record: 1_000, overflow: Overflow::DropNewest };
        let limits = tracing_spool_ring::Limits { bytes: 1 << 20, records: 100, shares: [100; 5] };
        let (ring, _reader) = Ring::in_memory(limits).unwrap();
        [Queue::new(bounds, Origin::here()).0, Queue::of_ring(bounds, Origin::here(), ring)]
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
        for queue in by_pages_and_by_ring() {
            for rank in [Rank::Trace, Rank::Debug, Rank::Info, Rank::Warn] {
                offer(&queue, rank, b"later").unwrap();
            }
            assert!(would_nap(&queue));
            offer(&queue, Rank::Error, b"now").unwrap();
            assert!(!would_nap(&queue));
            queue.wake.hear();
            assert!(would_nap(&queue), "it was heard");
        }
    }

    #[test]
    fn a_writer_thread_that_parked_is_woken_by_any_record() {
        let patience = Duration::from_secs(60);
        for queue in by_pages_and_by_ring() {
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
    }

    #[test]
    fn a_queue_by_a_ring_has_hardly_any_pages() {
        let [by_pages, by_ring] = by_pages_and_by_ring();
        assert!(by_ring.admission.bytes_bound() < by_pages.admission.bytes_bound() / 10);
    }

    #[test]
    fn museum_t10_the_byte_bound_holds() {
        let (queue, mut inbox) = Queue::new(
            Bounds { bytes: 1 << 20, records: 100_000, max_record: 1 << 20, overflow: Overflow::DropNewest },
            Origin::here(),
        );
        let text = vec![b'x'; 64 * 1024];
        let mut refused = 0;
        for _ in 0..100 {
            refused += usize::from(offer(&queue, Rank::Error, &text).is_err());
            assert!(queue.admission.fill().bytes() <= 1 << 20);
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
        queue.offer(&mut draft).unwrap();
        offer(&queue, Rank::Info, b"next").unwrap();
        let first = inbox.take().unwrap();
        assert_eq!((first.record.len(), first.missing, first.charge), (1_000, 201, 1_024));
        assert!(first.record.ends_with(b"yyy"));
        assert_eq!(inbox.take().unwrap().record, b"next");
    }

    #[test]
    fn records_too_long_for_a_page_keep_their_place() {
        let bounds =
            Bounds { bytes: 1 << 20, records: 100, max_record: 40_000, overflow: Overflow::DropNewest };
        let (queue, mut inbox) = Queue::new(bounds, Origin::here());
        offer(&queue, Rank::Info, b"before").unwrap();
        for len in [30_000, 50_000] {
            offer(&queue, Rank::Warn, &vec![b'l'; len]).unwrap();
        }
        offer(&queue, Rank::Info, b"after").unwrap();
        let lens = std::iter::from_fn(|| inbox.take().map(|it| (it.record.len(), it.missing, it.charge)));
        let expected = [(6, 0, 64), (30_000, 0, 30_064), (40_000, 10_000, 40_064), (5, 0, 64)];
        assert_eq!(lens.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn many_pages_keep_all_and_the_order_of_each_thread() {
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
                queue.release(1, charge);
            }
        });
        assert!(inbox.is_empty());
        assert_eq!(inbox.place(), inbox.place_of(queue.cursor()));
    }

    #[test]
    fn who_waits_is_let_in_when_there_is_room() {
        let (queue, mut inbox) = queue(1 << 20, 2, Overflow::Block);
        offer(&queue, Rank::Error, b"1").unwrap();
        offer(&queue, Rank::Error, b"2").unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| offer(&queue, Rank::Error, b"3"));
            let charge = inbox.take().unwrap().charge;
            queue.release(1, charge);
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
        let (queue, _inbox) = Queue::new(bounds, Origin::elsewhere());
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
