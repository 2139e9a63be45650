//! Proves the ring in every order of steps and of memory that the language allows, up to a bound: two producers and the
//! consumer on a ring of four granules that wraps, fills and closes. A granule that two threads reach at once fails.

use std::sync::Arc;

use loom::model::Builder;
use loom::thread;
use tracing_spool_ring_loom::{Limits, Reader, Refused, Ring, Take};

const LIMITS: Limits = Limits { bytes: 4 * 64, records: 100, shares: [50, 50, 75, 75, 100] };

fn in_every_order(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    // Switches that no thread asked for, in one run: more find nothing new in small models, and take long.
    builder.preemption_bound = Some(2);
    builder.check(test);
}

fn ring() -> (Arc<Ring>, Reader) {
    Ring::in_memory(LIMITS).unwrap()
}

/// Takes one record and gives it back: its bytes.
fn take(reader: &mut Reader) -> Option<Vec<u8>> {
    let mut space = [0; 256];
    let Take::Record(taken) = reader.take(&mut space) else { return None };
    let bytes = space[..taken.len].to_vec();
    reader.give_back(taken.granules, 1);
    Some(bytes)
}

fn take_so_many(reader: &mut Reader, count: usize) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while records.len() < count {
        match take(reader) {
            Some(record) => records.push(record),
            None => thread::yield_now(),
        }
    }
    records
}

#[test]
fn two_producers_and_the_consumer() {
    in_every_order(|| {
        let (ring, mut reader) = ring();
        let producers: Vec<_> = (1..=2_u8)
            .map(|number| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || ring.offer(4, &[number; 3], 0).unwrap())
            })
            .collect();
        let mut records = take_so_many(&mut reader, 2);
        records.sort();
        assert_eq!(records, [[1; 3], [2; 3]]);
        for producer in producers {
            producer.join().unwrap();
        }
        assert_eq!(ring.fill().records(), 0);
    });
}

#[test]
fn a_lap_later_nobody_reads_what_is_being_written() {
    in_every_order(|| {
        let (ring, mut reader) = ring();
        // The ring is nearly full, so the next ones need what is given back, and wrap.
        for number in 0..3_u8 {
            ring.offer(4, &[number], 0).unwrap();
        }
        let producer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                for number in 3..5_u8 {
                    while ring.offer(4, &[number; 70], 0) == Err(Refused::Full) {
                        thread::yield_now();
                    }
                }
            })
        };
        let records = take_so_many(&mut reader, 5);
        let firsts: Vec<u8> = records.iter().map(|record| record[0]).collect();
        assert_eq!(firsts, [0, 1, 2, 3, 4]);
        assert!(
            records[3..]
                .iter()
                .all(|record| record.len() == 70 && record.windows(2).all(|it| it[0] == it[1]))
        );
        producer.join().unwrap();
    });
}

#[test]
fn two_producers_at_a_full_ring() {
    in_every_order(|| {
        let (ring, mut reader) = ring();
        for number in 0..3_u8 {
            ring.offer(4, &[number], 0).unwrap();
        }
        let producers: Vec<_> = (10..12_u8)
            .map(|number| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || ring.offer(4, &[number], 0).is_ok())
            })
            .collect();
        assert_eq!(take(&mut reader), Some(vec![0]));
        let accepted = producers.into_iter().map(|it| it.join().unwrap()).filter(|it| *it).count();
        assert!(accepted >= 1, "there was room for one from the beginning");
        let rest: Vec<_> = std::iter::from_fn(|| take(&mut reader)).collect();
        assert_eq!(rest.len(), 2 + accepted);
        assert_eq!(ring.fill().records(), 0);
    });
}

