//! Proves that leaving a lap early never shows as fill and is never seen half done, at whichever store the consumer
//! dies; and tests what a ring does with records that we would never have stored.

use super::*;
use crate::memory::WINDOW;
use crate::tag::{MOST_MISSING, Tag};
use crate::word::PADDED;

/// A ring of two windows, with the first one gone and nothing in it.
fn behind_the_window() -> (Arc<Ring>, Reader) {
    let (ring, mut reader) = formatted(WINDOW as usize * 2);
    ring.offer(4, &text(0, WINDOW as usize * 64), 0).unwrap();
    let granules = take(&mut reader).unwrap().3;
    reader.give_back(granules, 1);
    (ring, reader)
}

#[test]
fn a_lap_is_left_behind_its_window_and_only_when_all_was_given_back() {
    let (ring, mut reader) = formatted(WINDOW as usize * 2);
    assert!(!reader.rewind(), "nothing was put in yet");
    ring.offer(4, &text(0, (WINDOW as usize - 2) * 64), 0).unwrap();
    let granules = take(&mut reader).unwrap().3;
    reader.give_back(granules, 1);
    assert!(!reader.rewind(), "the window is not full");
    ring.offer(4, &text(0, 130), 0).unwrap();
    assert!(!reader.rewind(), "there is a record");
    let granules = take(&mut reader).unwrap().3;
    assert!(!reader.rewind(), "it was not given back");
    reader.give_back(granules, 1);
    assert!(reader.rewind());
    assert_eq!((reader.tail(), reader.place(), ring.place()), (WINDOW * 2, WINDOW * 2, WINDOW * 2));
    assert!(ring.fill().is_empty() && reader.is_empty() && !reader.rewind());
    // The whole ring is free, and the numbers go on.
    ring.offer(4, &text(7, ring.longest()), 0).unwrap();
    let (_, bytes, _, granules) = take(&mut reader).unwrap();
    assert!(bytes == text(7, ring.longest()));
    reader.give_back(granules, 1);
    ring.close();
    assert!(!reader.rewind_beyond(0));
}

#[test]
fn a_ring_that_is_no_larger_than_the_window_is_never_left_early() {
    let (ring, mut reader) = formatted(64);
    for seed in 0..200 {
        ring.offer(4, &text(seed, 50), 0).unwrap();
        let granules = take(&mut reader).unwrap().3;
        reader.give_back(granules, 1);
        assert!(!reader.rewind());
    }
}

/// What a consumer stores as it leaves a lap, in its order, by hand: up to the store with this number.
fn leave(ring: &Ring, reader: &Reader, stores: usize) {
    let (memory, tail, given) =
        (ring.memory(), reader.tail(), Word(ring.memory().tail().load(Ordering::Relaxed)));
    let lap = tail.next_multiple_of(WINDOW * 2);
    let word = Word::new(lap, given.records()).0;
    let head = || Word(memory.head().load(Ordering::Relaxed));
    let store: [&dyn Fn(); 6] = [
        &|| memory.head().store(head().padded(lap - tail).0, Ordering::Relaxed),
        &|| memory.tail_whole().store(lap, Ordering::Relaxed),
        &|| memory.tail().store(word, Ordering::Relaxed),
        &|| memory.base().store(lap, Ordering::Relaxed),
        &|| memory.seen().store(word, Ordering::Relaxed),
        &|| memory.head().store(head().0 & !PADDED, Ordering::Relaxed),
    ];
    store[..stores].iter().for_each(|store| store());
}

#[test]
fn leaving_a_lap_does_these_stores() {
    let (by_hand, reader) = behind_the_window();
    leave(&by_hand, &reader, 6);
    let (ring, mut reader) = behind_the_window();
    assert!(reader.rewind());
    assert!(image(&ring) == image(&by_hand));
}

#[test]
fn at_no_store_is_padding_fill_or_a_death_a_loss() {
    let lives: &[usize] = if cfg!(miri) { &[0, 3] } else { &[0, 1, 3, 64] };
    for stores in 0..=6 {
        for records in lives {
            let (ring, mut reader) = behind_the_window();
            leave(&ring, &reader, stores);
            for seed in 0..*records {
                assert_eq!(ring.foresee(0), Ok(()));
                let admitted = ring.offer(0, &text(seed, 100), 0).unwrap();
                assert!(!admitted.crossed, "{stores}");
            }
            assert_eq!(
                (ring.fill().records(), ring.fill().bytes()),
                (*records as u64, *records as u64 * 128)
            );
            assert_eq!(ring.park(), ring.fill());
            ring.unpark();
            // Twice, as the one who finds it may die as well.
            let first = Ring::from_image(&image(&ring)).unwrap();
            let mut opened = Ring::from_image(&image(&first.ring)).unwrap();
            for found in [first.found.unwrap(), opened.found.unwrap()] {
                assert_eq!((found.records, found.holes), (*records as u64, 0), "{stores}");
            }
            for seed in 0..*records {
                assert_eq!(take(&mut opened.reader).unwrap().1, text(seed, 100));
            }
            assert!(take(&mut opened.reader).is_none());
            reader.give_back(0, 0);
        }
    }
}

