//! Proves that a rotation that fails is tried again exactly as scheduled, told of, and never stops the logging.
//! The disk is real; the errors are put before it, and in the first tests the time is virtual.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use tracing_spool::{Clock, Condition, Edge, Op, OsError, Spool, SyncPolicy, Trouble};
use tracing_spool_fileset::sim::SimClock;
use tracing_spool_fileset::{FileSet, Settings, State, SystemClock};
use tracing_spool_tests::scripted::{Call, Script};

use crate::support::{LONG, content, files, log, read, scene, until};

const ALERT: &str = "ALERT_LOG_ROTATION_FAILED.txt";

/// A set that is one record away from a rotation, its script, its clock.
struct Bench {
    _dir: tempfile::TempDir,
    script: Script,
    clock: SimClock,
    set: FileSet,
}

fn bench() -> Bench {
    let ((dir, path), clock) = (scene(), SimClock::new());
    let script = Script::new(Arc::new(clock.clone()));
    let mut settings = Settings::new(&path);
    settings.max_bytes = 100;
    settings.sync = SyncPolicy::Never;
    let mut set = FileSet::open_with(settings, script.fs(), Box::new(clock.clone())).unwrap();
    set.write_all(&[b'a'; 99]).unwrap();
    script.forget_calls();
    Bench { _dir: dir, script, clock, set }
}

impl Bench {
    /// Lets `time` pass in steps of a millisecond, the set looked after at each.
    fn pass(&mut self, time: Duration) {
        for _ in 0..time.as_millis() {
            self.clock.advance(Duration::from_millis(1));
            self.set.tick(self.clock.now());
        }
    }

    /// Every rename so far: when (in milliseconds), of what, and what came of it.
    fn renames(&self) -> Vec<(u128, String, Option<OsError>)> {
        let calls = self.script.calls();
        let renames = calls.iter().filter(|call| call.op == Op::Rename && !call.name().ends_with(".alert"));
        renames.map(|call| (call.at.as_millis(), call.name().to_owned(), call.error)).collect()
    }
}

fn is_rename_of(name: &'static str) -> impl Fn(&Call) -> bool + Send {
    move |call| call.op == Op::Rename && call.name() == name
}

#[test]
fn rotation_file_system_error_retry() {
    let mut bench = bench();
    let busy = Some(OsError::EBUSY);
    // Each of the two steps fails twice: the count begins anew with each.
    bench.script.fail(OsError::EBUSY, Some(2), is_rename_of("app.log"));
    bench.script.fail(OsError::EBUSY, Some(2), is_rename_of(".app.log.new"));
    bench.set.write_all(&[b'b'; 9]).unwrap();
    assert_eq!(bench.set.state(), State::Overdue);
    assert_eq!(bench.set.live_bytes(), 110, "the record went on to the file that is open");
    bench.pass(Duration::from_secs(2));
    let (live, hidden) = ("app.log".to_owned(), ".app.log.new".to_owned());
    assert_eq!(
        bench.renames(),
        [
            (0, live.clone(), busy),
            (100, live.clone(), busy),
            (300, live, None),
            (300, hidden.clone(), busy),
            (400, hidden.clone(), busy),
            (600, hidden, None),
        ]
    );
    assert_eq!((bench.set.state(), bench.set.counters().rotations), (State::Writing, 1));
    assert_eq!((bench.set.counters().failures, bench.set.counters().alerts_raised), (4, 0));
    bench.set.write_all(b"c").unwrap();
    assert_eq!(bench.set.live_bytes(), 2, "the new file took it");

    // A permanent error of the rename costs no retry: it is told at once, and probed when the cool-down is over.
    for error in [OsError::ENOENT, OsError::EACCES, OsError::ENOSPC, OsError::EROFS] {
        costs_no_retry(error);
    }
}

fn costs_no_retry(error: OsError) {
    let mut bench = bench();
    bench.script.fail(error, Some(2), is_rename_of("app.log"));
    bench.set.write_all(&[b'b'; 9]).unwrap();
    let alerts = bench.set.open_alerts();
    assert_eq!(alerts.len(), 1, "{error}");
    assert_eq!((alerts[0].trouble, alerts[0].attempts), (Trouble::Rotation, 1), "{error}");
    bench.pass(Duration::from_millis(29_999));
    assert_eq!(bench.renames(), [(0, "app.log".to_owned(), Some(error))], "one call, no retry");
    bench.pass(Duration::from_secs(100));
    let at: Vec<u128> = bench.renames().iter().map(|rename| rename.0).collect();
    assert_eq!(at, [0, 30_000, 90_000, 90_000], "{error}: probes 30 s and 60 s apart, then both renames");
    assert_eq!((bench.set.state(), bench.set.open_alerts().len()), (State::Writing, 0), "{error}");
}

