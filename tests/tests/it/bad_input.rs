//! Proves that unusable settings are errors of `open`, all at once, each with field, value and what would be right, and
//! that nothing is created, changed or removed on the way to them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tracing_spool::{Allow, Fault, Notices, Op, OpenError, OsError, Spool, SpoolBuilder, SyncPolicy};
use tracing_spool_fileset::{FileSet, Settings, SystemClock};
use tracing_spool_tests::faulty::{Faulty, Slip};

use crate::support::{LONG, child, finish, is_child, listing, log, read, said, scene};

/// The faults of an `open` that must fail, and that leaves `dir` as it was.
#[track_caller]
fn faults(dir: &Path, builder: SpoolBuilder) -> (Vec<Fault>, String) {
    let before = listing(dir);
    let error = builder.open().expect_err("it is unusable");
    assert_eq!(listing(dir), before, "something was created, changed or removed: {error}");
    let words = error.to_string();
    match error {
        OpenError::Unusable(faults) => {
            for fault in &faults {
                assert!(words.contains(fault.field) && words.contains(&fault.value), "{words}");
                assert!(words.contains(&fault.wanted) && fault.wanted.contains("must "), "{words}");
            }
            (faults, words)
        }
        other => panic!("not a matter of settings: {other}"),
    }
}

/// Field and value of each, in the order of the fields.
fn named(faults: &[Fault]) -> Vec<(&str, &str)> {
    let mut named: Vec<_> = faults.iter().map(|fault| (fault.field, fault.value.as_str())).collect();
    named.sort_unstable();
    named
}

#[test]
fn all_faults_at_once_each_with_field_value_and_remedy() {
    let (dir, path) = scene();
    let missing = dir.path().join("missing");
    let builder = Spool::builder(missing.join("app.log"))
        .require_dir()
        .max_bytes(0)
        .max_total_bytes(0)
        .max_record_bytes(1)
        .backup_count(1_000_000)
        .min_backups(2_000_000)
        .budget_warning_percent(0)
        .retry_base_delay(Duration::ZERO)
        .retry_cooldown(Duration::ZERO)
        .sync(SyncPolicy::Interval(Duration::ZERO))
        .mode(0o040)
        .dir_mode(0)
        .alert_file("")
        .queue_bytes(0)
        .queue_records(0)
        .shutdown_timeout(Duration::ZERO)
        .thread_name("");
    let (faults, words) = faults(dir.path(), builder);
    let missing = missing.display().to_string();
    let mut expected = [
        ("alert_file", ""),
        ("backup_count", "1000000"),
        ("budget_warning_percent", "0"),
        ("dir_mode", "0"),
        ("max_bytes", "0"),
        ("max_record_bytes", "1"),
        ("max_record_bytes", "1"),
        ("max_total_bytes", "0"),
        ("min_backups", "2000000"),
        ("mode", "40"),
        ("path", missing.as_str()),
        ("queue_bytes", "0"),
        ("queue_records", "0"),
        ("retry_base_delay", "0ns"),
        ("retry_cooldown", "0ns"),
        ("shutdown_timeout", "0s"),
        ("sync", "0ns"),
        ("thread_name", "\"\""),
    ];
    expected.sort_unstable();
    assert_eq!(named(&faults), expected, "{words}");
    assert!(words.contains("such as 10485760 (10 MiB)") && words.contains("require_dir"), "{words}");
    let (_spool, guard) = Spool::builder(&path).open().expect("the directory was never locked");
    drop(guard);
}

#[test]
fn a_budget_below_one_file_is_refused() {
    let (dir, path) = scene();
    let (faults, words) =
        faults(dir.path(), Spool::builder(&path).max_bytes(1 << 20).max_total_bytes(1 << 19));
    assert_eq!(named(&faults), [("max_total_bytes", "524288")]);
    assert!(words.contains("must be at least max_bytes (1048576)"), "{words}");
}

#[test]
fn paths_that_name_no_file_are_refused() {
    let (dir, _) = scene();
    let sub = dir.path().join("sub");
    fs::create_dir(&sub).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let (empty, words) = faults(dir.path(), Spool::builder(""));
    assert_eq!(named(&empty), [("path", "")]);
    assert!(words.contains("must name a file, such as"), "{words}");
    for path in [sub.clone(), sub.join(".."), dir.path().join("file/app.log"), dir.path().join("app.log.1")] {
        let (found, words) = faults(dir.path(), Spool::builder(&path));
        assert_eq!(found.len(), 1, "{words}");
        assert_eq!(found[0].field, "path");
    }
    let (_, words) = faults(dir.path(), Spool::builder(dir.path().join("new/deep/app.log")).require_dir());
    assert!(words.contains("must be a directory that exists, or be created"), "{words}");
    // And without `require_dir`, as by default, it is created.
    let deep = dir.path().join("new/deep/app.log");
    let (spool, guard) = Spool::builder(&deep).open().unwrap();
    log(&spool, "there");
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(read(&deep), "there\n");
}

