//! Checks what a spool reports while it works, while it is blocked, and once it works again.

use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Op, OsError, Trouble};

use super::*;
use crate::open::test_spool::{Still, still};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn health_in_words() {
    assert!(Health::default().is_well());
    let closed = Health { condition: Condition::Closed, ..Health::default() };
    assert!(!closed.is_well());
    assert_eq!(closed.condition.to_string(), "closed");
    assert_eq!(Condition::Blocked(BlockReason::Disk).to_string(), "blocked: disk");
}

#[test]
fn the_highest_fill_is_remembered_exactly() {
    let mut still = still(|builder| builder.queue_records(100).queue_bytes(1 << 20));
    assert_eq!(still.handle.stats().queue.fill(), 0.0);
    still.fill();
    let stats = still.handle.stats();
    assert_eq!((stats.queue.records, stats.queue.peak_records, stats.queue.max_records), (80, 80, 100));
    assert_eq!((stats.queue.peak_bytes, stats.queue.max_bytes), (stats.queue.bytes, 1 << 20));
    assert_eq!(stats.queue.fill(), 0.8);
    still.work();
    (0..90).for_each(|_| still.log("more\n"));
    still.work(); // nobody asked while the queue was full: the writer thread has seen it
    let stats = still.handle.stats();
    assert_eq!((stats.queue.records, stats.queue.peak_records, stats.queue.peak_bytes), (0, 90, 90 * 64));
}

#[test]
fn a_record_that_is_taken_back_does_not_turn_a_counter_back() {
    let mut still = still(|builder| builder);
    still.log("one\n");
    still.work();
    let reading = still.handle.reading();
    let before = reading.stats.files.bytes_written;
    assert_eq!(still.shared.peaks.written_bytes(before - 1), before);
}

/// A spool that is blocked by a full disk.
fn blocked() -> Still {
    let mut still = still(|builder| builder);
    still.log("before\n");
    still.work();
    still.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::ENOSPC).until_cleared());
    still.clock.advance(10 * SECOND);
    still.log("one\n");
    still.work();
    still
}

#[test]
fn trouble_has_a_beginning_and_leaves_a_last_word() {
    let mut still = blocked();
    let (stats, health) = (still.handle.stats(), still.handle.health());
    let (wrote, since) = (stats.last_write.unwrap(), health.blocked_since.unwrap());
    assert_eq!(since.unix_micros() - wrote.unix_micros(), 10_000_000);
    assert_eq!(health.last_alert.as_ref().map(|alert| alert.trouble), Some(Trouble::NoSpace));
    still.pass(5 * SECOND);
    assert_eq!(still.handle.health().blocked_since, Some(since), "it is still the same trouble");

    still.disk.clear_faults();
    still.pass(5 * SECOND);
    let health = still.handle.health();
    assert!(health.is_well() && health.blocked_since.is_none(), "{health:?}");
    let last = health.last_alert.unwrap();
    assert_eq!(last.failure.unwrap().error, OsError::ENOSPC);
    assert!(still.handle.stats().last_write > Some(since));

    assert_eq!(still.handle.stats().last_rotation, None);
    still.handle.rotate().unwrap();
    still.work();
    assert_eq!(still.handle.stats().last_rotation, Some(still.clock.now().wall));
}

#[cfg(feature = "serde")]
#[test]
fn stats_and_health_as_json() {
    use crate::account::ledger::Reason;
    use crate::account::rank::Rank;

    let mut stats = Stats { written: 3, last_write: Some(Wall::from_unix_micros(0)), ..Stats::default() };
    stats.dropped = Dropped::default().with(Reason::QueueFull, Rank::Debug, 7);
    stats.files.rotations = 2;
    let json = serde_json::to_value(stats).unwrap();
    assert_eq!((&json["written"], &json["files"]["rotations"]), (&3.into(), &2.into()));
    assert_eq!((&json["dropped"]["total"], &json["dropped"]["queue_full"]["DEBUG"]), (&7.into(), &7.into()));
    assert_eq!(json["last_write"], "1970-01-01T00:00:00.000000Z");

    let json = serde_json::to_value(blocked().handle.health()).unwrap();
    assert_eq!(json["condition"]["blocked"], "disk");
    let alert = &json["alerts"][0];
    assert_eq!((&alert["trouble"], &alert["edge"]), (&"no_space".into(), &"raised".into()));
    assert_eq!(alert["failure"]["op"], "write");
    assert!(alert["failure"]["error"].as_str().unwrap().starts_with("ENOSPC (28)"), "{json}");
    assert_eq!(json["last_alert"], *alert);
}
