//! Proves what becomes of odd records, of bad settings, of a forked child, and that the file set stands behind another
//! crate's queue.
//! How full queues, panics and leaving are met is tested in the writer's own crate.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_spool::{Notices, OpenError, Overflow, Spool};
use tracing_spool_fileset::{FileSet, Settings};
use tracing_spool_tests::files::{RealDisk, read_back, record};
use tracing_subscriber::fmt::MakeWriter as _;

const PATIENCE: Duration = Duration::from_secs(30);

fn log(spool: &Spool, record: &[u8]) {
    spool.make_writer().write_all(record).unwrap();
}

#[test]
fn museum_t13_records_are_made_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let (spool, guard) = Spool::builder(&path).quiet().open().unwrap();
    for record in [
        &b""[..],
        b"no newline",
        b"\xff\xfe not UTF-8\n",
        b"NUL \0 and ESC \x1b[2J\n",
        "C1 \u{9b}31m, DEL \x7f\n".as_bytes(),
        "plain: äöü 日本 🦀\n".as_bytes(),
        b"two\nlines\n",
    ] {
        log(&spool, record);
    }
    let report = guard.shutdown(PATIENCE);
    assert_eq!(report.written, 6, "an empty record is none");
    let wanted = "no newline\n\\xff\\xfe not UTF-8\nNUL \\x00 and ESC \\x1b[2J\nC1 \\u{9b}31m, DEL \\x7f\n\
                  plain: äöü 日本 🦀\ntwo\nlines\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted);

    let path = dir.path().join("single.log");
    let (spool, guard) = Spool::builder(&path).single_line().quiet().open().unwrap();
    log(&spool, b"two\n2026-11-23 ERROR forged\n");
    drop(guard);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\\n2026-11-23 ERROR forged\n");
}

#[test]
fn fileset_inside_tracing_appender() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let mut settings = Settings::new(&path);
    settings.max_bytes = 10_000;
    settings.backup_count = 50;
    let set = FileSet::open(settings).unwrap();
    let (writer, guard) =
        tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false).finish(set);
    for number in 0..1_000 {
        let mut writer = writer.clone();
        writer.write_all(format!("{}\n", record(0, number, 99)).as_bytes()).unwrap();
    }
    drop(guard);
    let found = read_back(&RealDisk, &path);
    found.assert_numbers(0, 1_000);
    assert_eq!(found.sizes.len(), 10);
}

/// Everything below a directory, with sizes.
fn tree(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        found.push((entry.path(), meta.len()));
        if meta.is_dir() {
            found.extend(tree(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn unusable_settings_are_refused_all_at_once_and_touch_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("file"), "").unwrap();
    std::fs::write(path("target.log"), "").unwrap();
    std::os::unix::fs::symlink(path("target.log"), path("link.log")).unwrap();
    std::fs::hard_link(path("file"), path("hard.log")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(path("fifo.log")).status().unwrap().success());
    let before = tree(dir.path());
    let cases = [
        (Spool::builder("").max_bytes(0).queue_bytes(0), vec!["path", "max_bytes", "queue_bytes"]),
        (Spool::builder(path("a.log")).max_bytes(100).max_total_bytes(99), vec!["max_total_bytes"]),
        (Spool::builder(path("a.log")).max_total_bytes(0), vec!["max_total_bytes"]),
        (Spool::builder(path("a.log")).queue_records(0), vec!["queue_records"]),
        (Spool::builder(path("")).backup_count(20_000), vec!["backup_count", "path"]),
        (Spool::builder(dir.path()), vec!["path"]),
        (Spool::builder(path("new/a.log")).require_dir(), vec!["path"]),
        (Spool::builder(path("file/a.log")), vec!["path"]),
        (Spool::builder(path("link.log")), vec!["path"]),
        (Spool::builder(path("hard.log")), vec!["path"]),
        (Spool::builder(path("fifo.log")), vec!["path"]),
        (Spool::builder(path("a.log.3")), vec!["path"]),
    ];
    for (builder, wanted) in cases {
        let what = format!("{builder:?}");
        let error = builder.open().unwrap_err();
        let OpenError::Unusable(faults) = error else { panic!("{what}: {error}") };
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field).collect();
        assert!(wanted.iter().all(|field| fields.contains(field)), "{what}: {faults:?}");
        assert!(faults.iter().all(|fault| fault.wanted.contains("must")), "{what}: {faults:?}");
        assert_eq!(tree(dir.path()), before, "{what}: something was touched");
    }
}

/// What a child says of itself, in a file that its parent reads.
#[expect(unsafe_code, reason = "there is no fork in safe Rust")]
fn fork(child: impl FnOnce()) -> nix::unistd::Pid {
    // SAFETY: the child runs only `child`, which takes no lock that a thread of the parent may have held: it logs,
    // writes one file and leaves through `_exit`.
    match unsafe { nix::unistd::fork() }.unwrap() {
        nix::unistd::ForkResult::Parent { child } => child,
        nix::unistd::ForkResult::Child => {
            child();
            // SAFETY: `_exit` ends the process; the parent's destructors must not run in it.
            unsafe { nix::libc::_exit(0) }
        }
    }
}

#[test]
fn museum_t3_a_forked_child_never_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let (path, verdict) = (dir.path().join("app.log"), dir.path().join("verdict"));
    let builder =
        Spool::builder(&path).overflow(Overflow::Block).queue_records(100).notices(Notices::Off).quiet();
    let (spool, guard) = builder.open().unwrap();
    let handle = guard.handle();
    (0..50).for_each(|number| log(&spool, format!("{}\n", record(0, number, 60)).as_bytes()));
    handle.flush(PATIENCE).unwrap();
    let mut guard = Some(guard);
    let child = fork(|| {
        (0..500).for_each(|_| log(&spool, b"from the child\n"));
        let flush = format!("{:?}", handle.flush(PATIENCE));
        drop(guard.take());
        let stats = handle.stats();
        let _ = std::fs::write(
            &verdict,
            format!("{flush} {}", stats.dropped.for_reason(tracing_spool::Reason::Forked)),
        );
    });
    let deadline = std::time::Instant::now() + PATIENCE;
    let ended = loop {
        match nix::sys::wait::waitpid(child, Some(nix::sys::wait::WaitPidFlag::WNOHANG)).unwrap() {
            nix::sys::wait::WaitStatus::StillAlive if std::time::Instant::now() < deadline => {
                std::thread::yield_now();
            }
            other => break other,
        }
    };
    if ended == nix::sys::wait::WaitStatus::StillAlive {
        nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
        panic!("the child hangs");
    }
    let verdict = std::fs::read_to_string(verdict).unwrap();
    let (flush, forked) = verdict.rsplit_once(' ').unwrap();
    assert_eq!(flush, "Err(Forked)");
    assert!(forked.parse::<u64>().unwrap() >= 400, "shed and counted: {verdict}");
    // The parent goes on, and the lock is still its own.
    assert!(matches!(Spool::builder(&path).open(), Err(OpenError::Locked { .. })));
    (50..100).for_each(|number| log(&spool, format!("{}\n", record(0, number, 60)).as_bytes()));
    assert!(guard.take().unwrap().shutdown(PATIENCE).is_complete());
    read_back(&RealDisk, &path).assert_numbers(0, 100);
}