#[test]
fn room_that_another_producer_has_seen_may_be_written() {
    in_every_order(|| {
        // No quarter of it is crossed here, so only one of the two looks at the consumer's line.
        let limits = Limits { bytes: 8 * 64, ..LIMITS };
        let (ring, mut reader) = Ring::in_memory(limits).unwrap();
        for number in 0..8_u8 {
            ring.offer(4, &[number], 0).unwrap();
        }
        let producers: Vec<_> = (10..12_u8)
            .map(|number| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || ring.offer(4, &[number], 0).is_ok())
            })
            .collect();
        assert_eq!((take(&mut reader), take(&mut reader)), (Some(vec![0]), Some(vec![1])));
        let accepted = producers.into_iter().map(|it| it.join().unwrap()).filter(|it| *it).count();
        assert_eq!(ring.fill().records(), 6 + accepted as u64);
    });
}

#[test]
fn what_was_accepted_before_the_close_is_taken() {
    in_every_order(|| {
        let (ring, mut reader) = ring();
        let producer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || (0..2_u8).filter(|number| ring.offer(4, &[*number], 0).is_ok()).count())
        };
        ring.close();
        let waiting = ring.fill().records() as usize;
        let records = take_so_many(&mut reader, waiting);
        assert_eq!(producer.join().unwrap(), records.len());
        assert!(take(&mut reader).is_none());
    });
}

#[test]
fn a_park_is_seen_by_the_producer_or_the_record_by_the_consumer() {
    in_every_order(|| {
        let (ring, _reader) = ring();
        let producer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || ring.offer(4, b"x", 0).unwrap().found_parked)
        };
        let was_there = ring.park().records() > 0;
        assert_ne!(producer.join().unwrap(), was_there);
    });
}

/// A ring of four granules of which two are used up and given back, so that its lap may be left.
fn behind_the_window() -> (Arc<Ring>, Reader) {
    let (ring, mut reader) = ring();
    for number in 0..2_u8 {
        ring.offer(4, &[number], 0).unwrap();
        take(&mut reader).unwrap();
    }
    (ring, reader)
}

#[test]
fn leaving_a_lap_refuses_nobody_and_loses_nothing() {
    in_every_order(|| {
        let (ring, mut reader) = behind_the_window();
        let producers: Vec<_> = (10..12_u8)
            .map(|number| {
                let ring = Arc::clone(&ring);
                // The level may fill half of the ring, which both together do.
                thread::spawn(move || ring.offer(1, &[number; 3], 0).unwrap())
            })
            .collect();
        reader.rewind();
        let mut records = take_so_many(&mut reader, 2);
        records.sort();
        assert_eq!(records, [[10; 3], [11; 3]]);
        for producer in producers {
            producer.join().unwrap();
        }
        assert_eq!((ring.fill().records(), ring.fill().bytes()), (0, 0));
    });
}

#[test]
fn a_lap_that_is_being_left_can_be_filled_and_nobody_reads_what_is_being_written() {
    in_every_order(|| {
        let (ring, mut reader) = behind_the_window();
        let producer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                ring.offer(4, &[10; 150], 0).unwrap();
                while ring.offer(4, &[11; 130], 0) == Err(Refused::Full) {
                    thread::yield_now();
                }
            })
        };
        let was_left = reader.rewind();
        assert_eq!(take_so_many(&mut reader, 2), [vec![10; 150], vec![11; 130]]);
        producer.join().unwrap();
        assert!(ring.fill().records() == 0 && (!was_left || ring.place() == 4 + 6));
    });
}

#[test]
fn padding_is_fill_for_nobody_who_looks() {
    in_every_order(|| {
        let (ring, mut reader) = behind_the_window();
        let watcher = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let fill = ring.fill();
                assert!(fill.records() <= 1 && fill.bytes() == fill.records() * 64);
                assert_eq!(ring.foresee(0), Ok(()));
                ring.place()
            })
        };
        reader.rewind();
        ring.offer(4, b"x", 0).unwrap();
        assert!(watcher.join().unwrap() <= ring.place());
    });
}

#[test]
fn a_producer_who_comes_while_the_lap_is_left_is_told_of_the_park() {
    in_every_order(|| {
        let (ring, mut reader) = behind_the_window();
        let producer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || ring.offer(4, b"x", 0).unwrap().found_parked)
        };
        reader.rewind();
        let was_there = ring.park().records() > 0;
        assert_ne!(producer.join().unwrap(), was_there);
    });
}