#[test]
fn rotation_retry_exhaustion() {
    let (_dir, path) = scene();
    let alert_path = path.with_file_name(ALERT);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let script = Script::new(Arc::clone(&clock));
    let (tell, alerts) = channel();
    let tell = Mutex::new(tell);
    let (spool, guard) = Spool::builder(&path)
        .max_bytes(100)
        .sync(SyncPolicy::Never)
        .quiet()
        .on_alert(move |alert| tell.lock().unwrap().send(alert.clone()).unwrap())
        .open_with(script.fs(), clock)
        .unwrap();
    let handle = guard.handle();
    script.fail(OsError::EBUSY, None, is_rename_of("app.log"));
    log(&spool, &"a".repeat(80));
    log(&spool, &"b".repeat(80));

    let raised = alerts.recv_timeout(LONG).unwrap();
    assert_eq!((raised.trouble, raised.edge, raised.attempts), (Trouble::Rotation, Edge::Raised, 4));
    // The schedule itself is proved above, in virtual time.
    assert_eq!(script.calls().iter().filter(|call| is_rename_of("app.log")(call)).count(), 4);
    assert_says_all(&read(&alert_path), &path);

    // Logging goes on.
    (0..10).for_each(|number| log(&spool, &format!("meanwhile {number}")));
    handle.flush(LONG).unwrap();
    assert!(read(&path).ends_with("meanwhile 9\n"));
    assert_eq!(handle.health().condition, Condition::Overdue);
    assert_eq!(handle.stats().dropped.total(), 0);
    assert!(alert_path.exists());

    // The rotation works again; a flush tries it at once.
    script.clear();
    handle.flush(LONG).unwrap();
    let cleared = alerts.recv_timeout(LONG).unwrap();
    assert_eq!((cleared.trouble, cleared.edge), (Trouble::Rotation, Edge::Cleared));
    assert!(!alert_path.exists(), "the file goes with the trouble");
    assert!(until(|| handle.health().is_well()));
    log(&spool, "afterwards");
    assert!(guard.shutdown(LONG).is_complete());
    assert!(files(&path).len() >= 2);
    let text = content(&path);
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("tracing_spool: ")).collect();
    assert_eq!((lines.len(), lines[11], lines[12]), (13, "meanwhile 9", "afterwards"), "{text}");
    assert!(text.contains("rotation failed: over"), "a notice says so: {text}");
}

/// Contract 5: time, error, operation and paths, attempts, since when, counters, which log.
fn assert_says_all(alert: &str, log: &std::path::Path) {
    let value = |key: &str| {
        let prefix = format!("{key}: ");
        let line = alert.lines().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("no {key:?} in the alert file:\n{alert}")).to_owned()
    };
    let is_time = |text: &str| text.len() == 27 && text.starts_with("20") && text.ends_with('Z');
    assert_eq!(value("log"), log.display().to_string());
    assert!(is_time(&value("time")) && is_time(&value("since")) && is_time(&value("raised")), "{alert}");
    assert!(value("since") < value("raised"), "{alert}");
    assert_eq!(value("process"), std::process::id().to_string());
    assert_eq!(value("trouble"), "rotation failed");
    assert_eq!(value("error"), "EBUSY (16): Device or resource busy");
    assert_eq!(value("operation"), "rename");
    assert_eq!(value("path"), log.display().to_string());
    assert_eq!(value("to"), format!("{}.1", log.display()));
    assert_eq!(value("attempts"), "4");
    assert_eq!((value("records written"), value("records dropped")), ("2".to_owned(), "0".to_owned()));
    assert_eq!((value("rotations"), value("failed calls")), ("0".to_owned(), "4".to_owned()));
    assert_eq!(value("bytes in all files"), format!("162 of at most {}", 60 << 20));
    assert!(alert.len() <= 4096);
}
