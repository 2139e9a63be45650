//! The scenes that several rows share: a small set on the real disk, a spool, and what its hook heard.
//! It proves nothing itself.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tracing_spool::{Alert, Edge, Spool, SpoolHandle, Trouble};
use tracing_spool_fileset::Settings;
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::record;
use tracing_spool_tests::world::{World, small};
use tracing_subscriber::fmt::MakeWriter as _;

/// How long a thread is waited for before the test fails; never the time of anything that is proved.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// A folder of its own, and the live file in it.
pub(super) fn folder() -> (TempDir, PathBuf) {
    with_live(tempfile::tempdir().unwrap())
}

/// The same in memory, where there is a place for that: for a great many files.
pub(super) fn folder_in_memory() -> (TempDir, PathBuf) {
    with_live(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
}

fn with_live(dir: TempDir) -> (TempDir, PathBuf) {
    let live = dir.path().canonicalize().unwrap().join("app.log");
    (dir, live)
}

/// A small set on a real disk that can be made to fail, open, on a virtual clock.
pub(super) fn real(change: impl FnOnce(&mut Settings)) -> (TempDir, Faulty, World) {
    let (dir, live) = folder();
    let disk = Faulty::new();
    let mut settings = small(live);
    change(&mut settings);
    let mut world = World::real(&disk, settings);
    world.open();
    (dir, disk, world)
}

/// What a hook heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<(Trouble, Edge)>>>);

impl Heard {
    pub(super) fn hook(&self) -> impl Fn(&Alert) + Send + Sync + 'static {
        let heard = Arc::clone(&self.0);
        move |alert| heard.lock().unwrap().push((alert.trouble, alert.edge))
    }

    pub(super) fn count(&self, trouble: Trouble, edge: Edge) -> usize {
        self.0.lock().unwrap().iter().filter(|heard| **heard == (trouble, edge)).count()
    }
}

/// Hands numbered records of `width` bytes, newline included, to a spool.
pub(super) fn log(spool: &Spool, thread: u32, numbers: std::ops::Range<u32>, width: usize) {
    for number in numbers {
        let line = record(thread, number, width - 1) + "\n";
        spool.make_writer().write_all(line.as_bytes()).unwrap();
    }
}

/// Waits until `is_so`; returns how long that took.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONG, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

/// Asserts that the ledger adds up; returns (offered, written, dropped, queued).
#[track_caller]
pub(super) fn ledger(handle: &SpoolHandle) -> (u64, u64, u64, u64) {
    let stats = handle.stats();
    let (written, dropped, queued) = (stats.written, stats.dropped.total(), stats.queued_records);
    assert_eq!(stats.offered, written + dropped + queued);
    (stats.offered, written, dropped, queued)
}
