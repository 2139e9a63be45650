//! Proves that no caller meets a page fault as long as the consumer makes its rounds, neither in light traffic nor
//! while the first lap is filled. These tests are alone in their process.

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and needs threads"
)]

use std::sync::{Arc, Barrier};

use nix::sys::resource::{UsageWho, getrusage};
use tracing_spool_ring::{Limits, Options, Reader, Ring, Take};

const LIMITS: Limits = Limits { bytes: 16 << 20, records: 131_072, shares: [80, 80, 95, 98, 100] };
/// Two granules each.
const RECORD: [u8; 119] = [b'x'; 119];
const BURST: usize = 500;
const BURSTS: usize = 400;

fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).unwrap().minor_page_faults()
}

/// A consumer's round: all but `kept` records are given back.
fn round(reader: &mut Reader, space: &mut [u8], kept: u64) {
    while let Take::Record(taken) = reader.take(space) {
        let waiting = reader.ring().fill().records();
        if waiting > kept {
            reader.give_back(taken.granules, 1);
        }
    }
    reader.rewind();
    reader.make_ready();
}

/// Faults of a caller who offers bursts, each behind a round; and how far the numbers have gone.
fn of_a_caller(ring: &Arc<Ring>, mut reader: Reader, kept: u64) -> (i64, u64) {
    let (offered, read) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let consumer = {
        let (offered, read) = (Arc::clone(&offered), Arc::clone(&read));
        std::thread::spawn(move || {
            let mut space = [0; 256];
            for _ in 0..BURSTS {
                offered.wait();
                round(&mut reader, &mut space, kept);
                read.wait();
            }
        })
    };
    let mut met = 0;
    for _ in 0..BURSTS {
        let before = faults();
        for _ in 0..BURST {
            ring.offer(2, &RECORD, 0).unwrap();
        }
        met += faults() - before;
        offered.wait();
        read.wait();
    }
    consumer.join().unwrap();
    (met, ring.place())
}

/// The disk hangs before the consumer has made a single round under load. Where it had none of the tags ready, a page of them
/// was missing every 256 records.
#[test]
fn behind_a_consumer_that_is_held_up_from_the_start_callers_meet_few_missing_pages() {
    let large = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    if !large.contains("[madvise]") && !large.contains("[always]") {
        return println!("left out: no large pages here");
    }
    let (ring, _reader) = Ring::in_memory(Limits { shares: [100; 5], ..LIMITS }).unwrap();
    ring.offer(2, &RECORD, 0).unwrap();
    let before = faults();
    let mut offered = 0;
    while ring.offer(2, &RECORD, 0).is_ok() {
        offered += 1;
    }
    assert!(offered > 100_000, "{offered}");
    let met = faults() - before;
    assert!(met <= 16, "a page of 2 MiB each where there are some: {met}");
}

#[test]
fn a_caller_meets_no_page_that_is_missing() {
    // The code itself comes in with its first use.
    let (ring, _reader) = Ring::in_memory(Limits { bytes: 1 << 16, ..LIMITS }).unwrap();
    (0..100).for_each(|_| _ = ring.offer(2, &RECORD, 0));
    faults();
    let granules = (BURST * BURSTS * 2) as u64;
    for kept in [0, 1] {
        let (ring, reader) = Ring::in_memory(LIMITS).unwrap();
        let (met, place) = of_a_caller(&ring, reader, kept);
        assert_eq!(met, 0, "in memory, {kept} kept");
        assert_eq!(kept == 0, place > granules * 2, "laps are left early where the ring is empty: {place}");
        let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return println!("left out: no /dev/shm") };
        let mut options = Options::default();
        options.any_file_system = true;
        let opened = Ring::open(&dir.path().join("ring"), LIMITS, options).unwrap();
        assert_eq!(of_a_caller(&opened.ring, opened.reader, kept).0, 0, "in a file, {kept} kept");
    }
}
