//! Tests the ring with one thread against a naive model, with many threads, and after a death against what was in it.
//! These tests run under Miri too, so none opens a file.

mod lap;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use crate::file::header::{self, Log};
use crate::memory::{Memory, Shape};
use crate::stamp::{Stamp, Task};
use crate::sync::Ordering;
use crate::word::Word;
use crate::{Limits, Reader, Refused, Ring, Take};

const SHARES: [u8; 5] = [80, 80, 95, 98, 100];

fn ring(bytes: u64, records: u64) -> (Arc<Ring>, Reader) {
    Ring::in_memory(Limits { bytes, records, shares: SHARES }).unwrap()
}

fn take(reader: &mut Reader) -> Option<(u8, Vec<u8>, usize, u64)> {
    let mut space = vec![0; 16];
    loop {
        match reader.take(&mut space) {
            Take::Nothing => return None,
            Take::NeedsSpace(len) => space.resize(len, 0),
            Take::Record(taken) => {
                return Some((taken.level, space[..taken.len].to_vec(), taken.missing, taken.granules));
            }
        }
    }
}

fn text(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (seed * 31 + at * 7) as u8).collect()
}

#[test]
fn records_come_out_as_they_went_in() {
    let (ring, mut reader) = ring(1 << 20, 100);
    let lens = [1, 2, 63, 64, 65, 4_096, 65_535, 65_536, 200_000];
    for (seed, len) in lens.into_iter().enumerate() {
        ring.offer(4, &text(seed, len), seed % 2).unwrap();
    }
    for (seed, len) in lens.into_iter().enumerate() {
        let (level, bytes, missing, granules) = take(&mut reader).unwrap();
        assert_eq!((level, missing, granules * 64), (4, seed % 2, Ring::charge(len, missing)));
        assert!(bytes == text(seed, len), "{len}");
    }
    assert!(take(&mut reader).is_none() && reader.is_empty());
}

#[test]
fn levels_have_marks_and_an_empty_ring_takes_any() {
    let (ring, mut reader) = ring(100 * 64, 1_000_000);
    for level in 0..5 {
        while ring.offer(level, b"x", 0).is_ok() {}
        assert_eq!(ring.fill().records(), u64::from(SHARES[usize::from(level)]));
        assert_eq!(
            (ring.foresee(level), ring.offer(level, b"x", 0)),
            (Err(Refused::Full), Err(Refused::Full))
        );
    }
    while take(&mut reader).is_some() {}
    reader.give_back(100, 100);
    assert!(ring.fill().is_empty());
    ring.offer(0, &text(1, ring.longest()), 1).unwrap();
    assert_eq!(ring.fill().bytes(), 6_400);
}

#[test]
fn records_are_bounded_too() {
    let (ring, _reader) = ring(1 << 20, 3);
    assert_eq!((0..9).filter(|_| ring.offer(4, b"x", 0).is_ok()).count(), 3);
}

#[test]
fn closed_is_closed_and_a_park_is_told() {
    let (ring, mut reader) = ring(1 << 12, 10);
    assert_eq!(ring.park().records(), 0);
    assert!(ring.offer(2, b"x", 0).unwrap().found_parked);
    assert_eq!(ring.park().records(), 1);
    ring.unpark();
    assert!(!ring.offer(2, b"y", 0).unwrap().found_parked);
    ring.close();
    assert_eq!((ring.offer(4, b"z", 0), ring.foresee(4)), (Err(Refused::Closed), Err(Refused::Closed)));
    assert_eq!(std::iter::from_fn(|| take(&mut reader)).count(), 2, "what was let in can be taken");
}

#[test]
fn a_quarter_is_crossed_when_it_is_full_and_not_when_it_only_looks_so() {
    let (ring, mut reader) = ring(64 * 64, 1_000_000);
    let mut crossed = 0;
    for _ in 0..1_000 {
        crossed += usize::from(ring.offer(4, b"x", 0).unwrap().crossed);
        take(&mut reader).unwrap();
        reader.give_back(1, 1);
    }
    assert_eq!(crossed, 0);
    for _ in 0..64 {
        crossed += usize::from(ring.offer(4, b"x", 0).unwrap().crossed);
    }
    assert_eq!(crossed, 3);
}

