//! Tests the worker without its thread: rounds run by hand, on a simulated disk with a clock that stands still.

mod asks;
mod leaves;
mod readers;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tracing_core::Level;
use tracing_spool_fileset::sim::{Fault, SimClock, SimDisk, Survive};
use tracing_spool_fileset::{Alert, Clock, Edge, Op, OsError};
use tracing_subscriber::fmt::MakeWriter as _;

use super::{Next, Worker};
use crate::account::ledger::Reason;
use crate::account::rank::Rank;
use crate::account::stats::{Condition, Stats};
use crate::hand_off::draft::Draft;
use crate::hand_off::wake::Rest;
use crate::leaving::outputs::{Output, flush_each};
use crate::open::builder::SpoolBuilder;
use crate::platform::answer::{self, Answer, Unanswered};
use crate::platform::inside::Inside;
use crate::settings::choices::LateRecords;
use crate::worker::control::{Control, Flushed, Left, Patience};
use crate::worker::requests::FlushError;
use crate::worker::shared::Shared;
use crate::writer::event_writer::Spool;
use crate::writer::handle::SpoolHandle;

const LOG: &str = "/log/app.log";

struct Bench {
    disk: SimDisk,
    clock: SimClock,
    shared: Arc<Shared>,
    spool: Spool,
    worker: Worker,
}

fn bench(describe: impl FnOnce(SpoolBuilder) -> SpoolBuilder) -> Bench {
    let (disk, clock) = (SimDisk::new(), SimClock::new());
    let seen: Arc<dyn Clock> = Arc::new(clock.clone());
    let builder = describe(Spool::builder(LOG).quiet());
    let (shared, worker) = crate::open::start::assemble_with(builder.description, disk.fs(), &seen).unwrap();
    Bench { disk, clock, spool: Spool::new(Arc::clone(&shared)), shared, worker }
}

impl Bench {
    fn log(&self, rank: Rank, text: &str) {
        let mut draft = Draft::new(rank);
        draft.push(text.as_bytes(), self.shared.queue.max_record());
        let _ = self.shared.submit(&draft);
    }

    fn rounds(&mut self, count: usize) -> Next {
        (0..count).map(|_| self.worker.guarded_round()).last().unwrap()
    }

    /// Rounds and time until it rests with nothing to do, or is done.
    fn settle(&mut self) -> Next {
        for _ in 0..1_000 {
            match self.worker.guarded_round() {
                Next::Again | Next::Yield => {}
                next => return next,
            }
        }
        panic!("it never rests");
    }

    fn pass(&mut self, seconds: u64) -> Next {
        self.clock.advance(Duration::from_secs(seconds));
        self.settle()
    }

    fn stop(&mut self) -> (Next, Left) {
        let answer = self.begin_to_stop();
        let next = self.settle();
        (next, answer.now().unwrap_or_default())
    }

    fn begin_to_stop(&self) -> Answer<Left> {
        let (reply, answer) = answer::pair();
        assert!(self.shared.send(Control::Stop(Duration::from_secs(5), reply)));
        answer
    }

    fn flush(&self) -> Answer<Flushed> {
        self.shared.ask(Patience::Asks).unwrap()
    }

    fn file(&self) -> String {
        String::from_utf8(self.disk.read(LOG).unwrap()).unwrap()
    }

    fn stats(&self) -> Stats {
        let stats = self.shared.stats();
        assert_eq!(stats.offered, stats.written + stats.dropped.total() + stats.queue.records);
        stats
    }
}

/// However early a record comes, the words on a torn line stand right behind it.
#[test]
fn what_the_start_found_is_said_before_the_first_record() {
    let (disk, clock) = (SimDisk::new(), SimClock::new());
    let seen: Arc<dyn Clock> = Arc::new(clock.clone());
    disk.put(LOG, b"whole\ntorn");
    let builder = Spool::builder(LOG).quiet();
    let (shared, worker) = crate::open::start::assemble_with(builder.description, disk.fs(), &seen).unwrap();
    let spool = Spool::new(Arc::clone(&shared));
    let mut bench = Bench { disk, clock, shared, spool, worker };
    bench.log(Rank::Info, "first\n");
    bench.settle();
    bench.pass(1);
    let text = bench.file();
    let lines: Vec<&str> = text.lines().collect();
    let behind = lines.iter().position(|line| *line == "torn").unwrap() + 1;
    assert!(lines[behind].contains("tracing_spool: "), "{text}");
    assert_eq!(lines.last(), Some(&"first"), "{text}");
    assert!(text.contains("the last line before the start was unfinished"), "{text}");
}

