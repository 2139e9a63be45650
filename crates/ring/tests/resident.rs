//! Proves that a ring of the usual size takes little memory until it is used. It is alone in its process.

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and looks at files"
)]

use tracing_spool_ring::{Limits, Options, Ring, Take};

const LIMITS: Limits = Limits { bytes: 16 << 20, records: 131_072, shares: [80, 80, 95, 98, 100] };
const MOST: u64 = 4 << 20;

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[test]
fn an_idle_ring_is_small() {
    resident();
    let before = resident();
    let (ring, mut reader) = Ring::in_memory(LIMITS).unwrap();
    let opened = resident() - before;
    assert!(opened <= MOST, "in memory: {opened}");
    // Light traffic through several laps' worth of windows.
    let mut space = [0; 256];
    for _ in 0..1_000 {
        for _ in 0..100 {
            ring.offer(2, &[b'x'; 119], 0).unwrap();
        }
        while let Take::Record(taken) = reader.take(&mut space) {
            reader.give_back(taken.granules, 1);
        }
        reader.rewind();
        reader.make_ready();
    }
    let used = resident() - before;
    assert!(used <= MOST, "after light traffic: {used}");

    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return println!("left out: no /dev/shm") };
    let mut options = Options::default();
    options.any_file_system = true;
    for life in ["new", "found, and empty"] {
        let before = resident();
        let opened = Ring::open(&dir.path().join("ring"), LIMITS, options.clone()).unwrap();
        let taken = resident() - before;
        assert!(taken <= MOST, "in a file, {life}: {taken}");
        assert_eq!(opened.found.is_some(), life != "new");
        // The next one finds it in the middle of a lap.
        let mut reader = opened.reader;
        for _ in 0..80_000 {
            opened.ring.offer(4, &[b'x'; 119], 0).unwrap();
            let Take::Record(taken) = reader.take(&mut space) else { panic!("nothing there") };
            reader.give_back(taken.granules, 1);
        }
        println!("{life}: {taken}");
    }
    println!("in memory: {opened}, used: {used}");
}
