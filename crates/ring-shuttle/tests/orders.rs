//! Proves the ring in many orders of steps, drawn at random: more threads and records than every order could be tried of.

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;
use tracing_spool_ring_shuttle::{Limits, Refused, Ring, Take};

/// How many orders a test tries, `TRACING_SPOOL_SCHEDULES` if it is set.
fn orders() -> usize {
    std::env::var("TRACING_SPOOL_SCHEDULES").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

fn in_many_orders(test: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(test.clone(), orders());
    shuttle::check_pct(test, orders(), 3);
}

#[test]
fn all_arrive_once_in_the_order_of_each_thread() {
    const THREADS: usize = 3;
    const RECORDS: usize = 8;
    in_many_orders(|| {
        let limits = Limits { bytes: 8 * 64, records: 6, shares: [80, 80, 95, 98, 100] };
        let (ring, mut reader) = Ring::in_memory(limits).unwrap();
        let producers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || {
                    for number in 0..RECORDS {
                        let mut record = vec![thread as u8, number as u8];
                        record.resize(2 + (number * 37 + thread * 50) % 150, number as u8);
                        while ring.offer(4, &record, number % 2) == Err(Refused::Full) {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let (mut next, mut kept) = ([0; THREADS], Vec::new());
        let mut space = [0; 512];
        while next != [RECORDS; THREADS] {
            let Take::Record(taken) = reader.take(&mut space) else {
                kept.drain(..).for_each(|granules| reader.give_back(granules, 1));
                reader.rewind();
                thread::yield_now();
                continue;
            };
            let record = &space[..taken.len];
            let (thread, number) = (usize::from(record[0]), usize::from(record[1]));
            assert_eq!((number, taken.missing), (next[thread], number % 2));
            assert!(record[2..].iter().all(|byte| *byte == number as u8));
            next[thread] += 1;
            kept.push(taken.granules);
        }
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        kept.drain(..).for_each(|granules| reader.give_back(granules, 1));
        assert_eq!((ring.fill().records(), ring.fill().bytes()), (0, 0));
    });
}

#[test]
fn what_is_refused_is_refused_and_what_is_accepted_is_there() {
    in_many_orders(|| {
        let limits = Limits { bytes: 4 * 64, records: 100, shares: [50, 50, 75, 75, 100] };
        let (ring, mut reader) = Ring::in_memory(limits).unwrap();
        let producers: Vec<_> = (0..3_u8)
            .map(|level| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || (0..4).filter(|_| ring.offer(level * 2, &[level], 0).is_ok()).count())
            })
            .collect();
        let mut space = [0; 64];
        let mut found = 0;
        for _ in 0..3 {
            if let Take::Record(taken) = reader.take(&mut space) {
                reader.give_back(taken.granules, 1);
                found += 1;
            }
        }
        ring.close();
        let accepted: usize = producers.into_iter().map(|producer| producer.join().unwrap()).sum();
        while let Take::Record(taken) = reader.take(&mut space) {
            reader.give_back(taken.granules, 1);
            found += 1;
        }
        assert_eq!(found, accepted);
        assert_eq!(ring.fill().records(), 0);
    });
}

#[test]
fn a_lap_that_is_left_early_refuses_nobody() {
    const THREADS: usize = 3;
    in_many_orders(|| {
        let limits = Limits { bytes: 8 * 64, records: 100, shares: [50, 50, 75, 75, 100] };
        let (ring, mut reader) = Ring::in_memory(limits).unwrap();
        // Each has at most one record of one granule in the ring, of the four that the level may take.
        let done: Arc<[AtomicUsize; THREADS]> = Arc::default();
        let producers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (ring, done) = (Arc::clone(&ring), Arc::clone(&done));
                thread::spawn(move || {
                    for number in 0..6 {
                        ring.offer(0, &[thread as u8, number], 0).unwrap();
                        while done[thread].load(Ordering::SeqCst) <= usize::from(number) {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let (mut found, mut left) = (0, 0);
        let mut space = [0; 64];
        while found < THREADS * 6 {
            if let Take::Record(taken) = reader.take(&mut space) {
                reader.give_back(taken.granules, 1);
                done[usize::from(space[0])].fetch_add(1, Ordering::SeqCst);
                found += 1;
            } else {
                left += usize::from(reader.rewind());
                let fill = ring.fill();
                assert!(fill.records() <= THREADS as u64 && fill.bytes() == fill.records() * 64);
                thread::yield_now();
            }
        }
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        assert_eq!((ring.fill().records(), ring.fill().bytes()), (0, 0));
        assert!(ring.place() >= (left * 8) as u64);
    });
}