#[test]
fn records_become_lines_and_are_booked_when_written() {
    let mut bench = bench(|builder| builder);
    bench.log(Rank::Info, "one\n");
    bench.log(Rank::Debug, "two");
    assert_eq!((bench.stats().queue.records, bench.stats().written), (2, 0));
    assert!(matches!(bench.settle(), Next::Rest(Rest::Nap(_))));
    assert_eq!(bench.file(), "one\ntwo\n");
    let stats = bench.stats();
    assert_eq!((stats.queue.records, stats.queue.bytes, stats.written), (0, 0, 2));
    assert_eq!((stats.files.bytes_written, stats.sizes.live_bytes), (8, 8));
    assert_eq!(stats.files.write_calls, 1, "one write for all that waited");
}

#[test]
fn museum_t11_pieces_are_one_record() {
    let mut bench = bench(|builder| builder);
    {
        let mut first = bench.spool.make_writer();
        let mut second = bench.spool.make_writer();
        let _ = bench.spool.make_writer();
        first.write_all(b"first ").unwrap();
        assert_eq!(second.write(b"second ").unwrap(), 7);
        second.write_all(b"").unwrap();
        first.write_all(b"in pieces\n").unwrap();
        second.write_all(b"too\n").unwrap();
        first.flush().unwrap();
        drop(first);
    }
    bench.settle();
    assert_eq!(bench.file(), "first in pieces\nsecond too\n");
    assert_eq!(bench.stats().offered, 2, "nothing written is no record");
}

#[test]
fn long_records_are_cut_and_counted() {
    let mut bench = bench(|builder| builder.max_record_bytes(100));
    bench.log(Rank::Info, &"x".repeat(250));
    bench.log(Rank::Info, &"y".repeat(99));
    bench.settle();
    let file = bench.file();
    let (first, second) = file.split_once('\n').unwrap();
    assert!(first.starts_with("xxx") && first.ends_with(" bytes]") && first.len() < 100, "{first}");
    assert_eq!(second.len(), 100);
    assert_eq!(bench.stats().cut, 1);
}

#[test]
fn museum_t1_a_panic_is_survived_with_the_batch() {
    let mut bench = bench(|builder| builder);
    bench.disk.fault(Fault::on(Op::Write).matching(|_| panic!("in write")).times(1));
    bench.log(Rank::Info, "kept");
    bench.rounds(1);
    assert_eq!((bench.stats().panics, bench.stats().queue.records), (1, 1));
    bench.disk.clear_faults();
    bench.settle();
    assert_eq!(bench.file(), "kept\n");
    assert_eq!((bench.stats().written, bench.stats().dropped.total()), (1, 0));
}

#[test]
fn museum_t1_a_batch_that_panics_thrice_is_given_up_and_said() {
    let mut bench = bench(|builder| builder);
    bench.disk.fault(Fault::on(Op::Write).path_ends("app.log").matching(|_| panic!("in write")));
    bench.log(Rank::Warn, "poison");
    assert!(matches!(bench.rounds(3), Next::Rest(Rest::Hold(_))));
    bench.disk.clear_faults();
    assert_eq!(bench.stats().dropped.by(Reason::Panic, Level::WARN), 1);
    bench.log(Rank::Info, "after");
    bench.settle();
    bench.pass(2);
    assert!(bench.file().starts_with("after\n"), "{}", bench.file());
    assert!(bench.file().contains("1 record lost: 1 WARN (panic)"), "{}", bench.file());
}

#[test]
fn a_blocked_disk_holds_the_batch_and_names_the_loss() {
    let mut bench = bench(|builder| builder.queue_records(10));
    bench.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::ENOSPC).until_cleared());
    for number in 0..10 {
        bench.log(Rank::Info, &format!("record {number}"));
    }
    assert_eq!(bench.stats().dropped.by(Reason::QueueFull, Level::INFO), 1);
    assert!(matches!(bench.settle(), Next::Rest(Rest::Hold(_))));
    bench.log(Rank::Info, "too much");
    assert_eq!(bench.stats().dropped.by(Reason::DiskError, Level::INFO), 1);
    let health = bench.shared.health();
    assert!(matches!(health.condition, Condition::Blocked(_)) && !health.is_well(), "{health:?}");

    bench.disk.clear_faults();
    bench.pass(1);
    bench.pass(2);
    let file = bench.file();
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines[..9], (0..9).map(|number| format!("record {number}")).collect::<Vec<_>>());
    let rest = lines[9..].join("\n");
    assert!(rest.contains("2 records lost: 2 INFO (1 queue full, 1 disk error)"), "{file}");
    assert!(rest.contains("INFO tracing_spool: no space: over"), "{file}");
    assert_eq!((bench.stats().written, bench.stats().queue.records), (9, 0));
    assert!(bench.shared.health().is_well());
}

