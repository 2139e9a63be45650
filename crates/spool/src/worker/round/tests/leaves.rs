//! Tests the end of the writer thread by hand: what is still written, what is reported, and what comes after it.

use super::*;

#[test]
fn leaving_writes_what_waits_and_says_the_rest() {
    let mut bench = bench(|builder| builder.queue_records(4));
    for _ in 0..5 {
        bench.log(Rank::Error, "x");
    }
    let (next, left) = bench.stop();
    assert_eq!((next, left), (Next::Done, Left::default()));
    let file = bench.file();
    assert!(file.starts_with("x\nx\nx\nx\n") && file.lines().count() == 5, "{file}");
    assert!(file.lines().last().unwrap().contains("1 record lost"), "{file}");
    assert_eq!(bench.shared.health().condition, Condition::Closed);
}

#[test]
fn museum_t5_records_after_the_end_are_counted() {
    let mut bench = bench(|builder| builder);
    bench.stop();
    bench.log(Rank::Warn, "late");
    bench.spool.make_writer().write_all(b"late").unwrap();
    let dropped = bench.stats().dropped;
    assert_eq!((dropped.by(Reason::Closed, Level::WARN), dropped.by(Reason::Closed, Level::INFO)), (1, 1));
    let handle = SpoolHandle::new(Arc::clone(&bench.shared));
    assert_eq!(handle.flush(Duration::from_secs(9)), Err(FlushError::Closed { left: 0 }));
    assert!(handle.rotate().is_err());
}

#[test]
fn late_records_are_written_where_that_is_wished() {
    let mut bench = bench(|builder| builder.late_records(LateRecords::Write));
    bench.log(Rank::Info, "in time");
    bench.stop();
    bench.spool.make_writer().write_all(b"late").unwrap();
    assert_eq!(bench.file(), "in time\nlate\n");
    assert_eq!((bench.stats().written, bench.stats().dropped.total()), (2, 0));

    bench.disk.fault(Fault::on(Op::Write).fails(OsError::ENOSPC).until_cleared());
    bench.log(Rank::Info, "no room");
    assert_eq!(bench.stats().dropped.by(Reason::Closed, Level::INFO), 1);
    bench.disk.clear_faults();
    bench.clock.advance(Duration::from_secs(1));

    let write = || Fault::on(Op::Write).path_ends("app.log");
    bench.disk.fault(write().short(2).once());
    bench.disk.fault(write().fails(OsError::ENOSPC).until_cleared());
    bench.log(Rank::Info, "begun");
    assert_eq!((bench.stats().queue.records, bench.stats().written), (1, 2), "{}", bench.file());
    bench.disk.clear_faults();
    bench.clock.advance(Duration::from_secs(1));
    bench.log(Rank::Info, "next");
    assert_eq!(bench.file(), "in time\nlate\nbegun\nnext\n");
    assert_eq!((bench.stats().queue.records, bench.stats().written), (0, 4));
}

#[test]
fn what_the_end_itself_does_is_counted_and_told() {
    let mut done_at_the_end = 0;
    // The rotation fails until some call of the end; which one that is depends on all that is tried on the way.
    for times in 1..12 {
        let told = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&told);
        let mut bench = bench(|builder| {
            let builder = builder.max_bytes(64).backup_count(1).retry_cooldown(Duration::from_secs(300));
            builder.on_rotate(move |_| _ = heard.fetch_add(1, Ordering::Relaxed))
        });
        bench.disk.fault(Fault::on(Op::Unlink).path_ends("app.log.1").fails(OsError::EMFILE).times(times));
        for text in ["one", "two", "three"] {
            bench.log(Rank::Info, &text.repeat(20));
            bench.rounds(3);
        }
        let before = bench.stats().files.rotations;
        bench.stop();
        let files = bench.stats().files;
        done_at_the_end += files.rotations - before;
        let backup = bench.disk.read(format!("{LOG}.1")).unwrap();
        let done = if backup.starts_with(b"one") { 1 } else { 2 };
        assert_eq!((told.load(Ordering::Relaxed) as u64, files.rotations), (done, done), "{times}");
        assert_eq!(files.pruned_files + 1, files.rotations, "{times}: one backup stays");
    }
    assert!(done_at_the_end > 0);
}

#[test]
fn leaving_ends_at_its_deadline() {
    let mut bench = bench(|builder| builder);
    bench.disk.fault(Fault::on(Op::Write).fails(OsError::EAGAIN).until_cleared());
    bench.log(Rank::Info, "one");
    let answer = bench.begin_to_stop();
    let mut next = bench.settle();
    for _ in 0..100 {
        if next == Next::Done {
            break;
        }
        bench.clock.advance(Duration::from_millis(100));
        next = bench.settle();
    }
    assert_eq!(next, Next::Done);
    assert_eq!(answer.now().unwrap().records, 1);
}

#[test]
fn an_abandoned_worker_begins_nothing() {
    let mut bench = bench(|builder| builder);
    bench.log(Rank::Info, "one");
    bench.shared.abandoned.store(true, Ordering::SeqCst);
    let (next, left) = bench.stop();
    assert_eq!((next, left.records, left.late), (Next::Done, 1, true));
    assert_eq!(bench.file(), "");
}
