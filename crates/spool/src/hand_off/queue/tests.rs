//! Tests the queue without a writer thread, or with one that belongs to the test.

use std::time::Duration;

use tracing_spool_fileset::{Clock as _, SystemClock};

use super::*;
use crate::hand_off::inbox::Inbox;
use crate::hand_off::wake::Rest;

fn queue_of(bounds: Bounds) -> (Queue, Inbox) {
    let (ring, reader) = Ring::in_memory(bounds.limits()).unwrap();
    (Queue::new(bounds, ring), Inbox::new(reader))
}

fn queue(bytes: u64, records: u64, overflow: Overflow) -> (Queue, Inbox) {
    queue_of(Bounds { bytes, records, max_record: 1_000, overflow, is_flat: false })
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
        let _inside = crate::platform::inside::Inside::enter();
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
    let bounds = Bounds {
        bytes: 1 << 20,
        records: 100_000,
        max_record: 1 << 20,
        overflow: Overflow::DropNewest,
        is_flat: false,
    };
    let (queue, mut inbox) = queue_of(bounds);
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
    let bounds = Bounds {
        bytes: 1 << 20,
        records: 100,
        max_record: 40_000,
        overflow: Overflow::DropNewest,
        is_flat: false,
    };
    let (queue, mut inbox) = queue_of(bounds);
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
        let _inside = crate::platform::inside::Inside::enter();
        assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
    }
    let (queue, _inbox) = self::queue(1 << 20, 1, Overflow::Block);
    offer(&queue, Rank::Error, b"1").unwrap();
    {
        let _inside = crate::platform::inside::Inside::enter();
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
    let bounds =
        Bounds { bytes: 1 << 20, records: 1, max_record: 1_000, overflow: Overflow::Block, is_flat: false };
    let (mut queue, _inbox) = queue_of(bounds);
    queue.process = Process::ELSEWHERE;
    offer(&queue, Rank::Error, b"1").unwrap();
    assert_eq!(offer(&queue, Rank::Error, b"2"), Err(Refusal::Full));
}

#[test]
fn a_writer_thread_that_left_has_counted_the_record() {
    let (queue, inbox) = queue(1 << 20, 10, Overflow::DropNewest);
    drop(inbox);
    assert_eq!(offer(&queue, Rank::Info, b"x"), Ok(()));
}

/// Nothing is offered, so that the look alone meets a ring that was closed for the next one.
#[test]
fn a_look_never_takes_a_ring_that_was_replaced_for_the_end() {
    for _ in 0..50 {
        let (queue, _inbox) = queue(1 << 12, 10, Overflow::DropNewest);
        let rings: Vec<_> = (0..60).map(|_| Ring::in_memory(queue.bounds.limits()).unwrap().0).collect();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    queue.foresee(Rank::Info)?;
                }
                Ok::<_, Refusal>(())
            });
            for ring in rings {
                assert!(queue.rings.renew(ring).is_some());
                std::thread::yield_now();
            }
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(caller.join().unwrap(), Ok(()));
        });
    }
}