#[test]
fn a_record_that_no_file_can_hold_is_lost_alone_counted_and_said() {
    let mut bench = bench(|builder| builder);
    bench.disk.set_file_limit(Some(300));
    bench.log(Rank::Info, "before");
    bench.log(Rank::Error, &"x".repeat(400));
    bench.log(Rank::Info, "after");
    for _ in 0..4 {
        bench.pass(1);
    }
    bench.pass(2);
    let stats = bench.stats();
    assert_eq!((stats.written, stats.queue.records, stats.files.records_refused), (2, 0, 1));
    assert_eq!(stats.dropped.by(Reason::DiskError, Level::ERROR), 1);
    let files: String = (1..=5)
        .rev()
        .filter_map(|number| bench.disk.read(format!("{LOG}.{number}")))
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .chain([bench.file()])
        .collect();
    assert!(files.starts_with("before\nafter\n"), "{files}");
    assert!(files.contains("no file may become longer than 300 bytes"), "{files}");
    assert!(files.contains("1 record lost: 1 ERROR (disk error)"), "{files}");
    assert!(bench.shared.health().is_well());
}

#[test]
fn a_gap_is_stated_before_the_next_record() {
    let mut bench = bench(|builder| builder.queue_records(10));
    for number in 0..12 {
        bench.log(Rank::Debug, &format!("early {number}"));
    }
    bench.settle();
    bench.pass(1);
    bench.log(Rank::Info, "late");
    bench.settle();
    let file = bench.file();
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!((lines.len(), lines[7], lines[9]), (10, "early 7", "late"), "{file}");
    assert!(lines[8].contains("4 records lost: 4 DEBUG (queue full), between 2026-01-01T00:00:00"), "{file}");
    assert_eq!(bench.stats().written, 9, "the notice is not in the books");
}

#[test]
fn a_flush_says_the_gap_at_once() {
    let mut bench = bench(|builder| builder.queue_records(2).notices(crate::Notices::Json));
    for _ in 0..3 {
        bench.log(Rank::Error, "x");
    }
    let answer = bench.flush();
    bench.settle();
    assert_eq!(answer.now(), Ok(Flushed::Done));
    let file = bench.file();
    assert!(file.starts_with("x\nx\n{\"timestamp\":\"2026-"), "{file}");
    assert!(file.contains("\"lost\":1,\"reasons\":{\"queue full\":1},\"levels\":{\"ERROR\":1}"), "{file}");
}

#[test]
fn museum_t4_flushes_are_each_answered() {
    let mut bench = bench(|builder| builder);
    bench.log(Rank::Info, "one");
    let first = bench.flush();
    bench.log(Rank::Info, "two");
    let second = bench.flush();
    bench.settle();
    assert_eq!((first.now(), second.now()), (Ok(Flushed::Done), Ok(Flushed::Done)));
    bench.disk.fault(Fault::on(Op::Write).fails(OsError::ENOSPC).until_cleared());
    bench.log(Rank::Info, "three");
    let third = bench.flush();
    bench.settle();
    assert_eq!(third.now(), Ok(Flushed::Blocked(1)));
}

#[test]
fn a_flush_where_it_would_wait_for_itself_is_an_error() {
    let bench = bench(|builder| builder);
    let _inside = Inside::enter();
    let handle = SpoolHandle::new(Arc::clone(&bench.shared));
    assert_eq!(handle.flush(Duration::from_secs(9)), Err(FlushError::OnWriterThread));
    // And so it is for the flush of all, which `exit` and a panic would call here too.
    let output: Arc<dyn Output> = Arc::clone(&bench.shared) as Arc<dyn Output>;
    let failed = flush_each(vec![output], Patience::Asks, |_| Duration::from_secs(9));
    assert!(matches!(&failed[..], [(_, FlushError::OnWriterThread)]));
}

