//! Tests requests to the worker: flushes whose caller waits or has gone, an end while there is no room, records that may
//! not linger. Uses the same bench as its siblings.

use super::*;

#[test]
fn leaving_while_blocked_counts_what_is_left() {
    let mut bench = bench(|builder| builder.late_records(LateRecords::Write));
    bench.disk.fault(Fault::on(Op::Write).fails(OsError::ENOSPC).until_cleared());
    bench.log(Rank::Info, "one");
    bench.settle();
    bench.log(Rank::Error, "two");
    let answer = bench.begin_to_stop();
    let began = bench.clock.now().mono;
    let mut probes = 0;
    loop {
        match bench.settle() {
            Next::Done => break,
            Next::Rest(Rest::Hold(time)) => bench.clock.advance(time),
            next => panic!("{next:?}"),
        }
        probes += 1;
    }
    assert_eq!(
        bench.clock.now().mono - began,
        Duration::from_secs(5),
        "to the end of its time, and not longer"
    );
    assert!((8..=12).contains(&probes), "it looks for room every half second: {probes}");
    let left = answer.now().unwrap();
    assert_eq!((left.records, left.late), (2, true));
    let stats = bench.stats();
    assert_eq!((stats.queue.records, stats.dropped.for_reason(Reason::DiskError)), (0, 2));
    bench.log(Rank::Info, "late");
    assert_eq!(bench.stats().dropped.total(), 3);
}

#[test]
fn room_that_comes_back_before_the_end_of_the_time_is_used() {
    let mut bench = bench(|builder| builder);
    bench.disk.fault(Fault::on(Op::Write).fails(OsError::ENOSPC).until_cleared());
    (0..10).for_each(|number| bench.log(Rank::Info, &format!("{number}")));
    bench.settle();
    let answer = bench.begin_to_stop();
    bench.pass(3);
    bench.disk.clear_faults();
    assert_eq!(bench.pass(1), Next::Done);
    assert_eq!(answer.now().unwrap(), Left::default());
    let lines: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    assert!(bench.file().lines().take(10).eq(lines), "{}", bench.file());
    assert_eq!((bench.stats().written, bench.stats().dropped.total()), (10, 0));
}

#[test]
fn a_flush_at_the_end_of_the_process_waits_for_room() {
    let mut bench = bench(|builder| builder);
    bench.disk.fault(Fault::on(Op::Write).fails(OsError::ENOSPC).until_cleared());
    bench.log(Rank::Info, "last");
    bench.settle();
    let answer = bench.shared.ask(Patience::Waits).unwrap();
    bench.pass(3);
    assert_eq!(answer.now(), Err(Unanswered::InTime));
    bench.disk.clear_faults();
    bench.pass(1);
    assert_eq!(answer.now(), Ok(Flushed::Done));
    assert!(bench.file().starts_with("last\n"), "{}", bench.file());
}

#[test]
fn what_was_asked_for_and_not_begun_is_not_asked_for_again() {
    let mut bench = bench(|builder| builder);
    let handle = SpoolHandle::new(Arc::clone(&bench.shared));
    (0..100).for_each(|_| handle.rotate().and_then(|()| handle.reopen()).unwrap());
    assert_eq!(bench.worker.control.len(), 2);
    for rotations in 1..4 {
        bench.log(Rank::Info, "record");
        bench.settle();
        handle.rotate().unwrap();
        bench.settle();
        assert_eq!(bench.stats().files.rotations, rotations);
    }
}

#[test]
fn flushes_that_are_not_waited_for_leave_one_message() {
    let mut bench = bench(|builder| builder);
    let handle = SpoolHandle::new(Arc::clone(&bench.shared));
    bench.log(Rank::Info, "record");
    for _ in 0..1_000 {
        assert_eq!(handle.flush(Duration::ZERO), Err(FlushError::TimedOut { left: 1 }));
    }
    assert_eq!(bench.worker.control.len(), 1);
    let answer = bench.flush();
    bench.settle();
    assert_eq!(answer.now(), Ok(Flushed::Done));
    assert!(!bench.worker.tickets.are_waiting());
}

#[test]
fn a_record_that_may_not_wait_for_company_wakes_the_thread() {
    let mut bench = bench(|builder| builder.linger(Duration::from_millis(500)));
    bench.log(Rank::Info, "one");
    assert_eq!(bench.settle(), Next::Rest(Rest::Nap(Duration::from_millis(200))));
    let handle = SpoolHandle::new(Arc::clone(&bench.shared));
    handle.reconfigure(|now| now.linger(Duration::ZERO)).unwrap();
    bench.log(Rank::Info, "two");
    assert!(matches!(bench.settle(), Next::Rest(Rest::Park(_))));
    // It would park, but a record was admitted: the test ends.
    bench.log(Rank::Info, "three");
    bench.worker.rest(Rest::Park(None));
    bench.settle();
    assert_eq!(bench.file(), "one\ntwo\nthree\n");
}
