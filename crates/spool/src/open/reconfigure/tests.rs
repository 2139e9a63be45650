//! Gives a running spool new limits: what it accepts, what it refuses, and that a refusal changes nothing.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::open::test_spool::{LOG, Still, still};
use crate::settings::choices::Notices;
use crate::settings::config::SpoolConfig;
use crate::worker::control::Control;
use crate::writer::event_writer::Spool;

/// Files of ten records, five of them.
fn full() -> Still {
    full_with(Notices::Text)
}

fn full_with(notices: Notices) -> Still {
    let mut still = still(|builder| {
        let builder = builder.max_bytes(200).max_record_bytes(100).backup_count(4).max_total_bytes(2_000);
        builder.notices(notices)
    });
    for number in 0..60 {
        still.log(&format!("record {number:011}\n"));
        still.work();
    }
    assert_eq!(backups(&still), 4);
    still
}

fn backups(still: &Still) -> usize {
    (1..20).filter(|number| still.disk.exists(format!("{LOG}.{number}"))).count()
}

fn fields(error: ReconfigureError) -> Vec<&'static str> {
    match error {
        ReconfigureError::Unusable(faults) => faults.into_iter().map(|fault| fault.field).collect(),
        ReconfigureError::Unreachable(error) => panic!("{error}"),
    }
}

#[test]
fn limits_change_while_it_runs() {
    // Without lines that say what was removed: those would soon fill a file.
    let mut still = full_with(Notices::Off);
    still.handle.reconfigure(|now| now.backup_count(3)).unwrap();
    still.handle.reconfigure(|now| now.max_total_bytes(700)).unwrap();
    assert_eq!(backups(&still), 4, "it does not wait");
    still.work();
    assert_eq!(backups(&still), 2);
    let stats = still.handle.stats();
    assert_eq!((stats.sizes.max_total_bytes, stats.dropped.total()), (700, 0));
    assert!(stats.sizes.total_bytes <= 700, "{stats:?}");
    still.handle.reconfigure(|now| now.backup_count(9).max_total_bytes(5_000)).unwrap();
    (0..200).for_each(|number| {
        still.log(&format!("record {number:011}\n"));
        still.work();
    });
    assert_eq!(backups(&still), 9);
}

#[test]
fn everything_that_cannot_change_is_named_and_nothing_changes() {
    let mut still = full();
    let before = format!("{:?}", still.shared.described());
    let error = still.handle.reconfigure(|now| {
        now.backup_count(1)
            .min_backups(2)
            .queue_bytes(4_096)
            .queue_records(7)
            .overflow(crate::Overflow::Block)
            .shutdown_timeout(Duration::from_secs(1))
            .notices(Notices::Off)
            .late_records(crate::LateRecords::Write)
            .lock_wait(Duration::from_secs(1))
            .thread_name("other")
            .on_alert(|_| {})
            .mode(0o600)
            .max_record_bytes(64)
    });
    let mut fields = fields(error.unwrap_err());
    fields.sort_unstable();
    let expected = "late_records lock_wait max_record_bytes min_backups mode notices on_alert overflow queue_bytes \
                    queue_records shutdown_timeout thread_name";
    assert_eq!(fields.join(" "), expected);
    still.work();
    assert_eq!((backups(&still), format!("{:?}", still.shared.described())), (4, before));
}

#[test]
fn a_configuration_that_is_read_again_names_what_it_named_before() {
    // A relative path is that of before, wherever the program is now; and what the file does not name stays.
    let dir = tempfile::tempdir_in(".").unwrap();
    let path = Path::new(dir.path().file_name().unwrap()).join("app.log");
    let (_spool, guard) = Spool::builder(&path).alert_file(path.with_file_name("alert")).open().unwrap();
    let handle = guard.handle();
    let mut described = SpoolBuilder { description: handle.shared().described().clone() };
    handle.reconfigure(|now| now.configure(&SpoolConfig::default()).max_bytes(1 << 20)).unwrap();
    handle.flush(Duration::from_secs(60)).unwrap();
    handle.rotate().unwrap();
    described = described.backup_count(2).max_bytes(1 << 20);
    described = described.max_total_bytes(5 << 20);
    handle.reconfigure(|_| described).unwrap();
    handle.flush(Duration::from_secs(60)).unwrap();
    assert_eq!(handle.stats().sizes.max_total_bytes, 5 << 20, "it was applied");
    assert!(handle.health().is_well());
    let error = handle.reconfigure(|_| Spool::builder("/elsewhere/app.log")).unwrap_err();
    assert!(fields(error).contains(&"path"));
}

#[test]
fn a_change_may_ask_for_a_change() {
    let still = full();
    let inner = still.handle.clone();
    let change = |now: SpoolBuilder| {
        inner.reconfigure(|now| now.backup_count(2)).unwrap();
        now.backup_count(3)
    };
    still.handle.reconfigure(change).unwrap();
    assert!(format!("{:?}", still.shared.described()).contains("backup_count: 3"));
}

#[test]
fn after_the_end_there_is_nobody_to_tell() {
    let mut still = full();
    let (reply, _answer) = crate::platform::answer::pair();
    assert!(still.shared.send(Control::Stop(Duration::from_secs(5), reply)));
    still.work();
    let error = still.handle.reconfigure(|now| now.backup_count(2)).unwrap_err();
    assert_eq!(error, ReconfigureError::Unreachable(RequestError::Closed));
}