#[test]
fn no_more_is_given_back_than_was_taken() {
    let (ring, mut reader) = ring(1 << 12, 10);
    ring.offer(2, b"x", 0).unwrap();
    reader.give_back(5, 5);
    assert_eq!((ring.fill().records(), reader.tail()), (1, 0));
}

#[test]
fn many_threads_keep_all_and_the_order_of_each() {
    const THREADS: usize = 4;
    const RECORDS: usize = if cfg!(miri) { 60 } else { 20_000 };
    let (ring, mut reader) = ring(64 * 64, 40);
    let mut next = [0; THREADS];
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ring = &ring;
            scope.spawn(move || {
                for number in 0..RECORDS {
                    let mut record = vec![thread as u8];
                    record.extend(number.to_le_bytes());
                    record.extend(text(number, number * 7 % 300));
                    while ring.offer(4, &record, 0).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
        }
        while next != [RECORDS; THREADS] {
            let Some((_, record, _, granules)) = take(&mut reader) else {
                std::thread::yield_now();
                continue;
            };
            let thread = usize::from(record[0]);
            let number = usize::from_le_bytes(*record[1..].first_chunk().unwrap());
            assert_eq!(number, next[thread]);
            assert!(record[9..] == text(number, number * 7 % 300));
            next[thread] += 1;
            reader.give_back(granules, 1);
        }
    });
    assert!(ring.fill().is_empty());
}

#[derive(Clone, Debug)]
enum Deed {
    Offer { level: u8, len: usize, missing: usize },
    Take,
    GiveBack,
    Rewind,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (0..5_u8, 1..700_usize, 0..3_usize)
            .prop_map(|(level, len, missing)| Deed::Offer { level, len, missing: missing / 2 }),
        2 => Just(Deed::Take),
        2 => Just(Deed::GiveBack),
        1 => Just(Deed::Rewind),
    ]
}

proptest! {
    #[test]
    fn it_is_a_bounded_queue(
        granules in 64_u64..200,
        records in 1_u64..40,
        deeds in proptest::collection::vec(deed(), 1..if cfg!(miri) { 30 } else { 400 }),
    ) {
        let (ring, mut reader) = ring(granules * 64, records);
        let (mut waiting, mut taken) = (VecDeque::new(), VecDeque::new());
        for (seed, deed) in deeds.into_iter().enumerate() {
            let used: u64 = waiting.iter().map(|(_, len, missing, _)| Ring::charge(*len, *missing)).sum::<u64>()
                + taken.iter().sum::<u64>() * 64;
            let count = (waiting.len() + taken.len()) as u64;
            prop_assert_eq!((ring.fill().bytes(), ring.fill().records()), (used, count));
            match deed {
                Deed::Offer { level, len, missing } => {
                    let share = u64::from(SHARES[usize::from(level)]);
                    let wanted = used + Ring::charge(len, missing);
                    let fits = |percent| {
                        wanted / 64 <= granules * percent / 100 && count < records * percent / 100
                    };
                    let is_let_in = fits(share) || (count == 0 && fits(100));
                    let admitted = ring.offer(level, &text(seed, len), missing);
                    prop_assert_eq!(admitted.is_ok(), is_let_in);
                    if is_let_in {
                        waiting.push_back((level, len, missing, seed));
                    }
                }
                Deed::Take => match (take(&mut reader), waiting.pop_front()) {
                    (Some((level, bytes, missing, granules)), Some((wanted, len, left, seed))) => {
                        prop_assert_eq!((level, missing), (wanted, left));
                        prop_assert_eq!(bytes, text(seed, len));
                        taken.push_back(granules);
                    }
                    (None, None) => {}
                    (one, other) => prop_assert!(false, "{:?} {:?}", one, other),
                },
                Deed::GiveBack => {
                    if let Some(granules) = taken.pop_front() {
                        reader.give_back(granules, 1);
                    }
                }
                Deed::Rewind => {
                    let is_inside = reader.tail() % granules.next_power_of_two() != 0;
                    prop_assert_eq!(reader.rewind_beyond(1), count == 0 && is_inside);
                }
            }
        }
    }
}

/// A ring's bytes, as a file would hold them.
fn image(ring: &Ring) -> Vec<u8> {
    let memory = ring.memory();
    let mut image = vec![0; memory.shape().bytes()];
    memory.dump(&mut image);
    image
}