/// While the mark stands, a whole lap may be filled: no more.
#[test]
fn a_lap_that_is_filled_while_the_one_before_is_being_left_is_full() {
    let (ring, reader) = behind_the_window();
    leave(&ring, &reader, 1);
    for seed in 1..=2 {
        ring.offer(4, &text(seed, WINDOW as usize * 64 - 16), 0).unwrap();
    }
    assert_eq!((ring.fill().bytes(), ring.fill().records()), (WINDOW * 128, 2));
    assert_eq!((ring.offer(4, b"x", 0), ring.foresee(4)), (Err(Refused::Full), Err(Refused::Full)));
    assert_eq!(Ring::from_image(&image(&ring)).unwrap().found.unwrap().records, 2);
}

#[test]
fn a_mark_that_cannot_be_is_damage() {
    let (ring, _reader) = behind_the_window();
    ring.memory().head().fetch_or(PADDED, Ordering::Relaxed);
    assert_eq!(Ring::from_image(&image(&ring)).unwrap_err(), crate::Damage::Contents);
}

#[test]
fn numbers_near_their_end_leave_no_lap() {
    let (ring, _) = behind_the_window();
    let tail = (1 << 62) + WINDOW;
    let memory = ring.memory();
    memory.tail_whole().store(tail, Ordering::Relaxed);
    memory.base().store(tail, Ordering::Relaxed);
    for word in [memory.tail(), memory.seen(), memory.head()] {
        word.store(Word::new(tail, 0).0, Ordering::Relaxed);
    }
    let mut reader = Reader::new(Arc::clone(&ring));
    assert!(!reader.rewind());
    ring.offer(4, b"x", 0).unwrap();
    assert!(take(&mut reader).is_some());
}

/// A ring with one record and this in place of its prefix and tag.
fn spoiled(tag: Tag, len: u64, missing: u64) -> Vec<u8> {
    let (ring, _reader) = formatted(64);
    ring.offer(2, &[0; 100], 3).unwrap();
    ring.offer(2, b"behind it", 0).unwrap();
    let prefix = [len.to_le_bytes(), missing.to_le_bytes()].concat();
    // SAFETY: this is the only thread, and nobody reads the granule meanwhile.
    unsafe { ring.memory().write(0, 0, &prefix) };
    ring.memory().tag(0).store(tag.encode(0), Ordering::Relaxed);
    image(&ring)
}

#[test]
fn a_record_of_no_bytes_is_stepped_over() {
    let (ring, mut reader) = formatted(64);
    ring.offer(2, b"", 0).unwrap();
    ring.offer(2, b"", 9).unwrap();
    assert!(ring.fill().is_empty() && take(&mut reader).is_none(), "nothing was put in");
    for image in [spoiled(Tag::of(2, 0, 0), 0, 0), spoiled(Tag::of(2, 100, 1), 0, 1)] {
        let mut opened = Ring::from_image(&image).unwrap();
        let found = opened.found.unwrap();
        assert_eq!((found.records, found.bytes, found.holes), (1, 9, 1));
        let (_, bytes, _, granules) = take(&mut opened.reader).unwrap();
        assert_eq!((&bytes[..], granules), (&b"behind it"[..], 3));
        opened.reader.give_back(granules, 1);
        assert!(take(&mut opened.reader).is_none() && opened.ring.fill().is_empty());
    }
}

#[test]
fn a_record_of_an_absurd_length_is_stepped_over() {
    for (len, missing) in
        [(u64::MAX, 0), (u64::MAX, u64::MAX), (1 << 63, 1), (100, u64::MAX), (1 << 40, 1 << 40)]
    {
        let mut opened = Ring::from_image(&spoiled(Tag::of(2, 100, 1), len, missing)).unwrap();
        assert_eq!(opened.found.unwrap().records, 1, "{len} {missing}");
        assert_eq!(take(&mut opened.reader).unwrap().1, b"behind it");
    }
    let (ring, mut reader) = formatted(64);
    ring.offer(2, b"x", usize::MAX).unwrap();
    assert_eq!(take(&mut reader).unwrap().2, MOST_MISSING);
}

#[test]
fn the_last_number_of_a_stamp_is_none() {
    let (ring, _reader) = formatted(64);
    crate::stamp::store(ring.memory(), u64::MAX, &Stamp::default());
    let mut opened = Ring::from_image(&image(&ring)).unwrap();
    assert_eq!(opened.found.unwrap().stamp, None);
    opened.reader.stamp(&Stamp::default());
}

#[test]
fn much_traffic_makes_all_ready_and_little_leaves_it_as_it_was() {
    if cfg!(miri) {
        return; // a matter of pages
    }
    let limits = Limits { bytes: 16 << 20, records: 1 << 20, shares: [100; 5] };
    for (bytes, is_all) in [(64 * 1024, true), (8 * 1024, false)] {
        let (ring, mut reader) = Ring::in_memory(limits).unwrap();
        let at_start = reader.ready;
        for _ in 0..200 {
            ring.offer(2, &text(0, bytes), 0).unwrap();
            let granules = take(&mut reader).unwrap().3;
            reader.give_back(granules, 1);
            reader.make_ready();
            reader.rewind();
        }
        assert!(at_start < reader.capacity() / 4);
        assert_eq!(reader.ready, if is_all { reader.capacity() } else { at_start }, "{bytes} a round");
    }
}
