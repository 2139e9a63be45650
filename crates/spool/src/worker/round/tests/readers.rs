//! Tests the worker with a quiet rotation or a schedule: who waits for tailers, who doesn't, and for how long. The file
//! set's part is tested in its own package.

use tracing_spool_fileset::Schedule;

use super::*;

/// A bench whose file is full, with a record that waits for the silence before its rotation.
fn silent(describe: impl FnOnce(SpoolBuilder) -> SpoolBuilder) -> Bench {
    let quiet = Duration::from_millis(400);
    let mut bench = bench(|builder| describe(builder.max_bytes(200).quiet_rotation(quiet)));
    bench.log(Rank::Info, &"x".repeat(150));
    bench.settle();
    bench.log(Rank::Info, &"y".repeat(150));
    assert_eq!(bench.settle(), Next::Rest(Rest::Nap(Duration::from_millis(10))));
    assert_eq!((bench.files(), bench.stats().queue.records), (1, 1));
    bench
}

impl Bench {
    fn files(&self) -> usize {
        [LOG, "/log/app.log.1", "/log/app.log.2"].iter().filter(|path| self.disk.exists(path)).count()
    }
}

#[test]
fn records_wait_for_readers_and_the_queue_is_looked_at_meanwhile() {
    let mut bench = silent(|builder| builder);
    bench.clock.advance(Duration::from_millis(395));
    assert_eq!(bench.settle(), Next::Rest(Rest::Nap(Duration::from_millis(5))));
    bench.clock.advance(Duration::from_millis(5));
    bench.settle();
    assert_eq!((bench.files(), bench.stats().queue.records, bench.stats().dropped.total()), (2, 0, 0));
}

#[test]
fn nobody_waits_for_readers_where_the_queue_is_half_full() {
    let mut bench = silent(|builder| builder.queue_records(8));
    for _ in 0..3 {
        bench.log(Rank::Info, "z");
        bench.settle();
    }
    assert_eq!((bench.files(), bench.stats().queue.records), (1, 4));
    bench.log(Rank::Info, "z");
    bench.settle();
    assert_eq!(bench.files(), 2);
    bench.settle();
    assert_eq!((bench.stats().queue.records, bench.stats().dropped.total()), (0, 0));
}

#[test]
fn a_flush_and_a_shutdown_do_not_wait_for_readers() {
    let mut bench = silent(|builder| builder);
    let answer = bench.flush();
    // Two more rotations before what was accepted is written: neither waits.
    bench.log(Rank::Info, &"z".repeat(150));
    bench.settle();
    assert_eq!((bench.files(), answer.now()), (3, Ok(Flushed::Done)));
    let mut bench = silent(|builder| builder);
    assert_eq!(bench.stop(), (Next::Done, Left::default()));
    assert_eq!(bench.files(), 2);
}

#[test]
fn midnight_comes_to_a_quiet_service_too() {
    let mut bench = bench(|builder| builder.rotate_every(Schedule::daily()));
    bench.log(Rank::Info, "before");
    bench.settle();
    bench.clock.advance(Duration::from_secs(60));
    // Each second the files are looked at, and at midnight they are rotated.
    let parks_for = |millis| Next::Rest(Rest::Park(Some(Duration::from_millis(millis))));
    assert_eq!((bench.settle(), bench.files()), (parks_for(1_000), 1));
    bench.clock.advance(Duration::from_millis((86_400 - 60) * 1_000 - 300));
    assert_eq!((bench.settle(), bench.files()), (parks_for(300), 1));
    bench.clock.advance(Duration::from_millis(299));
    assert_eq!((bench.settle(), bench.files()), (parks_for(1), 1));
    bench.clock.advance(Duration::from_millis(1));
    // The last look was a millisecond ago.
    assert_eq!((bench.settle(), bench.files()), (parks_for(999), 2));
}