fn formatted(granules: usize) -> (Arc<Ring>, Reader) {
    let shape = Shape::new(granules).unwrap();
    let mut memory = Memory::heap(shape);
    memory.fill_from(&header::encode(shape, &Log::of(Path::new("/var/log/app.log"))));
    header::finish(&memory);
    Ring::new(memory, Limits { bytes: granules as u64 * 64, records: 1_000, shares: [100; 5] })
}

#[derive(Clone, Debug)]
enum Life {
    Record(usize),
    /// A producer that died before it stored its tag.
    Hole(u64),
}

proptest! {
    #[test]
    fn after_a_death_all_but_the_holes_is_found(
        laps in 0_usize..90,
        lives in proptest::collection::vec(
            prop_oneof![4 => (1..300_usize).prop_map(Life::Record), 1 => (1..5_u64).prop_map(Life::Hole)],
            0..25,
        ),
        taken in 0_usize..9,
    ) {
        let (ring, mut reader) = formatted(128);
        for seed in 0..laps {
            ring.offer(2, &text(seed, 100), 0).unwrap();
            let granules = take(&mut reader).unwrap().3;
            reader.give_back(granules, 1);
            if seed % 7 == 3 {
                reader.rewind_beyond(1);
            }
        }
        let (mut expected, mut hole_before, mut holes) = (Vec::new(), false, 0);
        let first_hole = lives.iter().position(|life| matches!(life, Life::Hole(_))).unwrap_or(lives.len());
        for (seed, life) in lives.iter().enumerate() {
            match life {
                Life::Record(len) if ring.offer(3, &text(seed, *len), 0).is_ok() => {
                    expected.push(text(seed, *len));
                    hole_before = false;
                }
                Life::Hole(room) if ring.reserve(3, *room).is_ok() => {
                    holes += u64::from(!hole_before);
                    hole_before = true;
                }
                _ => {}
            }
        }
        // Some were taken and given back before the death; none behind a hole.
        for _ in 0..taken.min(first_hole) {
            if let Some((_, bytes, _, granules)) = take(&mut reader) {
                reader.give_back(granules, 1);
                prop_assert_eq!(&bytes, &expected.remove(0));
            }
        }
        reader.stamp(&Stamp { from: reader.tail(), task: Task::Text(b"text".to_vec()), ..Stamp::default() });
        let first = Ring::from_image(&image(&ring)).unwrap();
        // Dying over it any number of times changes nothing; its holes are gone after the first look, or are still there.
        let mut opened = Ring::from_image(&image(&first.ring)).unwrap();
        let found = first.found.unwrap();
        prop_assert_eq!((found.records, found.holes), (expected.len() as u64, holes));
        prop_assert_eq!(found.bytes, expected.iter().map(Vec::len).sum::<usize>() as u64);
        prop_assert_eq!(found.process, std::process::id());
        prop_assert_eq!(found.stamp.unwrap().task, Task::Text(b"text".to_vec()));
        prop_assert_eq!(opened.found.unwrap().records, expected.len() as u64);
        // What comes new stands behind.
        let is_new = opened.ring.offer(4, b"new", 0).is_ok();
        if is_new {
            expected.push(b"new".to_vec());
        }
        prop_assert_eq!(opened.ring.fill().records(), expected.len() as u64);
        for bytes in &expected {
            let (_, found, _, granules) = take(&mut opened.reader).unwrap();
            prop_assert_eq!(&found, bytes);
            opened.reader.give_back(granules, 1);
        }
        prop_assert!(take(&mut opened.reader).is_none());
        prop_assert!(opened.ring.fill().is_empty());
    }

    #[test]
    fn any_bytes_are_looked_at_without_harm(
        records in proptest::collection::vec(1..400_usize, 0..20),
        spoiled in proptest::collection::vec((0..1_usize << 14, any::<u64>(), 0..3_u8), 0..40),
        cut in prop_oneof![3 => Just(0_usize), 1 => 0..20_000_usize],
    ) {
        let (ring, mut reader) = formatted(128);
        for (seed, len) in records.into_iter().enumerate() {
            let _ = ring.offer(3, &text(seed, len), seed % 3);
        }
        reader.stamp(&Stamp::default());
        let mut image = image(&ring);
        for (at, value, kind) in spoiled {
            // Words anywhere, words of the shared part, and tags that look nearly right.
            let at = match kind {
                0 => at * 8 % image.len(),
                1 => 4_096 + at * 8 % 4_096,
                _ => 8_192 + at * 8 % 1_024,
            };
            let value = if kind == 2 { value & 0xfffff | 1 << 20 } else { value };
            let end = image.len().min(at + 8);
            image[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
        }
        image.truncate(image.len() - cut.min(image.len()));
        look_at(&image);
    }

    #[test]
    fn whatever_it_is(image in proptest::collection::vec(any::<u8>(), 0..600)) {
        look_at(&image);
    }
}

/// Looks at it as a recovery would, and goes on with it.
fn look_at(image: &[u8]) {
    let Ok(mut opened) = Ring::from_image(image) else { return };
    let found = opened.found.unwrap();
    let mut records = 0;
    while let Some((_, _, _, granules)) = take(&mut opened.reader) {
        opened.reader.give_back(granules, 1);
        records += 1;
    }
    assert_eq!(records, found.records);
    assert_eq!(opened.ring.fill().records(), 0);
    for seed in 0..300 {
        opened.ring.offer(4, &text(seed, 100), 0).unwrap();
        let (_, bytes, _, granules) = take(&mut opened.reader).unwrap();
        assert!(bytes == text(seed, 100));
        opened.reader.give_back(granules, 1);
    }
}

#[test]
fn the_count_of_admitted_records_outlives_the_process_and_leaves_out_what_was_not_finished() {
    let (ring, mut reader) = formatted(64);
    // Beyond what the word's bits hold, so that it has begun anew.
    let before = (1 << 22) - 3;
    ring.memory().head().store(Word::new(0, before).0, Ordering::Relaxed);
    ring.memory().tail().store(Word::new(0, before).0, Ordering::Relaxed);
    ring.memory().seen().store(Word::new(0, before).0, Ordering::Relaxed);
    for seed in 0..7 {
        ring.offer(2, &text(seed, 64), 0).unwrap();
    }
    for _ in 0..2 {
        let granules = take(&mut reader).unwrap().3;
        reader.give_back(granules, 1);
    }
    assert_eq!(ring.admitted(), 4);
    ring.reserve(2, 3).unwrap(); // and it dies
    assert_eq!(ring.admitted(), 5);
    let mut next = Ring::from_image(&image(&ring)).unwrap();
    for _ in 0..3 {
        assert_eq!((next.ring.admitted(), next.ring.fill().records()), (4, 5));
        next = Ring::from_image(&image(&next.ring)).unwrap();
    }
    while let Some((_, _, _, granules)) = take(&mut next.reader) {
        next.reader.give_back(granules, 1);
    }
    assert_eq!((next.ring.admitted(), next.ring.fill().records()), (4, 0));
    // The same with an empty ring, whose lap is left.
    let next = Ring::from_image(&image(&next.ring)).unwrap();
    next.ring.offer(2, b"x", 0).unwrap();
    assert_eq!((next.ring.admitted(), next.ring.fill().records()), (5, 1));
}

#[test]
fn a_stamp_says_up_to_where_all_is_done() {
    let (ring, mut reader) = formatted(64);
    for seed in 0..5 {
        ring.offer(2, &text(seed, 64), 0).unwrap();
        take(&mut reader).unwrap();
    }
    reader.stamp(&Stamp { from: 3, ..Stamp::default() });
    let opened = Ring::from_image(&image(&ring)).unwrap();
    assert_eq!((opened.found.unwrap().records, opened.reader.tail()), (2, 3));
    reader.stamp(&Stamp { from: 6, ..Stamp::default() });
    assert_eq!(Ring::from_image(&image(&ring)).unwrap_err(), crate::Damage::Contents);
}

/// In such a lap the tag of a record of no bytes is the word for no tag.
#[test]
fn a_lap_in_which_no_tag_would_be_one_is_damage() {
    let (ring, _reader) = formatted(64);
    let tail = ((1 << 44) - 1) * 64;
    ring.memory().head().store(Word::new(tail + 10, 0).0, Ordering::Relaxed);
    ring.memory().tail_whole().store(tail, Ordering::Relaxed);
    assert_eq!(Ring::from_image(&image(&ring)).unwrap_err(), crate::Damage::Contents);
}