/// Root may write everywhere: here the disk says what it would say to another user.
#[test]
fn an_unwritable_directory_is_refused() {
    let ((dir, path), clock) = (scene(), Arc::new(SystemClock::new()));
    fs::write(&path, "old\n").unwrap();
    let before = listing(dir.path());
    for error in [OsError::EACCES, OsError::EROFS] {
        let disk = Faulty::new();
        disk.slip(Slip::fail(Op::Access, error));
        let refused = Spool::builder(&path).max_bytes(0).open_with(disk.fs(), Arc::clone(&clock) as _);
        let OpenError::Unusable(faults) = refused.unwrap_err() else { panic!("not a fault") };
        let place = dir.path().display().to_string();
        assert_eq!(named(&faults), [("max_bytes", "0"), ("path", place.as_str())]);
        let wanted = &faults.iter().find(|fault| fault.field == "path").unwrap().wanted;
        assert!(wanted.contains("must be writable") && wanted.contains(&error.to_string()), "{wanted}");
        let harmless = [Op::Stat, Op::Access, Op::Read, Op::OpenDir];
        assert!(disk.journal().iter().all(|call| harmless.contains(&call.op)), "{:?}", disk.journal());
        assert_eq!(listing(dir.path()), before);
    }
}

#[test]
fn what_is_no_plain_file_is_refused() {
    let (dir, path) = scene();
    let target = dir.path().join("target");
    fs::write(&target, "somebody's\n").unwrap();

    symlink(&target, &path).unwrap();
    let (_, words) = faults(dir.path(), Spool::builder(&path));
    assert!(words.contains("symlink"), "{words}");
    fs::remove_file(&path).unwrap();

    // Opening a FIFO for writing waits for a reader, for ever.
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    let (_, words) = faults(dir.path(), Spool::builder(&path).queue_records(0));
    assert!(words.contains("FIFO") && words.contains("queue_records"), "{words}");
    fs::remove_file(&path).unwrap();

    let (_, words) = faults(Path::new("/dev/pts"), Spool::builder("/dev/null"));
    assert!(words.contains("device"), "{words}");
    assert_eq!(read(&target), "somebody's\n");

    // Each can be allowed by name.
    symlink(&target, &path).unwrap();
    let (spool, guard) = Spool::builder(&path).notices(Notices::Off).allow(Allow::Symlink).open().unwrap();
    log(&spool, "ours");
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(read(&target), "somebody's\nours\n");
}

/// A snapshot, or a shipper, has a second name for the file of the last life.
#[test]
fn a_live_file_with_a_second_name_is_left_as_it_is() {
    let (dir, path) = scene();
    let target = dir.path().join("target");
    fs::write(&target, "somebody's\n").unwrap();
    fs::hard_link(&target, &path).unwrap();
    let (spool, guard) = Spool::builder(&path).notices(Notices::Off).open().unwrap();
    log(&spool, "ours");
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!((read(&path), read(&target)), ("ours\n".to_owned(), "somebody's\n".to_owned()));
    let id = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!(id(&path.with_file_name("app.log.1")), id(&target), "rotated away whole");

    // Where that is wanted, it is written through the link.
    let (other, target) = (dir.path().join("other.log"), dir.path().join("other"));
    fs::write(&target, "somebody's\n").unwrap();
    fs::hard_link(&target, &other).unwrap();
    let builder = Spool::builder(&other).notices(Notices::Off).allow(Allow::HardLink);
    let (spool, guard) = builder.open().unwrap();
    log(&spool, "ours");
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(read(&target), "somebody's\nours\n");
}

const SECOND: &str = "bad_input::a_second_process_is_refused_with_the_pid_of_the_first";

#[test]
fn a_second_process_is_refused_with_the_pid_of_the_first() {
    if is_child(SECOND) {
        let path = std::env::var("TRACING_SPOOL_LOG").unwrap();
        let error = Spool::builder(&path).open().unwrap_err();
        assert!(matches!(error, OpenError::Locked { .. }), "{error}");
        println!("refused: {error}");
        // Beside other faults it is one of them.
        let OpenError::Unusable(faults) = Spool::builder(&path).max_bytes(0).open().unwrap_err() else {
            panic!()
        };
        assert_eq!(named(&faults), [("max_bytes", "0"), ("path", path.as_str())]);
        return;
    }
    let (dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    log(&spool, "the first");
    guard.handle().flush(LONG).unwrap();
    let before = listing(dir.path());
    let output = finish(child(SECOND, &[]).env("TRACING_SPOOL_LOG", &path));
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("refused: ") && said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
    assert_eq!(listing(dir.path()), before);
    assert!(guard.shutdown(LONG).is_complete());
}

#[test]
fn fileset_inside_tracing_appender() {
    let (_dir, path) = scene();
    let mut settings = Settings::new(&path);
    settings.max_bytes = 10_000;
    settings.backup_count = 50;
    let set = FileSet::open(settings).unwrap();
    let (mut writer, guard) =
        tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false).finish(set);
    for number in 0..5_000 {
        writer.write_all(format!("0 {number}\n").as_bytes()).unwrap();
    }
    drop(guard);
    crate::support::assert_lines(&path, 1, 5_000);
    assert!(crate::support::files(&path).len() > 3);
}