#[test]
fn museum_t8_a_hook_may_log_panic_and_flush() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let place: Arc<std::sync::OnceLock<Spool>> = Arc::default();
    let own = Arc::clone(&place);
    let mut bench = bench(|builder| {
        builder.queue_records(4).overflow(crate::Overflow::Block).on_alert(move |alert: &Alert| {
            seen.fetch_add(1, Ordering::SeqCst);
            // The queue is full: anywhere else this would wait.
            let mut event = own.get().unwrap().make_writer();
            event.write_all(b"from the hook").unwrap();
            drop(event);
            assert_eq!(alert.edge, Edge::Cleared, "a panic when it is raised");
        })
    });
    place.set(bench.spool.clone()).unwrap();
    bench.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::ENOSPC).until_cleared());
    for _ in 0..4 {
        bench.log(Rank::Error, "x");
    }
    bench.settle();
    assert_eq!((calls.load(Ordering::SeqCst), bench.stats().panics), (1, 1));
    assert_eq!(bench.stats().dropped.total(), 1, "dropped, not waited for");
    bench.disk.clear_faults();
    bench.pass(1);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    bench.settle();
    assert!(bench.file().contains("from the hook\n"), "{}", bench.file());
}

#[test]
fn errors_are_made_durable_where_that_is_wished() {
    let mut bench = bench(|builder| builder.sync_at(Level::ERROR));
    bench.log(Rank::Info, "ordinary");
    bench.settle();
    let syncs = |disk: &SimDisk| disk.journal().iter().filter(|entry| entry.op == Op::Sync).count();
    assert_eq!(syncs(&bench.disk), 0);
    bench.log(Rank::Error, "bad");
    bench.settle();
    assert_eq!(syncs(&bench.disk), 1);
}

#[test]
fn records_from_a_level_on_are_made_durable_after_their_batch() {
    let mut bench = bench(|builder| builder.sync_at(Level::WARN));
    let syncs = |disk: &SimDisk| disk.journal().iter().filter(|entry| entry.op == Op::Sync).count();
    for (rank, wanted) in
        [(Rank::Trace, 0), (Rank::Info, 0), (Rank::Warn, 1), (Rank::Debug, 1), (Rank::Error, 2)]
    {
        bench.log(rank, "record");
        bench.settle();
        assert_eq!(syncs(&bench.disk), wanted, "{rank:?}");
    }
    // One for a batch, whatever number of such records is in it; and what was synced survives a power cut.
    (0..100).for_each(|_| bench.log(Rank::Warn, "all at once"));
    bench.log(Rank::Info, "behind them");
    bench.settle();
    assert_eq!(syncs(&bench.disk), 3);
    bench.log(Rank::Info, "not synced");
    bench.settle();
    bench.disk.restart(Survive::Durable { names: usize::MAX, pages: 0 });
    let survived = bench.file();
    assert_eq!(survived.lines().count(), 5 + 100 + 1, "{survived}");
}

#[test]
fn messages_reach_the_engine() {
    let mut bench = bench(|builder| builder);
    let handle = SpoolHandle::new(Arc::clone(&bench.shared));
    bench.log(Rank::Info, "old");
    bench.settle();
    handle.rotate().unwrap();
    bench.settle();
    assert_eq!(bench.stats().files.rotations, 1);
    bench.disk.ext_unlink(LOG).unwrap();
    handle.reopen().unwrap();
    bench.settle();
    assert_eq!(bench.stats().files.reopened, 1);
    assert!(bench.file().contains("the live file had been moved or deleted"), "{}", bench.file());
}

#[test]
fn rests_as_long_as_there_is_nothing_to_do() {
    let mut bench = bench(|builder| builder);
    assert!(matches!(bench.settle(), Next::Rest(Rest::Nap(_))));
    // Each second the files are looked at.
    assert_eq!(bench.pass(2), Next::Rest(Rest::Park(Some(Duration::from_secs(1)))));
    bench.log(Rank::Info, "x");
    // It would park, but a record was admitted: the test ends.
    bench.worker.rest(Rest::Park(None));
    bench.settle();
    assert_eq!(bench.file(), "x\n");
}

#[test]
fn a_few_records_wait_for_the_end_of_a_nap_and_many_do_not() {
    let mut bench = bench(|builder| builder);
    bench.log(Rank::Info, "one");
    bench.rounds(1);
    // It came in while the round was writing.
    bench.log(Rank::Info, "two");
    let now = bench.clock.now();
    assert!(matches!(bench.worker.next(now, true), Next::Rest(Rest::Nap(_))));
    let answer = bench.flush();
    bench.worker.take_control(now);
    assert_eq!(bench.worker.next(now, true), Next::Again, "somebody waits for it");
    bench.rounds(1);
    assert_eq!(answer.now(), Ok(Flushed::Done));
    (0..100).for_each(|_| bench.log(Rank::Info, &"x".repeat(1_000)));
    bench.rounds(1);
    bench.log(Rank::Info, "three");
    assert_eq!(bench.worker.next(now, true), Next::Again, "there is much traffic");
}
